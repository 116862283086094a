# SPDX-License-Identifier: Apache-2.0
"""Ethernet frames with a DNS query over UDP in them, with anything wrong that one wants."""
import ipaddress
import struct


def ones_complement(data):
    """The sum of RFC 1071, as it is."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def question(number, name="www.example.com", kind=1):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!6H", number, 0, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, 1)


def mac(text):
    return bytes(int(part, 16) for part in text.split(":"))


def frame(data, source, destination, macs, ports, **wrong):
    """A frame; `wrong` has what is not as it should be:

    udp_length, udp_sum, ip_length, ip_sum, version, fragment, hops, protocol, type, tags, tail,
    options (IPv4) and extension (IPv6).
    """
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    length = wrong.get("udp_length", len(data) + 8)
    udp = struct.pack("!4H", *ports, length & 0xFFFF, 0) + data
    pseudo = source.packed + destination.packed + struct.pack("!HH", 17, length & 0xFFFF)
    right = (~ones_complement(pseudo + udp) & 0xFFFF) or 0xFFFF
    given = wrong.get("udp_sum", right)
    udp = udp[:6] + struct.pack("!H", given(right) if callable(given) else given) + udp[8:]
    make = ipv4 if source.version == 4 else ipv6
    kind = wrong.get("type", 0x0800 if source.version == 4 else 0x86DD)
    head = mac(macs[1]) + mac(macs[0]) + wrong.get("tags", b"") + struct.pack("!H", kind)
    return head + make(udp, source, destination, wrong) + wrong.get("tail", b"")


def ipv4(udp, source, destination, wrong):
    options = wrong.get("options", b"")
    version = wrong.get("version", 0x45 + len(options) // 4)
    length = wrong.get("ip_length", 20 + len(options) + len(udp))
    head = struct.pack("!BBHHHBBH", version, 0, length, 0x1234, wrong.get("fragment", 0),
                       wrong.get("hops", 64), wrong.get("protocol", 17), 0)
    head += source.packed + destination.packed + options
    check = wrong.get("ip_sum", ~ones_complement(head) & 0xFFFF)
    return head[:10] + struct.pack("!H", check) + head[12:] + udp


def ipv6(udp, source, destination, wrong):
    extension = wrong.get("extension", b"")
    length = wrong.get("ip_length", len(extension) + len(udp))
    head = struct.pack("!IHBB", wrong.get("version", 0x60) << 24, length,
                       wrong.get("protocol", 17), wrong.get("hops", 64))
    return head + source.packed + destination.packed + extension + udp


#: Run at the other end: sends the frames of a file, and prints the numbers of the answers.
SENDER = """
import json, select, socket, struct, sys, time
frames = [bytes.fromhex(one) for one in json.load(open(sys.argv[2]))]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
seen = []
def take(seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and select.select([s], [], [], left)[0]:
        got, address = s.recvfrom(4096)
        if address[2] == 4:  # our own, going out
            continue
        kind = got[12:14]
        if kind == b"\\x08\\0" and got[23] == 17:
            seen.append(got[42:44])
        elif kind == b"\\x86\\xdd" and got[20] == 17:
            seen.append(got[62:64])
for one in frames:
    s.send(one)
    if float(sys.argv[3]):
        take(0.002)  # what comes in one burst may be lost, which is another matter
take(float(sys.argv[3]))
print(json.dumps(sorted({struct.unpack("!H", one)[0] for one in seen})))
"""
