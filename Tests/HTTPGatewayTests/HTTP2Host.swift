// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@testable import HTTPGateway
@testable import HTTPProtocol

/// What an endpoint has been asked on one stream.
struct HTTP2Question: Equatable {
    var fields: [String] = []
    var content = ""
    var trailers: [String] = []
    var isComplete = false
    var code: HTTP2ErrorCode?
}

/// One connection of an endpoint that speaks HTTP/2, over one of the harness's visitors.
struct HTTP2Host: ~Copyable {
    let visitor: Int
    private var workspace: HTTP2Workspace
    let session: HTTP2Session
    private var reader = HTTP2FrameReader(blockLimit: 65_536)
    private var used = 0
    private var hasPreface = false
    var questions: [Int32: HTTP2Question] = [:]
    var farewells: [HTTP2ErrorCode] = []
    /// Content given back to the client's windows as soon as it comes.
    var reads = true
    private var contents: [[UInt8]] = []

    /// The endpoint's side of the connection with this number, counted over all endpoints.
    init(
        _ stage: inout DoorHarness,
        visitor: Int = 0,
        settings: HTTP2SessionSettings = HTTP2SessionSettings()
    ) throws {
        let made = HTTP2Workspace(limits: HeadLimits(headBytes: 60_000, fields: 200))
        let opened = HTTP2Session(isServer: true, settings: settings, workspace: made)
        guard let opened else { throw HTTP2GuestError.noMemory }
        stage.turn { $0.visitors.count > visitor }
        workspace = made
        session = opened
        self.visitor = visitor
    }

    deinit { session.destroy() }

    /// Answers; content may follow when it is not whole.
    mutating func answer(
        _ stage: inout DoorHarness,
        _ stream: Int32,
        _ status: String = "200",
        _ fields: [(String, String)] = [],
        content: String? = nil,
        trailers: [(String, String)] = [],
        isWhole: Bool = true
    ) {
        list([(":status", status)] + fields)
        let isEmpty = content == nil && trailers.isEmpty && isWhole
        _ = session.respond(stream, endsStream: isEmpty)
        guard !isEmpty else { return speak(&stage) }
        if !trailers.isEmpty {
            list(trailers)
            _ = session.keepTrailers(stream)
        }
        let bytes = Array((content ?? "").utf8)
        contents.append(bytes)  // kept, since the session only looks at it
        session.offer(stream, bytes.span, isLast: isWhole)
        speak(&stage)
    }

    mutating func interim(_ stage: inout DoorHarness, _ stream: Int32, _ status: String) {
        list([(":status", status), ("link", "</a>")])
        _ = session.interim(stream)
        speak(&stage)
    }

    private mutating func list(_ fields: [(String, String)]) {
        workspace.beginFields()
        for (name, value) in fields {
            workspace.add(Array(name.utf8).span, Array(value.utf8).span)
        }
    }

    /// Sends what the session has to say.
    mutating func speak(_ stage: inout DoorHarness) {
        while true {
            let bytes = [UInt8](capacity: 65_536) { _ = session.produce(into: &$0) }
            guard !bytes.isEmpty else { return }
            stage.say(visitor, bytes)
        }
    }

    /// Takes in what the door has said since the last time, and answers it.
    mutating func listen(_ stage: inout DoorHarness) {
        var rest = stage.visitors[visitor].heard[used...]
        if !hasPreface {
            guard rest.count >= 24 else { return }
            _ = session.receive(Array(rest.prefix(24)).span)
            rest = rest.dropFirst(24)
            hasPreface = true
        }
        while true {
            switch reader.next(Array(rest.prefix(65_536)).span) {
            case .needMore, .refused:
                used = stage.visitors[visitor].heard.count - rest.count
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
            HTTP2Host.text(text, list[$0].name) + ": " + HTTP2Host.text(text, list[$0].value)
        }
        for index in 0..<workspace.eventCount {
            switch workspace.event(index) {
            case .fields(let stream, _, let ends):
                session.attach(stream, to: 1)
                questions[stream] = HTTP2Question(fields: fields, isComplete: ends)
            case .trailers(let stream, _):
                questions[stream]?.trailers = fields
                questions[stream]?.isComplete = true
            case .data(let stream, _, let range):
                questions[stream]?.content += HTTP2Host.text(bytes.span, range)
                if reads { session.consume(stream, Int(range.count)) }
            case .finished(let stream, _): questions[stream]?.isComplete = true
            case .closed(let stream, _, let code): questions[stream]?.code = code
            case .goAway(_, let code): farewells.append(code)
            }
        }
    }

    private static func text(_ bytes: Span<UInt8>, _ range: ByteRange) -> String {
        let part = bytes.slice(range)
        return String(decoding: part.indices.map { part[$0] }, as: UTF8.self)
    }
}

extension DoorHarness {
    /// A door whose endpoints are asked by HTTP/2.
    init(
        http2 endpoints: Int,
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws {
        try self.init(Array(repeating: [.silence], count: endpoints)) { plan in
            plan.poolPlans[0].version = .http2
            configure(&plan)
        }
    }

    /// Turns until the endpoint has heard what it waits for; true when it has.
    @discardableResult
    mutating func turn(
        _ host: inout HTTP2Host,
        until isDone: (borrowing HTTP2Host, inout DoorHarness) -> Bool
    ) -> Bool {
        let limit = Clock.monotonic() + .seconds(5)
        while Clock.monotonic() < limit {
            turnOnce(wait: door.hasReadyWork ? 0 : 1)
            host.listen(&self)
            if isDone(host, &self) { return true }
        }
        return false
    }

    /// The whole request on a stream.
    mutating func question(_ host: inout HTTP2Host, _ stream: Int32) -> HTTP2Question {
        turn(&host) { host, _ in host.questions[stream]?.isComplete == true }
        return host.questions[stream] ?? HTTP2Question()
    }

    /// Turns both sides until the client has heard this text; returns all it has heard.
    mutating func hear(_ guest: Int, _ host: inout HTTP2Host, until text: String) -> String {
        turn(&host) { _, stage in stage.heard(guest).contains(text) }
        return heard(guest)
    }
}
