# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 from clients: real curl, by prior knowledge and by ALPN, and attacks by raw frames."""
import signal
import socket
import struct
import subprocess
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl, raw, statuses
from harness.certificates import Authority, pair
from harness.http2 import PREFACE, frame
from harness.service import service

H = "listeners[].http2."

# :method GET, :scheme http, :path /, :authority a, none of which changes the table
REQUEST = b"\x82\x86\x84\x01\x01a"


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


def listeners(scene, routes="", **options):
    """One Martlet with a plain listener and one more per set of HTTP/2 options; the ports by name."""
    origin, = scene.origins("a")
    ports = {name: scene.port() for name in ("plain", *options)}
    extra = "".join(f"  - {{ http: 127.0.0.1:{ports[name]}, http2: {{ {text} }} }}\n"
                    for name, text in options.items())
    text = service(ports["plain"], None, [origin]).replace(
        "routes:\n", extra + "routes:\n" + routes)
    return ports, scene.martlet(text), text


def talk(port, data, pause=0.0):
    """What a peer hears that says `data` by raw frames, as (type, flags, stream, payload)."""
    frames = []
    with socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
        sock.sendall(PREFACE + frame(4) + data)
        if pause:
            time.sleep(pause)
        heard = b""
        sock.settimeout(0.5)
        try:
            while chunk := sock.recv(65536):
                heard += chunk
        except OSError:
            pass
    while len(heard) >= 9:
        size = int.from_bytes(heard[:3], "big")
        frames.append((heard[3], heard[4], int.from_bytes(heard[5:9], "big"), heard[9:9 + size]))
        heard = heard[9 + size:]
    return frames


def announced(frames):
    """The settings by number, and what the connection's window is opened by."""
    settings = next(payload for kind, flags, _, payload in frames if kind == 4 and not flags & 1)
    values = {int.from_bytes(settings[at:at + 2], "big"): int.from_bytes(settings[at + 2:at + 6], "big")
              for at in range(0, len(settings), 6)}
    window = sum(int.from_bytes(payload, "big")
                 for kind, _, stream, payload in frames if kind == 8 and stream == 0)
    return values, 65535 + window


@scenario("HTTP/2 can be switched off, and on again by a reload", covers=[H + "enabled"])
def switched_off(scene):
    authority = Authority(scene)
    files = authority.make("site", "www.example.com")
    port, secure = scene.port(), scene.port()
    origin, = scene.origins("a")
    text = service(port, None, [origin], listener="http2: { enabled: false }").replace(
        "routes:\n", f"  - {{ https: 127.0.0.1:{secure}, http2: {{ enabled: false }}, "
        f"certificates: [{pair(files)}] }}\nroutes:\n")
    martlet = scene.martlet(text)

    def versions():
        done = subprocess.run(
            ["curl", "-sS", "-m", "5", "--http2", "--cacert", authority.certificate, "--resolve",
             f"www.example.com:{secure}:127.0.0.1", "-o", "/dev/null", "-w",
             "%{http_code} %{http_version}", f"https://www.example.com:{secure}/"],
            capture_output=True, timeout=10)
        return done.stdout.decode()

    refusal = raw(port, PREFACE + frame(4))
    expect_equal(statuses(refusal), [505], "the preface")
    expect(b"http2-preface" in refusal, f"no reason in {refusal!r}")
    expect_equal(versions(), "200 1.1", "what ALPN chooses")
    expect_equal(martlet.metric("martlet_http_sessions_total"), 0, "connections by HTTP/2")
    martlet.reload(text.replace("enabled: false", "enabled: true"))
    eventually("HTTP/2 by ALPN after the reload", lambda: versions() == "200 2")
    expect_equal(by_http2(port, "/")[:2], (200, "2"), "HTTP/2 by prior knowledge")
    expect(martlet.metric("martlet_http_sessions_total") >= 2, "connections are counted")


@scenario("streams of a connection at a time are limited", covers=[H + "streams"])
def stream_limit(scene):
    ports, martlet, _ = listeners(scene, few="streams: 3")
    slow = b"\x82\x86\x04\x0a/delay/400\x01\x0fwww.example.com"
    bursts = b"".join(frame(1, 5, 2 * number + 1, slow) for number in range(8))
    refused = {}
    for name, port in ports.items():
        frames = talk(port, bursts, pause=0.8)
        expect_equal(announced(frames)[0][3], 3 if name == "few" else 100, f"{name}: announced")
        refused[name] = sum(kind == 3 and payload == b"\0\0\0\x07" for kind, _, _, payload in frames)
        answers = sum(kind == 1 for kind, _, _, _ in frames)
        expect_equal(answers + refused[name], 8, f"{name}: every stream is answered or refused")
    expect_equal(refused, {"plain": 0, "few": 5}, "REFUSED_STREAM")
    expect_equal(martlet.metric("martlet_http_streams_refused_total"), 5, "the metric")
    # A client that has acknowledged the limit knows better.
    frames = talk(ports["few"], frame(4, 1) + bursts)
    codes = [int.from_bytes(payload[4:8], "big") for kind, _, _, payload in frames if kind == 7]
    expect_equal(codes, [1], "GOAWAY after an acknowledged limit")


@scenario("windows of streams and connections", covers=[
    H + "stream-window", H + "connection-window"])
def windows(scene):
    ports, _, _ = listeners(
        scene, small="stream-window: 4KiB", both="stream-window: 4KiB, connection-window: 128KiB",
        large="connection-window: 8MiB", one="streams: 8")
    seen = {}
    for name, port in ports.items():
        values, window = announced(talk(port, b""))
        seen[name] = (values[4], window)
    expect_equal(seen, {
        "plain": (65535, 4 << 20), "small": (4096, 400 << 10), "both": (4096, 128 << 10),
        "large": (65535, 8 << 20), "one": (65535, 512 << 10)}, "windows as announced")


def stalled(port, count, free):
    """The status of an upload to `free` beside so many that nobody takes; None for none."""
    head = b"\x83\x86\x04%c%s\x01\x0fwww.example.com"
    data = b""
    for number in range(count):
        stream = 2 * number + 1
        data += frame(1, 4, stream, head % (5, b"/full"))
        for _ in range(3):
            data += frame(0, 0, stream, b"x" * 16384)
    last = 2 * count + 1
    data += frame(1, 4, last, head % (len(free), free))
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(PREFACE + frame(4))
        time.sleep(0.3)
        _, room = announced_of(sock)
        if room < count * 3 * 16384 + 5:
            return None  # a client that minds its windows has to wait
        sock.sendall(data)
        sock.sendall(frame(0, 1, last, b"hello"))
        heard = b""
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            heard += sock.recv(65536)
            at = heard.find(b"\x01\x04" + struct.pack(">I", last))
            if at >= 0:
                return heard[at + 6]
    return None


def announced_of(sock):
    heard = sock.recv(65536)
    frames = []
    while len(heard) >= 9:
        size = int.from_bytes(heard[:3], "big")
        frames.append((heard[3], heard[4], int.from_bytes(heard[5:9], "big"), heard[9:9 + size]))
        heard = heard[9 + size:]
    return announced(frames)


@scenario("uploads that nobody takes do not hold up another on the connection")
def no_starvation(scene):
    origin, free = scene.origins("a", "b")
    port, narrow = scene.port(), scene.port()
    text = service(port, None, [origin], pool="queue: { timeout: 20s }").replace(
        "routes:\n",
        f"  - {{ http: 127.0.0.1:{narrow}, http2: {{ connection-window: 256KiB }} }}\nroutes:\n"
        "  - { host: www.example.com, path: /sum, pool: free }\n").replace(
        f"{{ address: {origin.at},", f"{{ address: {origin.at}, max-connections: 1,").replace(
        "pools:\n", f"pools:\n  free: {{ endpoints: [{{ address: {free.at} }}] }}\n")
    martlet = scene.martlet(text)
    with socket.create_connection(("127.0.0.1", port)) as holder:
        holder.sendall(b"GET /delay/9000 HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        time.sleep(0.2)
        before = martlet.memory()
        # 0x88 is `:status: 200` of the static table.
        expect_equal(stalled(port, 40, b"/sum"), 0x88, "an upload beside 40 that wait")
        expect_equal(stalled(narrow, 40, b"/sum"), None, "the same in 256 KiB")
        grown = martlet.memory() - before
    expect(grown < 16 << 20, f"memory grew by {grown >> 20} MiB")


@scenario("the budgets of abuse follow the tolerance", covers=[H + "tolerance"])
def tolerance(scene):
    ports, martlet, _ = listeners(scene, strict="tolerance: 10%", lenient="tolerance: 1000%")
    pings = {}
    for count in (30, 300, 800):
        flood = frame(6, 0, 0, b"\0" * 8) * count
        for name, port in ports.items():
            cut = any(kind == 7 for kind, _, _, _ in talk(port, flood))
            pings.setdefault(name, []).append(cut)
    expect_equal(pings, {"strict": [True, True, True], "plain": [False, True, True],
                         "lenient": [False, False, True]}, "cut after 30, 300 and 800 PINGs")
    cut = martlet.metric("martlet_http_sessions_cut_total", reason="ping-flood")
    expect_equal(cut, 6, "connections cut for PINGs")
