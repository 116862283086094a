// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

/// What can be wrong with policies.
extension `Faults in a file` {
    static let steer = zone + "      w: { steer: w }\n"

    static let policies: [Case] = [
        Case("no kind", steer + "steer:\n  w: { ttl: 1s }", ["M1104 8:3"]),
        Case("two kinds", steer + "steer:\n  w: { address: 1.1.1.1, pool: x }", ["M1105 8:32"]),
        Case("empty", steer + "steer:\n  w: { failover: [] }", ["M1305 8:18"]),
        Case(
            "circle",
            steer + "steer:\n  w: { failover: [{ steer: v }] }\n  v: { steer: w }",
            ["M1304 8:28"]
        ),
        Case("own circle", steer + "steer:\n  w: { steer: w }", ["M1304 8:15"]),
        Case(
            "bad member",
            steer + "steer:\n  w: { round-robin: [1.1.1.1, 1.1.1] }",
            ["M1208 8:31"]
        ),
        Case("bad weight key", steer + "steer:\n  w: { weighted: { api: 5 } }", ["M1208 8:20"]),
        Case("bad weight", steer + "steer:\n  w: { weighted: { 1.1.1.1: x } }", ["M1203 8:29"]),
        Case(
            "weights all zero",
            steer + "steer:\n  w: { weighted: { 1.1.1.1: 0 } }",
            ["M1351 8:18"]
        ),
        Case(
            "weight outside a list",
            steer + "steer:\n  w: { failover: [{ address: 1.1.1.1, weight: 3 }] }",
            ["M1106 8:47"]
        ),
        Case(
            "probe without port",
            steer + "probes:\n  p: { tcp: connect }\nsteer:\n  w: { address: 1.1.1.1, probe: p }",
            ["M1310 10:3"]
        ),
        Case(
            "probe on a pool",
            steer
                + "pools: { a: { endpoints: [{ address: 'a:1' }] } }\nprobes: { p: { tcp: connect, port: 1 } }\n"
                + "steer:\n  w: { pool: a, probe: p }",
            ["M1105 10:24"]
        ),
        Case(
            "ttl inside",
            steer + "steer:\n  w: { failover: [{ address: 1.1.1.1, ttl: 9s }] }",
            ["M1101 8:39"]
        ),
        Case(
            "fallback beside all-down",
            steer + "steer:\n  w: { failover: [1.1.1.1], all-down: all, fallback: w }",
            ["M1105 8:54", "M1304 8:54"]
        ),
        Case(
            "unknown active branch",
            steer + "steer:\n  w: { weighted: { 1.1.1.1: 1 }, active: green }",
            ["M1344 8:42"]
        ),
        Case(
            "active and rollout",
            steer
                + "steer:\n  w: { weighted: [ { address: 1.1.1.1, name: a } ], active: a, rollout: a }",
            ["M1105 8:73"]
        ),
        Case(
            "two branches of one name",
            steer
                + "steer:\n  w: { active: a, weighted: [ { address: 1.1.1.1, name: a }, "
                + "{ address: 1.1.1.2, name: a } ] }",
            ["M1345 8:29"]
        ),
        Case(
            "shares of a rollout that fall",
            steer
                + "steer:\n  w: { rollout: a, rollout-steps: [ 50%, 25% ], "
                + "weighted: [ { address: 1.1.1.1, name: a } ] }",
            ["M1311 8:35"]
        ),
        Case(
            "no moment",
            steer + "steer:\n  w: { weighted: [ { address: 1.1.1.1, schedule: 0 at noon } ] }",
            ["M1260 8:50"]
        ),
        Case(
            "no change of a weight",
            steer + "steer:\n  w: { weighted: [ { address: 1.1.1.1, schedule: 0 over 5m } ] }",
            ["M1261 8:50"]
        ),
        Case(
            "schedule from another weight",
            steer
                + "steer:\n  w: { weighted: [ { address: 1.1.1.1, weight: 7, "
                + "schedule: '8 -> 0 at 2026-12-01T22:00:00Z' } ] }",
            ["M1348 8:61"]
        ),
        Case(
            "schedule that overlaps",
            steer
                + "steer:\n  w: { weighted: [ { address: 1.1.1.1, schedule: "
                + "[ 0 over 1h at 2026-12-01T22:00:00Z, 5 at 2026-12-01T22:30:00Z ] } ] }",
            ["M1348 8:50"]
        ),
        Case(
            "schedule outside weights",
            steer
                + "steer:\n  w: { failover: [ { address: 1.1.1.1, schedule: 5 at 2026-12-01T22:30:00Z } ] }",
            ["M1106 8:50"]
        ),
        Case(
            "marks the wrong way round",
            steer
                + "steer:\n  w: { weighted: [ { address: 1.1.1.1, load-low: 90%, load-high: 50% } ] }",
            ["M1394 8:3", "M1311 8:50"]
        ),
        Case(
            "rest above its most",
            steer + "steer:\n  w: { weighted: { 1.1.1.1: 1 }, settle: 1m, settle-most: 30s }",
            ["M1311 8:59"]
        ),
        Case(
            "rollout of a policy without a name",
            steer
                + "steer:\n  w: { failover: [ { rollout: a, weighted: [ { address: 1.1.1.1, name: a } ] } ] }",
            ["M1106 8:31"]
        ),
        Case(
            "migration too early for a record",
            "listeners: [ { dns: 127.0.0.1:5300 } ]\nzones:\n  example.com:\n"
                + "    soa: { primary: ns1, mailbox: admin }\n    records:\n"
                + "      www: { steer: top, ttl: 10m }\n"
                + "steer:\n  top: { failover: [ { steer: w } ] }\n"
                + "  w: { ttl: 5m, weighted: [ { address: 1.1.1.1, name: a }, 1.1.1.2 ] }\n"
                + "migrations:\n  m: { steer: w, to: a, lower-at: 2026-12-01T22:00:00Z, "
                + "switch-at: 2026-12-01T22:05:00Z }",
            ["M1349 11:68"]
        ),
        Case(
            "migration too early",
            steer
                + "steer:\n  w: { ttl: 5m, weighted: [ { address: 1.1.1.1, name: a }, 1.1.1.2 ] }\n"
                + "migrations:\n  m: { steer: w, to: a, lower-at: 2026-12-01T22:00:00Z, "
                + "switch-at: 2026-12-01T22:04:59Z }",
            ["M1349 10:68"]
        ),
        Case(
            "migration to a TTL that is no lower",
            steer
                + "steer:\n  w: { ttl: 1s, weighted: [ { address: 1.1.1.1, name: a }, 1.1.1.2 ] }\n"
                + "  v: { weighted: [ { address: 1.1.1.1, name: a }, 1.1.1.2 ] }\n"
                + "migrations: { m: { steer: w, to: a }, n: { ttl: 30s, steer: v, to: a } }",
            ["M1311 10:15", "M1311 10:49"]
        ),
        Case(
            "migration to nowhere",
            steer
                + "steer:\n  w: { ttl: 5m, weighted: [ { address: 1.1.1.1, name: a } ] }\n"
                + "migrations:\n  m: { steer: w, to: b }",
            ["M1344 10:22"]
        ),
        Case(
            "migration of one branch",
            steer
                + "steer:\n  w: { ttl: 5m, weighted: [ { address: 1.1.1.1, name: a } ] }\n"
                + "migrations:\n  m: { steer: w, to: a }",
            ["M1755 10:22"]
        ),
        Case(
            "migration of no weights",
            steer + "steer:\n  w: { ttl: 5m, failover: [ 1.1.1.1 ] }\nmigrations:\n"
                + "  m: { steer: w, to: b }",
            ["M1344 10:15"]
        ),
        Case(
            "more up than there are",
            steer + "steer:\n  w: { round-robin: [1.1.1.1], minimum-up: 2 }",
            ["M1207 8:44"]
        ),
        Case(
            "rules of other kinds",
            steer + "steer:\n  w: { failover: [1.1.1.1], answers: 2, sticky: name }",
            ["M1106 8:29", "M1106 8:41"]
        ),
        Case(
            "numbers of no autonomous system (RFC 7607, RFC 7300)",
            steer
                + "steer:\n  w: { geo: [1.1.1.1, { address: 1.1.1.2, asn: [0, 4294967295] }] }",
            ["M1207 8:49", "M1207 8:52"]
        ),
        Case(
            "regions outside of geo",
            steer + "steer:\n  w: { failover: [{ address: 1.1.1.1, country: DE, at: DE }] }",
            ["M1106 8:48", "M1106 8:56"]
        ),
        Case(
            "a branch that never serves",
            steer + "steer:\n  w: { failover: [1.1.1.1, 1.1.1.2] }",
            ["M1391 8:18"]
        ),
        Case(
            "places that are none",
            steer + """
                steer:
                  w: { geo: [1.1.1.1, { address: 1.1.1.2, country: [Germany, XX, EU, DE] },
                    { address: 1.1.1.3, subdivision: [US-CA, USCA], continent: [EU, EX] }] }
                """,
            ["M1251 8:52", "M1251 8:53", "M1251 9:46", "M1206 9:69"]
        ),
        Case(
            "a region twice",
            steer + """
                steer:
                  w: { geo: [{ address: 1.1.1.1, asn: 7 }, { address: 1.1.1.2, asn: [8, 7] }] }
                """,
            ["M1346 8:13"]
        ),
        Case(
            "networks of translated addresses",
            steer
                + "steer:\n  w: { geo: [1.1.1.1, { address: 1.1.1.2, network: \"64:ff9b::/96\" }] }",
            ["M1209 8:52"]
        ),
        Case(
            "a region twice in one branch",
            steer
                + "steer:\n  w: { geo: [1.1.1.1, { address: 1.1.1.2, city: [Munich, Paris, munich] }] }",
            ["M1346 8:13"]
        ),
        Case(
            "rest of a policy that no record names",
            steer
                + "steer:\n  w: { failover: [{ steer: x }] }\n  x: { address: 1.1.1.1, settle: 1m }",
            ["M1395 9:3"]
        ),
        Case(
            "residents that can leave",
            steer + """
                steer:
                  w: { geo: [1.1.1.1, { address: 1.1.1.2, country: EU, resident: true },
                    { address: 1.1.1.3, country: FR }, { address: 1.1.1.4, network: 10.0.0.0/8 }] }
                """,
            ["M1389 8:3", "M1392 8:13"]
        ),
        Case(
            "a policy too large to go through",
            steer + "steer:\n  w: { failover: [{ steer: p0 }] }\n"
                + (0..<9).map { level in
                    let next = Array(repeating: "{ steer: p\(level + 1) }", count: 4)
                    return "  p\(level): { failover: [\(next.joined(separator: ", "))] }\n"
                }.joined() + "  p9: { address: 1.1.1.1 }",
            ["M1347 11:3"]
        ),
        Case(
            "places under proximity",
            steer + """
                steer:
                  w: { proximity: [1.1.1.1, { address: 1.1.1.2 }, { address: 1.1.1.3, at: "91, 0" },
                    { address: 1.1.1.4, at: DE, bias: 100 }] }
                """,
            ["M1104 8:20", "M1104 8:29", "M1216 8:75", "M1207 9:39"]
        ),
    ]
}
