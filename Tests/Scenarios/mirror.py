# SPDX-License-Identifier: Apache-2.0
"""Copies of requests for another pool: what arrives, what is counted, and that nobody notices."""
import subprocess
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, field, raw, statuses
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.service import service

M = "routes[].mirror."
PREFIX = "martlet_http_mirror_"


class Mirrored:
    """A Martlet with pool `web` of origin a and pool `shadow` of b; a route for each name."""

    # A busy machine would have copies left out.
    CALM = "limits: { shed-lag: 10s }\n"

    def __init__(self, scene, more=CALM, **routes):
        self.a, self.b = scene.origins("a", "b")
        self.http = scene.port()
        self.more = more
        self.martlet = scene.martlet(self.text(**routes))

    def text(self, **routes):
        text = service(self.http, None, [self.a], workers=1) + self.more
        # Nothing is ejected, so that each copy meets the fault.
        shadow = (f"  shadow: {{ passive: {{ failures: 0, error-rate: 0% }}, "
                  f"endpoints: [ {{ address: '{self.b.at}' }} ] }}\n")
        text = text.replace("pools:\n", "pools:\n" + shadow, 1)
        lines = "".join(f"  - {{ host: {name}.test, name: {name}, pool: web, mirror: {{ {mirror} }} }}\n"
                        for name, mirror in routes.items())
        # The pool is there also when nothing is mirrored to it.
        lines += "  - { host: shadow.test, pool: shadow }\n"
        return text.replace("routes:\n", "routes:\n" + lines, 1)

    def ask(self, name, path="/", method="GET", headers="", body=b""):
        """(status, origin, content, seconds)"""
        browser = Browser(self.http, host=f"{name}.test", timeout=15)
        began = time.monotonic()
        status, head, content = browser.ask(path, method, headers, body)
        took = time.monotonic() - began
        browser.close()
        return status, field(head, "X-Origin"), content, took

    def counts(self, route):
        """{"sent": 1, "failed reset": 1, ...} without zeros."""
        found = {}
        for line in self.martlet.metrics().splitlines():
            if not line.startswith(PREFIX) or f'route="{route}"' not in line:
                continue
            name, _, rest = line.removeprefix(PREFIX).partition("{")
            labels, _, value = rest.partition("} ")
            word = labels.rpartition("=")[2].strip('"') if labels.count("=") > 1 else ""
            if "duration" in name and not name.endswith("_count"):
                continue
            name = {"sent_total": "sent", "duration_seconds_count": "answered",
                    "comparisons_total": ""}.get(name, name.removesuffix("_total"))
            if float(value) > 0:
                found[f"{name} {word}".strip()] = int(float(value))
        return found

    def expect_counts(self, route, wanted):
        eventually(f"counts of `{route}` are {wanted}", lambda: self.counts(route) == wanted,
                   within=8)


@scenario("mirror: copies arrive as the request was, and what they get is counted", 90, covers=[
    M + name for name in ("pool", "share", "methods", "body", "compare")])
def copies(scene):
    m = Mirrored(scene, all="pool: shadow", some="pool: shadow, share: 20%",
                 safe="pool: shadow, methods: safe", small="pool: shadow, body: 10B",
                 status="pool: shadow, compare: status", content="pool: shadow, compare: body")
    body = b"0123456789" * 5000
    for path, method, content in (("/x?y=1", "GET", b""), ("/sum", "POST", body),
                                  ("/sum", "PUT", b"short"), ("/y", "DELETE", b"")):
        headers = "X-Note: kept\r\n"
        expect_equal(m.ask("all", path, method, headers, content)[:2], (200, "a"), "the client's")
    m.expect_counts("all", {"sent": 4, "answered": 4})
    own, heads = m.a.seen()["heads"], m.b.seen()["heads"]
    for one, two in zip(sorted(own), sorted(heads), strict=True):
        lines = set(two.split("\r\n"))
        expect("Martlet-Mirror: 1" in lines and "Martlet-Mirror" not in one, f"the mark: {two}")
        expect_equal(lines - {"Martlet-Mirror: 1"}, set(one.split("\r\n")), "else the same head")
    expect(b"50000" in m.ask("shadow", "/sum", "POST", "", body)[2], "the origin counts bodies")

    # Only the share is copied. One worker chooses the endpoint of a copy before the client has its
    # answer, so what is counted by now is all that ever will be.
    for _ in range(200):
        m.ask("some")
    sent = m.counts("some")["sent"]
    expect(15 <= sent <= 70, f"a fifth of 200 is {sent}")
    m.ask("safe", method="POST", body=b"x")
    m.ask("safe")
    m.expect_counts("safe", {"sent": 1, "answered": 1})
    m.ask("small", method="POST", body=b"x" * 11)
    m.ask("small", method="POST", body=b"x" * 10)
    chunks = b"b\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n"
    reply = raw(m.http, b"POST /sum HTTP/1.1\r\nHost: small.test\r\nConnection: close\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    expect_equal(statuses(reply), [200], "a body of unknown length")
    m.expect_counts("small", {"sent": 1, "answered": 1, "skipped body-too-large": 2})

    # Comparisons: `/` and /status name the origin, the others do not.
    for path in ("/", "/bytes/100", "/status/404", "/bytes/200000", "/chunked/5"):
        m.ask("content", path)
        m.ask("status", path)
    expect_equal(m.ask("content", "/echo", "POST", "", body)[2], body, "and the client has it all")
    m.expect_counts("status", {"sent": 5, "answered": 5, "same": 5})
    wanted = {"sent": 6, "answered": 6, "same": 4, "body": 2}
    eventually("contents are compared", lambda: m.counts("content").get("answered") == 6)
    found = m.counts("content")
    expect_equal(found, wanted, "only those that name it differ")
    m.b.fault("500")
    m.ask("content", "/bytes/100")
    m.expect_counts("content", wanted | {"sent": 7, "answered": 7, "status": 1})
    status, out, _ = martlet_command(
        scene, "explain", "--admin", f"127.0.0.1:{m.martlet.admin}", "http://content.test/")
    expect(status == 0 and "100 % of the requests to pool shadow as well" in out, f"explain: {out}")


@scenario("mirror: the mark of a copy is believed from trusted proxies only", 60)
def the_mark(scene):
    m = Mirrored(scene, all="pool: shadow")
    mark = "Martlet-Mirror: 1\r\n"

    def ask(path):
        expect_equal(m.ask("all", path, headers=mark)[:2], (200, "a"), "by HTTP/1.1")
        done = subprocess.run(
            ["curl", "-sS", "--http2-prior-knowledge", "-m", "20", "-H", "Host: all.test",
             "-H", mark.strip(), "-w", " %{http_code}", f"http://127.0.0.1:{m.http}{path}"],
            capture_output=True, timeout=30)
        expect(done.stdout.endswith(b" 200"), f"by HTTP/2: {done}")
        return [head for head in m.a.seen()["heads"] if f" {path} " in head]

    heads = ask("/spoofed")
    m.expect_counts("all", {"sent": 2, "answered": 2})
    expect(len(heads) == 2 and all("irror" not in head for head in heads), f"left out: {heads}")
    copies = [head for head in m.b.seen()["heads"] if " /spoofed " in head]
    expect_equal([head.lower().count("martlet-mirror: 1\r\n") for head in copies], [1, 1], "marked once")
    m.martlet.reload(m.text(all="pool: shadow").replace(
        f"http: 127.0.0.1:{m.http}", f"http: 127.0.0.1:{m.http}, trusted-proxies: [ 127.0.0.0/8 ]", 1))
    heads = ask("/proxied")
    expect_equal([head.lower().count("martlet-mirror: 1\r\n") for head in heads], [1, 1], "passed on")
    # A copy of a request that comes later, on the same worker, is there: that of none before is.
    m.ask("all", "/last")
    m.expect_counts("all", {"sent": 3, "answered": 3})
    expect(not any(" /proxied " in head for head in m.b.seen()["heads"]), "a copy has no copy")


@scenario("mirror: one that hangs, resets, is slow or dead changes nothing for clients", 90,
          covers=[M + "timeout"])
def nobody_notices(scene):
    m = Mirrored(scene, all="pool: shadow, compare: status", quick="pool: shadow, timeout: 200ms")
    total = 0

    def over():
        return sum(count for word, count in m.counts("all").items()
                   if word in ("same", "status", "unanswered"))

    for fault, details in (("reset", {}), ("close", {}), ("garbage", {}), ("truncated", {}),
                           ("500", {}), ("slow", {"seconds": 1.0}), ("hang", {})):
        m.b.fault(fault, **details)
        for path, method, body in (("/bytes/1000", "GET", b""), ("/echo", "POST", b"x" * 3000)):
            status, origin, content, took = m.ask("all", path, method, "", body)
            expect((status, origin) == (200, "a") and took < 0.5,
                   f"{method} while the mirror answers with {fault}: {status} in {took:.2f} s")
            expect(len(content) in (1000, 3000), f"whole: {len(content)}")
            total += 1
        eventually(f"the copies that met {fault} are over", lambda: over() == total, within=10)
    found = m.counts("all")
    expect_equal(found["sent"], total, "all were sent")
    expect_equal((found["same"], found["status"]), (2, 2), f"slow ones agree, 500 does not: {found}")
    expect_equal(found["failed timeout"], 2, "those that hung")
    m.b.fault("hang")
    m.ask("quick")
    eventually("its own timeout", lambda: m.counts("quick").get("failed timeout") == 1, within=1)
    m.b.kill()
    for _ in range(20):
        status, origin, _, took = m.ask("all")
        expect((status, origin) == (200, "a") and took < 0.5, f"dead: {status} in {took:.2f} s")
    eventually("refused", lambda: m.counts("all").get("failed connect", 0) >= 1)
    expect_equal(m.martlet.metric("martlet_http_retries_total"), 0, "no copy is tried again")
    # HTTP/2 from the client, HTTP/1.1 to the mirror.
    m.b.start()
    done = subprocess.run(
        ["curl", "-sS", "--http2-prior-knowledge", "-m", "20", "-H", "Host: all.test",
         "-d", "the body", "-w", " %{http_code}", f"http://127.0.0.1:{m.http}/echo"],
        capture_output=True, timeout=30)
    expect_equal(done.stdout, b"the body 200", "by HTTP/2")
    eventually("the copy came", lambda: any(
        head.startswith("POST /echo HTTP/1.1\r\n") and "Content-Length: 8\r\n" in head
        for head in m.b.seen()["heads"]))
    # A reload takes the mirror away.
    text = m.text(all="pool: shadow").replace(", mirror: { pool: shadow }", "")
    m.martlet.reload(text)
    m.b.forget()
    for _ in range(20):
        expect_equal(m.ask("all")[:2], (200, "a"), "the route is still there")
    expect_equal(m.ask("shadow")[:2], (200, "b"), "and so is the pool")
    expect_equal(m.b.seen()["requests"], 1, "nothing is copied any more")


@scenario("mirror: copies that fail take no endpoint from clients, and requests do", 60)
def judge_nobody(scene):
    m = Mirrored(scene, all="pool: shadow")
    c, = scene.origins("c")
    # Endpoints that serve clients as well: `check` warns, and it is taken.
    text = m.text(all="pool: shadow").replace("failures: 0", "failures: 3", 1).replace(
        f"address: '{m.b.at}'", f"address: '{m.b.at}', name: b }}, {{ address: '{c.at}', name: c", 1)
    m.martlet.reload(text)
    for origin in (m.b, c):
        origin.fault("reset")
    for _ in range(30):
        expect_equal(m.ask("all")[:2], (200, "a"), "the client's")
    m.expect_counts("all", {"sent": 30, "failed reset": 30})

    def ejections():
        return sum(float(line.rpartition(" ")[2]) for line in m.martlet.metrics().splitlines()
                   if line.startswith("martlet_endpoint_ejections_total{"))

    expect_equal(ejections(), 0, "copies blame nobody")
    c.fault(None)
    for _ in range(20):
        expect_equal(m.ask("shadow")[0], 200, "served by c, if need be after b")
    eventually("requests of clients blame b", lambda: ejections() == 1)


@scenario("mirror: by TLS as the pool says, and by HTTP/1.1 where ALPN would choose", 60)
def by_tls(scene):
    authority = Authority(scene)
    files = authority.make("back", "back.test")
    m = Mirrored(scene, all="pool: shadow, compare: body")
    secure = scene.port()
    back = service(scene.port(), None, [m.b]).replace("host: www.example.com, ", "")
    scene.martlet(back.replace(
        "listeners:\n",
        f"listeners:\n  - {{ https: 127.0.0.1:{secure}, certificates: [ {pair(files)} ] }}\n", 1))
    pools = "".join(
        f"  {name}: {{ protocol: auto, tls: {{ authorities: {authority.certificate}, "
        f"name: {host} }}, endpoints: [ {{ address: '127.0.0.1:{secure}' }} ] }}\n"
        for name, host in (("good", "back.test"), ("wrong", "other.test")))
    text = m.text(good="pool: good, compare: body", wrong="pool: wrong")
    m.martlet.reload(text.replace("pools:\n", "pools:\n" + pools, 1))
    body = b"0123456789" * 6000
    for _ in range(3):
        expect_equal(m.ask("good", "/echo", "POST", "", body)[2], body, "the client's")
    m.expect_counts("good", {"sent": 3, "answered": 3, "same": 3})
    expect_equal(m.martlet.metric("martlet_http_origin_sessions_total"), 0, "not by HTTP/2")
    expect_equal(len(m.b.seen()["heads"]), 3, "they came")
    expect_equal(m.ask("wrong")[:2], (200, "a"), "another name")
    m.expect_counts("wrong", {"sent": 1, "failed tls": 1})


@scenario("mirror: copies at a time and their memory are bounded", 60, covers=[
    "limits.mirrored-requests", "limits.mirror-memory"])
def bounded(scene):
    few = "limits: { shed-lag: 10s, mirrored-requests: 3 }\n"
    m = Mirrored(scene, few, all="pool: shadow")
    m.b.fault("hang")
    for _ in range(10):
        expect_equal(m.ask("all")[:2], (200, "a"), "the client's")
    m.expect_counts("all", {"sent": 3, "skipped busy": 7})
    eventually("they time out", lambda: m.counts("all").get("failed timeout") == 3, within=8)
    # 2 MiB are 32 blocks: 16 copies with a head and a body.
    m.more = "limits: { shed-lag: 10s, mirror-memory: 2MiB }\n"
    m.martlet.reload(m.text(late="pool: shadow, timeout: 3s"))
    for _ in range(20):
        expect_equal(m.ask("late", "/echo", "POST", "", b"x" * 100)[0], 200, "the client's")
    m.expect_counts("late", {"sent": 16, "skipped memory": 4})
    m.b.fault(None)
    eventually("they time out", lambda: m.counts("late").get("failed timeout") == 16, within=8)
    threads = [threading.Thread(target=m.ask, args=("late", "/echo", "POST", "", b"x" * 60_000))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually("the memory is free again", lambda: m.counts("late").get("answered") == 4)
