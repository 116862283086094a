// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import HTTPProtocol
import Steering
import Testing

@testable import Prober

/// Bytes of an answer to `www.example.com A`, part by part.
struct Answer {
    var number: UInt16 = 0x1234
    var flags: UInt16 = 0x8580
    var name = "www.example.com"
    var type = RecordType.A
    var records: [[UInt8]] = []
    var count: UInt16?

    static func record(_ address: String, type: RecordType = .A) -> [UInt8] {
        let ip = IPAddress(address) ?? IPAddress(v4: 0)
        let size = ip.isIPv4 ? 4 : 16
        var data: [UInt8] = []
        for shift in stride(from: (size - 1) * 8, through: 0, by: -8) {
            data.append(UInt8(truncatingIfNeeded: ip.bits >> UInt128(shift)))
        }
        let head: [UInt8] = [0xc0, 0x0c, 0, UInt8(type.rawValue), 0, 1, 0, 0, 0, 60, 0]
        return head + [UInt8(data.count)] + data
    }

    var bytes: [UInt8] {
        let all: [UInt16] = [number, flags, 1, count ?? UInt16(records.count), 0, 0]
        var bytes = all.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
        bytes += DomainName(name)?.wire ?? []
        bytes += [0, UInt8(type.rawValue), 0, 1]
        return bytes + records.flatMap { $0 }
    }
}

@Suite struct DNSQuestionTests {
    private func question(_ change: (inout DNSQuestion) -> Void = { _ in }) throws -> DNSQuestion {
        var question = DNSQuestion(name: try #require(DomainName("WWW.example.com")), type: .A)
        change(&question)
        return question
    }
    private let one = Answer.record("192.0.2.1")
    private let two = Answer.record("192.0.2.2")

    @Test func `a query carries its number, its question and a length by TCP`() throws {
        var datagram = try question().query
        try question().setNumber(0xabcd, in: &datagram)
        #expect(Array(datagram.prefix(6)) == [0xab, 0xcd, 1, 0, 0, 1])
        let streamed = try question { $0.isStream = true }
        var bytes = streamed.query
        streamed.setNumber(0xabcd, in: &bytes)
        #expect(Int(bytes[0]) << 8 | Int(bytes[1]) == bytes.count - 2)
        #expect(Array(bytes.dropFirst(2)) == datagram)
        var short: [UInt8] = [1]
        streamed.setNumber(7, in: &short)
        #expect(short == [1])
    }

    @Test func `what is no answer to the question is passed over`() throws {
        let asked = try question()
        let good = Answer(records: [one])
        #expect(asked.judge(good.bytes, number: 0x1234) == .success)
        #expect(asked.judge(good.bytes, number: 0x1235) == nil)
        var other = good
        other.flags = 0x0580
        #expect(asked.judge(other.bytes, number: 0x1234) == nil, "a query")
        other = good
        other.name = "www.example.org"
        #expect(asked.judge(other.bytes, number: 0x1234) == nil, "another name")
        other = good
        other.type = .AAAA
        #expect(asked.judge(other.bytes, number: 0x1234) == nil, "another type")
        #expect(asked.judge([], number: 0) == nil)
        for length in 0..<33 {
            #expect(asked.judge(Array(good.bytes.prefix(length)), number: 0x1234) == nil)
        }
        #expect(
            asked.judge(Array(good.bytes.dropLast()), number: 0x1234)
                == .failure(.malformedResponse, detail: "record")
        )
    }

    @Test func `codes and authority are judged`() throws {
        let asked = try question { $0.codes = [.noError, .nameError] }
        func judge(_ question: DNSQuestion, _ flags: UInt16) -> ProbeOutcome? {
            question.judge(Answer(flags: flags, records: [one]).bytes, number: 0x1234)
        }
        #expect(judge(asked, 0x8583) == .success)
        #expect(judge(asked, 0x8582) == .failure(.unexpectedCode, detail: "SERVFAIL"))
        #expect(judge(asked, 0x8585) == .failure(.unexpectedCode, detail: "REFUSED"))
        #expect(judge(asked, 0x8180) == .success)
        let strict = try question { $0.isAuthoritative = true }
        #expect(judge(strict, 0x8580) == .success)
        #expect(judge(strict, 0x8180) == .failure(.notAuthoritative, detail: ""))
    }

    @Test func `one or all of the addresses must be there`() throws {
        let wanted = try [#require(IPAddress("192.0.2.1")), #require(IPAddress("192.0.2.2"))]
        let any = try question { $0.addresses = wanted }
        let all = try question {
            $0.addresses = wanted
            $0.needsAll = true
        }
        func judge(_ question: DNSQuestion, _ records: [[UInt8]], _ flags: UInt16 = 0x8580)
            -> ProbeOutcome?
        { question.judge(Answer(flags: flags, records: records).bytes, number: 0x1234) }
        func missing(_ text: String) -> ProbeOutcome { .failure(.answerMismatch, detail: text) }
        let stranger = Answer.record("192.0.2.9")
        #expect(judge(any, [stranger, two]) == .success)
        #expect(judge(any, [stranger]) == missing("192.0.2.1 +1 missing"))
        #expect(judge(all, [one, stranger, two]) == .success)
        #expect(judge(all, [one]) == missing("192.0.2.2 missing"))
        #expect(judge(any, []) == missing("no A record"))
        #expect(judge(any, [stranger], 0x8780) == missing("192.0.2.1 +1 missing, answer truncated"))
        let plain = try question()
        #expect(judge(plain, []) == missing("no A record"))
        #expect(judge(plain, [], 0x8780) == .success, "alive, and too much to say")
        #expect(judge(plain, [Answer.record("2001:db8::1", type: .AAAA)]) == missing("no A record"))
    }

    @Test func `changed bytes are judged without a trap`() throws {
        let asked = try question { $0.addresses = [IPAddress(v4: 1)] }
        let good = Answer(records: [one, two], count: 40).bytes
        var random = SeededRandom(seed: 11)
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0...2 {
                bytes[Int(random.next(below: UInt32(bytes.count)))] =
                    UInt8(truncatingIfNeeded: random.next())
            }
            let length = Int(random.next(below: UInt32(bytes.count + 1)))
            _ = asked.judge(Array(bytes.prefix(length)), number: 0x1234)
        }
    }

    private func exchange(isStream: Bool) throws -> ProbeExchange {
        var exchange = ProbeExchange()
        exchange.begin(.dns(try question { $0.isStream = isStream }), number: 0x1234)
        #expect(exchange.connected() == .send)
        return exchange
    }

    @Test func `datagrams of others are passed over, and an empty one ends nothing`() throws {
        var exchange = try exchange(isStream: false)
        var fields = FieldTable(limit: 1)
        let good = Answer(records: [one]).bytes
        let forged = Answer(number: 1, records: [one]).bytes
        #expect(exchange.ended() == .wait)
        let first = exchange.received(forged.span, fields: &fields)
        #expect(first == .init(consumed: forged.count, action: .wait))
        #expect(exchange.received(good.span, fields: &fields).action == .finish(.success))
    }

    @Test(arguments: [1, 3, 500])
    func `a stream is read in pieces`(step: Int) throws {
        var exchange = try exchange(isStream: true)
        var fields = FieldTable(limit: 1)
        let message = Answer(records: [one]).bytes
        let bytes = [0, UInt8(message.count)] + message
        var action = ProbeExchange.Action.wait
        for end in stride(from: step, to: bytes.count + step, by: step) where action == .wait {
            let piece = Array(bytes.prefix(end))
            let reception = exchange.received(piece.span, fields: &fields)
            #expect(reception.consumed == 0 || reception.action != .wait)
            action = reception.action
        }
        #expect(action == .finish(.success))
    }

    @Test func `a stream with another answer, too long a one or none fails`() throws {
        var fields = FieldTable(limit: 1)
        let forged = Answer(number: 1, records: [one]).bytes
        var first = try exchange(isStream: true)
        let wrong = ProbeOutcome.failure(.malformedResponse, detail: "another question")
        let bytes = [0, UInt8(forged.count)] + forged
        #expect(first.received(bytes.span, fields: &fields).action == .finish(wrong))
        var second = try exchange(isStream: true)
        let long = ProbeOutcome.failure(.malformedResponse, detail: "longer than 16 KiB")
        #expect(second.received([0xff, 0xff].span, fields: &fields).action == .finish(long))
        var third = try exchange(isStream: true)
        #expect(third.ended() == .finish(.failure(.closedEarly, detail: "")))
    }
}
