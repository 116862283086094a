# SPDX-License-Identifier: Apache-2.0
"""Where networks are: databases, networks of one's own, and files that change while they serve."""
import os
import subprocess

from harness import eventually, expect, expect_equal, scenario
from harness.databases import database, place, put
from harness.martlet import martlet_command

N = "geo.networks.*."

CITIES = {
    "192.0.2.0/24": place("US", "NA", "CA", "San Jose", (37.3, -121.9)),
    "198.51.100.0/24": place("FR", "EU", city="Paris"),
    "2001:db8::/32": place("JP", "AS", "13", "Tokyo"),
}
SYSTEMS = {
    "192.0.2.0/24": {"autonomous_system_number": 64500},
    "203.0.113.0/24": {"autonomous_system_number": 64501},
}


def start(scene, geo):
    text = f"listeners: [ {{ dns: '127.0.0.1:{scene.port()}' }} ]\n"
    return scene.martlet(text + (f"geo:\n{geo}" if geo else ""))


def where(martlet, address):
    return martlet.json("GET", f"/api/v1/geography/{address}")


def country(martlet, address):
    return where(martlet, address)["country"]


@scenario("databases and networks of one's own say where an address is, and how far that holds",
          covers=["geo.database", "geo.asn", N + "continent", N + "country", N + "subdivision",
                  N + "city", N + "latitude", N + "longitude", N + "asn"])
def lookups(scene):
    cities = put(scene.path("city.mmdb"), database("Test-City", CITIES))
    systems = put(scene.path("asn.mmdb"), database("Test-ASN", SYSTEMS))
    martlet = start(scene, f"""
  database: {cities}
  asn: {systems}
  networks:
    10.0.0.0/8: {{ country: NO, subdivision: NO-03, city: Oslo, latitude: 59.9, longitude: 10.75 }}
    192.0.2.128/25: {{ continent: AF }}
    198.51.100.64/26: {{ asn: 64999 }}
""")
    found = where(martlet, "192.0.2.7")
    expect_equal([found[k] for k in ("country", "continent", "subdivision", "city", "latitude",
                                     "longitude", "asn", "network", "asnNetwork")],
                 ["US", "NA", "US-CA", "San Jose", 37.3, -121.9, 64500, "192.0.2.0/25",
                  "192.0.2.0/24"], "the database's")
    said = subprocess.run(["mmdblookup", "-f", cities, "-i", "192.0.2.7", "city", "names", "en"],
                          capture_output=True, text=True, check=True).stdout
    expect('"San Jose"' in said, f"mmdblookup finds the same: {said}")
    found = where(martlet, "10.9.9.9")
    expect_equal([found[k] for k in ("country", "continent", "subdivision", "city", "latitude",
                                     "longitude", "asn", "network", "inEuropeanUnion")],
                 ["NO", "EU", "NO-03", "Oslo", 59.9, 10.75, None, "10.0.0.0/8", False], "our own")
    found = where(martlet, "192.0.2.200")
    expect_equal([found["country"], found["continent"], found["asn"]], [None, "AF", 64500],
                 "a place replaces the database's as a whole")
    found = where(martlet, "198.51.100.70")
    expect_equal([found["city"], found["asn"], found["inEuropeanUnion"]], ["Paris", 64999, True],
                 "a system alone leaves the place")
    # Clients behind translators and tunnels are where their IPv4 address is.
    for address in ("::ffff:192.0.2.7", "64:ff9b::192.0.2.7", "2002:c000:0207::1",
                    "2001:0:1:2:3:4:3fff:fdf8"):
        expect_equal(where(martlet, address)["city"], "San Jose", address)
    expect_equal(where(martlet, "2001:db8:9::1")["subdivision"], "JP-13", "IPv6")
    expect_equal([where(martlet, "8.8.8.8")[k] for k in ("country", "asn")], [None, None], "nobody's")
    status, _, _ = martlet.api("GET", "/api/v1/geography/nonsense")
    expect_equal(status, 422, "no address")
    # Without anything nothing is known, and with a reload it is.
    text = martlet.text()
    martlet.reload(text.partition("geo:")[0])
    expect_equal(country(martlet, "192.0.2.7"), None, "without `geo`")
    expect_equal(martlet.snapshot()["geography"], None, "and nothing to show")
    martlet.reload(text.replace("country: NO", "country: SE").replace("NO-03", "SE-AB"))
    expect_equal(country(martlet, "10.9.9.9"), "SE", "after a reload")


@scenario("a changed database is taken up; a bad one keeps the former and says so", limit=90)
def changes(scene):
    path = put(scene.path("city.mmdb"), database("Test-City", CITIES))
    martlet = start(scene, f"  database: {path}\n  networks: {{ 10.0.0.0/8: {{ country: DE }} }}\n")

    def shown():
        return martlet.snapshot()["geography"]["databases"][0]

    def metric(name):
        return martlet.metric("martlet_geo_database_" + name)

    expect_equal([shown()["kind"], shown()["networks"], shown()["problem"]],
                 ["Test-City", 3, None], "what is used")
    expect_equal([metric("networks"), metric("current"), metric("build_timestamp_seconds")],
                 [3, 1, 1_790_000_000], "metrics")
    expect("places of 3 networks from Test-City of 2026-09-21" in martlet.log(),
           lambda: martlet.log())
    status, out, err = martlet_command(scene, "status", "--admin", f"127.0.0.1:{martlet.admin}")
    expect("geography: Test-City of 2026-09-21, 1 network of one's own" in out, out + err)
    put(path, database("Test-City", {"192.0.2.0/24": place("MX", "NA")}, built=1_790_086_400))
    eventually("the new file is in force", lambda: country(martlet, "192.0.2.7") == "MX", within=15)
    expect_equal(country(martlet, "10.1.1.1"), "DE", "our own are there still")
    # Not the same as it was, cut off, no database, gone: the former one serves.
    for number, data in enumerate((database("Test-City", CITIES)[:400], b"nonsense", b"", None)):
        before = metric("loads_total")
        if data is None:
            os.remove(path)
        else:
            put(path, data)
        eventually("it was tried", lambda: metric("loads_total") > before, within=15)
        expect_equal(country(martlet, "192.0.2.7"), "MX", f"bad file {number}")
        eventually("it is told of", lambda: metric("current") == 0)
    expect("M1250" in martlet.log() and "the former one serves on" in martlet.log(), "in the log")
    expect_equal(martlet.log().count("M1250"), 4, "once for each bad file")
    put(path, database("Test-City", CITIES))
    eventually("a good one", lambda: country(martlet, "192.0.2.7") == "US", within=15)
    eventually("and all is well", lambda: metric("current") == 1)
    # Cut in place, while it may be read: nothing of ours refers to the file.
    os.truncate(path, 0)
    pid = martlet.serving()
    before = metric("loads_total")
    eventually("it was tried", lambda: metric("loads_total") > before, within=15)
    expect_equal([country(martlet, "192.0.2.7"), martlet.serving()], ["US", pid], "as before")
    # A serving process that starts again with the bad file has our own networks.
    martlet.kill_serving()
    martlet.wait_ready()
    expect_equal([country(martlet, "192.0.2.7"), country(martlet, "10.1.1.1")], [None, "DE"],
                 "after a crash")


@scenario("a reload or check with a database that cannot be used is refused, with its place",
          covers=["geo.size-limit"])
def refused(scene):
    good = put(scene.path("city.mmdb"), database("Test-City", CITIES))
    bad = put(scene.path("bad.mmdb"), b"nonsense")
    systems = put(scene.path("asn.mmdb"), database("Test-ASN", SYSTEMS))

    def check(geo):
        text = f"listeners: [ {{ dns: '127.0.0.1:5300' }} ]\ngeo: {geo}\n"
        status, out, err = martlet_command(scene, "check", scene.write("check.yaml", text))
        return status, out + err

    status, text = check(f"{{ database: {good}, networks: {{ 10.0.0.0/8: {{ country: DE }} }} }}")
    expect_equal(status, 0, text)
    large = dict(CITIES)
    for index in range(200):
        large[f"10.{index}.0.0/16"] = place("DE", "EU", city=f"City {index}")
    large = put(scene.path("large.mmdb"), database("Test-City", large))
    for geo, words in (
            (f"{{ database: {bad} }}", "M1250"), (f"{{ asn: {scene.path('absent')} }}", "M1250"),
            (f"{{ database: {scene.folder} }}", "M1250"),
            (f"{{ database: {large}, size-limit: 4KiB }}", "M1250"),
            (f"{{ asn: {good} }}", "(Test-City) knows no autonomous systems"),
            (f"{{ database: {systems} }}", "(Test-ASN) knows no countries or places"),
            (f"{{ database: {good}, asn: {good} }}", "knows no autonomous systems"),
            ("{ networks: { 10.0.0.0/8: { country: UK } } }", "`GB`"),
            ("{ networks: { 10.0.0.0/8: { country: XX } } }", "M1251")):
        status, text = check(geo)
        expect(status != 0 and words in text and "check.yaml:2:" in text, f"{geo}: {text}")
    expect_equal(check(f"{{ database: {large}, size-limit: 1MiB }}")[0], 0, "within the limit")
    martlet = start(scene, f"  database: {good}\n")
    generation = martlet.snapshot()["generation"]
    martlet.configure(martlet.text().replace(good, bad))
    status, _, data = martlet.api("POST", "/api/v1/reload")
    expect(status == 422 and b"M1250" in data, data)
    expect_equal([martlet.snapshot()["generation"], country(martlet, "192.0.2.7")],
                 [generation, "US"], "nothing has changed")
    # The same file is good for one option, and none for the other.
    martlet.configure(martlet.text().replace(bad, good).replace("geo:\n", f"geo:\n  asn: {good}\n"))
    status, _, data = martlet.api("POST", "/api/v1/reload")
    expect(status == 422 and data.count(b"M1250") == data.count(b"geo.asn") > 0, data)


@scenario("who asks for places that nothing tells is named by check, status and explain-dns")
def untold(scene):
    text = f"""listeners: [ {{ dns: '127.0.0.1:{scene.port()}' }} ]
zones:
  a.test:
    soa: {{ primary: ns.a.test, mailbox: me@a.test }}
    records: {{ www: {{ steer: www }} }}
steer:
  www: {{ geo: [ {{ address: 192.0.2.1, country: DE }}, {{ address: 192.0.2.2 }} ] }}
"""
    martlet = scene.martlet(text)
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    expect("M1389" in martlet.log(), "the log of the start")
    for words in (("status",), ("explain-dns", "www.a.test")):
        out = martlet_command(scene, *words, *admin)[1]
        expect("nothing tells" in out, f"{words}: {out}")
    martlet.reload(text + "geo: { networks: { 127.0.0.0/8: { country: DE } } }\n")
    out = martlet_command(scene, "status", *admin)[1]
    expect("nothing tells" not in out and "1 network of one's own" in out, f"told: {out}")
