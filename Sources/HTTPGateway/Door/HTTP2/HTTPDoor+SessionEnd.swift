// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What a connection by HTTP/2 waits for, and how it ends: in two steps, or cut for what it costs.
extension HTTPDoor {
    // MARK: Deadlines

    /// Sets the deadline of whatever the connection waits for now.
    mutating func parkSession(_ c: Int) {
        let s = Int(clients[c].place)
        let timeouts = listenerRecords[Int(clients[c].listener)].timeouts
        guard !isBlocked(c) else { return }
        var deadline = Instant.never
        if !clients[c].input.isEmpty {
            if sessions[s].partialSince == .never { sessions[s].partialSince = now }
            deadline = sessions[s].partialSince + timeouts.header
        } else if sessions[s].streams == 0 {
            let isFresh = clients[c].requestCount == 0
            let bound = isFresh ? timeouts.header : timeouts.idle
            deadline = sessions[s].idleSince + bound
        }
        if sessions[s].ending == .announced {
            deadline = min(deadline, sessions[s].announced + HTTPDoor.announcement)
        }
        if !sessions[s].session.hasAnswered {
            sessions[s].answeredSince = .never
        } else {
            if sessions[s].answeredSince == .never { sessions[s].answeredSince = now }
            deadline = min(deadline, sessions[s].answeredSince + HTTPDoor.farewell)
        }
        deadline = min(deadline, windowCheck(s))
        guard deadline < .never else { return timers.cancel(c) }
        timers.schedule(c, at: deadline)
    }

    mutating func sessionExpired(_ c: Int, _ loop: inout EventLoop) {
        let s = Int(clients[c].place)
        if sessions[s].ending == .announced,
            now >= sessions[s].announced + HTTPDoor.announcement
        {
            sessions[s].ending = .final
            sessions[s].session.goAway(.noError)
            return runSession(c, &loop)
        }
        if sessions[s].answeredSince < .never,
            now >= sessions[s].answeredSince + HTTPDoor.farewell
        {
            sessions[s].answeredSince = .never
            sessions[s].session.resetAnswered()
            return runSession(c, &loop)
        }
        if isBlocked(c) { return takesBytes(c) ? awaitRoom(c) : close(c, &loop) }
        if now >= sessions[s].windowCheck { return checkWindows(c, &loop) }
        // An unfinished piece, or nothing at all, for too long.
        let isPartial = !clients[c].input.isEmpty
        guard isPartial || sessions[s].streams == 0 else { return parkSession(c) }
        sessions[s].session.terminate(.noError)
        if writeSession(c, &loop) { close(c, &loop) }
    }

    // MARK: Ending

    /// The first of two GOAWAYs: streams on their way are still taken.
    mutating func announceEnd(_ c: Int) {
        let s = Int(clients[c].place)
        guard sessions[s].ending == .none else { return }
        sessions[s].ending = .announced
        sessions[s].announced = now
        sessions[s].session.announceEnd()
        timers.schedule(c, at: now + HTTPDoor.announcement)
        queueReady(c)
    }

    /// Ends a connection that costs more than it is worth, with the reason of RFC 9113 §7.
    mutating func cutSession(_ c: Int, _ abuse: HTTP2Abuse, _ loop: inout EventLoop) {
        count(.http2Cut)
        words.addOwned(GatewayMetrics.abuse(abuse), 1)
        let session = sessions[Int(clients[c].place)].session
        session.terminate(.enhanceYourCalm)
        if !clients[c].output.isEmpty {
            let rest = clients[c].output
            let bytes = buffers.bytes(rest.block, from: Int(rest.start), count: rest.count)
            if case .count(let sent) = send(c, bytes) {
                clients[c].output.consume(sent)
            }
        }
        if clients[c].output.isEmpty {
            scratch.write { _ = session.produce(into: &$0) }
            _ = send(c, scratch.bytes)
        }
        leaveSession(c, &loop)
    }

    /// How long one that was told to go, or to stop, may read what it was told.
    static let farewell = Interval.milliseconds(500)

    /// Closes a connection whose last word has been written, so that unread bytes of the client
    /// cannot destroy it on the way.
    mutating func leaveSession(_ c: Int, _ loop: inout EventLoop) {
        endStreams(c, &loop)
        guard clients[c].output.isEmpty else { return close(c, &loop) }
        clients[c].exchange.requestSent = true
        let handle = clients.handle(at: c)
        closeGracefully(c, &loop)
        if clients.contains(handle) { timers.schedule(c, at: now + HTTPDoor.farewell) }
    }

    /// Gives up all streams of a connection that closes, and its session.
    mutating func endStreams(_ c: Int, _ loop: inout EventLoop) {
        let s = Int(clients[c].place)
        guard clients[c].kind == .session, s >= 0 else { return }
        let session = sessions[s].session
        while true {
            let owner = session.anyOwner
            guard owner != 0 else { break }
            let handle = Handle(number: owner)
            guard clients.contains(handle), clients[Int(handle.index)].isStream else {
                session.disown(owner)
                continue
            }
            let place = Int(clients[Int(handle.index)].place)
            session.release(streams[place].number)
            streams[place].isGone = true
            clients[Int(handle.index)].hangUp = true
            abandon(Int(handle.index), .clientGone, &loop)
        }
        session.destroy()
        sessions.remove(sessions.handle(at: s))
        clients[c].kind = .connection
        clients[c].place = -1
    }
}
