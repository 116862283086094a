// SPDX-License-Identifier: Apache-2.0

/// A key as it was made, before anything uses it.
public struct NewKey: Sendable, Hashable {
    /// What it signs.
    public var role: KeyRole
    /// Its algorithm by number.
    public var algorithm: UInt8
    /// Its key tag (RFC 4034 appendix B), unique among the keys of the zone.
    public var tag: UInt16
    /// The public key field of its DNSKEY.
    public var publicKey: [UInt8]

    /// A key that lies safely on disk.
    public init(role: KeyRole, algorithm: UInt8, tag: UInt16, publicKey: [UInt8]) {
        self.role = role
        self.algorithm = algorithm
        self.tag = tag
        self.publicKey = publicKey
    }
}

/// One key of a zone, as long as anything remembers it.
public struct RolloverKey: Sendable, Equatable, Identifiable {
    /// Its number within the zone; none is given twice.
    public let id: Int
    /// What it is.
    public let key: NewKey
    /// It was replaced for its age, by order or for its loss: it is never taken up again.
    public internal(set) var isRetired = false
    /// Others may have it: its successor takes over without margins.
    public internal(set) var isCompromised = false
    /// When it was made; seconds since 1970 like all times here.
    public internal(set) var created: Int64
    /// When it first stood in the DNSKEY set.
    public internal(set) var published: Int64?
    /// When it first signed the zone, or for a KSK the DNSKEY set.
    public internal(set) var active: Int64?
    /// When it was no longer wanted.
    public internal(set) var retired: Int64?
    /// When it left the DNSKEY set.
    public internal(set) var withdrawn: Int64?
    /// Nothing can refer to it any more: its file may go.
    public internal(set) var isDead = false

    init(id: Int, key: NewKey, created: Int64) {
        self.id = id
        self.key = key
        self.created = created
    }
}

/// Where a key stands (RFC 7583 §3.1).
public enum KeyState: String, Sendable, CaseIterable {
    /// It is on disk, and nothing shows it.
    case generated
    /// It stands in the DNSKEY set; caches may have the set without it.
    case published
    /// Every cache that has the DNSKEY set has it.
    case ready
    /// It signs, and for a KSK or CSK the parent has its DS.
    case active
    /// It is replaced, and caches may still need it.
    case retired
    /// It is in no set any more; what it signed may be in caches.
    case dead
}
