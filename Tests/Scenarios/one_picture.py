# SPDX-License-Identifier: Apache-2.0
"""One health picture: every worker of every door sees the same flip at its next choice."""
from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, ask_dns
from harness.service import service


def flip(scene, workers):
    a, b = scene.origins("a", "b")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, [a, b], workers=workers))
    # The kernel spreads connections and questions over the workers by port: 64 reach all of them.
    browsers = [Browser(http) for _ in range(64)]

    def picks():
        return {browser.ask()[1].split("X-Origin: ")[1][0] for browser in browsers}

    def answers():
        return [set(ask_dns(dns, "www.example.com").addresses) for _ in range(64)]

    expect_equal(picks(), {"a", "b"}, "picks before")
    before = martlet.snapshot()
    b.health("fail")
    # Nothing but the API is asked until it shows the flip: the next choice of each worker must
    # then show it too, without a first request that corrects a stale view.
    def is_down():
        return martlet.endpoint("web", b.at)["health"] == "down"
    eventually("b is down", is_down)
    after = martlet.snapshot()
    expect_equal(picks(), {"a"}, "HTTP picks on every worker right after the flip")
    for answer in answers():
        expect_equal(answer, {a.address}, "DNS answers on every worker right after the flip")
    expect_equal(after["generation"], before["generation"], "the snapshot counter")
    expect(after["healthGeneration"] > before["healthGeneration"], "the health generation moves")
    # Every worker has made choices since: the generation it saw is the one that the API tells.
    def workers_agree():
        now = martlet.snapshot()
        seen = {worker["healthGeneration"] for worker in now["process"]["workers"]}
        return len(now["process"]["workers"]) == workers and seen == {now["healthGeneration"]}
    eventually("every worker has seen the same health generation", workers_agree)
    for browser in browsers:
        browser.close()


for count in (1, 2, 4):
    scenario(f"one flip is the same for every door, with {count} workers")(
        lambda scene, workers=count: flip(scene, workers))
