// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol Steering Runtime EdgeCache HTTPGateway
// dictionary: cookies.dict
import Essentials
import HTTPProtocol

@testable import HTTPGateway

/// Cookies that keep clients at their endpoints: what the endpoint gets has everything of the client
/// but the door's own, and what an application gave comes back to it as it was.
///
/// The text before a 0x00 is the client's field `Cookie`, what follows the endpoint's `Set-Cookie`.
func examine(_ bytes: [UInt8]) {
    let end = bytes.firstIndex(of: 0) ?? bytes.count
    examineClient(Array(bytes[..<end]))
    examineEndpoint(Array(bytes[min(end + 1, bytes.count)...]))
}

private let name = Array("S".utf8)
private let modes: [StickyPlan.Mode] = [.insert, .rewrite, .prefix, .learn]
private let (actions, records): (ActionTable, [StickyRecord]) = {
    var actions = ActionTable()
    let records = modes.map { mode in
        var plan = StickyPlan(cookie: "S")
        plan.mode = mode
        return StickyRecord(plan, &actions)
    }
    return (actions, records)
}()

// MARK: The client's

private func examineClient(_ cookie: [UInt8]) {
    let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nCookie: ".utf8) + cookie + [13, 10, 13, 10]
    var fields = FieldTable(limit: 16)
    var head = RequestHead()
    var parser = RequestParser(limits: HeadLimits())
    guard parser.parse(bytes.span, fields: &fields, head: &head) == .complete else { return }
    var lines: [[UInt8]] = []
    for index in 0..<fields.count where fields[index].known == .cookie {
        lines.append(copy(bytes.span.slice(fields[index].value)))
    }
    let given = lines.flatMap { pairs($0) }
    for (mode, record) in zip(modes, records) {
        let isMarked = mode == .prefix
        let mark = SessionMark(of: name.span, in: fields.entries, bytes.span, isMarked: isMarked)
        promise(mark == wanted(given, isMarked: isMarked), "a session is read in two ways")
        guard record.strips else { continue }
        var isWhole = false
        let written = [UInt8](capacity: 16_384) {
            isWhole = record.writeOthers(fields, bytes.span, actions, into: &$0)
        }
        promise(isWhole, "what is left is no longer than what came")
        let kept = given.compactMap { left(of: $0, isMarked: isMarked) }
        promise(pairs(value(of: written)) == kept, "only the door's own is taken out")
    }
}

/// The first session that is one; the cookie may be there without.
private func wanted(_ given: [[[UInt8]]], isMarked: Bool) -> SessionMark {
    let ours = given.filter { $0[0] == name }
    let sessions = ours.compactMap { pair in
        isMarked ? marked(pair[1])?.session : session(pair[1])
    }
    var mark = SessionMark(of: name.span, in: [FieldSlice]().span, [UInt8]().span)
    mark.isThere = !ours.isEmpty
    mark.session = sessions.first ?? 0
    return mark
}

private func left(of pair: [[UInt8]], isMarked: Bool) -> [[UInt8]]? {
    guard pair[0] == name else { return pair }
    guard isMarked else { return nil }
    return marked(pair[1]).map { [name, $0.rest] } ?? pair
}

private func marked(_ value: [UInt8]) -> (session: UInt64, rest: [UInt8])? {
    guard value.count > 16, value[16] == UInt8(ascii: "~"),
        let session = session(Array(value[..<16]))
    else { return nil }
    return (session, Array(value[17...]))
}

private func session(_ value: [UInt8]) -> UInt64? {
    let text = String(decoding: value, as: UTF8.self)
    guard value.count == 16, value.allSatisfy({ "0123456789abcdef".utf8.contains($0) }),
        let number = UInt64(text, radix: 16), number > 0
    else { return nil }
    return number
}

// MARK: The endpoint's

private func examineEndpoint(_ cookie: [UInt8]) {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: "
    let bytes = Array(head.utf8) + cookie + [13, 10, 13, 10]
    var fields = FieldTable(limit: 16)
    var answer = ResponseHead()
    var parser = ResponseParser(limits: HeadLimits())
    let result = parser.parse(bytes.span, requestMethod: .get, fields: &fields, head: &answer)
    guard result == .complete else { return }
    for index in 0..<fields.count {
        let line = bytes.span.slice(fields[index].value)
        for (mode, record) in zip(modes, records) where mode != .insert {
            let range = record.cookie(fields[index], line, actions)
            promise(range.end <= line.count, "a value lies in its line")
            guard !range.isEmpty else { continue }
            let value = copy(line.slice(range))
            if mode == .learn {
                let learnt = record.answeredName(fields[index], bytes.span, actions)
                promise(copy(learnt) == value, "a session is named by the value")
            } else {
                comeBack(value, copy(line), record, range)
            }
        }
    }
}

/// The client sends back what it was given, and the endpoint gets what it gave.
private func comeBack(
    _ given: [UInt8],
    _ line: [UInt8],
    _ record: StickyRecord,
    _ range: ByteRange
) {
    let session: UInt64 = 0x0123_4567_89ab_cdef
    var isWhole = false
    let written = [UInt8](capacity: 16_384) {
        isWhole = record.writeMarked(line.span, range, session, actions, into: &$0)
    }
    promise(isWhole, "a line has room")
    let marked = value(of: written)
    promise(marked.suffix(line.count - range.end) == line[range.end...], "attributes stay")
    // A value may have spaces within, not around it (RFC 6265 §5.2).
    var returned = marked.prefix { $0 != UInt8(ascii: ";") }
    while let last = returned.last, last <= 0x20 { returned.removeLast() }
    let isMarked = record.mode == .prefix
    let request = Array("GET / HTTP/1.1\r\nHost: a\r\nCookie: ".utf8) + returned + [13, 10, 13, 10]
    var fields = FieldTable(limit: 16)
    var head = RequestHead()
    var parser = RequestParser(limits: HeadLimits())
    guard parser.parse(request.span, fields: &fields, head: &head) == .complete else {
        return promise(false, "a cookie can be sent back")
    }
    let mark = SessionMark(of: name.span, in: fields.entries, request.span, isMarked: isMarked)
    promise(mark.session == session, "the session comes back")
    let others = [UInt8](capacity: 16_384) {
        isWhole = record.writeOthers(fields, request.span, actions, into: &$0)
    }
    guard isMarked else { return promise(others.isEmpty, "the endpoint gets nothing of the door") }
    promise(value(of: others) == name + [UInt8(ascii: "=")] + given, "the endpoint gets its own")
}

// MARK: Text

/// The value of the one field line that was written; nothing for none.
private func value(of text: [UInt8]) -> [UInt8] {
    guard !text.isEmpty else { return [] }
    promise(text.suffix(2) == [13, 10], "a field is a line")
    let line = text.dropLast(2)
    promise(!line.contains { $0 == 13 || $0 == 10 || $0 == 0 }, "a line is one line")
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return [] }
    return Array(line[(colon + 2)...])
}

private func pairs(_ bytes: [UInt8]) -> [[[UInt8]]] {
    bytes.split(separator: UInt8(ascii: ";")).compactMap { piece in
        let pair = piece.drop { $0 == 0x20 }
        guard !pair.isEmpty else { return nil }
        let middle = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
        return [Array(pair[..<middle]), Array(pair[middle...].dropFirst())]
    }
}

private func copy(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }
