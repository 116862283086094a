# SPDX-License-Identifier: Apache-2.0
"""Signals, grace and exit codes."""
import os
import signal
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl
from harness.martlet import martlet_command
from harness.service import service
from harness.websocket import Socket


def in_flight(http, path):
    """Starts a request on a thread; the result appears in the list."""
    result = []

    def run():
        try:
            result.append(Browser(http, timeout=30).ask(path))
        except OSError as error:
            result.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, result


@scenario("TERM: not ready, listeners closed, the request in flight ends, exit 0")
def graceful(scene):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, [origin]))
    idle = Browser(http)
    expect_equal(idle.ask()[0], 200, "before")
    thread, result = in_flight(http, "/delay/2000")
    eventually("the request is at the origin",
               lambda: any("/delay" in head for head in origin.seen()["heads"]))
    martlet.signal(signal.SIGTERM)
    eventually("/readyz turns false", lambda: martlet.api("GET", "/readyz")[0] == 503, within=1)
    eventually("new connections are refused",
               lambda: curl(f"http://127.0.0.1:{http}/")[0] == 0, within=1)
    expect(idle.is_closed(), "an idle connection is closed")
    thread.join(10)
    expect(result and result[0][0] == 200, f"the request in flight: {result}")
    expect_equal(martlet.exit_status(5), 0, "exit status")


@scenario("shutdown-grace is a cap, and a second signal means now")
def capped(scene):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    for grace, signals in (("1s", 1), ("30s", 2)):
        martlet = scene.martlet(f"shutdown-grace: {grace}\n" + service(http, dns, [origin]))
        in_flight(http, "/delay/20000")
        eventually("the request is at the origin",
                   lambda: any("/delay" in head for head in origin.seen()["heads"]))
        origin.forget()
        began = time.monotonic()
        for _ in range(signals):
            martlet.signal(signal.SIGTERM)
            time.sleep(0.2)
        expect_equal(martlet.exit_status(5), 0, f"exit status with grace {grace}")
        took = time.monotonic() - began
        expect(took < 3, f"took {took:.1f} s with grace {grace} and {signals} signals")


@scenario("shutdown-spread: WebSockets end one by one in the last part of the grace, with 1001", 40,
          covers=["shutdown-spread"])
def tunnels(scene):
    origin, = scene.origins("a")
    for text, least, spread in (("shutdown-spread: 2s\n", 2.0, 0.5), ("shutdown-spread: 0s\n", 3.0, 0)):
        http = scene.port()
        martlet = scene.martlet(f"shutdown-grace: 4s\n{text}" + service(http, None, [origin]))
        sockets = [Socket(http) for _ in range(12)]
        began = time.monotonic()
        martlet.signal(signal.SIGTERM)
        endings, times = [], []

        def watch(socket):
            endings.append(socket.ending(8))
            times.append(time.monotonic() - began)
        threads = [threading.Thread(target=watch, args=(socket,)) for socket in sockets]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        expect_equal(endings, [], "tunnels live on at first")
        for thread in threads:
            thread.join()
        expect_equal(set(endings), {"1001"}, f"endings: {endings}")
        expect(least - 0.1 < min(times) and max(times) < 4.2, f"{text.strip()}: closed at {times}")
        expect(max(times) - min(times) >= spread, f"{text.strip()}: one by one: {times}")
        expect_equal(martlet.exit_status(5), 0, "exit status")


@scenario("under load TERM loses no request of a client that asks on kept connections", 60)
def stop_under_load(scene):
    a, b = scene.origins("a", "b")
    http = scene.port()
    martlet = scene.martlet(service(http, None, [a, b]))
    load = scene.load(http, rate=1000, connections=32)
    time.sleep(1)
    martlet.signal(signal.SIGTERM)
    expect_equal(martlet.exit_status(10), 0, "exit status")
    load.stop()
    lost = [f for f in load.failed if not f.cause.startswith("connect")]
    expect(not lost, lambda: f"requests lost on connections that were open: {load.causes()}")


@scenario("INT and QUIT stop too; HUP and USR1 do not")
def signals(scene):
    origin, = scene.origins("a")
    for number in (signal.SIGINT, signal.SIGQUIT):
        martlet = scene.martlet(service(scene.port(), scene.port(), [origin]))
        martlet.signal(number)
        expect_equal(martlet.exit_status(5), 0, f"exit status after {number.name}")
    http = scene.port()
    martlet = scene.martlet(service(http, scene.port(), [origin]))

    def ask(path):
        status = curl(f"http://127.0.0.1:{http}{path}", "-H", "Host: www.example.com")[0]
        expect_equal(status, 200, "curl")

    ask("/one")
    martlet.access_entry("of the first request", lambda entry: "/one" in str(entry))
    moved = martlet.access_log + ".1"
    os.rename(martlet.access_log, moved)
    martlet.signal(signal.SIGUSR1)
    eventually("USR1 opens the log again", lambda: os.path.exists(martlet.access_log))
    ask("/two")
    martlet.access_entry("of the second request", lambda entry: "/two" in str(entry))
    with open(moved) as file:
        expect("/two" not in file.read(), "nothing is written to the old file any more")


@scenario("exit codes: 0 ok, 1 invalid, 2 usage, 78 refused configuration")
def exit_codes(scene):
    origin, = scene.origins("a")
    good = scene.write("good.yaml", service(scene.port(), scene.port(), [origin]))
    bad = scene.write("bad.yaml", "workers: many\nlisteners: [ { htpp: ':8080' } ]\n")
    expect_equal(martlet_command(scene, "check", good)[0], 0, "check of a good file")
    status, out, err = martlet_command(scene, "check", bad)
    expect_equal(status, 1, "check of a bad file")
    text = out + err
    for part in (f"{bad}:1:10", "workers", "^", "M1", "http", "htpp"):
        expect(part in text, f"{part!r} in what check prints:\n{text}")
    expect_equal(martlet_command(scene, "run", "--config", bad)[0], 78, "run of a bad file")
    expect_equal(martlet_command(scene, "run", "--config", scene.path("none"))[0], 78,
                 "run without a file")
    expect_equal(martlet_command(scene, "run", "--confg", good)[0], 2, "a wrong option")
    expect_equal(martlet_command(scene, "frobnicate")[0], 2, "a wrong command")
    expect_equal(martlet_command(scene, "diff", "--jason", good)[0], 2, "a wrong option of diff")
    expect_equal(martlet_command(scene, "explain", "ftp://a/")[0], 2, "no http:// URL")
    expect_equal(martlet_command(scene, "status", "--admin", "no-address")[0], 2, "no address")
    nowhere = f"127.0.0.1:{scene.port()}"
    expect_equal(martlet_command(scene, "status", "--admin", nowhere)[0], 1, "nothing runs there")
    status, _, err = martlet_command(scene, "statsu")
    expect_equal((status, "did you mean 'status'?" in err), (2, True), f"a near miss: {err}")
    status, out, _ = martlet_command(scene, "help")
    expect_equal(status, 0, "help")
    expect(max(map(len, out.splitlines())) <= 80, f"help fits a terminal:\n{out}")
