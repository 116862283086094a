// SPDX-License-Identifier: Apache-2.0

/// The set of types that NSEC, NSEC3 and CSYNC hold (RFC 4034 §4.1.2): windows of 256 types, each
/// with as many octets as it needs.
enum TypeBitmap {
    /// True when windows ascend and none is empty, longer than 32 octets, or ends with a zero.
    static func isWellFormed(_ data: Span<UInt8>, from start: Int) -> Bool {
        var position = start
        var previous = -1
        while position < data.count {
            guard data.count - position > 2 else { return false }
            let window = Int(data[position])
            let length = Int(data[position + 1])
            guard window > previous, 1...32 ~= length, data.count - position - 2 >= length,
                data[position + 1 + length] != 0
            else { return false }
            previous = window
            position += 2 + length
        }
        return true
    }

    /// The wire form of a set of types.
    static func wire(_ types: [RecordType]) -> [UInt8] {
        var wire: [UInt8] = []
        let sorted = Set(types).map(\.rawValue).sorted()
        var index = 0
        while index < sorted.count {
            let window = sorted[index] >> 8
            var bits: [UInt8] = []
            while index < sorted.count, sorted[index] >> 8 == window {
                let low = Int(sorted[index] & 255)
                while bits.count <= low / 8 { bits.append(0) }
                bits[low / 8] |= 0x80 >> UInt8(low % 8)
                index += 1
            }
            wire += [UInt8(window), UInt8(bits.count)] + bits
        }
        return wire
    }

    /// The types of a well-formed bitmap, in ascending order.
    static func types(_ data: Span<UInt8>) -> [RecordType] {
        var types: [RecordType] = []
        var position = 0
        while data.count - position > 2 {
            let window = UInt16(data[position]) << 8
            let end = min(position + 2 + Int(data[position + 1]), data.count)
            for place in position + 2..<max(end, position + 2) {
                for bit in 0..<8 where data[place] & (0x80 >> UInt8(bit)) != 0 {
                    types.append(RecordType(window | UInt16((place - position - 2) * 8 + bit)))
                }
            }
            position = end
        }
        return types
    }

    /// The mnemonics of a well-formed bitmap, with a blank between them.
    static func text(_ data: Span<UInt8>) -> String {
        types(data).map(mnemonic).joined(separator: " ")
    }

    /// The mnemonic of a type in data: ALIAS is a name that zones know here, and nobody else.
    static func mnemonic(_ type: RecordType) -> String {
        type == .ALIAS ? "TYPE\(type.rawValue)" : "\(type)"
    }
}
