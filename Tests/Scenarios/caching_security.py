# SPDX-License-Identifier: Apache-2.0
"""Nobody chooses what others get from the cache, and nobody gets what was for one alone."""
import functools
import random

import smuggling
import smuggling_http2

from harness import expect, expect_equal, scenario
from harness.ask import curl, field, raw, statuses
from harness.edge import Edge
from harness.script import Answer, Script
from harness.service import service

FRESH = "Cache-Control: max-age=60"
EVIL = "evil.example"


def said(asked):
    """What an origin may make of a request: its target and all that tells of it."""
    return Answer(FRESH, pieces=[asked.head.encode("latin-1")])


@scenario("fields that are not in the key: those of proxies are not believed, others `headers` keys",
          covers=["caches.*.key.headers"])
def poisoning(scene):
    script = Script(scene, rule=said)
    edge = Edge(scene, script)
    # They tell the origin of another host, scheme or path, and Martlet writes them itself or leaves them out.
    for line in (f"X-Forwarded-Host: {EVIL}", f"Forwarded: host={EVIL}", f"X-Forwarded-For: {EVIL}",
                 f"X-Forwarded-Proto: {EVIL}", f"X-Forwarded-Port: {EVIL}"):
        path = f"/{line.partition(':')[0]}"
        first = edge.ask(path, line)
        expect(EVIL.encode() not in first.body, f"{line} reaches the origin: {first.body}")
        expect_equal(edge.word(path), "HIT", f"{line} is in no key")
    # These mean something to some origins only: what is not keyed must be made so, or taken away.
    names = ("X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Host", "X-Plan")
    edge.reload(f"key: {{ headers: [{', '.join(names)}] }}")
    for name in names:
        path = f"/keyed/{name}"
        edge.ask(path, f"{name}: {EVIL}")
        clean = edge.ask(path)
        expect(EVIL.encode() not in clean.body, f"{name} was keyed: {clean.body}")
        expect_equal(field(clean.head, "X-Cache-Status"), "MISS", name)
        edge.expect_words(path, "HIT")
        edge.expect_words(path, "HIT", lines=(f"{name}: {EVIL}",))
        # One field of two lines is no other field's.
        edge.expect_words(path, "MISS", lines=(f"{name}: a", f"{name}: b"))


@scenario("whatever is asked for in whatever spelling: the cache gives what the origin gives for it")
def spellings(scene):
    script = Script(scene, rule=lambda asked: Answer(FRESH, pieces=[asked.target.encode("latin-1")]))
    edge = Edge(scene, script, more="")
    text = edge.text().replace("routes:\n", "routes:\n  - { host: plain.example.com, pool: web }\n", 1)
    edge.take(text)
    paths = ["/a", "/a/", "//a", "/a//", "/%61", "/A", "/a;x=1", "/a;", "/a%3bx", "/a%2fb", "/a%2Fb", "/a/b",
             "/a/./b", "/a/../b", "/b", "/a/%2e%2e/b", "/a/.%2e/b", "/a%5cb", "/a%00", "/a%0d%0aX:1",
             "/a?x", "/a?", "/a?x=1&y=2", "/a?y=2&x=1", "/a?x=%31", "/a%3fx", "/a?x#y", "/a%23", "/a%20",
             "/a+",
             "/account.php/x.css", "/account.php%2fx.css", "/account.php;x.css", "/account.php%3fx.css",
             "/static/..%2faccount.php", "/static/../account.php", "/" + "l" * 3000, "/" + "l" * 3001]
    wrong, seen = [], {}
    draw = random.Random(5)
    for path in [*paths, *draw.sample(paths, len(paths)), *draw.sample(paths, len(paths))]:
        cached, plain = edge.ask(path), edge.ask(path, host="plain.example.com")
        if (cached.status, cached.body) != (plain.status, plain.body):
            wrong.append(f"{path[:60]}: {cached.status} {cached.body[:60]}, "
                         f"not {plain.status} {plain.body[:60]}")
        if cached.status == 200:
            seen[path] = cached.body
    expect(not wrong, lambda: "; ".join(wrong))
    expect(len(set(seen.values())) >= 20, f"they are told apart: {len(set(seen.values()))}")
    expect_equal(script.seen(method="POST"), [], "nothing else was asked")


@scenario("hosts: the case and the scheme's own port say nothing, anything else does")
def hosts(scene):
    script = Script(scene, rule=said)
    edge = Edge(scene, script)
    edge.expect_words("/a", "MISS", "HIT")
    for host in ("WWW.example.COM", "www.example.com:80"):
        expect_equal(edge.word("/a", host=host), "HIT", host)
    for host in ("www.example.com:8080", "www.example.com:443"):
        expect_equal(edge.word("/a", host=host), "MISS", host)
    # The authority of the target is the host, whatever the field says.
    reply = raw(edge.http, b"GET http://www.example.com/a HTTP/1.1\r\nHost: www.example.com\r\n"
                           b"Connection: close\r\n\r\n")
    expect(b"X-Cache-Status: HIT" in reply, f"absolute form: {reply[:300]}")
    reply = raw(edge.http, b"GET http://evil.example/b HTTP/1.1\r\nHost: www.example.com\r\n"
                           b"Connection: close\r\n\r\n")
    expect(statuses(reply)[0] in (400, 404, 421), f"another authority: {reply[:100]}")
    expect_equal(edge.word("/b"), "MISS", "it chose nothing")


@scenario("what is for one client is not kept, whatever its path looks like and whatever `override` says",
          covers=["caches.*.override"])
def deception(scene):
    script = Script(scene)
    for number, line in enumerate((
            "Set-Cookie: session=1", "Cache-Control: private", "Cache-Control: no-store", "Vary: *",
            "Cache-Control: private, max-age=60", "CDN-Cache-Control: private", "Cache-Control: no-cache")):
        script.rules[f"/account.php/{number}.css"] = Answer(line, "Content-Type: text/css")
    edge = Edge(scene, script, "lifetimes: { 200: 1d }, override: true")
    for path in script.rules:
        edge.expect_words(path, "MISS", "MISS")
        for other in (";x", "%2fx.css", "?x.css", "/../1.css"):
            expect_equal(edge.word(path + other) == "HIT", False, path + other)
    # Without it the time that the origin says holds.
    script.rules["/short"] = Answer("Cache-Control: max-age=0")
    edge.expect_words("/short", "MISS", "HIT")
    edge.reload("lifetimes: { 200: 1d }")
    script.rules["/short2"] = script.rules["/short"]
    edge.expect_words("/short2", "MISS", "MISS")


@scenario("heads that cannot be told from another answer are neither passed on nor kept")
def split_heads(scene):
    script = Script(scene)
    edge = Edge(scene, script)
    for number, line in enumerate((
            "X: a\rSet-Cookie: b", "X: a\0b", "X: a\r\n b", "X : a", ": a", "X: a\nY: b")):
        path = f"/{number}"
        script.rules[path] = [Answer(FRESH, line, pieces=[b"evil"]), Answer(FRESH, pieces=[b"good"])]
        first = edge.ask(path)
        expect(first.status == 502 or "\n" in line and first.status == 200 and b"Set-Cookie" not in
               first.head.encode(), f"{line!r}: {first.status} {first.head}")
        if first.status == 502:
            expect_equal([edge.ask(path).body for _ in range(2)], [b"good"] * 2, f"{line!r} is not kept")
    # Content that looks like a head stays content, in one piece and in parts.
    text = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    script.rules["/text"] = Answer(FRESH, 'ETag: "1"', pieces=[text])
    for _ in range(2):
        expect_equal(edge.ask("/text").body, text, "content")
    expect_equal(edge.ask("/text", "Range: bytes=0-3").body, b"HTTP", "a part")
    # Names and values of clients that would divide the parts of a key.
    for name in ("/a%01b", "/a%ff", "/" + "x" * 6000, "/a?" + "y=1&" * 1500):
        replies = {edge.ask(name).body for _ in range(2)}
        expect_equal(len(replies), 1, name[:40])
    url = f"http://127.0.0.1:{edge.http}/"
    status = curl(url + "x" * 70_000, "-H", "Host: www.example.com")[0]
    expect(status in (414, 431), f"a target beyond all bounds: {status}")
    expect_equal(edge.ask("/text").body, text, "and all goes on")


def keeping(module):
    """The scenarios of another file start a Martlet that keeps all that it can."""
    module.service = functools.partial(
        service, route="cache: edge", more="caches: { edge: { lifetimes: { any: 1h } } }\n")


@scenario("requests that smuggle others, with a cache on the route")
def smuggled(scene):
    keeping(smuggling)
    smuggling.refused(scene)
    smuggling.pipelined(scene)


@scenario("hostile bodies and trailers, with a cache on the route")
def hostile_bodies(scene):
    keeping(smuggling)
    smuggling.broken_bodies(scene)
    smuggling.trailer(scene)


@scenario("doubtful answers, with a cache on the route")
def doubtful(scene):
    keeping(smuggling)
    smuggling.responses(scene)


@scenario("requests of HTTP/2 that smuggle others, with a cache on the route")
def smuggled_http2(scene):
    keeping(smuggling)
    smuggling_http2.lists(scene)
    smuggling_http2.contents(scene)
