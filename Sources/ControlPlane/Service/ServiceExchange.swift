// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol

/// Bounds of a service; each has its deadline or its problem code.
public struct ServiceLimits: Sendable, Equatable {
    /// Connections at a time, over all its listeners.
    public var connections = 128
    /// Of these, connections that read a stream without end; others must find a place beside them.
    public var streams = 32
    /// Bytes of a request body.
    public var body = 1 << 20
    /// Bytes that wait for a slow reader of a stream before its connection is closed.
    public var streamBacklog = 256 << 10
    /// From the first byte of a head to its last, and as long again for the body.
    public var request = Interval.seconds(10)
    /// How long a connection may wait for its next request.
    public var idle = Interval.seconds(60)
    /// How long a client may take no byte of an answer.
    public var send = Interval.seconds(10)
    /// How long an answer that comes later may take.
    public var answer = Interval.seconds(60)
    /// How often a silent stream sends a comment, so that a dead reader is noticed.
    public var ping = Interval.seconds(15)
    /// How long what a refused client still sends is read and thrown away.
    public var linger = Interval.seconds(2)
    /// How a request is refused that cannot be read.
    public var errorForm = ServiceErrorForm.problem

    /// The bounds as shipped.
    public init() {}
}

/// One connection of a service as bytes in and bytes out: no socket, no clock.
///
/// Requests are taken one at a time: a pipelined one stays in the input until the answer before it
/// has been handed over, so a client that does not read cannot make this process buffer answers.
struct ServiceExchange {
    enum Phase: Equatable {
        /// Waiting for the first byte of a request.
        case idle
        /// Part of a head is there.
        case head
        /// The head is there, the body is not.
        case body
        /// The handler has the request and will answer later.
        case asked
        /// An answer is on its way.
        case sending
        /// The answer has no end.
        case streaming(topic: Int)
        /// The last answer has been sent; what still comes is thrown away (RFC 9112 §9.6).
        case lingering
        /// Nothing is left to do.
        case finished
    }

    enum Step {
        /// Nothing to do before more bytes come or go.
        case wait
        /// Ask the handler.
        case request(ServiceRequest)
    }

    let limits: ServiceLimits
    private(set) var phase = Phase.idle
    /// When something must have happened; the owner calls ``expire(now:)`` then.
    private(set) var deadline: Instant
    /// Since when it is this client's turn to say something, and to finish what it says.
    private(set) var awaitsSince: Instant
    /// Bytes for the peer, from ``sent`` on.
    private(set) var output: [UInt8] = []
    private(set) var sent = 0

    private var input: [UInt8] = []
    private var parser: RequestParser
    private var head = RequestHead()
    private var request: ServiceRequest?
    private var chunks: ChunkDecoder?
    private var trailers: TrailerParser?
    /// Bytes that the body of this request may have.
    private var bodyLimit = 0
    private var closes = false
    /// The method of the request that is read; nil while none is, and for one that cannot be.
    private var method: Method?
    /// What was answered, until somebody takes that.
    private var told: (method: Method?, status: UInt16)?
    private var isHead = false
    private var peerHasFinished = false

    init(limits: ServiceLimits, at moment: Moment) {
        self.limits = limits
        // The first request must begin soon: a new connection has no right to sit idle.
        deadline = moment.now + limits.request
        awaitsSince = moment.now
        parser = RequestParser(limits: HeadLimits(headBytes: 32_768, fields: 100))
    }

    /// True when more input is welcome; otherwise the socket is the queue.
    var wantsInput: Bool {
        switch phase {
        case .idle, .head, .body, .streaming, .lingering: !peerHasFinished
        case .asked, .sending, .finished: false
        }
    }
    /// True while nothing is owed to this client, so that it may have to make room for another.
    var mayMakeRoom: Bool {
        switch phase {
        case .idle, .head, .body, .lingering: true
        case .asked, .sending, .streaming, .finished: false
        }
    }
    /// True while bytes wait for the peer.
    var hasOutput: Bool { sent < output.count }

    // MARK: Input

    /// Takes bytes from the peer.
    mutating func receive(_ bytes: Span<UInt8>, at moment: Moment) {
        switch phase {
        case .streaming, .lingering, .finished: return
        case .idle, .head, .body, .asked, .sending: break
        }
        if phase == .idle {
            phase = .head
            deadline = moment.now + limits.request
        }
        input.reserveCapacity(input.count + bytes.count)
        for index in bytes.indices { input.append(bytes[index]) }
    }

    /// Takes the news that the peer will send nothing more.
    mutating func receiveEnd() {
        peerHasFinished = true
        switch phase {
        case .idle, .streaming, .lingering: phase = .finished
        // What came before the end may be a whole request: its sender still reads.
        case .head, .body, .asked, .sending, .finished: break
        }
    }

    /// Looks for the next whole request; `fields` is scratch space.
    ///
    /// `gate` sees each request when its head is there: what it refuses is not read on. `bodies` says how long
    /// the body of one may be, where that is another length than the usual one.
    mutating func next(
        fields: inout FieldTable,
        at moment: Moment,
        gate: ServiceGate? = nil,
        bodies: ServiceBodyLimit? = nil
    ) -> Step {
        let step = read(fields: &fields, at: moment, gate, bodies)
        if peerHasFinished, phase == .head || phase == .body { phase = .finished }
        return step
    }

    private mutating func read(
        fields: inout FieldTable,
        at moment: Moment,
        _ gate: ServiceGate?,
        _ bodies: ServiceBodyLimit?
    ) -> Step {
        if phase == .head {
            // Copies: a call may not touch two parts of `self` that it reads and writes.
            var parser = self.parser
            var head = self.head
            let result = parser.parse(input.span, fields: &fields, head: &head)
            self.parser = parser
            self.head = head
            switch result {
            case .needMore:
                return .wait
            case .refused(let refusal):
                refuse(refusal, at: moment)
                return .wait
            case .complete:
                begin(fields)
                phase = .body
                bodyLimit = request.flatMap { bodies?($0) } ?? limits.body
                // What may be longer may take longer: a second for each mebibyte.
                let extra = Interval.seconds(Int64(max(bodyLimit - limits.body, 0) >> 20))
                deadline = moment.now + limits.request + extra
                if let response = request.flatMap({ gate?($0) }) {
                    refuse(response, at: moment)
                    return .wait
                }
            }
        }
        guard phase == .body, readBody(fields: &fields, at: moment), let whole = request else {
            return .wait
        }
        request = nil
        phase = .asked
        deadline = moment.now + limits.answer
        return .request(whole)
    }

    private mutating func begin(_ fields: borrowing FieldTable) {
        func text(_ range: ByteRange) -> String {
            let start = min(Int(range.start), input.count)
            return String(decoding: input[start..<min(range.end, input.count)], as: UTF8.self)
        }
        let path = text(head.path)
        var made = ServiceRequest(method: head.method, target: path.isEmpty ? "/" : path)
        made.query = text(head.query)
        made.host = text(head.host).lowercased()
        made.authority = text(head.authority).lowercased()
        for index in 0..<fields.count {
            let name = text(fields[index].name).lowercased()
            made.fields.append(ServiceRequest.Field(name, text(fields[index].value)))
        }
        method = head.method
        isHead = head.method == .head
        closes = closes || !head.isPersistent
        input.removeFirst(min(head.length, input.count))
        chunks = head.framing == .chunked ? ChunkDecoder() : nil
        trailers = nil
        request = made
        if head.expectsContinue, !head.framing.isEmpty, input.isEmpty {
            output += "HTTP/1.1 100 Continue\r\n\r\n".utf8
        }
    }

    /// Moves the body into the request; true when it is whole.
    private mutating func readBody(fields: inout FieldTable, at moment: Moment) -> Bool {
        switch head.framing {
        case .none, .untilClose:
            return true
        case .length(let length):
            guard length <= UInt64(bodyLimit) else { return refuseBody(at: moment) }
            guard input.count >= Int(length) else { return false }
            request?.body = Array(input.prefix(Int(length)))
            input.removeFirst(Int(length))
            return true
        case .chunked:
            return readChunks(fields: &fields, at: moment)
        }
    }

    private mutating func readChunks(fields: inout FieldTable, at moment: Moment) -> Bool {
        var position = 0
        while trailers == nil, var decoder = chunks {
            let step = decoder.next(input.span, at: &position)
            chunks = decoder
            switch step {
            case .data(let range):
                let end = min(range.end, input.count)
                request?.body += input[min(Int(range.start), end)..<end]
                guard request?.body.count ?? 0 <= bodyLimit else { return refuseBody(at: moment) }
            case .needMore:
                input.removeFirst(min(position, input.count))
                return false
            case .lastChunk:
                trailers = TrailerParser()
            case .refused(let refusal):
                refuse(refusal, at: moment)
                return false
            }
        }
        input.removeFirst(min(position, input.count))
        guard var parser = trailers else { return false }
        var length = 0
        let result = parser.parse(input.span, fields: &fields, length: &length)
        trailers = parser
        switch result {
        case .needMore:
            return false
        case .refused(let refusal):
            refuse(refusal, at: moment)
            return false
        case .complete:
            input.removeFirst(min(length, input.count))
            return true
        }
    }

    // MARK: Output

    /// Puts the answer to the request of the last ``next(fields:now:)`` into the output.
    mutating func answer(_ response: ServiceResponse, at moment: Moment) {
        guard phase == .asked else { return }
        told = (method, response.status)
        method = nil
        var text = "HTTP/1.1 \(response.status) \(StatusText.reason(response.status))\r\n"
        text += "Date: \(CivilTime(nanoseconds: moment.realtime).httpDate)\r\n"
        for field in response.fields where ServiceExchange.isClean(field) {
            text += "\(field.name): \(field.value)\r\n"
        }
        phase = .sending
        deadline = moment.now + limits.send
        switch response.body {
        case .bytes(let bytes):
            if response.status != 204, response.status != 304 {
                text += "Content-Length: \(bytes.count)\r\n"
            }
            if closes { text += "Connection: close\r\n" }
            output += (text + "\r\n").utf8
            if !isHead { output += bytes }
        case .stream(let topic, let opening):
            // A stream ends with its connection, so it needs no framing of its own.
            output += (text + "Connection: close\r\n\r\n").utf8
            closes = true
            guard !isHead else { return }
            output += opening
            phase = .streaming(topic: topic)
        }
    }

    /// A value of ours may hold text from outside, such as a name: never a second line.
    private static func isClean(_ field: (name: String, value: String)) -> Bool {
        FieldSyntax.isToken(Array(field.name.utf8).span)
            && FieldSyntax.isFieldValue(Array(field.value.utf8).span)
    }

    /// The method and the status of the latest answer, once.
    mutating func takeTold() -> (method: Method?, status: UInt16)? {
        defer { told = nil }
        return told
    }

    /// Adds to a stream; false when the reader is too far behind, which ends it.
    @discardableResult
    mutating func publish(_ bytes: [UInt8], at moment: Moment) -> Bool {
        guard case .streaming = phase else { return false }
        guard output.count - sent + bytes.count <= limits.streamBacklog else {
            phase = .finished
            return false
        }
        if !hasOutput { deadline = moment.now + limits.send }
        output += bytes
        return true
    }

    /// Notes that the peer took `count` bytes of the output.
    mutating func noteSent(_ count: Int, at moment: Moment) {
        sent = min(sent + count, output.count)
        if sent < output.count {
            deadline = moment.now + limits.send
            return
        }
        output.removeAll(keepingCapacity: output.capacity <= 65_536)
        sent = 0
        switch phase {
        case .sending where closes:
            phase = .lingering
            awaitsSince = moment.now
            deadline = moment.now + limits.linger
        case .sending where peerHasFinished && input.isEmpty:
            phase = .finished
        case .sending:
            phase = input.isEmpty ? .idle : .head
            awaitsSince = moment.now
            deadline = moment.now + (input.isEmpty ? limits.idle : limits.request)
        case .streaming:
            deadline = moment.now + limits.ping
        case .idle, .head, .body, .asked, .lingering, .finished:
            break
        }
    }

    /// What happens when ``deadline`` has passed.
    mutating func expire(at moment: Moment) {
        switch phase {
        case .streaming where !hasOutput:
            publish(Array(": still here\n\n".utf8), at: moment)
        case .head, .body:
            refuse(Problem(.requestTimeout, "The limit is \(limits.request)."), at: moment)
        case .idle, .asked, .sending, .streaming, .lingering, .finished:
            phase = .finished
        }
    }

    private mutating func refuse(_ refusal: Refusal, at moment: Moment) {
        let detail = "\(refusal.word) (\(refusal.citation))"
        refuse(Problem(.malformedRequest, detail, status: refusal.status), at: moment)
    }

    private mutating func refuseBody(at moment: Moment) -> Bool {
        refuse(Problem(.bodyTooLarge, "The limit is \(bodyLimit) bytes."), at: moment)
        return false
    }

    /// Answers a request that cannot be read on, and closes after that.
    mutating func refuse(_ problem: Problem, at moment: Moment) {
        isHead = false
        refuse(problem.response(as: limits.errorForm), at: moment)
    }

    private mutating func refuse(_ response: ServiceResponse, at moment: Moment) {
        closes = true
        request = nil
        phase = .asked
        answer(response, at: moment)
    }
}

/// Answers a request of which only the head is there, body and all unread; nil lets it pass.
typealias ServiceGate = @Sendable (ServiceRequest) -> ServiceResponse?

/// How many bytes the body of a request of which only the head is there may have; nil for the usual bound.
typealias ServiceBodyLimit = @Sendable (ServiceRequest) -> Int?
