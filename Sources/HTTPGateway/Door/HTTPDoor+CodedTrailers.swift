// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Trailers of answers that are compressed: they come while the coder still holds content back, so
/// they wait for its end.
extension HTTPDoor {
    /// Keeps the trailers of a compressed answer, but for what they say of its plain bytes.
    ///
    /// `text` is the section with the empty line that ends it, or empty. Trailers that cannot be kept
    /// are left out, which everybody who sends some has to reckon with (RFC 9110 §6.5.1).
    mutating func keepCodedTrailers(_ c: Int, _ text: Span<UInt8>) {
        let coding = Int(clients[c].exchange.coding)
        guard coding >= 0, codings[coding].trailers.block.isNone, !text.isEmpty else { return }
        var parser = TrailerParser()
        var length = 0
        let result = parser.parse(text, fields: &responseFields, length: &length)
        guard case .complete = result else { return }
        responseFields.hide(.etag)
        // A reload may have taken the rule away; the names of digests are the same in each.
        let rule = Int(routeRecord(c).compress)
        if actions.compressions.indices.contains(rule) {
            actions.hideDigests(actions.compressions[rule], in: &responseFields, of: text)
        }
        if clients[c].isStream { listTrailers(c, text) } else { writeTrailers(coding, text) }
    }

    private mutating func writeTrailers(_ coding: Int, _ text: Span<UInt8>) {
        tail.write { output in
            var isWhole = true
            for index in 0..<responseFields.count where !responseFields[index].isForbidden {
                isWhole = isWhole && output.copyField(responseFields[index], from: text)
            }
            if !isWhole || output.isEmpty || !output.writeLineEnd() { output.removeAll() }
        }
        guard !tail.bytes.isEmpty else { return }
        let block = buffers.take()
        let kept = buffers.write(block, at: 0) { $0.write(tail.bytes) }
        codings[coding].trailers = Pending(block: block, start: 0, end: Int32(kept))
    }
}
