// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
internal import Glibc
#endif

/// Wire writing. Every `write` answers false, and writes nothing, when there is no room:
/// the standard `append` traps, and a length that came from a peer must never reach a trap.
extension OutputSpan where Element == UInt8 {
    /// Appends one octet.
    @inlinable @discardableResult @_lifetime(self: copy self)
    public mutating func write(_ byte: UInt8) -> Bool {
        guard freeCapacity > 0 else { return false }
        append(byte)
        return true
    }

    /// Appends all bytes, or none.
    @inlinable @discardableResult @_lifetime(self: copy self)
    public mutating func write(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count <= freeCapacity else { return false }
        guard bytes.count > 0 else { return true }
        unsafe bytes.withUnsafeBufferPointer { source in
            unsafe copy(source)
        }
        return true
    }

    /// Appends the UTF-8 of a literal.
    @inlinable @discardableResult @_lifetime(self: copy self)
    public mutating func write(_ text: StaticString) -> Bool {
        guard text.utf8CodeUnitCount <= freeCapacity else { return false }
        unsafe copy(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        return true
    }

    // Bulk copy: a loop of append() costs a bounds check per octet and is not vectorised.
    @usableFromInline @_lifetime(self: copy self)
    mutating func copy(_ source: UnsafeBufferPointer<UInt8>) {
        unsafe withUnsafeMutableBufferPointer { buffer, initialized in
            guard let from = source.baseAddress, let base = buffer.baseAddress else { return }
            unsafe (base + initialized).update(from: from, count: source.count)
            initialized += source.count
        }
    }

    /// Appends a text's UTF-8.
    ///
    /// Not for the data path: `String` may allocate.
    @discardableResult @_lifetime(self: copy self)
    public mutating func write(text: String) -> Bool { write(Array(text.utf8).span) }

    /// Appends an unsigned number in decimal.
    @inlinable @discardableResult @_lifetime(self: copy self)
    public mutating func write(decimal value: UInt64) -> Bool {
        if value < 1_000 { return write(small: UInt32(truncatingIfNeeded: value)) }
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var count = 0
        var rest = value
        repeat {
            digits[count] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
            rest /= 10
            count &+= 1
        } while rest > 0 && count < 20
        guard count <= freeCapacity else { return false }
        while count > 0 {
            count &-= 1
            append(digits[count])
        }
        return true
    }

    // Bytes of addresses and status codes: no division by a variable, no turning round.
    @inlinable @_lifetime(self: copy self)
    mutating func write(small value: UInt32) -> Bool {
        guard freeCapacity >= (value >= 100 ? 3 : value >= 10 ? 2 : 1) else { return false }
        if value >= 100 { append(UInt8(truncatingIfNeeded: value / 100) &+ 0x30) }
        if value >= 10 { append(UInt8(truncatingIfNeeded: value / 10 % 10) &+ 0x30) }
        append(UInt8(truncatingIfNeeded: value % 10) &+ 0x30)
        return true
    }

    /// Appends a number as `width` lower-case hexadecimal digits.
    @inlinable @discardableResult @_lifetime(self: copy self)
    public mutating func write(hexadecimal value: UInt64, width: Int) -> Bool {
        guard width >= 0, width <= 16, width <= freeCapacity else { return false }
        var shift = (width &- 1) &* 4
        while shift >= 28 {
            shift &-= 28
            eightDigits(UInt32(truncatingIfNeeded: value >> UInt64(shift)))
            shift &-= 4
        }
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15
            append(digit < 10 ? digit &+ 0x30 : digit &+ 0x57)
            shift &-= 4
        }
        return true
    }

    // A digit in each octet of one word: the nibbles are spread, and letters are moved up.
    @inlinable @_lifetime(self: copy self)
    mutating func eightDigits(_ value: UInt32) {
        var word = UInt64(value)
        word = (word | word << 16) & 0x0000_ffff_0000_ffff
        word = (word | word << 8) & 0x00ff_00ff_00ff_00ff
        word = (word | word << 4) & 0x0f0f_0f0f_0f0f_0f0f
        let isLetter = (word &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        let digits = word &+ 0x3030_3030_3030_3030 &+ isLetter &* 0x27
        for place in 0..<8 {
            append(UInt8(truncatingIfNeeded: digits >> UInt64(56 &- place &* 8)))
        }
    }

    /// Appends 16 bits in network order.
    @inlinable @discardableResult @_lifetime(self: copy self)
    public mutating func write(uint16 value: UInt16) -> Bool {
        guard freeCapacity >= 2 else { return false }
        append(word: value.bigEndian)
        return true
    }

    /// Appends 32 bits in network order.
    @inlinable @discardableResult @_lifetime(self: copy self)
    public mutating func write(uint32 value: UInt32) -> Bool {
        guard freeCapacity >= 4 else { return false }
        append(word: value.bigEndian)
        return true
    }

    /// Appends 64 bits in network order.
    @inlinable @discardableResult @_lifetime(self: copy self)
    public mutating func write(uint64 value: UInt64) -> Bool {
        guard freeCapacity >= 8 else { return false }
        append(word: value.bigEndian)
        return true
    }

    /// Appends the first `count` octets of an address in network order.
    @inlinable @discardableResult @_lifetime(self: copy self)
    public mutating func write(octets count: Int, of address: IPAddress) -> Bool {
        guard count >= 0, count <= address.byteCount, count <= freeCapacity else { return false }
        if count == 4, address.isIPv4 {
            return write(uint32: UInt32(truncatingIfNeeded: address.bits))
        }
        // The first octet comes to the top, so that all shifts are of one word.
        let bits = address.isIPv4 ? address.bits << 96 : address.bits
        var word = UInt64(truncatingIfNeeded: bits >> 64)
        for place in 0..<count {
            if place == 8 { word = UInt64(truncatingIfNeeded: bits) }
            append(UInt8(truncatingIfNeeded: word >> 56))
            word <<= 8
        }
        return true
    }

    // One store in place of one for each octet. The caller has seen that there is room.
    @inlinable @inline(__always) @_lifetime(self: copy self)
    mutating func append<Word: FixedWidthInteger & BitwiseCopyable>(word: Word) {
        unsafe withUnsafeMutableBufferPointer { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            unsafe UnsafeMutableRawPointer(base + initialized).storeBytes(of: word, as: Word.self)
            initialized += MemoryLayout<Word>.size
        }
    }

    /// Appends an address in dotted decimal or RFC 5952 text without touching the heap for IPv4.
    @discardableResult @_lifetime(self: copy self)
    public mutating func write(address: IPAddress) -> Bool {
        guard freeCapacity >= 45 else { return false }
        guard address.isIPv4 else { return write(ipv6: address) }
        for index in 0..<4 {
            if index > 0 { append(UInt8(ascii: ".")) }
            write(decimal: UInt64(address.byte(index)))
        }
        return true
    }

    @_lifetime(self: copy self)
    private mutating func write(ipv6 address: IPAddress) -> Bool {
        // RFC 5952 §4.2: the longest run of two or more zero groups becomes "::".
        var best = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, address.byte(end * 2) | address.byte(end * 2 + 1) == 0 { end += 1 }
            if end - index > Swift.max(best.count, 1) { best = index..<end }
            index = Swift.max(end, index + 1)
        }
        var group = 0
        while group < 8 {
            if !best.isEmpty, group == best.lowerBound {
                write("::")
                group = best.upperBound
                continue
            }
            if group > 0, group != best.upperBound || best.isEmpty { append(UInt8(ascii: ":")) }
            let value = UInt64(address.byte(group * 2)) << 8 | UInt64(address.byte(group * 2 + 1))
            let width = value > 0xfff ? 4 : value > 0xff ? 3 : value > 0xf ? 2 : 1
            write(hexadecimal: value, width: width)
            group += 1
        }
        return true
    }
}
