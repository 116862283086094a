# SPDX-License-Identifier: Apache-2.0
"""The same generated zones and queries to NSD, Knot DNS, BIND and Martlet: who says what.

    Tests/Scenarios/run differential                          20,000 queries
    Tests/Scenarios/run --full differential                   1,000,000
    MARTLET_SEED=7 Tests/Scenarios/run differential           other zones and queries
    MARTLET_QUERIES=500 Tests/Scenarios/run differential      so many for each world

A world is a set of zones, many of them inside each other; every second one has the root zone. What
the peers agree on is right; where one differs from Martlet, a rule of the table below says why, or
at least one peer answers as Martlet does. Documentation/conformance.md tells what was seen.
"""
import collections
import functools
import json
import os
import re
import time

from harness import Failure, eventually, expect_equal, scenario
from harness.dns_message import name_text, read_message, record_text
from harness.peer import bind, knot, nsd
from harness.query_maker import ANY, META, QueryMaker
from harness.runner import Options
from harness.verdict import (CNAME, DNAME, DS, PEERS, SERVERS, Case, Names, Rule, differing,
                             judge_truncation, suffixes)
from harness.volley import MUTE, Volley
from harness.zone_maker import Maker

WORLDS = 20 if Options.full else 2
ZONES = 30
QUERIES = int(os.environ.get("MARTLET_QUERIES") or (50_000 if Options.full else 10_000))
SEED = int(os.environ.get("MARTLET_SEED") or 1)
HINFO, ALIAS_LIMIT, YXDOMAIN = 13, 16, 6

# What is asked of Martlet for types of questions and pseudo records: FORMERR for what cannot be
# asked for, NOTIMP for what nobody does any more, REFUSED for transfers (RFC 8906 §3.1.4), NOTAUTH for
# changes of what is no zone; those of a zone are answered by its serial (RFC 1995 §2). MAILB and MAILA
# are answered as other types are, with what there is.
META_CODES = {0: 1, 41: 1, 128: 1, 250: 1, 249: 4, 251: 9, 252: 5}
MAIL = (253, 254)


# MARK: The rules

def stays(case, peer):
    """The first alias out of the zone ends the answer, or what the own zone has there follows."""
    away = next((n for n, zone in enumerate(case.zones) if zone != case.zones[0]), None)
    theirs = case.views[peer]
    if away is None or not theirs.aa:
        return False
    within = case.answers_to(case.steps[:away])
    if not within <= theirs.answers:
        return False
    target = case.steps[away]
    # Into an inner zone Knot goes on with what the outer zone has there, a referral as a rule. DS
    # of its own apex no server with this rule looks for in the outer zone.
    is_inner = peer == "Knot" and case.zones[0] in suffixes(target)
    if is_inner or case.names.zone(target) == case.zones[0]:
        return True
    return theirs.answers == within and theirs.rcode == 0 and not theirs.authority


def tires(case, peer):
    """A chain of aliases ends where the server's patience does."""
    theirs = case.views[peer]
    count = sum(record[1] == CNAME for record in case.ours.answers)
    if not count or not theirs.answers <= case.ours.answers:
        return False
    if peer == "Knot":
        return count > 5
    is_loop = case.steps[-1] in case.steps[:-1]
    return theirs.rcode == 2 and (is_loop or count > 10)


def outlasts(case, peer):
    """Martlet's own patience ended first."""
    count = sum(record[1] == CNAME for record in case.ours.answers)
    return count == ALIAS_LIMIT and case.ours.answers < case.views[peer].answers


def redirects_once(case, peer):
    """A DNAME that leads below itself, or to another one that leads back."""
    theirs, below = case.views[peer], collections.Counter()
    for owner, kind, _, _ in case.ours.answers:
        if kind == CNAME:
            below.update(record[0] for record in case.ours.answers
                         if record[1] == DNAME and record[0] in suffixes(owner)[1:])
    return max(below.values(), default=0) > 1 and theirs.answers < case.ours.answers


def overlooks(case, peer):
    """A name too long, made by a DNAME that is not the first step."""
    theirs = case.views[peer]
    return (case.ours.rcode == YXDOMAIN and theirs.rcode == 0
            and theirs.answers == case.ours.answers and len(case.steps) > 1)


def keeps_any(case, peer):
    """The CNAME that a DNAME makes is all that ANY gets."""
    theirs = case.views[peer]
    return (case.kind == ANY and theirs.rcode == 0 and theirs.answers <= case.ours.answers
            and any(record[1] == DNAME for record in theirs.answers))


def confuses(case, peer):
    """Names of zones around and inside the zone change what exists in it."""
    names = case.names
    for step, zone in zip(case.steps, case.zones):
        if zone is None:
            continue
        own, tree = names.existing[zone], names.shared
        encloser = next(part for part in suffixes(step) if part in own)
        if encloser != next(part for part in suffixes(step) if part in tree):
            return True
        wildcard = b"\1*" + encloser
        if encloser != step and wildcard in tree and wildcard not in own:
            return True
    return False


def denies(case, peer):
    """DS of a zone that is served, and that the zone around it does not delegate."""
    name, names = case.steps[-1], case.names
    outer = names.outer(name) if name in names.apexes else None
    return (case.kind == DS and outer is not None
            and not any(part in names.cuts[outer] for part in suffixes(name)))


def squeezes(case, peer):
    """Glue for which there was no room is left out without TC; over TCP it is sent."""
    theirs = case.views[peer]
    missing, extra = case.ours.glue - theirs.glue, theirs.glue - case.ours.glue
    if differing(theirs, case.ours) != "glue" or not missing:
        return False
    if case.whole is None or peer not in case.whole.views:
        return False
    return missing <= case.whole.views[peer].glue and (not extra or makes_up(case, peer))


def makes_up(case, peer):
    """A wildcard below a delegation gives addresses to servers that have none."""
    theirs = case.views[peer]
    extra = theirs.glue - case.ours.glue
    there = case.names.existing.get(case.zones[-1], ())
    return (differing(theirs, case.ours) == "glue" and bool(extra)
            and not any(owner in there for owner, _, _, _ in extra))


RULES = (
    Rule("stays in its zone", ("Knot", "BIND"),
         "An alias that leaves the zone ends the answer, though its target is served too: the "
         "resolver asks again. NSD and Martlet follow it.", "RFC 1034 §4.3.2", stays),
    Rule("short chains", ("Knot", "BIND"),
         "Knot ends after 5 aliases; BIND says SERVFAIL after 11, and in a loop. Martlet sends "
         "each alias of a loop once, with NOERROR.", "RFC 1034 §3.6.2", tires),
    Rule("chain of 16", ("NSD",), "NSD follows more aliases than Martlet, which ends after 16.",
         "RFC 1034 §3.6.2", outlasts),
    Rule("each DNAME once", ("NSD",),
         "NSD ends where a DNAME would be taken a second time. Martlet goes on until a name comes "
         "back, is too long, or is the 17th.", "RFC 6672 §3.2", redirects_once),
    Rule("too long at last", ("NSD", "Knot"),
         "A DNAME behind an alias makes a name that is too long: NOERROR. BIND and Martlet say "
         "YXDOMAIN.", "RFC 6672 §2.2", overlooks),
    Rule("ANY at a DNAME", ("BIND",),
         "BIND answers ANY with the DNAME and its CNAME. Martlet says what the CNAME leads to.",
         "RFC 6672 §3.2", keeps_any),
    Rule("one tree", ("NSD",),
         "NSD keeps all zones in one tree: what a zone has below the apex of another one decides "
         "there which names exist, and which wildcard is the closest.", "RFC 1034 §4.2", confuses),
    Rule("undelegated zone", PEERS,
         "DS of a served zone that the zone around it does not delegate: peers say NXDOMAIN, or "
         "give an alias or a wildcard in its place. Martlet says NODATA, since NXDOMAIN would deny "
         "the inner zone as a whole.", "RFC 8020 §2", denies),
    Rule("glue without TC", ("NSD", "BIND"),
         "Glue without room is left out without TC. NSD goes to 1232 octets whatever the asker "
         "takes, and a set that does not fit ends the search. Martlet sets TC.",
         "RFC 9471 §3", squeezes),
    Rule("wildcard glue", ("NSD", "Knot"),
         "A wildcard below a delegation, where nothing is authoritative, gives addresses to "
         "servers that have none.", "RFC 4592 §2.2",
         lambda case, peer: case.ours.glue < case.views[peer].glue and makes_up(case, peer)),
)


# MARK: The servers

def start(scene, world):
    """The peers with the zones of a world, and the port of Martlet."""
    os.makedirs(scene.path("zones"))
    files = {world.write_name(zone.apex): scene.write(f"zones/{number}.zone", zone.text())
             for number, zone in enumerate(world.zones)}
    peers = [nsd(scene, files), knot(scene, files, waits=False), bind(scene, files)]
    port = scene.port()
    zones = "".join(f"  {json.dumps(name)}: {{ file: {json.dumps(file)} }}\n"
                    for name, file in files.items())
    scene.martlet(f"listeners:\n  - {{ dns: 127.0.0.1:{port}, edns-size: 4096 }}\nzones:\n{zones}")
    return peers, port


def restarted(peer, world, maker):
    """A peer that hung serves again."""
    peer.restart()
    volley = Volley([peer.port])
    eventually(f"{peer.name} serves again", lambda: all_serve(world, maker, volley))
    volley.close()


def all_serve(world, maker, volley):
    """Whether each server has each zone."""
    missing = []
    starts = [maker.made(zone.apex, "SOA") for zone in world.zones]
    for zone, row in zip(world.zones, volley.over_udp([query.wire for query in starts])):
        for server, data in zip(SERVERS, row):
            message = read_message(data)
            if message.rcode or not message.answers:
                missing.append(f"{server} {world.write_name(zone.apex)}")
    if missing:
        raise ValueError(f"not served: {missing}")
    return True


# MARK: The comparison

class Count:
    """Verdicts by their reasons, and the cases that nothing explains."""

    def __init__(self):
        self.verdicts = collections.Counter()
        # By reason, one of each in full.
        self.faults = {}

    def add(self, part, verdict, reasons, case):
        self.verdicts[part, verdict, "; ".join(reasons)] += 1
        if verdict == "unexplained":
            self.faults.setdefault((part, reasons), told(case))

    def text(self):
        return "\n".join(f"{count:9,}  {part}: {verdict}" + (f": {why}" if why else "")
                         for (part, verdict, why), count in sorted(self.verdicts.items()))


def told(case):
    """A case for people: only what the servers differ in."""
    query = case.query
    lines = [f"{name_text(case.name)} TYPE{query.kind} EDNS {query.size} "
             f"{'TCP' if query.is_stream else 'UDP'} {query.wire.hex()}"]
    for field in ("rcode", "aa", "rd", "edns", "repeats"):
        values = {server: getattr(view, field) for server, view in case.views.items()}
        if field == "rcode" or len(set(values.values())) > 1:
            lines.append(f"  {field} {values}")
    lines.append(f"  octets {[message.size for message in case.messages.values()]}")
    for field in ("answers", "authority", "glue"):
        sets = {server: getattr(view, field) for server, view in case.views.items()}
        for record in sorted(frozenset().union(*sets.values()))[:20]:
            having = [server for server in sets if record in sets[server]]
            if len(having) < len(sets):
                lines.append(f"  {field} of {', '.join(having)}: {record_text(record)[-160:]}")
    return "\n".join(lines)


def messages_of(row, query, count):
    """What the servers said, read, None for one that hangs; None when one cannot be read."""
    found = []
    for server, data in zip(SERVERS, row):
        if data == MUTE:
            count.verdicts["message", "explained", f"none of {server}, which hangs"] += 1
            found.append(None)
            continue
        try:
            message = read_message(data)
            if message.question != query.question:
                raise ValueError("another question")
        except (ValueError, LookupError, OSError) as error:
            count.verdicts["message", "unexplained", f"{server}: {error!r}"] += 1
            count.faults.setdefault((server,), f"{query.wire.hex()} gives {data.hex()}")
            return None
        found.append(message)
    return found


def compare(names, volley, queries, count):
    """Over UDP or TCP as each query wants it; what may lack something once more over TCP."""
    streams = [query for query in queries if query.is_stream]
    datagrams = [query for query in queries if not query.is_stream]
    small = {}
    rows = volley.over_udp([query.wire for query in datagrams])
    for query, row in zip(datagrams, rows):
        messages = messages_of(row, query, count)
        if messages is None:
            continue
        case = Case(names, query, messages)
        if any(message.tc for message in case.messages.values()) or case.differ_in_glue:
            small[len(streams)] = case
            streams.append(query._replace(is_stream=True))
        else:
            count.add("UDP", *case.judge(RULES), case)
    rows = volley.over_tcp([query.wire for query in streams])
    for number, (query, row) in enumerate(zip(streams, rows)):
        messages = messages_of(row, query, count)
        if messages is None:
            continue
        case = Case(names, query, messages)
        if messages[-1].tc:
            count.add("TCP", "unexplained", ("TC",), case)
        else:
            count.add("TCP", *case.judge(RULES), case)
        if number not in small:
            continue
        small[number].whole = case
        if any(message.tc for message in small[number].messages.values()):
            count.add("TC", *judge_truncation(small[number], case), small[number])
        else:
            count.add("UDP", *small[number].judge(RULES), small[number])


def compare_any(names, volley, queries, count):
    """ANY: the minimal answer of RFC 8482 where peers have any, and as they say where not."""
    for query, row in zip(queries, volley.over_tcp([query.wire for query in queries])):
        messages = messages_of(row, query, count)
        if messages is None:
            continue
        case = Case(names, query, messages)
        verdict, reasons = case.judge(RULES)
        minimal = {(case.steps[-1], HINFO, 3600, b"\7RFC8482\0")}
        ends = {record for record in case.ours.answers if record[1] not in (CNAME, DNAME)}
        if ends and verdict != "agreed":
            having = [peer for peer in case.peers if case.views[peer].answers]
            is_right = (ends == minimal and case.ours.aa and having
                        and not case.ours.authority and not case.ours.rcode)
            verdict = "explained" if is_right else "unexplained"
            reasons = ("minimal answer (RFC 8482 §4.2)",)
        count.add("ANY", verdict, reasons, case)


def compare_meta(names, volley, queries, count):
    """Types of questions and pseudo records: a code of each server's choice, and no records."""
    for query, row in zip(queries, volley.over_udp([query.wire for query in queries])):
        messages = messages_of(row, query, count)
        if messages is None:
            continue
        case = Case(names, query, messages)
        ours = case.ours
        is_right = ours.rcode == META_CODES.get(query.kind) and not ours.answers and not ours.authority
        is_right |= query.kind == 251 and ours.rcode == 0 and len(ours.answers) == 1
        alike = [peer for peer in case.peers if case.views[peer].rcode == ours.rcode]
        # BIND does not implement them.
        is_right |= query.kind in MAIL and bool({"NSD", "Knot"} & set(alike))
        # A chain that grows until no name is so long: the others stop earlier on the same way.
        is_right |= query.kind in MAIL and ours.rcode == 6 and any(
            case.views[peer].answers and set(case.views[peer].answers) <= set(ours.answers) for peer in case.peers)
        count.add("meta", "explained" if is_right else "unexplained",
                  (f"TYPE{query.kind}: code {ours.rcode} as {' and '.join(alike) or 'nobody'}",),
                  case)


def run(scene, number):
    began = time.monotonic()
    world = Maker(1000 * SEED + number, has_root=number % 2 == 1, count=ZONES).fill()
    maker = QueryMaker(world, 1000 * SEED + number)
    peers, port = start(scene, world)
    revive = {n: functools.partial(restarted, peer, world, maker) for n, peer in enumerate(peers)}
    volley = Volley([*(peer.port for peer in peers), port], revive)
    eventually("every server has every zone", lambda: all_serve(world, maker, volley))
    count, names = Count(), Names(world)
    left = QUERIES
    while left > 0 and len(count.faults) < 100:
        compare(names, volley, [maker.query() for _ in range(min(left, 2000))], count)
        left -= 2000
    compare_any(names, volley, [maker.query([ANY]) for _ in range(QUERIES // 50)], count)
    compare_meta(names, volley, [maker.query(META) for _ in range(QUERIES // 100)], count)
    volley.close()
    text = (f"world {number + 1}: {len(world.zones)} zones, {len(world.names)} names, "
            f"{QUERIES} queries, {volley.resent} sent again, {time.monotonic() - began:.1f} s\n"
            f"{count.text()}")
    if Options.full or os.environ.get("MARTLET_COUNTS"):
        print(text, flush=True)
    if count.faults:
        # TC comes last: one fault of an answer shows in many sizes.
        faults = sorted(count.faults.items(), key=lambda fault: fault[0][0] == "TC")
        raise Failure("\n".join(["unexplained", *(f"{why} {case}" for why, case in faults[:8]),
                                 text]))


for number in range(WORLDS):
    @scenario(f"NSD, Knot and BIND answer alike, world {number + 1} of {WORLDS}", limit=600)
    def differential(scene, number=number):
        run(scene, number)


@scenario("the page about conformance tells the rules that the comparison has")
def page(scene):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation",
                        "conformance.md")
    with open(path) as file:
        told_there = re.findall(r"(?m)^\| `(.+?)` \| (.+?) \| (.+?) \| (.+?) \|$", file.read())
    expect_equal(told_there, [(rule.name, ", ".join(rule.peers), rule.why, rule.source)
                              for rule in RULES], "rules on the page")
