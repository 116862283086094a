# SPDX-License-Identifier: Apache-2.0
"""A crash is not an outage: the supervisor keeps the sockets and the state outlives the process."""
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns
from harness.service import service


@scenario("kill -9 of the serving process under load costs only what was in flight", 400)
def kill_serving(scene):
    a, b, c = scene.origins("a", "b", "c")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, [a, b, c]))
    martlet.patch("web", c.at, {"administrative": "draining"})
    b.health("fail")
    eventually("b is down", lambda: martlet.endpoint("web", b.at)["health"] == "down")
    load = scene.load(http, rate=2000, connections=64)
    time.sleep(0.5)
    kills, back = [], []
    for number in range(100 if scene.full else 5):
        old = martlet.serving()
        at = martlet.kill_serving()
        kills.append(at)
        eventually("a new serving process",
                   lambda: martlet.serving() != old and ask_dns(dns, "www.example.com", timeout=0.05),
                   within=5, every=0.001)
        back.append(time.monotonic() - at)
        expect_equal(set(ask_dns(dns, "www.example.com").addresses), {a.address},
                     f"the DNS answer after kill {number + 1}")
        eventually("the admin listener is back", lambda: martlet.api("GET", "/readyz")[0] == 200)
        expect_equal(martlet.endpoint("web", b.at)["health"], "down", "health outlives the kill")
        expect_equal(martlet.endpoint("web", c.at)["administrative"], "draining",
                     "the administrative state outlives the kill")
        time.sleep(0.4)
    load.stop()
    refused = [f for f in load.failed if f.cause.startswith("connect")]
    expect(not refused, lambda: f"connections refused: {load.causes()}")
    for failure in load.failed:
        # A dying process closes its sockets some milliseconds after the signal.
        expect(any(kill - 0.5 < failure.sent < kill + 0.05 < failure.at + 0.1 for kill in kills),
               f"a request failed that was not in flight at a kill: {failure}")
    expect(len(load.failed) <= 64 * len(kills), f"more failed than were in flight: {load.causes()}")
    expect_equal(set(load.picks()), {"a"}, "only the healthy, ready origin was used")
    after = [min((d.done for d in load.done if d.sent > kill), default=0) - kill for kill in kills]
    typical = sorted(after)[len(after) // 2]
    expect(typical <= 0.100, f"typically back after {typical * 1000:.0f} ms: {after}")
    expect(max(after) <= 0.300, f"the slowest return took {max(after) * 1000:.0f} ms")


@scenario("repeated crashes back off, are reported, and the last request is kept for the report")
def crash_report(scene):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, [origin]))
    martlet.kill_serving()
    eventually("the crash is in the log", lambda: "SIGKILL" in crash_lines(martlet))
    martlet.wait_ready()
    text = martlet.metrics()
    expect("restarts" in text or "crashes" in text, "a metric counts the restarts")


def crash_lines(martlet):
    words = ("crash", "restart", "killed", "signal")
    return "\n".join(l for l in martlet.log().splitlines() if any(w in l.lower() for w in words))
