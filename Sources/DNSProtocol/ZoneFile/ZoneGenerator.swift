// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// `$GENERATE`, the directive of BIND: one entry, written once for each number of a range.
///
/// `$` becomes the number, `\$` and `$$` a dollar sign, `${offset,width,base}` the number plus an
/// offset, filled up with zeros, in base d, o, x, X, or as nibbles n, N for names of IPv6.
struct ZoneGenerator {
    struct Failure: Error {
        /// The field of the directive.
        let field: Int
        let message: String
    }

    /// No name and no string is longer.
    static let widthLimit = 255

    private var value: Int
    private let last: Int
    private let step: Int
    private let owner: [UInt8]
    /// TTL, class and type, as they stand.
    private let head: [UInt8]
    private let data: [UInt8]

    /// Reads a directive by its fields: range, owner, perhaps TTL and class, type, data.
    init(_ words: [[UInt8]], isDataQuoted: Bool) throws(Failure) {
        guard let range = ZoneGenerator.range(words[1]) else {
            let message = "a range is START-STOP or START-STOP/STEP, with numbers below 2^31"
            throw Failure(field: 1, message: message)
        }
        guard RecordType(String(decoding: words[words.count - 2], as: UTF8.self)) != nil else {
            let message = "a type stands before the last field: data of several fields are quoted"
            throw Failure(field: words.count - 2, message: message)
        }
        (value, last, step) = range
        owner = words[2]
        let inner = words[3..<words.count - 1]
        head = Array(inner.joined(separator: [UInt8(ascii: " ")]))
        let text = words[words.count - 1]
        data = isDataQuoted ? ZoneGenerator.unquoted(text) : text
    }

    private static func range(_ text: [UInt8]) -> (Int, Int, Int)? {
        let parts = text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let ends = parts[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count <= 2, ends.count == 2, let first = number(ends[0]),
            let last = number(ends[1]), first <= last
        else { return nil }
        guard parts.count == 2 else { return (first, last, 1) }
        guard let step = number(parts[1]), step > 0 else { return nil }
        return (first, last, step)
    }

    private static func number(_ text: ArraySlice<UInt8>) -> Int? {
        ZoneNumbers.decimal(Array(text).span, limit: UInt64(Int32.max)).map { Int($0) }
    }

    // Inside quotes a quote is escaped; the data themselves are read afterwards.
    private static func unquoted(_ text: [UInt8]) -> [UInt8] {
        var plain: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "\\"), index + 1 < text.count {
                if text[index + 1] != UInt8(ascii: "\"") { plain.append(text[index]) }
                index += 1
            }
            plain.append(text[index])
            index += 1
        }
        return plain
    }

    // MARK: Writing

    /// The text of the next record; nil behind the last one.
    mutating func next() throws(Failure) -> [UInt8]? {
        guard value <= last else { return nil }
        var text = try expanded(owner, field: 2)
        text += [UInt8(ascii: " ")] + head + [UInt8(ascii: " ")]
        // The last field, wherever it stands.
        text += try expanded(data, field: -1)
        value += step
        return text
    }

    private func expanded(_ template: [UInt8], field: Int) throws(Failure) -> [UInt8] {
        var text: [UInt8] = []
        var index = 0
        while index < template.count {
            let octet = template[index]
            index += 1
            switch octet {
            case UInt8(ascii: "\\") where index < template.count:
                text += [octet, template[index]]
                index += 1
            case UInt8(ascii: "$") where index < template.count && template[index] == octet:
                text += [UInt8(ascii: "\\"), octet]
                index += 1
            case UInt8(ascii: "$"):
                guard let number = number(template, &index) else {
                    let message =
                        "'$' is followed by nothing, or by {OFFSET,WIDTH,BASE} with a"
                        + " width up to \(ZoneGenerator.widthLimit) and a base of doxXnN"
                    throw Failure(field: field, message: message)
                }
                text += number
            default: text.append(octet)
            }
        }
        return text
    }

    // What stands for one `$`; nil for braces that cannot be read, and for numbers too large.
    private func number(_ template: [UInt8], _ index: inout Int) -> [UInt8]? {
        guard index < template.count, template[index] == UInt8(ascii: "{") else {
            return Array("\(value)".utf8)
        }
        guard let end = template[index...].firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let parts = template[index + 1..<end].split(
            separator: UInt8(ascii: ","),
            omittingEmptySubsequences: false
        )
        index = end + 1
        guard 1...3 ~= parts.count, let offset = ZoneGenerator.offset(parts[0]),
            let shifted = Int32(exactly: value + offset)
        else { return nil }
        var width = 0
        if parts.count > 1 {
            guard let stated = ZoneGenerator.number(parts[1]), stated <= ZoneGenerator.widthLimit
            else { return nil }
            width = stated
        }
        let base = parts.count > 2 ? Array(parts[2]) : [UInt8(ascii: "d")]
        guard base.count == 1 else { return nil }
        return ZoneGenerator.digits(shifted, width, base[0])
    }

    private static func offset(_ text: ArraySlice<UInt8>) -> Int? {
        guard let first = text.first else { return nil }
        let isNegative = first == UInt8(ascii: "-")
        let hasSign = isNegative || first == UInt8(ascii: "+")
        return number(hasSign ? text.dropFirst() : text).map { isNegative ? -$0 : $0 }
    }

    private static func digits(_ value: Int32, _ width: Int, _ base: UInt8) -> [UInt8]? {
        let bits = UInt32(bitPattern: value)
        var isNegative = false
        var digits: String
        switch base {
        case UInt8(ascii: "d"):
            isNegative = value < 0
            digits = "\(value.magnitude)"
        case UInt8(ascii: "o"): digits = String(bits, radix: 8)
        case UInt8(ascii: "x"): digits = String(bits, radix: 16)
        case UInt8(ascii: "X"): digits = String(bits, radix: 16, uppercase: true)
        case UInt8(ascii: "n"): return nibbles(bits, width, isUppercase: false)
        case UInt8(ascii: "N"): return nibbles(bits, width, isUppercase: true)
        default: return nil
        }
        let zeros = max(width - digits.utf8.count - (isNegative ? 1 : 0), 0)
        digits = (isNegative ? "-" : "") + String(repeating: "0", count: zeros) + digits
        return Array(digits.utf8)
    }

    // The lowest first, a dot behind each but the last; the dots count for the width.
    private static func nibbles(_ bits: UInt32, _ width: Int, isUppercase: Bool) -> [UInt8] {
        var rest = bits
        var left = width
        var text = ""
        repeat {
            text += String(rest & 15, radix: 16, uppercase: isUppercase)
            rest >>= 4
            left = max(left - 1, 0)
            if rest > 0 || left > 0 {
                text += "."
                left = max(left - 1, 0)
            }
        } while rest > 0 || left > 0
        return Array(text.utf8)
    }
}
