// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
// dictionary: http2.dict
import Essentials
import HTTPProtocol

/// The field list of an endpoint's answer by HTTP/2 becomes one head of HTTP/1.1 that no octet of
/// it can end early, says what the list said, and promises no content that cannot come.
///
/// The first octet tells whether the stream ends with the list and whether it answers HEAD. Fields
/// follow as lines: the name up to a 0x01, the value up to a 0x02.
func examine(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let text = Array(bytes.dropFirst())
    let fields = split(text)
    let endsStream = first & 1 != 0
    let answersHead = first & 2 != 0
    var refusal: Refusal?
    var facts = HTTP2Conversion.ResponseFacts()
    let head = [UInt8](capacity: 16_384) {
        refusal = HTTP2Conversion.writeResponse(
            fields.span,
            text: text.span,
            endsStream: endsStream,
            answersHead: answersHead,
            facts: &facts,
            into: &$0
        )
    }
    guard refusal == nil else { return }
    promise((100...599).contains(facts.status) && facts.status != 101, "a status that HTTP/2 has")
    promise(isOneSection(head), "a head is one section of lines")
    let lines = head.count { $0 == 0x0a }
    // The status becomes the first line; an empty one ends the section.
    promise(lines == fields.count + 1 + (facts.addsLength ? 1 : 0), "no field becomes two")
    readAgain(head, facts, endsStream: endsStream, answersHead: answersHead)
}

private func split(_ bytes: [UInt8]) -> [HTTP2Field] {
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
    return fields
}

/// By the parser that reads the answers of HTTP/1.1.
private func readAgain(
    _ text: [UInt8],
    _ facts: HTTP2Conversion.ResponseFacts,
    endsStream: Bool,
    answersHead: Bool
) {
    var table = FieldTable(limit: 2_000)
    var head = ResponseHead()
    var parser = ResponseParser(limits: HeadLimits(headBytes: 16_384, fields: 2_000))
    let result = parser.parse(
        text.span,
        requestMethod: answersHead ? .head : .get,
        fields: &table,
        head: &head
    )
    promise(result != .needMore, "a head is whole")
    guard result == .complete else { return }
    promise(head.length == text.count, "the second reader ends where the text ends")
    promise(head.status == facts.status, "both say one status")
    switch head.framing {
    case .none: break
    case .length(let length): promise(!endsStream || length == 0, "no content is promised")
    case .chunked: promise(false, "a list cannot ask for chunks")
    case .untilClose: promise(!endsStream, "an end that came is not waited for")
    }
}

/// Lines that end with CR LF, an empty one at the end and nowhere else, and no other control.
private func isOneSection(_ text: [UInt8]) -> Bool {
    guard text.suffix(4) == [0x0d, 0x0a, 0x0d, 0x0a] else { return false }
    var lineStart = 0
    for (index, octet) in text.enumerated() {
        switch octet {
        case 0x0a:
            guard index > lineStart, text[index - 1] == 0x0d else { return false }
            guard index - 1 > lineStart || index == text.count - 1 else { return false }
            lineStart = index + 1
        case 0x0d: guard index + 1 < text.count, text[index + 1] == 0x0a else { return false }
        case 0x09: break
        case 0..<0x20, 0x7f: return false
        default: break
        }
    }
    return true
}
