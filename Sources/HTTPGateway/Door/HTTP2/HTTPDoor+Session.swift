// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Connections by HTTP/2: their beginning, their bytes, their deadlines and their end.
///
/// A connection is an entry among the clients, and so is each of its streams. A stream's exchange
/// takes the same way as one by HTTP/1.1; only where bytes of its client are read or written do
/// the ways part (`HTTPDoor+Stream`, `HTTPDoor+StreamAnswer`). What streams have to say is gathered
/// by the session and written by its connection once in a batch of events.
extension HTTPDoor {
    /// Octets of the client's preface (RFC 9113 §3.4).
    static let prefaceSize = 24
    /// The least time between the two GOAWAYs, which should be longer than a round trip.
    static let announcement = Interval.seconds(1)

    /// Makes a session of a connection whose first line is the preface; false when it is none.
    mutating func beginSession(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let plan = listenerRecords[Int(clients[c].listener)].http2
        guard plan.isEnabled, clients[c].requestCount == 0, clients[c].kind == .connection
        else { return false }
        // RFC 9113 §3.2: inside of TLS it is ALPN that chooses, and nothing else.
        if clients[c].isSecure, tls.facts(clients[c].tls).chosen != .http2 { return false }
        var settings = HTTP2SessionSettings()
        settings.fieldListBytes = limits.head.headBytes
        settings.streams = UInt32(clamping: plan.streams)
        settings.streamWindow = Int32(clamping: min(plan.streamWindow, BodyQueue.limit))
        settings.connectionWindow = Int32(clamping: plan.connectionWindow)
        guard let session = HTTP2Session(isServer: true, settings: settings, workspace: workspace)
        else { return false }
        let state = SessionState(
            client: clients.handle(at: c),
            session: session,
            reader: HTTP2FrameReader(blockLimit: Int(limits.head.headBytes)),
            meter: HTTP2Meter(HTTP2Budgets(percent: plan.tolerance), now: now),
            streamLimit: settings.streams,
            idleSince: now
        )
        guard let place = sessions.insert(state) else {
            session.destroy()
            return false
        }
        finishUnfinished(c)
        clients[c].kind = .session
        clients[c].place = Int32(place.index)
        clients[c].phase = .session
        count(.http2Connections)
        register(c, &loop)
        if isShuttingDown { announceEnd(c) }
        runSession(c, &loop)
        return true
    }

    /// Carries a connection on: reads, then writes what there is to say.
    mutating func runSession(_ c: Int, _ loop: inout EventLoop) {
        guard readSession(c, &loop), writeSession(c, &loop) else { return }
        releaseHeld(Int(clients[c].place))
        parkSession(c)
    }

    /// Lets the connection write what its session has gathered, once in this batch.
    mutating func touchSession(_ s: Int) {
        let client = sessions[s].client
        if clients.contains(client) { queueReady(Int(client.index)) }
    }

    // MARK: Reading

    /// Reads until the socket is empty, or its turn is over; false when the connection has ended.
    private mutating func readSession(_ c: Int, _ loop: inout EventLoop) -> Bool {
        guard feedSession(c, &loop) else { return false }
        for _ in 0..<16 {
            guard clients[c].canRead else { return true }
            if clients[c].input.block.isNone {
                clients[c].input = Pending(block: buffers.take())
                guard !clients[c].input.block.isNone else {
                    count(.buffersExhausted)
                    close(c, &loop)
                    return false
                }
            } else if clients[c].input.start > 0 {
                compactInput(c)
            }
            let end = Int(clients[c].input.end)
            switch receive(c, into: clients[c].input.block, at: end) {
            case .count(let count):
                clients[c].input.end &+= Int32(count)
                guard count > 0 else {
                    // A full block without a whole piece: the reader allows no such piece.
                    close(c, &loop)
                    return false
                }
            case .wouldBlock: clients[c].canRead = false
            case .endOfStream, .failed:
                close(c, &loop)
                return false
            }
            guard feedSession(c, &loop) else { return false }
        }
        queueReady(c)
        return true
    }

    /// Hands what has come to the session, piece by piece; false when the connection has ended.
    private mutating func feedSession(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let s = Int(clients[c].place)
        while !clients[c].input.isEmpty {
            let pending = clients[c].input
            let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
            let size: Int
            if !sessions[s].hasPreface {
                guard bytes.count >= HTTPDoor.prefaceSize else { return true }
                size = HTTPDoor.prefaceSize
                sessions[s].hasPreface = true
            } else {
                var abuse: HTTP2Abuse?
                switch sessions[s].reader.next(bytes) {
                case .needMore: return true
                case .refused(let reason):
                    cutSession(c, reason, &loop)
                    return false
                case .moreData(let count): size = count
                case .frame(let header, let count), .fieldBlock(let header, _, let count):
                    size = count
                    abuse = sessions[s].meter.receive(header, now: now) ?? noteStream(header, s)
                }
                if let abuse {
                    cutSession(c, abuse, &loop)
                    return false
                }
            }
            sessions[s].partialSince = .never
            let piece = bytes.extracting(first: size)
            guard sessions[s].session.receive(piece) else {
                let isGreeting = size == HTTPDoor.prefaceSize && clients[c].requestCount == 0
                let abuse: HTTP2Abuse = workspace.isBomb ? .fieldLists : .memory
                if isGreeting { close(c, &loop) } else { cutSession(c, abuse, &loop) }
                return false
            }
            guard handleEvents(c, piece, &loop), judgeSession(c, &loop) else { return false }
            clients[c].input.consume(size)
        }
        buffers.give(clients[c].input.block)
        clients[c].input = Pending()
        return true
    }

    /// Counts a request that comes above the limit of streams, which the library refuses.
    ///
    /// It is judged now: the refusals are written when all has been read, thousands at a time.
    private mutating func noteStream(_ header: HTTP2FrameHeader, _ s: Int) -> HTTP2Abuse? {
        guard header.type == HTTP2FrameType.headers, header.stream > sessions[s].lastStream else {
            return nil
        }
        sessions[s].lastStream = header.stream
        guard sessions[s].streams >= sessions[s].streamLimit else { return nil }
        count(.http2Refused)
        sessions[s].resetsSeen &+= 1
        return sessions[s].meter.hadToReset(1, now: now)
    }

    /// What the bytes meant, one event after the other; false when the connection has ended.
    private mutating func handleEvents(
        _ c: Int,
        _ bytes: Span<UInt8>,
        _ loop: inout EventLoop
    ) -> Bool {
        let s = Int(clients[c].place)
        let count = workspace.eventCount
        for index in 0..<count {
            switch workspace.event(index) {
            case .fields(let number, let owner, let endsStream):
                guard owner == 0 else { continue }
                if let abuse = openStream(c, number, endsStream: endsStream, &loop) {
                    cutSession(c, abuse, &loop)
                    return false
                }
            case .trailers(_, let owner): takeTrailers(owner, &loop)
            case .data(let number, let owner, let range):
                takeContent(owner, bytes.slice(range), number, s, &loop)
            case .finished(_, let owner): finishRequest(owner, &loop)
            case .closed(_, let owner, _): loseStream(owner, &loop)
            case .goAway: break  // its streams are served, and it opens no others
            }
        }
        return true
    }

    /// Tells the meter what the session had to do; false when that was too much.
    private mutating func judgeSession(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let s = Int(clients[c].place)
        let resets = sessions[s].session.provokedResets
        let frames = sessions[s].session.dataFrames
        if frames != sessions[s].framesSeen {
            sessions[s].meter.sentData(frames: frames &- sessions[s].framesSeen)
            sessions[s].framesSeen = frames
        }
        guard resets > sessions[s].resetsSeen else { return true }
        let abuse = sessions[s].meter.hadToReset(resets &- sessions[s].resetsSeen, now: now)
        sessions[s].resetsSeen = resets
        guard let abuse else { return true }
        cutSession(c, abuse, &loop)
        return false
    }

    // MARK: Writing

    /// Writes what the session has to say until it has no more, or the socket takes no more.
    ///
    /// False when the connection has ended.
    mutating func writeSession(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let s = Int(clients[c].place)
        for _ in 0..<16 {
            guard flushFrames(c, &loop) else { return false }
            guard !isBlocked(c) else { return true }
            guard produce(c, &loop) else { return false }
            if clients[c].output.isEmpty { break }
        }
        guard clients[c].output.isEmpty else {
            queueReady(c)
            return true
        }
        buffers.give(clients[c].output.block)
        clients[c].output = Pending()
        let session = sessions[s].session
        guard !session.wantsRead, !session.wantsWrite else { return true }
        leaveSession(c, &loop)
        return false
    }

    /// Sends what is in the output; false when the connection has ended.
    private mutating func flushFrames(_ c: Int, _ loop: inout EventLoop) -> Bool {
        if clients[c].isSecure, tls.hasBacklog(clients[c].tls) {
            switch tls.flush(clients[c].tls) {
            case .count: break
            case .wouldBlock:
                awaitRoom(c)
                return true
            case .endOfStream, .failed:
                close(c, &loop)
                return false
            }
        }
        while !clients[c].output.isEmpty {
            let pending = clients[c].output
            let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
            switch send(c, bytes) {
            case .count(let count): clients[c].output.consume(count)
            case .wouldBlock:
                awaitRoom(c)
                return true
            case .endOfStream, .failed:
                close(c, &loop)
                return false
            }
        }
        return true
    }

    mutating func awaitRoom(_ c: Int) {
        timers.schedule(c, at: now + listenerRecords[Int(clients[c].listener)].timeouts.send)
    }

    func isBlocked(_ c: Int) -> Bool {
        !clients[c].output.isEmpty || clients[c].isSecure && tls.hasBacklog(clients[c].tls)
    }

    /// Fills the empty output from the session; false when the connection has ended.
    private mutating func produce(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let s = Int(clients[c].place)
        if clients[c].output.block.isNone {
            clients[c].output = Pending(block: buffers.take())
            guard !clients[c].output.block.isNone else {
                count(.buffersExhausted)
                close(c, &loop)
                return false
            }
        }
        let session = sessions[s].session
        var isWhole = true
        let size = buffers.write(clients[c].output.block, at: 0) {
            isWhole = session.produce(into: &$0)
        }
        clients[c].output.start = 0
        clients[c].output.end = Int32(size)
        guard isWhole else {
            close(c, &loop)
            return false
        }
        count(.bytesOut, UInt64(size))
        for index in 0..<workspace.takenCount {
            let taken = workspace.taken(index)
            contentTaken(taken.owner, taken.count)
        }
        // First those whose answer is complete now: their streams have ended well.
        for index in 0..<workspace.takenCount {
            carryOn(workspace.taken(index).owner, &loop)
        }
        return handleEvents(c, Span<UInt8>(), &loop) && judgeSession(c, &loop)
    }
}
