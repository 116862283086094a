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
