// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a field in front of the data can be, recognised without making a string of it.
enum ZoneWord: Equatable {
    case internet, otherClass, number, other
    case type(RecordType)

    init(_ text: Span<UInt8>) {
        guard text.count > 0, text[0] > 0, text.count <= 8 || ASCII.isDigit(text[0]) else {
            self = .other
            return
        }
        if ASCII.isDigit(text[0]) {
            self = .number
            return
        }
        var packed: UInt64 = 0
        for index in text.indices {
            packed = packed << 8 | UInt64(ASCII.lowercased(text[index]))
        }
        self =
            switch packed {
            case 0x696e, 0x636c_6173_7331: .internet
            case 0x6368, 0x6873, 0x6373: .otherClass
            case 0x61: .type(.A)
            case 0x6161_6161: .type(.AAAA)
            case 0x6e73: .type(.NS)
            case 0x6d78: .type(.MX)
            case 0x63_6e61_6d65: .type(.CNAME)
            case 0x61_6c69_6173: .type(.ALIAS)
            case 0x74_7874: .type(.TXT)
            case 0x70_7472: .type(.PTR)
            case 0x73_7276: .type(.SRV)
            case 0x68_7474_7073: .type(.HTTPS)
            case 0x7376_6362: .type(.SVCB)
            default: RecordType.packed(packed).map { .type($0) } ?? .other
            }
    }
}
