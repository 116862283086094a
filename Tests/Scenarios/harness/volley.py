# SPDX-License-Identifier: Apache-2.0
"""The same DNS queries to several servers at once, many of them under way."""
import select
import socket
import struct
import time

from .check import Failure

BATCH = 64
PATIENCE = 1.0
TRIES = 4
# What is noted of a server that does not survive a query; one that hangs so often is left alone.
MUTE = b""
HANGS = 8


class Volley:
    """Ports on 127.0.0.1 that get every query; answers come back in the order of the queries.

    `revive` maps the number of a port to what starts the server there again when it hangs. The
    query that it hangs at has the answer MUTE, and after HANGS of them all have. Servers without
    are expected to answer always.
    """

    def __init__(self, ports, revive=None):
        self.ports, self.revive = list(ports), revive or {}
        self.sockets = []
        for port in self.ports:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                sock.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE, for root
            except OSError:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.connect(("127.0.0.1", port))
            sock.setblocking(False)
            self.sockets.append(sock)
        self.next = 0
        self.flying = {}
        self.resent = 0
        self.hangs = [0] * len(self.ports)

    def is_left(self, number):
        return self.hangs[number] >= HANGS

    def close(self):
        for sock in self.sockets:
            sock.close()

    def over_udp(self, queries):
        """For each query the list of answers, one of each server."""
        answers = []
        waiting = None
        # While Python reads the answers to a batch, the servers are busy with the next.
        for start in range(0, len(queries), BATCH):
            sent = self._send(queries[start:start + BATCH])
            if waiting:
                answers += self._collect(waiting)
            waiting = sent
        return answers + self._collect(waiting) if waiting else answers

    def _send(self, queries):
        """{identifier: (query, answers)}"""
        batch = {}
        for query in queries:
            self.next = (self.next + 1) & 0xFFFF
            query = struct.pack("!H", self.next) + query[2:]
            row = [MUTE if self.is_left(number) else None for number in range(len(self.ports))]
            batch[self.next] = query, row
            for sock, answer in zip(self.sockets, row):
                if answer is None:
                    post(sock, query)
        self.flying.update(batch)
        return batch

    def _collect(self, batch):
        for attempt in range(TRIES):
            if self._read(batch, time.monotonic() + PATIENCE):
                for identifier in batch:
                    del self.flying[identifier]
                return [row for _, row in batch.values()]
            for query, row in batch.values():
                for sock, answer in zip(self.sockets, row):
                    if answer is None:
                        self.resent += 1
                        post(sock, query)
        self._single_out(batch)
        return [row for _, row in batch.values()]

    def _single_out(self, batch):
        """One query after the other to the servers that still owe answers."""
        for number, sock in enumerate(self.sockets):
            lacking = [entry for entry in batch.items() if entry[1][1][number] is None]
            if lacking and number not in self.revive:
                raise Failure(f"server {number} does not answer {lacking[0][1][0].hex()}")
            for count, (identifier, (query, row)) in enumerate(lacking):
                if count == 0:
                    self.revive[number]()
                post(sock, query)
                if self.is_left(number):
                    row[number] = MUTE
                elif not self._read({identifier: (query, row)}, time.monotonic() + PATIENCE):
                    row[number] = MUTE
                    self.hangs[number] += 1
                    self.revive[number]()
        for identifier in batch:
            del self.flying[identifier]

    def _read(self, batch, until):
        """True once every server answered every query of the batch."""
        poll = select.poll()
        numbers = {}
        for number, sock in enumerate(self.sockets):
            poll.register(sock, select.POLLIN)
            numbers[sock.fileno()] = number
        while any(None in row for _, row in batch.values()):
            left = until - time.monotonic()
            if left <= 0:
                return False
            for descriptor, _ in poll.poll(left * 1000):
                self._drain(numbers[descriptor])
        return True

    def _drain(self, number):
        sock = self.sockets[number]
        for _ in range(BATCH):
            try:
                data = sock.recv(65535)
            except (BlockingIOError, ConnectionRefusedError):
                return
            # An answer that comes twice, since its query did, is nobody's.
            flying = self.flying.get(data[0] << 8 | data[1])
            if flying:
                flying[1][number] = data

    def over_tcp(self, queries, batch=40):
        """The same over TCP, pipelined (RFC 7766 §6.2.1.1), with a connection for each batch."""
        answers = []
        for start in range(0, len(queries), batch):
            part = queries[start:start + batch]
            socks = [None if self.is_left(number) else connected(port, part)
                     for number, port in enumerate(self.ports)]
            columns = []
            for number, sock in enumerate(socks):
                if sock is None:
                    columns.append([MUTE] * len(part))
                    continue
                try:
                    columns.append(read_stream(sock, len(part)))
                except OSError as fault:
                    columns.append(self._one_by_one(number, part, fault))
                sock.close()
            answers += [list(row) for row in zip(*columns)]
        return answers

    def _one_by_one(self, number, queries, fault):
        if number not in self.revive:
            raise Failure(f"server {number} over TCP: {fault}")
        self.revive[number]()
        found = []
        for query in queries:
            try:
                with connected(self.ports[number], [query]) as sock:
                    found += read_stream(sock, 1)
            except OSError:
                found.append(MUTE)
                self.hangs[number] += 1
                self.revive[number]()
        return found


def connected(port, queries):
    """A connection to which these queries went, numbered from 0."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=5)
    sock.sendall(b"".join(struct.pack("!HH", len(query), i) + query[2:]
                          for i, query in enumerate(queries)))
    return sock


def post(sock, query):
    try:
        sock.send(query)
    except (BlockingIOError, ConnectionRefusedError):
        pass


def read_stream(sock, count):
    found = [None] * count
    file = sock.makefile("rb")
    for _ in range(count):
        head = file.read(2)
        data = file.read(int.from_bytes(head, "big")) if len(head) == 2 else b""
        if len(data) < 12:
            got = count - found.count(None)
            raise OSError(f"a TCP connection ended after {got} of {count} answers")
        identifier = data[0] << 8 | data[1]
        if identifier >= count or found[identifier] is not None:
            raise OSError(f"an answer that nobody asked for: {data[:40].hex()}")
        found[identifier] = data
    file.close()
    return found
