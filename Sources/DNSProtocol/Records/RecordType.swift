// SPDX-License-Identifier: Apache-2.0

/// The type of a DNS record, or the QTYPE of a question.
public struct RecordType: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number in the IANA registry.
    public let rawValue: UInt16
    /// Takes any number: unknown types are legal (RFC 3597).
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// Takes any number: unknown types are legal (RFC 3597).
    @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// An IPv4 address (RFC 1035).
    @inlinable public static var A: RecordType { RecordType(1) }
    /// A name server (RFC 1035).
    @inlinable public static var NS: RecordType { RecordType(2) }
    /// An alias (RFC 1035).
    @inlinable public static var CNAME: RecordType { RecordType(5) }
    /// The start of authority (RFC 1035).
    @inlinable public static var SOA: RecordType { RecordType(6) }
    /// Services of a host (RFC 1035), which nobody asks for any more.
    @inlinable public static var WKS: RecordType { RecordType(11) }
    /// A pointer to another name (RFC 1035).
    @inlinable public static var PTR: RecordType { RecordType(12) }
    /// Host information; the minimal answer to ANY (RFC 8482).
    @inlinable public static var HINFO: RecordType { RecordType(13) }
    /// A mail exchanger (RFC 1035).
    @inlinable public static var MX: RecordType { RecordType(15) }
    /// Character strings (RFC 1035).
    @inlinable public static var TXT: RecordType { RecordType(16) }
    /// An IPv6 address (RFC 3596).
    @inlinable public static var AAAA: RecordType { RecordType(28) }
    /// A service location (RFC 2782).
    @inlinable public static var SRV: RecordType { RecordType(33) }
    /// A redirection of a subtree (RFC 6672).
    @inlinable public static var DNAME: RecordType { RecordType(39) }
    /// The EDNS pseudo record (RFC 6891).
    @inlinable public static var OPT: RecordType { RecordType(41) }
    /// A delegation signer: the one type that lives above a zone cut (RFC 4035).
    @inlinable public static var DS: RecordType { RecordType(43) }
    /// Where a service is, and how it is spoken to (RFC 9460).
    @inlinable public static var SVCB: RecordType { RecordType(64) }
    /// The same for origins of HTTP (RFC 9460 §9).
    @inlinable public static var HTTPS: RecordType { RecordType(65) }
    /// A transaction signature (RFC 8945).
    @inlinable public static var TSIG: RecordType { RecordType(250) }
    /// An incremental zone transfer (RFC 1995).
    @inlinable public static var IXFR: RecordType { RecordType(251) }
    /// A whole zone transfer (RFC 5936).
    @inlinable public static var AXFR: RecordType { RecordType(252) }
    /// All types (RFC 8482).
    @inlinable public static var ANY: RecordType { RecordType(255) }
    /// Certification authority authorisation (RFC 8659).
    @inlinable public static var CAA: RecordType { RecordType(257) }

    /// Addresses taken from another name: in zones alone, never on the wire.
    ///
    /// The number, of those for private use, is the one that PowerDNS has for it.
    @inlinable public static var ALIAS: RecordType { RecordType(65401) }

    /// A script of PowerDNS, which stands for the addresses of its name.
    ///
    /// A number for private use, too: it comes by the API for zones alone, never by a message.
    @inlinable public static var LUA: RecordType { RecordType(65402) }

    /// True for numbers of questions and pseudo records, never of zone data (RFC 6895 §3.1).
    @inlinable public var isMeta: Bool {
        self == .OPT || (rawValue >= 128 && rawValue <= 255) || rawValue == 0
    }
    /// True for the two types that tell of services.
    @inlinable public var isService: Bool { self == .SVCB || self == .HTTPS }
    /// True where the data of the record begins with, or consists of, names that may be compressed.
    ///
    /// RFC 3597 §4: the types of RFC 1035, and no other.
    public var hasCompressibleNames: Bool {
        switch self {
        case .NS, .CNAME, .PTR, .MX, .SOA, .MB, .MG, .MR, .MD, .MF, .MINFO: true
        default: false
        }
    }
}
