# SPDX-License-Identifier: Apache-2.0
"""Answers of several servers to one query: what is compared, and who is of which opinion."""
import collections
import functools

from .zone_maker import key, wire

NS, CNAME, DNAME, DS = 2, 5, 39, 43
PEERS = ("NSD", "Knot", "BIND")
SERVERS = (*PEERS, "Martlet")

# Why the answer of one of `peers` may differ from Martlet's, and the RFC that this is about;
# `explains(case, peer)` says whether it does here.
Rule = collections.namedtuple("Rule", "name peers why source explains")

# What two servers must agree on. `edns` is None or (version, DO); `repeats` a record sent twice.
View = collections.namedtuple("View", "rcode aa rd answers authority glue edns repeats")


def view(message, apexes, is_ours):
    """`apexes` are the wire names of all zones: NS of them beside an answer are no referral.

    Of the additional section only glue counts: the addresses of servers inside a delegation. All
    else may be left out (RFC 2181 §9, RFC 9471 §3).
    """
    authority, glue = message.authority, frozenset()
    referral = [record for record in authority if record[1] == NS]
    if referral:
        cut = referral[0][0]
        if message.aa and cut in apexes:
            authority = frozenset(record for record in authority if record[1] != NS)
        else:
            hosts = {data for _, _, _, data in referral if ends_with(data, cut)}
            glue = frozenset(record for record in message.additional if record[0] in hosts)
    edns = message.edns and (message.edns[1], message.edns[2] & 0x8000)
    return View(message.rcode, message.aa, message.rd, message.answers, authority, glue, edns,
                is_ours and message.repeats > 0)


@functools.lru_cache(1 << 16)
def suffixes(name):
    """A name, its parent, and so on up to the root."""
    found, at = [], 0
    while name[at]:
        found.append(name[at:])
        at += name[at] + 1
    return (*found, b"\0")


def ends_with(name, top):
    return name.endswith(top) and top in suffixes(name)


def differing(one, other):
    """The fields in which two views differ."""
    return "+".join(field for field, a, b in zip(View._fields, one, other) if a != b)


class Names:
    """What stands in a world, as the rules ask for it: names in wire form and lower case."""

    def __init__(self, world):
        self.apexes = {wire(key(zone.apex)): zone for zone in world.zones}
        # Names that exist in a zone, and in all zones as if they were one; delegations of a zone.
        self.existing, self.shared, self.cuts = {}, set(), {}
        for apex, zone in self.apexes.items():
            names = self.existing[apex] = set()
            for name in zone.spelling:
                for start in range(len(name) - len(zone.apex) + 1):
                    names.add(wire(name[start:]))
            self.shared.update(names, suffixes(apex))
            self.cuts[apex] = {wire(name) for name, kinds in zone.sets.items()
                               if "NS" in kinds and wire(name) != apex}

    def zone(self, name):
        """The apex of the zone that answers for a name; None outside."""
        return next((part for part in suffixes(name) if part in self.apexes), None)

    def outer(self, apex):
        """The apex of the zone around a zone, or None."""
        return next((part for part in suffixes(apex)[1:] if part in self.apexes), None)


class Case:
    """One query and what each server said to it."""

    def __init__(self, names, query, messages):
        self.names, self.query, self.kind = names, query, query.kind
        # Of those servers that answered.
        self.messages = {server: message for server, message in zip(SERVERS, messages) if message}
        self.peers = [peer for peer in PEERS if peer in self.messages]
        self.name = query.question[:-4].lower()
        self.views = {server: view(message, names.apexes, server not in PEERS)
                      for server, message in self.messages.items()}
        self.ours = self.views["Martlet"]
        # The same query over TCP, where room was or may have been short.
        self.whole = None

    @property
    def differ_in_glue(self):
        return any(view.glue != self.ours.glue for view in self.views.values())

    @functools.cached_property
    def steps(self):
        """The names that the aliases of Martlet's answer lead through, the one asked for first."""
        steps = [self.name]
        aliases = {} if self.kind == CNAME else {
            owner: data for owner, kind, _, data in self.ours.answers if kind == CNAME}
        while steps[-1] in aliases and len(steps) <= len(aliases):
            steps.append(aliases[steps[-1]])
        return steps

    def answers_to(self, steps):
        """Martlet's answers about some of the names, the DNAMEs above them included."""
        above = {part for step in steps for part in suffixes(step)[1:]}
        return {record for record in self.ours.answers
                if record[0] in steps or record[1] == DNAME and record[0] in above}

    @functools.cached_property
    def zones(self):
        """The apexes of the zones that answer for these names."""
        found = []
        for step in self.steps:
            zone = self.names.zone(step)
            # DS of a zone is the outer one's (RFC 4035 §3.1.4.1).
            outer = self.names.outer(zone) if self.kind == DS and step == zone else None
            found.append(outer or zone)
        return found

    def judge(self, rules):
        """(verdict, reasons); the verdict is one of

        - agreed: all four say the same,
        - explained: a peer says the same as Martlet, and rules tell why others do not,
        - alone: rules tell why no peer does,
        - disputed: the peers disagree without a rule, and one says the same as Martlet,
        - unexplained: no peer does, and a rule is missing for one.
        """
        others = [peer for peer in self.peers if self.views[peer] != self.ours]
        if not others:
            return "agreed", ()
        reasons, odd = [], []
        for peer in others:
            rule = next((rule for rule in rules
                         if peer in rule.peers and rule.explains(self, peer)), None)
            if rule:
                reasons.append(f"{rule.name} ({peer})")
            else:
                odd.append(f"{peer}: {differing(self.views[peer], self.ours)}")
        is_alone = len(others) == len(self.peers)
        if odd:
            return "unexplained" if is_alone else "disputed", tuple(odd)
        return "alone" if is_alone else "explained", tuple(reasons)


def judge_truncation(case, whole):
    """(verdict, reasons) about TC over UDP; `whole` is the same query answered over TCP.

    Martlet's TC must be due to a lack of room, and without TC nothing that counts may be missing.
    Peers that do otherwise are counted by what they do.
    """
    message = case.messages["Martlet"]
    limit = min(max(case.query.size or 512, 512), 4096)
    if message.size > limit:
        return "unexplained", (f"{message.size} octets of at most {limit}",)
    if message.tc and needed(whole) <= limit:
        return "unexplained", (f"TC, though {needed(whole)} of {limit} octets are needed",)
    if not message.tc and case.ours != whole.ours:
        return "unexplained", ("no TC, and not whole: " + differing(case.ours, whole.ours),)
    reasons = []
    for peer in case.peers:
        if peer not in whole.peers:
            continue
        theirs = case.messages[peer]
        if theirs.tc == message.tc:
            continue
        if theirs.tc:
            reasons.append(f"{peer} has no room, Martlet has")
        elif case.views[peer] == whole.views[peer]:
            reasons.append(f"{peer} has room, Martlet has not")
        else:
            reasons.append(f"{peer} leaves out {differing(case.views[peer], whole.views[peer])}")
    return ("explained" if reasons else "agreed"), tuple(reasons)


def needed(case):
    """Octets of Martlet's answer without what may be left out, owners being two octets each."""
    message = case.messages["Martlet"]
    spare = sum(12 + len(data) for _, _, _, data in message.additional - case.ours.glue)
    return message.size - spare
