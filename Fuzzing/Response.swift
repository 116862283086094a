// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
import Essentials
import HTTPProtocol

/// A response head reads the same at once and in two pieces.
func examine(_ bytes: [UInt8]) {
    let limits = HeadLimits()
    var fields = FieldTable(limit: Int(limits.fields))
    for method in [Method.get, .head] {
        var head = ResponseHead()
        var whole = ResponseParser(limits: limits)
        let result = whole.parse(bytes.span, requestMethod: method, fields: &fields, head: &head)
        guard result == .complete else { continue }
        promise(head.length > 0 && head.length <= bytes.count, "a head ends inside its bytes")
        for index in 0..<fields.count {
            promise(fields[index].value.end <= head.length, "a field lies inside the head")
        }
        var again = ResponseHead()
        var pieces = ResponseParser(limits: limits)
        let cut = Int(bytes[bytes.count - 1]) % bytes.count
        let half = bytes.span.extracting(0..<cut)
        var second = pieces.parse(half, requestMethod: method, fields: &fields, head: &again)
        if second == .needMore {
            second = pieces.parse(
                bytes.span,
                requestMethod: method,
                fields: &fields,
                head: &again
            )
        }
        promise(second == .complete && head == again, "pieces change the head")
    }
}
