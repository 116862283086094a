// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Words that stand for numbers in the data of records.
enum RecordMnemonics {
    /// Algorithms of DNSSEC, in the spellings of the registry and those of BIND.
    static let algorithms: [(String, UInt8)] = [
        ("RSAMD5", 1), ("DH", 2), ("DSA", 3), ("ECC", 4), ("RSASHA1", 5),
        ("NSEC3DSA", 6), ("DSA-NSEC3-SHA1", 6), ("NSEC3RSASHA1", 7), ("RSASHA1-NSEC3-SHA1", 7),
        ("RSASHA256", 8), ("RSASHA512", 10), ("ECCGOST", 12), ("ECC-GOST", 12),
        ("ECDSAP256SHA256", 13), ("ECDSAP384SHA384", 14), ("ED25519", 15), ("ED448", 16),
        ("INDIRECT", 252), ("PRIVATEDNS", 253), ("PRIVATEOID", 254),
    ]

    /// Types of certificates (RFC 4398 §2.1).
    static let certificates: [(String, UInt16)] = [
        ("PKIX", 1), ("SPKI", 2), ("PGP", 3), ("IPKIX", 4), ("ISPKI", 5), ("IPGP", 6),
        ("ACPKIX", 7), ("IACPKIX", 8), ("URI", 253), ("OID", 254),
    ]

    /// Schemes of DSYNC (RFC 9859 §2).
    static let schemes: [(String, UInt8)] = [("NOTIFY", 1)]

    /// The number itself, or the one that a word stands for, in any case.
    static func number<Number: FixedWidthInteger>(
        _ text: Span<UInt8>,
        _ words: [(String, Number)]
    ) -> Number? {
        if let value = ZoneNumbers.decimal(text, limit: UInt64(Number.max)) {
            return Number(truncatingIfNeeded: value)
        }
        guard text.count <= 24 else { return nil }
        let word = String(decoding: Array(copying: text), as: UTF8.self).uppercased()
        return words.first { $0.0 == word }?.1
    }
}
