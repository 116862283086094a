// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Options of EDNS that need no more than to be seen, as a set.
public struct EDNSOptions: OptionSet, Sendable, BitwiseCopyable {
    /// One bit each.
    public var rawValue: UInt8
    /// Takes any bits.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// NSID: which server answers (RFC 5001).
    @inlinable public static var identifier: EDNSOptions { EDNSOptions(rawValue: 1) }
    /// A cookie of the client, perhaps with one of the server (RFC 7873).
    @inlinable public static var cookie: EDNSOptions { EDNSOptions(rawValue: 2) }
    /// How long the connection may be idle (RFC 7828).
    @inlinable public static var keepalive: EDNSOptions { EDNSOptions(rawValue: 4) }
    /// Octets without meaning, which ask for such (RFC 7830).
    @inlinable public static var padding: EDNSOptions { EDNSOptions(rawValue: 8) }
}

/// What a response says by options of EDNS, the client subnet not counted.
///
/// First `length` is kept back, so that records leave room; then `complete` adds what takes room
/// that is left; then exactly `length` octets are written.
public struct EDNSReply: BitwiseCopyable, Sendable {
    /// Which server answers; empty to say nothing (RFC 5001).
    public var identifierLength = 0
    /// The cookie of the client and ours (RFC 7873).
    public var cookie: ServerCookie?
    /// How long the connection may be idle, in units of 100 ms (RFC 7828 §3.1).
    public var keepalive: UInt16?
    /// More about the outcome (RFC 8914).
    public private(set) var reason: ExtendedError?
    // Octets of padding; -1 for no such option.
    private var padding = -1

    /// Says nothing.
    public init() {}

    /// Octets of all options.
    public var length: Int {
        var length = 0
        if identifierLength > 0 { length &+= 4 &+ identifierLength }
        if cookie != nil { length &+= 4 &+ ServerCookie.length }
        if keepalive != nil { length &+= 6 }
        if let reason { length &+= reason.length }
        if padding >= 0 { length &+= 4 &+ padding }
        return length
    }

    /// Says more about the outcome, unless there is no room for it.
    public mutating func explain(_ reason: ExtendedError, room: Int) {
        if reason.length <= room { self.reason = reason }
    }

    /// Pads a message that has `length` octets so far to a multiple of `block`, or as far as there
    /// is room (RFC 8467 §4.1).
    public mutating func pad(_ length: Int, toMultipleOf block: Int, room: Int) {
        guard room >= 4, block > 0 else { return }
        let over = (length &+ 4) % block
        padding = min(over == 0 ? 0 : block &- over, room &- 4)
    }

    /// Writes exactly ``length`` octets.
    @_lifetime(output: copy output)
    public func write(identifier: ShortText, into output: inout OutputSpan<UInt8>) {
        if identifierLength > 0 {
            EDNSReply.writeHead(3, identifierLength, into: &output)
            identifier.write(into: &output)
        }
        if let cookie {
            EDNSReply.writeHead(10, ServerCookie.length, into: &output)
            cookie.write(into: &output)
        }
        if let keepalive {
            EDNSReply.writeHead(11, 2, into: &output)
            output.write(uint16: keepalive)
        }
        if let reason {
            EDNSReply.writeHead(15, reason.length &- 4, into: &output)
            output.write(uint16: reason.code)
            output.write(reason.text)
        }
        guard padding >= 0 else { return }
        EDNSReply.writeHead(12, padding, into: &output)
        for _ in 0..<padding { output.write(0) }
    }

    @_lifetime(output: copy output)
    private static func writeHead(
        _ code: UInt16,
        _ length: Int,
        into output: inout OutputSpan<UInt8>
    ) {
        output.write(uint32: UInt32(code) << 16 | UInt32(truncatingIfNeeded: length & 0xffff))
    }
}

/// More about an outcome than its code says, for people (RFC 8914 §4).
public enum ExtendedError: UInt16, Sendable, BitwiseCopyable {
    /// What has no number of its own: the text says it.
    case other = 0
    /// The answer is older than its TTL allowed.
    case staleAnswer = 3
    /// What is there cannot be signed now.
    case signaturesMissing = 10
    /// The zone is to come from elsewhere, and is not there.
    case notReady = 14
    /// The asker may not ask this.
    case prohibited = 18
    /// No zone of this server holds the name.
    case notAuthoritative = 20
    /// This is not offered here.
    case notSupported = 21
    /// Nobody who should know could be reached.
    case noReachableAuthority = 22
    /// The zone is one of this server, and what it was given of it cannot be served.
    case invalidData = 24
    /// What the name is made of is not for this client; has no number of its own either.
    case notForClient = 0xff00
    /// Operators took out all that the name is made of; has no number of its own either.
    case withheld = 0xff01
    /// The zone has come from elsewhere, and is too old: Invalid Data, with a text of its own.
    case expired = 0xff02

    /// The number (INFO-CODE); those of private use are told by that of what they are a case of, with
    /// their text.
    public var code: UInt16 {
        // RFC 8914 §4.25 names a zone that has expired.
        if self == .expired { return ExtendedError.invalidData.rawValue }
        return rawValue < 0xc000 ? rawValue : ExtendedError.other.rawValue
    }

    /// What is told besides the number.
    public var text: StaticString {
        switch self {
        case .other: "no endpoint is healthy"
        case .notForClient: "no branch is for this client"
        case .withheld: "all endpoints weigh 0, are drained or in maintenance"
        case .invalidData: "the zone file is faulty"
        case .notReady: "the zone has not come from its primaries"
        case .expired: "the zone has expired: its primaries have been silent for too long"
        default: ""
        }
    }

    /// Octets of the option.
    public var length: Int { 6 &+ text.utf8CodeUnitCount }
}
