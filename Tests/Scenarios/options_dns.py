# SPDX-License-Identifier: Apache-2.0
"""Options of zones, records and steering: each name or zone with the option beside one without."""
from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns, dig, dig_text
from harness.service import service

R, S, SOA = "zones.*.records.*.", "steer.**.", "zones.*.soa."


def start(scene, zones, steer="", probes="", names="ab"):
    origins = scene.origins(*names)
    dns = scene.port()
    text = service(scene.port(), None, origins, more=f"zones:\n{zones}" + (
        f"steer:\n{steer}" if steer else ""))
    text = text.replace("routes:\n", f"  - {{ dns: 127.0.0.1:{dns} }}\nroutes:\n")
    probes = probes.replace("PORT", str(origins[0].port))
    return origins, dns, scene.martlet(text.replace("probes:\n", "probes:\n" + probes, 1))


@scenario("zones: file, ttl and every field of the SOA", covers=[
    "zones.*.file", "zones.*.ttl", SOA + "primary", SOA + "mailbox", SOA + "serial",
    SOA + "refresh", SOA + "retry", SOA + "expire", SOA + "negative-ttl"])
def zones(scene):
    file = scene.write("c.zone", "$TTL 77\n@ IN SOA m h 9 8 7 6 5\n@ IN NS m\nm IN A 192.0.2.9\n")
    _, dns, _ = start(scene, f"""
  a.test:
    soa: {{ primary: ns.a.test, mailbox: me@a.test }}
    records: {{ x: {{ a: 192.0.2.1 }} }}
  b.test:
    ttl: 44s
    soa: {{ primary: other.b.test, mailbox: you@b.test, serial: 5, refresh: 10s, retry: 20s,
      expire: 30s, negative-ttl: 40s }}
    records: {{ x: {{ a: 192.0.2.1 }} }}
  c.test: {{ file: {file} }}
""")
    expect_equal(dig(dns, "a.test", "SOA"), ["ns.a.test. me.a.test. 1 7200 900 1209600 300"], "SOA")
    expect_equal(dig(dns, "b.test", "SOA"), ["other.b.test. you.b.test. 5 10 20 30 40"], "SOA")
    expect_equal(dig(dns, "c.test", "SOA"), ["m.c.test. h.c.test. 9 8 7 6 5"], "SOA of the file")
    expect_equal([ask_dns(dns, name).answers[0][1] for name in ("x.a.test", "x.b.test", "m.c.test")],
                 [3600, 44, 77], "TTLs")
    expect_equal(ask_dns(dns, "none.b.test").authority[0][1], 40, "TTL of a negative answer")


@scenario("records of every type, with and without a TTL of their own", covers=[
    R + part for part in ("ttl", "a", "aaaa", "cname", "ns", "mx", "txt", "srv", "ptr", "caa",
                          "https", "svcb", "steer")])
def records(scene):
    kinds = {
        "a": ("192.0.2.1", "192.0.2.1"), "aaaa": ("'2001:db8::1'", "2001:db8::1"),
        "cname": ("target.a.test", "target.a.test."), "ns": ("ns.else.test", None),
        "mx": ("10 mail.a.test", "10 mail.a.test."), "txt": ("hello", '"hello"'),
        "srv": ("1 2 3 s.a.test", "1 2 3 s.a.test."), "ptr": ("host.a.test", "host.a.test."),
        "caa": ("'0 issue \"ca.test\"'", '0 issue "ca.test"'),
        "https": ("'1 . alpn=h2,h3'", '1 . alpn="h2,h3"'),
        "svcb": ("0 other.a.test", "0 other.a.test.")}
    lines = "".join(f"      {kind}: {{ {kind}: {text} }}\n" for kind, (text, _) in kinds.items())
    origins, dns, _ = start(scene, f"""
  a.test:
    soa: {{ primary: ns.a.test, mailbox: me@a.test }}
    records:
      own: {{ ttl: 9s, a: 192.0.2.1 }}
      steered: {{ steer: web }}
{lines}""", "  web: { pool: web }\n")
    for kind, (_, data) in kinds.items():
        if data is None:
            text = dig_text(dns, f"x.{kind}.a.test")
            expect("ns.else.test." in text and "AUTHORITY: 1" in text, f"delegation:\n{text}")
        else:
            expect_equal(dig(dns, f"{kind}.a.test", kind.upper()), [data], kind)
    expect_equal(ask_dns(dns, "own.a.test").answers[0][1], 9, "TTL of its own")
    expect_equal(ask_dns(dns, "a.a.test").answers[0][1], 3600, "TTL of the zone")
    expect_equal(set(dig(dns, "steered.a.test")), {o.address for o in origins}, "a steered name")


@scenario("policies: address, pool, steer, round-robin, weighted, failover, probe, weight, ttl",
          covers=[S + part for part in (
              "address", "pool", "steer", "round-robin", "weighted", "failover", "probe", "weight")]
          + ["steer.*.ttl", S + "all-down"])
def policies(scene):
    (a, b), dns, _ = start(
        scene, """
  a.test:
    soa: { primary: ns.a.test, mailbox: me@a.test }
    records:
""" + "".join(f"      {name}: {{ steer: {name} }}\n" for name in (
            "pool", "robin", "weighted", "listed", "failover", "unprobed", "nested", "quick",
            "single", "none")), f"""
  pool: {{ pool: web }}
  robin: {{ round-robin: [ 127.0.0.11, 127.0.0.12 ] }}
  weighted: {{ weighted: {{ 127.0.0.11: 9, 127.0.0.12: 1 }} }}
  listed: {{ weighted: [ {{ address: 127.0.0.11, weight: 0 }}, {{ address: 127.0.0.12 }} ] }}
  failover: {{ failover: [ 127.0.0.12, 127.0.0.11 ], probe: port }}
  unprobed: {{ failover: [ 127.0.0.12, 127.0.0.11 ] }}
  nested: {{ failover: [ {{ steer: listed }}, 192.0.2.1 ] }}
  quick: {{ address: 192.0.2.51, ttl: 7s }}
  single: {{ address: 192.0.2.50 }}
  none: {{ pool: web, all-down: none }}
""", "  port: { http: /healthz, port: PORT, interval: 100ms, timeout: 80ms }\n")
    expect_equal(set(dig(dns, "pool.a.test")), {a.address, b.address}, "pool")
    expect_equal(dig(dns, "single.a.test"), ["192.0.2.50"], "address")
    firsts = {ask_dns(dns, "robin.a.test").addresses[0] for _ in range(20)}
    expect_equal(firsts, {a.address, b.address}, "round robin rotates")
    some = [ask_dns(dns, "weighted.a.test").addresses for _ in range(100)]
    expect(70 < some.count([a.address]) < 100, f"weights 9:1: {some.count([a.address])} of 100")
    expect_equal({tuple(ask_dns(dns, "listed.a.test").addresses) for _ in range(20)},
                 {(b.address,)}, "weight 0 in a list")
    expect_equal(dig(dns, "nested.a.test"), [b.address], "a policy by name")
    expect_equal([ask_dns(dns, f"{n}.a.test").answers[0][1] for n in ("quick", "single")], [7, 30],
                 "TTLs")
    expect_equal(dig(dns, "failover.a.test"), [b.address], "failover: the first")
    b.health("fail")
    eventually("failover moves on with a probe", lambda: dig(dns, "failover.a.test") == [a.address])
    expect_equal(dig(dns, "unprobed.a.test"), [b.address], "and stays without")
    a.health("fail")
    eventually("all-down: none answers nothing", lambda: dig(dns, "none.a.test") == [])
    expect_equal(set(dig(dns, "pool.a.test")), {a.address, b.address}, "without it all")


@scenario("the TTL of a steered answer is the time in which health cannot change, within bounds",
          covers=["steer.*.min-ttl"])
def health_ttl(scene):
    names = ("half", "free", "fixed", "unchecked", "empty")
    (a, b), dns, martlet = start(
        scene, """
  a.test:
    soa: { primary: ns.a.test, mailbox: me@a.test, negative-ttl: 10m }
    records:
""" + "".join(f"      {name}: {{ steer: {name} }}\n" for name in names), """
  half: { address: 127.0.0.11, probe: slow, ttl: 40s }
  free: { address: 127.0.0.11, probe: slow, ttl: 40s, min-ttl: 1s }
  fixed: { address: 127.0.0.11, probe: slow, ttl: 40s, min-ttl: 40s }
  unchecked: { address: 127.0.0.11, ttl: 40s }
  empty: { address: 127.0.0.12, probe: slow, ttl: 40s, all-down: none }
""", "  slow: { http: /healthz, port: PORT, interval: 4s, fast-interval: 2s, timeout: 1s, "
        "fall: 3, rise: 2, jitter: 0% }\n")

    def ttl(name):
        return ask_dns(dns, f"{name}.a.test").answers[0][1]

    # One interval, then two fast ones; half of the TTL is the bound when none is given.
    expect_equal([ttl(name) for name in names[:4]], [20, 8, 40, 40], "TTLs while all is well")
    a.health("fail")
    seen = set()
    eventually("the TTL shrinks with each failed check, before the change",
               lambda: seen.add(ttl("free")) or {4, 2} <= seen, within=9)
    b.health("fail")

    def nothing():
        reply = ask_dns(dns, "empty.a.test")
        return not reply.answers and reply.authority[0][1] <= 20

    eventually("NODATA because of health is kept no longer than an answer", nothing, within=12)
    expect_equal(ask_dns(dns, "none.a.test").authority[0][1], 600, "an ordinary negative answer")
