# SPDX-License-Identifier: Apache-2.0
"""Popular answers are fetched anew before they are stale, and what came together does not expire together."""
import re
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import field
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Gate, Script

C = "caches.*."


@scenario("refresh-ahead: nobody waits at the end of a lifetime, and one request is made", covers=[C + "refresh-ahead"])
def ahead(scene):
    gate = Gate()
    slow = Answer("Cache-Control: max-age=4", before=(gate,))
    script = Script(scene, rules={"/": [Answer("Cache-Control: max-age=4"), slow]})
    edge = Edge(scene, script, "refresh-ahead: 50%")
    edge.expect_words("/", "MISS", "HIT", "HIT", "HIT", "HIT")
    expect_equal(script.count("/"), 1, "requests while it is fresh for long")
    edge.expect_words("/rare", "MISS", "HIT")
    eventually("half its time is over", lambda: int(field(edge.ask().head, "Age") or 0) >= 2)
    replies = crowd(edge.http, [request()] * 200)
    expect(all(reply.body == b"/ #1\n" and "; hit" in field(reply.head, "Cache-Status") for reply in replies),
           "all have what is fresh still")
    eventually("it is fetched", lambda: script.count("/") == 2)
    gate.open()
    eventually("the new one is there", lambda: edge.ask().body == b"/ #2\n")
    expect_equal(script.count("/"), 2, "requests of all")
    expect_equal(edge.fetches("ahead"), 1, "martlet_cache_fetches_total")
    # What nobody asks for is not fetched.
    expect_equal(script.count("/rare"), 1, "requests for what is asked for twice")


@scenario("an origin that fails in the background is not asked with each request")
def failing(scene):
    script = Script(scene, rules={"/": [
        Answer("Cache-Control: max-age=1, stale-while-revalidate=60"), Answer(status=503, pieces=[b"no"])]})
    edge = Edge(scene, script)
    edge.ask()
    eventually("it is stale", lambda: edge.word() != "HIT")
    began = time.monotonic()
    while time.monotonic() - began < 2.5:
        expect_equal(edge.ask().body, b"/ #1\n", "what is stale is given")
    count = script.count("/")
    expect(2 <= count <= 4, f"{count} requests within 2.5 s")


@scenario("jitter: lifetimes differ by the key, and are never longer", covers=[C + "jitter"])
def jitter(scene):
    script = Script(scene, rule=Answer("Cache-Control: max-age=1000"))
    edge = Edge(scene, script, "jitter: 20%")
    times = [int(re.search(r"ttl=(\d+)", field(edge.ask(f"/{number}").head, "Cache-Status"))[1])
             for number in range(20)]
    expect(all(799 <= seconds <= 1000 for seconds in times), f"{times}")
    expect(len(set(times)) > 10, f"{times}")
