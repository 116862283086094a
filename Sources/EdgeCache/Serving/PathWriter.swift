// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Writes a path without dot segments (RFC 3986 §5.2.4) and with no more percent-encoding than it needs
/// (§6.2.2.2), in one pass.
struct PathWriter {
    private let start: Int
    /// Where the segment that is being written begins.
    private var segment: Int

    /// A path that begins where an output ends.
    init(start: Int) {
        self.start = start
        segment = start
    }

    /// Appends a piece; false when it does not fit.
    mutating func write(_ text: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
        var index = 0
        while index < text.count {
            var octet = text[index]
            if let decoded = Text.unescaped(text, index), PathWriter.isUnreserved(decoded) {
                octet = decoded
                index &+= 2
            }
            index &+= 1
            if octet == UInt8(ascii: "/") {
                // Relative to nothing it is below the root.
                guard endSegment(isLast: false, into: &output) else { return false }
            } else {
                guard output.count > start || output.write("/") else { return false }
                if segment == start { segment = start &+ 1 }
                guard output.write(octet) else { return false }
            }
        }
        return true
    }

    /// Ends the path; one of no octets is the root.
    mutating func finish(into output: inout OutputSpan<UInt8>) -> Bool {
        guard output.count > start || output.write("/") else { return false }
        return endSegment(isLast: true, into: &output)
    }

    /// Takes back what `.` and `..` mean, and begins another segment.
    private mutating func endSegment(
        isLast: Bool,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let dots = PathWriter.dots(output.span, from: segment)
        guard dots > 0, segment > start else {
            guard isLast || output.write("/") else { return false }
            segment = output.count
            return true
        }
        // Its own octets, and of `..` the segment before it too; the slash before stays.
        var keep = segment
        if dots == 2, keep &- 1 > start {
            keep &-= 1
            while keep > start, output.span[keep &- 1] != UInt8(ascii: "/") { keep &-= 1 }
        }
        output.removeLast(output.count &- keep)
        segment = output.count
        return true
    }

    /// 1 for `.`, 2 for `..`, else 0.
    private static func dots(_ written: Span<UInt8>, from start: Int) -> Int {
        let count = written.count &- start
        guard count == 1 || count == 2 else { return 0 }
        for index in start..<written.count where written[index] != UInt8(ascii: ".") { return 0 }
        return count
    }

    private static func isUnreserved(_ octet: UInt8) -> Bool {
        ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == UInt8(ascii: "-")
            || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "_")
            || octet == UInt8(ascii: "~")
    }
}
