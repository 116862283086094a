# SPDX-License-Identifier: Apache-2.0
"""The cache when clients leave or are slow, and when the origin fails."""
import os
import signal
import socket
import struct
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import field
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.peer import nginx
from harness.script import CUT, Answer, Gate, Script

C = "caches.*."
FRESH = "Cache-Control: max-age=60"
CONTENT = bytes(range(256)) * 8000


def leave(port, data, after=0.2, reset=True):
    """One who asks, and leaves before the answer is whole."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(data)
    time.sleep(after)
    if reset:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@scenario("who began the fetch leaves: the others and the cache get all of it")
def leader_leaves(scene):
    half = len(CONTENT) // 2
    script = Script(scene)
    for workers in (1, 4):
        edge = Edge(scene, script, workers=workers)
        for name, where in (("head", "before"), ("middle", "pieces")):
            for form in ("length", "chunked"):
                gate, path = Gate(), f"/{name}{form}{workers}"
                pieces = [CONTENT[:half], CONTENT[half:]]
                if where == "pieces":
                    pieces.insert(1, gate)
                script.rules[path] = Answer(FRESH, pieces=pieces, form=form,
                                            before=(gate,) if where == "before" else ())
                leaver = threading.Thread(target=leave, args=(edge.http, request(path), 0.15))
                leaver.start()
                eventually("it is fetched", lambda: script.count(path) == 1, within=3)
                # By the time the gate opens the first one is gone.
                replies = crowd(edge.http, [request(path)] * 30,
                                asked=lambda: (leaver.join(), time.sleep(0.1), gate.open()))
                odd = [reply for reply in replies if (reply.whole, reply.body) != (True, CONTENT)]
                expect(not odd, lambda: f"{path}: {len(odd)}, {odd[0].status}, {len(odd[0].body)}")
                edge.expect_words(path, "HIT")
                expect_equal(script.count(path), 1, f"requests for {path}")
        edge.martlet.stop()


@scenario("a first reader that takes 1 KiB a second delays nobody", covers=[C + "wait"])
def slow_reader(scene):
    script = Script(scene, rule=Answer(FRESH, pieces=[CONTENT]))
    script.rules["/chunked"] = Answer(FRESH, form="chunked", pieces=[CONTENT])
    for workers in (1, 2):
        edge = Edge(scene, script, workers=workers)
        for path in (f"/{workers}", "/chunked"):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", edge.http))
            sock.sendall(request(path))
            read = len(sock.recv(1024))
            replies = crowd(edge.http, [request(path)] * 50)
            late = max(reply.took for reply in replies)
            expect(all(reply.body == CONTENT for reply in replies), f"{path}: everybody has it all")
            expect(late < 2, f"{path}: {late:.2f} s beside a slow one")
            time.sleep(1)
            read += len(sock.recv(1024))
            expect(0 < read <= 2048, "and the slow one still reads")
            sock.close()
        expect_equal(script.count(f"/{workers}"), 1, "requests")
        edge.martlet.stop()

    # Who waits for a head waits for `wait`, then goes alone.
    edge = Edge(scene, script, "wait: 300ms")
    gate = Gate()
    script.rules["/late"] = [Answer(FRESH, pieces=[b"first"], before=(gate,)),
                             Answer(FRESH, pieces=[b"own"])]
    first = threading.Thread(target=edge.ask, args=("/late",))
    first.start()
    eventually("it is fetched", lambda: script.count("/late") == 1)
    reply = edge.ask("/late")
    expect(reply.body == b"own" and 0.25 < reply.took < 1.5, f"{reply.body} in {reply.took:.2f} s")
    expect("waited-too-long" in field(reply.head, "Cache-Status"), reply.head)
    gate.open()
    first.join()


@scenario("an origin that fails in the middle: all readers see it, nothing is kept")
def fails_midway(scene):
    half = len(CONTENT) // 2
    script = Script(scene)
    for workers in (1, 4):
        edge = Edge(scene, script, workers=workers)
        for form in ("length", "chunked"):
            gate, path = Gate(), f"/{form}{workers}"
            broken = Answer(FRESH, 'ETag: "1"', form=form, length=len(CONTENT),
                            pieces=[CONTENT[:half], gate, 0.1, CUT])
            script.rules[path] = [broken, Answer(FRESH, pieces=[CONTENT])]
            replies = crowd(edge.http, [request(path)] * 40, asked=gate.open)
            # Who waits for the end of what has no length is asked for anew; who has read a part is cut.
            parts = [reply for reply in replies if reply.whole and reply.body != CONTENT
                     and reply.status == 200]
            expect(not parts, f"{path}: a part passes for the whole")
            expect(any(reply.status == 200 and not reply.whole for reply in replies), f"{path}: nobody is cut")
            # Before a head was sent an honest 502 is as good; nothing else is.
            others = {reply.status for reply in replies} - {200, 0, 502}
            expect(not others, f"{path}: {others}")
            reply = edge.ask(path)
            word = field(reply.head, "X-Cache-Status")
            expect(reply.whole and word in ("MISS", "HIT"), f"{path}: {reply.whole} {word}")
            expect(reply.body == CONTENT, f"{path}: whole the next time")
            edge.expect_words(path, "HIT")
        edge.martlet.stop()
    # What was kept before stays when its replacement breaks.
    edge = Edge(scene, script)
    script.rules["/kept"] = [
        Answer("Cache-Control: max-age=1, stale-if-error=60", pieces=[b"kept"]),
        Answer(FRESH, length=5000, pieces=[b"half", CUT]), Answer(status=503)]
    edge.expect_words("/kept", "MISS", "HIT")
    time.sleep(1.1)
    edge.ask("/kept")
    reply = edge.ask("/kept")
    expect_equal((reply.status, reply.body), (200, b"kept"), "what was kept before")


@scenario("kill -9 of the origin: stale-if-error answers, for its time; without it 502 or 503",
          covers=[C + "stale-if-error"])
def killed(scene):
    class Web:
        name, port = "nginx", scene.port()
        at = f"127.0.0.1:{port}"
    peer = nginx(scene, Web.port, f"""server {{ listen 127.0.0.1:{Web.port};
      location /said {{ add_header Cache-Control "max-age=2, stale-if-error=60"; return 200 said; }}
      location /must {{ add_header Cache-Control "max-age=2, must-revalidate"; return 200 must; }}
      location /fresh {{ add_header Cache-Control "max-age=60"; return 200 fresh; }}
      location / {{ add_header Cache-Control "max-age=2"; return 200 plain; }} }}""")
    edge = Edge(scene, Web)
    paths = ("/said", "/must", "/fresh", "/plain")
    for path in paths:
        edge.expect_words(path, "MISS", "HIT")
    # Of what was made in another second than now, one of its time is gone.
    time.sleep(2.1)
    kill(peer)

    def asked():
        found = {}
        for path in paths:
            reply = edge.ask(path)
            found[path] = reply.status if reply.status != 200 else reply.body.decode()
        for path in ("/must", "/plain"):
            if found[path] in (502, 503, 504):
                found[path] = "error"
        return found

    wanted = {"/said": "said", "/must": "error", "/fresh": "fresh", "/plain": "error"}
    expect_equal(asked(), wanted, "without the option")
    replies = [reply for _ in range(5) for reply in crowd(edge.http, [request("/said")] * 200)]
    expect_equal({(reply.status, reply.body) for reply in replies}, {(200, b"said")}, "a herd")
    edge.reload("stale-if-error: 60s")
    # It counts for what comes from then on.
    peer.start()
    for path in paths:
        edge.ask(path)
    # Of what was made in another second than now, one of its time is gone.
    time.sleep(2.1)
    kill(peer)
    expect_equal(asked(), wanted | {"/plain": "plain"}, "with it")
    peer.start()
    eventually("it is asked again", lambda: edge.word("/said") in ("REVALIDATED", "EXPIRED", "MISS"))


def kill(peer):
    """All of it; the parent first, which else makes new children."""
    parent = peer.process.pid
    with open(f"/proc/{parent}/task/{parent}/children") as file:
        children = [int(word) for word in file.read().split()]
    for pid in (parent, *children):
        os.kill(pid, signal.SIGKILL)
    peer.process.wait()


@scenario("an origin that hangs: who waits, and who has waited long enough, gets what is stale")
def hanging(scene):
    never = Gate()
    script = Script(scene)
    script.rules["/"] = [Answer("Cache-Control: max-age=1, stale-if-error=60", 'ETag: "1"', pieces=[b"kept"]),
                         Answer(before=(never,))]
    for options in ("", "wait: 300ms"):
        script.counts.clear()
        edge = Edge(scene, script, options, pool="timeouts: { first-byte: 700ms }")
        edge.expect_words("/", "MISS", "HIT")
        time.sleep(1.1)
        replies = crowd(edge.http, [request("/")] * 50)
        seen = {(reply.status, reply.body) for reply in replies}
        expect_equal(seen, {(200, b"kept")}, f"a herd with `{options}`")
        longest = max(reply.took for reply in replies)
        expect(longest < 3, f"`{options}`: {longest:.2f} s")
        edge.martlet.stop()


@scenario("stale-while-revalidate: a herd gets the stale one at once, one request is made",
          covers=[C + "stale-while-revalidate", C + "allow-stale-with-s-maxage"])
def while_revalidated(scene):
    script = Script(scene)
    for options, lines in (("", ["Cache-Control: max-age=1, stale-while-revalidate=60"]),
                           ("stale-while-revalidate: 60s", ["Cache-Control: max-age=1"]),
                           ("allow-stale-with-s-maxage: true",
                            ["Cache-Control: s-maxage=1, stale-while-revalidate=60"])):
        edge = Edge(scene, script, options)
        path, gate = f"/{len(script.counts)}", Gate()
        script.rules[path] = [Answer(*lines, pieces=[b"old"]),
                              Answer(*lines, pieces=[b"new"], before=(gate,))]
        edge.expect_words(path, "MISS", "HIT")
        time.sleep(1.2)
        replies = crowd(edge.http, [request(path)] * 1000)
        expect_equal({(reply.status, reply.body) for reply in replies}, {(200, b"old")}, options)
        expect_equal({field(reply.head, "X-Cache-Status") for reply in replies}, {"UPDATING"}, "word")
        expect_equal({field(reply.head, "Cache-Status").split("; ttl")[0] for reply in replies},
                     {"Martlet; hit"}, "RFC 9211: a stale hit")
        expect_equal(script.count(path), 2, f"requests with `{options}`")
        gate.open()
        eventually("the new one is there", lambda: edge.ask(path).body == b"new", within=3)
        expect_equal(edge.fetches("background"), 1, "it was fetched behind the clients")
        edge.martlet.stop()
    # Without them, and where the answer forbids it, they wait for the new one.
    edge = Edge(scene, script, "stale-while-revalidate: 60s")
    for line in ("s-maxage=1", "max-age=1, must-revalidate", "max-age=1, proxy-revalidate"):
        path = f"/{line.replace(', ', '-')}"
        script.rules[path] = [Answer(f"Cache-Control: {line}", pieces=[text]) for text in (b"old", b"new")]
        edge.ask(path)
    time.sleep(1.1)
    for path in [path for path in script.rules if "=" in path]:
        expect_equal(edge.ask(path).body, b"new", path)
