// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTPProtocol

/// What a session's call left behind, as values that a test can compare.
struct HTTP2Happening: Equatable {
    var event: HTTP2Event
    var fields: [String] = []
    var content = ""
}

/// A session with a workspace of its own.
struct HTTP2Side: ~Copyable {
    var workspace: HTTP2Workspace
    let session: HTTP2Session
    private var reader = HTTP2FrameReader(blockLimit: 24_576)

    init(isServer: Bool, _ settings: HTTP2SessionSettings, _ limits: HeadLimits) throws {
        let made = HTTP2Workspace(limits: limits)
        let opened = HTTP2Session(isServer: isServer, settings: settings, workspace: made)
        guard let opened else { throw HTTP2TestError.noMemory }
        workspace = made
        session = opened
    }

    deinit { session.destroy() }

    /// Receives bytes, piece by piece, and tells what they meant; nil when the session broke.
    mutating func hear(_ bytes: [UInt8]) -> [HTTP2Happening]? {
        var happenings: [HTTP2Happening] = []
        var rest = bytes[...]
        if bytes.starts(with: HTTP2Bytes.preface) {
            guard session.receive(HTTP2Bytes.preface.span) else { return nil }
            rest = rest.dropFirst(HTTP2Bytes.preface.count)
        }
        while true {
            switch reader.next(Array(rest).span) {
            case .needMore: return happenings
            case .refused: return nil
            case .frame(_, let count), .fieldBlock(_, _, let count), .moreData(let count):
                let piece = Array(rest.prefix(count))
                guard session.receive(piece.span) else { return nil }
                happenings += happened(piece)
                rest = rest.dropFirst(count)
            }
        }
    }

    private func happened(_ bytes: [UInt8]) -> [HTTP2Happening] {
        var list: [String] = []
        let fields = workspace.fields
        for index in fields.indices {
            list.append(
                text(workspace.text, fields[index].name) + "="
                    + text(workspace.text, fields[index].value)
            )
        }
        return (0..<workspace.eventCount).map { index in
            let event = workspace.event(index)
            switch event {
            case .fields, .trailers: return HTTP2Happening(event: event, fields: list)
            case .data(_, _, let range):
                return HTTP2Happening(event: event, content: text(bytes.span, range))
            default: return HTTP2Happening(event: event)
            }
        }
    }

    /// Everything that the session has to say now, at most `room` bytes.
    mutating func say(room: Int = 65_536) -> [UInt8] {
        var isWhole = true
        let bytes = [UInt8](capacity: room) { output in
            isWhole = session.produce(into: &output)
        }
        #expect(isWhole)
        return bytes
    }

    mutating func list(_ fields: [(String, String)]) {
        workspace.beginFields()
        for (name, value) in fields { workspace.add(Array(name.utf8).span, Array(value.utf8).span) }
    }

    private func text(_ bytes: Span<UInt8>, _ range: ByteRange) -> String {
        let part = bytes.slice(range)
        return String(decoding: part.indices.map { part[$0] }, as: UTF8.self)
    }
}

enum HTTP2TestError: Error { case noMemory }

/// A client and a server whose bytes go to each other.
struct HTTP2Loopback: ~Copyable {
    var client: HTTP2Side
    var server: HTTP2Side

    init(
        _ settings: HTTP2SessionSettings = HTTP2SessionSettings(),
        client its: HTTP2SessionSettings = HTTP2SessionSettings(),
        limits: HeadLimits = HeadLimits(headBytes: 24_576)
    ) throws {
        let client = try HTTP2Side(isServer: false, its, limits)
        let server = try HTTP2Side(isServer: true, settings, limits)
        self.client = client
        self.server = server
        // Preface and SETTINGS of both sides, each acknowledged.
        for _ in 0..<3 { _ = exchange() }
    }

    /// Carries what each side has to say to the other; what it meant to the server comes first.
    mutating func exchange() -> (server: [HTTP2Happening], client: [HTTP2Happening]) {
        let heard = server.hear(client.say()) ?? []
        return (heard, client.hear(server.say()) ?? [])
    }

    static let get: [(String, String)] = [
        (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "example.org"),
    ]
}

/// Frames as a peer would write them by hand.
enum HTTP2Bytes {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func frame(
        _ type: UInt8,
        flags: UInt8 = 0,
        stream: UInt32,
        _ payload: [UInt8] = []
    ) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff)]
            + [type, flags] + (0..<4).map { UInt8(stream >> (24 - 8 * $0) & 0xff) } + payload
    }

    /// Octets from pairs of hexadecimal digits, as RFC 7541 prints them.
    static func hex(_ text: String) -> [UInt8] {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}
