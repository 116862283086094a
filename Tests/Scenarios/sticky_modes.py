# SPDX-License-Identifier: Apache-2.0
"""Sessions that the application names: rewritten, marked or learnt; and pools that grow uneven."""
import collections
import re
import threading

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl, field
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.service import service
from options_pools import Pools, endpoints

S = "pools.*.sticky."
TWO = endpoints("address: '<a>', name: a", "address: '<b>', name: b")
LOGIN = "/says/Set-Cookie/APP%3Dabc%3B%20Path%3D%2F"


def ask(pools, pool, path="/", cookie="", fields=""):
    """(origin, Set-Cookie, the head that the origin saw)"""
    line = f"Cookie: {cookie}\r\n" if cookie else ""
    status, head, body = pools.browser(pool).ask(path, headers=line + fields)
    expect_equal(status, 200, f"{pool} {path}")
    return field(head, "X-Origin"), field(head, "Set-Cookie"), body.decode()


def stays(pools, pool, origin, count=12, **given):
    seen = {ask(pools, pool, **given)[0] for _ in range(count)}
    expect_equal(seen, {origin}, f"{pool}: one endpoint for {given}")


@scenario("sticky.mode: the application's cookie is rewritten, marked or learnt", 60, covers=[
    S + "mode", S + "header", S + "idle"])
def modes(scene):
    pools = Pools(
        scene, names="ab", workers=2, insert="sticky: { cookie: APP }, " + TWO,
        rewrite="sticky: { cookie: APP, mode: rewrite }, " + TWO,
        prefix="sticky: { cookie: APP, mode: prefix }, " + TWO,
        learn="sticky: { cookie: APP, mode: learn, idle: 1s }, " + TWO,
        field="sticky: { header: X-Session, mode: learn }, " + TWO)
    expect(re.fullmatch(r"APP=[0-9a-f]{16}; Path=/; HttpOnly; SameSite=Lax",
                        ask(pools, "insert")[1]), "Martlet's own cookie by default")

    for pool, form in (("rewrite", r"APP=([0-9a-f]{16}); Path=/"),
                       ("prefix", r"APP=([0-9a-f]{16}~abc); Path=/")):
        expect_equal(ask(pools, pool)[1], None, f"{pool}: nothing where the application gives none")
        origin, given, _ = ask(pools, pool, LOGIN)
        value = re.fullmatch(form, given)
        expect(value, f"{pool}: {given}")
        stays(pools, pool, origin, cookie=f"APP={value[1]}")
        seen = ask(pools, pool, "/head", cookie=f"x=1; APP={value[1]}")[2]
        wanted = "Cookie: x=1\r\n" if pool == "rewrite" else "Cookie: x=1; APP=abc\r\n"
        expect(wanted in seen, f"{pool}: {seen}")

    origin, given, _ = ask(pools, "learn", LOGIN)
    expect_equal(given, "APP=abc; Path=/", "a learnt cookie is left alone")
    stays(pools, "learn", origin, cookie="APP=abc")
    expect("Cookie: APP=abc\r\n" in ask(pools, "learn", "/head", cookie="APP=abc")[2], "and goes on")
    expect(pools.martlet.metric("martlet_sticky_learned_total") >= 1, "counted")
    out = martlet_command(scene, "explain", "http://learn.test/", "--admin",
                          f"127.0.0.1:{pools.martlet.admin}", "--header", "Cookie: APP=abc")[1]
    expect("the client's cookie names it" in out, out)
    # Other workers, a reload: the table is one for the process.
    pools.martlet.reload(pools.martlet.text() + "shutdown-grace: 29s\n")
    stays(pools, "learn", origin, cookie="APP=abc")
    threading.Event().wait(1.2)
    seen = collections.Counter(ask(pools, "learn", cookie="APP=abc")[0] for _ in range(12))
    expect_equal(len(seen), 2, f"forgotten after `idle`: {seen}")

    origin = ask(pools, "field", "/says/X-Session/s1")[0]
    stays(pools, "field", origin, fields="X-Session: s1\r\n")
    # The endpoint goes: the session moves and is learnt anew from the next answer that names it.
    other = "b" if origin == "a" else "a"
    pools.martlet.patch("field", origin, {"administrative": "maintenance"})
    expect_equal(ask(pools, "field", "/says/X-Session/s1", fields="X-Session: s1\r\n")[0], other,
                 "moved")
    pools.martlet.patch("field", origin, {"administrative": "ready"})
    stays(pools, "field", other, fields="X-Session: s1\r\n")


@scenario("sticky.mode: HTTP/2 clients, and what check says of keys that do not fit", 40)
def fits(scene):
    a, b = scene.origins("a", "b")
    http, secure = scene.port(), scene.port()
    authority = Authority(scene)
    files = authority.make("site", "www.example.com")
    text = service(http, None, [a, b], pool="sticky: { cookie: APP, mode: prefix }", probe="")
    text = text.replace("routes:\n", f"  - {{ https: 127.0.0.1:{secure}, certificates: "
                        f"[ {pair(files)} ] }}\nroutes:\n", 1)
    scene.martlet(text)

    def by_tls(path, *options):
        text = curl(
            f"https://www.example.com:{secure}{path}", "--http2", "--cacert",
            authority.certificate, "--resolve", f"www.example.com:{secure}:127.0.0.1", *options)[2]
        head, _, body = text.decode().partition("\r\n\r\n")
        expect(head.startswith("HTTP/2 200"), text)
        return head, body

    head, _ = by_tls(LOGIN)
    value = re.fullmatch(r"APP=([0-9a-f]{16}~abc); Path=/", field(head, "set-cookie"))
    expect(value, head)
    seen = {field(by_tls("/head", "-H", f"Cookie: APP={value[1]}")[0], "x-origin")
            for _ in range(8)}
    expect_equal(len(seen), 1, "one endpoint by HTTP/2")
    expect("Cookie: APP=abc\r\n" in by_tls("/head", "-H", f"Cookie: APP={value[1]}")[1], "unmarked")

    for sticky, code in (("cookie: A, mode: rewrite, lifetime: 1h", "M1105"),
                         ("cookie: A, header: X", "M1105"), ("header: X", "M1105"),
                         ("mode: learn", "M1104"), ("cookie: A, mode: prefix, strip: false", "M1105"),
                         ("cookie: A, idle: 1m", "M1105"), ("cookie: A, mode: guess", "M1206")):
        path = scene.write("check.yaml", service(http, None, [a, b], pool=f"sticky: {{ {sticky} }}"))
        status, out, err = martlet_command(scene, "check", path)
        expect(status == 1 and code in out + err, f"{sticky}: {out}{err}")


@scenario("limits.learned-sessions bounds what is remembered", 40,
          covers=["limits.learned-sessions"])
def bounded(scene):
    pool = "sticky: { header: X-Session, mode: learn }, " + TWO
    displaced = []
    for limit in ("limits: { learned-sessions: 8 }\n", ""):
        pools = Pools(scene, names="ab", pool=pool, extra=limit)
        for number in range(40):
            ask(pools, "pool", f"/says/X-Session/s{number}")
        displaced.append(pools.martlet.metric("martlet_sticky_displaced_total"))
        pools.martlet.stop()
    expect_equal(displaced, [32, 0], "sessions that gave way")


@scenario("an uneven pool shows its skew, and check warns of what will make it so", 90)
def skew(scene):
    a, b = scene.origins("a", "b")
    http = scene.port()
    martlet = scene.martlet(service(http, None, [a, b], pool="balance: source-ip-hash", probe=""))
    load = scene.load(http, rate=100, connections=4)
    found = eventually("the skew of a window",
                       lambda: martlet.metric("martlet_pool_skew", pool="web"), within=75)
    load.stop()
    expect(1.9 < found < 2.1, f"all clients at one of two endpoints: {found}")
    expect(1.9 < martlet.pool("web")["skew"] < 2.1, "in the API")
    expect("skew 2" in martlet_command(
        scene, "status", "--admin", f"127.0.0.1:{martlet.admin}")[1], "in status")

    def check(**parts):
        path = scene.write("check.yaml", service(http, None, [a, b], **parts))
        status, out, err = martlet_command(scene, "check", path)
        expect_equal(status, 0, err)
        return "M1360" in out + err

    trusted = "trusted-proxies: [ 10.0.0.0/8 ]"
    by_address = "balance: source-ip-hash"
    expect(check(pool=by_address, listener=trusted), "all clients look like the proxy")
    expect(not check(pool=by_address), "no proxy, no warning")
    expect(not check(pool=by_address, listener=trusted + ", client-address: x-forwarded-for"),
           "the client is known")
    expect(not check(listener=trusted), "another balance")
    sticky = "sticky: { cookie: A, lifetime: 30d }"
    expect(check(pool=sticky, weights={"a": 3}), "weights that a cookie overrides for long")
    expect(not check(pool=sticky), "equal weights")
    expect(not check(pool="sticky: { cookie: A }", weights={"a": 3}), "a cookie of a session")
