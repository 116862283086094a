# SPDX-License-Identifier: Apache-2.0
"""Caches that fetch through others: one region asks the origin once for each object."""
import asyncio
import collections
import contextlib
import json
import os
import random
import signal
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl, field
from harness.crowd import crowd, request
from harness.script import Answer, Script

C = "caches.*."
QUICK = "{ http: /healthz, interval: 100ms, timeout: 1s, fast-interval: 100ms, rise: 1, fall: 2 }"


class Node:
    """A Martlet with a cache in front of `origin`, which fetches through `peers` where there are any."""

    def __init__(self, scene, name, origin, peers=(), options="", regional="", start=True, route=""):
        self.name, self.port = name, scene.port()
        self.at = f"127.0.0.1:{self.port}"
        self.given = {"origin": origin, "peers": peers, "options": options, "regional": regional,
                      "route": route}
        self.martlet = scene.martlet(self.text()) if start else None
        if self.martlet and peers:
            self.expect_peers("up")

    def expect_peers(self, word):
        eventually(f"all peers are {word}", lambda: all(
            endpoint["health"] == word for endpoint in self.martlet.pool("regional")["endpoints"]))

    def text(self, **changed):
        given = {**self.given, **changed}
        peers = ", ".join(f"{{ address: {peer.at}, name: {peer.name} }}" for peer in given["peers"])
        tier = f"""
  regional:
    probe: quick
    timeouts: {{ connect: 300ms, first-byte: 1s }}
    {given["regional"]}
    endpoints: [ {peers} ]""" if peers else ""
        options = ", ".join(filter(None, ["through: regional" if peers else "", given["options"]]))
        route = f", {given['route']}" if given["route"] else ""
        return f"""workers: 1
cdn-id: {self.name}.test
probes: {{ quick: {QUICK} }}
pools:
  web:
    passive: {{ failures: 0, error-rate: 0% }}
    endpoints: [ {{ address: {given["origin"].at}, name: origin }} ]{tier}
caches: {{ pages: {{ {options} }} }}
listeners: [ {{ http: {self.at} }} ]
routes:
  - {{ host: www.example.com, pool: web, cache: pages{route} }}
  - {{ path: /healthz, respond: {{ status: 200, body: ok }} }}
"""

    def ask(self, path="/", *lines, **given):
        return crowd(self.port, [request(path, *lines, **given)])[0]

    def word(self, path="/", *lines):
        return field(self.ask(path, *lines).head, "X-Cache-Status")

    def sent(self, source, outcome):
        return self.martlet.metric("martlet_cache_sent_total", cache="pages", source=source,
                                   outcome=outcome)

    def objects(self):
        return self.martlet.metric("martlet_cache_objects", cache="pages")

    def logged(self):
        """The access log of requests on the route with the cache."""
        with open(self.martlet.access_log) as file:
            return [line for line in map(json.loads, file) if line.get("pool") or line.get("cache")]

    def kill(self):
        """As if the machine had lost its power."""
        serving = self.martlet.serving()
        self.martlet.expected_exit = -signal.SIGKILL
        self.martlet.process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(serving, signal.SIGKILL)
        self.martlet.process.wait()


class Load:
    """Requests of `connections` kept open at each node, one after the other; none is sent twice."""

    def __init__(self, nodes, paths, connections=8):
        self.odd, self.done = collections.Counter(), 0
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run(nodes, paths, connections)))
        self.thread.start()

    async def _run(self, nodes, paths, connections):
        shares = [(node, paths[place::len(nodes)]) for place, node in enumerate(nodes)]
        await asyncio.gather(*(self._client(node, share[place::connections])
                               for node, share in shares for place in range(connections)))

    async def _client(self, node, paths):
        reader = writer = None
        for path in paths:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: www.example.com\r\n\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                body = await reader.readexactly(int(field(head, "Content-Length")))
                if not (head.startswith("HTTP/1.1 200") and body.startswith(path.encode() + b" #")):
                    self.odd[head.split("\r\n")[0]] += 1
                if "close" in (field(head, "Connection") or ""):
                    writer = None
            except (OSError, asyncio.IncompleteReadError) as error:
                self.odd[repr(error)] += 1
                writer = None
            self.done += 1
        if writer:
            writer.close()

    def expect_whole(self, what):
        self.thread.join(300)
        expect(not self.odd, f"{what}: {sum(self.odd.values())} of {self.done} failed: {self.odd}")


def paths(folder, objects, requests, seed):
    """Each object at least once, in any order."""
    draw = random.Random(seed)
    names = [f"/{folder}/{number}" for number in range(objects)]
    all_paths = names + [draw.choice(names) for _ in range(requests - objects)]
    draw.shuffle(all_paths)
    return all_paths


def counts(script, folder):
    """How many objects of a folder the origin was asked for so often."""
    return collections.Counter(
        count for path, count in script.counts.items() if path.startswith(f"/{folder}/"))


@scenario("three edges behind one regional node ask the origin once for each object; it is killed, and "
          "nobody notices", covers=[C + "through", "cdn-id"])
def region(scene):
    requests, objects = (100_000, 10_000) if scene.full else (20_000, 2_000)
    script = Script(scene, rule=Answer("Cache-Control: max-age=3600"))
    regional = Node(scene, "regional", script)
    edges = [Node(scene, f"edge{number}", script, [regional]) for number in (1, 2, 3)]

    load = Load(edges, paths("calm", objects, requests, 1))
    load.expect_whole("with the regional node")
    expect_equal(load.done, requests, "requests")
    expect_equal(counts(script, "calm"), {1: objects}, "objects by requests to the origin")
    expect_equal(regional.objects(), objects, "objects at the regional node")
    expect_equal([edge.sent("origin", "stored") for edge in edges], [0, 0, 0], "past the regional node")
    passed = script.seen("/calm/0")[0].head
    expect("CDN-Loop: edge" in passed and "CDN-Loop: regional.test" in passed, passed)

    # It dies in the middle of the work.
    load = Load(edges, paths("storm", objects, requests, 2))
    eventually("a third is done", lambda: load.done > requests // 3)
    regional.kill()
    load.expect_whole("around the kill")
    worst = max(counts(script, "storm"))
    expect(worst <= 4, f"one object was asked for {worst} times: {counts(script, 'storm')}")

    Load(edges, paths("after", objects // 4, requests // 4, 3)).expect_whole("after the kill")
    worst = max(counts(script, "after"))
    expect(worst <= 3, f"one object was asked for {worst} times: {counts(script, 'after')}")
    expect(all(edge.sent("origin", "stored") > 0 for edge in edges), "the origin was asked")


@scenario("with two regional nodes each object is at one of them; one dies, and comes back")
def two_regional(scene):
    requests, objects = 6_000, 1_000
    script = Script(scene, rule=Answer("Cache-Control: max-age=3600"))
    peers = [Node(scene, f"regional{number}", script) for number in (1, 2)]
    edges = [Node(scene, f"edge{number}", script, peers) for number in (1, 2, 3)]
    Load(edges, paths("both", objects, requests, 4)).expect_whole("with both")
    expect_equal(counts(script, "both"), {1: objects}, "objects by requests to the origin")
    held = [peer.objects() for peer in peers]
    expect(sum(held) == objects and min(held) > objects / 4, f"objects at the regional nodes: {held}")

    load = Load(edges, paths("one", objects, requests, 5))
    eventually("some are done", lambda: load.done > requests // 6)
    peers[0].kill()
    load.expect_whole("around the kill")
    worst = max(counts(script, "one"))
    expect(worst <= 2, f"one object was asked for {worst} times: {counts(script, 'one')}")
    expect_equal([edge.sent("origin", "stored") for edge in edges], [0, 0, 0], "past the other one")

    peers[0].martlet.start()
    for edge in edges:
        edge.expect_peers("up")
    # Whoever comes back is tried with a few requests first, and the others go elsewhere meanwhile.
    Load(edges, paths("warm", 100, 600, 7)).expect_whole("with the one that is tried")
    expect(max(counts(script, "warm")) <= 2, f"while it was tried: {counts(script, 'warm')}")
    Load(edges, paths("again", objects, requests, 6)).expect_whole("with both again")
    # An edge may learn later than the others that the trial is over.
    again = counts(script, "again")
    expect(max(again) <= 2 and again[1] >= objects * 0.9, f"objects by requests to the origin: {again}")
    expect(peers[0].objects() > objects / 4, f"it has {peers[0].objects()} objects")


@scenario("who was asked is told by the log, by explain and by cache why")
def told(scene):
    script = Script(scene)
    regional = Node(scene, "regional", script, options="name: regional")
    edge = Node(scene, "edge", script, [regional], options="name: edge")
    head = edge.ask("/a").head
    # RFC 9211 §2: the cache nearest to the origin comes first.
    status = ", ".join(line.partition(": ")[2] for line in head.split("\r\n")
                       if line.lower().startswith("cache-status:"))
    expect(status.startswith("regional; fwd=uri-miss; stored") and ", edge; fwd=uri-miss" in status, head)
    expect_equal(head.lower().count("x-cache-status:"), 1, f"words in {head}")
    eventually("it grows older", lambda: int(field(edge.ask("/a").head, "Age")) >= 1)
    other = Node(scene, "other", script, [regional], options="name: other")
    head = other.ask("/a").head
    expect(int(field(head, "Age")) >= 1 and "regional; hit" in head, head)

    line = edge.logged()[0]
    expect_equal((line["cache"], line["pool"], line["endpoint"]), ("miss", "regional", "regional"), "log")
    url = "url=http%3A%2F%2Fwww.example.com%2Fa"
    found = edge.martlet.json("GET", f"/api/v1/explain?{url}")
    expect_equal(found["cache"]["fetch"], "through `regional`, by its key from `regional`", "explain")
    found = edge.martlet.json("GET", f"/api/v1/cached?{url}")["caches"][0]
    expect_equal(found["fetch"], "through `regional`, by its key from `regional`", "cache why")
    expect_equal(found["sent"]["tier"]["stored"], 1, "sent through the tier")
    regional.kill()
    eventually("explain knows it", lambda: "own pool" in edge.martlet.json(
        "GET", f"/api/v1/explain?{url}")["cache"]["fetch"])


@scenario("what is purged at the regional node first is gone everywhere")
def purged(scene):
    script = Script(scene, rule=Answer("Cache-Control: max-age=3600", "Surrogate-Key: all"))
    regional = Node(scene, "regional", script, options="purge: 127.0.0.0/8")
    edge = Node(scene, "edge", script, [regional], options="purge: 127.0.0.0/8")

    def purge(node, path):
        return curl(f"http://{node.at}{path}", "-X", "PURGE", "-H", "Host: www.example.com")[2]

    expect_equal(edge.ask("/a").body, b"/a #1\n", "the first")
    expect_equal(purge(edge, "/a"), b"purged 1\n", "at the edge")
    expect_equal(edge.ask("/a").body, b"/a #1\n", "the regional node has it still")
    expect_equal([purge(node, "/a") for node in (regional, edge)], [b"purged 1\n"] * 2, "at both")
    expect_equal(edge.ask("/a").body, b"/a #2\n", "the new one")
    # Tags come through.
    for node in (regional, edge):
        answer = node.martlet.json("POST", "/api/v1/caches/pages/purge", {"tag": "all", "mode": "hard"})
        expect_equal(answer["purged"], 1, f"by tag at {node.name}")
    expect_equal(edge.ask("/a").body, b"/a #3\n", "the newest")


@scenario("two nodes that point at each other end it at once, and say why")
def loops(scene):
    script = Script(scene)
    first = Node(scene, "first", script, start=False)
    second = Node(scene, "second", script, [first], start=False)
    first.given["peers"] = [second]
    for node in (first, second):
        node.martlet = scene.martlet(node.text())
    # Each is the other's tier: the request comes back to where it began, and goes to the origin.
    for node in (first, second):
        node.expect_peers("up")
    for place in range(5):
        reply = first.ask(f"/{place}")
        expect(reply.status == 200 and reply.took < 0.8, f"{reply.status} after {reply.took:.3f} s")
    expect_equal(script.count(), 5, "requests to the origin")
    expect("detail=loop" in first.ask("/new").head, "it is told")
    loops = first.martlet.metric("martlet_cache_misses_total", cache="pages", reason="loop")
    expect_equal(loops, 6, "counted as loops")

    # Each is the other's origin: nobody has it.
    for node, other in ((first, second), (second, first)):
        node.martlet.reload(node.text(origin=other, peers=[]))
    before = time.monotonic()
    reply = first.ask("/nowhere")
    expect(reply.status == 508 and b"loop-detected" in reply.body, f"{reply.status} {reply.body!r}")
    expect(time.monotonic() - before < 2, "it ends at once")
    reasons = eventually("the log says so", lambda: [
        line for line in first.logged() + second.logged() if line["reason"] == "loop-detected"])
    expect_equal(len(reasons), 1, f"lines with the reason: {reasons}")
    expect_equal(script.count(), 6, "requests to the origin")


@scenario("a regional node that is slow, that has no origin, and that has keys of its own")
def troubled(scene):
    script = Script(scene)
    nobody = collections.namedtuple("Nobody", "at")(f"127.0.0.1:{scene.port()}")
    regional = Node(scene, "regional", script)
    edge = Node(scene, "edge", script, [regional], options="stale-if-error: 1h")
    script.rules["/stale"] = Answer("Cache-Control: max-age=1")
    expect_equal(edge.ask("/stale").body, b"/stale #1\n", "fresh")
    # Its origin is gone, that of the edge is not.
    regional.martlet.reload(regional.text(origin=nobody))
    eventually("what is stale is used", lambda: "origin-failed" in edge.ask("/stale").head)
    reply = edge.ask("/stale")
    expect(reply.body == b"/stale #1\n" and "origin-failed" in reply.head, f"stale: {reply.head}")
    expect_equal(script.count("/stale"), 1, "an origin in trouble is left alone")
    reply = edge.ask("/new")
    expect(reply.status == 200 and "tier-failed" in reply.head, f"new: {reply.head}")

    # It takes its time: the tier's own timeout is what a client waits.
    slow = Script(scene, rule=Answer("Cache-Control: max-age=60", before=(5,)), name="slow")
    regional.martlet.reload(regional.text(origin=slow))
    reply = edge.ask("/slow")
    expect(reply.status == 200 and 0.9 < reply.took < 4.5, f"{reply.status} after {reply.took:.3f} s")

    # Another key there: what it has for one URL is what the edge gets for the other.
    regional.martlet.reload(regional.text(options="key: { query: none }"))
    expect_equal(edge.ask("/q?a=1").body, b"/q?a=1 #1\n", "the first")
    expect_equal(edge.ask("/q?a=2").body, b"/q?a=1 #1\n", "what the regional node takes for the same")
    expect_equal(edge.objects() >= 2, True, "two objects at the edge")
