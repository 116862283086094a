// SPDX-License-Identifier: Apache-2.0

/// What a key of a zone signs (RFC 4033 §2, RFC 6781 §3.1).
public enum KeyRole: String, Sendable, CaseIterable {
    /// A key signing key: the DNSKEY set, and the parent's DS is made of it.
    case ksk
    /// A zone signing key: everything else.
    case zsk
    /// A combined signing key: both.
    case csk

    /// True when it signs the DNSKEY set: it has the flag SEP, and a DS can be made of it.
    public var signsKeys: Bool { self != .zsk }
    /// True when it signs the sets of the zone.
    public var signsZone: Bool { self != .ksk }
    /// The flags field of its DNSKEY (RFC 4034 §2.1.1).
    public var flags: UInt16 { signsKeys ? 257 : 256 }
}

/// What the keys of a zone are to be, and how long things take; all lengths in seconds.
public struct KeyPolicy: Sendable, Equatable {
    /// How the work is shared between keys.
    public enum Scheme: String, Sendable, CaseIterable {
        /// One key signs everything.
        case csk
        /// One key signs the DNSKEY set, another the zone.
        case split = "ksk-zsk"

        /// The keys that a zone has at rest.
        public var roles: [KeyRole] { self == .csk ? [.csk] : [.ksk, .zsk] }
    }

    /// How the work is shared.
    public var scheme: Scheme
    /// The algorithm of new keys, by its number (RFC 8624 §3.1).
    public var algorithm: UInt8
    /// After how long a key of a role is replaced; nil for never by itself.
    public var lifetimes: [KeyRole: Int64]
    /// How long everything takes.
    public var timing: KeyTiming

    /// A policy.
    public init(
        scheme: Scheme,
        algorithm: UInt8,
        lifetimes: [KeyRole: Int64] = [:],
        timing: KeyTiming
    ) {
        self.scheme = scheme
        self.algorithm = algorithm
        self.lifetimes = lifetimes
        self.timing = timing
    }
}

/// The lengths that the waits of a rollover are made of, in seconds (RFC 7583 §3.1).
public struct KeyTiming: Sendable, Equatable {
    /// TTLkey: the TTL of the DNSKEY set.
    public var keyTTL: Int64
    /// TTLsig: the greatest TTL of any set of the zone, negative answers included.
    public var zoneTTL: Int64
    /// Dprp: until every server of the zone answers alike.
    public var propagation: Int64
    /// TTLds: the TTL of the DS set at the parent.
    public var parentTTL: Int64
    /// DprpP: until every server of the parent answers alike.
    public var parentPropagation: Int64
    /// Added to every wait for a DNSKEY set.
    public var publishSafety: Int64
    /// Added to every wait for signatures and DS sets to be gone.
    public var retireSafety: Int64

    /// All lengths; negative ones count as none.
    public init(
        keyTTL: Int64,
        zoneTTL: Int64,
        propagation: Int64,
        parentTTL: Int64,
        parentPropagation: Int64,
        publishSafety: Int64,
        retireSafety: Int64
    ) {
        self.keyTTL = max(0, keyTTL)
        self.zoneTTL = max(0, zoneTTL)
        self.propagation = max(0, propagation)
        self.parentTTL = max(0, parentTTL)
        self.parentPropagation = max(0, parentPropagation)
        self.publishSafety = max(0, publishSafety)
        self.retireSafety = max(0, retireSafety)
    }

    /// Ipub: from the publication of a key until every cache has it (RFC 7583 §3.2.1).
    public var publishInterval: Int64 { keyTTL &+ propagation &+ publishSafety }
}
