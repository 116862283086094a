// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Forms of a path that have more than one reading.
///
/// Origins differ in what they take for the end of a segment: some know `\`, some decode `%2f` and
/// `%5c` first, some end the name of a segment at `;`. What one of them may read as `..` is one.
enum PathForm {
    /// True when a segment is `.` or `..`, also percent-encoded (RFC 3986 §3.3).
    static func hasDotSegment(_ path: Span<UInt8>) -> Bool {
        var index = 0
        while index < path.count {
            let width = separator(path, index)
            guard width > 0 else {
                index &+= 1
                continue
            }
            index &+= width
            if isDotSegment(path, index) { return true }
        }
        return false
    }

    private static func isDotSegment(_ path: Span<UInt8>, _ start: Int) -> Bool {
        var index = start
        var dots = 0
        while index < path.count, dots < 3 {
            if path[index] == UInt8(ascii: ".") {
                index &+= 1
            } else if isEncoded(path, index, 0x2e) {
                index &+= 3
            } else {
                let isEnd =
                    path[index] == UInt8(ascii: ";") || isEncoded(path, index, 0x3b)
                    || separator(path, index) > 0
                return isEnd && dots > 0
            }
            dots &+= 1
        }
        return dots > 0 && dots < 3
    }

    /// Octets of the separator at a place; 0 when there is none.
    @inline(__always)
    private static func separator(_ path: Span<UInt8>, _ index: Int) -> Int {
        switch path[index] {
        case UInt8(ascii: "/"), UInt8(ascii: "\\"): 1
        case UInt8(ascii: "%"):
            isEncoded(path, index, 0x2f) || isEncoded(path, index, 0x5c) ? 3 : 0
        default: 0
        }
    }

    // MARK: The plain form

    /// How a path is percent-encoded.
    enum Encoding: Equatable {
        /// In one way only.
        case plain
        /// With octets that may stand as they are: another spelling of the plain path.
        case disguised
        /// With a percent sign that begins no octet (RFC 3986 §2.1).
        case malformed
    }

    static func encoding(_ path: Span<UInt8>) -> Encoding {
        var index = 0
        var result = Encoding.plain
        while index < path.count {
            if path[index] == UInt8(ascii: "%") {
                guard index &+ 2 < path.count, ASCII.hexDigit(path[index &+ 1]) != nil,
                    ASCII.hexDigit(path[index &+ 2]) != nil
                else { return .malformed }
                if plain(path, index) != nil { result = .disguised }
                index &+= 2
            }
            index &+= 1
        }
        return result
    }

    /// Writes the path in its plain form (RFC 3986 §6.2.2.2).
    static func writePlain(_ path: Span<UInt8>, into output: inout OutputSpan<UInt8>) {
        var index = 0
        while index < path.count {
            let octet = plain(path, index)
            output.write(octet ?? path[index])
            index &+= octet == nil ? 1 : 3
        }
    }

    /// The octet that an encoding at this place stands for, if it is unreserved (RFC 3986 §2.3).
    private static func plain(_ path: Span<UInt8>, _ index: Int) -> UInt8? {
        guard index &+ 2 < path.count, path[index] == UInt8(ascii: "%"),
            let high = ASCII.hexDigit(path[index &+ 1]), let low = ASCII.hexDigit(path[index &+ 2])
        else { return nil }
        let octet = high << 4 | low
        let isUnreserved =
            ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == 0x2d || octet == 0x2e
            || octet == 0x5f || octet == 0x7e
        return isUnreserved ? octet : nil
    }

    private static func isEncoded(_ path: Span<UInt8>, _ index: Int, _ octet: UInt8) -> Bool {
        guard index &+ 2 < path.count, path[index] == UInt8(ascii: "%"),
            let high = ASCII.hexDigit(path[index &+ 1]), let low = ASCII.hexDigit(path[index &+ 2])
        else { return false }
        return high << 4 | low == octet
    }
}
