// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Testing

/// The tests that RFC 8906 §8 has for servers, and what RFC 6891 asks of them.
@Suite struct ConformanceTests {
    struct Case: Sendable {
        let name: String
        let question: EDNSQuestion
        var code = ResponseCode.noError
        var hasSOA = true

        init(
            _ name: String,
            code: ResponseCode = .noError,
            hasSOA: Bool = true,
            _ change: (inout EDNSQuestion) -> Void
        ) {
            self.name = name
            self.code = code
            self.hasSOA = hasSOA
            question = EDNSQuestion(change)
        }
    }

    static let plain: [Case] = [
        Case("8.1.1 a zone of ours") { $0.hasEDNS = false },
        Case("8.1.2 unknown type", hasSOA: false) {
            $0.hasEDNS = false
            $0.type = RecordType(1000)
        },
        Case("8.1.3.1 CD") { ($0.hasEDNS, $0.flags) = (false, 0x0010) },
        Case("8.1.3.2 AD") { ($0.hasEDNS, $0.flags) = (false, 0x0020) },
        Case("8.1.3.3 reserved bit") { ($0.hasEDNS, $0.flags) = (false, 0x0040) },
        Case("8.1.3.4 RD") { ($0.hasEDNS, $0.flags) = (false, 0x0100) },
        Case("AA, TC and RA in a query") { ($0.hasEDNS, $0.flags) = (false, 0x0680) },
        Case("a code in a query") { ($0.hasEDNS, $0.flags) = (false, 0x000f) },
    ]

    static let edns: [Case] = [
        Case("8.2.1 minimal EDNS") { _ in },
        Case("8.2.2 version 1", code: .badVersion, hasSOA: false) { $0.version = 1 },
        Case("8.2.3 unknown option") { $0.options = [(100, [])] },
        Case("8.2.4 unknown flag") { $0.ednsFlags = 0x0040 },
        Case("8.2.5 version 1 with unknown flag", code: .badVersion, hasSOA: false) {
            ($0.version, $0.ednsFlags) = (1, 0x0040)
        },
        Case("8.2.6 version 1 with unknown option", code: .badVersion, hasSOA: false) {
            ($0.version, $0.options) = (1, [(100, [1, 2, 3])])
        },
        Case("8.2.8 DO") { $0.ednsFlags = 0x8000 },
        Case("8.2.9 version 1 with DO", code: .badVersion, hasSOA: false) {
            ($0.version, $0.ednsFlags) = (1, 0x8000)
        },
        Case("8.2.10 several defined options") {
            $0.options = [(3, []), (9, []), (8, [0, 1, 0, 0]), (10, [1, 2, 3, 4, 5, 6, 7, 8])]
        },
        Case("options of version 1 have a form of their own", code: .badVersion, hasSOA: false) {
            ($0.version, $0.options) = (1, [(8, [9]), (10, [1])])
        },
        // RFC 6891 §7: what breaks the format of OPT is told with OPT.
        Case("a malformed option", code: .formatError, hasSOA: false) { $0.options = [(10, [1])] },
        Case("version 255", code: .badVersion, hasSOA: false) { $0.version = 255 },
        Case("an option of the largest number") { $0.options = [(65_535, [0])] },
        Case("a size below 512") { $0.size = 0 },
    ]

    @Test(arguments: plain.indices)
    func `a query without EDNS has an answer without`(index: Int) throws {
        let one = ConformanceTests.plain[index]
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        let message = try fixture.ask(one.question)
        check(message, one)
        #expect(message.option == nil, "\(one.name)")
    }

    @Test(arguments: edns.indices)
    func `a query with EDNS has an answer with version 0`(index: Int) throws {
        let one = ConformanceTests.edns[index]
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        let message = try fixture.ask(one.question)
        check(message, one)
        let option = try #require(message.option, "\(one.name)")
        // RFC 6891 §6.1.4: of the flags only DO comes back; §6.1.3: our highest version.
        let flags = UInt32(one.question.ednsFlags & 0x8000)
        #expect(option.ttl & 0x00ff_ffff == flags, "\(one.name)")
        #expect(option.recordClass == 1232, "\(one.name)")
        #expect(!message.options.contains { [9, 100, 65_535].contains($0.code) }, "\(one.name)")
        // RFC 6891 §7: the least of a response is its head, the question and OPT.
        #expect(message.questions.count == 1, "\(one.name)")
        #expect(one.code == .noError || message.answers.isEmpty && message.authorities.isEmpty)
    }

    private func check(_ message: DNSMessage, _ one: Case) {
        #expect(message.code == one.code, "\(one.name)")
        #expect(message.answers.contains { $0.type == .SOA } == one.hasSOA, "\(one.name)")
        #expect(message.isAuthoritative == (one.code == .noError), "\(one.name)")
        // QR and AA as they are, RD and CD as asked (RFC 4035 §3); TC, RA, Z and AD are clear (§3.1.6).
        let clear = one.question.flags & 0x0110 | 0x8000 | message.flags & 0x0400
        #expect(message.flags & 0xfff0 == clear, "\(one.name)")
    }

    @Test(arguments: [1, 2, 3, 6, 7, 8, 14, 15] as [UInt16])
    func `8.1.4 operations that are unknown are not implemented`(opcode: UInt16) throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        for hasQuestion in [true, false] {
            let question = EDNSQuestion {
                $0.flags = opcode << 11
                ($0.hasQuestion, $0.hasEDNS) = (hasQuestion, false)
            }
            let message = try fixture.ask(question)
            #expect(message.code == .notImplemented)
            #expect(message.flags == 0x8004 | opcode << 11)
            #expect(message.questions.isEmpty && message.answers.isEmpty)
            #expect(message.option == nil)
            let modern = try fixture.ask(
                EDNSQuestion {
                    $0.flags = opcode << 11
                    $0.hasQuestion = hasQuestion
                }
            )
            #expect(modern.code == .notImplemented)
            #expect(modern.option != nil, "RFC 6891 §6.1.1")
        }
    }

    @Test func `8.2.7 a truncated answer keeps OPT`() throws {
        let text = (0..<9).map { _ in "\"\(String(repeating: "x", count: 200))\"" }
        let zone = AuthorityTests.zone + "\nlong TXT \(text.joined(separator: " "))\n"
        var fixture = try ZoneFixture(["example.com": zone])
        let question = EDNSQuestion {
            ($0.name, $0.type, $0.size, $0.ednsFlags) = ("long.example.com", .TXT, 512, 0x8000)
        }
        let message = try fixture.ask(question)
        #expect(message.isTruncated && message.option != nil)
        fixture.context.isStream = true
        let whole = try fixture.ask(question)
        #expect(!whole.isTruncated && whole.answers.count == 1, "8.1.5: all of it over TCP")
    }

    @Test func `every type of the registry has an answer`() throws {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        // RFC 8906 §3.1.2 and §3.1.3: no type is met with silence or with SERVFAIL.
        for type in 0...UInt16(1024) {
            let message = try fixture.ask(EDNSQuestion { $0.type = RecordType(type) })
            #expect(message.code != .serverFailure, "\(type)")
            // 251 is IXFR, of which UDP has the serial.
            let isMeta = [0, 41, 128, 249, 250, 252].contains(type)
            #expect((message.code == .noError) == !isMeta, "\(type)")
        }
        // A name in a zone is none, and has no versions.
        let inner = EDNSQuestion { ($0.name, $0.type) = ("www.example.com", .IXFR) }
        #expect(try fixture.ask(inner).code == .notAuthorized)
    }
}
