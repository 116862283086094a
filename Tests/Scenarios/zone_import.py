# SPDX-License-Identifier: Apache-2.0
"""`martlet zone diff` and `zone import`: from a file and by AXFR, all of it or nothing."""
import json

from harness import eventually, expect, expect_equal, scenario
from harness.ask import dig
from harness.martlet import martlet_command
from zone_api import BASE, KEY, Client, change

SECRET = "c2NlbmFyaW8gc2VjcmV0IG9mIHRoZSBpbXBvcnQ="
ZONE = "$TTL 60\n@ SOA ns host 10 2 3 4 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n"


@scenario("zones are compared with their configuration and imported, from files and by AXFR", 120)
def imports(scene):
    dns, api = scene.port(), scene.port()
    scene.write("a.zone", ZONE)
    scene.write("t.zone", ZONE + 'text TXT "a \\"quoted\\" word"\n')
    martlet = scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zone-api: {{ listen: 127.0.0.1:{api}, key: {KEY} }}
tsig-keys: {{ k.test: {{ secret: {SECRET} }} }}
zones:
  a.test: {{ file: a.zone }}
  t.test: {{ file: t.zone, transfer-to: [ {{ key: k.test }} ] }}
""")
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)

    def zone(*words, status=0):
        seen, out, err = martlet_command(
            scene, "zone", *words, "--admin", f"127.0.0.1:{martlet.admin}")
        expect_equal(seen, status, f"zone {words}: {out}{err}")
        return out + err

    expect_equal(zone("diff", "a.test"), "no difference\n", "before")
    more = {"rrsets": [change("REPLACE", "www.a.test.", "A", ["192.0.2.9"]),
                       change("REPLACE", "new.a.test.", "TXT", ['"x"'])]}
    expect_equal(client("PATCH", f"{BASE}/zones/a.test.", more)[0], 204, "a change")
    told = zone("diff", "a.test")
    for line in ("- www.a.test.\t60\tIN\tA\t192.0.2.1", "+ www.a.test.\t60\tIN\tA\t192.0.2.9",
                 '+ new.a.test.\t60\tIN\tTXT\t"x"', "- a.test.\t60\tIN\tSOA"):
        expect(line in told, f"{line}: {told}")
    expect_equal(len(json.loads(zone("diff", "a.test", "--json"))["added"]), 3, "as JSON")
    # The file against what is served, either way round, and two files.
    told = zone("diff", scene.path("a.zone"), "a.test")
    expect("+ www.a.test.\t60\tIN\tA\t192.0.2.9" in told, told)
    told = zone("diff", "a.test", scene.path("a.zone"))
    expect("- www.a.test.\t60\tIN\tA\t192.0.2.9" in told, told)
    told = zone("diff", scene.path("a.zone"), scene.path("t.zone"), "a.test")
    expect('+ text.a.test.\t60\tIN\tTXT\t"a \\"quoted\\" word"' in told and "-" not in told, told)
    zone("diff", scene.path("a.zone"), scene.path("t.zone"), status=2)

    # An import in the place of a zone of the configuration: looked at, then done.
    fresh = scene.write("fresh.zone", ZONE.replace("www", "web").replace("192.0.2.53", "192.0.2.54"))
    before = client("GET", f"{BASE}/zones/a.test.")[1]
    told = zone("import", "a.test", fresh, "--check")
    expect("would be imported" in told and "serial 12" in told, told)
    for line in ("- www.a.test.\t60\tIN\tA\t192.0.2.9\n", "+ web.a.test.\t60\tIN\tA\t192.0.2.1\n",
                 "- ns.a.test.\t60\tIN\tA\t192.0.2.53\n"):
        expect(line in told, f"{line}: {told}")
    expect_equal(client("GET", f"{BASE}/zones/a.test.")[1], before, "after a look")
    zone("import", "a.test", fresh)
    eventually("the import", lambda: dig(dns, "web.a.test") == ["192.0.2.1"])
    expect_equal(dig(dns, "www.a.test"), [], "what was there before")
    expect_equal(dig(dns, "ns.a.test"), ["192.0.2.54"], "what has changed")
    told = zone("import", "a.test", fresh)
    expect("0 records less, 0 more, serial 12" in told, told)
    # The zone's own file: nothing but the serial lies over it, and its next version counts.
    zone("import", "a.test", scene.path("a.zone"))
    told = zone("diff", "a.test")
    expect(told.count("\n") == 2 and told.count("SOA") == 2, told)
    expect("1 set" in zone("list"), zone("list"))
    expect_equal((dig(dns, "www.a.test"), dig(dns, "web.a.test")), (["192.0.2.1"], []), "as the file")
    scene.write("a.zone", ZONE.replace("www A 192.0.2.1", "www A 192.0.2.44").replace(" 10 ", " 40 "))
    martlet.reload()
    eventually("the next version", lambda: dig(dns, "www.a.test") == ["192.0.2.44"])
    expect_equal(client("PATCH", f"{BASE}/zones/a.test.", more)[0], 204, "a change of that")
    told = zone("import", "a.test", fresh)
    expect_equal(dig(dns, "www.a.test"), [], "the import again")
    martlet.stop()
    martlet.start()
    eventually("after a restart", lambda: dig(dns, "web.a.test") == ["192.0.2.1"])
    expect_equal((dig(dns, "www.a.test"), dig(dns, "new.a.test", "TXT")), ([], []), "and no more")
    zone("discard", "a.test")
    scene.write("a.zone", ZONE.replace(" 10 ", " 50 "))
    martlet.reload()
    zone("import", "a.test", fresh)
    # A faulty one changes nothing.
    bad = scene.write("bad.zone", ZONE + "web A 192.0.2.300\n")
    expect("bad.zone:6" in zone("import", "a.test", bad, status=1), "a bad address")
    bad = scene.write("bad.zone", ZONE + "www CNAME ns\n")
    zone("import", "a.test", bad, status=1)
    status, _, data = martlet.api("POST", "/api/v1/zones/a.test/import", {"text": "@ A 192.0.2.1\n"})
    expect(status == 422 and b"SOA" in data, data)
    expect_equal(dig(dns, "web.a.test"), ["192.0.2.1"], "still")

    # A zone of its own by AXFR from another server, here from ourselves: with a key, and without.
    key = scene.write("key", f"k.test:hmac-sha256:{SECRET}\n")
    told = zone("import", "t.test", f"axfr://127.0.0.1:{dns}", status=1)
    expect("REFUSED" in told, told)
    told = zone("import", "t.test", f"axfr://127.0.0.1:{dns}", "--key-file", key, "--check")
    expect("0 records less, 0 more" in told, told)
    new = scene.write("new.zone", ZONE)
    expect("4 more" in zone("import", "n.test", new), "a zone that nobody knows")
    eventually("its answer", lambda: dig(dns, "www.n.test") == ["192.0.2.1"])
    expect("+ www.n.test." in zone("diff", "n.test"), "all of it is a change")
    # All of it outlives the process.
    martlet.stop()
    martlet.start()
    eventually("after a restart", lambda: dig(dns, "www.n.test") == ["192.0.2.1"])
    expect_equal(dig(dns, "web.a.test"), ["192.0.2.1"], "the import then")
    zone("discard", "a.test")
    eventually("taken back", lambda: dig(dns, "www.a.test") == ["192.0.2.1"])


@scenario("an import of the zone's own file takes back what was steered and changed, aliases or not", 60)
def own_file(scene):
    dns, api = scene.port(), scene.port()
    for name, more in (("a", ""), ("b", "l ALIAS www\n")):
        scene.write(f"{name}.zone", ZONE + more)
    martlet = scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zone-api: {{ listen: 127.0.0.1:{api}, key: {KEY} }}
zones: {{ a.test: {{ file: a.zone }}, b.test: {{ file: b.zone }} }}
""")
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)

    def zone(*words):
        seen, out, err = martlet_command(
            scene, "zone", *words, "--admin", f"127.0.0.1:{martlet.admin}")
        expect_equal(seen, 0, f"zone {words}: {out}{err}")
        return out + err

    for name in ("a.test", "b.test"):
        more = [change("REPLACE", f"www.{name}.", "A", ["192.0.2.9"])]
        if name == "a.test":
            more.append(change("REPLACE", "dyn.a.test.", "LUA", ["A \"pickrandom({'192.0.2.8'})\""]))
        status, told, _ = client("PATCH", f"{BASE}/zones/{name}.", {"rrsets": more})
        expect_equal(status, 204, f"{name}: {told}")
    expect_equal((dig(dns, "dyn.a.test"), dig(dns, "l.b.test")), (["192.0.2.8"], ["192.0.2.9"]), "")
    expect("; dyn.a.test. is steered: its addresses are chosen, and not here\n"
           in zone("export", "a.test"), zone("export", "a.test"))
    expect("IN\tALIAS\twww.b.test." in zone("export", "b.test"), "an alias")
    for _ in range(2):
        for name in ("a", "b"):
            zone("import", f"{name}.test", scene.path(f"{name}.zone"))
        eventually("as the files", lambda: dig(dns, "www.a.test") == dig(dns, "l.b.test") == ["192.0.2.1"])
        expect_equal(dig(dns, "dyn.a.test"), [], "what was steered")
        told = zone("list")
        expect(told.count("1 sets") == 2, told)
        martlet.stop()
        martlet.start()
    eventually("after a restart", lambda: dig(dns, "www.a.test") == dig(dns, "l.b.test") == ["192.0.2.1"])
    expect_equal(dig(dns, "dyn.a.test"), [], "what was steered then")
