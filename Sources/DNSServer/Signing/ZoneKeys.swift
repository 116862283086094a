// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Runtime

/// A key of a zone, and what it is good for at the present moment.
public struct ZoneKey: Sendable {
    /// What signs.
    public let key: SigningKey
    /// 256 for a key of the zone, 257 for one that parents point at (RFC 4034 §2.1.1).
    public let flags: UInt16
    /// Stands among the DNSKEY records.
    public var isPublished: Bool
    /// Signs the sets of DNSKEY, CDS and CDNSKEY.
    public var signsKeys: Bool
    /// Signs all other sets.
    public var signsZone: Bool
    /// Stands among the CDS and CDNSKEY records: parents shall point at it (RFC 7344).
    public var isInCDS: Bool

    /// A key that does everything, unless said otherwise.
    public init(
        _ key: SigningKey,
        flags: UInt16 = 257,
        isPublished: Bool = true,
        signsKeys: Bool = true,
        signsZone: Bool = true,
        isInCDS: Bool = true
    ) {
        self.key = key
        self.flags = flags
        self.isPublished = isPublished
        self.signsKeys = signsKeys
        self.signsZone = signsZone
        self.isInCDS = isInCDS
    }

    /// The data of its DNSKEY record (RFC 4034 §2.1).
    public var data: [UInt8] {
        [UInt8(flags >> 8), UInt8(flags & 255), 3, key.algorithm.rawValue] + key.publicKey
    }

    /// The number that signatures name it by.
    public var tag: UInt16 { KeyTag.of(data.span) }

    /// The data of a DS or CDS record of a zone (RFC 4034 §5.1).
    public func delegation(_ zone: DomainName, _ digest: DelegationDigest = .sha256) -> [UInt8] {
        let tag = tag
        return [UInt8(tag >> 8), UInt8(tag & 255), key.algorithm.rawValue, digest.rawValue]
            + digest.digest(zone.lowercased.wire + data)
    }
}

/// How a signed zone says that something does not exist.
public enum DenialMethod: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// By one NSEC record that names the question's name (RFC 9824).
    case compact
    /// By NSEC3 records that each deny one hash alone (RFC 7129 Appendix B), without salt and
    /// further iterations (RFC 9276 §3.1).
    case narrowNSEC3
}

/// Everything that signing a zone needs, at the present moment.
///
/// Immutable once it is in a snapshot: a rollover is a row of such values.
public struct ZoneKeys: Sendable {
    /// The keys, in no certain order.
    public var keys: [ZoneKey]
    /// How names and types are denied.
    public var denial: DenialMethod
    /// How long signatures hold, in seconds.
    public var lifetime: UInt32
    /// Signatures are made anew when they hold for less than this, in seconds.
    public var refresh: UInt32
    /// The TTL of DNSKEY, CDS, CDNSKEY and NSEC3PARAM, in seconds.
    public var keyTTL: UInt32
    /// In the place of all CDS and CDNSKEY: parents shall have no DS any more (RFC 8078 §4).
    public var endsDelegation = false

    /// DNSKEY, CDS and CDNSKEY of the zone itself are those of other signers, and stand beside its own
    /// (RFC 8901 §2.1.2).
    public var joinsSigners = false

    /// The shipped defaults, unless said otherwise.
    public init(
        keys: [ZoneKey],
        denial: DenialMethod = .compact,
        lifetime: UInt32 = 14 * 86_400,
        refresh: UInt32 = 5 * 86_400,
        keyTTL: UInt32 = 3600
    ) {
        self.keys = keys
        self.denial = denial
        self.lifetime = lifetime
        self.refresh = refresh
        self.keyTTL = keyTTL
    }
}
