// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
import Essentials
import HTTPProtocol

/// A request head reads the same at once and in two pieces, and all its ranges lie inside it.
func examine(_ bytes: [UInt8]) {
    let limits = HeadLimits()
    var fields = FieldTable(limit: Int(limits.fields))
    var head = RequestHead()
    var whole = RequestParser(limits: limits)
    let result = whole.parse(bytes.span, fields: &fields, head: &head)
    if result == .complete {
        promise(head.length > 0 && head.length <= bytes.count, "a head ends inside its bytes")
        for range in [head.methodRange, head.target, head.path, head.query, head.host] {
            promise(range.end <= head.length, "a range of the head lies inside it")
        }
        for index in 0..<fields.count {
            promise(fields[index].value.end <= head.length, "a field lies inside the head")
        }
    }
    var pieces = RequestParser(limits: limits)
    var again = RequestHead()
    let cut = bytes.isEmpty ? 0 : Int(bytes[bytes.count - 1]) % bytes.count
    var second = pieces.parse(bytes.span.extracting(0..<cut), fields: &fields, head: &again)
    if second == .needMore { second = pieces.parse(bytes.span, fields: &fields, head: &again) }
    if result == .complete, second == .complete { promise(head == again, "pieces change the head") }
    if case .complete = result { promise(second == .complete, "pieces change the verdict") }
}
