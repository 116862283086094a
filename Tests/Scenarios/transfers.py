# SPDX-License-Identifier: Apache-2.0
"""Zones between servers: BIND, Knot and NSD take them from Martlet, and Martlet from each of them."""
import base64
import itertools
import os
import re
import signal
import socket
import struct
import threading

from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns, dig, dig_text, exactly
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.peer import Peer, nsd_server

SECRET = base64.b64encode(b"a secret of thirty-two octets...").decode()
WRONG = base64.b64encode(b"another one, of as many octets..").decode()
KEY = ("-y", f"hmac-sha256:transfer.key:{SECRET}")
KEYS = f"tsig-keys: {{ transfer.key: {{ secret: {SECRET} }}, wrong.key: {{ secret: {WRONG} }} }}\n"


def zone(serial, more="", timers="3600 600 86400 60"):
    lines = "".join(f"n{i} TXT \"{'x' * 80}\"\n" for i in range(400))
    return f"""$TTL 300
@ SOA ns hostmaster {serial} {timers}
@ NS ns
@ MX 10 mail
ns A 192.0.2.53
mail A 192.0.2.25
mail AAAA 2001:db8::25
www A 192.0.2.1
www A 192.0.2.2
alias CNAME www
*.wild TXT "any"
a.b.c TXT "deep"
sub NS ns.sub
ns.sub A 192.0.2.54
_sip._tcp SRV 1 2 5060 mail
svc HTTPS 1 . alpn=h2
{lines}{more}"""


def records(port, name, *options):
    """All records of a zone by AXFR, without regard to order and case."""
    text = dig_text(port, name, "AXFR", "+noall", "+answer", "+onesoa", *options)
    lines = [re.sub(r"\s+", " ", line).lower() for line in text.splitlines() if line and line[0] != ";"]
    return sorted(line for line in lines if not re.search(r"\stsig\s", line))


def serial(port, name):
    answer = dig(port, name, "SOA", "+norec")
    return int(answer[0].split()[2]) if answer else None


# Peers that take a.test from a primary, or are the primary of it.

def bind(scene, text, name="bind", listen="", port=None):
    port = port or scene.port()
    path = scene.write(f"{name}.conf", f"""
key transfer.key {{ algorithm hmac-sha256; secret "{SECRET}"; }};
options {{
  directory "{scene.folder}"; pid-file "{scene.path(name + '.pid')}";
  session-keyfile "{scene.path(name + '.key')}"; managed-keys-directory "{scene.folder}";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; {listen}
  recursion no; dnssec-validation no; empty-zones-enable no; min-refresh-time 1; min-retry-time 1;
}};
controls {{ }};
{text}""")
    return Peer(scene, name, ["named", "-g", "-n", "1", "-c", path], port)


def knot(scene, text, name="knot"):
    port = scene.port()
    os.makedirs(scene.path(name))
    path = scene.write(f"{name}.conf", f"""
server:
  rundir: {scene.path(name)}
  listen: 127.0.0.1@{port}
database:
  storage: {scene.path(name)}
log:
  - target: stderr
    any: info
key:
  - id: transfer.key
    algorithm: hmac-sha256
    secret: {SECRET}
{text}""")
    return Peer(scene, name, ["knotd", "-c", path], port)


def follows(primary):
    """Knot's words for Martlet at a port, which is a primary and tells of changes."""
    return f"""remote:
  - id: martlet
    address: 127.0.0.1@{primary}
    key: transfer.key
acl:
  - id: told
    address: 127.0.0.1
    key: transfer.key
    action: notify
"""


def nsd(scene, text, name="nsd"):
    port = scene.port()
    path = scene.write(f"{name}.conf", f"""
{nsd_server(scene, name, port)}  xfrd-reload-timeout: 0
remote-control: {{ control-enable: no }}
key:
  name: transfer.key
  algorithm: hmac-sha256
  secret: "{SECRET}"
{text}""".replace("remote-control: { control-enable: no }", "remote-control:\n  control-enable: no"))
    return Peer(scene, name, ["nsd", "-d", "-c", path], port)


def takers(scene, primary):
    """BIND, Knot and NSD that take a.test from a port."""
    return [
        bind(scene, f"""
zone a.test {{ type secondary; file "{scene.path('bind.zone')}"; masterfile-format text;
  primaries {{ 127.0.0.1 port {primary} key transfer.key; }};
  allow-notify {{ key transfer.key; }}; }};"""),
        knot(scene, f"""
{follows(primary)}  - id: taken
    address: 127.0.0.1
    action: transfer
zone:
  - domain: a.test
    file: {scene.path('knot.zone')}
    master: martlet
    acl: [told, taken]
"""),
        nsd(scene, f"""
zone:
  name: a.test
  zonefile: "{scene.path('nsd.zone')}"
  request-xfr: 127.0.0.1@{primary} transfer.key
  allow-notify: 127.0.0.1 transfer.key
  provide-xfr: 127.0.0.1 NOKEY
"""),
    ]


@scenario("BIND, Knot and NSD take a zone and its changes from Martlet, and hear of them at once", 120,
          covers=["zones.*.transfer-to[].key", "zones.*.transfer-to[].network", "zones.*.notify[].address",
                  "zones.*.notify[].key"])
def primary(scene):
    dns = scene.port()
    scene.write("a.zone", zone(1))
    text = f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
{KEYS}zones:
  a.test:
    file: a.zone
    transfer-to: [ {{ network: 127.0.0.0/8, key: transfer.key }} ]
    notify: [ %s ]
"""
    martlet = scene.martlet(text % "")
    whole = records(dns, "a.test", *KEY)
    expect(len(whole) > 410, f"dig takes the zone: {len(whole)}\n" + dig_text(dns, "a.test", "AXFR", *KEY)[:2000])
    # Nobody else does.
    for options, word in (((), "Transfer failed"), (("-y", f"hmac-sha256:wrong.key:{WRONG}"), "Transfer failed"),
                          (("-y", f"hmac-sha256:transfer.key:{WRONG}"), "BADSIG"),
                          (("-y", f"hmac-sha256:nobody.key:{SECRET}"), "BADKEY")):
        told = dig_text(dns, "a.test", "AXFR", *options)
        expect(word in told and "mail.a.test" not in told, f"{options}: {told[:500]}")
    expect("may not take zone a.test." in martlet.log(), martlet.log())
    peers = takers(scene, dns)
    for peer in peers:
        eventually(f"{peer.name} has the zone", lambda: serial(peer.port, "a.test") == 1, within=20)
        expect_equal(sorted(dig(peer.port, "www.a.test")), ["192.0.2.1", "192.0.2.2"], peer.name)
    scene.write("a.zone", zone(2, "added A 192.0.2.9\n").replace("www A 192.0.2.2\n", ""))
    notify = ", ".join(f"{{ address: 127.0.0.1:{peer.port}, key: transfer.key }}" for peer in peers)
    martlet.reload(text % notify)
    for peer in peers:
        eventually(f"{peer.name} has heard", lambda: serial(peer.port, "a.test") == 2, within=10)
        expect_equal(dig(peer.port, "added.a.test"), ["192.0.2.9"], peer.name)
        expect_equal(dig(peer.port, "www.a.test"), ["192.0.2.1"], peer.name)
    eventually("the changes alone were taken", lambda: martlet.metric(
        "martlet_dns_transfers_total", kind="ixfr") >= 3 and "has taken changes of zone a.test." in martlet.log())
    expect(martlet.metric("martlet_dns_notices_total", outcome="heard") == 3, "notices are answered")
    ours = records(dns, "a.test", *KEY)
    theirs = records(peers[1].port, "a.test")
    expect_equal(theirs, ours, "Knot has what Martlet has")
    # One zone by itself.
    scene.write("a.zone", zone(3, "third A 192.0.2.3\n"))
    status, out, err = martlet_command(scene, "zone", "reload", "a.test", "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status == 0, out + err)
    for peer in peers:
        eventually(f"{peer.name} has the third", lambda: serial(peer.port, "a.test") == 3, within=10)
        expect_equal(dig(peer.port, "third.a.test"), ["192.0.2.3"], peer.name)


@scenario("Martlet takes zones from BIND, Knot and NSD, hears of changes, and has them after kill -9", 150,
          covers=["zones.*.transfer-from[].address", "zones.*.transfer-from[].key"])
def secondary(scene):
    dns = scene.port()
    files = {name: scene.write(f"{name}.zone", zone(1)) for name in ("b", "k", "n")}
    peers = {
        "b": bind(scene, f"""
zone b.test {{ type primary; file "{files['b']}"; ixfr-from-differences yes; check-names ignore;
  allow-transfer {{ key transfer.key; }}; notify explicit;
  also-notify {{ 127.0.0.1 port {dns} key transfer.key; }}; }};"""),
        "k": knot(scene, f"""
remote:
  - id: martlet
    address: 127.0.0.1@{dns}
    key: transfer.key
acl:
  - id: taken
    address: 127.0.0.1
    key: transfer.key
    action: transfer
zone:
  - domain: k.test
    file: {files['k']}
    zonefile-load: difference
    journal-content: changes
    notify: martlet
    acl: taken
"""),
        "n": nsd(scene, f"""
zone:
  name: n.test
  zonefile: "{files['n']}"
  provide-xfr: 127.0.0.1 transfer.key
  notify: 127.0.0.1@{dns} transfer.key
  store-ixfr: yes
  create-ixfr: yes
"""),
    }
    zones = "".join(f"  {name}.test: {{ transfer-from: [ {{ address: 127.0.0.1:{peer.port}, key: transfer.key }} ], "
                    "transfer-to: [ { network: 127.0.0.1 } ] }\n" for name, peer in peers.items())
    martlet = scene.martlet(f"listeners: [ {{ dns: 127.0.0.1:{dns} }} ]\n{KEYS}zones:\n{zones}")
    for name, peer in peers.items():
        eventually(f"{name}.test is there", lambda: serial(dns, f"{name}.test") == 1, within=20)
        expect_equal(records(dns, f"{name}.test"), records(peer.port, f"{name}.test", *KEY), f"{name}.test")
    for number in (2, 3):
        for name, peer in peers.items():
            scene.write(f"{name}.zone", zone(number, f"new{number} A 192.0.2.{number}\n"))
            os.utime(files[name], (number * 10 + 2_000_000_000, number * 10 + 2_000_000_000))
            peer.process.send_signal(signal.SIGHUP)
        for name, peer in peers.items():
            eventually(f"{name}.test has changed", lambda: serial(dns, f"{name}.test") == number, within=15)
            expect_equal(dig(dns, f"new{number}.{name}.test"), [f"192.0.2.{number}"], name)
            expect_equal(records(dns, f"{name}.test"), records(peer.port, f"{name}.test", *KEY), f"{name}.test")
    for name in ("b.test.", "k.test."):
        expect(f"changes of zone {name} came from" in martlet.log(), f"IXFR of {name}: {martlet.log()[-3000:]}")
    status, out, _ = martlet_command(scene, "zone", "list", "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status == 0 and f"primary 127.0.0.1:{peers['b'].port}" in out and "is checked next" in out, out)
    # The primaries go, and then the process: what was taken is served all the same.
    for peer in peers.values():
        peer.process.terminate()
    martlet.kill_serving()
    martlet.wait_ready()
    for name in peers:
        expect_equal(dig(dns, f"new3.{name}.test"), ["192.0.2.3"], f"{name} after a crash")
    eventually("the primaries are missed", lambda: "cannot be taken from" in martlet.log())
    status, out, _ = martlet_command(scene, "zone", "list", "--admin", f"127.0.0.1:{martlet.admin}")
    expect("it cannot be reached" in out, out)


@scenario("wrong keys are told on both sides, and a zone that never came is answered SERVFAIL")
def wrong(scene):
    dns = scene.port()
    file = scene.write("b.zone", zone(1))
    peer = bind(scene, f"""
key other.key {{ algorithm hmac-sha256; secret "{SECRET}"; }};
zone b.test {{ type primary; file "{file}"; allow-transfer {{ key transfer.key; }}; }};
zone c.test {{ type primary; file "{file}"; allow-transfer {{ key other.key; }}; }};""")
    source = f"address: 127.0.0.1:{peer.port}"
    martlet = scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
tsig-keys: {{ transfer.key: {{ secret: {WRONG} }}, nobody.key: {{ secret: {SECRET} }}, other.key: {{ secret: {SECRET} }} }}
zones:
  b.test: {{ transfer-from: [ {{ {source}, key: transfer.key }} ] }}
  c.test: {{ transfer-from: [ {{ {source}, key: nobody.key }}, {{ {source}, key: other.key }} ] }}
  d.test: {{ transfer-from: [ {{ {source} }} ] }}
""")
    eventually("BADSIG", lambda: "zone b.test. cannot be taken" in martlet.log() and "BADSIG" in martlet.log())
    eventually("BADKEY", lambda: "BADKEY" in martlet.log())
    eventually("the second key works", lambda: serial(dns, "c.test") == 1)
    eventually("not theirs", lambda: "zone d.test. cannot be taken" in martlet.log())
    for name in ("b.test", "d.test"):
        expect_equal(ask_dns(dns, f"www.{name}").rcode, 2, name)
    told = dig_text(dns, "www.b.test")
    expect("EDE: 14" in told and "has not come from its primaries" in told, told)
    states = {zone["name"]: zone["state"] for zone in martlet.snapshot()["zones"]}
    expect_equal(states, {"b.test.": "awaited", "c.test.": "served", "d.test.": "awaited"}, "states")
    counts = {state: martlet.metric("martlet_dns_zones", state=state) for state in ("served", "awaited", "unusable")}
    expect_equal(counts, {"served": 1, "awaited": 2, "unusable": 0}, "martlet_dns_zones")
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    status, out, err = martlet_command(scene, "status", *admin)
    expect(status == 0 and "zone b.test. is answered SERVFAIL: it has not come from its primaries (127.0.0.1:" in out
           and "BADSIG" in out and "zone c.test." not in out, out + err)
    status, out, err = martlet_command(scene, "explain-dns", "www.b.test", *admin)
    expect(status == 0 and "the zone has not come from its primaries" in out and "faulty" not in out, out + err)


@scenario("requests for zones that are refused fill no log", 30)
def refused_often(scene):
    dns = scene.port()
    scene.write("a.zone", zone(1))
    martlet = scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones: {{ a.test: {{ file: a.zone, transfer-to: [ {{ network: 192.0.2.0/24 }} ] }} }}
""")
    query = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\1a\4test\0" + struct.pack("!2H", 252, 1)
    with socket.create_connection(("127.0.0.1", dns)) as sock:
        sock.settimeout(10)
        stream = sock.makefile("rb")
        for number in range(60):
            sock.sendall(struct.pack("!H", len(query)) + query)
            length, = struct.unpack("!H", stream.read(2))
            expect_equal(stream.read(length)[3] & 15, 5, f"request {number}")
    eventually("a word of it", lambda: "may not take zone a.test." in martlet.log())
    eventually("all are counted", lambda: martlet.metric(
        "martlet_dns_transfers_total", kind="refused") == 60)
    lines = martlet.log().count("may not take zone a.test.")
    expect(lines <= 10, f"{lines} lines")


class Primary:
    """A primary that says what it is told to, and no more than that."""

    def __init__(self, scene, name):
        self.name = name
        self.serial, self.timers, self.stalls, self.answers = 1, (3600, 600, 86400), False, True
        self.stalled = threading.Event()
        self.asked, self.filling, self.requests = 0, 0, []
        # Connections now, the most there were, and the most queries by one; and whether answers name
        # another question.
        self.open, self.most, self.busiest, self.misquotes = 0, 0, 0, False
        # The serial of the zone itself, where it is not that of the SOA; and whether it is all there.
        self.sends, self.is_whole = None, True
        self.knows_changes = True
        self.listener = socket.create_server(("127.0.0.1", scene.port()))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def wire(self):
        return b"".join(bytes([len(label)]) + label.encode() for label in self.name.split(".")) + b"\0"

    def soa(self, serial=None):
        data = b"\0\0" + struct.pack("!5I", serial or self.serial, *self.timers, 60)
        return self.wire() + struct.pack("!HHIH", 6, 1, 60, len(data)) + data

    def record(self, label, kind, data):
        owner = bytes([len(label)]) + label.encode() + self.wire() if label else self.wire()
        return owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data

    def serve(self, peer):
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            self.converse(peer)
        finally:
            self.open -= 1

    def converse(self, peer):
        with peer:
            for number in itertools.count(1):
                try:
                    size = struct.unpack("!H", exactly(peer, 2))[0]
                    query = exactly(peer, size)
                except OSError:
                    return
                self.busiest = max(self.busiest, number)
                if not self.answers:
                    return
                kind = struct.unpack("!H", query[12 + len(self.wire()):][:2])[0]
                self.asked += 1
                self.requests.append(query)
                bodies, code = [[self.soa()]], 0
                if kind == 251 and not self.knows_changes:
                    bodies, code = [[]], 4
                elif kind in (251, 252):
                    ns = self.record("", 2, b"\2ns" + self.wire())
                    host = self.record("www", 1, bytes([192, 0, 2, self.serial]))
                    fill = [self.record(f"f{i}", 16, b"\xc8" + b"x" * 200) for i in range(self.filling)]
                    soa = self.soa(self.sends)
                    bodies = [[soa, ns, host] if self.is_whole else [soa, host]]
                    bodies += [fill[i:i + 100] for i in range(0, len(fill), 100)]
                    if not self.stalls:
                        bodies.append([self.record("last", 1, bytes([192, 0, 2, 99])), soa])
                for records in bodies:
                    head = query[:2] + struct.pack("!5H", 0x8400 | code, 1, len(records), 0, 0)
                    question = query[12:12 + len(self.wire()) + 4]
                    if self.misquotes:
                        question = question[:-4] + b"\0\1\0\1"
                    message = head + question + b"".join(records)
                    peer.sendall(struct.pack("!H", len(message)) + message)
                if kind in (251, 252) and self.stalls:
                    self.stalled.set()
                    peer.settimeout(60)
                    try:
                        peer.recv(1)
                    except OSError:
                        pass
                    return


@scenario("kill -9 in the middle of a transfer: the version before is served, and then the new one comes", 3600,
          covers=["dns.transfers.time-limit"])
def killed(scene):
    dns = scene.port()
    source = Primary(scene, "p.test")
    source.timers = (1, 1, 86400)
    text = f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
dns: {{ transfers: {{ concurrent: 1, incoming: 1, time-limit: 8s, size-limit: 1MiB }} }}
zones: {{ p.test: {{ transfer-from: [ {{ address: 127.0.0.1:{source.port} }} ] }} }}
"""
    martlet = scene.martlet(text)
    eventually("the first version", lambda: dig(dns, "www.p.test") == ["192.0.2.1"])
    # Of each ten kills the last lets the new version come.
    source.stalled.clear()
    for number in range(1000 if scene.full else 20):
        source.stalls = True
        if number % 10 == 0:
            source.serial += 1
        expect(source.stalled.wait(15), f"the transfer hangs in its middle, before kill {number + 1}")
        source.stalled.clear()
        martlet.kill_serving()
        martlet.wait_ready()
        expect_equal(dig(dns, "www.p.test"), [f"192.0.2.{source.serial - 1}"], "the version before")
        expect_equal(dig(dns, "last.p.test"), ["192.0.2.99"], "all of it")
        if number % 10 == 9:
            source.stalls = False
            eventually("the new version", lambda: dig(dns, "www.p.test") == [f"192.0.2.{source.serial}"], within=30)
    # One that hangs without end is given up.
    source.stalls, source.serial = True, source.serial + 1
    source.stalled.clear()
    expect(source.stalled.wait(15), "the transfer hangs")
    eventually("it is given up", lambda: "cannot be taken from" in martlet.log(), within=30)
    source.stalls = False
    eventually("the last version", lambda: dig(dns, "www.p.test") == [f"192.0.2.{source.serial}"], within=30)


@scenario("a zone whose primary is silent for too long is answered SERVFAIL until it is back", 60)
def expiry(scene):
    dns = scene.port()
    source = Primary(scene, "p.test")
    source.timers = (1, 1, 3)
    martlet = scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones: {{ p.test: {{ transfer-from: [ {{ address: 127.0.0.1:{source.port} }} ] }} }}
""")
    eventually("the first version", lambda: dig(dns, "www.p.test") == ["192.0.2.1"])
    asked = source.asked
    eventually("it is looked at again and again", lambda: source.asked > asked + 2, within=10)
    expect_equal(dig(dns, "www.p.test"), ["192.0.2.1"], "a zone that is looked at holds")
    # RFC 7766 §6.2.1 to §6.2.3: a connection for each question, and none that waits for anything; this side
    # may learn of its end when the next has come.
    expect(source.most <= 2, f"{source.most} connections at a time")
    expect_equal(source.busiest, 1, "queries by one connection")
    eventually("none stays open", lambda: source.open == 0, within=5)
    source.answers = False
    eventually("it has expired", lambda: ask_dns(dns, "www.p.test").rcode == 2, within=10)
    # RFC 8914 §4.25: such a zone is Invalid Data.
    told = dig_text(dns, "www.p.test")
    expect("EDE: 24" in told and "the zone has expired: its primaries have been silent" in told, told)
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    status, out, _ = martlet_command(scene, "zone", "list", *admin)
    expect("expired" in out and "primary" in out, out)
    status, out, _ = martlet_command(scene, "status", *admin)
    expect("zone p.test. is answered SERVFAIL: it has expired" in out, out)
    status, out, err = martlet_command(scene, "explain-dns", "www.p.test", *admin)
    expect(status == 0 and "the zone has expired" in out and "faulty" not in out, out + err)
    expect_equal({zone["name"]: zone["state"] for zone in martlet.snapshot()["zones"]}, {"p.test.": "expired"}, "state")
    expect_equal([martlet.metric("martlet_dns_zones", state=state) for state in ("served", "expired")], [0, 1],
                 "martlet_dns_zones")
    expect(" error transfer zone p.test. is answered SERVFAIL: " in martlet.log() and "state=expired" in martlet.log(),
           martlet.log())
    martlet.kill_serving()
    martlet.wait_ready()
    eventually("a restart makes it no younger", lambda: ask_dns(dns, "www.p.test").rcode == 2, within=10)
    source.answers = True
    eventually("it is back", lambda: dig(dns, "www.p.test") == ["192.0.2.1"], within=15)
    expect(" info transfer zone p.test. has expired no longer: " in martlet.log() and "state=served" in martlet.log(),
           martlet.log())
    expect_equal([martlet.metric("martlet_dns_zones", state=state) for state in ("served", "expired")], [1, 0],
                 "martlet_dns_zones")
    # RFC 7766 §7: the question of an answer is looked at as well.
    source.misquotes = True
    eventually("an answer to another question is none",
               lambda: "its answer is about something else" in martlet.log(), within=10)


@scenario("a good version stays: for an older one, one that is not whole, a file that is lost, a short expire", 90)
def kept(scene):
    dns, other = scene.port(), scene.write("other.zone", zone(1))
    source = Primary(scene, "p.test")
    source.timers = (1, 1, 86400)
    # Its SOA has it expire long before it is looked at again.
    short = Primary(scene, "s.test")
    short.timers = (3600, 600, 1)
    state = scene.path("state")
    # RFC 1996 §3.4, §4.6: who takes a zone tells others in its turn, by UDP.
    told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    told.bind(("127.0.0.1", 0))
    told.settimeout(10)

    def text(more=""):
        return f"""state: {state}
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones:
  p.test:
    transfer-from: [ {{ address: 127.0.0.1:{source.port} }} ]
    notify: [ {{ address: 127.0.0.1:{told.getsockname()[1]} }} ]
  s.test: {{ transfer-from: [ {{ address: 127.0.0.1:{short.port} }} ] }}
{more}"""
    martlet = scene.martlet(text())
    here = lambda name="p.test": dig(dns, f"www.{name}")
    eventually("the first versions", lambda: here() == ["192.0.2.1"] and here("s.test") == ["192.0.2.1"])
    # RFC 1995 §2: from a primary that does not know IXFR all of the zone is taken.
    source.serial, source.sends, source.knows_changes = 4, 4, False
    eventually("the fourth", lambda: here() == ["192.0.2.4"], within=10)
    expect("its changes were of no use: it answers NOTIMP" in martlet.log(), martlet.log()[-2000:])
    notice = told.recv(512)
    expect_equal(notice[2:16 + len(source.wire())],
                 struct.pack("!5H", 0x2400, 1, 0, 0, 0) + source.wire() + struct.pack("!HH", 6, 1), "a notice")
    source.knows_changes = True
    source.serial, source.sends = 5, 5
    eventually("the fifth", lambda: here() == ["192.0.2.5"], within=10)
    source.serial, source.sends = 9, 3
    eventually("an older one is refused",
               lambda: "it sends serial 3, not newer than 5 in hand" in martlet.log(), within=10)
    expect_equal(serial(dns, "p.test"), 5, "the version in hand")
    source.sends, source.is_whole = 9, False
    eventually("one without NS is refused", lambda: "it has no NS records at its apex" in martlet.log(), within=10)
    expect_equal(here(), ["192.0.2.5"], "the version in hand")
    source.serial, source.sends, source.is_whole = 2, 2, True
    eventually("a serial that has gone back is told",
               lambda: "its serial 2 is older than 5 in hand" in martlet.log(), within=10)
    expect_equal(here(), ["192.0.2.5"], "the version in hand")
    # What is kept goes, and the primary is silent.
    source.serial, source.sends, source.answers = 5, 5, False
    file, = [name for name in os.listdir(f"{state}/zones") if name.startswith("p.test") and name.endswith(".zone")]
    os.truncate(f"{state}/zones/{file}", 40)
    martlet.reload(text(f"  other.test: {{ file: {other} }}\n"))
    expect_equal(here(), ["192.0.2.5"], "the version before is served on")
    expect("M1532" in martlet.log(), "and the log tells of it")
    states = {zone["name"]: zone["state"] for zone in martlet.snapshot()["zones"]}
    expect_equal(states["p.test."], "former", "state")
    source.answers = True
    eventually("it is taken again", lambda: os.path.getsize(f"{state}/zones/{file}") > 40, within=20)
    eventually("and served", lambda: {zone["name"]: zone["state"] for zone in martlet.snapshot()["zones"]}["p.test."]
               == "served", within=10)
    expect_equal(here(), ["192.0.2.5"], "the same version")
    expect_equal(here("s.test"), ["192.0.2.1"], "expire is not before refresh and retry")
    # RFC 5936 §2.1, RFC 1995 §3: a question about the zone, in an IXFR the SOA in hand, and no bits.
    name, kinds = source.wire(), set()
    for request in source.requests:
        kind, = struct.unpack("!H", request[12 + len(name):][:2])
        kinds.add(kind)
        expect_equal(request[2:12], struct.pack("!5H", 0, 1, 0, kind == 251, 0), f"the head of a request for {kind}")
        expect_equal(request[12:16 + len(name)], name + struct.pack("!HH", kind, 1), "its question")
        known = request[16 + len(name):]
        expect(known.startswith(name + b"\0\6\0\1") if kind == 251 else not known, f"what follows: {known}")
    expect_equal(kinds, {6, 251, 252}, "what is asked for")
    expect(len({request[:2] for request in source.requests}) > len(source.requests) / 2, "ids differ")


@scenario("a name that becomes steered is not deleted by a difference, and a forgotten serial is told of", 60)
def steered(scene):
    dns = scene.port()
    path = scene.write("a.zone", zone(1, "moved A 192.0.2.1\n"))

    def text(records=""):
        return (f"listeners: [ {{ dns: 127.0.0.1:{dns} }} ]\nzones:\n  a.test:\n    file: {path}\n"
                f"    transfer-to: [ {{ network: 127.0.0.1 }} ]\n{records}"
                "steer: { p: { failover: [192.0.2.7] } }\n")
    martlet = scene.martlet(text())
    scene.write("a.zone", zone(2))
    martlet.reload(text("    records: { moved: { steer: p } }\n"))
    answer = dig_text(dns, "a.test", "IXFR=1", "+tcp", "+noall", "+answer")
    expect_equal(len(re.findall(r"\sSOA\s", answer)), 2, f"the whole zone: {answer}")
    expect(re.search(r"moved\.a\.test\..*\sA\s+192\.0\.2\.7", answer), answer)
    scene.write("a.zone", zone(2, "more A 192.0.2.2\n"))
    status, out, err = martlet_command(scene, "zone", "reload", "a.test", "--admin", f"127.0.0.1:{martlet.admin}")
    expect_equal(status, 0, out + err)
    expect("zone a.test. has changed, and its serial has not" in martlet.log(), martlet.log()[-2000:])


@scenario("zones go by TLS, and only from a server with the right certificate", 60,
          covers=["zones.*.transfer-from[].tls.name", "zones.*.transfer-from[].tls.authorities"])
def secure(scene):
    dns, dot, other = scene.port(), scene.port(), scene.port()
    authority = Authority(scene)
    files = authority.make("ns", "ns.a.test")
    scene.write("a.zone", zone(1))
    scene.martlet(f"""listeners:
  - dns: 127.0.0.1:{dns}
  - dot: 127.0.0.1:{dot}
    certificates:
      - {pair(files)}
{KEYS}zones: {{ a.test: {{ file: a.zone, transfer-to: [ {{ network: 127.0.0.0/8, key: transfer.key }} ] }} }}
""")
    def text(name):
        return f"""listeners: [ {{ dns: 127.0.0.1:{other} }} ]
{KEYS}zones:
  a.test:
    transfer-from:
      - address: 127.0.0.1:{dot}
        key: transfer.key
        tls: {{ name: {name}, authorities: {authority.certificate} }}
"""
    martlet = scene.martlet(text("wrong.a.test"))
    eventually("the name is wrong", lambda: "TLS fails" in martlet.log())
    expect_equal(ask_dns(other, "www.a.test").rcode, 2, "nothing came")
    # RFC 9103 §7.8: who refuses says why, and it is told.
    keyless = text("ns.a.test").replace("        key: transfer.key\n", "")
    martlet.reload(keyless.replace("  a.test:", "  b.test:"))
    eventually("a zone of nobody's", lambda: "REFUSED (20 Not Authoritative) when asked for the SOA" in martlet.log())
    martlet.reload(keyless)
    eventually("without the key", lambda: "REFUSED (18 Prohibited) when asked for the zone" in martlet.log(), within=15)
    martlet.reload(text("ns.a.test"))
    martlet_command(scene, "zone", "reload", "a.test", "--admin", f"127.0.0.1:{martlet.admin}")
    eventually("the zone comes by TLS", lambda: serial(other, "a.test") == 1, within=15)
    expect_equal(records(dot, "a.test", "+tls-ca=" + authority.certificate, "+tls-hostname=ns.a.test", *KEY),
                 records(dns, "a.test", *KEY), "dig takes it by TLS as by TCP")


@scenario("BIND takes a zone from Martlet by TLS, and Martlet one from BIND", 60)
def secure_bind(scene):
    dns, dot, tls, port = scene.port(), scene.port(), scene.port(), scene.port()
    authority = Authority(scene)
    certificate, key = authority.make("ns", "ns.a.test")
    files = {name: scene.write(f"{name}.zone", zone(1)) for name in ("a", "b")}
    martlet = scene.martlet(f"""listeners:
  - dns: 127.0.0.1:{dns}
  - dot: 127.0.0.1:{dot}
    certificates:
      - {pair((certificate, key))}
{KEYS}zones:
  a.test: {{ file: a.zone, transfer-to: [ {{ network: 127.0.0.0/8, key: transfer.key }} ], notify: [ {{ address: 127.0.0.1:{port} }} ] }}
  b.test:
    transfer-from:
      - {{ address: 127.0.0.1:{tls}, key: transfer.key, tls: {{ name: ns.a.test, authorities: {authority.certificate} }} }}
""")
    peer = bind(scene, f"""
tls local {{ cert-file "{certificate}"; key-file "{key}"; }};
tls remote {{ ca-file "{authority.certificate}"; remote-hostname "ns.a.test"; }};
zone b.test {{ type primary; file "{files['b']}"; allow-transfer {{ key transfer.key; }}; }};
zone a.test {{ type secondary; file "{scene.path('taken.zone')}";
  primaries {{ 127.0.0.1 port {dot} key transfer.key tls remote; }}; }};""",
                listen=f"listen-on port {tls} tls local {{ 127.0.0.1; }};", port=port)
    eventually("Martlet has BIND's", lambda: serial(dns, "b.test") == 1, within=15)
    eventually("BIND has Martlet's", lambda: serial(peer.port, "a.test") == 1, within=20)
    expect_equal(dig(peer.port, "deep.a.test"), dig(dns, "deep.a.test"), "the same")
    expect(martlet.metric("martlet_dns_transfers_total", kind="axfr") >= 1, "a transfer is counted")


@scenario("the example of transfers starts, gives its zone out, and waits for the other")
def example(scene):
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation", "examples")
    with open(os.path.join(folder, "transfers.yaml")) as file:
        text = file.read()
    with open(os.path.join(folder, "example.org.zone")) as file:
        scene.write("example.org.zone", file.read())
    dns = scene.port()
    martlet = scene.martlet(text.replace('":5300"', f"127.0.0.1:{dns}").replace("5301", str(scene.port())))
    secret = re.search(r"secret: (\S+)", text)[1]
    found = records(dns, "example.org", "-y", f"hmac-sha256:transfer.example.org:{secret}")
    expect(len(found) > 2, f"the zone goes out: {found}")
    expect_equal(ask_dns(dns, "www.example.net").rcode, 2, "the other has not come")
    eventually("its primary is missed", lambda: "zone example.net. cannot be taken" in martlet.log())


@scenario("zones come and go as a catalog says", 90, covers=["zones.*.catalog"])
def catalog(scene):
    dns = scene.port()

    def listed(number, members, version=2):
        lines = "".join(f"{label}.zones PTR {name}.\n" for label, name in members.items())
        path = scene.write("cat.zone", f"$TTL 60\n@ SOA invalid. invalid. {number} 3600 600 86400 60\n@ NS invalid.\n"
                           f'version TXT "{version}"\n{lines}')
        os.utime(path, (number * 10 + 2_000_000_000, number * 10 + 2_000_000_000))
        return path

    file = scene.write("m.zone", zone(1))
    path = listed(1, {"a1": "one.test", "b2": "two.test"})
    zones = "".join(f'zone {name}.test {{ type primary; file "{file}"; allow-transfer {{ key transfer.key; }}; }};\n'
                    for name in ("one", "two", "three"))
    peer = bind(scene, f"""{zones}
zone cat.test {{ type primary; file "{path}"; allow-transfer {{ key transfer.key; }}; notify explicit;
  also-notify {{ 127.0.0.1 port {dns} key transfer.key; }}; check-names ignore; }};""")
    martlet = scene.martlet(f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
{KEYS}zones:
  cat.test: {{ catalog: true, transfer-from: [ {{ address: 127.0.0.1:{peer.port}, key: transfer.key }} ] }}
""")
    for name in ("one.test", "two.test"):
        eventually(f"{name} is there", lambda: dig(dns, f"mail.{name}") == ["192.0.2.25"], within=15)
    expect_equal(ask_dns(dns, "www.three.test").rcode, 5, "no member")
    listed(2, {"a1": "one.test", "c3": "three.test"})
    peer.process.send_signal(signal.SIGHUP)
    eventually("one comes", lambda: dig(dns, "mail.three.test") == ["192.0.2.25"], within=15)
    eventually("one goes", lambda: ask_dns(dns, "www.two.test").rcode == 5, within=10)
    expect_equal(dig(dns, "mail.one.test"), ["192.0.2.25"], "one stays")
    martlet.reload(martlet.text())
    expect_equal(dig(dns, "mail.three.test"), ["192.0.2.25"], "after a reload")
    martlet.kill_serving()
    martlet.wait_ready()
    expect_equal(dig(dns, "mail.three.test"), ["192.0.2.25"], "after a crash")
    listed(3, {"a1": "one.test"}, version=1)
    peer.process.send_signal(signal.SIGHUP)
    eventually("another version is not followed", lambda: "is not of version 2" in martlet.log(), within=15)
    expect_equal(dig(dns, "mail.three.test"), ["192.0.2.25"], "members stay")
    status, out, _ = martlet_command(scene, "zone", "list", "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status == 0 and "three.test." in out and "two.test." not in out, out)


def raw_transfer(port, name):
    """A connection that has asked for a zone, and takes nothing of it."""
    wire = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    query = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + wire + struct.pack("!HH", 252, 1)
    peer = socket.create_connection(("127.0.0.1", port), timeout=5)
    peer.sendall(struct.pack("!H", len(query)) + query)
    return peer


@scenario("transfers are bounded: how many go out and come in at a time, and how large one may be", 90,
          covers=["dns.transfers.size-limit", "dns.transfers.incoming", "dns.transfers.concurrent"])
def bounded(scene):
    dns = scene.port()
    first, second = Primary(scene, "p.test"), Primary(scene, "q.test")
    scene.write("big.zone", zone(1) + f'$GENERATE 0-99999 g$ TXT "{"x" * 100}"\n')
    text = f"""listeners: [ {{ dns: 127.0.0.1:{dns}, tcp-idle: 60s }} ]
dns: {{ transfers: {{ concurrent: 1, incoming: 1, size-limit: 64KiB }} }}
zones:
  big.test: {{ file: big.zone, transfer-to: [ {{ network: 127.0.0.1 }} ] }}
  p.test: {{ transfer-from: [ {{ address: 127.0.0.1:{first.port} }} ] }}
  q.test: {{ transfer-from: [ {{ address: 127.0.0.1:{second.port} }} ] }}
"""
    first.stalls = second.stalls = True
    martlet = scene.martlet(text)
    eventually("one is taken", lambda: first.stalled.is_set() or second.stalled.is_set())
    busy, other = (first, second) if first.stalled.is_set() else (second, first)
    with raw_transfer(dns, "big.test"):
        eventually("one goes out", lambda: martlet.metric("martlet_dns_transfers_running") == 1)
        told = dig_text(dns, "big.test", "AXFR")
        expect("Transfer failed" in told and "mail.big.test" not in told, told[:500])
        expect_equal(dig(dns, "mail.big.test", "A", "+tcp"), ["192.0.2.25"], "others are served")
        expect_equal(other.asked, 0, "the other primary has to wait")
        martlet.reload(martlet.text().replace("concurrent: 1, incoming: 1", "concurrent: 2, incoming: 2"))
        eventually("it is asked now", lambda: other.asked > 0)
        expect(len(records(dns, "big.test")) > 100_000, "two go out at a time")
    eventually("a peer that goes is forgotten", lambda: martlet.metric("martlet_dns_transfers_running") == 0)
    # A zone that is larger than it may be is given up.
    third = Primary(scene, "r.test")
    third.filling = 1000
    more = f"  r.test: {{ transfer-from: [ {{ address: 127.0.0.1:{third.port} }} ] }}\n"
    martlet.reload(martlet.text().replace("incoming: 2", "incoming: 4") + more)
    eventually("it is too large", lambda: "zone is larger than 'size-limit'" in martlet.log(), within=15)
    expect_equal(ask_dns(dns, "www.r.test").rcode, 2, "nothing of it is served")
    martlet.reload(martlet.text().replace("64KiB", "1MiB"))
    eventually("it comes", lambda: dig(dns, "www.r.test") == ["192.0.2.1"], within=20)
