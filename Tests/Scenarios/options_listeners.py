# SPDX-License-Identifier: Apache-2.0
"""Options of listeners and routes: a listener or route with the option beside a plain one."""
import socket
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, ask_dns, ask_dns_tcp, curl, field, raw, statuses
from harness.service import service

T = "listeners[].timeouts."


def listeners(scene, **options):
    """One Martlet with a plain listener and one listener per option; returns the ports."""
    origin, = scene.origins("a")
    plain = scene.port()
    ports = {name: scene.port() for name in options}
    extra = "".join(f"  - {{ http: 127.0.0.1:{ports[name]}, {text} }}\n"
                    for name, text in options.items())
    text = service(plain, None, [origin]).replace("routes:\n", extra + "routes:\n")
    return origin, plain, ports, scene.martlet(text)


@scenario("fields of an HTTP listener", covers=[
    "listeners[].http", "listeners[].trusted-proxies", "listeners[].forwarded",
    "listeners[].request-id"])
def fields(scene):
    _, plain, ports, _ = listeners(
        scene, trusted="trusted-proxies: [ 127.0.0.0/8 ]", rfc="forwarded: forwarded",
        both="forwarded: both", none="forwarded: none", unnamed="request-id: false")
    heads = {}
    for name, port in {"plain": plain, **ports}.items():
        _, _, body = Browser(port).ask("/head", headers="X-Forwarded-For: 192.0.2.1\r\n")
        heads[name] = body.decode("latin-1")
    expect_equal(curl(f"http://127.0.0.1:{scene.port()}/")[0], 0, "a port without a listener")
    seen = {name: field(head, "X-Forwarded-For") for name, head in heads.items()}
    expect_equal(seen["plain"], "127.0.0.1", "X-Forwarded-For, nobody trusted")
    expect_equal(seen["trusted"], "192.0.2.1, 127.0.0.1", "X-Forwarded-For, client trusted")
    expect_equal((seen["rfc"], seen["none"]), (None, None), "X-Forwarded-For by policy")
    expect(seen["both"], "X-Forwarded-For with `both`")
    standard = {name: field(head, "Forwarded") for name, head in heads.items()}
    expect("for=127.0.0.1" in (standard["rfc"] or "").lower().replace('"', ""), f"{standard}")
    expect(standard["both"] and not standard["plain"] and not standard["none"], f"{standard}")
    expect(field(heads["plain"], "X-Request-Id"), "a request id by default")
    expect_equal(field(heads["unnamed"], "X-Request-Id"), None, "no request id when switched off")


@scenario("deadlines of an HTTP listener", covers=[
    T + "header", T + "idle", T + "send", T + "request"])
def deadlines(scene):
    _, plain, ports, _ = listeners(
        scene, header="timeouts: { header: 300ms }", idle="timeouts: { idle: 300ms }",
        send="timeouts: { send: 300ms }", request="timeouts: { request: 300ms }")
    half = b"GET / HTTP/1.1\r\nHost:"
    expect_equal(statuses(raw(ports["header"], half, timeout=1)), [408], "header: 300ms")
    expect_equal(raw(plain, half, timeout=0.7), b"", "half a head without it")

    idle, kept = Browser(ports["idle"]), Browser(plain)
    expect_equal((idle.ask()[0], kept.ask()[0]), (200, 200), "first requests")
    expect(idle.is_closed(1.0), "idle: 300ms closes the connection")
    expect(not kept.is_closed(0.5), "without it the connection is kept")

    expect_equal(Browser(plain).ask("/delay/700")[0], 200, "a slow answer without `request`")
    try:
        status = Browser(ports["request"]).ask("/delay/700")[0]
    except OSError:
        status = 0
    expect(status in (0, 408, 504), f"request: 300ms gives {status}")

    size, got = 30_000_000, {}
    for name, port in (("send", ports["send"]), ("plain", plain)):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", port))
        sock.settimeout(5)
        sock.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: www.example.com\r\n"
                     b"Connection: close\r\n\r\n" % size)
        got[name] = sock
    time.sleep(1.2)
    for name, sock in got.items():
        count = 0
        try:
            while piece := sock.recv(1 << 20):
                count += len(piece)
        except (ConnectionError, TimeoutError):
            pass
        got[name] = count
    expect(got["send"] < size < got["plain"], f"bytes read after a pause of 1.2 s: {got}")


@scenario("listeners[].timeouts.body-rate cuts a body that drips", covers=[T + "body-rate"])
def body_rate(scene):
    _, plain, ports, _ = listeners(scene, rate="timeouts: { body-rate: 20KiB }")
    seen = {}

    def drip(name, port):
        browser = Browser(port)
        browser.sock.sendall(b"POST /sum HTTP/1.1\r\nHost: www.example.com\r\n"
                             b"Content-Length: 20000\r\n\r\n")
        try:
            for _ in range(20):
                browser.sock.sendall(b"x" * 1000)
                time.sleep(0.4)
            seen[name] = browser.answer()[0]
        except OSError:
            seen[name] = 408

    threads = [threading.Thread(target=drip, args=entry)
               for entry in (("rate", ports["rate"]), ("plain", plain))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect_equal(seen, {"rate": 408, "plain": 200}, "2.5 kB/s with and without `body-rate: 20KiB`")


@scenario("options of a DNS listener", covers=[
    "listeners[].dns", "listeners[].edns-size", "listeners[].tcp-idle",
    "listeners[].tcp-connections"])
def dns_listener(scene):
    origin, = scene.origins("a")
    plain, small, quick, few = (scene.port() for _ in range(4))
    text = service(scene.port(), plain, [origin]).replace("routes:\n", f"""
  - {{ dns: 127.0.0.1:{small}, edns-size: 512 }}
  - {{ dns: 127.0.0.1:{quick}, tcp-idle: 300ms }}
  - {{ dns: 127.0.0.1:{few}, tcp-connections: 1 }}
routes:
""").replace("records:\n", f'records:\n      long: {{ txt: "{"x" * 700}" }}\n')
    scene.martlet(text)
    expect(not ask_dns(plain, "long.example.com", "TXT").truncated, "700 bytes fit by default")
    expect(ask_dns(small, "long.example.com", "TXT").truncated, "but not into edns-size: 512")
    kept = socket.create_connection(("127.0.0.1", plain))
    cut = socket.create_connection(("127.0.0.1", quick))
    cut.settimeout(1.0)
    expect_equal(cut.recv(1), b"", "tcp-idle: 300ms closes")
    kept.settimeout(0.3)
    try:
        expect(kept.recv(1) != b"", "closed without tcp-idle")
    except TimeoutError:
        pass
    held = [socket.create_connection(("127.0.0.1", port)) for port in (few, plain)]
    expect_equal(ask_dns_tcp(plain, "www.example.com").addresses, [origin.address], "a second client")
    try:
        ask_dns_tcp(few, "www.example.com", timeout=0.5)
        expect(False, "a second client was served with tcp-connections: 1")
    except OSError:
        pass
    for sock in held:
        sock.close()
    eventually("a place is free", lambda: ask_dns_tcp(few, "www.example.com", timeout=0.5).addresses)


@scenario("options of a route", covers=[
    "routes[].host", "routes[].path", "routes[].pool", "routes[].retry", "routes[].timeout",
    "routes[].body-limit"])
def routes(scene):
    a, b = scene.origins("a", "b")
    http, dead = scene.port(), scene.port("127.0.0.9")
    text = service(http, None, [a]).replace("pools:\n", f"""pools:
  other: {{ endpoints: [ {{ address: {b.at} }} ] }}
  half:
    balance: first-available
    passive: {{ failures: 0, error-rate: 0% }}
    endpoints: [ {{ address: 127.0.0.9:{dead} }}, {{ address: {a.at} }} ]
""").replace("routes:\n", """routes:
  - { host: www.example.com, path: /b/, pool: other }
  - { host: www.example.com, path: =/exact, pool: other }
  - { host: "*.wild.test", pool: other }
  - { host: once.test, pool: half, retry: 0 }
  - { host: again.test, pool: half }
  - { host: www.example.com, path: /hurry/, pool: web, timeout: 300ms }
  - { host: www.example.com, path: /little/, pool: web, body-limit: 100B }
""")
    scene.martlet(text)

    def ask(path, host="www.example.com", method="GET", body=b""):
        browser = Browser(http, host=host)
        status, head, _ = browser.ask(path, method, body=body)
        browser.close()
        return status, field(head, "X-Origin")

    expect_equal(ask("/"), (200, "a"), "/")
    expect_equal(ask("/b/x"), (200, "b"), "the longer prefix")
    expect_equal(ask("/b"), (200, "a"), "not below the prefix")
    expect_equal(ask("/exact"), (200, "b"), "the exact path")
    expect_equal(ask("/exact/more"), (200, "a"), "below the exact path")
    expect_equal(ask("/", host="x.y.wild.test"), (200, "b"), "a wildcard host")
    expect_equal(ask("/", host="wild.test")[0], 404, "the wildcard's own name")
    expect_equal(ask("/", host="again.test"), (200, "a"), "a dead endpoint, with retries")
    expect_equal(ask("/", host="once.test")[0], 502, "a dead endpoint, retry: 0")
    expect_equal(ask("/little/x", method="POST", body=b"x" * 200)[0], 413, "body-limit: 100B")
    expect_equal(ask("/other/x", method="POST", body=b"x" * 200)[0], 200, "without body-limit")
    a.fault("slow", seconds=0.8)
    expect_equal(ask("/plain")[0], 200, "a slow answer without timeout")
    try:
        status = ask("/hurry/x")[0]
    except OSError:
        status = 0
    expect(status in (0, 504), f"timeout: 300ms gives {status}")
