# SPDX-License-Identifier: Apache-2.0
"""Catalogs of zones (RFC 9432): Knot and BIND follow Martlet's, and Martlet follows those of others."""
import os
import re
import signal

from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns, dig, dig_text
from harness.martlet import martlet_command
from journal import applied, differences, lines
from transfers import KEY, KEYS, bind, follows, knot, serial, zone


def consumers(scene, primary):
    """Knot and BIND, which take cat.test and its members from a port."""
    return [
        knot(scene, f"""
{follows(primary)}template:
  - id: plain
    master: martlet
    acl: told
    storage: {scene.path('knot')}
    zonefile-sync: -1
    journal-content: all
    zonefile-load: none
  - id: signed
    master: martlet
    acl: told
    storage: {scene.path('knot')}
    zonefile-sync: -1
    journal-content: all
    zonefile-load: none
    dnssec-signing: on
zone:
  - domain: cat.test
    master: martlet
    acl: told
    storage: {scene.path('knot')}
    catalog-role: interpret
    catalog-template: [ plain, signed ]
"""),
        bind(scene, f"""
zone cat.test {{ type secondary; file "{scene.path('bind-cat.zone')}";
  primaries {{ 127.0.0.1 port {primary} key transfer.key; }}; allow-notify {{ key transfer.key; }}; }};""",
             listen=f"""catalog-zones {{ zone "cat.test" default-primaries {{ 127.0.0.1 port {primary} key transfer.key; }}
  in-memory yes min-update-interval 1; }};"""),
    ]


@scenario("Knot and BIND serve what Martlet's catalog names, at once when it changes, in groups, after kill -9", 150,
          covers=["zones.*.members[].zone", "zones.*.members[].group", "zones.*.members[].coo"])
def produced(scene):
    dns = scene.port()
    scene.write("m.zone", zone(1))
    members = "".join(f"  {name}.test: {{ file: m.zone, transfer-to: [ {{ key: transfer.key }} ] }}\n"
                      for name in ("one", "two", "three"))

    def text(names, notify=""):
        return (f"listeners: [ {{ dns: 127.0.0.1:{dns} }} ]\n{KEYS}zones:\n{members}  cat.test:\n"
                f"    members: [ {names} ]\n    transfer-to: [ {{ key: transfer.key }} ]\n    notify: [ {notify} ]\n")

    first = "{ zone: one.test }, { zone: two.test, group: signed }"
    martlet = scene.martlet(text(first))
    expect_equal(sorted(line.split(" ", 1)[1] for line in lines(dns, "cat.test", "AXFR", *KEY)[1:-1]),
                 ["0 in ns invalid.", "0 in ptr one.test.", "0 in ptr two.test.", '0 in txt "2"', '0 in txt "signed"'],
                 "what a catalog is made of")
    peers = consumers(scene, dns)
    for peer in peers:
        for name in ("one.test", "two.test"):
            eventually(f"{peer.name} has {name}", lambda: dig(peer.port, f"mail.{name}") == ["192.0.2.25"], within=25)
    eventually("Knot signs the group", lambda: dig(peers[0].port, "two.test", "DNSKEY"), within=15)
    expect_equal(dig(peers[0].port, "one.test", "DNSKEY"), [], "and no other")
    before = serial(dns, "cat.test")
    old = lines(dns, "cat.test", "AXFR", *KEY)
    notify = ", ".join(f"{{ address: 127.0.0.1:{peer.port}, key: transfer.key }}" for peer in peers)
    martlet.reload(text(first, notify))
    expect_equal(serial(dns, "cat.test"), before, "the same members, the same serial")
    martlet.reload(text("{ zone: three.test, coo: other.test }, { zone: two.test, group: signed }", notify))
    after = serial(dns, "cat.test")
    expect(after > before, f"the serial rises: {before}, {after}")
    for peer in peers:
        eventually(f"{peer.name} has heard", lambda: dig(peer.port, "mail.three.test") == ["192.0.2.25"], within=20)
        eventually(f"{peer.name} lets go", lambda: ask_dns(peer.port, "mail.one.test").rcode == 5, within=20)

    def check(when):
        expect_equal(serial(dns, "cat.test"), after, f"the serial {when}")
        steps = differences(lines(dns, "cat.test", f"IXFR={before}", *KEY))
        expect(steps is not None, f"changes alone {when}")
        present = lines(dns, "cat.test", "AXFR", *KEY)
        expect_equal(applied(old, steps), applied(present, []), f"what has changed {when}")
        expect(any(re.match(r"coo\.[0-9a-f]{32}\.zones\.cat\.test\. 0 in ptr other\.test\.", line) for line in present),
               f"coo {when}: {present}")

    check("at once")
    martlet.kill_serving()
    martlet.wait_ready()
    check("after kill -9")
    martlet.stop()
    martlet.start()
    check("after a restart")
    # Made of its members alone: nobody changes it otherwise.
    martlet.stop()
    martlet.configure(text("{ zone: four.test }, { zone: one.test }, { zone: one.test }, { zone: cat.test }")
                      + "    file: m.zone\n")
    status, out, err = martlet_command(scene, "check", martlet.config)
    expect(status != 0, "what is wrong is told")
    for code in ("M1473", "M1474", "M1475"):
        expect(code in out + err, f"{code}: {out}{err}")


@scenario("Martlet takes members by their group, and lets them go over to another catalog", 150,
          covers=["zones.*.groups[].group", "zones.*.groups[].like"])
def followed(scene):
    dns = scene.port()
    clock = iter(range(2_000_000_000, 2_100_000_000, 10))

    def written(name, text):
        path = scene.write(name, text)
        moment = next(clock)
        os.utime(path, (moment, moment))
        return path

    def catalog(name, number, text):
        return written(f"{name}.zone", f"$TTL 60\n@ SOA invalid. invalid. {number} 3600 600 86400 60\n@ NS invalid.\n"
                       f'version TXT "2"\n{text}')

    def server(name, word, extra=""):
        file = written(f"{name}-m.zone", zone(1) + f"where TXT {word}\n")
        zones = "".join(f'zone {zone}.test {{ type primary; file "{file}"; allow-transfer {{ key transfer.key; }}; }};\n'
                        for zone in ("one", "two", "model"))
        return bind(scene, zones + extra, name=name)

    files = {"old": catalog("old", 1, "a1.zones PTR one.test.\n"), "new": catalog("new", 1, "")}
    outer = server("outer", "outer", "".join(
        f'zone {name}.test {{ type primary; file "{path}"; allow-transfer {{ key transfer.key; }}; notify explicit; '
        f"also-notify {{ 127.0.0.1 port {dns} key transfer.key; }}; check-names ignore; }};\n"
        for name, path in files.items()))
    inner = server("inner", "inner")
    martlet = scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
{KEYS}zones:
  model.test: {{ transfer-from: [ {{ address: 127.0.0.1:{inner.port}, key: transfer.key }} ] }}
  old.test: &cat
    catalog: true
    transfer-from: [ {{ address: 127.0.0.1:{outer.port}, key: transfer.key }} ]
    groups: [ {{ group: inside, like: model.test }} ]
  new.test: *cat
""")

    def change(name, number, text):
        catalog(name, number, text)
        outer.process.send_signal(signal.SIGHUP)
        eventually(f"{name}.test has changed", lambda: serial(dns, f"{name}.test") == number, within=15)

    def where(name):
        return dig(dns, f"where.{name}.test", "TXT")

    def told(text):
        eventually(f"it is told: {text}", lambda: text in martlet.log(), within=10)

    eventually("one is taken as the catalog is", lambda: where("one") == ['"outer"'], within=20)
    change("old", 2, 'a1.zones PTR one.test.\nb2.zones PTR two.test.\ngroup.b2.zones TXT inside\n'
           'group.b2.zones TXT elsewhere\n')
    eventually("two is taken as its group is", lambda: where("two") == ['"inner"'], within=20)
    # Another catalog claims what is there: it stays.
    change("new", 2, "a1.zones PTR one.test.\nz9.zones PTR two.test.\n")
    told("catalog new.test.: its member one.test. is one of catalog old.test. already")
    martlet.kill_serving()
    martlet.wait_ready()
    expect_equal((where("one"), where("two")), (['"outer"'], ['"inner"']), "after a crash")
    # The former one lets go: under the same label the zone stays, under another one it begins anew.
    change("old", 3, 'a1.zones PTR one.test.\ncoo.a1.zones PTR new.test.\nb2.zones PTR two.test.\n'
           "group.b2.zones TXT inside\n")
    told("catalogs name 2 zones, 0 are gone or begin anew")
    before = martlet.log().count("all of zone two.test. came from")
    change("old", 4, 'a1.zones PTR one.test.\ncoo.a1.zones PTR new.test.\nb2.zones PTR two.test.\n'
           "coo.b2.zones PTR new.test.\ngroup.b2.zones TXT inside\n")
    told("catalogs name 2 zones, 1 are gone or begin anew")
    eventually("two comes as the new catalog has it", lambda: where("two") == ['"outer"'], within=20)
    expect(martlet.log().count("all of zone two.test. came from") > before, "all of it came again")
    change("old", 5, "")
    expect_equal((where("one"), where("two")), (['"outer"'], ['"outer"']), "the former owner has no say any more")
    change("new", 3, "a1.zones PTR one.test.\n")
    eventually("the new one has", lambda: ask_dns(dns, "where.two.test", "TXT").rcode == 5, within=10)
