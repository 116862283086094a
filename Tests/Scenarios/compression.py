# SPDX-License-Identifier: Apache-2.0
"""Compression of answers: what real clients decode is what the endpoint said."""
import hashlib
import http.server
import json
import random
import subprocess
import threading
import time

from harness import expect, expect_equal, scenario
from harness.ask import curl, field
from harness.certificates import Authority, pair
from harness.service import service

C = "routes[].compress."
KINDS = {"zstd": bytes.fromhex("28b52ffd"), "gzip": bytes.fromhex("1f8b08")}


def content(size, seed=1):
    """Text that compresses well, in part."""
    draw = random.Random(seed)
    words = [f"word{draw.randrange(10 ** 9)} " for _ in range(200)]
    out = "".join(draw.choice(words) for _ in range(size // 10 + 1))
    return out.encode()[:size]


class Handler(http.server.BaseHTTPRequestHandler):
    """/SIZE?chunked&type=...&h=Name:value: content of that size, and what the query asks for."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        asked = dict(part.partition("=")[::2] for part in query.split("&"))
        body = content(int(path.strip("/")))
        self.send_response(int(asked.get("status", 200)))
        self.send_header("Content-Type", asked.get("type", "text/html") + "; charset=utf-8")
        self.send_header("ETag", '"abc"')
        self.send_header("Accept-Ranges", "bytes")
        if "h" in asked:
            name, _, value = asked["h"].partition(":")
            self.send_header(name, value)
        if "chunked" in asked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if "chunked" not in asked:
            self.wfile.write(body)
            return
        step = int(asked["chunked"] or 3000)
        for start in range(0, len(body), step):
            piece = body[start:start + step]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if "wait" in asked:
                self.wfile.flush()
                time.sleep(float(asked["wait"]))
        if "cut" not in asked:
            self.wfile.write(b"0\r\nX-Trailer: 1\r\n\r\n")
        else:
            self.close_connection = True

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Origin:
    def __init__(self, port):
        self.at = f"127.0.0.1:{port}"
        self.name = "text"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def compressing(scene, options="", workers=2):
    authority = Authority(scene)
    clear, secure = scene.port(), scene.port()
    origin = Origin(scene.port())
    text = service(clear, None, [origin], workers=workers, probe="").replace(
        "routes:\n", f"""  - https: 127.0.0.1:{secure}
    certificates: [ {pair(authority.make("www", "www.example.com"))} ]
routes:
  - {{ host: www.example.com, path: /, pool: web, compress: {{{options}}} }}
  - {{ host: plain.example.com, path: /, pool: web }}
""").replace("  - { host: www.example.com, path: /, pool: web }\n", "")
    martlet = scene.martlet(text)

    def ask(target, *options, accept=None, host="www.example.com"):
        given = ["-H", f"Accept-Encoding: {accept}"] if accept else []
        return curl(f"http://127.0.0.1:{clear}{target}", "-H", f"Host: {host}", *given, *options)

    def decoded(target, *options):
        """What curl makes of it, whatever the coding."""
        done = subprocess.run(
            ["curl", "-sS", "--compressed", "--cacert", authority.certificate, "--resolve",
             f"www.example.com:{secure}:127.0.0.1", "--max-time", "60", *options,
             f"https://www.example.com:{secure}{target}"], capture_output=True)
        return done.returncode, done.stdout
    return ask, decoded, martlet, text, clear


@scenario("answers are compressed for those who want it", covers=[
    C + "codings", C + "types", C + "min-size", C + "level"])
def compression(scene):
    ask, decoded, martlet, text, _ = compressing(scene)
    for accept, coding in (("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("gzip, br", "br"),
                           ("gzip;q=1, br;q=0.5", "gzip"), ("*", "zstd"), ("X-GZIP", "gzip"),
                           ("zstd;q=0, *", "br"), ("identity, gzip;q=0.5", None), ("deflate", None),
                           ("gzip;q=0", None), ("gzip;q=2", None), (None, None)):
        status, head, body = ask("/20000", accept=accept)
        expect_equal((status, field(head, "Content-Encoding")), (200, coding), f"for {accept}")
        expect_equal(field(head, "Vary"), "Accept-Encoding", f"for {accept}")
        expect_equal(field(head, "ETag"), 'W/"abc"' if coding else '"abc"', f"for {accept}")
        expect_equal(field(head, "Content-Length"), None if coding else "20000", f"for {accept}")
        expect_equal(field(head, "Accept-Ranges"), None if coding else "bytes", f"for {accept}")
        if coding in KINDS:
            expect("chunked" in head, head)
        head = ask("/20000", "--head", accept=accept)[1]
        expect_equal((field(head, "Content-Encoding"), field(head, "Content-Length"),
                      field(head, "ETag")),
                     (coding, None if coding else "20000", 'W/"abc"' if coding else '"abc"'),
                     f"HEAD for {accept}")
    for target, why in (("/900", "min-size"), ("/9000?type=image/png", "types"),
                        ("/9000?type=text/event-stream", "events"),
                        ("/9000?h=Content-Encoding:br", "encoded"),
                        ("/9000?h=Cache-Control:no-transform", "no-transform"),
                        ("/9000?status=206", "206")):
        head = ask(target, accept="gzip")[1]
        encoding = "br" if why == "encoded" else None
        expect_equal((field(head, "Content-Encoding"), field(head, "Vary")), (encoding, None), why)
    head = ask("/9000?h=Vary:Origin,Accept-Encoding", accept="gzip")[1]
    expect_equal((field(head, "Content-Encoding"), head.lower().count("vary:")), ("gzip", 1), "Vary")
    head = ask("/9000?h=Content-Digest:sha-256=:x:", accept="gzip")[1]
    expect_equal(field(head, "Content-Digest"), None, "a digest of other bytes")
    expect_equal(field(ask("/9000", accept="gzip", host="plain.example.com")[1],
                       "Content-Encoding"), None, "a route without it")
    old = ask("/9000", "--http1.0", accept="gzip")[1]
    expect_equal(field(old, "Content-Encoding"), None, "HTTP/1.0 has no chunks")
    for size in (1, 1023, 1024, 32_000, 32_768, 70_000, 3_000_000):
        for way in ("", "?chunked=", "?chunked=1000000"):
            for version in ("--http1.1", "--http2"):
                for coding in ("gzip", "br", "zstd"):
                    code, body = decoded(f"/{size}{way}", version, "-H",
                                         f"Accept-Encoding: {coding}")
                    expect(code == 0 and body == content(size),
                           f"{size} {way} {version} {coding}: {code}, {len(body)} bytes")
    before = martlet.metric("martlet_compression_bytes_total", side="endpoint")
    after = martlet.metric("martlet_compression_bytes_total", side="client")
    expect(before > 3 * after > 0, f"{before} bytes became {after}")
    martlet.reload(text.replace("compress: {}", "compress: { codings: gzip, types: image/png, "
                                                "min-size: 10B, level: 9 }"))
    head = ask("/900?type=image/png", accept="br, zstd, gzip")[1]
    expect_equal(field(head, "Content-Encoding"), "gzip", "codings, types, min-size")
    expect_equal(field(ask("/9000", accept="gzip")[1], "Content-Encoding"), None, "types")


@scenario("a compressed stream comes without delay, and a cut one is seen")
def streams(scene):
    ask, decoded, martlet, _, clear = compressing(scene, " types: text/event-stream ")
    target = "/300?type=text/event-stream&chunked=100&wait=0.5"
    for coding in ("br", "zstd", "gzip"):
        began = time.monotonic()
        process = subprocess.Popen(
            ["curl", "-sSN", "--compressed", "-H", f"Accept-Encoding: {coding}",
             "-H", "Host: www.example.com", "-D", scene.path(coding),
             f"http://127.0.0.1:{clear}{target}"], stdout=subprocess.PIPE)
        first = process.stdout.read(100)
        took = time.monotonic() - began
        expect(first == content(300)[:100] and took < 0.4, f"{coding}: {took:.2f} s to the first")
        expect_equal(first + process.stdout.read(), content(300), f"{coding}: all events")
        process.wait()
        with open(scene.path(coding)) as file:
            expect_equal(field(file.read(), "Content-Encoding"), coding, "the coding")
    code, _ = decoded("/90000?type=text/event-stream&chunked=&cut", "--http1.1")
    expect(code != 0, "the client sees that the answer is not whole")
    code, _ = decoded("/90000?type=text/event-stream&chunked=&cut", "--http2")
    expect(code != 0, "the client sees that the answer is not whole by HTTP/2")


@scenario("slow clients of compressed answers hold little memory")
def slow_clients(scene):
    ask, decoded, martlet, _, clear = compressing(scene, " codings: gzip, level: 1 ", workers=1)
    ask("/20000000", accept="gzip", *[])
    slow = [subprocess.Popen(
        ["curl", "-sS", "--limit-rate", "20k", "--max-time", "8", "-o", "/dev/null", "-H",
         "Host: www.example.com", "-H", "Accept-Encoding: gzip",
         f"http://127.0.0.1:{clear}/30000000"], stderr=subprocess.DEVNULL) for _ in range(20)]
    time.sleep(3)
    taken = martlet.metric("martlet_compression_bytes_total", side="endpoint")
    for process in slow:
        process.kill()
        process.wait()
    expect(taken < 20_000_000 + 20 * 30_000_000 / 2, f"{taken} bytes were read for slow clients")
    code, body = decoded("/100000")
    expect(code == 0 and body == content(100_000), "and others are served")
