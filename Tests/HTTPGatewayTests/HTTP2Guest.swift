// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@testable import HTTPGateway
@testable import HTTPProtocol

/// What a client has been told on one stream.
struct HTTP2Answer: Equatable {
    var interims: [String] = []
    var status = ""
    var fields: [String] = []
    var content = ""
    var bytes: [UInt8] = []
    var trailers: [String] = []
    var isComplete = false
    var code: HTTP2ErrorCode?
}

/// A client of the door that speaks HTTP/2, over one of the harness's sockets.
struct HTTP2Guest: ~Copyable {
    let guest: Int
    private var workspace: HTTP2Workspace
    let session: HTTP2Session
    private var reader = HTTP2FrameReader(blockLimit: 65_536)
    private var used = 0
    var answers: [Int32: HTTP2Answer] = [:]
    /// The codes of the GOAWAYs that came, each with the last stream.
    var farewells: [(code: HTTP2ErrorCode, last: Int32)] = []
    /// Content given back to the server's windows as soon as it comes.
    var reads = true
    private var contents: [[UInt8]] = []

    init(_ stage: inout DoorHarness, settings: HTTP2SessionSettings = HTTP2SessionSettings()) throws
    {
        let made = HTTP2Workspace(limits: HeadLimits(headBytes: 60_000, fields: 200))
        let opened = HTTP2Session(isServer: false, settings: settings, workspace: made)
        let guest = stage.connect()
        guard let opened else { throw HTTP2GuestError.noMemory }
        workspace = made
        session = opened
        self.guest = guest
    }

    deinit { session.destroy() }

    /// Sends a request; returns its stream.
    mutating func ask(
        _ stage: inout DoorHarness,
        _ method: String = "GET",
        _ path: String = "/",
        _ fields: [(String, String)] = [],
        content: String? = nil,
        isWhole: Bool = true
    ) -> Int32 {
        workspace.beginFields()
        let list =
            [
                (":method", method), (":scheme", "http"), (":path", path),
                (":authority", "a.example"),
            ] + fields
        for (name, value) in list {
            workspace.add(Array(name.utf8).span, Array(value.utf8).span)
        }
        let stream = session.request(endsStream: content == nil, owner: 1)
        answers[stream] = HTTP2Answer()
        if let content {
            let bytes = Array(content.utf8)
            contents.append(bytes)  // kept, since the session only looks at it
            session.offer(stream, bytes.span, isLast: isWhole)
        }
        speak(&stage)
        return stream
    }

    /// Asks for a WebSocket (RFC 8441); returns its stream.
    mutating func open(
        _ stage: inout DoorHarness,
        _ path: String = "/chat",
        _ fields: [(String, String)] = [],
        as name: String = "websocket"
    ) -> Int32 {
        let list = [(":protocol", name)] + fields
        return ask(&stage, "CONNECT", path, list, content: "", isWhole: false)
    }

    /// Says more on a stream that all said before has left.
    mutating func say(
        _ stage: inout DoorHarness,
        _ stream: Int32,
        _ bytes: [UInt8],
        isLast: Bool = false
    ) {
        contents.append(bytes)
        session.offer(stream, bytes.span, isLast: isLast)
        speak(&stage)
    }

    /// Gives windows back that were kept while the client did not read.
    mutating func takeIn(_ stage: inout DoorHarness, _ stream: Int32, _ count: Int) {
        session.consume(stream, count)
        speak(&stage)
    }

    /// Ends a stream at once.
    mutating func cancel(_ stage: inout DoorHarness, _ stream: Int32) {
        session.reset(stream, .cancel)
        speak(&stage)
    }

    /// Sends what the session has to say.
    mutating func speak(_ stage: inout DoorHarness) {
        while true {
            let bytes = [UInt8](capacity: 65_536) { _ = session.produce(into: &$0) }
            guard !bytes.isEmpty else { return }
            stage.send(guest, bytes)
        }
    }

    /// Takes in what the door has said since the last time, and answers it.
    mutating func listen(_ stage: inout DoorHarness) {
        var rest = stage.guests[guest].heard[used...]
        while true {
            switch reader.next(Array(rest.prefix(65_536)).span) {
            case .needMore, .refused:
                used = stage.guests[guest].heard.count - rest.count
                return speak(&stage)
            case .frame(_, let count), .fieldBlock(_, _, let count), .moreData(let count):
                let piece = Array(rest.prefix(count))
                _ = session.receive(piece.span)
                note(piece)
                rest = rest.dropFirst(count)
            }
        }
    }

    private mutating func note(_ bytes: [UInt8]) {
        let list = workspace.fields
        let text = workspace.text
        let fields = list.indices.map {
            HTTP2Guest.text(text, list[$0].name) + ": " + HTTP2Guest.text(text, list[$0].value)
        }
        for index in 0..<workspace.eventCount {
            switch workspace.event(index) {
            case .fields(let stream, _, let ends):
                let status = String(fields.first?.dropFirst(9) ?? "")
                guard !status.hasPrefix("1") else {
                    answers[stream]?.interims.append(status)
                    continue
                }
                answers[stream]?.status = status
                answers[stream]?.fields = Array(fields.dropFirst())
                if ends { answers[stream]?.isComplete = true }
            case .trailers(let stream, _):
                answers[stream]?.trailers = fields
                answers[stream]?.isComplete = true
            case .data(let stream, _, let range):
                answers[stream]?.content += HTTP2Guest.text(bytes.span, range)
                answers[stream]?.bytes += bytes[Int(range.start)..<Int(range.end)]
                if reads { session.consume(stream, Int(range.count)) }
            case .finished(let stream, _): answers[stream]?.isComplete = true
            case .closed(let stream, _, let code): answers[stream]?.code = code
            case .goAway(let last, let code): farewells.append((code, last))
            }
        }
    }

    private static func text(_ bytes: Span<UInt8>, _ range: ByteRange) -> String {
        let part = bytes.slice(range)
        return String(decoding: part.indices.map { part[$0] }, as: UTF8.self)
    }
}

enum HTTP2GuestError: Error { case noMemory }

extension DoorHarness {
    /// Turns until the client has heard what it waits for; true when it has.
    @discardableResult
    mutating func turn(
        _ client: inout HTTP2Guest,
        until isDone: (borrowing HTTP2Guest) -> Bool
    ) -> Bool {
        let limit = Clock.monotonic() + .seconds(5)
        while Clock.monotonic() < limit {
            turnOnce(wait: door.hasReadyWork ? 0 : 1)
            client.listen(&self)
            if isDone(client) { return true }
        }
        return false
    }

    /// The whole answer to a request.
    mutating func answer(_ client: inout HTTP2Guest, _ stream: Int32) -> HTTP2Answer {
        turn(&client) { $0.answers[stream]?.isComplete == true || $0.answers[stream]?.code != nil }
        return client.answers[stream] ?? HTTP2Answer()
    }
}
