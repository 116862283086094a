# SPDX-License-Identifier: Apache-2.0
"""Many questions at once from few sockets: their answers leave the server together."""
import os
import signal
import socket

from harness import expect, expect_equal, scenario
from harness.ask import DNSAnswer, dns_query

ZONE = """zones:
  example.com:
    soa: {{ primary: ns1.example.com, mailbox: hostmaster@example.com }}
    records:
      "@": {{ ns: [ns1.example.com] }}
      ns1: {{ a: [192.0.2.1] }}
      big: {{ txt: [{big}] }}
      wide: {{ txt: [{wide}] }}
{names}"""
EACH = 30


def start(scene):
    """Listeners at each address of IPv4, and at one of IPv6."""
    names = "".join(f"      h{n:02}: {{ a: 192.0.2.{n} }}\n      {'x' * (n % 7 + 1)}{n}: {{ a: 192.0.2.{n} }}\n"
                    for n in range(10, 40))
    zone = ZONE.format(names=names, big=", ".join(f'"{str(n) * 100}"' for n in range(10, 17)),
                       wide=", ".join(f'"{str(n) * 50}"' for n in range(10, 20)))
    four, six = scene.port(), scene.port()
    return four, six, scene.martlet(
        f'workers: 1\nlisteners: [ {{ dns: "0.0.0.0:{four}" }}, {{ dns: "[::1]:{six}" }} ]\n{zone}')


def questions(n):
    """One of equal length, one of many lengths, absent ones, long ones, and truncated ones."""
    return [(f"h{n:02}.example.com", "A"), (f"{'x' * (n % 7 + 1)}{n}.example.com", "A"),
            (f"none{n % 3}.example.com", "A"), ("big.example.com", "TXT"),
            ("wide.example.com", "TXT")][n % 5]


def clients(four, six):
    """(socket, address to ask): several sockets, two of which ask two addresses of one listener."""
    asked = []
    for family, *places in ((socket.AF_INET, ("127.0.0.1", four)), (socket.AF_INET6, ("::1", six)),
                            (socket.AF_INET, ("127.0.0.1", four), ("127.0.0.2", four)),
                            (socket.AF_INET, ("127.0.0.2", four), ("127.0.0.1", four)),
                            (socket.AF_INET6, ("::1", six))):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.settimeout(3)
        asked.append((sock, places))
    return asked


@scenario("many questions from few sockets are answered one by one as if they came alone")
def bursts(scene):
    four, six, martlet = start(scene)
    asked = clients(four, six)
    alone = {}
    for sock, places in asked:
        for n in range(10, 10 + EACH):
            query = dns_query(*questions(n), identifier=n)
            sock.sendto(query, places[n % len(places)])
            answer, source = sock.recvfrom(4096)
            expect_equal(source[:2], places[n % len(places)], "who answers")
            alone[sock.fileno(), n] = answer
    expect(DNSAnswer(alone[asked[0][0].fileno(), 13]).truncated, "a long answer is truncated")
    expect_equal(DNSAnswer(alone[asked[0][0].fileno(), 10]).addresses, ["192.0.2.10"], "an answer")
    expect_equal(martlet.metric("martlet_dns_bundled_total"), 0, "what leaves together of single ones")

    # A server that does not run for a moment finds all of them at once.
    os.kill(martlet.serving(), signal.SIGSTOP)
    try:
        for n in range(10, 10 + EACH):
            for sock, places in asked:
                sock.sendto(dns_query(*questions(n), identifier=n), places[n % len(places)])
    finally:
        os.kill(martlet.serving(), signal.SIGCONT)
    wrong = []
    for sock, places in asked:
        open_ones = set(range(10, 10 + EACH))
        while open_ones:
            answer, source = sock.recvfrom(4096)
            n = int.from_bytes(answer[:2], "big")
            if (n not in open_ones or answer != alone[sock.fileno(), n]
                    or source[:2] != places[n % len(places)]):
                wrong.append((n, source, answer))
            open_ones.discard(n)
        sock.close()
    expect(not wrong, lambda: f"{len(wrong)} answers differ: {wrong[:3]}")
    total = len(asked) * EACH
    expect(martlet.metric("martlet_dns_bundled_total") >= total // 3, "answers leave together")
    expect_equal(martlet.metric("martlet_dns_unsent_total"), 0, "answers that could not be sent")
