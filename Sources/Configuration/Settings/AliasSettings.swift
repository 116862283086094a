// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How names outside that aliases lead to are resolved.
public struct AliasSettings: Sendable, Equatable {
    /// The servers asked; none means those of `/etc/resolv.conf`.
    public var resolvers: [SocketAddress] = []
    /// Answers hold at least this long.
    public var minTTL = Interval.seconds(5)
    /// Answers hold at most this long.
    public var maxTTL = Interval.seconds(3600)
    /// How long they are answered when nothing newer can be learned; zero means not at all.
    public var stale = Interval.seconds(86_400)
    /// The TTL of such answers.
    public var staleTTL = Interval.seconds(30)
    /// Networks of clients whose answers are kept at a time; 0 asks for none.
    public var networks = 10_000
    /// How often resolvers are asked for a network, at most.
    public var networkLookups = Rate(100, per: .seconds(1))
    /// The most bits of a client's IPv4 address that resolvers are told.
    public var ipv4Prefix = 24
    /// The most bits of a client's IPv6 address that resolvers are told.
    public var ipv6Prefix = 56

    /// What holds when the file says nothing.
    public init() {}

    init(
        resolvers: [SocketAddress],
        minTTL: Interval,
        maxTTL: Interval,
        stale: Interval,
        staleTTL: Interval
    ) {
        self.resolvers = resolvers
        self.minTTL = minTTL
        self.maxTTL = maxTTL
        self.stale = stale
        self.staleTTL = staleTTL
    }
}
