// SPDX-License-Identifier: Apache-2.0

extension HeadScan {
    /// Index of the first octet in `start..<end` that cannot stand in a host name, else `end`.
    ///
    /// Letters, digits, `-`, `.` and `_` can.
    @inline(__always)
    static func firstNonHost(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end, let word = word(bytes, index) {
            let hits = nonHost(word)
            guard hits == 0 else {
                return Swift.min(index &+ hits.trailingZeroBitCount >> 3, end)
            }
            index &+= 8
        }
        while index >= 0, index < end, index < bytes.count {
            guard nonHost(UInt64(bytes[index]) | 0x6161_6161_6161_6100) == 0 else { return index }
            index &+= 1
        }
        return end
    }

    // High bits set where an octet is no host octet. Adding 0x80 - low to seven bits carries
    // into the high bit from `low` on, adding 0x7f - high carries above `high`; no octet can
    // carry into the next.
    @inline(__always)
    private static func nonHost(_ word: UInt64) -> UInt64 {
        let low = word & 0x7f7f_7f7f_7f7f_7f7f
        let folded = low | fold
        let letter = (folded &+ 0x1f1f_1f1f_1f1f_1f1f) & ~(folded &+ 0x0505_0505_0505_0505)
        // `-` to `9`, of which only the slash is not wanted.
        let digit = (low &+ 0x5353_5353_5353_5353) & ~(low &+ 0x4646_4646_4646_4646)
        let noSlash = (low ^ 0x2f2f_2f2f_2f2f_2f2f) &+ 0x7f7f_7f7f_7f7f_7f7f
        let noUnderscore = (low ^ 0x5f5f_5f5f_5f5f_5f5f) &+ 0x7f7f_7f7f_7f7f_7f7f
        let isHost = letter | digit & noSlash | ~noUnderscore
        return (~isHost | word) & 0x8080_8080_8080_8080
    }
}
