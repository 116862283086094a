# SPDX-License-Identifier: Apache-2.0
"""The HTTPS listener: real curl and openssl, many names, certificates that change under load."""
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

from harness import Failure, eventually, expect, expect_equal, scenario
from harness.ask import curl, field, raw
from harness.certificates import Authority, openssl, pair
from harness.service import service

L = "listeners[]."


def https(scene, authority, pairs, more="", count=1, route="", workers=2,
          **options):
    """One Martlet with a plain and an HTTPS listener; (origin, plain port, secure port, martlet)."""
    origin, = scene.origins("a")
    plain, port = scene.port(), scene.port()
    extra = f"  - https: 127.0.0.1:{port}\n    certificates:\n"
    extra += "".join(f"      - {pair(files)}\n" for files in pairs)
    extra += "".join(f"    {line}\n" for line in more.splitlines())
    text = service(plain, None, [origin], route=route, workers=workers).replace("routes:\n", extra + "routes:\n", 1)
    text = text.replace("host: www.example.com", 'host: "*"')
    return origin, plain, port, scene.martlet(text, **options)


def ask(authority, port, host, path="/", *options):
    return curl(f"https://{host}:{port}{path}", "--cacert", authority.certificate,
                "--connect-to", f"{host}:{port}:127.0.0.1:{port}", *options)


def session(authority, port, host, timeout=5, protocols=None, most=None, ragged=True):
    """A connected TLS socket of Python's own OpenSSL."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if protocols:
        context.set_alpn_protocols(protocols)
    if most:
        context.maximum_version = most
    plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    return context.wrap_socket(plain, server_hostname=host, suppress_ragged_eofs=ragged)


def get(sock, path="/", host="www.example.com", close=False):
    """The status and body of one request on an open socket."""
    end = "Connection: close\r\n" if close else ""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{end}\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise OSError("closed before the head was there")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(field(head.decode("latin-1"), "Content-Length") or 0)
    while len(body) < length:
        piece = sock.recv(1 << 20)
        if not piece:
            raise OSError(f"closed after {len(body)} of {length} bytes")
        body += piece
    return int(head.split()[1]), body


def metric(martlet, name):
    total = 0.0
    for line in martlet.metrics().splitlines():
        if line.startswith(name):
            total += float(line.split()[-1])
    return total


def lines(martlet):
    with open(martlet.access_log) as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


@scenario("HTTPS end to end: curl, what the origin is told, what the log tells", covers=[
    L + "https", L + "certificates[].certificate", L + "certificates[].key"])
def end_to_end(scene):
    authority = Authority(scene)
    pairs = [authority.make("www", "www.example.com"), authority.make("b", "*.b.example.com")]
    _, plain, port, martlet = https(scene, authority, pairs)
    status, _, body = ask(authority, port, "www.example.com", "/head", "-H",
                          "X-Forwarded-Proto: http")
    expect_equal(status, 200, "curl by HTTPS")
    expect_equal(field(body.decode(), "X-Forwarded-Proto"), "https", "X-Forwarded-Proto")
    expect_equal(ask(authority, port, "x.b.example.com")[0], 200, "a name of the wildcard")
    expect_equal(ask(authority, port, "www.example.com", "/", "-H", "Host: x.b.example.com")[0],
                 421, "a Host that the certificate shown does not have")
    expect_equal(ask(authority, port, "www.example.com", "/", "-H", "Host: c.example.com")[0],
                 200, "a Host that no certificate is for")
    expect_equal(ask(authority, port, "a.b.example.com", "/", "-H", "Host: x.b.example.com")[0],
                 200, "a Host that the certificate shown has")
    size = 20_000_000
    status, _, body = ask(authority, port, "www.example.com", f"/bytes/{size}")
    expect_equal((status, len(body)), (200, size), "a large answer")
    upload = scene.write("upload", "x" * 5_000_000)
    status, _, body = ask(authority, port, "www.example.com", "/count", "--data-binary",
                          f"@{upload}")
    expect_equal(status, 200, "a large request")
    expect_equal(raw(plain, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")[:12],
                 b"HTTP/1.1 200", "the plain listener beside it")

    expect_equal(raw(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", timeout=2)[:5], b"",
                 "plain HTTP at the HTTPS listener")
    status, text = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-tls1_1", "-cipher",
                           "ALL:@SECLEVEL=0")
    expect(status != 0, f"TLS 1.1 is refused: {text}")
    seen = eventually("the log tells of both failures", lambda: (
        lambda words: words if {"plain-http", "no-shared-version"} <= words else None)(
        {line.get("tls_failure") for line in lines(martlet)}))
    expect(None in seen, "requests have no tls_failure")
    # Each worker hands its lines in for itself: their order is not that of the requests.
    told = {(line["tls"], line["cipher"], line["sni"]) for line in lines(martlet)
            if line["status"] == 200 and "tls" in line}
    for name in ("www.example.com", "x.b.example.com", "a.b.example.com"):
        expect(("TLSv1.3", "TLS_AES_128_GCM_SHA256", name) in told, f"TLS in the log: {told}")
    expect(metric(martlet, 'martlet_tls_handshake_failures_total{reason="plain-http"}') == 1,
           "the failure is counted by its word")
    expect(metric(martlet, "martlet_tls_handshakes_total") >= 6, "handshakes are counted")
    left = metric(martlet, "martlet_tls_certificate_expiry_timestamp_seconds") / 2 - time.time()
    expect(19 * 86400 < left < 21 * 86400, f"seconds until the certificates end: {left}")
    answer = subprocess.run(
        [scene.options.martlet, "explain", "https://www.example.com/x", "--admin",
         f"127.0.0.1:{martlet.admin}"], capture_output=True, timeout=10)
    expect_equal(answer.returncode, 0, f"explain: {answer.stdout} {answer.stderr}")


@scenario("a kept TLS connection: one request at a time, pipelined, byte by byte")
def kept(scene):
    authority = Authority(scene)
    _, _, port, _ = https(scene, authority, [authority.make("www", "www.example.com")])
    for most in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        sock = session(authority, port, "www.example.com", most=most)
        for size in (0, 1, 16_000, 16_384, 16_385, 100_000, 1_000_000):
            path = f"/bytes/{size}" if size else "/"
            expect_equal(get(sock, path)[0], 200, f"{size} bytes")
        two = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n" * 20
        sock.sendall(two)
        data = b""
        while data.count(b"HTTP/1.1 200") < 20:
            piece = sock.recv(65536)
            expect(piece, f"{data.count(b'HTTP/1.1 200')} of 20 pipelined answers")
            data += piece
        # Each byte is a record of its own: what lies in the session makes no event.
        for byte in b"GET /bytes/50 HTTP/1.1\r\nHost: www.example.com\r\n\r\n":
            sock.sendall(bytes([byte]))
        expect(sock.recv(65536).startswith(b"HTTP/1.1 200"), "a head byte by byte")
        sock.settimeout(0.05)
        try:
            while sock.recv(65536):
                pass
        except OSError:
            pass
        sock.settimeout(5)
        body = os.urandom(300_000)
        sock.sendall(b"POST /count HTTP/1.1\r\nHost: www.example.com\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        expect(sock.recv(65536).startswith(b"HTTP/1.1 200"), "a body of many records")
        sock.close()


@scenario("a slow reader gets every byte, and a cut answer does not look whole")
def slow(scene):
    authority = Authority(scene)
    origin, _, port, _ = https(scene, authority, [authority.make("www", "www.example.com")])
    sock = session(authority, port, "www.example.com", timeout=20)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    size = 8_000_000
    sock.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: www.example.com\r\n"
                 b"Connection: close\r\n\r\n" % size)
    got, began = 0, time.monotonic()
    while True:
        piece = sock.recv(20_000)
        if not piece:
            break
        got += len(piece)
        if time.monotonic() - began < 1.0:
            time.sleep(0.02)
    expect(got > size, f"{got} bytes of a head and {size}")

    origin.fault("truncated")
    sock = session(authority, port, "www.example.com", ragged=False)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
    data, is_whole = b"", True
    try:
        while piece := sock.recv(65536):
            data += piece
    except (ConnectionResetError, ssl.SSLError):
        is_whole = False
    expect(not is_whole or b" 502 " in data[:20], f"a cut answer ended in order: {data[:200]}")


@scenario("versions, ciphers, groups and unknown names by option", covers=[
    L + "tls.min-version", L + "tls.ciphers", L + "tls.groups", L + "tls.unknown-name",
    L + "timeouts.handshake"])
def options(scene):
    authority = Authority(scene)
    files = [authority.make("rsa", "www.example.com", kind="rsa"),
             authority.make("ecdsa", "www.example.com")]

    def client(port, *more):
        return openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername",
                       "www.example.com", "-CAfile", authority.certificate,
                       "-verify_return_error", *more)

    _, _, port, _ = https(scene, authority, files)
    for cipher in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        status, text = client(port, "-tls1_2", "-cipher", cipher)
        expect(status == 0 and f"Cipher is {cipher}" in text, f"{cipher}: {text[-900:]}")
    status, text = client(port, "-tls1_3", "-sigalgs", "RSA-PSS+SHA256")
    expect(status == 0 and "RSA-PSS" in text, f"RSA by the client's signatures: {text[-900:]}")
    status, text = client(port, "-tls1_2", "-cipher", "AES128-SHA")
    expect(status != 0, "no cipher without forward secrecy")
    status, text = client(port, "-tls1_2", "-reconnect")
    expect(status == 0 and text.count("Reused, TLSv1.2") == 5, f"resumption: {text[-900:]}")
    silent = socket.create_connection(("127.0.0.1", port))
    silent.settimeout(0.2)

    _, _, port, _ = https(scene, authority, files, more=(
        'tls: { min-version: "1.3", groups: P-384, unknown-name: refuse }\n'
        'timeouts: { handshake: 300ms }'))
    expect(client(port, "-tls1_2")[0] != 0, 'min-version: "1.3" refuses TLS 1.2')
    expect(client(port, "-groups", "X25519")[0] != 0, "groups: P-384 refuses X25519")
    status, text = client(port, "-groups", "P-384")
    expect(status == 0 and "TLSv1.3" in text, f"P-384: {text[-900:]}")
    status, text = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername", "else.where")
    expect("unrecognized name" in text, f"unknown-name: refuse: {text[-900:]}")
    began = time.monotonic()
    late = socket.create_connection(("127.0.0.1", port))
    late.settimeout(5)
    late.sendall(b"\x16\x03\x01")
    try:
        expect_equal(late.recv(100), b"", "handshake: 300ms closes")
    except ConnectionResetError:
        pass
    expect(time.monotonic() - began < 2, "the handshake's own deadline")
    try:
        silent.recv(1)
        raise Failure("without the option the handshake has 10 s")
    except TimeoutError:
        pass

    _, _, port, _ = https(scene, authority, files, more=(
        "tls: { ciphers: ECDHE-RSA-AES256-GCM-SHA384 }"))
    status, text = client(port, "-tls1_2")
    expect("Cipher is ECDHE-RSA-AES256-GCM-SHA384" in text, f"ciphers: {text[-900:]}")


@scenario("sessions are resumed by tickets, across workers and reloads", covers=[
    L + "tls.tickets", L + "tls.min-days"])
def tickets(scene):
    authority = Authority(scene)
    files = [authority.make("www", "www.example.com")]
    _, _, port, martlet = https(scene, authority, files, more="tls: { min-days: 25 }")
    expect("ends in 1" in martlet.log() or "ends in 2" in martlet.log(),
           f"a warning below min-days: {martlet.log()}")
    eventually("and an event while it runs", lambda: "warning certificate M1358" in martlet.log(),
               within=10)
    saved = scene.path("session")
    request = "GET / HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n"

    def client(*more):
        # -ign_eof: waits for the answer, and with it for the ticket.
        return openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername",
                       "www.example.com", "-CAfile", authority.certificate, "-ign_eof", *more,
                       text=request)[1]

    expect("New, TLSv1.3" in client("-sess_out", saved), "a first session")
    for _ in range(8):
        text = client("-sess_in", saved)
        expect("Reused, TLSv1.3" in text, f"a resumed session: {text[-900:]}")
    martlet.reload()
    expect("Reused, TLSv1.3" in client("-sess_in", saved), "resumed after a reload")
    expect(metric(martlet, "martlet_tls_resumptions_total") >= 9, "resumptions are counted")

    _, _, port, _ = https(scene, authority, files, more="tls: { tickets: false }")
    os.remove(saved)
    client("-sess_out", saved)
    if os.path.exists(saved):
        expect("Reused" not in client("-sess_in", saved), "tickets: false")


@scenario("a hundred names, and certificates that change under load without a failed handshake",
          limit=180)
def many(scene):
    authority = Authority(scene)
    count = 100 if scene.full else 40
    files = [authority.make(f"n{i}", f"n{i}.example.com", kind="rsa" if i % 10 == 0 else "ecdsa")
             for i in range(count)]
    _, _, port, martlet = https(scene, authority, files)
    stop, failed, done = threading.Event(), [], [0]

    def visit(start):
        i = start
        while not stop.is_set():
            host = f"n{i % count}.example.com"
            i += 7
            try:
                with session(authority, port, host) as sock:
                    status, _ = get(sock, host=host, close=True)
                    if status != 200:
                        failed.append(f"{host}: {status}")
                done[0] += 1
            except (OSError, ValueError) as error:
                failed.append(f"{host}: {error!r}")

    kept = session(authority, port, "n1.example.com", timeout=30)
    visitors = [threading.Thread(target=visit, args=(i * 13,)) for i in range(3)]
    for visitor in visitors:
        visitor.start()

    def serial(host):
        with session(authority, port, host) as sock:
            return sock.getpeercert()["serialNumber"]

    try:
        first = {i: serial(f"n{i}.example.com") for i in (0, 1, 5)}
        for i in (0, 1, 5):
            authority.make(f"n{i}", f"n{i}.example.com", kind="rsa" if i % 10 == 0 else "ecdsa")
        eventually("new certificates are in force without a reload", lambda: all(
            serial(f"n{i}.example.com") != first[i] for i in first), within=15)
        # A half-finished renewal: the key of another certificate.
        now = serial("n1.example.com")
        with open(files[5][1]) as file:
            other = file.read()
        with open(files[1][1] + ".new", "w") as file:
            file.write(other)
        os.replace(files[1][1] + ".new", files[1][1])
        eventually("the refused pair is told", lambda: "M1320" in martlet.log(), within=15)
        expect_equal(serial("n1.example.com"), now, "the former certificate serves on")
        martlet.signal(signal.SIGHUP)
        eventually("a reload with the bad pair is refused",
                   lambda: "reload-refused" in martlet.log(), within=15)
        authority.make("n1", "n1.example.com")
        eventually("the mended pair is in force",
                   lambda: serial("n1.example.com") != now, within=15)
        martlet.reload()
        expect_equal(get(kept, host="n1.example.com")[0], 200, "a connection from before")
    finally:
        stop.set()
        for visitor in visitors:
            visitor.join()
    expect(not failed, f"{len(failed)} of {done[0]} handshakes failed: {failed[:3]}")
    expect(done[0] > 50, f"only {done[0]} visits")


@scenario("clients show certificates, endpoints are told, and nobody can pretend", covers=[
    L + "tls.client-authorities", L + "tls.client-certificate"])
def clients(scene):
    authority, others = Authority(scene), Authority(scene, "others")
    files = [authority.make("www", "www.example.com")]
    crt, key = authority.make("alice", "alice.example.com")
    bad_crt, bad_key = others.make("mallory", "alice.example.com")
    alice, mallory = ("--cert", crt, "--key", key), ("--cert", bad_crt, "--key", bad_key)
    lie = ("-H", "Client-Cert: :AAAA:", "-H", "client-cert-chain: :AAAA:", "-H", "Client_Cert: x")
    with open(crt) as file:
        wanted = ":" + "".join(file.read().splitlines()[1:-1]) + ":"
    ca = f"client-authorities: {authority.certificate}"
    ports = {}
    for policy, more in (("none", ""), ("required", f"tls: {{ {ca} }}"),
                         ("optional", f"tls: {{ {ca}, client-certificate: optional }}")):
        _, _, ports[policy], martlet = https(scene, authority, files, more=more)

    def told(policy, *options):
        status, _, body = ask(authority, ports[policy], "www.example.com", "/head", *options)
        return status, field(body.decode(), "Client-Cert"), b"lient-cert-chain" in body

    expect_equal(told("none", *alice, *lie[:4]), (200, None, False), "nobody asks, nobody is told")
    expect_equal(told("required", *alice, *lie[:4]), (200, wanted, False), "the certificate shown")
    expect_equal(told("required", *lie[:4])[0], 0, "required: none is turned away")
    expect_equal(told("required", *mallory)[0], 0, "required: another authority's")
    expect_equal(told("optional", *alice), (200, wanted, False), "optional: shown")
    expect_equal(told("optional", *lie[:4]), (200, None, False), "optional: not shown")
    expect_equal(told("optional", *mallory)[0], 0, "optional: another authority's")
    eventually("the log says why", lambda: "unknown-authority" in {
        line.get("tls_failure") for line in lines(martlet)})

    saved = scene.path("session")

    def client(port, *more):
        return openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername",
                       "www.example.com", "-CAfile", authority.certificate, "-ign_eof", *more,
                       text="GET /head HTTP/1.1\r\nHost: www.example.com\r\n"
                            "Connection: close\r\n\r\n")[1]

    client(ports["required"], "-cert", crt, "-key", key, "-sess_out", saved)
    text = client(ports["required"], "-sess_in", saved)
    expect("Reused, TLSv1.3" in text and wanted in text,
           f"a resumed session keeps who it is: {text[-900:]}")
    # An authority that is taken out of the file is out with the next reload, tickets and all.
    with open(others.certificate) as file, open(authority.certificate) as mine:
        before, now = mine.read(), file.read()
    trusted = scene.path("trusted.crt")
    scene.write("trusted.crt", before)
    _, _, port, martlet = https(scene, authority, files, more=(
        f"tls: {{ client-authorities: {trusted} }}"))
    client(port, "-cert", crt, "-key", key, "-sess_out", saved)
    expect_equal(ask(authority, port, "www.example.com", "/head", *alice)[0], 200, "before")
    scene.write("trusted.crt", now)
    martlet.reload(martlet.text())
    expect_equal(ask(authority, port, "www.example.com", "/head", *alice)[0], 0, "after")
    expect_equal(ask(authority, port, "www.example.com", "/head", *mallory)[0], 200, "the other's")
    text = client(port, "-sess_in", saved)
    expect("X-Origin" not in text, f"a ticket of before is no way in: {text[-900:]}")


@scenario("TLS with the endpoints: verified, by the right name, for requests and probes", covers=[
    "pools.*.tls.verify", "pools.*.tls.authorities", "pools.*.tls.name", "pools.*.tls.min-version",
    "probes.*.tls"])
def endpoints(scene):
    authority = Authority(scene)
    files = [authority.make("app", "app.internal")]
    origin, health, secure, back = https(scene, authority, files)
    ports = {name: scene.port() for name in
             ("good", "name", "unknown", "lax", "plain", "new", "off")}
    ca = f"authorities: {authority.certificate}"
    ways = {"good": f"{{ {ca}, name: app.internal }}", "name": f"{{ {ca}, name: other.internal }}",
            "unknown": "{ name: app.internal }", "lax": "{ verify: false }", "plain": None,
            "new": f'{{ {ca}, name: app.internal, min-version: "1.3" }}',
            "off": f"{{ {ca}, name: app.internal }}"}
    pools = "".join(
        f"  {name}:\n    probe: {'aside' if name == 'off' else 'quick'}\n"
        + (f"    tls: {way}\n" if way else "")
        + f"    endpoints: [ {{ address: 127.0.0.1:{secure} }} ]\n" for name, way in ways.items())
    quick = "http: /healthz, interval: 100ms, timeout: 80ms, fast-interval: 100ms"
    routes = "".join(f"  - {{ host: {name}.example.com, path: /, pool: {name} }}\n" for name in ways)
    front = scene.martlet(f"""workers: 2
probes:
  quick: {{ {quick} }}
  aside: {{ {quick}, port: {health}, tls: "off" }}
pools:
{pools}listeners:
  - {{ http: 127.0.0.1:{ports['good']} }}
routes:
{routes}""")
    port = ports["good"]

    def visit(name, path="/", *options):
        return curl(f"http://{name}.example.com:{port}{path}", "--connect-to",
                    f"::127.0.0.1:{port}", *options)

    for name in ("good", "lax", "new", "off"):
        eventually(f"the pool {name} serves", lambda n=name: visit(n)[0] == 200)
    status, _, body = visit("good", "/head")
    expect_equal(field(body.decode(), "X-Forwarded-Proto"), "https", "the endpoint sees TLS")
    upload = os.urandom(3_000_000)
    _, _, body = visit("good", "/sum", "--data-binary", "@" + scene.path("up")) \
        if open(scene.path("up"), "wb").write(upload) else (0, "", b"")
    expect(body.startswith(b"3000000 "), f"3 MB to the endpoint: {body[:60]}")
    expect_equal(len(visit("good", "/bytes/9000000")[2]), 9_000_000, "9 MB from the endpoint")
    for _ in range(20):
        expect_equal(visit("good")[0], 200, "on a kept connection")
    expect(metric(front, "martlet_http_origin_connections_reused") > 10, "connections are reused")
    for name in ("name", "unknown", "plain"):
        status, head, _ = visit(name)
        expect(status in (502, 503), f"pool {name}: {status}")
    reasons = front.snapshot()
    text = json.dumps(reasons)
    expect("tls-failed" in text, "the probe's reason is tls-failed")
    expect("name-mismatch" in text and "unknown-authority" in text, "with the word of TLS")


@scenario("an upgrade to another protocol works inside of TLS, also when the origin ends it")
def tunnel(scene):
    authority = Authority(scene)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    def echo():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            data = b""
            while b"\r\n\r\n" not in data:
                piece = sock.recv(65536)
                if not piece:
                    break
                data += piece
            if b"Upgrade: echo" not in data:
                sock.close()
                continue
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                         b"Upgrade: echo\r\n\r\n")
            while piece := sock.recv(65536):
                sock.sendall(piece)
                if piece.endswith(b"bye"):
                    sock.sendall(b"x" * 3_000_000)
                    break
            sock.close()

    threading.Thread(target=echo, daemon=True).start()
    plain, port = scene.port(), scene.port()
    files = authority.make("www", "www.example.com")
    at = "127.0.0.1:%d" % listener.getsockname()[1]
    scene.martlet(f"""workers: 1
pools: {{ web: {{ endpoints: [ {{ address: {at} }} ] }} }}
listeners:
  - {{ https: 127.0.0.1:{port}, certificates: [ {pair(files)} ] }}
routes: [ {{ host: "*", path: /, pool: web }} ]
""")
    sock = session(authority, port, "www.example.com", timeout=10)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: www.example.com\r\nConnection: upgrade\r\n"
                 b"Upgrade: echo\r\n\r\n")
    expect(sock.recv(65536).startswith(b"HTTP/1.1 101"), "101")
    for size in (1, 1000, 100_000):
        sent, got = os.urandom(size), b""
        sock.sendall(sent)
        while len(got) < size:
            got += sock.recv(65536)
        expect(got == sent, f"{size} bytes back")
    sock.sendall(b"bye")
    got = b""
    while piece := sock.recv(65536):
        got += piece
    expect_equal(len(got), 3 + 3_000_000, "what the origin said last, and then the end")
    listener.close()
