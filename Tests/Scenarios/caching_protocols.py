# SPDX-License-Identifier: Apache-2.0
"""The cache with HTTP/2, TLS, compression and other options of its route."""
import base64
import gzip
import re
import subprocess
import time

import access
from caching_herd import expect_all

from harness import expect, expect_equal, scenario
from harness.ask import Browser, curl, field
from harness.certificates import Authority, pair
from harness.crowd import crowd, request
from harness.edge import Edge
from harness.script import Answer, Gate, Script

FRESH = "Cache-Control: max-age=60"
CONTENT = bytes(range(256)) * 3000
TEXT = b"".join(b"line %d of what compresses well\n" % number for number in range(4000))


TOLD = "%{stderr}%{http_version} %{http_code} %{size_download}\n"


def parallel(url, count, *options):
    """[(version, status, octets)...] of so many requests of one curl, by one connection of HTTP/2."""
    done = subprocess.run(
        ["curl", "-sS", "--parallel", "--parallel-max", str(count), "--max-time", "20", *options, "-w", TOLD,
         *[word for _ in range(count) for word in ("-o", "/dev/null", url)]], capture_output=True, timeout=30)
    return re.findall(r"(\d) (\d{3}) (\d+)\n", done.stderr.decode())


def side_by_side(url, count, *options):
    """The same, of so many curls: by prior knowledge one alone cannot."""
    command = ["curl", "-sS", "--max-time", "20", *options, "-w", TOLD, "-o", "/dev/null", url]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(count)]
    texts = [process.communicate()[1].decode() for process in running]
    return [found for text in texts for found in re.findall(r"(\d) (\d{3}) (\d+)\n", text)]


@scenario("HTTP/2 and TLS: one herd by both versions is one request, and clear and secure are told apart")
def versions(scene):
    authority = Authority(scene)
    secure = scene.port()
    script = Script(scene, rule=Answer(FRESH, 'ETag: "1"', pieces=[CONTENT]))
    edge = Edge(scene, script)
    edge.take(edge.text().replace("routes:\n", f"""  - https: 127.0.0.1:{secure}
    certificates: [ {pair(authority.make("www", "www.example.com"))} ]
routes:
""", 1))
    clear = f"http://127.0.0.1:{edge.http}"
    by_two = ["--http2-prior-knowledge", "-H", "Host: www.example.com"]
    safe = ["--cacert", authority.certificate, "--resolve", f"www.example.com:{secure}:127.0.0.1"]
    by_tls = f"https://www.example.com:{secure}"
    for url, path, options, ask in ((clear, "/clear", by_two, side_by_side),
                                    (by_tls, "/tls", ["--http2", *safe], parallel)):
        # Half of them wait for what the other half began.
        script.rules[path] = Answer(FRESH, 'ETag: "1"', before=(0.2,),
                                    pieces=[CONTENT[:5000], 0.3, CONTENT[5000:]])
        answers = ask(url + path, 30, *options)
        expect_equal(answers, [("2", "200", str(len(CONTENT)))] * 30, path)
        expect_equal(script.count(path), 1, f"requests for {path}")
        for more, status, size in ((["-r", "1000-1999"], 206, 1000), (["-H", 'If-None-Match: "1"'], 304, 0),
                                   (["--head"], 200, 0)):
            done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                                   *options, *more, url + path], capture_output=True, timeout=10)
            expect_equal(done.stdout.decode(), f"{status} {size}", f"{path} {more}")
        expect_equal(script.count(path), 1, f"requests for {path}")
    # The same object by both versions.
    expect_equal(edge.word("/clear"), "HIT", "HTTP/1.1 after HTTP/2")
    expect_equal(edge.word("/tls"), "MISS", "the scheme is in the key")
    for version in ("--http1.1", "--http2"):
        done = subprocess.run(["curl", "-sS", version, *safe, f"https://www.example.com:{secure}/tls"],
                              capture_output=True, timeout=10)
        expect(done.stdout == CONTENT, f"{version}: {len(done.stdout)}")
    # Streams that are given up leave the others alone.
    gate = Gate()
    script.rules["/left"] = Answer(FRESH, pieces=[CONTENT], before=(gate,))
    left = subprocess.Popen(["curl", "-s", "-m", "0.3", "-o", "/dev/null", *by_two, clear + "/left"])
    replies = crowd(edge.http, [request("/left")] * 20, asked=lambda: (left.wait(), gate.open()), gap=0.02)
    expect_equal({(reply.status, reply.body == CONTENT) for reply in replies}, {(200, True)}, "others")
    expect_equal(script.count("/left"), 1, "requests")


@scenario("compression with a cache: one object is kept, each client has the coding that it wants")
def compressed(scene):
    script = Script(scene)
    edge = Edge(scene, script, route="compress: {}")
    for path, form in (("/length", "length"), ("/chunked", "chunked")):
        script.rules[path] = Answer(FRESH, 'ETag: "1"', "Content-Type: text/plain", form=form,
                                    pieces=[TEXT[:9000], TEXT[9000:]])
        url = f"http://127.0.0.1:{edge.http}{path}"
        for coding in ("gzip", None, "br", "gzip", "zstd", None):
            given = ["-H", f"Accept-Encoding: {coding}"] if coding else []
            status, head, body = curl(url, "-H", "Host: www.example.com", "--raw", *given)
            expect_equal((status, field(head, "Content-Encoding")), (200, coding), f"{path} for {coding}")
            expect("Accept-Encoding" in field(head, "Vary"), f"{path}: Vary")
            expect_equal(field(head, "ETag"), 'W/"1"' if coding else '"1"', f"{path}: ETag")
            done = subprocess.run(["curl", "-sS", "--compressed", "-H", "Host: www.example.com", *given, url],
                                  capture_output=True, timeout=10)
            expect(done.stdout == TEXT, f"{path} for {coding}: {len(done.stdout)}")
        expect_equal(script.count(path), 1, f"requests for {path}")
        given = ["-H", "Host: www.example.com", "-H", "Accept-Encoding: gzip"]
        status, _, body = curl(url, *given, "-H", 'If-None-Match: W/"1"')
        expect_equal((status, body), (304, b""), "the tag that it was told")
        status, head, body = curl(url, *given, "-r", "0-99")
        plain = body if field(head, "Content-Encoding") is None else None
        expect(status == 200 or plain == TEXT[:100], f"a part: {status} {head}")
    # A herd of which each has a coding of its own.
    gate = Gate()
    script.rules["/herd"] = Answer(FRESH, "Content-Type: text/plain", pieces=[TEXT], before=(gate,))
    kinds = [("Accept-Encoding: gzip",), ("Accept-Encoding: identity",)]
    requests = [request("/herd", *kinds[number % 2]) for number in range(200)]
    replies = crowd(edge.http, requests, asked=gate.open)
    expect({gzip.decompress(reply.body) for reply in replies[::2]} == {TEXT}, "compressed")
    expect({reply.body for reply in replies[1::2]} == {TEXT}, "not compressed")
    expect_equal(script.count("/herd"), 1, "requests")


@scenario("origins by HTTP/2 and by TLS: kept, renewed and read by a herd as others are")
def origins(scene):
    authority = Authority(scene)
    script = Script(scene, rule=Answer(FRESH, 'ETag: "1"', pieces=[CONTENT]))
    script.rules["/short"] = Answer("Cache-Control: max-age=2", 'ETag: "1"', pieces=[CONTENT])
    script.rules["/cut"] = Answer(FRESH, form="chunked", pieces=[CONTENT, 0.2, CONTENT])
    # Another Martlet speaks HTTP/2 to this one; what it says is what the script says.
    back = scene.port()
    scene.martlet(f"pools: {{ web: {{ endpoints: [ {{ address: '{script.at}' }} ] }} }}\n"
                  f"listeners: [ {{ http: 127.0.0.1:{back} }} ]\nroutes: [ {{ path: /, pool: web }} ]\n")
    safe = Script(scene, rule=script.rule, tls=authority.make("origin", "origin.example"))
    safe.rules = script.rules

    class Two:
        at, name = f"127.0.0.1:{back}", "two"
    by_tls = f"tls: {{ name: origin.example, authorities: {authority.certificate} }}"
    for origin, told, pool in ((Two, script, "protocol: http2"), (safe, safe, by_tls)):
        edge = Edge(scene, origin, pool=pool)
        for path, content in (("/a", CONTENT), ("/cut", CONTENT * 2)):
            before = told.count(path)
            replies = crowd(edge.http, [request(path)] * 100)
            expect_all(replies, content, f"{pool} {path}")
            expect_equal(told.count(path) - before, 1, f"{pool}: requests for {path}")
        edge.expect_words("/short", "MISS", "HIT")
        time.sleep(2.1)
        edge.expect_words("/short", "REVALIDATED", "HIT")
        edge.martlet.stop()


@scenario("other options of a route hold for what is kept: fields, paths, logins, limits, methods")
def route_options(scene):
    script = Script(scene)
    edge = Edge(scene, script, route="response-headers: { set: { X-Set: now }, remove: [X-Gone] }")
    script.rules["/a"] = Answer(FRESH, "X-Gone: 1", "X-Own: 2")
    for word in ("MISS", "HIT"):
        reply = edge.ask("/a")
        expect_equal([field(reply.head, name) for name in ("X-Cache-Status", "X-Set", "X-Gone", "X-Own")],
                     [word, "now", None, "2"], word)
    users = scene.path("users")
    access.write(users, anna="right")
    edge.reload(route=f"basic-auth: {{ users: {users}, strip: false }}")
    # What one brought who may come in, others who may not do not get.
    script.rules["/b"] = Answer(FRESH + ", public", pieces=[b"inside"])
    right, wrong = ("Authorization: Basic " + base64.b64encode(text).decode()
                    for text in (b"anna:right", b"anna:wrong"))
    edge.expect_words("/b", "MISS", "HIT", lines=(right,))
    for lines in ((), (wrong,)):
        reply = edge.ask("/b", *lines)
        expect(reply.status == 401 and b"inside" not in reply.body, f"{lines}: {reply.status}")
    edge.reload(route="rate-limit: { rate: 2/m }")
    expect_equal([edge.ask("/a").status for _ in range(3)], [200, 200, 429], "a limit counts hits")
    edge.reload(route="deny: [127.0.0.0/8]")
    expect_equal(edge.ask("/a").status, 403, "networks")
    edge.reload()
    entry = edge.martlet.access_entry("of a hit", lambda entry: entry.get("cache") == "hit")
    expect_equal((entry["status"], entry["attempts"]), (200, 0), "the access log of a hit")
    # Pipelined requests of hits and misses come in order.
    browser = Browser(edge.http)
    paths = [f"/p{number % 3}" for number in range(30)]
    text = "".join(f"GET {path} HTTP/1.1\r\nHost: www.example.com\r\n\r\n" for path in paths)
    browser.sock.sendall(text.encode())
    bodies = [browser.answer()[2] for _ in paths]
    expect_equal(bodies, [f"{path} #1\n".encode() for path in paths], "pipelined")
