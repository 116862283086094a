// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// Names where they stand in the message under construction.
extension AnswerRun {
    /// Where the last `length` octets of the name in hand stand; nil when no label begins there.
    ///
    /// A target may end in a pointer above the apex that is looked for: an alias of an inner apex
    /// that is asked for DS, which is the outer zone's to answer (RFC 4035 §3.1.4.1).
    func offset(ofLast length: Int, in output: borrowing OutputSpan<UInt8>) -> Int? {
        var place = writer.start &+ owner
        var left = nameLength
        while left > length || (place < output.count && output[place] >= 0xc0) {
            guard place &+ 1 < output.count else { return nil }
            let octet = Int(output[place])
            guard octet < 0xc0 else {
                // Pointers lead back alone, so there is an end to them.
                let target = writer.start &+ (octet & 0x3f) << 8 &+ Int(output[place &+ 1])
                guard target < place else { return nil }
                place = target
                continue
            }
            left &-= octet &+ 1
            place &+= octet &+ 1
        }
        return left == length ? place &- writer.start : nil
    }
}
