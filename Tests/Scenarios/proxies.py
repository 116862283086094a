# SPDX-License-Identifier: Apache-2.0
"""Proxies in front of Martlet and behind it: who the client is, and who may say so."""
import socket
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl, field
from harness.certificates import Authority, pair
from harness.peer import haproxy, nginx
from harness.service import service

L = "listeners[]."
TRUSTED = "trusted-proxies: [ 127.0.0.3, 127.0.0.4 ]"


def front(scene, **options):
    """One Martlet with a plain listener and one listener per option; (origin, ports, martlet)."""
    origin, = scene.origins("a")
    ports = {"plain": scene.port(), **{name: scene.port() for name in options}}
    extra = "".join(f"  - {{ http: 127.0.0.1:{ports[name]}, {text} }}\n"
                    for name, text in options.items())
    text = service(ports["plain"], None, [origin]).replace("routes:\n", extra + "routes:\n")
    return origin, ports, scene.martlet(text)


def last_line(martlet, reason):
    """The newest log line with this reason, waited for."""
    martlet.access_entry(f"with {reason}", lambda entry: entry["reason"] == reason)
    return [entry for entry in martlet.access() if entry["reason"] == reason][-1]


def ask(port, source, data, timeout=2.0):
    """What comes back for bytes sent from an address of the machine."""
    sock = socket.socket()
    sock.settimeout(timeout)
    sock.bind((source, 0))
    sock.connect(("127.0.0.1", port))
    reply = b""
    try:
        sock.sendall(data)
        while piece := sock.recv(65536):
            reply += piece
    except (TimeoutError, ConnectionError):
        pass
    sock.close()
    return reply.decode("latin-1")


HEAD = (b"GET /head HTTP/1.1\r\nHost: www.example.com\r\nX-Forwarded-For: 192.0.2.66\r\n"
        b"Connection: close\r\n\r\n")
LINE = b"PROXY TCP4 203.0.113.9 198.51.100.7 56116 443\r\n"
BLOCK = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xcb\0\x71\x09\xc6\x33\x64\x07\xdb\x34\x01\xbb"
         b"\x04\0\x01x")
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"


@scenario("a PROXY header names the client where its sender is trusted, and nowhere else", covers=[
    L + "proxy-protocol", L + "timeouts.proxy-header"])
def proxy_in(scene):
    _, ports, martlet = front(
        scene, needed=f"proxy-protocol: required, {TRUSTED}, timeouts: {{ proxy-header: 400ms }}",
        allowed=f"proxy-protocol: optional, {TRUSTED}", off=TRUSTED)
    needed, allowed, off = ports["needed"], ports["allowed"], ports["off"]
    for port in (needed, allowed):
        for header in (LINE, BLOCK):
            # The client is not trusted though the proxy is: its own field does not go on.
            head = ask(port, "127.0.0.3", header + HEAD)
            expect_equal(field(head, "X-Forwarded-For"), "203.0.113.9", f"{header[:12]}")
    expect_equal(last_line(martlet, "ok")["client"], "203.0.113.9", "client in the log")
    head = ask(needed, "127.0.0.3", LOCAL + HEAD)
    expect_equal(field(head, "X-Forwarded-For"), "192.0.2.66, 127.0.0.3", "the proxy's own")
    # Somebody's whom the proxy does not name: what they claim is not the proxy's word.
    head = ask(needed, "127.0.0.3", b"PROXY UNKNOWN\r\n" + HEAD)
    expect_equal(field(head, "X-Forwarded-For"), "127.0.0.3", "an unnamed client's")
    expect_equal(field(ask(allowed, "127.0.0.3", HEAD), "X-Forwarded-For"),
                 "192.0.2.66, 127.0.0.3", "optional, and no header")
    expect_equal(field(ask(allowed, "127.0.0.9", HEAD), "X-Forwarded-For"), "127.0.0.9",
                 "optional, and no proxy")

    expect_equal(ask(needed, "127.0.0.3", HEAD), "", "required, and no header")
    expect_equal(last_line(martlet, "proxy-header-missing")["client"], "127.0.0.3", "log")
    expect_equal(ask(needed, "127.0.0.9", LINE + HEAD), "", "a stranger's header")
    expect_equal(last_line(martlet, "proxy-untrusted")["client"], "127.0.0.9", "log")
    expect("400" in ask(allowed, "127.0.0.9", LINE + HEAD)[:12], "a stranger's header is a request")
    expect("400" in ask(off, "127.0.0.3", LINE + HEAD)[:12], "and so is any where it is off")
    for bad in (b"PROXY TCP4 1.2.3.4\r\n", LINE.replace(b"\r", b" "), BLOCK.replace(b"!", b"1"),
                BLOCK[:15] + b"\xff" + BLOCK[16:] + b"x" * 300, b"PROXY " + b"x" * 200):
        expect_equal(ask(needed, "127.0.0.3", bad + HEAD), "", f"{bad[:30]}")
    last_line(martlet, "proxy-header-malformed")
    began = time.monotonic()
    expect_equal(ask(needed, "127.0.0.3", LINE[:20]), "", "half a header")
    expect(0.3 < time.monotonic() - began < 1.5, "timeouts.proxy-header: 400ms")
    last_line(martlet, "proxy-header-timeout")

    # curl writes its own addresses, so the client stays who it is.
    status, head, body = curl(f"http://127.0.0.1:{needed}/head", "--haproxy-protocol",
                              "--interface", "127.0.0.4", "-H", "Host: www.example.com")
    expect_equal((status, field(body.decode(), "X-Forwarded-For")), (200, "127.0.0.4"), "curl")
    expect(martlet.metric("martlet_http_proxy_headers_total") >= 7, "headers are counted")
    refused = {reason: martlet.metric("martlet_http_ended_by_door_total", reason=reason)
               for reason in ("proxy-header-missing", "proxy-header-malformed",
                              "proxy-header-timeout", "proxy-untrusted")}
    expect_equal(refused, {"proxy-header-missing": 1, "proxy-header-malformed": 5,
                           "proxy-header-timeout": 1, "proxy-untrusted": 1}, "refusals by reason")


@scenario("HAProxy in front tells of clients by version 2, also in front of TLS and HTTP/2", 60)
def haproxy_in_front(scene):
    authority = Authority(scene)
    files = authority.make("www", "www.example.com")
    origin, = scene.origins("a")
    plain, secure, tcp, tls = (scene.port() for _ in range(4))
    extra = f"""  - https: 127.0.0.1:{secure}
    certificates: [ {pair(files)} ]
    proxy-protocol: required
    trusted-proxies: [ 127.0.0.3 ]
"""
    text = service(plain, None, [origin], listener="proxy-protocol: required, "
                   "trusted-proxies: [ 127.0.0.3 ]")
    scene.martlet(text.replace("routes:\n", extra + "routes:\n"))
    haproxy(scene, tcp, f"""
frontend plain
  bind 127.0.0.1:{tcp}
  default_backend plain
frontend secure
  bind 127.0.0.1:{tls}
  default_backend secure
backend plain
  source 127.0.0.3
  server one 127.0.0.1:{plain} send-proxy
backend secure
  source 127.0.0.3
  server one 127.0.0.1:{secure} send-proxy-v2 proxy-v2-options crc32c,unique-id,authority check
""")
    for url, more in ((f"http://www.example.com:{tcp}/head", []),
                      (f"https://www.example.com:{tls}/head", []),
                      (f"https://www.example.com:{tls}/head", ["--http2"])):
        port = tcp if url.startswith("http:") else tls
        done = curl(url, "--cacert", authority.certificate, "--interface", "127.0.0.9",
                    "--connect-to", f"www.example.com:{port}:127.0.0.1:{port}", "-H",
                    "Host: www.example.com", *more)
        told = done[1] + done[2].decode("latin-1")
        expect_equal(field(told, "X-Forwarded-For"), "127.0.0.9", f"{url} {more}: {told[:300]}")


@scenario("endpoints are told of clients by a PROXY header; nginx and HAProxy take it", 60, covers=[
    "pools.*.proxy-protocol"])
def proxy_out(scene):
    told = "return 200 \"$proxy_protocol_addr $proxy_protocol_port $connection_requests\";"
    first, second, third = (scene.port() for _ in range(3))
    nginx(scene, first, "".join(f"""
  server {{
    listen 127.0.0.1:{port}{" proxy_protocol" if port != third else ""};
    location / {{ {told} }}
  }}""" for port in (first, second, third)))
    http = scene.port()
    probe = "probe: { http: /, interval: 100ms, timeout: 80ms, fast-interval: 100ms }"
    pools = "".join(f"""
  {name}:
    {option}
    probe: quick
    endpoints: [ {{ address: 127.0.0.1:{port} }} ]""" for name, option, port in (
        ("one", "proxy-protocol: v1", first), ("two", "proxy-protocol: v2", second),
        ("none", "balance: random", third)))
    routes = "".join(f"""
  - {{ host: "*", path: /{name}, pool: {name} }}""" for name in ("one", "two", "none"))
    martlet = scene.martlet(f"""workers: 1
probes:
  quick: {{ http: /, interval: 100ms, timeout: 80ms, fast-interval: 100ms }}
pools:{pools}
listeners: [ {{ http: 127.0.0.1:{http} }} ]
routes:{routes}
""")
    for name in ("one", "two"):
        eventually(f"pool {name} is up by probes that name nobody", lambda: curl(
            f"http://127.0.0.1:{http}/{name}")[0] == 200)
        browser = Browser(http)
        port = browser.sock.getsockname()[1]
        for _ in range(3):
            body = browser.ask(f"/{name}")[2].decode()
            expect_equal(body, f"127.0.0.1 {port} 1", "client, port, requests of the connection")
        other = curl(f"http://127.0.0.1:{http}/{name}", "--interface", "127.0.0.9")[2].decode()
        expect_equal(other.split()[0], "127.0.0.9", "another client")
    kept = [Browser(http).ask("/none")[2].decode().split()[-1] for _ in range(3)]
    expect(int(kept[-1]) > 1, f"without it connections are kept: {kept}")


@scenario("the client behind trusted proxies is who lists, limits, hashes and logs go by", covers=[
    L + "client-address"])
def client_address(scene):
    origin, ports, martlet = front(
        scene, list=f"client-address: x-forwarded-for, {TRUSTED}",
        rfc=f"client-address: forwarded, {TRUSTED}", peer=TRUSTED)

    def client(port, source, fields):
        before = len(martlet.access())
        ask(port, source, b"GET / HTTP/1.1\r\nHost: www.example.com\r\n" + fields
            + b"Connection: close\r\n\r\n")
        eventually("the line", lambda: len(martlet.access()) > before)
        return martlet.access()[-1]["client"]
    chain = b"X-Forwarded-For: 198.51.100.1, 203.0.113.9, 127.0.0.4\r\n"
    expect_equal(client(ports["list"], "127.0.0.3", chain), "203.0.113.9", "the last not trusted")
    expect_equal(client(ports["list"], "127.0.0.9", chain), "127.0.0.9", "from a stranger")
    expect_equal(client(ports["peer"], "127.0.0.3", chain), "127.0.0.3", "without the option")
    standard = b'Forwarded: for="[2001:db8::9]:80", for=127.0.0.4;proto=https\r\n'
    expect_equal(client(ports["rfc"], "127.0.0.3", standard + chain), "2001:db8::9", "Forwarded")
    expect_equal(client(ports["rfc"], "127.0.0.3", b"Forwarded: for=unknown\r\n"), "127.0.0.3",
                 "nobody named")


@scenario("connections without a request are bounded for each client", covers=[
    "limits.unfinished-per-client"])
def unfinished(scene):
    for limit, most in (("unfinished-per-client: 20", 20), ("unfinished-per-client: 'off'", 60)):
        origin, = scene.origins("a")
        http = scene.port()
        martlet = scene.martlet(service(http, None, [origin], more=f"limits: {{ {limit} }}\n"))
        held = []
        for number in range(60):
            sock = socket.create_connection(("127.0.0.1", http))
            sock.sendall(b"GET / HTTP/1.1\r\nHo")
            held.append(sock)

        def alive():
            count = 0
            for sock in held:
                sock.settimeout(0.001)
                try:
                    count += sock.recv(1) != b""
                except TimeoutError:
                    count += 1
                except OSError:
                    pass
            return count
        eventually(f"{most} of 60 stay with {limit}", lambda: alive() == most)
        expect_equal(martlet.metric("martlet_limit_hits_total", limit="limits.unfinished-per-client"),
                     60 - most, "hits of the limit")
        status = curl(f"http://127.0.0.1:{http}/", "-H", "Host: www.example.com")[0]
        other = curl(f"http://127.0.0.1:{http}/", "--interface", "127.0.0.9", "-H",
                     "Host: www.example.com")[0]
        expect_equal(other, 200, "another client is served meanwhile")
        if most == 60:
            expect_equal(status, 200, "without a bound")
        for sock in held:
            sock.close()
        eventually("afterwards the first is served as well", lambda: curl(
            f"http://127.0.0.1:{http}/", "-H", "Host: www.example.com")[0] == 200)
        martlet.stop()


@scenario("a trace is continued or begun, and logged; times are told to whom they may be", covers=[
    L + "tracing", L + "server-timing"])
def tracing(scene):
    _, ports, martlet = front(scene, on="tracing: true", timed="server-timing: 127.0.0.4")
    name = "0af7651916cd43dd8448eb211c80319c"
    parent = f"00-{name}-b7ad6b7169203331-01"

    def told(port, *fields):
        options = [part for text in fields for part in ("-H", text)]
        status, head, body = curl(f"http://127.0.0.1:{port}/head", "-H", "Host: www.example.com",
                                  *options)
        expect_equal(status, 200, "status")
        return body.decode("latin-1")

    head = told(ports["on"], f"traceparent: {parent}", "tracestate: a=1,b=2")
    got = field(head, "traceparent")
    expect(got.startswith(f"00-{name}-") and got.endswith("-01") and got != parent, got)
    expect_equal(field(head, "tracestate"), "a=1,b=2", "state of a trace that goes on")
    martlet.access_entry("of the trace", lambda entry: entry.get("trace_id") == name)
    for bad in ("", f"traceparent: {parent.upper()}", "traceparent: 00-1-2-3"):
        head = told(ports["on"], *([bad] if bad else []), "tracestate: a=1")
        fresh = field(head, "traceparent").split("-")
        expect_equal([len(part) for part in fresh], [2, 32, 16, 2], "a trace of ours")
        expect(fresh[1] != name and field(head, "tracestate") is None, head)
        martlet.access_entry("of ours", lambda entry: entry.get("trace_id") == fresh[1])
    head = told(ports["plain"], "traceparent: as it is", "tracestate: a=1")
    expect_equal((field(head, "traceparent"), field(head, "tracestate")), ("as it is", "a=1"),
                 "without the option")

    def timing(source):
        return field(curl(f"http://127.0.0.1:{ports['timed']}/delay/80", "--interface", source, "-H",
                          "Host: www.example.com")[1], "Server-Timing")
    value = timing("127.0.0.4")
    parts = dict(part.split(";dur=") for part in value.split(";desc=")[0].split(", "))
    expect(float(parts["upstream"]) >= 80 and float(parts["edge"]) < 500, value)
    expect(value.endswith(';desc="a"'), value)
    expect_equal(timing("127.0.0.9"), None, "for anybody else")
