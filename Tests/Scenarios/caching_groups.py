# SPDX-License-Identifier: Apache-2.0
"""Groups of answers (RFC 9875), and who gets tags."""
from harness import eventually, expect, expect_equal, scenario
from harness.ask import field
from harness.edge import Edge
from harness.script import Answer, Script

C = "caches.*."
FRESH = "Cache-Control: max-age=60"


@scenario("an answer to POST takes out groups of its origin, and of no other")
def groups(scene):
    script = Script(scene, rule=Answer(FRESH, 'Cache-Groups: "eurovision-results", "kylie"'))
    script.rules["/vote"] = Answer('Cache-Group-Invalidation: "eurovision-results"')
    script.rules["/wrong"] = Answer("Cache-Group-Invalidation: eurovision-results")
    script.rules["/alone"] = Answer(FRESH, 'Cache-Groups: "other"')
    edge = Edge(scene, script)
    edge.take(edge.text().replace("host: www.example.com", "host: '*.example.com'"))
    paths = [f"/{number}" for number in range(20)]
    for path in [*paths, "/alone"]:
        edge.expect_words(path, "MISS", "HIT")
    expect_equal(edge.word("/0", host="two.example.com"), "MISS", "another host")
    edge.ask("/wrong", method="POST", body=b"x")
    edge.ask("/vote")
    expect_equal([edge.word(path) for path in paths], ["HIT"] * 20, "a fault, and a safe method")
    reply = edge.ask("/vote", method="POST", body=b"x")
    expect_equal(field(reply.head, "Cache-Group-Invalidation"), '"eurovision-results"', "passed on")
    expect_equal([edge.word(path) for path in paths], ["MISS"] * 20, "the group")
    expect_equal([edge.word("/alone"), edge.word("/0", host="two.example.com")], ["HIT", "HIT"], "others")


@scenario("tags-to-clients: clients get tags or not, and a purge finds them", covers=[C + "tags-to-clients"])
def tags(scene):
    script = Script(scene, rule=Answer(FRESH, "Surrogate-Key: product-17 shop", "Cache-Tag: news"))
    edge = Edge(scene, script)
    for options, wanted in (("", "product-17 shop"), ("tags-to-clients: false", None)):
        edge.reload(options)
        for _ in range(2):
            reply = edge.ask("/tagged")
            expect_equal(field(reply.head, "Surrogate-Key"), wanted, options)
            expect_equal(field(reply.head, "Cache-Tag"), wanted and "news", options)
    edge.expect_words("/tagged", "HIT")
