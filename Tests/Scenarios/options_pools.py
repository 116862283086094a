# SPDX-License-Identifier: Apache-2.0
"""Options of pools: for each a pool with it and a pool without, behind hosts of the same names."""
import collections
import socket
import threading
import time

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import Browser, field
from harness.nameserver import NameServer
from harness.service import service

E = "pools.*.endpoints[]."
UPGRADE = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")


class Pools:
    """One Martlet with a pool and a route per name; `<a>` in a text is the address of origin a."""

    def __init__(self, scene, names="abc", extra="", workers=1, **pools):
        self.origins = {o.name: o for o in scene.origins(*names)}
        self.http = scene.port()
        first = next(iter(self.origins.values()))
        body = "".join(f"  {name}: {{ {text} }}\n" for name, text in pools.items())
        for name, origin in self.origins.items():
            body = body.replace(f"<{name}>", origin.at)
        routes = "".join(f"  - {{ host: {name}.test, pool: {name} }}\n" for name in pools)
        text = service(self.http, None, [first], workers=workers) + extra
        text = text.replace("pools:\n", "pools:\n" + body, 1)
        self.martlet = scene.martlet(text.replace("routes:\n", "routes:\n" + routes, 1))

    def browser(self, pool):
        return Browser(self.http, host=f"{pool}.test", timeout=15)

    def ask(self, pool, path="/", method="GET", headers="", body=b""):
        """(status, origin); status 0 when the connection was cut."""
        browser = self.browser(pool)
        try:
            status, head, _ = browser.ask(path, method, headers, body)
            return status, field(head, "X-Origin")
        except OSError:
            return 0, None
        finally:
            browser.close()

    def picks(self, pool, count=60, headers=lambda number: ""):
        browser, seen = self.browser(pool), []
        for number in range(count):
            status, head, _ = browser.ask("/", headers=headers(number))
            seen.append(field(head, "X-Origin") if status == 200 else status)
        browser.close()
        return seen

    def endpoints(self, pool):
        return {e["name"]: e for e in self.martlet.pool(pool)["endpoints"]}

    def at_once(self, pool, count, path="/delay/300", headers=""):
        """The answers of so many clients at the same time: [(status, origin, seconds)]"""
        answers = []

        def run():
            began = time.monotonic()
            status, origin = self.ask(pool, path, headers=headers)
            answers.append((status, origin, time.monotonic() - began))

        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers


def endpoints(*texts):
    return "endpoints: [ " + ", ".join(f"{{ {text} }}" for text in texts) + " ]"


ALL = endpoints("address: '<a>'", "address: '<b>'", "address: '<c>'")


def user(number):
    return f"X-User: user-{number}\r\n"


@scenario("balance: every method does what its name says", covers=["pools.*.balance", E + "weight"])
def balance(scene):
    methods = ["round-robin", "weighted-round-robin", "least-connections",
               "weighted-least-connections", "random", "power-of-two-choices",
               "least-response-time", "source-ip-hash", "hash-ring", "maglev", "bounded-load",
               "first-available"]
    weighted = endpoints("address: '<a>', weight: 5", "address: '<b>'", "address: '<c>'")
    none = endpoints("address: '<a>', weight: 0", "address: '<b>'", "address: '<c>'")
    definitions = {m.replace("-", "_"): f"balance: {m}, {ALL}" for m in methods}
    definitions["heavy"] = f"balance: weighted-round-robin, {weighted}"
    definitions["heavy_random"] = f"balance: random, {weighted}"
    definitions["zero"] = none
    definitions["plain"] = ALL
    pools = Pools(scene, **definitions)
    seen = {name: collections.Counter(pools.picks(name, 84)) for name in definitions}
    for name in ("round_robin", "weighted_round_robin", "plain"):
        expect_equal(sorted(seen[name].values()), [28, 28, 28], name)
    for name in ("least_connections", "weighted_least_connections", "random",
                 "power_of_two_choices", "least_response_time"):
        expect_equal(set(seen[name]), {"a", "b", "c"}, name)
    for name in ("source_ip_hash", "hash_ring", "maglev", "bounded_load"):
        expect_equal(len(seen[name]), 1, f"{name}: one client, one endpoint")
    expect_equal(seen["first_available"], {"a": 84}, "first-available")
    expect_equal(seen["heavy"], {"a": 60, "b": 12, "c": 12}, "weights 5, 1, 1")
    expect(45 <= seen["heavy_random"]["a"] <= 74, f"random by weight: {seen['heavy_random']}")
    expect("a" not in seen["zero"], "weight 0 is never chosen")
    row = "".join(pools.picks("heavy", 7))
    expect(row in "aabacaa" * 2, f"smooth order: {row}")
    busy = [o for _, o, _ in pools.at_once("least_connections", 6)]
    expect_equal(sorted(collections.Counter(busy).values()), [2, 2, 2], "six at once, least first")


@scenario("hash: key, virtual-nodes, table-size and load-bound", covers=[
    "pools.*.hash.key", "pools.*.hash.virtual-nodes", "pools.*.hash.table-size",
    "pools.*.hash.load-bound"])
def hashing(scene):
    ring = "balance: hash-ring, hash: { key: 'header:x-user'"
    maglev = "balance: maglev, hash: { key: 'header:x-user'"
    bound = "balance: bounded-load, hash: { key: 'header:x-user'"
    pools = Pools(
        scene, plain=f"balance: hash-ring, {ALL}", keyed=f"{ring} }}, {ALL}",
        cookie=f"balance: hash-ring, hash: {{ key: 'cookie:id' }}, {ALL}",
        query=f"balance: hash-ring, hash: {{ key: 'query:id' }}, {ALL}",
        uri=f"balance: hash-ring, hash: {{ key: uri }}, {ALL}",
        nodes=f"{ring}, virtual-nodes: 1 }}, {ALL}", table=f"{maglev} }}, {ALL}",
        small=f"{maglev}, table-size: 7 }}, {ALL}", bounded=f"{bound}, load-bound: 101% }}, {ALL}",
        unbounded=f"{bound}, load-bound: 1000% }}, {ALL}")
    maps = {name: pools.picks(name, 120, user)
            for name in ("plain", "keyed", "nodes", "table", "small")}
    expect_equal(len(set(maps["plain"])), 1, "without a key: the client's address")
    expect_equal(set(maps["keyed"]), {"a", "b", "c"}, "with a key: users spread")
    expect_equal(pools.picks("keyed", 120, user), maps["keyed"], "the same user, the same endpoint")
    expect(maps["nodes"] != maps["keyed"], "another number of virtual nodes, another map")
    expect(maps["small"] != maps["table"], "another table, another map")
    cookies = set(pools.picks("cookie", 60, lambda n: f"Cookie: x=1; id=u{n}\r\n"))
    expect_equal(cookies, {"a", "b", "c"}, "by cookie")
    for name in ("query", "uri"):
        spread = {pools.ask(name, f"/?id=u{n}")[1] for n in range(40)}
        expect_equal(spread, {"a", "b", "c"}, f"by {name}")
    one = {o for _, o, _ in pools.at_once("unbounded", 6, headers=user(1))}
    more = {o for _, o, _ in pools.at_once("bounded", 6, headers=user(1))}
    expect_equal((len(one), len(more) > 1), (1, True), f"one hot key: {one}, bounded {more}")


@scenario("endpoints: address, name, tier, zone and max-connections; the queue", covers=[
    E + "address", E + "name", E + "tier", E + "zone", E + "max-connections",
    "pools.*.queue.limit", "pools.*.queue.timeout"])
def endpoint_options(scene):
    one = endpoints("address: '<a>', max-connections: 1")
    pools = Pools(
        scene, plain=ALL,
        tiers=endpoints("address: '<a>', tier: 1", "address: '<b>', name: front, zone: east"),
        one=one, unlimited=endpoints("address: '<a>'"), none=f"queue: {{ limit: 0 }}, {one}",
        short=f"queue: {{ timeout: 100ms }}, {one}")
    seen = pools.endpoints("tiers")
    expect("front" in seen and pools.origins["a"].at in seen, f"names: {list(seen)}")
    expect_equal(seen["front"].get("zone"), "east", "zone in the API")
    expect_equal(set(pools.picks("tiers", 20)), {"b"}, "the backup tier rests")
    expect_equal(set(pools.picks("plain", 20)), {"a", "b", "c"}, "without tiers all serve")
    pools.martlet.patch("tiers", "front", {"administrative": "maintenance"})
    expect_equal(set(pools.picks("tiers", 20)), {"a"}, "the backup tier serves")

    def slowest(name):
        return max(seconds for _, _, seconds in pools.at_once(name, 3))
    expect(slowest("unlimited") < 0.6, "three at once without a limit")
    expect(slowest("one") > 0.85, "one after the other with max-connections: 1")
    for name in ("none", "short"):
        codes = sorted(status for status, _, _ in pools.at_once(name, 3))
        expect_equal(codes, [200, 503, 503], f"three at once with queue `{name}`")


@scenario("deadlines of a pool, and the connections it keeps", covers=[
    "pools.*.timeouts.connect", "pools.*.timeouts.first-byte", "pools.*.timeouts.between-bytes",
    "pools.*.timeouts.send", "pools.*.timeouts.tunnel-idle", "pools.*.keepalive.idle",
    "pools.*.keepalive.connections"])
def pool_deadlines(scene):
    # A socket whose accept queue is full does not answer a connect; one that is accepted but never
    # read stops taking bytes.
    full, deaf = socket.socket(), socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        fillers.append(filler)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.bind(("127.0.0.1", 0))
    deaf.listen(5)
    unreachable = endpoints("address: '127.0.0.1:%d'" % full.getsockname()[1])
    silent = endpoints("address: '127.0.0.1:%d'" % deaf.getsockname()[1])
    own = endpoints("address: '<a>'")
    pools = Pools(
        scene, names="a", plain=own, connect="timeouts: { connect: 200ms }, " + unreachable,
        connect_without=unreachable, first="timeouts: { first-byte: 200ms }, " + own,
        between="timeouts: { between-bytes: 200ms }, " + own,
        send="timeouts: { send: 200ms }, " + silent, send_without=silent,
        tunnel="timeouts: { tunnel-idle: 300ms }, " + own,
        idle="keepalive: { idle: 200ms }, " + own,
        once="keepalive: { connections: 0 }, " + own)

    def timed(pool, path, limit, method="GET", body=b""):
        """(status, seconds), or None when there is no answer within the limit."""
        browser = pools.browser(pool)
        browser.sock.settimeout(limit)
        began = time.monotonic()
        try:
            status = browser.ask(path, method, body=body)[0]
        except TimeoutError:
            return None
        except OSError:
            status = 0
        finally:
            browser.close()
        return status, time.monotonic() - began

    big = b"x" * 20_000_000
    for name, path, method, body, wanted in (
            ("connect", "/", "GET", b"", (502, 503, 504)),
            ("send", "/", "POST", big, (0, 502, 504))):
        seen = timed(name, path, 3, method, body)
        expect(seen and seen[0] in wanted and seen[1] < 2.5, f"{name}: {seen}")
        expect_equal(timed(name + "_without", path, 1.2, method, body), None, f"without {name}")
    expect_equal(timed("first", "/delay/600", 3)[0], 504, "first-byte: 200ms")
    expect_equal(timed("plain", "/delay/600", 3)[0], 200, "a slow answer without it")
    expect_equal(timed("between", "/drip/2/600", 3)[0], 0, "between-bytes: 200ms cuts")
    expect_equal(timed("plain", "/drip/2/600", 3)[0], 200, "a dripping answer without it")
    for name, closes in (("tunnel", True), ("plain", False)):
        browser = pools.browser(name)
        expect_equal(browser.ask("/ws", headers=UPGRADE)[0], 101, name)
        expect_equal(browser.is_closed(0.9), closes, f"a silent tunnel of `{name}` is closed")
    # A probe of the pool `web` asks the same origin, by connections of its own.
    a = pools.origins["a"]

    def opened(name, count=8, pause=0.0):
        pools.picks(name, 1)
        before = a.seen()["carried"]
        for _ in range(count):
            pools.picks(name, 1)
            time.sleep(pause)
        return a.seen()["carried"] - before

    expect(opened("once") >= opened("plain") + 6, "connections: 0 opens one for each request")
    expect(opened("idle", 5, 0.3) >= opened("plain", 5, 0.3) + 4, "idle: 200ms closes in a pause")


@scenario("retry: attempts, budget and minimum", covers=[
    "pools.*.retry.attempts", "pools.*.retry.budget", "pools.*.retry.minimum"])
def retry(scene):
    dead = scene.port("127.0.0.9")
    half = ("balance: round-robin, passive: { failures: 0, error-rate: 0% }, "
            + endpoints(f"address: '127.0.0.9:{dead}'", "address: '<a>'"))
    pools = Pools(
        scene, names="a", plain=half, never="retry: { attempts: 0 }, " + half,
        broke="retry: { budget: 0%, minimum: 0 }, " + half,
        least="retry: { budget: 0%, minimum: 50 }, " + half,
        share="retry: { budget: 100%, minimum: 0 }, " + half)
    expect_equal(set(pools.picks("plain", 20)), {"a"}, "with the defaults")
    expect_equal(collections.Counter(pools.picks("never", 20)), {"a": 10, 502: 10}, "attempts: 0")
    expect_equal(collections.Counter(pools.picks("broke", 20)), {"a": 10, 502: 10}, "no budget")
    expect_equal(set(pools.picks("least", 20)), {"a"}, "minimum: 50")
    expect_equal(set(pools.picks("share", 20)), {"a"}, "budget: 100%")


def told_to_go(browser, within):
    """Whether a WebSocket gets the close frame 1001 within that time."""
    browser.sock.settimeout(within)
    try:
        return browser.sock.recv(16) == b"\x88\x02\x03\xe9"
    except TimeoutError:
        return False


@scenario("drain, panic, slow-start and probe of a pool", 60, covers=[
    "pools.*.drain", "pools.*.panic", "pools.*.slow-start", "pools.*.probe"])
def pool_health(scene):
    pair = endpoints("address: '<a>', name: a", "address: '<b>', name: b")
    probed = "probe: quick, " + pair
    pools = Pools(
        scene, names="ab", unprobed=pair, plain=probed, drain="drain: 400ms, " + probed,
        panic="panic: 60%, " + probed, slow="slow-start: 20s, " + probed)
    b = pools.origins["b"]
    for name, closes in (("drain", True), ("plain", False)):
        browser = pools.browser(name)
        while "X-Origin: b" not in browser.ask("/ws", headers=UPGRADE)[1]:
            browser = pools.browser(name)
        pools.martlet.patch(name, "b", {"administrative": "draining"})
        expect_equal(told_to_go(browser, 1.2), closes, f"a tunnel at a draining endpoint of `{name}`")
        pools.martlet.patch(name, "b", {"administrative": "ready"})
    b.health("fail")
    eventually("b is down", lambda: all(
        pools.endpoints(name)["b"]["health"] == "down" for name in ("plain", "panic", "slow")))
    expect_equal(set(pools.picks("unprobed", 20)), {"a", "b"}, "without a probe nothing is known")
    expect_equal(set(pools.picks("plain", 20)), {"a"}, "with a probe b is left out")
    expect_equal(set(pools.picks("panic", 20)), {"a", "b"}, "panic: health is ignored")
    b.health("ok")
    eventually("b is up", lambda: all(
        pools.endpoints(name)["b"]["health"] == "up" for name in ("plain", "slow")))
    shares = {name: pools.picks(name, 100).count("b") for name in ("plain", "slow")}
    expect(shares["plain"] >= 45, f"the full share at once without slow-start: {shares}")
    expect(shares["slow"] <= 30, f"a small share at first with slow-start: {shares}")


@scenario("resolve: nameserver, min-ttl and max-ttl", 60, covers=[
    "pools.*.resolve.nameserver", "pools.*.resolve.min-ttl", "pools.*.resolve.max-ttl"])
def resolve(scene):
    short, long = NameServer(["127.0.0.11"], ttl=1), NameServer(["127.0.0.11"], ttl=3600)
    port = scene.port()
    name = endpoints(f"address: 'app.test:{port}'")
    a, b = scene.origins("a", "b", port=port)
    http = scene.port()
    lines, routes = "", ""
    for key, text in {
            "plain": f"nameserver: 127.0.0.1:{short.port}, min-ttl: 1s",
            "least": f"nameserver: 127.0.0.1:{NameServer(['127.0.0.11'], 1).port}, min-ttl: 60s",
            "most": f"nameserver: 127.0.0.1:{long.port}, min-ttl: 1s, max-ttl: 1s"}.items():
        lines += f"  {key}: {{ resolve: {{ {text} }}, {name} }}\n"
        routes += f"  - {{ host: {key}.test, pool: {key} }}\n"
    text = service(http, None, [a]).replace("pools:\n", "pools:\n" + lines, 1)
    martlet = scene.martlet(text.replace("routes:\n", "routes:\n" + routes, 1))

    def picks(key):
        status, head, _ = Browser(http, host=f"{key}.test").ask()
        return field(head, "X-Origin") if status == 200 else status

    for key in ("plain", "least", "most"):
        eventually(f"{key} resolves", lambda: picks(key) == "a")
    time.sleep(2.5)
    expect(len(short.asked) >= 3, f"TTL 1 s: asked {len(short.asked)} times in 2.5 s")
    expect(len(long.asked) >= 3, f"max-ttl 1s: asked {len(long.asked)} times in 2.5 s")
    short.addresses = ["127.0.0.12"]
    generation = martlet.snapshot()["generation"]
    eventually("the new address serves, without a reload", lambda: picks("plain") == "b")
    expect_equal(martlet.snapshot()["generation"], generation, "the generation")
    never("the pool with min-ttl: 60s asks again", lambda: picks("least") != "a")
