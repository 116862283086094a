# SPDX-License-Identifier: Apache-2.0
"""Bodies and tunnels: any size, both ways, in constant memory."""
import os
import socket
import threading
import zlib

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl, exactly, field
from harness.service import service

MEBIBYTE = 1 << 20


def start(scene, **options):
    origin, = scene.origins("a")
    http = scene.port()
    martlet = scene.martlet(service(http, None, [origin], **options))
    return origin, http, martlet


@scenario("a WebSocket upgrade becomes a tunnel, both ways, and ends with either side")
def tunnel(scene):
    origin, http, martlet = start(scene)
    browser = Browser(http)
    status, head, _ = browser.ask(
        "/ws", headers="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
    expect_equal(status, 101, "status")
    expect_equal((field(head, "Upgrade") or "").lower(), "websocket", "Upgrade")
    sent = os.urandom(3 * MEBIBYTE)
    threading.Thread(target=browser.sock.sendall, args=(sent,), daemon=True).start()
    expect_equal(exactly(browser.sock, len(sent)) == sent, True, "3 MiB through the tunnel and back")
    browser.sock.sendall(b"ping")
    expect_equal(exactly(browser.sock, 4), b"ping", "a small message afterwards")
    browser.close()
    eventually("the origin's side closes", lambda: origin.seen()["connections"] <= 1)


@scenario("a refused upgrade is an ordinary response and the connection stays usable or closes")
def refused_upgrade(scene):
    _, http, _ = start(scene)
    browser = Browser(http)
    status, _, body = browser.ask(
        "/plain", headers="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
    expect_equal((status, body), (200, b"origin a\n"), "the origin's answer")


@scenario("large bodies pass in both directions, in bounded memory")
def large_bodies(scene):
    _, http, martlet = start(scene)
    size = 512 * MEBIBYTE if scene.full else 96 * MEBIBYTE
    before = martlet.memory()
    browser = Browser(http, timeout=30)
    head = (f"POST /sum HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: {size}\r\n\r\n")
    browser.sock.sendall(head.encode())
    block, check, highest = os.urandom(MEBIBYTE), 0, 0
    for number in range(size // MEBIBYTE):
        browser.sock.sendall(block)
        check = zlib.crc32(block, check)
        if number % 16 == 0:
            highest = max(highest, martlet.memory())
    status, _, body = browser.answer()
    expect_equal((status, body), (200, f"{size} {check:08x}\n".encode()), "what the origin summed")
    browser.sock.sendall(f"GET /bytes/{size} HTTP/1.1\r\nHost: www.example.com\r\n\r\n".encode())
    browser.until(b"\r\n\r\n")
    left, pattern, at = size - len(browser.buffer), bytes(range(256)) * 4097, len(browser.buffer)
    while left > 0:
        piece = browser.sock.recv(MEBIBYTE)
        expect(piece, f"closed with {left} bytes to come")
        expect(piece == pattern[at % 256:at % 256 + len(piece)], f"wrong bytes at {at}")
        at, left = at + len(piece), left - len(piece)
        highest = max(highest, martlet.memory()) if at % 64 == 0 else highest
    expect(highest - before < 8 * MEBIBYTE, f"memory grew by {(highest - before) >> 10} KiB")


@scenario("chunked bodies both ways, with trailers and extensions, arrive whole")
def chunked(scene):
    _, http, _ = start(scene)
    browser = Browser(http)
    browser.sock.sendall(
        b"POST /sum HTTP/1.1\r\nHost: www.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n")
    status, _, body = browser.answer()
    expect_equal((status, body), (200, b"11 %08x\n" % zlib.crc32(b"hello world")), "the sum")
    status, _, body = browser.ask("/chunked/500")
    expect_equal((status, len(body)), (200, 500_000), "the response")
    status, _, body = browser.ask("/drip/20/5")
    expect_equal((status, body), (200, b"x" * 20), "a body in small pieces")


@scenario("Expect: 100-continue: the client waits, the body passes, a refusal spares it")
def expectation(scene):
    _, http, _ = start(scene, route="body-limit: 1MiB")
    status, _, body = curl(f"http://127.0.0.1:{http}/echo", "-H", "Host: www.example.com", "-H",
                           "Expect: 100-continue", "--data-binary", "x" * 2000)
    expect_equal((status, len(body)), (200, 2000), "with curl")
    browser = Browser(http)
    browser.sock.sendall(b"POST /echo HTTP/1.1\r\nHost: www.example.com\r\nExpect: 100-continue\r\n"
                         b"Content-Length: 2000000\r\n\r\n")
    expect_equal(browser.answer()[0], 413, "a body over the limit is refused before it is sent")


@scenario("a slow reader costs bounded memory and does not slow others")
def slow_reader(scene):
    origin, http, martlet = start(scene, listener="timeouts: { send: 20s }")
    before = martlet.memory()
    readers = []
    for _ in range(20):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", http))
        sock.sendall(b"GET /bytes/50000000 HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        readers.append(sock)
    eventually("all requests are at the origin", lambda: origin.seen()["requests"] >= 20)
    load = scene.load(http, rate=500, connections=16, seconds=2)
    cpu = martlet.cpu_seconds()
    load.join().expect_no_failure(least=900)
    spent = martlet.cpu_seconds() - cpu
    grown = martlet.memory() - before
    expect(grown < 8 * MEBIBYTE, f"20 slow readers cost {grown >> 10} KiB")
    expect(spent < 1.2, f"{spent:.2f} s of CPU in 2 s: the loop spins on full sockets")
    for sock in readers:
        sock.close()
    eventually("the origin's connections end", lambda: origin.seen()["connections"] <= 20)


@scenario("a client that goes away leaves nothing behind")
def client_leaves(scene):
    origin, http, martlet = start(scene)
    browser = Browser(http)
    browser.sock.sendall(b"GET /delay/800 HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
    eventually("the request is at the origin", lambda: origin.seen()["requests"] == 1)
    before = martlet.descriptors()
    browser.close()
    # A first request is not watched for its client's end: that would cost each one a system call.
    eventually("the in-flight count is 0 again",
               lambda: martlet.endpoint("web", origin.at)["inFlight"] == 0, within=3)
    eventually("its connection is closed", lambda: martlet.descriptors() < before)


@scenario("field rules: hop-by-hop removed, forwarding fields set, Via and request id added")
def field_policy(scene):
    _, http, _ = start(scene, listener="trusted-proxies: [ 127.0.0.8/32 ]")
    browser = Browser(http)
    _, _, seen = browser.ask(
        "/head", headers="Connection: X-Secret, close-ish\r\nX-Secret: 1\r\nKeep-Alive: 5\r\n"
        "Proxy-Connection: keep-alive\r\nTE: gzip\r\nX-Forwarded-For: 1.2.3.4\r\nX-Kept: yes\r\n"
        "X_Forwarded_For: 1.2.3.4\r\n")
    head = seen.decode("latin-1")
    for gone in ("X-Secret", "Keep-Alive", "Proxy-Connection", "TE", "X_Forwarded_For"):
        expect_equal(field(head, gone), None, f"{gone} at the origin")
    expect_equal(field(head, "X-Kept"), "yes", "an ordinary field")
    expect_equal(field(head, "X-Forwarded-For"), "127.0.0.1", "X-Forwarded-For of a stranger")
    expect_equal(field(head, "X-Forwarded-Proto"), "http", "X-Forwarded-Proto")
    expect_equal(field(head, "X-Forwarded-Host"), "www.example.com", "X-Forwarded-Host")
    expect("1.1" in (field(head, "Via") or ""), "Via at the origin")
    expect(field(head, "X-Request-Id"), "a request id")
    expect_equal(field(head, "Host"), "www.example.com", "Host")
