// SPDX-License-Identifier: Apache-2.0

/// The outcome that a response reports: the header's four bits, extended by EDNS (RFC 6891 §6.1.3).
public struct ResponseCode: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number in the IANA registry, at most 12 bits.
    public let rawValue: UInt16
    /// Takes any number.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// Takes any number.
    @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// Answered; with an empty answer section: the name exists, the type does not (NODATA).
    @inlinable public static var noError: ResponseCode { ResponseCode(0) }
    /// The query breaks the format.
    @inlinable public static var formatError: ResponseCode { ResponseCode(1) }
    /// The server cannot answer now.
    @inlinable public static var serverFailure: ResponseCode { ResponseCode(2) }
    /// The name does not exist (NXDOMAIN).
    @inlinable public static var nameError: ResponseCode { ResponseCode(3) }
    /// The operation is not offered.
    @inlinable public static var notImplemented: ResponseCode { ResponseCode(4) }
    /// The server will not answer this question.
    @inlinable public static var refused: ResponseCode { ResponseCode(5) }
    /// What a DNAME makes of the name is too long (RFC 6672 §2.2), or a name exists that an update
    /// wants not to exist (RFC 2136 §2.2).
    @inlinable public static var nameExists: ResponseCode { ResponseCode(6) }
    /// A record set exists that an update wants not to exist (RFC 2136 §2.2).
    @inlinable public static var setExists: ResponseCode { ResponseCode(7) }
    /// A record set does not exist that an update wants to exist (RFC 2136 §2.2).
    @inlinable public static var setMissing: ResponseCode { ResponseCode(8) }
    /// A signature was made with a key that is not known here (RFC 8945).
    @inlinable public static var notAuthorized: ResponseCode { ResponseCode(9) }
    /// A name of an update lies outside of its zone (RFC 2136 §2.2).
    @inlinable public static var notZone: ResponseCode { ResponseCode(10) }
    /// The EDNS version is not spoken here.
    @inlinable public static var badVersion: ResponseCode { ResponseCode(16) }
    /// The cookie is missing or no longer good (RFC 7873 §8).
    @inlinable public static var badCookie: ResponseCode { ResponseCode(23) }
}

extension ResponseCode: CustomStringConvertible {
    /// The registry's mnemonic, or `RCODE123`.
    public var description: String {
        switch self {
        case .noError: "NOERROR"
        case .formatError: "FORMERR"
        case .serverFailure: "SERVFAIL"
        case .nameError: "NXDOMAIN"
        case .notImplemented: "NOTIMP"
        case .refused: "REFUSED"
        case .nameExists: "YXDOMAIN"
        case .setExists: "YXRRSET"
        case .setMissing: "NXRRSET"
        case .notAuthorized: "NOTAUTH"
        case .notZone: "NOTZONE"
        case .badVersion: "BADVERS"
        case .badCookie: "BADCOOKIE"
        default: "RCODE\(rawValue)"
        }
    }
}

/// The class of a question or record.
public enum RecordClass {
    /// The Internet.
    @inlinable public static var internet: UInt16 { 1 }
    /// Chaosnet: questions about the server itself (RFC 4892).
    @inlinable public static var chaos: UInt16 { 3 }
    /// Of questions: whatever class there is (RFC 1035 §3.2.5).
    @inlinable public static var any: UInt16 { 255 }
}
