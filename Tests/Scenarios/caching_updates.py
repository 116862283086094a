# SPDX-License-Identifier: Apache-2.0
"""Stored answers over time: 304 and its fields, HEAD, parts, and methods with content."""
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl, field
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Gate, Script

C = "caches.*."
FRESH = "Cache-Control: max-age=60"


@scenario("a 304 brings newer fields and a new time; one with another tag, and a 200, take the place")
def renewed(scene):
    turns = {}

    def answer(asked):
        if asked.number == 1:
            return Answer("Cache-Control: max-age=1", 'ETag: "1"', "X-A: 1", "X-B: 1", "Content-Type: text/a",
                          pieces=[b"content"])
        turn = turns[asked.target]
        if turn.status == 304 and "if-none-match" not in asked.fields:
            return Answer(*turn.lines, pieces=[b"plain"])
        return turn

    def is_renewed(path, status, *lines):
        turns[path] = Answer(*lines, status=status, pieces=[b"another"])
        edge.ask(path)

    script = Script(scene, rule=answer)
    edge = Edge(scene, script)
    is_renewed("/fields", 304, 'ETag: "1"', FRESH, "X-A: 2", "X-C: 3", "Content-Length: 0")
    is_renewed("/200", 200, 'ETag: "2"', FRESH)
    is_renewed("/no-store", 304, 'ETag: "1"', "Cache-Control: no-store")
    is_renewed("/404", 404, FRESH)
    time.sleep(1.1)
    reply = edge.ask("/fields")
    expect_equal((reply.body, field(reply.head, "X-A"), field(reply.head, "X-B"), field(reply.head, "X-C")),
                 (b"content", "2", "1", "3"), "renewed fields")
    expect_equal(field(reply.head, "Content-Type"), "text/a", "those that are not named stay")
    expect_equal(script.seen("/fields")[1].fields.get("if-none-match"), '"1"', "asked by its tag")
    reply = edge.ask("/fields")
    expect_equal((reply.body, field(reply.head, "X-A"), field(reply.head, "X-Cache-Status")),
                 (b"content", "2", "HIT"), "and its new time")
    expect_equal(edge.ask("/200").body, b"another", "a full answer is used")
    expect_equal(edge.ask("/200").body, b"another", "and kept")
    expect_equal(script.count("/200"), 2, "requests")
    reply = edge.ask("/no-store")
    expect(reply.status == 200 and reply.body in (b"content", b"plain"), f"a 304 that forbids: {reply}")
    expect_equal([edge.ask("/no-store").body for _ in range(2)], [b"plain"] * 2, "nothing is kept")
    expect(script.count("/no-store") >= 4, "each one reaches the origin")
    expect_equal((edge.ask("/404").status, edge.ask("/404").status), (404, 404), "gone")
    expect_equal(script.count("/404"), 2, "404 is kept")


@scenario("conditions of clients: judged here when it is kept, and asked without when it is not")
def conditions(scene):
    script = Script(scene, rule=Answer(FRESH, 'ETag: "1"', pieces=[b"content"]))
    script.rules["/weak"] = Answer(FRESH, 'ETag: W/"1"', pieces=[b"content"])
    edge = Edge(scene, script)
    reply = edge.ask("/cold", 'If-None-Match: "1"')
    expect_equal((reply.status, reply.body), (304, b""), "a miss that the client has")
    expect("if-none-match" not in script.asked[0].fields, "all of it is asked for")
    edge.expect_words("/cold", "HIT")
    for line, status in (('If-None-Match: "0", "1"', 304), ('If-None-Match: "0"', 200),
                         ("If-None-Match: *", 304), ('If-None-Match: W/"1"', 304),
                         ("If-Modified-Since: no date", 200)):
        expect_equal(edge.ask("/cold", line).status, status, line)
    edge.ask("/weak")
    expect_equal(edge.ask("/weak", 'If-None-Match: "1"').status, 304, "weak comparison")
    expect_equal(edge.ask("/weak", "Range: bytes=0-1", 'If-Range: W/"1"').status, 200, "strong comparison")
    expect_equal(edge.ask("/cold", 'If-Match: "other"').status, 200, "the origin decides on If-Match")
    expect_equal(script.asked[-1].fields.get("if-match"), '"other"', "and hears of it")


@scenario("HEAD and GET: a HEAD is answered from what GET brought, and keeps nothing")
def heads(scene):
    script = Script(scene, rule=Answer(FRESH, 'ETag: "1"', pieces=[b"content"]))
    edge = Edge(scene, script)
    for path in ("/a", "/b"):
        head = edge.ask(path, method="HEAD")
        expect_equal((head.status, head.body, field(head.head, "Content-Length")), (200, b"", "7"), "HEAD")
    get = edge.ask("/a")
    expect_equal((get.body, field(get.head, "X-Cache-Status")), (b"content", "MISS"), "GET after HEAD")
    head = edge.ask("/a", method="HEAD")
    expect_equal((field(head.head, "X-Cache-Status"), field(head.head, "Content-Length"), head.body),
                 ("HIT", "7", b""), "HEAD after GET")
    expect_equal(edge.ask("/a", "Range: bytes=0-1", method="HEAD").status, 200, "HEAD has no ranges")
    expect_equal(len(script.seen("/a", "HEAD")), 1, "it stays here")
    # Of unknown length, and empty.
    script.rules["/chunked"] = Answer(FRESH, form="chunked", pieces=[b"con", b"tent"])
    edge.ask("/chunked")
    expect_equal(field(edge.ask("/chunked", method="HEAD").head, "Content-Length"), "7", "known by now")
    script.rules["/empty"] = Answer(FRESH, pieces=[])
    script.rules["/204"] = Answer(FRESH, status=204)
    for path, length in (("/empty", "0"), ("/204", None)):
        edge.ask(path)
        reply = edge.ask(path)
        expect_equal((field(reply.head, "Content-Length"), reply.body, field(reply.head, "X-Cache-Status")),
                     (length, b"", "HIT"), path)


@scenario("ranges of what is kept and of what is not: one, several, none that fits, a part by the origin")
def ranges(scene):
    content = bytes(range(200)) * 500
    script = Script(scene, rule=Answer(FRESH, 'ETag: "1"', "Content-Type: image/x", pieces=[content]))
    script.rules["/part"] = lambda asked: Answer(
        FRESH, 'ETag: "1"', f"Content-Range: bytes 5-9/{len(content)}", status=206, pieces=[content[5:10]])
    edge = Edge(scene, script)
    for path in ("/cold", "/cold"):
        reply = edge.ask(path, "Range: bytes=50000-50009")
        expect_equal((reply.status, reply.body), (206, content[50000:50010]), path)
    for value, status, size in (("bytes=99990-", 206, 10), ("bytes=-1", 206, 1), ("bytes=0-0", 206, 1),
                                ("bytes=100000-", 416, None), ("bytes=5-4", 200, len(content)),
                                ("items=0-1", 200, len(content)), ("bytes=a-b", 200, len(content)),
                                ("bytes=0-1,1-2,0-5,0-9", None, None), ("bytes=-0", None, None)):
        reply = edge.ask("/cold", f"Range: {value}")
        expect(reply.whole and reply.status == (status or reply.status), f"{value}: {reply.status}")
        if size is not None:
            expect_equal(len(reply.body), size, value)
        expect_equal(field(reply.head, "X-Cache-Status"), "HIT", value)
    reply = edge.ask("/cold", "Range: bytes=0-9,100-109,-5")
    mark = field(reply.head, "Content-Type").partition("boundary=")[2].strip('"').encode()
    parts = [part.partition(b"\r\n\r\n") for part in reply.body.split(b"--" + mark)[1:-1]]
    expect_equal([part[2][:-2] for part in parts], [content[:10], content[100:110], content[-5:]], "parts")
    expect(all(b"Content-Type: image/x" in part[0] for part in parts), "each has its type")
    many = ",".join(f"{at}-{at}" for at in range(0, 6000, 2))
    reply = edge.ask("/cold", f"Range: bytes={many}")
    expect(reply.whole and len(reply.body) <= 2 * len(content), f"many: {reply.status}, {len(reply.body)}")
    expect_equal(script.count("/cold"), 1, "requests")
    # What nobody asked for is not kept as if it was the whole.
    reply = edge.ask("/part", "Range: bytes=5-9")
    again = edge.ask("/part")
    expect(again.status == 206 or again.body == content, f"a part as the whole: {again.status}")
    expect_equal(script.count("/part"), 2, "a part is not kept")
    url = f"http://127.0.0.1:{edge.http}/cold"
    status, _, body = curl(url, "-H", "Host: www.example.com", "-r", "1000-1099")
    expect_equal((status, body), (206, content[1000:1100]), "curl")


@scenario("a GET with content goes by the cache, and QUERY is told from GET")
def content_of_requests(scene):
    script = Script(scene, rule=lambda asked: Answer(FRESH, pieces=[asked.method.encode() + asked.body]))
    edge = Edge(scene, script)
    edge.expect_words("/a", "MISS", "HIT")
    reply = edge.ask("/a", body=b"fat")
    expect_equal((reply.body, field(reply.head, "X-Cache-Status")), (b"GETfat", "BYPASS"), "a fat GET")
    expect_equal(edge.ask("/a").body, b"GET", "others get what they asked for")
    for body in (b"one", b"two", b"one"):
        expect_equal(edge.ask("/a", method="QUERY", body=body).body, b"QUERY" + body, "QUERY")
    expect_equal(edge.ask("/a").body, b"GET", "GET after QUERY")
    edge.ask("/a", method="POST", body=b"x")
    expect_equal(edge.ask("/b", method="POST", body=b"x").body, b"POSTx", "POST")
    edge.expect_words("/b", "MISS", "HIT")
    eventually("counted", lambda: edge.results("bypass") >= 3)


@scenario("all forms of a request at what is still coming, and at what is there; HTTP/1.0 gets no chunks")
def growing(scene):
    content = bytes(range(256)) * 2000
    script = Script(scene)
    edge = Edge(scene, script)
    for form in ("length", "chunked"):
        gate, path = Gate(), f"/{form}"
        script.rules[path] = Answer(FRESH, 'ETag: "1"', form=form,
                                    pieces=[content[:1000], gate, content[1000:]])
        first = request(path)
        asked = [first, first.replace(b"HTTP/1.1", b"HTTP/1.0"), request(path, "Range: bytes=10-19"),
                 request(path, "Range: bytes=-10"), request(path, 'If-None-Match: "1"'),
                 request(path, "Range: bytes=0-9", 'If-Range: "2"')]
        wanted = [(200, content), (200, content), (206, content[10:20]), (206, content[-10:]), (304, b""),
                  (200, content)]
        for state in ("coming", "there"):
            # The first one is ahead, so that none of the others is served as it comes.
            replies = crowd(edge.http, asked, asked=gate.open, gap=0.05)
            for data, reply, (status, body) in zip(asked, replies, wanted):
                what = f"{form}, {state}: {data[:90]}"
                expect(reply.whole and reply.body == body, f"{what}: {reply.status}, {len(reply.body)}")
                expect_equal(reply.status, status, what)
            expect("chunked" not in (field(replies[1].head, "Transfer-Encoding") or ""), "HTTP/1.0")
        expect_equal(script.count(path), 1, "requests")
