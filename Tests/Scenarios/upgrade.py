# SPDX-License-Identifier: Apache-2.0
"""Another binary takes over: the same sockets, nothing refused, nothing reset, or all as it was."""
import os
import shutil
import signal
import threading
import time
from datetime import datetime

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import Browser, ask_dns, curl, field
from harness.martlet import martlet_command
from harness.service import service
from harness.websocket import Socket


def own_binary(scene):
    """A copy of the program that a scenario may replace."""
    path = scene.path("martlet")
    shutil.copy(os.path.abspath(scene.options.martlet), path)
    scene.options.martlet = path
    return path


def replace(path, data):
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


def children(martlet):
    with open(f"/proc/{martlet.process.pid}/task/{martlet.process.pid}/children") as file:
        return [int(word) for word in file.read().split()]


def upgraded(martlet, count):
    process = martlet.snapshot()["process"]
    return process if process["upgrades"] == count and process["pid"] else None


@scenario("upgrades under load: nothing refused, nothing reset, state carried over, one pid", 120)
def under_load(scene):
    path = own_binary(scene)
    a, b, c = scene.origins("a", "b", "c")
    http, dns = scene.port(), scene.port()
    text = "shutdown-grace: 4s\nshutdown-spread: 1s\n" + service(
        http, dns, [a, b, c], pool="sticky: { cookie: SRV }")
    martlet = scene.martlet(text)
    martlet.patch("web", "c", {"administrative": "maintenance"})
    martlet.patch("web", "a", {"weight": 2})
    b.health("fail")
    eventually("b is down", lambda: martlet.endpoint("web", "b")["health"] == "down")
    since = martlet.endpoint("web", "b")["since"]
    cookie = field(Browser(http).ask()[1], "Set-Cookie").split(";")[0]
    generation = martlet.snapshot()["generation"]

    kept = scene.load(http, rate=1500, connections=64)
    fresh = scene.load(http, rate=100, connections=8, keepalive=False)
    slow, running = [], threading.Event()
    def downloads():
        while not running.is_set():
            slow.append(curl(f"http://127.0.0.1:{http}/drip/10/50", "-H", "Host: www.example.com"))
    thread = threading.Thread(target=downloads)
    thread.start()
    names = []
    def queries():
        while not running.is_set():
            names.append(ask_dns(dns, "www.example.com").addresses)
            time.sleep(0.005)
    asking = threading.Thread(target=queries)
    asking.start()
    socket = Socket(http)
    time.sleep(0.5)

    pids = [martlet.serving()]
    rounds = 20 if scene.full else 3
    for number in range(1, rounds + 1):
        # The same program by another name and inode, as a package brings it.
        with open(path, "rb") as file:
            replace(path, file.read())
        began = time.monotonic()
        if number % 2:
            martlet.signal(signal.SIGUSR2)
        else:
            martlet.json("POST", "/api/v1/upgrade", status=202)
        process = eventually("the new process serves", lambda: upgraded(martlet, number))
        took = time.monotonic() - began
        expect(took < 5, f"the upgrade took {took:.1f} s")
        expect(process["pid"] not in pids, "another process")
        expect_equal(process["supervisor"], martlet.process.pid, "the supervisor's number")
        pids.append(process["pid"])
        seen = martlet.endpoint("web", "b")
        expect_equal(seen["health"], "down", "health is carried over")
        shift = datetime.fromisoformat(seen["since"]) - datetime.fromisoformat(since)
        expect(abs(shift.total_seconds()) < 0.05, f"down since {seen['since']}, not {since}")
        expect_equal(martlet.endpoint("web", "c")["administrative"], "maintenance", "overlay")
        expect_equal(martlet.endpoint("web", "a")["weight"], 2, "overlay")
        expect_equal(martlet.snapshot()["generation"], generation, "generation")
        head = Browser(http).ask(headers=f"Cookie: {cookie}\r\n")[1]
        expect(field(head, "Set-Cookie") is None, "the sticky cookie still counts")
        if number == 1:
            expect(socket.echo(), "a WebSocket lives on in the former process")
            expect_equal(socket.ending(8), "1001", "and is told when that one goes")
        eventually("the former process has ended", lambda: len(children(martlet)) == 1, within=10)
    expect_equal(martlet.metric("martlet_upgrades_total"), rounds, "the metric")
    link = os.readlink(f"/proc/{martlet.process.pid}/exe")
    expect_equal(link, path, "the supervisor runs the new file")
    running.set()
    thread.join()
    asking.join()
    kept.stop()
    fresh.stop()
    kept.expect_no_failure(least=1000)
    fresh.expect_no_failure(least=100)
    expect_equal({(status, len(body)) for status, _, body in slow}, {(200, 10)}, "downloads")
    expect(all(addresses == [a.address] for addresses in names), "DNS answers")

    # The new supervisor does all that the old one did.
    martlet.kill_serving()
    eventually("a crash is no outage", lambda: martlet.snapshot()["process"]["restarts"] == 1)
    martlet.reload(text.replace("sticky: { cookie: SRV }", "drain: 90s"))
    martlet.stop()


# Nobody reads the supervisor's answer: for it this is one that died in between.
SAYS_AND_DIES = b"""#!/usr/bin/python3
import os, socket, sys
link = socket.socket(fileno=int(sys.argv[2]))
link.shutdown(socket.SHUT_RD)
link.send(b'{"ask":"serving","handover":0}')
os._exit(9)
"""


@scenario("an upgrade to a broken binary is rolled back, and nobody notices", 90)
def rollback(scene):
    path = own_binary(scene)
    with open(path, "rb") as file:
        good = file.read()
    a, b = scene.origins("a", "b")
    http = scene.port()
    martlet = scene.martlet("upgrade-timeout: 2s\n" + service(http, None, [a, b]))
    load = scene.load(http, rate=1000, connections=32)
    pid = martlet.serving()
    broken = {
        "no program at all": (b"\x7fELF nonsense", "exited with code 127"),
        "ends at once": (b"#!/bin/sh\nexit 3\n", "exited with code 3"),
        "is never ready": (b"#!/bin/sh\nsleep 60\n", "was not ready within 2"),
        "dies": (b"#!/bin/sh\nkill -SEGV $$\n", "was ended by SIGSEGV"),
        "says that it serves, and is dead": (SAYS_AND_DIES, "exited with code 9"),
    }
    for what, (data, words) in broken.items():
        replace(path, data)
        martlet.signal(signal.SIGUSR2)
        eventually(f"it is said why: {what}",
                   lambda: words in (martlet.snapshot()["process"]["upgradeProblem"] or ""))
        expect(f"the upgrade failed: the new serving process {words}" in martlet.log(), "in the log")
        eventually(f"only the process from before serves after one that {what}",
                   lambda: martlet.serving() == pid)
        expect_equal(martlet.snapshot()["process"]["upgrades"], 0, "upgrades")
        martlet.patch("web", "a", {"weight": 3})
        martlet.patch("web", "a", {"weight": None})
    os.unlink(path)
    martlet.json("POST", "/api/v1/upgrade", status=202)
    eventually("no file", lambda: "127" in (martlet.snapshot()["process"]["upgradeProblem"] or ""))
    # Nothing may change while an upgrade runs.
    replace(path, broken["is never ready"][0])
    martlet.json("POST", "/api/v1/upgrade", status=202)
    eventually("it runs", lambda: martlet.snapshot()["process"]["upgrading"])
    expect_equal(martlet.patch("web", "a", {"weight": 3}, status=409)["code"], "M3035", "a change")
    expect_equal(martlet.json("POST", "/api/v1/upgrade", status=409)["code"], "M3035", "a second")
    martlet.signal(signal.SIGHUP)
    eventually("it is over", lambda: not martlet.snapshot()["process"]["upgrading"])
    eventually("the reload that waited", lambda: martlet.snapshot()["generation"] == 2)
    load.stop()
    load.expect_no_failure(least=1000)
    replace(path, good)
    martlet.signal(signal.SIGUSR2)
    eventually("a good one takes over after all", lambda: upgraded(martlet, 1))
    martlet.stop()


@scenario("martlet upgrade --binary puts a file in place, and back when it is no good", 60,
          covers=["upgrade-timeout"])
def command(scene):
    path = own_binary(scene)
    with open(path, "rb") as file:
        good = file.read()
    tool = scene.path("tool")
    shutil.copy(path, tool)
    origin, = scene.origins("a")
    http = scene.port()
    martlet = scene.martlet("upgrade-timeout: 1s\n" + service(http, None, [origin]))
    pid = martlet.serving()
    scene.options.martlet = tool
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    bad = scene.write("bad", "#!/bin/sh\nsleep 60\n")
    began = time.monotonic()
    status, _, err = martlet_command(scene, "upgrade", "--binary", bad, *admin)
    expect_equal(status, 1, f"a bad file: {err}")
    expect(1 <= time.monotonic() - began < 4, "upgrade-timeout")
    expect("was not ready within 1" in err and "serves on" in err, err)
    with open(path, "rb") as file:
        expect(file.read() == good, "the former program is back in its place")
    expect_equal(martlet.serving(), pid, "the process")
    status, out, err = martlet_command(scene, "upgrade", "--binary", tool, *admin)
    expect_equal(status, 0, f"a good file: {out}{err}")
    expect("serves as process" in out, out)
    expect_equal(martlet.snapshot()["process"]["upgrades"], 1, "upgrades")
    expect_equal(Browser(http).ask()[0], 200, "it serves")
    expect_equal(martlet_command(scene, "upgrade", "--binary", scene.path("none"), *admin)[0], 1, "")
    expect_equal(martlet_command(scene, "upgrade", "now", *admin)[0], 2, "a wrong word")
    # The longer default shows in the reference; here only that it is longer than one second.
    martlet.reload(service(http, None, [origin]))
    with open(path, "rb") as file:
        good = file.read()
    replace(path, b"#!/bin/sh\nsleep 60\n")
    martlet.json("POST", "/api/v1/upgrade", status=202)
    never("the default is no second", lambda: martlet.snapshot()["process"]["upgradeProblem"],
          during=1.5)
    martlet.stop()
