// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What caches say, and what becomes of them at a reload.
extension HTTPDoor {
    // MARK: Reload

    /// Takes over the caches of the present plan; stores that are still read keep their places.
    mutating func shelve() {
        caches = snapshot.caches
        cachePlaces = shared.cachePlaces(snapshot)
        loopName = StatusName(snapshot.plan.loopName ?? shared.loopName)
        let present = shared.shelf.stores(
            for: snapshot.plan.caches.map { ($0.name, $0.store) },
            generation: snapshot.generation
        )
        var used = stores.map { _ in false }
        for place in 0..<reads.highWater where !reads.handle(at: place).isNone {
            used[Int(reads[place].store)] = true
        }
        for place in 0..<fetches.highWater where !fetches.handle(at: place).isNone {
            used[Int(fetches[place].store)] = true
        }
        for place in stores.indices {
            let isPresent = present.contains { $0 === stores[place] }
            if !isPresent, !used[place] { stores[place] = nil }
        }
        cacheStores = present.map { store in Int32(self.place(of: store, used: used)) }
        lentStores = stores.map { $0.map { Lent($0) } }
    }

    private mutating func place(of store: CacheStore?, used: [Bool]) -> Int {
        guard let store else { return 0 }
        if let known = stores.firstIndex(where: { $0 === store }) { return known }
        let free = stores.indices.dropFirst().first {
            stores[$0] == nil && !(used.indices.contains($0) && used[$0])
        }
        guard let place = free else {
            stores.append(store)
            return stores.count - 1
        }
        stores[place] = store
        return place
    }

    /// An exchange goes on with the cache of the same name, if there still is one.
    mutating func carryCache(_ c: Int, to new: GatewaySnapshot) {
        let isFetch = clients[c].kind == .fetch
        let number =
            isFetch
            ? Int(fetches[Int(clients[c].place)].cache) : Int(clients[c].exchange.cache)
        let moved: Int?
        if caches.indices.contains(number) {
            let known = caches[number].identity
            moved = new.caches.firstIndex { $0.identity == known }
        } else {
            moved = nil
        }
        if isFetch {
            fetches[Int(clients[c].place)].cache = Int32(moved ?? -1)
        } else {
            clients[c].exchange.cache = Int16(truncatingIfNeeded: moved ?? -1)
            clients[c].exchange.fetchPool = -1
        }
    }

    /// The present as origins and clients count it; the clock is asked once a second.
    var wallTime: WallTime {
        WallTime(nanoseconds: 0) + (wallOffset + (now - .start))
    }

    // MARK: Words

    /// Adds `Cache-Status` (RFC 9211), and the word that users of other caches know.
    @inline(never)
    mutating func renderCache(_ c: Int, after rendered: RouteText) -> RouteText {
        let cache = Int(clients[c].exchange.cache)
        guard caches.indices.contains(cache), clients[c].exchange.cacheResult != nil else {
            return rendered
        }
        var text = beginLines(after: rendered)
        guard text.isWhole else { return text }
        let read = Int(clients[c].exchange.read)
        let status = clients[c].exchange.cached.status(read < 0 ? nil : reads[read].timeToLive)
        let result = clients[c].exchange.cacheResult
        let isUpdating = result == .stale && read >= 0 && reads[read].isUpdating
        let isStale = result == .errorStale || result == .stale && !isUpdating
        let name = caches[cache].statusName
        let hasWord = caches[cache].hasStatusField
        tail.append { output in
            text.isWhole = status.writeField(name: name.span, into: &output)
            if text.isWhole, hasWord {
                let word = isStale ? .stale : CacheWord(status, isUpdating: isUpdating)
                text.isWhole =
                    output.write("X-Cache-Status: ") && output.write(word.text)
                    && output.writeLineEnd()
            }
            text.fields = ByteRange(from: Int(text.fields.start), to: output.count)
        }
        return text
    }

    /// Takes the word of a cache behind this one out: there is one for the whole way, as users expect it,
    /// and the story of each is in `Cache-Status`.
    mutating func hideCacheWord(_ c: Int, _ u: Int) {
        let cache = Int(clients[c].exchange.cache)
        guard caches.indices.contains(cache), caches[cache].hasStatusField,
            clients[c].exchange.cacheResult != nil
        else { return }
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let name: InlineArray<14, UInt8> = [
            0x78, 0x2d, 0x63, 0x61, 0x63, 0x68, 0x65, 0x2d, 0x73, 0x74, 0x61, 0x74, 0x75, 0x73,
        ]
        responseFields.hide(named: name.span, in: bytes)
    }

    /// Makes the end of the tail that of the lines, so that more can be added.
    mutating func beginLines(after rendered: RouteText) -> RouteText {
        guard rendered.isWhole else { return rendered }
        // What was rendered lies at the front of the tail; when there was nothing, nobody cleared it.
        if rendered.fields.isEmpty, rendered.target.isEmpty, rendered.host.isEmpty {
            tail.write { _ in }
        }
        var text = rendered
        if text.fields.isEmpty { text.fields = ByteRange(from: tail.count, to: tail.count) }
        return text
    }

    /// Adds whole lines to what was rendered.
    mutating func append(_ lines: Span<UInt8>, to rendered: RouteText) -> RouteText {
        var text = beginLines(after: rendered)
        guard text.isWhole else { return text }
        tail.append { output in
            text.isWhole = output.write(lines)
            text.fields = ByteRange(from: Int(text.fields.start), to: output.count)
        }
        return text
    }

    // MARK: Ends

    /// Forgets what stood for an object; the hold on it is the exchange's.
    mutating func freeStored(_ u: Int) {
        buffers.give(upstreams[u].input.block)
        buffers.give(upstreams[u].output.block)
        upstreams.remove(upstreams.handle(at: u))
    }

    /// Somebody else's fetch takes too long: the request goes itself.
    mutating func waitedEnough(_ c: Int, _ loop: inout EventLoop) {
        clients[c].exchange.cached.isCollapsed = false
        clients[c].exchange.cached.detail = .waitedTooLong
        let read = Int(clients[c].exchange.read)
        if read >= 0, let store = stores[Int(reads[read].store)], mayUseBase(c, store) {
            // RFC 5861 §4: an origin that does not answer has failed.
            useBase(read)
            clients[c].exchange.cacheResult = .errorStale
            return serveHeld(c, &loop)
        }
        clients[c].exchange.cacheResult = .miss
        goOn(c, &loop)
    }

    // MARK: Counting

    func countMiss(_ c: Int, _ reason: CacheMiss) {
        guard let place = cachePlace(c) else { return }
        words.addOwned(GatewayMetrics.cacheMiss(reason, cache: place), 1)
    }

    /// Where the numbers of the exchange's cache are; nil where it has none.
    func cachePlace(_ c: Int) -> Int? {
        let cache = Int(clients[c].exchange.cache)
        return cachePlaces.indices.contains(cache) ? Int(cachePlaces[cache]) : nil
    }

    /// Counts what became of the request for its cache.
    @inline(__always) func recordCache(_ c: Int) {
        guard clients[c].exchange.cache >= 0, let result = clients[c].exchange.cacheResult,
            let place = cachePlace(c)
        else { return }
        words.addOwned(GatewayMetrics.cacheResult(result, cache: place), 1)
        let isPassed = result == .miss || result == .bypass || result == .pass
        let source = isPassed ? CacheSource.origin : .store
        let content = clients[c].exchange.response.total
        words.addOwned(GatewayMetrics.cacheBytes(source, cache: place), content)
        if isPassed, clients[c].exchange.attemptSlot >= 0 { countPassed(c) }
    }
}

extension CacheMiss {
    init(_ reason: FetchReason) {
        switch reason {
        case .uriMiss: self = .uriMiss
        case .varyMiss: self = .varyMiss
        case .stale: self = .stale
        case .request: self = .request
        }
    }
}

extension CacheStatus.Forward {
    init(_ reason: FetchReason) {
        switch reason {
        case .uriMiss: self = .uriMiss
        case .varyMiss: self = .varyMiss
        case .stale: self = .stale
        case .request: self = .request
        }
    }
}
