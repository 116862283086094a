# SPDX-License-Identifier: Apache-2.0
"""Reload is a difference: what the file does not change is not touched."""
import resource
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl, dig, field
from harness.martlet import martlet_command
from harness.service import service
from harness.watch import why
from harness.websocket import Crowd


@scenario("reloads under load lose nothing and leave nothing behind", 600)
def many_reloads(scene):
    a, b, c = scene.origins("a", "b", "c")
    http, dns = scene.port(), scene.port()
    # Nothing but a reload could close a kept connection in the time that this takes.
    kept = "keepalive: { idle: 1h, connections: 1000 }\n"
    texts = [
        service(http, dns, [a, b], pool=kept),
        service(http, dns, [a, b, c], pool=kept),
        service(http, dns, [a, b, c], pool=kept, weights={"a": 5}),
        service(http, dns, [a, b], pool=kept + "balance: least-connections"),
    ]
    martlet = scene.martlet(texts[0])
    for text in texts:
        martlet.reload(text)
    load = scene.load(http, rate=2000, connections=64)
    time.sleep(0.5)

    def descriptors():
        """Those that are not for requests: the connections that a burst opened are kept."""
        return martlet.descriptors() - sum(o.seen()["carrying"] for o in (a, b, c))

    rounds = 1000 if scene.full else 40
    for number in range(rounds):
        if number == rounds // 4:
            # By now the history of events and the heap have found their size.
            memory, before = martlet.heap(), descriptors()
        martlet.reload(texts[number % len(texts)])
    time.sleep(0.5)
    grown = martlet.heap() / memory
    left = descriptors() - before
    load.stop()
    load.expect_no_failure(least=2000)
    expect_equal(load.connects, 64, "client connections opened: a reload closes none")
    for origin in (a, b):
        seen = origin.seen()
        expect(seen["carried"] > 0, f"{origin.name} carried requests")
        expect_equal(seen["carrying"], seen["carried"],
                     f"upstream connections of {origin.name}: each one ever opened is still open")
    # c comes and goes with the reloads, and is gone in the last text.
    expect_equal((rounds - 1) % len(texts), 3, "the last text")
    eventually("no connection to c is left", lambda: c.seen()["carrying"] == 0)
    expect(c.seen()["carried"] > 0, "c carried requests while it was there")
    expect(grown < 1.05 or martlet.heap() - memory < 2 << 20, f"memory grew to {grown:.2f}")
    expect(left <= 40, f"{left} descriptors more than before")


@scenario("WebSockets of one route survive 136 changes of another", 900)
def unrelated_sockets(scene):
    # Each one takes two descriptors of Martlet's; the limit of the machine may allow fewer.
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(10_000, files // 2 - 600) if scene.full else 300
    a, b, c = scene.origins("a", "b", "c")
    http = scene.port()

    def text(number):
        """Route, pool and answers of `other.example.com` differ each time."""
        place = (b, c)[number % 2].at
        other = (f"  other:\n    balance: {('round-robin', 'least-connections')[number // 2 % 2]}\n"
                 f"    timeouts: {{ connect: {1 + number % 7}s }}\n"
                 f"    endpoints: [ {{ address: {place}, weight: {1 + number % 5} }} ]\n")
        routes = (f"  - {{ host: other.example.com, path: /n, respond: {{ status: 200, "
                  f"body: 'change {number}' }} }}\n"
                  f"  - {{ host: other.example.com, path: /p{number % 3}, pool: other }}\n")
        return (service(http, None, [a]).replace("pools:\n", "pools:\n" + other, 1)
                .replace("routes:\n", "routes:\n" + routes, 1))

    martlet = scene.martlet(text(0))
    crowd = Crowd(scene, http, count)
    expect_equal(crowd.opened, count, "WebSockets open")
    carried = a.seen()["carried"]
    browser = Browser(http)
    other = Browser(http, host="other.example.com")
    for number in range(1, 137):
        martlet.reload(text(number))
        eventually("the change is in force at the worker of this connection",
                   lambda: other.ask("/n")[2] == f"change {number}".encode())
        expect_equal(field(other.ask(f"/p{number % 3}")[1], "X-Origin"), "bc"[number % 2], "pool")
        expect_equal(browser.ask()[0], 200, "the unchanged route")
        if scene.full:
            time.sleep(4.2)
    before = crowd.report()
    expect_equal((before["open"], before["endings"]), (count, {}), "WebSockets after 136 changes")
    eventually("every WebSocket still answers",
               lambda: crowd.report()["echoes"] >= before["echoes"] + count, within=60, every=0.2)
    expect_equal(crowd.report()["open"], count, "WebSockets open")
    expect(a.seen()["carried"] <= carried + 2, "connections to the endpoint stay as well")


@scenario("a bad file at reload changes nothing and says why")
def bad_reload(scene):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    good = service(http, dns, [origin])
    martlet = scene.martlet(good)
    before = martlet.snapshot()["generation"]
    martlet.configure(good.replace("balance", "balnce") + "\nlisteners: 5\npolls: {}\n")
    martlet.signal(1)
    eventually("the refusal is in the log", lambda: "M1101" in martlet.log())
    # What a write leaves that was cut, or that has only begun.
    martlet.configure("")
    martlet.signal(1)
    eventually("an empty file is refused", lambda: "M1329" in martlet.log())
    martlet.configure(good.replace("balance", "balnce") + "\nlisteners: 5\npolls: {}\n")
    status, headers, body = martlet.api("POST", "/api/v1/reload")
    expect(status in (400, 409, 422), f"POST reload of a bad file: {status}")
    expect("problem+json" in headers["Content-Type"], f"type {headers['Content-Type']}")
    expect(b"polls" in body, f"the problem names the unknown key: {body[:400]!r}")
    expect_equal(martlet.snapshot()["generation"], before, "the generation")
    expect_equal(curl(f"http://127.0.0.1:{http}/", "-H", "Host: www.example.com")[0], 200, "curl")
    expect_equal(dig(dns, "www.example.com"), [origin.address], "dig")
    martlet.configure(good)
    martlet.json("POST", "/api/v1/reload")
    eventually("a good file is taken", lambda: martlet.snapshot()["generation"] > before)


@scenario("a reload is answered once what it brings is in force")
def awaited_reload(scene):
    origin, = scene.origins("a")
    dns = scene.port()

    def text(last):
        """The endpoint is another one each time, and none of them answers."""
        return (f"listeners: [ {{ dns: 127.0.0.1:{dns} }} ]\n"
                f"probes: {{ p: {{ tcp: connect, port: {origin.port}, timeout: 800ms }} }}\n"
                "zones: { t: { soa: { primary: ns, mailbox: a@t }, "
                "records: { ns: { a: 192.0.2.1 }, x: { steer: x } } } }\n"
                f"steer: {{ x: {{ probe: p, failover: [ 192.0.2.{last} ] }} }}\n")

    martlet = scene.martlet(text(100))
    for last in (101, 102):
        before = martlet.snapshot()["generation"]
        martlet.configure(text(last))
        if last == 101:
            told = martlet.json("POST", "/api/v1/reload")["generation"]
        else:
            status, out, err = martlet_command(scene, "reload", "--admin", f"127.0.0.1:{martlet.admin}")
            expect_equal((status, out), (0, f"configuration {before + 1} is in force\n"), err)
            told = before + 1
        expect_equal(told, before + 1, "the generation that the answer tells")
        expect_equal(martlet.snapshot()["generation"], told, "the generation in force")
        status, _, body = martlet.api("PATCH", f"/api/v1/pools/steer:x/endpoints/192.0.2.{last}",
                                      {"force": "up"})
        expect_equal(status, 200, f"a change of an endpoint that came with it: {body!r}")


@scenario("a listener that moves opens before the old one closes; open connections live on")
def moved_listener(scene):
    origin, = scene.origins("a")
    old, new, dns = scene.port(), scene.port(), scene.port()
    martlet = scene.martlet(service(old, dns, [origin]))
    browser = Browser(old)
    expect_equal(browser.ask()[0], 200, "before")
    martlet.reload(service(new, dns, [origin]))
    expect_equal(curl(f"http://127.0.0.1:{new}/", "-H", "Host: www.example.com")[0], 200, "new port")
    eventually("the old port refuses", lambda: curl(f"http://127.0.0.1:{old}/")[0] == 0)
    # Requests in flight end; a kept connection may be told to close with its next response.
    status, _, _ = browser.ask()
    expect_equal(status, 200, "one more request on the old connection")


@scenario("health and administrative state survive a reload")
def state_survives(scene):
    a, b, c = scene.origins("a", "b", "c")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, [a, b, c]))
    martlet.patch("web", c.at, {"administrative": "maintenance"})
    b.health("fail")
    eventually("b is down", lambda: martlet.endpoint("web", b.at)["health"] == "down")
    since = martlet.endpoint("web", b.at)["since"]
    martlet.reload(service(http, dns, [b, a, c], weights={"a": 3}))
    seen = martlet.endpoint("web", b.at)
    expect_equal((seen["health"], seen["since"]), ("down", since), "b after the reload")
    expect_equal(martlet.endpoint("web", c.at)["administrative"], "maintenance", "c after it")
    expect_equal(dig(dns, "www.example.com"), [a.address], "dig")


@scenario("a name that does not resolve never stops the start")
def unresolved_name(scene):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    text = service(http, dns, [origin]).replace(
        "    endpoints:\n", "    endpoints:\n      - { address: nowhere.invalid:80, name: lost }\n")
    martlet = scene.martlet(text)
    eventually("the working endpoint serves",
               lambda: curl(f"http://127.0.0.1:{http}/", "-H", "Host: www.example.com")[0] == 200)
    lost = martlet.endpoint("web", "lost")
    expect_equal(lost["health"], "down", "the endpoint without an address")
    expect("resol" in why(lost) or "name" in why(lost), f"reason {why(lost)!r}")
