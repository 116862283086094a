# SPDX-License-Identifier: Apache-2.0
"""How long failover by DNS takes: measured through a caching resolver, against what is computed.

The computed numbers come from `martlet failover-time` alone; the clocks here only measure.
"""
import json
import random
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns
from harness.martlet import martlet_command
from harness.peer import unbound

NAMES = ("fixed", "follows", "made")


def start(scene):
    a, b = scene.origins("a", "b")
    dns = scene.port()
    text = f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
probes:
  quick: {{ http: /healthz, port: {a.port}, interval: 400ms, fast-interval: 200ms, timeout: 150ms,
    rise: 2, fall: 2 }}
  made: {{ of: [ {{ pool: site }} ] }}
pools: {{ site: {{ probe: quick, endpoints: [ {{ address: "{a.address}:{a.port}" }} ] }} }}
zones:
  a.test:
    soa: {{ primary: ns.a.test, mailbox: me@a.test }}
    records:
      ns: {{ a: 127.0.0.1 }}
      fixed: {{ steer: fixed }}
      follows: {{ steer: follows }}
      made: {{ steer: made }}
steer:
  fixed: {{ failover: [ {a.address}, {b.address} ], probe: quick, ttl: 2s, min-ttl: 2s }}
  follows: {{ failover: [ {a.address}, {b.address} ], probe: quick, ttl: 2s, min-ttl: 1s }}
  made: {{ failover: [ {{ address: {a.address}, probe: made }}, {b.address} ], ttl: 2s, min-ttl: 1s }}
"""
    return a, b, dns, scene.martlet(text)


def computed(scene, *arguments):
    status, out, err = martlet_command(scene, "failover-time", "--json", *arguments)
    expect_equal(status, 0, f"failover-time {arguments}: {err}")
    return {entry["name"].partition(".")[0]: entry for entry in json.loads(out)["names"]}


def fail(origin, fault):
    """Has the origin fail as the row of the table says; returns when it did."""
    if fault == "refuses":
        origin.health("fail")
    else:
        origin.health("ok", delay=3600)
    return time.monotonic()


def measure(resolver, since, other, limit):
    """Seconds until a client that asks all the time sees only the other address, by name."""
    last = dict.fromkeys(NAMES, since)
    seen = set()
    while seen != set(NAMES):
        expect(time.monotonic() - since < limit, lambda: f"{set(NAMES) - seen} did not fail over")
        for name in NAMES:
            found = ask_dns(resolver, f"{name}.a.test").addresses
            if found == [other]:
                seen.add(name)
            else:
                expect(name not in seen, f"{name} went back to {found}")
                last[name] = time.monotonic()
        time.sleep(0.005)
    return {name: moment - since for name, moment in last.items()}


@scenario("failover behind a caching resolver takes as long as failover-time says", 300)
def measured(scene):
    a, b, dns, martlet = start(scene)
    resolver = scene.port()
    unbound(scene, resolver, {"a.test": dns})
    expected = computed(scene, "--config", martlet.config)
    admin = f"127.0.0.1:{martlet.admin}"
    expect_equal(computed(scene, "--admin", admin), expected, "by the running server")
    chance = random.Random(scene.full)
    times = {(fault, name): [] for fault in ("refuses", "hangs") for name in NAMES}
    for number in range(20 if scene.full else 6):
        eventually("the first address serves again", lambda: all(
            ask_dns(resolver, f"{name}.a.test").addresses == [a.address] for name in NAMES), 10)
        until = time.monotonic() + 1 + chance.random() * 2
        while time.monotonic() < until:
            for name in NAMES:  # what a busy resolver's clients do
                ask_dns(resolver, f"{name}.a.test")
            time.sleep(0.01)
        fault = ("refuses", "hangs")[number % 2]
        since = fail(a, fault)
        for name, taken in measure(resolver, since, b.address, 10).items():
            times[fault, name].append(taken)
        a.health("ok")
    means = []
    for (fault, name), taken in times.items():
        total = expected[name]["probes"][0][fault]["total"]
        shown = ", ".join(f"{value:.2f}" for value in sorted(taken))
        print(f"      {name} {fault}: {shown} s; computed {total}", flush=True)
        for value in taken:
            expect(total["best"] - 0.02 <= value <= total["worst"],
                   f"{name} {fault}: {value:.3f} s is not within {total}: {shown}")
        means.append((sum(taken) / len(taken), total["typical"]))
    # Over all rows: a row of a short run has too few for a mean of its own.
    mean, typical = (sum(column) / len(means) for column in zip(*means))
    expect(abs(mean - typical) <= max(1, typical / 10),
           f"on average {mean:.3f} s, computed {typical:.3f} s: {means}")


@scenario("failover-within: check warns where the worst case takes longer, and says what to change",
          covers=["steer.*.failover-within"])
def bound(scene):
    _, _, _, martlet = start(scene)
    status, out, err = martlet_command(scene, "check", martlet.config)
    expect(status == 0 and "M1393" not in out, f"without a bound: {out}{err}")
    worst = computed(scene, "--config", martlet.config)["fixed"]["worstSeconds"]
    for milliseconds, is_kept in ((int(worst * 1000) + 1, True), (int(worst * 1000) - 1, False)):
        martlet.reload(martlet.text().replace(
            "min-ttl: 2s }", f"min-ttl: 2s, failover-within: {milliseconds}ms }}"))
        status, out, err = martlet_command(scene, "check", martlet.config)
        expect_equal(status, 0, f"check: {out}{err}")
        expect(("M1393" in out) != is_kept, f"{milliseconds} ms of {worst} s: {out}")
        entry = martlet.json("GET", "/api/v1/failover-time?name=fixed.a.test")["names"][0]
        expect_equal(entry["isWithin"], is_kept, f"{milliseconds} ms")
        martlet.configure(martlet.text().replace(f", failover-within: {milliseconds}ms", ""))
    expect("failover-within: " in out and "a `ttl` and a `min-ttl` of 1s" in out, f"the place and the way out: {out}")
    status, out, err = martlet_command(scene, "failover-time", "none.a.test", "--config", martlet.config)
    expect(status == 2 and "none.a.test" in err, f"a name that is not steered: {out}{err}")


@scenario("dns.resolver-floor-30s and -60s: the share of clients that slow resolvers hold back counts",
          covers=["dns.resolver-floor-30s", "dns.resolver-floor-60s"])
def crowd(scene):
    _, _, _, martlet = start(scene)

    def row():
        entry = martlet.json("GET", "/api/v1/failover-time?name=fixed.a.test")["names"][0]
        return entry["probes"][0]["refuses"]

    usual = row()
    expect_equal([floor["sharePercent"] for floor in usual["floors"]], [8, 2], "guessed")
    expect(usual["total"]["typical"] < usual["all"]["typical"] < usual["floors"][0]["total"]["typical"],
           f"between those who obey and the others: {usual}")
    martlet.reload("dns: { resolver-floor-30s: 0%, resolver-floor-60s: 0% }\n" + martlet.text())
    expect_equal(row()["all"], row()["total"], "all obey")
    martlet.reload(martlet.text().replace("floor-60s: 0%", "floor-60s: 100%"))
    expect_equal(row()["all"], row()["floors"][1]["total"], "all keep answers for a minute")
    status, out, err = martlet_command(scene, "failover-time", "--config", martlet.config, "fixed.a.test")
    expect(status == 0 and "60 s at least (100 %)" in out and "all clients together" in out, out + err)
