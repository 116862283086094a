// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
// dictionary: http.dict
import Essentials
import HTTPProtocol

/// A response head gets one verdict however it is cut, and its framing follows RFC 9112 §6.3.
func examine(_ bytes: [UInt8]) {
    for method in [Method.get, .head] {
        let whole = read(bytes, by: bytes.count, method)
        let pieces = read(bytes, by: 1 + Int(bytes.last ?? 0) % 9, method)
        promise(whole.result == pieces.result, "pieces change the verdict")
        guard whole.result == .complete else { continue }
        let head = whole.head
        promise(head == pieces.head, "pieces change the head")
        promise(head.length > 0 && head.length <= bytes.count, "a head ends inside its bytes")
        promise(head.reason.end <= head.length, "the reason lies inside the head")
        promise((100...599).contains(head.status), "a status is one of five classes")
        let isBodyless = method == .head || head.status < 200 || [204, 304].contains(head.status)
        promise(!isBodyless || head.framing == .none, "a response without a body has none")
        promise(head.framing != .untilClose || !head.isPersistent, "an open end ends")
    }
}

private func read(
    _ bytes: [UInt8],
    by size: Int,
    _ method: Method
) -> (result: HeadResult, head: ResponseHead) {
    var fields = FieldTable(limit: 100)
    var head = ResponseHead()
    var parser = ResponseParser(limits: HeadLimits())
    var result = HeadResult.needMore
    var end = 0
    repeat {
        end = size >= bytes.count - end ? bytes.count : end + size
        let span = bytes.span.extracting(0..<end)
        result = parser.parse(span, requestMethod: method, fields: &fields, head: &head)
    } while result == .needMore && end < bytes.count
    return (result, head)
}
