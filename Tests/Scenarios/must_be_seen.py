# SPDX-License-Identifier: Apache-2.0
"""Origins die, drain, join and return under load: nobody notices, and all doors agree."""
import time

from harness import eventually, expect, scenario
from harness.service import service
from harness.watch import Watch, takes_work, why

VISIBLE = 0.100
# The watch itself looks every few milliseconds and shares two cores with everything else.
LOOK = 0.030


def at_once(watch, load_times, address, is_there, since, what):
    """API, DNS and HTTP picks all show the change within 100 ms of `since`."""
    times = {kind: watch.when(kind, address, is_there, since) for kind in ("api", "dns")}
    times["http"] = load_times
    for kind, moment in times.items():
        expect(moment is not None, f"{what}: never seen in {kind}")
        late = moment - since
        expect(late <= VISIBLE + LOOK, f"{what}: seen in {kind} {late * 1000:.0f} ms later")


def deciding_probe(origin, status, since, count):
    """The time of the probe that completed `count` in a row with this status."""
    row = [at for at, seen, _ in origin.seen()["probes"] if at >= since and seen == status]
    expect(len(row) >= count, f"origin {origin.name} saw {len(row)} probes with {status}")
    return row[count - 1]


@scenario("kill, drain, add and revive under load: no failed request, every change at once", 120)
def kill_drain_add_revive(scene):
    a, b, c = scene.origins("a", "b", "c")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, [a, b]))
    watch = Watch(martlet, dns)
    load = scene.load(http, rate=2000, connections=64)
    time.sleep(1)

    # Kill: the endpoint leaves by failed connects or probes, whichever decides first.
    killed = time.monotonic()
    a.kill()
    eventually("the killed origin leaves the API",
               lambda: not takes_work(martlet.endpoint("web", a.at)))
    eventually("the killed origin leaves DNS", lambda: a.address not in watch.ask_dns())
    # Add the third before the second drains, so that there is always one to serve.
    added = time.monotonic()
    martlet.reload(service(http, dns, [a, b, c]))
    eventually("the added origin is up", lambda: takes_work(martlet.endpoint("web", c.at)))
    time.sleep(0.5)

    drained = time.monotonic()
    martlet.patch("web", b.at, {"administrative": "draining"})
    eventually("the draining origin leaves DNS", lambda: b.address not in watch.ask_dns())
    time.sleep(0.5)

    revived = time.monotonic()
    a.start()
    eventually("the revived origin is up", lambda: takes_work(martlet.endpoint("web", a.at)))
    time.sleep(1)
    load.stop()
    watch.stop()

    load.expect_no_failure(least=4000)
    expect(not watch.problems, lambda: f"API or DNS did not answer: {watch.problems[:3]}")
    left = {kind: watch.when(kind, a.address, False, killed) for kind in ("api", "dns")}
    apart = abs(left["api"] - left["dns"])
    expect(apart <= VISIBLE + LOOK, f"kill: API and DNS differ for {apart * 1000:.0f} ms")
    up = deciding_probe(c, 200, added, 1)
    first = load.first_pick("c", since=added)
    at_once(watch, first, c.address, True, min(up, first), "add")
    at_once(watch, load.last_pick("b"), b.address, False, drained, "drain")
    at_once(watch, load.first_pick("a", since=revived), a.address, True,
            deciding_probe(a, 200, revived, 2), "revive")


@scenario("a failing and a recovering health check show in every door within 100 ms")
def break_and_heal(scene):
    a, b = scene.origins("a", "b")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, [a, b]))
    watch = Watch(martlet, dns)
    load = scene.load(http, rate=2000, connections=64)
    time.sleep(0.5)
    # The origin goes on serving: only its health check says that it should not be used.
    broken = time.monotonic()
    b.health("db")
    eventually("the broken origin is down",
               lambda: martlet.endpoint("web", b.at)["health"] == "down")
    reason = why(martlet.endpoint("web", b.at))
    time.sleep(0.5)
    healed = time.monotonic()
    b.health("ok")
    eventually("the healed origin is up", lambda: martlet.endpoint("web", b.at)["health"] == "up")
    time.sleep(0.5)
    load.stop()
    watch.stop()
    load.expect_no_failure(least=2000)
    fell = deciding_probe(b, 503, broken, 3)
    rose = deciding_probe(b, 200, healed, 2)
    last = max(d.sent for d in load.done if d.origin == "b" and d.sent < rose - 0.01)
    at_once(watch, last, b.address, False, fell, "break")
    at_once(watch, load.first_pick("b", since=rose - 0.001), b.address, True, rose, "heal")
    expect("db" in reason, f"the failing dependency is named in the reason: {reason!r}")
