# SPDX-License-Identifier: Apache-2.0
"""DNS over HTTPS (RFC 8484): real kdig, dig, curl and dnsperf, both versions of HTTP, bad requests."""
import base64
import os
import re
import socket
import subprocess

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl, dns_query, exactly, field
from harness.certificates import Authority, pair
from harness.martlet import martlet_command
from harness.service import service
from dns_over_tls import HOST, QUESTIONS, RECORDS, run, tcp, udp
from tls import metric

TYPE = "application/dns-message"


def doh(scene, authority, route="", top="", listener="", **options):
    """A Martlet with all doors and a route for questions; (dns, plain, secure port, martlet)."""
    origins = scene.origins("a", "b")
    dns, plain, port = scene.port(), scene.port(), scene.port()
    extra = (f"  - https: 127.0.0.1:{port}\n"
             f"    certificates: [ {pair(authority.make('ns', HOST))} ]\n{listener}")
    text = service(plain, dns, origins, more=top)
    text = text.replace("routes:\n", f"{extra}routes:\n"
                        f"  - {{ name: names, path: =/dns-query, answer: dns{route} }}\n", 1)
    text = text.replace(f"http: 127.0.0.1:{plain}", f"http: 127.0.0.1:{plain}, trusted-proxies: [ 127.0.0.1 ]", 1)
    text = text.replace("      ns1:", RECORDS.lstrip("\n") + "      ns1:", 1)
    return dns, plain, port, scene.martlet(text, **options)


class Asker:
    def __init__(self, scene, authority, port):
        self.scene, self.authority, self.port = scene, authority, port

    def __call__(self, path="/dns-query", *options, version="--http2"):
        """(status, head, body) from curl by HTTPS."""
        out = self.scene.path("body")
        if os.path.exists(out):
            os.remove(out)
        done = subprocess.run(
            ["curl", "-sS", "-D", "-", "-o", out, version, "--max-time", "10", "--cacert",
             self.authority.certificate, "--connect-to", f"{HOST}:{self.port}:127.0.0.1:{self.port}",
             *options, f"https://{HOST}:{self.port}{path}"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=15)
        head = done.stdout.decode("latin-1")
        found = re.findall(r"HTTP/[0-9.]+ (\d+)", head)
        body = b""
        if os.path.exists(out):
            with open(out, "rb") as file:
                body = file.read()
        return (int(found[-1]) if found else 0), head, body

    def get(self, query, *options, **settings):
        text = base64.urlsafe_b64encode(query).rstrip(b"=").decode()
        return self(f"/dns-query?dns={text}", *options, **settings)

    def post(self, query, *options, kind=TYPE, **settings):
        file = self.scene.path("query")
        with open(file, "wb") as output:
            output.write(query)
        return self("/dns-query", "-H", f"Content-Type:{kind and ' ' + kind}", "--data-binary", f"@{file}",
                    *options, **settings)


@scenario("DNS over HTTPS answers as UDP and TCP do, to kdig, dig, curl and dnsperf",
          covers=["routes[].answer"], limit=150)
def end_to_end(scene):
    authority = Authority(scene)
    dns, plain, port, martlet = doh(scene, authority, top="dns: { sample-queries: 1 }\n")
    ask = Asker(scene, authority, port)
    for version in ("--http2", "--http1.1"):
        for number, (name, kind) in enumerate(QUESTIONS):
            query = dns_query(f"{name}.example.com", kind, identifier=number)
            wanted = udp(dns, query)
            for way in (ask.get, ask.post):
                status, head, body = way(query, version=version)
                expect_equal((status, body.hex()), (200, wanted.hex()), f"{version} {name} {kind}")
                expect_equal(field(head, "Content-Type"), TYPE, "Content-Type")
        query = dns_query("many.example.com", identifier=7)
        one, other = ask.get(query, version=version)[2], tcp(dns, query)
        # Addresses of one name take turns: their order is not part of the comparison.
        expect_equal((len(one), sorted(one)), (len(other), sorted(other)), "what UDP truncates")
    # RFC 8484 section 5.1: what caches may do.
    for name, wanted in (("plain", "max-age=3600"), ("none", "max-age=300"),
                         ("www", "private, max-age=")):
        head = ask.get(dns_query(f"{name}.example.com", identifier=0))[1]
        expect(field(head, "Cache-Control").startswith(wanted), f"Cache-Control of {name}: {head}")
    head = ask.get(dns_query("else.test", identifier=0))[1]
    expect_equal(field(head, "Cache-Control"), "no-store", "of a refusal")
    status, head, _ = ask.get(dns_query("plain.example.com", identifier=0), "-I")
    expect_equal(status, 200, "HEAD")
    expect(int(field(head, "Content-Length")) > 30, f"the length of HEAD: {head}")
    # One connection, many requests, by POST and GET in turn, by plain HTTP from what has ended TLS in front.
    query = dns_query("plain.example.com", identifier=0)
    wanted = udp(dns, query)
    with socket.create_connection(("127.0.0.1", plain), timeout=5) as sock:
        for _ in range(20):
            text = base64.urlsafe_b64encode(query).rstrip(b"=")
            sock.sendall(b"POST /dns-query HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nContent-Type: "
                         + TYPE.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(query) + query
                         + b"GET /dns-query?x=1&dns=" + text
                         + b" HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n")
            for _ in range(2):
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += exactly(sock, 1)
                expect(head.startswith(b"HTTP/1.1 200"), f"{head}")
                length = int(field(head.decode(), "Content-Length"))
                expect_equal(exactly(sock, length).hex(), wanted.hex(), "on a kept connection")
        # RFC 8484 section 5: what nobody has encrypted is for https.
        sock.sendall(b"GET /dns-query?dns=" + text + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        expect(exactly(sock, 12) == b"HTTP/1.1 421", "in the clear")
    tls = [f"+tls-ca={authority.certificate}", f"+tls-hostname={HOST}"]
    for way in ("+https", "+https-get"):
        text = run("kdig", "@127.0.0.1", "-p", str(port), "+https", way, *tls, "plain.example.com")
        expect("192.0.2.1" in text and "HTTP/2" in text, f"kdig {way}: {text}")
    for way in ("+https", "+https-get"):
        text = run("dig", "@127.0.0.1", "-p", str(port), way, *tls, "+short", "plain.example.com",
                   "TXT")
        expect_equal(text.strip(), '"hello"', f"dig {way}")
    # The address of the name comes by HTTPS alone: it is no name of this machine.
    done = subprocess.run(
        ["curl", "-sS", "--doh-url", f"https://{HOST}:{port}/dns-query", "--doh-insecure",
         "--resolve", f"{HOST}:{port}:127.0.0.1", "-o", "/dev/null", "-w", "%{remote_ip} %{http_code}",
         f"http://{HOST}:{plain}/"], capture_output=True, text=True, timeout=20)
    expect_equal(done.stdout, "127.0.0.1 404", f"curl --doh-url: {done}")
    text = base64.urlsafe_b64encode(query).rstrip(b"=").decode()
    urls = scene.write("urls", "".join(
        f'url = "https://{HOST}:{port}/dns-query?dns={text}&x={i}"\noutput = "/dev/null"\n'
        for i in range(300)))
    text = run("curl", "-s", "--http2", "--parallel", "--cacert", authority.certificate, "--resolve",
               f"{HOST}:{port}:127.0.0.1", "-K", urls, "-w", "%{http_code} ")
    expect_equal(text.count("200 "), 300, f"many at a time on one connection: {text[:200]}")
    asked = scene.write("asked", "plain.example.com A\nnone.example.com A\nalias.example.com A\n")
    # One query at a time: dnsperf 2.10 counts one answer only of those that one read brings.
    text = run("dnsperf", "-s", "127.0.0.1", "-p", str(port), "-m", "doh", "-l", "3", "-c", "1", "-T",
               "1", "-q", "1", "-d", asked, "-O", f"doh-uri=https://{HOST}/dns-query")
    sent = re.search(r"Queries sent:\s+(\d+)", text)
    expect(sent and int(sent[1]) > 20 and re.search(r"Queries lost:\s+0 ", text), f"dnsperf: {text}")
    answered = metric(martlet, 'martlet_dns_queries_total{transport="doh"}')
    expect(answered > 100, f"queries by transport: {answered}")
    records = martlet.json("GET", "/api/v1/dns/queries?name=plain.example.com")["queries"]
    expect("doh" in {one["transport"] for one in records}, f"records: {records[:3]}")
    status, text, err = martlet_command(scene, "explain", "http://a/dns-query", "--admin",
                                        f"127.0.0.1:{martlet.admin}")
    expect(status == 0 and "DNS" in text, f"explain: {text} {err}")


@scenario("requests that are no questions get the status that says why, and harm nobody", limit=90)
def bad_requests(scene):
    authority = Authority(scene)
    dns, plain, port, martlet = doh(scene, authority)
    ask = Asker(scene, authority, port)
    query = dns_query("plain.example.com", identifier=0)
    good = base64.urlsafe_b64encode(query).rstrip(b"=").decode()
    response = bytearray(query)
    response[2] |= 0x80
    big = query + bytes(5000)
    for version in ("--http2", "--http1.1"):
        for what, wanted, answer in (
                ("no parameter", 400, ask("/dns-query", version=version)),
                ("an empty one", 400, ask("/dns-query?dns=", version=version)),
                ("filled up", 400, ask("/dns-query?dns=AA==", version=version)),
                ("the other alphabet", 400, ask("/dns-query?dns=" + "+/" * 20, version=version)),
                ("too short", 400, ask("/dns-query?dns=AAAA", version=version)),
                ("too long", 400, ask("/dns-query?dns=" + "A" * 6000, version=version)),
                ("a response", 400, ask.get(bytes(response), version=version)),
                ("an empty body", 400, ask.post(b"", version=version)),
                ("a short body", 400, ask.post(b"abc", version=version)),
                ("another path", 404, ask("/dns-queries?dns=" + good, version=version)),
                ("a method", 405, ask("/dns-query?dns=" + good, "-X", "DELETE", version=version)),
                ("a method with a body", 405, ask.post(query, "-X", "PUT", version=version)),
                ("an Accept", 406, ask.get(query, "-H", "Accept: text/html", version=version)),
                ("a long body", 413, ask.post(big, version=version)),
                ("a long one in chunks", 413, ask.post(
                    big, "-H", "Transfer-Encoding: chunked", version=version)),
                ("a media type", 415, ask.post(query, kind="text/plain", version=version)),
                ("none", 415, ask.post(query, kind="", version=version)),
                ("in chunks", 200, ask.post(query, "-H", "Transfer-Encoding: chunked",
                                            version=version)),
                ("an Accept with more", 200, ask.get(
                    query, "-H", "Accept: text/html, application/*;q=0.9", version=version)),
                ("with parameters", 200, ask.post(
                    query, kind=f"{TYPE}; x=y", version=version))):
            expect_equal(answer[0], wanted, f"{version} {what}: {answer[1]} {answer[2][:80]}")
    head = ask("/dns-query", "-X", "DELETE")[1]
    expect_equal(field(head, "Allow"), "GET, HEAD, POST", "Allow")
    # A malformed query is answered as by UDP: FORMERR in a message.
    broken = query[:-3]
    expect_equal(ask.get(broken)[2].hex(), udp(dns, broken).hex(), "FORMERR")
    # Half a body and silence; others are served meanwhile.
    with socket.create_connection(("127.0.0.1", plain), timeout=15) as sock:
        sock.sendall(b"POST /dns-query HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nContent-Type: "
                     + TYPE.encode() + b"\r\nContent-Length: 100\r\n\r\nhalf")
        expect_equal(ask.get(query)[0], 200, "others meanwhile")
    eventually("and UDP", lambda: udp(dns, query) == ask.get(query)[2])
    reasons = martlet.metrics()
    expect("panic" not in martlet.log(), "nothing broke")
    expect(reasons.count("martlet_dns_queries_total{") == 4, "four transports")
