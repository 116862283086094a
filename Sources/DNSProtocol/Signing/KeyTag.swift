// SPDX-License-Identifier: Apache-2.0

/// A short number for a public key (RFC 4034 Appendix B); two keys may have the same.
public enum KeyTag {
    /// The tag of the data of a DNSKEY record; of any algorithm but 1, which is long dead.
    public static func of(_ data: Span<UInt8>) -> UInt16 {
        var sum: UInt32 = 0
        for index in data.indices {
            sum &+= index & 1 == 0 ? UInt32(data[index]) << 8 : UInt32(data[index])
        }
        return UInt16(truncatingIfNeeded: sum &+ (sum >> 16))
    }
}
