# SPDX-License-Identifier: Apache-2.0
"""Every error of the HTTP door: the right status, a short body, and a reason word in the log."""
from harness import expect, expect_equal, scenario
from harness.ask import Browser, raw, statuses
from harness.service import service

GET = b"GET %s HTTP/1.1\r\nHost: www.example.com\r\n%s\r\n"

# What is sent, the status that must come back, whether the connection must then be closed.
CLIENT_ERRORS = [
    ("not a request line", b"HELLO\r\n\r\n", 400, True),
    ("a bare LF after the request line", b"GET / HTTP/1.1\nHost: www.example.com\r\n\r\n", 400, True),
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", 400, True),
    ("two Hosts", GET % (b"/", b"Host: b\r\n"), 400, True),
    ("a space before the colon", GET % (b"/", b"X : 1\r\n"), 400, True),
    ("a folded line", GET % (b"/", b"X: 1\r\n 2\r\n"), 400, True),
    ("a NUL in a value", GET % (b"/", b"X: a\0b\r\n"), 400, True),
    ("two lengths", GET % (b"/", b"Content-Length: 1\r\nContent-Length: 2\r\n"), 400, True),
    ("length and chunked", GET % (b"/", b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
     400, True),
    ("an unknown host", b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", 404, False),
    ("a path without a route", b"GET /x HTTP/1.1\r\nHost: paths.example.com\r\n\r\n", 404, False),
    ("a body over the limit",
     b"POST /small HTTP/1.1\r\nHost: limits.example.com\r\nContent-Length: 5000\r\n\r\n", 413, True),
    ("a chunked body over the limit",
     b"POST /small HTTP/1.1\r\nHost: limits.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"1000\r\n" + b"x" * 4096 + b"\r\n0\r\n\r\n", 413, True),
    ("a request line over the limit", GET % (b"/" + b"a" * 9000, b""), 414, True),
    ("an expectation nobody knows", GET % (b"/", b"Expect: miracles\r\n"), 417, None),
    ("another authority than Host",
     b"GET https://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n", 421, None),
    ("a head over the limit", GET % (b"/", b"X-Long: " + b"a" * 40000 + b"\r\n"), 431, True),
    ("too many fields", GET % (b"/", b"".join(b"X-%d: 1\r\n" % n for n in range(300))), 431, True),
    ("an unknown transfer coding", GET % (b"/", b"Transfer-Encoding: gzip, chunked\r\n"), 501, True),
]


def configured(scene, origins):
    http = scene.port()
    dead = scene.port("127.0.0.9")
    more = f"""
limits: {{ request-line: 8KiB, header-bytes: 12KiB, header-count: 128 }}
"""
    text = service(http, None, origins, more=more, listener="timeouts: { header: 400ms, idle: 20s }",
                   pool="timeouts: { first-byte: 400ms, between-bytes: 400ms }")
    text = text.replace("routes:\n", f"""routes:
  - {{ host: paths.example.com, path: /only/, pool: web }}
  - {{ host: limits.example.com, path: /, pool: web, body-limit: 4000B }}
  - {{ host: dead.example.com, path: /, pool: dead }}
  - {{ host: down.example.com, path: /, pool: down }}
  - {{ host: none.example.com, path: /, pool: none }}
""").replace("pools:\n", f"""pools:
  dead:
    passive: {{ failures: 0 }}
    endpoints: [ {{ address: 127.0.0.9:{dead} }} ]
  down:
    probe: quick
    endpoints: [ {{ address: 127.0.0.9:{dead} }} ]
  none:
    endpoints: [ {{ address: 127.0.0.9:{dead}, weight: 0 }} ]
""")
    return http, text


@scenario("client errors: status, short body, reason in the log, nothing at the origin")
def client_errors(scene):
    origin, = scene.origins("a")
    http, text = configured(scene, [origin])
    martlet = scene.martlet(text)
    wrong = []
    for number, (name, data, status, closes) in enumerate(CLIENT_ERRORS):
        reply = raw(http, data, timeout=1.0)
        seen = statuses(reply)
        if seen[:1] != [status]:
            wrong.append(f"{name}: expected {status}, saw {seen or reply[:60]!r}")
            continue
        body = reply.partition(b"\r\n\r\n")[2]
        if not body or len(body) > 500:
            wrong.append(f"{name}: a body of {len(body)} bytes")
        if closes and b"connection: close" not in reply.lower():
            wrong.append(f"{name}: the response does not say that the connection closes")
    expect(not wrong, lambda: "\n".join(wrong))
    expect_equal(origin.seen()["requests"], 0, "requests at the origin")
    wanted = sorted(status for _, _, status, _ in CLIENT_ERRORS)
    martlet.access_entry("of the last error", lambda _: len(martlet.access()) >= len(wanted))
    entries = martlet.access()
    expect_equal(sorted(entry["status"] for entry in entries), wanted, "statuses in the access log")
    silent = [entry for entry in entries if not entry.get("reason")]
    expect(not silent, lambda: f"without a reason word: {silent[:3]}")


@scenario("408: a head that does not end in time, however it drips")
def header_timeout(scene):
    origin, = scene.origins("a")
    http, text = configured(scene, [origin])
    martlet = scene.martlet(text)
    browser = Browser(http)
    browser.sock.sendall(b"GET / HTTP/1.1\r\nHost: www.")
    status, head, _ = browser.answer()
    expect_equal(status, 408, "status")
    expect("close" in head.lower(), "the connection closes")
    martlet.access_entry("of the 408", lambda entry: entry["status"] == 408 and entry["reason"])


@scenario("502, 503 and 504: what the origin does, and what the client and the log are told")
def origin_errors(scene):
    origin, = scene.origins("a")
    http, text = configured(scene, [origin])
    martlet = scene.martlet(text)

    def ask(host="www.example.com", path="/plain"):
        browser = Browser(http, host=host)
        try:
            return browser.ask(path)[0]
        finally:
            browser.close()

    expect_equal(ask("dead.example.com"), 502, "an endpoint that refuses connections")
    expect_equal(ask("down.example.com"), 503, "a pool whose endpoints are all down")
    expect_equal(ask("none.example.com"), 503, "a pool of weight 0")
    expect_equal(ask(), 200, "before the faults")
    for fault, status in (("garbage", 502), ("reset", 502), ("close", 502), ("hang", 504)):
        origin.fault(fault)
        expect_equal(ask(), status, f"an origin that answers with {fault}")
    origin.fault("500")
    expect_equal(ask(), 500, "an origin's own 500 is passed on")
    origin.fault("truncated")
    try:
        browser = Browser(http)
        _, _, body = browser.ask("/plain")
        expect(False, f"a truncated body looked complete: {len(body)} bytes")
    except OSError:
        pass
    origin.fault(None)
    expect_equal(ask(), 200, "after the faults")
    martlet.access_entry("of the last request", lambda _: len(martlet.access()) >= 11)
    for entry in martlet.access():
        if entry["status"] in (502, 503, 504):
            expect(entry.get("reason"), f"no reason in {entry}")
    reasons = {entry["reason"] for entry in martlet.access() if entry["status"] in (502, 503, 504)}
    expect(len(reasons) >= 4, f"the causes have words of their own: {reasons}")
