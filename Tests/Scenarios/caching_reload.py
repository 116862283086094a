# SPDX-License-Identifier: Apache-2.0
"""Reloads of a cache: what is kept, who waits, and who reads stays undisturbed."""
import threading
import time

from caching_herd import expect_all

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, field
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Gate, Script

FRESH = "Cache-Control: max-age=600"
CONTENT = bytes(range(256)) * 4000


@scenario("what is kept survives reloads; a changed rule holds at once, and a cache that goes is gone")
def survives(scene):
    script = Script(scene)
    edge = Edge(scene, script)
    paths = [f"/{number}" for number in range(50)]
    for path in paths:
        edge.expect_words(path, "MISS")
    other = "  - { host: other.example.com, respond: { status: 200, body: 'x' } }\n"
    for number, text in enumerate((
            edge.text(), edge.text().replace("routes:\n", "routes:\n" + other, 1),
            edge.text("stale-if-error: 1h"), edge.text("wait: 1s, min-uses: 2"), edge.text())):
        edge.take(text)
        expect_equal({edge.word(path) for path in paths}, {"HIT"}, f"after change {number}")
    expect_equal(script.count(), len(paths), "requests at the origin")
    edge.take(edge.text().replace(", cache: edge", ""))
    expect_equal(edge.word("/1"), None, "no cache")
    edge.reload()
    edge.ask("/1")
    expect_equal(edge.word("/1"), "HIT", "a cache again")
    # Another cache of another name knows nothing.
    edge.take(edge.text().replace("edge", "another"))
    edge.expect_words("/2", "MISS", "HIT")


@scenario("reloads while a herd waits and while objects are read: nobody notices")
def meanwhile(scene):
    half = len(CONTENT) // 2
    script = Script(scene)
    for workers in (1, 2):
        edge = Edge(scene, script, workers=workers)
        texts = [edge.text("stale-if-error: 1s"), edge.text("status-header: false"),
                 edge.text("memory: 64MiB"), edge.text(), edge.text().replace(", cache: edge", ""),
                 edge.text()]
        for name, where in (("waiting", "before"), ("reading", "pieces")):
            for number, text in enumerate(texts):
                gate, path = Gate(), f"/{workers}/{name}/{number}"
                pieces = [CONTENT[:half], *([gate] if where == "pieces" else []), CONTENT[half:]]
                script.rules[path] = Answer(FRESH, pieces=pieces, before=[gate] if where == "before" else [])

                def change():
                    edge.take(text)
                    gate.open()

                replies = crowd(edge.http, [request(path)] * 40, asked=change)
                expect_all(replies, CONTENT, path)
                expect_equal(script.count(path), 1, f"requests for {path}")
                edge.take(edge.text())
        edge.martlet.stop()


@scenario("many reloads under a load of hits and misses: no failure, and memory stays")
def under_load(scene):
    script = Script(scene, rule=lambda asked: Answer(FRESH, pieces=[asked.target.encode() * 200]))
    edge = Edge(scene, script, "memory: 8MiB")
    wrong, done, stop = [], [0], threading.Event()

    def client(number):
        browser = Browser(edge.http)
        turn = 0
        while not stop.is_set():
            turn += 1
            path = f"/{turn % 50}" if number % 2 else f"/{number}/{turn}"
            status, head, body = browser.ask(path)
            done[0] += 1
            if status != 200 or body != path.encode() * 200:
                wrong.append((path, status, len(body)))
            if field(head, "Connection") == "close":
                browser = Browser(edge.http)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    texts = [edge.text("memory: 8MiB"), edge.text("memory: 8MiB, stale-if-error: 1s"),
             edge.text("memory: 9MiB"), edge.text("memory: 8MiB, name: Other")]
    before = 0
    for number in range(40):
        edge.take(texts[number % len(texts)])
        if number == 12:
            before = edge.martlet.memory()
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    expect(not wrong and done[0] > 500, lambda: f"{len(wrong)} of {done[0]}: {wrong[:3]}")
    grown = edge.martlet.memory() - before
    expect(grown < 24 << 20, f"memory grew by {grown >> 20} MiB in 28 reloads")


@scenario("the process stops while a herd waits: who waits is answered, or told")
def stopped(scene):
    gate = Gate()
    script = Script(scene, {"/": Answer(FRESH, pieces=[CONTENT], before=(gate,))})
    edge = Edge(scene, script)

    def stop():
        edge.martlet.signal(15)
        edge.martlet.expected_exit = 0
        time.sleep(0.3)
        gate.open()

    replies = crowd(edge.http, [request("/")] * 50, asked=stop)
    odd = [reply for reply in replies if (reply.whole, reply.body) != (True, CONTENT)]
    expect(not odd, lambda: f"{len(odd)} of 50: {odd[0].status} {odd[0].head[:80]}")
    eventually("it has ended", lambda: edge.martlet.process.poll() == 0, within=10)
