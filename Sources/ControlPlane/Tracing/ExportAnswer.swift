// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Reads a collector's answer: its status, when to ask again, and what it did not take.
///
/// Pure; nobody vouches for the bytes.
struct ExportAnswer: Sendable {
    /// Bytes of an answer that are looked at; more tells nothing.
    static let limit = 65_536

    /// Interim heads before the answer; a collector has no reason for more.
    static let interimLimit = 8

    private var parser = ResponseParser(limits: HeadLimits(headBytes: 16_384))
    private var decoder = ChunkDecoder()
    /// What has come and is not used up: interim heads and the head leave it.
    private var bytes: [UInt8] = []
    private var interims = 0
    /// The head of a success, once it is there.
    private var head: ResponseHead?
    /// Where the decoder stands in ``bytes``.
    private var position = 0
    private var content: [UInt8] = []
    /// True when nothing has come.
    private(set) var isSilent = true
    /// True when the answer has been read to its end, and another may follow on the connection.
    private(set) var isReusable = false

    /// Takes more of it; an answer once it is complete, for `realtime` in nanoseconds since 1970.
    mutating func receive(_ piece: [UInt8], realtime: Int64) -> ExportMachine.Answer? {
        isSilent = isSilent && piece.isEmpty
        bytes += piece
        return judge(isOver: false, realtime)
    }

    /// The collector has closed the connection.
    mutating func end(realtime: Int64) -> ExportMachine.Answer {
        judge(isOver: true, realtime) ?? .lost("it closed the connection")
    }

    /// The time is over.
    ///
    /// With the head of a success the spans are with the collector, whatever else it wanted to say.
    mutating func expire(realtime: Int64) -> ExportMachine.Answer {
        judge(isOver: true, realtime) ?? .lost("no answer came in time")
    }

    private mutating func judge(isOver: Bool, _ realtime: Int64) -> ExportMachine.Answer? {
        if head == nil, let answer = readHead(realtime) { return answer }
        guard let head else { return nil }
        let isWhole = takeBody(head.framing)
        guard isWhole || isOver || isFull else { return nil }
        isReusable = isWhole && head.isPersistent && endsWith(head.framing)
        return .taken(rejected: ExportAnswer.rejected(content))
    }

    /// Reads on from where it stood: a head may come byte by byte.
    private mutating func readHead(_ realtime: Int64) -> ExportMachine.Answer? {
        var fields = FieldTable(limit: 100)
        var parser = parser
        defer { self.parser = parser }
        while true {
            var head = ResponseHead()
            switch parser.parse(bytes.span, requestMethod: .post, fields: &fields, head: &head) {
            case .needMore: return isFull ? .lost("its answer is too long") : nil
            case .refused: return .lost("what it answers is not HTTP")
            case .complete: break
            }
            let length = min(max(head.length, 0), bytes.count)
            if head.isInterim {
                interims += 1
                guard interims <= ExportAnswer.interimLimit, length > 0 else {
                    return .lost("it answers with interim heads only")
                }
                bytes.removeFirst(length)
                continue
            }
            guard head.status / 100 == 2 else {
                return .status(head.status, retryAfter: retryAfter(bytes, fields, realtime))
            }
            bytes.removeFirst(length)
            self.head = head
            return nil
        }
    }

    private var isFull: Bool { bytes.count >= ExportAnswer.limit }

    /// Takes what there is of the body; true when that is all of it.
    private mutating func takeBody(_ framing: BodyFraming) -> Bool {
        switch framing {
        case .none: return true
        case .untilClose:
            content = bytes
            return false
        case .length(let length):
            content = Array(bytes.prefix(Int(clamping: length)))
            return bytes.count >= length
        case .chunked:
            var (decoder, position) = (decoder, position)
            defer { (self.decoder, self.position) = (decoder, position) }
            while true {
                switch decoder.next(bytes.span, at: &position) {
                case .data(let range): content += bytes[Int(range.start)..<Int(range.end)]
                case .needMore: return false
                case .lastChunk, .refused: return true
                }
            }
        }
    }

    /// True when nothing follows the body.
    ///
    /// Behind chunks there are trailers, which are not read.
    private func endsWith(_ framing: BodyFraming) -> Bool {
        switch framing {
        case .none: bytes.isEmpty
        case .length(let length): bytes.count == length
        case .untilClose, .chunked: false
        }
    }

    /// The number in `ExportTraceServiceResponse.partial_success`; 64-bit, so perhaps a text.
    private static func rejected(_ body: [UInt8]) -> Int {
        let limits = JSONLimits(bytes: limit, depth: 8, values: 1000)
        guard !body.isEmpty, let answer = try? JSONReader.read(body, limits: limits),
            let count = answer["partialSuccess"]?["rejectedSpans"]
        else { return 0 }
        return count.integer.map { Int(clamping: $0) } ?? count.string.flatMap { Int($0) } ?? 0
    }

    /// Seconds, or a date (RFC 9110 §10.2.3).
    private func retryAfter(
        _ bytes: [UInt8],
        _ fields: borrowing FieldTable,
        _ realtime: Int64
    ) -> Interval? {
        guard let index = fields.first(.retryAfter) else { return nil }
        let value = bytes.span.slice(fields[index].value)
        let present = realtime / 1_000_000_000
        switch DeltaSeconds(value) {
        case .seconds(let seconds): return .seconds(Int64(min(seconds, 86_400)))
        case .absent, .invalid:
            guard let date = HTTPDate.seconds(value, now: present) else { return nil }
            return .seconds(min(max(date - present, 0), 86_400))
        }
    }
}
