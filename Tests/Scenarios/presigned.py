# SPDX-License-Identifier: Apache-2.0
"""Zones that are signed in their files, beside BIND, Knot and NSD, and before Unbound."""
import re
import subprocess

from harness import expect, expect_equal, scenario
from harness.ask import dig, dig_text
from harness.peer import bind, knot, nsd, unbound

ZONE = """$TTL 300
@ 3600 SOA ns1 hostmaster 7 3600 600 86400 60
@ NS ns1
@ MX 10 mail
ns1 A 192.0.2.53
mail A 192.0.2.25
host A 192.0.2.7
host TXT "seven"
one CNAME host
toone CNAME x.cw
dangling CNAME nothing
a.b.ent TXT "below"
*.wild A 192.0.2.77
*.wild TXT "wild"
*.cw CNAME host
safe NS ns.safe
safe DS 1 13 2 0102030405060708091011121314151617181920212223242526272829303132
ns.safe A 192.0.2.61
open NS ns.open
ns.open A 192.0.2.62
d.deep NS ns.open
"""
WAYS = {"n.test": [], "h.test": ["-3", "aabb", "-H", "5"], "o.test": ["-3", "-", "-H", "0", "-A"]}
QUESTIONS = [
    ("", "SOA"), ("", "NS"), ("", "MX"), ("", "DNSKEY"), ("", "NSEC3PARAM"), ("", "TXT"),
    ("host.", "A"), ("host.", "MX"), ("one.", "A"), ("one.", "CNAME"), ("one.", "NSEC"),
    ("dangling.", "A"), ("ent.", "A"), ("b.ent.", "TXT"), ("x.ent.", "A"), ("x.wild.", "A"),
    ("a.b.wild.", "TXT"), ("x.wild.", "MX"), ("*.wild.", "A"), ("x.cw.", "A"), ("x.cw.", "MX"),
    ("toone.", "A"), ("no.", "A"), ("zzz.", "A"), ("0.", "A"), ("x.y.host.", "A"), ("safe.", "DS"),
    ("safe.", "A"), ("x.safe.", "A"), ("open.", "DS"), ("x.open.", "A"), ("d.deep.", "DS"),
    ("x.d.deep.", "A"), ("deep.", "A"), ("x.deep.", "A"),
]


def run(scene, *command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20,
                          cwd=scene.folder)
    expect_equal(done.returncode, 0, f"{command}: {done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout.decode()


def signed(scene):
    """A signed file of each zone."""
    files = {}
    for zone, options in WAYS.items():
        key = run(scene, "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone).strip()
        with open(scene.path(f"{key}.key")) as public:
            plain = scene.write(f"{zone}.plain", ZONE + public.read())
        files[zone] = scene.path(f"{zone}.signed")
        run(scene, "dnssec-signzone", "-q", "-z", "-o", zone, *options, "-f", files[zone], plain, key)
    return files


def sections(port, name, kind):
    """The code, and the records of answer and authority as sets of lines without case."""
    text = dig_text(port, name, kind, "+dnssec", "+nocookie", "+bufsize=4096")
    code = re.search(r"status: (\w+)", text)
    found = {}
    for section in ("ANSWER", "AUTHORITY"):
        part = re.search(rf";; {section} SECTION:\n(.*?)\n\n", text, re.S)
        found[section] = sorted(" ".join(line.lower().split()) for line in
                                (part[1].splitlines() if part else []))
    return code and code[1], found["ANSWER"], found["AUTHORITY"]


@scenario("zones signed in their files are answered as BIND, Knot and NSD do, and Unbound is content",
          120)
def beside(scene):
    files = signed(scene)
    dns = scene.port()
    lines = "".join(f"  {zone}: {{ file: {file} }}\n" for zone, file in files.items())
    scene.martlet(f"listeners: [ {{ dns: 127.0.0.1:{dns} }}, {{ http: 127.0.0.1:{scene.port()} }} ]\n"
                  f"zones:\n{lines}")
    peers = {"bind": bind(scene, files).port, "knot": knot(scene, files).port,
             "nsd": nsd(scene, files).port}
    wrong = []
    for zone in WAYS:
        for label, kind in QUESTIONS:
            name = label + zone
            ours = sections(dns, name, kind)
            theirs = {peer: sections(port, name, kind) for peer, port in peers.items()}
            # They differ in whether the apex's name servers go along.
            agreeing = [peer for peer, seen in theirs.items() if same(ours, seen, zone)]
            if len(agreeing) < 2:
                wrong.append(f"{name} {kind}: as {agreeing}\n  ours: {ours}\n"
                             + "\n".join(f"  {peer}: {seen}" for peer, seen in theirs.items()))
    expect(not wrong, lambda: f"{len(wrong)} differ\n" + "\n".join(wrong[:8]))
    keys = {zone: dig(dns, zone, "DNSKEY")[0] for zone in WAYS}
    resolver = scene.port()
    anchors = "".join(f'  trust-anchor: "{zone}. DNSKEY {key}"\n' for zone, key in keys.items())
    unbound(scene, resolver, {zone: dns for zone in WAYS},
            f'  module-config: "validator iterator"\n{anchors}')
    for zone in WAYS:
        for label, kind in QUESTIONS:
            if "safe" in label or "open" in label or "deep" in label:
                continue
            text = dig_text(resolver, label + zone, kind, "+dnssec")
            flags = re.search(r"flags: ([a-z ]*);", text)
            # What lies in an opted-out span is not proven (RFC 5155 section 9.2).
            is_open = zone == "o.test" and " NSEC3 1 1 " in text and "SERVFAIL" not in text
            expect(is_open or flags and "ad" in flags[1].split(), f"{label}{zone} {kind}: {text}")


def same(ours, theirs, zone):
    def without(lines):
        return [line for line in lines if not re.match(
            rf"{re.escape(zone)}\. \d+ in (ns|rrsig ns) ", line)]
    return (ours[0], ours[1], without(ours[2])) == (theirs[0], theirs[1], without(theirs[2]))
