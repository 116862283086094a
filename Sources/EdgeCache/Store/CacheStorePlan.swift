// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How large a store is.
public struct CacheStorePlan: Sendable, Equatable {
    /// Octets for everything that is stored, what is kept about it included.
    public var memory: Int
    /// The most octets of one body.
    public var objectLimit: Int
    /// For how long a key whose answer may not be stored is not waited for.
    public var passLifetime = Interval.seconds(120)
    /// Where objects are kept besides, so that they outlive the process.
    public var disk: DiskPlan?

    /// A plan with that much memory, a mebibyte at least.
    public init(memory: Int, objectLimit: Int, disk: DiskPlan? = nil) {
        self.disk = disk
        self.memory = min(max(memory, 1 << 20), 1 << 40)
        self.objectLimit = min(max(objectLimit, 0), self.memory)
    }

    /// A power of two up to 16: each part has 64 MiB or more, and room for two of the largest objects.
    var shards: Int {
        var shards = 1
        while shards < CacheStore.shardLimit, memory / (shards * 2) >= 64 << 20,
            memory / (shards * 2) / 2 >= objectLimit
        {
            shards *= 2
        }
        return shards
    }
}

/// What a store holds and has done.
public struct CacheStatistics: Sendable, Equatable {
    /// Whole objects that can be found.
    public var objects = 0
    /// Octets in use, of ``budget``.
    public var octets = 0
    /// Octets that may be used.
    public var budget = 0
    /// Fills that are under way.
    public var fills = 0
    /// Requests that were given something stored.
    public var hits = 0
    /// Requests that were given nothing stored.
    public var misses = 0
    /// Requests for which there was no place to begin a fill.
    public var overloads = 0
    /// Objects that went for want of room.
    public var evictions = 0
    /// Objects that were forgotten, or made stale, by order.
    public var purges = 0
    /// Objects on the disk.
    public var diskObjects = 0
    /// How it is with the disk; nil without one.
    public var disk: DiskStatus?
    /// Whole objects that operators put here.
    public var pushed = 0
    /// Of these, objects that do not go for want of room.
    public var pinned = 0
    /// Octets that pinned objects take.
    public var pinnedOctets = 0

    mutating func add(_ other: CacheStatistics) {
        objects += other.objects
        octets += other.octets
        budget += other.budget
        fills += other.fills
        hits += other.hits
        misses += other.misses
        overloads += other.overloads
        evictions += other.evictions
        purges += other.purges
        diskObjects += other.diskObjects
        pushed += other.pushed
        pinned += other.pinned
        pinnedOctets += other.pinnedOctets
    }
}
