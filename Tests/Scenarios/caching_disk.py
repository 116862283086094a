# SPDX-License-Identifier: Apache-2.0
"""What a cache keeps on a disk: it outlives the process, and nothing that was damaged or taken out comes back."""
import glob
import os
import random
import subprocess
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import field
from harness.edge import Edge
from harness.script import Answer, Script

C = "caches.*."
FRESH = "Cache-Control: max-age=600"


def content(path):
    """What only this path has."""
    return random.Random(path).randbytes(2000 + len(path) * 137)


def origin(scene):
    return Script(scene, rule=lambda asked: Answer(
        FRESH, f"Surrogate-Key: t{asked.target[-1]}", pieces=[content(asked.target)]))


def disk(scene, name="disk", size="80MiB"):
    return os.path.join(scene.folder, name), f"disk: {size}, disk-folder: {scene.folder}/{name}"


def status(edge):
    store = edge.martlet.json("GET", "/api/v1/caches")["caches"][0]["store"]
    return store["disk"] if store else {"state": "opening", "found": 0, "objects": 0}


def serving(edge):
    """Waits until what is on the disk can be found."""
    eventually("the disk serves", lambda: status(edge)["state"] == "serving")


def written(edge, count):
    eventually("all is written", lambda: status(edge)["objects"] == count)


def filled(scene, count, name="disk"):
    """An edge that has written so many objects, with its origin, its folder and its paths."""
    script = origin(scene)
    folder, options = disk(scene, name)
    edge = Edge(scene, script, options)
    serving(edge)
    paths = [f"/{number}" for number in range(count)]
    for path in paths:
        edge.ask(path)
    written(edge, len(paths))
    return script, folder, options, edge, paths


def restart(edge):
    edge.martlet.kill_serving()
    eventually("it serves again", lambda: edge.martlet.snapshot()["process"]["restarts"] > 0)
    serving(edge)


@scenario("what was kept is served after kill -9 of the serving process, and after a stop", covers=[C + "disk", C + "disk-folder"])
def outlives(scene):
    script, _, _, edge, paths = filled(scene, 300)
    edge.martlet.kill_serving()
    eventually("the disk serves again", lambda: status(edge)["found"] == len(paths))
    for path in paths:
        reply = edge.ask(path)
        expect_equal(reply.body, content(path), f"content of {path}")
        expect_equal(field(reply.head, "X-Cache-Status"), "HIT", f"word for {path}")
        expect("detail=disk" in field(reply.head, "Cache-Status"), "it says so")
        expect(int(field(reply.head, "Age")) >= 0, "its age")
    edge.expect_words(paths[0], "HIT")
    expect("detail" not in field(edge.ask(paths[0]).head, "Cache-Status"), "from memory now")
    expect_equal(script.count(), len(paths), "requests at the origin")
    expect_equal(edge.martlet.metric("martlet_cache_disk_loads_total", cache="edge"), len(paths), "loads")
    eventually("it is told", lambda: f"{len(paths)} objects found on the disk in" in edge.martlet.log())
    # Ranges, HEAD and conditions of what is on the disk alone.
    restart(edge)
    reply = edge.ask(paths[1], "Range: bytes=10-19")
    expect_equal((reply.status, reply.body), (206, content(paths[1])[10:20]), "a range")
    expect_equal(edge.ask(paths[2], method="HEAD").status, 200, "HEAD")
    expect_equal(edge.ask(paths[3], "If-None-Match: *").status, 304, "a condition")
    expect_equal(script.count(), len(paths), "requests at the origin")
    # Its time goes on while nobody runs.
    expect_equal(edge.martlet.stop(), 0, "exit status")
    edge.martlet.start()
    edge.martlet.wait_ready()
    serving(edge)
    reply = edge.ask(paths[4])
    expect_equal(field(reply.head, "X-Cache-Status"), "HIT", "after a stop")
    expect(int(field(reply.head, "Age")) >= 1, "it is older")


@scenario("kill -9 at any moment: at most the last second is lost, nothing damaged is served", 120)
def kills(scene):
    script = origin(scene)
    _, options = disk(scene)
    edge = Edge(scene, script, options + ", memory: 4MiB")
    serving(edge)
    rounds = 50 if scene.full else 6
    asked = {}
    for number in range(rounds):
        stop = threading.Event()

        def flood():
            count = 0
            while not stop.is_set():
                count += 1
                path = f"/{number}/{count}"
                try:
                    reply = edge.ask(path)
                except OSError:
                    return
                if reply.whole and reply.body == content(path):
                    asked[path] = time.monotonic()

        threads = [threading.Thread(target=flood) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.8, 1.6))
        killed = edge.martlet.kill_serving()
        stop.set()
        for thread in threads:
            thread.join()
        eventually("it serves again", lambda: status(edge)["state"] == "serving", within=10)
        old = [path for path, at in asked.items() if at < killed - 1]
        lost = [path for path in asked if path not in old]
        for path in random.sample(old, min(len(old), 200)):
            reply = edge.ask(path)
            expect_equal(reply.body, content(path), f"content of {path}")
            expect_equal(field(reply.head, "X-Cache-Status"), "HIT", f"word for {path}")
        for path in random.sample(lost, min(len(lost), 50)):
            expect_equal(edge.ask(path).body, content(path), f"content of {path}")
        for path in lost:
            del asked[path]
    expect_equal(status(edge)["damaged"], 0, "damaged")


@scenario("what was taken out by URL, prefix, host, tag or altogether stays out after kill -9", 60)
def purges(scene):
    script = origin(scene)
    _, options = disk(scene)
    edge = Edge(scene, script, options)
    serving(edge)
    paths = [f"/{kind}/{number}" for kind in ("url", "prefix", "tag", "stay") for number in range(10)]
    orders = [{"url": "http://www.example.com/url/1"}, {"prefix": "http://www.example.com/prefix/"},
              {"tag": "t7"}]
    gone = [path for path in paths if path == "/url/1" or path.startswith("/prefix/") or path.endswith("7")]
    for inmemory in (True, False):
        for path in paths:
            edge.ask(path)
        written(edge, len(paths))
        if not inmemory:
            restart(edge)
        count = sum(edge.martlet.json("POST", "/api/v1/caches/edge/purge", order)["purged"] for order in orders)
        expect_equal(count, len(gone), "objects taken out")
        # At once: nothing may be on its way to the disk still.
        edge.martlet.kill_serving()
        eventually("it serves again", lambda: status(edge)["state"] == "serving", within=10)
        before = script.count()
        for path in paths:
            expect_equal(edge.word(path), "MISS" if path in gone else "HIT", f"{path}, {inmemory}")
        expect_equal(script.count() - before, len(gone), "requests at the origin")
    expect_equal(edge.martlet.json("POST", "/api/v1/caches/edge/purge", {"all": True, "mode": "soft"})["purged"],
                 len(paths), "made stale")
    edge.martlet.kill_serving()
    eventually("it serves again", lambda: status(edge)["state"] == "serving", within=10)
    before = script.count()
    edge.ask("/stay/1")
    expect_equal(script.count() - before, 1, "it is asked for anew")


@scenario("damaged files: what is damaged is fetched anew, and told once", 60)
def damage(scene):
    script, folder, _, edge, paths = filled(scene, 100)
    edge.martlet.stop()
    for name in glob.glob(f"{folder}/*.data"):
        with open(name, "r+b") as file:
            size = os.path.getsize(name)
            for place in range(1000, size, 9000):
                file.seek(place)
                octet = file.read(1)[0]
                file.seek(place)
                file.write(bytes([octet ^ 0x55]))
    edge.martlet.start()
    edge.martlet.wait_ready()
    serving(edge)
    for path in paths:
        expect_equal(edge.ask(path).body, content(path), f"content of {path}")
    damaged = status(edge)["damaged"]
    expect(damaged > 10, f"{damaged} damaged")
    expect_equal(script.count(), len(paths) + damaged, "requests at the origin")
    eventually("it is told", lambda: "damaged on the disk" in edge.martlet.log())
    # Files that are nothing at all.
    edge.martlet.stop()
    for name in glob.glob(f"{folder}/*.list") + [f"{folder}/orders"]:
        with open(name, "wb") as file:
            file.write(random.Random(1).randbytes(100_000))
    edge.martlet.start()
    edge.martlet.wait_ready()
    serving(edge)
    expect_equal(edge.word("/1"), "MISS", "nothing is known")
    edge.expect_words("/1", "HIT")


@scenario("a full disk: one clear line, everything is served, and what is new is written again later", 90)
def full(scene):
    script = origin(scene)
    folder, options = disk(scene)
    os.makedirs(folder)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", folder], capture_output=True)
    if mounted.returncode != 0:
        # Without the right to mount: a file in the place of the folder fails, too.
        os.rmdir(folder)
        open(folder, "w").close()
    edge = Edge(scene, script, options)
    try:
        for number in range(3000):
            path = f"/{number}"
            expect_equal(edge.ask(path).body, content(path), f"content of {path}")
            if number % 100 == 0 and status(edge)["state"] == "failing":
                break
        eventually("it fails", lambda: status(edge)["state"] == "failing")
        eventually("it is told", lambda: "M3190" in edge.martlet.log())
        expect_equal(edge.martlet.metric("martlet_cache_disk_serving", cache="edge"), 0, "the metric")
        for path in ("/a", "/b"):
            edge.expect_words(path, "MISS", "HIT")
        lines = [line for line in edge.martlet.log().splitlines() if "M3190" in line]
        expect_equal(len(lines), 1, "lines")
        expect("Make room" in lines[0] and folder in lines[0], f"what to do: {lines[0]}")
    finally:
        edge.martlet.stop()
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


@scenario("reloads and upgrades take the disk over", 90)
def handover(scene):
    script, _, options, edge, paths = filled(scene, 50)
    # Another memory is another store.
    edge.reload(options + ", memory: 32MiB")
    eventually("the new store has it", lambda: status(edge)["found"] == len(paths))
    for path in paths:
        expect_equal(edge.word(path), "HIT", f"word for {path}")
    edge.martlet.json("POST", "/api/v1/upgrade", status=202)
    eventually("the new process serves", lambda: edge.martlet.snapshot()["process"]["upgrades"] == 1, within=20)
    eventually("the new process has it", lambda: status(edge)["found"] == len(paths), within=20)
    for path in paths:
        expect_equal(edge.word(path), "HIT", f"word for {path}")
    # Without a disk only memory is left, and the files stay for later.
    edge.reload("")
    expect_equal(edge.word(paths[0]), "MISS", "no disk")
    edge.reload(options)
    eventually("it is back", lambda: status(edge)["found"] == len(paths))
    expect_equal(script.count(), len(paths) + 1, "requests at the origin")
