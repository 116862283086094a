# SPDX-License-Identifier: Apache-2.0
"""Policies that change while they serve: orders, calendar, rollouts, migrations, rest, load."""
import collections
import contextlib
import datetime
import http.client
import os
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns
from harness.martlet import martlet_command
from harness.service import QUICK

S = "steer.**."


def moment(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def configuration(http_port, dns, origins, steer, more="", endpoint=""):
    """Two pools of two endpoints each, and every policy under its own name in example.com."""
    names = [line.split(":")[0].strip() for line in steer.splitlines()
             if line.startswith("  ") and not line.startswith("   ")]
    pools = "".join(
        f"  {name}:\n    probe: quick\n    endpoints:\n"
        + "".join(f"      - {{ address: {o.at}, name: {o.name}{endpoint} }}\n" for o in members)
        for name, members in (("blue", origins[:2]), ("green", origins[2:])))
    records = "".join(f"      {name}: {{ steer: {name} }}\n" for name in names)
    return f"""workers: 1
probes:
  quick: {QUICK}
pools:
{pools}listeners:
  - {{ http: 127.0.0.1:{http_port} }}
  - {{ dns: 127.0.0.1:{dns} }}
routes:
  - {{ host: blue.example.com, path: /, pool: blue }}
  - {{ host: green.example.com, path: /, pool: green }}
zones:
  example.com:
    soa: {{ primary: ns1.example.com, mailbox: hostmaster.example.com }}
    records:
      ns1: {{ a: 127.0.0.1 }}
{records}steer:
{steer}{more}"""


def shares(dns, name, origins, count=200):
    """How many answers of `count` lead with an address of blue, and of green."""
    blue = {o.address for o in origins[:2]}
    asked = collections.Counter(
        "blue" if ask_dns(dns, f"{name}.example.com").addresses[0] in blue else "green"
        for _ in range(count))
    return asked["blue"], asked["green"]


def steer(scene, martlet, *arguments):
    status, out, err = martlet_command(
        scene, "steer", *arguments, "--admin", f"127.0.0.1:{martlet.admin}")
    return status, out + err


def ordered(scene, martlet, *arguments):
    status, text = steer(scene, martlet, *arguments)
    expect_equal(status, 0, f"steer {arguments}: {text}")
    return text


@scenario("weights change by order and by the calendar, over a reload and a crash",
          covers=[S + "name", S + "schedule", S + "active"])
def weights(scene):
    origins = scene.origins("a", "b", "c", "d")
    dns = scene.port()
    at = moment(2.0)
    text = configuration(scene.port(), dns, origins, f"""
  shop:
    weighted:
      - {{ pool: blue, weight: 100 }}
      - {{ name: new, pool: green, weight: 0 }}
  site: {{ active: blue, weighted: [ {{ pool: blue }}, {{ pool: green }} ] }}
  plan:
    ttl: 60s
    min-ttl: 1s
    weighted:
      - {{ pool: blue, weight: 1, schedule: "1 -> 0 at {at}" }}
      - {{ pool: green, weight: 0, schedule: "1 at {at}" }}
""".lstrip("\n"))
    martlet = scene.martlet(text)
    expect_equal(shares(dns, "plan", origins, 20), (20, 0), "before its time")
    expect(ask_dns(dns, "plan.example.com").ttl <= 2, "answers end where the jump begins")
    expect_equal(shares(dns, "shop", origins, 50), (50, 0), "weights of the file")

    ordered(scene, martlet, "shift", "shop", "new", "100")
    blue, green = shares(dns, "shop", origins)
    expect(60 < blue < 140, f"half of each: {blue} and {green}")
    expect("new  " in ordered(scene, martlet), "`martlet steer` lists the branches")
    ordered(scene, martlet, "switch", "site", "green")
    expect_equal(shares(dns, "site", origins, 20), (0, 20), "green is active")

    # A reload and a crash keep what was ordered.
    martlet.reload(text.replace("weight: 100", "weight: 50"))
    expect_equal(shares(dns, "site", origins, 20), (0, 20), "after a reload")
    martlet.kill_serving()
    martlet.wait_ready()
    expect_equal(shares(dns, "site", origins, 20), (0, 20), "after a crash")
    ordered(scene, martlet, "switch", "site", "blue")
    expect_equal(shares(dns, "site", origins, 20), (20, 0), "and back")
    ordered(scene, martlet, "reset", "shop")
    expect_equal(shares(dns, "shop", origins, 20), (20, 0), "the file holds again")

    eventually("the schedule's time has come", lambda: shares(dns, "plan", origins, 10) == (0, 10))
    expect_equal(martlet.metric("martlet_steer_branch_weight", policy="plan", branch="green"), 1,
                 "the metric says so")
    status, out, _ = martlet_command(scene, "explain-dns", "plan.example.com", "--admin",
                                     f"127.0.0.1:{martlet.admin}")
    expect("weight 0 by the schedule, 1 in the file" in out, f"explain tells why: {out}")

    # A walk, seen on its way.
    ordered(scene, martlet, "switch", "site", "green", "--over", "2s")
    seen = set()
    eventually("it arrives", within=6, question=lambda: (
        seen.add(shares(dns, "site", origins, 20)) or (0, 20) in seen))
    expect(any(0 < blue < 20 for blue, _ in seen), f"evenly on its way: {seen}")

    for arguments, word in [(("shift", "shop", "red", "1"), "it has blue, new"),
                            (("shift", "nothing", "red", "1"), "no weighted policy 'nothing'"),
                            (("shift", "shop", "new", "2000000"), "0 to 1000000"),
                            (("rollout", "shop", "start"), "it has no rollout"),
                            (("rollout", "shop", "jump"), "must be one of"),
                            (("migrate", "m", "start"), "no migration 'm'"),
                            (("push", "shop"), "none of")]:
        status, text = steer(scene, martlet, *arguments)
        expect(status != 0 and word in text, f"{arguments}: {text}")


@contextlib.contextmanager
def traffic(port):
    """One client of each pool by HTTP, one request after the other."""
    stop = threading.Event()

    def ask(host):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        while not stop.is_set():
            connection.request("GET", "/", headers={"Host": host})
            connection.getresponse().read()

    threads = [threading.Thread(target=ask, args=(f"{name}.example.com",), daemon=True)
               for name in ("blue", "green")]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@scenario("a canary goes up its steps and halts when its requests fail",
          covers=[S + "rollout", S + "rollout-steps", S + "rollout-hold", S + "rollout-errors",
                  S + "rollout-latency", S + "rollout-samples", S + "rollout-halt",
                  S + "rollout-start"])
def canary(scene):
    origins = scene.origins("a", "b", "c", "d")
    http_port, dns = scene.port(), scene.port()
    rule = "rollout-steps: [ 25%, 100% ], rollout-hold: 2s, rollout-errors: 5, rollout-samples: 20"
    branches = "[ { pool: blue, weight: 1 }, { pool: green, weight: 0 } ]"
    martlet = scene.martlet(configuration(http_port, dns, origins, f"""
  shop: {{ rollout: green, {rule}, rollout-latency: 1000%, weighted: {branches} }}
  keep: {{ rollout: green, rollout-hold: 1h, rollout-halt: stay, weighted: {branches} }}
  slow: {{ rollout: green, rollout-samples: 10, weighted: {branches} }}
  soon: {{ rollout: green, rollout-start: 2026-01-01T00:00:00Z, weighted: {branches} }}
""".lstrip("\n")))

    def stands(policy):
        for row in martlet.json("GET", "/api/v1/steering")["weighted"]:
            if row["policy"] == policy:
                return row["rollout"]

    def weighs(policy):
        for row in martlet.json("GET", "/api/v1/steering")["weighted"]:
            if row["policy"] == policy:
                return {branch["branch"]: branch["weight"] for branch in row["branches"]}

    expect_equal(stands("soon")["phase"], "running", "one whose time has come begins by itself")
    expect_equal(shares(dns, "shop", origins, 20), (20, 0), "nothing before the start")
    ordered(scene, martlet, "rollout", "shop", "start")
    blue, green = shares(dns, "shop", origins)
    expect(25 < green < 80, f"a quarter: {green} of 200")
    eventually("the last step", lambda: shares(dns, "shop", origins, 10) == (0, 10), within=5)
    eventually("it is done", lambda: stands("shop")["phase"] == "finished", within=5)
    ordered(scene, martlet, "rollout", "shop", "back")
    expect_equal(shares(dns, "shop", origins, 20), (20, 0), "taken back")

    # Traffic by HTTP tells: green fails one request in two.
    origins[2].fault("500")
    ordered(scene, martlet, "rollout", "shop", "start")
    ordered(scene, martlet, "rollout", "keep", "start")
    with traffic(http_port):
        eventually("it halts", lambda: stands("shop")["phase"] == "halted")
    expect("% of its requests failed" in stands("shop")["reason"], stands("shop")["reason"])
    expect_equal(shares(dns, "shop", origins, 20), (20, 0), "and nobody goes there any more")
    expect_equal((stands("keep")["phase"], stands("keep")["share"]), ("halted", 5),
                 "`stay` keeps the share")
    expect("the rollout is halted" in martlet.log(), "the log says why")
    ordered(scene, martlet, "shift", "shop", "green", "3")
    expect_equal(weighs("shop"), {"blue": 1, "green": 3}, "shifted in the units of the file")
    ordered(scene, martlet, "shift", "shop", "green", "0")
    origins[2].fault()
    for origin in origins[2:]:
        origin.fault("slow", seconds=0.03)
    ordered(scene, martlet, "rollout", "slow", "start")
    with traffic(http_port):
        eventually("slow answers halt one", lambda: stands("slow")["phase"] == "halted")
    expect("its answers take" in stands("slow")["reason"], stands("slow")["reason"])
    status, text = steer(scene, martlet, "rollout", "shop", "resume")
    expect(status != 0 and "the rollout is halted" in text, text)


@scenario("a migration lowers the TTL, waits for the old one to run out, and moves",
          covers=["migrations.*." + key for key in
                  ("steer", "to", "ttl", "lower-at", "switch-at", "raise-after")])
def migration(scene):
    origins = scene.origins("a", "b", "c", "d")
    dns = scene.port()
    branches = "active: blue, weighted: [ { pool: blue }, { pool: green } ]"
    text = configuration(scene.port(), dns, origins, f"""
  shop: {{ ttl: 3s, min-ttl: 3s, {branches} }}
  alias: {{ ttl: 4s, min-ttl: 4s, steer: shop }}
  site: {{ ttl: 2s, min-ttl: 2s, {branches} }}
""".lstrip("\n"), more=f"""migrations:
  move: {{ steer: shop, to: green, ttl: 1s, raise-after: 1s }}
  plan:
    {{ steer: site, to: green, ttl: 1s, lower-at: {moment(0)}, switch-at: {moment(2)},
      raise-after: 1s }}
""")
    martlet = scene.martlet(text)
    status, text = steer(scene, martlet, "migrate", "move", "switch")
    expect(status != 0 and "`start` it first" in text, text)
    expect_equal((ask_dns(dns, "shop.example.com").ttl, ask_dns(dns, "alias.example.com").ttl),
                 (3, 4), "TTLs as configured")
    began = time.monotonic()
    ordered(scene, martlet, "migrate", "move", "start")
    expect_equal((ask_dns(dns, "shop.example.com").ttl, ask_dns(dns, "alias.example.com").ttl),
                 (1, 1), "lowered, for every name that may answer it")
    status, text = steer(scene, martlet, "migrate", "move", "switch")
    expect(status != 0 and "may be cached for another 4 s" in text, text)
    status, text = steer(scene, martlet, "switch", "shop", "green")
    expect(status != 0 and "the migration `move` is lowered" in text, text)
    martlet.kill_serving()
    martlet.wait_ready()
    expect_equal(ask_dns(dns, "shop.example.com").ttl, 1, "a crash forgets nothing")
    eventually("it moves", within=6, question=lambda: (
        steer(scene, martlet, "migrate", "move", "switch")[0] == 0))
    expect(time.monotonic() - began >= 4, "not before the longest old TTL has run out")
    expect_equal(shares(dns, "shop", origins, 20), (0, 20), "all clients have moved")
    eventually("the TTL is raised", lambda: ask_dns(dns, "shop.example.com").ttl == 3, within=4)
    ordered(scene, martlet, "migrate", "move", "back")
    expect_equal((shares(dns, "shop", origins, 20), ask_dns(dns, "shop.example.com").ttl),
                 ((20, 0), 1), "back, with a low TTL")
    # The one by the calendar has moved by itself meanwhile.
    expect_equal(shares(dns, "site", origins, 20), (0, 20), "moved as planned")
    expect_equal(martlet.metric("martlet_steer_migration", migration="plan", phase="done"), 1,
                 "and it is over")


@scenario("answers rest after a change, longer when they flap, and shed the load of a full pool",
          covers=["steer.*.settle", "steer.*.settle-most", S + "load-low", S + "load-high"])
def rest(scene):
    origins = scene.origins("a", "b", "c", "d")
    http_port, dns = scene.port(), scene.port()
    martlet = scene.martlet(configuration(http_port, dns, origins, """
  calm: { settle: 1s, settle-most: 8s, all-down: none, round-robin: [ { pool: blue } ] }
  spread:
    weighted:
      - { pool: blue, load-low: 20%, load-high: 80% }
      - { pool: green }
""".lstrip("\n"), endpoint=", max-connections: 5"))
    name = "calm.example.com"

    def answered():
        return set(ask_dns(dns, name).addresses)

    both, one = {origins[0].address, origins[1].address}, {origins[1].address}

    def flap():
        origins[0].health("fail")
        eventually("a loss shows at once", lambda: answered() == one)
        origins[0].health()
        began = time.monotonic()
        eventually("it is back", lambda: martlet.endpoint("blue", origins[0].at)["health"] == "up")
        expect_equal(answered(), one, "but its answers rest")
        eventually("then it is taken", lambda: answered() == both, within=10)
        return time.monotonic() - began

    first = flap()
    second = flap()
    expect(second > first + 0.5, f"flapping makes it wait longer: {first} then {second} s")
    expect(martlet.metric("martlet_steer_flaps_total", policy="calm") >= 1, "and is counted")
    expect("its answers flap" in martlet.log(), "and told of")
    origins[0].health("fail")
    eventually("down again", lambda: answered() == one)
    origins[0].health()
    origins[1].health("fail")
    eventually("who has returned is better than nobody",
               lambda: answered() == {origins[0].address})
    origins[1].health()

    # Load: 8 of 10 places of blue are taken, so it gets nothing.
    eventually("all is well", lambda: martlet.endpoint("blue", origins[1].at)["health"] == "up")
    threads = [threading.Thread(target=slow, args=(http_port,), daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually("a full pool is spared", lambda: shares(dns, "spread", origins, 10) == (0, 10))
    for thread in threads:
        thread.join()
    eventually("and taken again", lambda: shares(dns, "spread", origins, 20)[0] > 2, within=4)


@scenario("the example of policies that change while they serve")
def documented(scene):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation",
                        "examples", "changes.yaml")
    with open(path) as file:
        text = file.read()
    one, two, new = scene.origins("one", "two", "new")
    http_port, dns = scene.port(), scene.port()
    # Whatever the calendar says when this runs, the times of the file are to come.
    times = {"2026-12-01T21:00:00Z": moment(3600), "2026-12-01T22:00:00Z": moment(7200)}
    for old, other in {'":5300"': f"127.0.0.1:{dns}", '":8080"': f"127.0.0.1:{http_port}",
                       "192.0.2.11:80": one.at, "192.0.2.12:80": two.at, "192.0.2.21:80": new.at,
                       "port: 80, interval: 5s, fast-interval: 500ms":
                           f"port: {one.port}, interval: 200ms, fast-interval: 100ms, timeout: 80ms",
                       **times}.items():
        expect(old in text, f"{old} is in the example")
        text = text.replace(old, other)
    status, out, err = martlet_command(scene, "check", scene.write("changes.yaml", text))
    expect(status == 0 and "warning[" not in out + err, out + err)
    martlet = scene.martlet(text)

    def answered(name):
        return {a for _ in range(30) for a in ask_dns(dns, f"{name}.example.com").addresses}

    v1, v2 = {one.address, two.address}, {new.address}
    eventually("v1 has the clients of www", lambda: answered("www") == v1)
    expect_equal(answered("shop"), v1, "blue")
    eventually("7 and 3 of 10", lambda: answered("old") == v1 | v2)
    eventually("8 and 2 of 10", lambda: answered("busy") == v1 | v2)
    ordered(scene, martlet, "rollout", "canary", "start")
    expect("running at 5 %" in ordered(scene, martlet), "the canary")
    ordered(scene, martlet, "switch", "shop", "green")
    expect_equal(answered("shop"), v2, "green")
    text = ordered(scene, martlet)
    expect("migration move-shop: shop to green, waiting" in text, text)
    one.health("fail")
    eventually("a loss shows", lambda: answered("steady") == {two.address})
    one.health()
    eventually("it waits until the answers have rested", lambda: martlet.metric(
        "martlet_steer_waiting", policy="steady") == 1)
    expect_equal(answered("steady"), {two.address}, "and is not answered before")


def slow(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/delay/2500", headers={"Host": "blue.example.com"})
    connection.getresponse().read()
