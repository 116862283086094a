# SPDX-License-Identifier: Apache-2.0
"""Policies inside policies, answers by client, and the scope of EDNS client subnets, by real dig."""
import collections
import os
import re

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import ask_dns, dig, dig_text
from harness.martlet import martlet_command
from harness.service import service

S = "steer.**."
PROBE = ("  port: { http: /healthz, port: PORT, interval: 100ms, fast-interval: 100ms, "
         "timeout: 80ms, rise: 1, fall: 1 }\n")


def start(scene, steer, listener="", names="abc"):
    """Origins on 127.0.0.11 and on, every policy under its own name in a.test."""
    origins = scene.origins(*names)
    dns = scene.port()
    policies = re.findall(r"(?m)^  ([a-z-]+):", steer)
    text = service(scene.port(), None, origins, more=(
        "zones:\n  a.test:\n    soa: { primary: ns.a.test, mailbox: me@a.test }\n    records:\n"
        + "".join(f"      {name}: {{ steer: {name} }}\n" for name in policies)
        + f"      '*.many': {{ steer: {policies[0]} }}\nsteer:\n{steer}"))
    text = text.replace("routes:\n", f"  - {{ dns: 127.0.0.1:{dns}{listener} }}\nroutes:\n")
    probes = PROBE.replace("PORT", str(origins[0].port))
    return origins, dns, scene.martlet(text.replace("probes:\n", "probes:\n" + probes, 1))


def subnet(dns, name, client, kind="A"):
    """(addresses, scope) for a client's network; the scope is None when none is told."""
    text = dig_text(dns, f"{name}.a.test", kind, f"+subnet={client}")
    scope = re.search(r"CLIENT-SUBNET: \S+/\d+/(\d+)", text)
    return (re.findall(rf"(?m)^\S+\s+\d+\s+IN\s+{kind}\s+(\S+)", text),
            int(scope[1]) if scope else None)


def explained(scene, martlet, *arguments):
    status, out, err = martlet_command(
        scene, "explain-dns", *arguments, "--admin", f"127.0.0.1:{martlet.admin}")
    expect_equal(status, 0, f"explain-dns: {err}")
    return out


@scenario("policies nest: weights of whole branches, shares that must be up, holds, fallbacks",
          covers=[S + part for part in ("minimum-up", "minimum-up-share", "hold", "fallback",
                                        "all-down", "weight", "answers", "domain", "multiple")])
def nested(scene):
    (a, b, c), dns, martlet = start(scene, """
  branch:
    weighted:
      - { failover: [ 127.0.0.11, 127.0.0.12 ], probe: port, weight: 300000 }
      - { address: 127.0.0.13, weight: 100000 }
  quorum:
    failover:
      - { round-robin: [ 127.0.0.11, 127.0.0.12 ], minimum-up: 2, probe: port }
      - 127.0.0.13
  share:
    failover:
      - { weighted: { 127.0.0.11: 80, 127.0.0.12: 20 }, minimum-up-share: 50%, probe: port }
      - 127.0.0.13
  back: { failover: [ 127.0.0.11, 127.0.0.12 ], probe: port, hold: 2s }
  once: { failover: [ 127.0.0.11, 127.0.0.12 ], probe: port }
  sorry: { address: 127.0.0.11, probe: port, fallback: elsewhere }
  elsewhere: { address: 192.0.2.99 }
  word: { failover: [ { round-robin: [ 127.0.0.11 ], probe: port, all-down: servfail } ] }
  two: { round-robin: [ 192.0.2.1, 192.0.2.2, 192.0.2.3 ], answers: 2 }
  racks:
    round-robin:
      - { address: 192.0.2.1, domain: rack-1 }
      - { address: 192.0.2.2, domain: rack-1 }
      - { address: 192.0.2.3, domain: rack-2 }
  each: { weighted: { 192.0.2.1: 2, 192.0.2.2: 1 }, multiple: true }
""")
    asked = collections.Counter(ask_dns(dns, "branch.a.test").addresses[0] for _ in range(400))
    expect_equal(set(asked), {a.address, c.address}, "the standby of a weighted branch rests")
    expect(230 < asked[a.address] < 370, f"3 of 4 go to the branch: {asked}")
    counted = {e["name"]: e["dnsAnswers"] for e in martlet.pool("steer:branch")["endpoints"]}
    expect_equal(counted, {a.address: asked[a.address], b.address: 0, c.address: asked[c.address]},
                 "answers are counted by address")
    expect_equal(set(dig(dns, "quorum.a.test")), {a.address, b.address}, "both are up")
    expect_equal({len(dig(dns, "two.a.test")) for _ in range(5)}, {2}, "two answers of three")
    racks = {frozenset(dig(dns, "racks.a.test")) for _ in range(20)}
    expect_equal(racks, {frozenset(["192.0.2.1", "192.0.2.3"]),
                         frozenset(["192.0.2.2", "192.0.2.3"])}, "one of each rack")
    sizes = collections.Counter(len(ask_dns(dns, "each.a.test").addresses) for _ in range(200))
    expect(60 < sizes[2] < 140 and sizes[1] + sizes[2] == 200, f"the second half of the time: {sizes}")

    a.health("fail")
    eventually("too few are up", lambda: dig(dns, "quorum.a.test") == [c.address])
    eventually("a fifth of the weight is too little",
               lambda: dig(dns, "share.a.test") == [c.address])
    eventually("failover", lambda: dig(dns, "back.a.test") == [b.address])
    eventually("fallback", lambda: dig(dns, "sorry.a.test") == ["192.0.2.99"])
    eventually("a word of an inner policy",
               lambda: "status: SERVFAIL" in dig_text(dns, "word.a.test"))
    text = explained(scene, martlet, "sorry.a.test")
    expect("not live" in text and "192.0.2.99" in text, f"explained:\n{text}")
    expect("no member takes new work; fallback is" in text, f"a fallback is named:\n{text}")
    text = explained(scene, martlet, "quorum.a.test")
    expect("1 of 2 branches live; 2 must be" in text, f"how many must be live:\n{text}")
    text = explained(scene, martlet, "racks.a.test")
    expect("of its domain is in the answer" in text, f"a failure domain:\n{text}")
    a.health("ok")
    eventually("failover goes back at once", lambda: dig(dns, "once.a.test") == [a.address])
    expect_equal(dig(dns, "back.a.test"), [b.address], "and waits where it is told to")
    # Each policy has checks of its own: this one may learn of it a moment later.
    eventually("the hold is told", lambda: "not taken: has to be live for its hold of" in explained(
        scene, martlet, "back.a.test"))
    expect_equal(dig(dns, "back.a.test"), [b.address], "and is kept")
    expect(ask_dns(dns, "back.a.test").answers[0][1] <= 15, "TTL")
    eventually("it goes back after the hold time", lambda: dig(dns, "back.a.test") == [a.address])


@scenario("a hold outlives flaps, restarts and crashes; inner words go before; one draw, two families")
def one_decision(scene):
    (a, b), dns, martlet = start(scene, """
  canary:
    sticky: name
    weighted:
      - { name: new, address: 192.0.2.1 }
      - { name: old, round-robin: [ 192.0.2.2, "2001:db8::2" ] }
  back: { failover: [ 127.0.0.11, 127.0.0.12 ], probe: port, hold: 5m }
  word:
    failover:
      - { round-robin: [ 127.0.0.11 ], probe: port, all-down: none }
      - { address: 127.0.0.12, probe: port }
    all-down: servfail
  page:
    failover:
      - { address: 127.0.0.11, probe: port, fallback: sorry }
      - { address: 127.0.0.12, probe: port }
    all-down: none
  sorry: { address: 192.0.2.99 }
  racks:
    answers: 2
    round-robin:
      - { address: 192.0.2.20, domain: rack-1 }
      - { address: 192.0.2.21, domain: rack-1 }
      - { address: 192.0.2.22, domain: rack-2 }
""", names="ab")
    pairs = collections.Counter(
        (tuple(dig(dns, f"n{n}.many.a.test")), tuple(dig(dns, f"n{n}.many.a.test", "AAAA")))
        for n in range(40))
    expect_equal(set(pairs), {(("192.0.2.1",), ()), (("192.0.2.2",), ("2001:db8::2",))},
                 "a family that the branch does not have is not another branch's")
    racks = collections.Counter(
        address for _ in range(600) for address in ask_dns(dns, "racks.a.test").addresses)
    expect(racks["192.0.2.22"] == 600 and 220 < racks["192.0.2.20"] < 380, f"even shares: {racks}")

    a.health("fail")
    eventually("failover", lambda: dig(dns, "back.a.test") == [b.address])
    b.health("fail")
    eventually("all are down", lambda: dig(dns, "word.a.test") == [])
    expect("status: NOERROR" in dig_text(dns, "word.a.test"), "a word further in: not SERVFAIL")
    eventually("a fallback further in", lambda: dig(dns, "page.a.test") == ["192.0.2.99"])
    text = explained(scene, martlet, "page.a.test")
    expect("127.0.0.11 takes no new work; fallback is sorry: fallback sorry / round-robin" in text,
           f"the fallback of an address:\n{text}")
    b.health("ok")
    eventually("the second is back", lambda: dig(dns, "back.a.test") == [b.address])

    def up(origin):
        return [e["health"] for e in martlet.pool("steer:back")["endpoints"]
                if e["name"] == origin.address] == ["up"]

    eventually("it is up", lambda: up(b))
    a.health("ok")
    eventually("the first is up", lambda: up(a))
    expect_equal(dig(dns, "back.a.test"), [b.address], "and waits, though the second was away too")
    martlet.stop()
    martlet.start()
    eventually("the first is up", lambda: up(a))
    expect_equal(dig(dns, "back.a.test"), [b.address], "a restart changes nothing about that")
    text = explained(scene, martlet, "back.a.test")
    expect("not taken: has to be live for its hold of 300 s" in text, f"the hold:\n{text}")


@scenario("sticky draws: by the client's network, by the name", covers=[S + "sticky"])
def sticky(scene):
    _, dns, martlet = start(scene, """
  name: { weighted: { 192.0.2.1: 1, 192.0.2.2: 1, 192.0.2.3: 1, 192.0.2.4: 1 }, sticky: name }
  client: { weighted: { 192.0.2.1: 1, 192.0.2.2: 1, 192.0.2.3: 1, 192.0.2.4: 1 }, sticky: client }
""")
    homes = {n: {tuple(dig(dns, f"n{n}.many.a.test")) for _ in range(5)} for n in range(12)}
    expect(all(len(home) == 1 for home in homes.values()), f"a name stays: {homes}")
    expect(len({min(home) for home in homes.values()}) > 1, "names differ")
    found = {n: {(tuple(subnet(dns, "client", f"10.0.{n}.{host}/32")[0]),
                  subnet(dns, "client", f"10.0.{n}.{host}/32")[1]) for host in (1, 200)}
             for n in range(10)}
    expect(all(len(home) == 1 and min(home)[1] == 24 for home in found.values()), f"{found}")
    expect(len({min(home)[0] for home in found.values()}) > 1, "networks differ")
    # The command asks for a client of its own and tells of the same draw.
    text = explained(scene, martlet, "client.a.test", "--from", "10.0.3.7")
    expect(min(found[3])[0][0] in text and "/24" in text, f"explained:\n{text}")


GEO = """
  geo:
    geo:
      - { address: 192.0.2.1, network: 10.0.0.0/8 }
      - { address: 127.0.0.11, probe: port, network: [ 10.1.2.0/24, "2001:db8::/32" ] }
      - { address: 192.0.2.3, country: DE, continent: AS, subdivision: US-CA, city: Paris, asn: 7 }
      - { address: 127.0.0.12, probe: port, network: 172.16.0.0/12, resident: true }
      - 192.0.2.9
    fallback: plain
  near:
    proximity:
      - { address: 192.0.2.1, at: "50.11, 8.68" }
      - { address: 192.0.2.2, at: US, bias: -20 }
  plain: { address: 192.0.2.1 }
"""


@scenario("answers by network: the longest prefix, exact scopes, residents, resolvers that count",
          covers=[S + part for part in ("geo", "proximity", "network", "country", "continent",
                                        "subdivision", "city", "asn", "resident", "at", "bias")])
def regions(scene):
    (a, b, _), dns, martlet = start(scene, GEO)
    for client, address, scope in (
            ("10.1.2.7/32", a.address, 24), ("10.1.2.0/24", a.address, 24),
            ("10.1.3.0/24", "192.0.2.1", 24), ("10.200.0.0/16", "192.0.2.1", 9),
            ("172.20.0.0/16", b.address, 12), ("192.0.2.0/24", "192.0.2.9", 2),
            ("2001:db8:5::/48", a.address, 32), ("2002:0a01:0203::/48", a.address, 40)):
        expect_equal(subnet(dns, "geo", client), ([address], scope), f"client {client}")
    # Who hides the client is answered by where it is itself, for everybody (RFC 7871 §7.1.2).
    expect_equal(subnet(dns, "geo", "0.0.0.0/0"), (["192.0.2.9"], 0), "no source")
    expect_equal(subnet(dns, "plain", "10.1.2.0/24"), (["192.0.2.1"], 0), "no client in it")
    expect_equal(subnet(dns, "geo", "10.1.2.0/24", "AAAA"), ([], 0), "no IPv6 at all")
    expect_equal(subnet(dns, "none", "10.1.2.0/24"), ([], 0), "NXDOMAIN")
    expect_equal(subnet(dns, "near", "10.1.2.0/24"), (["192.0.2.1"], 0), "nothing known: in order")
    text = explained(scene, martlet, "geo.a.test", "--from", "10.1.2.7")
    expect(all(part in text for part in (a.address, "10.1.2.0/24", "then", "/24")), f"\n{text}")
    b.health("fail")
    eventually("the resident's branch is down", lambda: any(
        e["health"] == "down" for e in martlet.pool("steer:geo")["endpoints"]
        if e["name"] == b.address))
    expect_equal(subnet(dns, "geo", "172.20.0.0/16")[0], [b.address], "residents stay")
    a.health("fail")
    eventually("the next larger network serves",
               lambda: subnet(dns, "geo", "10.1.2.7/32") == (["192.0.2.1"], 24))
    broken = dig_text(dns, "geo.a.test", "A", "+ednsopt=8:00012018c0000201")
    expect("FORMERR" in broken, f"a scope in a query is malformed:\n{broken}")


FAMILIES = """
  mixed: { ttl: 10s, min-ttl: 10s, round-robin: [ 127.0.0.11, "2001:db8::1" ], probe: port }
  first: { ttl: 10s, min-ttl: 10s, failover: [ 127.0.0.11, "2001:db8::1" ], probe: port, all-down: all }
  never: { ttl: 10s, round-robin: [ 192.0.2.1 ] }
"""


@scenario("a family that has no address for now is missing for the TTL of an answer, no longer")
def families(scene):
    (a, _, _), dns, martlet = start(scene, FAMILIES.lstrip("\n"))

    def missing(name, kind):
        """The TTL of NODATA; None for an answer."""
        answer = ask_dns(dns, f"{name}.a.test", kind)
        return None if answer.answers else answer.authority[0][1]

    # Nothing answers at the IPv6 address.
    eventually("IPv6 is down", lambda: missing("mixed", "AAAA") is not None)
    found = [missing(name, "AAAA") for name in ("mixed", "first", "never")]
    expect_equal(found, [10, 10, 300], "health decides, or the policy has none at all")
    text = explained(scene, martlet, "first.a.test", "--type", "AAAA")
    expect("10 s" in text and "NOERROR" in text, f"\n{text}")


@scenario("client subnets count from whom they are to", covers=["listeners[].ecs"])
def trusted(scene):
    for word, counts in (("any", True), ("none", False), ("[127.0.0.0/8]", True),
                         ("[10.0.0.0/8, '2001:db8::/32']", False)):
        _, dns, martlet = start(scene, GEO, f", ecs: {word}")
        found = subnet(dns, "geo", "10.200.0.0/16")
        expect_equal(found, (["192.0.2.1"], 9) if counts else (["192.0.2.9"], None), word)
        martlet.stop()


@scenario("the example of the documentation, policy by policy")
def documented(scene):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation",
                        "examples", "steering.yaml")
    with open(path) as file:
        text = file.read()
    dns = scene.port()
    text = text.replace('dns: ":5300", ecs: [', f"dns: 127.0.0.1:{dns}, ecs: [ 127.0.0.0/8,")
    # Nothing answers at these addresses: they are down as fast as a test has patience for.
    text = text.replace("interval: 5s, fast-interval: 500ms",
                        "interval: 200ms, fast-interval: 100ms, timeout: 50ms, fall: 1")
    scene.martlet(text)

    def answer(name, client="198.18.0.1/32"):
        text = dig_text(dns, f"{name}.example.com", "A", f"+subnet={client}")
        return set(re.findall(r"(?m)^\S+\s+\d+\s+IN\s+A\s+(\S+)", text))

    expect_equal(answer("www", "198.51.100.7/32"), {"203.0.113.99"}, "a network of its own")
    expect(answer("spread") >= {"203.0.113.31"}, "the heaviest is in every answer")
    expect_equal(answer("internal", "10.20.3.4/32"), {"10.20.1.1"}, "the longest prefix")
    expect_equal(answer("internal", "10.9.3.4/32"), {"10.1.1.1"}, "the network around it")
    eventually("no address when all are down", lambda: answer("rotated") == set())
    eventually("SERVFAIL by the word of the branch that serves", lambda: "SERVFAIL" in dig_text(
        dns, "internal.example.com", "A", "+subnet=198.18.0.1/32"))


@scenario("answers by place: countries, the Union, subdivisions, systems, and the nearest of two")
def places(scene):
    origins = scene.origins("a")
    dns = scene.port()
    head = "geo:\n  networks:\n" + "".join(f"    {network}: {{ {facts} }}\n" for network, facts in (
        ("10.1.0.0/16", "country: DE"), ("10.2.0.0/16", "country: US, subdivision: US-CA"),
        ("10.2.9.0/24", "country: US, subdivision: US-NY"), ("10.3.0.0/16", "country: JP"),
        ("10.4.0.0/16", "country: 'NO', city: Oslo"), ("10.5.0.0/16", "country: BR, asn: 64500")))
    text = head + f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
probes:
  port: {{ http: /healthz, port: {origins[0].port}, interval: 100ms, timeout: 80ms, fall: 1 }}
zones:
  a.test:
    soa: {{ primary: ns.a.test, mailbox: me@a.test }}
    records:
      geo: {{ steer: geo }}
      near: {{ steer: near }}
steer:
  geo:
    geo:
      - {{ address: {origins[0].address}, probe: port, country: EU }}
      - {{ address: 192.0.2.2, subdivision: US-CA }}
      - {{ address: 192.0.2.3, continent: [EU, NA] }}
      - {{ address: 192.0.2.4, city: Oslo }}
      - {{ address: 192.0.2.5, asn: 64500 }}
      - 192.0.2.9
  near:
    proximity:
      - {{ address: 192.0.2.1, at: "50.11, 8.68" }}
      - {{ address: 192.0.2.2, at: US }}
"""
    martlet = scene.martlet(text)
    for client, address in (("10.1.2.0/24", origins[0].address), ("10.2.3.0/24", "192.0.2.2"),
                            ("10.2.9.0/24", "192.0.2.3"), ("10.3.0.0/24", "192.0.2.9"),
                            ("10.4.0.0/24", "192.0.2.4"), ("10.5.0.0/24", "192.0.2.5")):
        expect_equal(subnet(dns, "geo", client)[0], [address], f"client {client}")
    expect_equal([subnet(dns, "near", f"10.{n}.0.0/16")[0] for n in (1, 2, 4, 5)],
                 [["192.0.2.1"], ["192.0.2.2"], ["192.0.2.1"], ["192.0.2.2"]], "the nearest")
    origins[0].health("fail")
    eventually("the continent serves where the Union's branch is down",
               lambda: subnet(dns, "geo", "10.1.2.0/24")[0] == ["192.0.2.3"])
    martlet.reload(text.replace("10.3.0.0/16: { country: JP }", "10.3.0.0/16: { country: US }"))
    expect_equal(subnet(dns, "geo", "10.3.0.0/16")[0], ["192.0.2.3"], "places change by reload")


@scenario("an address that a reload puts under a second probe stays as it was: no answer changes")
def renamed(scene):
    a, b = scene.origins("a", "b")
    dns = scene.port()
    asks = f"http: /healthz, port: {a.port}, interval: 30s, timeout: 5s, rise: 1, fall: 1"
    martlet = scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
probes: {{ one: {{ {asks} }}, two: {{ {asks} }} }}
zones:
  a.test:
    soa: {{ primary: ns.a.test, mailbox: me@a.test }}
    records: {{ www: {{ steer: www }} }}
steer:
  www: {{ failover: [ {{ address: {a.address}, probe: one }}, {{ address: {b.address}, probe: one }} ] }}
""")
    eventually("the first serves", lambda: dig(dns, "www.a.test") == [a.address])
    # The first verdict of whoever is new takes a while.
    a.health("ok", delay=1.5)
    last = f"{{ address: {b.address}, probe: one }}"
    martlet.reload(martlet.text().replace(last, f"{last}, {{ address: {a.address}, probe: two }}"))
    names = [f"{a.address}@one", f"{a.address}@two"]
    states = [martlet.endpoint("steer:www", name)["health"] for name in names]
    expect_equal(states, ["up", "up"], "of both from the first moment on")
    never("another answer", lambda: dig(dns, "www.a.test") != [a.address], during=0.7)
    martlet.reload(martlet.text().replace(f", {{ address: {a.address}, probe: two }}", ""))
    expect_equal(martlet.endpoint("steer:www", a.address)["health"], "up", "with its old name again")
    never("another answer", lambda: dig(dns, "www.a.test") != [a.address], during=0.7)
