// SPDX-License-Identifier: Apache-2.0

/// With what a transaction signature is made (RFC 8945 §6).
public enum TSIGAlgorithm: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// HMAC-SHA-1: only for peers that have nothing better.
    case sha1
    /// HMAC-SHA-224.
    case sha224
    /// HMAC-SHA-256, which everybody has.
    case sha256
    /// HMAC-SHA-384.
    case sha384
    /// HMAC-SHA-512.
    case sha512

    /// The name in configurations and on the wire, without its final dot.
    public var word: String {
        switch self {
        case .sha1: "hmac-sha1"
        case .sha224: "hmac-sha224"
        case .sha256: "hmac-sha256"
        case .sha384: "hmac-sha384"
        case .sha512: "hmac-sha512"
        }
    }

    /// The algorithm that a word names; nil for one that is not known here.
    public init?(word: String) {
        guard let found = TSIGAlgorithm.allCases.first(where: { $0.word == word }) else {
            return nil
        }
        self = found
    }

    /// Octets of a whole MAC.
    public var length: Int {
        switch self {
        case .sha1: 20
        case .sha224: 28
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// The fewest octets of a MAC that a message may carry: below that it is malformed
    /// (RFC 8945 §5.2.2.1).
    public var leastLength: Int { max(10, length / 2) }

    /// The name in wire form.
    public var name: DomainName { DomainName(word) ?? .root }
}

/// What is wrong with a signature (RFC 8945 §3).
public enum TSIGError: UInt16, Sendable, BitwiseCopyable {
    /// Nothing.
    case none = 0
    /// The signature is not what the key makes of the message.
    case badSignature = 16
    /// No key of that name and algorithm is known.
    case badKey = 17
    /// The clocks are too far apart, or the message is an old one.
    case badTime = 18
    /// The signature is shorter than is accepted here.
    case badTruncation = 22

    /// The name in the registry.
    public var word: StaticString {
        switch self {
        case .none: "NOERROR"
        case .badSignature: "BADSIG"
        case .badKey: "BADKEY"
        case .badTime: "BADTIME"
        case .badTruncation: "BADTRUNC"
        }
    }
}
