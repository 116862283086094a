# SPDX-License-Identifier: Apache-2.0
"""What RFCs ask of an authoritative server and only real sockets and peers show."""
import base64
import hashlib
import hmac
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns, dig, dig_text, exactly
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.peer import bind
from transfers import SECRET as SHARED
from transfers import bind as named
from updates import update

SECRET = b"a secret of thirty-two octets..."
TAKER = "transfer.key"
KEYS = f"tsig-keys: {{ {TAKER}: {{ secret: {base64.b64encode(SECRET).decode()} }} }}\n"
AXFR, A, SOA, DS = 252, 1, 6, 43


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def query(number, name, kind):
    return struct.pack("!6H", number, 0, 1, 0, 0, 0) + wire(name) + struct.pack("!HH", kind, 1)


def signed(message):
    """The same with a signature of the key (RFC 8945 §4.3)."""
    now = int(time.time())
    times = struct.pack("!HIH", now >> 32, now & 0xffffffff, 300)
    algorithm = wire("hmac-sha256")
    covered = wire(TAKER) + struct.pack("!HI", 255, 0) + algorithm + times + struct.pack("!HH", 0, 0)
    mac = hmac.new(SECRET, message + covered, hashlib.sha256).digest()
    data = algorithm + times + struct.pack("!H", len(mac)) + mac + message[:2] + struct.pack("!HH", 0, 0)
    record = wire(TAKER) + struct.pack("!HHIH", 250, 255, 0, len(data)) + data
    return message[:10] + struct.pack("!H", 1) + message[12:] + record


def framed(*messages):
    return b"".join(struct.pack("!H", len(message)) + message for message in messages)


def receive(peer):
    return exactly(peer, struct.unpack("!H", exactly(peer, 2))[0])


def soas(message):
    """How often the type and class of an SOA stand in a message: an upper bound, for ends."""
    return message.count(struct.pack("!HH", SOA, 1))


def secure(port, authority, version):
    context = ssl.create_default_context(cafile=authority.certificate)
    context.maximum_version = version
    context.set_alpn_protocols(["dot"])
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20), server_hostname="ns.a.test")


@scenario("an answer by UDP comes from the address that was asked")
def source(scene):
    port = scene.port()
    scene.write("a.zone", "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
    scene.martlet(f"listeners: [ {{ dns: \"0.0.0.0:{port}\" }} ]\nzones: {{ a.test: {{ file: a.zone }} }}\n")
    for address in ("127.0.0.1", "127.0.0.2", "127.77.0.3"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(5)
            # What comes from elsewhere does not come to a socket that is connected.
            peer.connect((address, port))
            for number in range(1, 4):
                peer.send(query(number, "ns.a.test", A))
                expect_equal(struct.unpack("!H", peer.recv(512)[:2])[0], number, f"an answer from {address}")
                expect_equal(peer.getpeername()[0], address, "its source")


def shared(peer, requests, zone_id):
    """The ids of messages in their order until the zone and all else has come."""
    peer.sendall(framed(*requests))
    wanted = {struct.unpack("!H", request[:2])[0] for request in requests} - {zone_id}
    order, ends = [], 0
    while ends < 2 or wanted:
        message = receive(peer)
        number = struct.unpack("!H", message[:2])[0]
        order.append(number)
        if number == zone_id:
            ends += soas(message)
        wanted.discard(number)
    return order


@scenario("queries are answered while a zone goes out by the same connection, by TCP and by TLS", 90)
def interleaved(scene):
    dns, dot = scene.port(), scene.port()
    authority = Authority(scene)
    lines = f'$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n$GENERATE 0-59999 g$ TXT "{"x" * 100}"\n'
    scene.write("a.zone", lines)
    martlet = scene.martlet(f"""listeners:
  - dns: 127.0.0.1:{dns}
  - dot: 127.0.0.1:{dot}
    certificates:
      - {pair(authority.make("ns", "ns.a.test"))}
{KEYS}zones: {{ a.test: {{ file: a.zone, transfer-to: [ {{ network: 127.0.0.0/8, key: {TAKER} }} ] }} }}
""")
    requests = [signed(query(1, "a.test", AXFR))] + [query(10 + i, "ns.a.test", A) for i in range(20)]
    with socket.create_connection(("127.0.0.1", dns), timeout=20) as peer:
        plain = shared(peer, requests, 1)
    with secure(dot, authority, ssl.TLSVersion.TLSv1_3) as peer:
        encrypted = shared(peer, requests, 1)
    for order, way in ((plain, "TCP"), (encrypted, "TLS")):
        expect(order.count(1) > 300, f"{way}: many messages of the zone: {order.count(1)}")
        last = max(place for place, number in enumerate(order) if number == 1)
        waits = [order.index(10 + i) for i in range(20)]
        expect(max(waits) < last / 2, f"{way}: {waits} of {last}")
    eventually("both are over", lambda: martlet.metric("martlet_dns_transfers_running") == 0)
    # One that takes nothing holds no more than a few blocks, and is cut off.
    slow = socket.create_connection(("127.0.0.1", dns), timeout=20)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(framed(*requests))
    eventually("it is cut off", lambda: martlet.metric("martlet_dns_transfers_total", kind="broken") == 1, within=30)
    slow.close()


def old_primary(scene, authority):
    """The port of a server that speaks TLS 1.2 at most, and what has come to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.make("old", "ns.a.test"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["dot"])
    listener, heard = socket.create_server(("127.0.0.1", scene.port())), []

    def run():
        while True:
            peer, _ = listener.accept()
            try:
                with context.wrap_socket(peer, server_side=True) as session:
                    heard.append(receive(session))
            except OSError as error:
                heard.append(error)

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1], heard


@scenario("no zone goes by TLS before 1.3, neither out nor in", 60)
def old_tls(scene):
    dns, dot = scene.port(), scene.port()
    authority = Authority(scene)
    scene.write("a.zone", "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
    port, heard = old_primary(scene, authority)
    martlet = scene.martlet(f"""listeners:
  - dns: 127.0.0.1:{dns}
  - dot: 127.0.0.1:{dot}
    certificates:
      - {pair(authority.make("ns", "ns.a.test"))}
{KEYS}zones:
  a.test: {{ file: a.zone, transfer-to: [ {{ network: 127.0.0.0/8, key: {TAKER} }} ] }}
  b.test:
    transfer-from:
      - {{ address: 127.0.0.1:{port}, key: {TAKER}, tls: {{ name: ns.a.test, authorities: {authority.certificate} }} }}
""")
    for version, code in ((ssl.TLSVersion.TLSv1_3, 0), (ssl.TLSVersion.TLSv1_2, 5)):
        with secure(dot, authority, version) as peer:
            peer.sendall(framed(signed(query(7, "a.test", AXFR)), query(8, "ns.a.test", A)))
            answers = {message[1]: message for message in (receive(peer), receive(peer))}
            expect_equal(answers[7][3] & 15, code, f"the code of a transfer by {version!r}")
            expect_equal(answers[8][3] & 15, 0, "the code of a query")
            expect_equal(bool(struct.unpack("!H", answers[7][6:8])[0]), code == 0, "records of the zone")
    eventually("the other server has been tried", lambda: heard)
    eventually("it is told", lambda: "TLS fails" in martlet.log())
    expect(all(isinstance(found, OSError) for found in heard), f"nothing is asked by TLS 1.2: {heard}")
    expect_equal(ask_dns(dns, "www.b.test").rcode, 2, "nothing came")


@scenario("names keep their case from a primary by BIND to a secondary, whoever changes them", 60)
def spelled(scene):
    first, last = scene.port(), scene.port()
    scene.write("a.zone", "$TTL 60\n@ SOA ns h 1 1 1 1000 5\n@ NS NS\nNS A 192.0.2.1\nWww A 192.0.2.2\nplain A 192.0.2.3\n")
    keys = f"tsig-keys: {{ transfer.key: {{ secret: {SHARED} }} }}\n"
    text = f"""listeners: [ {{ dns: 127.0.0.1:{first} }} ]
{keys}zones:
  a.test:
    file: a.zone
    transfer-to: [ {{ network: 127.0.0.0/8 }} ]
    updates: [ {{ networks: [127.0.0.1], types: [ANY] }} ]
    notify: [ %s ]
"""
    primary = scene.martlet(text % "")
    peer = named(scene, f"""zone a.test {{
  type secondary; file "{scene.path('bind.zone')}"; primaries {{ 127.0.0.1 port {first}; }};
  allow-transfer {{ any; }}; notify explicit; also-notify {{ 127.0.0.1 port {last}; }};
}};""")
    scene.martlet(f"listeners: [ {{ dns: 127.0.0.1:{last} }} ]\n{keys}zones: {{ a.test: {{ "
                  f"transfer-from: [ {{ address: 127.0.0.1:{peer.port} }} ], transfer-to: [ {{ network: 127.0.0.0/8 }} ] }} }}\n")

    def owners(port, *options):
        lines = dig_text(port, "a.test", "AXFR", "+noall", "+answer", "+onesoa", *options).splitlines()
        return sorted({line.split()[0] for line in lines if line and line[0] != ";"})

    wanted = ["NS.a.test.", "Www.a.test.", "a.test.", "plain.a.test."]
    for port in (first, peer.port, last):
        eventually(f"the zone at {port}", lambda: owners(port) == wanted, within=20)
    primary.reload(text % f"{{ address: 127.0.0.1:{peer.port} }}")
    expect_equal(update("nsupdate", first, ["zone a.test", "update add New.A.test 60 A 192.0.2.4"]), "", "a change")
    wanted = sorted([*wanted, "New.A.test."])
    expect_equal(owners(first), wanted, "what was changed")
    for port in (peer.port, last):
        eventually(f"the change at {port}", lambda: [n.lower() for n in owners(port)] == [n.lower() for n in wanted])
    primary.kill_serving()
    eventually("after kill -9", lambda: owners(first) == wanted)


def bare_primary(scene, authority):
    """The port of a server for b.test by TLS that answers FORMERR to OPT, and what has come to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.make("bare", "ns.a.test"))
    context.set_alpn_protocols(["dot"])
    listener, heard = socket.create_server(("127.0.0.1", scene.port())), []
    apex = wire("b.test")
    soa = apex + struct.pack("!HHIH", SOA, 1, 60, 22) + b"\0\0" + struct.pack("!5I", 7, 3600, 600, 86400, 60)
    records = [soa, apex + struct.pack("!HHIH", 2, 1, 60, len(apex)) + apex,
               wire("www.b.test") + struct.pack("!HHIHBBBB", A, 1, 60, 4, 192, 0, 2, 1), soa]

    def answer(request):
        count, kind = struct.unpack("!H", request[10:12])[0], request[12 + len(apex) + 1]
        heard.append((kind, count))
        question = request[12:12 + len(apex) + 4]
        found = [] if count else [soa] if kind == SOA else records
        return (request[:2] + struct.pack("!5H", 0x8401 if count else 0x8400, 1, len(found), 0, 0)
                + question + b"".join(found))

    def run():
        while True:
            peer, _ = listener.accept()
            try:
                with context.wrap_socket(peer, server_side=True) as session:
                    session.sendall(framed(answer(receive(session))))
                    session.recv(1)
            except OSError:
                pass

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1], heard


@scenario("a primary that does not know EDNS is asked again without it", 60)
def no_edns(scene):
    dns = scene.port()
    authority = Authority(scene)
    port, heard = bare_primary(scene, authority)
    scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones:
  b.test:
    transfer-from:
      - {{ address: 127.0.0.1:{port}, tls: {{ name: ns.a.test, authorities: {authority.certificate} }} }}
""")
    eventually("the zone has come", lambda: ask_dns(dns, "www.b.test").rcode == 0)
    expect_equal(heard[:3], [(SOA, 1), (SOA, 0), (AXFR, 0)], "what was asked for, and how many additional records")


def whole(port, name):
    """All records of a zone, without regard to order and case."""
    text = dig_text(port, name, "AXFR", "+noall", "+answer", "+onesoa")
    lines = [re.sub(r"\s+", " ", line).lower() for line in text.splitlines() if line and line[0] != ";"]
    return sorted(lines)


OUTER = """$TTL 300
@ 3600 SOA ns1 hostmaster 7 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.53
host A 192.0.2.7
safe NS ns.safe
safe NS ns1
safe DS 1 13 2 0102030405060708091011121314151617181920212223242526272829303132
ns.safe A 192.0.2.61
ns.safe AAAA 2001:db8::61
open NS ns.open
ns.open A 192.0.2.62
"""
INNER = """$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.99
www A 192.0.2.100
"""


def run(scene, *command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, cwd=scene.folder)
    expect_equal(done.returncode, 0, f"{command}: {done.stderr.decode()}")
    return done.stdout.decode()


@scenario("a zone around others that are served too goes out and is proven as by BIND", 90)
def nested(scene):
    files = {}
    for zone, options in (("n.test", []), ("h.test", ["-3", "-", "-H", "0"]), ("o.test", ["-3", "-", "-H", "0", "-A"])):
        key = run(scene, "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone).strip()
        with open(scene.path(f"{key}.key")) as public:
            plain = scene.write(f"{zone}.plain", OUTER + public.read())
        files[zone] = scene.path(f"{zone}.signed")
        run(scene, "dnssec-signzone", "-q", "-z", "-o", zone, *options, "-f", files[zone], plain, key)
        for inner in ("safe", "open"):
            files[f"{inner}.{zone}"] = scene.write(f"{inner}.{zone}.zone", INNER)
    files["plain.test"] = scene.write("plain.zone", OUTER)
    files["safe.plain.test"] = scene.write("safe.plain.zone", INNER)
    peer, dns = bind(scene, files), scene.port()
    zones = "".join(f"  {name}: {{ file: {file}, transfer-to: [ {{ network: 127.0.0.1 }} ] }}\n"
                    for name, file in files.items())
    scene.martlet(f"listeners: [ {{ dns: 127.0.0.1:{dns} }} ]\nzones:\n{zones}")
    eventually("BIND serves", lambda: dig(peer.port, "www.safe.plain.test") == ["192.0.2.100"])
    for name in files:
        found = whole(dns, name)
        expect(len(found) > 3, f"{name} goes out: {found}")
        expect_equal(found, whole(peer.port, name), f"{name} as BIND sends it")
    for zone in ("n.test", "h.test", "o.test"):
        for name, kind in (("safe", "DS"), ("open", "DS"), ("openx", "A"), ("safea", "A"), ("p", "A"), ("www.safe", "A"),
                           ("no.safe", "A"), ("host", "MX"), ("safe", "NS"), ("zz", "DS"), ("open", "SOA")):
            options = ("+dnssec", "+noall", "+answer", "+authority")
            theirs, ours = (sorted(re.sub(r"\s+", " ", line).lower() for line in
                                   dig_text(port, f"{name}.{zone}", kind, *options).splitlines()
                                   # Which servers a zone has BIND tells with each answer.
                                   if not re.search(r"\sNS\s", line) or kind == "NS")
                            for port in (peer.port, dns))
            expect(ours, f"{name}.{zone} {kind} is answered")
            expect_equal(ours, theirs, f"{name}.{zone} {kind} as BIND answers it")


@scenario("signatures of a zone file that end soon are told by the check, the log and a metric", 30)
def ending(scene):
    key = run(scene, "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "n.test").strip()
    with open(scene.path(f"{key}.key")) as public:
        plain = scene.write("n.plain", OUTER + public.read())
    file, dns = scene.path("n.signed"), scene.port()

    def sign(lifetime):
        run(scene, "dnssec-signzone", "-q", "-z", "-o", "n.test", "-e", f"now+{lifetime}", "-f", file, plain, key)

    sign(864000)
    martlet = scene.martlet(f"listeners: [ {{ dns: 127.0.0.1:{dns} }} ]\nzones: {{ n.test: {{ file: {file} }} }}\n")
    left = martlet.metric("martlet_dns_signature_expires_seconds")
    expect(800_000 < left <= 864_000, f"ten days are left: {left}")
    status, out, _ = martlet_command(scene, "zone", "check", file, "n.test")
    expect(status == 0 and "M1675" not in out, out)
    sign(172000)
    status, out, _ = martlet_command(scene, "zone", "check", file, "n.test")
    expect(status == 0 and "warning M1675" in out and "end in 47 hours" in out, out)
    martlet.reload(martlet.text())
    eventually("the log tells", lambda: "M1675" in martlet.log() or "end in 47 hours" in martlet.log())
    eventually("the metric follows", lambda: martlet.metric("martlet_dns_signature_expires_seconds") < 172_001)


@scenario("a notice from who is no primary is told in the log, and of many a few are", 30)
def stray(scene):
    dns = scene.port()
    martlet = scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones: {{ b.test: {{ transfer-from: [ {{ address: 127.0.0.9:{scene.port()} }} ] }} }}
""")
    notice = query(9, "b.test", SOA)
    notice = notice[:2] + b"\x24\0" + notice[4:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(5)
        peer.connect(("127.0.0.1", dns))
        for _ in range(200):
            peer.send(notice)
            expect_equal(peer.recv(512)[3] & 15, 5, "REFUSED")
    eventually("it is told", lambda: "is no primary of it" in martlet.log())
    expect(martlet.log().count("is no primary of it") < 4, "and not two hundred times")


@scenario("a member of a catalog that is a zone already stays, and under another label it begins anew", 90)
def members(scene):
    dns = scene.port()

    def listed(number, members):
        lines = "".join(f"{label}.zones PTR {name}.\n" for label, name in members.items())
        path = scene.write("cat.zone", f"$TTL 60\n@ SOA invalid. invalid. {number} 1 1 86400 60\n@ NS invalid.\n"
                           f'version TXT "2"\n{lines}')
        os.utime(path, (number * 10 + 2_000_000_000, number * 10 + 2_000_000_000))
        return path

    file = scene.write("m.zone", INNER)
    scene.write("own.zone", INNER.replace("192.0.2.100", "192.0.2.200"))
    path = listed(1, {"a1": "one.test", "b2": "own.test"})
    peer = bind(scene, {"one.test": file, "own.test": file, "cat.test": path})
    martlet = scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones:
  own.test: {{ file: own.zone }}
  cat.test: {{ catalog: true, transfer-from: [ {{ address: 127.0.0.1:{peer.port} }} ] }}
""")
    eventually("a member is there", lambda: dig(dns, "www.one.test") == ["192.0.2.100"], within=15)
    eventually("the other is told", lambda: "its member own.test. is a zone already" in martlet.log())
    expect_equal(dig(dns, "www.own.test"), ["192.0.2.200"], "it stays what it is")
    listed(2, {"c3": "one.test", "b2": "own.test"})
    peer.restart()
    eventually("it begins anew", lambda: re.search(r"catalogs name 1 zones, 1 are gone or begin anew", martlet.log()),
               within=30)
    eventually("and is there again", lambda: dig(dns, "www.one.test") == ["192.0.2.100"], within=15)
    expect_equal(dig(dns, "www.own.test"), ["192.0.2.200"], "it still stays")
