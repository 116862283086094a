# SPDX-License-Identifier: Apache-2.0
"""EDNS and the plain protocol, as dig asks it and as Knot DNS answers it."""
import re
import socket
import struct

from harness import eventually, expect, expect_equal, scenario
from harness.ask import DNSAnswer, dig, dig_text, dns_query, exactly
from harness.peer import knot
from harness.service import service

MASTER = """$ORIGIN example.org.
$TTL 1h
@ IN SOA ns1 hostmaster 1 1h 15m 1w 5m
@ IN NS ns1
ns1 IN A 192.0.2.2
big IN TXT "{text}" "{text}" "{text}" "{text}" "{text}" "{text}"
""".format(text="x" * 250)

# RFC 8906, section 8, in its words for dig.
CASES = {
    "8.1.1": "+noedns +noad +norec", "8.1.2": "+noedns +noad +norec -t type1000",
    "8.1.3.1": "+noedns +noad +norec +cd", "8.1.3.2": "+noedns +norec +ad",
    "8.1.3.3": "+noedns +noad +norec +zflag", "8.1.3.4": "+noedns +noad +rec",
    "8.1.4": "+noedns +noad +opcode=15 +norec +header-only",
    "8.1.5": "+noedns +noad +norec +tcp",
    "8.2.1": "+nocookie +edns=0 +noad +norec",
    "8.2.2": "+nocookie +edns=1 +noednsneg +noad +norec",
    "8.2.3": "+nocookie +edns=0 +noad +norec +ednsopt=100",
    "8.2.4": "+nocookie +edns=0 +noad +norec +ednsflags=0x40",
    "8.2.5": "+nocookie +edns=1 +noednsneg +noad +norec +ednsflags=0x40",
    "8.2.6": "+nocookie +edns=1 +noednsneg +noad +norec +ednsopt=100",
    "8.2.8": "+nocookie +edns=0 +noad +norec +dnssec",
    "8.2.9": "+nocookie +edns=1 +noednsneg +noad +norec +dnssec",
    "8.2.10": "+edns=0 +noad +norec +cookie +nsid +expire +subnet=0.0.0.0/0",
}


def start(scene, more="", edit=lambda text: text):
    origins = scene.origins("a")
    dns = scene.port()
    text = service(scene.port(), None, origins).replace(
        "routes:\n", f"  - {{ dns: 127.0.0.1:{dns} }}\nroutes:\n")
    file = scene.write("example.org.zone", MASTER)
    return dns, scene.martlet(edit(text + f"{more}zones:\n  example.org: {{ file: {file} }}\n"))


def essence(port, options):
    """What RFC 8906 looks at: code, operation, flags, records, and what EDNS says."""
    text = dig_text(port, "example.org", "SOA", *options.split())
    head = re.search(r"opcode: (\S+), status: (\S+), id", text)
    flags = re.search(r"flags: ([a-z ]*)(; MBZ: \S+)?; QUERY: \d, ANSWER: (\d)", text)
    edns = re.search(r"EDNS: version: (\d), flags: ?([a-z]*)(; MBZ: \S+)?; udp: (\d+)", text)
    expect(head and flags, f"{options}: no answer\n{text}")
    return (head.groups(), sorted(flags[1].split()), flags[2], flags[3],
            edns and edns.groups()[:3], "; OPT=100" in text)


@scenario("RFC 8906: what servers must get right is answered as Knot answers it")
def conformance(scene):
    dns, _ = start(scene)
    peer = knot(scene, {"example.org": scene.path("example.org.zone")}).port
    wrong = []
    for name, options in CASES.items():
        ours, theirs = essence(dns, options), essence(peer, options)
        if ours != theirs:
            wrong.append(f"{name} {options}:\n  {ours}\n  {theirs}")
    expect(not wrong, lambda: "\n".join(wrong))
    text = dig_text(dns, "big.example.org", "TXT", "+nocookie", "+dnssec", "+bufsize=512", "+ignore")
    expect(" tc" in text and "EDNS: version: 0, flags: do" in text, f"8.2.7:\n{text}")


@scenario("NSID, id.server and version.server are told as configured, and at first not at all",
          covers=["dns.identity", "dns.version"])
def identity(scene):
    chaos = [("id.server", '"ns1.fra"'), ("hostname.bind", '"ns1.fra"'),
             ("version.server", '"1.2"'), ("version.bind", '"1.2"')]
    dns, martlet = start(scene)
    for name, _ in chaos:
        text = dig_text(dns, name, "TXT", "CH")
        expect("REFUSED" in text, f"{name} at first:\n{text}")
    expect("NSID" not in dig_text(dns, "example.org", "SOA", "+nsid"), "NSID at first")
    plain = martlet.text()
    martlet.reload(plain + "dns: { identity: ns1.fra, version: '1.2' }\n")
    server = '  identity: ns1.fra\n  nsid: ns1.fra\n  version: "1.2"\n'
    peer = knot(scene, {"example.org": scene.path("example.org.zone")}, server).port
    for name, words in chaos:
        for port in (dns, peer):
            eventually(f"{name} of {'Knot' if port == peer else 'Martlet'}",
                       lambda: dig(port, name, "TXT", "CH") == [words])
    for port in (dns, peer):
        text = dig_text(port, "example.org", "SOA", "+nsid")
        expect('("ns1.fra")' in text, f"NSID:\n{text}")
    martlet.reload(plain + "dns: { identity: hostname, version: program }\n")
    host = f'"{socket.gethostname()}"'
    eventually("the host's name", lambda: dig(dns, "id.server", "TXT", "CH") == [host])
    words, = dig(dns, "version.bind", "TXT", "CH")
    expect(words.startswith('"martlet '), f"version: {words}")


@scenario("extended errors say why, unless switched off", covers=["dns.extended-errors"])
def reasons(scene):
    more = "steer:\n  down: { pool: gone, all-down: servfail }\n"
    zone = ("  example.com:\n    soa: { primary: ns.example.com, mailbox: m@example.com }\n"
            "    records: { www: { steer: down } }\n")
    pool = f"pools:\n  gone: {{ endpoints: [ {{ address: 127.0.0.9:1, weight: 0 }} ] }}\n"
    dns, martlet = start(scene, more, lambda text: text.replace("pools:\n", pool) + zone)

    def told(name, kind="A", *options):
        found = re.search(r"; EDE: (\d+)[^\n]*", dig_text(dns, name, kind, "+norec", *options))
        return found and found[0]

    expect_equal(told("example.org"), None, "an answer")
    expect("EDE: 20" in told("other.test"), "a name of nobody's")
    expect("EDE: 18" in told("id.server", "TXT", "CH"), "what is not told")
    eventually("all are down", lambda: told("www.example.com"))
    expect("no endpoint is healthy" in told("www.example.com"), told("www.example.com"))
    martlet.reload(martlet.text() + "dns: { extended-errors: false }\n")
    eventually("switched off", lambda: told("other.test") is None)


@scenario("over TCP the idle timeout is told to those who ask for it")
def keepalive(scene):
    dns, _ = start(scene, edit=lambda text: text.replace(" }\nroutes", ", tcp-idle: 4s }\nroutes"))
    text = dig_text(dns, "example.org", "SOA", "+tcp", "+keepalive")
    expect("TCP-KEEPALIVE: 4.0 secs" in text or "TCP KEEPALIVE: 4.0 secs" in text, f"TCP:\n{text}")
    text = dig_text(dns, "example.org", "SOA", "+keepalive")
    expect("KEEPALIVE" not in text, f"UDP:\n{text}")
    text = dig_text(dns, "example.org", "SOA", "+tcp", "+padding=128")
    expect("PAD" not in text, f"padding in the clear:\n{text}")
    with socket.create_connection(("127.0.0.1", dns), timeout=2) as sock:
        # Options that RFC 7828 does not allow, and one that is cut: neither ends the connection.
        for option, code in ((b"\0\x0b\0\2\0\1", 0), (b"\0\x0b\0\2\0", 1)):
            query = dns_query("example.org", "A")[:-2]
            query += struct.pack("!H", len(option)) + option
            sock.sendall(struct.pack("!H", len(query)) + query)
            size, = struct.unpack("!H", exactly(sock, 2))
            expect_equal(DNSAnswer(exactly(sock, size)).rcode, code, f"{option!r}")
