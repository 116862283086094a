# SPDX-License-Identifier: Apache-2.0
"""Zones out of a seed: nested, delegated, aliased, with wildcards, odd names and large sets.

A name is a tuple of labels, the leftmost first; a label is its octets.
"""
import random
import string

LABELS = [b"a", b"b", b"c", b"d", b"www", b"Mail", b"x-y", b"_sip", b"_tcp", b"0", b"10"]
ODD_LABELS = [b"sp ace", b"do.t", b"back\\slash", b'quo"te', b"se;mi", b"(", b")", b"@", b"$TTL",
              b"\0", b"\xff\xfe", b"caf\xc3\xa9", b"UPPER", b"**", b"*a", b"tab\t", b"new\nline",
              b"l" * 63, b"L" * 62, b"#", b"'", b"\x7f"]
TTLS = [0, 1, 60, 300, 3600, 3600, 86400, 604800, 2147483647]
PLAIN = frozenset((string.ascii_letters + string.digits + "-_*").encode())


def key(name):
    return tuple(label.lower() for label in name)


def wire_size(name):
    return sum(len(label) + 1 for label in name) + 1


def wire(name):
    return b"".join(bytes([len(label)]) + label for label in name) + b"\0"


def is_below(name, top):
    """At the top counts too."""
    return len(name) >= len(top) and key(name[len(name) - len(top):]) == key(top)


class Maker:
    """The zones of one world; with a root zone nothing is outside."""

    def __init__(self, seed, has_root, count):
        self.random = random.Random(seed)
        self.apexes = {}
        self.zones = []
        self._plant(has_root, count)
        # What queries are made of: the names of all zones, what stands there, and what they name.
        self.names = []
        self.targets = []
        # The owners of DNAMEs.
        self.redirected = set()

    def _plant(self, has_root, count):
        tops = [(b"test",), (b"example",), (b"net",), (b"arpa",), (b"Co", b"UK")]
        if has_root:
            self._add_zone(())
        while len(self.zones) < count:
            if self.zones and self.random.random() < 0.5:
                upper = self.random.choice(self.zones).apex
                # The configuration of Martlet takes names of zones as people write host names.
                apex = (self.random.choice(LABELS),) + upper
                if self.random.random() < 0.3:
                    apex = (self.random.choice(LABELS),) + apex
            else:
                apex = (b"z%d" % len(self.zones),) * (self.random.random() < 0.8) + \
                    self.random.choice(tops)
            if key(apex) not in self.apexes and wire_size(apex) < 120:
                self._add_zone(apex)

    def _add_zone(self, apex):
        zone = Zone(self, apex)
        self.apexes[key(apex)] = zone
        self.zones.append(zone)

    def fill(self):
        for zone in self.zones:
            zone.sow()
        for zone in self.zones:
            zone.grow()
            self.names += [(zone, name) for name in zone.spelling.values()]
        return self

    def zone_of(self, name):
        """The zone that answers for a name, or None."""
        for start in range(len(name) + 1):
            zone = self.apexes.get(key(name[start:]))
            if zone:
                return zone
        return None

    def label(self):
        """A tuple of one label."""
        chance = self.random.random()
        if chance < 0.08:
            return (self.random.choice(ODD_LABELS),)
        if chance < 0.12:
            size = self.random.choice([1, 2, 7, 30, 63])
            return (bytes(self.random.randrange(256) for _ in range(size)),)
        return (self.random.choice(LABELS),)

    def write_label(self, label):
        text = ""
        for octet in label:
            if octet in PLAIN:
                text += chr(octet)
            elif (33 <= octet < 127 and octet not in b"#[\\0123456789"
                  and self.random.random() < 0.7):
                # In a name NSD 4.6 takes `\#` for the mark of RFC 3597, and `\\.` for one label
                # with a dot; BIND takes `\[` for a bit string.
                text += "\\" + chr(octet)
            else:
                text += f"\\{octet:03d}"
        return text

    def write_name(self, name, origin=None):
        """The name for a zone file, often relative where it may be."""
        if origin is not None and is_below(name, origin) and self.random.random() < 0.6:
            rest = name[:len(name) - len(origin)]
            return ".".join(map(self.write_label, rest)) or "@"
        return "".join(self.write_label(label) + "." for label in name) or "."


class Zone:
    def __init__(self, maker, apex):
        self.maker, self.random, self.apex = maker, maker.random, apex
        # By name: {type: (TTL, [texts of data])}, and how the name was spelt first.
        self.sets = {}
        self.spelling = {}
        self.places = []
        self.cuts = []

    # Names first, so that the zones can point at each other; then what stands there.

    def sow(self):
        self.places = [self.apex]
        for _ in range(self.random.choice([2, 10, 25, 40, 60])):
            upper = self.random.choice(self.places)
            depth = self.random.choice([1, 1, 1, 2, 2, 3])
            name = upper
            for _ in range(depth):
                name = ((b"*",) if self.random.random() < 0.15 else self.maker.label()) + name
            self.sow_one(name)
        if self.random.random() < 0.3:
            # As many labels, and as many octets, as a name can have.
            name = self.apex
            size = self.random.choice([1, 1, 3, 63])
            while wire_size(name) + size + 1 <= 255:
                name = (b"m" * size,) + name
            if 255 - wire_size(name) > 1:
                name = (b"k" * (254 - wire_size(name)),) + name
            self.sow_one(name)

    def sow_one(self, name):
        if wire_size(name) <= 255:
            self.places.append(name)

    def grow(self):
        from .zone_data import Data
        Data(self).fill()

    def add(self, name, kind, data, ttl=None):
        """False where the set may not stand beside what there is."""
        there = self.sets.setdefault(key(name), {})
        if kind != "CNAME" and "CNAME" in there or kind == "CNAME" and there:
            return False
        if kind in ("NS", "DNAME") and name and name[0] == b"*":
            return False
        if self.is_redirected(name) or kind == "DNAME" and not self.may_redirect(name):
            return False
        if kind == "NS" and "DNAME" in there and key(name) != key(self.apex):
            return False
        self.spelling.setdefault(key(name), name)
        if ttl is None:
            ttl = self.random.choice(TTLS)
        former, texts = there.setdefault(kind, (ttl, []))
        texts += [text for text in data if text not in texts]
        return True

    def is_redirected(self, name):
        """Whether a name lies below a DNAME of any zone: NSD has one tree for all of them."""
        return any(key(name[start:]) in self.maker.redirected for start in range(1, len(name)))

    def may_redirect(self, name):
        """Nothing stands below, no zone begins there, and the name is not delegated."""
        there = self.sets[key(name)]
        if "DNAME" in there or "NS" in there and key(name) != key(self.apex):
            return False
        others = [other for zone in self.maker.zones for other, kinds in zone.sets.items() if kinds]
        others += [zone.apex for zone in self.maker.zones]
        if any(len(other) > len(name) and is_below(other, name) for other in others):
            return False
        self.maker.redirected.add(key(name))
        return True

    def text(self):
        """The zone file."""
        write = self.maker.write_name
        lines = [f"$ORIGIN {write(self.apex)}", "$TTL 1h30m"]
        items = [(name, kind, *found) for name, kinds in self.sets.items()
                 for kind, found in kinds.items()]
        items.sort(key=lambda item: item[1] != "SOA")
        for name, kind, ttl, texts in items:
            for text in texts:
                spelt = self.mixed(self.spelling[name])
                time = "" if ttl == 5400 else f"{ttl} "
                middle = f"{time}IN " if self.random.random() < 0.3 else time
                lines.append(f"{write(spelt, self.apex)} {middle}{kind} {text}")
        return "\n".join(lines) + "\n"

    def mixed(self, name):
        if self.random.random() < 0.9:
            return name
        return tuple(label.swapcase() if label.isascii() else label for label in name)
