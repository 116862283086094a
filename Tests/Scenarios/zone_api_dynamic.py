# SPDX-License-Identifier: Apache-2.0
"""Dynamic records of octoDNS by the API for zones: steered here, and the second plan is empty."""
import os
import re
import subprocess

import zone_api
from harness import Skip, eventually, expect, expect_equal, scenario
from harness.ask import ask_dns, dig, dig_text
from harness.martlet import martlet_command
from zone_api import BASE, KEY, OCTODNS, OCTODNS_SYNC, Client, change

STATIC = """---
'': { type: NS, ttl: 300, values: [ns1.example.net.] }
plain: { type: A, ttl: 60, values: [192.0.2.1, 192.0.2.2] }
text: { type: TXT, ttl: 60, values: ['say \\"hello\\" to them', 'a \\; b'] }
"""
DYNAMIC = """app:
  type: A
  ttl: 20
  values: [127.0.0.11, 127.0.0.12]
  dynamic:
    pools:
      main:
        fallback: spare
        values: [ { value: 127.0.0.11, weight: 3 }, { value: 127.0.0.12, weight: 1 } ]
      spare: { values: [ { value: 127.0.0.13 } ] }
      office: { fallback: main, values: [ { value: 127.0.0.14 } ] }
      europe: { values: [ { value: 127.0.0.15 } ] }
    rules:
      - { subnets: [203.0.113.0/24], pool: office }
      - { geos: [EU-DE, NA], pool: europe }
      - { pool: main }
"""


def start(scene, more=""):
    dns, api = scene.port(), scene.port()
    origins = scene.origins("a", "b", "c", "d", "e")
    martlet = scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zone-api: {{ listen: 127.0.0.1:{api}, key: {KEY}, probe: port }}
dns: {{ counted-zones: 1 }}
probes:
  port: {{ http: /healthz, port: {origins[0].port}, interval: 100ms, fast-interval: 100ms,
           timeout: 80ms, rise: 1, fall: 1 }}
{more}""")
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
    return dns, client, martlet, origins


def answers(dns, times=30):
    return {a for _ in range(times) for a in ask_dns(dns, "app.o.test").addresses}


def subnet(dns, client):
    text = dig_text(dns, "app.o.test", "A", f"+subnet={client}")
    return re.findall(r"(?m)^\S+\s+\d+\s+IN\s+A\s+(\S+)", text)


@scenario("dynamic records of octoDNS are steered here: pools, weights, fallbacks, places, health",
          180, covers=["zone-api.probe", "dns.counted-zones"])
def steered(scene):
    if not os.path.exists(OCTODNS_SYNC):
        raise Skip("octoDNS is not there (scripts/setup could not reach PyPI)")
    dns, client, martlet, (a, b, c, d, e) = start(
        scene, "geo: { networks: { 198.51.100.0/24: { country: DE } } }")
    os.makedirs(scene.path("zones"))
    config = scene.write("octodns.yaml", OCTODNS.format(folder=scene.path("zones"),
                                                       port=client.port, key=KEY))

    def sync(records, *options):
        scene.write("zones/o.test.yaml", records)
        done = subprocess.run([OCTODNS_SYNC, f"--config-file={config}", *options],
                              capture_output=True, timeout=60)
        return (done.stdout + done.stderr).decode()

    told = sync(STATIC + DYNAMIC, "--doit", "--force")
    expect("Create" in told and "Error" not in told, told)
    told = sync(STATIC + DYNAMIC)
    expect("No changes were planned" in told, told)
    expect_equal(sorted(dig(dns, "plain.o.test")), ["192.0.2.1", "192.0.2.2"], "a static name")
    expect('say \\"hello\\" to them' in " ".join(zone_api.dig_lines(dns, "text.o.test", "TXT")), "TXT")

    # By weight among those of the pool, and never the fallback while one of them is up. Who asks
    # from one network draws one value.
    eventually("the pool answers", lambda: answers(dns) <= {a.address, b.address})
    drawn = {subnet(dns, f"10.{n}.0.0/16")[0] for n in range(40)}
    expect_equal(drawn, {a.address, b.address}, "networks draw by weight")
    expect_equal(subnet(dns, "203.0.113.0/24"), [d.address], "the network of a rule")
    expect_equal(subnet(dns, "198.51.100.0/24"), [e.address], "the country of a rule")
    expect(0 < ask_dns(dns, "app.o.test").ttl <= 20, "TTL")
    a.health("fail")
    eventually("the other value of the pool", lambda: answers(dns) == {b.address})
    b.health("fail")
    eventually("the fallback", lambda: answers(dns) == {c.address})
    status, out, err = martlet_command(
        scene, "explain-dns", "app.o.test", "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status == 0 and "dynamic:app.o.test." in out and "spare" in out, out + err)
    expect(martlet.metric("martlet_steer_answers_total", policy="dynamic:app.o.test.") > 60, "count")
    # It outlives the process, and a reload.
    for _ in range(2):
        martlet.stop()
        martlet.start()
        eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
        eventually("the fallback still", lambda: answers(dns) == {c.address})
        martlet.reload()
        expect_equal(answers(dns), {c.address}, "after a reload")
    a.health()
    eventually("the pool again", lambda: answers(dns) == {a.address})
    expect("No changes were planned" in sync(STATIC + DYNAMIC), "the plan after all that")

    # Another value, then a static name in the place of the steered one, and back.
    other = DYNAMIC.replace("127.0.0.11, weight: 3", "127.0.0.15, weight: 3").replace(
        "127.0.0.12, weight: 1", "127.0.0.14, weight: 1")
    told = sync(STATIC + other, "--doit", "--force")
    expect("Update" in told and "Error" not in told, told)
    expect(answers(dns) <= {d.address, e.address}, "other values, at once")
    plain = "app: { type: A, ttl: 20, values: [192.0.2.66] }\n"
    told = sync(STATIC + plain, "--doit", "--force")
    expect("Error" not in told, told)
    expect_equal(answers(dns), {"192.0.2.66"}, "a static name")
    expect("No changes were planned" in sync(STATIC + plain), "its plan")
    told = sync(STATIC + DYNAMIC, "--doit", "--force")
    expect("Error" not in told, told)
    eventually("steered again", lambda: answers(dns) == {a.address})
    told = sync(STATIC, "--doit", "--force")
    expect_equal(answers(dns, 2), set(), "without the name")
    expect(all("dynamic:" not in pool["name"] for pool in martlet.snapshot()["pools"]), "its pool")

    # Counted by zone: one zone alone here.
    expect(martlet.metric("martlet_dns_zone_queries_total", zone="o.test.", rcode="NOERROR") > 10,
           "queries of the zone")
    ask_dns(dns, "elsewhere.example")
    ask_dns(dns, "none.o.test")
    dig(dns, "text.o.test", "TXT")
    eventually("names in no zone", lambda: martlet.metric(
        "martlet_dns_zone_queries_total", zone="none") > 0)
    expect(martlet.metric("martlet_dns_zone_queries_total", zone="o.test.", rcode="NXDOMAIN") > 0,
           "names that are not there")
    expect(martlet.metric("martlet_dns_type_queries_total", type="A") > 10, "queries by type")
    expect(martlet.metric("martlet_dns_type_queries_total", type="TXT") > 0, "TXT")


@scenario("LUA records that cannot be steered are refused, and the part is named", 60)
def refused(scene):
    dns, client, martlet, _ = start(scene)
    zone = {"name": "o.test.", "kind": "Native", "nameservers": ["ns1.a.test."], "rrsets": []}
    expect_equal(client("POST", f"{BASE}/zones", zone)[0], 201, "a zone")
    path = f"{BASE}/zones/o.test."

    def lua(content, name="app.o.test."):
        return change("REPLACE", name, "LUA", [content], 20)

    fine = lua("A \"pickrandom({'192.0.2.1'})\"")
    before = client("GET", path)[1]
    for sets, part in (
            ([lua("A \"ifportup(443, {'192.0.2.1'})\"")], "ifportup"),
            ([lua("A \"pickclosest({'192.0.2.1'})\"")], "pickclosest"),
            ([lua("A \"pickclosest({'192.0.2.1'})\"")], "proximity"),
            ([lua("A \"ifurlup('https://x.example/', {{'192.0.2.1'}})\"")], "zone-api.probe"),
            ([lua("MX \"'x.example'\"")], "CNAME"),
            ([lua("CNAME \"'192.0.2.1'\"")], "no name"),
            ([lua("A \"pickrandom({'2001:db8::1'})\"")], "2001:db8::1"),
            ([lua("A \";if country('DE') then return '192.0.2.1' end return '192.0.2.2'\"")], "geo"),
            ([fine, change("REPLACE", "app.o.test.", "A", ["192.0.2.1"])], "stands for"),
            ([fine, fine], "twice"),
            ([change("REPLACE", "app.o.test.", "TXT", ['"say "hello" to them"'])], "backslash"),
            ([change("REPLACE", "app.o.test.", "LUA",
                     ["A \"pickrandom({'192.0.2.1'})\"", "A \"pickrandom({'192.0.2.2'})\""])],
             "given twice")):
        status, told, _ = client("PATCH", path, {"rrsets": sets})
        expect(status == 422 and part in told["error"], f"{part}: {status} {told}")
    expect_equal(client("GET", path)[1], before, "the zone after all that")
    # By hand, without a marker.
    expect_equal(client("PATCH", path, {"rrsets": [fine]})[0], 204, "a form that is known")
    expect_equal(answers(dns), {"192.0.2.1"}, "its answer")
    shown = [s for s in client("GET", path)[1]["rrsets"] if s["type"] == "LUA"]
    expect_equal([r["content"] for r in shown[0]["records"]], [fine["records"][0]["content"]], "LUA")
    beside = {"rrsets": [change("REPLACE", "app.o.test.", "A", ["192.0.2.9"])]}
    expect_equal(client("PATCH", path, beside)[0], 422, "an address beside a steered name")
    # What is beside it and no address may change, and the name stays steered.
    text = {"rrsets": [change("REPLACE", "app.o.test.", "TXT", ['"x"'])]}
    expect_equal(client("PATCH", path, text)[0], 204, "a text beside it")
    expect_equal(answers(dns), {"192.0.2.1"}, "its answer then")
    expect_equal(dig(dns, "app.o.test", "TXT"), ['"x"'], "the text")
    # The zone goes, and its policy with it.
    expect_equal(client("DELETE", path)[0], 204, "the zone")
    eventually("the policy is gone", lambda: all(
        "dynamic:" not in pool["name"] for pool in martlet.snapshot()["pools"]))
