// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import HTTPProtocol

/// From the field list of a response to the text that the parser of HTTP/1.1 reads.
@Suite struct HTTP2ResponseTests {
    struct Outcome: Equatable {
        var text = ""
        var refusal: Refusal?
        var facts = HTTP2Conversion.ResponseFacts()
    }

    static func convert(
        _ list: [(String, String)],
        endsStream: Bool = false,
        answersHead: Bool = false
    ) -> Outcome {
        var text: [UInt8] = []
        var fields: [HTTP2Field] = []
        for (name, value) in list {
            let start = text.count
            text += Array(name.utf8)
            let middle = text.count
            text += Array(value.utf8)
            fields.append(
                HTTP2Field(
                    name: ByteRange(from: start, to: middle),
                    value: ByteRange(from: middle, to: text.count)
                )
            )
        }
        var outcome = Outcome()
        let bytes = [UInt8](capacity: 32_768) { output in
            outcome.refusal = HTTP2Conversion.writeResponse(
                fields.span,
                text: text.span,
                endsStream: endsStream,
                answersHead: answersHead,
                facts: &outcome.facts,
                into: &output
            )
        }
        if outcome.refusal == nil { outcome.text = String(decoding: bytes, as: UTF8.self) }
        return outcome
    }

    @Test func `a list becomes a head that HTTP 1 reads`() {
        let outcome = Self.convert([(":status", "404"), ("x-a", "b"), ("set-cookie", "c=d")])
        #expect(
            outcome.text == "HTTP/1.1 404 Not Found\r\nx-a: b\r\nset-cookie: c=d\r\n\r\n"
        )
        #expect(outcome.facts.status == 404)
    }

    @Test func `an end at the head is a length of nothing, where a length could be`() {
        let ended = Self.convert([(":status", "200")], endsStream: true)
        #expect(ended.text.hasSuffix("\r\ncontent-length: 0\r\n\r\n") && ended.facts.addsLength)
        for (status, answersHead) in [("204", false), ("304", false), ("200", true)] {
            let silent = Self.convert(
                [(":status", status)],
                endsStream: true,
                answersHead: answersHead
            )
            #expect(silent.refusal == nil && !silent.text.contains("length"), "\(status)")
        }
        let head = Self.convert(
            [(":status", "200"), ("content-length", "5")],
            endsStream: true,
            answersHead: true
        )
        #expect(head.text.contains("content-length: 5") && !head.facts.addsLength)
    }

    @Test(
        arguments: [
            ([], Refusal.pseudoField), ([("x", "1")], .pseudoField),
            ([("x", "1"), (":status", "200")], .pseudoField),
            ([(":status", "200"), (":status", "200")], .pseudoField),
            ([(":status", "200"), (":path", "/")], .pseudoField),
            ([(":status", "")], .status), ([(":status", "20")], .status),
            ([(":status", "2000")], .status), ([(":status", "2x0")], .status),
            ([(":status", "099")], .status), ([(":status", "600")], .status),
            ([(":status", "101")], .status), ([(":status", "200\r\nx: y")], .status),
            ([(":status", "200"), ("connection", "close")], .connectionField),
            ([(":status", "200"), ("transfer-encoding", "chunked")], .connectionField),
            ([(":status", "200"), ("upgrade", "h2c")], .connectionField),
            ([(":status", "200"), ("X", "1")], .fieldCase),
            ([(":status", "200"), ("a b", "1")], .fieldName),
            ([(":status", "200"), ("a", "1\r\nb: 2")], .controlByte),
            ([(":status", "200"), ("a", "1\u{0}")], .controlByte),
            ([(":status", "200"), ("a", " 1")], .valueBlank),
        ] as [([(String, String)], Refusal)]
    )
    func `what is malformed is refused`(_ list: [(String, String)], _ refusal: Refusal) {
        #expect(Self.convert(list).refusal == refusal)
    }

    @Test func `an end that contradicts the head is refused`() {
        let interim = Self.convert([(":status", "103")], endsStream: true)
        #expect(interim.refusal == .lengthMismatch)
        let owed = Self.convert([(":status", "200"), ("content-length", "5")], endsStream: true)
        #expect(owed.refusal == .lengthMismatch)
        let none = Self.convert([(":status", "200"), ("content-length", "0")], endsStream: true)
        #expect(none.refusal == nil && !none.facts.addsLength)
    }

    @Test func `a request that was given up before it went leaves no memory behind`() throws {
        var client = try HTTP2Side(
            isServer: false,
            HTTP2SessionSettings(),
            HeadLimits(headBytes: 24_576)
        )
        _ = client.say()
        let before = client.session.heapUsed
        for _ in 0..<100 {
            client.list(HTTP2Loopback.get)
            let stream = client.session.request(endsStream: true, owner: 7)
            #expect(stream > 0 && client.session.isOpen(stream))
            client.session.reset(stream, .cancel)
            client.session.release(stream)
            _ = client.say()
            #expect(!client.session.isOpen(stream))
        }
        #expect(client.session.heapUsed <= before + 4_096)
    }
}

@Suite struct GRPCTests {
    @Test func `the content type is that of gRPC, with or without a format`() {
        for (text, expected) in [
            ("application/grpc", true), ("Application/gRPC+proto", true),
            ("application/grpc;x=y", true), ("application/grpc-web", false),
            ("application/grp", false), ("", false), ("text/plain", false),
        ] {
            #expect(GRPC.isContentType(Array(text.utf8).span) == expected, "\(text)")
        }
    }

    @Test func `a timeout has one to eight digits and a unit`() {
        for (text, expected) in [
            ("1S", Interval.seconds(1)), ("250m", .milliseconds(250)), ("2M", .seconds(120)),
            ("1H", .seconds(3600)), ("5u", Interval(nanoseconds: 5_000)),
            ("7n", Interval(nanoseconds: 7)), ("99999999S", .seconds(99_999_999)),
        ] {
            #expect(GRPC.timeout(Array(text.utf8).span) == expected, "\(text)")
        }
        for text in ["", "S", "1", "1s", "-1S", "123456789S", "1.5S", "99999999H "] {
            #expect(GRPC.timeout(Array(text.utf8).span) == nil, "\(text)")
        }
        // More than two hundred years are no bound, and no overflow.
        let long = GRPC.timeout(Array("99999999H".utf8).span)
        #expect(long == nil)
    }
}
