# SPDX-License-Identifier: Apache-2.0
"""Zones in files: each stands for itself, at the start, at a reload, and while one is faulty."""
import json
import threading

from harness import expect, expect_equal, scenario
from harness.ask import ask_dns, dig, dig_text
from harness.martlet import martlet_command

HEAD = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.53\n"
FULL = HEAD + """@ MX 10 mail
@ MX 20 mail.example.net.
@ TXT "kept" "as it was"
mail A 192.0.2.25
  AAAA 2001:db8::25
alias CNAME Mail
*.wild TXT "any of them"
sub NS ns.sub
ns.sub A 192.0.2.54
sub DS \\# 36 00010D02 0123456789012345678901234567890123456789012345678901234567890123
here ALIAS mail
_sip._tcp SRV 1 2 5060 mail
svc HTTPS 1 . alpn=h2
odd\\.label\\000 A 192.0.2.9
type TYPE65534 \\# 3 010203
caa CAA 0 issue "ca.example"
"""
QUESTIONS = [("a.test", "SOA"), ("a.test", "NS"), ("a.test", "MX"), ("a.test", "TXT"),
             ("mail.a.test", "A"), ("mail.a.test", "AAAA"), ("alias.a.test", "A"),
             ("x.y.wild.a.test", "TXT"), ("wild.a.test", "TXT"), ("x.sub.a.test", "A"),
             ("sub.a.test", "DS"), ("here.a.test", "A"), ("here.a.test", "AAAA"),
             ("_sip._tcp.a.test", "SRV"), ("svc.a.test", "HTTPS"), ("odd\\.label\\000.a.test", "A"),
             ("type.a.test", "TYPE65534"), ("caa.a.test", "CAA"), ("none.a.test", "A"),
             ("steered.a.test", "A"), ("steered.a.test", "HTTPS"), ("plain.a.test", "A")]


def answers(dns):
    found = []
    for name, kind in QUESTIONS:
        text = dig_text(dns, name, kind, "+norec", "+nostats", "+nocookie", "+noidentify")
        lines = [line.partition(", id:")[0] for line in text.splitlines()
                 if line and not line.startswith("; <<>>")]
        found.append((name, kind, sorted(lines)))
    return found


@scenario("a zone whose file is faulty keeps its former version, in all that it answers; others go on")
def former(scene):
    dns = scene.port()
    for name in ("a", "b", "c"):
        scene.write(f"{name}.zone", FULL if name == "a" else HEAD + "www A 192.0.2.1\n")

    def text(weights="", policies=""):
        return f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones:
  a.test:
    file: a.zone
    records:
      steered: {{ steer: chosen, https: 1 . alpn=h2 }}
      plain: {{ a: 192.0.2.77{weights} }}
  b.test: {{ file: b.zone }}
  c.test: {{ file: c.zone }}
steer:
{policies}  chosen: {{ failover: [ 192.0.2.30, 192.0.2.31 ], ttl: 20s }}
"""
    martlet = scene.martlet(text())
    before = answers(dns)
    for name, kind, lines in before:
        expect(any("status: NOERROR" in line or "status: NXDOMAIN" in line for line in lines),
               f"{name} {kind}: {lines}\n{martlet.log()[-1500:]}")
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    for broken in ("x A nonsense\n", "mail CNAME ns\n", "@ SOA ns host 1 2 3 4 5\n"):
        scene.write("a.zone", FULL + broken)
        scene.write("b.zone", HEAD + f"www A 192.0.2.2\nnew A 192.0.2.{len(broken)}\n")
        status, out, err = martlet_command(scene, "reload", *admin)
        expect(status == 1 and "zone a.test. keeps its former version: " in out and "a.zone:" in out,
               f"reload: {status} {out}{err}")
        expect_equal(dig(dns, "new.b.test"), [f"192.0.2.{len(broken)}"], "the others are read")
        expect_equal(answers(dns), before, "all of the zone is as it was")
    status, out, _ = martlet_command(scene, "status", *admin)
    expect("zone a.test. keeps its former version" in out, out)
    zones = {zone["name"]: zone for zone in martlet.snapshot()["zones"]}
    expect_equal([zones[f"{name}.test."]["state"] for name in "abc"], ["former", "served", "served"],
                 "states")
    expect_equal(martlet.metric("martlet_dns_zones", state="former"), 1, "the metric")
    expect("error zone-faulty M" in martlet.log(), martlet.log())

    # Policies may have other numbers by now, and the configuration other records.
    martlet.reload(text(", ttl: 5s", "  another: { failover: [ 192.0.2.32, 192.0.2.33 ] }\n"))
    expect_equal(answers(dns), before, "a policy is found by its name")
    # A crash has nothing to keep: the others are served, and the zone says so.
    martlet.kill_serving()
    martlet.wait_ready()
    expect_equal(dig(dns, "www.c.test"), ["192.0.2.1"], "the others")
    expect_equal(ask_dns(dns, "mail.a.test").rcode, 2, "SERVFAIL")
    scene.write("a.zone", FULL)
    martlet.reload()
    expect_equal(dig(dns, "mail.a.test"), ["192.0.2.25"], "mended")
    expect_equal(martlet.metric("martlet_dns_zones", state="served"), 3, "the metric")


@scenario("a start with a faulty zone serves all others; a zone without a file must be right")
def start(scene):
    dns = scene.port()
    scene.write("a.zone", HEAD + "www A 192.0.2.1\nto CNAME x.bad.test.\n")
    scene.write("bad.zone", HEAD + "x A 192.0.2.300\n")
    scene.write("inner.zone", HEAD + "x A 192.0.2.8\n")
    text = f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones:
  a.test: {{ file: a.zone }}
  bad.test: {{ file: bad.zone }}
  missing.test: {{ file: missing.zone }}
  inner.bad.test: {{ file: inner.zone }}
"""
    martlet = scene.martlet(text)
    expect_equal(dig(dns, "www.a.test"), ["192.0.2.1"], "a good one")
    for name, kind in (("x.bad.test", "A"), ("bad.test", "SOA"), ("y.bad.test", "ANY"),
                       ("missing.test", "NS")):
        answer = ask_dns(dns, name, kind)
        expect_equal((answer.rcode, answer.answers), (2, []), f"{name} {kind}")
    told = dig_text(dns, "x.bad.test", "A")
    expect("EDE: 24" in told and "the zone file is faulty" in told, told)
    expect_equal(dig(dns, "x.inner.bad.test"), ["192.0.2.8"], "a zone below it")
    # Whoever follows the alias asks again, and learns the rest.
    chain = dig_text(dns, "to.a.test", "A")
    expect("status: NOERROR" in chain and "x.bad.test." in chain, chain)
    for words in ("zone bad.test. is answered SERVFAIL", "bad.zone:5:5", "missing.zone"):
        expect(words in martlet.log(), f"{words!r} in the log:\n{martlet.log()}")
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")
    status, out, err = martlet_command(scene, "explain-dns", "x.bad.test", *admin)
    expect(status == 0 and "faulty" in out and "SERVFAIL" in out, out + err)
    status, out, _ = martlet_command(scene, "check", martlet.config)
    expect(status == 1 and "bad.zone:5:5" in out and "missing.zone" in out, out)
    expect_equal(martlet.metric("martlet_dns_zones", state="unusable"), 2, "the metric")
    scene.write("bad.zone", HEAD + "x A 192.0.2.30\n")
    scene.write("missing.zone", HEAD)
    status, _, body = martlet.api("POST", "/api/v1/reload")
    expect_equal((status, json.loads(body)["zoneFaults"]), (200, []), "mended")
    expect_equal(dig(dns, "to.a.test"), ["x.bad.test.", "192.0.2.30"], "the chain goes on")
    # What stands in the configuration itself is the configuration's fault.
    martlet.configure(text + "  own.test: { records: { x: { a: 192.0.2.1 } } }\n")
    status, _, body = martlet.api("POST", "/api/v1/reload")
    expect(status in (400, 409, 422), f"{status} {body!r}")
    expect_equal(dig(dns, "to.a.test"), ["x.bad.test.", "192.0.2.30"], "nothing has changed")


@scenario("one zone is read again by itself: nothing else is looked at, and no query is lost", 60)
def single(scene):
    dns = scene.port()
    for name in ("a", "b", "in"):
        scene.write(f"{name}.zone", HEAD + "www A 192.0.2.1\nto CNAME www.b.test.\n")
    scene.write("ali.zone", HEAD + "www A 192.0.2.7\n")
    text = f"""
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones:
  a.test: {{ file: a.zone, records: {{ far: {{ alias: www.ali.test. }}, s: {{ steer: chosen }} }} }}
  b.test: {{ file: b.zone, records: {{ s: {{ steer: chosen, https: 1 . alpn=h2 }} }} }}
  in.b.test: {{ file: in.zone }}
  ali.test: {{ file: ali.zone }}
  own.test:
    soa: {{ primary: ns.own.test, mailbox: me@own.test }}
    records: {{ ns: {{ a: 127.0.0.1 }} }}
steer:
  other: {{ failover: [ 192.0.2.32, 192.0.2.33 ] }}
  chosen: {{ failover: [ 192.0.2.30, 192.0.2.31 ], ttl: 20s }}
"""
    martlet = scene.martlet(text)
    admin = ("--admin", f"127.0.0.1:{martlet.admin}")

    def reload(zone, status=0):
        code, out, err = martlet_command(scene, "zone", "reload", zone, *admin)
        expect_equal(code, status, f"reload of {zone}: {out}{err}")
        return out + err
    steered = dig_text(dns, "s.b.test", "HTTPS", "+short")
    # Both files change, one of them is read.
    for name in ("a", "b"):
        scene.write(f"{name}.zone", HEAD.replace(" 1 2 3", " 8 2 3") + "www A 192.0.2.2\n"
                    "to CNAME www.in.b.test.\nnew TXT new\n")
    scene.write("in.zone", HEAD + "www A 192.0.2.3\n")
    with Queries(dns, "www.b.test", {"192.0.2.1", "192.0.2.2"}) as queries:
        reload("B.test")
        expect_equal(dig(dns, "www.b.test"), ["192.0.2.2"], "read again")
        reload("in.b.test.")
        for _ in range(20):
            reload("b.test")
    expect(queries.lost == 0 and queries.count > 1000, f"{queries.lost} of {queries.count} lost")
    print(f"      {queries.count} queries while zones were read 22 times, {queries.lost} lost",
          flush=True)
    expect_equal(dig(dns, "www.a.test"), ["192.0.2.1"], "nobody asked for that")
    expect_equal(dig(dns, "to.b.test"), ["www.in.b.test.", "192.0.2.3"], "from one to another")
    expect_equal(dig(dns, "to.a.test"), ["www.b.test.", "192.0.2.2"], "from an old one to a new one")
    expect_equal(dig(dns, "new.b.test", "TXT"), ['"new"'], "a new name")
    expect_equal(dig_text(dns, "s.b.test", "HTTPS", "+short"), steered, "steered as before")
    expect_equal(dig(dns, "s.b.test"), ["192.0.2.30"], "steered as before")
    code, out, _ = martlet_command(scene, "zone", "list", *admin)
    expect(code == 0 and "in.b.test." in out and "the configuration" in out, out)
    serials = {zone["name"]: zone["serial"] for zone in martlet.snapshot()["zones"]}
    expect_equal((serials["a.test."], serials["b.test."]), (1, 8), "serials")

    # A faulty file changes nothing; what is not there is said.
    scene.write("b.zone", HEAD + "www A 192.0.2.999\n")
    said = reload("b.test", 1)
    expect("M1515" in said, said)
    expect_equal(dig(dns, "www.b.test"), ["192.0.2.2"], "as before")
    code, out, _ = martlet_command(scene, "zone", "list", *admin)
    expect("b.zone:5:7" in out and "former" in out, out)
    expect("M3043" in reload("none.test", 1) and "M3044" in reload("own.test", 1), "problems")
    # With an alias in it, all zones are put together anew, and no other file is read.
    scene.write("b.zone", HEAD + "www A 192.0.2.4\n")
    scene.write("ali.zone", HEAD + "www A 192.0.2.8\n")
    expect_equal(dig(dns, "far.a.test"), ["192.0.2.7"], "not yet")
    reload("ali.test")
    expect_equal((dig(dns, "far.a.test"), dig(dns, "www.b.test"), dig(dns, "www.a.test")),
                 (["192.0.2.8"], ["192.0.2.2"], ["192.0.2.1"]), "that one alone")
    # A reload of the whole takes it from there, and so does a crash.
    scene.write("b.zone", HEAD + "www A 192.0.2.5\n")
    reload("b.test")
    martlet.reload()
    expect_equal(dig(dns, "www.b.test"), ["192.0.2.5"], "after a reload")
    martlet.kill_serving()
    martlet.wait_ready()
    expect_equal(dig(dns, "www.b.test"), ["192.0.2.5"], "after a crash")


class Queries:
    """Asks for one name over and over on a thread; an answer must be one of `wanted`."""

    def __init__(self, port, name, wanted):
        self.port, self.name, self.wanted = port, name, wanted
        self.count = self.lost = 0
        self.going = True
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def ask(self):
        while self.going:
            self.count += 1
            try:
                answer = ask_dns(self.port, self.name)
                found = {".".join(map(str, data)) for _, _, data in answer.answers}
                if not found or not found <= self.wanted:
                    self.lost += 1
            except OSError:
                self.lost += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        self.thread.join()
