// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How a zone is signed as it is answered for.
public struct SigningSettings: Sendable, Equatable {
    /// What signatures are made with.
    public enum Algorithm: String, Sendable, CaseIterable {
        /// ECDSA on P-256 with SHA-256 (RFC 6605).
        case ecdsa = "ecdsa-p256-sha256"
        /// Ed25519 (RFC 8080).
        case ed25519
    }

    /// How names and types are denied.
    public enum Denial: String, Sendable, CaseIterable {
        /// One NSEC for the question's name (RFC 9824).
        case nsec
        /// NSEC3 for one hash each (RFC 7129 Appendix B).
        case nsec3
    }

    /// What signatures are made with.
    public var algorithm = Algorithm.ecdsa
    /// How names and types are denied.
    public var denial = Denial.nsec
    /// How long signatures hold.
    public var signatureLifetime = Interval.seconds(14 * 86_400)
    /// They are made anew when they hold for less than this.
    public var signatureRefresh = Interval.seconds(5 * 86_400)
    /// The TTL of the keys and of what tells of them.
    public var keyTTL = Interval.seconds(3600)

    /// Keys that the zone itself has are those of other signers, and are shown beside its own.
    public var otherSigners = false

    /// Which keys it has, and when they are replaced.
    public var keys = KeySettings()

    /// The shipped defaults.
    public init() {}
}
