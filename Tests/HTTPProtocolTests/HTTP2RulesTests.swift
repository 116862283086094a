// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTPProtocol

/// What RFC 9113 says that a server MUST do about frames and streams, one row for each rule.
@Suite struct HTTP2RulesTests {
    /// How a rule is kept; an error of a stream may be taken for one of the connection (§5.4.2).
    enum Verdict: Sendable { case connection(UInt32), stream(UInt32), fine }

    struct Rule: Sendable, CustomTestStringConvertible {
        let section: String
        let words: String
        let bytes: [UInt8]
        let verdict: Verdict
        var testDescription: String { "§\(section) \(words)" }

        init(_ section: String, _ words: String, _ verdict: Verdict, _ bytes: [UInt8]) {
            self.section = section
            self.words = words
            self.verdict = verdict
            self.bytes = bytes
        }
    }

    static let get: [UInt8] = [0x82, 0x86, 0x84, 0x01, 0x01, 0x61]
    static let post: [UInt8] = [0x83, 0x86, 0x84, 0x01, 0x01, 0x61]
    static let most: [UInt8] = [0x7f, 0xff, 0xff, 0xff]
    static let noError: UInt32 = 0
    static let protocolError: UInt32 = 1
    static let flowControl: UInt32 = 3
    static let streamClosed: UInt32 = 5
    static let frameSize: UInt32 = 6
    static let compression: UInt32 = 9

    static func frame(
        _ type: UInt8,
        _ flags: UInt8,
        _ stream: UInt32,
        _ payload: [UInt8] = []
    ) -> [UInt8] {
        HTTP2Bytes.frame(type, flags: flags, stream: stream, payload)
    }
    static func setting(_ number: UInt8, _ value: UInt32) -> [UInt8] {
        frame(4, 0, 0, [0, number] + (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xff) })
    }
    static let asked = frame(1, 5, 1, get)
    static let posting = frame(1, 4, 1, post)

    static let frames: [Rule] = [
        Rule("4.1", "unknown types are ignored", .fine, frame(0x2a, 0xff, 1, [1, 2])),
        Rule("4.1", "unknown flags are ignored", .fine, frame(6, 0xfe, 0, zeros(8))),
        Rule("4.1", "the reserved bit is ignored", .fine, frame(1, 5, 0x8000_0001, get)),
        Rule(
            "4.2",
            "a frame that is too long",
            .connection(frameSize),
            [0, 0x40, 1] + frame(0, 0, 1)[3...]
        ),
        Rule(
            "4.3",
            "a field block that cannot be read",
            .connection(compression),
            frame(1, 5, 1, [0x80])
        ),
        Rule("6.1", "DATA on the connection", .connection(protocolError), frame(0, 0, 0, [1])),
        Rule(
            "6.1",
            "DATA with too much padding",
            .connection(protocolError),
            posting + frame(0, 8, 1, [5, 1])
        ),
        Rule("6.2", "HEADERS on the connection", .connection(protocolError), frame(1, 5, 0, get)),
        Rule(
            "6.2",
            "HEADERS with too much padding",
            .connection(protocolError),
            frame(1, 0xd, 1, [9] + get)
        ),
        Rule(
            "6.3",
            "PRIORITY of a wrong length",
            .stream(frameSize),
            asked + frame(2, 0, 1, zeros(4))
        ),
        Rule("6.3", "PRIORITY of an idle stream", .fine, frame(2, 0, 9, [0, 0, 0, 0, 1])),
        Rule(
            "6.4",
            "RST_STREAM on the connection",
            .connection(protocolError),
            frame(3, 0, 0, zeros(4))
        ),
        Rule(
            "6.4",
            "RST_STREAM of a wrong length",
            .connection(frameSize),
            asked + frame(3, 0, 1, zeros(3))
        ),
        Rule("6.5", "SETTINGS on a stream", .connection(protocolError), frame(4, 0, 1)),
        Rule("6.5", "SETTINGS of a wrong length", .connection(frameSize), frame(4, 0, 0, zeros(5))),
        Rule(
            "6.5",
            "an acknowledgement with settings",
            .connection(frameSize),
            frame(4, 1, 0, zeros(6))
        ),
        Rule("6.5.2", "ENABLE_PUSH of 2", .connection(protocolError), setting(2, 2)),
        Rule(
            "6.5.2",
            "a window above the limit",
            .connection(flowControl),
            setting(4, 0x8000_0000)
        ),
        Rule(
            "6.5.2",
            "MAX_FRAME_SIZE below the least",
            .connection(protocolError),
            setting(5, 16_383)
        ),
        Rule("6.5.2", "unknown settings are ignored", .fine, setting(0x77, 1)),
        Rule(
            "6.6",
            "PUSH_PROMISE by a client",
            .connection(protocolError),
            asked + frame(5, 4, 1, [0, 0, 0, 2] + get)
        ),
        Rule("6.7", "PING on a stream", .connection(protocolError), frame(6, 0, 1, zeros(8))),
        Rule("6.7", "PING of a wrong length", .connection(frameSize), frame(6, 0, 0, zeros(7))),
        Rule("6.8", "GOAWAY on a stream", .connection(protocolError), frame(7, 0, 1, zeros(8))),
        Rule(
            "6.9",
            "no increment for the connection",
            .connection(protocolError),
            frame(8, 0, 0, zeros(4))
        ),
        Rule(
            "6.9",
            "no increment for a stream",
            .stream(protocolError),
            asked + frame(8, 0, 1, zeros(4))
        ),
        Rule(
            "6.9",
            "WINDOW_UPDATE of a wrong length",
            .connection(frameSize),
            frame(8, 0, 0, zeros(3))
        ),
        Rule(
            "6.9.1",
            "a connection's window above the limit",
            .connection(flowControl),
            frame(8, 0, 0, most)
        ),
        Rule(
            "6.9.1",
            "a stream's window above the limit",
            .stream(flowControl),
            asked + frame(8, 0, 1, most)
        ),
        Rule("6.10", "CONTINUATION of nothing", .connection(protocolError), frame(9, 4, 1, get)),
        Rule(
            "6.10",
            "a frame within a field block",
            .connection(protocolError),
            frame(1, 1, 1, get) + frame(6, 0, 0, zeros(8))
        ),
        Rule(
            "6.10",
            "CONTINUATION of another stream",
            .connection(protocolError),
            frame(1, 1, 1, get) + frame(9, 4, 3)
        ),
    ]

    static let streams: [Rule] = [
        Rule("5.1", "DATA on an idle stream", .connection(protocolError), frame(0, 0, 1, [1])),
        Rule(
            "5.1",
            "RST_STREAM on an idle stream",
            .connection(protocolError),
            frame(3, 0, 1, zeros(4))
        ),
        Rule(
            "5.1",
            "WINDOW_UPDATE on an idle stream",
            .connection(protocolError),
            frame(8, 0, 1, [0, 0, 0, 1])
        ),
        Rule("5.1", "DATA behind the end", .stream(streamClosed), asked + frame(0, 1, 1, [1])),
        Rule("5.1", "HEADERS behind the end", .stream(streamClosed), asked + frame(1, 5, 1, get)),
        Rule("5.1", "WINDOW_UPDATE behind the end", .fine, asked + frame(8, 0, 1, [0, 0, 0, 1])),
        Rule("5.1", "RST_STREAM behind the end", .fine, asked + frame(3, 0, 1, [0, 0, 0, 8])),
        Rule(
            "5.1",
            "PRIORITY behind a reset",
            .fine,
            asked + frame(3, 0, 1, [0, 0, 0, 8]) + frame(2, 0, 1, [0, 0, 0, 0, 1])
        ),
        Rule(
            "5.1.1",
            "a stream of the server's numbers",
            .connection(protocolError),
            frame(1, 5, 2, get)
        ),
        Rule("5.1.1", "a stream that may be left out", .fine, frame(1, 5, 7, get)),
        Rule(
            "8.1",
            "a second HEADERS that ends nothing",
            .stream(protocolError),
            posting + frame(1, 4, 1, [0x40, 1, 0x78, 1, 0x79])
        ),
        Rule(
            "8.1.1",
            "less content than declared",
            .stream(protocolError),
            frame(1, 4, 1, post + [0x0f, 0x0d, 1, 0x35]) + frame(0, 1, 1, [1])
        ),
        Rule(
            "8.1.1",
            "more content than declared",
            .stream(protocolError),
            frame(1, 4, 1, post + [0x0f, 0x0d, 1, 0x31]) + frame(0, 1, 1, [1, 2])
        ),
    ]

    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    /// The codes of GOAWAY and RST_STREAM, and the types, in what a server says to these bytes.
    private static func ask(
        _ bytes: [UInt8]
    ) throws -> (farewell: UInt32?, reset: UInt32?, types: [UInt8]) {
        var server = try HTTP2Side(
            isServer: true,
            HTTP2SessionSettings(),
            HeadLimits(headBytes: 24_576)
        )
        _ = server.hear(HTTP2Bytes.preface + frame(4, 0, 0))
        _ = server.say()
        _ = server.hear(bytes)
        let said = server.say()
        var (farewell, reset, types): (UInt32?, UInt32?, [UInt8]) = (nil, nil, [])
        var place = 0
        while let header = HTTP2FrameHeader(said.span, at: place) {
            types.append(header.type)
            let start = place + HTTP2FrameHeader.size
            func code(_ offset: Int) -> UInt32 {
                said[(start + offset)..<(start + offset + 4)].reduce(0) { $0 << 8 | UInt32($1) }
            }
            if header.type == HTTP2FrameType.goAway { farewell = code(4) }
            if header.type == HTTP2FrameType.reset { reset = code(0) }
            place = start + header.length
        }
        return (farewell, reset, types)
    }

    @Test(arguments: frames + streams)
    func `a rule of RFC 9113 is kept`(rule: Rule) throws {
        let answer = try Self.ask(rule.bytes)
        switch rule.verdict {
        case .fine: #expect(answer.farewell == nil && answer.reset == nil)
        case .connection(let code): #expect(answer.farewell == code)
        case .stream(let code): #expect((answer.farewell ?? answer.reset) == code)
        }
    }

    @Test func `PING and SETTINGS are acknowledged, acknowledgements are not`() throws {
        let ping = try Self.ask(Self.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]))
        #expect(ping.types == [HTTP2FrameType.ping])
        let settings = try Self.ask(Self.setting(3, 7))
        #expect(settings.types == [HTTP2FrameType.settings])
        let acknowledged = try Self.ask(Self.frame(6, 1, 0, Self.zeros(8)))
        #expect(acknowledged.types.isEmpty)
    }

    @Test func `what the library forgives does nothing`() throws {
        // PRIORITY has no meaning with the priorities of RFC 9218, not even on the connection (§6.3).
        let priority = try Self.ask(Self.frame(2, 0, 0, Self.zeros(5)))
        #expect(priority.types.isEmpty)
        // A number below the last one may be a stream that was reset here meanwhile (§5.1).
        var server = try HTTP2Side(
            isServer: true,
            HTTP2SessionSettings(),
            HeadLimits(headBytes: 24_576)
        )
        _ = server.hear(HTTP2Bytes.preface + Self.frame(4, 0, 0))
        let opened = server.hear(Self.frame(1, 5, 5, Self.get))?.count
        let late = server.hear(Self.frame(1, 5, 3, Self.get))?.count
        #expect(opened == 1 && late == 0)
    }
}
