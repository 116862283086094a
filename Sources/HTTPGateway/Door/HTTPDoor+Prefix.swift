// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Waiting for the beginning of a body that a route's condition looks into.
///
/// Only requests wait for which it makes a difference; what has come stays in the client's block
/// behind the head, where sending the request finds it.
extension HTTPDoor {
    /// Reads the beginning of the body before the route is found.
    mutating func awaitPrefix(_ c: Int, _ loop: inout EventLoop) {
        count(.prefixes)
        if limits.refusesLongBody, case .length(let length) = requestHead.framing,
            length > UInt64(limits.bodyPrefix)
        {
            return refuse(c, .fault(.bodyTooLarge), &loop)
        }
        beginPrefix(c, &loop)
    }

    /// Begins to read content, whatever it is wanted for.
    mutating func beginPrefix(_ c: Int, _ loop: inout EventLoop) {
        clients[c].phase = .prefix
        // The client holds its body back until it is told to go on (RFC 9110 §10.1.1).
        if requestHead.expectsContinue, clients[c].isStream {
            continueStream(c)
        } else if requestHead.expectsContinue, pending(afterHeadOf: c) == 0 {
            let text: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
            scratch.write { _ = $0.write(text) }
            guard case .count(let sent) = send(c, scratch.bytes), sent == scratch.count else {
                return abandon(c, .clientGone, &loop)
            }
        }
        if clients[c].input.start > 0 { compactInput(c) }
        arm(c, listenerRecords[Int(clients[c].listener)].timeouts.header)
        readPrefix(c, &loop)
    }

    /// Reads until there is enough of the body, then finds the route.
    mutating func readPrefix(_ c: Int, _ loop: inout EventLoop) {
        while true {
            switch prefix(c) {
            case .refused(let refusal): return refuse(c, .refused(refusal), &loop)
            case .whole(let isCut):
                if clients[c].exchange.isQuery { return takeQuery(c, isCut: isCut, &loop) }
                return clients[c].exchange.isQuestion
                    ? takeContent(c, isCut: isCut, &loop) : routeByBody(c, isCut: isCut, &loop)
            case .needMore: break
            }
            if clients[c].isStream {
                guard takePrefix(c) else { return }
                continue
            }
            guard clients[c].canRead else { return register(c, &loop) }
            let end = Int(clients[c].input.end)
            switch receive(c, into: clients[c].input.block, at: end, upTo: HTTPDoor.inputEnd) {
            case .count(let received):
                clients[c].input.end &+= Int32(received)
                clients[c].exchange.bytesIn &+= UInt64(received)
                count(.bytesIn, UInt64(received))
            case .wouldBlock: clients[c].canRead = false
            case .endOfStream, .failed: return abandon(c, .clientGone, &loop)
            }
        }
    }

    /// Moves content of a stream behind its head; false when there is none yet.
    private mutating func takePrefix(_ c: Int) -> Bool {
        let stream = Int(clients[c].place)
        let end = Int(clients[c].input.end)
        let taken = streams[stream].queue.take(
            HTTPDoor.inputEnd &- end,
            into: clients[c].input.block,
            at: end,
            in: &buffers
        )
        guard taken > 0 else { return false }
        clients[c].input.end &+= Int32(taken)
        clients[c].exchange.bytesIn &+= UInt64(taken)
        count(.bytesIn, UInt64(taken))
        let s = Int(streams[stream].session)
        sessions[s].session.consume(streams[stream].number, taken)
        touchSession(s)
        return true
    }

    /// Puts the content of a request that has come whole into the tail.
    mutating func writeContent(_ c: Int) -> Bool { writeWholeContent(c) && tail.count > 0 }

    /// The same, where there may be nothing.
    mutating func writeWholeContent(_ c: Int) -> Bool {
        guard case .whole(false) = prefix(c) else { return false }
        return true
    }

    /// How many octets behind the head content that has come whole takes; nil where that is not known.
    func rawContentCount(_ c: Int) -> Int? {
        switch clients[c].exchange.head.framing {
        case .none, .untilClose: return 0
        case .length(let length): return Int(clamping: length)
        case .chunked: break
        }
        let pending = clients[c].input
        let start = Int(pending.start) &+ clients[c].exchange.head.length
        let bytes = buffers.bytes(pending.block, from: start, count: self.pending(afterHeadOf: c))
        var decoder = ChunkDecoder()
        var place = 0
        while true {
            switch decoder.next(bytes, at: &place) {
            case .data: continue
            case .needMore, .refused: return nil
            case .lastChunk:
                // Without trailers it is an empty line.
                let isEnd =
                    place &+ 1 < bytes.count && bytes[place] == 0x0d && bytes[place &+ 1] == 0x0a
                return isEnd ? place &+ 2 : nil
            }
        }
    }

    private enum PrefixStep { case needMore, whole(isCut: Bool), refused(Refusal) }

    /// Puts what there is of the content into the tail, and says whether that is enough.
    private mutating func prefix(_ c: Int) -> PrefixStep {
        let head = clients[c].exchange.head
        let raw = pending(afterHeadOf: c)
        let isQuestion = clients[c].exchange.isQuestion
        let limit =
            isQuestion
            ? HTTPDoor.questionLimit
            : clients[c].exchange.isQuery ? queryLimit(c) : Int(limits.bodyPrefix)
        let pending = clients[c].input
        let start = Int(pending.start) &+ head.length
        let bytes = buffers.bytes(pending.block, from: start, count: raw)
        let isFull = start &+ raw >= HTTPDoor.inputEnd
        guard head.framing != .chunked || clients[c].isStream else {
            return chunks(bytes, limit, isFull: isFull)
        }
        var count = raw
        var isEnd = false
        if case .length(let length) = head.framing {
            count = Int(min(UInt64(raw), length))
            isEnd = UInt64(raw) >= length
        } else {
            let stream = Int(clients[c].place)
            isEnd = streams[stream].isFinished && streams[stream].queue.isEmpty
        }
        // With as much as is looked at and no length, the end may come without another octet.
        let isBeyond = count > limit || count == limit && head.framing != .chunked
        guard isEnd || isBeyond || isFull else { return .needMore }
        let shown = min(count, limit)
        tail.write { _ = $0.write(bytes.extracting(0..<shown)) }
        return .whole(isCut: !isEnd || count > limit)
    }

    /// The content of a chunked body, decoded anew each time: it is short.
    private mutating func chunks(
        _ bytes: Span<UInt8>,
        _ limit: Int,
        isFull: Bool
    ) -> PrefixStep {
        var decoder = ChunkDecoder()
        var place = 0
        tail.write { _ in }
        while true {
            switch decoder.next(bytes, at: &place) {
            case .refused(let refusal): return .refused(refusal)
            case .lastChunk: return .whole(isCut: false)
            case .needMore: return isFull ? .whole(isCut: true) : .needMore
            case .data(let range):
                let shown = min(Int(range.count), limit &- tail.count)
                let part = bytes.slice(range).extracting(0..<shown)
                tail.append { _ = $0.write(part) }
                if shown < Int(range.count) { return .whole(isCut: true) }
            }
        }
    }

    /// There is enough of the body: finds the route by it, and goes on.
    private mutating func routeByBody(_ c: Int, isCut: Bool, _ loop: inout EventLoop) {
        timers.cancel(c)
        guard recallHead(c) else { return refuse(c, .fault(.internalError), &loop) }
        if isCut, limits.refusesLongBody { return refuse(c, .fault(.bodyTooLarge), &loop) }
        let route = matchRoute(c, knowsBody: true, isCut: isCut)
        guard route >= 0 else { return refuse(c, .fault(.noRoute), &loop) }
        enter(c, route: route, &loop)
    }
}
