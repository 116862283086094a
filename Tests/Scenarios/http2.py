# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 from clients: real curl, by prior knowledge and by ALPN, and attacks by raw frames."""
import signal
import socket
import struct
import subprocess
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl
from harness.service import service

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# :method GET, :scheme http, :path /, :authority a, none of which changes the table
REQUEST = b"\x82\x86\x84\x01\x01a"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def start(scene, **options):
    origin, = scene.origins("a")
    http = scene.port()
    return origin, http, scene.martlet(service(http, None, [origin], **options))


def by_http2(port, path, *arguments):
    """Status, version and body, as curl has them by prior knowledge."""
    done = subprocess.run(
        ["curl", "-sS", "--http2-prior-knowledge", "-m", "20", "-H", "Host: www.example.com",
         "-w", "\n%{http_code} %{http_version}", *arguments, f"http://127.0.0.1:{port}{path}"],
        capture_output=True, timeout=30)
    body, _, last = done.stdout.rpartition(b"\n")
    status, version = last.decode().split()
    return int(status), version, body


@scenario("curl is served by HTTP/2 on a plain listener, beside HTTP/1.1")
def prior_knowledge(scene):
    _, http, _ = start(scene)
    expect_equal(by_http2(http, "/"), (200, "2", b"origin a\n"), "HTTP/2")
    expect_equal(by_http2(http, "/a/%2e%2e/b")[:2], (400, "2"), "a dot segment")
    status, _, _ = curl(f"http://127.0.0.1:{http}/", "-H", "Host: www.example.com")
    expect_equal(status, 200, "HTTP/1.1")


@scenario("an answer before the end of the upload reaches curl")
def early_answer(scene):
    _, http, _ = start(scene)
    upload = scene.path("upload")
    with open(upload, "wb") as file:
        file.truncate(3 << 20)
    answer = by_http2(http, "/a/../b", "--path-as-is", "--data-binary", f"@{upload}")
    expect_equal(answer[:2], (400, "2"), "the answer")


@scenario("large bodies pass by HTTP/2 in both directions, in bounded memory")
def large_bodies(scene):
    _, http, martlet = start(scene)
    size = 64 << 20
    upload = scene.path("upload")
    with open(upload, "wb") as file:
        file.truncate(size)
    before = martlet.memory()
    status, _, _ = by_http2(http, "/sum", "--data-binary", f"@{upload}", "-o", "/dev/null")
    expect_equal(status, 200, "the upload")
    grown = martlet.memory() - before
    expect(grown < 16 << 20, f"memory grew by {grown >> 20} MiB")


def farewell(sock):
    """The code of the GOAWAY that ends the connection; None when it ends without."""
    heard = b""
    sock.settimeout(5)
    try:
        while chunk := sock.recv(65536):
            heard += chunk
    except OSError:
        pass
    code = None
    while len(heard) >= 9:
        size = int.from_bytes(heard[:3], "big")
        if heard[3] == 7:
            code = int.from_bytes(heard[13:17], "big")
        heard = heard[9 + size:]
    return code


def attacks():
    def streams(make):
        return lambda: b"".join(make(2 * number + 1) for number in range(400))
    return {
        "rapid reset": streams(lambda s: frame(1, 5, s, REQUEST) + frame(3, 0, s, b"\0\0\0\x08")),
        "provoked resets": streams(
            lambda s: frame(1, 5, s, REQUEST) + frame(8, 0, s, b"\x7f\xff\xff\xff")),
        "SETTINGS": lambda: frame(4) * 400,
        "PING": lambda: frame(6, 0, 0, b"\0" * 8) * 400,
        "PRIORITY": lambda: frame(2, 0, 1, b"\0\0\0\0\x01") * 2000,
        "WINDOW_UPDATE": lambda: frame(8, 0, 0, b"\0\0\0\x01") * 2000,
        "empty DATA": lambda: frame(1, 4, 1, b"\x83" + REQUEST[1:]) + frame(0, 0, 1) * 400,
        "CONTINUATION": lambda: frame(1, 1, 1) + frame(9, 0, 1, b"\x82") * 400,
        "field bombs": lambda: b"".join(
            frame(1, 5, 2 * n + 1, REQUEST + (b"\x40\x01x\x7f\xd1\x0e" + b"a" * 2000 if n == 0
                                              else b"") + b"\xbe" * 8000) for n in range(20)),
    }


@scenario("each known attack by HTTP/2 is cut at once, in bounded memory, and others are served")
def attackers(scene):
    _, http, martlet = start(scene)
    by_http2(http, "/")
    before = martlet.memory()
    for name, make in attacks().items():
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", http), timeout=5) as sock:
            try:
                sock.sendall(PREFACE + frame(4) + make())
            except OSError:
                pass  # cut already
            expect_equal(farewell(sock), 11, f"{name}: the code of the farewell")
        taken = time.monotonic() - began
        expect(taken < 1.5, f"{name}: took {taken:.2f} s to cut")
        expect_equal(by_http2(http, "/")[0], 200, f"an honest request after {name}")
    grown = martlet.memory() - before
    expect(grown < 16 << 20, f"memory grew by {grown >> 20} MiB")


@scenario("a shutdown lets a stream that is under way finish")
def shutdown(scene):
    _, http, martlet = start(scene)
    with socket.create_connection(("127.0.0.1", http), timeout=5) as sock:
        sock.sendall(PREFACE + frame(4))
        time.sleep(0.2)
        martlet.signal(signal.SIGTERM)
        code = farewell(sock)
    expect_equal(code, 0, "the code of the last GOAWAY")
    expect_equal(martlet.exit_status(), 0, "exit status")
