// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

@testable import ControlPlane

/// What the zone API says when it refuses something: what helps, and little of what was sent.
@Suite struct ZoneAPIFaultTests {
    private static let www = DomainName("www.example.com.")

    private func message(_ type: RecordType, _ content: String) throws -> String {
        let owner = try #require(ZoneAPIFaultTests.www)
        let fault = #expect(throws: ZoneAPIFault.self) {
            try ZoneAPIChange.data(content, owner, type)
        }
        return fault?.message ?? ""
    }

    @Test(arguments: [RecordType.TXT, .A, .CNAME, DynamicRecord.type])
    func `a content of 60,000 octets is repeated in part`(type: RecordType) throws {
        for filler in ["x", "\"", "\u{e9}", "x "] {
            let content = "A " + String(repeating: filler, count: 60_000)
            let message = try message(type, content)
            #expect(!message.isEmpty && message.utf8.count < 1500, "\(message.utf8.count)")
        }
    }

    @Test func `a text is cut between its characters, with its length`() {
        let text = String(repeating: "\u{e9}", count: 101)
        let quoted = ZoneAPIFault.quote(text)
        #expect(quoted == String(repeating: "\u{e9}", count: 100) + "... (202 bytes)")
        #expect(ZoneAPIFault.quote("short") == "short")
    }

    @Test func `the remedy stays, however long the sentence is`() {
        let fault = ZoneAPIFault(422, String(repeating: "x", count: 5000), "do this")
        #expect(fault.message.hasSuffix("; do this"))
        #expect(fault.message.utf8.count < ZoneAPIFault.messageLimit + 50)
    }

    @Test(arguments: [
        "A \"pickclosest({'192.0.2.1'})\"", "A \"ifportup(443, {'192.0.2.1'})\"",
        "A \"ifurlup('https://a.example/', {{'192.0.2.1'}})\"", "CNAME \"'192.0.2.1'\"",
    ])
    func `functions that are not understood have a remedy`(content: String) throws {
        let message = try message(DynamicRecord.type, content)
        #expect(message.contains("; "), "\(message)")
    }
}
