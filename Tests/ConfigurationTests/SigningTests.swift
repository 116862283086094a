// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Testing

@Suite struct SigningSettingsTests {
    private func text(_ dnssec: String) -> String {
        "listeners: [ { dns: ':5300' } ]\n"
            + "zones: { example.com: { soa: { primary: ns, mailbox: h@example.com }, "
            + "records: { ns: { a: 192.0.2.1 } }\(dnssec) } }"
    }

    @Test func `a zone is signed when it says so`() throws {
        #expect(try settings(text("")).zones[0].dnssec == nil)
        let plain = try settings(text(", dnssec: {}")).zones[0].dnssec
        #expect(plain == SigningSettings())
        let full = try settings(
            text(
                ", dnssec: { algorithm: ed25519, denial: nsec3, signature-lifetime: 20d, "
                    + "signature-refresh: 6d, key-ttl: 2h }"
            )
        ).zones[0].dnssec
        #expect(full?.algorithm == .ed25519 && full?.denial == .nsec3)
        #expect(full?.signatureLifetime == .seconds(20 * 86_400))
        #expect(full?.signatureRefresh == .seconds(6 * 86_400))
        #expect(full?.keyTTL == .seconds(7200))
    }

    // RFC 9276 §3.1: NSEC is preferred where nothing of NSEC3 is needed.
    @Test func `names are denied by NSEC unless NSEC3 is asked for, and its parameters by nobody`()
        throws
    {
        #expect(try settings(text(", dnssec: {}")).zones[0].dnssec?.denial == .nsec)
        for option in ["iterations: 1", "salt: ab", "opt-out: true", "nsec3: { iterations: 1 }"] {
            let found = read(text(", dnssec: { denial: nsec3, \(option) }"))
            #expect(found.configuration == nil, "\(option)")
        }
    }

    // RFC 5155 §10.1: a hash takes 33 octets, and 255 are all that a name may have.
    @Test(arguments: [("nsec3", 24, []), ("nsec3", 25, ["M1207"]), ("nsec", 25, [])])
    func `the name of a zone leaves room for hashes`(
        denial: String,
        length: Int,
        codes: [String]
    ) {
        let label = String(repeating: "a", count: 63)
        let first = String(repeating: "b", count: length)
        // 198 octets stand around the first label, with the lengths of all and the root.
        let name = "\(first).abc.\(label).\(label).\(label)"
        let text =
            "listeners: [ { dns: ':5300' } ]\n"
            + "zones: { \(name): { soa: { primary: ns.example.net., mailbox: h@example.com }, "
            + "dnssec: { denial: \(denial) } } }"
        #expect(read(text).diagnostics.map(\.code.rawValue) == codes)
    }

    @Test(arguments: [
        ("algorithm: rsa", "M1206"), ("denial: none", "M1206"), ("signature-lifetime: 1m", "M1207"),
        ("signature-refresh: 100d", "M1207"), ("signature-lifetime: 5d", "M1311"),
        ("signature-refresh: 14d", "M1311"), ("key-ttl: 5", "M1201"), ("iterations: 1", "M1101"),
        ("[]", "M1103"),
    ])
    func `bad values are named`(option: String, code: String) {
        let value = option == "[]" ? option : "{ \(option) }"
        let found = read(text(", dnssec: \(value)")).diagnostics.map(\.code.rawValue)
        #expect(found == [code], "\(option)")
    }
}

/// The keys of signed zones.
@Suite struct KeySettingsTests {
    private func text(_ keys: String) -> String {
        "listeners: [ { dns: ':5300' } ]\n"
            + "zones: { example.com: { soa: { primary: ns, mailbox: h@example.com }, "
            + "records: { ns: { a: 192.0.2.1 } }, dnssec: { keys: { \(keys) } } } }"
    }

    @Test func `what is said of keys holds`() throws {
        let keys = try settings(
            text(
                "scheme: ksk-zsk, ksk-lifetime: 400d, zsk-lifetime: 20d, propagation-delay: 7s, "
                    + "ds-ttl: 2h, parent-propagation-delay: 3h, publish-safety: 4h, "
                    + "retire-safety: 5h, parent: [ 192.0.2.1, '[2001:db8::1]:5353' ], "
                    + "parent-interval: 9s, follow: true, withdraw: true"
            )
        ).zones[0].dnssec?.keys
        var wanted = KeySettings()
        wanted.scheme = .split
        wanted.kskLifetime = .seconds(400 * 86_400)
        wanted.zskLifetime = .seconds(20 * 86_400)
        wanted.propagationDelay = .seconds(7)
        wanted.dsTTL = .seconds(7200)
        wanted.parentPropagationDelay = .seconds(10_800)
        wanted.publishSafety = .seconds(14_400)
        wanted.retireSafety = .seconds(18_000)
        wanted.parent = ["192.0.2.1:53", "[2001:db8::1]:5353"].compactMap { SocketAddress($0) }
        wanted.parentInterval = .seconds(9)
        (wanted.follow, wanted.withdraw) = (true, true)
        #expect(keys == wanted)
    }

    @Test(arguments: [
        ("scheme: zsk", "M1206"), ("ksk-lifetime: 0s", "M1207"), ("ds-ttl: 31d", "M1207"),
        ("ds-ttl: 1500ms", "M1207"), ("parent: example.com", "M1208"), ("follow: 1", "M1205"),
        ("parent: 192.0.2.1, parent-check: false", "M1105"), ("lifetime: 1d", "M1101"),
    ])
    func `bad values are named`(keys: String, code: String) {
        let found = read(text(keys)).diagnostics.map(\.code.rawValue)
        #expect(found == [code], "\(keys)")
    }
}
