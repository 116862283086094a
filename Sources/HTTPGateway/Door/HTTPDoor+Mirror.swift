// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Requests that are mirrored: which are, and what is kept of them for the copy.
///
/// The exchange knows nothing of its copy but a place among the mirrors: content is copied as it
/// goes by, and once an endpoint has the whole request the copy goes its own way, as a client of
/// its own without a socket. Whatever is missing for that, the copy is left out.
extension HTTPDoor {
    /// Decides whether the request is mirrored; its fields are in the table.
    @inline(never)
    mutating func beginMirror(_ c: Int, _ number: Int32) {
        let rule = actions.mirrors[Int(number)]
        let route = Int(clients[c].exchange.route)
        let pool = Int(rule.pool)
        guard pools.indices.contains(pool), routePlaces.indices.contains(route), !isShuttingDown,
            !requestHead.wantsUpgrade, !clients[c].exchange.isGRPC,
            rule.takes(requestHead.method, draw: random.next()), !isCopy(c)
        else { return }
        let place = Int(routePlaces[route])
        if case .length(let length) = requestHead.framing, length > UInt64(rule.bodyLimit) {
            return countSkip(.bodyTooLarge, place)
        }
        guard !isTooBusyForCopies else { return countSkip(.overloaded, place) }
        let state = MirrorState(rule, route: Int32(place), poolSlot: pools[pool].slot)
        guard let handle = mirrors.insert(state) else { return countSkip(.busy, place) }
        clients[c].exchange.mirror = Int32(handle.index)
    }

    /// True when the request is a copy itself, says somebody who is believed: mirrors that face each
    /// other would never end.
    private func isCopy(_ c: Int) -> Bool {
        fields.first(.martletMirror) != nil && isTrusted(c)
    }

    /// True when this worker is behind with its work: copies are the first to go, long before any
    /// request is refused.
    var isTooBusyForCopies: Bool {
        let limit = limits.shedLag
        return hasPutOff
            || limit > .zero && lag.lag >= Interval(nanoseconds: limit.nanoseconds / 4)
    }

    // MARK: What is kept

    /// Keeps the content that has just been framed for the endpoint.
    @inline(never)
    mutating func tapRequest(_ c: Int, after before: UInt64) {
        let place = Int(clients[c].exchange.mirror)
        guard !mirrors[place].isStarted else { return }
        let range = clients[c].exchange.request.content(after: before)
        let kept = Int(mirrors[place].bodyCount)
        guard kept &+ range.count <= Int(mirrors[place].rule.bodyLimit) else {
            return skipMirror(c, .bodyTooLarge)
        }
        let block = clients[c].exchange.requestBlock
        var start = range.lowerBound
        while start < range.upperBound {
            guard let end = roomForCopy(place) else { return skipMirror(c, .memory) }
            let count = min(range.upperBound &- start, BufferPool.blockSize &- end.offset)
            buffers.copy(from: block, at: start, to: end.block, at: end.offset, count: count)
            mirrors[place].grew(count)
            start &+= count
        }
    }

    /// Where the next byte of a body is kept; nil without memory for it.
    private mutating func roomForCopy(_ place: Int) -> (block: Block, offset: Int)? {
        guard let end = mirrors[place].bodyEnd else { return nil }
        guard end.block.isNone else { return (end.block, end.offset) }
        let block = takeCopyBlock()
        guard !block.isNone else { return nil }
        mirrors[place].add(block, at: end.number)
        return (block, 0)
    }

    private mutating func takeCopyBlock() -> Block {
        let most = UInt64(limits.mirrorMemory / BufferPool.blockSize)
        let block = copies.add(1, 1) <= most ? buffers.take() : Block.none
        if block.isNone { copies.add(1, .max) }
        return block
    }

    /// The request goes to another endpoint, and so does its content, from the beginning.
    @inline(never)
    mutating func forgetTapped(_ c: Int) {
        let place = Int(clients[c].exchange.mirror)
        guard !mirrors[place].isStarted else { return }
        giveBodyBack(place)
    }

    private mutating func giveBodyBack(_ place: Int) {
        let count = mirrors[place].giveBody(to: &buffers)
        copies.add(1, 0 &- UInt64(count))
    }

    /// Gives all the memory of a mirror back, and its place among the copies.
    private mutating func releaseMirror(_ place: Int) {
        giveBodyBack(place)
        if !mirrors[place].head.isNone {
            buffers.give(mirrors[place].head)
            mirrors[place].head = .none
            copies.add(1, .max)
        }
        if mirrors[place].holdsPlace { copies.add(0, .max) }
        mirrors[place].holdsPlace = false
    }

    /// Takes one of the places that all copies of the process have; false when there is none.
    private mutating func takeCopyPlace(_ place: Int) -> Bool {
        mirrors[place].holdsPlace = copies.add(0, 1) <= UInt64(limits.mirroredRequests)
        if !mirrors[place].holdsPlace { copies.add(0, .max) }
        return mirrors[place].holdsPlace
    }

    // MARK: Handing over

    /// An endpoint has the whole request: makes a copy of it, which is sent in its own time.
    @inline(never)
    mutating func copyRequest(_ c: Int, _ u: Int) {
        let place = Int(clients[c].exchange.mirror)
        guard !mirrors[place].isStarted else { return }
        guard !isShuttingDown else { return skipMirror(c, .shutdown) }
        // A reload took the route that says what of the request others must not see.
        guard !clients[c].exchange.hasLostRoute else { return skipMirror(c, .unsent) }
        let pool = Int(mirrors[place].pool)
        guard pools.indices.contains(pool) else { return skipMirror(c, .noEndpoint) }
        guard takeCopyPlace(place) else { return skipMirror(c, .busy) }
        guard recallHead(c) else { return skipMirror(c, .headTooLarge) }
        let key = mirrorKey(c, pool)
        guard writeCopy(c, u, place) else { return skipMirror(c, .headTooLarge) }
        mirrors[place].head = takeCopyBlock()
        guard !mirrors[place].head.isNone else { return skipMirror(c, .memory) }
        let head = scratch.bytes
        let count = buffers.write(mirrors[place].head, at: 0) { _ = $0.write(head) }
        mirrors[place].headCount = Int32(count)
        guard insertCopy(of: c, place, pool, key: key) else { return skipMirror(c, .busy) }
        mirrors[place].isStarted = true
        guard mirrors[place].rule.compare == .off else { return }
        mirrors[place].isLinked = false
        clients[c].exchange.mirror = -1
    }

    private func mirrorKey(_ c: Int, _ pool: Int) -> UInt64 {
        guard pools[pool].needsKey else { return 0 }
        return pools[pool].key.key(
            head: requestHead,
            fields: fields,
            bytes: requestBytes(c),
            client: client(of: c)
        )
    }

    /// Writes the copy's head into the scratch: that of the request, but of a length that is known,
    /// and with the mark of a copy.
    private mutating func writeCopy(_ c: Int, _ u: Int, _ place: Int) -> Bool {
        if clients[c].exchange.isEarly { hideEarlyField(c) }
        var changes = renderRequest(c)
        if clients[c].kind == .fetch || clients[c].exchange.cache >= 0 {
            changes = renderLoop(after: changes)
        }
        var head = requestHead
        head.teTrailers = false
        if !head.framing.isEmpty { head.framing = .length(UInt64(mirrors[place].bodyCount)) }
        var policy = forwardPolicy(c, u)
        policy.isCopy = true
        // All of the content is at hand: nobody has to agree to it first.
        policy.dropped.insert(.expect)
        let pending = clients[c].input
        mirrors[place].isNameless = head.authority.isEmpty && changes.host.isEmpty
        let isWhole = RequestHeadWriter.write(
            into: &scratch,
            head: head,
            fields: fields,
            bytes: buffers.bytes(pending.block, from: Int(pending.start), count: pending.count),
            policy: policy,
            changes: RouteChanges(changes, tail.bytes)
        )
        return isWhole && changes.isWhole
    }

    /// Names the copy's endpoint in `Host` where the client, by HTTP/1.0, named nobody; false when
    /// that does not fit.
    mutating func nameEndpoint(_ place: Int, _ address: SocketAddress) -> Bool {
        guard mirrors[place].isNameless else { return true }
        let block = mirrors[place].head
        let head = buffers.bytes(block, from: 0, count: Int(mirrors[place].headCount))
        guard RequestHeadWriter.rename(head, address, into: &scratch) else { return false }
        let new = scratch.bytes
        let count = buffers.write(block, at: 0) { _ = $0.write(new) }
        mirrors[place].headCount = Int32(count)
        return count == new.count
    }

    /// Puts the copy among the clients, where its turn comes after the others of this batch.
    private mutating func insertCopy(of c: Int, _ place: Int, _ pool: Int, key: UInt64) -> Bool {
        let ip = client(of: c)
        let peer = clients[c].peer
        var copy = Client(
            fd: .none,
            peer: ip == peer.ip ? peer : SocketAddress(ip, port: 0),
            listener: clients[c].listener,
            limits: limits.head
        )
        copy.kind = .mirror
        copy.phase = .copying
        copy.isRegistered = true  // there is no socket to wait for
        copy.place = Int32(place)
        copy.exchange.head = clients[c].exchange.head
        // Where ALPN would choose, HTTP/1.1 is asked for as an upgrade does.
        copy.exchange.head.wantsUpgrade = true
        copy.exchange.pool = Int32(pool)
        copy.exchange.poolSlot = pools[pool].slot
        copy.exchange.key = key
        copy.exchange.began = now
        copy.exchange.headDone = now
        copy.exchange.keepsClient = false
        copy.exchange.deadline = now + mirrors[place].rule.timeout
        guard let handle = clients.insert(copy) else { return false }
        let m = Int(handle.index)
        timers.schedule(m, at: copy.exchange.deadline)
        queueReady(m)
        return true
    }

    // MARK: Leaving

    /// No copy is sent of the exchange's request.
    private mutating func skipMirror(_ c: Int, _ reason: MirrorSkip) {
        let place = Int(clients[c].exchange.mirror)
        clients[c].exchange.mirror = -1
        countSkip(reason, Int(mirrors[place].route))
        releaseMirror(place)
        mirrors.remove(mirrors.handle(at: place))
    }

    /// The exchange is over: what the client got is known.
    @inline(never)
    mutating func leaveMirror(_ c: Int) {
        let place = Int(clients[c].exchange.mirror)
        guard mirrors[place].isStarted else { return skipMirror(c, .unsent) }
        clients[c].exchange.mirror = -1
        let isAnswered =
            clients[c].exchange.reason == .completed && clients[c].exchange.firstByte != .start
        mirrors[place].original.status = isAnswered ? clients[c].exchange.status : 0
        mirrors[place].isLinked = false
        if mirrors[place].isOver { settleMirror(place) }
    }

    /// The copy is over: its memory is free, and what came of it is known.
    mutating func leaveCopy(_ place: Int) {
        releaseMirror(place)
        mirrors[place].isOver = true
        if !mirrors[place].isLinked { settleMirror(place) }
    }

    /// Both are over.
    private mutating func settleMirror(_ place: Int) {
        let state = mirrors[place]
        mirrors.remove(mirrors.handle(at: place))
        guard state.rule.compare != .off, state.wasSent else { return }
        words.addOwned(GatewayMetrics.compared(state.verdict, route: Int(state.route)), 1)
    }

    func countSkip(_ reason: MirrorSkip, _ route: Int) {
        words.addOwned(GatewayMetrics.skipped(reason, route: route), 1)
    }

    /// Mirrors go on with the pool of the same name, if there still is one.
    mutating func renumberMirrors(_ pools: [PoolRecord]) {
        for place in 0..<mirrors.highWater where !mirrors.handle(at: place).isNone {
            let slot = mirrors[place].poolSlot
            mirrors[place].pool = Int32(pools.firstIndex { $0.slot == slot } ?? -1)
        }
    }

    // MARK: Comparing

    /// True when the content that the client gets is compared, and so must be seen.
    func comparesContent(_ c: Int) -> Bool {
        let place = Int(clients[c].exchange.mirror)
        return place >= 0 && mirrors[place].rule.compare == .body
    }

    /// Takes note of the content that has just been framed for the client.
    @inline(never)
    mutating func noteContent(
        _ c: Int,
        _ transfer: BodyTransfer,
        after before: UInt64,
        _ block: Block
    ) {
        guard comparesContent(c) else { return }
        let place = Int(clients[c].exchange.mirror)
        // What an attempt before had to say is forgotten.
        if before == 0 { mirrors[place].original.content = BodyDigest() }
        let range = transfer.content(after: before)
        let bytes = buffers.bytes(block, from: range.lowerBound, count: range.count)
        mirrors[place].original.content.add(bytes)
    }
}
