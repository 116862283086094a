# SPDX-License-Identifier: Apache-2.0
"""What has changed is told to secondaries after a crash, too: IXFR from the journal (RFC 1995)."""
import os
import re
import signal

from harness import eventually, expect, expect_equal, scenario
from harness.ask import dig, dig_text
from transfers import KEY, KEYS, bind, serial, takers, zone
from updates import update


def lines(port, name, kind, *options):
    """The records of a transfer in their order; owners in lower case."""
    text = dig_text(port, name, kind, "+noall", "+answer", "+tcp", *options)
    found = [re.sub(r"\s+", " ", line).lower() for line in text.splitlines() if line and line[0] != ";"]
    return [line for line in found if " tsig " not in line]


def differences(found):
    """The steps of an incremental answer, as (gone, new) without SOAs; None for a whole zone."""
    if len(found) < 3 or " soa " not in found[1]:
        return None
    steps, inner = [], found[1:-1]
    places = [place for place, line in enumerate(inner) if " soa " in line] + [len(inner)]
    for first in range(0, len(places) - 1, 2):
        steps.append((inner[places[first] + 1:places[first + 1]], inner[places[first + 1] + 1:places[first + 2]]))
    return steps


def applied(old, steps):
    """The records of a version, without its SOA, after some steps that must fit."""
    present = {line for line in old if " soa " not in line}
    for gone, new in steps:
        expect(present.issuperset(gone), f"what goes was there: {sorted(set(gone) - present)}")
        present -= set(gone)
        expect(present.isdisjoint(new), f"what comes was not there: {sorted(set(new) & present)}")
        present |= set(new)
    return sorted(present)


@scenario("secondaries get the changes alone after kill -9 and after a restart, and never wrong ones", 150)
def survives(scene):
    dns = scene.port()
    scene.write("a.zone", zone(1))
    text = f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
{KEYS}zones:
  a.test:
    file: a.zone
    transfer-to: [ {{ network: 127.0.0.1, key: transfer.key }} ]
    updates: [ {{ networks: [127.0.0.1], types: [ANY] }} ]
    notify: [ %s ]
"""
    martlet = scene.martlet(text % "")
    peers = takers(scene, dns)
    for peer in peers:
        eventually(f"{peer.name} has the zone", lambda: serial(peer.port, "a.test") == 1, within=20)
    notify = ", ".join(f"{{ address: 127.0.0.1:{peer.port}, key: transfer.key }}" for peer in peers)
    martlet.reload(text % notify)
    versions = {1: lines(dns, "a.test", "AXFR", *KEY)}
    # The secondaries hear nothing of what happens now.
    for peer in peers:
        peer.process.send_signal(signal.SIGSTOP)
    steps = ["add j1.a.test 60 A 192.0.2.1", "add j2.a.test 60 TXT one", "delete j1.a.test A",
             "delete www.a.test A 192.0.2.2", "add j2.a.test 90 TXT two", "add J3.deep.a.test 60 MX 5 Mail.a.test."]
    for number, line in enumerate(steps, 2):
        expect_equal(update("nsupdate", dns, ["zone a.test", "update " + line]), "", line)
        versions[number] = lines(dns, "a.test", "AXFR", *KEY)
    last = max(versions)

    def check(when):
        for number, old in versions.items():
            found = lines(dns, "a.test", f"IXFR={number}", *KEY)
            if number == last:
                expect_equal(len(found), 1, f"the SOA alone {when}")
                continue
            steps = differences(found)
            expect(steps is not None, f"changes since {number} {when}: {found[:5]}")
            expect_equal(len(steps), 1, f"in one step {when}")
            expect_equal(applied(old, steps), applied(versions[last], []), f"since {number} {when}")

    check("before")
    martlet.kill_serving()
    martlet.wait_ready()
    check("after kill -9")
    for peer in peers:
        peer.process.send_signal(signal.SIGCONT)
    for peer in peers:
        eventually(f"{peer.name} has heard", lambda: serial(peer.port, "a.test") == last, within=30)
        expect_equal(sorted(dig(peer.port, "j2.a.test", "TXT")), ['"one"', '"two"'], peer.name)
        expect_equal(dig(peer.port, "www.a.test"), ["192.0.2.1"], peer.name)
    theirs = lines(peers[1].port, "a.test", "AXFR")
    expect_equal(applied(theirs, []), applied(versions[last], []), "Knot has what Martlet has")
    eventually("the changes alone were taken", lambda: martlet.log().count("has taken changes of zone a.test.") > 8)
    expect_equal(len(re.findall(r"has taken zone a\.test\.", martlet.log())), 3 + len(versions), "each zone once")
    martlet.stop()
    martlet.start()
    check("after a restart")
    # Another file under the same serial: where the journal leads is not what is served.
    martlet.stop()
    scene.write("a.zone", zone(1) + "slipped A 192.0.2.66\n")
    martlet.start()
    found = lines(dns, "a.test", "IXFR=1", *KEY)
    expect(differences(found) is None, f"all of the zone is sent: {found[:5]}")
    expect("slipped.a.test. 300 in a 192.0.2.66" in found, "with what has slipped in")
    expect_equal(update("nsupdate", dns, ["zone a.test", "update add j9.a.test 60 A 192.0.2.9"]), "", "it goes on")
    # Its serial has risen for that: no history leads to it, and one begins there.
    expect(differences(lines(dns, "a.test", f"IXFR={last}", *KEY)) is None, "from the version before the slip")
    expect_equal(differences(lines(dns, "a.test", f"IXFR={last + 1}", *KEY)),
                 [([], ["j9.a.test. 60 in a 192.0.2.9"])], "from the version that was served")


@scenario("a zone that came from a primary is passed on in changes, after kill -9 too", 120)
def passed_on(scene):
    dns = scene.port()
    path = scene.write("b.zone", zone(1))
    peer = bind(scene, f"""
zone b.test {{ type primary; file "{path}"; ixfr-from-differences yes; check-names ignore;
  allow-transfer {{ key transfer.key; }}; notify explicit;
  also-notify {{ 127.0.0.1 port {dns} key transfer.key; }}; }};""")
    martlet = scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
{KEYS}zones:
  b.test:
    transfer-from: [ {{ address: 127.0.0.1:{peer.port}, key: transfer.key }} ]
    transfer-to: [ {{ network: 127.0.0.1 }} ]
""")
    eventually("it is there", lambda: serial(dns, "b.test") == 1, within=20)
    versions = {1: lines(dns, "b.test", "AXFR")}
    for number in (2, 3):
        scene.write("b.zone", zone(number, f"new{number} A 192.0.2.{number}\n"))
        os.utime(path, (number * 10 + 2_000_000_000, number * 10 + 2_000_000_000))
        peer.process.send_signal(signal.SIGHUP)
        eventually("it has changed", lambda: serial(dns, "b.test") == number, within=15)
        versions[number] = lines(dns, "b.test", "AXFR")

    def check(when):
        for number in (1, 2):
            steps = differences(lines(dns, "b.test", f"IXFR={number}"))
            expect(steps is not None, f"changes since {number} {when}")
            expect_equal(applied(versions[number], steps), applied(versions[3], []), f"since {number} {when}")

    check("before")
    martlet.kill_serving()
    martlet.wait_ready()
    check("after kill -9")
    martlet.stop()
    peer.process.terminate()
    martlet.start()
    check("after a restart without the primary")
