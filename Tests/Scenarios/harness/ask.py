# SPDX-License-Identifier: Apache-2.0
"""Questions to the doors: real curl and dig, raw sockets, and a quick DNS client for polling."""
import os
import re
import socket
import struct
import subprocess

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28,
         "SRV": 33, "SVCB": 64, "HTTPS": 65, "CAA": 257, "ANY": 255}


def curl(url, *options, within=10):
    """(status, header text, body bytes) from the real curl; status 0 when there was no answer."""
    done = subprocess.run(
        ["curl", "-sS", "-i", "--http1.1", "--max-time", str(within), *options, url],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=within + 5)
    rest = done.stdout
    head = b""
    # Interim responses come first: only the last head counts.
    while re.match(rb"HTTP/1\.[01] \d{3}", rest):
        head, _, rest = rest.partition(b"\r\n\r\n")
        if not re.match(rb"HTTP/1\.[01] 1\d\d", head) or b" 101 " in head[:14]:
            break
    found = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    return (int(found[1]) if found else 0), head.decode("latin-1"), rest


def field(head, name):
    """A field's value from a head's text, or None."""
    found = re.search(rf"(?im)^{re.escape(name)}:[ \t]*(.*?)[ \t]*\r?$", head)
    return found[1] if found else None


def dig(port, name, kind="A", *options, server="127.0.0.1"):
    """The answer section's data as a list of strings, from the real dig."""
    text = dig_text(port, name, kind, "+short", *options, server=server)
    return [line for line in text.splitlines() if line and not line.startswith(";")]


def dig_text(port, name, kind="A", *options, server="127.0.0.1"):
    done = subprocess.run(
        ["dig", f"@{server}", "-p", str(port), "+tries=1", "+time=2", *options, name, kind],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
    return done.stdout.decode()


class DNSAnswer:
    """The parts of a DNS message that scenarios look at."""

    def __init__(self, data):
        self.data = data
        self.id, self.flags, questions, answers, authority, additional = struct.unpack(
            "!6H", data[:12])
        self.rcode = self.flags & 15
        self.truncated = bool(self.flags & 0x200)
        self.authoritative = bool(self.flags & 0x400)
        at = 12
        for _ in range(questions):
            at = skip_name(data, at) + 4
        self.answers, at = self.records(at, answers)
        self.authority, at = self.records(at, authority)
        self.additional, at = self.records(at, additional)

    def records(self, at, count):
        """[(type, ttl, data bytes)]"""
        found = []
        for _ in range(count):
            at = skip_name(self.data, at)
            kind, _, ttl, size = struct.unpack("!HHIH", self.data[at:at + 10])
            found.append((kind, ttl, self.data[at + 10:at + 10 + size]))
            at += 10 + size
        return found, at

    @property
    def addresses(self):
        return [socket.inet_ntoa(data) for kind, _, data in self.answers if kind == 1]

    @property
    def ttl(self):
        """The lowest TTL of the answers; 0 without any."""
        return min((ttl for _, ttl, _ in self.answers), default=0)


def skip_name(data, at):
    while True:
        size = data[at]
        if size >= 0xC0:
            return at + 2
        if size == 0:
            return at + 1
        at += size + 1


def dns_query(name, kind="A", identifier=None, edns=True):
    identifier = int.from_bytes(os.urandom(2), "big") if identifier is None else identifier
    message = struct.pack("!6H", identifier, 0x0100, 1, 0, 0, 1 if edns else 0)
    for label in name.rstrip(".").split("."):
        message += bytes([len(label)]) + label.encode()
    message += b"\0" + struct.pack("!HH", TYPES[kind], 1)
    return message + (b"\0\0\x29\x04\xd0\0\0\0\0\0\0" if edns else b"")


def ask_dns(port, name, kind="A", server="127.0.0.1", timeout=1.0):
    """One UDP question from a port of its own, so that any worker may get it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect((server, port))
        sock.send(dns_query(name, kind))
        return DNSAnswer(sock.recv(65535))


def ask_dns_tcp(port, name, kind="A", server="127.0.0.1", timeout=2.0):
    with socket.create_connection((server, port), timeout=timeout) as sock:
        query = dns_query(name, kind)
        sock.sendall(struct.pack("!H", len(query)) + query)
        size = struct.unpack("!H", exactly(sock, 2))[0]
        return DNSAnswer(exactly(sock, size))


def exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise OSError(f"closed after {len(data)} of {count} bytes")
        data += piece
    return data


def raw(port, data, timeout=3.0, half_close=False, server="127.0.0.1"):
    """Sends bytes as they are and returns everything that comes back until close or silence."""
    with socket.create_connection((server, port), timeout=timeout) as sock:
        reply = b""
        try:
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(65536):
                reply += piece
        except (TimeoutError, ConnectionError):
            pass
        return reply


def statuses(reply):
    """The status codes of all responses in a byte stream, interim ones left out."""
    found = [int(code) for code in re.findall(rb"(?:^|\n)HTTP/1\.[01] (\d{3})[ \r]", reply)]
    return [code for code in found if code >= 200 or code == 101]


class Browser:
    """One keep-alive connection that asks again and again; it never retries."""

    def __init__(self, port, host="www.example.com", server="127.0.0.1", timeout=5.0):
        self.host = host
        self.sock = socket.create_connection((server, port), timeout=timeout)
        self.buffer = b""

    def ask(self, path="/", method="GET", headers="", body=b""):
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{headers}"
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        self.sock.sendall(head.encode("latin-1") + b"\r\n" + body)
        return self.answer(method)

    def answer(self, method="GET"):
        """(status, head text, body)"""
        head = self.until(b"\r\n\r\n").decode("latin-1")
        status = int(head.split(" ", 2)[1])
        if status in (204, 304) or method == "HEAD" or 100 <= status < 200:
            return status, head, b""
        if "chunked" in (field(head, "Transfer-Encoding") or ""):
            body = b""
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                body += self.take(size)
                self.take(2)
            while self.until(b"\r\n") != b"\r\n":
                pass
            return status, head, body
        length = field(head, "Content-Length")
        if length is None:
            body = self.buffer
            while piece := self.sock.recv(65536):
                body += piece
            return status, head, body
        return status, head, self.take(int(length))

    def until(self, mark):
        while mark not in self.buffer:
            piece = self.sock.recv(65536)
            if not piece:
                raise OSError(f"closed by the server after {self.buffer[:80]!r}")
            self.buffer += piece
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark

    def take(self, count):
        while len(self.buffer) < count:
            piece = self.sock.recv(max(65536, count - len(self.buffer)))
            if not piece:
                raise OSError(f"closed after {len(self.buffer)} of {count} body bytes")
            self.buffer += piece
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def is_closed(self, within=2.0):
        """Whether the server closes an idle connection; bytes instead are a failure."""
        self.sock.settimeout(within)
        try:
            return self.sock.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    def close(self):
        self.sock.close()
