# SPDX-License-Identifier: Apache-2.0
"""An origin: a real HTTP server process with a deep /healthz and faults on command.

As a module it is the handle that scenarios hold; run as a program it is the server. The two talk
by JSON lines over the server's standard input and output, so a fault is in force when the call
returns. Every response names the origin in `X-Origin`.

Paths: /healthz and below, for probes (/healthz/NAME; a name can be told to fail; /healthz/status/CODE,
/healthz/delay/MS, /healthz/body/TEXT answer as they say); /bytes/N (N bytes; /bytes/N/text says text/plain); /echo (the request body back); /head (the request head as the
body); /says/NAME/VALUE (with this field, in percent-encoding); /delay/MS; /queue/MS (as /delay, but only so many at a time as told, 4 at first); /drip/N/MS (N pieces, MS apart); /chunked/N; /status/CODE; /ws (WebSocket-like
upgrade, echoes raw bytes); /sum (length and checksum of the request body). Others: a short text.
"""
import asyncio
import base64
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
import zlib

from .check import Failure


class Origin:
    def __init__(self, scene, name, address, port, record=False):
        self.scene, self.name, self.address, self.port = scene, name, address, port
        self.record = record
        self.process = None
        self.start()

    @property
    def at(self):
        return f"{self.address}:{self.port}"

    def start(self):
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        with open(self.scene.path(f"origin-{self.name}.log"), "ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-B", "-m", "harness.origin", self.name, self.address,
                 str(self.port), "record" if self.record else ""],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=here)
        self._read()
        return self

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"origin {self.name} does not answer")
        return json.loads(line)

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()
        return self._read()

    def fault(self, fault=None, **details):
        """500, slow, reset, close, hang, garbage, truncated, or None: ordinary requests only."""
        self.tell(fault=fault, details=details)

    def health(self, health="ok", **details):
        """ok, fail (503), or a dependency's name, which then fails."""
        self.tell(health=health, details=details)

    def failing(self, *paths):
        """Probes of these paths get 503, whatever the health of the whole is."""
        self.tell(failing=list(paths))

    def role(self, word):
        """What /healthz/role says of the role; /healthz/primary is 200 for `leader`, else 503."""
        self.tell(role=word)

    def probes(self, path):
        """[[time, status, head]...] of the probes of one path."""
        return [[at, status, head] for at, status, head in self.seen()["probes"]
                if head.split(" ")[1] == path]

    def seen(self):
        """{"requests", "opened", "connections", "carried", "carrying", "heads",
        "probes": [[time, status, head]...]}

        Connections: ever opened and open now; then the same of those that carried requests, for
        each probe has a connection of its own.
        """
        return self.tell(report=True)

    def streams(self):
        """The raw bytes of every connection so far; only with record=True."""
        return [base64.b64decode(text) for text in self.tell(streams=True)["streams"]]

    def forget(self):
        self.tell(forget=True)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        return ""


class Server:
    def __init__(self, name, record):
        self.name = name
        self.record = record
        self.fault, self.details = None, {}
        self.health, self.health_details = "ok", {}
        self.failing = []
        self.role = "replica"
        self.requests = 0
        self.opened = 0
        self.carried = 0
        self.connections = set()
        self.workers = asyncio.Semaphore(4)
        self.probes = []
        self.heads = []
        self.recorded = []

    def command(self, line):
        order = json.loads(line)
        if "fault" in order:
            self.fault, self.details = order["fault"], order["details"]
        if "health" in order:
            self.health, self.health_details = order["health"], order["details"]
        if "workers" in order:
            self.workers = asyncio.Semaphore(order["workers"])
        if "failing" in order:
            self.failing = order["failing"]
        self.role = order.get("role", self.role)
        if order.get("forget"):
            self.requests, self.probes, self.heads, self.recorded = 0, [], [], []
        if order.get("report"):
            return {"requests": self.requests, "opened": self.opened, "heads": self.heads[-200:],
                    "connections": len(self.connections), "probes": self.probes[-3000:],
                    "carried": self.carried,
                    "carrying": sum(connection.carries for connection in self.connections)}
        if order.get("streams"):
            parts = [base64.b64encode(bytes(stream)).decode() for stream in self.recorded]
            return {"streams": parts}
        return {}

    def health_answer(self, path):
        """(status, body) for a probe."""
        word, _, rest = path.removeprefix("/healthz").lstrip("/").partition("/")
        if path in self.failing:
            return 503, b"{}"
        if word == "body":
            return 200, rest.encode()
        if word == "role":
            return 200, json.dumps({"replication": {"role": self.role}}).encode()
        if word == "primary":
            return (200 if self.role == "leader" else 503), b"{}"
        if word == "long":
            return 200, b"." * 5000 + b"ready"
        if word == "status":
            return int(rest), b"{}"
        if word == "warn":
            return 200, b'{"status": "pass", "checks": {"db": {"status": "fail"}}}'
        names = ["db", "cache", "disk"]
        failing = self.health if self.health in names else None
        is_ok = self.health == "ok"
        body = {"status": "pass" if is_ok else "fail",
                "checks": {n: {"status": "fail" if n == failing else "pass"} for n in names}}
        return (200 if is_ok else 503), json.dumps(body).encode()


class Connection(asyncio.Protocol):
    """One connection: requests are answered in order, the next waits for the one before."""

    def __init__(self, server):
        self.server = server
        self.buffer = bytearray()
        self.busy = False
        self.tunnel = False
        self.carries = False
        self.record = None
        self.paused = None

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.opened += 1
        self.server.connections.add(self)
        if self.server.record:
            self.record = bytearray()
            self.server.recorded.append(self.record)

    def connection_lost(self, error):
        self.server.connections.discard(self)
        if self.paused:
            self.paused.set()

    def pause_writing(self):
        self.paused = asyncio.Event()

    def resume_writing(self):
        if self.paused:
            self.paused.set()
            self.paused = None

    def eof_received(self):
        return self.tunnel or self.busy

    def data_received(self, data):
        if self.record is not None:
            self.record += data
        if self.tunnel:
            self.transport.write(data)
            return
        self.buffer += data
        self.body_arrived()
        while not self.busy and self.next_request():
            pass

    # Requests with a body are read by `wait_body`; until it is there nothing else is parsed.

    waiting = None

    def body_arrived(self):
        if self.waiting and not self.waiting.done():
            self.waiting.set_result(None)

    def next_request(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self.buffer[:end + 4])
        del self.buffer[:end + 4]
        method, _, rest = head.partition(b" ")
        path = rest.split(b" ", 1)[0]
        if path.startswith(b"/healthz"):
            self.probe(method, path.decode("latin-1"), head.decode("latin-1"))
            return True
        self.server.requests += 1
        if not self.carries:
            self.carries = True
            self.server.carried += 1
        if len(self.server.heads) < 5000:
            self.server.heads.append(head.decode("latin-1"))
        has_body = re.search(rb"(?i)\r\n(content-length|transfer-encoding):", head)
        plain = self.server.fault is None and not has_body and path.count(b"/") == 1
        if plain and path not in (b"/head", b"/ws"):
            self.respond(200, b"origin " + self.server.name.encode() + b"\n", method)
            return True
        self.busy = True
        asyncio.ensure_future(self.serve(method.decode(), path.decode("latin-1"), head))
        return False

    def probe(self, method, path, head):
        server = self.server
        delay = server.health_details.get("delay", 0)
        if path.startswith("/healthz/delay/"):
            delay = int(path.rpartition("/")[2]) / 1000
        status, body = server.health_answer(path)
        server.probes.append([time.monotonic(), status, head])
        answer = (self.respond, status, body, method, "application/json")
        if delay:
            asyncio.get_event_loop().call_later(delay, *answer)
        else:
            answer[0](*answer[1:])

    def respond(self, status, body, method=b"GET", kind="text/plain", extra=""):
        if self.transport.is_closing():
            return
        head = (f"HTTP/1.1 {status} X\r\nX-Origin: {self.server.name}\r\nContent-Type: {kind}\r\n"
                f"{extra}Content-Length: {len(body)}\r\n\r\n")
        self.transport.write(head.encode() + (b"" if method == b"HEAD" else body))

    async def serve(self, method, path, head):
        try:
            if self.server.fault:
                if await self.misbehave(method):
                    return
            await self.answer(method, path, head)
        except (ConnectionError, ValueError, asyncio.CancelledError):
            self.transport.abort()
            return
        self.busy = False
        while not self.busy and not self.tunnel and self.next_request():
            pass

    async def misbehave(self, method):
        """True when the connection is over."""
        fault, details = self.server.fault, self.server.details
        if fault == "slow":
            await asyncio.sleep(details.get("seconds", 1))
        elif fault == "500":
            self.respond(details.get("status", 500), b"broken\n", method.encode())
            self.busy = False
            return True
        elif fault == "reset":
            linger = struct.pack("ii", 1, 0)
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
            return True
        elif fault == "close":
            self.transport.close()
            return True
        elif fault == "hang":
            await asyncio.sleep(3600)
        elif fault == "garbage":
            self.transport.write(details.get("bytes", "\x01\x02 garbage\r\n\r\n").encode("latin-1"))
            if details.get("close", True):
                self.transport.close()
            return True
        elif fault == "truncated":
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
            self.transport.close()
            return True
        return False

    async def answer(self, method, path, head):
        parts = path.split("?")[0].split("/")
        word, rest = parts[1], parts[2:]
        if word == "ws":
            key = re.search(rb"(?i)\r\nsec-websocket-key: *([^\r ]+)", head)
            # RFC 6455 §4.2.2: the fixed text proves that the server understood.
            proof = hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + base64.b64encode(proof)
                + b"\r\nX-Origin: " + self.server.name.encode() + b"\r\n\r\n")
            self.tunnel = True
            if self.buffer:
                self.transport.write(bytes(self.buffer))
                self.buffer.clear()
        elif word == "says":
            name, value = (urllib.parse.unquote(text) for text in rest[:2])
            self.respond(200, head, method.encode(), extra=f"{name}: {value}\r\n")
        elif word == "bytes":
            await self.send_bytes(int(rest[0]), method, text=rest[1:] == ["text"])
        elif word == "chunked":
            await self.send_chunks(int(rest[0]), 0)
        elif word == "drip":
            await self.send_chunks(int(rest[0]), int(rest[1]) / 1000, size=1)
        elif word == "sum":
            count, check = 0, 0
            async for piece in self.body(head):
                count, check = count + len(piece), zlib.crc32(piece, check)
            self.respond(200, f"{count} {check:08x}\n".encode())
        elif word == "early":
            # Answers without waiting for the body, and keeps reading it.
            self.respond(200, b"early\n")
            async for _ in self.body(head):
                pass
        else:
            body = b"".join([piece async for piece in self.body(head)])
            if word == "delay":
                await asyncio.sleep(int(rest[0]) / 1000)
            if word == "queue":
                async with self.server.workers:
                    await asyncio.sleep(int(rest[0]) / 1000)
            status = int(rest[0]) if word == "status" else 200
            text = body if word == "echo" else f"origin {self.server.name}\n".encode()
            text = head if word == "head" else text
            self.respond(status, b"" if status in (204, 304) else text, method.encode())

    async def send_bytes(self, total, method, text=False):
        kind = "Content-Type: text/plain\r\n" if text else ""
        head = (f"HTTP/1.1 200 OK\r\nX-Origin: {self.server.name}\r\n{kind}"
                f"Content-Length: {total}\r\n\r\n")
        self.transport.write(head.encode())
        block = bytes(range(256)) * 256
        while total > 0 and method != "HEAD":
            await self.drained()
            self.transport.write(block[:total])
            total -= len(block)

    async def send_chunks(self, count, pause, size=1000):
        head = f"HTTP/1.1 200 OK\r\nX-Origin: {self.server.name}\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.transport.write(head.encode())
        for _ in range(count):
            await self.drained()
            self.transport.write(b"%x\r\n%s\r\n" % (size, b"x" * size))
            if pause:
                await asyncio.sleep(pause)
        self.transport.write(b"0\r\n\r\n")

    async def drained(self):
        if self.paused:
            await self.paused.wait()
        if self.transport.is_closing():
            raise ConnectionError("gone")

    async def more(self):
        if self.transport.is_closing():
            raise ConnectionError("gone")
        self.waiting = asyncio.get_event_loop().create_future()
        await asyncio.wait_for(self.waiting, 60)

    async def body(self, head):
        """The request body in pieces, however it is framed."""
        if re.search(rb"(?i)\r\nexpect: *100-continue\r\n", head):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if re.search(rb"(?i)\r\ntransfer-encoding: *chunked *\r\n", head):
            while size := int((await self.line()).split(b";")[0], 16):
                async for piece in self.counted(size):
                    yield piece
                await self.line()
            while await self.line():
                pass
            return
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+) *\r\n", head)
        if length:
            async for piece in self.counted(int(length[1])):
                yield piece

    async def counted(self, count):
        while count > 0:
            if not self.buffer:
                await self.more()
                continue
            piece = bytes(self.buffer[:count])
            del self.buffer[:len(piece)]
            count -= len(piece)
            yield piece

    async def line(self):
        while (end := self.buffer.find(b"\r\n")) < 0:
            await self.more()
        text = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        return text


async def serve(name, address, port, record):
    server = Server(name, record)
    loop = asyncio.get_running_loop()
    # No SO_REUSEPORT: a second origin on the same port is a mistake of the scenario.
    await loop.create_server(lambda: Connection(server), address, port, backlog=1024,
                             reuse_address=True)
    print("{}", flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(server.command(line)), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:5] == ["record"]))
