// SPDX-License-Identifier: Apache-2.0

/// Looking at eight octets at a time, in safe Swift.
///
/// Lesson: eight subscripts of a span that was cut to eight octets compile to one `mov`, because
/// its count is a constant. Without the cut, some loops kept five range checks and eight loads
/// per word, depending on what surrounded them (Swift 6.3.1, x86-64).
enum HeadScan {
    /// Bit 5 of each octet: folds ASCII letters to lower case.
    static var fold: UInt64 { 0x2020_2020_2020_2020 }
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highBits: UInt64 { 0x8080_8080_8080_8080 }

    /// The eight octets from `index`, first octet lowest; nil when fewer are left.
    @inline(__always)
    static func word(_ bytes: Span<UInt8>, _ index: Int) -> UInt64? {
        guard index >= 0, index <= bytes.count &- 8 else { return nil }
        let eight = bytes.extracting(index..<(index &+ 8))
        let low =
            UInt64(eight[0]) | UInt64(eight[1]) << 8 | UInt64(eight[2]) << 16
            | UInt64(eight[3]) << 24
        let high =
            UInt64(eight[4]) | UInt64(eight[5]) << 8 | UInt64(eight[6]) << 16
            | UInt64(eight[7]) << 24
        return low | high << 32
    }

    // Two words at once: half the loop for the same octets.
    @inline(__always)
    private static func pair(_ bytes: Span<UInt8>, _ index: Int) -> (UInt64, UInt64)? {
        guard index >= 0, index <= bytes.count &- 16 else { return nil }
        let both = bytes.extracting(index..<(index &+ 16))
        guard let first = word(both, 0), let second = word(both, 8) else { return nil }
        return (first, second)
    }

    /// Up to eight octets from `index`, folded to lower case, with zeros behind.
    @inline(__always)
    static func shortWord(_ bytes: Span<UInt8>, _ index: Int, _ count: Int) -> UInt64 {
        guard count > 0, count <= 8 else { return 0 }
        let mask = UInt64.max >> UInt64(64 &- count &* 8)
        guard let whole = word(bytes, index) else { return slowWord(bytes, index, count) }
        return (whole | fold) & mask
    }

    /// Up to eight octets from `index` as they are, with zeros behind; 0 when it cannot be.
    @inline(__always)
    static func exactWord(_ bytes: Span<UInt8>, _ index: Int, _ count: Int) -> UInt64 {
        guard count > 0, count <= 8, let whole = word(bytes, index) else { return 0 }
        return whole & (UInt64.max >> UInt64(64 &- count &* 8))
    }

    // The last octets of a buffer, where a whole word would reach past its end.
    private static func slowWord(_ bytes: Span<UInt8>, _ index: Int, _ count: Int) -> UInt64 {
        guard index >= 0, index &+ count <= bytes.count else { return 0 }
        var word: UInt64 = 0
        for offset in 0..<count {
            word |= UInt64(bytes[index &+ offset] | 0x20) << UInt64(offset &* 8)
        }
        return word
    }

    /// Index of the first control octet other than HTAB at or after `start`, else the count.
    ///
    /// Every line ends there: at its CR if all is well.
    @inline(__always)
    static func firstControl(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while true {
            while let pair = pair(bytes, index) {
                let first = controls(pair.0)
                let second = controls(pair.1)
                guard (first | second) & highBits != 0 else {
                    index &+= 16
                    continue
                }
                let hits = first & highBits
                index &+=
                    hits != 0
                    ? hits.trailingZeroBitCount >> 3
                    : 8 &+ (second & highBits).trailingZeroBitCount >> 3
                break
            }
            while index >= 0, index < bytes.count, !isControl(bytes[index]) { index &+= 1 }
            guard index >= 0, index < bytes.count, bytes[index] == 0x09 else { return index }
            index &+= 1
        }
    }

    // High bits set below 0x20 and at 0x7f. The lowest one is exact: borrows only run upwards.
    @inline(__always)
    private static func controls(_ word: UInt64) -> UInt64 {
        let below = word &- fold
        let delete = (word ^ 0x7f7f_7f7f_7f7f_7f7f) &- ones
        return (below | delete) & ~word
    }

    @inline(__always)
    private static func isControl(_ octet: UInt8) -> Bool { octet < 0x20 || octet == 0x7f }

    /// Length of the name at `start`, up to its colon and at most 24; nil when it is longer.
    ///
    /// Also gives its first eight octets.
    @inline(__always)
    static func shortName(_ bytes: Span<UInt8>, _ start: Int) -> (count: Int, word: UInt64)? {
        guard let word = word(bytes, start) else { return nil }
        var hits = colons(word)
        if hits != 0 { return (hits.trailingZeroBitCount >> 3, word) }
        guard let second = HeadScan.word(bytes, start &+ 8) else { return nil }
        hits = colons(second)
        if hits != 0 { return (8 &+ hits.trailingZeroBitCount >> 3, word) }
        guard let third = HeadScan.word(bytes, start &+ 16) else { return nil }
        hits = colons(third)
        return hits != 0 ? (16 &+ hits.trailingZeroBitCount >> 3, word) : nil
    }

    @inline(__always)
    private static func colons(_ word: UInt64) -> UInt64 {
        let difference = word ^ 0x3a3a_3a3a_3a3a_3a3a
        return (difference &- ones) & ~difference & highBits
    }

    /// Index of the first octet equal to `octet` in `start..<end`, else `end`.
    @inline(__always)
    static func first(_ octet: UInt8, in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        let pattern = ones &* UInt64(octet)
        var index = start
        while index < end, let word = word(bytes, index) {
            let difference = word ^ pattern
            let hits = (difference &- ones) & ~difference & highBits
            guard hits == 0 else {
                return Swift.min(index &+ hits.trailingZeroBitCount >> 3, end)
            }
            index &+= 8
        }
        while index >= 0, index < end, index < bytes.count {
            if bytes[index] == octet { return index }
            index &+= 1
        }
        return end
    }

    /// Index of the first octet that needs a look of its own in a target, else `end`.
    ///
    /// Those are blanks, control octets, DEL, octets above ASCII, `#`, `%` and `?`.
    @inline(__always)
    static func firstSpecial(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end, let word = word(bytes, index) {
            let blank = (word &- 0x2121_2121_2121_2121) & ~word
            let delete = word ^ 0x7f7f_7f7f_7f7f_7f7f
            let hash = word ^ 0x2323_2323_2323_2323
            let percent = word ^ 0x2525_2525_2525_2525
            let question = word ^ 0x3f3f_3f3f_3f3f_3f3f
            var hits = blank | word | (delete &- ones) & ~delete
            hits |= (hash &- ones) & ~hash
            hits |= (percent &- ones) & ~percent
            hits |= (question &- ones) & ~question
            hits &= highBits
            guard hits == 0 else {
                return Swift.min(index &+ hits.trailingZeroBitCount >> 3, end)
            }
            index &+= 8
        }
        while index >= 0, index < end, index < bytes.count {
            let octet = bytes[index]
            if octet <= 0x20 || octet >= 0x7f { return index }
            if octet == 0x23 || octet == 0x25 || octet == 0x3f { return index }
            index &+= 1
        }
        return end
    }

    /// The range without SP and HTAB at both ends (OWS of RFC 9110 §5.6.3).
    static func trimmed(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> ByteRange {
        var first = start
        var last = end
        while first >= 0, first < last, first < bytes.count, isBlank(bytes[first]) { first &+= 1 }
        while last > first, last > 0, last <= bytes.count, isBlank(bytes[last &- 1]) {
            last &-= 1
        }
        return ByteRange(
            start: UInt32(truncatingIfNeeded: first),
            count: UInt32(truncatingIfNeeded: last &- first)
        )
    }

    /// True for SP and HTAB.
    @inline(__always)
    static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 }

    /// True when `word`, whose letters are lower case, fills `range` without regard to case.
    ///
    /// The word is up to eight octets; see ``KnownField`` for why folding is exact.
    @inline(__always)
    static func equals(_ bytes: Span<UInt8>, _ range: ByteRange, _ word: UInt64) -> Bool {
        shortWord(bytes, Int(range.start), Int(range.count)) == word
    }
}
