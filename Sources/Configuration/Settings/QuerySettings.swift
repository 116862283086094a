// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The DNS door as a whole.
public struct DNSSettings: Sendable, Equatable {
    /// A record is kept of one query in so many; nil keeps none.
    public var sampleQueries: Int?
    /// Records that each worker keeps.
    public var keptQueries = 0
    /// Zones whose queries are counted by themselves.
    public var countedZones = 100
    /// Signatures that each worker keeps.
    public var signatureCache = 65_536
    /// What the server tells of itself when asked which one it is.
    public var identity = ToldText.nothing
    /// What it tells when asked for its version.
    public var version = ToldText.nothing
    /// True when answers say more of errors than their code (RFC 8914).
    public var extendedErrors = true
    /// Shares of the clients whose resolvers keep every answer so many seconds at least.
    public var resolverFloors: [ResolverFloor] = []
    /// Cookies of DNS.
    public var cookies = DNSCookieSettings()
    /// Bounds of transfers of zones.
    public var transfers = TransferLimitSettings()
    /// How often networks get responses that are alike.
    public var rateLimit = ResponseRateSettings()
}

/// Resolvers that keep answers longer than their TTL.
public struct ResolverFloor: Sendable, Equatable {
    /// For so long at least, in seconds.
    public var seconds: UInt32
    /// How many of the clients are behind such.
    public var share: Percentage
}

/// Cookies of DNS (RFC 7873).
public struct DNSCookieSettings: Sendable, Equatable {
    /// True when they are answered.
    public var enabled = true
    /// The file of secrets that servers share; nil for one of this server alone.
    public var secrets: String?
    /// True when over UDP a client that knows cookies needs a good one.
    public var require = false
}

/// How often networks get responses that are alike, over UDP.
public struct ResponseRateSettings: Sendable, Equatable {
    /// Records of one name; nil for any number.
    public var responses: Rate?
    /// NODATA of one zone.
    public var nodata: Rate?
    /// NXDOMAIN of one zone.
    public var nxdomain: Rate?
    /// One delegation.
    public var referrals: Rate?
    /// Errors.
    public var errors: Rate?
    /// One of so many is put off in place of being dropped; 0 for none.
    public var slip = 2
    /// How long a network stays limited.
    public var window = Interval.seconds(15)
    /// Bits of an IPv4 network.
    public var ipv4Prefix = 24
    /// Bits of an IPv6 network.
    public var ipv6Prefix = 56
    /// Networks without a limit.
    public var exempt: [Prefix] = []
    /// True when nothing is withheld.
    public var logOnly = false
    /// Accounts that are kept.
    public var accounts = 65_536
}

/// What a server tells of itself.
public enum ToldText: Sendable, Equatable {
    /// Nothing: such questions are refused.
    case nothing
    /// What it is: its host's name, or its program's.
    case own
    /// These words.
    case text(String)
}
