# SPDX-License-Identifier: Apache-2.0
from harness import expect, expect_equal, scenario
from harness.ask import curl, dig, field
from harness.service import service


@scenario("one pool, one probe, one route and one name hold under load")
def first_slice(scene):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, [origin]))
    load = scene.load(http, rate=2000, connections=64, seconds=4)
    for _ in range(10):
        expect_equal(dig(dns, "www.example.com"), [origin.address], "dig")
        status, head, body = curl(f"http://127.0.0.1:{http}/", "-H", "Host: www.example.com")
        expect_equal((status, body), (200, b"origin a\n"), "curl")
        expect_equal(field(head, "X-Origin"), "a", "the origin's own field")
    load.join().expect_no_failure(least=7900)
    expect_equal(martlet.endpoint("web", origin.at)["health"], "up", "health in the API")
    expect(len(origin.seen()["probes"]) >= 2, "the probe reached the origin")
    expect_equal(martlet.stop(), 0, "exit status after TERM")
