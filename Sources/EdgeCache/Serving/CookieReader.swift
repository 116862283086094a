// SPDX-License-Identifier: Apache-2.0
internal import HTTPProtocol

/// Walks over the cookies of a `Cookie` line (RFC 6265 §4.2.1).
struct CookieReader {
    struct Cookie {
        var name: ByteRange
        var value: ByteRange
        /// True when a quote begins in it and does not end: some origins read on past `;` then.
        var isAmbiguous: Bool
    }

    private var position: Int
    private let end: Int

    init(_ range: ByteRange) {
        position = Int(range.start)
        end = range.end
    }

    /// The next cookie that has a name.
    mutating func next(_ bytes: Span<UInt8>) -> Cookie? {
        let end = min(end, bytes.count)
        while position < end {
            let start = position
            let stop = CookieReader.first(UInt8(ascii: ";"), bytes, start, end)
            position = stop &+ 1
            let equals = CookieReader.first(UInt8(ascii: "="), bytes, start, stop)
            guard equals < stop else { continue }
            let value = CookieReader.trimmed(bytes, equals &+ 1, stop)
            return Cookie(
                name: CookieReader.trimmed(bytes, start, equals),
                value: value,
                isAmbiguous: CookieReader.isOpen(bytes.slice(value))
            )
        }
        return nil
    }

    private static func isOpen(_ value: Span<UInt8>) -> Bool {
        guard !value.isEmpty, value[0] == UInt8(ascii: "\"") else { return false }
        return value.count < 2 || value[value.count &- 1] != UInt8(ascii: "\"")
            || value.count > 2 && value[value.count &- 2] == UInt8(ascii: "\\")
    }

    private static func first(
        _ octet: UInt8,
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int
    ) -> Int {
        var index = start
        while index < end, bytes[index] != octet { index &+= 1 }
        return index
    }

    private static func trimmed(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> ByteRange {
        var (first, last) = (start, end)
        while first < last, isBlank(bytes[first]) { first &+= 1 }
        while last > first, isBlank(bytes[last &- 1]) { last &-= 1 }
        return ByteRange(from: first, to: last)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
