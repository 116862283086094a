# SPDX-License-Identifier: Apache-2.0
"""What a cache tells of itself: metrics, the access log, and `Cache-Status` behind other caches."""
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import field
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Gate, Script

FRESH = "Cache-Control: max-age=60"


def counts(edge, name, label):
    """{"hit": 1, ...} without zeros."""
    found = {}
    for line in edge.martlet.metrics().splitlines():
        if line.startswith(name + "{") and 'cache="edge"' in line:
            value = int(float(line.rpartition(" ")[2]))
            if value:
                found[line.partition(f'{label}="')[2].partition('"')[0]] = value
    return found


@scenario("each request is counted once by what became of it, and why it was no hit")
def counted(scene):
    gate = Gate()
    short = "Cache-Control: max-age=1"
    script = Script(scene, {
        "/fresh": Answer(FRESH, pieces=[b"x" * 1000]), "/tag": Answer(short, 'ETag: "1"'),
        "/swr": Answer(short + ", stale-while-revalidate=60"),
        "/error": [Answer(short + ", stale-if-error=60"), Answer(status=503)],
        "/private": Answer("Cache-Control: private"), "/cookie": Answer(FRESH, "Set-Cookie: a=1"),
        "/vary": Answer(FRESH, "Vary: X-A"),
        "/wait": Answer(FRESH, before=(gate,))})
    edge = Edge(scene, script, "heed-clients: true")
    for path in ("/fresh", "/fresh", "/fresh", "/swr", "/tag", "/error", "/private", "/private",
                 "/cookie"):
        edge.ask(path)
    edge.ask("/vary", "X-A: 1")
    edge.ask("/vary", "X-A: 2")
    edge.ask("/fresh", method="POST", body=b"x")
    edge.ask("/none", "Cache-Control: only-if-cached")
    time.sleep(1.1)
    for path in ("/swr", "/tag", "/error"):
        edge.ask(path)
    crowd(edge.http, [request("/wait")] * 5, asked=gate.open)
    requests = "martlet_cache_requests_total"
    wanted = {"miss": 9, "hit": 2, "pass": 1, "bypass": 1, "unavailable": 1, "stale": 1, "revalidated": 1,
              "error-stale": 1, "wait": 4}
    eventually(f"{requests} are {wanted}", lambda: counts(edge, requests, "result") == wanted, within=3)
    expect_equal(counts(edge, "martlet_cache_fetches_total", "kind"),
                 {"fetch": 10, "revalidate": 1, "background": 1}, "fetches")
    expect_equal(counts(edge, "martlet_cache_misses_total", "reason"),
                 {"uri-miss": 8, "vary-miss": 1, "stale": 2, "method": 1, "passing": 1}, "reasons")
    expect_equal(counts(edge, "martlet_cache_refused_total", "reason"),
                 {"private": 1, "set-cookie": 1}, "refused")
    expect(counts(edge, "martlet_cache_bytes_total", "source")["store"] >= 2000, "octets of the store")
    # The log says the same of each one.
    eventually("the log is written", lambda: sum("cache" in one for one in edge.martlet.access()) >= 21)
    told = {}
    for entry in edge.martlet.access():
        if entry.get("cache", "-") != "-":
            told[entry["cache"]] = told.get(entry["cache"], 0) + 1
    expect_equal(told, wanted, "the access log")


@scenario("a cache behind a cache: each adds its own to Cache-Status, and Age goes on")
def chain(scene):
    script = Script(scene, rule=Answer(FRESH, "Age: 10", "Cache-Status: Origin; hit; ttl=50"))
    back = Edge(scene, script, "name: Back")

    class Behind:
        at, name = f"127.0.0.1:{back.http}", "back"
    front = Edge(scene, Behind, "name: Front")
    reply = front.ask("/a")
    expect_equal(field(reply.head, "Age"), "10", "Age of a miss of both")
    time.sleep(1.1)
    for edge, names in ((front, ["Origin", "Back", "Front"]), (back, ["Origin", "Back"])):
        reply = edge.ask("/a")
        lines = [line.partition(":")[2] for line in reply.head.splitlines()
                 if line.lower().startswith("cache-status:")]
        members = [member.strip().partition(";")[0] for member in ",".join(lines).split(",")]
        expect_equal(members, names, "the nearest to the origin first (RFC 9211 §2)")
        age = int(field(reply.head, "Age"))
        expect(11 <= age <= 13, f"Age {age}")
    expect_equal(script.count("/a"), 1, "requests at the origin")
