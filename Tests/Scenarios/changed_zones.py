# SPDX-License-Identifier: Apache-2.0
"""Zones that change while they serve, and what else happens to them: other lives, reloads, files."""
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import dig_text
from harness.martlet import martlet_command
from transfers import bind
from updates import ANYBODY, ZONE, Updater, dig, serial, update
from zone_api import BASE, KEY, Client, change

A = "  a.test:\n    file: a.zone\n    updates:\n" + ANYBODY
B = "  b.test:\n    file: b.zone\n    updates:\n" + ANYBODY
NEW = {"name": "a.test.", "kind": "Native", "nameservers": ["ns1.b.test."],
       "rrsets": [{"name": "h.a.test.", "type": "A", "ttl": 5, "records": [{"content": "192.0.2.3"}]}]}


class Setting:
    def __init__(self, scene):
        self.dns, self.api = scene.port(), scene.port()
        self.scene = scene
        self.client = Client(self.api)
        scene.write("a.zone", ZONE)
        scene.write("b.zone", ZONE)

    def text(self, zones, more="", listeners=""):
        return (f"listeners: [ {{ dns: 127.0.0.1:{self.dns} }}{listeners} ]\n"
                f"zone-api: {{ listen: 127.0.0.1:{self.api}, key: {KEY} }}\n{more}zones:\n{zones}")

    def start(self, zones):
        self.martlet = self.scene.martlet(self.text(zones))
        self.ready()
        return self.martlet

    def ready(self):
        eventually("the API answers", lambda: self.client("GET", BASE)[0] == 200)

    def add(self, name, address="192.0.2.9", tool="nsupdate"):
        zone = name.split(".", 1)[1]
        return update(tool, self.dns, [f"zone {zone}", f"update add {name} 60 A {address}"])

    def dig(self, name, kind="A"):
        return dig(self.dns, name, kind)

    def restart(self):
        self.martlet.stop()
        self.martlet.start()
        self.ready()


@scenario("a zone that the API makes has nothing of a former life, and outlives the next reload", 90)
def made_anew(scene):
    it = Setting(scene)
    martlet = it.start(A + B)
    expect_equal(it.add("old.a.test"), "", "a change of the configured zone")
    martlet.reload(it.text(B))
    expect_equal(it.client("PATCH", f"{BASE}/zones/a.test.",
                           {"rrsets": [change("REPLACE", "x.a.test.", "A", ["192.0.2.7"])]})[0],
                 404, "a change of what is gone")
    expect_equal(it.client("POST", f"{BASE}/zones", NEW)[0], 201, "the zone made")
    told = it.add("u.a.test")
    expect("REFUSED" in told, f"ours, without a rule: {told}")
    for what in ("at once", "after a reload", "after a restart"):
        expect_equal((it.dig("h.a.test"), it.dig("old.a.test")), ("192.0.2.3", ""), what)
        martlet.reload() if what == "at once" else it.restart()
    # And back into the configuration: that counts, and changes of it are kept.
    martlet.reload(it.text(A + B))
    expect_equal((it.dig("h.a.test"), it.dig("www.a.test")), ("", "192.0.2.1"), "the file")
    admin = ["--admin", f"127.0.0.1:{martlet.admin}"]
    code, out, err = martlet_command(scene, "zone", "discard", "a.test", *admin)
    expect_equal(code, 0, out + err)
    expect_equal((it.dig("h.a.test"), it.dig("www.a.test")), ("", "192.0.2.1"), "the file, still")
    expect_equal(it.add("new.a.test"), "", "an update")
    patch = {"rrsets": [change("REPLACE", "p.a.test.", "A", ["192.0.2.7"])]}
    expect_equal(it.client("PATCH", f"{BASE}/zones/a.test.", patch)[0], 204, "a patch")
    for what in ("a reload", "a restart"):
        martlet.reload() if what == "a reload" else it.restart()
        expect_equal((it.dig("new.a.test"), it.dig("p.a.test"), it.dig("h.a.test")),
                     ("192.0.2.9", "192.0.2.7", ""), f"after {what}")
    # What lies there of a zone that is configured no more can be discarded.
    martlet.reload(it.text(B))
    code, out, err = martlet_command(scene, "zone", "discard", "a.test", *admin)
    expect_equal(code, 0, out + err)
    martlet.reload(it.text(A + B))
    expect_equal((it.dig("new.a.test"), it.dig("www.a.test")), ("", "192.0.2.1"), "nothing left")


@scenario("a change that lands while a reload is staged undoes nothing of it", 90)
def staged(scene):
    it = Setting(scene)
    martlet = it.start(A + B)
    expect_equal(it.add("u1.a.test"), "", "a change before")
    # An origin that takes connections and says nothing: the reload waits for its first verdict.
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(50)
    pool = ("probes: { s: { http: /, interval: 20s, timeout: 8s } }\n"
            f"pools: {{ slow: {{ probe: s, endpoints: [ {{ address: '127.0.0.1:{silent.getsockname()[1]}' }} ] }} }}\n"
            "routes: [ { pool: slow } ]\n")
    for name in ("a.zone", "b.zone"):
        scene.write(name, ZONE.replace("host 10", "host 20") + "edited A 192.0.2.123\n")
    martlet.configure(it.text(A + B, pool, f", {{ http: 127.0.0.1:{scene.port()} }}"))
    martlet.signal(signal.SIGHUP)
    held = silent.accept()
    expect_equal(it.dig("edited.a.test"), "", "it is staged")
    for number, zone in ((2, "b.test"), (3, "a.test"), (4, "b.test")):
        expect_equal(it.add(f"u{number}.{zone}"), "", f"update {number}")
        for other in ("a.test", "b.test"):
            expect_equal(it.dig(f"edited.{other}"), "192.0.2.123", f"{other} after update {number}")
            expect(serial(it.dns, other) >= 20, f"the serial of {other}")
    held[0].close()
    it.restart()
    for name in ("u1.a.test", "u2.b.test", "u3.a.test", "u4.b.test"):
        expect_equal(it.dig(name), "192.0.2.9", f"{name} after a restart")


@scenario("a change puts no file and no configuration into force that nobody has asked for", 90)
def unfinished(scene):
    it = Setting(scene)
    alias = ("  al.test:\n    soa: { primary: ns1, mailbox: host@al.test }\n"
             "    records: { ns1: { a: 192.0.2.2 }, '@': { alias: www.al.test }, www: { a: 192.0.2.77 } }\n"
             "    updates:\n" + ANYBODY)
    draft = ("  draft.test:\n    soa: { primary: ns1, mailbox: host@draft.test }\n"
             "    records: { ns1: { a: 192.0.2.2 } }\n")
    martlet = it.start(A + B + alias)
    other = {**NEW, "name": "z.test.", "rrsets": []}
    expect_equal(it.client("POST", f"{BASE}/zones", other)[0], 201, "a zone")
    scene.write("a.zone", ZONE.replace("www A 192.0.2.1\n", "") + "half A 192.0.2.44\n")
    martlet.configure(it.text(A + B + alias + draft))

    def check(what):
        expect_equal((it.dig("half.a.test"), it.dig("www.a.test")), ("", "192.0.2.1"), f"a, {what}")
        expect_equal(it.dig("draft.test", "SOA"), "", f"the draft, {what}")

    expect_equal(it.add("x.al.test"), "", "a change of the zone with an alias")
    expect_equal((it.dig("x.al.test"), it.dig("al.test")), ("192.0.2.9", "192.0.2.77"), "its answers")
    check("after that")
    expect_equal(it.client("DELETE", f"{BASE}/zones/z.test.")[0], 204, "a zone removed")
    eventually("it is gone", lambda: it.client("GET", f"{BASE}/zones/z.test.")[0] == 404)
    check("after the removal")
    # Neither does what is broken keep anything acknowledged from being served.
    scene.write("a.zone", "broken (\n")
    martlet.configure(it.text(A + B + alias) + "broken: [\n")
    for name in ("y.al.test", "y.a.test", "y.b.test"):
        expect_equal(it.add(name), "", name)
        expect_equal(it.dig(name), "192.0.2.9", f"the answer for {name}")
    admin = ["--admin", f"127.0.0.1:{martlet.admin}"]
    scene.write("b.zone", ZONE + "fresh A 192.0.2.45\n")
    code, out, err = martlet_command(scene, "zone", "discard", "b.test", *admin)
    expect_equal(code, 0, out + err)
    expect_equal((it.dig("y.b.test"), it.dig("fresh.b.test")), ("", "192.0.2.45"), "b, read again")
    expect_equal(it.dig("y.a.test"), "192.0.2.9", "a, as it was")


@scenario("a change of a zone of a file that has an alias puts no half of the file into force", 60)
def half_file(scene):
    it = Setting(scene)
    aliased = ZONE.replace("$TTL 60\n", "$TTL 60\n@ ALIAS www\n")
    scene.write("a.zone", aliased)
    it.start(A)
    expect_equal(it.dig("a.test"), "192.0.2.1", "the alias")
    # Somebody is at work on the file: a name is gone, another one is not ready.
    scene.write("a.zone", aliased.replace("alias CNAME www\n", "") + "half A 192.0.2.44\n")
    for number in range(3):
        expect_equal(it.add(f"n{number}.a.test"), "", f"change {number}")
        expect_equal(it.dig(f"n{number}.a.test"), "192.0.2.9", f"its answer, {number}")
        expect_equal((it.dig("half.a.test"), it.dig("alias.a.test", "CNAME")), ("", "www.a.test."),
                     f"what the file has now, after change {number}")
    it.martlet.reload()
    expect_equal((it.dig("half.a.test"), it.dig("n0.a.test")), ("192.0.2.44", "192.0.2.9"),
                 "both, after a reload")


@scenario("a file that meets changes which it does not fit is served with the changes", 60)
def unfit(scene):
    it = Setting(scene)
    martlet = it.start(A)
    expect_equal(update("nsupdate", it.dns, ["zone a.test", "update add x.a.test 60 CNAME www.a.test.",
                                             "update add d.a.test 60 DNAME other.test."]), "", "")
    scene.write("a.zone", ZONE.replace("host 10", "host 20")
                + "x A 192.0.2.66\nbelow.d A 192.0.2.67\nmore A 192.0.2.68\n")
    for what in ("a reload", "a restart"):
        martlet.reload() if what == "a reload" else it.restart()
        expect_equal(it.dig("x.a.test", "CNAME"), "www.a.test.", f"the change after {what}")
        expect_equal(it.dig("more.a.test"), "192.0.2.68", f"the file after {what}")
        expect_equal(it.add(f"n{len(what)}.a.test"), "", f"another change after {what}")
    log = martlet.log()
    expect("M1672" in log and "zone discard" in log, "a word in the log")


def framed(number, updates, prerequisites=()):
    """An update of a.test as it goes by TCP."""
    def wire(text):
        return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"
    message = struct.pack("!6H", number, 5 << 11, 1, len(prerequisites), len(updates), 0)
    message += wire("a.test") + struct.pack("!HH", 6, 1)
    for name, kind, sort, data in [*prerequisites, *updates]:
        message += wire(name) + struct.pack("!HHIH", kind, sort, 60 if sort == 1 else 0, len(data)) + data
    return struct.pack("!H", len(message)) + message


@scenario("updates that come together are all answered, whatever becomes of some", 60)
def together(scene):
    it = Setting(scene)
    it.start(A)
    target = b"\x01e\x04test\0"

    def send(messages):
        with socket.create_connection(("127.0.0.1", it.dns)) as sock:
            sock.settimeout(10)
            sock.sendall(b"".join(messages))
            stream, codes = sock.makefile("rb"), {}
            for _ in messages:
                length, = struct.unpack("!H", stream.read(2))
                reply = stream.read(length)
                codes[struct.unpack("!H", reply[:2])[0]] = reply[3] & 15
            return codes

    good = [framed(n, [(f"g{n}.a.test", 1, 1, b"\xc0\0\2\1")]) for n in (1, 3)]
    bad = framed(2, [("*.d.a.test", 39, 1, target), ("x.d.a.test", 1, 1, b"\xc0\0\2\1")])
    vain = [framed(n, [("z.a.test", 1, 1, b"\xc0\0\2\1")], [("nowhere.a.test", 255, 255, b"")])
            for n in range(100, 110)]
    codes = send([good[0], bad, good[1], *vain])
    expect_equal([codes[n] for n in (1, 2, 3)], [0, 5, 0], "the codes of three")
    expect_equal({codes[n] for n in range(100, 110)}, {3}, "the codes of the others")
    expect_equal((it.dig("g1.a.test"), it.dig("g3.a.test")), ("192.0.2.1", "192.0.2.1"), "both")


@scenario("a zone that is signed in its file, or comes from elsewhere, takes no changes", 60)
def not_ours(scene):
    it = Setting(scene)
    scene.write("plain", "$ORIGIN a.test.\n" + ZONE)

    def run(*command):
        return subprocess.run(command, cwd=scene.folder, capture_output=True, timeout=60, check=True)

    run("dnssec-keygen", "-a", "ECDSAP256SHA256", "-f", "KSK", "a.test")
    run("dnssec-signzone", "-S", "-z", "-o", "a.test", "-f", "a.zone", "plain")
    martlet = it.start(A + "  s.test: { transfer-from: [ { address: '127.0.0.1:1' } ] }\n")
    expect("REFUSED" in it.add("new.a.test"), "an update")
    patch = {"rrsets": [change("REPLACE", "p.a.test.", "A", ["192.0.2.7"])]}
    status, told, _ = it.client("PATCH", f"{BASE}/zones/a.test.", patch)
    expect(status == 422 and "signed" in told["error"], f"{status} {told}")
    expect("RRSIG" in dig_text(it.dns, "a.test", "SOA", "+dnssec"), "its signature")
    shown = it.client("GET", f"{BASE}/zones/a.test.")[1]
    listed = it.client("GET", f"{BASE}/zones?zone=a.test.")[1][0]
    expect_equal((shown["dnssec"], listed["dnssec"], shown["kind"]), (True, True, "Native"), "shown")
    # One that is awaited is nevertheless a zone of the configuration.
    other = {**NEW, "name": "s.test.", "rrsets": []}
    status, told, _ = it.client("POST", f"{BASE}/zones", other)
    expect(status == 409 and "configuration" in told["error"], f"{status} {told}")
    expect("REFUSED" in it.add("x.s.test"), "an update of a zone from elsewhere")
    expect(martlet.metric("martlet_dns_updates_total", rcode="REFUSED") == 2, "the counter")


@scenario("zones that come from elsewhere stay in force while others change", 60)
def beside_transfers(scene):
    it = Setting(scene)
    file = scene.write("s.zone", ZONE)
    primary = bind(scene, f"""
zone s.test {{ type primary; file "{file}"; allow-transfer {{ 127.0.0.1; }}; notify explicit;
  also-notify {{ 127.0.0.1 port {it.dns}; }}; }};""")
    it.start(A + f"  s.test: {{ transfer-from: [ {{ address: '127.0.0.1:{primary.port}' }} ] }}\n")
    # Large enough for its changes to take a while each.
    many = "".join(f"n{n} A 10.0.{n >> 8}.{n & 255}\n" for n in range(2000))
    scene.write("a.zone", ZONE.replace("host 10", "host 20") + many)
    it.martlet.reload()
    eventually("the zone is there", lambda: it.dig("www.s.test"), within=20)
    shown = it.client("GET", f"{BASE}/zones/s.test.")[1]
    expect_equal((shown["kind"], shown["masters"]), ("Slave", [f"127.0.0.1:{primary.port}"]), "shown")
    updater = Updater(it.dns, "t", tcp=True)
    updater.start()
    for number in range(30, 36):
        scene.write("s.zone", ZONE.replace("host 10", f"host {number}") + f"v{number} A 192.0.2.1\n")
        os.utime(file, (number * 10 + 2_000_000_000, number * 10 + 2_000_000_000))
        primary.process.send_signal(signal.SIGHUP)
        eventually(f"version {number}", lambda: serial(it.dns, "s.test") == number, within=20)
        acknowledged = len(updater.acknowledged)
        eventually("updates go on", lambda: len(updater.acknowledged) > acknowledged + 1, within=20)
        expect_equal(serial(it.dns, "s.test"), number, "the version after changes of another zone")
    updater.halted = True
    updater.join(5)
    for name in updater.acknowledged[::10]:
        expect_equal(it.dig(name), "192.0.2.9", name)


@scenario("the API reads nothing without its key, and keeps nothing as something else", 60)
def strict(scene):
    it = Setting(scene)
    it.start(A)
    head = f"PATCH {BASE}/zones/a.test. HTTP/1.1\r\nHost: a\r\nX-API-Key: bm9uZQ==\r\n"
    with socket.create_connection(("127.0.0.1", it.api)) as sock:
        sock.settimeout(5)
        # Its body never comes.
        sock.sendall(f"{head}Content-Length: 8000000\r\n\r\n".encode())
        expect(b" 401 " in sock.recv(4096), "an answer to the head alone")
    path = f"{BASE}/zones/a.test."
    before = it.client("GET", path)[1]
    soa = "ns.a.test. host.a.test. 10 2 3 4 5"
    for bad in ({"name": "www.a.test.", "type": "A", "ttl": 60, "changetype": "REPLACE"},
                {"name": "www.a.test.", "type": "A", "ttl": 60, "changetype": "REPLACE", "records": None},
                change("PRUNE", "a.test.", "SOA", [soa]),
                change("REPLACE", "k.a.test.", "TXT", ["v=DKIM1; k=rsa; p=abc"]),
                change("REPLACE", "c.a.test.", "CNAME", ["www"]),
                change("REPLACE", "m.a.test.", "MX", ["10 mail"])):
        status, told, _ = it.client("PATCH", path, {"rrsets": [bad]})
        expect(status == 422 and told["error"], f"{bad}: {status} {told}")
    comments = {"name": "www.a.test.", "type": "A", "ttl": 60, "changetype": "REPLACE",
                "comments": [{"content": "a comment", "account": ""}]}
    expect_equal(it.client("PATCH", path, {"rrsets": [comments]})[0], 204, "comments alone")
    expect_equal(it.client("GET", path)[1], before, "the zone after all that")
    expect_equal(it.client("GET", f"{BASE}/zones?zone=a..b")[0], 422, "a name that is none")
    text = ['"v=DKIM1; k=rsa; p=abc"']
    expect_equal(it.client("PATCH", path, {"rrsets": [change("REPLACE", "k.a.test.", "TXT", text)]})[0],
                 204, "a text in quotes")
    expect_equal(it.dig("k.a.test", "TXT"), text[0], "its answer")


@scenario("a store that cannot be written is served from", 60)
def unwritable(scene):
    it = Setting(scene)
    martlet = it.start(A)
    expect_equal(it.add("dyn.a.test"), "", "a change")
    expect_equal(it.client("POST", f"{BASE}/zones", {**NEW, "name": "z.test.", "rrsets": []})[0], 201, "")
    martlet.stop()
    store = os.path.join(martlet.state, "zones.db")
    # As on a full disk: what writers share cannot be made.
    if os.path.exists(store + "-shm"):
        os.remove(store + "-shm")
    os.symlink("/nowhere/at/all", store + "-shm")
    martlet.start()
    expect_equal((it.dig("dyn.a.test"), it.dig("z.test", "NS")), ("192.0.2.9", "ns1.b.test."), "both")
    expect("SERVFAIL" in it.add("more.a.test"), "a change that cannot be kept")
    expect("cannot be changed" in martlet.log() and "has room" in martlet.log(), "a word in the log")
    martlet.stop()
    os.remove(store + "-shm")
    martlet.start()
    expect_equal(it.add("more.a.test"), "", "a change with room again")
    expect_equal((it.dig("dyn.a.test"), it.dig("more.a.test")), ("192.0.2.9", "192.0.2.9"), "all")


@scenario("a stream of changes by the API keeps no update waiting", 60)
def turns(scene):
    it = Setting(scene)
    it.start(A)
    halted = []

    def patch(number):
        connection = http.client.HTTPConnection("127.0.0.1", it.api, timeout=20)
        count = 0
        while not halted:
            count += 1
            body = {"rrsets": [change("REPLACE", f"p{number}.a.test.", "A", [f"192.0.2.{count % 250 + 1}"])]}
            connection.request("PATCH", f"{BASE}/zones/a.test.", json.dumps(body), {"X-API-Key": KEY})
            connection.getresponse().read()

    # So many that one of them always waits: each change is a flight of its own.
    threads = [threading.Thread(target=patch, args=(n,), daemon=True) for n in range(24)]
    for thread in threads:
        thread.start()
    worst = 0.0
    try:
        for number in range(8):
            began = time.monotonic()
            expect_equal(it.add(f"u{number}.a.test"), "", f"update {number}")
            worst = max(worst, time.monotonic() - began)
    finally:
        halted.append(True)
        for thread in threads:
            thread.join(20)
    expect(worst < 2, f"an update has waited for {worst:.1f} s")
    expect_equal(it.dig("u7.a.test"), "192.0.2.9", "the last one")
