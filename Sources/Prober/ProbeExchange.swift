// SPDX-License-Identifier: Apache-2.0
public import HTTPProtocol
public import Steering

/// One probe from its connection to its outcome: pure, bytes and events in, actions out.
///
///     connecting --connected--> head --> body (length | chunked, trailer | until close) --> over
///         |             |        |                 |
///         |             +--> call (gRPC) ----------+--------------------------------------> over
///         |             +--> message (DNS) --------+--------------------------------------> over
///         +--- refused, reset, closed, expired ----+--------------------------------------> over
///
/// A value is used again for the next probe, so the body's memory is taken from the heap once.
public struct ProbeExchange: Sendable {
    /// What the driver does next.
    public enum Action: Sendable, Equatable {
        /// Wait for the next event.
        case wait
        /// Send the request.
        case send
        /// Close the connection; the probe is over.
        case finish(ProbeOutcome)
    }

    /// How a connection broke.
    public enum Fault: Sendable, Equatable {
        /// Nothing listens there.
        case refused
        /// The peer reset the connection.
        case reset
        /// The kernel gave up waiting.
        case timedOut
        /// TLS was not agreed on, for this reason.
        case security(String)
        /// Another failure, in words.
        case other(String)
    }

    /// What was done with bytes.
    public struct Reception: Sendable, Equatable {
        /// Bytes at the front that are used up and need not be given again.
        public var consumed: Int
        /// What comes next.
        public var action: Action
    }

    private enum Phase {
        case connecting
        case head
        case length(UInt64)
        case chunked
        case trailer
        case untilClose
        case call
        case message
        case over
    }

    /// Interim responses taken before the final one.
    static let interimLimit = 8
    /// Bytes of a response head; one block of the buffer pool.
    static let headLimits = HeadLimits(headBytes: 16_384)
    /// Memory for a body that is kept from one probe to the next.
    static let keptCapacity = 16_384

    /// The status of the answer; 0 before one.
    public private(set) var status: UInt16 = 0
    /// What a passing answer still had to say.
    public private(set) var note = ""
    /// What a passing answer says of the endpoint's part in its pool; nil without one.
    ///
    /// A failing one says nothing of it: a page about an overload is no change of the leader, and
    /// an endpoint that goes on failing is down, which takes its part away as well.
    public private(set) var role: EndpointRole?
    /// When the certificate ends that the peer has shown, in seconds since 1970; 0 without one.
    public private(set) var certificateEnds: Int64 = 0
    private var certificate: CertificateRule?
    private var certificateNote = ""
    private(set) var question = ProbeQuestion.connect
    private var phase = Phase.over
    private var parser = ResponseParser(limits: ProbeExchange.headLimits)
    private var decoder = ChunkDecoder()
    private var trailer = TrailerParser()
    private var call = GRPCCheck()
    private(set) var number: UInt16 = 0
    private var interims = 0
    private var body: [UInt8] = []
    private var bodyCount = 0

    /// An exchange that has not begun.
    public init() {}

    /// True until the connection stands.
    public var isConnecting: Bool {
        if case .connecting = phase { return true }
        return false
    }

    /// Begins a probe: the connection is being made.
    ///
    /// A query to a name server has this number.
    public mutating func begin(
        _ question: ProbeQuestion,
        certificate: CertificateRule? = nil,
        number: UInt16 = 0
    ) {
        self.question = question
        self.number = number
        self.certificate = certificate
        certificateEnds = 0
        certificateNote = ""
        phase = .connecting
        status = 0
        note = ""
        role = nil
        interims = 0
        bodyCount = 0
        if body.capacity > ProbeExchange.keptCapacity {
            body = []
        } else {
            body.removeAll(keepingCapacity: true)
        }
    }

    /// TLS is not agreed on: the peer's certificate, if it has shown one, ends then (0 for none shown).
    public mutating func shown(certificateEnds: Int64) { self.certificateEnds = certificateEnds }

    /// TLS is agreed on, with a peer whose certificate ends at `certificateEnds` (0 for none shown).
    ///
    /// Both times are in seconds since 1970.
    public mutating func agreed(certificateEnds: Int64, now: Int64) -> Action {
        guard isConnecting else { return .wait }
        self.certificateEnds = certificateEnds
        if certificateEnds != 0, let certificate {
            let finding = certificate.judge(ends: certificateEnds, now: now)
            certificateNote = finding.note
            guard finding.outcome == .success else { return finish(finding.outcome) }
        }
        return connected()
    }

    /// The connection stands.
    public mutating func connected() -> Action {
        guard isConnecting else { return .wait }
        switch question {
        // A command has no connection, so it never comes here.
        case .connect, .command: return finish(.success)
        case .http:
            phase = .head
            parser.reset()
        case .grpc:
            phase = .call
            call = GRPCCheck()
        case .dns: phase = .message
        }
        return .send
    }

    /// Something has come on the stream of a call; its bytes are the driver's to read.
    public mutating func called(_ event: GRPCCheck.Event) -> Action {
        guard case .call = phase else { return .wait }
        let verdict = call.take(event)
        status = call.status
        guard let verdict else { return .wait }
        return finish(verdict)
    }

    /// Bytes have come; what is not consumed is given again in front of what follows.
    public mutating func received(
        _ bytes: Span<UInt8>,
        fields: inout FieldTable
    ) -> Reception {
        var position = 0
        while true {
            let action: Action?
            switch phase {
            case .head: action = readHead(bytes, at: &position, fields: &fields)
            case .length(let left): action = readLength(bytes, at: &position, left: left)
            case .chunked: action = readChunks(bytes, at: &position)
            case .trailer: action = readTrailer(bytes, at: &position, fields: &fields)
            case .untilClose: action = readRest(bytes, at: &position)
            case .message: action = readMessage(bytes, at: &position)
            case .connecting, .call, .over: action = .wait
            }
            if let action { return Reception(consumed: position, action: action) }
        }
    }

    /// The peer has finished sending.
    public mutating func ended() -> Action {
        switch phase {
        case .untilClose: judge()
        case .over: .wait
        // A datagram without a byte is no end.
        case .message where question.isDatagram: .wait
        case .connecting, .head, .length, .chunked, .trailer, .call, .message:
            finish(.failure(.closedEarly, detail: status == 0 ? "" : "status \(status)"))
        }
    }

    /// The connection broke.
    public mutating func broke(_ fault: Fault) -> Action {
        switch (fault, isConnecting) {
        case (.refused, _): finish(.failure(.connectRefused, detail: ""))
        case (.reset, _): finish(.failure(.connectionReset, detail: ""))
        case (.timedOut, true): finish(.failure(.connectTimeout, detail: ""))
        case (.timedOut, false): finish(.failure(.probeTimeout, detail: ""))
        case (.security(let text), _): finish(.failure(.tlsFailed, detail: text))
        case (.other(let text), true): finish(.failure(.connectFailed, detail: text))
        case (.other(let text), false): finish(.failure(.connectionReset, detail: text))
        }
    }

    /// The timeout is over.
    public mutating func expired() -> Action {
        guard !isConnecting else { return finish(.failure(.connectTimeout, detail: "")) }
        let detail = status == 0 ? "no answer" : "status \(status), body unfinished"
        return finish(.failure(.probeTimeout, detail: detail))
    }

    mutating func finish(_ outcome: ProbeOutcome) -> Action {
        phase = .over
        // Whoever is asked in a way that tells no role has none.
        if outcome == .success, role == nil { role = .unknown }
        if outcome == .success, !certificateNote.isEmpty {
            note = note.isEmpty ? certificateNote : "\(note), \(certificateNote)"
        }
        return .finish(outcome)
    }

    private mutating func refuse(_ refusal: Refusal) -> Action {
        finish(.failure(.malformedResponse, detail: "\(refusal.word)"))
    }

    private mutating func judge() -> Action {
        guard case .http(let http) = question else { return finish(.success) }
        let finding = http.judge(status: status, body: body.span)
        note = finding.note
        if finding.outcome == .success {
            role = http.role?.role(status: status, body: body.span) ?? .unknown
        }
        return finish(finding.outcome)
    }
}

// Reading an answer. Every method returns nil to go on in the next phase.
extension ProbeExchange {
    private mutating func readHead(
        _ bytes: Span<UInt8>,
        at position: inout Int,
        fields: inout FieldTable
    ) -> Action? {
        guard case .http(let http) = question else { return finish(.success) }
        let rest = bytes.extracting(position..<bytes.count)
        var head = ResponseHead()
        switch parser.parse(rest, requestMethod: http.method, fields: &fields, head: &head) {
        case .needMore: return .wait
        case .refused(let refusal): return refuse(refusal)
        case .complete: break
        }
        position = Swift.min(position &+ Swift.max(head.length, 0), bytes.count)
        if head.isInterim {
            interims += 1
            guard interims <= ProbeExchange.interimLimit else { return refuse(.status) }
            return nil
        }
        status = head.status
        switch head.framing {
        case .none: return judge()
        case .length(let length): phase = .length(length)
        case .untilClose: phase = .untilClose
        case .chunked:
            decoder = ChunkDecoder()
            phase = .chunked
        }
        return nil
    }

    /// Keeps body bytes up to the read limit; an action when that is reached.
    private mutating func keep(_ bytes: Span<UInt8>) -> Action? {
        guard case .http(let http) = question else { return finish(.success) }
        let count = Swift.min(bytes.count, Swift.max(http.readLimit &- bodyCount, 0))
        bodyCount &+= count
        if http.keepsBody {
            for index in 0..<count { body.append(bytes[index]) }
        }
        return bodyCount >= http.readLimit ? judge() : nil
    }

    private mutating func readLength(
        _ bytes: Span<UInt8>,
        at position: inout Int,
        left: UInt64
    ) -> Action? {
        guard left > 0 else { return judge() }
        let count = Int(Swift.min(left, UInt64(bytes.count &- position)))
        guard count > 0 else { return .wait }
        let piece = bytes.extracting(position..<position &+ count)
        position &+= count
        phase = .length(left &- UInt64(count))
        return keep(piece)
    }

    private mutating func readRest(_ bytes: Span<UInt8>, at position: inout Int) -> Action? {
        guard position < bytes.count else { return .wait }
        let piece = bytes.extracting(position..<bytes.count)
        position = bytes.count
        return keep(piece)
    }

    private mutating func readChunks(_ bytes: Span<UInt8>, at position: inout Int) -> Action? {
        switch decoder.next(bytes, at: &position) {
        case .data(let range): return keep(bytes.slice(range))
        case .needMore: return .wait
        case .refused(let refusal): return refuse(refusal)
        case .lastChunk:
            trailer = TrailerParser()
            phase = .trailer
            return nil
        }
    }

    private mutating func readTrailer(
        _ bytes: Span<UInt8>,
        at position: inout Int,
        fields: inout FieldTable
    ) -> Action? {
        var length = 0
        let rest = bytes.extracting(position..<bytes.count)
        switch trailer.parse(rest, fields: &fields, length: &length) {
        case .needMore: return .wait
        case .refused(let refusal): return refuse(refusal)
        case .complete:
            position = Swift.min(position &+ Swift.max(length, 0), bytes.count)
            return judge()
        }
    }
}
