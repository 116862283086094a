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
