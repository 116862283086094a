# SPDX-License-Identifier: Apache-2.0
"""Whole DNS messages as sets of canonical records, so that answers of different servers compare."""
import collections
import struct

# Where names stand in data that may be compressed, by type: RFC 1035 allows it, and RFC 3597 §4
# names the later types whose names receivers have to expect compressed. A number is so many octets
# before the next part, "n" a name, "s" a string; what follows is taken as it is.
LAYOUTS = {
    2: "n", 3: "n", 4: "n", 5: "n", 6: "nn", 7: "n", 8: "n", 9: "n", 12: "n", 14: "nn", 15: "2n",
    17: "nn", 18: "2n", 21: "2n", 26: "2nn", 33: "6n", 35: "4sssn", 36: "2n", 39: "n",
    # Not these two (RFC 9460 §2.2), but servers differ in the case of the target.
    64: "2n", 65: "2n",
}
HEADER = struct.Struct("!6H")
FIXED = struct.Struct("!HHIH")
OPT = 41

# `answers`, `authority` and `additional` are frozen sets of (owner, type, TTL, data), with names in
# wire form and lower case (RFC 4034 §6.2); `edns` is None or (size, version, flags).
Message = collections.namedtuple(
    "Message", "rcode aa tc rd question answers authority additional edns size repeats")


def name_at(data, at, known):
    """(name in wire form and lower case, offset behind it)"""
    start, labels, size = at, [], 0
    while True:
        length = data[at]
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | data[at + 1]
            if target >= start:
                raise ValueError("a pointer that does not lead back")
            rest = known.get(target)
            if rest is None:
                rest = known[target] = name_at(data, target, known)[0]
            labels.append(rest)
            size += len(rest)
            at += 2
            break
        if length > 63:
            raise ValueError("a label of an unknown kind")
        labels.append(data[at:at + length + 1])
        size += length + 1
        at += length + 1
        if length == 0:
            break
    if size > 255:
        raise ValueError("a name of more than 255 octets")
    # No octet of a length is an upper-case letter, all of them being below 64.
    return b"".join(labels).lower(), at


def canonical(data, kind, start, end, known):
    layout = LAYOUTS.get(kind)
    if layout is None:
        return data[start:end]
    parts = []
    at = start
    for part in layout:
        if part == "n":
            name, at = name_at(data, at, known)
            parts.append(name)
        else:
            size = data[at] + 1 if part == "s" else int(part)
            parts.append(data[at:at + size])
            at += size
    if at > end:
        raise ValueError("a name that leaves its data")
    parts.append(data[at:end])
    return b"".join(parts)


def read_message(data):
    """A message; ValueError or LookupError when it is malformed."""
    _, flags, questions, *counts = HEADER.unpack_from(data)
    at = 12
    known = {}
    for _ in range(questions):
        at = name_at(data, at, known)[1] + 4
    question = data[12:at]
    sections, edns, repeats, rcode = [], None, 0, flags & 15
    for count in counts:
        found = []
        for _ in range(count):
            owner, at = name_at(data, at, known)
            kind, space, ttl, size = FIXED.unpack_from(data, at)
            at += 10
            end = at + size
            if end > len(data):
                raise ValueError("a record that leaves its message")
            if kind == OPT:
                edns = (space, ttl >> 16 & 255, ttl & 0xFFFF)
                rcode |= ttl >> 24 << 4
            else:
                found.append((owner, kind, ttl, canonical(data, kind, at, end, known)))
            at = end
        section = frozenset(found)
        repeats += len(found) - len(section)
        sections.append(section)
    if at != len(data):
        raise ValueError("octets behind the last record")
    return Message(rcode, bool(flags & 0x400), bool(flags & 0x200), bool(flags & 0x100), question,
                   *sections, edns, len(data), repeats)


def name_text(wire):
    """A name for people."""
    labels = []
    at = 0
    while at < len(wire) and wire[at]:
        label = wire[at + 1:at + 1 + wire[at]]
        labels.append("".join(chr(c) if 33 <= c < 127 and c not in b'.\\";()@$' else f"\\{c:03d}"
                              for c in label))
        at += 1 + wire[at]
    return ".".join(labels) + "."


def record_text(record):
    owner, kind, ttl, data = record
    more = "..." if len(data) > 60 else ""
    return f"{name_text(owner)} {ttl} TYPE{kind} {data[:60].hex()}{more}"
