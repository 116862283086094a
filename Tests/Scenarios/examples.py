# SPDX-License-Identifier: Apache-2.0
"""The configurations of Examples/, with addresses of this machine, request by request."""
import base64
import collections
import os
import re
import socket
import ssl
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl, dig, field
from harness.certificates import Authority
from harness.martlet import martlet_command

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Examples")
HOST = "photos.example.com"


def example(name):
    with open(os.path.join(FOLDER, name)) as file:
        return file.read()


def local(text, port):
    """10.0.x.y stands on 127.0.x.y here, all on one port, and origins have /healthz."""
    text = re.sub(r"10\.0\.(\d+)\.(\d+):\d+", rf"127.0.\1.\2:{port}", text)
    return text.replace("http: /health,", "http: /healthz,").replace("http: /,", "http: /healthz,")


def brisk(text):
    """Probes as often as a test has patience for; rise and fall stay what they are."""
    return re.sub(r"interval: \ds, timeout: \ds", "interval: 100ms, timeout: 90ms, "
                  "fast-interval: 100ms", text)


class Photos:
    """The photo site with its endpoints, and ways to ask it."""

    def __init__(self, scene):
        authority = Authority(scene)
        certificate, key = authority.make("photos", HOST)
        self.authority = authority.certificate
        self.port, at = scene.port(), scene.port()
        self.origins = {name: scene.origin(name, f"127.0.{net}.{host}", at)
                        for name, net, host in (
                            ("large", 1, 1), ("middle", 1, 2), ("small", 1, 3), ("backup", 1, 4),
                            ("static1", 2, 1), ("static2", 2, 2), ("ws1", 3, 1), ("ws2", 3, 2))}
        text = brisk(local(example("photos/photos.yaml"), at))
        text = text.replace('https: ":443"', f"https: 127.0.0.1:{self.port}")
        text = text.replace("photos.crt", certificate).replace("photos.key", key)
        self.martlet = scene.martlet("workers: 1\n" + text)
        self.wait_up(4)

    def wait_up(self, count):
        eventually(f"{count} endpoints of the API are up", lambda: sum(
            endpoint["health"] == "up"
            for endpoint in self.martlet.pool("api")["endpoints"]) == count)

    def ask(self, path, *options):
        return curl(f"https://{HOST}:{self.port}{path}", "--cacert", self.authority,
                    "--connect-to", f"{HOST}:{self.port}:127.0.0.1:{self.port}", *options)

    def at(self, path, *options):
        """The endpoint that answered."""
        status, head, _ = self.ask(path, *options)
        return field(head, "X-Origin") if status == 200 else status

    def parallel(self, path, count):
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(self.at(path)))
                   for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return collections.Counter(seen)

    def switch(self, source):
        """The endpoint that a WebSocket is opened to, and what it echoes."""
        context = ssl.create_default_context(cafile=self.authority)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=5,
                                         source_address=(source, 0))
        sock = context.wrap_socket(plain, server_hostname=HOST)
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(f"GET /ws/chat HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\n"
                     f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            piece = sock.recv(4096)
            expect(piece, f"closed after {head!r}")
            head += piece
        expect(head.startswith(b"HTTP/1.1 101 "), f"{head!r}")
        sock.sendall(b"\x81\x05hello")
        echo = sock.recv(100)
        sock.close()
        return field(head.decode(), "X-Origin"), echo


@scenario("the photo site of Examples: weights, reserve, WebSocket, retries, static files, health",
          120)
def photos(scene):
    site = Photos(scene)
    api = [site.origins[name] for name in ("large", "middle", "small")]

    # The door itself answers for its health, with nobody behind it.
    status, head, body = site.ask("/health")
    expect_equal((status, body, field(head, "Content-Type")), (200, b"OK", "text/plain"), "/health")
    for path in ("/health", "/api/x", "/static/a.css"):
        head = site.ask(path)[1]
        expect_equal((field(head, "Strict-Transport-Security"),
                      field(head, "X-Content-Type-Options")), ("max-age=31536000", "nosniff"), path)
    expect_equal(site.ask("/elsewhere")[0], 404, "a path without a route")
    done = curl(f"https://{HOST}:{site.port}/api/x", "--cacert", site.authority, "--http2",
                "--connect-to", f"{HOST}:{site.port}:127.0.0.1:{site.port}", "-w", "%{http_version}")
    expect(done[2].endswith(b"2") or b"HTTP/2" in done[2], "HTTP/2 is spoken")

    # Each route has numbers of its own.
    for route, count in ((f"{HOST}/health*", 2), (f"{HOST}/static/*", 1)):
        got = site.martlet.metric("martlet_route_requests_total", route=route)
        expect_equal(got, count, f"requests of {route}")
        timed = site.martlet.metric("martlet_route_duration_seconds_count", route=route)
        expect_equal(timed, count, f"durations of {route}")

    # What the API is told.
    told = site.ask("/head")[0], site.ask("/api/head")[0]
    expect_equal(told, (404, 200), "only /api/ is the API's")
    seen = next(text for origin in api for text in origin.seen()["heads"])
    expect_equal([field(seen, name) for name in (
        "Host", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto")],
        [f"{HOST}:{site.port}", "127.0.0.1", "127.0.0.1", "https"], "fields")

    # Least connections by weight: with as many requests under way as weights, each has its share.
    for origin in api:
        origin.fault("slow", seconds=1.5)
    shares = site.parallel("/api/work", 12)
    expect_equal(shares, {"large": 6, "middle": 4, "small": 2}, "12 at a time, 3:2:1")
    for origin in api:
        origin.fault()

    # Static files in turn.
    turn = [site.at("/static/a.css") for _ in range(6)]
    expect_equal(sorted(turn), ["static1"] * 3 + ["static2"] * 3, "static files")
    expect(all(a != b for a, b in zip(turn, turn[1:])), f"in turn: {turn}")

    # WebSocket: through, and a client comes back to its endpoint.
    homes = {}
    for number in range(2, 18):
        source = f"127.0.0.{number}"
        visits = [site.switch(source) for _ in range(3)]
        expect_equal({echo for _, echo in visits}, {b"\x81\x05hello"}, "echo")
        expect_equal(len({home for home, _ in visits}), 1, f"endpoints of {source}")
        homes[source] = visits[0][0]
    expect_equal(set(homes.values()), {"ws1", "ws2"}, f"endpoints of all clients: {homes}")

    # A server that breaks off: the request goes to another one, once; POST does not go twice.
    site.origins["large"].fault("close")
    answers = [site.at("/api/x") for _ in range(12)]
    expect(set(answers) <= {"middle", "small"}, f"GET with one broken: {answers}")
    for origin in api:
        origin.fault("close")
    before = sum(origin.seen()["requests"] for origin in api)
    expect_equal(site.ask("/api/x")[0], 502, "GET with all broken")
    eventually("two attempts", lambda: sum(o.seen()["requests"] for o in api) - before in (1, 2))
    for origin in api:
        origin.fault()


@scenario("the reserve of the photo site serves only while the others are down", 90)
def reserve(scene):
    site = Photos(scene)
    api = [site.origins[name] for name in ("large", "middle", "small")]
    expect("backup" not in {site.at("/api/x") for _ in range(20)}, "nobody is down")
    for origin in api[:2]:
        origin.health("fail")
    site.wait_up(2)
    expect_equal({site.at("/api/x") for _ in range(10)}, {"small"}, "two of three are down")
    api[2].health("fail")
    site.wait_up(1)
    expect_equal({site.at("/api/x") for _ in range(10)}, {"backup"}, "all three are down")
    api[0].health("ok")
    site.wait_up(2)
    expect_equal({site.at("/api/x") for _ in range(10)}, {"large"}, "one is back")


def checked(scene, name, probes):
    """Martlet with one of the health examples; (its endpoints, ask, martlet)."""
    http, at = scene.port(), scene.port()
    origins = [scene.origin(f"o{i}", f"127.0.1.{i}", at) for i in (1, 2, 3)]
    text = local(example(f"health/{name}.yaml"), at)
    text = brisk(text) if probes else text
    martlet = scene.martlet("workers: 1\n" + text.replace('":8080"', f"127.0.0.1:{http}"))

    def answers(count, path="/api/x"):
        return collections.Counter(
            field(head, "X-Origin") if status == 200 else status
            for status, head, _ in (curl(f"http://127.0.0.1:{http}{path}") for _ in range(count)))
    return origins, answers, martlet


@scenario("the active checks of Examples take an endpoint out after three failures, in after two")
def active(scene):
    for name in ("active", "expect-status"):
        origins, answers, martlet = checked(scene, name, True)
        eventually("all are up", lambda: len(answers(6)) == 3)
        origins[0].forget()
        origins[0].health("fail")
        eventually("the failing one is out", lambda: "o1" not in answers(6))
        probes = [status for _, status, _ in origins[0].seen()["probes"]]
        expect(probes.count(503) >= 3, f"{name}: {probes}")
        origins[0].forget()
        origins[0].health("ok")
        eventually("and back", lambda: answers(6)["o1"] > 0)
        probes = [status for _, status, _ in origins[0].seen()["probes"]]
        expect(probes.count(200) >= 2, f"{name}: {probes}")
        martlet.stop()
        for origin in origins:
            origin.end()


@scenario("the passive checks of Examples rest an endpoint after three failures")
def passive(scene):
    origins, answers, martlet = checked(scene, "passive", False)
    expect_equal(sorted(answers(9)), ["o1", "o2", "o3"], "all serve")
    origins[0].fault("reset")
    seen = answers(30)
    expect_equal(set(seen), {"o2", "o3"}, "no client sees the broken one")
    failed = origins[0].seen()["requests"]
    expect(3 + 3 <= failed <= 3 + 4, f"{failed} requests reached it, three of them before")
    answers(10)
    expect_equal(origins[0].seen()["requests"], failed, "it rests")


@scenario("the URL shortener of Examples: nearest region, health and a weighted rollout in one")
def shortener(scene):
    at = scene.port()
    places = ["1.1", "1.2", "1.9", "2.1", "2.2", "2.9", "3.1", "3.2"]
    origins = {place: scene.origin(place, f"127.0.{place}", at) for place in places}
    text = local(example("url-shortener/shortener.yaml"), at).replace("10.0.", "127.0.")
    text = re.sub("interval: 5s, timeout: 2s, fast-interval: 1s", "interval: 100ms, timeout: 90ms, "
                  "fast-interval: 100ms", text).replace("settle: 10s", "settle: 500ms")
    dns, http = scene.port(), scene.port()
    text = text.replace('dns: ":53"', f"dns: 127.0.0.1:{dns}")
    text = text.replace('http: ":80"', f"http: 127.0.0.1:{http}").replace("port: 80", f"port: {at}")
    martlet = scene.martlet("workers: 1\n" + text)
    client = {"eu": "203.0.113.7", "us": "198.51.100.7", "ap": "192.0.2.7"}

    def answered(region, name="sho.rt"):
        lines = dig(dns, name, "A", f"+subnet={client[region]}/24")
        return {line.removeprefix("127.0.") for line in lines if line.startswith("127.")}

    def rolled(share, count=120):
        """How many of the answers for Europe are of the version that comes."""
        return sum(answered("eu") == {"1.9"} for _ in range(count)) / count - share

    expect_equal([answered(region) for region in client],
                 [{"1.1", "1.2"}, {"2.1", "2.2"}, {"3.1", "3.2"}], "everybody to the nearest region")
    expect_equal(answered("eu", "www.sho.rt"), {"1.1", "1.2"}, "the alias goes the same way")
    # Health: without Europe its clients go to the next nearest, and come back when it has.
    for place in ("1.1", "1.2", "1.9"):
        origins[place].health("fail")
    eventually("Europe's clients are served by America", lambda: answered("eu") == {"2.1", "2.2"})
    expect_equal(answered("ap"), {"3.1", "3.2"}, "Asia's stay where they are")
    for place in ("1.1", "1.2", "1.9"):
        origins[place].health()
    eventually("Europe is back", lambda: answered("eu") == {"1.1", "1.2"})
    # The rollout: a share of Europe alone, halted and taken back when the new version fails.
    for words in ("rollout europe start", "rollout europe finish"):
        status, out, err = martlet_command(scene, "steer", *words.split(), "--admin",
                                           f"127.0.0.1:{martlet.admin}")
        expect_equal(status, 0, out + err)
        share = 0.05 if words.endswith("start") else 1
        expect(abs(rolled(share)) < 0.12, f"{words}: about {share} of the answers")
    expect_equal(answered("us"), {"2.1", "2.2"}, "America has not begun")
    # With all of it at the new version, health alone takes it away again.
    origins["1.9"].health("fail")
    eventually("the next nearest serves", lambda: answered("eu") == {"2.1", "2.2"})
    status, out, err = martlet_command(scene, "steer", "rollout", "europe", "back", "--admin",
                                       f"127.0.0.1:{martlet.admin}")
    expect_equal(status, 0, out + err)
    eventually("the version that was", lambda: answered("eu") == {"1.1", "1.2"})
    # Where names send clients, the door serves from the same picture.
    status, _, body = curl(f"http://127.0.0.1:{http}/", "-H", "Host: eu.sho.rt")
    expect_equal(status, 200, f"by HTTP: {body}")


@scenario("every example is a configuration that `martlet check` takes")
def every_example(scene):
    found = 0
    for folder, _, names in os.walk(FOLDER):
        for name in names:
            if not name.endswith(".yaml"):
                continue
            found += 1
            text = open(os.path.join(folder, name)).read()
            if "certificates" in text:
                certificate, key = Authority(scene, "ca-" + name).make("photos", HOST)
                text = text.replace("photos.crt", certificate).replace("photos.key", key)
            path = scene.write(name, text)
            status, out, err = martlet_command(scene, "check", path)
            expect_equal(status, 0, f"{name}: {out}{err}")
    expect(found >= 4, f"{found} examples")
