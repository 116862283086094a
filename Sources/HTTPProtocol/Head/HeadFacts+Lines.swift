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
        var start = position
        while true {
            let end = HeadScan.firstControl(bytes, from: start)
            guard end &+ 1 < bytes.count, bytes[end] == 0x0d, bytes[end &+ 1] == 0x0a else {
                position = start
                return unfinished(bytes, end: end)
            }
            guard end > start else {
                position = end &+ 2
                return .end
            }
            if let refusal = judge(bytes, start, end, &slots) { return .refused(refusal) }
            start = end &+ 2
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
        var colon = end
        var known = KnownField.other
        if let name = HeadScan.shortName(bytes, start), name.count < end &- start {
            colon = start &+ name.count
            known = KnownField.recognize(bytes, start, name.count, name.word)
        } else {
            // A long name, no name at all, or one so near the end of the buffer that whole words
            // would reach past it.
            colon = HeadScan.first(0x3a, in: bytes, from: start, to: end)
            if colon < end {
                known = KnownField.recognize(bytes, ByteRange(from: start, to: colon))
            }
        }
        if known == .other, let refusal = judgeName(bytes, start, colon, end) { return refusal }
        let index = Int(progress.fieldCount)
        guard index < slots.count, index < fieldLimit else {
            return role == .trailer ? .trailerCount : .fieldCount
        }
        // One space before the value and nothing behind it: the usual spelling, and ours.
        let isVerbatim =
            colon &+ 2 < end && bytes[colon &+ 1] == 0x20 && bytes[colon &+ 2] > 0x20
            && bytes[end &- 1] > 0x20
        let value =
            isVerbatim
            ? ByteRange(
                start: UInt32(truncatingIfNeeded: colon &+ 2),
                count: UInt32(truncatingIfNeeded: end &- colon &- 2)
            ) : HeadScan.trimmed(bytes, from: colon &+ 1, to: end)
        var field = FieldSlice(
            name: ByteRange(
                start: UInt32(truncatingIfNeeded: start),
                count: UInt32(truncatingIfNeeded: colon &- start)
            ),
            value: value,
            known: known,
            isHopByHop: known.isHopByHop,
            isForbidden: role == .trailer && known.isForbiddenInTrailers
                || known == .other && role != .response
                    && KnownField.isDisguised(bytes, start, colon)
        )
        field.isVerbatim = isVerbatim
        slots[index] = field
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
