# SPDX-License-Identifier: Apache-2.0
"""A small DNS server for endpoints given by name: one name, addresses and TTL that can change."""
import socket
import struct
import threading
import time


class NameServer:
    def __init__(self, addresses, ttl=1):
        self.addresses, self.ttl = addresses, ttl
        self.silent = False
        # Types of which it says nothing.
        self.mute = ()
        self.asked = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            if self.silent:
                continue
            end = query.index(b"\0", 12) + 5
            kind = struct.unpack("!H", query[end - 4:end - 2])[0]
            if kind in self.mute:
                continue
            found = self.addresses if kind == 1 else []
            if kind == 1:
                self.asked.append(time.monotonic())
            reply = query[:2] + b"\x81\x80" + struct.pack("!4H", 1, len(found), 0, 0)
            reply += query[12:end]
            for address in found:
                reply += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, self.ttl, 4)
                reply += socket.inet_aton(address)
            self.sock.sendto(reply, peer)
