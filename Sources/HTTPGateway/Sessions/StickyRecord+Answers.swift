// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Reading the cookie that an application gives, and writing it with a mark.
extension StickyRecord {
    /// Where the value of the application's cookie lies in a line of `Set-Cookie` (RFC 6265
    /// §4.1.1); empty when the field is another one, or takes the cookie away.
    func cookie(
        _ field: FieldSlice,
        _ line: Span<UInt8>,
        _ actions: ActionTable
    ) -> ByteRange {
        guard field.known == .setCookie, !field.isForbidden, !name.isEmpty else { return .empty }
        let start = Int(name.count) &+ 1
        guard line.count > start, line[start &- 1] == UInt8(ascii: "="),
            SessionMark.areEqual(
                line.extracting(0..<start &- 1),
                actions.text.span.slice(name)
            )
        else { return .empty }
        var end = start
        while end < line.count, line[end] != UInt8(ascii: ";") { end &+= 1 }
        // Browsers keep what lies inside, blanks and all (RFC 6265 §5.2).
        while end > start, line[end &- 1] <= 0x20 { end &-= 1 }
        return ByteRange(from: start, to: end)
    }

    /// The line once more, with the mark in front of the value or in its place; false without room.
    func writeMarked(
        _ line: Span<UInt8>,
        _ value: ByteRange,
        _ session: UInt64,
        _ actions: ActionTable,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        output.write("Set-Cookie: ") && output.write(actions.text.span.slice(name))
            && output.write("=") && SessionMark.write(session, into: &output)
            && (mode != .prefix || output.write("~") && output.write(line.slice(value)))
            && output.write(line.extracting(value.end..<line.count)) && output.writeLineEnd()
    }

    /// What a field of an answer names the session by; empty for nothing.
    @_lifetime(copy bytes)
    func answeredName(
        _ field: FieldSlice,
        _ bytes: Span<UInt8>,
        _ actions: ActionTable
    ) -> Span<UInt8> {
        let line = bytes.slice(field.value)
        guard !self.field.isEmpty else { return line.slice(cookie(field, line, actions)) }
        let wanted = actions.text.span.slice(self.field)
        let isNamed = FieldSyntax.equalsIgnoringCase(bytes.slice(field.name), wanted)
        return isNamed && !field.isForbidden ? line : line.extracting(0..<0)
    }

    /// What a request names its session by; empty for nothing.
    @_lifetime(copy bytes)
    func askedName(
        _ fields: Span<FieldSlice>,
        _ bytes: Span<UInt8>,
        _ actions: ActionTable
    ) -> Span<UInt8> {
        let text = actions.text.span
        for index in fields.indices {
            let line = bytes.slice(fields[index].value)
            if !field.isEmpty {
                let given = bytes.slice(fields[index].name)
                if FieldSyntax.equalsIgnoringCase(given, text.slice(field)) { return line }
                continue
            }
            guard fields[index].known == .cookie else { continue }
            var pairs = PairReader(line, separator: UInt8(ascii: ";"))
            while pairs.next() {
                guard SessionMark.areEqual(line.slice(pairs.name), text.slice(name)) else {
                    continue
                }
                return line.slice(pairs.value)
            }
        }
        return bytes.extracting(0..<0)
    }
}
