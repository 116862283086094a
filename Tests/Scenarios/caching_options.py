# SPDX-License-Identifier: Apache-2.0
"""Options of caches that say what is kept under one key, and for how long."""
import email.utils
import re
import time

from harness import expect, expect_equal, scenario
from harness.ask import field
from harness.edge import Edge
from harness.script import Answer, Script

C = "caches.*."
FRESH = "Cache-Control: max-age=60"


def lifetime(edge, path):
    """Seconds that an answer just fetched is fresh, as `Cache-Status` says."""
    text = field(edge.ask(path).head, "Cache-Status")
    found = re.search(r"ttl=(-?\d+)", text)
    return int(found[1]) if found and "stored" in text else None


def ago(seconds):
    return f"Last-Modified: {email.utils.formatdate(time.time() - seconds, usegmt=True)}"


@scenario("keys: host, query, only, without, cookies", covers=[
    C + "key.host", C + "key.query", C + "key.only", C + "key.without", C + "key.cookies"])
def keys(scene):
    script = Script(scene)
    edge = Edge(scene, script)
    turn = iter(range(100))

    def expect_shared(options, wanted, *targets, cookies=None):
        """Whether the second request gets what the first one brought."""
        edge.reload(options)
        # What other keys have kept stays there.
        path = f"/{next(turn)}"
        lines = [(f"Cookie: {text}",) if text else () for text in cookies or ("", "")]
        words = [edge.word(path + target, *line) for target, line in zip(targets, lines)]
        expect_equal(words, ["MISS", "HIT" if wanted else "MISS"], f"{options}: {targets} {cookies}")

    expect_shared("", False, "?a=1&b=2", "?b=2&a=1")
    expect_shared("", False, "?utm_x=1", "?utm_x=2")
    sorts = "key: { query: sorted }"
    expect_shared(sorts, True, "?a=1&b=2", "?b=2&a=1")
    expect_shared(sorts, False, "?a=1&a=2", "?a=2&a=1")
    expect_shared(sorts, False, "?a=1", "?a=2")
    expect_shared("key: { query: none }", True, "?a=1", "?a=2")
    expect_shared("key: { query: none }", True, "?a=1", "")
    only = "key: { only: [page, size] }"
    expect_shared(only, True, "?page=1&x=1", "?x=2&page=1")
    expect_shared(only, False, "?page=1", "?page=2")
    expect_shared(only, False, "?page=1", "?size=1")
    expect_shared(only, False, "?page=1", "?page=1&page=2")
    without = "key: { without: [utm_*, fbclid] }"
    expect_shared(without, True, "?a=1&utm_source=x", "?utm_medium=y&a=1")
    expect_shared(without, True, "?fbclid=1", "")
    expect_shared(without, False, "?fbclid2=1", "?fbclid2=2")
    expect_shared(without, False, "?utm=1", "?utm=2")
    for name in ("%75tm_x=1", "utm%5fx=1"):
        expect_shared(without, True, f"?{name}", "")
    cookie = "key: { cookies: [theme] }"
    expect_shared("", True, "", "", cookies=("theme=a", "theme=b"))
    expect_shared(cookie, False, "", "", cookies=("theme=a", "theme=b"))
    expect_shared(cookie, True, "", "", cookies=("theme=a; id=1", "id=2; theme=a"))
    expect_shared(cookie, False, "", "", cookies=("", "theme=a"))

    # Hosts of a route that share what is kept.
    for options, word in (("", "MISS"), ("key: { host: false }", "HIT")):
        text = edge.text(options).replace("host: www.example.com", "host: '*.example.com'")
        edge.take(text)
        path = f"/{next(turn)}"
        expect_equal([edge.word(path, host=f"{name}.example.com") for name in ("www", "two")],
                     ["MISS", word], options)


@scenario("times: guesses and their bounds, the longest lifetime, fields that speak to this cache", covers=[
    C + "heuristic-percent", C + "heuristic-limit", C + "lifetime-limit", C + "targets"])
def times(scene):
    script = Script(scene, rule=Answer(ago(100_000)))
    script.rules["/year"] = Answer("Cache-Control: max-age=31536000")
    script.rules["/own"] = Answer("Cache-Control: max-age=9", "Edge-Control: max-age=99",
                                  "CDN-Cache-Control: max-age=999")
    edge = Edge(scene, script)

    def expect_times(options, guessed, year, own):
        edge.reload(options + f"{', ' if options else ''}memory: {expect_times.memory}MiB")
        # Another size is another store.
        expect_times.memory += 1
        expect_equal((lifetime(edge, "/guess"), lifetime(edge, "/year"), lifetime(edge, "/own")),
                     (guessed, year, own), options)

    expect_times.memory = 8
    expect_times("", 10_000, 31_536_000, 999)
    expect_times("heuristic-percent: 50%", 50_000, 31_536_000, 999)
    expect_times("heuristic-percent: 0%", 0, 31_536_000, 999)
    expect_times("heuristic-limit: 1m", 60, 31_536_000, 999)
    expect_times("lifetime-limit: 30s", 30, 30, 30)
    expect_times("targets: [Edge-Control]", 10_000, 31_536_000, 99)
    expect_times("targets: [X-None, CDN-Cache-Control, Edge-Control]", 10_000, 31_536_000, 999)
    expect_times("lifetimes: { 2xx: 7s }", 7, 31_536_000, 999)
    expect_times("lifetimes: { any: 9s, 200: 8s, 2xx: 7s }, override: true", 8, 8, 8)


@scenario("memory: three times as much in objects, and no more than that is used; what is popular stays",
          120, covers=[C + "memory"])
def memory(scene):
    size, mib = 60_000, 32
    script = Script(scene, rule=lambda asked: Answer(FRESH, pieces=[asked.target.encode().ljust(size, b".")]))
    edge = Edge(scene, script, f"memory: {mib}MiB")
    popular = [f"/popular/{number}" for number in range(20)]
    for path in popular:
        edge.expect_words(path, "MISS", "HIT", "HIT")
    before = edge.martlet.heap() + shared(edge.martlet)
    count = 3 * mib * (1 << 20) // size
    missed = 0
    for number in range(count):
        reply = edge.ask(f"/{number}")
        expect(reply.whole and reply.body.startswith(f"/{number}.".encode()), f"/{number}: {reply.status}")
        if number % 4 == 0:
            path = popular[number // 4 % len(popular)]
            missed += edge.word(path) != "HIT"
    grown = edge.martlet.heap() + shared(edge.martlet) - before
    expect(grown <= 1.1 * mib * (1 << 20), f"memory grew by {grown >> 20} MiB with {mib} MiB")
    expect(missed <= count // 4 * 0.05, f"{missed} of {count // 4} requests for popular ones missed")
    # A fiftieth of the memory is for what is new; what nobody asks for again goes from there.
    held = sum(edge.word(f"/{number}") == "HIT" for number in range(count - 1, count - 21, -1))
    expect(held > 4, f"of the last 20 {held} are kept")
    # An object of more than an eighth is passed on.
    large = b"x" * (mib << 20 >> 3) + b"y"
    script.rules["/large"] = Answer(FRESH, pieces=[large])
    for _ in range(2):
        reply = edge.ask("/large")
        expect(reply.body == large and field(reply.head, "X-Cache-Status") == "MISS", "an eighth")


def shared(martlet):
    """Bytes of memory that is shared with nobody but counted as such."""
    with open(f"/proc/{martlet.serving()}/smaps_rollup") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss_Shmem:"))
