# SPDX-License-Identifier: Apache-2.0
"""The API for zones, as clients of PowerDNS call it: by curl, and by octoDNS where it is installed."""
import json
import os
import subprocess

from harness import Skip, eventually, expect, expect_equal, scenario
from harness.ask import dig as dig_lines
from harness.martlet import martlet_command
from harness.nameserver import NameServer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OCTODNS_SYNC = os.path.join(ROOT, ".build", "venv", "bin", "octodns-sync")
KEY = "YSBrZXkgZm9yIHRoZSBzY2VuYXJpb3M="
BASE = "/api/v1/servers/localhost"


def dig(port, name, kind="A"):
    return " ".join(dig_lines(port, name, kind))
ZONE = "$TTL 60\n@ SOA ns host 10 2 3 4 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n"


def configuration(dns, api):
    return f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zone-api: {{ listen: 127.0.0.1:{api}, key: {KEY} }}
zones: {{ a.test: {{ file: a.zone }} }}
"""


class Client:
    def __init__(self, port, key=KEY):
        self.port, self.key = port, key

    def __call__(self, method, path, body=None, headers=(), within=20):
        """(status, JSON or text, headers)"""
        command = ["curl", "-sS", "-X", method, "-D", "-", "-H", f"X-API-Key: {self.key}"]
        for header in headers:
            command += ["-H", header]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)]
        done = subprocess.run([*command, f"http://127.0.0.1:{self.port}{path}"],
                              capture_output=True, timeout=within)
        head, _, text = done.stdout.decode().replace("\r\n", "\n").partition("\n\n")
        status = int(head.split()[1]) if head else 0
        fields = dict(line.lower().split(": ", 1) for line in head.split("\n")[1:] if ": " in line)
        try:
            return status, json.loads(text), fields
        except ValueError:
            return status, text, fields


def sets(zone):
    return {(s["name"], s["type"]): (s["ttl"], [r["content"] for r in s["records"]])
            for s in zone["rrsets"]}


def change(kind, name, sort, contents=(), ttl=60):
    return {"name": name, "type": sort, "ttl": ttl, "changetype": kind,
            "records": [{"content": c, "disabled": False} for c in contents]}


def started(scene):
    dns, api = scene.port(), scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(configuration(dns, api))
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
    return dns, client, martlet


@scenario("zones are listed, made, changed and removed as clients of PowerDNS do it", 120,
          covers=["zone-api.listen", "zone-api.key"])
def traces(scene):
    dns, client, martlet = started(scene)
    expect_equal(Client(client.port, "d3Jvbmcgd3Jvbmc=")("GET", BASE)[0], 401, "another key")
    expect_equal(client("GET", BASE)[1]["version"].split(".")[0], "4", "the version")
    expect_equal([z["name"] for z in client("GET", f"{BASE}/zones")[1]], ["a.test."], "the list")
    # A zone of a file, as lego changes it for a challenge.
    path = f"{BASE}/zones/a.test."
    status, zone, fields = client("GET", path)
    expect_equal((status, sets(zone)[("www.a.test.", "A")]), (200, (60, ["192.0.2.1"])), "www")
    tag = fields["etag"]
    expect_equal(client("GET", path, headers=[f"If-None-Match: {tag}"])[0], 304, "the same tag")
    name = "_acme-challenge.www.a.test."
    add = {"rrsets": [change("REPLACE", name, "TXT", ['"token"'], 120)]}
    expect_equal(client("PATCH", path, add)[0], 204, "a record")
    expect_equal(dig(dns, name, "TXT"), '"token"', "its answer")
    expect_equal(client("PATCH", path, add, [f"If-Match: {tag}"])[0], 412, "a former state")
    expect_equal(client("PUT", f"{path}/notify")[0], 200, "notify")
    expect_equal(client("PATCH", path, {"rrsets": [change("DELETE", name, "TXT")]})[0], 204, "")
    expect_equal(dig(dns, name, "TXT"), "", "the answer after the deletion")
    # external-dns: several sets at once, with texts of its own.
    many = {"rrsets": [change("REPLACE", "x.a.test.", "A", ["192.0.2.7", "192.0.2.8"]),
                       change("REPLACE", "a-x.a.test.", "TXT", ['"heritage=external-dns"']),
                       change("REPLACE", "y.a.test.", "CNAME", ["x.a.test."])]}
    expect_equal(client("PATCH", path, many)[0], 204, "several")
    expect_equal(sorted(dig(dns, "y.a.test").split()), ["192.0.2.7", "192.0.2.8", "x.a.test."], "y")
    one = {"rrsets": [change("EXTEND", "x.a.test.", "A", ["192.0.2.9"])]}
    expect_equal(client("PATCH", path, one)[0], 204, "one more")
    one = {"rrsets": [change("PRUNE", "x.a.test.", "A", ["192.0.2.7"])]}
    expect_equal(client("PATCH", path, one)[0], 204, "one less")
    expect_equal(sorted(dig(dns, "x.a.test").split()), ["192.0.2.8", "192.0.2.9"], "x")
    # What is refused changes nothing.
    before = client("GET", path)[1]
    for bad in (change("REPLACE", "x.b.test.", "A", ["192.0.2.7"]),
                change("REPLACE", "x.a.test", "A", ["192.0.2.7"]),
                change("REPLACE", "x.a.test.", "A", ["192.0.2"]),
                change("REPLACE", "x.a.test.", "A", ["192.0.2.7", "192.0.2.7"]),
                change("REPLACE", "x.a.test.", "NOPE", ["192.0.2.7"]),
                change("MELT", "x.a.test.", "A", ["192.0.2.7"]),
                change("REPLACE", "x.a.test.", "TXT", ['"a"\nb A 192.0.2.1']),
                change("REPLACE", "x.a.test.", "CNAME", ["y.a.test."]),
                change("DELETE", "a.test.", "SOA")):
        fine = change("REPLACE", "fine.a.test.", "A", ["192.0.2.7"])
        status, told, _ = client("PATCH", path, {"rrsets": [fine, bad]})
        expect(status == 422 and told["error"], f"{bad}: {status} {told}")
    expect_equal(client("GET", path)[1], before, "the zone after all that")
    # A zone of its own.
    made = {"name": "2/25.test.", "kind": "Native", "nameservers": ["ns1.a.test."],
            "rrsets": [{"name": "h.2/25.test.", "type": "A", "ttl": 5,
                        "records": [{"content": "192.0.2.3"}]}]}
    status, zone, _ = client("POST", f"{BASE}/zones", made)
    expect_equal((status, zone["id"]), (201, "2=2F25.test."), "a new zone")
    expect_equal(dig(dns, "h.2/25.test"), "192.0.2.3", "its answer")
    expect_equal(client("POST", f"{BASE}/zones", made)[0], 409, "the same once more")
    expect_equal(client("GET", f"{BASE}/zones/none.test.")[0], 404, "no zone")
    expect_equal(len(client("GET", f"{BASE}/zones?limit=1&offset=1")[1]), 1, "a page")
    text = client("GET", f"{path}/export")[1]
    expect("x.a.test.\t60\tIN\tA\t192.0.2.8" in text, text)
    # All of it outlives the process.
    for _ in range(2):
        martlet.stop()
        martlet.start()
        eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
        expect_equal(dig(dns, "h.2/25.test"), "192.0.2.3", "the zone after a restart")
        expect_equal(sorted(dig(dns, "x.a.test").split()), ["192.0.2.8", "192.0.2.9"], "x then")
        martlet.reload()
    expect_equal(client("DELETE", f"{BASE}/zones/a.test.")[0], 422, "a zone of the configuration")
    expect_equal(client("DELETE", f"{BASE}/zones/2=2F25.test.")[0], 204, "the zone that was made")
    eventually("it is gone", lambda: client("GET", f"{BASE}/zones/2=2F25.test.")[0] == 404)
    expect_equal(dig(dns, "h.2/25.test"), "", "its answer then")


@scenario("zones that are made and removed for ever leave room for others to be counted", 60,
          covers=["dns.counted-zones"])
def places(scene):
    dns, api = scene.port(), scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(configuration(dns, api) + "dns: { counted-zones: 2 }\n")
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)

    def count(zone):
        return martlet.metric("martlet_dns_zone_queries_total", zone=zone)

    def counts(zone):
        before = count(f"{zone}.")
        dig(dns, zone, "SOA")
        return count(f"{zone}.") > before

    expect(counts("a.test"), "a zone of the configuration")
    for number in range(4):
        name = f"n{number}.test"
        made = {"name": f"{name}.", "kind": "Native", "nameservers": [f"ns.{name}."], "rrsets": []}
        expect_equal(client("POST", f"{BASE}/zones", made)[0], 201, name)
        eventually(f"{name} has the place", lambda: counts(name), within=10)
        expect(count(f"{name}.") < 30 and count(f"n{number - 1}.test.") == 0, "counts begin anew, and the former ends")
        expect_equal(client("DELETE", f"{BASE}/zones/{name}.")[0], 204, name)
    expect(counts("a.test"), "one that stays keeps its own")
    # Findings about what the API has made name the zone, since no file has it.
    soa = change("REPLACE", "s.test.", "SOA", ["ns.s.test. host.s.test. 1 7200 60 3600 60"])
    made = {"name": "s.test.", "kind": "Native", "nameservers": ["ns.s.test."], "rrsets": [soa]}
    expect_equal(client("POST", f"{BASE}/zones", made)[0], 201, "s.test")
    martlet.reload()
    expect(" M1661 zone s.test.: secondaries give up" in martlet.log() and "zones.db" not in martlet.log(),
           martlet.log())
    names = {zone["name"]: zone["names"] for zone in martlet.snapshot()["zones"]}
    expect_equal(names, {"a.test.": 3, "s.test.": 1}, "names in force")


def changes_told(martlet, kind="zone-changed"):
    """The fields of the events of a kind, without their numbers and times."""
    events = martlet.json("GET", "/api/v1/events")["events"]
    names = ("zone", "change", "client", "key", "updates", "sets", "from", "to")
    return [{name: event[name] for name in names if name in event}
            for event in events if event["kind"] == kind]


@scenario("the log says who has changed which zone, and the API is counted", 60)
def audited(scene):
    dns, client, martlet = started(scene)
    path = f"{BASE}/zones/a.test."
    made = {"name": "m.test.", "kind": "Native", "nameservers": ["ns1.a.test."]}
    expect_equal(client("POST", f"{BASE}/zones", made)[0], 201, "a new zone")
    two = {"rrsets": [change("REPLACE", "x.a.test.", "A", ["192.0.2.7"]),
                      change("REPLACE", "y.a.test.", "A", ["192.0.2.7"])]}
    expect_equal(client("PATCH", path, two)[0], 204, "two sets")
    expect_equal(client("PATCH", path, two)[0], 204, "nothing more")
    expect_equal(client("PATCH", path, {"rrsets": [change("MELT", "x.a.test.", "A")]})[0], 422, "")
    expect_equal(client("DELETE", f"{BASE}/zones/m.test.")[0], 204, "the zone goes")
    fresh = scene.write("fresh.zone", ZONE + "z A 192.0.2.1\n")
    admin = ["--admin", f"127.0.0.1:{martlet.admin}"]
    for words in (["import", "a.test", fresh, "--check"], ["import", "a.test", fresh],
                  ["discard", "a.test"]):
        code, out, err = martlet_command(scene, "zone", *words, *admin)
        expect_equal(code, 0, f"{words}: {out}{err}")
    told = changes_told(martlet)
    serial = told[0]["to"]
    expect_equal(told, [
        {"zone": "m.test.", "change": "made", "client": "127.0.0.1", "sets": 1, "to": serial},
        {"zone": "a.test.", "change": "changed", "client": "127.0.0.1", "sets": 2,
         "from": 10, "to": 11},
        {"zone": "m.test.", "change": "removed", "client": "127.0.0.1", "sets": 1, "from": serial},
        {"zone": "a.test.", "change": "imported", "sets": 3, "from": 11, "to": 12},
        {"zone": "a.test.", "change": "discarded", "sets": told[-1]["sets"], "from": 12, "to": 10},
    ], "the trail")
    expect("zone a.test. is changed by the zone API: 2 sets" in martlet.log(), martlet.log())
    # Of wrong keys at most ten lines in a minute.
    for number in range(12):
        wrong = Client(client.port, "d3Jvbmcgd3Jvbmc=")
        expect_equal(wrong("PATCH" if number else "GET", path)[0], 401, "another key")
    expect_equal(changes_told(martlet, "zone-api-denied"), [{"client": "127.0.0.1"}] * 10, "")
    for labels, count in (({"method": "PATCH", "class": "2xx"}, 2),
                          ({"method": "PATCH", "class": "4xx"}, 12),
                          ({"method": "POST", "class": "2xx"}, 1),
                          ({"method": "PUT", "class": "2xx"}, 0)):
        expect_equal(martlet.metric("martlet_zone_api_requests_total", **labels), count, f"{labels}")


@scenario("the API shows zones as they are, and refuses what it would not do", 60)
def attributes(scene):
    dns, api = scene.port(), scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zone-api: {{ listen: 127.0.0.1:{api}, key: {KEY} }}
zones:
  a.test: {{ file: a.zone, dnssec: {{}} }}
  b.test: {{ file: a.zone, notify: [ {{ address: 127.0.0.1 }} ] }}
  c.test: {{ transfer-from: [ {{ address: 127.0.0.1:{dns} }} ] }}
  d.test: {{ file: a.zone }}
""")
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)
    zones = {zone["name"]: (zone["kind"], zone["masters"], zone["dnssec"])
             for zone in client("GET", f"{BASE}/zones")[1]}
    expect_equal(zones, {"a.test.": ("Native", [], True), "b.test.": ("Master", [], False),
                         "d.test.": ("Native", [], False)}, "zones")
    expect_equal(client("GET", f"{BASE}/zones/b.test.")[1]["kind"], "Master", "one")
    for zone, wanted, status in (("b.test.", {"kind": "Master", "account": "x"}, 204),
                                 ("b.test.", {"kind": "Native"}, 422),
                                 ("a.test.", {"dnssec": True}, 204),
                                 ("d.test.", {"dnssec": True}, 422),
                                 ("d.test.", {"masters": ["192.0.2.1"]}, 422),
                                 ("none.test.", {"kind": "Native"}, 404)):
        seen, told, _ = client("PUT", f"{BASE}/zones/{zone}", wanted)
        expect(seen == status and (seen == 204 or told["error"]), f"{zone} {wanted}: {seen} {told}")
    # A new one without its sets, and what is too large.
    made = {"name": "m.test.", "kind": "Master", "nameservers": ["ns1.a.test."]}
    status, zone, _ = client("POST", f"{BASE}/zones?rrsets=false", made)
    expect_equal((status, zone["kind"], "rrsets" in zone), (201, "Native", False), "without sets")
    large = scene.path("large.json")
    with open(large, "w", encoding="ascii") as file:
        file.write(" " * ((8 << 20) + 1))
    done = subprocess.run(["curl", "-sS", "-H", f"X-API-Key: {KEY}", "--data-binary", f"@{large}",
                           f"http://127.0.0.1:{api}{BASE}/zones"], capture_output=True, timeout=20)
    expect("8388608 bytes" in json.loads(done.stdout)["error"], done.stdout)
    # The root zone, by the API and by the command; others stay as they are.
    made = {"name": ".", "kind": "Native", "nameservers": ["ns1.a.test."],
            "rrsets": [{"name": "below.", "type": "A", "ttl": 5, "records": [{"content": "192.0.2.9"}]}]}
    status, zone, _ = client("POST", f"{BASE}/zones", made)
    expect_equal((status, zone["id"]), (201, "=2E"), f"the root: {zone}")
    expect_equal((dig(dns, "below"), dig(dns, "www.b.test")), ("192.0.2.9", "192.0.2.1"), "both")
    path = f"{BASE}/zones/=2E"
    one = {"rrsets": [change("REPLACE", "other.", "A", ["192.0.2.7"])]}
    expect_equal(client("PATCH", path, one)[0], 204, "a change of the root")
    fresh = scene.write("root.zone", ZONE.replace("www", "third"))
    code, out, err = martlet_command(scene, "zone", "import", ".", fresh, "--admin",
                                     f"127.0.0.1:{martlet.admin}")
    expect_equal(code, 0, out + err)
    expect_equal((dig(dns, "third"), dig(dns, "other")), ("192.0.2.1", ""), "the import")
    martlet.stop()
    martlet.start()
    eventually("after a restart", lambda: dig(dns, "third") == "192.0.2.1")
    expect_equal(client("DELETE", path)[0], 204, "the root goes")
    expect_equal(client("GET", path)[0], 404, "it is gone")
    expect_equal(dig(dns, "www.b.test"), "192.0.2.1", "the others then")


@scenario("the API says why it cannot listen, and everything else serves", 30)
def deaf(scene):
    lowest = int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read())
    if os.geteuid() != 0 or lowest < 1000:
        raise Skip("needs root, and ports that are root's alone")
    dns = scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(configuration(dns, lowest - 1))
    eventually("the log says it", lambda: "M3092" in martlet.log())
    expect(f"127.0.0.1:{lowest - 1}" in martlet.log() and "zone-api.listen" in martlet.log(),
           martlet.log())
    expect_equal(dig(dns, "www.a.test"), "192.0.2.1", "an answer")
    # Another port takes a reload.
    api = scene.port()
    martlet.reload(configuration(dns, api))
    eventually("the API answers", lambda: Client(api)("GET", BASE)[0] == 200)


@scenario("an ALIAS of the API has the addresses of another name, here and outside, after kill -9 too", 90)
def aliases(scene):
    dns, api, outside = scene.port(), scene.port(), NameServer(["203.0.113.7"])
    scene.write("a.zone", ZONE + "old ALIAS www\n")
    martlet = scene.martlet(configuration(dns, api)
                            + f"alias: {{ resolvers: [ 127.0.0.1:{outside.port} ], min-ttl: 1s }}\n")
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)

    def patch(zone, *changes):
        status, said, _ = client("PATCH", f"{BASE}/zones/{zone}", {"rrsets": list(changes)})
        return status, said

    def shown(zone):
        return sets(client("GET", f"{BASE}/zones/{zone}")[1])

    # As external-dns makes the apex of a zone lead to a name: a new zone, and one of the configuration.
    made = {"name": "o.test.", "kind": "Native", "nameservers": ["ns.a.test."],
            "rrsets": [change("REPLACE", "o.test.", "ALIAS", ["www.a.test."], ttl=30)]}
    expect_equal(client("POST", f"{BASE}/zones", made)[0], 201, "a zone with an ALIAS")
    expect_equal(dig(dns, "o.test"), "192.0.2.1", "its addresses")
    expect_equal(patch("a.test.", change("REPLACE", "a.test.", "ALIAS", ["lb.example.net."], ttl=300))[0],
                 204, "an ALIAS to a name outside")
    eventually("it is resolved", lambda: dig(dns, "a.test") == "203.0.113.7")
    expect_equal(shown("a.test.")[("a.test.", "ALIAS")], (300, ["lb.example.net."]), "what is shown")
    expect_equal(shown("a.test.")[("old.a.test.", "ALIAS")], (60, ["www.a.test."]), "that of the file")
    told = martlet_command(scene, "zone", "diff", "a.test", "--admin", f"127.0.0.1:{martlet.admin}")
    expect("+a.test." in told[1].replace("+ ", "+") and "ALIAS" in told[1], told)

    # The target changes, by the API itself.
    expect_equal(patch("a.test.", change("REPLACE", "www.a.test.", "A", ["192.0.2.9"]))[0], 204, "www")
    expect_equal(dig(dns, "o.test"), "192.0.2.9", "the alias follows")
    martlet.kill_serving()
    martlet.wait_ready()
    eventually("all of it is there", lambda: (dig(dns, "o.test"), dig(dns, "a.test"), dig(dns, "old.a.test"))
               == ("192.0.2.9", "203.0.113.7", "192.0.2.9"))

    # What cannot stand together, and how one takes the other's place.
    for other in (change("REPLACE", "o.test.", "A", ["192.0.2.5"]),
                  change("EXTEND", "o.test.", "LUA", ["A \"pickrandom({'192.0.2.8'})\""]),
                  change("EXTEND", "o.test.", "AAAA", ["2001:db8::5"]),
                  change("EXTEND", "o.test.", "ALIAS", ["ns.a.test."])):
        status, said = patch("o.test.", other)
        expect_equal(status, 422, f"{other}: {said}")
    status, said = patch("a.test.", change("REPLACE", "www.a.test.", "ALIAS", ["ns.a.test."]))
    expect(status == 422 and "beside it" in said["error"], said)
    expect_equal(dig(dns, "o.test"), "192.0.2.9", "nothing has changed")
    expect_equal(patch("o.test.", change("REPLACE", "o.test.", "A", ["192.0.2.5"]),
                       change("DELETE", "o.test.", "ALIAS"))[0], 204, "plain addresses")
    expect_equal(dig(dns, "o.test"), "192.0.2.5", "plain addresses")
    expect_equal(patch("a.test.", change("DELETE", "old.a.test.", "ALIAS"))[0], 204, "one of the file")
    expect_equal(dig(dns, "old.a.test"), "", "it is gone")
    martlet.kill_serving()
    martlet.wait_ready()
    eventually("so it is then", lambda: (dig(dns, "o.test"), dig(dns, "old.a.test"), dig(dns, "a.test"))
               == ("192.0.2.5", "", "203.0.113.7"))


@scenario("aliases of several zones: a circle costs its names alone, serials stay, and zones come and go", 90)
def circles(scene):
    dns, api = scene.port(), scene.port()
    scene.write("a.zone", ZONE + "al ALIAS w.later.test.\n")
    text = configuration(dns, api).replace(
        "zones: {", "zones: { other.test: { soa: { primary: ns.a.test, mailbox: h@a.test }, "
        "transfer-to: [ { network: 127.0.0.0/8 } ], records: { b: { alias: x.a.test }, t: { txt: here } } }, ").replace(
        "file: a.zone", "file: a.zone, transfer-to: [ { network: 127.0.0.0/8 } ]")
    martlet = scene.martlet(text)
    client = Client(api)
    eventually("the API answers", lambda: client("GET", BASE)[0] == 200)

    def patch(zone, *changes):
        status, said, _ = client("PATCH", f"{BASE}/zones/{zone}", {"rrsets": list(changes)})
        expect_equal(status, 204, f"{changes}: {said}")

    def serial():
        return int(dig(dns, "a.test", "SOA").split()[2])

    # A zone that comes is where an alias leads, and one that goes is not.
    expect_equal(dig(dns, "al.a.test"), "", "nothing there yet")
    made = {"name": "later.test.", "kind": "Native", "nameservers": ["ns.a.test."],
            "rrsets": [change("REPLACE", "w.later.test.", "A", ["192.0.2.41"])]}
    expect_equal(client("POST", f"{BASE}/zones", made)[0], 201, "a zone")
    expect_equal(dig(dns, "al.a.test"), "192.0.2.41", "the alias leads there")
    # Serials do not rise by restarts and reloads, and differences never hold an ALIAS.
    patch("a.test.", change("REPLACE", "x.a.test.", "A", ["192.0.2.77"]))
    before = serial()
    patch("a.test.", change("DELETE", "x.a.test.", "A"), change("REPLACE", "x.a.test.", "ALIAS", ["ns.a.test."]))
    patch("a.test.", change("REPLACE", "y.a.test.", "A", ["192.0.2.78"]))
    now = serial()
    martlet.kill_serving()
    martlet.wait_ready()
    eventually("it serves", lambda: dig(dns, "y.a.test") == "192.0.2.78")
    martlet.reload()
    expect_equal(serial(), now, "the serial")
    patch("a.test.", change("DELETE", "x.a.test.", "ALIAS"), change("DELETE", "al.a.test.", "ALIAS"))
    martlet.kill_serving()
    martlet.wait_ready()
    eventually("it serves", lambda: dig(dns, "y.a.test") == "192.0.2.78")
    for start in range(before, serial()):
        changes = " ".join(dig_lines(dns, "a.test", f"IXFR={start}"))
        expect("65401" not in changes and "ALIAS" not in changes, changes)
    # x leads to b, and b to x: nobody can see it from one zone alone.
    patch("a.test.", change("REPLACE", "x.a.test.", "ALIAS", ["b.other.test."]))
    for _ in range(2):
        expect_equal((dig(dns, "x.a.test"), dig(dns, "b.other.test")), ("", ""), "no addresses")
        expect_equal((dig(dns, "y.a.test"), dig(dns, "t.other.test", "TXT")), ("192.0.2.78", '"here"'),
                     "all others")
        patch("a.test.", change("REPLACE", "y.a.test.", "A", ["192.0.2.78"]))
        martlet.stop()
        martlet.start()
        eventually("it serves", lambda: dig(dns, "y.a.test") == "192.0.2.78")
    martlet.reload()
    expect("M1432" in martlet.log() and "leads in a circle" in martlet.log(), martlet.log())
    expect_equal(client("DELETE", f"{BASE}/zones/later.test.")[0], 204, "the zone goes")


OCTODNS = """
providers:
  config: {{ class: octodns.provider.yaml.YamlProvider, directory: {folder}, enforce_order: false }}
  martlet:
    class: octodns_powerdns.PowerDnsProvider
    host: 127.0.0.1
    port: {port}
    api_key: {key}
zones:
  o.test.: {{ sources: [config], targets: [martlet] }}
"""

RECORDS = """
'':
  - { type: ALIAS, ttl: 60, value: www.a.test. }
  - { type: NS, ttl: 300, values: [ns1.example.net., ns2.example.net.] }
  - { type: MX, ttl: 300, values: [ { preference: 10, exchange: mail.o.test. } ] }
  - { type: TXT, ttl: 300, values: ['v=spf1 -all', 'a semicolon \\; too'] }
www: { type: A, ttl: 60, values: [192.0.2.1, 192.0.2.2] }
mail: { type: AAAA, ttl: 60, value: '2001:db8::25' }
alias: { type: CNAME, ttl: 60, value: www.o.test. }
_sip._tcp: { type: SRV, ttl: 60, value: { priority: 1, weight: 2, port: 5060, target: www.o.test. } }
caa: { type: CAA, ttl: 60, value: { flags: 0, tag: issue, value: ca.example } }
"""


@scenario("octoDNS plans, applies, and plans nothing more", 120)
def octodns(scene):
    if not os.path.exists(OCTODNS_SYNC):
        raise Skip("octoDNS is not there (scripts/setup could not reach PyPI)")
    dns, client, _ = started(scene)
    os.makedirs(scene.path("zones"))
    scene.write("zones/o.test.yaml", "---" + RECORDS)
    config = scene.write("octodns.yaml", OCTODNS.format(folder=scene.path("zones"),
                                                       port=client.port, key=KEY))

    def sync(*options):
        done = subprocess.run([OCTODNS_SYNC, f"--config-file={config}", *options], capture_output=True,
                              timeout=60)
        return (done.stdout + done.stderr).decode()

    told = sync("--doit", "--force")
    expect("Create" in told and "Error" not in told, told)
    expect_equal(sorted(dig(dns, "www.o.test").split()), ["192.0.2.1", "192.0.2.2"], "www")
    expect_equal(dig(dns, "o.test"), "192.0.2.1", "the ALIAS")
    expect_equal(dig(dns, "_sip._tcp.o.test", "SRV"), "1 2 5060 www.o.test.", "SRV")
    told = sync()
    expect("No changes were planned" in told, told)
    scene.write("zones/o.test.yaml", "---" + RECORDS.replace("192.0.2.2]", "192.0.2.3]"))
    told = sync("--doit", "--force")
    expect("Update" in told, told)
    expect_equal(sorted(dig(dns, "www.o.test").split()), ["192.0.2.1", "192.0.2.3"], "www then")
    expect("No changes were planned" in sync(), "the plan after that")
