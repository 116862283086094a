// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
// dictionary: http.dict
import Essentials
import HTTPProtocol

/// A chunked body with its trailers gives the same bytes and the same end however it is cut.
func examine(_ bytes: [UInt8]) {
    let whole = decode(bytes, by: bytes.count)
    let pieces = decode(bytes, by: 1 + Int(bytes.first ?? 0) % 7)
    promise(whole.body == pieces.body, "pieces change the body")
    promise(whole.end == pieces.end, "pieces change the end")
    promise(whole.trailers == pieces.trailers, "pieces change the trailers")
    promise(whole.body.count <= bytes.count, "a body is no longer than what came")
}

private enum End: Equatable { case needMore, complete(Int), refused(Refusal) }

private struct Decoded {
    var end = End.needMore
    var body: [UInt8] = []
    var trailers: [FieldSlice] = []
}

private func decode(_ bytes: [UInt8], by size: Int) -> Decoded {
    var decoder = ChunkDecoder()
    var parser = TrailerParser()
    var fields = FieldTable(limit: 32)
    var decoded = Decoded()
    var position = 0
    var end = 0
    repeat {
        end = size >= bytes.count - end ? bytes.count : end + size
        // The span always begins with the body, so that positions can be compared.
        let span = bytes.span.extracting(0..<end)
        steps: while !decoder.isFinished {
            switch decoder.next(span, at: &position) {
            case .data(let range):
                promise(range.end <= end && !range.isEmpty, "body bytes lie inside the span")
                decoded.body += bytes[Int(range.start)..<range.end]
            case .needMore:
                promise(position == end, "all bytes are used up before more are asked for")
                break steps
            case .lastChunk: break steps
            case .refused(let refusal):
                decoded.end = .refused(refusal)
                return decoded
            }
        }
        guard decoder.isFinished else { continue }
        var length = 0
        switch parser.parse(span.extracting(position..<end), fields: &fields, length: &length) {
        case .needMore: continue
        case .refused(let refusal): decoded.end = .refused(refusal)
        case .complete:
            promise(length >= 2 && position + length <= end, "trailers lie inside the span")
            decoded.end = .complete(position + length)
            for index in 0..<fields.count { decoded.trailers.append(fields[index]) }
        }
        return decoded
    } while end < bytes.count
    return decoded
}
