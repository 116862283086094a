// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Which keys a signed zone has, and when they are replaced.
public struct KeySettings: Sendable, Equatable {
    /// How the work is shared between keys.
    public enum Scheme: String, Sendable, CaseIterable {
        /// One key signs everything.
        case csk
        /// One key signs the DNSKEY set, another the zone.
        case split = "ksk-zsk"
    }

    /// How the work is shared between keys.
    public var scheme = Scheme.csk
    /// After how long a CSK is replaced; nil for never by itself.
    public var cskLifetime: Interval?
    /// After how long a KSK is replaced; nil for never by itself.
    public var kskLifetime: Interval?
    /// After how long a ZSK is replaced; nil for never by itself.
    public var zskLifetime: Interval? = .seconds(30 * 86_400)
    /// Until every server of the zone answers alike.
    public var propagationDelay = Interval.seconds(300)
    /// The TTL of the DS set at the parent.
    public var dsTTL = Interval.seconds(86_400)
    /// Until every server of the parent answers alike.
    public var parentPropagationDelay = Interval.seconds(3600)
    /// Added to every wait for a DNSKEY set.
    public var publishSafety = Interval.seconds(3600)
    /// Added to every wait for signatures and DS sets to be gone.
    public var retireSafety = Interval.seconds(3600)
    /// The parent's servers; none for the resolvers of the system.
    public var parent: [SocketAddress] = []
    /// The parent is asked which DS set it has.
    public var parentCheck = true
    /// How often it is asked while something is expected of it.
    public var parentInterval = Interval.seconds(300)
    /// Another server decides; its files are followed.
    public var follow = false
    /// The DS is taken back, and then the zone becomes unsigned.
    public var withdraw = false

    /// What holds when the file says nothing.
    public init() {}
}
