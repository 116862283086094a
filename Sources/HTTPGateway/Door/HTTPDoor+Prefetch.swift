// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Runtime

/// Receiving for many connections before any of them is dealt with.
///
/// Between a receive and the next lie the parser, the route, the choice and a send, which leave
/// little of the kernel's path in the caches. One receive after the other costs less in all, about
/// a fiftieth of what a small request takes (L7-1).
///
/// It is done where the handler would do just the same first: a client without a byte of a request,
/// an endpoint that owes an answer of which nothing has come. The bytes go to the place where the
/// handler looks for them, so nothing is lost when something else comes between.
extension HTTPDoor {
    /// Events that are looked at together.
    public static let prefetchBatch = 16
    /// An answer that is longer is not taken in early: the blocks of a batch would push each other
    /// out of the caches.
    static let brief: UInt64 = 8_192

    /// Takes in what the events of a batch say is there, when the one at `place` begins a batch.
    ///
    /// Call it before each event; all of the batch must be handled in the same turn.
    public mutating func prefetch(
        from place: Int,
        upTo end: Int,
        loop: inout EventLoop,
        now: Instant
    ) {
        guard place % HTTPDoor.prefetchBatch == 0 else { return }
        for place in place..<min(place &+ HTTPDoor.prefetchBatch, end) {
            let event = loop.event(place)
            guard event.isReadable, !event.isHangUp, !event.isError else { continue }
            if takeIn(EventToken(raw: event.token), now) { loop.forgetReadable(place) }
        }
    }

    /// True when the handler need not be told that there is something to read.
    private mutating func takeIn(_ token: EventToken, _ now: Instant) -> Bool {
        self.now = now
        switch token.kind {
        case EventKind.client: return takeRequest(token)
        case EventKind.upstream: return takeResponse(token)
        default: return false
        }
    }

    private mutating func takeRequest(_ token: EventToken) -> Bool {
        let handle = clients.handle(at: token.index)
        guard !handle.isNone, token.names(handle) else { return false }
        let c = token.index
        guard clients[c].phase == .idle, clients[c].kind == .connection, !clients[c].isSecure,
            !clients[c].hangUp, clients[c].input.block.isNone
        else { return false }
        let block = buffers.take()
        guard !block.isNone else { return false }
        clients[c].canRead = true
        guard case .count(let count) = receive(c, into: block, at: 0, upTo: HTTPDoor.inputEnd),
            count > 0
        else {
            // The handler asks again, and says what is to be said.
            buffers.give(block)
            return false
        }
        clients[c].input = Pending(block: block, end: Int32(count))
        beginHead(c)
        return true
    }

    private mutating func takeResponse(_ token: EventToken) -> Bool {
        let handle = upstreams.handle(at: token.index)
        guard !handle.isNone, token.names(handle) else { return false }
        let u = token.index
        guard upstreams[u].isBrief, upstreams[u].state == .active, !upstreams[u].isSecure,
            !upstreams[u].isStream, !upstreams[u].hangUp, upstreams[u].input.block.isNone,
            clients.contains(upstreams[u].client)
        else { return false }
        let c = Int(upstreams[u].client.index)
        guard clients[c].phase == .waiting, clients[c].exchange.requestSent,
            clients[c].exchange.upstream == handle
        else { return false }
        let block = buffers.take()
        guard !block.isNone else { return false }
        upstreams[u].canRead = true
        let limit = clients[c].isStream ? firstRead(c) : HTTPDoor.inputEnd
        guard case .count(let count) = receive(upstream: u, into: block, at: 0, upTo: limit),
            count > 0
        else {
            buffers.give(block)
            return false
        }
        upstreams[u].input = Pending(block: block, end: Int32(count))
        return true
    }
}
