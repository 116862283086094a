# SPDX-License-Identifier: Apache-2.0
"""EDNS and the plain protocol, as dig asks it and as Knot DNS answers it."""
import re
import socket
import struct

from harness import eventually, expect, expect_equal, scenario
from harness.ask import DNSAnswer, dig, dig_text, dns_query, exactly
from harness.martlet import martlet_command
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
        # RFC 4035 §3 has CD copied, which Knot does not do.
        if "+cd" in options:
            expect("cd" in ours[1], f"{name}: {ours}")
            ours[1].remove("cd")
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
    expect(re.search(r"; PAD:\s*$", text, re.M), f"padding in the clear has no octets:\n{text}")
    text = dig_text(dns, "example.org", "SOA", "+tcp")
    expect("PAD" not in text, f"padding for nobody:\n{text}")
    with socket.create_connection(("127.0.0.1", dns), timeout=2) as sock:
        # Options that RFC 7828 does not allow, and one that is cut: neither ends the connection.
        for option, code in ((b"\0\x0b\0\2\0\1", 0), (b"\0\x0b\0\2\0", 1)):
            query = dns_query("example.org", "A")[:-2]
            query += struct.pack("!H", len(option)) + option
            sock.sendall(struct.pack("!H", len(query)) + query)
            size, = struct.unpack("!H", exactly(sock, 2))
            expect_equal(DNSAnswer(exactly(sock, size)).rcode, code, f"{option!r}")


def cookie_of(port, *options):
    """The cookie that dig is answered with, and the whole text."""
    text = dig_text(port, "example.org", "SOA", *options)
    found = re.search(r"; COOKIE: ([0-9a-f]+)( \((\w+)\))?", text)
    return found and found[1], text


@scenario("cookies are those that Knot makes of the same secret, and each believes the other's",
          covers=["dns.cookies.secrets"])
def shared_cookies(scene):
    secret, former = "0123456789abcdef" * 2, "00112233445566778899aabbccddeeff"
    file = scene.write("cookies", secret + "\n")
    dns, martlet = start(scene, f"dns: {{ cookies: {{ secrets: {file} }} }}\n")

    def peer_with(key, name):
        return knot(scene, {"example.org": scene.path("example.org.zone")}, more=f"""
mod-cookies:
  - id: default
    secret: 0x{key}
template:
  - id: default
    global-module: mod-cookies/default
""", name=name).port

    client = "+cookie=2464c4abcf10c957"
    peer = peer_with(secret, "knot")
    eventually("both make the same cookie",
               lambda: cookie_of(dns, client)[0] == cookie_of(peer, client)[0])
    theirs, _ = cookie_of(peer, client)
    before = martlet.metric("martlet_dns_cookies_total", state="good")
    expect_equal(cookie_of(dns, f"+cookie={theirs}")[0], theirs, "Knot's cookie with Martlet")
    eventually("it is counted as good", lambda: martlet.metric("martlet_dns_cookies_total", state="good") > before)
    ours, _ = cookie_of(dns, client)
    expect_equal(cookie_of(peer, f"+cookie={ours}")[0], ours, "Martlet's cookie with Knot")
    # Rolled over: the new secret comes first, the former is still believed.
    other = peer_with(former, "other")
    scene.write("cookies", f"{former}\n{secret}\n")
    martlet.reload(martlet.text())
    eventually("cookies are made with the new secret",
               lambda: cookie_of(dns, client)[0] == cookie_of(other, client)[0])
    before = martlet.metric("martlet_dns_cookies_total", state="good")
    cookie_of(dns, f"+cookie={ours}")
    eventually("one of the former secret is good", lambda: martlet.metric("martlet_dns_cookies_total", state="good") > before)
    scene.write("cookies", "short\n")
    status, out, err = martlet_command(scene, "check", martlet.config)
    expect(status == 1 and "M3125" in out + err, f"a file that is no use: {out}{err}")


@scenario("cookies are answered unless switched off, survive a restart, and may be required",
          covers=["dns.cookies.enabled", "dns.cookies.require"])
def cookies(scene):
    dns, martlet = start(scene)
    cookie, text = cookie_of(dns, "+cookie")
    expect(cookie and "(good)" in text, f"dig believes it:\n{text}")
    plain = martlet.text()
    martlet.reload(plain + "dns: { cookies: { require: true } }\n")

    def code(*options):
        return re.search(r"status: (\w+)", dig_text(dns, "example.org", "SOA", *options))[1]

    new = "+cookie=1122334455667788"
    eventually("a new client is turned away", lambda: code(new, "+nobadcookie") == "BADCOOKIE")
    expect_equal(code(new), "NOERROR", "dig comes back with the cookie")
    expect_equal(code("+nocookie"), "NOERROR", "who knows no cookies")
    expect_equal(code(new, "+nobadcookie", "+tcp"), "NOERROR", "over TCP")
    known, _ = cookie_of(dns, new, "+nobadcookie")
    martlet.kill_serving()
    eventually("the cookie is good after a restart",
               lambda: code(f"+cookie={known}", "+nobadcookie") == "NOERROR")
    martlet.reload(plain + "dns: { cookies: { enabled: false } }\n")
    eventually("no cookies", lambda: "server cookie" not in dig_text(dns, "example.org", "SOA")
               and cookie_of(dns, "+cookie")[0] is None)


def flood(port, queries):
    """Sends all of these at once; the responses that came."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.connect(("127.0.0.1", port))
        for query in queries:
            sock.send(query)
        sock.settimeout(0.5)
        try:
            while True:
                found.append(DNSAnswer(sock.recv(4096)))
        except TimeoutError:
            return found


RATE = "dns.rate-limit."


@scenario("a flood gets a second's worth, the others all", covers=[
    RATE + key for key in ("responses", "nodata", "nxdomain", "referrals", "errors", "slip",
                           "window", "ipv4-prefix", "ipv6-prefix", "exempt", "log-only",
                           "accounts")])
def rates(scene):
    def limit(lines):
        return f"dns:\n  rate-limit: {{ {lines} }}\n"

    dns, martlet = start(scene, limit("responses: 20/s, slip: 0, window: 1s, accounts: 1024"))
    plain = martlet.text()

    def adopt(lines):
        martlet.reload(plain.replace(limit("responses: 20/s, slip: 0, window: 1s, accounts: 1024"),
                                     limit(lines)))

    def settled(name="example.org", kind="A"):
        """Waits until a network that was limited is not any more."""
        eventually("the debt is paid", lambda: len(flood(dns, [dns_query(name, kind)])) == 1)

    same = [dns_query("ns1.example.org")] * 200
    seen = len(flood(dns, same))
    expect(20 <= seen <= 60, f"20/s and no slip: {seen} of 200 answered")
    dropped = martlet.metric("martlet_dns_rate_limited_total", action="dropped")
    expect(140 <= dropped <= 180, f"dropped: {dropped}")
    expect_equal(len(dig(dns, "ns1.example.org", "A", "+tcp")), 1, "over TCP")
    names = [dns_query(f"n{number}.example.org") for number in range(200)]
    seen = len(flood(dns, names))
    expect(20 <= seen <= 60, f"NXDOMAIN is as `responses`: {seen}")
    adopt("responses: 1000/s, nxdomain: 20/s, nodata: 30/s, errors: 40/s, referrals: off, window: 1s, "
          "slip: 0")
    for what, queries, least in (
            ("nxdomain", [dns_query(f"m{number}.example.org") for number in range(300)], 20),
            ("nodata", [dns_query("ns1.example.org", "TXT")] * 300, 30),
            ("errors", [dns_query(f"m{number}.test") for number in range(300)], 40),
            ("responses", [dns_query("ns1.example.org")] * 300, 300)):
        if what == "nxdomain":
            eventually("the debt of NXDOMAIN is paid",
                       lambda: flood(dns, [dns_query("none.example.org")]))
        seen = len(flood(dns, queries))
        expect(least - 5 <= seen <= least * 3, f"{what}: {seen} of 300")
    adopt("responses: 20/s, slip: 1, window: 1s")
    settled("ns1.example.org")
    found = flood(dns, same)
    cut = [answer for answer in found if answer.truncated]
    expect_equal(len(found), 200, "slip: 1 drops nothing")
    expect(len(cut) >= 140 and not any(answer.answers for answer in cut), f"TC: {len(cut)}")
    cookie, _ = cookie_of(dns, "+cookie=1122334455667788")
    option = struct.pack("!HH", 10, 24) + bytes.fromhex(cookie)
    shown = dns_query("ns1.example.org")[:-2] + struct.pack("!H", len(option)) + option
    expect_equal(sum(1 for answer in flood(dns, [shown] * 200) if answer.answers), 200,
                 "with a good cookie")
    for lines in ("exempt: [ 127.0.0.0/8 ]", "log-only: true"):
        adopt(f"responses: 20/s, slip: 0, window: 1s, {lines}")
        expect_equal(len(flood(dns, same)), 200, lines)
    expect(martlet.metric("martlet_dns_rate_limited_total", action="log-only") > 0, "counted")
    # A network is what the prefixes say: 127.0.0.1 and 127.0.1.1 share one of 16 bits, not of 24.
    for bits, shared in ((16, True), (24, False)):
        adopt(f"responses: 20/s, slip: 0, window: 2s, ipv4-prefix: {bits}, ipv6-prefix: 48")
        flood(dns, same)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.1.1", 0))
            sock.settimeout(0.5)
            sock.connect(("127.0.0.1", dns))
            sock.send(same[0])
            try:
                sock.recv(4096)
                expect(not shared, f"ipv4-prefix: {bits}")
            except TimeoutError:
                expect(shared, f"ipv4-prefix: {bits}")
