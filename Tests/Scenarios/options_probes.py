# SPDX-License-Identifier: Apache-2.0
"""Options of probes: pools on one origin, each probed in its own way on a path of its own."""
import statistics
import time

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import Browser
from harness.service import service
from harness.watch import why

P = "probes.*."
RHYTHM = "interval: 100ms, timeout: 80ms, fast-interval: 100ms, jitter: 0%, rise: 2, fall: 3"


def probes(scene, **definitions):
    """One Martlet; for each definition a probe and a pool of that name on the same origin.

    A definition may override the rhythm, so each of its options stands only once.
    """
    origin, = scene.origins("a")
    lines, pools, routes = "", "", ""
    for name, text in definitions.items():
        given = {part.split(":")[0].strip() for part in text.split(", ")}
        rest = [part for part in RHYTHM.split(", ") if part.split(":")[0] not in given]
        lines += f"  {name}: {{ {', '.join([text, *rest])} }}\n"
        pools += f"  {name}: {{ probe: {name}, endpoints: [ {{ address: {origin.at} }} ] }}\n"
        routes += f"  - {{ host: {name}.test, pool: {name} }}\n"
    http = scene.port()
    text = service(http, None, [origin]).replace("probes:\n", "probes:\n" + lines, 1)
    text = text.replace("pools:\n", "pools:\n" + pools, 1).replace("routes:\n", "routes:\n" + routes)
    return origin, http, scene.martlet(text)


def health(martlet):
    """The health of each pool's endpoint, once all have a verdict."""
    def settled():
        seen = {pool["name"]: pool["endpoints"][0] for pool in martlet.snapshot()["pools"]}
        return seen if all(e["health"] != "unknown" for e in seen.values()) else None
    return eventually("every endpoint has a verdict", settled)


@scenario("what an HTTP probe asks", covers=[
    P + "http", P + "tcp", P + "method", P + "host", P + "headers.*", P + "port"])
def asks(scene):
    other = scene.origin("b", "127.0.0.11")
    other.health("fail")
    origin, _, martlet = probes(
        scene, plain="http: /healthz/plain", head="http: /healthz/head, method: HEAD",
        host="http: /healthz/host, host: health.test",
        field="http: /healthz/field, headers: { X-Check: deep }",
        port=f"http: /healthz/port, port: {other.port}", tcp="tcp: connect")
    seen = {name: e["health"] for name, e in health(martlet).items()}
    expect_equal(seen["port"], "down", "the probe on the other port")
    expect_equal({seen[n] for n in ("plain", "head", "host", "field", "tcp")}, {"up"}, "the others")
    heads = {name: origin.probes(f"/healthz/{name}")[0][2]
             for name in ("plain", "head", "host", "field")}
    expect(heads["plain"].startswith("GET /healthz/plain "), heads["plain"])
    expect(heads["head"].startswith("HEAD /healthz/head "), heads["head"])
    expect("Host: health.test" in heads["host"], heads["host"])
    expect("X-Check: deep" in heads["field"] and "X-Check" not in heads["plain"], heads["field"])
    expect_equal(origin.probes("/healthz/port"), [], "probes on the endpoint's own port")
    # The TCP probe does not care what the health page says.
    origin.health("fail")
    eventually("the HTTP probe says down",
               lambda: martlet.pool("plain")["endpoints"][0]["health"] == "down")
    never("the TCP probe says down",
          lambda: martlet.pool("tcp")["endpoints"][0]["health"] == "down")


@scenario("what an HTTP probe expects", covers=[
    P + "expect", P + "body-contains", P + "body-regex", P + "read-limit", P + "dependencies",
    P + "timeout"])
def expects(scene):
    _, _, martlet = probes(
        scene, status="http: /healthz/status/418, expect: [ 200-299, 418 ]",
        status_without="http: /healthz/status/418",
        contains="http: /healthz/body/starting, body-contains: ready",
        contains_without="http: /healthz/body/starting",
        regex="http: /healthz/body/load-97, body-regex: 'load-[0-8]?[0-9]$'",
        regex_without="http: /healthz/body/load-97",
        limit="http: /healthz/long, body-contains: ready, read-limit: 1KiB",
        limit_without="http: /healthz/long, body-contains: ready",
        require="http: /healthz/warn, dependencies: require",
        require_without="http: /healthz/warn",
        ignore="http: /healthz/warn, dependencies: ignore",
        timeout="http: /healthz/delay/200, timeout: 100ms",
        timeout_without="http: /healthz/delay/200, timeout: 900ms, interval: 1s")
    found = health(martlet)
    seen = {name: e["health"] for name, e in found.items()}
    for name in ("contains", "regex", "limit", "require", "timeout"):
        expect_equal((seen[name], seen[name + "_without"]), ("down", "up"), name)
    expect_equal((seen["status"], seen["status_without"]), ("up", "down"), "expect")
    expect("db" in why(found["require_without"]), "the failing dependency is reported")
    expect("db" not in why(found["ignore"]), "or ignored")


@scenario("the rhythm of probes", covers=[
    P + "interval", P + "rise", P + "fall", P + "jitter", P + "fast-interval"])
def rhythm(scene):
    origin, _, martlet = probes(
        scene, plain="http: /healthz/plain",
        slow="http: /healthz/slow, interval: 400ms",
        jitter="http: /healthz/jitter, jitter: 50%",
        rise="http: /healthz/rise, rise: 8", fall="http: /healthz/fall, fall: 9",
        fast="http: /healthz/fast, interval: 800ms, timeout: 700ms, fast-interval: 50ms",
        fast_without="http: /healthz/fast_without, interval: 800ms, timeout: 700ms, "
        "fast-interval: 800ms")
    health(martlet)
    origin.forget()
    time.sleep(2)
    gaps = {}
    for name in ("plain", "slow", "jitter"):
        times = [at for at, _, _ in origin.probes(f"/healthz/{name}")]
        gaps[name] = [b - a for a, b in zip(times, times[1:])]
    expect(0.09 < statistics.median(gaps["plain"]) < 0.12, f"100 ms: {gaps['plain']}")
    expect(0.38 < statistics.median(gaps["slow"]) < 0.43, f"400 ms: {gaps['slow']}")
    spread = {name: statistics.pstdev(gaps[name]) for name in ("plain", "jitter")}
    expect(spread["jitter"] > 3 * spread["plain"] + 0.005, f"jitter: {spread}")

    names = ("plain", "fall", "rise", "fast", "fast_without")
    origin.forget()
    origin.failing(*(f"/healthz/{name}" for name in names))

    def wait(state):
        times = {}

        def all_there():
            for pool in martlet.snapshot()["pools"]:
                if pool["name"] in names and pool["endpoints"][0]["health"] == state:
                    times.setdefault(pool["name"], time.monotonic())
            return len(times) == len(names)
        eventually(f"all are {state}", all_there, within=10)
        return times

    def count(name, status, until):
        return sum(1 for at, seen, _ in origin.probes(f"/healthz/{name}")
                   if seen == status and at <= until)

    down = wait("down")
    needed = {name: count(name, 503, down[name]) for name in names}
    expect(3 <= needed["plain"] <= 4 and 9 <= needed["fall"] <= 10, f"failures needed: {needed}")
    first = {name: next(at for at, s, _ in origin.probes(f"/healthz/{name}") if s == 503)
             for name in names}
    took = {name: down[name] - first[name] for name in names}
    expect(took["fast"] < 0.4 < 1.2 < took["fast_without"], f"seconds to go down: {took}")
    origin.forget()
    origin.failing()
    up = wait("up")
    needed = {name: count(name, 200, up[name]) for name in names}
    expect(2 <= needed["plain"] <= 3 and 8 <= needed["rise"] <= 9, f"successes needed: {needed}")


@scenario("a liveness probe cuts what is open, a readiness probe does not", covers=[P + "kind"])
def kind(scene):
    origin, http, martlet = probes(
        scene, live="http: /healthz/live, kind: liveness", ready="http: /healthz/ready")
    health(martlet)
    tunnels = {}
    for name in ("live", "ready"):
        tunnels[name] = Browser(http, host=f"{name}.test")
        status, _, _ = tunnels[name].ask(
            "/ws", headers="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
        expect_equal(status, 101, name)
    origin.failing("/healthz/live", "/healthz/ready")
    expect(tunnels["live"].is_closed(3.0), "liveness closes the tunnel")
    eventually("both are down", lambda: all(
        martlet.pool(n)["endpoints"][0]["health"] == "down" for n in tunnels))
    expect(not tunnels["ready"].is_closed(0.5), "readiness leaves it open")


@scenario("limits.concurrent-probes bounds the probes under way, and a reload moves the bound",
          covers=["limits.concurrent-probes"])
def concurrent(scene):
    origins = scene.origins(*"abcdef")
    http, dns = scene.port(), scene.port()
    slow = "{ http: /healthz/delay/100, interval: 300ms, timeout: 250ms, jitter: 0% }"
    text = service(http, dns, origins, probe=slow)
    martlet = scene.martlet(text)

    def delayed():
        return martlet.metric("martlet_limit_hits_total", limit="limits.concurrent-probes")

    never("no probe waits", lambda: delayed() > 0, during=0.7)
    martlet.reload("limits: { concurrent-probes: 1 }\n" + text)
    most = 0
    for _ in range(40):
        most = max(most, martlet.metric("martlet_probes_running"))
        time.sleep(0.02)
    # What ran already when the bound came down goes on to its end, 100 ms at most.
    expect(delayed() > 0, "probes wait for their turn, and are counted")
    before = [len(o.seen()["probes"]) for o in origins]
    never("more than one at a time", lambda: martlet.metric("martlet_probes_running") > 1, during=1)
    after = [len(o.seen()["probes"]) for o in origins]
    made = sum(after) - sum(before)
    expect(5 <= made <= 13, f"one after the other, {made} in a second of 100 ms each")
    expect(min(y - x for x, y in zip(before, after)) >= 1, f"each has its turn: {before} {after}")
    martlet.reload(text)
    time.sleep(0.6)
    now = delayed()
    never("no probe waits any more", lambda: delayed() > now, during=0.7)
    latest = martlet.endpoint("web", origins[0].at)["latestProbe"]
    expect(latest["passed"] and latest["status"] == 200, f"the latest probe {latest}")
    expect(0.09 < latest["seconds"] < 0.25, f"its duration {latest}")
    total = martlet.metric("martlet_probe_duration_seconds_total", endpoint="a")
    count = martlet.metric("martlet_probe_results_total", endpoint="a")
    expect(0.09 < total / count < 0.25, f"mean duration {total} / {count}")
