# SPDX-License-Identifier: Apache-2.0
"""Names that have the addresses of other names: inside by zones, outside by a resolver.

The peer is Unbound in front of a zone on Knot: what it says of the target is what Martlet has to
say of the alias.
"""
import json
import os
import signal
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns, dig, dig_text
from harness.martlet import martlet_command
from harness.nameserver import NameServer
from harness.peer import gdnsd, knot, unbound

HEAD = "    soa: { primary: ns.here.test, mailbox: me@here.test }\n"
OUTSIDE = ("www", "chain", "only6", "none", "empty", "many")
STALE = 2


def zone(serial, last):
    many = "".join(f"many A 192.0.2.{number}\n" for number in range(100, 112))
    return f"""$TTL 1
@ SOA ns hostmaster {serial} 2h 15m 2w 1
@ NS ns
ns A 192.0.2.53
www A 192.0.2.{last}
www A 192.0.2.{last + 1}
www AAAA 2001:db8::{last}
chain CNAME www
only6 AAAA 2001:db8::6
empty TXT t
{many}"""


def outside(dns, resolver, more=""):
    names = "".join(f"      {name}: {{ alias: {name}.cdn.test }}\n" for name in OUTSIDE)
    return f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
alias: {{ resolvers: [ 127.0.0.1:{resolver} ], min-ttl: 1s, stale: {STALE}s, stale-ttl: 9s }}
zones:
  here.test:
{HEAD}    records:
      ns: {{ a: 127.0.0.1 }}
      "@": {{ alias: www.cdn.test, mx: 10 ns, https: 1 . alpn=h2 }}
{names}{more}"""


def answers(port, name, kind):
    """What is answered, in no order: (response code, data of that type)."""
    found = ask_dns(port, name, kind)
    wanted = {"A": 1, "AAAA": 28}[kind]
    return found.rcode, sorted(data for number, _, data in found.answers if number == wanted)


def ttls(port, name, kind="A"):
    return [ttl for number, ttl, _ in ask_dns(port, name, kind).answers if number in (1, 28)]


@scenario("aliases of names outside answer as Unbound does, follow changes, and outlive a resolver",
          60, covers=["zones.*.records.*.alias", "alias.resolvers", "alias.stale",
                      "alias.stale-ttl"])
def beside_unbound(scene):
    file = scene.write("cdn.zone", zone(1, 1))
    peer = knot(scene, {"cdn.test": file})
    resolver, dns = scene.port(), scene.port()
    caching = unbound(scene, resolver, {"cdn.test": peer.port})
    martlet = scene.martlet(outside(dns, resolver))

    def is_same(name, target, kind):
        code, data = answers(resolver, target, kind)
        # The alias is there, whatever its target is: no name becomes no data.
        return answers(dns, name, kind) == (0 if code == 3 else code, data)

    def compare():
        for name in OUTSIDE:
            for kind in ("A", "AAAA"):
                eventually(f"{kind} of {name} is that of its target", lambda: is_same(
                    f"{name}.here.test", f"{name}.cdn.test", kind))
        eventually("the zone itself", lambda: is_same("here.test", "www.cdn.test", "A"))
    # Everything is there with the first answer.
    expect_equal(sorted(dig(dns, "here.test")), ["192.0.2.1", "192.0.2.2"], "at once")
    expect_equal(dig(dns, "here.test", "AAAA"), ["2001:db8::1"], "AAAA")
    expect_equal(len(dig(dns, "many.here.test")), 12, "many")
    compare()
    for _ in range(20):
        expect(max(ttls(dns, "here.test")) <= 1, "no TTL is longer than the target's")
    expect_equal(dig(dns, "here.test", "MX"), ["10 ns.here.test."], "its other records")
    hints = dig(dns, "here.test", "HTTPS")[0]
    expect("ipv4hint=192.0.2." in hints and "ipv6hint=2001:db8::1" in hints, f"hints: {hints}")
    refused = dig_text(dns, "none.here.test")
    expect("NOERROR" in refused and "SOA" in refused, f"NXDOMAIN becomes NODATA:\n{refused}")

    # The target moves: the alias follows within both caches' time.
    scene.write("cdn.zone", zone(2, 41))
    moved = time.monotonic()
    peer.process.send_signal(signal.SIGHUP)
    eventually("the alias follows", lambda: sorted(dig(dns, "here.test")) == [
        "192.0.2.41", "192.0.2.42"], within=6)
    print(f"      followed {time.monotonic() - moved:.2f} s after the change", flush=True)
    compare()

    # No resolver: what was learned is answered on, with a TTL of its own, until the limit.
    caching.end()
    eventually("it is stale", lambda: ttls(dns, "here.test") == [9, 9], within=5)
    since = time.monotonic()
    expect_equal(sorted(dig(dns, "here.test")), ["192.0.2.41", "192.0.2.42"], "stale addresses")
    expect_equal(martlet.metric("martlet_dns_alias_stale", target="www.cdn.test"), 1, "metric")
    known = {t["name"]: t for t in martlet.snapshot()["aliases"]["targets"]}["www.cdn.test"]
    expect(known["state"] == "stale" and known["leftSeconds"] < 0 and known["failure"], f"{known}")
    eventually("SERVFAIL after the limit", lambda: ask_dns(dns, "here.test").rcode == 2, within=5)
    lasted = time.monotonic() - since
    expect(STALE - 0.5 < lasted < STALE + 0.5, f"stale for {lasted:.2f} s")
    expect_equal(ask_dns(dns, "here.test", "HTTPS").rcode, 2, "hints need addresses")
    expect_equal(dig(dns, "here.test", "MX"), ["10 ns.here.test."], "its other records")
    expect_equal(martlet.metric("martlet_dns_alias_unknown", target="www.cdn.test"), 1, "metric")
    eventually("the log tells of the limit", lambda: "too long ago" in martlet.log(), within=10)
    unbound(scene, resolver, {"cdn.test": peer.port}, name="unbound2")
    eventually("it returns with the resolver", lambda: ask_dns(dns, "here.test").rcode == 0,
               within=10)
    log = martlet.log()
    for words in ("www.cdn.test, which an alias leads to, does not resolve", "too long ago",
                  "www.cdn.test, which an alias leads to, resolves again"):
        expect(words in log, f"{words!r} in the log:\n{log}")


GEOGRAPHY = """
options => { listen => NAMESERVER }
plugins => {
  geoip => {
    maps => { places => { datacenters => [ a, b, c, d ], nets => {
      198.51.100.0/24 => [ b ], 203.0.113.0/25 => [ c ], 203.0.112.0/20 => [ d ],
      2001:db8:1::/48 => [ b ] } } }
    resources => { far => { map => places, dcmap => {
      a => { addrs_v4 => 192.0.2.1, addrs_v6 => "2001:db8::1" }, b => { addrs_v4 => 192.0.2.2, addrs_v6 => "2001:db8::2" },
      c => { addrs_v4 => 192.0.2.3, addrs_v6 => "2001:db8::3" }, d => { addrs_v4 => 192.0.2.4, addrs_v6 => "2001:db8::4" } } } }
  }
}
"""
REGARDING = "  module-config: \"subnetcache iterator\"\n  send-client-subnet: 127.0.0.1\n"


def by_network(port, name, kind, client):
    """(code, data, scope) of the answer to a client's network, by dig."""
    text = dig_text(port, name, kind, f"+subnet={client}", "+noall", "+comments", "+answer")
    data = [line.split()[4] for line in text.splitlines() if f"\t{kind}\t" in line]
    scope = text.partition("CLIENT-SUBNET:")[2].split()
    code = text.partition("status: ")[2].partition(",")[0]
    return code, data, scope[0].rpartition("/")[2] if scope else ""


@scenario("aliases of names outside know the client's network, as Unbound before gdnsd does", 60,
          covers=["alias.networks", "alias.network-lookups", "alias.ipv4-prefix",
                  "alias.ipv6-prefix"])
def geography(scene):
    far = ("@ SOA ns hostmaster 1 2h 15m 2w 5\n@ NS ns\nns A 192.0.2.53\n"
           "www 20 DYNA geoip!far\nplain 20 A 192.0.2.77\nplain 20 AAAA 2001:db8::77\n")
    peer = gdnsd(scene, GEOGRAPHY, {"cdn.test": far})
    resolver, dns = scene.port(), scene.port()
    unbound(scene, resolver, {"cdn.test": peer}, REGARDING)

    def text(more=""):
        return f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
alias: {{ resolvers: [ 127.0.0.1:{resolver} ], min-ttl: 1s{more} }}
zones:
  here.test:
{HEAD}    records:
      ns: {{ a: 127.0.0.1 }}
      "@": {{ alias: www.cdn.test, https: 1 . alpn=h2 }}
      plain: {{ alias: plain.cdn.test }}
"""
    martlet = scene.martlet(text())
    clients = ("198.51.100.0/24", "203.0.113.0/25", "203.0.113.0/24", "203.0.120.0/24",
               "198.18.0.0/16", "8.8.8.0/24", "2001:db8:1:2::/56", "2001:db8:9::/48",
               "2002:c633:6400::/48")
    # The first answer to a network is what everybody gets, for that network and a moment.
    code, data, scope = by_network(dns, "here.test", "A", "198.51.100.0/24")
    expect_equal((code, data, scope), ("NOERROR", ["192.0.2.1"], "24"), "at first")
    expect(max(ttls(dns, "here.test")) > 5, "who asks without a place is told for longer")
    for client in clients:
        for kind in ("A", "AAAA"):
            # What carries an IPv4 address is asked for as that.
            asked = "198.51.100.0/24" if client.startswith("2002:") else client
            eventually(f"{kind} for {client}", lambda: by_network(
                dns, "here.test", kind, client)[1] == by_network(
                    resolver, "www.cdn.test", kind, asked)[1] != [])
    for client, scope in (("198.51.100.0/24", "24"), ("8.8.8.0/24", None),
                          ("2002:c633:6400::/48", "40")):
        code, data, found = by_network(dns, "here.test", "A", client)
        wanted = scope or by_network(resolver, "www.cdn.test", "A", client)[2]
        expect_equal(found, wanted, f"the scope of {client}")
    hints = dig_text(dns, "here.test", "HTTPS", "+subnet=198.51.100.0/24")
    expect("192.0.2.2" in hints and "2001:db8::" in hints, f"hints by network:\n{hints}")
    # What is the same for everybody is asked once, and holds for everybody.
    eventually("the plain one has scope 0", lambda: by_network(
        dns, "plain.here.test", "A", "198.51.100.0/24") == ("NOERROR", ["192.0.2.77"], "0"))
    lookups = martlet.metric("martlet_dns_alias_network_lookups_total", result="uniform")
    for number in range(50):
        found = by_network(dns, "plain.here.test", "A", f"198.18.{number}.0/24")
        expect_equal(found, ("NOERROR", ["192.0.2.77"], "0"), "everybody's")
    expect_equal(martlet.metric("martlet_dns_alias_network_lookups_total", result="uniform"),
                 lookups, "lookups")
    kept = martlet.metric("martlet_dns_alias_networks")
    expect(kept >= len(clients), f"{kept} networks are kept")
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    for client, words in (("198.51.100.9", "what the resolver says for 198.51.100.0/24"),
                          ("150.1.2.3", "until the resolver has been asked for 150.1.2.0/24"),
                          ("10.1.2.3", "since 10.0.0.0/8 has no place outside")):
        status, out, err = martlet_command(scene, "explain-dns", "here.test", "--from", client,
                                           *admin)
        expect(status == 0 and words in out, f"{words!r}:\n{out}{err}")
    status, out, err = martlet_command(scene, "status", *admin)
    expect("by network" in out and "networks of clients" in out, out + err)
    # A reload keeps what is known; without networks everybody gets the same.
    martlet.reload(text() + "      x: { a: 192.0.2.9 }\n")
    eventually("the reload", lambda: dig(dns, "x.here.test") == ["192.0.2.9"])
    expect_equal(by_network(dns, "here.test", "A", "198.51.100.0/24"),
                 ("NOERROR", ["192.0.2.2"], "24"), "after a reload")
    martlet.reload(text(", networks: 1"))
    eventually("the first network", lambda: by_network(
        dns, "here.test", "A", "198.51.100.0/24")[1] == ["192.0.2.2"])
    eventually("the limit is counted", lambda: by_network(
        dns, "here.test", "A", "203.0.120.0/24")[1] == ["192.0.2.1"] and martlet.metric(
            "martlet_limit_hits_total", limit="alias.networks") > 0)
    martlet.reload(text(", networks: 0"))
    eventually("everybody's", lambda: by_network(
        dns, "here.test", "A", "198.51.100.0/24") == ("NOERROR", ["192.0.2.1"], "0"))
    martlet.reload(text(", ipv4-prefix: 16, ipv6-prefix: 32, network-lookups: 1/s"))
    eventually("no more is told than is allowed", lambda: by_network(
        dns, "here.test", "A", "203.0.113.0/24")[2] == "16")
    eventually("lookups are put off", lambda: [by_network(
        dns, "here.test", "A", f"{number}.1.0.0/16") for number in (5, 64, 130, 150, 170, 220)]
        and martlet.metric("martlet_limit_hits_total", limit="alias.network-lookups") > 0)


@scenario("aliases inside answer as their targets do, steered ones too, client by client")
def inside(scene):
    a, b = scene.origins("a", "b")
    dns = scene.port()
    zones = f"""
  here.test:
    ttl: 1h
{HEAD}    records:
      ns: {{ a: 127.0.0.1 }}
      "@": {{ alias: www, txt: kept }}
      www: {{ steer: place }}
      short: {{ alias: www, ttl: 3s }}
      hop: {{ cname: www }}
      over: {{ alias: hop }}
      plain: {{ alias: host.other.test. }}
      "*.wild": {{ alias: plain }}
      live: {{ alias: pool }}
      pool: {{ steer: pool }}
  other.test:
{HEAD}    records:
      host: {{ a: [ 192.0.2.7, 192.0.2.8 ], aaaa: "2001:db8::7", ttl: 50s }}
"""
    text = f"""
listeners: [ {{ dns: 127.0.0.1:{dns}, ecs: any }} ]
probes: {{ quick: {{ http: /healthz, port: {a.port}, interval: 100ms, timeout: 80ms, fall: 2 }} }}
zones:{zones}
steer:
  place:
    ttl: 30s
    geo: [ {{ network: 10.1.0.0/16, address: 192.0.2.1 }}, {{ address: 192.0.2.2 }} ]
  pool: {{ failover: [ {a.address}, {b.address} ], probe: quick, ttl: 5s, all-down: servfail }}
"""
    martlet = scene.martlet(text)

    def subnet(name, client):
        text = dig_text(dns, name, "A", f"+subnet={client}", "+noall", "+comments", "+answer")
        records = [line.split() for line in text.splitlines() if "\tA\t" in line]
        scope = text.partition("CLIENT-SUBNET:")[2].split()[0].rpartition("/")[2]
        return [(int(ttl), data) for _, ttl, _, _, data in records], scope
    for client in ("10.1.2.0/24", "10.2.0.0/16", "203.0.113.0/24", "0.0.0.0/0"):
        wanted = subnet("www.here.test", client)
        for name in ("here.test", "over.here.test"):
            expect_equal(subnet(name, client), wanted, f"{name} from {client}")
    expect(wanted[0] == [(30, "192.0.2.2")], f"{wanted}")
    expect_equal(ttls(dns, "short.here.test"), [3], "the lowest TTL")
    for name in ("plain.here.test", "x.y.wild.here.test"):
        for kind in ("A", "AAAA"):
            expect_equal(answers(dns, name, kind), answers(dns, "host.other.test", kind), name)
        expect_equal(ttls(dns, name), [50, 50], "TTL of the end")
    expect_equal(dig(dns, "here.test", "TXT"), ['"kept"'], "its other records")
    eventually("the first is up", lambda: dig(dns, "live.here.test") == [a.address])
    a.health("fail")
    eventually("an alias fails over", lambda: dig(dns, "live.here.test") == [b.address])
    b.health("fail")
    eventually("all down", lambda: ask_dns(dns, "live.here.test").rcode == 2)
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    status, out, err = martlet_command(scene, "explain-dns", "over.here.test", *admin)
    for words in ("over.here.test. has the addresses of www.here.test.", "served here",
                  "steered by place", "hop.here.test."):
        expect(status == 0 and words in out, f"{words!r}:\n{out}{err}")
    status, out, err = martlet_command(scene, "failover-time", "live.here.test", "--json", *admin)
    names = json.loads(out)["names"]
    expect_equal([(n["name"], n["policy"]) for n in names], [("live.here.test.", "pool")], err)


@scenario("what a resolver said lasts: over reloads, over crashes, within its bounds",
          covers=["alias.min-ttl", "alias.max-ttl"])
def lasting(scene):
    server = NameServer(["192.0.2.1"], ttl=3600)
    dns = scene.port()

    def text(more="", records=""):
        return f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
alias: {{ resolvers: [ 127.0.0.1:{server.port} ]{more} }}
zones:
  here.test:
{HEAD}    records:
      ns: {{ a: 127.0.0.1 }}
      "@": {{ alias: www.far.test }}
{records}"""

    martlet = scene.martlet(text(", max-ttl: 100s"))
    expect_equal(dig(dns, "here.test"), ["192.0.2.1"], "the first answer")
    first = ttls(dns, "here.test")[0]
    expect(95 < first < 100, f"TTL {first} within `max-ttl`")
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    status, out, err = martlet_command(scene, "explain-dns", "here.test", *admin)
    for words in ("here.test. has the addresses of www.far.test.", "fresh", "learned"):
        expect(status == 0 and words in out, f"{words!r}:\n{out}{err}")
    status, out, err = martlet_command(scene, "status", *admin)
    expect("www.far.test" in out and "192.0.2.1" in out and "fresh" in out, out + err)
    expect_equal(martlet.metric("martlet_dns_alias_lookups_total", target="www.far.test",
                                result="addresses"), 1, "lookups")
    # Nobody answers any more: neither a reload nor a crash empties anything.
    server.silent = True
    asked = len(server.asked)
    martlet.reload(text(", max-ttl: 100s", "      x: { a: 192.0.2.9 }\n"))
    eventually("the reload", lambda: dig(dns, "x.here.test") == ["192.0.2.9"])
    expect_equal(dig(dns, "here.test"), ["192.0.2.1"], "after a reload")
    expect(ttls(dns, "here.test")[0] <= first, "and it is no younger")
    expect_equal(len(server.asked), asked, "nobody was asked for it")
    written = os.path.join(martlet.state, "health.json")
    eventually("what was learned is written", lambda: "192.0.2.1" in open(written).read())
    martlet.kill_serving()
    martlet.wait_ready()
    expect_equal(dig(dns, "here.test"), ["192.0.2.1"], "after a crash")
    expect(ttls(dns, "here.test")[0] <= first, "and it is no younger")
    expect_equal(ask_dns(dns, "here.test", "AAAA").rcode, 0, "the family without addresses")
    # Other bounds hold for what is learned from now on.
    server.silent, server.ttl, server.addresses = False, 1, ["192.0.2.2"]
    martlet.reload(text(", min-ttl: 50s", "      y: { alias: y.far.test }\n"))
    eventually("a new alias", lambda: dig(dns, "y.here.test") == ["192.0.2.2"])
    expect(45 < ttls(dns, "y.here.test")[0] < 50, "TTL within `min-ttl`")
    # A resolver that has never answered: SERVFAIL, with a reason.
    server.silent = True
    martlet.reload(text("", "      z: { alias: z.far.test }\n"))
    eventually("an alias of nothing known", lambda: ask_dns(dns, "z.here.test").rcode == 2)
    eventually("its reason", lambda: any(
        target["name"] == "z.far.test" and "no answer from" in (target["failure"] or "")
        for target in martlet.snapshot()["aliases"]["targets"]), within=15)


@scenario("a family that no server answers holds up nothing of the other, nor does a dead resolver", 60)
def halves(scene):
    server, dead = NameServer(["192.0.2.1"], ttl=1), NameServer([])
    server.mute, dead.silent = (28,), True
    dns = scene.port()
    scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
alias: {{ resolvers: [ 127.0.0.1:{server.port} ], min-ttl: 3s, stale: 0s }}
zones:
  here.test:
{HEAD}    records:
      ns: {{ a: 127.0.0.1 }}
      "@": {{ alias: www.far.test }}
""")
    expect_equal(answers(dns, "here.test", "A"), (0, [bytes([192, 0, 2, 1])]), "as soon as the doors are open")
    expect_equal(ask_dns(dns, "here.test", "AAAA").rcode, 2, "nothing is known of the other family")
    server.addresses = ["192.0.2.2"]
    asked = len(server.asked)

    def followed():
        code, data = answers(dns, "here.test", "A")
        expect(code == 0, f"A is answered {code} after {len(server.asked) - asked} more lookups")
        return len(server.asked) >= asked + 2 and data == [bytes([192, 0, 2, 2])]

    # Longer than any wait for the other family, and than what is known may be used.
    eventually("two more lookups, and what they find", followed, within=20)
    server.mute = ()
    eventually("the other family returns", lambda: ask_dns(dns, "here.test", "AAAA").rcode == 0,
               within=10)

    # The first resolver is dead: it is found out once, not with each lookup.
    healthy, dns = NameServer(["192.0.2.3"], ttl=1), scene.port()
    scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
alias: {{ resolvers: [ 127.0.0.1:{dead.port}, 127.0.0.1:{healthy.port} ], min-ttl: 1s, stale: 0s }}
zones:
  here.test:
{HEAD}    records:
      ns: {{ a: 127.0.0.1 }}
      "@": {{ alias: www.far.test }}
""")
    eventually("the second one's answer", lambda: dig(dns, "here.test") == ["192.0.2.3"], within=5)
    asked = len(healthy.asked)

    def lasts():
        expect_equal(answers(dns, "here.test", "A"), (0, [bytes([192, 0, 2, 3])]), "at all times")
        return len(healthy.asked) >= asked + 4

    eventually("four more lookups", lasts, within=20)


@scenario("aliases that cannot be are refused with their place; what is not there is warned of")
def refused(scene):
    head = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

    def check(records, file=""):
        name = scene.write("x.zone", head + file)
        text = f"""
listeners: [ {{ dns: 127.0.0.1:5300 }} ]
zones:
  x.test: {{ file: {name} }}
  here.test:
{HEAD}    records:
      ns: {{ a: 127.0.0.1 }}
{records}"""
        status, out, err = martlet_command(scene, "check", scene.write("check.yaml", text))
        return status, out + err

    for records, file, code, place in (
            ("      p: { alias: q }\n      q: { alias: p }\n", "", "M1421", "check.yaml:9:"),
            ("", "a ALIAS b\nb CNAME a\n", "M1421", "x.zone:5:"),
            ("", "a ALIAS ns\na A 192.0.2.2\n", "M1420", "x.zone:5:"),
            ("", "a ALIAS .\n", "M1423", "x.zone:5:"),
            ("", "a ALIAS ns 7\n", "M1514", "x.zone:5:"),
            ("      '@': { alias: ns, a: 192.0.2.1 }\n", "", "M1312", "check.yaml:9:"),
            ("      p: { alias: '.' }\n", "", "M1214", "check.yaml:9:")):
        status, text = check(records, file)
        expect(status != 0 and code in text and place in text, f"{records}{file}:\n{text}")
    for records, file, code, place in (
            ("      p: { alias: none.x.test }\n", "", "M1430", "check.yaml:9:"),
            ("", "a ALIAS b\nb TXT t\n", "M1431", "x.zone:5:")):
        status, text = check(records, file)
        expect(status == 0 and code in text and place in text, f"{records}{file}:\n{text}")
    status, text = check("      p: { alias: ns.x.test, mx: 1 ns }\n", "@ ALIAS ns\n@ MX 1 ns\n")
    expect(status == 0 and "M14" not in text, f"nothing is wrong:\n{text}")


@scenario("the example of aliases in the documentation")
def documented(scene):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation",
                        "examples", "alias.yaml")
    with open(path) as file:
        text = file.read()
    dns, server = scene.port(), NameServer(["192.0.2.77"], ttl=900)
    text = text.replace('dns: ":5300"', f"dns: 127.0.0.1:{dns}")
    text = text.replace("resolvers: [ 127.0.0.1 ]", f"resolvers: [ 127.0.0.1:{server.port} ]")
    # Nothing answers at these addresses: they are down as fast as a test has patience for.
    scene.martlet(text.replace("interval: 5s, fast-interval: 500ms",
                               "interval: 200ms, fast-interval: 100ms, timeout: 50ms, fall: 1"))
    eventually("the policy of www", lambda: dig(dns, "www.example.com") != [])
    expect_equal(sorted(dig(dns, "example.com")), sorted(dig(dns, "www.example.com")), "the apex")
    expect("ipv4hint=" in dig(dns, "example.com", "HTTPS")[0], "its hints")
    expect_equal(dig(dns, "example.com", "MX"), ["10 mail.example.com."], "its mail")
    expect_equal(dig(dns, "shop.example.com"), ["192.0.2.77"], "somebody else's")
    expect(290 < ttls(dns, "shop.example.com")[0] <= 300, "a TTL of its own")
