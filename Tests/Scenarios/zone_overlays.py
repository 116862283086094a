# SPDX-License-Identifier: Apache-2.0
"""What lies over a zone of the configuration: steering by LUA in it, what it does not fit, its end."""
import os
import sqlite3
import subprocess

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
        # A worker that is busy takes it with its next batch.
        eventually(f"{zone} at once", lambda: it.dig(f"www.{zone}") == "192.0.2.77", within=2)
        expect_equal(patch(it, zone, pick(f"www.{zone}.", "192.0.2.78"))[0], 204, zone)
        eventually(f"{zone}, changed", lambda: it.dig(f"www.{zone}") == "192.0.2.78", within=2)
        # What does not belong to it goes on.
        expect_equal(it.add(f"u.{zone}"), "", "an update")
        expect_equal((it.dig(f"www.{zone}"), it.dig(f"u.{zone}")), ("192.0.2.78", "192.0.2.9"), zone)
        back = (change("DELETE", f"www.{zone}.", "LUA"), change("REPLACE", f"www.{zone}.", "A", ["192.0.2.1"]))
        expect_equal(patch(it, zone, *back)[0], 204, zone)
        eventually(f"{zone}, steered no more", lambda: it.dig(f"www.{zone}") == "192.0.2.1", within=2)
        expect_equal(patch(it, zone, *swap)[0], 204, zone)
    for what in ("a reload", "a restart"):
        it.martlet.reload() if what == "a reload" else it.restart()
        for zone in ("a.test", "b.test"):
            expect_equal(it.dig(f"www.{zone}"), "192.0.2.77", f"{zone} after {what}")


@scenario("that changes lie over a faulty zone is a notice beside its errors, and none of them", 60)
def noticed(scene):
    it = Setting(scene)
    it.start(A)
    expect_equal(patch(it, "a.test", change("REPLACE", "n.a.test.", "A", ["192.0.2.9"]))[0], 204, "a change")
    scene.write("a.zone", ZONE + "bad A 192.0.2\n")
    told = run(it, "zone", "reload", "a.test", code=1)
    expect("1 error in zone" in told and "M3109 changes lie over zone a.test." in told, told)
    log = it.martlet.log()
    expect(" warning zone-faulty M3109" in log and " error zone-faulty M3109" not in log, log)
    for words in (("zone", "list"), ("status",)):
        told = run(it, *words)
        expect("zone a.test. keeps its former version: a.zone:" in told.replace(scene.folder + "/", "")
               and "zone a.test.: M3109: changes lie over" in told, told)


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


@scenario("a zone that the configuration takes over and gives back is what the API had made of it", 90)
def taken_over(scene):
    it = Setting(scene)
    martlet = it.start(B)
    expect_equal(it.client("POST", f"{BASE}/zones", NEW)[0], 201, "the zone made")
    martlet.reload(it.text(A + B))
    expect_equal((it.dig("h.a.test"), it.dig("www.a.test")), ("", "192.0.2.1"), "the file")
    expect("M3171" in martlet.log(), "a word in the log")
    listed = next(line for line in run(it, "zone", "list").splitlines() if "a.test" in line)
    expect("sets" not in listed, listed)
    # What is refused says what helps, and loses nothing.
    status, told = patch(it, "a.test", change("REPLACE", "p.a.test.", "A", ["192.0.2.7"]))
    expect(status == 422 and "zone discard a.test" in told, f"{status} {told}")
    expect("REFUSED" in it.add("u.a.test"), "an update")
    expect("zone=a.test. client=127.0.0.1" in martlet.log(), "who was refused")
    file = scene.write("import.zone", ZONE.replace("host 10", "host 50") + "i A 192.0.2.8\n")
    expect("zone discard a.test" in run(it, "zone", "import", "a.test", file, code=1), "an import")
    martlet.reload(it.text(B))
    for what in ("a reload", "a restart"):
        expect_equal((it.dig("h.a.test"), it.dig("www.a.test")), ("192.0.2.3", ""), f"back after {what}")
        if what == "a reload":
            it.restart()
    martlet.reload(it.text(A + B))
    run(it, "zone", "discard", "a.test")
    expect_equal(it.add("u.a.test"), "", "an update then")
    expect_equal(it.dig("u.a.test"), "192.0.2.9", "its answer")


@scenario("one change that cannot be served is left out, and the rest of its zone serves", 90)
def left_out(scene):
    it = Setting(scene)
    martlet = it.start(A + PLAIN)
    for zone in ("a.test", "b.test"):
        sets = [change("REPLACE", f"n{n}.{zone}.", "A", ["192.0.2.9"]) for n in range(20)]
        expect_equal(patch(it, zone, *sets, change("REPLACE", f"x.{zone}.", "CNAME", ["www"]))[0], 422, "")
        alias = change("REPLACE", f"x.{zone}.", "CNAME", [f"www.{zone}."])
        expect_equal(patch(it, zone, *sets, alias, pick(f"l.{zone}."))[0], 204, zone)
    martlet.stop()
    # As an older version may have kept it: an alias beside addresses.
    with sqlite3.connect(os.path.join(martlet.state, "zones.db")) as store:
        for zone in ("a", "b"):
            end = bytes([1]) + zone.encode() + b"\4test\0"
            store.execute("UPDATE sets SET owner = ? WHERE owner = ?", (b"\2n7" + end, b"\1x" + end))
    martlet.start()
    it.ready()
    for zone in ("a.test", "b.test"):
        for name in ("www", "n0", "n6", "n7", "n19", "l"):
            expect(it.dig(f"{name}.{zone}").startswith("192.0.2."), f"{name}.{zone}")
    listed = run(it, "zone", "list")
    expect("partial" in listed and "n7.a.test. CNAME" in listed and "M3170" in listed, listed)
    expect("M3170" in martlet.log() and "n7.b.test. CNAME" in martlet.log(), "the log")
    expect("M3170" in run(it, "status"), "status")
    # Changes and reloads go on, and do not forget it.
    expect_equal(it.add("u.a.test"), "", "an update")
    scene.write("a.zone", ZONE.replace("host 10", "host 50") + "more A 192.0.2.68\n")
    martlet.reload()
    expect_equal((it.dig("u.a.test"), it.dig("more.a.test")), ("192.0.2.9", "192.0.2.68"), "after that")
    expect("M3170" in run(it, "zone", "list"), "the list after a reload")
    # Changed again, or taken back, it is in nobody's way.
    fresh = (change("DELETE", "n7.a.test.", "A"), change("REPLACE", "n7.a.test.", "CNAME", ["www.a.test."]))
    expect_equal(patch(it, "a.test", *fresh)[0], 204, "the alias again")
    run(it, "zone", "discard", "b.test")
    expect("M3170" not in run(it, "zone", "list"), "the list then")
    it.restart()
    expect_equal((it.dig("n7.a.test", "CNAME"), it.dig("n0.b.test")), ("www.a.test.", ""), "the end")
    expect("partial" not in run(it, "zone", "list"), "the list in the end")


def whole(it, zone, serial_held):
    """Serials of the SOAs, and texts of all other records, of an incremental transfer."""
    text = subprocess.run(["dig", "@127.0.0.1", "-p", str(it.dns), f"ixfr={serial_held}", zone,
                           "+noall", "+answer"], capture_output=True, timeout=20).stdout.decode()
    rows = [line.split() for line in text.splitlines() if line and not line.startswith(";")]
    return [int(row[6]) for row in rows if row[3] == "SOA"], [" ".join(row[4:]) for row in rows if row[3] != "SOA"]


@scenario("two versions of a zone under changes never have one serial", 120)
def raised(scene):
    it = Setting(scene)
    martlet = it.start(A + "    transfer-to: [ { network: 127.0.0.0/8 } ]\n")
    expect_equal(it.add("u1.a.test"), "", "an update")
    before = serial(it.dns)
    for number, what in enumerate(("one zone", "all", "a restart")):
        scene.write("a.zone", ZONE + f"edited A 192.0.2.{60 + number}\n")
        if what == "one zone":
            run(it, "zone", "reload", "a.test")
        elif what == "all":
            martlet.reload()
        else:
            it.restart()
        expect_equal(it.dig("edited.a.test"), f"192.0.2.{60 + number}", what)
        expect_equal(serial(it.dns), before + 1, f"the serial after {what}")
        serials, rows = whole(it, "a.test", before)
        expect(f"192.0.2.{60 + number}" in rows and before + 1 in serials, f"{what}: {serials} {rows}")
        before += 1
        # And an update behind that.
        expect_equal(it.add(f"v{number}.a.test"), "", "an update")
        serials, rows = whole(it, "a.test", before - 1)
        expect(f"192.0.2.{60 + number}" in rows and "192.0.2.9" in rows, f"{what}, then: {serials} {rows}")
        before += 1
        expect_equal(serial(it.dns), before, "the serial after an update")
    # Without an edit nothing rises.
    for what in ("a reload", "a restart", "one zone"):
        if what == "a reload":
            martlet.reload()
        elif what == "a restart":
            it.restart()
        else:
            run(it, "zone", "reload", "a.test")
        expect_equal(serial(it.dns), before, f"the serial after {what} without an edit")
    # Discarded, the serial is the file's, which is said.
    told = run(it, "zone", "discard", "a.test")
    expect(f"served with {before}" in told and f"{before + 1} or more" in told, told)
    expect("secondaries keep what they have until" in martlet.log(), "the log")
    expect_equal(serial(it.dns), 10, "the serial of the file")


@scenario("what is changed of a zone with an alias is shown", 60)
def shown_beside_alias(scene):
    it = Setting(scene)
    it.start("  a.test:\n    file: a.zone\n    records: { al: { alias: www.a.test } }\n    updates:\n" + ANYBODY)
    expect_equal(it.add("u.a.test"), "", "an update")
    lines = run(it, "zone", "diff", "a.test").splitlines()
    expect_equal([line.split()[:2] for line in lines if "SOA" not in line], [["+", "u.a.test."]], f"{lines}")
