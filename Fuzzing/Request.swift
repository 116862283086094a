// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
// dictionary: http.dict
import Essentials
import HTTPProtocol

/// A request head gets one verdict however it is cut, lies inside its bytes, and can be written
/// anew so that it reads the same.
func examine(_ bytes: [UInt8]) {
    let whole = read(bytes, by: bytes.count)
    let size = 1 + Int(bytes.last ?? 0) % 9
    let pieces = read(bytes, by: size)
    promise(whole.result == pieces.result, "pieces change the verdict")
    guard whole.result == .complete else { return }
    promise(whole.head == pieces.head, "pieces change the head")
    let head = whole.head
    promise(head.length > 0 && head.length <= bytes.count, "a head ends inside its bytes")
    for range in [head.methodRange, head.target, head.path, head.query, head.authority, head.host] {
        promise(range.end <= head.length, "a range of the head lies inside it")
    }
    if head.method == .connect { return }
    let again = read(rewritten(bytes, head), by: .max)
    promise(again.result == .complete, "a head written anew is acceptable")
    promise(again.head.framing == head.framing, "a head written anew frames the same body")
    promise(again.head.method == head.method, "a head written anew has the same method")
}

private func read(_ bytes: [UInt8], by size: Int) -> (result: HeadResult, head: RequestHead) {
    var fields = FieldTable(limit: 100)
    var head = RequestHead()
    var parser = RequestParser(limits: HeadLimits())
    var result = HeadResult.needMore
    var end = 0
    repeat {
        end = size >= bytes.count - end ? bytes.count : end + size
        result = parser.parse(bytes.span.extracting(0..<end), fields: &fields, head: &head)
    } while result == .needMore && end < bytes.count
    return (result, head)
}

private func rewritten(_ bytes: [UInt8], _ head: RequestHead) -> [UInt8] {
    var fields = FieldTable(limit: 100)
    var again = RequestHead()
    var parser = RequestParser(limits: HeadLimits())
    _ = parser.parse(bytes.span, fields: &fields, head: &again)
    for index in 0..<fields.count {
        let field = fields[index]
        promise(field.value.end <= head.length, "a field lies inside the head")
        for octet in bytes[Int(field.value.start)..<field.value.end] {
            promise(FieldSyntax.isValueByte(octet), "a value holds no control octet")
        }
        for octet in bytes[Int(field.name.start)..<field.name.end] {
            promise(FieldSyntax.isTokenByte(octet), "a name is a token")
        }
    }
    return [UInt8](capacity: bytes.count + 512) { output in
        output.writeRequestLine(head, from: bytes.span)
        if head.authority.isEmpty {
            output.writeField("Host", "endpoint.invalid")
        } else {
            output.writeField("Host", bytes.span.slice(head.authority))
        }
        output.copyFields(fields, from: bytes.span, dropping: [.host, .contentLength])
        switch head.framing {
        case .length(let length): output.writeField("Content-Length", decimal: length)
        case .chunked: output.writeField("Transfer-Encoding", "chunked")
        case .none, .untilClose: break
        }
        output.writeLineEnd()
    }
}
