# SPDX-License-Identifier: Apache-2.0
"""The DNS door as dig sees it, and as those see it who send what dig does not."""
import socket
import struct
import time

from harness import Skip, eventually, expect, expect_equal, scenario
from harness.ask import DNSAnswer, ask_dns, dig, dig_text, dns_query
from harness.service import service

ZONE = """
zones:
  example.org:
    file: {file}
  example.com:
    soa: {{ primary: ns1.example.com, mailbox: hostmaster.example.com }}
    ttl: 5m
    records:
      "@": {{ ns: ns1, mx: "10 mail", txt: "v=spf1 -all", caa: '0 issue "ca.test"' }}
      ns1: {{ a: 192.0.2.1, aaaa: "2001:db8::1" }}
      alias: {{ cname: ns1 }}
      "*.wild": {{ a: 192.0.2.7 }}
      _sip._tcp: {{ srv: "1 2 5060 ns1" }}
      www: {{ ttl: 1s, steer: www }}
      pair: {{ steer: pair }}
      split: {{ steer: split }}
steer:
  www: {{ pool: web, all-down: {all_down} }}
  pair: {{ round-robin: [ 192.0.2.11, 192.0.2.12, 192.0.2.13 ] }}
  split: {{ weighted: {{ 192.0.2.21: 3, 192.0.2.22: 1, 192.0.2.23: 0 }} }}
"""

MASTER = """$ORIGIN example.org.
$TTL 1h
@ IN SOA ns1 hostmaster 1 1h 15m 1w 5m
@ IN NS ns1
ns1 IN A 192.0.2.2
host IN A 192.0.2.3
sub IN NS ns.sub
ns.sub IN A 192.0.2.4
big IN TXT "{text}" "{text}" "{text}" "{text}" "{text}" "{text}"
""".format(text="x" * 250)


def start(scene, all_down="all", names=("a", "b")):
    origins = scene.origins(*names)
    http, dns = scene.port(), scene.port()
    text = service(http, None, origins).replace(
        "routes:\n", f"  - {{ dns: 127.0.0.1:{dns} }}\nroutes:\n")
    file = scene.write("example.org.zone", MASTER)
    return origins, dns, scene.martlet(text + ZONE.format(file=file, all_down=all_down))


@scenario("records, wildcards, aliases, delegations and negative answers as dig expects them")
def records(scene):
    _, dns, _ = start(scene)
    asked = [
        ("ns1.example.com", "A", ["192.0.2.1"]), ("ns1.example.com", "AAAA", ["2001:db8::1"]),
        ("alias.example.com", "A", ["ns1.example.com.", "192.0.2.1"]),
        ("example.com", "MX", ["10 mail.example.com."]), ("example.com", "TXT", ['"v=spf1 -all"']),
        ("example.com", "NS", ["ns1.example.com."]),
        ("example.com", "CAA", ['0 issue "ca.test"']),
        ("deep.down.wild.example.com", "A", ["192.0.2.7"]),
        ("_sip._tcp.example.com", "SRV", ["1 2 5060 ns1.example.com."]),
        ("host.example.org", "A", ["192.0.2.3"]), ("HOST.example.ORG", "A", ["192.0.2.3"]),
    ]
    wrong = [f"{name} {kind}: {seen}" for name, kind, data in asked
             if (seen := dig(dns, name, kind)) != data]
    expect(not wrong, lambda: "\n".join(wrong))
    text = dig_text(dns, "none.example.com")
    expect("NXDOMAIN" in text and "SOA" in text and " aa" in text, f"NXDOMAIN:\n{text}")
    text = dig_text(dns, "ns1.example.com", "MX")
    expect("NOERROR" in text and "SOA" in text and "ANSWER: 0" in text, f"NODATA:\n{text}")
    text = dig_text(dns, "a.sub.example.org")
    expect("AUTHORITY: 1" in text and "192.0.2.4" in text and " aa" not in text.split(";; Q")[0],
           f"delegation:\n{text}")
    expect("REFUSED" in dig_text(dns, "www.other.test"), "a name of nobody's")


@scenario("a large answer is truncated over UDP and whole over TCP")
def truncation(scene):
    _, dns, _ = start(scene)
    expect(ask_dns(dns, "big.example.org", "TXT").truncated, "TC is set over UDP")
    text = dig_text(dns, "big.example.org", "TXT")
    expect("x" * 250 in text and "TCP" in text, "dig falls back to TCP")
    text = dig_text(dns, "big.example.org", "TXT", "+noedns", "+ignore")
    expect(" tc" in text, f"without EDNS:\n{text}")


@scenario("addresses of the zone go along with NS, MX and SRV")
def additional(scene):
    _, dns, _ = start(scene)
    for name, kind in (("example.com", "NS"), ("_sip._tcp.example.com", "SRV")):
        text = dig_text(dns, name, kind)
        expect("ADDITIONAL: 3" in text and "192.0.2.1" in text and "2001:db8::1" in text,
               f"{name} {kind}:\n{text}")


@scenario("responses are never answered, and an asker without a port harms nobody")
def spoofed(scene):
    _, dns, martlet = start(scene)
    query = dns_query("ns1.example.com", identifier=7)
    response = query[:2] + b"\x81\x80" + query[4:]
    for data in (response, b"\0\7\x80\0" + bytes(8), b"\0\7\x80"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.3)
            sock.connect(("127.0.0.1", dns))
            sock.send(data)
            try:
                expect(False, f"an answer to {data!r}: {sock.recv(512)!r}")
            except TimeoutError:
                pass
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        raise Skip("raw sockets need root")
    # Port 0 cannot be answered: the kernel refuses that one answer out of a batch.
    header = struct.pack("!4H", 0, dns, 8 + len(query), 0)
    honest = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
    for sock in honest:
        sock.settimeout(1)
        sock.connect(("127.0.0.1", dns))
    for sock in honest:
        raw.sendto(header + query, ("127.0.0.1", 0))
        sock.send(query)
    for sock in honest:
        expect_equal(DNSAnswer(sock.recv(512)).addresses, ["192.0.2.1"], "an honest answer")
        sock.close()
    raw.close()
    expect_equal(martlet.metric("martlet_dns_unsent_total"), 40, "answers that could not be sent")


@scenario("round robin rotates, weights are kept, weight 0 is never answered")
def policies(scene):
    _, dns, _ = start(scene)
    firsts, sets = set(), set()
    for _ in range(60):
        addresses = ask_dns(dns, "pair.example.com").addresses
        firsts.add(addresses[0])
        sets.add(frozenset(addresses))
    expect_equal((len(firsts), len(sets)), (3, 1), "round robin: first addresses and sets")
    counts = {}
    for _ in range(800):
        for address in ask_dns(dns, "split.example.com").addresses:
            counts[address] = counts.get(address, 0) + 1
    expect("192.0.2.23" not in counts, "weight 0 is never answered")
    share = counts["192.0.2.21"] / 800
    expect(0.67 < share < 0.83, f"3 of 4 expected for weight 3:1, saw {share:.2f}")


for policy in ("all", "none", "servfail", "last-good"):
    @scenario(f"all endpoints down: the answer is '{policy}'")
    def all_down(scene, policy=policy):
        (a, b), dns, martlet = start(scene, all_down=policy)
        b.health("fail")
        eventually("only a is answered",
                   lambda: ask_dns(dns, "www.example.com").addresses == [a.address])
        # What goes down within ten seconds is one collapse, and the set before all of it counts.
        if policy == "last-good" and scene.full:
            time.sleep(10.5)
        a.health("fail")
        eventually("a is down", lambda: martlet.endpoint("web", a.at)["health"] == "down")
        answer = ask_dns(dns, "www.example.com")
        wanted = {"all": ({a.address, b.address}, 0), "none": (set(), 0), "servfail": (set(), 2),
                  "last-good": ({a.address} if scene.full else {a.address, b.address}, 0)}[policy]
        expect_equal((set(answer.addresses), answer.rcode), wanted, "addresses and code")
