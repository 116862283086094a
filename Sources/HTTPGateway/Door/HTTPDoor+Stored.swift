// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Answers out of a store.
///
/// What is stored stands among the connections to endpoints, as one that has its whole answer ready. Its
/// head is written down and parsed as any other. Content that goes out as it is does so from the store's
/// memory; what is compressed, or goes by HTTP/2, is copied as if it had been received.
extension HTTPDoor {
    /// As large as any head that was accepted, with what is written behind it.
    static var storedLimits: HeadLimits {
        HeadLimits(headBytes: UInt32(BufferPool.blockSize), fields: 1_028)
    }

    /// Answers with an object that is held, which belongs to the exchange from here on.
    mutating func serve(
        _ c: Int,
        _ ref: StoredRef,
        _ result: CacheResult,
        _ loop: inout EventLoop
    ) {
        let cache = Int(clients[c].exchange.cache)
        // Who has waited for it got it by waiting.
        if clients[c].exchange.cacheResult == nil {
            clients[c].exchange.cacheResult = result
        }
        let read = StoredRead(
            ref: ref,
            base: .none,
            store: cacheStores[cache],
            client: clients.handle(at: c)
        )
        guard let handle = reads.insert(read) else {
            release(ref, read.store)
            return answer(c, .outOfBuffers, &loop)
        }
        clients[c].exchange.read = Int32(handle.index)
        boundRequest(c, routeRecord(c))
        serveHeld(c, &loop)
    }

    /// Answers with the object that the exchange holds.
    mutating func serveHeld(_ c: Int, _ loop: inout EventLoop) {
        guard recallHead(c), let u = insertStored(c) else {
            return answer(c, .outOfBuffers, &loop)
        }
        clients[c].exchange.requestSent = true
        clients[c].phase = .waiting
        guard writeStored(c, u), chooseAnswer(c, u) else {
            return answer(c, .internalError, &loop)
        }
        joinContent(c, u)
        beginResponse(c, u, &loop)
    }

    private mutating func insertStored(_ c: Int) -> Int? {
        var upstream = Upstream(client: clients.handle(at: c), limits: HTTPDoor.storedLimits)
        upstream.kind = .stored
        upstream.state = .active
        upstream.canRead = true
        upstream.place = clients[c].exchange.read
        upstream.input = Pending(block: buffers.take())
        guard !upstream.input.block.isNone else {
            count(.buffersExhausted)
            return nil
        }
        guard let handle = upstreams.insert(upstream) else {
            buffers.give(upstream.input.block)
            return nil
        }
        clients[c].exchange.upstream = handle
        return Int(handle.index)
    }

    /// Writes the stored head down with what is known only now, and parses it.
    private mutating func writeStored(_ c: Int, _ u: Int) -> Bool {
        let read = reads[Int(clients[c].exchange.read)]
        guard let store = lentStores[Int(read.store)] else { return false }
        let present = wallTime
        // Fetched just now it is as old as its origin says, and passed on.
        let isFetched = clients[c].exchange.cached.forward != nil
        var (view, age, isWhole) = (StoredView?.none, Int64(0), false)
        let size = buffers.write(upstreams[u].input.block, at: 0) { output in
            view = store.use { $0.view(read.ref, into: &output) }
            // Behind the fields, before the empty line.
            guard let view, output.count > 2 else { return }
            output.removeLast(2)
            age = max(view.facts.age(present).nanoseconds / 1_000_000_000, 0)
            isWhole = isFetched && age == 0 || output.writeField("Age", decimal: UInt64(age))
            // RFC 9110 §8.6: none with these.
            if let length = view.length, view.facts.status != 204 {
                isWhole = isWhole && output.writeField("Content-Length", decimal: length)
            }
            isWhole = isWhole && output.writeLineEnd()
        }
        upstreams[u].input.end = Int32(size)
        guard let view, isWhole else { return false }
        noteLifetime(c, view.facts, age: age)
        return parseStored(c, u)
    }

    /// What `Cache-Status` says of the time that is left.
    private mutating func noteLifetime(_ c: Int, _ facts: StoredFacts, age: Int64) {
        let left = facts.lifetime.nanoseconds / 1_000_000_000 &- age
        let read = Int(clients[c].exchange.read)
        reads[read].timeToLive = left
        reads[read].isUpdating = Interval.seconds(0 &- left) < facts.staleWhileRevalidate
        switch clients[c].exchange.cacheResult {
        case .miss, .wait: clients[c].exchange.cached.isStored = true
        default: break
        }
    }

    private mutating func parseStored(_ c: Int, _ u: Int) -> Bool {
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        upstreams[u].parser = ResponseParser(limits: HTTPDoor.storedLimits)
        let result = upstreams[u].parser.parse(
            bytes,
            requestMethod: clients[c].exchange.head.method,
            fields: &responseFields,
            head: &responseHead
        )
        guard case .complete = result else { return false }
        return true
    }

    // MARK: Conditions and ranges

    /// What of the object the request wants: all of it, nothing because it has that already, or parts.
    private mutating func chooseAnswer(_ c: Int, _ u: Int) -> Bool {
        let isAsking =
            fields.first(.ifNoneMatch) != nil || fields.first(.ifModifiedSince) != nil
            || fields.first(.range) != nil
        guard isAsking, responseHead.status == 200 else { return true }
        let present = wallTime
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let stored = StoredValidators(responseFields, bytes, received: present)
        let input = clients[c].input
        let request = buffers.bytes(input.block, from: Int(input.start), count: input.count)
        if Preconditions.isUnchanged(fields, request, stored, now: present) {
            return answerUnchanged(c, u)
        }
        guard fields.first(.range) != nil, case .length(let length) = responseHead.framing else {
            return true
        }
        var isAllowed = true
        if let condition = fields.first(.ifRange) {
            let value = request.slice(fields[condition].value)
            isAllowed = Preconditions.allowsRange(value, stored, now: present)
        }
        let type = responseFields.first(.contentType).map { Int(responseFields[$0].value.count) }
        let boundary = names.next()
        let wanted = RangeAnswer(
            clients[c].exchange.head.method,
            fields,
            request,
            status: responseHead.status,
            isAllowed: isAllowed,
            length: Int64(clamping: length),
            type: type,
            boundary: boundary
        )
        return wanted.form == .whole || choose(wanted, c, u)
    }

    /// RFC 9110 §15.4.5: nothing that describes content which is not sent.
    private mutating func answerUnchanged(_ c: Int, _ u: Int) -> Bool {
        rewrite(u, 304, dropping: [.contentLength, .contentType, .contentEncoding], nil)
            && parseStored(c, u)
    }

    private mutating func choose(_ wanted: RangeAnswer, _ c: Int, _ u: Int) -> Bool {
        var dropped: FieldSet = [.contentLength]
        if wanted.form != .one { dropped.insert(.contentType) }
        if wanted.form == .unsatisfiable { dropped.insert(.contentEncoding) }
        let read = Int(clients[c].exchange.read)
        if wanted.form == .one {
            reads[read].offset = UInt64(clamping: wanted.part(0).first)
        } else if wanted.form == .several {
            guard let place = parts.insert(StoredParts(answer: wanted)) else { return false }
            reads[read].parts = Int32(place.index)
        }
        return rewrite(u, wanted.status, dropping: dropped, wanted) && parseStored(c, u)
    }

    /// Writes the head with another status than the stored one.
    private mutating func rewrite(
        _ u: Int,
        _ status: UInt16,
        dropping dropped: FieldSet,
        _ wanted: RangeAnswer?
    ) -> Bool {
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        var isWhole = false
        scratch.write { output in
            isWhole =
                output.writeStatusLine(status)
                && output.copyFields(responseFields, from: bytes, dropping: dropped)
            if let wanted {
                isWhole =
                    isWhole && wanted.writeFields(into: &output)
                    && output.writeField(
                        "Content-Length",
                        decimal: UInt64(clamping: wanted.totalLength)
                    )
            }
            isWhole = isWhole && output.writeLineEnd()
        }
        guard isWhole else { return false }
        let text = scratch.bytes
        let size = buffers.write(pending.block, at: 0) { _ = $0.write(text) }
        upstreams[u].input = Pending(block: pending.block, start: 0, end: Int32(size))
        return true
    }
}
