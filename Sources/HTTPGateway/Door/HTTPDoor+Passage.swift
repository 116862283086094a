// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// What a connection that is passed on has beyond its socket and buffers.
struct PassageState: BitwiseCopyable {
    /// What its client hello asks for.
    let name: ServerName
}

/// Passing connections of TLS on by the name that they ask for: never terminated, never read.
///
/// The client hello is looked at and left in the socket, so whoever turns out to be in charge, an
/// endpoint or our own TLS, reads it from its beginning.
extension HTTPDoor {
    /// Looks for the name in what has come; the handshake's deadline holds for it as well.
    mutating func readHello(_ c: Int, _ loop: inout EventLoop) {
        let fd = clients[c].fd
        let number = Int(clients[c].listener)
        var result = IOResult.wouldBlock
        scratch.write { output in
            result = Socket.peek(fd, into: &output, limit: ClientHello.limit)
        }
        switch result {
        case .count: break
        case .wouldBlock: return awaitHello(c, &loop)
        case .endOfStream: return handshakeFailed(c, .peerClosed, &loop)
        case .failed: return handshakeFailed(c, .peerReset, &loop)
        }
        switch ClientHello.read(scratch.bytes) {
        case .needMore: awaitHello(c, &loop)
        case .name(let name):
            // Once per connection, not per request: here references may be counted.
            let pool = listenerRecords[number].passages.pool(for: "\(name)")
            guard let pool, pools.indices.contains(pool) else { return openSession(c, &loop) }
            beginPassage(c, name, pool, &loop)
        case .refused(let fault):
            // It has no name to go by: where there are certificates, OpenSSL judges it.
            guard listenerRecords[number].tls?.table.certificates.isEmpty != false else {
                return openSession(c, &loop)
            }
            let failure: TLSFailure
            switch fault {
            case .plainText: failure = .plainText
            case .notTLS: failure = .notTLS
            case .malformed, .tooLarge: failure = .malformed
            }
            handshakeFailed(c, failure, &loop)
        }
    }

    private mutating func awaitHello(_ c: Int, _ loop: inout EventLoop) {
        // The end of its sending may have come together with the last piece.
        guard !clients[c].hangUp else { return handshakeFailed(c, .peerClosed, &loop) }
        guard staysUnfinished(c, &loop) else { return }
        register(c, &loop)
        let deadline = listenerRecords[Int(clients[c].listener)].timeouts.handshake
        timers.schedule(c, at: clients[c].exchange.began + deadline)
    }

    /// Brings the connection on its way to an endpoint of the pool.
    private mutating func beginPassage(
        _ c: Int,
        _ name: ServerName,
        _ pool: Int,
        _ loop: inout EventLoop
    ) {
        guard let place = passages.insert(PassageState(name: name)) else {
            return handshakeFailed(c, .outOfMemory, &loop)
        }
        finishUnfinished(c)
        clients[c].kind = .passage
        clients[c].place = Int32(place.index)
        let began = clients[c].exchange.began
        clients[c].exchange = Exchange()
        clients[c].exchange.began = began
        clients[c].exchange.headDone = now
        clients[c].exchange.keepsClient = false
        clients[c].exchange.pool = Int32(pool)
        clients[c].exchange.poolSlot = pools[pool].slot
        clients[c].exchange.retries = pools[pool].retries
        clients[c].exchange.retryRule = Int32(pool)
        // Of all that can be hashed, only the address is there.
        clients[c].exchange.key = Hash.address(clients[c].peer.ip)
        budget.begin(Int(pools[pool].slot), worker: worker)
        clients[c].exchange.isActive = true
        count(.passages)
        startAttempt(c, &loop)
    }

    /// The endpoint is there: from now on bytes pass both ways unread.
    mutating func openPassage(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        upstreams[u].state = .active
        clients[c].phase = .tunnel
        clients[c].exchange.connected = now
        clients[c].exchange.sent = now
        if clients[c].exchange.holdsRetry {
            clients[c].exchange.holdsRetry = false
            budget.endRetry(Int(clients[c].exchange.poolSlot))
        }
        enterTunnel(c, u)
        register(c, &loop)
        clients[c].canRead = true
        pumpTunnel(c, &loop)
    }

    /// Puts the name that a passed connection asked for where a log line finds it.
    @_lifetime(immortal)
    mutating func passageName(_ c: Int) -> Span<UInt8> {
        let name = passages[Int(clients[c].place)].name
        plainPath.write { _ = name.write(into: &$0) }
        return plainPath.bytes
    }

    /// Forgets what a passed connection had.
    mutating func endPassage(_ c: Int) {
        passages.remove(passages.handle(at: Int(clients[c].place)))
        clients[c].kind = .connection
        clients[c].place = -1
    }
}
