// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Heads from the origin for what is stored already: 304, and answers to HEAD.
extension HTTPDoor {
    // MARK: 304

    /// RFC 9111 §4.3.3, §4.3.4: what is stored still holds.
    mutating func renew(
        _ f: Int,
        _ u: Int,
        _ store: CacheStore,
        _ present: WallTime,
        _ loop: inout EventLoop
    ) {
        let state = fetches[Int(clients[f].place)]
        let pending = upstreams[u].input
        let newer = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        scratch.write { _ = store.writeHead(state.base, into: &$0) }
        guard parseHeld(scratch.bytes) else { return fetchBroke(f, .internalError, &loop) }
        let held = scratch.bytes
        let chosen = HeadUpdate.selects(
            storedFields,
            held,
            by: responseFields,
            newer,
            isOnly: true,
            now: present
        )
        guard chosen != .none else { return askAgain(f, u, &loop) }
        let cache = Int(state.cache)
        guard writeUpdate(cache, held, newer, present) else {
            return fetchBroke(f, .internalError, &loop)
        }
        guard let facts = updatedFacts(f, cache, newer, sent: state.sent, present) else {
            // It may be kept no longer: only a whole answer can be passed on.
            return askAgain(f, u, &loop)
        }
        let spread = caches[cache].storage.spread(facts, by: store.keyDigest(state.base))
        let isDone = store.renew(state.fill, base: state.base, facts: spread, head: tail.bytes)
        if !isDone { store.refuse(state.fill, until: nil) }
        fetches[Int(clients[f].place)].isDone = isDone
        if let c = leader(of: state) {
            clients[c].exchange.cached.isRenewed = true
            clients[c].exchange.cacheResult = .revalidated
        }
        fetches[Int(clients[f].place)].end = .kept
        countOutcome(.renewed, f)
        tellReaders(f)
        endAnswer(f, u)
        finishFetch(f, u, isWhole: true, &loop)
    }

    /// The answer has no content.
    private mutating func endAnswer(_ f: Int, _ u: Int) {
        let pending = upstreams[u].input
        clients[f].exchange.response = BodyTransfer(.none, toChunks: false)
        clients[f].exchange.response.rawStart = pending.start &+ Int32(responseHead.length)
        clients[f].exchange.response.rawEnd = pending.end
    }

    /// A 304 is of no use: asks once more, without a condition (RFC 9111 §4.3.3).
    private mutating func askAgain(_ f: Int, _ u: Int, _ loop: inout EventLoop) {
        let place = Int(clients[f].place)
        guard !fetches[place].isRepeated else { return fetchBroke(f, .originMalformed, &loop) }
        fetches[place].isRepeated = true
        fetches[place].validators = 0
        endAnswer(f, u)
        settleFetch(f, u, isWhole: true, &loop)
        clients[f].exchange.isRecorded = false
        clients[f].exchange.status = 0
        // It is no retry: the endpoint has answered.
        clients[f].exchange.tried = 0
        clients[f].exchange.triedSet = Exchange().triedSet
        clients[f].exchange.requestSent = false
        clients[f].exchange.requestAborted = false
        clients[f].exchange.connected = .start
        clients[f].exchange.sent = .start
        startAttempt(f, &loop)
    }

    // MARK: Both

    /// Writes the stored head, which has been read, with the newer fields into the tail, and reads that.
    private mutating func writeUpdate(
        _ cache: Int,
        _ held: Span<UInt8>,
        _ newer: Span<UInt8>,
        _ present: WallTime
    ) -> Bool {
        var isWhole = false
        tail.write { output in
            isWhole = HeadUpdate.write(
                storedHead,
                storedFields,
                held,
                with: responseFields,
                newer,
                keepsCookies: caches[cache].keepsCookies,
                now: present,
                into: &output
            )
        }
        // With what is written behind it, it is read again at each answer.
        let room = BufferPool.blockSize / 2
        return isWhole && tail.count < room && parseHeld(tail.bytes)
            && storedFields.count <= Int(limits.head.fields) + 1
    }

    /// What is known of an object under the head that was written; nil when it may be kept no longer.
    private func updatedFacts(
        _ c: Int,
        _ cache: Int,
        _ newer: Span<UInt8>,
        sent: WallTime,
        _ present: WallTime
    ) -> StoredFacts? {
        let storage = caches[cache].storage
        let verdict = storage.judge(
            CacheRequest(.get, fields, requestBytes(c)),
            status: storedHead.status,
            storedFields,
            tail.bytes,
            sent: sent,
            now: present
        )
        guard case .store(var facts) = verdict else { return nil }
        // `Age` is not among what is kept, and the newer head's counts.
        facts.initialAge = storage.initialAge(responseFields, newer, sent: sent, now: present)
        return facts
    }

    // MARK: HEAD

    /// An endpoint has answered HEAD: what is stored has these fields, or is stale (RFC 9111 §4.3.5).
    @inline(never)
    mutating func noteHead(_ c: Int, _ u: Int) {
        let cache = Int(clients[c].exchange.cache)
        // What was no question for the store tells nothing of what others get.
        guard clients[c].exchange.cached.forward != .bypass, caches.indices.contains(cache),
            recallHead(c), fields.first(.authorization) == nil,
            let store = stores[Int(cacheStores[cache])], writeKey(c, cache)
        else { return }
        let present = wallTime
        let request = CacheRequest(.get, fields, requestBytes(c))
        let ref = store.candidate(
            tail.bytes,
            request,
            fields,
            requestBytes(c),
            by: caches[cache].rules,
            now: present
        )
        guard !ref.isNone else { return }
        // Without any of these it tells nothing of what is stored.
        let isTelling =
            responseFields.first(.etag) != nil || responseFields.first(.lastModified) != nil
            || responseFields.first(.contentLength) != nil
        let isUpdated = !isTelling || update(ref, c, u, cache, store, present)
        if !isUpdated { store.spoil(ref) }
        store.release(ref)
    }

    private mutating func update(
        _ ref: StoredRef,
        _ c: Int,
        _ u: Int,
        _ cache: Int,
        _ store: CacheStore,
        _ present: WallTime
    ) -> Bool {
        let pending = upstreams[u].input
        let newer = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        scratch.write { _ = store.writeHead(ref, into: &$0) }
        guard parseHeld(scratch.bytes), let length = store.length(ref) else { return false }
        let held = scratch.bytes
        let isSame = HeadUpdate.headMatches(
            storedFields,
            held,
            length: Int64(clamping: length),
            by: responseFields,
            newer,
            now: present
        )
        let sent = present + (clients[c].exchange.sent - now)
        guard isSame, writeUpdate(cache, held, newer, present),
            let facts = updatedFacts(c, cache, newer, sent: sent, present)
        else { return false }
        let spread = caches[cache].storage.spread(facts, by: store.keyDigest(ref))
        return store.freshen(ref, facts: spread, head: tail.bytes)
    }
}
