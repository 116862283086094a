# SPDX-License-Identifier: Apache-2.0
"""The thundering herd: a thousand clients want what is not there, and one request is made."""
import collections
import time

from harness import expect, expect_equal, scenario
from harness.ask import field
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Gate, Script

CLIENTS = 1000
CONTENT = bytes(range(256)) * 200


def expect_all(replies, content, what, status=200):
    """Everybody got all of it."""
    odd = collections.Counter(
        (reply.status, reply.whole, len(reply.body), reply.head[:60] if not reply.status else "")
        for reply in replies
        if (reply.status, reply.whole, reply.body) != (status, True, content))
    expect(not odd, lambda: f"{what}: {sum(odd.values())} of {len(replies)} otherwise: {odd}")


def herd(edge, script, path, answer, *lines, clients=CLIENTS):
    """(replies, requests that reached the origin); `answer` waits until all have asked."""
    gate = Gate()
    before = script.count(path)
    answer.before = (gate,)
    script.rules[path] = answer
    replies = crowd(edge.http, [request(path, *lines)] * clients, asked=gate.open)
    return replies, script.count(path) - before


@scenario("a herd of 1,000 at a cold and at a stale key is one request, with 1, 2 and 4 workers")
def herds(scene):
    script = Script(scene)
    for workers in (1, 2, 4):
        edge = Edge(scene, script, workers=workers)
        path = f"/cold{workers}"
        fresh = ("Cache-Control: max-age=1", 'ETag: "1"')
        replies, count = herd(edge, script, path, Answer(*fresh, pieces=[CONTENT]))
        expect_all(replies, CONTENT, f"cold, {workers} workers")
        expect_equal(count, 1, f"requests for a cold key, {workers} workers")
        words = collections.Counter(field(reply.head, "X-Cache-Status") for reply in replies)
        expect_equal(set(words), {"MISS"}, "nobody was hit")
        collapsed = sum("collapsed" in field(reply.head, "Cache-Status") for reply in replies)
        expect_equal(collapsed, CLIENTS - 1, "those who waited say so")

        time.sleep(1.1)
        replies, count = herd(edge, script, path, Answer("Cache-Control: max-age=60", 'ETag: "2"',
                                                         pieces=[b"new" + CONTENT]))
        expect_all(replies, b"new" + CONTENT, f"expired, {workers} workers")
        expect_equal(count, 1, f"requests for an expired key, {workers} workers")
        expect_equal(script.seen(path)[-1].fields.get("if-none-match"), '"1"', "it was asked anew")
        replies, count = herd(edge, script, path, Answer())
        expect_all(replies, b"new" + CONTENT, "hits")
        expect_equal(count, 0, "requests for a fresh key")
        expect_equal({field(reply.head, "X-Cache-Status") for reply in replies}, {"HIT"}, "words")
        edge.martlet.stop()


@scenario("a herd is renewed by one 304")
def renewed_herd(scene):
    script = Script(scene)
    edge = Edge(scene, script)
    fresh = Answer("Cache-Control: max-age=1", 'ETag: "1"', pieces=[CONTENT])
    script.rules["/"] = fresh
    edge.ask()
    time.sleep(1.1)
    replies, count = herd(edge, script, "/", fresh)
    expect_all(replies, CONTENT, "renewed")
    expect_equal(count, 1, "requests")


@scenario("a herd with ranges, with variants, and of chunked answers")
def shapes(scene):
    script = Script(scene)
    edge = Edge(scene, script)
    replies, count = herd(edge, script, "/part", Answer("Cache-Control: max-age=60", 'ETag: "r"',
                                                        pieces=[CONTENT]), "Range: bytes=1000-1999")
    expect_all(replies, CONTENT[1000:2000], "ranges", status=206)
    expect_equal(count, 1, "requests for ranges")
    expect("range" not in script.seen("/part")[0].fields, "all of it was asked for")
    expect_equal({field(reply.head, "Content-Range") for reply in replies},
                 {f"bytes 1000-1999/{len(CONTENT)}"}, "Content-Range")

    gate = Gate()

    def varied(asked):
        lang = asked.fields["accept-language"]
        return Answer("Cache-Control: max-age=60", "Vary: Accept-Language",
                      pieces=[lang.encode() * 1000], before=(gate,))

    script.rules["/vary"] = varied
    requests = [request("/vary", f"Accept-Language: {('de', 'fr')[number % 2]}")
                for number in range(CLIENTS)]
    replies = crowd(edge.http, requests, asked=gate.open)
    expect_all(replies[::2], b"de" * 1000, "the one variant")
    expect_all(replies[1::2], b"fr" * 1000, "the other")
    expect_equal(script.count("/vary"), 2, "requests for two variants")

    for form in ("chunked", "close"):
        replies, count = herd(edge, script, f"/{form}", Answer(
            "Cache-Control: max-age=60", form=form, pieces=[CONTENT, 0.2, CONTENT]))
        expect_all(replies, CONTENT * 2, form)
        expect_equal(count, 1, f"requests, {form}")
