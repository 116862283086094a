# SPDX-License-Identifier: Apache-2.0
"""Bad input to the live binary: it does not crash, leak or hang, whatever comes in.

    MARTLET_MUTANTS=1000000 Tests/Scenarios/run bad_input      another count
    MARTLET_SEED=7 Tests/Scenarios/run bad_input               other mutants

`--full` sends a million of each kind. Long runs print what they cost as they go.
"""
import os
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, ask_dns
from harness.mutants import DNSStorm, HTTPStorm

SETTINGS = """workers: 2
log: {{ access: {{ output: /dev/null, format: json }} }}
limits: {{ header-bytes: 4KiB, header-count: 40, buffered-body: 4KiB }}
pools:
  web:
    passive: {{ failures: 0, error-rate: 0% }}
    timeouts: {{ first-byte: 300ms, between-bytes: 300ms, send: 1s, tunnel-idle: 300ms }}
    endpoints: [ {{ address: 127.0.0.1:{origin} }} ]
listeners:
  - {{ http: 127.0.0.1:{http}, timeouts: {{ header: 500ms, idle: 500ms, send: 1s }} }}
  - {{ dns: 127.0.0.1:{dns} }}
routes:
  - {{ host: www.example.com, path: /, pool: web }}
zones:
  example.com:
    soa: {{ primary: ns1.example.com, mailbox: hostmaster.example.com }}
    dnssec: {{ algorithm: ed25519 }}
    records:
      "@": {{ ns: ns1, mx: "10 ns1", txt: "v=spf1 -all" }}
      ns1: {{ a: 192.0.2.1, aaaa: "2001:db8::1" }}
      alias: {{ cname: ns1 }}
      "*.wild": {{ a: 192.0.2.7 }}
      www: {{ ttl: 1s, steer: www }}
steer:
  www: {{ round-robin: [ 192.0.2.11, 192.0.2.12 ] }}
"""
MEBIBYTE = 1 << 20


def mutants(scene):
    """(how many, from which seed)"""
    usual = 1_000_000 if scene.full else 20_000
    return (int(os.environ.get("MARTLET_MUTANTS") or usual),
            int(os.environ.get("MARTLET_SEED") or 1))


class Watcher:
    """What the serving process costs while a storm goes on, and that it is still the same one."""

    def __init__(self, martlet, wanted):
        self.martlet, self.pid = martlet, martlet.serving()
        self.every, self.next = wanted // 10, wanted // 10
        self.is_told = wanted >= 100_000
        self.began = time.monotonic()
        self.memory = []

    def __call__(self, storm):
        if storm.sent < self.next:
            return
        self.next += self.every
        expect_equal(self.martlet.serving(), self.pid, "the serving process")
        self.memory.append(self.martlet.memory())
        if self.is_told:
            print(f"      {storm.sent} mutants, {time.monotonic() - self.began:.0f} s, "
                  f"{self.memory[-1] >> 10} KiB, {self.martlet.descriptors()} descriptors, "
                  f"{self.martlet.cpu_seconds():.1f} s of CPU", flush=True)

    def judge(self, descriptors):
        """After the storm: the same process, its memory flat, its descriptors given back."""
        expect_equal(self.martlet.serving(), self.pid, "the serving process")
        expect("Fatal" not in self.martlet.log(), "no trap")
        grown = self.martlet.memory() - self.memory[0]
        expect(grown < 4 * MEBIBYTE, f"memory grew by {grown >> 10} KiB over the storm")
        eventually("descriptors are given back",
                   lambda: self.martlet.descriptors() <= descriptors + 4, within=10)


@scenario("mutated requests and responses do not crash, leak or hang a worker", 1800)
def requests(scene):
    wanted, seed = mutants(scene)
    http = scene.port()
    storm = HTTPStorm(http, seed, wanted)
    martlet = scene.martlet(
        SETTINGS.format(origin=storm.origin_port, http=http, dns=scene.port()))
    before = martlet.descriptors()
    storm.on_progress = watcher = Watcher(martlet, wanted)
    storm.run()
    expect(not storm.hung, lambda: f"{len(storm.hung)} connections never end: {storm.hung[:3]}")
    expect(storm.answered > wanted // 20, f"only {storm.answered} answers of an origin")
    expect(storm.refused > wanted // 20, f"only {storm.refused} refusals")
    watcher.judge(before)
    pool = martlet.pool("web")
    expect_equal([e["inFlight"] for e in pool["endpoints"]], [0], "requests in flight")
    eventually("no connection is open", lambda: martlet.metric(
        "martlet_http_connections_accepted_total") == martlet.metric(
        "martlet_http_connections_closed_total"))
    for _ in range(32):  # new connections reach every worker
        status, _, _ = Browser(http, host="nobody.test", timeout=2).ask()
        expect_equal(status, 404, "an honest request afterwards")


@scenario("mutated queries do not crash, leak or hang a worker", 1800)
def queries(scene):
    wanted, seed = mutants(scene)
    dns = scene.port()
    martlet = scene.martlet(SETTINGS.format(origin=scene.port(), http=scene.port(), dns=dns))
    before = martlet.descriptors()
    storm = DNSStorm(dns, seed, wanted)
    storm.on_progress = watcher = Watcher(martlet, wanted)
    storm.run()
    expect(not storm.wrong, lambda: "\n".join(storm.wrong))
    expect(storm.answers > wanted // 2, f"only {storm.answers} answers")
    expect({0, 1, 3, 4, 5} <= set(storm.codes), f"codes seen: {storm.codes}")
    watcher.judge(before)
    expect_equal(ask_dns(dns, "ns1.example.com").addresses, ["192.0.2.1"], "an honest question")
