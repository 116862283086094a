// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Comparing and reading short texts of heads.
enum Text {
    /// True when both hold the same octets.
    static func isSame(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }

    /// Digits alone; nil for anything else and for what 63 bits do not hold.
    static func decimal(_ text: Span<UInt8>) -> Int64? {
        guard !text.isEmpty else { return nil }
        var value: Int64 = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { return nil }
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, spills) = product.addingReportingOverflow(Int64(text[index] &- 0x30))
            guard !overflows, !spills else { return nil }
            value = sum
        }
        return value
    }

    /// The octet that `%` and two digits at a place stand for.
    static func unescaped(_ text: Span<UInt8>, _ index: Int) -> UInt8? {
        guard index &+ 2 < text.count, text[index] == UInt8(ascii: "%"),
            let high = ASCII.hexDigit(text[index &+ 1]), let low = ASCII.hexDigit(text[index &+ 2])
        else { return nil }
        return high << 4 | low
    }
}
