# SPDX-License-Identifier: Apache-2.0
"""Everything is bounded: descriptors, connections, memory; at a bound nothing spins or dies."""
import resource
import socket
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, ask_dns, ask_dns_tcp
from harness.service import service


def open_idle(port, count, requests=1):
    """Connections that have each been used so often and then wait."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))
    request = b"GET /plain HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
    held = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        held.append(sock)
        for _ in range(requests):
            # One after the other: what many requests at once need is not what is asked here.
            sock.sendall(request)
            data = b""
            while not data.endswith(b"origin a\n"):
                piece = sock.recv(4096)
                expect(piece, "closed while the connections were opened")
                data += piece
    return held


@scenario("an idle keep-alive connection costs at most 1 KiB", 120)
def idle_memory(scene):
    origin, = scene.origins("a")
    http = scene.port()
    martlet = scene.martlet(service(http, None, [origin], listener="timeouts: { idle: 300s }"))
    # A first wave brings slabs, buffers and allocator arenas to the size that stays, and fills the
    # rings of kept requests, which do not grow with connections.
    for sock in open_idle(http, 500, requests=12):
        sock.close()
    # Once a second a worker gives buffers that lie idle back to the kernel.
    time.sleep(1.5)
    before = martlet.memory()
    # Each may need a second file in the serving process, and some are for everything else.
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 300
    count = min(10_000, room) if scene.full else 4000
    held = open_idle(http, count)
    time.sleep(1.5)
    each = (martlet.memory() - before) / count
    cpu = martlet.cpu_seconds()
    time.sleep(1)
    spent = martlet.cpu_seconds() - cpu
    expect(each <= 1024, f"{each:.0f} bytes per idle connection")
    expect(spent <= 0.10, f"{spent:.2f} s of CPU in one idle second")
    for sock in held:
        sock.close()


@scenario("at the limit of descriptors: no exit, no spin, and full service afterwards", 60)
def descriptors(scene):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, [origin]), limits=["--nofile=256:256"])
    pid = martlet.serving()
    held = []
    for _ in range(600):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", http))
        held.append(sock)
    time.sleep(1)
    cpu = martlet.cpu_seconds()
    time.sleep(1)
    spent = martlet.cpu_seconds() - cpu
    expect_equal(martlet.serving(), pid, "the serving process")
    expect(spent < 0.20, f"{spent:.2f} s of CPU in one second at the limit")
    expect_equal(ask_dns(dns, "www.example.com").addresses, [origin.address], "DNS at the limit")
    expect_equal(martlet.api("GET", "/livez")[0], 200, "/livez at the limit")
    expect("limit" in martlet.log().lower(), "the log says that a limit is reached")
    for sock in held:
        sock.close()
    began = time.monotonic()
    eventually("full service again", lambda: Browser(http, timeout=1).ask()[0] == 200)
    expect(time.monotonic() - began < 1, "within a second")


@scenario("limits.connections bounds the clients of all workers together")
def connection_limit(scene):
    origin, = scene.origins("a")
    http = scene.port()
    martlet = scene.martlet(
        service(http, None, [origin], more="limits: { connections: 40 }\n"))
    held = open_idle(http, 40)
    extra = socket.create_connection(("127.0.0.1", http), timeout=5)
    extra.settimeout(0.7)
    extra.sendall(b"GET /plain HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
    try:
        data = extra.recv(100)
    except (TimeoutError, ConnectionError):
        data = b""
    expect(not data.startswith(b"HTTP/1.1 200"), "the 41st connection is not served")
    for sock in held[:10]:
        sock.close()
    eventually("a place is free", lambda: Browser(http, timeout=1).ask()[0] == 200)


@scenario("10 s of slow heads hold no honest client up and are cut in time", 40)
def slow_heads(scene):
    origin, = scene.origins("a")
    http = scene.port()
    martlet = scene.martlet(service(http, None, [origin], listener="timeouts: { header: 2s }"))
    slow = [socket.create_connection(("127.0.0.1", http)) for _ in range(500)]
    for sock in slow:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: www.exa")
    load = scene.load(http, rate=1000, connections=32, seconds=3)
    for _ in range(4):
        time.sleep(0.5)
        for sock in slow:
            try:
                sock.sendall(b"m")
            except OSError:
                pass
    load.join().expect_no_failure(least=2900)
    for sock in slow:
        sock.settimeout(1.0)

    def is_cut(sock):
        try:
            while sock.recv(4096):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    expect(all(is_cut(sock) for sock in slow), "every slow head is cut 2 s after its first byte")


@scenario("DNS over TCP: many questions on one connection, idle ones closed, a bound on their number")
def dns_tcp(scene):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    text = service(http, dns, [origin]).replace(
        f"dns: 127.0.0.1:{dns}", f"dns: 127.0.0.1:{dns}, tcp-idle: 1s, tcp-connections: 20")
    scene.martlet(text)
    expect_equal(ask_dns_tcp(dns, "www.example.com").addresses, [origin.address], "over TCP")
    held = [socket.create_connection(("127.0.0.1", dns)) for _ in range(30)]
    expect_equal(ask_dns(dns, "www.example.com").addresses, [origin.address], "UDP meanwhile")
    for sock in held:
        sock.settimeout(4)
        try:
            expect_equal(sock.recv(1), b"", "an idle connection is closed")
        except ConnectionError:
            pass
    expect_equal(ask_dns_tcp(dns, "www.example.com").addresses, [origin.address], "TCP afterwards")
