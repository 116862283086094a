// SPDX-License-Identifier: Apache-2.0

/// The serial of a zone, which goes round (RFC 1982).
public struct SerialNumber: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number in the SOA.
    public let rawValue: UInt32
    /// Takes any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Takes any number.
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// True when this one comes after the other; of two that are half the circle apart neither
    /// does (§3.2).
    public func isNewer(than other: SerialNumber) -> Bool {
        let distance = rawValue &- other.rawValue
        return distance != 0 && distance < 0x8000_0000
    }
}

extension SerialNumber: CustomStringConvertible {
    /// The number.
    public var description: String { String(rawValue) }
}

extension UInt32 {
    /// True when this serial is newer than another one (RFC 1982 §3.2).
    public func isLater(thanSerial other: UInt32) -> Bool {
        SerialNumber(self).isNewer(than: SerialNumber(other))
    }

    /// The serial behind this one; never 0, which some servers take for none.
    public var nextSerial: UInt32 { self == .max ? 1 : self + 1 }
}
