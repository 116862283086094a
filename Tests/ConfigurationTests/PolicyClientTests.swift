// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

/// Clients for whom there is nothing, and branches that nobody is left for.
@Suite struct PolicyClientTests {
    /// What is said of a code, as lines and messages; `w` is the policy of a name.
    private func found(_ code: DiagnosticCode, _ steer: String, records: String = "") -> [String] {
        let text = """
            listeners: [ { dns: ':53' } ]
            probes: { p: { tcp: connect, port: 1 } }
            geo: { networks: { 10.1.0.0/16: { country: DE } } }
            zones:
              example.com:
                soa: { primary: ns1, mailbox: root@example.com }
                records: { w: { steer: w }\(records) }
            steer:
              away: { failover: [ 192.0.2.9 ] }
              us: { geo: [ { subdivision: US-CA, address: 192.0.2.1 } ] }
              both: { geo: [ { country: DE, address: 1.1.1.1 }, { country: US, address: 1.1.1.2 } ] }
            \(steer)
            """
        let result = read(text)
        #expect(!result.diagnostics.contains { $0.severity == .error }, "\(result.diagnostics)")
        return result.diagnostics.filter { $0.code == code }
            .map { "\($0.range.start.line) \($0.message)" }
            // Those that `w` does not name are policies of their own.
            .filter { $0.hasPrefix("12 ") || $0.hasPrefix("13 ") }
    }

    @Test(arguments: [
        "geo: [ { continent: NA, geo: [ { subdivision: US-CA, address: 192.0.2.1 } ] }, 192.0.2.2 ]",
        "geo: [ { country: US, steer: us }, 192.0.2.2 ]",
        "failover: [ { geo: [ { country: DE, address: 192.0.2.1 } ] }, 192.0.2.2 ]",
        "round-robin: [ { geo: [ { country: DE, address: 192.0.2.1 } ] }, 192.0.2.2 ]",
        "geo: [ { country: DE, steer: both }, { country: US, steer: both }, 192.0.2.2 ]",
        "geo: [ { country: DE, address: 192.0.2.1 } ], fallback: away",
        "failover: [ { geo: [ { country: DE, address: 192.0.2.1 } ] } ], fallback: away",
        "geo: [ { network: [ 0.0.0.0/0, '::/0' ], address: 192.0.2.1 } ]",
        "geo: [ { network: [ 0.0.0.0/1, '::/0' ], address: 192.0.2.1 }, "
            + "{ network: 128.0.0.0/1, address: 192.0.2.2 } ]",
        "geo: [ { country: DE, resident: true, steer: both }, 192.0.2.2 ]",
    ])
    func `where every client has something nothing is said`(policy: String) {
        #expect(found(.noDefaultRegion, "  w: { \(policy) }") == [])
        // Nor of what lies inside.
        #expect(found(.noDefaultRegion, "  w: { steer: v }\n  v: { \(policy) }") == [])
    }

    @Test(arguments: [
        (
            "geo: [ { subdivision: US-CA, address: 192.0.2.1 } ]",
            "outside of subdivision US-CA: they get NODATA"
        ),
        (
            "geo: [ { subdivision: US-CA, address: 192.0.2.1 } ], all-down: servfail",
            "outside of subdivision US-CA: they get SERVFAIL"
        ),
        (
            "geo: [ { continent: NA, geo: [ { subdivision: US-CA, address: 192.0.2.1 } ] }, "
                + "{ asn: 7, address: 192.0.2.2 } ]",
            "outside of subdivision US-CA, AS7: they get NODATA"
        ),
        (
            "failover: [ { steer: us }, { geo: [ { country: DE, address: 192.0.2.3 } ] } ]",
            "outside of subdivision US-CA, country DE: they"
        ),
        (
            "geo: [ { country: DE, geo: [ { asn: 7, address: 192.0.2.1 } ] } ]",
            "outside of AS7 in country DE: they"
        ),
        (
            "geo: [ { country: DE, geo: [ { subdivision: US-CA, address: 192.0.2.1 } ] } ]",
            "nothing for any client: they"
        ),
        (
            "weighted: [ { weight: 1, steer: both }, { weight: 0, address: 192.0.2.2 } ]",
            "outside of country DE, country US: they"
        ),
        (
            "failover: [ { steer: us } ], fallback: both",
            "outside of subdivision US-CA, country DE, country US: they"
        ),
        (
            "geo: [ { country: US, resident: true, steer: us }, 192.0.2.2 ]",
            "keeps clients of country US, and has nothing for those outside of subdivision "
                + "US-CA: they"
        ),
    ])
    func `clients who get nothing are told, at the policy that names have`(
        policy: String,
        words: String
    ) {
        let told = found(.noDefaultRegion, "  w: { \(policy) }")
        #expect(told.count == 1 && told.allSatisfy { $0.contains(words) }, "\(told)")
        let alias = found(.noDefaultRegion, "  w: { steer: v }\n  v: { \(policy) }")
        #expect(alias.count == 1 && alias.allSatisfy { $0.hasPrefix("13 ") }, "\(alias)")
    }

    @Test func `a policy that a name has as well is judged by itself`() {
        let steer =
            "  w: { geo: [ { country: US, steer: v }, 192.0.2.2 ] }\n"
            + "  v: { geo: [ { country: US, address: 192.0.2.1 } ] }"
        #expect(found(.noDefaultRegion, steer) == [])
        let told = found(.noDefaultRegion, steer, records: ", v: { steer: v }")
        #expect(told.count == 1 && told.allSatisfy { $0.hasPrefix("13 policy v has") }, "\(told)")
    }

    @Test(arguments: [
        ("country: DE", "country: DE", true), ("country: DE", "continent: EU", true),
        ("country: DE", "country: EU", true), ("subdivision: US-CA", "continent: NA", true),
        ("country: EU", "continent: EU", false), ("country: EU", "country: DE", false),
        ("continent: EU", "country: EU", false), ("country: [ DE, FR ]", "country: DE", false),
        ("country: [ DE, FR ]", "country: [ FR, DE, PL ]", true),
        ("network: 10.0.0.0/8", "network: 8.0.0.0/5", true),
        ("network: 10.0.0.0/8", "network: [ 10.0.0.0/9, 10.128.0.0/9 ]", true),
        ("network: 10.0.0.0/8", "network: 10.0.0.0/9", false),
        ("asn: 7", "asn: [ 7, 8 ]", true), ("asn: 7", "country: DE", false),
        ("city: Paris", "city: PARIS", true),
    ])
    func `a branch for everybody else that nobody is left for is told`(
        outer: String,
        inner: String,
        isTold: Bool
    ) {
        func told(_ probe: String) -> [String] {
            let branch = "{ \(inner), address: 192.0.2.1\(probe) }"
            let policy = "geo: [ { \(outer), geo: [ \(branch), 192.0.2.2 ] }, 192.0.2.3 ]"
            return found(.unreachableBranch, "  w: { \(policy) }")
        }
        let (steady, probed) = (told(""), told(", probe: p"))
        #expect(steady.count == (isTold ? 1 : 0) && probed.count == steady.count, "\(steady)")
        #expect(
            steady.allSatisfy { $0.hasSuffix("branch 2 of it, for everybody else, never serves") }
        )
        #expect(probed.allSatisfy { $0.hasSuffix("only serves when that is down") })
    }

    @Test(arguments: [
        ("failover: [ 192.0.2.1 ], fallback: away", true),
        ("address: 192.0.2.1, fallback: away", true),
        ("address: 192.0.2.1, probe: p, fallback: away", false),
        ("geo: [ { country: DE, address: 192.0.2.1 } ], fallback: away", false),
        ("geo: [ { country: DE, address: 192.0.2.1, probe: p }, 192.0.2.2 ], fallback: away", true),
        ("round-robin: [ 192.0.2.1, 192.0.2.2 ], minimum-up: 2, fallback: away", true),
        (
            "round-robin: [ 192.0.2.1, { address: 192.0.2.2, probe: p } ], minimum-up: 2, "
                + "fallback: away", false
        ),
    ])
    func `a fallback of what never fails is told`(policy: String, isTold: Bool) {
        let told = found(.unreachableBranch, "  w: { \(policy) }")
        #expect(told.count == (isTold ? 1 : 0), "\(told)")
        #expect(told.allSatisfy { $0.contains("`away`, which it falls back to, never serves") })
    }
}
