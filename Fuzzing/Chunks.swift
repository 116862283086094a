// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
import Essentials
import HTTPProtocol

/// A chunked body gives the same bytes and the same end however it is cut.
func examine(_ bytes: [UInt8]) {
    let whole = decode(bytes, by: bytes.count)
    let pieces = decode(bytes, by: 1 + Int(bytes.first ?? 0) % 7)
    promise(whole.body == pieces.body, "pieces change the body")
    promise(whole.isOver == pieces.isOver, "pieces change the end")
    promise(whole.body.count <= bytes.count, "a body is no longer than what came")
}

func decode(_ bytes: [UInt8], by size: Int) -> (body: [UInt8], isOver: Bool) {
    var decoder = ChunkDecoder()
    var body: [UInt8] = []
    var start = 0
    while start < bytes.count {
        let end = min(start + size, bytes.count)
        var position = start
        // The span always begins with the body, so that positions can be compared.
        let span = bytes.span.extracting(0..<end)
        while true {
            switch decoder.next(span, at: &position) {
            case .data(let range):
                promise(range.end <= end, "body bytes lie inside the span")
                for index in Int(range.start)..<range.end { body.append(bytes[index]) }
                continue
            case .needMore: break
            case .lastChunk, .refused: return (body, true)
            }
            break
        }
        promise(position == end, "all bytes are used up before more are asked for")
        start = end
    }
    return (body, false)
}
