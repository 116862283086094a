# SPDX-License-Identifier: Apache-2.0
"""What people use: a real browser in front, by HTTPS and HTTP/2, with everything a site has."""
import base64
import hashlib
import http.server
import os
import struct
import threading
import urllib.parse

from harness import eventually, expect, expect_equal, scenario
from harness.certificates import Authority, pair
from harness.chromium import Chromium

TEXT = ("Nobody looks at a balancer while it works. " * 400).encode()
PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
PAGE = f"""<!doctype html><html><head><meta charset=utf-8><title>page</title>
<link rel=icon href=data:,><link rel=stylesheet href=/style.css><script src=/app.js></script></head>
<body><h1>page</h1>{"".join(f"<img src=/picture/{n}.gif>" for n in range(24))}
<form method=post action=/form><input name=name><textarea name=text></textarea></form></body></html>"""
INLINE = PAGE.replace("<h1>", "<script>window.wasInline = true</script><h1>")
FILES = {
    "/": ("text/html", PAGE.encode()), "/inline": ("text/html", INLINE.encode()),
    "/style.css": ("text/css", b"h1 { color: rgb(1, 2, 3) }"),
    "/app.js": ("text/javascript", b"window.app = 'runs'; " + b"// filler\n" * 500),
    "/br/text": ("text/plain", TEXT), "/zstd/text": ("text/plain", TEXT),
    "/gzip/text": ("text/plain", TEXT),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """A small site: pages, a form that redirects after it, events, and WebSockets that echo."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0]
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.echo()
        if path == "/events":
            return self.events()
        kind, body = FILES.get(path, ("text/plain", self.server.name.encode()))
        if path.startswith("/picture/"):
            kind, body = "image/gif", PICTURE
        self.answer(200, body, ("Content-Type", kind), ("Cache-Control", "no-store"),
                    ("Content-Security-Policy", "script-src 'self'"))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.forms.append(urllib.parse.parse_qs(body.decode()))
        self.answer(303, b"", ("Location", "/thanks"))

    def answer(self, status, body, *fields):
        self.send_response(status)
        for name, value in (*fields, ("X-Origin", self.server.name)):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(3):
            self.wfile.write(f"data: {number}\n\n".encode())
            self.server.step.acquire(timeout=5)
        self.close_connection = True

    def echo(self):
        """RFC 6455: frames of the client are masked, ours are not."""
        magic = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept",
                         base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode())
        self.send_header("X-Origin", self.server.name)
        self.end_headers()
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                return
            first, size = head[0], head[1] & 0x7f
            if size > 125:
                extra = 2 if size == 126 else 8
                size = int.from_bytes(self.rfile.read(extra), "big")
            mask = self.rfile.read(4)
            data = self.rfile.read(size)
            plain = (int.from_bytes(data, "big")
                     ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
            length = (bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)
                      if size < 65536 else b"\x7f" + struct.pack("!Q", size))
            self.wfile.write(bytes([first]) + length + plain)
            if first & 0x0f == 8:
                return

    def log_message(self, *_):
        pass


class Site:
    def __init__(self, scene, name):
        port = scene.port()
        self.name, self.at = name, f"127.0.0.1:{port}"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.name, self.server.forms = name, []
        self.server.step = threading.Semaphore(0)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def start(scene):
    """(page, sites, Martlet, the port in the clear, the port with TLS)."""
    files = Authority(scene).make("www", "*.example.com")
    sites = [Site(scene, "one"), Site(scene, "two")]
    clear, secure = scene.port(), scene.port()
    endpoints = ", ".join(f"{{ address: {site.at}, name: {site.name} }}" for site in sites)
    coded = "".join(
        f"  - {{ host: www.example.com, path: /{coding}/, pool: web, compress: "
        f"{{ codings: {coding} }} }}\n" for coding in ("br", "zstd", "gzip"))
    martlet = scene.martlet(f"""workers: 2
pools:
  web: {{ endpoints: [ {endpoints} ], sticky: {{ cookie: SRV }} }}
listeners:
  - {{ http: 127.0.0.1:{clear} }}
  - {{ https: 127.0.0.1:{secure}, certificates: [ {pair(files)} ] }}
routes:
{coded}  - {{ host: www.example.com, path: =/old, redirect: {{ to: "/thanks?from=old", status: 308 }} }}
  - host: www.example.com
    path: /
    pool: web
    compress: {{}}
    security-headers: {{ frame-ancestors: "'none'" }}
  - {{ host: plain.example.com, path: /, pool: web }}
""")
    return Chromium(scene, files[0]).page(), sites, martlet, clear, secure


SOCKET = """new Promise((done, fail) => {
  const socket = new WebSocket("%s"), big = "x".repeat(200000), heard = [];
  socket.onopen = () => { socket.send("hello"); socket.send(big); };
  socket.onmessage = event => {
    heard.push(event.data);
    if (heard.length == 2) socket.close(1000);
  };
  socket.onclose = event => done([heard[0], heard[1] == big, event.code, event.wasClean]);
  setTimeout(() => fail(new Error("no echo")), 8000);
})"""


@scenario("a browser loads a page by HTTP/2, keeps to its endpoint and posts a form", 60)
def page_and_form(scene):
    page, sites, martlet, _, secure = start(scene)
    site = f"https://www.example.com:{secure}"
    page.go(site + "/")
    expect_equal(page.do("app"), "runs", "the script")
    expect_equal(page.do("getComputedStyle(document.querySelector('h1')).color"),
                 "rgb(1, 2, 3)", "the style")
    expect_equal(page.do("[...document.images].filter(image => image.naturalWidth == 1).length"),
                 24, "pictures")
    spoken = page.do("[...performance.getEntriesByType('navigation'),"
                     "...performance.getEntriesByType('resource')].map(e => e.nextHopProtocol)")
    expect_equal((len(spoken) >= 27, set(spoken)), (True, {"h2"}), f"protocols {spoken}")
    opened = martlet.metric("martlet_http_connections_total")
    expect(opened <= 3, f"one connection for a page, not {opened}")

    cookie = page.ask("Network.getCookies", urls=[site])["cookies"]
    expect_equal([(c["name"], c["httpOnly"], c["secure"], c["sameSite"]) for c in cookie],
                 [("SRV", True, True, "Lax")], "the cookie")
    names = set()
    for _ in range(6):
        page.reload()
        names |= set(page.do("Promise.all([1, 2, 3, 4].map(n => fetch('/who?' + n)"
                             ".then(answer => answer.text())))"))
        names.add(page.heads[site + "/"]["headers"]["x-origin"])
    expect_equal(len(names), 1, f"one endpoint over reloads: {names}")
    others = page.do("Promise.all([...Array(12).keys()].map(n => fetch('/who?o' + n, "
                     "{credentials: 'omit'}).then(answer => answer.text())))")
    expect_equal(set(others), {"one", "two"}, "without the cookie")

    page.do("(() => { document.forms[0].name.value = 'Ann & Ümit';"
            "document.forms[0].text.value = 'a=b\\n'.repeat(20000);"
            "document.forms[0].submit(); })()")
    page.loaded()
    expect_equal(page.do("location.pathname"), "/thanks", "the page behind the form")
    forms = [form for one in sites for form in one.server.forms]
    expect_equal([(form["name"], len(form["text"][0])) for form in forms],
                 [(["Ann & Ümit"], 100_000)], "what was posted, line ends as forms have them")
    page.note()
    expect_equal(page.complaints, [], "complaints")


@scenario("a browser decodes what is compressed, follows redirects and believes security headers", 60)
def coded_and_guarded(scene):
    page, sites, martlet, _, secure = start(scene)
    site = f"https://www.example.com:{secure}"
    # Before the browser has been there it asks by http as it is told; afterwards it does not.
    failed = page.ask("Page.navigate", url=f"http://www.example.com:{secure}/who").get("errorText")
    expect(failed, "plain HTTP to the port of TLS")
    page.note()
    page.complaints.clear()
    page.go(site + "/")
    for coding in ("br", "zstd", "gzip"):
        said, length, digest = page.do(
            f"fetch('/{coding}/text').then(async answer => {{"
            "const bytes = await answer.arrayBuffer();"
            "const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));"
            "return [answer.headers.get('content-encoding'), bytes.byteLength, [...hash]] })")
        expect_equal((said, length, bytes(digest)),
                     (coding, len(TEXT), hashlib.sha256(TEXT).digest()), coding)
    page.note()
    head = page.heads[site + "/"]["headers"]
    script = page.heads[site + "/app.js"]["headers"]
    expect(script.get("content-encoding") in ("br", "zstd", "gzip"), f"the script: {script}")
    expect_equal((head["strict-transport-security"], head["x-content-type-options"],
                  head["x-frame-options"]), ("max-age=31536000", "nosniff", "SAMEORIGIN"), "headers")
    expect_equal(page.do("fetch('/old').then(a => [a.redirected, new URL(a.url).search, a.status])"),
                 [True, "?from=old", 200], "a redirect of a route")
    page.go(site + "/old")
    expect_equal((page.do("location.href"), page.redirects[-1][0]),
                 (site + "/thanks?from=old", 308), "the same for a page")
    expect_equal(page.complaints, [], "complaints")

    page.go(f"http://www.example.com:{secure}/who")
    expect_equal(page.do("location.href"), site + "/who", "HSTS is believed")
    expect_equal(page.redirects[-1][0], 307, f"by the browser itself: {page.redirects}")
    # The endpoint's policy and the route's hold both: no script in a page, and nobody frames it.
    page.go(site + "/inline")
    expect_equal(page.do("[window.wasInline === undefined, app]"), [True, "runs"], "the policy")
    def said():
        page.do("0")
        page.note()
        return any("Content Security Policy" in text for text in page.complaints)
    eventually("the browser says so", said)
    framed = page.do("""new Promise(done => {
      const frame = document.createElement('iframe');
      frame.onload = () => { try { done(frame.contentDocument ? 'shown' : 'kept out') }
                             catch { done('kept out') } };
      frame.src = '/';
      document.body.append(frame);
    })""")
    expect_equal(framed, "kept out", "a frame")


@scenario("a browser's WebSockets pass over HTTP/2 and HTTP/1.1, and its events come one by one", 60)
def sockets_and_events(scene):
    page, sites, martlet, clear, secure = start(scene)
    page.go(f"https://www.example.com:{secure}/")
    said = page.do(SOCKET % f"wss://www.example.com:{secure}/ws")
    expect_equal(said, ["hello", True, 1000, True], "by TLS")
    expect_equal(martlet.metric("martlet_http_streams_websocket_total"), 1, "as a stream of HTTP/2")
    # Each event is there before the endpoint makes the next one.
    page.do("""(() => { window.heard = []; const source = new EventSource('/events');
      source.onmessage = event => { heard.push(event.data); if (heard.length == 3) source.close() };
    })()""")
    for number in range(3):
        eventually(f"event {number}", lambda: page.do("heard.length") == number + 1)
        for one in sites:
            one.server.step.release()
    expect_equal(page.do("heard"), ["0", "1", "2"], "events")
    page.go(f"http://plain.example.com:{clear}/")
    spoken = page.do("performance.getEntriesByType('navigation')[0].nextHopProtocol")
    expect_equal(spoken, "http/1.1", "in the clear")
    said = page.do(SOCKET % f"ws://plain.example.com:{clear}/ws")
    expect_equal(said, ["hello", True, 1000, True], "in the clear")
    expect_equal(martlet.metric("martlet_http_streams_websocket_total"), 1, "by an upgrade")
    page.note()
    expect_equal(page.complaints, [], "complaints")
