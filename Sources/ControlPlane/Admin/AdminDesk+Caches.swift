// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPGateway

/// What caches have stored: shown, and taken out.
extension AdminDesk {
    /// The most entries of a cache that are shown of a URL.
    static let cachedLimit = 100

    /// Takes out what is meant; to do it again changes nothing.
    func purge(
        _ name: String,
        _ order: PurgeOrder,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        let (plan, store) = try AdminDesk.cache(name, view)
        let selection = try order.selection(by: plan.key)
        let count = store.purge(selection, order.mode)
        note(name, order, count, at: moment)
        return AdminDesk.answer([
            "cache": .string(name), "by": .string(order.kind.rawValue),
            "value": order.value.isEmpty ? .null : .string(order.value),
            "mode": .string(order.modeWord), "purged": .integer(Int64(count)),
        ])
    }

    private func note(_ cache: String, _ order: PurgeOrder, _ count: Int, at moment: Moment) {
        let what = order.kind == .all ? "everything" : "\(order.kind.rawValue) \(order.value)"
        let done = order.mode == .soft ? "made stale" : "taken out"
        let objects = count == 1 ? "1 object" : "\(count) objects"
        var fields = [
            JSONMember("cache", .string(cache)), JSONMember("by", .string(order.kind.rawValue)),
        ]
        if order.kind != .all { fields.append(JSONMember("value", .string(order.value))) }
        fields.append(JSONMember("mode", .string(order.modeWord)))
        fields.append(JSONMember("objects", .integer(Int64(count))))
        let message = "cache \(cache): \(objects) \(done), by \(what)"
        events.record(LogEvent(.cachePurged, realtime: moment.realtime, message, fields))
    }

    /// What there is of a URL: in one cache, or in all.
    func cached(
        _ url: String,
        _ name: String?,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        guard let target = CacheTarget(url) else { throw PurgeOrder.notURL(url) }
        let all = view.snapshot?.gateway.plan.caches.map(\.name) ?? []
        let counts = CachesView(view)
        var found: [JSONValue] = []
        for cache in name.map({ [$0] }) ?? all {
            let (plan, store) = try AdminDesk.cache(cache, view)
            guard let selection = target.selection(by: plan.key) else {
                throw PurgeOrder.notURL(url)
            }
            let entries = store.describe(selection, limit: AdminDesk.cachedLimit)
            let now = WallTime(nanoseconds: moment.realtime)
            found.append([
                "cache": .string(cache),
                "key": .string(selection.text),
                "entries": .array(entries.map { $0.json(now) }),
                "fetch": way(of: plan, selection, view, at: moment),
                "misses": counts.misses(of: cache),
                "reason": AdminDesk.reason(entries),
                "sent": counts.sent(of: cache),
            ])
        }
        return AdminDesk.answer(["url": .string(url), "caches": .array(found)])
    }

    /// Why endpoints were asked for a key, in words; null where they were not.
    private static func reason(_ entries: [StoredDescription]) -> JSONValue {
        var misses = MissCounts()
        for entry in entries { misses.add(entry.misses) }
        let vary = entries.first { !$0.vary.isEmpty }?.vary ?? []
        let words = misses.words(vary: String(decoding: vary, as: UTF8.self))
        return words.map(JSONValue.string) ?? .null
    }

    /// Through whom it is fetched; null without peers, and where the whole key is not known.
    private func way(
        of plan: CachePlan,
        _ selection: StoredSelection,
        _ view: ControlView,
        at moment: Moment
    ) -> JSONValue {
        guard case .key(let key) = selection, plan.through != nil, let snapshot = view.snapshot
        else {
            return .null
        }
        let shared = view.shared.http
        return .string(
            snapshot.gateway.way(
                of: plan,
                key: key,
                health: shared.health,
                load: shared.load,
                now: moment.now
            )
        )
    }

    static func cache(
        _ name: String,
        _ view: ControlView
    ) throws(Problem) -> (CachePlan, CacheStore) {
        guard let plan = view.snapshot?.gateway.plan.caches.first(where: { $0.name == name }) else {
            throw Problem(.unknownCache, "There is no cache '\(name)'.")
        }
        guard let store = view.shared.http.shelf.store(of: name) else {
            throw Problem(.unknownCache, "The cache '\(name)' does not serve: no worker has it.")
        }
        return (plan, store)
    }
}

extension StoredSelection {
    /// The key that a URL has, for people.
    fileprivate var text: String {
        switch self {
        case .key(let key), .beginning(let key): CacheKeyRule.text(ofKey: key)
        case .host, .tag, .all: ""
        }
    }
}

extension StoredDescription {
    func json(_ now: WallTime) -> JSONValue {
        var members = [
            JSONMember("state", .string(state.rawValue)),
            JSONMember("key", .string(CacheKeyRule.text(ofKey: key))),
            JSONMember("memoryBytes", .integer(Int64(memory))),
            JSONMember("pushed", .bool(isPushed)), JSONMember("pinned", .bool(isPinned)),
            JSONMember("hits", .integer(Int64(hits))), JSONMember("misses", misses.json),
        ]
        if let until {
            members.append(JSONMember("leftSeconds", StoredDescription.seconds(until - now)))
        }
        guard let facts else { return .object(members) }
        let left = isSoft ? min(facts.freshFor(now), .zero) : facts.freshFor(now)
        members += [
            JSONMember("status", .integer(Int64(facts.status))),
            JSONMember("bytes", .integer(Int64(clamping: octets))),
            JSONMember(
                "vary",
                vary.isEmpty ? .null : .string(String(decoding: vary, as: UTF8.self))
            ),
            JSONMember(
                "received",
                .string(CivilTime(nanoseconds: facts.received.nanoseconds).rfc3339)
            ),
            JSONMember("fresh", .bool(left > .zero && !facts.traits.contains(.mustAsk))),
            JSONMember("ageSeconds", StoredDescription.seconds(facts.age(now))),
            JSONMember("lifetimeSeconds", StoredDescription.seconds(facts.lifetime)),
            JSONMember("lifetimeFrom", .string(source(facts))),
            JSONMember("leftSeconds", StoredDescription.seconds(left)),
            JSONMember(
                "staleWhileRevalidateSeconds",
                StoredDescription.seconds(facts.staleWhileRevalidate)
            ),
            JSONMember("staleIfErrorSeconds", StoredDescription.seconds(facts.staleIfError)),
            JSONMember("traits", .array(traits(facts.traits).map { .string($0) })),
        ]
        return .object(members)
    }

    /// As far as that is known of it still.
    private func source(_ facts: StoredFacts) -> String {
        if facts.traits.contains(.isHeuristic) { return "heuristic" }
        return facts.traits.contains(.isTargeted) ? "targeted-field" : "answer-or-lifetimes"
    }

    private func traits(_ traits: StoredFacts.Traits) -> [String] {
        let words: [(StoredFacts.Traits, String)] = [
            (.mustAsk, "must-ask"), (.neverStale, "never-stale"), (.immutable, "immutable"),
            (.hasETag, "etag"), (.hasLastModified, "last-modified"),
        ]
        return words.filter { traits.contains($0.0) }.map(\.1) + (isSoft ? ["made-stale"] : [])
    }

    static func seconds(_ interval: Interval) -> JSONValue {
        .number((interval.seconds * 1000).rounded() / 1000)
    }
}
