// SPDX-License-Identifier: Apache-2.0
public import EdgeCache
public import Essentials

/// A cache that routes may have in front of their pools.
public struct CachePlan: Sendable, Equatable {
    /// What names it in the configuration and in metrics; its store is kept by it across reloads.
    public var name: String
    /// Octets of what is stored.
    public var memory = 256 << 20
    /// Octets of one response that is stored; never more than an eighth of the memory.
    public var objectLimit = 8 << 20
    /// Where it is kept besides, so that it outlives the process.
    public var disk: DiskPlan?
    /// Octets that pinned objects may take in all.
    public var pinnedLimit = 64 << 20
    /// What is kept and used again, and for how long.
    public var rules = CacheRules()
    /// What tells requests apart.
    public var key = CacheKeyRule()
    /// The request of a key from which on its response is kept.
    public var minUses = 1
    /// Octets of a QUERY's content up to which a store is asked for it; 0 for never.
    public var queryLimit = 16_384
    /// How long a request waits for what another one is fetching before it goes itself.
    public var waitLimit = Interval.seconds(5)
    /// How long it is remembered that a key's responses are not kept.
    public var passLifetime = Interval.seconds(120)
    /// Whether `X-Cache-Status` stands beside `Cache-Status`.
    public var hasStatusField = true
    /// Whether clients get `Surrogate-Key` and `Cache-Tag` of endpoints.
    public var tellsTags = true
    /// What the cache calls itself in `Cache-Status` (RFC 9211 §2).
    public var statusName = "Martlet"
    /// Networks whose clients may send `PURGE`; empty for nobody.
    public var purgers: [Prefix] = []
    /// The number of the pool of other caches through which it fetches; nil for none.
    public var through: Int?

    /// A cache with the shipped rules.
    public init(name: String) { self.name = name }
}

/// A cache compiled for the loops.
struct CacheRecord: Sendable {
    /// The same for caches of the same name in every snapshot.
    let identity: UInt64
    let memory: Int
    let objectLimit: Int
    let rules: ReuseRule
    let storage: StorageRule
    let key: CacheKeyRule
    let hasPlainKey: Bool
    let minUses: UInt8
    let queryLimit: Int
    let waitLimit: Interval
    let passLifetime: Interval
    let hasStatusField: Bool
    let tellsTags: Bool
    let statusName: StatusName
    let keepsCookies: Bool
    /// The pool through which it fetches; -1 for none.
    let through: Int32
    private let purgers: [Prefix]

    init(_ plan: CachePlan) {
        identity = Hash.text(plan.name)
        memory = max(plan.memory, 0)
        objectLimit = min(max(plan.objectLimit, 0), memory / 8)
        rules = ReuseRule(plan.rules)
        storage = StorageRule(plan.rules)
        key = plan.key
        hasPlainKey = plan.key.isPlain
        minUses = UInt8(clamping: max(plan.minUses, 1))
        queryLimit = min(max(plan.queryLimit, 0), 32_768)
        waitLimit = plan.waitLimit
        passLifetime = plan.passLifetime
        hasStatusField = plan.hasStatusField
        tellsTags = plan.tellsTags
        statusName = StatusName(plan.statusName)
        keepsCookies = plan.rules.keepsCookies
        through = plan.through.map { Int32(clamping: $0) } ?? -1
        purgers = plan.purgers
    }

    /// True when a client of this address may take out what is stored.
    func mayPurge(_ client: IPAddress) -> Bool {
        for prefix in purgers where prefix.contains(client) { return true }
        return false
    }
}

/// What a cache calls itself, in place: an array would be counted with each answer.
struct StatusName: BitwiseCopyable, Sendable {
    /// The most octets; what is longer is cut.
    static let limit = 128

    private var octets = InlineArray<128, UInt8>(repeating: 0)
    private let count: Int

    init(_ text: String) {
        let text = Array(text.utf8.prefix(StatusName.limit))
        for index in text.indices { octets[index] = text[index] }
        count = text.count
    }

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { octets.span.extracting(0..<count) }
    }
}

extension CachePlan {
    /// What its store is made by.
    var store: CacheStorePlan {
        let memory = max(memory, 0)
        var store = CacheStorePlan(
            memory: memory,
            objectLimit: min(max(objectLimit, 0), memory / 8)
        )
        store.passLifetime = passLifetime
        store.disk = disk
        return store
    }
}
