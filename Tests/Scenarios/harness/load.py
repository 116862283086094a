# SPDX-License-Identifier: Apache-2.0
"""A load client that never retries.

Requests fall due at a fixed rate, spread over connections in turn, whatever the server does. Every
request that does not end in a complete, expected response is kept with its time and its cause; it
is not sent again. A connection that the server closes while nothing is asked is no failure: the
next request opens a new one.
"""
import collections
import errno
import json
import os
import pickle
import re
import select
import signal
import socket
import subprocess
import sys
import time

from .check import Failure, expect

Done = collections.namedtuple("Done", "due sent done status origin")
Failed = collections.namedtuple("Failed", "due sent at cause fresh")


class LoadClient:
    def __init__(self, scene, port, rate=2000, connections=64, path="/", host="www.example.com",
                 method="GET", server="127.0.0.1", seconds=None, keepalive=True, accept=(200,),
                 cookies=False, fields=""):
        self.scene = scene
        self.result_path = scene.path(f"load{len(scene.started)}.pickle")
        self.spec = {
            "port": port, "rate": rate, "connections": connections, "path": path, "host": host,
            "method": method, "server": server, "seconds": seconds, "keepalive": keepalive,
            "accept": list(accept), "cookies": cookies, "fields": fields, "result": self.result_path}
        self.process = None
        self.done, self.failed = [], []
        self.connects = self.idle_closes = 0

    def start(self):
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        with open(self.scene.path("load.log"), "ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-B", "-m", "harness.load", json.dumps(self.spec)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=here)
        if not self.process.stdout.readline():
            raise Failure("the load client did not start")
        return self

    def stop(self):
        """Waits for what is in flight, then gives the results."""
        self.process.send_signal(signal.SIGTERM)
        return self.join()

    def join(self, within=60):
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise Failure("the load client does not end")
        with open(self.result_path, "rb") as file:
            done, failed, self.connects, self.idle_closes = pickle.load(file)
        self.done = [Done(*row) for row in done]
        self.failed = [Failed(*row) for row in failed]
        return self

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        return ""

    # What came out.

    def expect_no_failure(self, least=1):
        expect(not self.failed, lambda: f"{len(self.failed)} failed: {self.causes()}")
        expect(len(self.done) >= least, f"only {len(self.done)} requests, at least {least} wanted")

    def causes(self):
        counts = collections.Counter((f.cause, "fresh" if f.fresh else "kept") for f in self.failed)
        first = min((f.at for f in self.failed), default=0)
        base = min((d.due for d in self.done), default=first)
        return f"{dict(counts)}, the first {first - base:.3f} s after the start"

    def picks(self, since=0.0, until=float("inf")):
        """How many responses each origin gave, of requests sent in that span."""
        return collections.Counter(d.origin for d in self.done if since <= d.sent < until)

    def last_pick(self, origin):
        """When the last request was sent that this origin answered."""
        return max((d.sent for d in self.done if d.origin == origin), default=None)

    def first_pick(self, origin, since=0.0):
        return min((d.sent for d in self.done if d.origin == origin and d.sent >= since),
                   default=None)

    def longest_gap(self):
        """The longest time without any completed response."""
        times = sorted(d.done for d in self.done)
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)

    def latency(self, share):
        times = sorted(d.done - d.due for d in self.done)
        return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0


HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
ORIGIN = re.compile(rb"(?i)\r\nx-origin: *([^\r]*)")
CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding:[^\r]*chunked")
CLOSING = re.compile(rb"(?i)\r\nconnection:[^\r]*close")
COOKIE = re.compile(rb"(?i)\r\nset-cookie: *([^;\r]*)")


class Line:
    """One connection and the requests that are due on it."""

    __slots__ = ("sock", "state", "buffer", "due", "sent", "backlog", "asked", "deadline",
                 "cookie")

    def __init__(self):
        self.sock, self.state, self.buffer = None, "closed", b""
        self.due = self.sent = self.deadline = 0.0
        self.backlog = collections.deque()
        self.asked = 0
        self.cookie = b""


class Client:
    def __init__(self, spec):
        self.spec = spec
        self.lines = [Line() for _ in range(spec["connections"])]
        self.by_fd = {}
        self.epoll = select.epoll()
        self.done, self.failed = [], []
        self.connects = self.idle_closes = 0
        self.accept = set(spec["accept"])
        close = "" if spec["keepalive"] else "Connection: close\r\n"
        self.request = (f"{spec['method']} {spec['path']} HTTP/1.1\r\nHost: {spec['host']}\r\n"
                        f"User-Agent: load\r\n{spec['fields']}{close}\r\n").encode()
        self.running = True

    def run(self):
        spec = self.spec
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "running", False))
        period = 1.0 / spec["rate"]
        start = time.monotonic()
        end = start + spec["seconds"] if spec["seconds"] else float("inf")
        number = 0
        due = start
        print("started", flush=True)
        while True:
            now = time.monotonic()
            if now >= end:
                self.running = False
            while self.running and due <= now:
                line = self.lines[number % len(self.lines)]
                line.backlog.append(due)
                if line.state in ("closed", "idle"):
                    self.send_next(line)
                number += 1
                due = start + number * period
            if not self.running:
                busy = any(line.state in ("busy", "connecting") for line in self.lines)
                if not busy or now > end + 10:
                    break
                end = min(end, now)
                for line in self.lines:
                    line.backlog.clear()
            wait = max(0.0, min(due - now, 0.05)) if self.running else 0.02
            for fd, events in self.epoll.poll(wait):
                line = self.by_fd.get(fd)
                if line:
                    self.handle(line, events)
            self.expire(time.monotonic())
        with open(spec["result"], "wb") as file:
            pickle.dump((self.done, self.failed, self.connects, self.idle_closes), file)

    def send_next(self, line):
        if not line.backlog:
            return
        line.due = line.backlog.popleft()
        line.deadline = time.monotonic() + 10
        if line.sock is None:
            self.connect(line)
        else:
            self.send(line)

    def connect(self, line):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sock, line.buffer, line.asked, line.state = sock, b"", 0, "connecting"
        line.sent = time.monotonic()
        self.connects += 1
        code = sock.connect_ex((self.spec["server"], self.spec["port"]))
        if code not in (0, errno.EINPROGRESS):
            return self.fail(line, "connect: " + errno.errorcode.get(code, str(code)))
        self.by_fd[sock.fileno()] = line
        self.epoll.register(sock.fileno(), select.EPOLLOUT)

    def send(self, line):
        line.state, line.sent = "busy", time.monotonic()
        line.asked += 1
        try:
            line.sock.send(self.request[:-2] + line.cookie + b"\r\n" if line.cookie else self.request)
        except OSError as error:
            self.fail(line, "send: " + errno.errorcode.get(error.errno, str(error)))

    def handle(self, line, events):
        if line.state == "connecting":
            code = line.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                return self.fail(line, "connect: " + errno.errorcode.get(code, str(code)))
            self.epoll.modify(line.sock.fileno(), select.EPOLLIN)
            return self.send(line)
        try:
            data = line.sock.recv(262144)
        except BlockingIOError:
            return
        except OSError as error:
            return self.lost(line, errno.errorcode.get(error.errno, str(error)))
        if not data:
            return self.lost(line, "closed")
        if line.state != "busy":
            return self.fail(line, "bytes without a question: " + repr(data[:40]))
        line.buffer = line.buffer + data if line.buffer else data
        self.parse(line)

    def lost(self, line, how):
        if line.state == "busy":
            part = "in the response" if line.buffer else "before the response"
            return self.fail(line, f"{how} {part}")
        self.idle_closes += 1
        self.drop(line)

    def parse(self, line):
        end = line.buffer.find(HEAD_END)
        if end < 0:
            return
        head = line.buffer[:end + 2]
        if not head.startswith(b"HTTP/1.1 "):
            return self.fail(line, "not HTTP: " + repr(head[:40]))
        length = LENGTH.search(head)
        if length:
            if len(line.buffer) < end + 4 + int(length[1]):
                return
        elif CHUNKED.search(head):
            if not line.buffer.endswith(b"0\r\n\r\n"):
                return
        status = int(head[9:12])
        if self.spec["cookies"] and (given := COOKIE.search(head)):
            line.cookie = b"Cookie: " + given[1] + b"\r\n"
        if status in self.accept:
            origin = ORIGIN.search(head)
            name = origin[1].decode() if origin else ""
            self.done.append((line.due, line.sent, time.monotonic(), status, name))
        else:
            reason = f"status {status}"
            self.failed.append((line.due, line.sent, time.monotonic(), reason, line.asked == 1))
        line.buffer, line.state = b"", "idle"
        if CLOSING.search(head):
            self.drop(line)
        self.send_next(line)

    def fail(self, line, cause):
        self.failed.append((line.due, line.sent, time.monotonic(), cause, line.asked <= 1))
        self.drop(line)

    def drop(self, line):
        fd = line.sock.fileno()
        if self.by_fd.pop(fd, None):
            self.epoll.unregister(fd)
        line.sock.close()
        line.sock, line.buffer, line.state = None, b"", "closed"
        # A late request waits for the next due time of this connection: a dead server is asked at
        # the given rate, not in a loop.

    def expire(self, now):
        for line in self.lines:
            if line.state in ("busy", "connecting") and now > line.deadline:
                self.fail(line, "no answer within 10 s")


if __name__ == "__main__":
    Client(json.loads(sys.argv[1])).run()
