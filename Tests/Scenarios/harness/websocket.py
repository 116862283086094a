# SPDX-License-Identifier: Apache-2.0
"""WebSocket clients, as many as a scenario wants, on one event loop.

Each one opens through the door, then says a short message from time to time, or when it is told to,
and expects its echo (the origin echoes bytes, so the echo is the frame as it was sent). What ends a connection is kept:
a close frame with its code, a plain FIN, or a reset. Run as a program it does the same for
thousands and reports in JSON lines.
"""
import asyncio
import collections
import json
import os
import resource
import struct
import subprocess
import sys
import time

REQUEST = ("GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           "{fields}\r\n")
# A masked text frame with a key of zeros; echoed as it is.
HELLO = b"\x81\x85\0\0\0\0hello"


class Socket:
    """One client, for a scenario's own thread."""

    def __init__(self, port, host="www.example.com", fields=""):
        import socket
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.sock.sendall(REQUEST.format(host=host, fields=fields).encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            piece = self.sock.recv(65536)
            if not piece:
                raise OSError(f"no upgrade: {self.buffer[:200]!r}")
            self.buffer += piece
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.head = head.decode("latin-1")
        if " 101 " not in self.head[:14]:
            raise OSError(f"no upgrade: {self.head[:200]!r}")

    def echo(self):
        self.sock.sendall(HELLO)
        while len(self.buffer) < len(HELLO):
            piece = self.sock.recv(65536)
            if not piece:
                raise OSError("closed")
            self.buffer += piece
        data, self.buffer = self.buffer[:len(HELLO)], self.buffer[len(HELLO):]
        return data == HELLO

    def ending(self, within=5.0):
        """"1001", "fin", "reset" or "open", as the connection ends within that time."""
        self.sock.settimeout(within)
        data = self.buffer
        try:
            while piece := self.sock.recv(65536):
                data += piece
        except TimeoutError:
            return "open"
        except ConnectionError:
            return "reset"
        if len(data) >= 4 and data[-4:-2] == b"\x88\x02":
            return str(struct.unpack("!H", data[-2:])[0])
        return "fin"


class Crowd:
    """Thousands of clients in a process of their own."""

    def __init__(self, scene, port, count, host="www.example.com", silent=False):
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        spec = json.dumps({"port": port, "count": count, "host": host,
                           "silent": silent})
        self.process = subprocess.Popen(
            [sys.executable, "-B", "-m", "harness.websocket", spec],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=here)
        scene.started.append(self)
        self.opened = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise OSError("the crowd of clients has gone")
        return json.loads(line)

    def report(self, hello=False):
        """{"open", "echoes", "endings": {how: count}, "times": [seconds...]}

        With `hello` each says its message once more.
        """
        self.process.stdin.write(b"hello\n" if hello else b"\n")
        self.process.stdin.flush()
        return self.read()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        return ""


class Member(asyncio.Protocol):
    def __init__(self, crowd):
        self.crowd, self.buffer, self.is_open, self.how = crowd, b"", False, "fin"

    def connection_made(self, transport):
        self.transport = transport
        transport.write(REQUEST.format(host=self.crowd.host, fields="").encode())

    def data_received(self, data):
        self.buffer += data
        if not self.is_open:
            head, mark, self.buffer = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                self.buffer = head
                return
            self.is_open = b" 101 " in head[:14]
            self.crowd.opening.discard(self)
            if self.is_open:
                self.crowd.open.add(self)
            else:
                self.how = "refused"
        while self.buffer.startswith(HELLO):
            self.buffer = self.buffer[len(HELLO):]
            self.crowd.echoes += 1
        if self.buffer[:2] == b"\x88\x02" and len(self.buffer) >= 4:
            self.how = str(struct.unpack("!H", self.buffer[2:4])[0])

    def connection_lost(self, error):
        self.crowd.opening.discard(self)
        self.crowd.open.discard(self)
        self.crowd.endings["reset" if error else self.how] += 1
        self.crowd.times.append(time.monotonic())


class Server:
    def __init__(self, spec):
        self.port, self.count, self.host = spec["port"], spec["count"], spec["host"]
        self.silent = spec["silent"]
        self.opening, self.open = set(), set()
        self.endings, self.times, self.echoes = collections.Counter(), [], 0

    async def run(self):
        loop = asyncio.get_event_loop()
        for first in range(0, self.count, 200):
            members = [Member(self) for _ in range(min(200, self.count - first))]
            self.opening.update(members)
            await asyncio.gather(*(loop.create_connection(lambda m=m: m, "127.0.0.1", self.port)
                                   for m in members))
            while self.opening:
                await asyncio.sleep(0.01)
        print(json.dumps(len(self.open)), flush=True)
        if not self.silent:
            asyncio.ensure_future(self.talk())
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            if line.strip():
                for member in self.open:
                    member.transport.write(HELLO)
            print(json.dumps({"open": len(self.open), "echoes": self.echoes,
                              "endings": self.endings, "times": self.times}), flush=True)

    async def talk(self):
        """Everybody says hello once in about ten seconds."""
        while True:
            for place, member in enumerate(list(self.open)):
                if member in self.open:
                    member.transport.write(HELLO)
                if place % max(1, self.count // 100) == 0:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(Server(json.loads(sys.argv[1])).run())
