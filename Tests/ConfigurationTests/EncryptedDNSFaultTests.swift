// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// DNS that is meant to be private, and can be read on its way.
@Suite struct EncryptedDNSFaultTests {
    static let secure = "{ https: ':443', certificates: [ { certificate: /c, key: /k } ] }"
    static let doors: [(listeners: String, codes: [String])] = [
        ("{ http: ':80' }", ["M1377"]), ("{ http: ':80' }, { http: ':81' }", ["M1377"]),
        ("{ http: ':80' }, \(secure)", []), (secure, []),
        ("{ http: ':80', trusted-proxies: [ 192.0.2.0/24 ] }", []),
        ("{ http: ':80', trusted-proxies: [ 192.0.2.0/24 ] }, { http: ':81' }", []),
    ]

    // RFC 8484 §5.
    @Test(arguments: doors.indices)
    func `a route for questions that comes in the clear alone is warned of`(index: Int) {
        let (listeners, codes) = EncryptedDNSFaultTests.doors[index]
        let text = """
            listeners: [ { dns: ':53' }, \(listeners) ]
            routes: [ { name: names, path: =/dns-query, answer: dns } ]
            zones: { a.test: { soa: { primary: ns.a.test, mailbox: h@a.test } } }
            """
        let found = read(text)
        #expect(found.diagnostics.map(\.code.rawValue) == codes, "\(found.diagnostics)")
        #expect(found.configuration != nil)
        let other = read(text.replacing("answer: dns", with: "respond: { body: x }"))
        #expect(other.diagnostics.isEmpty)
    }

    // RFC 7858 §3.1.
    @Test(arguments: [(53, ["M1378"]), (853, []), (5353, [])])
    func `TLS at the port of DNS in the clear is warned of`(port: Int, codes: [String]) {
        let text = """
            listeners: [ { dot: ':\(port)', certificates: [ { certificate: /c, key: /k } ] } ]
            zones: { a.test: { soa: { primary: ns.a.test, mailbox: h@a.test } } }
            """
        let found = read(text)
        #expect(found.diagnostics.map(\.code.rawValue) == codes, "\(found.diagnostics)")
        #expect(found.configuration != nil)
    }
}
