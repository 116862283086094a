# SPDX-License-Identifier: Apache-2.0
"""Zones that change by messages (RFC 2136), as nsupdate and knsupdate send them.

    Tests/Scenarios/run updates             20 kills in the middle of updates
    Tests/Scenarios/run --full updates      1,000
"""
import base64
import os
import select
import random
import socket
import sqlite3
import struct
import subprocess
import threading
import time
import urllib.request

from harness import eventually, expect, expect_equal, scenario
from harness.ask import dig_text
from harness.ask import dig as dig_lines
from harness.martlet import martlet_command

ZONE = """$TTL 60
@ SOA ns host 10 2 3 4 5
@ NS ns
ns A 192.0.2.53
www A 192.0.2.1
alias CNAME www
"""
SECRET = base64.b64encode(b"a secret of the scenario, all of it").decode()
SERIAL = 2


def dig(port, name, kind="A"):
    return " ".join(dig_lines(port, name, kind))


def configuration(dns, rules, more=""):
    return f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
tsig-keys:
  up.test: {{ algorithm: hmac-sha256, secret: {SECRET} }}
  host.a.test: {{ algorithm: hmac-sha512, secret: {SECRET} }}
zones:
  a.test:
    file: a.zone
    updates:
{rules}{more}
  b.test:
    soa: {{ primary: ns1, mailbox: host@b.test }}
    records: {{ ns1: {{ a: 192.0.2.2 }} }}
    updates: [ {{ networks: [127.0.0.0/8], types: [ANY] }} ]
  c.test:
    soa: {{ primary: ns1, mailbox: host@c.test }}
    records: {{ ns1: {{ a: 192.0.2.2 }} }}
"""


ANYBODY = "      - { networks: [127.0.0.1], types: [ANY] }\n"


def update(tool, port, lines, key=None, tcp=False):
    """What the tool says; empty when it is content."""
    command = [tool] + (["-y", key] if key else []) + (["-v"] if tcp else [])
    text = f"server 127.0.0.1 {port}\n" + "".join(line + "\n" for line in lines) + "send\n"
    done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=20)
    told = (done.stdout + done.stderr).decode()
    return told if done.returncode or "fail" in told or "error" in told.lower() else ""


def serial(port, zone="a.test"):
    return int(dig(port, zone, "SOA").split()[SERIAL])


@scenario("nsupdate and knsupdate change zones of files and of the configuration, by UDP and TCP", 90,
          covers=["zones.*.updates[].networks"])
def tools(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    scene.martlet(configuration(dns, ANYBODY))
    before = 10
    for tool in ("nsupdate", "knsupdate"):
        for tcp in (False, True):
            name = f"{tool}{int(tcp)}.a.test"
            expect_equal(update(tool, dns, ["zone a.test", f"update add {name} 60 A 192.0.2.9",
                                            f"update add {name} 60 TXT {tool}"], tcp=tcp), "", tool)
            expect_equal(dig(dns, name), "192.0.2.9", "the answer right after the acknowledgement")
            expect_equal(serial(dns), before + 1, "the serial")
            expect_equal(update(tool, dns, ["zone a.test", f"update delete {name} A"], tcp=tcp), "",
                         "a deletion")
            expect_equal(dig(dns, name), "", "the answer after it")
            expect_equal(dig(dns, name, "TXT"), f'"{tool}"', "what stays")
            before = serial(dns)
    expect_equal(update("nsupdate", dns, ["zone b.test", "update add x.b.test 5 A 192.0.2.7"]), "",
                 "a zone of the configuration")
    expect_equal(dig(dns, "x.b.test"), "192.0.2.7", "its answer")
    # What nobody may, and what cannot be.
    told = update("nsupdate", dns, ["zone c.test", "update add x.c.test 5 A 192.0.2.7"])
    expect("REFUSED" in told, told)
    told = update("nsupdate", dns, ["zone a.test", "prereq nxdomain www.a.test",
                                    "update add y.a.test 5 A 192.0.2.7"])
    expect("YXDOMAIN" in told, told)
    told = update("nsupdate", dns, ["zone nowhere.test", "update add x.nowhere.test 5 A 192.0.2.7"])
    expect("NOTAUTH" in told, told)
    # One that makes a zone that cannot be served is refused, and does not spoil others.
    told = update("nsupdate", dns, ["zone a.test", "update add *.d.a.test 5 DNAME e.test.",
                                    "update add x.d.a.test 5 A 192.0.2.7"])
    expect("REFUSED" in told, told)
    expect_equal(dig(dns, "x.d.a.test"), "", "nothing of it")
    # A DNAME hides what lies below it, and shows it again when it goes (RFC 6672 §5.2).
    expect_equal(update("nsupdate", dns, ["zone a.test", "update add x.d.a.test 5 A 192.0.2.7",
                                          "update add d.a.test 5 DNAME e.test."]), "", "a DNAME")
    expect_equal(dig(dns, "x.d.a.test", "CNAME"), "e.test. x.e.test.", "the DNAME and what it makes")
    expect_equal(update("nsupdate", dns, ["zone a.test", "update delete d.a.test DNAME"]), "",
                 "without it")
    expect_equal(dig(dns, "x.d.a.test"), "192.0.2.7", "what it hid")
    expect_equal(update("nsupdate", dns, ["zone a.test", "update add z.a.test 5 A 192.0.2.8"]), "",
                 "the next one")
    expect_equal(dig(dns, "z.a.test"), "192.0.2.8", "its answer")


@scenario("keys may change what their rules say, and answers are signed", 90,
          covers=["zones.*.updates[].key", "zones.*.updates[].names", "zones.*.updates[].types",
                  "zones.*.serial-rule"])
def rules(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    lines = ("      - { key: up.test, names: ['subtree:dyn', '*.lab'], types: [A, TXT] }\n"
             "      - { key: host.a.test, names: [self] }\n")
    martlet = scene.martlet(configuration(dns, lines, "    serial-rule: unixtime\n"))
    up, host = f"hmac-sha256:up.test:{SECRET}", f"hmac-sha512:host.a.test:{SECRET}"

    def attempt(line, key=up, tool="nsupdate"):
        return update(tool, dns, ["zone a.test", line], key)

    began = int(time.time())
    expect_equal(attempt("update add dyn.a.test 5 A 192.0.2.7"), "", "the name of a subtree")
    expect(abs(serial(dns) - began) < 30, "the serial is the time")
    expect_equal(attempt("update add x.y.dyn.a.test 5 TXT t", tool="knsupdate"), "", "below it")
    expect_equal(attempt("update add x.lab.a.test 5 A 192.0.2.7"), "", "below a name")
    expect_equal(attempt("update add host.a.test 5 AAAA 2001:db8::1", host), "", "its own name")
    for line, key in (("update add lab.a.test 5 A 192.0.2.7", up),
                      ("update add dyn.a.test 5 MX 1 a.test.", up),
                      ("update add www.a.test 5 A 192.0.2.7", up),
                      ("update add host.a.test 5 NS a.test.", host),
                      ("update add x.host.a.test 5 A 192.0.2.7", host)):
        expect("REFUSED" in attempt(line, key), line)
    expect("REFUSED" in attempt("update add dyn.a.test 5 A 192.0.2.8", None), "without a signature")
    wrong = base64.b64encode(b"another secret altogether").decode()
    told = attempt("update add dyn.a.test 5 A 192.0.2.8", f"hmac-sha256:up.test:{wrong}")
    expect("NOTAUTH" in told or "BADSIG" in told, told)
    expect_equal(dig(dns, "dyn.a.test"), "192.0.2.7", "the answer after all that")
    events = [event for event in martlet.json("GET", "/api/v1/events")["events"]
              if event["kind"] == "zone-changed"]
    expect_equal([(event["zone"], event["client"], event["key"], event["sets"]) for event in events],
                 [("a.test.", "127.0.0.1", "up.test.", 1)] * 3
                 + [("a.test.", "127.0.0.1", "host.a.test.", 1)], "the trail")
    expect(all(a["to"] == b["from"] for a, b in zip(events, events[1:])), events)
    # Keys and rules follow a reload; what was changed stays.
    martlet.reload(configuration(dns, "      - { key: host.a.test, names: [zone] }\n"))
    expect("REFUSED" in attempt("update add dyn.a.test 5 A 192.0.2.8"), "a key of former rules")
    expect_equal(attempt("update add www.a.test 5 A 192.0.2.3", host), "", "the key of new ones")
    expect_equal(sorted(dig(dns, "www.a.test").split()), ["192.0.2.1", "192.0.2.3"], "both")
    expect_equal(dig(dns, "dyn.a.test"), "192.0.2.7", "what was changed before")


@scenario("changes outlive restarts and reloads, and meet the file when that changes", 120)
def outlive(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(configuration(dns, ANYBODY))
    for line in ("update add new.a.test 60 A 192.0.2.9", "update delete alias.a.test",
                 "update add www.a.test 60 A 192.0.2.2"):
        expect_equal(update("nsupdate", dns, ["zone a.test", line]), "", line)

    def check(number, what):
        expect_equal(dig(dns, "new.a.test"), "192.0.2.9", f"what was added, {what}")
        expect_equal(dig(dns, "alias.a.test", "CNAME"), "", f"what was deleted, {what}")
        expect_equal(sorted(dig(dns, "www.a.test").split()), ["192.0.2.1", "192.0.2.2"], what)
        expect_equal(serial(dns), number, f"the serial, {what}")

    check(13, "at once")
    martlet.reload()
    check(13, "after a reload")
    martlet.kill_serving()
    eventually("it serves again", lambda: dig(dns, "a.test", "SOA"))
    check(13, "after a crash")
    martlet.stop()
    martlet.start()
    check(13, "after a restart")
    # The file with a higher serial, and with one that is behind: secondaries must see a new one.
    scene.write("a.zone", ZONE.replace("host 10", "host 500") + "file A 192.0.2.5\n")
    martlet.reload()
    check(500, "with a newer file")
    expect_equal(dig(dns, "file.a.test"), "192.0.2.5", "what the file has")
    scene.write("a.zone", ZONE.replace("host 10", "host 400") + "other A 192.0.2.6\n")
    martlet.reload()
    check(501, "with another file")
    martlet.reload()
    check(501, "once more")
    martlet.stop()
    martlet.start()
    check(501, "after another restart")
    expect_equal(update("nsupdate", dns, ["zone a.test", "update add e.a.test 5 A 192.0.2.7"]), "", "")
    expect_equal(serial(dns), 502, "it goes on from there")


def message(number, name, address):
    """An update that adds one address, without a signature."""
    def wire(text):
        return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"
    head = struct.pack("!6H", number, 5 << 11, 1, 0, 1, 0)
    record = wire(name) + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
    return head + wire("a.test") + struct.pack("!HH", 6, 1) + record


class Updater(threading.Thread):
    """Sends updates without end, and remembers those that were acknowledged."""

    def __init__(self, dns, number, tcp):
        super().__init__(daemon=True)
        self.dns, self.number, self.tcp = dns, number, tcp
        self.acknowledged, self.refused, self.halted = [], [], False

    def run(self):
        count = 0
        while not self.halted:
            count += 1
            name = f"u{self.number}-{count}.a.test"
            try:
                code = self.send(message(count & 0xFFFF, name, "192.0.2.9"))
            except OSError:
                time.sleep(0.001)
                continue
            if code == 0:
                self.acknowledged.append(name)
            elif code is not None:
                self.refused.append(code)

    def send(self, data):
        kind = socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.settimeout(0.5)
            sock.connect(("127.0.0.1", self.dns))
            sock.sendall((struct.pack("!H", len(data)) if self.tcp else b"") + data)
            reply = sock.recv(4096)
            reply = reply[2:] if self.tcp else reply
            if len(reply) < 12 or reply[:2] != data[:2]:
                return None
            return reply[3] & 15


@scenario("kill -9 in the middle of updates loses nothing that was acknowledged", 3600)
def killed(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(configuration(dns, ANYBODY))
    randomness = random.Random(7)
    checked = 0
    for number in range(1000 if scene.full else 20):
        updaters = [Updater(dns, f"{number}-{n}", tcp=n % 2 == 1) for n in range(4)]
        for updater in updaters:
            updater.start()
        eventually("updates are acknowledged",
                   lambda: sum(len(u.acknowledged) for u in updaters) > 3, within=20)
        time.sleep(randomness.random() * 0.05)
        old = martlet.serving()
        martlet.kill_serving()
        for updater in updaters:
            updater.halted = True
        for updater in updaters:
            updater.join(5)
        eventually("it serves again", lambda: martlet.serving() != old and dig(dns, "a.test", "SOA"),
                   within=30)
        for updater in updaters:
            expect_equal(set(updater.refused) - {2}, set(), "codes")
            for name in updater.acknowledged:
                checked += 1
                expect_equal(dig(dns, name), "192.0.2.9", f"{name} after kill {number + 1}")
        if number % 10 == 9:
            # The zone does not grow without end.
            lines = ["zone a.test"] + [f"update delete {name}" for u in updaters
                                       for name in u.acknowledged][:100]
            update("nsupdate", dns, lines, tcp=True)
    expect(checked > 50, f"only {checked} updates were acknowledged")
    text = dig_text(dns, "a.test", "SOA")
    expect("status: NOERROR" in text, text)


@scenario("a flood of updates fills neither the log nor the way to a victim", 90)
def flood(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    text = configuration(dns, ANYBODY)
    martlet = scene.martlet(text)

    def flood(message, count):
        """The codes of the answers that come within a second after the last one was sent."""
        codes = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", dns))
            for _ in range(count):
                sock.send(message)
                # No faster than they can be taken: what finds no room in the socket proves nothing.
                if select.select([sock], [], [], 0.002)[0]:
                    codes.append(sock.recv(4096)[3] & 15)
            sock.settimeout(1)
            try:
                while True:
                    codes.append(sock.recv(4096)[3] & 15)
            except TimeoutError:
                return codes

    def wire(text):
        return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"

    # One who may change the zone, but not into one that cannot be served.
    target = wire("www.a.test")
    broken = (struct.pack("!6H", 7, 5 << 11, 1, 0, 1, 0) + wire("a.test") + struct.pack("!HH", 6, 1)
              + wire("*.ns.a.test") + struct.pack("!HHIH", 39, 1, 60, len(target)) + target
              + b"")
    below = wire("x.ns.a.test") + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton("192.0.2.1")
    broken = broken[:8] + struct.pack("!H", 2) + broken[10:] + below
    codes = flood(broken, 60)
    expect(len(codes) > 50 and set(codes) == {5}, f"answers: {codes}")
    lines = [line for line in martlet.log().split("\n") if "change of zones is refused" in line]
    expect(1 <= len(lines) <= 10, f"{len(lines)} lines")
    expect(all(" info " in line and "client=127.0.0.1" in line for line in lines), lines[0])
    # Those that are kept have a line each, until there are too many.
    sender = Updater(dns, 0, False)
    codes = [sender.send(message(count, f"n{count}.a.test", "192.0.2.1")) for count in range(100)]
    expect_equal(set(codes), {0}, "kept")
    lines = [line for line in martlet.log().split("\n") if " zone-changed " in line]
    expect_equal(len(lines), 60, "lines of what is kept")
    # One whom no rule is about, with the rate of errors set.
    martlet.reload(text.replace("127.0.0.1]", "192.0.2.0/24]").replace("127.0.0.0/8]", "192.0.2.0/24]")
                   + "dns: { rate-limit: { errors: 5/s, slip: 0 } }\n")
    codes = flood(message(9, "y.a.test", "192.0.2.1"), 200)
    expect(5 <= len(codes) <= 15 and set(codes) <= {5, 9}, f"answers: {codes}")
    gone = martlet.metric("martlet_dns_updates_rate_limited_total", action="dropped")
    expect(gone >= 180, f"{gone} dropped")


@scenario("changes are shown beside the file, and taken back", 60)
def shown(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(configuration(dns, ANYBODY))
    expect_equal(update("nsupdate", dns, ["zone a.test", "update add n.a.test 60 A 192.0.2.9"]), "", "")
    admin = ["--admin", f"127.0.0.1:{martlet.admin}"]

    def told(*words):
        code, out, err = martlet_command(scene, "zone", *words, *admin)
        expect_equal(code, 0, f"{words}: {out}{err}")
        return out

    expect("2 sets" in told("list"), told("list"))
    text = told("export", "a.test")
    expect("n.a.test.\t60\tIN\tA\t192.0.2.9" in text and text.startswith("a.test.\t60\tIN\tSOA"), text)
    told("discard", "a.test")
    expect_equal(dig(dns, "n.a.test"), "", "the answer after that")
    expect("2 sets" not in told("list"), "the list after that")
    martlet.reload()
    expect_equal((dig(dns, "n.a.test"), serial(dns)), ("", 10), "after a reload")
    expect(martlet.metric("martlet_dns_updates_total", rcode="NOERROR") == 1, "the counter")


@scenario("a disk that does not answer holds nobody up but whoever waits for it", 60)
def slow_disk(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(configuration(dns, ANYBODY))
    expect_equal(update("nsupdate", dns, ["zone a.test", "update add n.a.test 60 A 192.0.2.9"]), "", "")
    admin = ["--admin", f"127.0.0.1:{martlet.admin}"]
    # The store is locked by somebody else: SQLite waits for it.
    store = sqlite3.connect(os.path.join(martlet.state, "zones.db"), isolation_level=None)
    store.execute("BEGIN EXCLUSIVE")
    done = []
    thread = threading.Thread(
        target=lambda: done.append(martlet_command(scene, "zone", "discard", "a.test", *admin)))
    thread.start()
    worst = 0.0
    end = time.monotonic() + 0.8
    while time.monotonic() < end:
        began = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{martlet.admin}/livez", timeout=10) as told:
            expect_equal(told.status, 200, "the process")
        worst = max(worst, time.monotonic() - began)
    expect(not done, "the order waits for the disk")
    expect(worst < 0.5, f"the control thread was held up for {worst:.2f} s")
    expect_equal(dig(dns, "n.a.test"), "192.0.2.9", "the answer meanwhile")
    store.execute("ROLLBACK")
    store.close()
    thread.join(20)
    expect(done and done[0][0] == 0, f"the end of the order: {done}")
    expect_equal(dig(dns, "n.a.test"), "", "the answer after it")


@scenario("what cannot be kept is answered SERVFAIL and changes nothing, and then all is as before", 60)
def unkept(scene):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(configuration(dns, ANYBODY))
    expect_equal(update("nsupdate", dns, ["zone a.test", "update add n.a.test 60 A 192.0.2.9"]), "", "")
    number = serial(dns)
    store = sqlite3.connect(os.path.join(martlet.state, "zones.db"), isolation_level=None)
    store.execute("CREATE TRIGGER t BEFORE INSERT ON zones BEGIN SELECT RAISE(ABORT, 'no'); END")
    told = update("nsupdate", dns, ["zone a.test", "update add m.a.test 60 A 192.0.2.9",
                                    "update delete n.a.test"])
    expect("SERVFAIL" in told, told)
    expect_equal(dig(dns, "m.a.test"), "", "what was to come")
    expect_equal(dig(dns, "n.a.test"), "192.0.2.9", "what was to go")
    expect_equal(serial(dns), number, "the serial")
    store.execute("DROP TRIGGER t")
    store.close()
    expect_equal(update("nsupdate", dns, ["zone a.test", "update add m.a.test 60 A 192.0.2.9"]), "", "the next one")
    expect_equal(dig(dns, "m.a.test"), "192.0.2.9", "its answer")
    expect_equal(serial(dns), number + 1, "its serial")
