// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Tunnels: after 101 (RFC 9110 §7.8) bytes pass both ways unread.
extension HTTPDoor {
    /// The origin agreed to switch protocols: passes its head on and opens the tunnel.
    mutating func beginTunnel(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        // RFC 9110 §7.8: the other protocol begins behind the request, its body included.
        let isAsked = clients[c].exchange.head.wantsUpgrade && clients[c].exchange.requestSent
        guard isAsked, namesAskedProtocol(c, u) else {
            return attemptFailed(c, .originMalformed, &loop)
        }
        if clients[c].isStream { return beginStreamTunnel(c, u, &loop) }
        let changes = renderSession(c)
        let pending = upstreams[u].input
        let isWhole = ResponseHeadWriter.writeUpgrade(
            into: &scratch,
            head: responseHead,
            fields: responseFields,
            bytes: buffers.bytes(pending.block, from: Int(pending.start), count: pending.count),
            changes: RouteChanges(changes, tail.bytes)
        )
        guard isWhole, changes.isWhole else { return attemptFailed(c, .originMalformed, &loop) }
        openTunnel(c, u, status: 101)
        register(c, &loop)
        count(.bytesOut, UInt64(scratch.count))
        clients[c].exchange.bytesOut &+= UInt64(scratch.count)
        var sent = 0
        switch clients[c].output.isEmpty ? send(c, scratch.bytes) : .wouldBlock {
        case .count(let count): sent = count
        case .wouldBlock: break
        case .endOfStream, .failed: return abandon(c, .clientGone, &loop)
        }
        guard keepOutput(c, from: sent, &loop) else { return }
        clients[c].canRead = true
        pumpTunnel(c, &loop)
    }

    /// From here on both sides speak another protocol.
    mutating func openTunnel(_ c: Int, _ u: Int, status: UInt16) {
        clients[c].exchange.status = status
        clients[c].exchange.firstByte = now
        clients[c].exchange.responseStarted = true
        clients[c].exchange.keepsClient = false
        clients[c].phase = .tunnel
        enterTunnel(c, u)
        countSuccess(c, Int(clients[c].exchange.slot))
        chooser.endTrial(slot: Int(clients[c].exchange.slot))
        upstreams[u].input.consume(responseHead.length)
        // What the client sent behind its request belongs to the other protocol.
        consumeRequest(c)
        // The whole exchange's deadline was met by the 101; a tunnel has its own.
        clients[c].exchange.deadline = .never
        // Nor may it keep a retry from others for as long as it lasts.
        if clients[c].exchange.holdsRetry {
            clients[c].exchange.holdsRetry = false
            budget.endRetry(Int(clients[c].exchange.poolSlot))
        }
    }

    /// RFC 9110 §7.8: a server must not switch to a protocol that the client did not name.
    private func namesAskedProtocol(_ c: Int, _ u: Int) -> Bool {
        let request = clients[c].input
        let response = upstreams[u].input
        let asked = buffers.bytes(
            request.block,
            from: Int(request.start),
            count: request.count
        )
        let answer = buffers.bytes(
            response.block,
            from: Int(response.start),
            count: response.count
        )
        guard let index = responseFields.first(.upgrade) else { return false }
        let name = answer.slice(responseFields[index].value)
        var list = ListReader(clients[c].exchange.head.upgradeRange)
        while let element = list.next(asked) {
            if FieldSyntax.equalsIgnoringCase(asked.slice(element), name) { return true }
        }
        return false
    }

    /// Moves bytes both ways until neither side has more, or both have finished.
    mutating func pumpTunnel(_ c: Int, _ loop: inout EventLoop) {
        let handle = clients[c].exchange.upstream
        guard upstreams.contains(handle) else { return abandon(c, .tunnelClosed, &loop) }
        let u = Int(handle.index)
        guard flushOutput(c, &loop) else { return }
        for _ in 0..<16 {
            let up = moveUp(c, u)
            // A reset is told once: who asks again hears an end, which a stream would pass on.
            let isReset = up == .broken && clients[c].isStream
            let down = isReset ? .broken : moveDown(c, u)
            if up == .broken || down == .broken { return abandon(c, .tunnelClosed, &loop) }
            // A WebSocket whose server has finished is over: its client waits for nothing else.
            let isOver =
                clients[c].exchange.downClosed
                && (clients[c].exchange.upClosed || clients[c].isStream)
            if isOver {
                guard flushOutput(c, &loop) else { return }
                return abandon(c, .tunnelClosed, &loop)
            }
            if up == .waiting, down == .waiting {
                return arm(c, tunnelIdle(c))
            }
        }
        arm(c, tunnelIdle(c))
        queueReady(c)
    }

    /// Silence in a tunnel of which one side has finished.
    static let halfClosedIdle = Interval.seconds(60)

    func tunnelIdle(_ c: Int) -> Interval {
        let pool = Int(clients[c].exchange.pool)
        let idle = pool >= 0 ? pools[pool].timeouts.tunnelIdle : .seconds(86_400)
        // A peer that has gone looks like one that has only finished sending: silence decides.
        let isHalfClosed = clients[c].exchange.upClosed || clients[c].exchange.downClosed
        return isHalfClosed ? min(idle, HTTPDoor.halfClosedIdle) : idle
    }

    enum Move { case moved, waiting, broken }

    @inline(__always)
    private mutating func receiveThroughTunnel(_ c: Int, into block: Block) -> IOResult {
        clients[c].isStream
            ? receiveFromTunnelledStream(c, into: block) : receive(c, into: block, at: 0)
    }

    /// Client to origin.
    private mutating func moveUp(_ c: Int, _ u: Int) -> Move {
        if clients[c].input.isEmpty {
            guard clients[c].canRead, !clients[c].exchange.upClosed else {
                releaseInput(c)
                return .waiting
            }
            if clients[c].input.block.isNone {
                clients[c].input = Pending(block: buffers.take())
                guard !clients[c].input.block.isNone else { return .broken }
            }
            clients[c].input.start = 0
            clients[c].input.end = 0
            switch receiveThroughTunnel(c, into: clients[c].input.block) {
            case .count(let count):
                clients[c].input.end = Int32(count)
                clients[c].exchange.bytesIn &+= UInt64(count)
            case .wouldBlock:
                clients[c].canRead = false
                return .waiting
            case .endOfStream:
                clients[c].exchange.upClosed = true
                finishSending(upstream: u)
                return .moved
            case .failed: return .broken
            }
        }
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        switch send(upstream: u, bytes) {
        case .count(let count):
            follow(c, bytes.extracting(first: count), isUp: true)
            clients[c].input.consume(count)
            return .moved
        case .wouldBlock: return .waiting
        case .endOfStream, .failed: return .broken
        }
    }

    mutating func releaseInput(_ c: Int) {
        buffers.give(clients[c].input.block)
        clients[c].input = Pending()
    }

    /// Origin to client.
    private mutating func moveDown(_ c: Int, _ u: Int) -> Move {
        if upstreams[u].input.isEmpty {
            guard upstreams[u].canRead, !clients[c].exchange.downClosed else {
                buffers.give(upstreams[u].input.block)
                upstreams[u].input = Pending()
                return .waiting
            }
            if upstreams[u].input.block.isNone {
                upstreams[u].input = Pending(block: buffers.take())
                guard !upstreams[u].input.block.isNone else { return .broken }
            }
            upstreams[u].input.start = 0
            upstreams[u].input.end = 0
            switch receive(upstream: u, into: upstreams[u].input.block, at: 0) {
            case .count(let count):
                upstreams[u].input.end = Int32(count)
            case .wouldBlock:
                upstreams[u].canRead = false
                return .waiting
            case .endOfStream:
                clients[c].exchange.downClosed = true
                clients[c].isStream ? endTunnelledStream(c) : finishSending(c)
                return .moved
            case .failed: return .broken
            }
        }
        if clients[c].isStream { return offerThroughTunnel(c, u) }
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        switch send(c, bytes) {
        case .count(let count):
            follow(c, bytes.extracting(first: count), isUp: false)
            upstreams[u].input.consume(count)
            clients[c].exchange.bytesOut &+= UInt64(count)
            return .moved
        case .wouldBlock: return .waiting
        case .endOfStream, .failed: return .broken
        }
    }
}
