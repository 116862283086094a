// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials

/// What is known of the names outside that aliases lead to.
///
/// Pure: answers and times in, what has changed out. Whatever was learned stays until the limit of
/// stale answers has passed: a resolver that is silent empties nothing.
struct AliasKeeper: Sendable {
    /// One family of one name.
    struct Family: Sendable, Equatable {
        /// In a stable order; none for a name without.
        var addresses: [IPAddress]
        var learned: Instant
        var freshUntil: Instant
    }

    /// How far a name can be answered for.
    enum State: String, Sendable, CaseIterable {
        /// Both families as they were learned.
        case fresh
        /// One family at least is older than its TTL, and answered for want of anything newer.
        case stale
        /// One family was never learned, or is too old.
        case partial
        /// Nothing can be answered.
        case unknown
    }

    /// One name.
    struct Entry: Sendable, Equatable {
        var ipv4: Family?
        var ipv6: Family?
        /// Why the latest lookup did not answer for both families; empty when it did.
        var failure = ""
        /// Lookups that gave addresses, that gave none, and that failed.
        var lookups = (addresses: UInt64(0), none: UInt64(0), failed: UInt64(0))
        /// The limit of stale answers has passed, and that was told.
        var isOver = false
        /// The addresses that were last told of; nil before the first.
        var told: [IPAddress]?
        /// When they were last told to have changed.
        var changed: Instant?

        var addresses: [IPAddress] { (ipv4?.addresses ?? []) + (ipv6?.addresses ?? []) }

        func state(_ now: Instant, _ settings: AliasSettings) -> State {
            let states = [ipv4, ipv6].map { $0?.state(now, settings) ?? .unknown }
            let unknown = states.count { $0 == .unknown }
            if unknown > 0 { return unknown == states.count ? .unknown : .partial }
            return states.contains(.stale) ? .stale : .fresh
        }

        static func == (one: Entry, other: Entry) -> Bool {
            one.ipv4 == other.ipv4 && one.ipv6 == other.ipv6 && one.failure == other.failure
                && one.lookups == other.lookups && one.isOver == other.isOver
                && one.told == other.told && one.changed == other.changed
        }

        fileprivate mutating func learn(_ answers: FamilyAnswers) {
            if let family = answers.ipv4 { ipv4 = Family(family) }
            if let family = answers.ipv6 { ipv6 = Family(family) }
        }
    }

    /// What is worth a line of the log.
    enum News: Sendable, Equatable {
        /// Addresses where there were none, or none any more.
        case addresses
        /// Other addresses than before. Some names have others each time: told once in a while.
        case changed
        /// The lookup failed, and did not before; or failed in another way.
        case failed
        /// Lookups succeed again, with the same addresses.
        case returned
        /// What was known is too old to be answered.
        case over
    }

    /// Between two changes of the addresses of a name that are told.
    static let changeGap = Interval.seconds(60)

    private(set) var entries: [String: Entry] = [:]
    /// The names that this process has looked up, with whatever came of it.
    private var asked: Set<String> = []

    /// Takes what one family has come to, before the lookup is over.
    mutating func takeFamily(_ host: String, _ answers: FamilyAnswers) {
        entries[host, default: Entry()].learn(answers)
    }

    /// Takes what a lookup has come to.
    mutating func take(
        _ host: String,
        _ answers: FamilyAnswers,
        _ settings: AliasSettings,
        now: Instant
    ) -> News? {
        asked.insert(host)
        let before = entries[host] ?? Entry()
        var entry = before
        entry.learn(answers)
        entry.failure = answers.failure
        if !answers.failure.isEmpty {
            entry.lookups.failed += 1
        } else if entry.addresses.isEmpty {
            entry.lookups.none += 1
        } else {
            entry.lookups.addresses += 1
        }
        // Nothing to be too old where nothing was ever known.
        entry.isOver =
            (entry.ipv4 ?? entry.ipv6) != nil && entry.state(now, settings) == .unknown
        let news = AliasKeeper.news(before, entry, now)
        if news != nil { entry.told = entry.addresses }
        if news == .changed { entry.changed = now }
        entries[host] = entry
        return news
    }

    private static func news(_ before: Entry, _ entry: Entry, _ now: Instant) -> News? {
        if entry.isOver, !before.isOver { return .over }
        if entry.failure != before.failure, !entry.failure.isEmpty { return .failed }
        if entry.told != entry.addresses {
            guard let told = entry.told, !told.isEmpty, !entry.addresses.isEmpty else {
                return .addresses
            }
            if entry.changed.map({ now >= $0 + changeGap }) ?? true { return .changed }
        }
        return before.failure == entry.failure ? nil : .returned
    }

    /// What the board is told of one family of a name; nil for nothing.
    func answer(_ host: String, isIPv4: Bool, _ settings: AliasSettings) -> AliasAnswer? {
        guard let entry = entries[host], let family = isIPv4 ? entry.ipv4 : entry.ipv6 else {
            return nil
        }
        return AliasAnswer(
            addresses: family.addresses,
            learned: family.learned,
            freshUntil: family.freshUntil,
            staleUntil: family.freshUntil + settings.stale,
            staleTTL: UInt32(clamping: settings.staleTTL.nanoseconds / 1_000_000_000)
        )
    }

    /// True when every name has been looked up once, with whatever came of it, or holds still from
    /// an earlier process.
    func knows(_ hosts: some Sequence<String>, _ settings: AliasSettings, now: Instant) -> Bool {
        hosts.allSatisfy { host in
            asked.contains(host) || entries[host]?.state(now, settings) == .fresh
        }
    }

    /// Forgets names that nobody uses.
    mutating func keep(only hosts: Set<String>) {
        entries = entries.filter { hosts.contains($0.key) }
        asked.formIntersection(hosts)
    }

    /// Puts in what an earlier process knew.
    mutating func restore(_ host: String, _ entry: Entry) {
        entries[host] = entry
        entries[host]?.told = entry.addresses
    }
}

extension AliasKeeper.Family {
    init(_ family: FamilyAnswers.Family) {
        let sorted = Set(family.addresses).sorted { $0.bits < $1.bits }
        addresses = Array(sorted.prefix(AliasBoard.addressLimit))
        learned = family.learned
        freshUntil = family.learned + family.life
    }

    func state(_ now: Instant, _ settings: AliasSettings) -> AliasKeeper.State {
        if now < freshUntil { return .fresh }
        return now < freshUntil + settings.stale ? .stale : .unknown
    }
}
