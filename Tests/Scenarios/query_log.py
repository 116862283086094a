# SPDX-License-Identifier: Apache-2.0
"""The log of DNS queries: one line of JSON per sampled query, in the words of dnstap."""
import json
import os
import signal
import socket

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import ask_dns, ask_dns_tcp, dig, dns_query
from harness.certificates import Authority, pair
from harness.martlet import martlet_command

ZONE = "$TTL 300\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n"


def start(scene, log, more=""):
    dns = scene.port()
    scene.write("a.zone", ZONE)
    martlet = scene.martlet(f"""
listeners:
  - dns: 127.0.0.1:{dns}
{more}
log: {{ queries: {{ {log} }} }}
steer:
  site: {{ round-robin: [ 192.0.2.11 ] }}
zones:
  a.test: {{ file: a.zone }}
  b.test:
    soa: {{ primary: ns.a.test, mailbox: host.a.test }}
    records:
      "@": {{ ns: ns.a.test }}
      www: {{ steer: site }}
""")
    return dns, martlet


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return [json.loads(line) for line in file]


@scenario("log.queries has a line for each picked query, as dnstap would say it", 60,
          covers=["log.queries.output", "log.queries.sample"])
def tells(scene):
    path, dot = scene.path("queries.log"), scene.port()
    files = Authority(scene).make("ns", "ns.a.test")
    dns, martlet = start(
        scene, f"output: {path}, sample: 1",
        f"  - dot: 127.0.0.1:{dot}\n    certificates: [ {pair(files)} ]\n")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    sock.sendto(dns_query("WWW.a.test"), ("127.0.0.1", dns))
    size = len(sock.recv(4096))
    port = sock.getsockname()[1]
    ask_dns_tcp(dns, "none.a.test", "AAAA")
    dig(dns, "www.b.test", "A", "+subnet=203.0.113.0/24", "+dnssec")
    dig(dns, "www.example.org", "MX")
    martlet_command(scene, "query", f"@127.0.0.1:{dot}", "www.a.test", "--tls",
                    "--ca", os.path.join(scene.path("ca"), "ca.crt"), "--tls-name", "ns.a.test")
    told = eventually("five lines", lambda: (lines(path) + [None] * 5)[4] and lines(path))
    expect_equal(len(told), 5, "one line for each")
    # Each worker has lines of its own: those of a moment stand in no order.
    by_name = {line["qname"]: line for line in told if line["message"]["socket_protocol"] != "DOT"}
    secure = [line for line in told if line["message"]["socket_protocol"] == "DOT"]
    first = by_name["WWW.a.test."]
    message = first["message"]
    expect_equal(
        (first["type"], message["type"], message["socket_family"], message["socket_protocol"],
         message["query_address"], message["query_port"], message["response_address"],
         message["response_port"], message["query_zone"]),
        ("MESSAGE", "AUTH_RESPONSE", "INET", "UDP", "127.0.0.1", port, "127.0.0.1", dns, "a.test."),
        "the message")
    expect(message["query_time"] <= message["response_time"] and len(message["query_time"]) == 30,
           f"times to the nanosecond: {message}")
    expect_equal((first["qname"], first["qtype"], first["rcode"], first["size"], first["answers"]),
                 ("WWW.a.test.", "A", "NOERROR", size, 1), "question and answer")
    expect("qr" in first["flags"] and "aa" in first["flags"] and "policy" not in first, first)
    none = by_name["none.a.test."]
    expect_equal((none["message"]["socket_protocol"], none["rcode"], none["qtype"], none["answers"]),
                 ("TCP", "NXDOMAIN", "AAAA", 0), "over TCP")
    steered = by_name["www.b.test."]
    expect_equal((steered["policy"], steered["outcome"], steered["subnet"], steered["do"]),
                 ("site", "addresses", "203.0.113.0/24", True), f"a steered answer: {steered}")
    expect(steered["reason"], "a reason")
    refused = by_name["www.example.org."]
    expect_equal((refused["rcode"], "query_zone" in refused["message"]), ("REFUSED", False),
                 "no zone")
    expect_equal([(line["qname"], line["message"]["response_port"]) for line in secure],
                 [("www.a.test.", dot)], "over TLS")
    expect_equal(martlet.json("GET", "/api/v1/dns/queries")["kept"], 0, "records are another matter")

    # Moved away and opened anew, as the access log is.
    os.rename(path, path + ".1")
    martlet.signal(signal.SIGUSR1)

    def again():
        ask_dns(dns, "www.a.test")
        return lines(path)
    eventually("lines in the new file", again)
    # A reload to another file, and to none.
    martlet.reload(martlet.text().replace(path, path + ".other"))
    ask_dns(dns, "www.a.test")
    eventually("lines in the other file", lambda: lines(path + ".other"))
    martlet.reload(martlet.text().replace(path + ".other", "off"))
    count = len(lines(path + ".other"))
    ask_dns(dns, "www.a.test")
    never("a line when it is off", lambda: len(lines(path + ".other")) > count, during=0.3)


@scenario("log.queries.sample picks one query in so many", 60)
def samples(scene):
    path = scene.path("queries.log")
    dns, martlet = start(scene, f"output: {path}, sample: 10")
    for _ in range(1000):
        ask_dns(dns, "www.a.test")
    count = eventually("lines", lambda: len(lines(path)) > 60 and len(lines(path)))
    expect(60 < count < 150, f"{count} of 1000 queries")


@scenario("a query log that cannot be written loses lines, counts them and delays nobody", 60)
def drops(scene):
    path = scene.path("queries.fifo")
    os.mkfifo(path)
    os.chmod(path, 0o666)
    # The reader takes nothing: the pipe fills, then the ring, then lines are lost.
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    dns, martlet = start(scene, f"output: {path}, sample: 1")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", dns))
    sock.settimeout(2)
    question = dns_query("www.a.test")

    def dropped():
        for _ in range(500):
            sock.send(question)
            sock.recv(4096)
        return martlet.metric("martlet_log_dropped_lines_total", log="queries") > 0
    eventually("lines are dropped", dropped, within=40)
    expect(dig(dns, "www.a.test") == ["192.0.2.1"], "and answers go on")
    os.close(reader)
