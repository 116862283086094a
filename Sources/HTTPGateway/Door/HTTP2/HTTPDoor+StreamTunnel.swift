// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// WebSockets of HTTP/2 clients (RFC 8441): one stream is one tunnel, and its endpoint is asked by
/// HTTP/1.1.
///
/// The CONNECT was written down as a GET with `Upgrade`, with a key of the door's own, so it took the
/// way of every other request: routes, limits, sessions, retries. Here the 101 becomes a 200, and
/// DATA takes the place of the client's socket. Bytes of the client lie in the stream's queue and
/// open its window again as the endpoint takes them; bytes of the endpoint lie in one block until
/// the client's window has taken them, and not before is more read.
extension HTTPDoor {
    /// The endpoint agreed to speak WebSocket: tells the client and opens the tunnel.
    mutating func beginStreamTunnel(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        guard isAccepted(c, u) else { return attemptFailed(c, .originMalformed, &loop) }
        let changes = renderSession(c)
        listStatus(200)
        listFields(u, dropping: FieldSet())
        if responseFields.first(.date) == nil { listDate() }
        if !changes.fields.isEmpty {
            addLines(tail.bytes.slice(changes.fields), from: 0, isRequest: false)
        }
        guard workspace.isWhole, changes.isWhole else {
            return attemptFailed(c, .originMalformed, &loop)
        }
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        guard sessions[s].session.respond(streams[place].number, endsStream: false) else {
            return abandon(c, .clientGone, &loop)
        }
        touchSession(s)
        openTunnel(c, u, status: 200)
        count(.http2Sockets)
        clients[c].canRead = !streams[place].queue.isEmpty || streams[place].isFinished
        pumpTunnel(c, &loop)
    }

    /// RFC 6455 §4.1: true when the endpoint has answered the key, which then has done its work and
    /// goes no further (RFC 8441 §5).
    private mutating func isAccepted(_ c: Int, _ u: Int) -> Bool {
        let key = streams[Int(clients[c].place)].key
        var isWhole = false
        scratch.write { isWhole = key.writeChallenge(into: &$0) }
        guard isWhole, let digest = PlainDigest.sha1(scratch.bytes) else { return false }
        scratch.write { isWhole = Base64.encode(digest.span, into: &$0) }
        let name: [20 of UInt8] = [
            0x73, 0x65, 0x63, 0x2d, 0x77, 0x65, 0x62, 0x73, 0x6f, 0x63, 0x6b, 0x65, 0x74, 0x2d,
            0x61, 0x63, 0x63, 0x65, 0x70, 0x74,
        ]  // sec-websocket-accept
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        guard isWhole, let index = responseFields.first(named: name.span, in: bytes) else {
            return false
        }
        let answer = bytes.slice(responseFields[index].value)
        let expected = scratch.bytes
        guard answer.count == expected.count else { return false }
        for place in answer.indices where answer[place] != expected[place] { return false }
        responseFields.hide(named: name.span, in: bytes)
        return true
    }

    // MARK: Answers that are no tunnel

    /// True for an answer that an HTTP/2 client would take for an open WebSocket and that is none.
    ///
    /// RFC 9110 §9.3.6: any 2xx to CONNECT opens the tunnel. By HTTP/1.1 the same answer, such as the
    /// start page that some servers have for every path, says that there is none.
    func isNoTunnel(_ c: Int) -> Bool {
        responseHead.status / 100 == 2 && clients[c].exchange.head.wantsUpgrade
    }

    /// Answers instead; the endpoint did nothing that it must not do.
    mutating func answerNoTunnel(_ c: Int, _ loop: inout EventLoop) {
        endAttempt(c)
        answer(c, .upgradeIgnored, &loop)
    }

    // MARK: Bytes

    /// As ``receive(_:into:at:upTo:)``, from the stream's queue.
    mutating func receiveFromTunnelledStream(_ c: Int, into block: Block) -> IOResult {
        let place = Int(clients[c].place)
        let most = BufferPool.blockSize
        let taken = streams[place].queue.take(most, into: block, at: 0, in: &buffers)
        let isFinished = streams[place].isFinished
        clients[c].canRead = !streams[place].queue.isEmpty || isFinished
        guard taken > 0 else { return isFinished ? .endOfStream : .wouldBlock }
        // Now, and not before, may the client send as much again.
        let s = Int(streams[place].session)
        sessions[s].session.consume(streams[place].number, taken)
        touchSession(s)
        return .count(taken)
    }

    /// Offers what the endpoint has said; ``tunnelTaken(_:_:)`` tells how much of it has gone.
    mutating func offerThroughTunnel(_ c: Int, _ u: Int) -> Move {
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        sessions[s].session.offer(streams[place].number, bytes, isLast: false)
        touchSession(s)
        return .waiting
    }

    /// Bytes of a tunnel have gone into its connection's output.
    mutating func tunnelTaken(_ c: Int, _ size: Int) {
        let handle = clients[c].exchange.upstream
        guard upstreams.contains(handle) else { return }
        let u = Int(handle.index)
        let pending = upstreams[u].input
        let count = min(size, pending.count)
        follow(c, buffers.bytes(pending.block, from: Int(pending.start), count: count), isUp: false)
        upstreams[u].input.consume(count)
        clients[c].exchange.bytesOut &+= UInt64(count)
        arm(c, tunnelIdle(c))
    }

    // MARK: Ending

    /// The endpoint has finished: END_STREAM says so, behind all that it has said.
    mutating func endTunnelledStream(_ c: Int) {
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        sessions[s].session.finish(streams[place].number)
        touchSession(s)
    }

    /// Offers a few last bytes that the session keeps itself, and END_STREAM behind them.
    mutating func offerLast(_ c: Int, _ bytes: Span<UInt8>) {
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        sessions[s].session.offerCopy(streams[place].number, bytes)
        touchSession(s)
    }
}
