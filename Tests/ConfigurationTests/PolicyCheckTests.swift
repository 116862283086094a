// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

/// Branches that never serve, and residents who can leave.
@Suite struct PolicyCheckTests {
    /// What is said of the policy `w`, as codes; others are there for it to name.
    private func found(_ policy: String, routes: String = "") -> [String] {
        result(policy, routes: routes).diagnostics.compactMap { finding in
            // Not each of them names all that is there, nor says where autonomous systems are.
            let isBeside = finding.code == .unused || finding.code == .unplacedPolicy
            return isBeside ? nil : "\(finding.code.rawValue) \(finding.range.start.line)"
        }
    }

    private func messages(_ policy: String) -> [String] {
        result(policy).diagnostics.map(\.message)
    }

    private func result(_ policy: String, routes: String = "") -> ReadResult {
        let text = """
            listeners: [ { dns: ':53' }, { http: ':80' } ]
            probes: { p: { tcp: connect, port: 1 }, q: { tcp: connect, port: 2 } }
            pools:
              plain: { endpoints: [ { address: '192.0.2.1:80' } ] }
              named: { endpoints: [ { address: 'a.example:80' } ] }
              probed: { probe: p, endpoints: [ { address: '192.0.2.2:80' } ] }
            geo: { networks: { 10.1.0.0/16: { country: DE }, 10.2.0.0/16: { country: JP } } }
            routes: [ { pool: probed }\(routes) ]
            zones:
              example.com:
                soa: { primary: ns1, mailbox: root@example.com }
                records: { w: { steer: w } }
            steer:
              steady: { failover: [ { address: 192.0.2.3, probe: p }, { pool: plain } ] }
              away: { failover: [ 192.0.2.9 ] }
              eu: { failover: [ { address: 192.0.2.4, probe: p } ], fallback: away }
              home: { geo: [ { country: EU, resident: true, address: 192.0.2.5 }, 192.0.2.9 ] }
              w: { \(policy) }
              both: { round-robin: [ { pool: probed }, { address: 192.0.2.9, probe: p } ] }
            """
        return read(text)
    }

    @Test(arguments: [
        "{ steer: steady }", "{ pool: plain }", "192.0.2.7",
        "{ weighted: { 192.0.2.7: 1, 192.0.2.8: 0 } }",
        "{ weighted: { 192.0.2.7: 1, 192.0.2.8: 1 }, active: 192.0.2.8 }",
        "{ geo: [ { country: DE, address: 192.0.2.7, probe: p }, 192.0.2.8 ] }",
        "{ proximity: [ { at: DE, address: 192.0.2.7, probe: p }, { at: US, address: 192.0.2.8 } ] }",
        "{ round-robin: [ 192.0.2.7, { pool: probed } ], minimum-up-share: 50% }",
        "{ failover: [ { pool: probed }, { steer: steady } ] }",
    ])
    func `what follows a branch that never fails never serves`(branch: String) {
        #expect(found("failover: [ \(branch), { pool: probed } ]").contains("M1391 18"))
        #expect(found("failover: [ { address: 192.0.2.6, probe: p }, \(branch) ]") == [])
    }

    @Test(arguments: [
        "{ steer: eu }", "{ pool: named }",
        "{ weighted: [ { pool: plain, weight: 0 }, { pool: named } ] }",
        "{ weighted: [ { pool: plain }, { pool: named } ], active: plain }",
        "{ weighted: [ { pool: plain, weight: 1 }, { pool: named, weight: 9 } ], minimum-up-share: 20% }",
        "{ round-robin: [ 192.0.2.7, { pool: probed } ], minimum-up: 2 }",
        "{ failover: [ 192.0.2.7, { pool: probed } ], minimum-up: 2 }",
    ])
    func `what follows a branch that may fail serves`(branch: String) {
        let outer = found("failover: [ \(branch), { pool: probed } ]")
        // One of them has a branch of its own that never serves.
        let inner = branch.contains("failover") ? ["M1391 18"] : []
        #expect(outer == inner)
    }

    @Test func `requests may eject the endpoints of a pool that has no probe`() {
        let policy = "failover: [ { pool: plain }, { pool: probed } ]"
        #expect(found(policy) == ["M1391 18"])
        #expect(found(policy, routes: ", { host: a.example, pool: plain }") == [])
    }

    @Test(arguments: [
        ("failover: [ 192.0.2.7, 192.0.2.8, 192.0.2.7 ], probe: p", 1),
        ("failover: [ { pool: probed }, { pool: probed } ]", 1),
        ("failover: [ { steer: eu }, { steer: eu } ]", 1),
        ("round-robin: [ 192.0.2.7, 192.0.2.7, 192.0.2.7 ]", 2),
        (
            "failover: [ { address: 192.0.2.7, probe: p }, { address: 192.0.2.7, probe: q }, "
                + "192.0.2.8 ]",
            0
        ),
        ("round-robin: [ { address: 192.0.2.7, probe: p }, 192.0.2.7, 192.0.2.8 ]", 0),
        (
            "failover: [ 192.0.2.7, { address: 192.0.2.7, probe: q }, 192.0.2.7 ], probe: p",
            1
        ),
        ("round-robin: [ { pool: probed }, { pool: probed }, 192.0.2.7 ]", 0),
        ("proximity: [ { at: DE, address: 192.0.2.7 }, { at: DE, address: 192.0.2.8 } ]", 1),
        (
            "proximity: [ { at: DE, address: 192.0.2.7 }, { at: DE, bias: 9, address: 192.0.2.8 } ]",
            0
        ),
        (
            "proximity: [ { at: DE, address: 192.0.2.7, probe: p }, { at: DE, address: 192.0.2.8 } ]",
            0
        ),
    ])
    func `a branch that adds nothing to one before it is told`(policy: String, count: Int) {
        #expect(found(policy) == Array(repeating: "M1391 18", count: count))
    }

    /// `A` and `B` are addresses that are probed, `probed` and `named` pools.
    @Test(arguments: [
        ("failover: [ A, { failover: [ A, B ] } ]", 1),
        ("failover: [ A, { failover: [ B, A ] } ]", 1),
        ("failover: [ A, { round-robin: [ A, B ] } ]", 1),
        ("failover: [ { failover: [ A, B ] }, B ]", 1),
        ("failover: [ { round-robin: [ A, B ] }, A ]", 1),
        ("failover: [ { round-robin: [ A, B ] }, { failover: [ A, B ] } ]", 1),
        ("failover: [ A, { weighted: [ { steer: eu }, { pool: probed } ] }, { steer: eu } ]", 1),
        ("failover: [ { geo: [ { country: DE, pool: probed }, B ] }, B ]", 1),
        ("failover: [ { pool: probed }, { weighted: [ { pool: probed, weight: 2 }, A ] } ]", 1),
        ("failover: [ A, B ], fallback: both", 0),
        ("failover: [ B, { pool: probed } ], fallback: eu", 0),
        ("failover: [ { steer: both }, B ], fallback: both", 1),
        ("round-robin: [ { steer: both }, B ], fallback: both", 1),
        // That one has a fallback of its own.
        ("failover: [ { steer: eu }, B ], fallback: eu", 0),
        // Enough of the first may be down while that one is up.
        ("failover: [ { round-robin: [ A, B ], minimum-up: 2 }, A ]", 0),
        ("failover: [ { round-robin: [ A, B ], minimum-up-share: 60% }, A ]", 0),
        ("failover: [ { failover: [ A, B ], minimum-up: 2 }, B ]", 0),
        ("round-robin: [ { steer: both }, B ], minimum-up: 2, fallback: both", 0),
        ("failover: [ { weighted: [ { pool: probed, weight: 0 }, A ] }, { pool: probed } ]", 0),
        (
            "failover: [ { weighted: [ { pool: probed }, A ], active: probed }, "
                + "{ pool: probed } ]",
            0
        ),
        // It answers other clients.
        ("failover: [ { geo: [ { country: DE, pool: probed }, B ] }, { pool: probed } ]", 0),
        // Another probe sees something else.
        ("failover: [ A, { failover: [ { address: 192.0.2.6, probe: q }, B ] } ]", 0),
        // `eu` serves others who have not lost anything.
        (
            "round-robin: [ { failover: [ { address: 192.0.2.4, probe: p }, { steer: eu } ] }, "
                + "{ steer: eu } ]",
            1
        ),
    ])
    func `a branch that hangs on what is down when it is asked is told`(policy: String, count: Int)
    {
        let text =
            policy.replacing("A", with: "{ address: 192.0.2.6, probe: p }")
            .replacing("B", with: "{ address: 192.0.2.8, probe: p }")
        #expect(found(text) == Array(repeating: "M1391 18", count: count), "\(messages(text))")
    }

    @Test func `what is shadowed is named with its place`() {
        let a = "{ address: 192.0.2.6, probe: p }"
        let policy = "failover: [ \(a), { failover: [ \(a), { pool: probed } ] } ]"
        #expect(
            messages(policy).contains {
                $0.contains("`192.0.2.6`, in branch 2 of")
                    && $0.contains("down whenever it is asked")
            },
            "\(messages(policy))"
        )
    }

    @Test(arguments: [
        ("network: 10.0.0.0/8", "network: [ 10.0.0.0/9, 10.128.0.0/9 ]", true),
        (
            "network: 10.0.0.0/8",
            "network: [ 10.0.0.0/9, 10.32.0.0/11, 10.128.0.0/10, 10.192.0.0/10 ]", true
        ),
        ("network: 10.0.0.0/8", "network: [ 10.0.0.0/9, 10.128.0.0/10 ]", false),
        ("network: 10.0.0.0/8", "network: [ 10.128.0.0/9, 11.0.0.0/8 ]", false),
        ("network: [ 10.0.0.0/8, 10.0.0.0/9 ]", "network: 10.128.0.0/9", false),
        ("network: '2001:db8::/32'", "network: [ '2001:db8::/33', '2001:db8:8000::/33' ]", true),
        ("country: DE", "network: [ 0.0.0.0/0, '::/0' ]", true),
        ("country: DE", "network: [ 0.0.0.0/1, 128.0.0.0/1, '::/0' ]", true),
        ("country: DE", "network: [ 0.0.0.0/0, '::/1' ]", false),
    ])
    func `networks that smaller ones make up serve nobody first`(
        outer: String,
        inner: String,
        isCovered: Bool
    ) {
        let policy =
            "geo: [ { \(outer), address: 192.0.2.7 }, { \(inner), address: 192.0.2.8 }, 192.0.2.9 ]"
        #expect(found(policy) == (isCovered ? ["M1391 18"] : []))
    }

    @Test(arguments: [
        ("country: DE", "country: FR", true), ("country: EU", "country: FR", false),
        ("country: EU", "country: US", true), ("country: DE", "country: EU", true),
        ("continent: AS", "country: DE", true), ("continent: EU", "country: DE", false),
        ("country: DE", "continent: AF", true), ("country: DE", "subdivision: US-CA", true),
        ("subdivision: US-CA", "country: US", true),
        ("subdivision: US-CA", "subdivision: US-NY", true),
        ("network: 10.0.0.0/8", "network: 11.0.0.0/8", true),
        ("network: 10.0.0.0/8", "network: 10.1.0.0/16", false),
        ("network: 10.0.0.0/8", "country: DE", false), ("asn: 7", "asn: 8", true),
        ("city: Paris", "country: US", false), ("country: [DE, FR]", "country: FR", false),
    ])
    func `a region inside one that it does not meet, or is all in it, is told`(
        outer: String,
        inner: String,
        isFar: Bool
    ) {
        let inside = "geo: [ { \(inner), address: 192.0.2.7 }, 192.0.2.8 ]"
        let expected = isFar ? ["M1391 18"] : []
        #expect(found("geo: [ { \(outer), \(inside) }, 192.0.2.9 ]") == expected)
        let deeper = "weighted: [ { \(inside) }, { address: 192.0.2.6 } ]"
        #expect(found("geo: [ { \(outer), \(deeper) }, 192.0.2.9 ]") == expected)
    }

    @Test(arguments: [
        ("country: DE", "country: US", true), ("country: EU", "country: DE", false),
        ("network: 10.0.0.0/8", "network: 11.0.0.0/8", true),
        ("network: 10.0.0.0/8", "network: 10.1.0.0/16", false),
    ])
    func `a region inside one that it does not meet is told when it stands in a policy by name`(
        outer: String,
        inner: String,
        isFar: Bool
    ) {
        func found(_ user: String, _ records: String = "w: { steer: w }") -> [String] {
            let text = """
                listeners: [ { dns: ':53' } ]
                geo: { networks: { 10.1.0.0/16: { country: DE } } }
                zones:
                  example.com:
                    soa: { primary: ns1, mailbox: root@example.com }
                    records: { \(records) }
                steer:
                  x: { geo: [ { \(inner), address: 192.0.2.7 }, 192.0.2.8 ] }
                  y: { round-robin: [ { steer: x } ] }
                  w: { \(user) }
                """
            let findings = read(text).diagnostics.filter { $0.code == .unreachableBranch }
            return findings.map { "\($0.range.start.line) \($0.message)" }
        }
        let told = "geo: [ { \(outer), steer: y }, 192.0.2.9 ]"
        let messages = found(told)
        #expect(messages.count == (isFar ? 1 : 0), "\(messages)")
        #expect(messages.allSatisfy { $0.hasPrefix("10 branch 1 is for ") })
        #expect(messages.allSatisfy { $0.contains("branch 1 of the `geo` in policy `x` for ") })
        // Others may bring other clients.
        #expect(found("geo: [ { \(outer), steer: y }, { steer: x } ]") == [])
        #expect(found(told, "w: { steer: w }, x: { steer: x }") == [])
        #expect(found(told, "w: { steer: w }, y: { steer: y }") == [])
    }

    // MARK: Residents

    private static let kept = "resident: true, address: 192.0.2.7"

    @Test(arguments: [
        ("country: EU", "subdivision: DE-BY", true), ("country: EU", "city: Paris", true),
        ("country: EU", "asn: 7", true), ("continent: EU", "country: EU", true),
        ("continent: AF", "country: DE", false), ("country: DE", "continent: EU", false),
        ("country: DE", "network: 10.1.3.0/24", true), ("country: DE", "network: 10.0.0.0/8", true),
        ("country: DE", "network: 10.2.0.0/16", false),
        ("country: DE", "network: 10.9.0.0/16", false),
        ("country: EU", "network: 10.1.0.0/16", true),
        ("continent: AS", "network: 10.2.0.0/16", true),
        ("network: 10.0.0.0/8", "country: DE", false),
        ("network: 10.0.0.0/8", "network: 10.1.0.0/16", true),
        ("asn: 7", "country: DE", false), ("city: Paris", "asn: 7", true),
        ("asn: 7", "city: Paris", false),
    ])
    func `a rule that takes residents away is told`(region: String, other: String, leaks: Bool) {
        let policy =
            "geo: [ { \(region), \(Self.kept) }, { \(other), address: 192.0.2.8 }, 192.0.2.9 ]"
        #expect(found(policy) == (leaks ? ["M1392 18"] : []))
        let both = "geo: [ { \(region), \(Self.kept) }, { \(other), \(Self.kept) }, 192.0.2.9 ]"
        #expect(found(both) == [])
    }

    @Test(arguments: [
        ("steer: eu", true),
        ("failover: [ { address: 192.0.2.7, probe: p }, { steer: eu } ]", true),
        ("failover: [ 192.0.2.7 ], fallback: away", true), ("pool: probed", false),
    ])
    func `a fallback inside of a resident branch is told`(branch: String, leaks: Bool) {
        let policy = "geo: [ { country: EU, resident: true, \(branch) }, 192.0.2.9 ]"
        func leaking(_ policy: String) -> [String] {
            found(policy).filter { $0.hasPrefix("M1392") }
        }
        #expect(leaking(policy) == (leaks ? ["M1392 18"] : []))
        // One around it takes nobody along.
        #expect(leaking("\(policy), fallback: away") == (leaks ? ["M1392 18"] : []))
    }

    @Test(arguments: [
        ("weighted: [ { steer: home }, { pool: probed } ]", true),
        ("weighted: [ { steer: home }, { pool: probed, weight: 0 } ]", false),
        ("weighted: [ { steer: home }, { pool: probed, weight: 0 } ], active: home", true),
        ("round-robin: [ { steer: home }, { pool: probed } ]", true),
        ("failover: [ { steer: home }, { pool: probed } ]", false),
        ("failover: [ { pool: probed }, { steer: home } ]", true),
        ("failover: [ { steer: home }, { pool: probed } ], minimum-up: 2", true),
        ("latency: [ { steer: home, at: DE }, { pool: probed, at: US } ]", true),
        ("proximity: [ { steer: home, at: DE }, { pool: probed, at: US } ]", true),
        (
            "weighted: [ { steer: home }, { failover: [ { steer: home }, { pool: probed } ] } ]",
            false
        ),
        ("failover: [ { steer: home } ]", false),
        ("address: 192.0.2.7, probe: p, fallback: home", true),
        ("failover: [ { pool: probed } ], fallback: home", true),
        ("failover: [ { steer: home } ], fallback: home", false),
        ("address: 192.0.2.7, probe: p, fallback: eu", false),
    ])
    func `what divides residents by something else is told`(policy: String, leaks: Bool) {
        let codes = found(policy).filter { $0.hasPrefix("M1392") }
        #expect(codes == (leaks ? ["M1392 18"] : []))
    }

    @Test(arguments: [
        ("latency: [ { round-robin: [ { pool: probed } ] }, 192.0.2.7 ]", "branch 1 of policy w"),
        ("geo: [ { country: [ DE, DE ], pool: probed }, 192.0.2.7 ]", "for country DE twice"),
        (
            "geo: [ { country: DE, pool: probed } ]",
            "policy w has nothing for clients outside of country DE: they get NODATA"
        ),
        (
            "geo: [ { country: DE, pool: probed } ], all-down: servfail",
            "they get SERVFAIL"
        ),
        ("address: 192.0.2.7, probe: p, fallback: home", "`home` keeps clients of country EU"),
    ])
    func `a finding names what it means`(policy: String, words: String) {
        #expect(messages(policy).contains { $0.contains(words) }, "\(messages(policy))")
    }

    // MARK: Weights and lists

    @Test(
        arguments: [
            ("weighted: { 192.0.2.7: 0, 192.0.2.8: 5 }, minimum-up: 2", ["M1351 18"]),
            ("weighted: { 192.0.2.7: 1, 192.0.2.8: 5 }, minimum-up: 2", []),
            (
                "weighted: { 192.0.2.7: 1, 192.0.2.8: 5 }, minimum-up: 2, active: 192.0.2.7",
                ["M1351 18"]
            ),
            (
                "weighted: { 192.0.2.7: 1, 192.0.2.8: 5 }, minimum-up: 2, rollout: 192.0.2.7",
                ["M1351 18"]
            ),
            (
                "weighted: { 192.0.2.7: 1, 192.0.2.8: 5 }, minimum-up: 2, rollout: 192.0.2.7, "
                    + "rollout-steps: 50%", []
            ),
            (
                "weighted: [ { address: 192.0.2.7, weight: 0, schedule: 5 at 2026-12-01T22:00:00Z }, "
                    + "{ address: 192.0.2.8 } ], minimum-up: 2", []
            ),
            ("weighted: { 192.0.2.7: 1 }, rollout: 192.0.2.7, rollout-steps: []", ["M1103 18"]),
            ("geo: [ { address: 192.0.2.7, country: [] }, 192.0.2.8 ]", ["M1103 18"]),
            ("address: '::ffff:192.0.2.7'", ["M1208 18"]),
            ("round-robin: [ '::ffff:192.0.2.7', 192.0.2.8 ]", ["M1208 18"]),
            ("weighted: { '::ffff:192.0.2.7': 1 }", ["M1208 18"]),
        ] as [(String, [String])]
    )
    func `what never holds is told`(policy: String, codes: [String]) {
        #expect(found(policy) == codes)
    }

    @Test func `a finding names branches, regions and the way out`() throws {
        let text = """
            listeners: [ { dns: ':53' } ]
            zones:
              example.com:
                soa: { primary: ns1, mailbox: root@example.com }
                records: { w: { steer: w } }
            steer:
              w: { geo: [ { country: EU, resident: true, address: 192.0.2.7 },
                { asn: 7, address: '2001:db8::7' }, 192.0.2.9 ] }
            """
        let findings = read(text).warnings
        let finding = try #require(findings.first { $0.code != .unplacedPolicy })
        #expect(
            finding.message
                == "clients of country EU are to stay with branch 1, but those of AS7 go "
                + "to branch 2, wherever they are"
        )
        #expect(finding.suggestion?.contains("`resident`") == true)
    }
}
