// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Reads a collector's answer: its status, when to ask again, and what it did not take.
///
/// Pure; nobody vouches for the bytes.
struct ExportAnswer: Sendable {
    /// Bytes of an answer that are looked at; more tells nothing.
    static let limit = 65_536

    private var bytes: [UInt8] = []

    /// Takes more of it; an answer once it is complete, for `realtime` in nanoseconds since 1970.
    mutating func receive(_ piece: [UInt8], realtime: Int64) -> ExportMachine.Answer? {
        bytes += piece
        return judge(isOver: false, realtime)
    }

    /// The collector has closed the connection.
    func end(realtime: Int64) -> ExportMachine.Answer {
        judge(isOver: true, realtime) ?? .lost("it closed the connection")
    }

    private func judge(isOver: Bool, _ realtime: Int64) -> ExportMachine.Answer? {
        var fields = FieldTable(limit: 100)
        var start = 0
        while true {
            var parser = ResponseParser(limits: HeadLimits(headBytes: 16_384))
            var head = ResponseHead()
            let rest = Array(bytes[start...])
            switch parser.parse(rest.span, requestMethod: .post, fields: &fields, head: &head) {
            case .needMore: return isFull ? .lost("its answer is too long") : nil
            case .refused: return .lost("what it answers is not HTTP")
            case .complete: break
            }
            let length = min(max(head.length, 0), rest.count)
            if head.isInterim, length > 0 {
                start += length
                continue
            }
            guard head.status / 100 == 2 else {
                let wish = retryAfter(rest, fields, realtime)
                return .status(head.status, retryAfter: wish)
            }
            guard let body = body(Array(rest[length...]), head.framing, isOver: isOver) else {
                return nil
            }
            return .taken(rejected: ExportAnswer.rejected(body))
        }
    }

    private var isFull: Bool { bytes.count >= ExportAnswer.limit }

    /// The whole body; nil while some of it is missing.
    private func body(_ bytes: [UInt8], _ framing: BodyFraming, isOver: Bool) -> [UInt8]? {
        // The spans are with the collector: what else it wanted to say does not matter as much.
        if isOver || isFull { return bytes }
        switch framing {
        case .none: return []
        case .untilClose: return nil
        case .length(let length):
            return bytes.count >= length ? Array(bytes.prefix(Int(clamping: length))) : nil
        case .chunked:
            var decoder = ChunkDecoder()
            var (position, body): (Int, [UInt8]) = (0, [])
            while true {
                switch decoder.next(bytes.span, at: &position) {
                case .data(let range): body += bytes[Int(range.start)..<Int(range.end)]
                case .needMore: return nil
                case .lastChunk, .refused: return body
                }
            }
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
        let value = fields[index].value
        let text = String(decoding: bytes[Int(value.start)..<Int(value.end)], as: UTF8.self)
        if text.utf8.allSatisfy(ASCII.isDigit) {
            // More digits than a number has mean a long time all the same.
            return .seconds(Int64(text).map { min($0, 86_400) } ?? 86_400)
        }
        guard let seconds = ExportAnswer.seconds(date: text) else { return nil }
        return .seconds(min(max(seconds - realtime / 1_000_000_000, 0), 86_400))
    }

    /// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
    static func seconds(date text: String) -> Int64? {
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int64(words[1]),
            let place = months.firstIndex(of: String(words[2])), let year = Int64(words[3])
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (1...31).contains(day), (1970...9999).contains(year),
            clock.allSatisfy({ (0...60).contains($0) })
        else { return nil }
        // Days since 1970 of the proleptic Gregorian calendar, with years that begin in March.
        let month = Int64(place) + 1
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }
}
