// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Numbers and addresses in zone files, read from bytes.
enum ZoneNumbers {
    /// A decimal number up to `limit`; nil for anything else.
    static func decimal(_ text: Span<UInt8>, limit: UInt64) -> UInt64? {
        guard text.count > 0, text.count <= 19 else { return nil }
        var value: UInt64 = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { return nil }
            value = value &* 10 &+ UInt64(text[index] &- 0x30)
        }
        return value <= limit ? value : nil
    }

    /// Seconds: `3600`, `1h`, `1h30m`, `1w2d`, in any case; at most 2^31-1 (RFC 2181 §8).
    static func seconds(_ text: Span<UInt8>) -> UInt32? {
        guard text.count > 0, text.count <= 32 else { return nil }
        var total: UInt64 = 0
        var value: UInt64 = 0
        var hasDigits = false
        var hasUnits = false
        for index in text.indices {
            let octet = text[index]
            if ASCII.isDigit(octet) {
                value = value &* 10 &+ UInt64(octet &- 0x30)
                hasDigits = true
                guard value <= UInt64(Int32.max) else { return nil }
                continue
            }
            guard hasDigits, let unit = unit(octet) else { return nil }
            total &+= value &* unit
            value = 0
            hasDigits = false
            hasUnits = true
            guard total <= UInt64(Int32.max) else { return nil }
        }
        // A bare number after units (`1h30`) would be a guess; alone it means seconds.
        guard !(hasDigits && hasUnits) else { return nil }
        return UInt32(exactly: total &+ value)
    }

    private static func unit(_ octet: UInt8) -> UInt64? {
        switch octet | 0x20 {
        case UInt8(ascii: "s"): 1
        case UInt8(ascii: "m"): 60
        case UInt8(ascii: "h"): 3600
        case UInt8(ascii: "d"): 86_400
        case UInt8(ascii: "w"): 604_800
        default: nil
        }
    }

    /// An IPv4 address in dotted decimal, as strict as `IPAddress`.
    static func address4(_ text: Span<UInt8>) -> UInt32? {
        guard text.count >= 7, text.count <= 15 else { return nil }
        var bits: UInt32 = 0
        var value: UInt32 = 0
        var digits = 0
        var dots = 0
        for index in text.indices {
            let octet = text[index]
            if octet == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                bits = bits << 8 | value
                (value, digits, dots) = (0, 0, dots + 1)
                continue
            }
            guard ASCII.isDigit(octet), digits == 0 || value > 0 else { return nil }
            value = value * 10 + UInt32(octet &- 0x30)
            digits += 1
            guard value < 256 else { return nil }
        }
        guard digits > 0, dots == 3 else { return nil }
        return bits << 8 | value
    }

    /// An IPv6 address in the forms of RFC 4291 §2.2.
    static func address6(_ text: Span<UInt8>) -> UInt128? {
        guard text.count <= 45 else { return nil }
        let address = IPAddress(String(decoding: Array(copying: text), as: UTF8.self))
        guard let address, !address.isIPv4 else { return nil }
        return address.bits
    }
}
