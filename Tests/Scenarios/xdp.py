# SPDX-License-Identifier: Apache-2.0
"""Queries taken at an interface by AF_XDP: a veth pair, with the clients in a network namespace."""
import re
import signal
import subprocess
import threading

from harness import eventually, expect, expect_equal, scenario
from harness.martlet import martlet_command
from harness.wire import Wire

X = "listeners[].xdp."

ZONE = """zones:
  example.com:
    soa: { primary: ns1.example.com, mailbox: hostmaster@example.com }
    records:
      "@": { ns: [ns1.example.com] }
      ns1: { a: [192.0.2.1] }
      www: { a: [192.0.2.7, 192.0.2.8], aaaa: ["2001:db8::7"] }
      big: { txt: [%s] }
""" % ", ".join('"%s"' % (str(n) * 100) for n in range(10, 17))


def start(scene, wire, mode="generic", port=None, more="", **options):
    port = port or scene.port()
    at = f'  - {{ dns: ":{port}"' + ", %s }\n"
    off = "workers: 2\nlisteners:\n" + at.replace(", %s", more) + ZONE
    on = "workers: 2\nlisteners:\n" + at % (
        f"xdp: {{ interface: {wire.end_here}, mode: {mode}, queues: 1 }}" + more) + ZONE
    return port, on, off, scene.martlet(on, **options)


def taken(martlet):
    return martlet.metric("martlet_dns_xdp_received_total")


def is_taken(martlet, mode):
    return martlet.metric("martlet_dns_xdp_info", mode=mode, copying="copy") == 1


def stable(text):
    """An answer of dig without what differs from one run to the next."""
    drop = (";; Query time", ";; WHEN", ";; SERVER", "; <<>>", "; COOKIE")
    lines = [line for line in text.splitlines() if not line.startswith(drop)]
    # The size that is announced is the smaller one of the option and the interface.
    return re.sub(r"(id|udp): \d+", r"\1: 0", "\n".join(sorted(lines)))


QUESTIONS = [
    ("www.example.com", "A"), ("www.example.com", "AAAA"), ("example.com", "SOA"),
    ("none.example.com", "A"), ("www.example.net", "A"), ("www.example.com", "ANY", "+notcp"),
    ("big.example.com", "TXT", "+notcp", "+ignore"),
    ("big.example.com", "TXT", "+ignore", "+bufsize=4096"),
    ("big.example.com", "TXT"), ("www.example.com", "A", "+noedns"), ("www.example.com", "A", "+tcp"),
    ("www.example.com", "A", "+subnet=192.0.2.0/24"), ("www.example.com", "A", "+opcode=status"),
]

FRAGMENTED = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 10, 0)
s.settimeout(1)
name = b"\\3www\\7example\\3com\\0"
pad = struct.pack("!HH", 12, 1800) + bytes(1800)
opt = b"\\0" + struct.pack("!HHIH", 41, 1232, 0, len(pad)) + pad
s.sendto(struct.pack("!6H", 7, 0, 1, 0, 0, 1) + name + struct.pack("!HH", 1, 1) + opt,
         (sys.argv[1], int(sys.argv[2])))
try:
    print(s.recv(4096)[:4].hex())
except OSError as error:
    print(error)
"""


@scenario("queries taken at an interface are answered as those of sockets are",
          covers=[X + "interface", X + "mode", X + "queues"])
def same_answers(scene):
    wire = Wire(scene)
    for mode in ("generic", "native"):
        port, on, off, martlet = start(scene, wire, mode, more=", edns-size: 4096")
        eventually(f"{mode} mode", lambda: is_taken(martlet, mode))
        expect(f"queries of '{wire.end_here}' are taken by XDP: {mode} mode, copy, 1 queue"
               in martlet.log(), "the log says so")
        expect(wire.program(), "a program is at the interface")
        seen = {}
        for kind in ("interface", "sockets"):
            if kind == "sockets":
                martlet.reload(off)
                eventually("the program is gone", lambda: not wire.program())
            before = taken(martlet)
            answered = martlet.metric("martlet_dns_queries_total", transport="udp")
            for server in (wire.ipv4, wire.ipv6):
                for question in QUESTIONS:
                    seen[kind, server, question] = stable(
                        wire.dig(port, *question, server=server))
                    expect("status: " in seen[kind, server, question],
                           lambda: f"{mode}, {kind}, {server}: {question}: "
                                   f"{seen[kind, server, question]}")
            # +tcp asks no UDP question; a truncated one goes on by TCP.
            count = 2 * (len(QUESTIONS) - 1)
            expect_equal(martlet.metric("martlet_dns_queries_total", transport="udp") - answered,
                         count, f"{mode}: UDP queries counted with {kind}")
            if kind == "interface":
                expect_equal(taken(martlet) - before, count, f"{mode}: frames taken")
                expect_equal(martlet.metric("martlet_dns_xdp_answered_total"), count, "answered")
                expect_equal(martlet.metric("martlet_dns_xdp_dropped_total"), 0, "dropped")
            fragments = wire.run("python3", "-c", FRAGMENTED, wire.ipv4, str(port)).strip()
            seen[kind, "fragments"] = fragments
            expect_equal(taken(martlet) - before, count if kind == "interface" else 0,
                         "fragments are no frames of ours")
        for (kind, *rest), text in list(seen.items()):
            if kind == "interface" and len(rest) == 2 and rest[1] != QUESTIONS[7]:
                expect_equal(text, seen["sockets", *rest], f"{mode}: {rest}")
        expect_equal(seen["interface", "fragments"], seen["sockets", "fragments"], "fragments")
        # An answer that no frame holds is truncated, where a socket would have cut it in pieces.
        cut = seen["interface", wire.ipv4, QUESTIONS[7]]
        expect(" tc" in cut, lambda: f"1452 octets at most: {cut}")
        large = seen["sockets", wire.ipv4, QUESTIONS[7]]
        expect(" tc" not in large, lambda: f"sockets send fragments: {large}")
        # Who is on this machine comes by the loopback interface, and is served all the same.
        martlet.reload(on)
        eventually("taken again", lambda: is_taken(martlet, mode))
        local = subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+short", "www.example.com"],
                               capture_output=True, timeout=10).stdout.decode().split()
        expect_equal(sorted(local), ["192.0.2.7", "192.0.2.8"], "by the loopback interface")
        martlet.stop()
        eventually("nothing is left", lambda: not wire.program())


@scenario("queries at an interface count for rate limits, cookies and records as others do")
def same_accounts(scene):
    wire = Wire(scene)
    port = scene.port()
    martlet = scene.martlet(
        f'listeners:\n  - {{ dns: ":{port}", xdp: {{ interface: {wire.end_here} }} }}\n'
        "dns: { sample-queries: 1, rate-limit: { responses: 5/s } }\n" + ZONE)
    eventually("taken", lambda: martlet.metric("martlet_dns_xdp_info", copying="copy") == 1)
    for _ in range(3):
        wire.dig(port, "www.example.com")
    expect(martlet.metric("martlet_dns_cookies_total") >= 3, "cookies are seen")
    for _ in range(40):
        wire.dig(port, "+tries=1", "+time=1", "+ignore", "+noedns", "+nocookie", "none.example.com")
        if martlet.metric("martlet_dns_rate_limited_total"):
            break
    expect(martlet.metric("martlet_dns_rate_limited_total") > 0, "the rate limit is held")
    expect(taken(martlet) > 0, "by frames")
    log = martlet_command(scene, "queries", "--admin", f"127.0.0.1:{martlet.admin}")
    expect("www.example.com" in log[1] + log[2], lambda: f"records of queries: {log}")


@scenario("updates that come by an interface are answered from the address that was asked")
def updated(scene):
    wire = Wire(scene)
    port = scene.port()
    scene.write("a.zone", "$TTL 60\n@ SOA ns host 10 2 3 4 5\n@ NS ns\nns A 192.0.2.53\n")
    martlet = scene.martlet(
        f'listeners:\n  - {{ dns: ":{port}", xdp: {{ interface: {wire.end_here} }} }}\n'
        "zones:\n  a.test:\n    file: a.zone\n"
        f'    updates: [ {{ networks: ["{wire.net4}.0/24", "{wire.net6}:/64"], types: [ANY] }} ]\n')
    eventually("taken", lambda: martlet.metric("martlet_dns_xdp_info", copying="copy") == 1)
    for number, server in enumerate((wire.ipv4, wire.ipv6)):
        before = taken(martlet)
        text = wire.run("sh", "-c", f"printf 'server {server} {port}\nzone a.test\n"
                        f"update add x{number}.a.test 60 A 192.0.2.9\nsend\n' | nsupdate 2>&1")
        expect_equal(text.strip(), "", f"nsupdate to {server}")
        expect(taken(martlet) > before, "it came by the interface")
        expect("192.0.2.9" in wire.dig(port, "+short", f"x{number}.a.test", server=server), "done")


def load(wire, scene, port, seconds):
    """Starts dnsperf in the clients' namespace; the list gets (sent, lost, text)."""
    scene.write("questions", "www.example.com A\nwww.example.com AAAA\nnone.example.com A\n")
    result = []

    def go():
        text = wire.run("dnsperf", "-s", wire.ipv4, "-p", str(port), "-d", scene.path("questions"),
                        "-l", str(seconds), "-c", "4", "-Q", "4000", "-t", "2", within=seconds + 30)
        found = [re.search(rf"Queries {word}: +(\d+)", text) for word in ("sent", "lost")]
        result.append((*(int(one[1]) if one else -1 for one in found), text))
    threading.Thread(target=go, daemon=True).start()
    return result


@scenario("an interface is taken and given back under load without a lost query")
def under_load(scene):
    wire = Wire(scene)
    port, on, off, martlet = start(scene, wire, "generic")
    eventually("taken", lambda: is_taken(martlet, "generic"))
    result = load(wire, scene, port, 6)
    eventually("frames come", lambda: taken(martlet) > 1000)
    for _ in range(5):
        martlet.reload(off)
        eventually("given back", lambda: not wire.program())
        before = martlet.metric("martlet_dns_queries_total", transport="udp")
        eventually("sockets serve", lambda: martlet.metric(
            "martlet_dns_queries_total", transport="udp") > before + 200)
        martlet.reload(on)
        eventually("taken again", lambda: is_taken(martlet, "generic"))
        before = taken(martlet)
        eventually("frames come again", lambda: taken(martlet) > before + 200)
    sent, lost, text = eventually("dnsperf is done", lambda: result, within=40)[0]
    expect(sent > 10_000 and lost == 0, lambda: f"dnsperf: {text}")


@scenario("whatever process is killed, no program is left and queries are answered")
def killed(scene):
    wire = Wire(scene)
    port, on, off, martlet = start(scene, wire, "native")
    eventually("taken", lambda: is_taken(martlet, "native"))
    def answers():
        return "192.0.2.7" in wire.dig(port, "+short", "www.example.com")
    expect(answers(), "before")
    first = wire.program()
    martlet.kill_serving()
    eventually("answered again", answers, within=5)
    eventually("taken again", lambda: is_taken(martlet, "native"))
    expect(wire.program() != first, "by another program")
    before = taken(martlet)
    expect(answers() and taken(martlet) > before, "at the interface")
    martlet.expected_exit = -signal.SIGKILL
    martlet.signal(signal.SIGKILL)
    martlet.process.wait(5)
    eventually("no program is left", lambda: not wire.program(), within=3)


@scenario("an interface that cannot be had is told of, and sockets serve")
def refused(scene):
    wire = Wire(scene)
    port, on, off, martlet = start(scene, wire, "generic")
    eventually("taken", lambda: is_taken(martlet, "generic"))
    other, _, _, second = start(scene, wire, "generic")
    eventually("the second is told", lambda: "M3132" in second.log())
    expect("another XDP program" in second.log(), "why, and what to do")
    answer = wire.dig(other, "+short", "www.example.com")
    expect("192.0.2.7" in answer, lambda: f"sockets serve: {answer}")
    expect_equal(second.metric("martlet_dns_xdp_info", mode="none"), 1, "as the metrics say")
    martlet.stop()
    eventually("the second has its turn", lambda: is_taken(second, "generic"), within=20)
    expect("192.0.2.7" in wire.dig(other, "+short", "www.example.com"), "and serves by it")
    before = taken(second)
    wire.dig(other, "www.example.com")
    expect(taken(second) == before + 1, "at the interface")
    wire.ip("link", "del", wire.end_here)
    last = start(scene, wire, "generic")[3]
    eventually("no such interface", lambda: "M3131" in last.log())
    local = subprocess.run(["dig", "@127.0.0.1", "-p", str(other), "+short", "www.example.com"],
                           capture_output=True, timeout=10).stdout.decode()
    expect("192.0.2.7" in local, "everybody else is served")


@scenario("a process that may not take an interface says what it would need, and sockets serve")
def forbidden(scene):
    wire = Wire(scene)
    less = ["--core=0", "setpriv", "--bounding-set=-net_admin,-net_raw,-bpf,-sys_admin"]
    port, on, off, martlet = start(scene, wire, limits=less)
    eventually("it is told", lambda: "M3130" in martlet.log())
    expect("CAP_NET_ADMIN" in martlet.log(), "what it would need")
    expect("192.0.2.7" in wire.dig(port, "+short", "www.example.com"), "served by sockets")
    expect_equal(martlet.metric("martlet_dns_xdp_info", mode="none"), 1, "as the metrics say")
    expect_equal(wire.program(), "", "no program")


@scenario("an interface that makes no sense is an error of the configuration")
def nonsense(scene):
    def check(listeners):
        scene.write("bad.yaml", f"listeners:\n{listeners}{ZONE}")
        status, out, err = martlet_command(scene, "check", scene.path("bad.yaml"))
        return status, out + err
    for listeners, code in [
        ('  - { dns: ":5353", xdp: { interface: "a/b" } }\n', "M1691"),
        ('  - { dns: ":5353", xdp: { interface: "a b" } }\n', "M1691"),
        ('  - { dns: ":5353", xdp: { interface: "" } }\n', "M1"),
        ('  - { dns: ":5353", xdp: { interface: abcdefghijklmnop } }\n', "M1216"),
        ('  - { dns: ":5353", xdp: { mode: native } }\n', "M1104"),
        ('  - { dns: ":5353", xdp: { interface: a, mode: fast } }\n', "M1206"),
        ('  - { dns: ":5353", xdp: { interface: a, queues: 0 } }\n', "M1207"),
        ('  - { http: ":5353", xdp: { interface: a } }\n', "M1106"),
        ('  - { dns: ":5353", xdp: { interface: a } }\n'
         '  - { dns: ":5354", xdp: { interface: a } }\n', "M1690"),
    ]:
        status, text = check(listeners)
        expect(status != 0 and code in text, lambda: f"{listeners}: {code}: {text}")
    status, text = check('  - { dns: ":5353", xdp: { interface: a } }\n'
                         '  - { dns: ":5354", xdp: { interface: b, queues: all } }\n')
    expect_equal(status, 0, text)
