# SPDX-License-Identifier: Apache-2.0
"""Hostile traffic: requests, responses and queries that are changed at random, from a seed.

`HTTPStorm` is both sides of the proxy at once, in one loop: clients that send mutants, and the
origin, whose responses are mutants too. `DNSStorm` asks by UDP and TCP. Each keeps what it saw
that must not be: connections that nobody ends, answers to what is no question, broken answers.
"""
import random
import select
import socket
import struct
import time

from .ask import DNSAnswer

HOST = b"Host: www.example.com\r\n"
REQUESTS = [
    b"GET /a/b?c=d HTTP/1.1\r\n" + HOST + b"Cookie: a=b; c=d\r\nUser-Agent: x\r\n\r\n",
    b"POST /p HTTP/1.1\r\n" + HOST + b"Content-Length: 11\r\n\r\nhello world",
    b"PUT /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    b"5;a=\"b\"\r\nhello\r\n1f\r\n" + b"y" * 31 + b"\r\n0\r\nEtag: b\r\n\r\n",
    b"GET http://www.example.com:80/x?y HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET /t HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\ndata",
    b"HEAD / HTTP/1.1\r\n" + HOST + b"X-Forwarded-For: 1.2.3.4\r\nVia: 1.0 x\r\nTE: trailers\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"Max-Forwards: 1\r\nConnection: close, TE\r\n\r\n",
    b"POST /e HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"DELETE /%41%2f?%00 HTTP/1.1\r\n" + HOST + b"Forwarded: for=\"[::1]:1\"\r\nRange: bytes=0-\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: %s\r\n" % (n, b"v" * n) for n in range(36)) + b"\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
RESPONSES = [
    OK, OK, OK,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nETag: x\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK,
    b"HTTP/1.0 404 Not Found\r\n\r\nnobody", b"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nx",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: \"a\"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close, X-Y\r\nX-Y: 1\r\nVia: 1.1 o\r\n\r\nuntil the end",
    b"HTTP/1.1 503 Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
]
WORDS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\r\n\r\n", b"\r\n ", b"0\r\n\r\n", b",", b";",
    b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"\xff",
    b"Connection: close\r\n", b"Connection: upgrade\r\n", b"Expect: 100-continue\r\n", b"%", b"..",
    b"18446744073709551615", b"ffffffffffffffff", b"-1", b"HTTP/1.1", b"HTTP/1.0", b"chunked",
    b"Host: b\r\n", b"\"", b"\\", b"_", b"x" * 5000,
]


def mutate(data, draw):
    """A copy with up to three changes, often with none: what comes behind must be read as well."""
    data = bytearray(data)
    for _ in range((0, 0, 0, 1, 1, 1, 2, 2, 3)[draw.randrange(9)]):
        if not data:
            break
        at, kind = draw.randrange(len(data)), draw.randrange(8)
        if kind == 0:
            data[at] = draw.randrange(256)
        elif kind == 1:
            del data[at]
        elif kind == 2:
            data[at:at] = WORDS[draw.randrange(len(WORDS))]
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at:at] = data[at:at + draw.randrange(40)]
        elif kind == 5:
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 6:
            word = WORDS[draw.randrange(len(WORDS))]
            data[at:at + len(word)] = word
        else:
            data += data[:at]
    return bytes(data[:12000])


RESET = struct.pack("ii", 1, 0)


class Guest:
    """One client connection: what it sends, and until when it may last."""

    __slots__ = ("sock", "data", "sent", "mood", "deadline", "has_finished")


class HTTPStorm:
    """`wanted` mutants over `width` connections at a time. `patience`: seconds one may last."""

    def __init__(self, port, seed, wanted, width=64, patience=8.0):
        self.port, self.wanted, self.width, self.patience = port, wanted, width, patience
        self.draw = random.Random(seed)
        self.sent = self.answered = self.refused = 0
        self.hung = []
        self.guests, self.visitors = {}, {}
        self.epoll = select.epoll()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.setblocking(False)
        self.origin_port = self.listener.getsockname()[1]
        self.epoll.register(self.listener, select.EPOLLIN)
        self.on_progress = None

    def run(self):
        checked = time.monotonic()
        while self.sent < self.wanted or self.guests:
            while self.sent < self.wanted and len(self.guests) < self.width:
                self.connect()
            for fd, events in self.epoll.poll(0.2):
                if fd in self.guests:
                    self.serve_guest(self.guests[fd], events)
                elif fd in self.visitors:
                    self.serve_visitor(fd)
                elif fd == self.listener.fileno():
                    self.accept()
            now = time.monotonic()
            if now - checked > 0.05:
                checked = now
                for guest in list(self.guests.values()):
                    if guest.deadline < now:
                        self.hung.append(guest.data[:300])
                        self.drop(guest)
                    elif guest.mood == "f" and guest.deadline - self.patience < now - 0.1:
                        self.finish(guest)
                if self.on_progress:
                    self.on_progress(self)
        for sock in list(self.visitors.values()):
            sock.close()
        self.listener.close()
        return self

    def connect(self):
        guest, draw = Guest(), self.draw
        count = min(draw.choice((1, 1, 2, 4)), self.wanted - self.sent)
        guest.data = b"".join(
            mutate(REQUESTS[draw.randrange(len(REQUESTS))], draw) for _ in range(count))
        # How it ends: says that it is done, after an answer or at once; resets; leaves; or waits.
        guest.mood = draw.choices("ferlw", (72, 8, 8, 8, 4))[0]
        guest.has_finished = False
        guest.sent, guest.deadline = 0, time.monotonic() + self.patience
        self.sent += count
        guest.sock = socket.socket()
        guest.sock.setblocking(False)
        guest.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        guest.sock.connect_ex(("127.0.0.1", self.port))
        self.guests[guest.sock.fileno()] = guest
        self.epoll.register(guest.sock, select.EPOLLOUT | select.EPOLLIN)

    def serve_guest(self, guest, events):
        try:
            if guest.sent < len(guest.data) or not guest.data:
                if events & select.EPOLLOUT:
                    # Often in two pieces: the cut is anywhere.
                    end = len(guest.data)
                    if guest.sent == 0 and end and self.draw.random() < 0.3:
                        end = self.draw.randrange(end) + 1
                    if guest.sent < end:
                        guest.sent += guest.sock.send(guest.data[guest.sent:end])
                    if guest.sent == len(guest.data):
                        return self.all_sent(guest)
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                data = guest.sock.recv(65536)
                if not data:
                    return self.drop(guest)
                self.answered += data.count(b"HTTP/1.1 2")
                self.refused += data.count(b"HTTP/1.1 4")
                if guest.mood == "f":
                    self.finish(guest)
        except BlockingIOError:
            pass
        except OSError:
            self.drop(guest)

    def all_sent(self, guest):
        if guest.mood == "e":
            self.finish(guest)
        elif guest.mood == "r":
            guest.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if guest.mood in "rl":
            return self.drop(guest)
        self.epoll.modify(guest.sock, select.EPOLLIN)

    def finish(self, guest):
        if not guest.has_finished and guest.sent == len(guest.data):
            guest.has_finished = True
            try:
                guest.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def drop(self, guest):
        del self.guests[guest.sock.fileno()]
        guest.sock.close()

    # The origin.

    def accept(self):
        try:
            while True:
                sock, _ = self.listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.visitors[sock.fileno()] = sock
                self.epoll.register(sock, select.EPOLLIN)
        except BlockingIOError:
            pass

    def serve_visitor(self, fd):
        sock, draw = self.visitors[fd], self.draw
        try:
            data = sock.recv(65536)
            if not data:
                return self.end_visitor(fd)
            if b"HTTP/1.1\r\n" not in data:
                return
            luck = draw.random()
            if luck < 0.02:
                return
            if luck < 0.04:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return self.end_visitor(fd)
            response = RESPONSES[draw.randrange(len(RESPONSES))]
            sock.send(response if luck < 0.5 else mutate(response, draw))
            if luck > 0.9:
                self.end_visitor(fd)
        except BlockingIOError:
            pass
        except OSError:
            self.end_visitor(fd)

    def end_visitor(self, fd):
        self.visitors.pop(fd).close()


def wire(name):
    return b"".join(bytes([len(label)]) + label for label in name.split(b".") if label) + b"\0"


def query(name, kind, number, edns=None, flags=0x0100, additional=0):
    head = struct.pack("!6H", number, flags, 1, 0, 0, additional + (edns is not None))
    return head + wire(name) + struct.pack("!HH", kind, 1) + (edns or b"")


def opt(options=b"", size=1232, ttl=0):
    return b"\0" + struct.pack("!HHIH", 41, size, ttl, len(options)) + options


NAMES = [
    b"www.example.com", b"ns1.example.com", b"example.com", b"nothing.example.com", b"com", b"",
    b"a.b.c.wild.example.com", b"alias.example.com", b"WwW.eXaMpLe.CoM", b"x." * 100 + b"example.com",
    b"a" * 63 + b".example.com", b"other.test",
]
KINDS = [1, 1, 1, 28, 2, 5, 6, 12, 15, 16, 33, 255, 252, 251, 43, 41, 65535]
OPTIONS = [
    None, None, opt(), opt(size=512), opt(ttl=0x8000), opt(ttl=1 << 16), opt(b"\0\x0a\0\x08abcdefgh"),
    opt(b"\0\x08\0\x07\0\1\x18\0\x0a\0\0"), opt(b"\0\x08\0\x08\0\2\x20\0\x20\1\x0d\xb8"),
    opt(b"\0\3\0\0"), opt(b"\0\x0c\0\x10" + bytes(16)), opt() + opt(),
]


def mutate_query(data, draw):
    data = bytearray(data)
    for _ in range(draw.randrange(4)):
        if not data:
            break
        at, kind = draw.randrange(len(data)), draw.randrange(7)
        if kind == 0:
            data[at] = draw.randrange(256)
        elif kind == 1:
            del data[at]
        elif kind == 2:
            data[at:at] = draw.choice((b"\xc0\x0c", b"\xc0\x00", b"\0", b"\xff\xff", b"\x3f", b"\x40"))
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 5:
            data[at:at + 2] = draw.choice((b"\xc0\x0c", b"\xc0\x0d", b"\xff\xff", b"\0\1"))
        else:
            data += bytes(draw.randrange(300))
    return bytes(data)


class DNSStorm:
    """`wanted` mutated queries, one in sixteen of them over TCP."""

    def __init__(self, port, seed, wanted):
        self.port, self.wanted = port, wanted
        self.draw = random.Random(seed)
        self.sent = self.answers = self.silent_sentinels = 0
        self.wrong, self.codes = [], {}
        self.on_progress = None
        self.asking = [self.open() for _ in range(16)]
        # Whatever is no question goes out from here, and nothing may ever come back.
        self.mute = self.open()

    def open(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(("127.0.0.1", self.port))
        sock.setblocking(False)
        return sock

    def run(self):
        draw = self.draw
        while self.sent < self.wanted:
            for _ in range(min(64, self.wanted - self.sent)):
                self.sent += 1
                plain = query(NAMES[draw.randrange(len(NAMES))], KINDS[draw.randrange(len(KINDS))],
                              draw.randrange(65536), OPTIONS[draw.randrange(len(OPTIONS))])
                data = mutate_query(plain, draw)
                if self.sent % 256 == 0:
                    self.by_stream(data)
                    continue
                is_response = len(data) < 12 or data[2] & 0x80
                sock = self.mute if is_response else self.asking[self.sent % 16]
                try:
                    sock.send(data)
                except OSError:
                    pass
            self.collect()
            if self.sent % 6400 < 64:
                self.ask_honestly()
                if self.on_progress:
                    self.on_progress(self)
        time.sleep(0.2)
        self.collect()
        self.ask_honestly()
        return self

    def collect(self):
        for sock in self.asking:
            try:
                while True:
                    self.judge(sock.recv(65535))
            except BlockingIOError:
                pass
            except OSError as error:
                self.note(f"the socket says {error}")
        try:
            self.note(f"an answer to what is no question: {self.mute.recv(65535)[:40]!r}")
        except OSError:
            pass

    def judge(self, data):
        self.answers += 1
        if len(data) < 12 or not data[2] & 0x80:
            return self.note(f"no response: {data[:40]!r}")
        if len(data) > 1232:
            return self.note(f"{len(data)} octets over UDP")
        self.codes[data[3] & 15] = self.codes.get(data[3] & 15, 0) + 1
        if self.answers % 8 == 0:
            try:
                DNSAnswer(data)
            except Exception as error:
                self.note(f"{error!r} in {data.hex()}")

    def note(self, text):
        if len(self.wrong) < 20:
            self.wrong.append(text)

    def ask_honestly(self):
        """Each worker's socket still answers: questions from new ports reach all of them."""
        for _ in range(8):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(1.0)
                sock.connect(("127.0.0.1", self.port))
                for _ in range(3):
                    sock.send(query(b"ns1.example.com", 1, 7))
                    try:
                        answer = DNSAnswer(sock.recv(65535))
                        break
                    except OSError:
                        self.silent_sentinels += 1
                else:
                    return self.note("an honest question is not answered")
                if answer.rcode or not answer.answers:
                    self.note(f"a wrong answer to an honest question: {answer.data.hex()}")

    def by_stream(self, data):
        """Sixteen mutants on one connection, the last perhaps cut short, then the end."""
        draw = self.draw
        stream = b""
        for _ in range(16):
            self.sent += 1
            length = len(data) if draw.random() < 0.97 else draw.randrange(65536)
            stream += struct.pack("!H", length) + data
            data = mutate_query(query(NAMES[draw.randrange(len(NAMES))], 1, self.sent & 65535), draw)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sock:
            try:
                sock.sendall(stream[:draw.randrange(len(stream) + 1)])
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
            except TimeoutError:
                self.note("a TCP connection that has ended is not closed")
            except OSError:
                pass
