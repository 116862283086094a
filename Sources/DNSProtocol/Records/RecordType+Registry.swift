// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Types that DNSSEC and others bring into zones; their data have a form here.
extension RecordType {
    /// A rule that rewrites names (RFC 3403).
    @inlinable public static var NAPTR: RecordType { RecordType(35) }
    /// A signature over a set (RFC 4034 §3).
    @inlinable public static var RRSIG: RecordType { RecordType(46) }
    /// The next name of a signed zone (RFC 4034 §4).
    @inlinable public static var NSEC: RecordType { RecordType(47) }
    /// A public key of a zone (RFC 4034 §2).
    @inlinable public static var DNSKEY: RecordType { RecordType(48) }
    /// The next name as a hash (RFC 5155 §3).
    @inlinable public static var NSEC3: RecordType { RecordType(50) }
    /// How a zone hashes its names (RFC 5155 §4).
    @inlinable public static var NSEC3PARAM: RecordType { RecordType(51) }
    /// A certificate of a service (RFC 6698).
    @inlinable public static var TLSA: RecordType { RecordType(52) }
    /// What the parent shall have as DS (RFC 7344).
    @inlinable public static var CDS: RecordType { RecordType(59) }
    /// The same as a key (RFC 7344).
    @inlinable public static var CDNSKEY: RecordType { RecordType(60) }
    /// A digest of the whole zone (RFC 8976).
    @inlinable public static var ZONEMD: RecordType { RecordType(63) }
    /// The obsolete twin of TXT (RFC 7208 §3.1).
    @inlinable public static var SPF: RecordType { RecordType(99) }

    // Known for their form alone.
    static var MD: RecordType { RecordType(3) }
    static var MF: RecordType { RecordType(4) }
    static var MB: RecordType { RecordType(7) }
    static var MG: RecordType { RecordType(8) }
    static var MR: RecordType { RecordType(9) }
    static var MINFO: RecordType { RecordType(14) }
    static var RP: RecordType { RecordType(17) }
    static var AFSDB: RecordType { RecordType(18) }
    static var X25: RecordType { RecordType(19) }
    static var ISDN: RecordType { RecordType(20) }
    static var RT: RecordType { RecordType(21) }
    static var NSAP: RecordType { RecordType(22) }
    static var NSAPPTR: RecordType { RecordType(23) }
    static var SIG: RecordType { RecordType(24) }
    static var KEY: RecordType { RecordType(25) }
    static var PX: RecordType { RecordType(26) }
    static var GPOS: RecordType { RecordType(27) }
    static var LOC: RecordType { RecordType(29) }
    static var NXT: RecordType { RecordType(30) }
    static var EID: RecordType { RecordType(31) }
    static var NIMLOC: RecordType { RecordType(32) }
    static var KX: RecordType { RecordType(36) }
    static var CERT: RecordType { RecordType(37) }
    static var APL: RecordType { RecordType(42) }
    static var SSHFP: RecordType { RecordType(44) }
    static var IPSECKEY: RecordType { RecordType(45) }
    static var DHCID: RecordType { RecordType(49) }
    static var SMIMEA: RecordType { RecordType(53) }
    static var HIP: RecordType { RecordType(55) }
    static var NINFO: RecordType { RecordType(56) }
    static var RKEY: RecordType { RecordType(57) }
    static var TALINK: RecordType { RecordType(58) }
    static var OPENPGPKEY: RecordType { RecordType(61) }
    static var CSYNC: RecordType { RecordType(62) }
    static var DSYNC: RecordType { RecordType(66) }
    static var NID: RecordType { RecordType(104) }
    static var L32: RecordType { RecordType(105) }
    static var L64: RecordType { RecordType(106) }
    static var LP: RecordType { RecordType(107) }
    static var EUI48: RecordType { RecordType(108) }
    static var EUI64: RecordType { RecordType(109) }
    static var URI: RecordType { RecordType(256) }
    static var AVC: RecordType { RecordType(258) }
    static var AMTRELAY: RecordType { RecordType(260) }
    static var RESINFO: RecordType { RecordType(261) }
    static var WALLET: RecordType { RecordType(262) }
    static var TA: RecordType { RecordType(32768) }
    static var DLV: RecordType { RecordType(32769) }
}

extension RecordType: CustomStringConvertible {
    /// The mnemonic, or `TYPE123` (RFC 3597 §5).
    public var description: String { RecordType.names[rawValue] ?? "TYPE\(rawValue)" }

    /// Reads a mnemonic or `TYPE123` in any case; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let upper = text.uppercased()
        if let known = RecordType.numbers[upper] {
            self.init(known)
            return
        }
        guard upper.hasPrefix("TYPE"), let number = UInt16(upper.dropFirst(4)) else { return nil }
        self.init(number)
    }

    /// The type of a mnemonic that is packed into a number, octet by octet in lower case.
    ///
    /// For reading zones: no string is made, and no list is gone through.
    static func packed(_ word: UInt64) -> RecordType? { packedNumbers[word].map { RecordType($0) } }

    private static let names = Dictionary(
        uniqueKeysWithValues: mnemonics.map { ($0.type, $0.name) }
    )
    private static let numbers = Dictionary(
        uniqueKeysWithValues: mnemonics.map { ($0.name, $0.type) }
    )
    private static let packedNumbers = Dictionary(
        uniqueKeysWithValues: mnemonics.filter { $0.name.utf8.count <= 8 }.map { known in
            (
                known.name.utf8.reduce(UInt64(0)) { $0 << 8 | UInt64(ASCII.lowercased($1)) },
                known.type
            )
        }
    )

    // The IANA registry as far as operators meet it; a type outside the list is written TYPE123.
    static let mnemonics: [(type: UInt16, name: String)] = [
        (1, "A"), (2, "NS"), (3, "MD"), (4, "MF"), (5, "CNAME"), (6, "SOA"), (7, "MB"), (8, "MG"),
        (9, "MR"), (10, "NULL"), (11, "WKS"), (12, "PTR"), (13, "HINFO"), (14, "MINFO"),
        (15, "MX"), (16, "TXT"), (17, "RP"), (18, "AFSDB"), (19, "X25"), (20, "ISDN"), (21, "RT"),
        (22, "NSAP"), (23, "NSAP-PTR"), (24, "SIG"), (25, "KEY"), (26, "PX"), (27, "GPOS"),
        (28, "AAAA"), (29, "LOC"), (30, "NXT"), (31, "EID"), (32, "NIMLOC"), (33, "SRV"),
        (34, "ATMA"), (35, "NAPTR"), (36, "KX"), (37, "CERT"), (38, "A6"), (39, "DNAME"),
        (40, "SINK"), (41, "OPT"), (42, "APL"), (43, "DS"), (44, "SSHFP"), (45, "IPSECKEY"),
        (46, "RRSIG"), (47, "NSEC"), (48, "DNSKEY"), (49, "DHCID"), (50, "NSEC3"),
        (51, "NSEC3PARAM"), (52, "TLSA"), (53, "SMIMEA"), (55, "HIP"), (56, "NINFO"),
        (57, "RKEY"), (58, "TALINK"), (59, "CDS"), (60, "CDNSKEY"), (61, "OPENPGPKEY"),
        (62, "CSYNC"), (63, "ZONEMD"), (64, "SVCB"), (65, "HTTPS"), (66, "DSYNC"), (67, "HHIT"),
        (68, "BRID"), (99, "SPF"), (104, "NID"), (105, "L32"), (106, "L64"), (107, "LP"),
        (108, "EUI48"), (109, "EUI64"), (128, "NXNAME"), (249, "TKEY"), (250, "TSIG"),
        (251, "IXFR"), (252, "AXFR"), (253, "MAILB"), (254, "MAILA"), (255, "ANY"), (256, "URI"),
        (257, "CAA"), (258, "AVC"), (259, "DOA"), (260, "AMTRELAY"), (261, "RESINFO"),
        (262, "WALLET"), (32768, "TA"), (32769, "DLV"), (65401, "ALIAS"),
    ]
}
