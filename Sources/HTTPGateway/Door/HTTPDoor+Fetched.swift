// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What becomes of the answers to fetches: they are kept, or handed over.
extension HTTPDoor {
    /// The head of the answer is there: decides what becomes of it.
    mutating func takeFetched(_ f: Int, _ u: Int, _ loop: inout EventLoop) {
        let status = responseHead.status
        clients[f].exchange.status = status
        clients[f].exchange.firstByte = now
        clients[f].exchange.originPersists = responseHead.isPersistent
        let state = fetches[Int(clients[f].place)]
        if let c = leader(of: state) { noteFetched(c, f) }
        guard recallHead(f), let store = stores[Int(state.store)] else {
            return fetchBroke(f, .internalError, &loop)
        }
        // A reload took the cache away.
        guard caches.indices.contains(Int(state.cache)) else {
            // Nobody but the store has asked whether something has changed.
            let isOwn = status == 304 && !state.base.isNone
            return isOwn
                ? fetchBroke(f, .internalError, &loop) : handOver(f, u, store, until: nil, &loop)
        }
        let present = wallTime
        if status == 304, !state.base.isNone {
            judgeEndpoint(f, status)
            return renew(f, u, store, present, &loop)
        }
        // A peer that says 508 is of no help either.
        let isLoop = status == 508 && clients[f].exchange.cached.isThroughTier
        if isFailure(status) || isLoop, let facts = store.facts(state.base),
            caches[Int(state.cache)].rules.mayServeOnError(facts, now: present)
        {
            // RFC 5861 §4: what is stale is better than that.
            judgeEndpoint(f, status)
            return fetchBroke(f, .originStatus, &loop)
        }
        let pending = upstreams[u].input
        let verdict = caches[Int(state.cache)].storage.judge(
            CacheRequest(.get, fields, requestBytes(f)),
            status: status,
            responseFields,
            buffers.bytes(pending.block, from: Int(pending.start), count: pending.count),
            sent: state.sent,
            now: present
        )
        switch verdict {
        case .store(let facts):
            let digest = store.keyDigest(state.fill)
            let spread = caches[Int(state.cache)].storage.spread(facts, by: digest)
            keep(f, u, store, spread, present, &loop)
        case .refuse(let reason):
            countRefused(state.cache, GatewayMetrics.cacheRefused(reason, cache: 0))
            fetches[Int(clients[f].place)].end = .notStored(reason.rawValue)
            // What one client's request makes of the answer says nothing of others: only what the origin
            // says of all its answers is remembered.
            let isSaid = reason == .noStore || reason == .isPrivate || reason == .varies
            let isLasting = status < 400 && isSaid
            let span = caches[Int(state.cache)].passLifetime
            handOver(f, u, store, until: isLasting ? present + span : nil, &loop)
        }
    }

    /// The answer is larger than what is kept: nobody waits for it again for a while.
    mutating func refuseLarge(_ f: Int) {
        let state = fetches[Int(clients[f].place)]
        countRefused(state.cache, GatewayMetrics.cacheRefused(CacheRefusal.tooLarge, cache: 0))
        let span =
            caches.indices.contains(Int(state.cache))
            ? caches[Int(state.cache)].passLifetime : .zero
        fetches[Int(clients[f].place)].end = .refused(.tooLarge)
        stores[Int(state.store)]?.refuse(state.fill, until: wallTime + span)
        tellReaders(f)
    }

    private func isFailure(_ status: UInt16) -> Bool {
        status == 500 || status == 502 || status == 503 || status == 504
    }

    func countRefused(_ cache: Int32, _ word: Int) {
        guard cachePlaces.indices.contains(Int(cache)) else { return }
        let offset = word &- GatewayMetrics.cache(0)
        words.addOwned(GatewayMetrics.cache(Int(cachePlaces[Int(cache)])) &+ offset, 1)
    }

    /// The answer may be kept: opens it for its readers.
    private mutating func keep(
        _ f: Int,
        _ u: Int,
        _ store: CacheStore,
        _ facts: StoredFacts,
        _ present: WallTime,
        _ loop: inout EventLoop
    ) {
        let state = fetches[Int(clients[f].place)]
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        var isWhole = false
        scratch.write { output in
            isWhole = StoredHeadWriter.write(
                responseHead,
                responseFields,
                bytes,
                keepsCookies: caches[Int(state.cache)].keepsCookies,
                now: present,
                into: &output
            )
        }
        let framing = responseHead.framing
        var length: UInt64?
        switch framing {
        case .none: length = 0
        case .length(let count): length = count
        case .chunked, .untilClose: length = nil
        }
        let answer =
            isWhole
            ? store.open(
                state.fill,
                facts: facts,
                head: scratch.bytes,
                varyOf: responseFields,
                bytes,
                for: fields,
                requestBytes(f),
                length: length
            ) : OpenAnswer.tooLarge
        switch answer {
        case .kept: break
        case .tooLarge, .noRoom, .overtaken:
            let reason: CacheRefusal = answer == .tooLarge ? .tooLarge : .noRoom
            countRefused(state.cache, GatewayMetrics.cacheRefused(reason, cache: 0))
            fetches[Int(clients[f].place)].end = .refused(reason)
            let span = caches[Int(state.cache)].passLifetime
            let most = UInt64(caches[Int(state.cache)].objectLimit)
            let isLasting = answer == .tooLarge && length ?? 0 > most
            return handOver(f, u, store, until: isLasting ? present + span : nil, &loop)
        }
        judgeEndpoint(f, clients[f].exchange.status)
        countOutcome(.stored, f)
        fetches[Int(clients[f].place)].isKept = true
        clients[f].exchange.response = BodyTransfer(framing, toChunks: false)
        if upstreams[u].isStream { followStream(f, u, framing) }
        clients[f].exchange.response.rawStart = pending.start &+ Int32(responseHead.length)
        clients[f].exchange.response.rawEnd = pending.end
        clients[f].exchange.responseStarted = true
        clients[f].phase = .relaying
        tellReaders(f)
        guard advanceResponse(f, u) == nil else { return fetchBroke(f, .originMalformed, &loop) }
        pumpResponse(f, &loop)
    }

    /// Puts content into the store; false when it can take no more.
    mutating func storeContent(_ f: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        let transfer = clients[f].exchange.response
        guard transfer.hasFramed else { return true }
        let place = Int(clients[f].place)
        let state = fetches[place]
        let bytes = buffers.bytes(
            upstreams[u].input.block,
            from: Int(transfer.start),
            count: Int(transfer.end &- transfer.start)
        )
        guard !state.isOverfull,
            stores[Int(state.store)]?.append(state.fill, bytes) == true
        else {
            overrun(f, &loop)
            return false
        }
        fetches[place].stored &+= UInt64(bytes.count)
        clients[f].exchange.response.sent(bytes.count)
        tellReaders(f)
        return true
    }

    /// The answer is in the store whole.
    mutating func completeFetch(_ f: Int, _ u: Int, _ loop: inout EventLoop) {
        let state = fetches[Int(clients[f].place)]
        stores[Int(state.store)]?.close(state.fill)
        tellReaders(f)
        fetches[Int(clients[f].place)].isKept = false
        fetches[Int(clients[f].place)].isDone = true
        fetches[Int(clients[f].place)].end = .kept
        finishFetch(f, u, isWhole: true, &loop)
    }
}
