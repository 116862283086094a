# SPDX-License-Identifier: Apache-2.0
"""Calculated probes: health made of the states of others, at both doors."""
import time

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import Browser, ask_dns
from harness.watch import why

RHYTHM = "interval: 100ms, timeout: 80ms, fast-interval: 100ms, jitter: 0%, rise: 2, fall: 2"
P = "probes.*."


def start(scene, probes, steer, *, names=(), pools="", edge="site"):
    """Three origins in the pools db (two) and cache (one), and a pool `edge` with the probe `edge`."""
    a, b, c = scene.origins("a", "b", "c")
    http, dns = scene.port(), scene.port()
    records = "".join(f"      {name}: {{ steer: {name}, ttl: 1s }}\n" for name in names)
    text = f"""workers: 1
probes:
  ready: {{ http: /healthz, {RHYTHM} }}
{probes}pools:
  db:
    probe: ready
    endpoints: [ {{ address: {a.at}, name: a }}, {{ address: {b.at}, name: b }} ]
  cache: {{ probe: ready, endpoints: [ {{ address: {c.at}, name: c }} ] }}
  edge: {{ probe: {edge}, endpoints: [ {{ address: {a.at}, name: e }} ] }}
{pools}listeners:
  - {{ http: 127.0.0.1:{http} }}
  - {{ dns: 127.0.0.1:{dns} }}
routes:
  - {{ host: edge.test, pool: edge }}
  - {{ host: db.test, pool: db }}
  - {{ host: cache.test, pool: cache }}
zones:
  example.com:
    soa: {{ primary: ns1.example.com, mailbox: me.example.com }}
    records:
      ns1: {{ a: 127.0.0.1 }}
{records}steer:
{steer}"""
    return (a, b, c), http, dns, scene.martlet(text)


def check(martlet, name):
    return next(c for c in martlet.snapshot()["checks"] if c["name"] == name)


@scenario("a pool and an address follow a calculated probe, within 100 ms of its members", 40, covers=[
    P + "of[].pool", P + "of[].endpoints", P + "of[].endpoint", P + "of[].probe", P + "of[].not",
    P + "at-least"])
def follows(scene):
    probes = """  site: { of: [ { pool: db, endpoints: 2 }, { pool: cache } ] }
  any: { at-least: 1, of: [ { pool: db, endpoint: a }, { pool: cache } ] }
  outer: { of: [ { probe: any }, { probe: site, not: true } ] }
"""
    steer = """  www: { failover: [ { address: 192.0.2.1, probe: site }, { address: 192.0.2.2 } ] }
  spare: { address: 192.0.2.3, probe: outer, all-down: none }
"""
    (a, b, c), http, dns, martlet = start(scene, probes, steer, names=["www", "spare"])

    def edge():
        return Browser(http, host="edge.test").ask()[0]

    def www():
        return ask_dns(dns, "www.example.com").addresses

    eventually("the site is up", lambda: www() == ["192.0.2.1"])
    expect_equal(edge(), 200, "the pool serves")
    expect_equal([check(martlet, n)["health"] for n in ("site", "any", "outer")],
                 ["up", "up", "down"], "verdicts")
    expect_equal(ask_dns(dns, "spare.example.com").addresses, [], "what is not up")

    b.health("fail")
    eventually("b is down", lambda: martlet.endpoint("db", "b")["health"] == "down")
    end = time.monotonic() + 0.1
    while time.monotonic() < end and www() != ["192.0.2.2"]:
        pass
    expect_equal(www(), ["192.0.2.2"], "100 ms later")
    expect(not martlet.endpoint("edge", "e")["takesWork"], "the pool takes no new work")
    told = why(martlet.endpoint("edge", "e"))
    expect_equal(told, "calculated-check site: 1 of 2, 2 needed, failing: pool db", "why")
    expect("calculated-check" in martlet.log(), "the log")
    expect_equal(check(martlet, "site")["detail"], "site: 1 of 2, 2 needed, failing: pool db", "API")
    expect_equal(martlet.metric("martlet_calculated_probe_health", probe="site", state="down"), 1, "metric")
    # `any` is still up by one endpoint, so `outer` is.
    eventually("outer is up", lambda: ask_dns(dns, "spare.example.com").addresses == ["192.0.2.3"])
    a.health("fail")
    never("any is down with the cache", lambda: check(martlet, "any")["health"] != "up", during=0.5)
    c.health("fail")
    eventually("nothing is left", lambda: check(martlet, "any")["health"] == "down")
    for origin in (a, b, c):
        origin.health("ok")
    eventually("all are back", lambda: www() == ["192.0.2.1"])
    # Who is in maintenance does not carry the site.
    martlet.patch("cache", "c", {"administrative": "maintenance"})
    eventually("maintenance counts", lambda: www() == ["192.0.2.2"])
    martlet.patch("cache", "c", {"administrative": "ready"})
    eventually("ready again", lambda: www() == ["192.0.2.1"])
    # A reload changes what is needed, and nobody goes down for it.
    b.health("fail")
    eventually("b is down again", lambda: www() == ["192.0.2.2"])
    martlet.reload(martlet.text().replace("endpoints: 2 }", "endpoints: 1 }"))
    eventually("one is enough", lambda: www() == ["192.0.2.1"])


@scenario("requires is a condition beside a probe", 40, covers=[P + "requires"])
def requires(scene):
    probes = f"""  site: {{ of: [ {{ pool: cache }} ] }}
  both: {{ http: /healthz/both, requires: site, {RHYTHM} }}
"""
    (a, _, c), http, _, martlet = start(
        scene, probes, "  www: { pool: db }\n", edge="both")

    def edge():
        return martlet.endpoint("edge", "e")

    eventually("both are well", lambda: edge()["health"] == "up")
    c.health("fail")
    eventually("the site is not", lambda: edge()["health"] == "down")
    expect("calculated-check site" in why(edge()), why(edge()))
    expect(edge()["latestProbe"]["passed"], "its own probe passes")
    a.failing("/healthz/both")
    eventually("its own failure says more", lambda: "status-503" in why(edge()))
    c.health("ok")
    never("it is up without its own probe", lambda: edge()["health"] == "up", during=0.6)
    a.failing()
    eventually("both are well again", lambda: edge()["health"] == "up")
    # The verdict of its own survives a restart, that of the site is made anew.
    c.health("fail")
    eventually("the site is not", lambda: edge()["health"] == "down")
    martlet.reload(martlet.text().replace("requires: site, ", ""))
    eventually("a reload takes the condition off", lambda: edge()["health"] == "up")
