// SPDX-License-Identifier: Apache-2.0
import HTTPProtocol

/// What came of reading one head, as values that a test can compare.
struct Reading<Head: Equatable>: Equatable {
    var result: HeadResult
    var head: Head
    var fields: [FieldSlice] = []
    var bytes: [UInt8] = []

    var refusal: Refusal? {
        if case .refused(let refusal) = result { refusal } else { nil }
    }

    /// The text of a range.
    func text(_ range: ByteRange) -> String {
        String(decoding: bytes[Int(range.start)..<range.end], as: UTF8.self)
    }

    /// The values of all fields of a kind.
    func values(_ known: KnownField) -> [String] {
        fields.filter { $0.known == known }.map { text($0.value) }
    }

    /// Names of the fields that must not be forwarded.
    var hopByHopNames: [String] { fields.filter(\.isHopByHop).map { text($0.name) } }
}

typealias RequestReading = Reading<RequestHead>
typealias ResponseReading = Reading<ResponseHead>

/// Feeds `bytes` in pieces that end at `cuts` and at the end, as a connection would.
///
/// Between two calls the table is spoilt, because other connections may use it.
func readRequest(
    _ bytes: [UInt8],
    cuts: some Sequence<Int> = [],
    limits: HeadLimits = HeadLimits()
) -> RequestReading {
    var parser = RequestParser(limits: limits)
    var table = FieldTable(limit: Int(limits.fields))
    var head = RequestHead()
    var result = HeadResult.needMore
    for end in Array(cuts) + [bytes.count] {
        result = parser.parse(bytes.span.extracting(0..<end), fields: &table, head: &head)
        guard result == .needMore else { break }
        table.removeAll()
    }
    guard result == .complete else { return Reading(result: result, head: RequestHead()) }
    return Reading(result: result, head: head, fields: list(table), bytes: bytes)
}

func readRequest(_ text: String, limits: HeadLimits = HeadLimits()) -> RequestReading {
    readRequest(Array(text.utf8), limits: limits)
}

func readResponse(
    _ bytes: [UInt8],
    to method: Method = .get,
    cuts: some Sequence<Int> = [],
    limits: HeadLimits = HeadLimits()
) -> ResponseReading {
    var parser = ResponseParser(limits: limits)
    var table = FieldTable(limit: Int(limits.fields))
    var head = ResponseHead()
    var result = HeadResult.needMore
    for end in Array(cuts) + [bytes.count] {
        result = parser.parse(
            bytes.span.extracting(0..<end),
            requestMethod: method,
            fields: &table,
            head: &head
        )
        guard result == .needMore else { break }
        table.removeAll()
    }
    guard result == .complete else { return Reading(result: result, head: ResponseHead()) }
    return Reading(result: result, head: head, fields: list(table), bytes: bytes)
}

func readResponse(_ text: String, to method: Method = .get) -> ResponseReading {
    readResponse(Array(text.utf8), to: method)
}

func list(_ table: borrowing FieldTable) -> [FieldSlice] {
    var fields: [FieldSlice] = []
    for index in 0..<table.count { fields.append(table[index]) }
    return fields
}

/// What came of taking a chunked body apart.
struct ChunkReading: Equatable {
    enum End: Equatable { case needMore, complete(length: Int), refused(Refusal) }
    var end: End
    var body: [UInt8] = []
    var trailers: [String] = []
    var forbidden: [String] = []

    var refusal: Refusal? {
        if case .refused(let refusal) = end { refusal } else { nil }
    }
}

/// Feeds a chunked body with its trailer section, cut into pieces.
///
/// Like a connection it keeps only what the decoder has not used up.
func readChunks(
    _ bytes: [UInt8],
    cuts: some Sequence<Int> = [],
    limits: HeadLimits = HeadLimits(headBytes: 8_192, fields: 32)
) -> ChunkReading {
    var decoder = ChunkDecoder()
    var trailers = TrailerParser(limits: limits)
    var table = FieldTable(limit: Int(limits.fields))
    var reading = ChunkReading(end: .needMore)
    var start = 0
    for end in Array(cuts) + [bytes.count] {
        let piece = bytes.span.extracting(start..<end)
        var position = 0
        steps: while !decoder.isFinished {
            switch decoder.next(piece, at: &position) {
            case .data(let range):
                reading.body += bytes[(start + Int(range.start))..<(start + range.end)]
            case .needMore, .lastChunk: break steps
            case .refused(let refusal):
                reading.end = .refused(refusal)
                return reading
            }
        }
        start += position
        guard decoder.isFinished else { continue }
        var length = 0
        let rest = bytes.span.extracting(start..<end)
        switch trailers.parse(rest, fields: &table, length: &length) {
        case .needMore: continue
        case .refused(let refusal): reading.end = .refused(refusal)
        case .complete:
            reading.end = .complete(length: start + length)
            for field in list(table) {
                let name = field.name.moved(by: start)
                let text = String(
                    decoding: bytes[Int(name.start)..<name.end],
                    as: UTF8.self
                )
                reading.trailers.append(text)
                if field.isForbidden { reading.forbidden.append(text) }
            }
        }
        return reading
    }
    return reading
}

func readChunks(_ text: String) -> ChunkReading { readChunks(Array(text.utf8)) }
