# SPDX-License-Identifier: Apache-2.0
"""What stands in a generated zone: data of all kinds, aliases, delegations, large sets."""
from .zone_maker import TTLS, key, wire

# Types without a text form of their own: their data is written as RFC 3597 §5 has it. The shape is
# a list of octets to draw, "s" for a string, "n" for a name, or octets as they are.
OPAQUE = {
    "TYPE7": "n", "TYPE8": "n", "TYPE14": "nn", "HINFO": "ss", "RP": "nn", "AFSDB": (b"\0\1", "n"),
    "TYPE21": (2, "n"), "TYPE26": (2, "n", "n"),
    "LOC": (b"\0\x12\x16\x13\x80", 3, b"\x80", 3, b"\0\x98", 2),
    "NAPTR": (4, "s", "s", b"\0", "n"), "KX": (2, "n"), "CERT": (b"\0\1", 2, b"\5", 40),
    "APL": (b"\0\1\x18\3", 3), "SSHFP": (b"\1\1", 20), "DHCID": (b"\0\1\2", 32),
    "TLSA": (b"\3\1\1", 32), "SMIMEA": (b"\3\1\1", 32), "OPENPGPKEY": (60,), "SPF": "ss",
    "EUI48": (6,), "EUI64": (8,), "URI": (4, b"http://example.com/"), "TYPE65280": (9,),
    "TYPE1234": (1,), "TYPE65534": (300,), "TYPE4711": (b"",),
}


class Data:
    def __init__(self, zone):
        self.zone, self.maker, self.random = zone, zone.maker, zone.random
        self.write = lambda name: self.maker.write_name(name, zone.apex)

    def fill(self):
        if self.random.random() < 0.08 and self.redirected_apex():
            return
        self.apex()
        for name in self.zone.places[1:]:
            self.node(name)
        self.nested()
        if self.random.random() < 0.7:
            self.chains()

    def redirected_apex(self):
        """All of the zone leads elsewhere; False when a zone lies inside."""
        zone = self.zone
        if not zone.add(zone.apex, "DNAME", [self.write(self.target())]):
            return False
        server = self.write((b"ns", b"elsewhere", b"invalid"))
        zone.add(zone.apex, "SOA", [f"{server} {server} (1 7200 900 1209600 60)"])
        zone.add(zone.apex, "NS", [server])
        self.some_set(zone.apex)
        self.maker.targets += [(b"x", b"y") + zone.apex, (b"y",) + zone.apex]
        return True

    def apex(self):
        zone = self.zone
        host = (b"Ns1",) + zone.apex
        minimum = self.random.choice([0, 60, 300, 3600, 86400])
        mailbox = self.write((b"host.master",) + zone.apex)
        numbers = f"{self.random.randrange(1 << 32)} 7200 900 1209600 {minimum}"
        zone.add(zone.apex, "SOA", [f"{self.write(host)} {mailbox} ({numbers}) ; start"])
        servers = [self.write(host)]
        # BIND refuses a zone whose own server has no address.
        if zone.apex and self.random.random() < 0.5:
            servers.append(self.write((b"ns", b"elsewhere", b"invalid")))
        zone.add(zone.apex, "NS", servers)
        zone.add(host, "A", ["192.0.2.53"])
        if self.random.random() < 0.5:
            zone.add(host, "AAAA", ["2001:db8::53"])
        for _ in range(self.random.randrange(4)):
            self.some_set(zone.apex)

    def node(self, name):
        chance = self.random.random()
        if chance < 0.12:
            self.cut(name)
        elif chance < 0.34:
            self.zone.add(name, "CNAME", [self.write(self.target())])
        elif chance < 0.38:
            self.large(name)
        elif chance < 0.46 and self.redirect(name):
            pass
        elif chance < 0.92:
            for _ in range(self.random.choice([1, 1, 2, 3, 5])):
                self.some_set(name)

    # Sets.

    def some_set(self, name):
        kind = self.random.choice(["A", "A", "A", "AAAA", "AAAA", "TXT", "MX", "MX", "SRV", "PTR",
                                   "CAA", "SVCB", "HTTPS", "other", "other"])
        if kind == "other":
            kind = self.random.choice(list(OPAQUE))
        count = self.random.choice([1, 1, 1, 2, 3, 6])
        self.zone.add(name, kind, [self.data(kind) for _ in range(count)])

    def data(self, kind):
        pick = self.random.randrange
        if kind in OPAQUE:
            return self.opaque(kind)
        if kind == "A":
            return f"192.0.2.{pick(256)}"
        if kind == "AAAA":
            return f"2001:db8:{pick(65536):x}::{pick(65536):x}"
        if kind == "TXT":
            return " ".join(self.string() for _ in range(self.random.choice([1, 1, 2, 4])))
        if kind == "CAA":
            return f'{self.random.choice([0, 128])} issue "ca{pick(9)}.example; a=b"'
        target = self.write(self.target())
        if kind == "PTR":
            return target
        if kind == "MX":
            return f"{pick(65536)} {target}"
        if kind == "SRV":
            return f"{pick(65536)} {pick(65536)} {pick(65536)} {target}"
        return self.service()

    def service(self):
        name = self.target()
        target = self.random.choice([self.write(name), self.maker.write_name(name), "."])
        if target == "@":
            target = "."
        more = self.random.choice(["", "alpn=h2,h3", "port=8443 ipv4hint=192.0.2.1,192.0.2.2",
                                   "mandatory=alpn alpn=h2 no-default-alpn", "key667=hello",
                                   "ipv6hint=2001:db8::1"])
        return f"{1 + self.random.randrange(9)} {target} {more}"

    def string(self):
        size = self.random.choice([0, 1, 9, 60, 255])
        octets = bytes(self.random.choice(b'ab c;\\"\0\xff\t(@') for _ in range(size))
        return '"' + "".join(f"\\{o:03d}" if o < 32 or o > 126 else
                             "\\" + chr(o) if o in b'"\\' else chr(o) for o in octets) + '"'

    def opaque(self, kind):
        data = b""
        for part in OPAQUE[kind]:
            if part == "n":
                data += wire(self.target())
            elif part == "s":
                data += b"\x03" + self.octets(3)
            else:
                data += part if isinstance(part, bytes) else self.octets(part)
        digits = data.hex()
        # Knot wants whole octets in each piece.
        cut = self.random.randrange(len(data) + 1) * 2
        return f"\\# {len(data)} {digits[:cut]} {digits[cut:]}"

    def octets(self, count):
        return bytes(self.random.randrange(97, 123) for _ in range(count))

    def large(self, name):
        kind = self.random.choice(["A", "AAAA", "TXT", "MX", "SRV", "TYPE65280"])
        count = self.random.choice([20, 40, 90, 250, 400])
        self.zone.add(name, kind, [self.data(kind) for _ in range(count)])

    # What points elsewhere.

    def target(self):
        """A name to point at: mostly of the zone, sometimes of others, of nobody, of nothing."""
        chance = self.random.random()
        zone = self.zone if chance < 0.62 else self.random.choice(self.maker.zones)
        name = self.random.choice(zone.places)
        if 0.5 < chance < 0.62 or chance > 0.93:
            name = self.maker.label() + name
        elif chance > 0.88:
            name = self.maker.label() + (b"Nobody", b"invalid")
        if sum(len(label) + 1 for label in name) >= 254:
            name = zone.apex
        self.maker.targets.append(name)
        return name

    def redirect(self, name):
        """A DNAME, often beside other data; names below are asked for, and pointed at."""
        if not self.zone.add(name, "DNAME", [self.write(self.target())]):
            return False
        for _ in range(self.random.choice([0, 0, 1, 2])):
            self.some_set(name)
        for size in self.random.choice([(1,), (1, 9), (9, 63, 63)]):
            lower = (b"v" * size,) + name
            if sum(len(label) + 1 for label in lower) < 254:
                self.maker.targets += [lower, lower]
        return True

    def cut(self, name):
        zone = self.zone
        if name[0] == b"*":
            return
        count = self.random.choice([1, 1, 2, 2, 3, 4, 13, 30])
        servers = []
        for number in range(count):
            chance = self.random.random()
            if chance < 0.6:
                server = (b"ns%d" % number,) + name
            elif chance < 0.7:
                server = name
            else:
                server = self.target()
            if sum(len(label) + 1 for label in server) >= 254:
                continue
            servers.append(server)
            if chance < 0.7 and self.random.random() < 0.85:
                zone.add(server, "A", [self.data("A")])
                if self.random.random() < 0.5:
                    zone.add(server, "AAAA", [self.data("AAAA")])
        if servers and zone.add(name, "NS", [self.write(server) for server in servers]):
            zone.cuts.append(name)
            self.maker.targets.append((b"ns0",) + name if len(name) < 60 else name)
            if self.random.random() < 0.4:
                digest = self.octets(32).hex()
                zone.add(name, "DS", [f"\\# 36 {self.random.randrange(65536):04x}0d02{digest}"])

    def nested(self):
        """What the zone says of the zones inside it that are served too."""
        zone = self.zone
        for inner in self.maker.zones:
            if inner is zone or self.maker.zone_of(inner.apex[1:]) is not zone:
                continue
            chance = self.random.random()
            if chance < 0.7:
                self.cut(inner.apex)
            elif chance < 0.85:
                self.some_set(inner.apex)
                self.some_set(self.maker.label() + inner.apex)

    def chains(self):
        """Chains of aliases, of every length that matters, and loops."""
        zones = [self.zone] if self.random.random() < 0.5 else \
            [self.zone, self.random.choice(self.maker.zones)]
        length = self.random.choice([2, 3, 5, 8, 9, 10, 12, 15, 16, 17, 20])
        tag = b"t%d-" % self.random.randrange(1000)
        names = [(tag + b"%d" % number,) + zones[number % len(zones)].apex
                 for number in range(length)]
        ends = [names[0], names[-1], names[length // 2], (b"no",) + self.zone.apex, self.target(),
                self.target(), (b"ns1",) + self.zone.apex]
        following = names[1:] + [self.random.choice(ends)]
        for number, (name, target) in enumerate(zip(names, following)):
            zone = zones[number % len(zones)]
            if sum(len(label) + 1 for label in name) < 254 and key(name) not in zone.sets:
                zone.add(name, "CNAME", [self.maker.write_name(target)],
                         self.random.choice(TTLS))
                self.maker.targets.append(name)
