# SPDX-License-Identifier: Apache-2.0
"""Updates of a zone that comes from elsewhere, sent on to where it comes from (RFC 2136 §6)."""
import base64

from harness import eventually, expect, expect_equal, scenario
from harness.ask import dig
from transfers import KEYS, SECRET, WRONG, bind, serial, zone
from updates import update

OURS = f"hmac-sha256:transfer.key:{SECRET}"
THEIRS = base64.b64encode(b"a key that the primary alone knows").decode()
STRANGE = f"hmac-sha256:owner.key:{THEIRS}"


def secondary(scene, dns, primary, more="forward-updates: true"):
    return f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
{KEYS}zones:
  a.test:
    transfer-from: [ {{ address: 127.0.0.1:{primary}, key: transfer.key }} ]
    {more}
"""


@scenario("updates of a secondary are sent on to its primary, with their signatures, and its answer comes back", 90,
          covers=["zones.*.forward-updates"])
def forwarded(scene):
    dns = scene.port()
    scene.write("a.zone", zone(1))
    peer = bind(scene, f"""key owner.key {{ algorithm hmac-sha256; secret "{THEIRS}"; }};
zone a.test {{
  type primary; file "{scene.path('a.zone')}"; notify explicit;
  also-notify {{ 127.0.0.1 port {dns} key transfer.key; }};
  allow-transfer {{ key transfer.key; }}; allow-update {{ key owner.key; key transfer.key; }};
}};""")
    martlet = scene.martlet(secondary(scene, dns, peer.port))
    eventually("the zone has come", lambda: serial(dns, "a.test") == 1, within=20)
    count = 0
    for tool in ("nsupdate", "knsupdate"):
        # A key that Martlet does not know, and one that it shares with both.
        for key in (STRANGE, OURS):
            for tcp in (False, True):
                count += 1
                name = f"n{count}.a.test"
                told = update(tool, dns, ["zone a.test", f"update add {name} 60 A 192.0.2.9"], key=key, tcp=tcp)
                expect_equal(told, "", f"{tool} {key.split(':')[1]} tcp={tcp}")
                expect_equal(dig(peer.port, name), ["192.0.2.9"], f"{name} at the primary")
                eventually(f"{name} comes back", lambda: dig(dns, name) == ["192.0.2.9"], within=10)
    # What the primary refuses is refused here, and so is a prerequisite that does not hold.
    told = update("nsupdate", dns, ["zone a.test", "update add x.a.test 60 A 192.0.2.9"])
    expect("REFUSED" in told, told)
    told = update("nsupdate", dns, ["zone a.test", "prereq nxdomain www.a.test",
                                    "update add x.a.test 60 A 192.0.2.9"], key=STRANGE)
    expect("YXDOMAIN" in told, told)
    sent = martlet.metric("martlet_dns_updates_forwarded_total", outcome="answered")
    expect(sent >= count + 2, f"all of them were sent on: {sent}")
    expect_equal(martlet.metric("martlet_dns_updates_forwarded_total", outcome="failed"), 0, "none failed")
    # Without the option the asker is sent away.
    martlet.reload(secondary(scene, dns, peer.port, ""))
    told = update("nsupdate", dns, ["zone a.test", "update add y.a.test 60 A 192.0.2.9"], key=OURS)
    expect("REFUSED" in told or "NOTIMP" in told, told)


@scenario("an update that nobody takes is SERVFAIL, and one with a bad signature goes nowhere", 60)
def lost(scene):
    dns = scene.port()
    scene.write("a.zone", zone(1))
    peer = bind(scene, f"""zone a.test {{
  type primary; file "{scene.path('a.zone')}"; notify no;
  allow-transfer {{ key transfer.key; }}; allow-update {{ any; }};
}};""")
    martlet = scene.martlet(secondary(scene, dns, peer.port))
    eventually("the zone has come", lambda: serial(dns, "a.test") == 1, within=20)
    told = update("nsupdate", dns, ["zone a.test", "update add x.a.test 60 A 192.0.2.9"],
                  key=f"hmac-sha256:transfer.key:{WRONG}")
    expect("BADSIG" in told or "NOTAUTH" in told, told)
    expect_equal(martlet.metric("martlet_dns_updates_forwarded_total", outcome="answered"), 0, "nothing is sent")
    expect_equal(dig(peer.port, "x.a.test"), [], "nothing has come")
    peer.end()
    told = update("nsupdate", dns, ["zone a.test", "update add x.a.test 60 A 192.0.2.9"], tcp=True)
    expect("SERVFAIL" in told, told)
    expect(martlet.metric("martlet_dns_updates_forwarded_total", outcome="failed") >= 1, "that is counted")
