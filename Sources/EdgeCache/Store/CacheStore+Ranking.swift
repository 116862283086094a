// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Synchronization

/// All entries of one key taken together, for people.
public struct StoredTotal: Sendable, Equatable {
    /// The key as it is stored.
    public var key: [UInt8]
    /// How often something stored was the answer, since the key came in.
    public var hits = 0
    /// How often an endpoint was asked, by why.
    public var misses = MissCounts()
    /// Octets of content that hits have given out, had each asked for all of it.
    public var served: UInt64 = 0
    /// How many objects there are.
    public var variants = 0
    /// Octets of memory that they take.
    public var memory = 0
    /// Octets of content of the newest.
    public var octets: UInt64 = 0
    /// What decides on the use of the newest; nil where none is whole.
    public var facts: StoredFacts?
    /// The fields that the newest varies by.
    public var vary: [UInt8] = []
    /// One of them was put here by an operator.
    public var isPushed = false
    /// One of them does not go for want of room.
    public var isPinned = false
}

/// By what keys are put in order.
public enum RankingOrder: String, Sendable, CaseIterable {
    /// Those that were answered most often.
    case hits
    /// Those of which most content was given out.
    case bytes
    /// Those for which endpoints were asked most often.
    case misses
}

/// What objects with one `Vary` come to.
public struct VaryTotal: Sendable, Equatable {
    /// The names of the fields, as `Vary` has them.
    public var names: [UInt8]
    /// Objects that vary so.
    public var variants: Int
    /// Requests for which only others of them were stored.
    public var misses: Int
}

extension CacheStore {
    /// Lists of `Vary` that are told apart.
    private static let varyLimit = 64

    /// The keys that come first in an order, at most `limit`; of others nothing is copied.
    ///
    /// A walk through the store in short steps: for people, not for loops that serve.
    public func ranking(by order: RankingOrder, limit: Int) -> [StoredTotal] {
        var best: [(worth: UInt64, total: StoredTotal)] = []
        guard limit > 0 else { return [] }
        walk { shard, slot in
            guard shard.isFirst(slot) else { return }
            let total = shard.total(slot)
            let worth = total.worth(order)
            guard worth > 0, best.count < limit || worth > best[best.count - 1].worth else {
                return
            }
            let place = best.firstIndex { $0.worth < worth } ?? best.endIndex
            best.insert((worth, shard.named(total, slot)), at: place)
            if best.count > limit { best.removeLast() }
        }
        return best.map(\.total)
    }

    /// What varies by which fields, and how often that was why an endpoint was asked; the most first.
    ///
    /// A walk, as ``ranking(by:limit:)``.
    public func varyTotals() -> [VaryTotal] {
        var totals: [VaryTotal] = []
        walk { shard, slot in
            guard shard.records[slot].namesCount > 0, shard.records[slot].phase == .complete else {
                return
            }
            let misses = shard.records[slot].misses[.varyMiss]
            let names = StoreShard.copy(shard.names(slot))
            if let known = totals.firstIndex(where: { $0.names == names }) {
                totals[known].variants += 1
                totals[known].misses += misses
            } else if totals.count < CacheStore.varyLimit {
                totals.append(VaryTotal(names: names, variants: 1, misses: misses))
            }
        }
        return totals.sorted { ($0.misses, $0.variants) > ($1.misses, $1.variants) }
    }

    /// Looks at all entries that can be found, some at a time.
    private func walk(_ body: (inout StoreShard, Int) -> Void) {
        for shard in shardNumbers {
            var first = 0
            var isOver = false
            while !isOver {
                shards[shard].withLock { shard in
                    let end = min(first + StoreShard.lookLimit, shard.records.count)
                    for slot in first..<max(end, first) where shard.records[slot].isIndexed {
                        body(&shard, slot)
                    }
                    first = end
                    isOver = end >= shard.records.count
                }
            }
        }
    }
}

extension StoredTotal {
    fileprivate func worth(_ order: RankingOrder) -> UInt64 {
        switch order {
        case .hits: UInt64(hits)
        case .bytes: served
        case .misses: UInt64(misses.sum)
        }
    }
}

extension StoreShard {
    /// True for the entry under which all of its key are looked at.
    fileprivate func isFirst(_ slot: Int) -> Bool {
        chain(records[slot].hash, keyText(slot)) == slot
    }

    /// All entries from the first of a key on, without its name.
    fileprivate func total(_ first: Int) -> StoredTotal {
        var total = StoredTotal(key: [])
        var place: Int? = first
        while let slot = place {
            place = next(slot)
            let record = records[slot]
            total.hits += Int(record.hits)
            total.misses.add(record.misses)
            total.memory += octets(slot)
            guard record.phase == .complete else { continue }
            let (served, overflows) = UInt64(record.hits)
                .multipliedReportingOverflow(by: UInt64(max(record.written, 0)))
            let (sum, spills) = total.served.addingReportingOverflow(served)
            total.served = overflows || spills ? .max : sum
            total.variants += 1
            total.isPushed = total.isPushed || record.isPushed
            total.isPinned = total.isPinned || record.isPinned
            guard total.facts == nil else { continue }
            total.facts = record.facts
            total.octets = UInt64(max(record.written, 0))
        }
        return total
    }

    /// The same with the key, and with what the newest varies by.
    fileprivate func named(_ total: StoredTotal, _ first: Int) -> StoredTotal {
        var total = total
        total.key = StoreShard.copy(keyText(first))
        var place: Int? = first
        while let slot = place, total.vary.isEmpty {
            place = next(slot)
            if records[slot].phase == .complete { total.vary = StoreShard.copy(names(slot)) }
        }
        return total
    }
}
