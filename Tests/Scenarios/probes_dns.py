# SPDX-License-Identifier: Apache-2.0
"""Probes that ask name servers: another Martlet, Knot DNS where it is installed, and a rude one."""
import os
import shutil
import socket
import struct
import threading

from harness import Skip, eventually, expect, expect_equal, never, scenario
from harness.peer import Peer
from harness.watch import why

RHYTHM = "interval: 100ms, timeout: 90ms, fast-interval: 100ms, jitter: 0%, rise: 2, fall: 2"
P = "probes.*."
D = P + "dns."

ZONE = """  example.com:
    soa: { primary: ns1.example.com, mailbox: me.example.com }
    records:
      ns1: { a: 127.0.0.1 }
      www: { a: [ 192.0.2.1, 192.0.2.2 ], aaaa: '2001:db8::1' }
      alias: { cname: www }
"""


def server(scene):
    """A Martlet that answers for example.com; its port."""
    dns = scene.port()
    scene.martlet(f"workers: 1\nlisteners: [ {{ dns: 127.0.0.1:{dns} }} ]\nzones:\n{ZONE}")
    return dns


def watcher(scene, port, cases):
    """A Martlet with a probe and a policy of one address for each case."""
    probes = "".join(f"  {name}: {{ dns: {{ {asked} }}, port: {port}, {RHYTHM} }}\n"
                     for name, asked in cases.items())
    steer = "".join(f"  {name}: {{ address: 127.0.0.1, probe: {name} }}\n" for name in cases)
    records = "".join(f"      {name}: {{ steer: {name} }}\n" for name in cases)
    return scene.martlet(f"""workers: 1
listeners: [ {{ dns: 127.0.0.1:{scene.port()} }} ]
probes:
{probes}zones:
  watch.test:
    soa: {{ primary: ns1.watch.test, mailbox: me.watch.test }}
    records:
{records}steer:
{steer}""")


def state(martlet, name):
    pools = martlet.snapshot()["pools"]
    return next(p for p in pools if p["name"].removeprefix("steer:") == name)["endpoints"][0]


def becomes(martlet, name, health, reason=""):
    def settled():
        endpoint = state(martlet, name)
        return endpoint["health"] == health and reason in why(endpoint)
    eventually(f"{name} is {health} {reason}: {state(martlet, name)}", settled, within=8)


# What is asked of a server of ZONE, and what it comes to.
CASES = {
    "plain": ("name: www.example.com", "up", ""),
    "stream": ("name: www.example.com, transport: tcp", "up", ""),
    "six": ("name: www.example.com, type: AAAA, addresses: '2001:db8::1'", "up", ""),
    "alias": ("name: alias.example.com, addresses: 192.0.2.2", "up", ""),
    "soa": ("name: example.com, type: SOA, authoritative: true", "up", ""),
    "one-of": ("name: www.example.com, addresses: [ 192.0.2.9, 192.0.2.2 ]", "up", ""),
    "all-of": ("name: www.example.com, addresses: [ 192.0.2.1, 192.0.2.2 ], match: all", "up", ""),
    "not-all": ("name: www.example.com, addresses: [ 192.0.2.9, 192.0.2.2 ], match: all",
                "down", "answer-mismatch 192.0.2.9 missing"),
    "nodata": ("name: www.example.com, type: MX", "down", "answer-mismatch no MX record"),
    "nobody": ("name: no.example.com", "down", "unexpected-rcode NXDOMAIN"),
    "refused": ("name: other.test", "down", "unexpected-rcode REFUSED"),
    "expected": ("name: no.example.com, rcode: [ NXDOMAIN, REFUSED ]", "up", ""),
}


@scenario("a DNS probe follows what a name server answers, by UDP and TCP", 40, covers=[
    D + "name", D + "type", D + "rcode", D + "addresses", D + "match"])
def answers(scene):
    port = server(scene)
    martlet = watcher(scene, port, {name: case[0] for name, case in CASES.items()})
    for name, (_, health, reason) in CASES.items():
        becomes(martlet, name, health, reason)
    # A reload asks another question of the same server.
    martlet.reload(martlet.text().replace("name: www.example.com }", "name: gone.example.com }"))
    becomes(martlet, "plain", "down", "unexpected-rcode NXDOMAIN")
    becomes(martlet, "stream", "up")


@scenario("Knot DNS is judged in the same way", 40)
def knot(scene):
    if shutil.which("knotd") is None:
        raise Skip("knotd is not installed")
    port, folder = scene.port(), scene.path("knot")
    os.makedirs(folder)
    scene.write("knot/example.com.zone", """$ORIGIN example.com.
$TTL 60
@ SOA ns1 me 1 60 60 60 60
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::1
alias CNAME www
""")
    path = scene.write("knot/knot.conf", f"""server:
    listen: 127.0.0.1@{port}
    rundir: "{folder}"
database:
    storage: "{folder}/db"
zone:
  - domain: example.com
    storage: "{folder}"
    file: example.com.zone
    zonefile-sync: -1
    journal-content: none
""")
    peer = Peer(scene, "knotd", ["knotd", "-c", path], port)
    martlet = watcher(scene, port, {name: case[0] for name, case in CASES.items()})
    for name, (_, health, reason) in CASES.items():
        becomes(martlet, name, health, reason)
    peer.end()
    becomes(martlet, "plain", "down", "connect-refused")
    becomes(martlet, "stream", "down", "connect-refused")


class Rude:
    """A name server that answers in the way that it is told, by UDP and TCP."""

    def __init__(self, scene):
        self.port = scene.port()
        self.way = "well"
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        self.running = True
        for work in (self.datagrams, self.streams):
            threading.Thread(target=work, daemon=True).start()
        scene.started.append(self)

    def end(self):
        self.running = False
        self.udp.close()
        self.tcp.close()
        return ""

    def answer(self, query, flags=0x8180):
        number, asked = query[:2], query[12:query.index(b"\x00\x00\x01\x00\x01", 12) + 5]
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"
        return number + struct.pack("!HHHHH", flags, 1, 1, 0, 0) + asked + record

    def replies(self, query):
        good = self.answer(query)
        forged = bytes([good[0] ^ 1]) + good[1:]
        return {
            "well": [good],
            "authority": [self.answer(query, 0x8580)],
            "forged": [forged],
            "forged first": [forged, b"", query, good],
            "cut": [good[:-3]],
            "loop": [good[:12] + b"\xc0\x0c" + good[14:]],
            "silent": [],
        }[self.way]

    def datagrams(self):
        while self.running:
            try:
                query, peer = self.udp.recvfrom(2048)
                self.asked.append(query)
                for reply in self.replies(query):
                    self.udp.sendto(reply, peer)
            except OSError:
                return

    def streams(self):
        while self.running:
            try:
                peer, _ = self.tcp.accept()
                with peer:
                    data = peer.recv(2048)
                    for reply in self.replies(data[2:]):
                        for byte in struct.pack("!H", len(reply)) + reply:
                            peer.sendall(bytes([byte]))
                    if self.way == "silent":
                        peer.settimeout(1)
                        peer.recv(1)
            except OSError:
                if not self.running:
                    return


@scenario("forged, cut and missing answers are none", 40, covers=[D + "authoritative", D + "transport"])
def rude(scene):
    fake = Rude(scene)
    martlet = watcher(scene, fake.port, {
        "udp": "name: www.example.com", "tcp": "name: www.example.com, transport: tcp",
        "authority": "name: www.example.com, authoritative: true"})

    def all_become(udp, tcp, why_udp="", why_tcp=""):
        becomes(martlet, "udp", udp, why_udp)
        becomes(martlet, "tcp", tcp, why_tcp)

    all_become("up", "up")
    becomes(martlet, "authority", "down", "not-authoritative")
    fake.way = "authority"
    becomes(martlet, "authority", "up")
    fake.way = "forged"
    all_become("down", "down", "probe-timeout no answer", "malformed-response another question")
    # A right answer behind a forged one, an empty datagram and an echo is heard.
    fake.way = "forged first"
    becomes(martlet, "udp", "up")
    never("it is down again", lambda: state(martlet, "udp")["health"] != "up", during=0.6)
    fake.way = "cut"
    all_become("down", "down", "malformed-response record", "malformed-response record")
    fake.way = "loop"
    all_become("down", "down", "probe-timeout", "malformed-response another question")
    fake.way = "silent"
    all_become("down", "down", "probe-timeout no answer", "probe-timeout no answer")
    fake.way = "well"
    all_become("up", "up")
    numbers = {query[:2] for query in fake.asked[-20:]}
    expect(len(numbers) > 15, f"numbers of queries differ: {numbers}")
    expect_equal({query[2:4] for query in fake.asked}, {b"\x01\x00"}, "flags")
