# SPDX-License-Identifier: Apache-2.0
"""Keys that are replaced while Unbound validates: every kind of rollover, restarts, kills, loss."""
import os
import random
import re
import shutil
import subprocess
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns, dig, dig_text
from harness.martlet import martlet_command
from harness.peer import unbound
from harness.zone_keys import bring, hand_over, sign_status

PARENT = "$TTL 1\n@ SOA ns h 1 1h 15m 1w 1\n@ NS ns\nns A 127.0.0.1\nroll NS ns.roll\nns.roll A 127.0.0.1\n"
CHILD = ("$TTL 1\n@ SOA ns h 1 1h 15m 1w 1\n@ NS ns\nns A 127.0.0.1\n@ TXT \"here\"\n"
         "host A 192.0.2.7\n*.wild A 192.0.2.77\n")
ZONE = "roll.par.test"


def settings(scheme="ksk-zsk", algorithm="ecdsa-p256-sha256", parent=None, more=""):
    check = f"parent: [ \"127.0.0.1:{parent}\" ], parent-interval: 1s" if parent else "parent-check: false"
    return (f"{{ algorithm: {algorithm}, key-ttl: 1s, keys: {{ scheme: {scheme}, propagation-delay: 1s, "
            f"ds-ttl: 1s, parent-propagation-delay: 1s, publish-safety: 0s, retire-safety: 0s, "
            f"{check}{more} }} }}")


class Family:
    """A parent that does what CDS asks for, its child, and a validator that trusts the parent."""

    def __init__(self, scene, scheme="ksk-zsk"):
        self.scene, self.scheme, self.algorithm = scene, scheme, "ecdsa-p256-sha256"
        self.above, self.dns, self.resolver = scene.port(), scene.port(), scene.port()
        self.parent_file = scene.write("parent.zone", PARENT)
        self.child_file = scene.write("child.zone", CHILD)
        state = scene.path("keys-above")
        bring(scene, state, "par.test")
        self.parent = scene.martlet(
            f"state: {state}\nworkers: 1\nlisteners: [ {{ dns: 127.0.0.1:{self.above} }} ]\n"
            f"zones: {{ par.test: {{ file: {self.parent_file}, "
            f"dnssec: {{ key-ttl: 1s, keys: {{ parent-check: false }} }} }} }}\n")
        self.child = scene.martlet(self.text())
        key, = dig(self.above, "par.test", "DNSKEY")
        self.peer = unbound(scene, self.resolver, {"par.test": self.above, ZONE: self.dns}, f"""
  module-config: "validator iterator"
  val-log-level: 2
  val-bogus-ttl: 1
  trust-anchor: "par.test. DNSKEY {key}"
""")
        self.given = []
        self.ends = threading.Event()
        self.answers = {"validated": 0, "insecure": 0, "failed": 0}
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.act, self.ask)]

    def text(self):
        return (f"workers: 1\nlisteners: [ {{ dns: 127.0.0.1:{self.dns} }} ]\nzones:\n"
                f"  {ZONE}: {{ file: {self.child_file}, "
                f"dnssec: {settings(self.scheme, self.algorithm, self.above)} }}\n")

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def act(self):
        """The parent looks for CDS and does what it says (RFC 7344 §4)."""
        while not self.ends.wait(0.3):
            wanted = sorted(dig(self.dns, ZONE, "CDS"))
            if wanted and wanted != self.given:
                self.scene.write("parent.zone", PARENT + "".join(f"roll DS {ds}\n" for ds in wanted))
                status, out, err = martlet_command(
                    self.scene, "zone", "reload", "par.test", "--admin", f"127.0.0.1:{self.parent.admin}")
                if status == 0:
                    self.given = wanted

    def ask(self):
        """Somebody who asks the validator all the time, for names new and old."""
        number = 0
        while not self.ends.wait(0.05):
            number += 1
            name = f"x{number}.wild.{ZONE}" if number % 2 else f"host.{ZONE}"
            text = dig_text(self.resolver, name, "A", "+dnssec", "+tries=1", "+time=3")
            flags = re.search(r"flags: ([a-z ]*);", text)
            if "status: NOERROR" not in text:
                self.answers["failed"] += 1
            elif flags and "ad" in flags[1].split():
                self.answers["validated"] += 1
            else:
                self.answers["insecure"] += 1

    def stop(self):
        self.ends.set()
        for thread in self.threads:
            thread.join(10)

    def status(self):
        return sign_status(self.scene, self.child, ZONE)

    def rests(self, roles, algorithm=None):
        """True when the keys are of these roles, all active, and the parent has their DS."""
        found = self.status()
        return (sorted(key["role"] for key in found["keys"]) == sorted(roles)
                and all(key["state"] == "active" for key in found["keys"])
                and (not algorithm or {key["algorithm"] for key in found["keys"]} == {algorithm})
                and found["standing"] == "secure" and not found["awaitsParent"])

    def order(self, *words):
        return martlet_command(self.scene, "zone", "rollover", ZONE, *words,
                               "--admin", f"127.0.0.1:{self.child.admin}")

    def bogus(self):
        return [line for line in self.peer.log().splitlines() if "validation failure" in line]


def tags(family):
    return {key["tag"] for key in family.status()["keys"]}


def settled(family):
    """Answers that were not validated, once there are no more: the validator has some for their TTL."""
    seen = [family.answers["insecure"], time.monotonic()]

    def rests():
        if family.answers["insecure"] != seen[0]:
            seen[:] = [family.answers["insecure"], time.monotonic()]
        return time.monotonic() - seen[1] > 2

    eventually("all that is answered is validated", rests, within=30, every=0.05)
    return seen[0]


@scenario("every kind of rollover leaves each answer valid for a validator with a cache", 240,
          covers=[f"zones.*.dnssec.keys.{key}" for key in (
              "scheme", "propagation-delay", "ds-ttl", "parent-propagation-delay", "publish-safety",
              "retire-safety", "parent", "parent-interval")])
def rollovers(scene):
    family = Family(scene).start()
    eventually("the zone is secure", lambda: family.rests(["ksk", "zsk"]), within=30, every=0.2)
    eventually("the validator sees it", lambda: family.answers["validated"] > 0, within=15)

    def settles():
        insecure, validated = family.answers["insecure"], family.answers["validated"]
        eventually("more answers", lambda: family.answers["validated"] >= validated + 20, within=15)
        return family.answers["insecure"] == insecure

    eventually("what was cached before the zone was secure is gone", settles, within=40)
    insecure = family.answers["insecure"]
    for role in ("zsk", "ksk") if scene.full else ("zsk",):
        before = tags(family)
        status, out, err = family.order(role)
        expect_equal(status, 0, f"rollover {role}: {out}{err}")
        status, out, err = family.order(role)
        expect(status == 1 and "M3076" in err, f"a second order: {status} {out}{err}")
        eventually(f"the {role} is another one",
                   lambda: family.rests(["ksk", "zsk"]) and len(tags(family) - before) == 1,
                   within=40, every=0.2)
    changes = (("csk", "ed25519", ["csk"], "ED25519"),
               ("ksk-zsk", "ed25519", ["ksk", "zsk"], "ED25519"),
               ("csk", "ecdsa-p256-sha256", ["csk"], "ECDSAP256SHA256"))
    for scheme, algorithm, roles, name in changes if scene.full else changes[:1]:
        family.scheme, family.algorithm = scheme, algorithm
        family.child.reload(family.text())
        eventually(f"{scheme} with {algorithm}", lambda: family.rests(roles, name), within=60, every=0.2)
    # And by a restart in the middle.
    before = tags(family)
    status, out, err = family.order("csk")
    expect_equal(status, 0, f"rollover csk: {out}{err}")
    family.child.stop()
    family.child.start()
    eventually("the csk is another one", lambda: family.rests(["csk"]) and not tags(family) & before,
               within=40, every=0.2)
    family.stop()
    expect(not family.bogus(), lambda: "\n".join(family.bogus()[:20]))
    expect_equal(family.answers["insecure"], insecure, "answers that were not validated once it was secure")
    expect(family.answers["validated"] > 100, f"{family.answers}")
    files = os.listdir(f"{family.child.state}/keys/{ZONE}")
    expect_equal(len(files), 2, f"files of keys that are gone are gone: {files}")
    log = family.child.log()
    for word in ("keys", "is published", "is retired", "the parent has the DS of"):
        expect(word in log, f"the log tells '{word}'")
    expect_equal(family.child.metric("martlet_dnssec_keys", state="active"), 1, "active keys")
    expect_equal(family.child.metric("martlet_dnssec_zones", standing="secure"), 1, "secure zones")
    status, out, err = martlet_command(
        scene, "zone", "sign-status", "--admin", f"127.0.0.1:{family.child.admin}")
    expect(status == 0 and f"{ZONE}.: secure" in out and " IN DS " in out, f"{out}{err}")


@scenario("kill -9 in the middle of rollovers: the zone loads with keys that are on disk", 3000)
def kills(scene):
    family = Family(scene).start()
    eventually("the zone is secure", lambda: family.rests(["ksk", "zsk"]), within=30, every=0.2)
    eventually("the validator sees it", lambda: family.answers["validated"] > 0, within=15)
    insecure = settled(family)
    folder = f"{family.child.state}/keys/{ZONE}"
    rolled, count = 0, 1000 if scene.full else 20
    chance = random.Random(7)
    for number in range(count):
        status, _, _ = family.order(chance.choice(["ksk", "zsk"]))
        rolled += status == 0
        # Some kills meet the writing of what was ordered, others what time brings later.
        if chance.random() < 0.5:
            threading.Event().wait(chance.uniform(0, 1.2))
        old = family.child.serving()
        family.child.kill_serving()
        eventually("a new serving process",
                   lambda: family.child.serving() != old
                   and ask_dns(family.dns, f"host.{ZONE}", timeout=0.1), within=10, every=0.005)
        eventually("it can be asked", lambda: family.child.api("GET", "/readyz")[0] == 200, within=10)
        shown = dig_text(family.dns, ZONE, "DNSKEY", "+multiline", "+noall", "+answer")
        published = set(re.findall(r"key id = (\d+)", shown))
        kept = {name.split("-")[2][:-4] for name in os.listdir(folder) if name.endswith(".pem")}
        expect(published and published <= kept, f"kill {number}: {published} shown, {kept} on disk")
        signed = dig_text(family.dns, f"host.{ZONE}", "A", "+dnssec", "+noall", "+answer")
        expect("RRSIG" in signed, f"kill {number}: {signed}")
    expect(rolled > 1, f"{rolled} rollovers were begun")
    eventually("everything comes to rest", lambda: family.rests(["ksk", "zsk"]), within=60, every=0.2)
    family.stop()
    expect(not family.bogus(), lambda: "\n".join(family.bogus()[:20]))
    expect_equal(family.answers["insecure"], insecure, "answers that were not validated once it was secure")
    print(f"{count} kills, {rolled} rollovers, {family.answers}")


@scenario("without a check of the parent an operator says that the DS is there; keys of BIND are taken", 90,
          covers=["zones.*.dnssec.keys.parent-check", "zones.*.dnssec.keys.withdraw"])
def by_hand(scene):
    folder = scene.path("bind")
    os.makedirs(folder)
    for flags in ([], ["-f", "KSK"]):
        subprocess.run(["dnssec-keygen", "-K", folder, "-a", "ECDSAP256SHA256", *flags, "hand.test"],
                       check=True, capture_output=True)
    files = sorted(f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(".private"))
    state, dns = scene.path("keys-hand"), scene.port()
    status, out, err = martlet_command(scene, "zone", "import-keys", "hand.test", *files, "--state", state)
    expect(status == 0 and "ksk-13-" in out and "zsk-13-" in out, f"{status} {out}{err}")
    hand_over(state)
    file = scene.write("hand.zone", CHILD)

    def text(more=""):
        return (f"state: {state}\nworkers: 1\nlisteners: [ {{ dns: 127.0.0.1:{dns} }} ]\n"
                f"zones: {{ hand.test: {{ file: {file}, dnssec: {settings(more=more)} }} }}\n")
    martlet = scene.martlet(text())
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    wanted = {line.split("+")[2].split(".")[0].lstrip("0") for line in files}
    status = sign_status(scene, martlet, "hand.test")
    expect_equal({str(key["tag"]) for key in status["keys"]}, wanted, "the tags that BIND has given")
    expect_equal(len(dig(dns, "hand.test", "CDS")), 1, "CDS of brought keys from the first moment")

    def say(*words):
        return martlet_command(scene, "zone", "rollover", "hand.test", *words, *admin)
    code, out, err = say("--ds-seen")
    expect_equal(code, 0, f"--ds-seen: {out}{err}")
    code, out, err = say("--ds-seen")
    expect(code == 1 and "M3077" in err, f"twice: {code} {out}{err}")
    expect_equal(sign_status(scene, martlet, "hand.test")["standing"], "secure", "standing")
    code, out, err = say("csk")
    expect(code == 1 and "M3075" in err, f"no such role: {code} {out}{err}")
    code, out, err = say("algorithm")
    expect(code == 2 and "dnssec.algorithm" in err, f"algorithm: {code} {out}{err}")
    code, out, err = say("ksk")
    expect_equal(code, 0, f"ksk: {out}{err}")
    eventually("the parent is waited for",
               lambda: sign_status(scene, martlet, "hand.test")["awaitsParent"], within=15)
    expect_equal(len(dig(dns, "hand.test", "DNSKEY")), 3, "both KSKs and the ZSK")
    code, out, err = say("--ds-seen")
    expect_equal(code, 0, f"--ds-seen: {out}{err}")
    eventually("the former KSK is gone", lambda: len(dig(dns, "hand.test", "DNSKEY")) == 2, within=15)
    code, out, err = martlet_command(scene, "zone", "sign-status", "none.test", *admin)
    expect("M3043" in err, f"a zone that is none: {code} {out}{err}")

    martlet.reload(text(", withdraw: true"))
    eventually("the parent is asked to take the DS back",
               lambda: dig(dns, "hand.test", "CDS") == ["0 0 0 00"], within=5)
    expect_equal(dig(dns, "hand.test", "CDNSKEY"), ["0 3 0 AA=="], "RFC 8078 §4")
    code, out, err = say("--ds-seen")
    expect_equal(code, 0, f"--ds-seen: {out}{err}")
    eventually("the zone is unsigned", lambda: not dig(dns, "hand.test", "DNSKEY"), within=15)
    expect("RRSIG" not in dig_text(dns, "host.hand.test", "A", "+dnssec"), "no signatures any more")


@scenario("a second server follows the keys of the first, and a lifetime ends by itself", 90,
          covers=[f"zones.*.dnssec.keys.{key}" for key in (
              "follow", "zsk-lifetime", "ksk-lifetime", "csk-lifetime")])
def follower(scene):
    file = scene.write("both.zone", CHILD)
    ports, states = [scene.port(), scene.port()], [scene.path("leads"), scene.path("follows")]

    def text(number, more):
        return (f"state: {states[number]}\nworkers: 1\nlisteners: [ {{ dns: 127.0.0.1:{ports[number]} }} ]\n"
                f"zones: {{ both.test: {{ file: {file}, dnssec: {settings(more=more)} }} }}\n")
    leader = scene.martlet(text(0, ", zsk-lifetime: 4s, ksk-lifetime: 1h"))
    eventually("the leader has its keys", lambda: len(dig(ports[0], "both.test", "DNSKEY")) >= 2)

    def copy():
        source, target = f"{states[0]}/keys/both.test", f"{states[1]}/keys/both.test"
        os.makedirs(target, exist_ok=True)
        # Keys before the state that names them.
        for name in sorted(os.listdir(source), key=lambda name: name.endswith(".json")):
            if not name.endswith(".new"):
                shutil.copy(f"{source}/{name}", f"{target}/{name}.part")
                os.replace(f"{target}/{name}.part", f"{target}/{name}")
        hand_over(states[1])
    copy()
    second = scene.martlet(text(1, ", follow: true"))
    keys = lambda number: sorted(dig(ports[number], "both.test", "DNSKEY"))
    expect_equal(keys(1), keys(0), "the same keys")
    signed = [dig_text(port, "host.both.test", "A", "+dnssec", "+noall", "+answer") for port in ports]
    expect_equal(re.findall(r"RRSIG.*?\d{14} \d{14} \d+", signed[0]),
                 re.findall(r"RRSIG.*?\d{14} \d{14} \d+", signed[1]), "the same signatures but for r and s")
    code, out, err = martlet_command(scene, "zone", "rollover", "both.test", "zsk",
                                     "--admin", f"127.0.0.1:{second.admin}")
    expect(code == 1 and "M3079" in err, f"a follower is told to roll: {code} {out}{err}")
    first = keys(0)
    eventually("the ZSK is replaced by itself", lambda: len(set(keys(0)) - set(first)) >= 1, within=20)
    eventually("the follower has it too",
               lambda: copy() or set(keys(1)) - set(first), within=20, every=0.5)
    leader.stop()
    expect("RRSIG" in dig_text(ports[1], "host.both.test", "A", "+dnssec"), "the follower signs on")
    text_of = lambda scheme, more: text(0, more).replace("scheme: ksk-zsk", f"scheme: {scheme}")
    alone = scene.martlet(text_of("csk", ", csk-lifetime: 1h"))
    eventually("a CSK is on its way",
               lambda: "csk" in {key["role"] for key in sign_status(scene, alone, "both.test")["keys"]})


@scenario("a zone whose keys are missing is never answered unsigned, and greater TTLs are waited for", 90)
def guarded(scene):
    file, dns, state = scene.write("g.zone", CHILD), scene.port(), scene.path("state")
    text = lambda more: (
        f"state: {state}\nworkers: 1\nlisteners: [ {{ dns: 127.0.0.1:{dns} }} ]\nzones:\n"
        f"  g.test: {{ file: {file}, dnssec: {settings('csk', more=more)}, "
        "updates: [ { networks: [127.0.0.0/8], types: [ANY] } ] }\n")
    signed = lambda: dig_text(dns, "host.g.test", "A", "+dnssec")
    # A follower whose leader has not been copied yet.
    martlet = scene.martlet(text(", follow: true"))
    expect_equal(ask_dns(dns, "host.g.test").rcode, 2, "a follower without a state")
    expect("M1680" in martlet.log(), "and the log says why")
    martlet.stop()
    leader = scene.path("leads")
    bring(scene, leader, "g.test")
    first = scene.martlet(text("").replace(f"state: {state}", f"state: {leader}"))
    eventually("the leader signs", lambda: "RRSIG" in signed())
    first.stop()
    martlet = scene.martlet(text(", follow: true"))
    expect_equal(ask_dns(dns, "host.g.test").rcode, 2, "still without a state")
    os.makedirs(f"{state}/keys/g.test", exist_ok=True)
    for name in sorted(os.listdir(f"{leader}/keys/g.test"), key=lambda name: name.endswith(".json")):
        shutil.copy(f"{leader}/keys/g.test/{name}", f"{state}/keys/g.test/{name}")
    hand_over(f"{state}/keys")
    eventually("the follower signs once the state is there", lambda: "RRSIG" in signed(), within=20)
    martlet.stop()
    martlet = scene.martlet(text(""))
    eventually("it leads now", lambda: "RRSIG" in signed())
    # A TTL of a week comes by a message: signatures with it are waited for.
    done = subprocess.run(["nsupdate"], input=f"server 127.0.0.1 {dns}\nzone g.test\n"
                          "update add big.g.test 604800 A 192.0.2.9\nsend\n", text=True, capture_output=True)
    expect_equal(done.returncode, 0, done.stderr)
    eventually("the greatest TTL is kept", lambda: '"ttl": 604800' in open(f"{state}/keys/g.test/rollover.json").read())
    martlet.stop()
    # Without its keys no way leads to unsigned answers.
    key, = [name for name in os.listdir(f"{state}/keys/g.test") if name.endswith(".pem")]
    os.rename(f"{state}/keys/g.test/{key}", f"{state}/aside")
    martlet = scene.martlet(text(""))
    expect_equal(ask_dns(dns, "host.g.test").rcode, 2, "without its key")
    status, out, err = martlet_command(scene, "zone", "reload", "g.test", "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status != 0 and "M1680" in out + err, f"zone reload: {status} {out}{err}")
    expect_equal(ask_dns(dns, "host.g.test").rcode, 2, "after a reload of the zone alone")
    os.rename(f"{state}/aside", f"{state}/keys/g.test/{key}")
    status, out, err = martlet_command(scene, "zone", "reload", "g.test", "--admin", f"127.0.0.1:{martlet.admin}")
    expect_equal(status, 0, f"{out}{err}")
    eventually("it signs again", lambda: "RRSIG" in signed())
