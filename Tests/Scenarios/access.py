# SPDX-License-Identifier: Apache-2.0
"""Access to routes by name and password: who comes in, what others are told, what endpoints see."""
import concurrent.futures
import os
import subprocess
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl, field
from harness.martlet import martlet_command
from harness.service import service

B = "routes[].basic-auth."


def hashed(password):
    """A SHA-512 hash as `openssl passwd` writes it."""
    done = subprocess.run(["openssl", "passwd", "-6", "-salt", "scenario", "-stdin"], check=True,
                          input=password.encode(), capture_output=True)
    return done.stdout.decode().strip()


def write(path, **users):
    with open(path + ".new", "w") as file:
        file.writelines(f"{name}:{hashed(password)}\n" for name, password in users.items())
    os.replace(path + ".new", path)


def guarded(scene, options="", workers=2):
    """A Martlet with a guarded route below /in/, and a way to ask it."""
    users = scene.path("users.txt")
    write(users, ann="secret", bob="open")
    origin = scene.origin("a")
    http = scene.port()
    text = service(http, None, [origin], workers=workers).replace("routes:\n", f"""routes:
  - host: www.example.com
    path: /in/
    pool: web
    rewrite: {{ path: "/head/{{rest}}" }}
    basic-auth: {{ users: {users}{options} }}
""")
    martlet = scene.martlet(text)

    def ask(target, user=None, *options):
        given = ["-u", user] if user else []
        return curl(f"http://127.0.0.1:{http}{target}", "-H", "Host: www.example.com", *given,
                    *options)
    return ask, martlet, users, text


@scenario("a route lets in who knows a password", covers=[
    B + "users", B + "realm", B + "user-header", B + "strip", B + "cache", B + "attempts"])
def basic_auth(scene):
    ask, martlet, users, text = guarded(
        scene, ", realm: Members, user-header: X-Remote-User, cache: 1h, attempts: 5/h", workers=1)
    status, head, body = ask("/in/x")
    expect_equal((status, body), (401, b"401 Unauthorized: unauthorized\n"), "nobody")
    expect_equal(field(head, "WWW-Authenticate"), 'Basic realm="Members", charset="UTF-8"', "realm")
    status, head, body = ask("/in/x", "ann:secret", "-H", "X-Remote-User: root")
    seen = body.decode("latin-1")
    expect_equal((status, field(seen, "X-Remote-User"), field(seen, "Authorization")),
                 (200, "ann", None), f"the endpoint sees the name alone: {seen}")
    expect_equal(ask("/")[0], 200, "a route without it")
    expect_equal(ask("/in/x", "ann:secret")[0], 200, "known")
    def counted(kind):
        return martlet.metric("martlet_access_requests_total", credentials=kind)
    expect_equal((counted("verified"), counted("known")), (1, 1), "cache")
    expect_equal([ask("/in/x", f"bob:{i}")[0] for i in range(6)], [401] * 5 + [429], "attempts")
    status, head, _ = ask("/in/x", "bob:open")
    expect(status == 429 and int(field(head, "Retry-After")) > 60, f"attempts: {head}")
    expect_equal(ask("/in/x", "bob:open", "--interface", "127.0.0.2")[0], 200, "another client")
    expect_equal(ask("/in/x", "ann:secret")[0], 200, "known in spite of the guesses")
    martlet.access_entry("of the guesses", lambda entry: entry["reason"] == "auth-limited")
    status, out, _ = martlet_command(
        scene, "explain", "--admin", f"127.0.0.1:{martlet.admin}", "http://www.example.com/in/x")
    expect(status == 0 and "401" in out and "a name and a password of 2 users" in out, out)
    martlet.reload(text.replace("user-header: X-Remote-User", "strip: false"))
    seen = ask("/in/x", "ann:secret")[2].decode("latin-1")
    expect(field(seen, "Authorization").startswith("Basic "), f"strip: false: {seen}")
    expect_equal(field(seen, "X-Remote-User"), None, "without user-header")
    with open(martlet.access_log) as log:
        expect("YW5u" not in log.read() + martlet.log(), "no log has credentials")


@scenario("a changed file of users is taken up, a bad one is not")
def users_follow(scene):
    ask, martlet, users, text = guarded(scene)
    expect_equal((ask("/in/", "ann:secret")[0], ask("/in/", "kim:new")[0]), (200, 401), "before")
    write(users, kim="new")
    deadline = time.monotonic() + 8
    while ask("/in/", "kim:new")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    expect_equal((ask("/in/", "kim:new")[0], ask("/in/", "ann:secret")[0]), (200, 401),
                 "the new file, and what was known of the old one is not")
    with open(users, "w") as file:
        file.write("kim:plain\n")
    eventually("the bad file is told", lambda: "M1240" in martlet.log(), within=8)
    expect_equal(ask("/in/", "kim:new")[0], 200, "the former content serves on")
    status, out, err = martlet_command(scene, "check", martlet.config)
    expect(status == 1 and "M1240" in out + err and "line 1" in out + err, out + err)
    expect("plain" not in out + err, "the message has no part of the hash")
    os.remove(users)
    status, out, err = martlet_command(scene, "check", martlet.config)
    expect(status == 1 and "M1240" in out + err, out + err)


@scenario("a flood of guesses is refused and slows nobody down")
def flood(scene):
    ask, martlet, users, text = guarded(scene, ", attempts: 10000/s")
    with open(users, "w") as file:
        # Costs some 100 ms each.
        file.write("ann:$6$rounds=200000$scenario$" + "x" * 86 + "\n")
    martlet.reload(text)
    address = ask("/", None)[0]
    expect_equal(address, 200, "before")
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        guesses = [pool.submit(ask, "/in/", f"ann:{i}") for i in range(100)]
        slowest = 0
        for _ in range(20):
            began = time.monotonic()
            expect_equal(ask("/")[0], 200, "another route meanwhile")
            slowest = max(slowest, time.monotonic() - began)
        statuses = [guess.result()[0] for guess in guesses]
    expect(set(statuses) <= {401, 503} and 503 in statuses and 401 in statuses,
           f"statuses: {sorted(statuses)}")
    expect(slowest < 1.0, f"another route took {slowest:.2f} s")
    busy = sum(martlet.metric("martlet_http_ended_by_door_total", reason=reason)
               for reason in ("auth-busy", "auth-timeout"))
    expect_equal(busy, statuses.count(503), "said in metrics")


@scenario("guesses made at the same time are counted like those made one after the other")
def parallel_guesses(scene):
    ask, _, _, _ = guarded(scene, ", attempts: 5/h")
    expect_equal(ask("/in/", "ann:secret")[0], 200, "the right one")
    with concurrent.futures.ThreadPoolExecutor(14) as pool:
        statuses = [guess.result()[0] for guess in
                    [pool.submit(ask, "/in/", f"ann:{i}") for i in range(14)]]
    expect_equal((statuses.count(401), statuses.count(429)), (5, 9), f"{sorted(statuses)}")
    expect_equal(ask("/in/", "bob:open")[0], 429, "nothing more is compared")
