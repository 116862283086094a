// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

extension StoreShard {
    /// What a walk over the entries of a key has found.
    private struct Scan {
        /// The newest whole object that is for the request.
        var best: Int?
        /// A fill that may be.
        var fill: Int?
        /// The newest entry with a head.
        var guide: Int?
        var hasHead = false
        var isPassing = false
        /// Somebody fetches what is for the request, or only for who asked.
        var isFilling = false
        /// The mark that says so.
        var mark: Int?
        var expired: Int?
        /// What is on the disk is on its way.
        var load: Int?
    }

    /// A digest that was made, and for which names.
    private struct Known {
        var slot: Int
        var digest: Digest128?
    }

    /// What of a request decides, beside its fields.
    struct Question: BitwiseCopyable {
        var hash: UInt64
        var request: CacheRequest
        var rule: ReuseRule
        var now: WallTime
        var mayFetch: Bool
        /// Whether what is on the disk may be waited for: once for each request.
        var mayLoad = true
        var leastUses: Int
        var worker: Int
    }

    /// Looks for something to answer a request with, and begins a fill where there is none.
    mutating func find(
        _ question: Question,
        _ key: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> CacheFound {
        let scan = scan(question, key, fields, bytes)
        if let expired = scan.expired { detach(expired) }
        if scan.best == nil, !scan.isPassing, let found = loading(question, key, scan) {
            return found
        }
        var reason = scan.hasHead ? FetchReason.varyMiss : .uriMiss
        if let best = scan.best {
            let facts = records[best].facts(question.now)
            switch question.rule.judge(question.request, facts, now: question.now) {
            case .fresh:
                guard isDue(best, facts, question),
                    let (base, fill) = refresh(best, scan, question, key, fields, bytes)
                else { return .fresh(hit(best)) }
                return .ahead(base, fill: fill)
            case .stale: return .stale(hit(best))
            case .staleWhileAsking:
                guard !scan.isPassing else { break }
                guard let (base, fill) = refresh(best, scan, question, key, fields, bytes)
                else { return .stale(hit(best)) }
                return .refreshing(base, fill: fill)
            case .unavailable: return miss(question, .unavailable)
            case .ask(let why): reason = FetchReason(why)
            }
        } else if question.rule.forbidsAsking(question.request) {
            return miss(question, .unavailable)
        }
        if scan.isPassing {
            if let mark = scan.mark { records[mark].misses.count(.passing) }
            return miss(question, .passing)
        }
        guard question.mayFetch else { return miss(question, .absent(reason)) }
        let base = scan.best.map { pin($0) } ?? .none
        if let fill = scan.fill {
            records[fill].watchers |= StoreShard.bit(question.worker)
            return miss(question, .wait(pin(fill), base: base))
        }
        if !scan.hasHead, queue.uses(question.hash) + 1 < question.leastUses {
            return miss(question, .tooRare)
        }
        guard let fill = begin(question.hash, key, scan.guide, fields, bytes) else {
            if let best = slot(base) { unpin(best) }
            counts.overloads += 1
            return miss(question, .overloaded)
        }
        records[fill].misses.count(MissCounts.Kind(reason))
        return miss(question, .fetch(pin(fill), base: base, reason))
    }

    /// What is on the disk comes before anybody is asked.
    private mutating func loading(
        _ question: Question,
        _ key: Span<UInt8>,
        _ scan: Scan
    ) -> CacheFound? {
        if let load = scan.load {
            records[load].watchers |= StoreShard.bit(question.worker)
            return .load(pin(load), isNew: false)
        }
        guard scan.fill == nil, question.mayLoad, disk.hasUnloaded(question.hash),
            let load = beginLoad(question.hash, key)
        else { return nil }
        records[load].watchers |= StoreShard.bit(question.worker)
        return .load(pin(load), isNew: true)
    }

    static func bit(_ worker: Int) -> UInt64 { 1 << UInt64(truncatingIfNeeded: worker & 63) }

    /// True for a fresh object that is asked for so often that it is to be asked for anew.
    private func isDue(_ slot: Int, _ facts: StoredFacts, _ question: Question) -> Bool {
        !records[slot].isPushed
            && question.rule.isDue(facts, hits: records[slot].freshHits, now: question.now)
    }

    /// Begins to fetch an object anew that answers meanwhile; nil when it is not the time for it.
    private mutating func refresh(
        _ slot: Int,
        _ scan: Scan,
        _ question: Question,
        _ key: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> (base: StoredRef, fill: StoredRef)? {
        guard question.mayFetch, !scan.isFilling, !scan.isPassing, !isQuiet(slot, question.now)
        else { return nil }
        // What is held does not go for want of room.
        records[slot].pins += 1
        defer { unpin(slot) }
        guard let fill = begin(question.hash, key, scan.guide, fields, bytes) else { return nil }
        return (hit(slot), pin(fill))
    }

    private mutating func hit(_ slot: Int) -> StoredRef {
        if records[slot].freshHits < .max { records[slot].freshHits &+= 1 }
        queue.use(records[slot].hash)
        counts.hits += 1
        if records[slot].hits < .max { records[slot].hits &+= 1 }
        return pin(slot)
    }

    private mutating func miss(_ question: Question, _ found: CacheFound) -> CacheFound {
        queue.use(question.hash)
        counts.misses += 1
        return found
    }

    private func scan(
        _ question: Question,
        _ key: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Scan {
        var scan = Scan()
        var known: Known?
        var place = chain(question.hash, key)
        while let slot = place {
            place = next(slot)
            switch records[slot].phase {
            case .passing:
                if records[slot].until > question.now {
                    scan.isPassing = true
                    scan.mark = slot
                } else {
                    scan.expired = slot
                }
                continue
            case .growing, .complete:
                scan.hasHead = true
                if scan.guide == nil { scan.guide = slot }
            case .awaited:
                guard records[slot].isLoad else { break }
                scan.load = slot
                continue
            case .free, .refused, .failed, .renewed: continue
            }
            guard isFor(slot, fields, bytes, &known) else { continue }
            if records[slot].phase != .complete { scan.isFilling = true }
            if records[slot].phase == .complete {
                if scan.best.map({ isBetter(slot, than: $0, question.now) }) ?? true {
                    scan.best = slot
                }
            } else if scan.fill == nil, isUsable(slot, question) {
                scan.fill = slot
            }
        }
        return scan
    }

    /// True for the more recent one, but that a fresh one with `Vary` goes before one without: some
    /// resources forget it in the answer that they give by default (RFC 9111 §4.1).
    private func isBetter(_ one: Int, than other: Int, _ now: WallTime) -> Bool {
        func isChosen(_ slot: Int) -> Bool {
            records[slot].namesCount > 0 && records[slot].facts(now).isFresh(now)
        }
        guard isChosen(one) == isChosen(other) else { return isChosen(one) }
        return records[one].born > records[other].born
    }

    /// The object that a request would be answered with, fresh or not.
    mutating func candidate(
        _ question: Question,
        _ key: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> StoredRef {
        scan(question, key, fields, bytes).best.map { pin($0) } ?? .none
    }

    /// False for a head that has come and may not answer this request without asking: then the request
    /// has to be asked for by itself (RFC 9111 §5.2.2.4).
    private func isUsable(_ slot: Int, _ question: Question) -> Bool {
        guard records[slot].phase == .growing else { return true }
        switch question.rule.judge(question.request, records[slot].facts, now: question.now) {
        case .fresh, .stale, .staleWhileAsking: return true
        case .ask, .unavailable: return false
        }
    }

    // MARK: Vary

    /// True when an entry is for a request, by the fields that it names.
    private func isFor(
        _ slot: Int,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ known: inout Known?
    ) -> Bool {
        guard records[slot].namesCount > 0 else { return true }
        if let last = known, StoreShard.isEqual(names(last.slot), names(slot)) {
            return last.digest == records[slot].vary
        }
        let digest = digest(names(slot), fields, bytes)
        known = Known(slot: slot, digest: digest)
        return digest == records[slot].vary
    }

    /// The same, of one entry alone.
    func isFor(_ slot: Int, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>) -> Bool {
        var known: Known?
        return isFor(slot, fields, bytes, &known)
    }

    /// The digest of what a request says in the fields that are named; nil when that is too long.
    func digest(
        _ names: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Digest128? {
        var isWhole = false
        let count = memory.write(at: place(scratch), limit: StoreShard.varyLimit) { output in
            isWhole = VaryRule.write(
                ByteRange(from: 0, to: names.count),
                of: names,
                fields,
                bytes,
                into: &output
            )
        }
        guard isWhole else { return nil }
        return SipHash.digest(memory.bytes(at: place(scratch), count: count), key: key)
    }

    // MARK: Beginning

    /// A new fill that is awaited.
    ///
    /// It is taken to vary by what the newest entry of the key varies by: others need not wait in vain.
    private mutating func begin(
        _ hash: UInt64,
        _ key: Span<UInt8>,
        _ guide: Int?,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Int? {
        // To make room must not take away what is looked at.
        if let guide { records[guide].pins += 1 }
        defer { if let guide { unpin(guide) } }
        let varies = guide.map { Int(records[$0].namesCount) } ?? 0
        guard let slot = makeEntry(.awaited, hash, key, spare: varies, beside: TagIndex.cost) else {
            return nil
        }
        records[slot].purges = purges.count
        records[slot].epoch = epoch
        if let guide, varies > 0, let digest = digest(names(guide), fields, bytes) {
            memory.write(at: place(records[slot].text) + key.count, names(guide))
            records[slot].namesCount = UInt32(truncatingIfNeeded: varies)
            records[slot].vary = digest
        }
        counts.fills += 1
        attach(slot)
        linkURL(slot)
        return slot
    }
}
