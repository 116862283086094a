# SPDX-License-Identifier: Apache-2.0
"""Options of the process as a whole, each with and without."""
import os
import time

from harness import Skip, eventually, expect, expect_equal, never, scenario
from harness.ask import Browser, curl, raw, statuses
from harness.service import service


def fresh(scene, head="", **options):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    return origin, http, dns, scene.martlet(head + service(http, dns, [origin], **options))


@scenario("workers sets the number of threads that serve", covers=["workers"])
def workers(scene):
    counts = []
    for count in (1, 3):
        _, _, _, martlet = fresh(scene, workers=count)
        counts.append(len(os.listdir(f"/proc/{martlet.serving()}/task")))
        martlet.stop()
    expect_equal(counts[1] - counts[0], 2, "threads more with 3 workers than with 1")


@scenario("user is the account that serves when started as root", covers=["user"])
def user(scene):
    if os.geteuid() != 0:
        raise Skip("only root can change the account")
    import pwd
    names = []
    for head in ("user: games\n", "", "user: root\n"):
        _, _, _, martlet = fresh(scene, head)
        names.append(pwd.getpwuid(os.stat(f"/proc/{martlet.serving()}").st_uid).pw_name)
        told = "there is no account 'root', or it is root's" in martlet.log()
        expect_equal(told, "root" in head, f"a warning with '{head.strip()}'")
        martlet.stop()
    expect_equal(names[0], "games", "account with `user: games`")
    expect(names[1] in ("martlet", "nobody"), f"account without: {names[1]}")
    expect_equal(names[2], "nobody", "nothing serves as root")


@scenario("state is the folder of the state files", covers=["state"])
def state(scene):
    _, _, _, martlet = fresh(scene)
    eventually("files appear in the folder", lambda: os.listdir(martlet.state))
    martlet.stop()
    folder = scene.path("elsewhere")
    _, _, _, second = fresh(scene, f"state: {folder}\n")
    eventually("files appear in the other folder", lambda: os.listdir(folder))
    expect(not os.path.exists(second.state), "and none in the first")


@scenario("shutdown-grace is how long a request in flight may go on", covers=["shutdown-grace"])
def grace(scene):
    for text, least, most in (("shutdown-grace: 300ms\n", 0, 1.5), ("", 1.9, 9)):
        origin, http, _, martlet = fresh(scene, text)
        browser = Browser(http)
        browser.sock.sendall(b"GET /delay/2000 HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        eventually("the request is at the origin", lambda: origin.seen()["requests"] == 1)
        began = time.monotonic()
        martlet.stop()
        took = time.monotonic() - began
        expect(least <= took <= most, f"{took:.1f} s to stop with {text!r}")


@scenario("bounds on heads and request lines", covers=[
    "limits.header-bytes", "limits.header-count", "limits.request-line"])
def head_limits(scene):
    long_field = b"GET / HTTP/1.1\r\nHost: www.example.com\r\nX: " + b"a" * 3000 + b"\r\n\r\n"
    many = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n" + b"X: 1\r\n" * 50 + b"\r\n"
    line = b"GET /" + b"a" * 500 + b" HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
    for limit, data, status in (("header-bytes: 2KiB", long_field, 431),
                                ("header-count: 20", many, 431), ("request-line: 200B", line, 414)):
        seen = []
        for more in (f"limits: {{ {limit} }}\n", ""):
            _, http, _, martlet = fresh(scene, more=more)
            seen.append(statuses(raw(http, data, timeout=0.5)))
            martlet.stop()
        expect_equal(seen, [[status], [200]], limit)


@scenario("limits.connections and limits.buffered-body", covers=[
    "limits.connections", "limits.buffered-body"])
def other_limits(scene):
    for more, wanted in (("limits: { connections: 2 }\n", False), ("", True)):
        _, http, _, martlet = fresh(scene, more=more)
        held = [Browser(http), Browser(http)]
        for browser in held:
            expect_equal(browser.ask()[0], 200, "the first two clients")
        third = raw(http, b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", timeout=0.7)
        expect_equal(third.startswith(b"HTTP/1.1 200"), wanted, f"a third client with {more!r}")
        martlet.stop()
    # A PUT is idempotent: it may be sent again if its body is still there.
    for more, status in (("limits: { buffered-body: 0B }\n", 502), ("", 200)):
        a, b = scene.origins("a", "b")
        http = scene.port()
        martlet = scene.martlet(
            service(http, None, [a, b], pool="balance: first-available", more=more))
        a.fault("reset")
        seen, _, body = Browser(http).ask("/echo", "PUT", body=b"x" * 2000)
        expect_equal(seen, status, f"PUT over a resetting origin with {more!r}")
        martlet.stop()


@scenario("admin.listen, and that it can be off", covers=["admin.listen"])
def admin(scene):
    _, _, _, martlet = fresh(scene)
    expect_equal(martlet.api("GET", "/livez")[0], 200, "/livez on the address given")
    http, admin_port = scene.port(), scene.port()
    origin, = scene.origins("a")
    quiet = scene.martlet("admin: { listen: off }\n" + service(http, None, [origin]), wait=False,
                          admin=admin_port)
    eventually("it serves", lambda: curl(f"http://127.0.0.1:{http}/", "-H",
                                         "Host: www.example.com")[0] == 200)
    expect_equal(curl(f"http://127.0.0.1:{admin_port}/livez")[0], 0, "no admin listener")
    expect(not quiet.log() or "9180" not in quiet.log(), "none on the usual port either")


@scenario("log.level, log.output, log.access.output and log.access.format", covers=[
    "log.level", "log.output", "log.access.output", "log.access.format"])
def logs(scene):
    events, access = scene.path("events.log"), scene.path("requests.log")

    def run(text):
        origin, http, _, martlet = fresh(scene, text)
        expect_equal(curl(f"http://127.0.0.1:{http}/", "-H", "Host: www.example.com")[0], 200, "curl")
        origin.health("fail")
        eventually("down", lambda: martlet.endpoint("web", origin.at)["health"] == "down")
        martlet.stop()
        return martlet

    plain = run(f"log: {{ access: {{ output: {access} }} }}\n")
    text = eventually("an access line", lambda: open(access).read())
    expect('"GET / HTTP/1.1" 200' in text and not text.startswith("{"), f"combined: {text!r}")
    expect("down" in plain.log(), "events go to standard error")
    quiet = run(f"log: {{ level: error, output: {events} }}\n")
    told = open(events).read() if os.path.exists(events) else ""
    expect("down" not in quiet.log() + told, "a change of state is no error")
    moved = run(f"log: {{ output: {events}, level: info }}\n")
    expect("down" in open(events).read() and "down" not in moved.log(), "events go to the file")
    run(f"log: {{ access: {{ output: {access}.json, format: json }} }}\n")
    eventually("an access line as JSON", lambda: open(access + ".json").read().startswith("{"))
    silent = run("log: { level: debug }\n")
    told = [{line.split()[2] for line in one.log().splitlines() if len(line.split()) > 2}
            for one in (silent, plain)]
    expect(told[0] >= told[1], f"debug says no less than info: {told[1] - told[0]}")
    never("an access line without log.access.output",
          lambda: '"GET / HTTP/1.1"' in silent.log(), during=0.2)
