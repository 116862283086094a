# SPDX-License-Identifier: Apache-2.0
"""What lies over a zone of the configuration: steering by LUA in it, what it does not fit, its end."""
from changed_zones import A, B, NEW, Setting
from harness import eventually, expect, expect_equal, scenario
from harness.martlet import martlet_command
from updates import ANYBODY, ZONE, serial, update
from zone_api import BASE, change

PLAIN = ("  b.test:\n    soa: { primary: ns1, mailbox: host@b.test }\n"
         "    records: { ns1: { a: 192.0.2.2 }, www: { a: 192.0.2.1 } }\n    updates:\n" + ANYBODY)


def pick(name, address="192.0.2.77"):
    return change("REPLACE", name, "LUA", [f"A \"pickrandom({{'{address}'}})\""])


def patch(it, zone, *sets):
    status, told, _ = it.client("PATCH", f"{BASE}/zones/{zone}.", {"rrsets": list(sets)})
    return status, (told or {}).get("error", "") if isinstance(told, dict) else told


def run(it, *words, code=0):
    got, out, err = martlet_command(it.scene, *words, "--admin", f"127.0.0.1:{it.martlet.admin}")
    expect_equal(got, code, f"{words}: {out}{err}")
    return out + err


@scenario("a dynamic record serves as soon as it is answered, in zones of files and of the configuration", 90)
def in_force(scene):
    it = Setting(scene)
    it.start(A + PLAIN)
    for zone in ("a.test", "b.test"):
        swap = (change("DELETE", f"www.{zone}.", "A"), pick(f"www.{zone}."))
        expect_equal(patch(it, zone, *swap)[0], 204, zone)
        expect_equal(it.dig(f"www.{zone}"), "192.0.2.77", f"{zone}, at once")
        expect_equal(patch(it, zone, pick(f"www.{zone}.", "192.0.2.78"))[0], 204, zone)
        expect_equal(it.dig(f"www.{zone}"), "192.0.2.78", f"{zone}, changed")
        # What does not belong to it goes on.
        expect_equal(it.add(f"u.{zone}"), "", "an update")
        expect_equal((it.dig(f"www.{zone}"), it.dig(f"u.{zone}")), ("192.0.2.78", "192.0.2.9"), zone)
        back = (change("DELETE", f"www.{zone}.", "LUA"), change("REPLACE", f"www.{zone}.", "A", ["192.0.2.1"]))
        expect_equal(patch(it, zone, *back)[0], 204, zone)
        expect_equal(it.dig(f"www.{zone}"), "192.0.2.1", f"{zone}, steered no more")
        expect_equal(patch(it, zone, *swap)[0], 204, zone)
    for what in ("a reload", "a restart"):
        it.martlet.reload() if what == "a reload" else it.restart()
        for zone in ("a.test", "b.test"):
            expect_equal(it.dig(f"www.{zone}"), "192.0.2.77", f"{zone} after {what}")


@scenario("what is discarded is served no more, dynamic records among it", 90)
def discarded(scene):
    it = Setting(scene)
    it.start(A + PLAIN)
    for zone in ("a.test", "b.test"):
        both = (pick(f"l.{zone}."), change("REPLACE", f"www.{zone}.", "A", ["192.0.2.9"]))
        expect_equal(patch(it, zone, *both)[0], 204, zone)
        expect_equal((it.dig(f"l.{zone}"), it.dig(f"www.{zone}")), ("192.0.2.77", "192.0.2.9"), zone)
        run(it, "zone", "discard", zone)
        expect_equal((it.dig(f"l.{zone}"), it.dig(f"www.{zone}")), ("", "192.0.2.1"), f"{zone} then")
        expect_equal(it.dig(f"l.{zone}", "TYPE65402"), "", "the record")
    expect(" sets" not in run(it, "zone", "list"), "the list")
    it.restart()
    expect_equal(it.dig("www.a.test"), "192.0.2.1", "after a restart")


@scenario("names that are steered by LUA are neither changed nor hidden by messages and by the API", 90)
def guarded(scene):
    it = Setting(scene)
    it.start(A)
    expect_equal(patch(it, "a.test", pick("l.sub.a.test."))[0], 204, "the record")
    raw = "\\# 29 00011a7069636b72616e646f6d287b273139322e302e322e3737277d29"
    for line in ("update add l.sub.a.test 60 A 192.0.2.9", "update delete l.sub.a.test",
                 "update add l.sub.a.test 60 NS ns.a.test.", "update add sub.a.test 60 NS ns.a.test.",
                 "update add l.sub.a.test 60 CNAME www.a.test.", "update add l.sub.a.test 60 DNAME b.test.",
                 "update delete l.sub.a.test TYPE65402", f"update add new.a.test 60 TYPE65402 {raw}"):
        told = update("nsupdate", it.dns, ["zone a.test", line])
        expect("REFUSED" in told, f"{line}: {told}")
    for owner, kind, data in (("l.sub", "A", "192.0.2.9"), ("l.sub", "NS", "ns.a.test."),
                              ("sub", "NS", "ns.a.test."), ("l.sub", "CNAME", "www.a.test."),
                              ("l.sub", "DNAME", "b.test.")):
        status, told = patch(it, "a.test", change("REPLACE", f"{owner}.a.test.", kind, [data]))
        expect(status == 422 and "steered" in told and ":" in told, f"{owner} {kind}: {status} {told}")
    # A change that is refused leaves the name steered.
    status, told = patch(it, "a.test", change("DELETE", "l.sub.a.test.", "LUA"),
                         change("REPLACE", "x.a.test.", "A", ["no address"]))
    expect_equal(status, 422, told)
    expect_equal(it.add("u.a.test"), "", "an update")
    expect_equal(it.dig("l.sub.a.test"), "192.0.2.77", "steered")
    expect_equal(update("nsupdate", it.dns, ["zone a.test", "update add l.sub.a.test 60 TXT t"]), "", "TXT")
    it.restart()
    expect_equal((it.dig("l.sub.a.test"), it.dig("l.sub.a.test", "TXT"), it.dig("www.a.test")),
                 ("192.0.2.77", '"t"', "192.0.2.1"), "after a restart")


@scenario("a file that gets addresses for a name that is steered by LUA is served with the steering", 60)
def beside_file(scene):
    it = Setting(scene)
    martlet = it.start(A)
    expect_equal(patch(it, "a.test", pick("l.a.test."))[0], 204, "the record")
    scene.write("a.zone", ZONE.replace("host 10", "host 20") + "l A 192.0.2.66\nmore A 192.0.2.68\n")
    for what in ("one zone", "all", "a restart"):
        if what == "one zone":
            run(it, "zone", "reload", "a.test")
        elif what == "all":
            martlet.reload()
        else:
            it.restart()
        expect_equal((it.dig("l.a.test"), it.dig("more.a.test")), ("192.0.2.77", "192.0.2.68"), what)
    expect("M1672" in martlet.log(), "a word in the log")
