# SPDX-License-Identifier: Apache-2.0
"""DNS over TLS (RFC 7858): real kdig, dig and dnsperf, certificates that change, bad peers."""
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import dns_query, exactly
from harness.certificates import Authority, openssl, pair
from harness.martlet import martlet_command
from harness.service import service
from tls import L, metric

HOST = "ns1.example.com"
RECORDS = """
      plain: { a: 192.0.2.1, aaaa: "2001:db8::1", txt: hello, mx: 10 mail.example.com }
      many: { a: [ %s ] }
      alias: { cname: plain.example.com }
      "*.wild": { a: 192.0.2.7 }
      below: { ns: ns.else.test }
""" % ", ".join(f"198.51.100.{i}" for i in range(1, 101))


def dot(scene, authority, files=None, more="", top="", **options):
    """A Martlet with a listener for DNS and one for DNS over TLS; (dns port, dot port, martlet)."""
    origins = scene.origins("a", "b")
    dns, port = scene.port(), scene.port()
    files = files or [authority.make("ns", HOST)]
    extra = f"  - dot: 127.0.0.1:{port}\n    certificates:\n"
    extra += "".join(f"      - {pair(one)}\n" for one in files)
    extra += "".join(f"    {line}\n" for line in more.splitlines())
    text = service(scene.port(), dns, origins, more=top)
    text = text.replace("routes:\n", extra + "routes:\n", 1)
    text = text.replace("      ns1:", RECORDS.lstrip("\n") + "      ns1:", 1)
    return dns, port, scene.martlet(text, **options)


class Session:
    """A connected session of Python's own OpenSSL, and frames in it."""

    def __init__(self, authority, port, timeout=5, protocols=("dot",), **settings):
        context = ssl.create_default_context(cafile=authority.certificate)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        for name, value in settings.items():
            setattr(context, name, value)
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        try:
            self.socket = context.wrap_socket(plain, server_hostname=HOST)
        except BaseException:
            plain.close()
            raise

    def send(self, *queries):
        self.socket.sendall(b"".join(struct.pack("!H", len(q)) + q for q in queries))

    def receive(self):
        return exactly(self.socket, struct.unpack("!H", exactly(self.socket, 2))[0])

    def ask(self, query):
        self.send(query)
        return self.receive()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def udp(port, query):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.sendto(query, ("127.0.0.1", port))
        return sock.recv(65535)


def tcp(port, query):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
        sock.sendall(struct.pack("!H", len(query)) + query)
        return exactly(sock, struct.unpack("!H", exactly(sock, 2))[0])


def trickle(sock, data):
    """Byte by byte, until the other side has closed: that is waited for behind each."""
    sock.settimeout(0.05)
    try:
        for byte in data:
            sock.sendall(bytes([byte]))
            try:
                if not sock.recv(4096):
                    return
            except TimeoutError:
                pass
    except OSError:
        pass


def run(*command, text="", within=30):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=within)
    return done.stdout + done.stderr


QUESTIONS = [(name, kind) for name, kind in (
    ("plain", "A"), ("plain", "AAAA"), ("plain", "TXT"), ("plain", "MX"), ("alias", "A"),
    ("x.wild", "A"), ("below", "A"), ("x.below", "A"), ("none", "A"), ("ns1", "A"), ("ns1", "MX"))]


@scenario("DNS over TLS answers as UDP and TCP do, to kdig, dig, openssl and sockets", covers=[
    L + "dot"], limit=120)
def end_to_end(scene):
    authority = Authority(scene)
    dns, port, martlet = dot(scene, authority, top="dns: { sample-queries: 1 }\n")
    with Session(authority, port) as session:
        expect_equal(session.socket.selected_alpn_protocol(), "dot", "ALPN")
        for number, (name, kind) in enumerate(QUESTIONS):
            query = dns_query(f"{name}.example.com", kind, identifier=number)
            expect_equal(session.ask(query).hex(), udp(dns, query).hex(), f"{name} {kind} as by UDP")
        for name, kind in [("else.test", "A"), ("many.example.com", "A"), ("example.com", "SOA")]:
            query = dns_query(name, kind, identifier=7)
            # Addresses of one name take turns: their order is not part of the comparison.
            one, other = session.ask(query), tcp(dns, query)
            expect_equal((len(one), sorted(one)), (len(other), sorted(other)), f"{name} as by TCP")
        # Pipelined, in pieces that are no records of TLS.
        queries = [dns_query("plain.example.com", "A", identifier=i) for i in range(500)]
        data = b"".join(struct.pack("!H", len(q)) + q for q in queries)
        for start in range(0, len(data), 777):
            session.socket.sendall(data[start:start + 777])
        expect_equal([struct.unpack("!H", session.receive()[:2])[0] for _ in queries],
                     list(range(500)), "pipelined queries")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with Session(authority, port, protocols=(), maximum_version=version) as session:
            query = dns_query("plain.example.com")
            expect_equal(session.ask(query), udp(dns, query), f"{version} without ALPN")
    text = run("kdig", "@127.0.0.1", "-p", str(port), "+tls", f"+tls-ca={authority.certificate}",
               f"+tls-hostname={HOST}", "+keepopen", "plain.example.com", "A", "many.example.com", "A")
    expect("192.0.2.1" in text and text.count("198.51.100.") == 100 and "(TLS1.3)" in text, text)
    text = run("dig", "@127.0.0.1", "-p", str(port), "+tls", f"+tls-ca={authority.certificate}",
               f"+tls-hostname={HOST}", "+short", "plain.example.com", "TXT")
    expect_equal(text.strip(), '"hello"', "dig +tls")
    status, text = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "dot",
                           "-CAfile", authority.certificate, "-verify_return_error")
    expect(status == 0 and "ALPN protocol: dot" in text, text[-600:])
    expect(openssl("s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2")[0] != 0, "ALPN h2")
    expect(openssl("s_client", "-connect", f"127.0.0.1:{port}", "-tls1_1", "-cipher",
                   "ALL:@SECLEVEL=0")[0] != 0, "TLS 1.1")

    shown = [(one["door"], one["open"]) for one in martlet.snapshot()["listeners"]]
    expect(("dot", True) in shown and ("dns", True) in shown, f"listeners: {shown}")
    status, text, _ = martlet_command(scene, "status", "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status == 0 and "dot" in text and str(port) in text, f"status: {text}")
    answered = metric(martlet, 'martlet_dns_queries_total{transport="dot"}')
    expect(answered > 515, f"queries by transport: {answered}")
    for name, least in (("connections_accepted", 6), ("connections_closed", 3), ("handshakes", 5)):
        seen = metric(martlet, f"martlet_dns_tls_{name}_total")
        expect(seen >= least, f"{name}: {seen}")
    for word in ("no-shared-protocol", "no-shared-version"):
        failed = metric(martlet, f'martlet_dns_tls_handshake_failures_total{{reason="{word}"}}')
        expect_equal(failed, 1, word)
    records = martlet.json("GET", "/api/v1/dns/queries?name=plain.example.com")["queries"]
    expect({"dot", "udp"} <= {one["transport"] for one in records}, f"records: {records[:3]}")


def perf(scene, port, seconds, kind="dot", clients=8, names=("plain", "none", "alias")):
    """What dnsperf says: (sent, lost, text)."""
    asked = scene.write("asked", "".join(f"{name}.example.com A\n" for name in names))
    text = run("dnsperf", "-s", "127.0.0.1", "-p", str(port), "-m", kind, "-l", str(seconds),
               "-c", str(clients), "-T", "1", "-q", "64", "-Q", "20000", "-d", asked,
               within=seconds + 20)
    sent = re.search(r"Queries sent:\s+(\d+)", text)
    lost = re.search(r"Queries lost:\s+(\d+)", text)
    expect(sent and lost, f"dnsperf: {text}")
    return int(sent[1]), int(lost[1]), text


@scenario("certificates are swapped under load: no handshake fails, no query of dnsperf is lost",
          limit=120)
def under_load(scene):
    authority = Authority(scene)
    files = [authority.make("ns", HOST), authority.make("rsa", HOST, kind="rsa4096")]
    dns, port, martlet = dot(scene, authority, files)
    query, stop, failed, done = dns_query("plain.example.com", identifier=1), threading.Event(), [], [0]
    wanted = udp(dns, query)

    def visit():
        while not stop.is_set():
            try:
                with Session(authority, port) as session:
                    if session.ask(query) != wanted:
                        failed.append("another answer")
                done[0] += 1
            except (OSError, ValueError) as error:
                failed.append(repr(error))

    def serial():
        with Session(authority, port) as session:
            return session.socket.getpeercert()["serialNumber"]

    result = []
    visitors = [threading.Thread(target=visit) for _ in range(2)]
    visitors.append(threading.Thread(target=lambda: result.append(perf(scene, port, 8))))
    for visitor in visitors:
        visitor.start()
    kept = Session(authority, port, timeout=30)
    try:
        for _ in range(2):
            before = serial()
            authority.make("ns", HOST)
            eventually("a new certificate is in force without a reload",
                       lambda: serial() != before, within=15)
            expect_equal(kept.ask(query), wanted, "an open connection goes on")
        martlet.reload()
    finally:
        eventually("dnsperf is done", lambda: result, within=30)
        stop.set()
        for visitor in visitors:
            visitor.join()
    expect_equal(failed, [], f"failures beside {done[0]} connections")
    expect(done[0] > 20, f"connections: {done[0]}")
    sent, lost, text = result[0]
    expect(sent > 1000 and lost == 0, f"dnsperf: {text}")
    # Whoever takes RSA only has its signature made by a thread of its own.
    status, text = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername", HOST,
                           "-sigalgs", "RSA-PSS+SHA256", "-CAfile", authority.certificate)
    expect(status == 0 and "RSA-PSS" in text, f"RSA: {text[-600:]}")
    expect(metric(martlet, "martlet_dns_tls_slow_signatures_total") >= 1, "a slow signature")


@scenario("a reload opens, closes and turns listeners; an upgrade hands them over", limit=120)
def reloads(scene):
    authority = Authority(scene)
    dns, port, martlet = dot(scene, authority)
    query = dns_query("plain.example.com", identifier=1)
    wanted, text = udp(dns, query), martlet.text()

    def answers():
        try:
            with Session(authority, port, timeout=2) as session:
                return session.ask(query) == wanted
        except OSError:
            return False

    expect(answers(), "at first")
    kept = Session(authority, port, timeout=10)
    start = text.index(f"  - dot: 127.0.0.1:{port}")
    without = text[:start] + text[text.index("routes:\n"):]
    martlet.reload(without)
    eventually("the listener is gone", lambda: not answers())
    expect_equal(kept.ask(query), wanted, "what is open goes on")
    martlet.reload(text)
    eventually("and is there again", answers)
    # The same port for DNS without TLS, and back.
    martlet.reload(without.replace("routes:\n", f"  - dns: 127.0.0.1:{port}\nroutes:\n", 1))

    def plainly():
        try:
            return udp(port, query) == wanted and tcp(port, query) == wanted
        except OSError:
            return False

    eventually("plain DNS at the port", plainly)
    martlet.reload(text)
    eventually("TLS at the port", answers)
    failed, stop = [], threading.Event()

    def visit():
        while not stop.is_set():
            if not answers():
                failed.append(time.monotonic())

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        done, out, err = martlet_command(scene, "upgrade", "--admin", f"127.0.0.1:{martlet.admin}")
        expect_equal(done, 0, f"upgrade: {out} {err}")
        eventually("upgraded", lambda: martlet.snapshot()["process"]["upgrades"] == 1, within=20)
        expect(answers(), "after the upgrade")
    finally:
        stop.set()
        visitor.join()
    expect_equal(failed, [], "connections that failed during the upgrade")


@scenario("bad peers of DNS over TLS: garbage, half handshakes, trickles; limits and counters",
          covers=[L + "tcp-idle", L + "tcp-connections"], limit=120)
def bad_peers(scene):
    authority = Authority(scene)
    dns, port, martlet = dot(scene, authority, more="tcp-idle: 700ms\ntcp-connections: 60")
    query = dns_query("plain.example.com", identifier=1)
    wanted = udp(dns, query)

    def connect():
        sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        return sock

    def end(sock):
        """Everything that comes until the other side closes."""
        data = b""
        try:
            while piece := sock.recv(65536):
                data += piece
        except ConnectionResetError:
            pass
        sock.close()
        return data

    hello = bytes.fromhex("160301020001000 1fc0303".replace(" ", ""))
    for words in (b"\0" * 4096, struct.pack("!H", len(query)) + query, b"GET / HTTP/1.1\r\n\r\n",
                  os.urandom(5000), b"\x16\x03\x01\xff\xff" + b"x" * 400, b"\x80" * 300):
        sock = connect()
        try:
            sock.sendall(words)
        except OSError:
            pass
        expect(len(end(sock)) < 20, f"no more than an alert for {words[:8]!r}")
    for head in (b"", hello[:1], hello, hello + b"\0" * 50):
        sock = connect()
        began = time.monotonic()
        sock.sendall(head)
        end(sock)
        expect(0.3 < time.monotonic() - began < 4, f"half a handshake of {len(head)} bytes")
    # One byte at a time gains nothing, in the handshake or in a query.
    sock = connect()
    began = time.monotonic()
    trickle(sock, hello + b"\0" * 200)
    expect(time.monotonic() - began < 4, "a trickled handshake is cut")
    sock.close()
    began = time.monotonic()
    with Session(authority, port) as session:
        trickle(session.socket, struct.pack("!H", 500) + bytes(200))
    expect(time.monotonic() - began < 4, "a trickled query is cut")
    with Session(authority, port) as session:
        session.socket.sendall(struct.pack("!H", len(query)) + query + b"\0\5hello")
        expect_equal(session.receive(), wanted, "what came before what is no DNS")
        expect_equal(session.socket.recv(10), b"", "and then the end")
    # As many as may be connected: the others are closed at once, and places come free again.
    flood = [connect() for _ in range(80)]
    eventually("some are refused", lambda: metric(
        martlet, 'martlet_limit_hits_total{limit="tcp-connections"}') >= 10)
    eventually("and served once the others are gone", lambda: answers(authority, port, query, wanted),
               within=10)
    for sock in flood:
        sock.close()
    counted = {line.split("}")[0].split('"')[1]: float(line.split()[-1])
               for line in martlet.metrics().splitlines()
               if line.startswith("martlet_dns_tls_handshake_failures_total")}
    expect(counted["timeout"] >= 5 and counted["not-tls"] >= 2 and counted["plain-http"] == 1,
           f"counted by reason: {counted}")
    expect(metric(martlet, "martlet_dns_tls_connections_timed_out_total") >= 6, "timed out")
    accepted = metric(martlet, "martlet_dns_tls_connections_accepted_total")
    eventually("all are closed", lambda: metric(
        martlet, "martlet_dns_tls_connections_closed_total") >= accepted, within=10)
    expect_equal(udp(dns, query), wanted, "UDP all the while")


def answers(authority, port, query, wanted):
    try:
        with Session(authority, port, timeout=2) as session:
            return session.ask(query) == wanted
    except OSError:
        return False


@scenario("TLS of a dot listener by option: versions, names, tickets, handshakes, clients")
def options(scene):
    authority = Authority(scene)
    query = dns_query("plain.example.com", identifier=1)
    _, port, martlet = dot(scene, authority, more=(
        'tls: { min-version: "1.3", unknown-name: refuse, handshake-rate: 2/m }'))

    def client(*more):
        return openssl("s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", authority.certificate,
                       *more)[1]

    expect("alert protocol version" in client("-tls1_2", "-servername", HOST), "min-version")
    expect("unrecognized name" in client("-servername", "else.test"), "unknown-name")
    with Session(authority, port) as session:
        expect_equal(len(session.ask(query)) > 12, True, "the first of two")
    with Session(authority, port) as session:
        session.ask(query)
        saved = session.socket.session
    try:
        with Session(authority, port) as session:
            session.ask(query)
        expect(False, "a third full handshake")
    except OSError:
        pass
    expect(saved.has_ticket, "a ticket")
    expect_equal(metric(
        martlet, 'martlet_dns_tls_handshake_failures_total{reason="handshake-rate"}'), 1, "counted")

    people = Authority(scene, "people")
    own = people.make("resolver", "resolver.example.com")
    dns, port, _ = dot(scene, authority, more=f"tls: {{ client-authorities: {people.certificate} }}")
    text = run("kdig", "@127.0.0.1", "-p", str(port), "+tls", "+retry=0", "+timeout=3",
               f"+tls-certfile={own[0]}", f"+tls-keyfile={own[1]}", "plain.example.com", "A")
    expect("192.0.2.1" in text, f"with a certificate: {text}")
    text = run("kdig", "@127.0.0.1", "-p", str(port), "+tls", "+retry=0", "+timeout=3",
               "plain.example.com", "A")
    expect("192.0.2.1" not in text, f"without a certificate: {text}")


@scenario("martlet check finds what is wrong with a dot listener")
def checked(scene):
    authority = Authority(scene)
    files = authority.make("ns", HOST)

    def check(listener):
        text = f"listeners:\n  - {listener}\nzones:\n  a.test:\n    soa: {{ primary: n.a.test, " \
               "mailbox: m.a.test }\n    records: { n: { a: 192.0.2.1 } }\n"
        status, out, err = martlet_command(scene, "check", scene.write("check.yaml", text))
        return status, out + err

    good = f"certificates: [ {pair(files)} ]"
    status, text = check(f'{{ dot: ":8853", {good}, tls: {{ min-days: 0 }}, ecs: none }}')
    expect_equal(status, 0, f"a good one: {text}")
    for listener, code, words in (
            ('{ dot: ":8853" }', "M1005", "needs a certificate"),
            (f'{{ dot: ":8853", {good}, tls: {{ early-data: true }} }}', "M1", "early-data"),
            (f'{{ dot: ":8853", {good}, http2: {{ streams: 9 }} }}', "M1", "means nothing without"),
            (f'{{ dot: ":8853", {good}, edns-size: 600 }}', "M1", "means nothing without"),
            (f'{{ dot: ":8853", dns: ":53", {good} }}', "M1", "has either"),
            ('{ dns: ":8853", %s }' % good, "M1", "means nothing without"),
            (f'{{ dot: ":8853", {good} }}\n  - {{ dns: ":8853" }}', "M1", "is taken by")):
        status, text = check(listener)
        expect(status != 0 and words in text, f"{listener}: {text}")


@scenario("the example of the documentation serves as it says")
def example(scene):
    authority = Authority(scene)
    certificate, key = authority.make("ns1", HOST)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation",
                        "examples", "dns-over-tls.yaml")
    with open(path) as file:
        text = file.read()
    dns, port = scene.port(), scene.port()
    text = text.replace('":5300"', f"127.0.0.1:{dns}").replace('":8853"', f"127.0.0.1:{port}")
    text = text.replace("ns1.crt", certificate).replace("ns1.key", key)
    scene.martlet(text)
    for name, kind in (("www", "A"), ("_dns.ns1", "SVCB"), ("ns1", "A")):
        query = dns_query(f"{name}.example.com", kind, identifier=3)
        with Session(authority, port) as session:
            answer = session.ask(query)
        expect_equal(answer.hex(), udp(dns, query).hex(), f"{name} {kind} as by UDP")
        expect_equal(answer[6:8], b"\0\1", f"{name} {kind}: one answer")
