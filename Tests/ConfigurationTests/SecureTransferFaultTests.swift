// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// Zones that go out beside a listener of DNS over TLS: whether anybody can take them by it.
@Suite struct SecureTransferFaultTests {
    static let both = "{ network: 192.0.2.0/24, key: a.key }"
    static let examples: [(tls: String, more: String, takers: String, codes: [String])] = [
        ("", "", "[ \(both) ]", []),
        ("", "", "[ { key: a.key } ]", ["M1693"]),
        ("", "", "[ { network: 192.0.2.0/24 }, { key: a.key } ]", ["M1693"]),
        ("", "", "[ { key: a.key }, \(both) ]", []),
        ("", "  - dns: ':53'", "[ { key: a.key } ]", ["M1693"]),
        ("client-authorities: /ca, client-certificate: required", "", "[ { key: a.key } ]", []),
        (
            "client-authorities: /ca, client-certificate: optional", "", "[ { key: a.key } ]",
            ["M1693"]
        ),
        ("min-version: '1.2'", "", "[ \(both) ]", ["M1694"]),
        ("min-version: '1.3'", "", "[ \(both) ]", []),
        ("min-version: '1.2'", "", "[]", []),
        ("min-version: '1.2'", "", "[ { key: a.key } ]", ["M1693", "M1694"]),
    ]

    @Test(arguments: examples.indices)
    func `what no peer can meet is warned of`(index: Int) {
        let example = SecureTransferFaultTests.examples[index]
        let text = """
            listeners:
              - dot: ':853'
                certificates: [ { certificate: /c, key: /k } ]
                tls: { \(example.tls) }
            \(example.more)
            tsig-keys: { a.key: { secret: MDEyMzQ1Njc4OWFiY2RlZg== } }
            zones:
              a.test:
                soa: { primary: ns.a.test, mailbox: h@a.test }
                transfer-to: \(example.takers)
            """
        let found = read(text)
        let codes = found.diagnostics.map(\.code.rawValue)
        #expect(Set(codes) == Set(example.codes), "\(example) \(found.diagnostics)")
        #expect(found.configuration != nil)
    }

    @Test func `without a listener of TLS nothing is said`() {
        let text = """
            listeners: [ { dns: ':53' } ]
            tsig-keys: { a.key: { secret: MDEyMzQ1Njc4OWFiY2RlZg== } }
            zones:
              a.test:
                soa: { primary: ns.a.test, mailbox: h@a.test }
                transfer-to: [ { key: a.key } ]
            """
        #expect(read(text).diagnostics.isEmpty)
    }
}
