// SPDX-License-Identifier: Apache-2.0

/// Reading the field lines (RFC 9112 §5).
extension HeadFacts {
    /// Judges the complete lines at hand up to and including the empty one.
    ///
    /// `bytes` must end at the limit of the head.
    @_lifetime(slots: copy slots)
    mutating func readFields(
        _ bytes: Span<UInt8>,
        into slots: inout MutableSpan<FieldSlice>
    ) -> SectionResult {
        while true {
            let start = position
            let end = HeadScan.firstControl(bytes, from: start)
            guard end &+ 1 < bytes.count, bytes[end] == 0x0d, bytes[end &+ 1] == 0x0a else {
                return unfinished(bytes, end: end)
            }
            position = end &+ 2
            if end == start { return .end }
            if let refusal = judge(bytes, start, end, &slots) { return .refused(refusal) }
        }
    }

    /// The verdict on a line that has no proper end: more bytes, or what is wrong with its end.
    mutating func unfinished(_ bytes: Span<UInt8>, end: Int) -> SectionResult {
        progress.examined = UInt32(truncatingIfNeeded: end)
        guard end < bytes.count else { return .needMore }
        switch bytes[end] {
        case 0x0d: return end &+ 1 < bytes.count ? .refused(.bareCR) : .needMore
        case 0x0a: return .refused(.bareLF)
        default: return .refused(.controlByte)
        }
    }

    // One field line, from its first octet up to its CR.
    @inline(__always) @_lifetime(slots: copy slots)
    private mutating func judge(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int,
        _ slots: inout MutableSpan<FieldSlice>
    ) -> Refusal? {
        let colon = HeadScan.first(0x3a, in: bytes, from: start, to: end)
        let known = KnownField.recognize(bytes, start, colon &- start)
        if known == .other || colon == end,
            let refusal = judgeName(bytes, start, colon, end)
        {
            return refusal
        }
        let index = Int(progress.fieldCount)
        guard index < slots.count, index < fieldLimit else {
            return role == .trailer ? .trailerCount : .fieldCount
        }
        let value = HeadScan.trimmed(bytes, from: colon &+ 1, to: end)
        slots[index] = FieldSlice(
            name: ByteRange(from: start, to: colon),
            value: value,
            known: known,
            isHopByHop: known.isHopByHop,
            isForbidden: role == .trailer && known.isForbiddenInTrailers
        )
        progress.fieldCount &+= 1
        return known.isNoted ? note(known, value, bytes) : nil
    }

    // A name that is not known: is it a token, and if not, what is wrong?
    private func judgeName(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ colon: Int,
        _ end: Int
    ) -> Refusal? {
        var index = start
        while index < colon, FieldSyntax.isTokenByte(bytes[index]) { index &+= 1 }
        if index == colon, colon > start, colon < end { return nil }
        if HeadScan.isBlank(bytes[start]) {
            return progress.fieldCount == 0 ? .leadingWhitespace : .obsFold
        }
        if colon == end { return .missingColon }
        guard colon > start else { return .fieldName }
        let isBeforeColon = HeadScan.trimmed(bytes, from: index, to: colon).isEmpty
        return isBeforeColon ? .spaceBeforeColon : .fieldName
    }
}

extension KnownField {
    /// True when the value decides about framing, routing or the connection.
    @inline(__always)
    var isNoted: Bool {
        switch self {
        case .host, .connection, .contentLength, .transferEncoding, .te, .upgrade, .expect: true
        default: false
        }
    }
}
