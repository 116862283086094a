# SPDX-License-Identifier: Apache-2.0
"""Taking endpoints out of service without harm: by the API, by the command, by the metrics."""
import json
import subprocess
import threading
import time

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import Browser, curl, field
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.service import service
from harness.websocket import Socket


def state(scene, martlet, *arguments):
    return martlet_command(scene, *arguments, "--admin", f"127.0.0.1:{martlet.admin}", within=40)


def sockets_at(http, **counts):
    """So many WebSockets through the endpoints of these names; what is too many is given too."""
    found = {name: [] for name in counts}
    for _ in range(200):
        socket = Socket(http)
        found.setdefault(field(socket.head, "X-Origin"), []).append(socket)
        if all(len(found[name]) >= count for name, count in counts.items()):
            return found
    raise OSError(f"no {counts} WebSockets")


@scenario("draining: no new work, tunnels and long answers go on until the cap, closings are spread",
          60, covers=["pools.*.drain-spread"])
def cap(scene):
    a, b = origins = scene.origins("a", "b")
    http = scene.port()
    martlet = scene.martlet(service(http, None, origins, pool="drain: 4s\ndrain-spread: 2s"))
    expect("M1366" in martlet_command(scene, "check", martlet.config)[1], "check warns of 4 s")
    found = sockets_at(http, b=12, a=3)
    sockets, others = found["b"], found["a"]
    browsers = [Browser(http) for _ in range(8)]
    for browser in browsers:
        browser.ask()
    eventually("kept connections", lambda: b.seen()["carrying"] > 12)

    slow = []
    def download():
        for _ in range(2):
            slow.append(curl(f"http://127.0.0.1:{http}/drip/30/50", "-H", "Host: www.example.com"))
    thread = threading.Thread(target=download)
    thread.start()
    time.sleep(0.2)
    began = time.monotonic()
    answer = martlet.patch("web", "b", {"administrative": "draining"})["endpoints"][0]
    expect_equal(answer["tunnels"], 12, "tunnels in the answer")
    expect(3.5 < answer["drainSeconds"] <= 4, f"remaining {answer['drainSeconds']}")
    # Idle connections go, what is in flight stays, new work goes elsewhere.
    eventually("idle connections to b are closed", lambda: b.seen()["carrying"] <= 13)
    expect_equal({field(Browser(http).ask()[1], "X-Origin") for _ in range(8)}, {"a"}, "new work")
    expect(all(socket.echo() for socket in sockets), "tunnels work on")
    left = martlet.metric("martlet_endpoint_drain_remaining_seconds", pool="web", endpoint="b")
    expect(0 < left < 4, f"the metric says {left}")
    expect_equal(martlet.metric("martlet_endpoint_tunnels", endpoint="b"), 12, "tunnels")
    status, text, _ = state(scene, martlet, "status")
    expect("draining" in text and "12 tunnels" in text, text)

    endings, times = [], []
    def watch(socket):
        endings.append(socket.ending(8))
        times.append(time.monotonic() - began)
    threads = [threading.Thread(target=watch, args=(socket,)) for socket in sockets]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    expect_equal(set(endings), {"1001"}, f"each client is told 1001: {endings}")
    expect(1.9 <= min(times) and max(times) <= 4.4, f"closed between 2 and 4 s: {times}")
    expect(max(times) - min(times) > 0.7, f"one by one: {times}")
    thread.join()
    expect_equal([(status, len(body)) for status, _, body in slow], [(200, 30)] * 2, "downloads")
    eventually("nothing is left", lambda: martlet.endpoint("web", "b")["inFlight"] == 0)
    eventually("the drain is over", lambda: martlet.endpoint("web", "b")["drainSeconds"] is None)
    expect_equal(martlet.endpoint("web", "b")["drainCuts"], 12, "cuts")
    martlet.access_entry("of a tunnel", lambda e: e.get("reason") == "endpoint-drained")
    expect(all(socket.echo() for socket in others), "tunnels elsewhere are not touched")
    martlet.patch("web", "b", {"administrative": "ready"})
    expect_equal({field(Browser(http).ask()[1], "X-Origin") for _ in range(8)}, {"a", "b"}, "back")


@scenario("drain-spread: 0s closes all at the cap; an endpoint taken back keeps its tunnels", 30)
def together(scene):
    a, b = origins = scene.origins("a", "b")
    http = scene.port()
    martlet = scene.martlet(service(http, None, origins, pool="drain: 1s\ndrain-spread: 0s"))
    sockets = sockets_at(http, b=4)["b"]
    martlet.patch("web", "b", {"administrative": "draining"})
    martlet.patch("web", "b", {"administrative": "ready"})
    never("a tunnel ends", lambda: not all(socket.echo() for socket in sockets), during=1.5)
    began = time.monotonic()
    martlet.patch("web", "b", {"administrative": "draining"})
    never("a tunnel ends early", lambda: not all(socket.echo() for socket in sockets), during=0.8)
    expect_equal([socket.ending() for socket in sockets], ["1001"] * 4, "endings")
    expect(0.9 < time.monotonic() - began < 2, "at the cap")
    # For this once another time, which the request gives.
    martlet.patch("web", "b", {"administrative": "ready"})
    sockets = sockets_at(http, b=2)["b"]
    answer = martlet.patch("web", "b", {"administrative": "draining", "drainSeconds": 30})
    expect(answer["endpoints"][0]["drainSeconds"] > 29, answer)
    for body in ({"administrative": "ready", "drainSeconds": 1}, {"drainSeconds": -1},
                 {"drainSeconds": "1s"}, {"drainSeconds": 1e9}):
        expect_equal(martlet.patch("web", "b", body, status=422)["code"], "M3016", f"{body}")
    martlet.patch("web", "b", {"drainSeconds": 0})
    expect_equal([socket.ending() for socket in sockets], ["1001"] * 2, "cut at once")


@scenario("martlet drain --wait: 0 when all has ended, 1 when something was cut, names suggested", 60)
def command(scene):
    a, b = origins = scene.origins("alpha", "beta")
    http = scene.port()
    martlet = scene.martlet(service(http, None, origins))
    done = state(scene, martlet, "drain", "web/beta", "--wait")
    expect_equal(done[0], 0, f"nothing to wait for: {done}")
    expect("nothing was cut" in done[1], done)
    expect_equal(martlet.endpoint("web", "beta")["administrative"], "draining", "state")
    expect_equal(state(scene, martlet, "ready", "web", "beta")[0], 0, "ready")
    expect_equal(martlet.endpoint("web", "beta")["administrative"], "ready", "state")

    # A request that ends by itself.
    result = []
    thread = threading.Thread(target=lambda: result.append(
        [Browser(http).ask("/delay/1500")[0] for _ in range(2)]))
    thread.start()
    eventually("in flight", lambda: martlet.endpoint("web", "alpha")["inFlight"]
               + martlet.endpoint("web", "beta")["inFlight"] > 0)
    began = time.monotonic()
    status, text, err = state(scene, martlet, "drain", "web", "--max", "20s", "--wait")
    expect_equal(status, 0, f"{text}{err}")
    expect(0.5 < time.monotonic() - began < 10, "waited for the request")
    expect("1 requests, 0 tunnels" in text, text)
    thread.join()
    expect_equal(result[0][0], 200, "the request that was in flight")
    expect_equal(state(scene, martlet, "ready", "web")[0], 0, "the whole pool is back")

    socket = sockets_at(http, beta=1)["beta"][0]
    status, text, err = state(scene, martlet, "drain", "web/beta", "--max", "1s", "--wait")
    expect_equal(status, 1, f"{text}{err}")
    expect("1 cut" in text and "1 tunnels" in text, text)
    expect_equal(socket.ending(), "1001", "the tunnel")
    status, out, _ = state(scene, martlet, "drain", "web/beta", "--json", "--wait")
    expect_equal((status, json.loads(out)["name"]), (0, "web"), "as JSON")

    for arguments, code, word in (
            (("drain", "wb/beta"), 1, "did you mean 'web'?"),
            (("drain", "web/bta"), 1, "did you mean 'beta'?"),
            (("ready", "web/gamma"), 1, "there are: alpha, beta"),
            (("drain",), 2, "POOL[/ENDPOINT] is missing"),
            (("drain", "web/"), 2, "no endpoint"),
            (("drain", "web", "--max", "soon"), 2, "--max"),
            (("ready", "web", "--wait"), 2, "unexpected '--wait'"),
            (("maintenence", "web"), 2, "did you mean 'maintenance'?")):
        status, _, err = state(scene, martlet, *arguments)
        expect_equal((status, word in err), (code, True), f"{arguments}: {err}")
    expect_equal(state(scene, martlet, "maintenance", "web/beta")[0], 0, "maintenance")
    expect_equal(martlet.endpoint("web", "beta")["administrative"], "maintenance", "state")


@scenario("a rolling deploy: each origin drained, replaced and returned in turn, and nobody notices",
          3600)
def rolling_deploy(scene):
    origins = scene.origins("a", "b", "c", "d")
    http = scene.port()
    secure, authority = scene.port(), Authority(scene)
    files = authority.make("www", "www.example.com")
    text = service(http, None, origins, pool="drain: 2s\nsticky: { cookie: SRV }")
    martlet = scene.martlet(text.replace(
        "routes:\n", f"  - {{ https: 127.0.0.1:{secure}, certificates: [{pair(files)}] }}\nroutes:\n"))
    load = scene.load(http, rate=2000 if scene.full else 500, connections=64, cookies=True)
    host = ["-H", "Host: www.example.com"]
    streams = Side(lambda: curl(f"http://127.0.0.1:{http}/drip/12/50", *host),
                   lambda answer: answer[0] == 200 and len(answer[2]) == 12)
    upload = scene.write("upload", "x" * 200_000)
    uploads = Side(lambda: curl(f"http://127.0.0.1:{http}/sum", *host, "-H", "Expect:", "-T", upload,
                                "--limit-rate", "400k"),
                   lambda answer: answer[0] == 200 and b"200000" in answer[2])
    second = Side(lambda: http2_session(scene, secure, authority), lambda seen: seen == HTTP2_SESSION)
    for number in range(100 if scene.full else 1):
        for origin in origins:
            status, text, err = state(scene, martlet, "drain", f"web/{origin.name}", "--wait")
            expect_equal(status, 0, f"drain {number} of {origin.name}: {text}{err}")
            origin.kill()
            eventually("the probe notices",
                       lambda: martlet.endpoint("web", origin.name)["health"] == "down")
            origin.start()
            eventually("the new one is up",
                       lambda: martlet.endpoint("web", origin.name)["health"] == "up")
            expect_equal(state(scene, martlet, "ready", f"web/{origin.name}")[0], 0, "ready")
            eventually("it is used again", lambda: origin.seen()["requests"] > 0)
    streams.stop("streams")
    uploads.stop("uploads")
    second.stop("HTTP/2")
    load.stop()
    load.expect_no_failure(least=1000)
    print(f"      {len(load.done)} requests, {second.count} times 40 pages and 4 streams by HTTP/2, "
          f"{streams.count} streams, {uploads.count} uploads: none failed", flush=True)
    expect_equal(set(load.picks()), {"a", "b", "c", "d"}, "origins used")
    expect(martlet.metric("martlet_sticky_moved_total", reason="drained") > 0, "sessions moved")


HTTP2_SESSION = ["200 2"] * 40 + ["200 2 12"] * 4


def http2_session(scene, secure, authority):
    """One curl with a cookie jar: 40 pages and 4 streams, eight at a time on one connection.

    Each transfer says its status and version, a stream its length too.
    """
    site, jar = f"https://www.example.com:{secure}", scene.path("jar")
    common = ["-sS", "--http2", "--cacert", authority.certificate, "--max-time", "20",
              "--resolve", f"www.example.com:{secure}:127.0.0.1", "-b", jar, "-c", jar]
    said = "%{stderr}%{http_code} %{http_version}"
    words = []
    for number in range(44):
        path, more = (f"/{number}", "") if number < 40 else ("/drip/12/50", " %{size_download}")
        words += ["--next", *common, "-o", "/dev/null", "-w", f"{said}{more}\\n", site + path]
    done = subprocess.run(["curl", "-Z", "--parallel-max", "8", "--no-progress-meter", *words[1:]],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=40)
    return sorted(done.stderr.decode().splitlines(), key=len)


class Side:
    """Something that is done again and again beside the load; what fails is kept."""

    def __init__(self, act, is_good):
        self.act, self.is_good = act, is_good
        self.count, self.failures, self.running = 0, [], True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.running:
            answer = self.act()
            self.count += 1
            if not self.is_good(answer):
                self.failures.append(answer)

    def stop(self, what):
        self.running = False
        self.thread.join(30)
        expect(self.count > 3, f"{what}: only {self.count}")
        expect(not self.failures, lambda: f"{what}: {self.failures[:3]}")
