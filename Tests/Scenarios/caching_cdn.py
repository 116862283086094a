# SPDX-License-Identifier: Apache-2.0
"""The flow of a content delivery network: pull on the first request, purge, versioned URLs."""
import time

from harness import expect, expect_equal, scenario
from harness.ask import curl, field
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Script

C = "caches.*."
YEAR = "Cache-Control: public, max-age=31536000"


@scenario("the first request is slow, the others come from the edge; versions are objects of their own",
          covers=[C + "object-limit", C + "min-uses"])
def pull(scene):
    photo = b"photo" * 20_000
    script = Script(scene, {"/img/abc123.jpg": Answer(YEAR, pieces=[photo], before=(0.4,))})
    edge = Edge(scene, script, "object-limit: 200KiB")
    slow = edge.ask("/img/abc123.jpg")
    expect(slow.took >= 0.4, f"the first took {slow.took:.3f} s")
    fast = [edge.ask("/img/abc123.jpg") for _ in range(5)]
    expect(all(reply.took < 0.1 and reply.body == photo for reply in fast),
           f"others took {[round(reply.took, 3) for reply in fast]}")
    expect_equal(script.count(), 1, "requests to the origin")
    edge.expect_words("/app.js?v=1", "MISS", "HIT")
    edge.expect_words("/app.js?v=2", "MISS", "HIT")
    expect_equal(edge.ask("/app.js?v=1").body, b"/app.js?v=1 #1\n", "the old version")
    script.rules["/none"] = Answer("Cache-Control: no-store")
    edge.expect_words("/none", "MISS", "MISS")
    # `s-maxage` is for the edge, `max-age` for browsers.
    script.rules["/s"] = Answer("Cache-Control: s-maxage=60, max-age=0")
    edge.expect_words("/s", "MISS", "HIT")

    # Larger than what is kept: passed on, all of it, with a length and without.
    large = b"x" * 300_000
    for form in ("length", "chunked", "close"):
        script.rules[f"/large/{form}"] = Answer(YEAR, form=form, pieces=[large[:150_000], large[150_000:]])
        for _ in range(2):
            reply = edge.ask(f"/large/{form}")
            expect(reply.whole and reply.body == large, f"{form}: {len(reply.body)}, {reply.whole}")
        expect_equal(script.count(f"/large/{form}"), 2, f"requests, {form}")
    edge.reload("object-limit: 400KiB, min-uses: 3")
    edge.expect_words("/twice", "MISS", "MISS", "MISS", "HIT")
    edge.ask("/img/abc123.jpg")
    edge.reload("object-limit: 400KiB")
    edge.expect_words("/large2", "MISS", "HIT")


@scenario("PURGE takes out what is kept, for those who may, and by the address of the client",
          covers=[C + "purge"])
def purge(scene):
    script = Script(scene, {"/v": lambda asked: Answer(
        YEAR, "Vary: Accept-Language", pieces=[asked.fields["accept-language"].encode()])})
    edge = Edge(scene, script, "purge: [127.0.0.8/29, 10.0.0.0/8]",
                listener="trusted-proxies: [ 127.0.0.3 ], client-address: x-forwarded-for")

    def purged(path, *lines, server=None, host="www.example.com"):
        source = ["--interface", server] if server else []
        given = [word for line in lines for word in ("-H", line)]
        return curl(f"http://127.0.0.1:{edge.http}{path}", "-X", "PURGE", "-H", f"Host: {host}",
                    *source, *given)

    edge.expect_words("/a", "MISS", "HIT")
    status, _, body = purged("/a")
    expect(status == 403 and b"purge-denied" in body, f"denied: {status} {body[:100]!r}")
    expect_equal(purged("/a", "X-Forwarded-For: 10.1.2.3")[0], 403, "who only says so")
    edge.expect_words("/a", "HIT")
    status, head, body = purged("/a", server="127.0.0.9")
    expect_equal((status, body, field(head, "Cache-Control")), (200, b"purged 1\n", "no-store"), "done")
    expect_equal(edge.ask("/a").body, b"/a #2\n", "a miss")
    edge.expect_words("/a", "HIT")
    expect_equal(purged("/a", "X-Forwarded-For: 10.1.2.3", server="127.0.0.3")[0], 200,
                 "behind a proxy that is trusted")
    edge.expect_words("/a", "MISS")
    expect_equal(purged("/never", server="127.0.0.9")[2], b"purged 0\n", "nothing there")
    for lang in ("de", "fr", "it"):
        edge.ask("/v", f"Accept-Language: {lang}")
    expect_equal(purged("/v", server="127.0.0.9")[2], b"purged 3\n", "all variants")
    for lang in ("de", "fr", "it"):
        edge.expect_words("/v", "MISS", lines=(f"Accept-Language: {lang}",))
    expect(purged("/a", host="other.example.com", server="127.0.0.9")[0] == 404, "no such route")
    edge.expect_words("/a", "HIT")
    # PURGE reaches no origin, and is the only method that takes out.
    expect_equal(script.seen(method="PURGE"), [], "the origin is told nothing")
    edge.reload("")
    expect_equal(purged("/a", server="127.0.0.9")[0], 403, "nobody may")
    edge.expect_words("/a", "HIT")


@scenario("a soft purge makes stale: it is asked for anew, and serves when the origin fails")
def soft_purge(scene):
    script = Script(scene)
    script.rules["/"] = Answer(YEAR + ", stale-if-error=600", 'ETag: "1"', pieces=[b"kept"])
    edge = Edge(scene, script, "purge: 127.0.0.0/8")

    def purged():
        return edge.ask("/", "Martlet-Purge: soft", method="PURGE").body

    edge.expect_words("/", "MISS", "HIT")
    expect_equal(purged(), b"purged 1\n", "soft")
    edge.expect_words("/", "REVALIDATED", "HIT")
    expect_equal(purged(), b"purged 1\n", "again")
    script.rules["/"] = Answer(status=500)
    reply = edge.ask("/")
    expect_equal((reply.status, reply.body, field(reply.head, "X-Cache-Status")),
                 (200, b"kept", "STALE"), "the origin fails")
    edge.ask("/", method="PURGE")
    expect_equal(edge.ask("/").status, 500, "a hard one keeps nothing")


@scenario("a purge while it is fetched: what comes after it is fetched anew")
def purge_meanwhile(scene):
    script = Script(scene, {"/": [Answer(YEAR, pieces=[b"old"], before=(0.6,)),
                                  Answer(YEAR, pieces=[b"new"])]})
    edge = Edge(scene, script, "purge: 127.0.0.0/8")
    replies = crowd(edge.http, [request("/"), request("/", method="PURGE"), request("/")], gap=0.15)
    expect_equal((replies[0].status, replies[0].body), (200, b"old"), "who asked before it")
    expect_equal(replies[1].status, 200, "PURGE")
    expect_equal(edge.ask("/").body, b"new", "who asks after it")
    time.sleep(0.1)
    expect_equal(edge.ask("/").body, b"new", "and what is kept")
