// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials

/// What names outside are for clients of single networks (RFC 7871): which networks resolvers are
/// asked for, and what is made of their answers.
///
/// Pure: wishes, answers and times in, questions and changes out. A name is found to be the same
/// for everybody, or to differ, by what the resolver says of the first network; only then are
/// further ones asked for. A network stays as long as it is asked from.
struct AliasNetworkKeeper: Sendable {
    /// One family of a name.
    struct Name: Hashable, Sendable {
        var host: String
        var isIPv4: Bool
    }

    /// One network of one family of a name, as resolvers are asked for it.
    struct Key: Hashable, Sendable {
        var name: Name
        var network: Prefix
    }

    /// How the answers of a name differ, and when to look again.
    struct Regard: Equatable, Sendable {
        var state: AliasNetworks.Regard
        var checkAt: Instant
    }

    /// What workers are to be told.
    enum Change: Equatable, Sendable {
        case regard(Name, Regard)
        /// For a network of a name; nil for nothing any more.
        case answer(Name, Prefix, AliasAnswer?, isCoarse: Bool)
    }

    /// How often something happened.
    struct Counts: Equatable, Sendable {
        /// Lookups that told of a network.
        var networks: UInt64 = 0
        /// Lookups that told the same for everybody.
        var uniform: UInt64 = 0
        /// Lookups that failed.
        var failed: UInt64 = 0
        /// Wishes for which `alias.networks` had no room.
        var full: UInt64 = 0
        /// Lookups put off by `alias.network-lookups`, or since too many were under way.
        var putOff: UInt64 = 0
    }

    private struct Entry: Sendable {
        var answer: AliasAnswer?
        /// Where it is answered from: as wide as the answer says that it holds.
        var place: Prefix
        var isCoarse = false
        /// The resolver said that it holds for this network and not for others.
        var isOwn = false
        var failures = 0
        var retryAt = Instant.start
    }

    /// A name that is the same for everybody is looked at again after so long.
    static let regardLife = Interval.seconds(60)
    /// Lookups under way at a time: seats for the names themselves are left.
    static let seatLimit = 16
    /// Between two looks at what is to be renewed.
    static let round = Interval.seconds(1)

    private(set) var regards: [Name: Regard] = [:]
    private(set) var counts = Counts()
    private var entries: [Key: Entry] = [:]
    private var underWay: Set<Key> = []
    /// Networks with answers of their own, by name.
    private var own: [Name: Int] = [:]
    private var nextRound = Instant.start
    private var budget = LookupBudget()

    /// Networks that are kept.
    var count: Int { entries.count }

    /// Takes a network that a worker has missed; true when a resolver is to be asked.
    mutating func wish(_ key: Key, _ settings: AliasSettings, now: Instant) -> Bool {
        guard !underWay.contains(key) else { return false }
        let regard = regards[key.name]
        if regard?.state == .uniform, let regard, now < regard.checkAt { return false }
        // One network is enough to see whether they differ.
        if regard?.state != .networks, underWay.contains(where: { $0.name == key.name }) {
            return false
        }
        if let entry = entries[key] {
            guard now >= entry.retryAt else { return false }
        } else if entries.count >= settings.networks {
            counts.full &+= 1
            return false
        }
        return begin(key, settings, now)
    }

    private mutating func begin(_ key: Key, _ settings: AliasSettings, _ now: Instant) -> Bool {
        guard underWay.count < Self.seatLimit, budget.take(settings.networkLookups, now: now) else {
            counts.putOff &+= 1
            return false
        }
        underWay.insert(key)
        if entries[key] == nil { entries[key] = Entry(place: key.network) }
        return true
    }

    /// Takes what a lookup has come to.
    mutating func take(
        _ key: Key,
        _ answers: FamilyAnswers,
        _ settings: AliasSettings,
        now: Instant
    ) -> [Change] {
        underWay.remove(key)
        guard var entry = entries[key] else { return [] }
        let found = key.name.isIPv4 ? answers.ipv4 : answers.ipv6
        guard let found else { return fail(key, entry, settings, now) }
        let scope = min(Int(answers.scope ?? 0), key.network.address.bitWidth)
        let others = own[key.name, default: 0] - (entry.isOwn ? 1 : 0)
        guard scope > 0 || others > 0 else {
            counts.uniform &+= 1
            return forget(key, entry) + [regard(key.name, .uniform, now)]
        }
        counts.networks &+= 1
        var changes: [Change] = []
        // Nothing is said of all others by one for whom everything is the same.
        let length = scope == 0 ? key.network.length : min(scope, key.network.length)
        guard let place = Prefix(key.network.address, length: length) else { return [] }
        if place != entry.place, entry.answer != nil {
            changes.append(.answer(key.name, entry.place, nil, isCoarse: entry.isCoarse))
        }
        own[key.name] = others + (scope > 0 ? 1 : 0)
        let family = AliasKeeper.Family(found)
        entry = Entry(
            answer: AliasAnswer(
                addresses: family.addresses,
                learned: family.learned,
                freshUntil: family.freshUntil,
                staleUntil: family.freshUntil,
                staleTTL: UInt32(clamping: settings.staleTTL.nanoseconds / 1_000_000_000)
            ),
            place: place,
            isCoarse: scope > key.network.length,
            isOwn: scope > 0
        )
        entries[key] = entry
        changes.append(.answer(key.name, place, entry.answer, isCoarse: entry.isCoarse))
        if regards[key.name]?.state != .networks {
            changes.append(regard(key.name, .networks, now))
        }
        return changes
    }

    // A resolver that takes no networks is one that knows none; what was known holds on.
    private mutating func fail(
        _ key: Key,
        _ failed: Entry,
        _ settings: AliasSettings,
        _ now: Instant
    ) -> [Change] {
        counts.failed &+= 1
        guard regards[key.name]?.state == .networks else {
            return forget(key, failed) + [regard(key.name, .uniform, now)]
        }
        var entry = failed
        entry.failures += 1
        entry.retryAt = now + .seconds(min(Int64(1) << Int64(min(entry.failures, 6)), 60))
        if var answer = entry.answer {
            answer.staleUntil = answer.freshUntil + settings.stale
            entry.answer = answer
        }
        entries[key] = entry
        guard let answer = entry.answer else { return [] }
        return [.answer(key.name, entry.place, answer, isCoarse: entry.isCoarse)]
    }

    private mutating func regard(
        _ name: Name,
        _ state: AliasNetworks.Regard,
        _ now: Instant
    ) -> Change {
        let regard = Regard(state: state, checkAt: now + Self.regardLife)
        regards[name] = regard
        return .regard(name, regard)
    }

    private mutating func forget(_ key: Key, _ entry: Entry) -> [Change] {
        entries[key] = nil
        if entry.isOwn { own[key.name, default: 1] -= 1 }
        guard entry.answer != nil else { return [] }
        return [.answer(key.name, entry.place, nil, isCoarse: entry.isCoarse)]
    }

    /// The networks whose answers end soon and that were asked from; those that have ended go.
    ///
    /// `seen` says when a network was last answered from.
    mutating func renew(
        _ settings: AliasSettings,
        now: Instant,
        seen: (Name, Prefix) -> Instant?
    ) -> [Key] {
        guard now >= nextRound else { return [] }
        nextRound = now + Self.round
        var wanted: [Key] = []
        for (key, entry) in entries where !underWay.contains(key) && now >= entry.retryAt {
            guard let answer = entry.answer else {
                _ = forget(key, entry)
                continue
            }
            // Answered from since it was learned, as far as that is noted: once a second.
            let isWanted = seen(key.name, entry.place).map { $0 >= answer.learned } ?? false
            if isWanted, now >= AliasNetworkKeeper.due(answer) {
                wanted.append(key)
            } else if now >= answer.staleUntil {
                _ = forget(key, entry)
            }
        }
        return wanted.filter { begin($0, settings, now) }
    }

    /// What holds while these are looked up: what was known of them, also beyond its time.
    mutating func hold(_ keys: [Key], _ settings: AliasSettings) -> [Change] {
        keys.compactMap { key in
            guard var entry = entries[key], var answer = entry.answer else { return nil }
            answer.staleUntil = answer.freshUntil + settings.stale
            entry.answer = answer
            entries[key] = entry
            return .answer(key.name, entry.place, answer, isCoarse: entry.isCoarse)
        }
    }

    // Before the end by more than a round, and what a lookup takes.
    private static func due(_ answer: AliasAnswer) -> Instant {
        let life = (answer.freshUntil - answer.learned).nanoseconds
        return answer.learned + Interval(nanoseconds: life - min(life / 2, 3_000_000_000))
    }

    /// What a new table is to be told.
    var changes: [Change] {
        regards.map { .regard($0.key, $0.value) }
            + entries.compactMap { key, entry in
                entry.answer.map {
                    .answer(key.name, entry.place, $0, isCoarse: entry.isCoarse)
                }
            }
    }

    /// Lookups under way will not be answered any more.
    mutating func dropLookups() {
        for key in underWay {
            if let entry = entries[key], entry.answer == nil { _ = forget(key, entry) }
        }
        underWay = []
    }

    /// Forgets names that nobody uses.
    mutating func keep(only hosts: Set<String>) {
        entries = entries.filter { hosts.contains($0.key.name.host) }
        regards = regards.filter { hosts.contains($0.key.host) }
        own = own.filter { hosts.contains($0.key.host) }
    }

    /// Forgets what was asked under other settings; the counts stay.
    mutating func reset() {
        (regards, entries, underWay, own) = ([:], [:], [], [:])
    }
}

/// So many in a time, and as many at once as come in a second.
private struct LookupBudget: Sendable {
    private var left = 0.0
    private var filledAt: Instant?

    mutating func take(_ rate: Rate, now: Instant) -> Bool {
        let perSecond = Double(rate.count) / rate.period.seconds
        let most = max(perSecond, 1)
        left = filledAt.map { min(left + (now - $0).seconds * perSecond, most) } ?? most
        filledAt = now
        guard left >= 1 else { return false }
        left -= 1
        return true
    }
}
