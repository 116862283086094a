# SPDX-License-Identifier: Apache-2.0
"""WebSockets over HTTP/2 (RFC 8441): HAProxy is the client, which speaks it towards its servers.

It says `https` whatever it was asked by, which only a trusted proxy may.
"""
import os
import signal
import socket
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import exactly, field
from harness.certificates import Authority, pair
from harness.http2 import PREFACE, frame, frames, literal
from harness.peer import haproxy
from harness.service import service
from harness.websocket import Socket

MEBIBYTE = 1 << 20


def start(scene, **options):
    """(origins, the port where HAProxy takes WebSockets by HTTP/1.1, Martlet's port, Martlet)."""
    origins = scene.origins("a", "b")
    http, front = scene.port(), scene.port()
    martlet = scene.martlet(service(
        http, None, origins, listener="trusted-proxies: 127.0.0.1", **options))
    return origins, by_http2(scene, front, http), http, martlet


def by_http2(scene, front, http, more=""):
    haproxy(scene, front, f"""
listen sockets
  mode http
  bind 127.0.0.1:{front}
  timeout tunnel 60s
  http-reuse always
  server martlet 127.0.0.1:{http} proto h2 ws h2 {more}
""", name=f"haproxy{front}")
    return front


def counted(martlet):
    return martlet.metric("martlet_http_streams_websocket_total")


@scenario("a WebSocket over HTTP/2 passes both ways, in any size, and ends with either side", 30)
def both_ways(scene):
    origins, front, _, martlet = start(scene)
    proxy = scene.started[-1]
    client = Socket(front)
    expect(client.echo(), "an echo")
    expect_equal(counted(martlet), 1, "WebSockets by HTTP/2")
    sent = os.urandom(3 * MEBIBYTE)
    threading.Thread(target=client.sock.sendall, args=(sent,), daemon=True).start()
    expect_equal(exactly(client.sock, len(sent)) == sent, True, "3 MiB through it and back")
    expect(client.echo(), "a small message afterwards")
    others = [Socket(front) for _ in range(20)]
    expect(all(other.echo() for other in others), "twenty beside it")
    sockets = {"a": [], "b": []}
    for one in [client, *others]:
        sockets[field(one.head, "X-Origin")].append(one)
    expect(all(sockets.values()), "both endpoints have some")
    origins[0].kill()
    expect({one.ending() for one in sockets["a"]} <= {"fin", "reset"}, "those of the one that dies end")
    entry = martlet.access_entry("of one", lambda e: e.get("reason") == "tunnel-closed")
    expect_equal(entry["status"], 200, "the status of the log line")
    expect(all(one.echo() for one in sockets["b"]), "the others go on")
    proxy.end()
    martlet.access_entry("of another", lambda e: e.get("reason") == "client-gone")
    for origin in ("a", "b"):
        eventually("nothing is left", lambda at=origin: martlet.endpoint("web", at)["inFlight"] == 0)


@scenario("TLS and ALPN in front of it change nothing; silence ends it", 20)
def in_tls(scene):
    authority = Authority(scene)
    files = authority.make("site", "www.example.com")
    origin, = scene.origins("a")
    http, secure = scene.port(), scene.port()
    martlet = scene.martlet(service(
        http, None, [origin], pool="timeouts: { tunnel-idle: 1s }").replace(
        "routes:\n", f"  - {{ https: 127.0.0.1:{secure}, certificates: [{pair(files)}] }}\nroutes:\n"))
    front = by_http2(scene, scene.port(), secure,
                     "ssl verify none alpn h2 sni str(www.example.com)")
    client = Socket(front)
    for _ in range(4):
        time.sleep(0.4)
        expect(client.echo(), "what moves is not silent")
    began = time.monotonic()
    expect(client.ending() in ("fin", "reset"), "silence ends it")
    expect(0.7 < time.monotonic() - began < 3, "after a second")
    martlet.access_entry("of the silence", lambda e: e.get("reason") == "tunnel-idle")


@scenario("a drained endpoint tells its WebSockets over HTTP/2 1001 at the cap; so does a shutdown",
          30)
def told(scene):
    (a, _), front, _, martlet = start(
        scene, pool="drain: 2s\ndrain-spread: 1s", more="shutdown-grace: 3s\nshutdown-spread: 1s\n")
    found = {"a": [], "b": []}
    while min(len(sockets) for sockets in found.values()) < 4:
        client = Socket(front)
        found[field(client.head, "X-Origin")].append(client)
    martlet.patch("web", "a", {"administrative": "draining"})
    time.sleep(0.5)
    expect(all(client.echo() for client in found["a"]), "they work on until the cap")
    expect_equal({client.ending() for client in found["a"]}, {"1001"}, "endings at the drain")
    expect(all(client.echo() for client in found["b"]), "those elsewhere are not touched")
    martlet.signal(signal.SIGTERM)
    expect_equal({client.ending() for client in found["b"]}, {"1001"}, "endings at the shutdown")
    expect_equal(martlet.exit_status(6), 0, "exit status")


def refused(front, path):
    """The status line that a client gets who asks for a WebSocket at a path."""
    with socket.create_connection(("127.0.0.1", front), timeout=5) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: www.example.com\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        return sock.recv(65536).split(b"\r\n")[0].decode()


@scenario("refusals come back as they are; a page is no WebSocket; other protocols are 501", 20)
def refusals(scene):
    _, front, http, martlet = start(scene)
    expect(" 403 " in refused(front, "/status/403"), "the endpoint's refusal")
    expect(" 502 " in refused(front, "/"), "a page instead of a WebSocket")
    martlet.access_entry("of the page", lambda e: e.get("reason") == "upgrade-ignored")

    def ask(*fields):
        block = b"".join(literal(name, value) for name, value in fields)
        with socket.create_connection(("127.0.0.1", http), timeout=5) as sock:
            sock.sendall(PREFACE + frame(4) + frame(1, 4, 1, block))
            seen = []
            for kind, _, stream, payload in frames(sock):
                seen.append((kind, stream, payload))
                if stream == 1:
                    return seen
        return seen
    way = ((":scheme", "http"), (":path", "/ws"), (":authority", "www.example.com"))
    seen = ask((":method", "CONNECT"), (":protocol", "connect-udp"), *way)
    settings = next(payload for kind, stream, payload in seen if kind == 4 and payload)
    pairs = {settings[at:at + 2]: settings[at + 2:at + 6] for at in range(0, len(settings), 6)}
    expect_equal(pairs[b"\0\x08"], b"\0\0\0\x01", "SETTINGS_ENABLE_CONNECT_PROTOCOL")
    entry = martlet.access_entry("of the protocol", lambda e: e.get("reason") == "connect-protocol")
    expect_equal(entry["status"], 501, "another protocol")
    ask((":method", "CONNECT"), (":authority", "www.example.com:80"))
    entry = martlet.access_entry("of CONNECT", lambda e: e.get("reason") == "connect-method")
    expect_equal(entry["status"], 405, "a plain CONNECT")
