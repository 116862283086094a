# SPDX-License-Identifier: Apache-2.0
"""What the DNS door answers, what it has answered and to whom, and what it would answer if."""
import json
import os
import re
import socket

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, DNSAnswer, dig, dig_text, dns_query
from harness.martlet import martlet_command
from harness.service import service

PROBE = ("  port: { http: /healthz, port: PORT, interval: 100ms, fast-interval: 100ms, "
         "timeout: 80ms, rise: 1, fall: 1 }\n")
HERE = os.path.dirname(os.path.abspath(__file__))


def start(scene, steer, head="", names="abc", workers=2, probe=PROBE):
    """Origins on 127.0.0.11 and on, every policy under its own name in a.test."""
    origins = scene.origins(*names)
    dns, http = scene.port(), scene.port()
    policies = re.findall(r"(?m)^  ([a-z-]+):", steer)
    text = head + service(http, None, origins, workers=workers, more=(
        "zones:\n  a.test:\n    soa: { primary: ns.a.test, mailbox: me@a.test }\n    records:\n"
        + "".join(f"      {name}: {{ steer: {name} }}\n" for name in policies)
        + f"      other: {{ cname: {policies[0]} }}\nsteer:\n{steer}"))
    text = text.replace("routes:\n", f"  - {{ dns: 127.0.0.1:{dns} }}\nroutes:\n")
    probes = probe.replace("PORT", str(origins[0].port))
    martlet = scene.martlet(text.replace("probes:\n", "probes:\n" + probes, 1))
    return origins, dns, http, martlet


def command(scene, martlet, *words, status=0):
    seen, out, err = martlet_command(scene, *words, "--admin", f"127.0.0.1:{martlet.admin}")
    expect_equal(seen, status, f"{' '.join(words)}: {out}{err}")
    return out + err


def explain(scene, martlet, *words):
    return json.loads(command(scene, martlet, "explain-dns", *words, "--json"))


def digged(dns, name, kind="A", *options):
    """(records as Martlet writes them, scope or None) of the real dig."""
    text = dig_text(dns, name, kind, *options)
    section = re.search(r"(?s);; ANSWER SECTION:\n(.*?)\n\n", text)
    lines = [" ".join(line.split()) for line in section[1].splitlines()] if section else []
    scope = re.search(r"CLIENT-SUBNET: \S+/\d+/(\d+)", text)
    return lines, int(scope[1]) if scope else None


@scenario("explain-dns --assume says what is answered once it is so, and --at lets time pass")
def supposed(scene):
    (a, b, c), dns, _, martlet = start(scene, """
  site: { failover: [ 127.0.0.11, 127.0.0.12 ], probe: port, ttl: 20s, min-ttl: 9s }
  back: { failover: [ 127.0.0.11, 127.0.0.12 ], probe: port, hold: 1h }
  web: { pool: web }
  strict: { pool: web, all-down: none }
""")
    eventually("a serves", lambda: dig(dns, "site.a.test") == [a.address])
    before = explain(scene, martlet, "site.a.test")
    expect_equal(before["records"], digged(dns, "site.a.test")[0], "what is")
    told = explain(scene, martlet, "site.a.test", "--assume", "127.0.0.11=down")
    text = command(scene, martlet, "explain-dns", "site.a.test", "--assume", "127.0.0.11=down")
    expect(text.startswith("suppose  127.0.0.11 is down (") and "if it were so" in text
           and "supposed" in text, text)
    expect_equal(dig(dns, "site.a.test"), [a.address], "the doors hear nothing of it")
    # All of a probe, of a pool, and of two: what an operator took out is never answered by `all`.
    both = explain(scene, martlet, "site.a.test", "--assume", "probe:port=down",
                   "--assume", "steer:site/127.0.0.12=maintenance")
    expect_equal((both["policy"]["mode"], both["policy"]["answers"]), ("all-down", [a.address]),
                 "nothing is up")
    drained = explain(scene, martlet, "web.a.test", "--assume", "pool:web=drain")
    expect_equal(sorted(drained["policy"]["answers"]), sorted(o.address for o in (a, b, c)),
                 "all are drained: they serve on")
    nobody = explain(scene, martlet, "strict.a.test", "--assume", "pool:web=down")
    expect_equal((nobody["records"], nobody["policy"]["outcome"]), ([], "none"), "all are down")

    a.health("fail")
    eventually("a is down", lambda: dig(dns, "site.a.test") == [b.address])
    after = explain(scene, martlet, "site.a.test")
    expect_equal(digged(dns, "site.a.test")[0], told["records"], "what came is what was told")
    expect_equal(after["records"], told["records"], "and what explain says now")
    expect_equal((told["ttl"], told["policy"]["scope"]), (after["ttl"], 0), "TTL and scope")

    # A branch that came up goes back when it has been up for the hold time.
    up = ("back.a.test", "--assume", "127.0.0.11=up")
    expect_equal(explain(scene, martlet, *up)["policy"]["answers"], [b.address], "at once")
    late = explain(scene, martlet, *up, "--at", "+61m")
    expect_equal(late["policy"]["answers"], [a.address], "an hour later")
    expect_equal(late["supposition"]["afterSeconds"], 3660, "the time")
    age = [m["ageSeconds"] for m in late["policy"]["candidates"] if m["supposed"] == "up"]
    expect(3660 <= age[0] < 3690, f"ages count from then: {age}")

    for words, code in ((("--assume", "127.0.0.99=down"), "M3039"), (("--assume", "a"), "M3038"),
                        (("--assume", "a=ill"), "M3038"), (("--at", "noon"), "M3041"),
                        (("--at", "1999-01-01T00:00:00Z"), "M3041")):
        out = command(scene, martlet, "explain-dns", "site.a.test", *words, status=2)
        expect(code in out, f"{words}: {out}")
        expect(code != "M3039" or "web/a" in out and "steer:site/127.0.0.11" in out, out)


NESTED = """
  world:
    ttl: 30s
    min-ttl: 7s
    geo:
      - failover:
          - { weighted: { 127.0.0.11: 70, 127.0.0.12: 30 }, sticky: client }
          - 127.0.0.13
        probe: port
        network: [ 203.0.113.0/25, 198.51.100.0/24 ]
      - { address: 127.0.0.13, probe: port }
  hints: { round-robin: [ 192.0.2.1, "2001:db8::1" ] }
"""


@scenario("explain-dns, the record of a query and dig give one answer, TTL and scope",
          covers=["dns.sample-queries", "dns.kept-queries"])
def records(scene):
    origins, dns, _, martlet = start(
        scene, NESTED, "dns: { sample-queries: 1, kept-queries: 64 }\n")
    names = {"world.a.test": ["A", "AAAA"], "other.a.test": ["A"], "none.a.test": ["A"]}
    places = ["203.0.113.0/24", "203.0.113.128/25", "198.51.100.7/32", "2001:db8::/48", None]

    def compare(when):
        for name, kinds in names.items():
            for kind in kinds:
                for place in places:
                    check(name, kind, place, when)

    def check(name, kind, place, when):
        what = f"{name} {kind} for {place} {when}"
        told = explain(scene, martlet, name, "--type", kind, "--from",
                       place.split("/")[0] if place else "127.0.0.1")
        seen, scope = digged(dns, name, kind, *([f"+subnet={place}"] if place else []))
        found = martlet.json("GET", f"/api/v1/dns/queries?name={name}&limit=1")["queries"][0]
        expect_equal((told["records"], found["records"]), (seen, seen), f"records: {what}")
        expect_equal(found["authority"], told["authority"], f"authority: {what}")
        expect_equal((found["type"], found["rcode"]), (kind, told["rcode"]), what)
        expect_equal(found["subnet"], place, what)
        if not told["policy"]:
            return expect_equal(found["policy"], None, what)
        expect_equal(found["scope"], told["policy"]["scope"], f"scope: {what}")
        if place:
            expect_equal(found["scope"], scope, f"scope of dig: {what}")
        if told["ttl"] is not None:
            expect_equal(found["ttl"], told["ttl"], f"TTL: {what}")
        expect_equal((found["why"], found["mode"]), (told["policy"]["why"], told["policy"]["mode"]),
                     what)
        chosen = [(s["name"], s["kind"], s["depth"]) for s in told["policy"]["steps"] if s["chosen"]]
        expect_equal([(s["name"], s["kind"], s["depth"]) for s in found["path"]], chosen,
                     f"the nodes that chose: {what}")

    eventually("all are up", lambda: len(set().union(*(
        dig(dns, "world.a.test", "A", f"+subnet={place}") for place in places[:2]))) == 2)
    compare("while all are up")
    for origin in origins[:2]:
        origin.health("fail")
    eventually("the first two are down", lambda: dig(
        dns, "world.a.test", "A", "+subnet=198.51.100.0/24") == [origins[2].address])
    compare("while two are down")
    out = command(scene, martlet, "queries", "--name", "world.a.test", "--from", "203.0.113.0/24")
    for word in ("query    world.a.test. A\n", "for 203.0.113.128/25 over udp", "policy   world\n",
                 "->       geo: 203.0.113.128/", "127.0.0.13", "from steer:world/127.0.0.13"):
        expect(word in out, f"{word!r} in:\n{out}")
    expect("for 198.51.100" not in out, out)
    expect("none of the latest" in command(scene, martlet, "queries", "--name", "x.test"), "x.test")

    # By TCP, of services, of what is refused; two workers with 64 places each at most.
    dig(dns, "hints.a.test", "A", "+tcp")
    dig(dns, "else.test", "A")
    told = martlet.json("GET", "/api/v1/dns/queries?limit=2")["queries"]
    expect_equal([(q["rcode"], q["transport"]) for q in told],
                 [("REFUSED", "udp"), ("NOERROR", "tcp")], "the latest two")
    many = martlet.json("GET", "/api/v1/dns/queries?limit=1000")
    expect(len(many["queries"]) <= 128 and many["sampledOneIn"] == 1, len(many["queries"]))
    for query in ("limit=0", "from=nowhere", "name=a..b", "nane=a"):
        problem = martlet.json("GET", f"/api/v1/dns/queries?{query}", status=422)
        expect_equal(problem["code"], "M3016", query)

    # Switched off, by a reload; and as shipped, where one of a few is hardly picked.
    martlet.reload(martlet.text().replace("sample-queries: 1", "sample-queries: off"))
    kept = martlet.json("GET", "/api/v1/dns/queries")["kept"]
    expect(kept > 40, f"{kept} were kept")
    dig(dns, "world.a.test")
    expect_equal(martlet.json("GET", "/api/v1/dns/queries")["kept"], kept, "none more")
    martlet.reload(martlet.text().replace("dns: { sample-queries: off, kept-queries: 64 }\n", ""))
    for _ in range(3):
        dig(dns, "world.a.test")
    told = martlet.json("GET", "/api/v1/dns/queries")
    expect(told["kept"] <= kept + 1 and told["sampledOneIn"] == 1000, told["kept"])


def ask_from(port, source, name, count):
    """Answers to so many questions from an address of this machine."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", port))
        for _ in range(count):
            sock.send(dns_query(name, "A"))
            found += DNSAnswer(sock.recv(65535)).addresses
    return found


@scenario("answers shows who got the answers of a policy, beside weights and traffic that landed")
def answers(scene):
    (a, b, c), dns, http, martlet = start(scene, """
  canary: { weighted: { 127.0.0.11: 75, 127.0.0.12: 25 } }
  pinned: { weighted: { 127.0.0.11: 50, 127.0.0.12: 50 }, sticky: client }
  web: { pool: web }
  idle: { address: 192.0.2.1 }
""")
    asked = {source: ask_from(dns, source, "canary.a.test", count)
             for source, count in (("127.7.0.1", 300), ("127.8.0.1", 60), ("127.8.0.9", 40))}
    told = martlet.json("GET", "/api/v1/dns/answers?policy=canary")["policies"][0]
    expect_equal((told["answers"], told["answersIPv6"]), (400, 0), "answers")
    given = sum(asked.values(), [])
    for target, address, share in zip(told["targets"], (a.address, b.address), (0.75, 0.25)):
        expect_equal((target["address"], target["weightShare"], target["answers"]),
                     (address, share, given.count(address)), "target")
        expect_equal(target["answeredShare"], round(given.count(address) / 400, 4), "share")
    # The large resolver has three quarters of all answers.
    expect_equal([(n["network"], n["answers"], n["atMost"], n["share"]) for n in told["networks"]],
                 [("127.7.0.0/24", 300, 300, 0.75), ("127.8.0.0/24", 100, 100, 0.25)], "networks")
    held = {g["name"]: g["answers"] for g in told["networks"][0]["given"]}
    expect_equal(held, {f"steer:canary/{o.address}": asked["127.7.0.1"].count(o.address)
                        for o in (a, b)}, "what it was given")
    # One that always gets the same shows what a share by weight alone would hide.
    pinned = set(ask_from(dns, "127.7.0.1", "pinned.a.test", 50))
    told = martlet.json("GET", "/api/v1/dns/answers?policy=pinned")["policies"][0]
    shares = {t["address"]: (t["weightShare"], t["answeredShare"]) for t in told["targets"]}
    expect_equal(shares[pinned.pop()], (0.5, 1), "skew")

    # Traffic of the other door, by the same endpoints.
    for _ in range(10):
        ask_from(dns, "127.9.0.1", "web.a.test", 1)
        expect_equal(Browser(http).ask()[0], 200, "a request")
    told = martlet.json("GET", "/api/v1/dns/answers?policy=web")["policies"][0]
    expect_equal(sum(t["requests"] for t in told["targets"]), 10, "requests")
    expect(abs(sum(t["landedShare"] for t in told["targets"]) - 1) < 0.001, told["targets"])

    every = martlet.json("GET", "/api/v1/dns/answers")
    expect_equal([p["name"] for p in every["policies"]], ["canary", "pinned", "web"], "policies")
    expect_equal((every["uncounted"], every["unlistedAtMost"]), (0, 0), "nothing was lost")
    out = command(scene, martlet, "answers", "--policy", "canary")
    for word in ("canary  400 answers\n", "75.0 %", "127.7.0.0/24", "BY WEIGHT"):
        expect(word in out, f"{word!r} in:\n{out}")
    expect("M3042" in command(scene, martlet, "answers", "--policy", "canery", status=2), "no policy")
    expect_equal(martlet.metric("martlet_steer_answers_total", policy="canary", family="ipv4"), 400,
                 "metric")
    expect_equal(martlet.metric("martlet_steer_top_network_share", policy="canary"), 0.75, "metric")
    # A reload that moves the policies changes nothing about who has had what.
    martlet.reload(martlet.text().replace("steer:\n  canary", "steer:\n  first: { pool: web }\n  canary"))
    told = martlet.json("GET", "/api/v1/dns/answers?policy=canary")["policies"][0]
    expect_equal([t["answers"] for t in told["targets"]],
                 [given.count(a.address), given.count(b.address)], "after a reload")


@scenario("who takes the place of another endpoint inherits none of its answers")
def places(scene):
    _, dns, _, martlet = start(scene, """
  site: { round-robin: [ 192.0.2.1, 192.0.2.2 ] }
""", "dns: { sample-queries: 1 }\n")
    for _ in range(20):
        dig(dns, "site.a.test")

    def told():
        return martlet.json("GET", "/api/v1/dns/answers?policy=site")["policies"][0]

    def answers_of(name):
        return {target["name"]: target["answers"] for target in told()["targets"]}.get(name)

    def given(name):
        return sum(g["answers"] for n in told()["networks"] for g in n["given"] if g["name"] == name)

    expect_equal((answers_of("steer:site/192.0.2.1"), given("steer:site/192.0.2.1")), (20, 20),
                 "answers")
    # One goes, others come: the place is free some time after its endpoint has gone.
    text = martlet.text().replace("192.0.2.1, ", "")
    for number in range(3, 60):
        text = text.replace("192.0.2.2", f"192.0.2.2, 192.0.2.{number}")
        martlet.reload(text)
        name = f"steer:site/192.0.2.{number}"
        eventually(f"{name} has answered nothing", lambda: answers_of(name) == 0 and given(name) == 0)
        expect_equal(martlet.metric("martlet_endpoint_dns_answers_total", pool="steer:site",
                                    endpoint=f"192.0.2.{number}"), 0, f"metric of {name}")
        for query in martlet.json("GET", "/api/v1/dns/queries?name=site.a.test")["queries"]:
            expect(name not in query["answered"], f"it has not answered that: {query}")
        if told()["networks"][0]["givenOthers"]:
            break
    expect_equal(told()["networks"][0]["givenOthers"], 20, "they were answers, of others now")
    dig(dns, "site.a.test")
    expect_equal((answers_of(name), given(name)), (1, 1), "its own answers")


@scenario("queries tells weights only as far as they are those of then")
def weights_of_then(scene):
    _, dns, _, martlet = start(scene, """
  site: { weighted: [ { name: one, weight: 100, address: 192.0.2.1 },
                      { name: two, weight: 0, address: 192.0.2.2 } ] }
""", "dns: { sample-queries: 1 }\n")

    def path():
        query = martlet.json("GET", "/api/v1/dns/queries?name=site.a.test&limit=100")["queries"][-1]
        return [step["why"] for step in query["path"]]

    command(scene, martlet, "steer", "shift", "site", "two", "25")
    dig(dns, "site.a.test")
    reasons = path()
    expect("2 of 2 branches live" in reasons[0], reasons)
    expect("; weight " in reasons[1], reasons)
    command(scene, martlet, "steer", "shift", "site", "two", "100")
    expect_equal(set(path()), {None}, "reasons of another time")


@scenario("the configuration of the page on observing steered names serves as the page says")
def example(scene):
    path = os.path.join(HERE, "..", "..", "Documentation", "examples", "observing.yaml")
    with open(path) as file:
        text = file.read()
    dns = scene.port()
    martlet = scene.martlet("workers: 1\n" + text.replace('":5300"', f"127.0.0.1:{dns}"))
    for _ in range(30):
        dig(dns, "www.example.com")
    told = martlet.json("GET", "/api/v1/dns/queries")
    expect_equal(told["sampledOneIn"], 10, "one in ten")
    expect(1 <= told["kept"] <= 16, f"{told['kept']} of 30 were picked")
    expect_equal(told["queries"][0]["policy"], "www", "a record")
    expect_equal(martlet.json("GET", "/api/v1/dns/answers")["policies"][0]["answers"], 30, "answers")
