// SPDX-License-Identifier: Apache-2.0
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// The content of stored objects on its way to clients, and the news that readers wait for.
extension HTTPDoor {
    /// Content octets up to which an object is copied behind its head: less than a second piece costs.
    private static let joinedContent = 4_096

    // MARK: Content

    /// Copies little content behind the head, so that both leave in one piece.
    mutating func joinContent(_ c: Int, _ u: Int) {
        guard case .length(let length) = responseHead.framing, length > 0,
            length <= UInt64(HTTPDoor.joinedContent)
        else { return }
        let block = upstreams[u].input.block
        let end = Int(upstreams[u].input.end)
        var left = Int(length)
        let last = end + left
        while left > 0,
            case .count(let count) = readStored(u, into: block, at: last - left, upTo: last),
            count > 0
        {
            left -= count
        }
        upstreams[u].input.end = Int32(last - left)
    }

    /// As receiving from an endpoint: copies what there is next of an object.
    @inline(never)
    mutating func readStored(
        _ u: Int,
        into block: Block,
        at start: Int,
        upTo end: Int
    ) -> IOResult {
        let place = Int(upstreams[u].place)
        let read = reads[place]
        guard let store = lentStores[Int(read.store)] else { return .endOfStream }
        if read.parts >= 0, let store = stores[Int(read.store)] {
            return readParts(place, store, into: block, at: start, upTo: end)
        }
        var count = 0
        let state = store.use { store in
            let piece = store.piece(read.ref, at: read.offset, watcher: worker)
            guard !piece.bytes.isEmpty else { return piece.state }
            let room = min(piece.bytes.count, max(end &- start, 0))
            let bytes = piece.bytes.extracting(0..<room)
            count = buffers.write(block, at: start) { _ = $0.write(bytes) }
            return .bytes
        }
        guard state == .bytes else { return idleResult(of: state, place) }
        reads[place].offset &+= UInt64(count)
        return .count(count)
    }

    /// Copies what there is next of several parts and the texts between them (RFC 9110 §14.6).
    private mutating func readParts(
        _ place: Int,
        _ store: CacheStore,
        into block: Block,
        at start: Int,
        upTo end: Int
    ) -> IOResult {
        let number = Int(reads[place].parts)
        let answer = parts[number].answer
        let part = answer.part(parts[number].index)
        guard parts[number].isTold else {
            scratch.write { _ = store.writeHead(reads[place].ref, into: &$0) }
            guard parts[number].index <= answer.count, parseHeld(scratch.bytes) else {
                return .endOfStream
            }
            let held = scratch.bytes
            let type = storedFields.first(.contentType)
            var isWhole = false
            let count = buffers.write(block, at: start) { output in
                guard let type else {
                    isWhole = answer.write(part: parts[number].index, type: nil, into: &output)
                    return
                }
                isWhole = answer.write(
                    part: parts[number].index,
                    type: held.slice(storedFields[type].value),
                    into: &output
                )
            }
            guard isWhole, start + count <= end else { return .failed(.connectionReset) }
            parts[number].isTold = true
            reads[place].offset = UInt64(clamping: part.first)
            return .count(count)
        }
        let left = part.last &- Int64(clamping: reads[place].offset) &+ 1
        let piece = store.piece(reads[place].ref, at: reads[place].offset, watcher: worker)
        guard left > 0, !piece.bytes.isEmpty else { return .failed(.connectionReset) }
        let room = min(piece.bytes.count, Int(clamping: left), max(end &- start, 0))
        let bytes = piece.bytes.extracting(0..<room)
        let count = buffers.write(block, at: start) { _ = $0.write(bytes) }
        reads[place].offset &+= UInt64(count)
        if Int64(count) == left {
            parts[number].index &+= 1
            parts[number].isTold = false
        }
        return .count(count)
    }

    /// What an empty piece of an object means for its reader.
    private mutating func idleResult(of state: PieceState, _ place: Int) -> IOResult {
        switch state {
        case .end: return .endOfStream
        case .wait:
            hearNews(place)
            return .wouldBlock
        case .bytes, .failed: return .failed(.connectionReset)
        }
    }

    /// True when the rest of the content goes out from the store's memory.
    @inline(__always) func isDirect(_ c: Int, _ u: Int) -> Bool {
        upstreams[u].kind == .stored && !clients[c].isStream && clients[c].exchange.coding < 0
            && clients[c].exchange.response.unread > 0 && reads[Int(upstreams[u].place)].parts < 0
    }

    /// Sends content out of the store; false when there is nothing more to do now.
    mutating func sendStored(_ c: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        let place = Int(upstreams[u].place)
        let read = reads[place]
        guard let store = stores[Int(read.store)] else {
            abandon(c, .internalError, &loop)
            return false
        }
        let piece = store.piece(read.ref, at: read.offset, watcher: worker)
        guard !piece.bytes.isEmpty else {
            switch idleResult(of: piece.state, place) {
            case .wouldBlock:
                upstreams[u].canRead = false
                arm(c, betweenBytes(c))
                register(c, &loop)
            default: originBroke(c, .originTruncated, &loop)
            }
            return false
        }
        switch send(c, portion(of: piece.bytes, for: c)) {
        case .count(let sent):
            sentStored(c, u, sent)
            return true
        case .wouldBlock:
            register(c, &loop)
            arm(c, listenerRecords[Int(clients[c].listener)].timeouts.send)
        case .endOfStream, .failed: abandon(c, .clientGone, &loop)
        }
        return false
    }

    /// As much of what lies there as is wanted, and as is sent at once.
    @_lifetime(copy bytes)
    private func portion(of bytes: Span<UInt8>, for c: Int) -> Span<UInt8> {
        let wanted = Int(clamping: clients[c].exchange.response.unread)
        // What a session takes in one call it holds in memory of a fixed size.
        let most = clients[c].isSecure ? BufferPool.blockSize : wanted
        return bytes.extracting(0..<min(bytes.count, wanted, most))
    }

    /// Sends the head, which is in the scratch, and the first content of the store in one call.
    mutating func sendFirstStored(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        let headCount = scratch.count
        let read = reads[Int(upstreams[u].place)]
        guard let store = stores[Int(read.store)] else { return abandon(c, .internalError, &loop) }
        let piece = store.piece(read.ref, at: read.offset, watcher: worker)
        // Where nothing is there yet the worker has been noted as one to tell.
        if piece.bytes.isEmpty, piece.state == .wait { hearNews(Int(upstreams[u].place)) }
        let content = portion(of: piece.bytes, for: c)
        let result =
            content.isEmpty ? send(c, scratch.bytes) : send(c, scratch.bytes, content)
        var sent = 0
        switch result {
        case .count(let count): sent = count
        case .wouldBlock: break
        case .endOfStream, .failed: return abandon(c, .clientGone, &loop)
        }
        count(.bytesOut, UInt64(headCount))
        clients[c].exchange.bytesOut &+= UInt64(headCount)
        if sent > headCount { sentStored(c, u, sent - headCount) }
        guard sent >= headCount || keepOutput(c, from: sent, &loop) else { return }
        pumpResponse(c, &loop)
    }

    /// Octets have gone out of the store.
    mutating func sentStored(_ c: Int, _ u: Int, _ sent: Int) {
        reads[Int(upstreams[u].place)].offset &+= UInt64(sent)
        clients[c].exchange.response.bypassed(sent)
        clients[c].exchange.bytesOut &+= UInt64(sent)
        count(.bytesOut, UInt64(sent))
    }

    // MARK: News

    /// Puts a reader among those that hear of their object.
    mutating func hearNews(_ place: Int) {
        guard !reads[place].isWaiting else { return }
        let bucket = HTTPDoor.bucket(reads[place].ref.number)
        reads[place].isWaiting = true
        reads[place].next = readers[bucket]
        readers[bucket] = Int32(place)
    }

    private static func bucket(_ number: UInt64) -> Int { Int(Hash.mix(number) & 1023) }

    mutating func unlinkReader(_ place: Int) {
        let bucket = HTTPDoor.bucket(reads[place].ref.number)
        reads[place].isWaiting = false
        var before = -1
        var at = Int(readers[bucket])
        while at >= 0, at != place {
            before = at
            at = Int(reads[at].next)
        }
        guard at == place else { return }
        if before < 0 {
            readers[bucket] = reads[place].next
        } else {
            reads[before].next = reads[place].next
        }
        reads[place].next = -1
    }

    /// Tells this worker's readers of an object that there is news: their turn comes in the next batch.
    mutating func wakeReaders(_ number: UInt64, _ store: Int32) {
        let bucket = HTTPDoor.bucket(number)
        var at = Int(readers[bucket])
        readers[bucket] = -1
        while at >= 0 {
            let next = Int(reads[at].next)
            reads[at].next = -1
            reads[at].isWaiting = false
            if reads[at].ref.number == number, reads[at].store == store {
                wakeReader(at)
            } else {
                hearNews(at)
            }
            at = next
        }
    }

    private mutating func wakeReader(_ place: Int) {
        let handle = reads[place].client
        guard clients.contains(handle) else { return }
        let c = Int(handle.index)
        let upstream = clients[c].exchange.upstream
        if upstreams.contains(upstream) { upstreams[Int(upstream.index)].canRead = true }
        queueReady(c)
    }

    /// News from other workers.
    mutating func takeNews(_ loop: inout EventLoop) {
        for news in shared.news[worker].drain() {
            switch news {
            case .object(let store, let number):
                let place = stores.firstIndex { $0.map(ObjectIdentifier.init) == store }
                if let place { wakeReaders(number, Int32(place)) }
            case .warm(let request): warm(request, &loop)
            }
        }
    }
}
