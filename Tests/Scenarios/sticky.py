# SPDX-License-Identifier: Apache-2.0
"""Sticky clients: the cookie that Martlet gives, when it holds and when the client moves."""
import collections
import os
import re
import socket
import struct
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl, field
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.service import service

STICKY = "sticky: { cookie: SRV%s }"
UPGRADE = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")


def sticky(extra=""):
    return STICKY % (", " + extra if extra else "")


class Client:
    """A browser's cookies, asked with by curl: a connection of its own for each request."""

    def __init__(self, scene, http, name, jar=None):
        self.http, self.jar = http, jar or scene.path(f"jar-{name}")

    def ask(self, path="/", *options):
        """(status, origin, Set-Cookie or None)"""
        status, head, _ = curl(
            f"http://www.example.com:{self.http}{path}", "-b", self.jar, "-c", self.jar,
            "--resolve", f"www.example.com:{self.http}:127.0.0.1", *options)
        return status, field(head, "X-Origin"), field(head, "Set-Cookie")

    def settle(self):
        status, origin, given = self.ask()
        expect_equal(status, 200, "the first request")
        expect(given, "the first answer gives a cookie")
        return origin

    def stays(self, origin, count=5, what="the client"):
        for _ in range(count):
            expect_equal(self.ask(), (200, origin, None), f"{what} stays")


def session(text):
    found = re.search(r"SRV=([0-9a-f]{16})", text or "")
    return found and found[1]


@scenario("sticky: a client stays for 200 requests on two workers, and moves once when it must", 90)
def stays_and_moves(scene):
    a, b, c = origins = scene.origins("a", "b", "c")
    http = scene.port()
    martlet = scene.martlet(service(http, None, origins, pool=sticky()))
    clients = [Client(scene, http, n) for n in range(4)]
    homes = [client.settle() for client in clients]
    expect(len(set(homes)) > 1, f"new clients are balanced: {homes}")
    for client, home in zip(clients, homes):
        client.stays(home, 50)
    expect_equal(martlet.metric("martlet_sticky_kept_total", pool="web"), 200, "requests kept")
    expect_equal(martlet.metric("martlet_sticky_begun_total", pool="web"), 4, "cookies given")

    # Without a cookie requests go round; an address is nowhere to be seen.
    browser = Browser(http)
    answers = [browser.ask() for _ in range(12)]
    expect_equal(len({field(head, "X-Origin") for _, head, _ in answers}), 3, "origins in turn")
    given = {field(h, "X-Origin"): field(h, "Set-Cookie") for _, h, _ in answers}
    expect(all(re.fullmatch(r"SRV=[0-9a-f]{16}; Path=/; HttpOnly; SameSite=Lax", text)
               for text in given.values()), given)
    expect(all(field(h, "Cache-Control") == "private" for _, h, _ in answers), "made private")

    # Weight 0 and draining keep the session; maintenance does not.
    client, home = clients[0], homes[0]
    martlet.patch("web", home, {"weight": 0})
    client.stays(home, what="at weight 0")
    martlet.patch("web", home, {"weight": None})
    martlet.patch("web", home, {"administrative": "draining"})
    client.stays(home, what="at a draining endpoint")
    new = collections.Counter(Client(scene, http, f"new{n}").settle() for n in range(6))
    expect(home not in new, f"no new client at a draining endpoint: {new}")
    martlet.patch("web", home, {"administrative": "maintenance"})
    status, second, given = client.ask()
    expect(status == 200 and second != home and given, f"moved: {status} {second} {given}")
    client.stays(second, what="after it has moved")
    expect_equal(martlet.metric("martlet_sticky_moved_total", pool="web", reason="maintenance"), 1,
                 "moves for maintenance")
    entry = martlet.access_entry("of the move", lambda e: e.get("session") == "maintenance")
    expect_equal(entry["endpoint"], second, "where it went")

    # The endpoint dies: every request is answered, one of them moves the session.
    home = second
    {"a": a, "b": b, "c": c}[home].kill()
    seen = [client.ask() for _ in range(30)]
    expect(all(status == 200 for status, _, _ in seen), f"none failed: {seen}")
    expect_equal(sum(given is not None for _, _, given in seen), 1, f"moved once: {seen}")
    expect_equal(len({origin for _, origin, _ in seen}), 1, f"one endpoint: {seen}")
    moved = sum(martlet.metric("martlet_sticky_moved_total", pool="web", reason=r)
                for r in ("failed", "down"))
    expect(moved >= 1, "the move is counted")


@scenario("sticky: restart, reload and a second node keep the session", 90)
def survives(scene):
    origins = scene.origins("a", "b", "c")
    http, other = scene.port(), scene.port()
    martlet = scene.martlet(service(http, None, origins, pool=sticky()))
    client = Client(scene, http, "one")
    home = client.settle()
    key = os.path.join(martlet.state, "sticky.key")
    expect_equal(os.stat(key).st_mode & 0o777, 0o600, "the key in the state folder is private")
    martlet.reload(service(http, None, origins[::-1], pool=sticky()))
    client.stays(home, what="after a reload with the pool in another order")
    martlet.stop()
    martlet.start()
    client.stays(home, what="after a restart")
    martlet.kill_serving()
    eventually("it serves again", lambda: client.ask()[0] == 200, within=10)
    client.stays(home, what="after a crash")
    # Gone from the pool: the session moves, and comes to rest.
    rest = [origin for origin in origins if origin.name != home]
    martlet.reload(service(http, None, rest, pool=sticky()))
    status, second, given = client.ask()
    expect(status == 200 and second != home and given, "moved as its endpoint is gone")
    client.stays(second)
    expect_equal(martlet.metric("martlet_sticky_moved_total", pool="web", reason="unknown"), 1,
                 "moves from what is gone")

    # Two nodes with the same key agree without a word between them; without it they do not.
    secret = scene.write("secret", "0123456789abcdef0123456789abcdef\n")
    os.chmod(secret, 0o600)  # also where the serving process is another account
    shared = sticky(f"key: {secret}")
    martlet.reload(service(http, None, origins, pool=shared))
    scene.martlet(service(other, None, origins[1:] + origins[:1], pool=shared))
    alone = scene.port()
    scene.martlet(service(alone, None, origins, pool=sticky()))
    for number in range(6):
        jar = scene.path(f"jar-shared{number}")
        home = Client(scene, http, "", jar).settle()
        Client(scene, other, "", jar).stays(home, 3, "at the other node")
    given = Client(scene, alone, "", jar).ask()[2]
    expect(given, "a node with a key of its own does not know the session")
    # A secret that has gone stays in force, and the log says so.
    jar = scene.path("jar-gone")
    home = Client(scene, http, "", jar).settle()
    os.remove(secret)
    martlet.reload(service(http, None, origins, pool=shared + "\nslow-start: 1s"))
    Client(scene, http, "", jar).stays(home, 3, "without the file")
    expect("the one that was read last is in force" in martlet.log(), "the log tells of the file")
    fault = scene.write("bad.yaml", service(http, None, origins, pool=sticky("key: /nowhere")))
    status, out, err = martlet_command(scene, "check", fault)
    expect(status == 1 and "M3123" in out + err, f"a key that is not there: {out}{err}")


@scenario("sticky: every option, and what check and explain say", 60, covers=[
    "pools.*.sticky.cookie", "pools.*.sticky.lifetime", "pools.*.sticky.renew",
    "pools.*.sticky.secure", "pools.*.sticky.same-site", "pools.*.sticky.path",
    "pools.*.sticky.domain", "pools.*.sticky.strip", "pools.*.sticky.key"])
def options(scene):
    a, b = scene.origins("a", "b")
    secret = scene.write("secret", "another secret of 16 bytes")
    extras = {
        "plain": None, "sticky": "", "lifetime": "lifetime: 1d", "key": f"key: {secret}",
        "never": "secure: never", "always": "secure: always", "strict": "same-site: strict",
        "none": "same-site: none", "path": "path: /app", "domain": "domain: example.com",
        "strip": "strip: false", "renew": "lifetime: 1h, renew: true", "limited": "", "other": ""}
    body, routes = "", ""
    for name, extra in extras.items():
        limit = ", max-connections: 1" if name == "limited" else ""
        lines = "".join(f"      - {{ address: {o.at}{limit} }}\n" for o in (a, b))
        group = "" if extra is None else f"    {sticky(extra)}\n"
        body += f"  {name}:\n{group}    endpoints:\n{lines}"
        routes += f"  - {{ host: {name}.test, pool: {name} }}\n"
    http = scene.port()
    text = service(http, None, [a, b]).replace("pools:\n", "pools:\n" + body, 1)
    authority, secure = Authority(scene), scene.port()
    files = authority.make("site", "sticky.test", "never.test")
    routes = (f"  - https: 127.0.0.1:{secure}\n    certificates: [ {pair(files)} ]\n"
              f"routes:\n{routes}")
    martlet = scene.martlet(text.replace("routes:\n", routes, 1))

    def by_tls(pool, *options):
        """What curl writes, head first, by HTTP/2."""
        return curl(f"https://{pool}.test:{secure}/head", "--http2", "--cacert",
                    authority.certificate, "--resolve", f"{pool}.test:{secure}:127.0.0.1",
                    *options)[2].decode()

    def browser(pool):
        return Browser(http, host=f"{pool}.test")

    def given(pool, cookies=""):
        line = f"Cookie: {cookies}\r\n" if cookies else ""
        status, head, body = browser(pool).ask("/head", headers=line)
        expect_equal(status, 200, pool)
        return field(head, "Set-Cookie"), body.decode()

    expect_equal(given("plain")[0], None, "without `sticky`")
    first = given("sticky")[0]
    expect_equal(first, f"SRV={session(first)}; Path=/; HttpOnly; SameSite=Lax", "the defaults")
    for pool, seen in (
            ("lifetime", "; Max-Age=86400;"), ("always", "; Secure"), ("strict", "=Strict"),
            ("none", "=None"), ("path", "; Path=/app;"), ("domain", "; Domain=example.com;")):
        text = given(pool)[0]
        expect(seen in text and seen not in first, f"{pool}: {text}")
    expect(not given("never")[0].endswith("; Secure"), "never secure")
    given_by_tls = field(by_tls("sticky"), "set-cookie")
    expect(given_by_tls.endswith("; SameSite=Lax; Secure"), f"auto, by TLS: {given_by_tls}")
    expect(field(by_tls("never"), "set-cookie").endswith("; SameSite=Lax"), "never, by TLS")
    out = by_tls("sticky", "-H", f"Cookie: x=1; SRV={session(given_by_tls)}")
    expect("set-cookie" not in out and "Cookie: x=1\r\n" in out, f"by HTTP/2: {out}")

    for pool, goes_on in (("sticky", False), ("strip", True)):
        mine = f"SRV={session(given(pool)[0])}"
        text, head = given(pool, f"x=1; {mine}; y=2")
        expect_equal(text, None, f"{pool}: known, so nothing is given")
        wanted = f"Cookie: x=1; {mine}; y=2\r\n" if goes_on else "Cookie: x=1; y=2\r\n"
        expect(wanted in head, f"{pool}: {head}")
        expect_equal("Cookie:" in given(pool, mine)[1], goes_on, f"{pool}: a field of one cookie")
    value = session(given("renew")[0])
    expect_equal(session(given("renew", f"SRV={value}")[0]), value, "renewed with the same value")

    # With another key an endpoint has another value, and so it has in another pool.
    values = {}
    for pool in ("key", "sticky", "other"):
        heads = [browser(pool).ask()[1] for _ in range(8)]
        values[pool] = {field(h, "X-Origin"): session(field(h, "Set-Cookie")) for h in heads}
    for name in "ab":
        expect_equal(len({values[pool][name] for pool in values}), 3, f"values: {values}")

    # A tunnel begins a session as well.
    tunnel = browser("sticky")
    status, head, _ = tunnel.ask("/ws", headers=UPGRADE)
    expect(status == 101 and session(field(head, "Set-Cookie")), head)
    tunnel.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tunnel.close()

    # At its limit the endpoint is waited for; others are served meanwhile.
    busy, waiting = browser("limited"), browser("limited")
    head = busy.ask("/")[1]
    owner, mine = field(head, "X-Origin"), session(field(head, "Set-Cookie"))
    line = f"GET /delay/600 HTTP/1.1\r\nHost: limited.test\r\nCookie: SRV={mine}\r\n\r\n"
    begun = time.monotonic()
    for client in (busy, waiting):
        client.sock.sendall(line.encode())
        time.sleep(0.05)
    origin = field(browser("limited").ask("/")[1], "X-Origin")
    took = time.monotonic() - begun
    expect(origin not in (None, owner) and took < 0.5,
           f"another client is not held up: {origin} beside {owner} after {took:.3f} s")
    expect_equal([field(w.answer()[1], "X-Origin") for w in (busy, waiting)], [owner] * 2, "waited")
    expect(time.monotonic() - begun > 1.1, "one after the other")

    value = values["sticky"]["a"]
    command = ("explain", "http://sticky.test/", "--admin", f"127.0.0.1:{martlet.admin}")
    out = martlet_command(scene, *command, "--header", f"Cookie: SRV={value}")[1]
    expect("the client's cookie names it" in out, out)
    out = martlet_command(scene, *command)[1]
    expect("cookie" not in out, out)
    says_what_is_wrong(scene, http, [a, b])


def says_what_is_wrong(scene, http, origins):
    def check(extra):
        path = scene.write("check.yaml", service(http, None, origins, pool=extra))
        status, out, err = martlet_command(scene, "check", path)
        return status, out + err

    status, out = check("balance: maglev\n" + sticky())
    expect(status == 0 and "M1359" in out, out)
    expect("M1359" not in check(sticky())[1], "no warning without a hash")
    status, out = check(sticky("same-site: none, secure: never"))
    expect(status == 1 and "M1105" in out, out)
    status, out = check(sticky("path: 'a;b'"))
    expect(status == 1 and "M1212" in out, out)
    status, out = check("sticky: { lifetime: 1d }")
    expect(status == 1 and "M1104" in out, out)
