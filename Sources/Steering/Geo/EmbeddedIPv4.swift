// SPDX-License-Identifier: Apache-2.0

/// The IPv4 address that an IPv6 address carries, and where it begins.
///
/// Such a client is where its IPv4 address is: a translator or a tunnel stands between.
public struct EmbeddedIPv4 {
    /// The IPv4 address.
    public let address: UInt32
    /// Number of bits before the IPv4 address.
    public let offset: UInt8

    /// Reads the four forms that say where the client is; nil for every other address.
    ///
    /// `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2), `64:ff9b::a.b.c.d` (RFC 6052 §2.1), `2002:a.b.c.d::`
    /// (RFC 3056 §2), and Teredo, whose last 32 bits are the client's, inverted (RFC 4380 §4).
    public init?(_ bits: UInt128) {
        let low = UInt32(truncatingIfNeeded: bits)
        switch UInt32(truncatingIfNeeded: bits >> 96) {
        case 0 where bits >> 32 == 0xffff: (address, offset) = (low, 96)
        case 0x0064_ff9b where bits >> 32 == 0x0064_ff9b << 64: (address, offset) = (low, 96)
        case 0x2001_0000: (address, offset) = (~low, 96)
        case 0x2002_0000...0x2002_ffff:
            (address, offset) = (UInt32(truncatingIfNeeded: bits >> 80), 16)
        default: return nil
        }
    }

    /// The ranges of the four forms, ascending.
    static let ranges: [ClosedRange<UInt128>] = [
        0xffff << 32...0xffff << 32 | 0xffff_ffff,
        0x0064_ff9b << 96...0x0064_ff9b << 96 | 0xffff_ffff,
        0x2001 << 112...0x2001 << 112 | (1 << 96) - 1,
        0x2002 << 112...0x2002 << 112 | (1 << 112) - 1,
    ]
}
