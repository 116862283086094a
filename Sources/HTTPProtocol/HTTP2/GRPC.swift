// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What a gateway reads and says of gRPC over HTTP/2 (gRPC, PROTOCOL-HTTP2).
public enum GRPC {
    /// True for `application/grpc`, alone or with a message format or parameters behind it.
    public static func isContentType(_ value: Span<UInt8>) -> Bool {
        let name: InlineArray<16, UInt8> = [
            0x61, 0x70, 0x70, 0x6c, 0x69, 0x63, 0x61, 0x74, 0x69, 0x6f, 0x6e, 0x2f, 0x67, 0x72,
            0x70, 0x63,
        ]
        guard value.count >= name.count else { return false }
        for index in name.indices where ASCII.lowercased(value[index]) != name[index] {
            return false
        }
        guard value.count > name.count else { return true }
        let next = value[name.count]
        return next == UInt8(ascii: "+") || next == UInt8(ascii: ";")
    }

    /// The time in `grpc-timeout`, one to eight digits and a unit; nil for all else.
    public static func timeout(_ value: Span<UInt8>) -> Interval? {
        guard value.count >= 2, value.count <= 9 else { return nil }
        var number: Int64 = 0
        for index in 0..<(value.count &- 1) {
            let digit = value[index] &- 0x30
            guard digit < 10 else { return nil }
            number = number &* 10 &+ Int64(digit)
        }
        let unit: Int64
        switch value[value.count &- 1] {
        case UInt8(ascii: "H"): unit = 3_600_000_000_000
        case UInt8(ascii: "M"): unit = 60_000_000_000
        case UInt8(ascii: "S"): unit = 1_000_000_000
        case UInt8(ascii: "m"): unit = 1_000_000
        case UInt8(ascii: "u"): unit = 1_000
        case UInt8(ascii: "n"): unit = 1
        default: return nil
        }
        let (time, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? nil : Interval(nanoseconds: time)
    }

    /// The status of gRPC for one of HTTP (gRPC, http-grpc-status-mapping).
    public static func code(status: UInt16) -> UInt64 {
        switch status {
        case 400: 13  // INTERNAL
        case 401: 16  // UNAUTHENTICATED
        case 403: 7  // PERMISSION_DENIED
        case 404: 12  // UNIMPLEMENTED
        case 429, 502, 503, 504: 14  // UNAVAILABLE
        default: 2  // UNKNOWN
        }
    }

    /// The number in `grpc-status`, 0 to 16; nil for what is none of them.
    public static func code(_ value: Span<UInt8>) -> UInt8? {
        guard value.count == 1 || value.count == 2 else { return nil }
        var number: UInt8 = 0
        for index in value.indices {
            let digit = value[index] &- 0x30
            guard digit < 10 else { return nil }
            number = number &* 10 &+ digit
        }
        return number <= 16 ? number : nil
    }

    /// True for the name `grpc-status`, whatever its case.
    public static func isStatusName(_ name: Span<UInt8>) -> Bool {
        let wanted: InlineArray<11, UInt8> = [
            0x67, 0x72, 0x70, 0x63, 0x2d, 0x73, 0x74, 0x61, 0x74, 0x75, 0x73,
        ]
        return FieldSyntax.equalsIgnoringCase(name, wanted.span)
    }

    /// DEADLINE_EXCEEDED.
    public static let deadlineExceeded: UInt64 = 4
}
