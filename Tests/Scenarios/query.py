# SPDX-License-Identifier: Apache-2.0
"""`martlet query`: what servers answer, shown as dig shows it, and the way of an answer from the root."""
import json
import os
import re
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import dig, dig_text
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.peer import Peer, nsd_server, unbound

ZONE = f"""$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ MX 10 mail
ns A 127.0.0.4
mail AAAA 2001:db8::25
www A 192.0.2.1
www A 192.0.2.2
alias CNAME www
outside CNAME www.b.test.
text TXT "two words" "a \\"quote\\"" "\\027[31m"
svc HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
_sip._tcp SRV 1 2 5060 mail
@ CAA 0 issue "ca.example"
@ DS 4711 13 2 {"ab" * 32}
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m
odd TYPE65280 \\# 3 010203
big TXT {" ".join('"' + "x" * 250 + '"' for _ in range(8))}
"""


def query(scene, *arguments, status=0):
    code, out, err = martlet_command(scene, "query", *arguments)
    expect_equal(code, status, f"martlet query {arguments}: {out}{err}")
    return out + err


def as_json(scene, *arguments, status=0):
    return json.loads(query(scene, *arguments, "--json", status=status))


def records(text):
    """Records of a text as one line each, whatever blanks are between their parts."""
    lines = [re.sub(r"\s+", " ", line) for line in text.splitlines()
             if line.strip() and line[0] != ";"]
    # dig writes hexadecimal in capitals and in groups, hints of services with quotes, and metres
    # without their hundredths.
    return sorted(re.sub(r'["\s]|\.00(?=m)', "", line.lower()) for line in lines)


@scenario("martlet query shows what dig shows, by UDP, TCP and TLS", 90)
def shows(scene):
    authority = Authority(scene)
    files = authority.make("ns", "ns.a.test")
    dns, dot = scene.port(), scene.port()
    scene.write("a.zone", ZONE)
    scene.martlet(f"""
listeners:
  - dns: 127.0.0.1:{dns}
  - dot: 127.0.0.1:{dot}
    certificates: [ {pair(files)} ]
dns: {{ identity: unit-7 }}
zones: {{ a.test: {{ file: a.zone }} }}
""")
    server = f"@127.0.0.1:{dns}"
    eventually("an answer", lambda: dig(dns, "www.a.test"))
    for name, kind in (("www", "A"), ("alias", "A"), ("text", "TXT"), ("svc", "HTTPS"), ("@", "MX"),
                       ("_sip._tcp", "SRV"), ("@", "CAA"), ("@", "SOA"), ("loc", "LOC"),
                       ("odd", "TYPE65280"), ("none", "A"), ("big", "TXT")):
        name = "a.test" if name == "@" else f"{name}.a.test"
        ours = records(query(scene, server, name, kind))
        theirs = records(dig_text(dns, name, kind, "+noall", "+answer", "+authority",
                                  "+additional"))
        expect_equal(ours, theirs, f"{name} {kind}")
    text = query(scene, server, "text.a.test", "TXT")
    expect("\x1b" not in text, f"a zone steers the terminal: {text!r}")
    for word in (";; NOERROR, id ", "flags: qr aa rd", f"from 127.0.0.1:{dns} by UDP in ",
                 ';; NSID "unit-7" (756e69742d37)'):
        expect(word in text, f"{word!r} in {text}")
    text = query(scene, server, "big.a.test", "TXT")
    expect("by TCP" in text and "truncated by UDP" in text, text)
    expect("by TCP" in query(scene, server, "www.a.test", "--tcp"), "--tcp")
    # What Martlet says of a name that is nobody's.
    refused = as_json(scene, server, "www.example.org", "MX", "--no-recurse")
    expect_equal((refused["status"], refused["flags"], refused["question"]["type"]),
                 ("REFUSED", ["qr"], "MX"), "a foreign name")
    expect_equal([(e["code"], e["name"]) for e in refused["edns"]["extendedErrors"]],
                 [(20, "Not Authoritative")], "why")
    answer = as_json(scene, server, "www.a.test", "--subnet", "192.0.2.99/24", "--dnssec")
    expect_equal((answer["edns"]["subnet"], answer["edns"]["scope"], answer["edns"]["do"]),
                 ("192.0.2.0/24", 0, True), "the client subnet")
    expect_equal(sorted(r["data"] for r in answer["answer"]), ["192.0.2.1", "192.0.2.2"], "data")
    expect(0 < answer["milliseconds"] < 5000 and answer["octets"] > 50, answer)
    told = as_json(scene, server, "id.server", "TXT", "--class", "CH")
    expect_equal(told["answer"][0]["data"], '"unit-7"', "class CH")

    # TLS is verified, by a name or by the address.
    secure = (f"@127.0.0.1:{dot}", "www.a.test", "--tls", "--ca", authority.certificate)
    answer = as_json(scene, *secure, "--tls-name", "ns.a.test")
    expect_equal((answer["transport"], len(answer["answer"])), ("tls", 2), "over TLS")
    out = query(scene, *secure, "--tls-name", "ns.b.test", status=1)
    expect("TLS fails" in out, out)
    out = query(scene, f"@127.0.0.1:{dot}", "www.a.test", "--tls", "--tls-name", "ns.a.test",
                status=1)
    expect("TLS fails" in out, out)


@scenario("martlet query says what is wrong with a server, and with its own arguments", 60)
def fails(scene):
    nobody = f"@127.0.0.1:{scene.port()}"
    begun = time.monotonic()
    out = query(scene, nobody, "a.test", "--timeout", "500ms", status=1)
    expect("gives no answer" in out, out)
    out = query(scene, nobody, "a.test", "--tcp", "--timeout", "500ms", status=1)
    expect("cannot be reached" in out, out)
    expect(time.monotonic() - begun < 10, "--timeout holds")
    for arguments in (("",), ("a..b",), ("a.test", "AXFR"), ("a.test", "+short"),
                      ("a.test", "--tls"), ("a.test", "--root", "127.0.0.1")):
        out = query(scene, *arguments, status=2)
        expect("martlet help query" in out, out)


def nsd(scene, name, zone, address, port):
    """NSD with one zone at an address of its own."""
    path = scene.write(f"{name}.conf", f"""
{nsd_server(scene, name, port, address)}remote-control:
  control-enable: no
zone:
  name: "{zone}"
  zonefile: {name}.zone
""")
    return Peer(scene, name, ["nsd", "-d", "-c", path], port, address)


def knot(scene, name, zone, address, port):
    """Knot DNS with one zone, which it signs, at an address of its own."""
    os.makedirs(scene.path(name))
    path = scene.write(f"{name}.conf", f"""
server:
  rundir: {scene.path(name)}
  listen: {address}@{port}
database:
  storage: {scene.path(name)}
log:
  - target: stderr
    any: info
zone:
  - domain: {zone}
    storage: {scene.folder}
    file: {name}.zone
    dnssec-signing: on
    zonefile-sync: -1
    journal-content: all
""")
    return Peer(scene, name, ["knotd", "-c", path], port, address)


SOA = "$TTL 3600\n@ SOA ns.nic.test. host.nic.test. 1 3600 600 86400 60\n"


def internet(scene):
    """Knot as the root, NSD as `test`, Martlet below, unbound as the resolver; (port, its port)."""
    port, resolver = scene.port("127.0.0.2"), scene.port()
    scene.write("root.zone", SOA + f"""@ NS ns.nic.test.
test. NS ns.nic.test.
ns.nic.test. A 127.0.0.3
test. DS 4711 13 2 {"ab" * 32}
""")
    knot(scene, "root", ".", "127.0.0.2", port)
    # One server of a.test is not there at all; loop.test and loup.test need each other.
    scene.write("tld.zone", SOA + """@ NS ns.nic.test.
ns.nic.test. A 127.0.0.3
a.test. NS gone.a.test.
a.test. NS ns.a.test.
gone.a.test. A 127.0.0.9
ns.a.test. A 127.0.0.4
b.test. NS ns.a.test.
lame.test. NS ns.a.test.
loop.test. NS ns.loup.test.
loup.test. NS ns.loop.test.
""")
    nsd(scene, "tld", "test", "127.0.0.3", port)
    scene.write("a.zone", ZONE)
    scene.write("b.zone", "$TTL 60\n@ SOA ns.a.test. host 1 2 3 4 5\n@ NS ns.a.test.\n"
                          "www A 192.0.2.7\nround CNAME square\nsquare CNAME round\n")
    scene.martlet(f"""
listeners: [ {{ dns: 127.0.0.4:{port} }} ]
zones: {{ a.test: {{ file: a.zone }}, b.test: {{ file: b.zone }} }}
""")
    stubs = "".join(f"stub-zone:\n  name: {zone}\n  stub-addr: 127.0.0.4@{port}\n"
                    for zone in ("a.test", "b.test"))
    unbound(scene, resolver, {}, "  domain-insecure: test\n" + stubs)
    eventually("Martlet's answer",
               lambda: dig(port, "www.a.test", server="127.0.0.4"))
    return port, resolver


@scenario("martlet query +trace shows each step from the hosts file to the authority", 90)
def traces(scene):
    port, resolver = internet(scene)
    hosts = scene.write("hosts", "192.0.2.99 www.a.test other\n")

    def trace(name, *more, status=0):
        return as_json(scene, name, "+trace", f"@127.0.0.1:{resolver}", "--root", "127.0.0.2",
                       "--port", str(port), "--hosts", hosts, "--timeout", "1s", *more,
                       status=status)

    # The resolver has never been asked for this one: it asks now, and passes on the whole TTL.
    told = trace("mail.a.test", "AAAA")
    expect_equal((told["outcome"], told["cache"]["state"]), ("answer", "fresh"), "not cached yet")

    # Another has, a while ago.
    dig(resolver, "www.a.test")
    eventually("the TTL runs down", lambda: [
        line for line in dig_text(resolver, "www.a.test", "A", "+noall", "+answer").splitlines()
        if line and int(line.split()[1]) < 300])
    told = trace("www.a.test")
    steps = told["steps"]
    expect_equal([s["layer"] for s in steps][:4], ["hosts", "resolver", "authority", "authority"],
                 "layers")
    expect_equal((steps[0]["verdict"], steps[0]["note"]), ("answer", "192.0.2.99"), "hosts file")
    expect_equal(sorted(r["data"] for r in steps[1]["records"]), ["192.0.2.1", "192.0.2.2"],
                 "the resolver's answer")
    expect_equal((told["cache"]["state"], told["cache"]["ttl"]), ("cached", 300), "the cache")
    expect(told["cache"]["age"] >= 1, told["cache"])
    root, tld = steps[2], steps[3]
    expect_equal((root["zone"], root["server"], root["cut"], root["delegation"]),
                 (".", f"127.0.0.2:{port}", "test.", "signed"), "the root")
    expect_equal((tld["zone"], tld["serverName"], tld["cut"], tld["delegation"]),
                 ("test.", "ns.nic.test.", "a.test.", "unsigned"), "the TLD")
    glue = {s["name"]: s["addresses"] for s in tld["servers"]}
    expect_equal(glue, {"gone.a.test.": ["127.0.0.9"], "ns.a.test.": ["127.0.0.4"]}, "glue")
    expect_equal((steps[-1]["verdict"], steps[-1]["server"], steps[-1]["authoritative"]),
                 ("answer", f"127.0.0.4:{port}", True), "the authority")
    expect(all(s["milliseconds"] >= 0 for s in steps[1:]), "times")
    silent = [s["server"] for s in steps if s["verdict"] == "silence"]
    expect(all(s == f"127.0.0.9:{port}" for s in silent), f"silent: {silent}")

    # An alias into another zone: on from the deepest cut above both.
    told = trace("outside.a.test")
    verdicts = [s["verdict"] for s in told["steps"]]
    expect(told["outcome"] == "answer" and "alias" in verdicts, told)
    expect_equal([r["data"] for r in told["steps"][-1]["records"]], ["192.0.2.7"], "its end")
    told = trace("none.a.test")
    expect_equal((told["outcome"], told["steps"][-1]["status"]), ("no-name", "NXDOMAIN"), "no name")
    expect_equal(trace("www.a.test", "MX")["outcome"], "no-data", "no data")

    # What is broken is told as it is.
    told = trace("x.lame.test", status=1)
    expect_equal((told["outcome"], told["steps"][-1]["status"]), ("broken", "REFUSED"), "lame")
    told = trace("x.loop.test", status=1)
    expect("loop" in [s["verdict"] for s in told["steps"]], told)
    told = trace("round.b.test", status=1)
    expect("circle" in told["reason"], told["reason"])

    # The same for people.
    text = query(scene, "www.a.test", "+trace", f"@127.0.0.1:{resolver}", "--root", "127.0.0.2",
                 "--port", str(port), "--hosts", hosts, "--timeout", "1s")
    for line in (rf"hosts file {re.escape(hosts)}  answers: 192.0.2.99",
                 rf"resolver 127.0.0.1:{resolver}  answers  .* ms by UDP",
                 rf"zone \.  127.0.0.2:{port}  refers to test., signed \(DS\)  .* ms by UDP",
                 rf"zone test\.  ns.nic.test. 127.0.0.3:{port}  refers to a.test., unsigned",
                 rf"zone a.test\.  ns.a.test. 127.0.0.4:{port}  answers",
                 r"The authority has answered\.",
                 r"answers from its cache: \d+ s of the TTL of 300 s are over"):
        expect(re.search(line, text), f"{line!r} in {text}")
