# SPDX-License-Identifier: Apache-2.0
"""Zones that Martlet signs, before the validators of others: Unbound, BIND's delv, and drill."""
import os
import re
import socket
import subprocess
import threading

from harness import expect, expect_equal, eventually, scenario
from harness.ask import dig, dig_text
from harness.peer import unbound
from harness.zone_keys import bring

ALGORITHMS = {"ecdsa-p256-sha256": 13, "ed25519": 15}
WAYS = {f"{short}{number}.test": (algorithm, denial)
        for algorithm, number in ALGORITHMS.items()
        for short, denial in (("n", "nsec"), ("h", "nsec3"))}

ZONE = """$TTL 300
@ SOA ns hostmaster 1 1h 15m 1w 60
@ NS ns
@ MX 10 host
@ ALIAS host
ns A 192.0.2.53
host A 192.0.2.7
host AAAA 2001:db8::7
many A 192.0.2.1
many A 192.0.2.2
many A 192.0.2.3
text TXT "{text}" "{text}" "{text}" "{text}"
one CNAME two
two CNAME host
away CNAME host.{other}.
gone CNAME nowhere
a.ent TXT "below an empty name"
*.wild A 192.0.2.77
safe NS ns.safe
ns.safe A 192.0.2.61
{ds}
open NS ns.open
ns.open A 192.0.2.62
"""
CHILD = "$TTL 60\n@ SOA ns h 1 1h 15m 1w 60\n@ NS ns\nns A 192.0.2.61\nwww A 192.0.2.99\n"

# What is asked of each zone, and how it ends: the code that compact denial gives, and NSEC3.
QUESTIONS = [
    ("", "SOA", 0), ("", "NS", 0), ("", "MX", 0), ("", "A", 0), ("", "DNSKEY", 0), ("", "CDS", 0),
    ("", "CDNSKEY", 0), ("host.", "A", 0), ("host.", "AAAA", 0), ("many.", "A", 0),
    ("text.", "TXT", 0), ("one.", "A", 0), ("away.", "A", 0), ("x.y.wild.", "A", 0),
    ("steered.", "A", 0), ("steered.", "HTTPS", 0), ("safe.", "DS", 0),
    ("host.", "TXT", 0), ("", "TXT", 0), ("ent.", "A", 0), ("x.wild.", "TXT", 0),
    ("steered.", "TXT", 0), ("open.", "DS", 0), ("no.", "A", 3), ("a.b.no.host.", "A", 3),
    ("gone.", "A", 3),
]


def configuration(dns, http, zones, steer=""):
    listeners = f"{{ dns: 127.0.0.1:{dns} }}, {{ http: 127.0.0.1:{http} }}"
    return f"workers: 1\nlisteners: [ {listeners} ]\nzones:\n{zones}{steer}"


class Zones:
    """Every way of signing, and a server for what is delegated."""

    def __init__(self, scene):
        self.scene = scene
        self.dns, self.below = scene.port(), scene.port()
        child = scene.write("child.zone", CHILD)
        states = [scene.path("keys-below"), scene.path("keys-here")]
        for zone, (algorithm, _) in WAYS.items():
            bring(scene, states[0], f"safe.{zone}", algorithm)
            bring(scene, states[1], zone, algorithm)
        lines = "".join(
            f"  safe.{zone}: {{ file: {child}, dnssec: {{ algorithm: {algorithm}, denial: {denial} }} }}\n"
            f"  open.{zone}: {{ file: {child} }}\n"
            for zone, (algorithm, denial) in WAYS.items())
        scene.martlet(f"state: {states[0]}\n" + configuration(self.below, scene.port(), lines))
        names = list(WAYS)
        lines = ""
        for index, (zone, (algorithm, denial)) in enumerate(WAYS.items()):
            ds = "\n".join(f"safe DS {data}" for data in dig(self.below, f"safe.{zone}", "CDS"))
            expect(ds, f"safe.{zone} tells its parent of its key")
            text = ZONE.format(text="x" * 90, other=names[index - 1], ds=ds)
            file = scene.write(f"{zone}.zone", text)
            lines += (f"  {zone}:\n    file: {file}\n"
                      f"    dnssec: {{ algorithm: {algorithm}, denial: {denial} }}\n"
                      f"    records: {{ steered: {{ steer: place, https: 1 . alpn=h2 }} }}\n")
        self.martlet = scene.martlet(f"state: {states[1]}\n" + configuration(
            self.dns, scene.port(), lines,
            "steer:\n  place: { round-robin: [ 192.0.2.101, 192.0.2.102, '2001:db8::1' ] }\n"))

    def anchors(self):
        """The DNSKEY records of the zones as one anchor each."""
        return {zone: dig(self.dns, zone, "DNSKEY")[0] for zone in WAYS}


def flags(text):
    found = re.search(r"flags: ([a-z ]*);", text)
    return found[1].split() if found else []


def status(text):
    found = re.search(r"status: (\w+)", text)
    return found[1] if found else "none"


def validating(scene, port, anchors, zones, name="unbound"):
    lines = "".join(f'  trust-anchor: "{zone}. DNSKEY {key}"\n' for zone, key in anchors.items())
    return unbound(scene, port, zones, f"""
  module-config: "validator iterator"
  val-log-level: 2
{lines}""", name=name)


@scenario("Unbound, delv and drill validate every kind of signed answer", 180,
          covers=["zones.*.dnssec.algorithm", "zones.*.dnssec.denial"])
def validators(scene):
    zones = Zones(scene)
    anchors = zones.anchors()
    resolver = scene.port()
    ports = {zone: zones.dns for zone in WAYS}
    ports |= {f"{child}.{zone}": zones.below for zone in WAYS for child in ("safe", "open")}
    peer = validating(scene, resolver, anchors, ports)
    keys = "".join(
        '  "{}." static-key {} {} {} "{}";\n'.format(zone, *key.split(" ", 3))
        for zone, key in anchors.items())
    file = scene.write("anchors.conf", "trust-anchors {\n" + keys + "};\n")
    wrong = []
    for zone, (_, denial) in WAYS.items():
        for label, kind, code in QUESTIONS:
            name = label + zone
            text = dig_text(resolver, name, kind, "+dnssec")
            wanted = "NXDOMAIN" if code == 3 and denial == "nsec3" else "NOERROR"
            if "ad" not in flags(text) or status(text) != wanted:
                wrong.append(f"unbound: {name} {kind}: {status(text)} {flags(text)}")
            done = subprocess.run(
                ["delv", "@127.0.0.1", "-p", str(zones.dns), "-a", file, f"+root={zone}", name, kind],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
            said = done.stdout.decode() + done.stderr.decode()
            # An alias into another zone leads away from delv's one anchor.
            if "fully validated" not in said and label != "away.":
                wrong.append(f"delv: {name} {kind}: {said}")
        for label in ("safe.", "open."):
            text = dig_text(resolver, f"www.{label}{zone}", "A", "+dnssec")
            expect_equal(status(text), "NOERROR", f"www.{label}{zone}")
            expect_equal("ad" in flags(text), label == "safe.", f"www.{label}{zone} is validated")
        trusted = scene.write(f"{zone}.key", f"{zone}. IN DNSKEY {anchors[zone]}\n")
        for label, kind in (("host.", "A"), ("steered.", "A"), ("x.wild.", "A"), ("", "MX")):
            said = subprocess.run(
                ["drill", "-S", "-k", trusted, "@127.0.0.1", "-p", str(zones.dns), label + zone, kind],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=20).stdout.decode()
            if "Existence is denied" in said or "trusted" not in said:
                wrong.append(f"drill: {label + zone} {kind}: {said}")
    expect(not wrong, lambda: "\n".join(wrong) + peer.log()[-3000:])
    made = zones.martlet.metric("martlet_dns_signatures_total", source="made")
    known = zones.martlet.metric("martlet_dns_signatures_total", source="cache")
    expect(made > 0 and known > 0, f"signatures: {made} made, {known} known")
    expect(zones.martlet.metric("martlet_dns_cached_signatures") <= made, "what is kept was made")
    expect_equal(zones.martlet.metric("martlet_dns_signing_failures_total"), 0, "failures")


class Forger:
    """A relay of datagrams that changes answers."""

    def __init__(self, scene, to, change):
        self.port, self.to, self.change = scene.port(), to, change
        self.changed = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            data, client = self.socket.recvfrom(4096)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as onward:
                onward.settimeout(2)
                onward.sendto(data, ("127.0.0.1", self.to))
                try:
                    answer = onward.recv(4096)
                except OSError:
                    continue
            forged = self.change(answer)
            self.changed += forged != answer
            self.socket.sendto(forged, client)


@scenario("a validator refuses answers that were changed on the way", 60)
def forged(scene):
    zones = Zones(scene)
    anchors = zones.anchors()

    def flip(answer):
        # Another address, another type in a proof, and another end of a signature.
        return (answer.replace(bytes([192, 0, 2, 7]), bytes([192, 0, 2, 8]))
                .replace(bytes([192, 0, 2, 77]), bytes([192, 0, 2, 78])))

    def widen(answer):
        at = answer.find(b"\x01\x00\x02no")
        return answer if at < 0 else answer[:at] + b"\x01\xff\x02no" + answer[at + 5:]

    for change, names in ((flip, ("host.", "x.wild.", "one.")), (widen, ("no.",))):
        relay = Forger(scene, zones.dns, change)
        resolver = scene.port()
        name = f"unbound-{change.__name__}"
        validating(scene, resolver, anchors, {zone: relay.port for zone in WAYS}, name)
        for zone, (_, denial) in WAYS.items():
            if change is widen and denial != "nsec":
                continue
            for label in names:
                text = dig_text(resolver, label + zone, "A", "+dnssec")
                expect_equal(status(text), "SERVFAIL", f"{change.__name__} {label}{zone}")
            text = dig_text(resolver, "many." + zone, "A", "+dnssec")
            expect("ad" in flags(text), f"what was not changed is good: {text}")
        expect(relay.changed > 0, "something was changed")


@scenario("the key outlives a restart, and a zone without its key is not served", 60,
          covers=["zones.*.dnssec.key-ttl", "zones.*.dnssec.signature-lifetime",
                  "zones.*.dnssec.signature-refresh", "dns.signature-cache"])
def keys(scene):
    file = scene.write("a.zone", ZONE.format(text="x", other="b.test", ds=""))
    dns = scene.port()
    state = scene.path("state-of-keys")
    os.makedirs(state)

    def text(more=""):
        return (f"state: {state}\n" + configuration(
            dns, scene.port(), f"  a.test: {{ file: {file}, dnssec: {{ {more} }} }}\n"
            f"  b.test: {{ file: {file} }}\n"))
    martlet = scene.martlet("dns: { signature-cache: 64 }\n" + text(
        "key-ttl: 77s, signature-lifetime: 2h, signature-refresh: 1h"))
    key = dig(dns, "a.test", "DNSKEY")
    expect_equal(len(key), 1, "one key")
    found = dig_text(dns, "a.test", "DNSKEY", "+noall", "+answer")
    expect(re.search(r"\s77\s+IN\s+DNSKEY", found), f"TTL of the key: {found}")
    expect_equal(dig(dns, "b.test", "DNSKEY"), [], "keys of a zone that is not signed")
    name, = [name for name in os.listdir(f"{state}/keys/a.test") if name.endswith(".pem")]
    path = f"{state}/keys/a.test/{name}"
    expect_equal(os.stat(path).st_mode & 0o777, 0o600, "mode of the file")
    expect_equal(os.stat(f"{state}/keys/a.test").st_mode & 0o777, 0o700, "mode of the folder")
    signed = dig_text(dns, "host.a.test", "A", "+dnssec")
    times = re.search(r"RRSIG\s+A 13 3 300 (\d{14}) (\d{14})", signed)
    expect(times, f"a signature: {signed}")
    for number in range(90):
        dig_text(dns, f"x{number}.a.test", "A", "+dnssec")
    kept = martlet.metric("martlet_dns_cached_signatures")
    expect(0 < kept <= 64, f"{kept} signatures are kept, at most 64")
    martlet.stop()
    again = scene.martlet(text())
    expect_equal(dig(dns, "a.test", "DNSKEY"), key, "the key after a restart")
    again.stop()
    os.rename(path, path + ".aside")
    with open(path, "w") as broken:
        broken.write("no key\n")
    without = scene.martlet(text())
    eventually("the damaged key is told of", lambda: "M1680" in without.log())
    expect_equal(status(dig_text(dns, "host.a.test", "A", "+dnssec")), "SERVFAIL",
                 "a zone without its key is not answered unsigned")
    expect_equal(status(dig_text(dns, "host.b.test", "A")), "NOERROR", "the others are")
    os.rename(path + ".aside", path)
    without.reload(without.text())
    eventually("the key is back", lambda: dig(dns, "a.test", "DNSKEY") == key)


@scenario("the example of signing in the documentation", 60)
def documented(scene):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation",
                        "examples", "dnssec.yaml")
    with open(path) as file:
        text = file.read()
    dns, resolver = scene.port(), scene.port()
    text = text.replace('dns: ":5300"', f"dns: 127.0.0.1:{dns}")
    # Nothing answers at these addresses: they are down as fast as a test has patience for.
    scene.martlet(text.replace("interval: 5s, fast-interval: 500ms",
                               "interval: 200ms, fast-interval: 100ms, timeout: 50ms, fall: 1"))
    eventually("the policy of www", lambda: dig(dns, "www.example.com") != [])
    key = dig(dns, "example.com", "DNSKEY")[0]
    validating(scene, resolver, {"example.com": key}, {"example.com": dns})
    for name, kind, wanted in (
            ("example.com", "A", True), ("www.example.com", "A", True),
            ("www.example.com", "HTTPS", True), ("x.apps.example.com", "A", True),
            ("example.com", "MX", True), ("none.example.com", "A", False)):
        answer = dig_text(resolver, name, kind, "+dnssec")
        expect("ad" in flags(answer), f"{name} {kind} is validated: {answer}")
        expect_equal("ANSWER SECTION" in answer, wanted, f"{name} {kind} has an answer")
