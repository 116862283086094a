# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by raw frames, for what no honest client sends (RFC 9113 §4.1)."""
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def literal(name, value):
    """A field that changes no table (RFC 7541 §6.2.2); both below 127 octets."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def frames(sock):
    """(kind, flags, stream, payload) of each frame that comes, until the connection ends."""
    heard = b""
    while True:
        while len(heard) >= 9 and len(heard) >= 9 + (size := int.from_bytes(heard[:3], "big")):
            yield (heard[3], heard[4], int.from_bytes(heard[5:9], "big") & 0x7fffffff,
                   heard[9:9 + size])
            heard = heard[9 + size:]
        piece = sock.recv(65536)
        if not piece:
            return
        heard += piece
