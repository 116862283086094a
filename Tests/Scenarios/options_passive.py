# SPDX-License-Identifier: Apache-2.0
"""Options of passive health: endpoints judged by real traffic."""
import time

from harness import eventually, expect, expect_equal, never, scenario
from options_pools import Pools, endpoints

PASSIVE = "pools.*.passive."
PAIR = "balance: first-available, " + endpoints("address: '<a>', name: a", "address: '<b>', name: b")


def passive(text):
    return "passive: { " + text + " }, " + PAIR


def is_ejected(pools, name):
    return bool(pools.endpoints(name)["a"].get("ejected"))


@scenario("what ejects an endpoint: failures, window, statuses, error rate, volume, share", 60,
          covers=[PASSIVE + part for part in (
              "failures", "window", "statuses", "error-rate", "minimum-volume", "max-ejected")])
def ejects(scene):
    pools = Pools(
        scene, names="ab", plain=PAIR,
        failures=passive("failures: 6"), off=passive("failures: 0, error-rate: 0%"),
        window=passive("window: 300ms"), statuses=passive("statuses: [ 418 ]"),
        rate=passive("error-rate: 20%, minimum-volume: 10"),
        volume=passive("error-rate: 20%, minimum-volume: 1000"),
        share=passive("max-ejected: 0%"))

    def send(name, path, count=1, pause=0.0):
        for _ in range(count):
            pools.ask(name, path)
            time.sleep(pause)

    for name in ("plain", "failures", "off", "share"):
        send(name, "/status/503", 4)
    eventually("four failures eject by default", lambda: is_ejected(pools, "plain"))
    expect_equal(set(pools.picks("plain", 10)), {"b"}, "an ejected endpoint is not used")
    for name in ("failures", "off", "share"):
        never(f"four failures eject in `{name}`", lambda: is_ejected(pools, name), during=0.2)
    send("failures", "/status/503", 3)
    eventually("six failures eject with failures: 6", lambda: is_ejected(pools, "failures"))

    send("window", "/status/503", 4, pause=0.4)
    never("failures far apart eject", lambda: is_ejected(pools, "window"), during=0.2)
    send("window", "/status/503", 4)
    eventually("failures close together eject", lambda: is_ejected(pools, "window"))

    send("statuses", "/status/503", 4)
    never("503 ejects with statuses: [418]", lambda: is_ejected(pools, "statuses"), during=0.2)
    send("statuses", "/status/418", 4)
    eventually("418 ejects with statuses: [418]", lambda: is_ejected(pools, "statuses"))

    for _ in range(10):
        for name in ("rate", "volume"):
            send(name, "/status/503")
            send(name, "/plain")
    eventually("every second failing ejects by rate", lambda: is_ejected(pools, "rate"))
    never("it ejects below the volume", lambda: is_ejected(pools, "volume"), during=0.2)


@scenario("how long an ejection lasts, and that repeats grow to a maximum", 60,
          covers=[PASSIVE + "ejection", PASSIVE + "ejection-max"])
def lasts(scene):
    pools = Pools(
        scene, names="ab", plain=passive("failures: 2"),
        short=passive("failures: 2, ejection: 400ms"),
        capped=passive("failures: 2, ejection: 400ms, ejection-max: 500ms"))

    def ejection(name):
        for _ in range(3):
            pools.ask(name, "/status/503")
        began = time.monotonic()
        eventually(f"`{name}` ejects", lambda: is_ejected(pools, name), within=1)
        eventually(f"`{name}` returns", lambda: not is_ejected(pools, name), within=5)
        return time.monotonic() - began

    for _ in range(3):
        pools.ask("plain", "/status/503")
    short = [ejection("short") for _ in range(3)]
    capped = [ejection("capped") for _ in range(3)]
    expect(is_ejected(pools, "plain"), "the default of 30 s lasts on")
    expect(0.3 < short[0] < 0.8, f"ejection: 400ms lasts {short[0]:.2f} s")
    expect(short[2] > short[0] + 0.4, f"repeats grow: {short}")
    expect(capped[2] < 0.9, f"ejection-max: 500ms holds: {capped}")


@scenario("half-open: how many requests at a time, and how many successes end it", 60,
          covers=[PASSIVE + "half-open.requests", PASSIVE + "half-open.successes"])
def half_open(scene):
    pools = Pools(
        scene, names="ab", plain=passive("failures: 2, ejection: 300ms"),
        two=passive("failures: 2, ejection: 300ms, half-open: { requests: 2, successes: 1000 }"),
        off=passive("failures: 2, ejection: 300ms, half-open: { requests: 0 }"),
        one=passive("failures: 2, ejection: 300ms, half-open: { successes: 1 }"))

    def circuit(name):
        return pools.endpoints(name)["a"]["circuit"]

    for name in ("plain", "two", "off", "one"):
        for _ in range(3):
            pools.ask(name, "/status/503")
        expect(circuit(name) in ("open", "half-open", "closed"), f"`{name}` has a state")
    eventually("`off` is back at once", lambda: circuit("off") == "closed", within=3)
    for name in ("plain", "two", "one"):
        eventually(f"`{name}` is on trial", lambda: circuit(name) == "half-open", within=3)
    # The first in the list gets all that it may have; the rest goes to the second.
    for name, most in (("two", 2), ("plain", 3), ("off", 12)):
        answers = [origin for _, origin, _ in pools.at_once(name, 12, "/delay/400")]
        expect_equal(answers.count("a"), most, f"at a time in `{name}`: {answers}")
    expect_equal(pools.ask("one"), (200, "a"), "a trial of `one`")
    eventually("one success is enough for `one`", lambda: circuit("one") == "closed", within=2)
    expect_equal(circuit("plain"), "half-open", "three are not for the default of five")
    for _ in range(3):
        pools.ask("plain")
    eventually("five are", lambda: circuit("plain") == "closed", within=2)
    expect_equal(circuit("two"), "half-open", "and not for a thousand")


@scenario("latency: what is too slow, and for whom", 60, covers=[
    PASSIVE + "latency." + part for part in ("factor", "difference", "samples", "endpoints")])
def latency(scene):
    three = ("balance: round-robin, " + endpoints(
        "address: '<a>', name: a", "address: '<b>', name: b", "address: '<c>', name: c"))

    def judged(text):
        return "passive: { latency: { " + text + " } }, " + three

    pools = Pools(
        scene, names="abc", off=three, plain=judged("factor: 3, samples: 5"),
        factor=judged("factor: 1000, samples: 5"),
        difference=judged("factor: 3, samples: 5, difference: 10s"),
        samples=judged("factor: 3, samples: 1000"),
        endpoints=judged("factor: 3, samples: 5, endpoints: 4"))
    pools.origins["a"].fault("slow", seconds=0.25)
    # Of a median of microseconds a thousand times as much would be within reach.
    for name in "bc":
        pools.origins[name].fault("slow", seconds=0.005)
    time.sleep(1.2)  # the first look only notes where each stands
    for name in ("off", "plain", "factor", "difference", "samples", "endpoints"):
        pools.at_once(name, 45, "/")
    eventually("five times as slow as the median is ejected", lambda: is_ejected(pools, "plain"))
    never("others eject", lambda: any(is_ejected(pools, name) for name in (
        "off", "factor", "difference", "samples", "endpoints")), during=2.5)
    expect_equal(pools.endpoints("plain")["a"]["reason"], "passive-latency", "the reason")
