// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
// dictionary: http2.dict
import Essentials
import HTTPProtocol

/// Frames are cut the same however they come; a session stays within its memory; and what the
/// conversion lets through is one head of HTTP/1.1, ending where its text ends.
///
/// The first octet tells how the rest is read: as frames behind the preface, or as a field list.
func examine(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    if first % 4 == 0 { return examineList(rest, endsStream: first & 0x80 != 0) }
    let whole = units(rest, by: rest.count)
    let pieces = units(rest, by: 1 + Int(first) / 4)
    promise(whole == pieces, "pieces change what is cut")
    speak(rest)
}

// MARK: Frames

private let blockLimit = 4_096

/// The kinds of the pieces, their starts and their headers; DATA once, wherever it was parted.
private func units(_ bytes: [UInt8], by size: Int) -> [[Int]] {
    var reader = HTTP2FrameReader(blockLimit: blockLimit)
    var list: [[Int]] = []
    var start = 0
    var end = min(size, bytes.count)
    while true {
        let part = bytes.span.extracting(start..<end)
        switch reader.next(part) {
        case .needMore:
            guard end < bytes.count else { return list }
            end = min(end + size, bytes.count)
        case .refused(let abuse): return list + [[0, start, Int(abuse.rawValue)]]
        case .moreData(let count):
            promise(count > 0 && count <= part.count, "a piece lies in what came")
            start += count
        case .frame(let header, let count):
            promise(count > 0 && count <= part.count, "a frame lies in what came")
            list.append([1, start, header.length, Int(header.type)])
            // The library ends the connection over it, so nothing behind it is ever cut.
            if header.length > HTTP2FrameReader.payloadLimit { return list }
            start += count
        case .fieldBlock(let header, let frames, let count):
            promise(count > 0 && count <= part.count, "a block lies in what came")
            promise(frames <= HTTP2FrameReader.blockFrameLimit, "a block is not in many frames")
            list.append([2, start, header.length, frames])
            // What comes between its frames breaks the protocol, and may itself be in pieces.
            if !isWhole(part.extracting(0..<count), frames) { return list }
            start += count
        }
    }
}

private func isWhole(_ block: Span<UInt8>, _ frames: Int) -> Bool {
    var place = 0
    for _ in 0..<frames {
        guard let header = HTTP2FrameHeader(block, at: place) else { return false }
        place += HTTP2FrameHeader.size + header.length
    }
    return place == block.count
}

private func speak(_ bytes: [UInt8]) {
    var settings = HTTP2SessionSettings()
    settings.heapBytes = 1 << 18
    let workspace = HTTP2Workspace(limits: HeadLimits(headBytes: 4_096, fields: 64))
    guard let session = HTTP2Session(isServer: true, settings: settings, workspace: workspace)
    else { return }
    defer { session.destroy() }
    guard session.receive(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8).span) else { return }
    var reader = HTTP2FrameReader(blockLimit: blockLimit)
    var start = 0
    while start < bytes.count {
        let part = bytes.span.extracting(start..<bytes.count)
        let count: Int
        switch reader.next(part) {
        case .needMore, .refused: return
        case .moreData(let size), .frame(_, let size), .fieldBlock(_, _, let size): count = size
        }
        guard session.receive(part.extracting(0..<count)) else { return }
        for index in 0..<workspace.eventCount { note(workspace, index, session, count) }
        promise(session.heapUsed <= settings.heapBytes, "a session stays within its memory")
        var isWhole = true
        _ = [UInt8](capacity: 16_384) { isWhole = session.produce(into: &$0) }
        guard isWhole else { return }
        start += count
    }
}

private func note(
    _ workspace: borrowing HTTP2Workspace,
    _ index: Int,
    _ session: HTTP2Session,
    _ count: Int
) {
    switch workspace.event(index) {
    case .fields(let stream, _, let endsStream):
        _ = session.attach(stream, to: UInt64(stream))
        guard !workspace.isOversized, !workspace.isInvalid else { return }
        judge(workspace.fields, workspace.text, endsStream: endsStream)
    case .trailers:
        guard !workspace.isOversized else { return }
        judgeTrailers(workspace.fields, workspace.text)
    case .data(let stream, _, let range):
        promise(range.end <= count, "content lies in what came")
        session.consume(stream, Int(range.count))
    case .finished, .closed, .goAway: break
    }
}

// MARK: Lists

/// Fields from lines: the name up to a 0x01, the value up to a 0x02, so that all other octets may
/// stand in both.
private func examineList(_ bytes: [UInt8], endsStream: Bool) {
    var fields: [HTTP2Field] = []
    var start = 0
    var middle: Int?
    for (index, octet) in bytes.enumerated() {
        if octet == 1, middle == nil { middle = index }
        guard octet == 2 else { continue }
        let name = ByteRange(from: start, to: middle ?? index)
        let value = ByteRange(from: middle.map { $0 + 1 } ?? index, to: index)
        fields.append(HTTP2Field(name: name, value: value))
        start = index + 1
        middle = nil
    }
    judge(fields.span, bytes.span, endsStream: endsStream)
    judgeTrailers(fields.span, bytes.span)
}

private func judge(_ fields: Span<HTTP2Field>, _ text: Span<UInt8>, endsStream: Bool) {
    var refusal: Refusal?
    var scheme = HTTP2Conversion.Scheme.none
    let head = [UInt8](capacity: 16_384) {
        refusal = HTTP2Conversion.writeRequest(
            fields,
            text: text,
            endsStream: endsStream,
            key: WebSocketKey(1, 2),
            scheme: &scheme,
            into: &$0
        )
    }
    guard refusal == nil else { return }
    promise(scheme != .none || head.starts(with: "CONNECT ".utf8), "a request has a scheme")
    promise(isOneSection(head), "a head is one section of lines")
    let lines = head.count { $0 == 0x0a }
    promise(lines <= fields.count + 4, "no field becomes two")
    var table = FieldTable(limit: 2_000)
    var read = RequestHead()
    var parser = RequestParser(limits: HeadLimits(headBytes: 16_384, fields: 2_000))
    guard parser.parse(head.span, fields: &table, head: &read) == .complete else { return }
    promise(read.length == head.count, "the second reader ends where the text ends")
    switch read.framing {
    case .none:
        let isTunnel = read.method == .connect || read.wantsUpgrade
        promise(endsStream || isTunnel, "a body is announced")
    case .length(let length): promise(!endsStream || length == 0, "no body is promised")
    case .chunked: promise(!endsStream, "no body is promised in chunks")
    case .untilClose: promise(false, "a request never ends with its connection")
    }
}

private func judgeTrailers(_ fields: Span<HTTP2Field>, _ text: Span<UInt8>) {
    var refusal: Refusal?
    let section = [UInt8](capacity: 16_384) {
        refusal = HTTP2Conversion.writeTrailers(fields, text: text, into: &$0)
    }
    guard refusal == nil else { return }
    promise(isOneSection(section), "trailers are one section of lines")
}

/// Lines that end with CR LF, an empty one at the end and nowhere else, and no other control.
private func isOneSection(_ text: [UInt8]) -> Bool {
    guard text.count >= 2, text.suffix(2) == [0x0d, 0x0a] else { return false }
    var lineStart = 0
    for index in text.indices {
        switch text[index] {
        case 0x0d: guard index + 1 < text.count, text[index + 1] == 0x0a else { return false }
        case 0x0a:
            guard index > 0, text[index - 1] == 0x0d else { return false }
            let isEmpty = index - 1 == lineStart
            guard !isEmpty || index == text.count - 1 else { return false }
            lineStart = index + 1
        case 0x09: break
        case 0..<0x20, 0x7f: return false
        default: break
        }
    }
    return true
}
