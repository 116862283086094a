// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

/// What a store has to know, as lists of entries under each key, without memory or limits.
final class StoreModel {
    enum Phase { case awaited, growing, complete, passing, refused, failed, renewed }

    final class Entry {
        var phase = Phase.awaited
        /// What its requests say in `Color`; nil when it is for all.
        var color: Int?
        var facts = StoredFacts.unknown
        var isSoft = false
        var isKept = true
        var until: Int64 = 0
        var head = ""
        var tags: Set<Int> = []
        /// Tags that were purged while it was awaited.
        var meant: Set<Int> = []
        var body: [UInt8] = []
        var length: UInt64?
        var watchers: UInt64 = 0
        var pins = 0

        var isFill: Bool { phase == .awaited || phase == .growing }
    }

    /// What is to be found; the entries are looked up by the references.
    enum Found {
        case fresh(Entry)
        case stale(Entry)
        case refreshing(Entry, Entry)
        case fetch(Entry, Entry?, FetchReason)
        case wait(Entry, Entry?)
        case absent(FetchReason)
        case passing
    }

    /// The newest first.
    var keys: [Int: [Entry]] = [:]
    let rule: ReuseRule

    init(_ rule: ReuseRule) { self.rule = rule }

    private func facts(_ entry: Entry, _ now: WallTime) -> StoredFacts {
        var facts = entry.facts
        if entry.isSoft { facts.lifetime = min(facts.lifetime, facts.age(now)) }
        return facts
    }

    private func verdict(_ entry: Entry, _ request: CacheRequest, _ now: WallTime) -> ReuseVerdict {
        rule.judge(request, facts(entry, now), now: now)
    }

    func find(
        _ key: Int,
        _ color: Int,
        _ request: CacheRequest,
        at seconds: Int64,
        mayFetch: Bool,
        worker: Int
    ) -> Found {
        let now = Exchange.time(seconds)
        keys[key]?.removeAll { $0.phase == .passing && $0.until <= seconds }
        let entries = keys[key] ?? []
        let isPassing = entries.contains { $0.phase == .passing }
        let matching = entries.filter {
            $0.phase != .passing && ($0.color == nil || $0.color == color)
        }
        func born(_ entry: Entry) -> Int64 {
            entry.facts.received.nanoseconds - entry.facts.initialAge.nanoseconds
        }
        var best: Entry?
        func isChosen(_ entry: Entry) -> Bool {
            entry.color != nil && facts(entry, now).isFresh(now)
        }
        for entry in matching where entry.phase == .complete {
            guard let last = best, isChosen(last) == isChosen(entry) else {
                if best == nil || isChosen(entry) { best = entry }
                continue
            }
            if born(last) < born(entry) { best = entry }
        }
        let fill = matching.first { entry in
            guard entry.phase == .growing else { return entry.phase == .awaited }
            if case .ask = verdict(entry, request, now) { return false }
            return true
        }
        let isFilling = matching.contains { $0.phase == .awaited || $0.phase == .growing }
        let headed = entries.first { $0.phase == .growing || $0.phase == .complete }
        func begin() -> Entry {
            let entry = Entry()
            if headed?.color != nil { entry.color = color }
            keys[key, default: []].insert(entry, at: 0)
            return entry
        }
        var reason = headed == nil ? FetchReason.uriMiss : .varyMiss
        if let best {
            switch verdict(best, request, now) {
            case .fresh: return .fresh(best)
            case .stale: return .stale(best)
            case .staleWhileAsking:
                guard !isPassing else { return .passing }
                return mayFetch && !isFilling ? .refreshing(best, begin()) : .stale(best)
            case .ask, .unavailable: reason = .stale
            }
        }
        if isPassing { return .passing }
        guard mayFetch else { return .absent(reason) }
        if let fill {
            fill.watchers |= 1 << UInt64(worker)
            return .wait(fill, best)
        }
        return .fetch(begin(), best, reason)
    }

    func forget(_ entry: Entry) {
        entry.isKept = false
        for key in keys.keys { keys[key]?.removeAll { $0 === entry } }
    }

    func close(_ entry: Entry, key: Int) {
        if let length = entry.length, length != UInt64(entry.body.count) {
            entry.phase = .failed
            forget(entry)
            return
        }
        entry.phase = .complete
        entry.length = UInt64(entry.body.count)
        guard keys[key]?.contains(where: { $0 === entry }) == true else { return }
        for other in keys[key] ?? []
        where other !== entry && other.phase == .complete && other.color == entry.color {
            forget(other)
        }
    }

    func refuse(_ entry: Entry, key: Int, until: Int64?) {
        guard let until, keys[key]?.contains(where: { $0 === entry }) == true else {
            entry.phase = .refused
            forget(entry)
            return
        }
        for other in keys[key] ?? [] where other.phase == .passing { forget(other) }
        guard entry.phase == .awaited else {
            // What has come stays for who reads it; what remembers is another entry.
            entry.phase = .refused
            forget(entry)
            let marker = Entry()
            marker.phase = .passing
            marker.until = until
            keys[key, default: []].insert(marker, at: 0)
            return
        }
        entry.phase = .passing
        entry.until = until
    }

    func purge(_ key: Int, _ mode: PurgeMode) -> Int {
        var count = 0
        for entry in keys[key] ?? [] {
            if entry.phase == .complete { count += 1 }
            if entry.phase == .complete, mode == .soft {
                entry.isSoft = true
            } else {
                forget(entry)
            }
        }
        return count
    }

    func purge(tag: Int, _ mode: PurgeMode) -> Int {
        var count = 0
        for entry in keys.values.joined() {
            if entry.phase == .awaited { entry.meant.insert(tag) }
            guard entry.tags.contains(tag) else { continue }
            if entry.phase == .complete { count += 1 }
            if entry.phase == .complete, mode == .soft {
                entry.isSoft = true
            } else {
                forget(entry)
            }
        }
        return count
    }

    /// `isMeant` sees the head.
    func purge(_ mode: PurgeMode, where isMeant: (Int, String) -> Bool) -> Int {
        var count = 0
        for (key, entries) in keys {
            for entry in entries where entry.head.isEmpty || isMeant(key, entry.head) {
                if entry.phase == .complete { count += 1 }
                if entry.phase == .complete, mode == .soft {
                    entry.isSoft = true
                } else {
                    forget(entry)
                }
            }
        }
        return count
    }
}
