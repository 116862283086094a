# SPDX-License-Identifier: Apache-2.0
"""Dynamic CNAME of octoDNS, and dynamic A and AAAA of one name: steered here, and the second plan is empty."""
import os
import re
import subprocess

from changed_zones import A, Setting
from harness import Skip, eventually, expect, expect_equal, scenario
from harness.ask import dig, dig_text
from harness.martlet import martlet_command
from harness.zone_keys import bring
from transfers import bind, records
from zone_api import BASE, KEY, OCTODNS, OCTODNS_SYNC, Client, change
from updates import ZONE
from zone_overlays import patch, run

HOSTS = """---
'': { type: NS, ttl: 300, values: [ns1.example.net.] }
a: { type: A, ttl: 60, value: 127.0.0.11 }
b: { type: A, ttl: 60, value: 127.0.0.12 }
c: { type: A, ttl: 60, value: 127.0.0.13 }
d: { type: A, ttl: 60, value: 127.0.0.14 }
e: { type: A, ttl: 60, value: 127.0.0.15 }
"""
CNAME = """www:
  type: CNAME
  ttl: 20
  value: a.o.test.
  dynamic:
    pools:
      main:
        fallback: spare
        values: [ { value: a.o.test., weight: 3 }, { value: b.o.test., weight: 1 } ]
      spare: { values: [ { value: c.o.test. } ] }
      office: { fallback: main, values: [ { value: d.o.test. } ] }
      europe: { values: [ { value: e.o.test. } ] }
    rules:
      - { subnets: [203.0.113.0/24], pool: office }
      - { geos: [EU-DE, NA], pool: europe }
      - { pool: main }
"""
IPV4 = """  - type: A
    ttl: 20
    values: [192.0.2.1]
    dynamic:
      pools: { main: { values: [ { value: 192.0.2.1 } ] }, office: { values: [ { value: 192.0.2.2 } ] } }
      rules: [ { subnets: [203.0.113.0/24], pool: office }, { pool: main } ]
"""
IPV6 = """  - type: AAAA
    ttl: 40
    values: ['2001:db8::1']
    dynamic:
      pools: { six: { values: [ { value: '2001:db8::1' } ] }, near: { values: [ { value: '2001:db8::2' } ] } }
      rules: [ { subnets: [198.51.100.0/24], pool: near }, { pool: six } ]
"""
BESIDE = """  - { type: TXT, ttl: 60, values: [beside] }
  - { type: MX, ttl: 60, values: [ { preference: 5, exchange: mail.example.net. } ] }
"""


def octodns(scene, client):
    if not os.path.exists(OCTODNS_SYNC):
        raise Skip("octoDNS is not there (scripts/setup could not reach PyPI)")
    os.makedirs(scene.path("zones"))
    config = scene.write("octodns.yaml", OCTODNS.format(folder=scene.path("zones"),
                                                       port=client.port, key=KEY))

    def plan(text, *options):
        scene.write("zones/o.test.yaml", text)
        done = subprocess.run([OCTODNS_SYNC, f"--config-file={config}", *options],
                              capture_output=True, timeout=60)
        return (done.stdout + done.stderr).decode()

    def sync(text):
        told = plan(text, "--doit", "--force")
        expect("Error" not in told and "error" not in told, told)
        again = plan(text)
        expect("No changes were planned" in again, again)

    return plan, sync


def leads(dns, client="192.0.2.200", name="www.o.test", kind="A"):
    """Where the name leads a client, and the addresses at the end."""
    text = dig_text(dns, name, kind, f"+subnet={client}")
    found = re.findall(r"(?m)^\S+\s+\d+\s+IN\s+(CNAME|A|AAAA)\s+(\S+)", text)
    return tuple(value for _, value in found)


def networks(dns, count=40):
    return {leads(dns, f"10.{n}.0.0")[0] for n in range(count)}


@scenario("a dynamic CNAME of octoDNS leads by pools, weights, places and the health of its targets", 180,
          covers=["zone-api.probe"])
def aliases(scene):
    dns, api = scene.port(), scene.port()
    a, b, c, d, e = scene.origins("a", "b", "c", "d", "e")
    # The targets are names of its own zones: it asks itself.
    martlet = scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zone-api: {{ listen: 127.0.0.1:{api}, key: {KEY}, probe: port }}
alias: {{ resolvers: [127.0.0.1:{dns}], min-ttl: 1s, max-ttl: 1s }}
geo: {{ networks: {{ 198.51.100.0/24: {{ country: DE }} }} }}
probes:
  port: {{ http: /healthz, port: {a.port}, interval: 100ms, fast-interval: 100ms,
           timeout: 80ms, rise: 1, fall: 1 }}
""")
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
    plan, sync = octodns(scene, client)
    sync(HOSTS + CNAME)
    sync(HOSTS + CNAME)
    policy = "dynamic:www.o.test.:CNAME"
    eventually("the targets are known and up", lambda: [
        ends for pool in martlet.snapshot()["pools"] if pool["name"] == f"steer:{policy}"
        for ends in [[(p["address"] or "?") + p["health"] for p in pool["endpoints"]]]
        if len(ends) == 5 and all(end.endswith("up") and "?" not in end for end in ends)], within=20)

    expect_equal(networks(dns), {"a.o.test.", "b.o.test."}, "networks draw by weight")
    expect_equal(leads(dns, "203.0.113.9"), ("d.o.test.", d.address), "the network of a rule")
    expect_equal(leads(dns, "198.51.100.9"), ("e.o.test.", e.address), "the country of a rule")
    expect_equal(leads(dns, "203.0.113.9", kind="CNAME"), ("d.o.test.",), "asked for CNAME")
    expect_equal(leads(dns, "203.0.113.9", kind="AAAA"), ("d.o.test.",), "asked for what the end has not")
    expect(0 < int(dig_text(dns, "www.o.test", "CNAME", "+noall", "+answer").split()[1]) <= 20, "TTL")
    a.health("fail")
    eventually("the other value of the pool", lambda: networks(dns) == {"b.o.test."})
    b.health("fail")
    eventually("the fallback", lambda: networks(dns) == {"c.o.test."})
    d.health("fail")
    eventually("the fallback of a fallback", lambda: leads(dns, "203.0.113.9") == ("c.o.test.", c.address))
    told = run_explain(scene, martlet)
    expect(policy in told and "c.o.test." in told and "spare" in told, told)
    expect(martlet.metric("martlet_steer_answers_total", policy=policy) > 60, "count")
    status, out, err = martlet_command(
        scene, "answers", "--policy", policy, "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status == 0 and "b.o.test." in out, out + err)

    # It outlives the process, its death by a signal, and a reload.
    for way in ("TERM", "KILL"):
        if way == "TERM":
            martlet.stop()
            martlet.start()
        else:
            former = martlet.serving()
            martlet.kill_serving()
            eventually("another process", lambda: martlet.serving() not in (None, former))
        eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
        eventually(f"the fallback still, after {way}", lambda: networks(dns) == {"c.o.test."})
        martlet.reload()
        eventually("after a reload", lambda: networks(dns) == {"c.o.test."})
    for origin in (a, b, d):
        origin.health()
    eventually("the pool again", lambda: networks(dns) == {"a.o.test.", "b.o.test."})
    expect("No changes were planned" in plan(HOSTS + CNAME), "the plan after all that")

    # Other values, a plain CNAME in its place, addresses in that, and back; then nothing.
    other = CNAME.replace("b.o.test., weight: 1", "e.o.test., weight: 1")
    sync(HOSTS + other)
    eventually("other values", lambda: networks(dns) == {"a.o.test.", "e.o.test."})
    sync(HOSTS + "www: { type: CNAME, ttl: 20, value: d.o.test. }\n")
    expect_equal(leads(dns), ("d.o.test.", d.address), "a plain CNAME")
    sync(HOSTS + CNAME)
    eventually("dynamic again", lambda: networks(dns) == {"a.o.test.", "b.o.test."})
    sync(HOSTS + "www:\n" + IPV4)
    expect_equal(leads(dns), ("192.0.2.1",), "a dynamic A in its place")
    sync(HOSTS + CNAME)
    eventually("a CNAME again", lambda: networks(dns) == {"a.o.test.", "b.o.test."})
    sync(HOSTS)
    expect_equal(leads(dns), (), "without the name")
    expect(all("dynamic:" not in pool["name"] for pool in martlet.snapshot()["pools"]), "its pool")


def run_explain(scene, martlet):
    status, out, err = martlet_command(
        scene, "explain-dns", "www.o.test", "--admin", f"127.0.0.1:{martlet.admin}")
    expect_equal(status, 0, err)
    return out


@scenario("dynamic A and dynamic AAAA of one name have rules of their own, beside plain sets as well", 180)
def families(scene):
    dns, api = scene.port(), scene.port()
    martlet = scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zone-api: {{ listen: 127.0.0.1:{api}, key: {KEY} }}
""")
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
    plan, sync = octodns(scene, client)

    def found(subnet):
        return (leads(dns, subnet, "app.o.test"), leads(dns, subnet, "app.o.test", "AAAA"))

    first = (("192.0.2.1",), ("2001:db8::1",))
    sync(HOSTS + "app:\n" + IPV4 + IPV6 + BESIDE)
    eventually("both families", lambda: found("10.0.0.0") == first)
    expect_equal(found("203.0.113.0"), (("192.0.2.2",), ("2001:db8::1",)), "a rule of A")
    expect_equal(found("198.51.100.0"), (("192.0.2.1",), ("2001:db8::2",)), "a rule of AAAA")
    expect_equal(dig(dns, "app.o.test", "TXT"), ['"beside"'], "TXT")
    expect_equal(dig(dns, "app.o.test", "MX"), ["5 mail.example.net."], "MX")
    ttls = [int(dig_text(dns, "app.o.test", kind, "+noall", "+answer").split()[1]) for kind in ("A", "AAAA")]
    expect(0 < ttls[0] <= 20 < ttls[1] <= 40, f"TTLs {ttls}")
    for _ in range(2):
        martlet.stop()
        martlet.start()
        eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
        expect_equal(found("10.0.0.0"), first, "after a restart")
    # One of them changes and the other one stays.
    sync(HOSTS + "app:\n" + IPV4.replace("192.0.2.1", "192.0.2.7") + IPV6 + BESIDE)
    eventually("another A", lambda: found("10.0.0.0") == (("192.0.2.7",), ("2001:db8::1",)))
    plain = "  - { type: A, ttl: 30, values: [192.0.2.66] }\n"
    sync(HOSTS + "app:\n" + plain + IPV6 + BESIDE)
    eventually("a plain A", lambda: found("198.51.100.0") == (("192.0.2.66",), ("2001:db8::2",)))
    plain = "  - { type: AAAA, ttl: 30, values: ['2001:db8::66'] }\n"
    sync(HOSTS + "app:\n" + IPV4 + plain)
    eventually("a plain AAAA", lambda: found("203.0.113.0") == (("192.0.2.2",), ("2001:db8::66",)))
    martlet.stop()
    martlet.start()
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
    expect_equal(found("203.0.113.0"), (("192.0.2.2",), ("2001:db8::66",)), "after a restart")
    sync(HOSTS + "app:\n" + IPV4 + IPV6)
    eventually("both again", lambda: found("10.0.0.0") == first)
    sync(HOSTS + "app:\n" + IPV6)
    eventually("AAAA alone", lambda: found("10.0.0.0") == ((), ("2001:db8::1",)))
    sync(HOSTS)
    eventually("none", lambda: found("10.0.0.0") == ((), ()))
    # By hand: both in one set are shown as two, and a DELETE that names none takes both.
    path = f"{BASE}/zones/o.test."
    both = change("REPLACE", "app.o.test.", "LUA",
                  ["A \"pickrandom({'192.0.2.1'})\"", "AAAA \"pickrandom({'2001:db8::1'})\""])
    expect_equal(client("PATCH", path, {"rrsets": [both]})[0], 204, "both in one set")
    shown = [s for s in client("GET", path)[1]["rrsets"] if s["type"] == "LUA"]
    expect_equal([len(s["records"]) for s in shown], [1, 1], "two sets")
    # A name of the server that goes by networks, and leads to one that does not.
    far = change("REPLACE", "far.o.test.", "LUA", [
        "CNAME \";if netmask({'203.0.113.0/24'}) then return 'a.o.test.' end return 'app.o.test.'\""])
    expect_equal(client("PATCH", path, {"rrsets": [far]})[0], 204, "from one to the other")
    eventually("both on the way", lambda: leads(dns, name="far.o.test") == ("app.o.test.", "192.0.2.1"))
    scope = re.search(r"CLIENT-SUBNET: \S+/24/(\d+)", dig_text(dns, "far.o.test", "A", "+subnet=203.0.112.0/24"))
    expect(scope and int(scope[1]) > 0, "for whom the answer is")
    gone = {"name": "app.o.test.", "type": "LUA", "changetype": "DELETE"}
    expect_equal(client("PATCH", path, {"rrsets": [gone]})[0], 204, "a deletion")
    expect_equal(found("10.0.0.0"), ((), ()), "both are gone")


@scenario("what cannot be a dynamic CNAME is refused, and nothing comes beside one", 60)
def refused(scene):
    it = Setting(scene)
    it.start(A)
    name = "dyn.a.test."

    def lua(content, name=name):
        return change("REPLACE", name, "LUA", [content], 20)

    fine = lua("CNAME \"pickrandom({'www.a.test.'})\"")
    text = change("REPLACE", name, "TXT", ['"x"'])
    for sets, part in (
            ([lua("CNAME \"'192.0.2.1'\"")], "192.0.2.1"),
            ([lua("CNAME \"pickrandom({'x..y'})\"")], "x..y"),
            ([lua("CNAME \"'dyn.a.test.'\"")], "itself"),
            ([lua("MX \"'dyn.a.test.'\"")], "CNAME"),
            ([fine, text], "stands alone"),
            ([fine, change("REPLACE", name, "A", ["192.0.2.1"])], "stands alone"),
            ([fine, change("REPLACE", name, "CNAME", ["www.a.test."])], "steered"),
            ([fine, lua("A \"'192.0.2.1'\"")], "CNAME"),
            ([fine, fine], "twice"),
            ([lua("CNAME \"'www.a.test.'\"", "a.test.")], "another name"),
            ([lua("CNAME \"'ns.a.test.'\"", "www.a.test.")], "type A beside")):
        status, told = patch(it, "a.test", *sets)
        expect(status == 422 and part in told, f"{part}: {status} {told}")
    expect_equal(patch(it, "a.test", fine)[0], 204, "a dynamic CNAME")
    eventually("its answer", lambda: it.dig("dyn.a.test") == "www.a.test. 192.0.2.1")
    expect_equal(patch(it, "a.test", text)[0], 422, "a text beside it")
    expect("refused" in it.add("dyn.a.test").lower(), "an update beside it")
    expect("LUA" in run(it, "zone", "diff", "a.test") or "TYPE65402" in run(it, "zone", "diff", "a.test"), "diff")
    # A name of the file that cannot stand beside it is left out, and comes back.
    swap = (change("DELETE", "www.a.test.", "A"), lua("CNAME \"'ns.a.test.'\"", "www.a.test."))
    expect_equal(patch(it, "a.test", *swap)[0], 204, "in the place of an address")
    eventually("led on", lambda: it.dig("www.a.test") == "ns.a.test. 192.0.2.53")
    it.restart()
    expect_equal(it.dig("www.a.test"), "ns.a.test. 192.0.2.53", "after a restart")
    run(it, "zone", "discard", "a.test")
    eventually("discarded", lambda: it.dig("www.a.test") == "192.0.2.1" and it.dig("dyn.a.test") == "")


@scenario("what a zone file has of one family stays beside the other one that is dynamic", 60)
def beside(scene):
    it = Setting(scene)
    scene.write("a.zone", ZONE + "six AAAA 2001:db8::6\nsix TXT six\nfour A 192.0.2.4\n")
    it.start(A)
    sets = [change("REPLACE", "six.a.test.", "LUA", ["A \"'192.0.2.77'\""], 20),
            change("REPLACE", "four.a.test.", "LUA", ["AAAA \"'2001:db8::77'\""], 20)]
    expect_equal(patch(it, "a.test", *sets)[0], 204, "the other family of each")

    def found():
        return [it.dig(f"{name}.a.test", kind) for name in ("six", "four") for kind in ("A", "AAAA")]

    all_of_them = ["192.0.2.77", "2001:db8::6", "192.0.2.4", "2001:db8::77"]
    eventually("both families of each", lambda: found() == all_of_them)
    it.restart()
    expect_equal(found(), all_of_them, "after a restart")
    it.martlet.reload()
    expect_equal(found(), all_of_them, "after a reload")
    # Another file, with what cannot stand beside: it is left out.
    scene.write("a.zone", ZONE.replace("10 2", "11 2") + "six A 192.0.2.6\nsix AAAA 2001:db8::6\nfour CNAME www\n")
    it.martlet.reload()
    eventually("what the file has besides", lambda: found() == ["192.0.2.77", "2001:db8::6", "", "2001:db8::77"])


@scenario("a dynamic CNAME is signed, and goes to secondaries as it is answered", 90)
def signed(scene):
    dns, api, peer = scene.port(), scene.port(), scene.port()
    bring(scene, scene.path("keys"), "s.test", "ed25519")
    scene.write("s.zone", "$TTL 60\n@ SOA ns host 1 60 60 3600 60\n@ NS ns\nns A 192.0.2.53\nend A 192.0.2.7\n")
    scene.martlet(f"""
state: {scene.path("keys")}
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zone-api: {{ listen: 127.0.0.1:{api}, key: {KEY} }}
zones: {{ s.test: {{ file: s.zone, dnssec: {{ algorithm: ed25519 }} }},
         p.test: {{ file: s.zone, transfer-to: [ {{ network: 127.0.0.1/32 }} ] }} }}
""")
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
    for zone in ("s.test", "p.test"):
        sets = [change("REPLACE", f"www.{zone}.", "LUA", [f"CNAME \"'end.{zone}.'\""], 20),
                change("REPLACE", f"app.{zone}.", "LUA", ["AAAA \"'2001:db8::1'\""], 20)]
        expect_equal(client("PATCH", f"{BASE}/zones/{zone}.", {"rrsets": sets})[0], 204, zone)
    anchor = '"s.test." static-key {} {} {} "{}";'.format(*dig(dns, "s.test", "DNSKEY")[0].split(" ", 3))
    file = scene.write("anchors.conf", "trust-anchors { " + anchor + " };\n")
    for name, kind in (("www.s.test", "A"), ("www.s.test", "CNAME"), ("www.s.test", "TXT"),
                       ("app.s.test", "AAAA"), ("app.s.test", "A")):
        done = subprocess.run(
            ["delv", "@127.0.0.1", "-p", str(dns), "-a", file, "+root=s.test", name, kind],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
        said = done.stdout.decode() + done.stderr.decode()
        expect("fully validated" in said, f"{name} {kind}: {said}")
    present = records(dns, "p.test")
    expect_equal([line for line in present if line.startswith("www.")],
                 ["www.p.test. 20 in cname end.p.test."], "what is transferred of the alias")
    bind(scene, f'zone "p.test" {{ type secondary; primaries {{ 127.0.0.1 port {dns}; }}; '
         'file "p.db"; masterfile-format text; };', port=peer)
    eventually("BIND has it", lambda: dig(peer, "www.p.test", "A") == ["end.p.test.", "192.0.2.7"], within=20)
