# SPDX-License-Identifier: Apache-2.0
"""Nothing that HTTP/2 can carry becomes a second request of HTTP/1.1; nor does what comes too early.

Field lists and contents by raw frames through the live door, and the bytes recorded that the endpoint
gets: by the strictest reading they are the outer request, once, or nothing at all.
"""
import socket
import threading

from harness import expect, expect_equal, scenario
from harness.ask import raw, statuses
from harness.http2 import PREFACE, frame, frames, literal
from harness.service import service
from smuggling import HOST, INNER, reading, start

END_STREAM, END_HEADERS = 1, 4
LINES = "\r\nGET /smuggled HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
OUTER = {":method": "POST", ":scheme": "http", ":path": "/outer", ":authority": "www.example.com"}


def fields(**changes):
    """The outer request with other pseudo-fields."""
    return [(f":{name}", value) for name, value in
            {**{name[1:]: value for name, value in OUTER.items()}, **changes}.items()]


# By list alone: refused, and no octet of it reaches the endpoint.
LISTS = {
    "a value with lines": fields() + [("x", "1" + LINES)],
    "a value with a bare LF": fields() + [("x", "1\nTransfer-Encoding: chunked")],
    "a value with a bare CR": fields() + [("x", "1\rTransfer-Encoding: chunked")],
    "a value with NUL": fields() + [("x", "1\0")],
    "a name with lines": fields() + [("x: 1" + LINES + "y", "1")],
    "a name with a colon": fields() + [("transfer-encoding: chunked\r\nx", "1")],
    "a name with a space": fields() + [("transfer-encoding ", "chunked")],
    "a name in capitals": fields() + [("Transfer-Encoding", "chunked")],
    "a path with lines": fields(path="/outer HTTP/1.1" + LINES),
    "a path with a space": fields(path="/outer HTTP/1.1"),
    "a method with lines": fields(method="GET /smuggled HTTP/1.1\r\nx: "),
    "a method with a path": fields(method="GET /smuggled"),
    "an authority with lines": fields(authority="www.example.com" + LINES),
    "a scheme with lines": fields(scheme="http://a/" + LINES),
    "a second authority": fields(path="http://evil.example/outer"),
    "another Host": fields() + [("host", "evil.example")],
    "two paths": fields() + [(":path", "/smuggled")],
    "a path behind a field": fields()[:2] + [("x", "1")] + fields()[2:],
    "chunked": fields() + [("transfer-encoding", "chunked")],
    "chunked and a length": fields() + [("content-length", "3"), ("transfer-encoding", "chunked")],
    "Connection": fields() + [("connection", "content-length")],
    "an upgrade": fields() + [("upgrade", "websocket")],
    "two lengths": fields() + [("content-length", "0"), ("content-length", "50")],
    "a list of lengths": fields() + [("content-length", "0, 50")],
    "a length with a sign": fields() + [("content-length", "+3")],
}

# The list is fine, and the content is what is hostile.
CONTENTS = {
    "more than no length": (fields() + [("content-length", "0")], INNER, None),
    "more than its length": (fields() + [("content-length", "5")], b"hello" + INNER, None),
    "less than its length": (fields() + [("content-length", "500")], INNER, None),
    "an end of chunks": (fields(), b"0\r\n\r\n" + INNER, None),
    "a GET with content": (fields(method="GET"), INNER, None),
    "a trailer with lines": (fields(), b"hello", [("x", "1" + LINES)]),
    "a trailer of framing": (fields(), b"hello", [("transfer-encoding", "chunked")]),
    "a trailer with a length": (fields(), b"hello", [("content-length", "0")]),
    "a trailer with a path": (fields(), b"hello", [(":path", "/smuggled")]),
}


def block(pairs):
    return b"".join(literal(name, value) for name, value in pairs)


def ask(http, data, after):
    """What stream 1 came to: "reset", "closed" or a status; then another request is asked."""
    outcome = "closed"
    with socket.create_connection(("127.0.0.1", http), timeout=5) as sock:
        sock.sendall(PREFACE + frame(4) + data)
        try:
            for kind, flags, stream, payload in frames(sock):
                if stream == 1 and kind == 3:
                    outcome = "reset"
                elif stream == 1 and kind == 1:
                    outcome = "answered"
                if stream == 1 and (kind == 3 or flags & END_STREAM and kind in (0, 1)):
                    break
            # The connection is asked once more: what is left over would show.
            sock.sendall(frame(1, END_STREAM | END_HEADERS, 3, block(
                fields(method="GET", path=after))))
            for kind, _, stream, _ in frames(sock):
                if stream == 3 and kind in (1, 3) or kind == 7:
                    break
        except OSError:
            pass
    return outcome


@scenario("field lists of HTTP/2 that would read otherwise in HTTP/1.1 never reach an endpoint")
def lists(scene):
    origin, http = start(scene)
    wrong = []
    for name, pairs in LISTS.items():
        ask(http, frame(1, END_HEADERS, 1, block(pairs)) + frame(0, END_STREAM, 1, b"abc"), "/after")
        seen = reading(origin)
        if set(seen) - {"GET /after HTTP/1.1"} or b"smuggled" in b"".join(origin.streams()):
            wrong.append(f"{name}: the endpoint received {seen}")
            origin.kill()
            origin.start()
    expect(not wrong, lambda: f"{len(wrong)} of {len(LISTS)}:\n" + "\n".join(wrong))
    good = frame(1, END_HEADERS, 1, block(fields())) + frame(0, END_STREAM, 1, b"abc")
    expect_equal(ask(http, good, "/after"), "answered", "an honest request")
    expect("POST /outer HTTP/1.1" in reading(origin), "and the endpoint has it")


@scenario("contents and trailers of HTTP/2 never become a second request")
def contents(scene):
    origin, http = start(scene)
    wrong = []
    for name, (pairs, content, trailers) in CONTENTS.items():
        data = frame(1, END_HEADERS, 1, block(pairs))
        data += frame(0, 0 if trailers else END_STREAM, 1, content)
        if trailers:
            data += frame(1, END_STREAM | END_HEADERS, 1, block(trailers))
        ask(http, data, "/after")
        seen = reading(origin)
        # One that was given up in the middle has no end, and its connection nothing behind it.
        if any("/outer" not in line and "/after" not in line for line in seen):
            wrong.append(f"{name}: the endpoint received {seen}")
        origin.kill()
        origin.start()
    expect(not wrong, lambda: f"{len(wrong)} of {len(CONTENTS)}:\n" + "\n".join(wrong))


@scenario("what follows a request for an upgrade waits for the answer, and is a request if it is refused")
def upgrades(scene):
    origin, http = start(scene)
    want = (b"GET /outer HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    blocked = INNER.replace(b"www.example.com", b"other.example.com")
    # Nobody serves that host: as a request of its own it gets 404, passed on unread it would not.
    expect_equal(statuses(raw(http, want + blocked, timeout=2)), [200, 404], "answers")
    expect_equal(reading(origin), ["GET /outer HTTP/1.1"], "requests at the endpoint")


@scenario("what an endpoint says before its handshake is no answer", 20)
def early_words(scene):
    listener = socket.create_server(("127.0.0.1", scene.port()))

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!")
            except OSError:
                return
    threading.Thread(target=serve, daemon=True).start()

    class Plain:
        at, name = "127.0.0.1:%d" % listener.getsockname()[1], "plain"
    http = scene.port()
    martlet = scene.martlet(service(http, None, [Plain], probe=None, pool="tls: { verify: false }"))
    reply = raw(http, b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", timeout=5)
    expect_equal((statuses(reply), b"evil" in reply), ([502], False), "the answer")
    martlet.access_entry("of it", lambda entry: "tls" in entry.get("reason", ""))
    listener.close()
