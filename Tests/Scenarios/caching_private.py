# SPDX-License-Identifier: Apache-2.0
"""Answers that turn out to be for one client alone, and changes that make others out of date."""
import time

from harness import expect, expect_equal, scenario
from harness.ask import field
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Script

C = "caches.*."
FRESH = "Cache-Control: max-age=60"


@scenario("what may not be kept is found out once: waiters go side by side, the next ones do not wait",
          covers=[C + "pass-lifetime", C + "keep-cookies"])
def late(scene):
    def own(*lines):
        """Takes 150 ms, and tells each one who he is."""
        return lambda asked: Answer(*lines, pieces=[asked.fields["x-who"].encode()], before=(0.15,))

    script = Script(scene, {
        "/no-store": own("Cache-Control: no-store"), "/private": own("Cache-Control: private"),
        "/cookie": own("Set-Cookie: a=1", FRESH), "/vary": own("Vary: *", FRESH),
        "/both": own("Vary: Accept, *", FRESH), "/named": own("Cache-Control: private=\"X-A\", max-age=60"),
        "/status": own("Cache-Control: no-store, must-understand")})
    edge = Edge(scene, script, "pass-lifetime: 2s")
    for path in script.rules:
        asked = [request(path, f"X-Who: {number}") for number in range(50)]
        replies = crowd(edge.http, asked)
        wrong = [(number, reply.body) for number, reply in enumerate(replies)
                 if reply.body != str(number).encode()]
        if path not in ("/named", "/status"):
            expect(not wrong, f"{path}: who got what was for others: {wrong[:3]}")
            longest = max(reply.took for reply in replies)
            expect(longest < 0.8, f"{path}: 50 side by side took {longest:.2f} s")
            expect_equal(script.count(path), 50, f"requests for {path}")
            again = crowd(edge.http, asked)
            expect(max(reply.took for reply in again) < 0.4, f"{path}: the next ones do not wait")
            expect_equal({field(reply.head, "X-Cache-Status") for reply in again}, {"MISS"}, path)
            # A cookie is one client's: others may get an answer that is kept.
            expect(("detail=passing" in field(again[0].head, "Cache-Status")) == (path != "/cookie"),
                   again[0].head)
    # It is forgotten after a while, and what may be kept by then is.
    script.rules["/cookie"] = Answer(FRESH)
    time.sleep(2.1)
    edge.expect_words("/cookie", "MISS", "HIT")

    script.rules["/kept"] = Answer("Set-Cookie: theme=dark", FRESH)
    edge.expect_words("/kept", "MISS", "MISS")
    edge.reload("keep-cookies: true")
    script.rules["/kept2"] = script.rules["/kept"]
    edge.expect_words("/kept2", "MISS", "HIT")
    expect_equal(field(edge.ask("/kept2").head, "Set-Cookie"), "theme=dark", "everybody's cookie")


@scenario("credentials: kept only where the answer allows it, and conditions of the request pass by")
def credentials(scene):
    script = Script(scene)
    edge = Edge(scene, script)
    basic = ("Authorization: Basic YTpi",)
    for line, words in (("max-age=60", ("MISS", "MISS")), ("max-age=60, public", ("MISS", "HIT")),
                        ("s-maxage=60", ("MISS", "HIT")),
                        ("max-age=60, must-revalidate", ("MISS", "HIT"))):
        path = f"/{len(script.counts)}"
        script.rules[path] = Answer(f"Cache-Control: {line}")
        edge.expect_words(path, *words, lines=basic)
    # What was kept for those without is given to those with them, which RFC 9111 allows.
    edge.expect_words("/plain", "MISS", "HIT")
    edge.expect_words("/plain", "HIT", lines=basic)


@scenario("an unsafe method makes what it changes out of date, and what its answer names")
def invalidation(scene):
    change = {}
    script = Script(scene, rule=lambda asked: Answer(FRESH) if asked.method == "GET" else change["is"])
    edge = Edge(scene, script)

    def after(path, method, *lines, status=200, body=b"x"):
        """The words for what was kept under /a, /b and /c?d after this request."""
        for kept in ("/a", "/b", "/c?d"):
            edge.ask(kept)
        change["is"] = Answer(*lines, status=status)
        expect_equal(edge.ask(path, method=method, body=body).status, status, method)
        return tuple(edge.word(kept) for kept in ("/a", "/b", "/c?d"))

    for method in ("POST", "PUT", "DELETE", "PATCH", "UNKNOWN"):
        expect_equal(after("/a", method), ("MISS", "HIT", "HIT"), method)
    for method in ("OPTIONS", "TRACE"):
        expect_equal(after("/a", method, body=b""), ("HIT", "HIT", "HIT"), f"{method} is safe")
    for status, word in ((200, "MISS"), (201, "MISS"), (204, "MISS"), (302, "MISS"), (400, "HIT"),
                         (404, "HIT"), (500, "HIT"), (503, "HIT")):
        expect_equal(after("/a", "POST", status=status)[0], word, f"POST with {status}")
    for line, words in (("Location: /b", ("MISS", "MISS", "HIT")),
                        ("Content-Location: /b", ("MISS", "MISS", "HIT")),
                        ("Location: b", ("MISS", "MISS", "HIT")),
                        ("Location: /c?d", ("MISS", "HIT", "MISS")),
                        ("Location: /c?d#part", ("MISS", "HIT", "MISS")),
                        ("Location: http://www.example.com/b", ("MISS", "MISS", "HIT")),
                        # RFC 9111 §4.4: of another origin nothing may be taken out.
                        ("Location: http://other.example.com/b", ("MISS", "HIT", "HIT")),
                        ("Location: //evil.example/b", ("MISS", "HIT", "HIT")),
                        ("Location: https://www.example.com/b", ("MISS", "HIT", "HIT"))):
        expect_equal(after("/a", "POST", line, status=201), words, line)
    # All variants go.
    script.rules["/v"] = lambda asked: Answer(FRESH, "Vary: Accept-Language")
    for lang in ("de", "fr"):
        edge.expect_words("/v", "MISS", "HIT", lines=(f"Accept-Language: {lang}",))
    edge.ask("/v", method="DELETE")
    for lang in ("de", "fr"):
        edge.expect_words("/v", "MISS", lines=(f"Accept-Language: {lang}",))


@scenario("a change while an answer is under way: the old one is not kept")
def change_meanwhile(scene):
    script = Script(scene)
    replies = iter((Answer(FRESH, pieces=[b"old"], before=(0.5,)), Answer(), Answer(FRESH, pieces=[b"new"])))
    script.rules["/"] = lambda asked: next(replies)
    edge = Edge(scene, script)
    crowd(edge.http, [request("/"), request("/", method="POST", body=b"x")], gap=0.15)
    expect_equal(edge.ask("/").body, b"new", "after the change")
