# SPDX-License-Identifier: Apache-2.0
"""QUERY (RFC 10008) on routes with a cache: the same question is asked once."""
import subprocess

from caching_herd import expect_all

from harness import eventually, expect, expect_equal, scenario
from harness.ask import field
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Gate, Script

C = "caches.*."
FRESH = "Cache-Control: max-age=60"
JSON = "Content-Type: application/json"


def answering(asked):
    return Answer(FRESH, 'ETag: "1"', pieces=[asked.method.encode() + b" " + asked.body])


def ask(edge, body, *lines, path="/find"):
    return edge.ask(path, *(lines or (JSON,)), method="QUERY", body=body)


def word(edge, body, *lines, **given):
    return field(ask(edge, body, *lines, **given).head, "X-Cache-Status")


@scenario("1,000 equal questions are one request, with its content", covers=[C + "query-limit"])
def herd(scene):
    gate = Gate()
    body = b'{"find": "' + b"x" * 8000 + b'"}'
    script = Script(scene, rules={"/find": lambda asked: Answer(FRESH, pieces=[asked.body], before=(gate,))})
    edge = Edge(scene, script)
    chunked = (b"QUERY /find HTTP/1.1\r\nHost: www.example.com\r\n" + JSON.encode() + b"\r\nConnection: close\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    plain = request("/find", JSON, method="QUERY", body=body)
    replies = crowd(edge.http, [plain, chunked] * 500, asked=gate.open)
    expect_all(replies, body, "equal questions")
    expect_equal(script.count("/find"), 1, "requests of the origin")
    asked = script.seen("/find")[0]
    expect_equal((asked.method, asked.body, asked.fields["content-length"]), ("QUERY", body, str(len(body))), "asked")
    edge.reload("query-limit: 4KiB")
    expect_equal(field(ask(edge, body).head, "Cache-Status"), "Martlet; fwd=bypass; detail=content-too-long", "too long")
    edge.reload("query-limit: 0")
    expect_equal(field(ask(edge, b"x").head, "Cache-Status"), "Martlet; fwd=method", "not wanted")


@scenario("questions are told apart by content and by what is said of it, and go with their URL")
def questions(scene):
    script = Script(scene, rule=answering)
    edge = Edge(scene, script, "purge: 127.0.0.0/8")
    expect_equal([word(edge, b"a"), word(edge, b"b"), word(edge, b"a"), word(edge, b"b")],
                 ["MISS", "MISS", "HIT", "HIT"], "contents")
    expect_equal([word(edge, b"a", "Content-Type: text/x"), word(edge, b"a", JSON, "Content-Language: de")],
                 ["MISS", "MISS"], "metadata")
    expect_equal([word(edge, b"a", path="/find?x=1"), edge.word("/find")], ["MISS", "MISS"], "URL and method")
    reply = ask(edge, b"a", JSON, "Range: bytes=0-4")
    expect_equal((reply.status, reply.body), (206, b"QUERY"), "a part")
    expect_equal(ask(edge, b"a", JSON, 'If-None-Match: "1"').status, 304, "a condition")
    expect_equal(word(edge, b"a", JSON, "Authorization: Basic YTpi"), "HIT", "what is for everybody")
    # HTTP/2, by curl.
    done = subprocess.run(
        ["curl", "-sS", "--http2-prior-knowledge", "--max-time", "10", "-i", "-X", "QUERY", "-H", JSON, "-H",
         "Host: www.example.com", "--data-binary", "a", f"http://127.0.0.1:{edge.http}/find"],
        capture_output=True, timeout=20)
    expect(b"x-cache-status: HIT" in done.stdout and done.stdout.endswith(b"QUERY a"), done.stdout)
    # What changes the URL, and who purges it.
    edge.ask("/find", method="POST", body=b"x")
    expect_equal([word(edge, b"a"), word(edge, b"b"), edge.word("/find")], ["MISS"] * 3, "after POST")
    reply = edge.ask("/find", method="PURGE")
    expect_equal(reply.body, b"purged 3\n", "PURGE")
    expect_equal(word(edge, b"a"), "MISS", "after PURGE")


@scenario("a QUERY that expires is asked for anew with its content and a condition")
def renewal(scene):
    script = Script(scene, rule=lambda asked: Answer("Cache-Control: max-age=1", 'ETag: "1"', pieces=[asked.body]))
    edge = Edge(scene, script)
    ask(edge, b"question")
    def renewed():
        reply = ask(edge, b"question")
        return reply if field(reply.head, "X-Cache-Status") != "HIT" else None

    reply = eventually("its time is over", renewed)
    expect_equal((reply.body, field(reply.head, "X-Cache-Status")), (b"question", "REVALIDATED"), "renewed")
    asked = script.seen("/find")[-1]
    expect_equal((asked.body, asked.fields.get("if-none-match")), (b"question", '"1"'), "asked for")
    eventually("counted", lambda: edge.fetches("revalidate") == 1)


@scenario("content that the route does not take is refused, however it comes and whatever the cache looks at")
def too_long(scene):
    script = Script(scene, rule=answering)
    edge = Edge(scene, script, route="body-limit: 10B")
    for number in range(3):
        body = b"x" * (100 + number)
        chunked = (b"QUERY /find HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        replies = crowd(edge.http, [chunked, request("/find", method="QUERY", body=body)] * 5)
        expect_equal({reply.status for reply in replies}, {413}, "statuses")
    expect(max(reply.took for reply in replies) < 2, "nobody waits")
    expect_equal(script.count(), 0, "requests of the origin")
    expect_equal([word(edge, b"short"), word(edge, b"short")], ["MISS", "HIT"], "what is short enough")
    expect_equal(edge.martlet.snapshot()["process"]["restarts"], 0, "restarts")
