// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol Steering Runtime EdgeCache HTTPGateway
// sanitizer: detect_leaks=0
// dictionary: body.dict
import Essentials
import HTTPProtocol

@testable import HTTPGateway

/// What a body's beginning says stands however much of it has come; a JSON text says the same to a
/// reader that takes it apart whole, and a form the same to one that splits it.
///
/// The first line is the name that is looked for, the rest the body. The conditions are boxes of
/// indirect cases by tagged pointers, which the leak detector takes for lost at the end.
func examine(_ bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: 0x0a) else { return }
    let name = Array(bytes[..<end])
    let body = Array(bytes[(end + 1)...])
    examineJSON(name, body)
    examineForm(body)
    examineConditions(body)
}

// MARK: JSON

private func examineJSON(_ path: [UInt8], _ body: [UInt8]) {
    let whole = JSONFieldReader.value(at: path.span, in: body.span)
    for count in stride(from: 0, to: body.count, by: max(body.count / 64, 1)) {
        let part = JSONFieldReader.value(at: path.span, in: body.span.extracting(0..<count))
        promise(part == nil || part == whole, "more bytes change a value")
    }
    if let whole { promise(whole.end <= body.count, "a value lies in what came") }
    // Names and values are compared as they were sent; this reader takes the escapes away.
    guard !body.contains(UInt8(ascii: "\\")), let document = try? JSONReader.read(body),
        let text = String(validating: path, as: UTF8.self)
    else { return }
    var value: JSONValue? = document
    for name in text.split(separator: ".", omittingEmptySubsequences: false) {
        value = value?[String(name)]
    }
    let found = whole.map { String(decoding: body[Int($0.start)..<$0.end], as: UTF8.self) }
    promise(says(found, value), "both readers say the same")
}

private func says(_ found: String?, _ value: JSONValue?) -> Bool {
    switch value {
    case nil, .object?, .array?: found == nil
    case .string(let text)?: found?.utf8.elementsEqual(text.utf8) ?? false
    case .integer(let number)?: found.flatMap { Int64($0) } == number
    case .number(let number)?: found.flatMap { Double($0) } == number
    case .bool(let isTrue)?: found == "\(isTrue)"
    case .null?: found == "null"
    }
}

// MARK: Conditions

private let gold = ValueMatch(name: "plan", test: .equals("gold"))
private let conditions: [RouteCondition] = [
    .form(gold), .json(gold), .not(.json(gold)), .all([.form(gold), .method("POST")]),
    .any([.json(gold), .method("GET")]),
]

private let (table, places): (ConditionTable, [Int]) = {
    var table = ConditionTable()
    let places = conditions.map { Int(table.add($0)) }
    return (table, places)
}()

private func examineForm(_ body: [UInt8]) {
    let type = "application/x-www-form-urlencoded"
    let wanted = [Array("plan".utf8), Array("gold".utf8)]
    let pairs = body.split(separator: UInt8(ascii: "&")).compactMap { piece -> [[UInt8]]? in
        let pair = piece.drop { $0 == 0x20 }
        guard !pair.isEmpty else { return nil }
        let middle = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
        return [Array(pair[..<middle]), Array(pair[middle...].dropFirst())]
    }
    ask(body, type) { request in
        promise(
            table.holds(places[0], request) == pairs.contains(wanted),
            "a form is read in two ways"
        )
    }
}

/// A verdict before the body has come is the one after it.
private func examineConditions(_ body: [UInt8]) {
    for type in ["application/json", "application/x-www-form-urlencoded", "text/plain"] {
        ask(body, type) { request in
            for place in places {
                var before = request
                before.knowsBody = false
                guard let early = table.verdict(place, before) else { continue }
                promise(early == table.holds(place, request), "the body changes a verdict")
            }
        }
    }
}

private func ask(_ body: [UInt8], _ type: String, _ examine: (RequestView) -> Void) {
    let text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\n"
    let bytes = Array("\(text)Content-Length: \(body.count)\r\n\r\n".utf8)
    var fields = FieldTable(limit: 8)
    var head = RequestHead()
    var parser = RequestParser(limits: HeadLimits())
    guard parser.parse(bytes.span, fields: &fields, head: &head) == .complete else { return }
    var view = RequestView(
        head: head,
        fields: fields.entries,
        bytes: bytes.span,
        path: bytes.span.slice(head.path),
        client: IPAddress(v4: 0x7f00_0001),
        isTLS: false
    )
    view.body = body.span
    view.knowsBody = true
    examine(view)
}
