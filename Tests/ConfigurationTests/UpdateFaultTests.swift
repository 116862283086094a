// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// Rules of `updates` that do not mean what they seem to.
@Suite struct UpdateFaultTests {
    static let rules: [(text: String, codes: [String])] = [
        ("names: ['*'], networks: [ 192.0.2.0/24 ]", ["M1510"]),
        ("names: [ zone, '*' ], networks: [ 192.0.2.0/24 ]", ["M1510"]),
        ("names: [ zone ], networks: [ 192.0.2.0/24 ]", []),
        ("names: [ '*.www' ], networks: [ 192.0.2.0/24 ]", []),
        ("names: [ zone ]", ["M1490"]),
        ("names: [ self ], networks: [ 192.0.2.0/24 ]", ["M1491"]),
    ]

    @Test(arguments: rules)
    func `a rule that lets everybody or nobody in is told of`(
        _ example: (text: String, codes: [String])
    ) {
        let text = """
            listeners: [{ dns: ':53' }]
            zones:
              a.test:
                soa: { primary: ns.a.test, mailbox: h@a.test }
                updates: [ { \(example.text) } ]
            """
        let found = read(text)
        #expect(found.diagnostics.map(\.code.rawValue) == example.codes)
        // A warning: it is taken, and lets nobody in.
        if example.codes == ["M1510"] { #expect(found.configuration != nil) }
    }

    @Test func `the probe of dynamic records has a port of its own`() {
        func codes(_ probe: String) -> [String] {
            read(
                """
                listeners: [{ dns: ':53' }]
                probes: { alive: { tcp: connect\(probe) } }
                zone-api: { key: MDEyMzQ1Njc4OWFiY2RlZg==, probe: alive }
                """
            ).diagnostics.map(\.code.rawValue)
        }
        #expect(codes(", port: 80").isEmpty)
        #expect(codes("") == [DiagnosticCode.probeWithoutPort.rawValue])
    }
}
