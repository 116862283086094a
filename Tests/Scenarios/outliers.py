# SPDX-License-Identifier: Apache-2.0
"""Endpoints that answer, but badly: too slowly, or not to the end."""
import time

from harness import eventually, expect, expect_equal, scenario
from harness.load import LoadClient
from harness.service import service
from options_pools import Pools, endpoints

PAIR = "balance: round-robin, " + endpoints("address: '<a>', name: a", "address: '<b>', name: b")


@scenario("one slow endpoint of ten falls below 2 % within 5 s, ten alike stay alike", 120)
def slow_one(scene):
    origins = scene.origins(*"abcdefghij")
    http = scene.port()
    martlet = scene.martlet(service(
        http, None, origins, probe=None,
        pool="passive: { ejection: 3s, latency: { factor: 4, difference: 100ms, samples: 10 } }"))
    load = LoadClient(scene, http, rate=200, connections=40).start()
    scene.started.append(load)
    time.sleep(6)
    alike = time.monotonic()
    origins[3].fault("slow", seconds=0.6)
    slow = time.monotonic()
    endpoint = lambda: martlet.endpoint("web", "d")  # noqa: E731
    eventually("the slow one is ejected", lambda: endpoint()["circuit"] == "open", within=5)
    expect_equal(endpoint()["reason"], "passive-latency", "the reason says why")
    expect("median" in endpoint()["detail"], f"in figures: {endpoint()['detail']}")
    time.sleep(max(0.0, slow + 13 - time.monotonic()))
    end = time.monotonic()
    origins[3].fault(None)
    eventually("it is back when it is quick again",
               lambda: endpoint()["circuit"] == "closed", within=40)
    load.stop()
    load.expect_no_failure(least=2000)
    before = load.picks(until=alike)
    expect(min(before.values()) >= 0.9 * max(before.values()), f"ten alike: {before}")
    during = load.picks(since=slow + 5, until=end)
    share = during["d"] / sum(during.values())
    expect(share < 0.02, f"{share:.1%} of the requests still went to the slow one: {during}")
    expect('martlet_endpoint_ejections_total{pool="web",endpoint="a"} 0' in martlet.metrics(),
           "no other one was ejected")


@scenario("an endpoint that cuts its answers is ejected after a few, and returns by a trial", 60)
def cuts(scene):
    pools = Pools(
        scene, names="ab", plain="passive: { failures: 3, ejection: 700ms }, " + PAIR)
    a = pools.origins["a"]

    def circuit(name):
        return pools.endpoints(name)["a"]["circuit"]

    expect_equal(circuit("plain"), "closed", "at first")
    a.fault("truncated")
    began = time.monotonic()
    lost = [pools.ask("plain")[0] for _ in range(40)].count(0)
    # On a slow machine the first trials fall into these requests, and cost one each.
    trials = int((time.monotonic() - began) / 0.7)
    # A peer that only looks at heads would lose every second one, for ever.
    expect(1 <= lost <= 4 + trials, f"{lost} of 40 answers were cut, {trials} trials")
    expect_equal(circuit("plain"), "open", "after three cut answers")
    # Each trial costs one request, and each ejection is longer than the one before.
    for _ in range(2):
        eventually("a trial", lambda: pools.ask("plain")[0] == 0, within=6)
        eventually("it fails", lambda: circuit("plain") == "open", within=1)
    a.fault(None)
    eventually("the next trial", lambda: circuit("plain") == "half-open", within=6)
    page = pools.martlet.metrics()
    expect('martlet_endpoint_circuit{pool="plain",endpoint="a",state="half-open"} 1' in page,
           "the metric says half-open")
    for _ in range(14):
        expect_equal(pools.ask("plain")[0], 200, "requests of the trial")
    eventually("five successes close the circuit", lambda: circuit("plain") == "closed", within=2)
    words = [line for line in pools.martlet.log().splitlines() if "plain/a" in line]
    expect(any("half-open" in line for line in words), f"the log tells of it: {words}")
