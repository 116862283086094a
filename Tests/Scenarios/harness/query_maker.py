# SPDX-License-Identifier: Apache-2.0
"""Queries for generated zones: names that exist, and those around them, for all kinds of types."""
import collections
import random
import struct

from .zone_maker import key, wire

NUMBERS = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17,
    "AFSDB": 18, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "KX": 36, "CERT": 37, "APL": 42,
    "DNAME": 39, "DS": 43, "SSHFP": 44, "DHCID": 49, "TLSA": 52, "SMIMEA": 53, "OPENPGPKEY": 61, "SVCB": 64,
    "HTTPS": 65, "SPF": 99, "EUI48": 108, "EUI64": 109, "URI": 256, "CAA": 257,
}
# Asked for where nothing of the kind stands.
COMMON = [1, 1, 1, 28, 2, 5, 6, 39, 15, 16, 33, 43, 43, 12, 65, 48, 51, 257, 65280, 999]
ANY = 255
# RFC 6895 §3.1: numbers of questions and pseudo records.
META = [0, 41, 128, 249, 250, 251, 252, 253, 254]
SIZES = [512, 512, 700, 1000, 1232, 1232, 1400, 2048, 4096, 4096]

Query = collections.namedtuple("Query", "wire question kind size is_stream")


class QueryMaker:
    def __init__(self, world, seed):
        self.world, self.random = world, random.Random(seed)

    def query(self, kinds=None):
        """One about a name that exists, or about one near it; of these kinds, if given."""
        zone, name = self.random.choice(self.world.names)
        kind = self.random.choice(kinds) if kinds else self.kind(zone, name)
        name = self.spelt(self.around(zone, name))
        size, wants_dnssec = None, False
        if self.random.random() < 0.85:
            size = self.random.choice(SIZES)
            if self.random.random() < 0.1:
                size = self.random.randrange(512, 4097)
            wants_dnssec = self.random.random() < 0.3
        return self.made(name, kind, size, wants_dnssec, self.random.random() < 0.3,
                         self.random.random() < 0.05)

    def made(self, name, kind, size=None, wants_dnssec=False, wants_recursion=False,
             is_stream=False):
        question = wire(name) + struct.pack("!HH", NUMBERS.get(kind, kind), 1)
        message = struct.pack("!6H", 0, 0x0100 if wants_recursion else 0, 1, 0, 0, size is not None)
        message += question
        if size is not None:
            message += struct.pack("!BHHIH", 0, 41, size, 0x8000 if wants_dnssec else 0, 0)
        return Query(message, question, NUMBERS.get(kind, kind), size, is_stream)

    def kind(self, zone, name):
        there = list(zone.sets[key(name)])
        if self.random.random() < 0.6:
            kind = self.random.choice(there)
            if kind == "CNAME" and self.random.random() < 0.8:
                return self.random.choice([1, 1, 28, 15, 16])
            return NUMBERS.get(kind) or int(kind.removeprefix("TYPE"))
        return self.random.choice(COMMON)

    def around(self, zone, name):
        """The name, or one beside, above or below it, or one that something points at."""
        chance = self.random.random()
        label = self.world.label()
        if chance < 0.40:
            found = name
        elif chance < 0.52:
            found = label + name
        elif chance < 0.62:
            found = label + name[1:]
        elif chance < 0.68:
            found = name[self.random.randrange(len(name) + 1):]
        elif chance < 0.74:
            found = label + label + zone.apex
        elif chance < 0.76:
            found = zone.apex
        elif chance < 0.90:
            found = self.random.choice(self.world.targets)
        elif chance < 0.95:
            found = self.random.choice(self.world.zones).apex
        elif chance < 0.97:
            # What a wildcard stands for, and what looks like one.
            found = (b"*",) + name
        elif chance < 0.98:
            found = (b"a",) * self.random.randrange(1, 120) + zone.apex
        else:
            found = label + (b"Nobody", b"invalid")
        while len(wire(found)) > 255:
            found = found[1:]
        return found

    def spelt(self, name):
        """In some random case (draft-vixie-dnsext-dns0x20)."""
        if self.random.random() < 0.5:
            return name
        bits = self.random.getrandbits(64)
        return tuple(bytes(c ^ 32 if 65 <= c & 0xDF <= 90 and bits >> (i + 7 * n) % 64 & 1 else c
                           for i, c in enumerate(label)) for n, label in enumerate(name))
