# SPDX-License-Identifier: Apache-2.0
"""Servers are told of a changed zone (RFC 1996), whichever way it has changed."""
import socket
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import dig
from harness.martlet import martlet_command
from transfers import KEYS, knot, serial, zone
from updates import update
from zone_api import BASE, KEY, Client, change


@scenario("a change by the API, a message, a reload or a command is told at once, and taken", 90)
def ways(scene):
    dns, api = scene.port(), scene.port()
    scene.write("a.zone", zone(1))
    text = f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zone-api: {{ listen: 127.0.0.1:{api}, key: {KEY} }}
{KEYS}zones:
  a.test:
    file: a.zone
    transfer-to: [ {{ network: 127.0.0.1, key: transfer.key }} ]
    updates: [ {{ networks: [127.0.0.1], types: [ANY] }} ]
    notify: [ %s ]
"""
    martlet = scene.martlet(text % "")
    peer = knot(scene, f"""
remote:
  - id: martlet
    address: 127.0.0.1@{dns}
    key: transfer.key
acl:
  - id: told
    address: 127.0.0.1
    key: transfer.key
    action: notify
zone:
  - domain: a.test
    file: {scene.path('knot.zone')}
    master: martlet
    acl: told
""")
    eventually("Knot has the zone", lambda: serial(peer.port, "a.test") == 1, within=20)
    notify = f"{{ address: 127.0.0.1:{peer.port}, key: transfer.key }}"
    martlet.reload(text % notify)

    def told(number, name):
        # `refresh` is an hour: without a notice it would not look.
        eventually(f"Knot has {number}", lambda: serial(peer.port, "a.test") == number, within=10)
        expect_equal(dig(peer.port, f"{name}.a.test"), ["192.0.2.9"], name)

    client = Client(api)
    path = f"{BASE}/zones/a.test."
    body = {"rrsets": [change("REPLACE", "api.a.test.", "A", ["192.0.2.9"])]}
    expect_equal(client("PATCH", path, body)[0], 204, "by the API")
    told(2, "api")
    expect_equal(update("nsupdate", dns, ["zone a.test", "update add message.a.test 60 A 192.0.2.9"]), "", "")
    told(3, "message")
    scene.write("a.zone", zone(10, "reload A 192.0.2.9\n"))
    martlet.reload()
    told(10, "reload")
    scene.write("a.zone", zone(20, "command A 192.0.2.9\n"))
    status, out, err = martlet_command(scene, "zone", "reload", "a.test", "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status == 0, out + err)
    told(20, "command")
    # On demand, with nothing new.
    before = martlet.metric("martlet_dns_notices_total", outcome="heard")
    expect_equal(client("PUT", f"{path}/notify")[0], 200, "")
    eventually("it is told again", lambda: martlet.metric("martlet_dns_notices_total", outcome="heard") > before)


@scenario("a notice is sent as often as is configured, and not to a closed port", 60,
          covers=["zones.*.notify[].attempts", "zones.*.notify[].wait"])
def pace(scene):
    dns, closed = scene.port(), scene.port()
    scene.write("a.zone", zone(1))
    # One that hears and says nothing; at the other port nobody listens (RFC 1996 §3.6).
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(0.2)
        port = silent.getsockname()[1]
        martlet = scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
{KEYS}zones:
  a.test:
    file: a.zone
    notify:
      - {{ address: 127.0.0.1:{port}, attempts: 3, wait: 1s }}
      - {{ address: 127.0.0.1:{closed}, attempts: 12, wait: 10m }}
""")
        eventually("the closed port is given up at once", lambda: "has closed its port" in martlet.log(), within=5)
        times, until = [], time.monotonic() + 10
        while time.monotonic() < until:
            try:
                message = silent.recv(512)
            except TimeoutError:
                continue
            expect_equal(message[2:4], b"\x24\x00", "NOTIFY, AA, and nothing else")
            times.append(time.monotonic())
        expect_equal(len(times), 3, f"as often as is configured: {times}")
        waits = [after - before for before, after in zip(times, times[1:])]
        expect(0.8 < waits[0] < 1.7 and 1.8 < waits[1] < 2.8, f"each wait twice the one before: {waits}")
    expect_equal(martlet.metric("martlet_dns_notices_total", outcome="silent"), 2, "both are told of")
