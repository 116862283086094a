# SPDX-License-Identifier: Apache-2.0
"""Nothing ambiguous reaches an origin: hostile requests through the live proxy, bytes recorded.

Each line of the corpus carries a second request inside the first, or framing that two parsers read
differently. Either Martlet refuses it, or what the origin receives has one reading only: a strict
reading of the recorded bytes must find exactly the requests that Martlet says it passed on.
"""
import re

from harness import Failure, expect, expect_equal, scenario
from harness.ask import Browser, raw, statuses
from harness.service import service

HOST = b"Host: www.example.com\r\n"
INNER = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"


def post(fields, body=b"", version=b"1.1", line=b"POST /outer HTTP/"):
    return line + version + b"\r\n" + HOST + fields + b"\r\n" + body


CL, TE = b"Content-Length: ", b"Transfer-Encoding: "
CHUNKED = TE + b"chunked\r\n"

# Refused: no byte of the request reaches the origin.
REFUSED = {
    "CL.TE": post(CL + b"6\r\n" + CHUNKED, b"0\r\n\r\n" + INNER),
    "TE.CL": post(CHUNKED + CL + b"4\r\n", b"5c\r\n" + INNER + b"\r\n0\r\n\r\n"),
    "two lengths": post(CL + b"0\r\n" + CL + b"44\r\n", INNER),
    "a list of lengths that differ": post(CL + b"0, 44\r\n", INNER),
    "a length with a sign": post(CL + b"+5\r\n", b"hello" + INNER),
    "a negative length": post(CL + b"-1\r\n", INNER),
    "a hexadecimal length": post(CL + b"0x5\r\n", b"hello" + INNER),
    "an empty length": post(CL + b"\r\n", INNER),
    "a length with a space inside": post(CL + b"1 0\r\n", b"helloworld" + INNER),
    "a length beyond 64 bits": post(CL + b"18446744073709551616\r\n", INNER),
    "a length with a letter": post(CL + b"5a\r\n", b"hello" + INNER),
    "a length on a folded line": post(b"Content-Length:\r\n 5\r\n", b"hello" + INNER),
    "chunked before another coding": post(TE + b"chunked, identity\r\n", b"0\r\n\r\n" + INNER),
    "chunked twice": post(TE + b"chunked, chunked\r\n", b"0\r\n\r\n" + INNER),
    "two fields of codings": post(CHUNKED + CHUNKED, b"0\r\n\r\n" + INNER),
    "identity": post(TE + b"identity\r\n", INNER),
    "a coding with a vertical tab": post(TE + b"\x0bchunked\r\n", b"0\r\n\r\n" + INNER),
    "a coding in quotes": post(TE + b'"chunked"\r\n', b"0\r\n\r\n" + INNER),
    "a coding with a parameter": post(TE + b"chunked;q=1\r\n", b"0\r\n\r\n" + INNER),
    "an unknown coding": post(TE + b"xchunked\r\n", b"0\r\n\r\n" + INNER),
    "an empty coding": post(TE + b"\r\n", INNER),
    "a space before the colon": post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n" + INNER),
    "a tab before the colon": post(b"Content-Length\t: 0\r\n", INNER),
    "a field that begins with a space": b"POST / HTTP/1.1\r\n " + CHUNKED + HOST + b"\r\n" + INNER,
    "a NUL in a name": post(b"Transfer-\0Encoding: chunked\r\n", b"0\r\n\r\n" + INNER),
    "a NUL in a value": post(b"X: a\0b\r\n"),
    "a bare CR in a value": post(b"X: a\rTransfer-Encoding: chunked\r\n", INNER),
    "a bare LF between fields": post(b"X: a\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + INNER),
    "a bare LF before the body": b"GET / HTTP/1.1\r\n" + HOST[:-2] + b"\n\n" + INNER,
    "chunked in HTTP/1.0": post(CHUNKED, b"0\r\n\r\n" + INNER, version=b"1.0"),
    "two spaces in the request line": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab in the request line": b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /outer\r\n\r\n",
    "HTTP/1.2": post(b"", version=b"1.2"),
    "HTTP/2.0 in a request line": post(b"", version=b"2.0"),
    "a lower-case protocol": b"GET / http/1.1\r\n" + HOST + b"\r\n",
    "a control byte in the target": b"GET /a\x01b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target without a slash": b"GET outer HTTP/1.1\r\n" + HOST + b"\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.test\r\n\r\n",
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: www.example.com/x\r\n\r\n",
    "a Host with user information": b"GET / HTTP/1.1\r\nHost: a@www.example.com\r\n\r\n",
    "a method with a colon": b"GE:T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "dots before a parameter": b"GET /a/..;/b HTTP/1.1\r\n" + HOST + b"\r\n",
    "dots beside an encoded slash": b"GET /a/..%2fb HTTP/1.1\r\n" + HOST + b"\r\n",
    "dots beside a backslash": b"GET /a\\..\\b HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT www.example.com:80 HTTP/1.1\r\n" + HOST + b"\r\n" + INNER,
}

# Passed on in part, or whole: the head is fine and the body is what is hostile.
BROKEN_BODIES = {
    "a chunk size with a sign": post(CHUNKED, b"+5\r\nhello\r\n0\r\n\r\n" + INNER),
    "a chunk size with 0x": post(CHUNKED, b"0x5\r\nhello\r\n0\r\n\r\n" + INNER),
    "a chunk size beyond 64 bits": post(CHUNKED, b"1" + b"0" * 16 + b"\r\nhello" + INNER),
    "a chunk size with a space": post(CHUNKED, b"5 \r\nhello\r\n0\r\n\r\n" + INNER),
    "an empty chunk size": post(CHUNKED, b"\r\nhello\r\n0\r\n\r\n" + INNER),
    "a bare LF after the chunk size": post(CHUNKED, b"5\nhello\r\n0\r\n\r\n" + INNER),
    "a bare LF after the chunk": post(CHUNKED, b"5\r\nhello\n0\r\n\r\n" + INNER),
    "a bare LF in an extension": post(CHUNKED, b"5;a\nb\r\nhello\r\n0\r\n\r\n" + INNER),
    "a chunk longer than its size": post(CHUNKED, b"3\r\nhello\r\n0\r\n\r\n" + INNER),
    "a bare CR after the chunk": post(CHUNKED, b"5\r\nhello\r0\r\n\r\n" + INNER),
    "a bare LF at the end": post(CHUNKED, b"5\r\nhello\r\n0\r\n\n" + INNER),
    "a folded trailer": post(CHUNKED, b"0\r\nX: 1\r\n 2\r\n\r\n" + INNER),
}

# Legal: both requests are real, in order, and the second is the client's own.
PIPELINED = {
    "two plain requests": b"GET /outer HTTP/1.1\r\n" + HOST + b"\r\n" + INNER,
    "a length, then a request": post(CL + b"5\r\n", b"hello") + INNER,
    "the same length twice in a list": post(CL + b"5\r\n", b"hello") + INNER,
    "chunked, then a request": post(CHUNKED, b"5\r\nhello\r\n0\r\n\r\n") + INNER,
    "chunked in capitals": post(TE + b"Chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n") + INNER,
    "a GET with a body": post(CL + b"5\r\n", b"hello", line=b"GET /outer HTTP/") + INNER,
}


def read_strictly(stream):
    """The request lines of a byte stream, by the strictest reading; anything doubtful raises."""
    found = []
    while stream:
        head, mark, stream = stream.partition(b"\r\n\r\n")
        if not mark:
            raise Failure(f"half a head at the origin: {head[:80]!r}")
        line, *fields = head.split(b"\r\n")
        if not re.fullmatch(rb"[A-Z]+ [\x21-\x7e]+ HTTP/1\.1", line):
            raise Failure(f"request line at the origin: {line!r}")
        values = {}
        for text in fields:
            match = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)", text)
            if not match:
                raise Failure(f"field at the origin: {text!r}")
            values.setdefault(match[1].lower(), []).append(match[2])
        if len(values.get(b"host", [])) != 1:
            raise Failure(f"not one Host at the origin: {head!r}")
        lengths, codings = values.get(b"content-length", []), values.get(b"transfer-encoding", [])
        if len(lengths) + len(codings) > 1:
            raise Failure(f"two framings at the origin: {head!r}")
        found.append(line.decode())
        if lengths:
            if not lengths[0].isdigit():
                raise Failure(f"length at the origin: {lengths[0]!r}")
            stream = stream[int(lengths[0]):]
        elif codings:
            if codings != [b"chunked"]:
                raise Failure(f"coding at the origin: {codings}")
            stream = skip_chunks(stream)
    return found


def skip_chunks(stream):
    while True:
        match = re.match(rb"([0-9A-Fa-f]{1,16})\r\n", stream)
        if not match:
            # The proxy gave the connection up in the middle: the origin sees no end, as it must.
            if re.fullmatch(rb"[0-9A-Fa-f]*\r?", stream):
                return b""
            raise Failure(f"chunk size at the origin: {stream[:40]!r}")
        size = int(match[1], 16)
        stream = stream[match.end():]
        if size == 0:
            trailer, mark, rest = (b"\r\n" + stream).partition(b"\r\n\r\n")
            if not mark:
                return b""
            return rest
        if len(stream) <= size:
            return b""
        if stream[size:size + 2] not in (b"\r\n", b"\r"):
            raise Failure(f"after a chunk at the origin: {stream[size:size + 4]!r}")
        stream = stream[size + 2:]


def start(scene):
    origin = scene.origin("a", "127.0.0.11", record=True)
    http = scene.port()
    scene.martlet(service(http, None, [origin], probe=None))
    return origin, http


def reading(origin):
    """What the origin received, by the strictest reading, or why there is no such reading."""
    try:
        return [line for stream in origin.streams() for line in read_strictly(stream)]
    except Failure as failure:
        return [str(failure)]


@scenario("requests with doubtful framing are refused, closed, and never reach the origin")
def refused(scene):
    origin, http = start(scene)
    wrong = []
    for name, data in REFUSED.items():
        reply = raw(http, data, timeout=0.7)
        codes = statuses(reply)
        if len(codes) > 1 or not codes or codes[0] not in (400, 405, 414, 501, 505):
            wrong.append(f"{name}: answered {codes}")
        lines = reading(origin)
        if lines:
            wrong.append(f"{name}: the origin received {lines}")
            origin.kill()
            origin.start()
    expect(not wrong, lambda: f"{len(wrong)} of {len(REFUSED)}:\n" + "\n".join(wrong))


@scenario("hostile bodies never become a second request")
def broken_bodies(scene):
    origin, http = start(scene)
    wrong = []
    for name, data in BROKEN_BODIES.items():
        codes = statuses(raw(http, data, timeout=0.7))
        lines = reading(origin)
        if any("smuggled" in line for line in lines) or len(codes) > 1:
            wrong.append(f"{name}: answered {codes}, the origin received {lines}")
        elif codes[:1] == [200]:
            wrong.append(f"{name}: answered 200")
        origin.kill()
        origin.start()
    expect(not wrong, lambda: f"{len(wrong)} of {len(BROKEN_BODIES)}:\n" + "\n".join(wrong))


@scenario("pipelined requests are answered in order and forwarded in one reading")
def pipelined(scene):
    origin, http = start(scene)
    for name, data in PIPELINED.items():
        origin.forget()
        codes = statuses(raw(http, data + b"GET /end HTTP/1.1\r\n" + HOST
                             + b"Connection: close\r\n\r\n", timeout=2))
        expect_equal(codes, [200, 200, 200], f"{name}: answers")
    lines = reading(origin)
    for line in lines:
        expect("/outer" in line or "/smuggled" in line or "/end" in line, f"a strange line {line!r}")


@scenario("a trailer that speaks of framing changes nothing")
def trailer(scene):
    origin, http = start(scene)
    data = post(CHUNKED, b"5\r\nhello\r\n0\r\nContent-Length: 44\r\n\r\n") + INNER
    codes = statuses(raw(http, data, timeout=0.7))
    expect(codes in ([400], [200, 200]), f"answered {codes}")
    lines = reading(origin)
    expect(all("/outer" in line or "/smuggled" in line for line in lines), f"a strange line: {lines}")


@scenario("responses with doubtful framing are not passed on, and their connection is not reused")
def responses(scene):
    origin, http = start(scene)
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nevil!\n"
    doubtful = {
        "length and chunked": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "two lengths": "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "a length with a sign": "Content-Length: +5\r\n\r\nhello",
        "a bare CR in a field": "X: a\rb\r\nContent-Length: 0\r\n\r\n",
        "a folded field": "X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "a NUL in a field": "X: a\0b\r\nContent-Length: 0\r\n\r\n",
        "a space before the colon": "Content-Length : 0\r\n\r\n",
        "an unknown coding": "Transfer-Encoding: xyz\r\n\r\n0\r\n\r\n",
    }
    wrong = []
    for name, rest in doubtful.items():
        origin.fault("garbage", bytes="HTTP/1.1 200 OK\r\n" + rest + evil.decode(), close=False)
        codes = statuses(raw(http, b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"))
        origin.fault(None)
        if codes != [502]:
            wrong.append(f"{name}: answered {codes}")
        for _ in range(4):
            _, _, body = Browser(http).ask("/plain")
            if body != b"origin a\n":
                wrong.append(f"{name}: the next client got {body!r}")
    # Bytes after a complete response must not become the answer to the next request.
    origin.fault("garbage", bytes="HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + evil.decode(),
                 close=False)
    raw(http, b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    origin.fault(None)
    for _ in range(4):
        _, _, body = Browser(http).ask("/plain")
        if body != b"origin a\n":
            wrong.append(f"bytes after the response: the next client got {body!r}")
    expect(not wrong, lambda: "\n".join(wrong))
