// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Requests by HTTP/2: from the field list to an exchange, and their content.
extension HTTPDoor {
    /// A request has come: writes its head as HTTP/1.1 has it.
    mutating func openStream(
        _ connection: Int,
        _ number: Int32,
        endsStream: Bool,
        _ loop: inout EventLoop
    ) -> HTTP2Abuse? {
        let s = Int(clients[connection].place)
        guard let c = insertStream(connection, number, s) else {
            sessions[s].session.reset(number, .refusedStream)
            return nil
        }
        let place = Int(clients[c].place)
        streams[place].isFinished = endsStream
        count(.http2Streams)
        let isLong = workspace.listSize > Int(limits.head.headBytes)
        guard !workspace.isOversized, !isLong else {
            let abuse = sessions[s].meter.hadLongList(now: now)
            if abuse == nil { refuseStream(c, .headLength, &loop) }
            return abuse
        }
        if let refusal = writeHead(c, endsStream: endsStream) {
            refuseStream(c, refusal, &loop)
            return nil
        }
        // Its turn comes when all that was received with it is known: a request that is reset in
        // the same breath never reaches an endpoint.
        if mayWork(c) { queueReady(c) }
        return nil
    }

    private mutating func insertStream(_ connection: Int, _ number: Int32, _ s: Int) -> Int? {
        var client = Client(
            fd: .none,
            peer: clients[connection].peer,
            listener: clients[connection].listener,
            limits: limits.head
        )
        client.kind = .stream
        client.phase = .header
        client.isRegistered = true  // there is no socket to wait for
        client.tls = clients[connection].tls
        client.isUnnamed = clients[connection].isUnnamed
        client.input = Pending(block: buffers.take())
        client.exchange.began = now
        guard !client.input.block.isNone else {
            count(.buffersExhausted)
            return nil
        }
        let key = WebSocketKey(random.next(), random.next())
        let state = StreamState(session: Int32(s), number: number, key: key)
        guard let place = streams.insert(state), let handle = clients.insert(client) else {
            buffers.give(client.input.block)
            return nil
        }
        let c = Int(handle.index)
        clients[c].place = Int32(place.index)
        clients[connection].requestCount &+= 1
        sessions[s].streams &+= 1
        sessions[s].session.attach(number, to: handle.number)
        return c
    }

    private mutating func writeHead(_ c: Int, endsStream: Bool) -> Refusal? {
        let list = workspace.fields
        let text = workspace.text
        let key = streams[Int(clients[c].place)].key
        var refusal: Refusal?
        var scheme = HTTP2Conversion.Scheme.none
        let size = buffers.write(clients[c].input.block, at: 0) { output in
            refusal = HTTP2Conversion.writeRequest(
                list,
                text: text,
                endsStream: endsStream,
                key: key,
                scheme: &scheme,
                into: &output
            )
        }
        streams[Int(clients[c].place)].scheme = scheme
        clients[c].input.end = Int32(size)
        return refusal ?? (workspace.isInvalid ? .fieldName : nil)
    }

    // The second reader: what it does not take as one head, ending where the text ends, is refused.
    mutating func readHead(_ c: Int, _ loop: inout EventLoop) {
        guard streams[Int(clients[c].place)].window != .held else { return }
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: 0, count: pending.count)
        fieldsOwner = .none
        switch clients[c].parser.parse(bytes, fields: &fields, head: &requestHead) {
        case .complete where requestHead.length == bytes.count:
            requestHead.isHTTP2 = true
            requestHead.isPersistent = false  // the stream ends with its exchange
            fieldsOwner = clients.handle(at: c)
            beginExchange(c, &loop)
        case .refused(let refusal): refuseStream(c, refusal, &loop)
        default: refuseStream(c, .headLength, &loop)
        }
    }

    private mutating func refuseStream(_ c: Int, _ refusal: Refusal, _ loop: inout EventLoop) {
        count(.requests)
        refuse(c, .refused(refusal), &loop)
    }

    /// True when the request's scheme is not the one that it came by (RFC 9110 §7.4).
    func isMisdirected(_ c: Int) -> Bool {
        guard clients[c].isStream else { return false }
        let isHTTPS = streams[Int(clients[c].place)].scheme == .https
        // A trusted peer may have ended TLS itself, and tell the scheme it was asked by.
        return isHTTPS != clients[c].isSecure && !isTrusted(c)
    }

    // MARK: Content

    private func stream(_ owner: UInt64) -> Int? {
        let handle = Handle(number: owner)
        guard owner != 0, clients.contains(handle), clients[Int(handle.index)].isStream else {
            return nil
        }
        return Int(handle.index)
    }

    mutating func takeContent(
        _ owner: UInt64,
        _ bytes: Span<UInt8>,
        _ number: Int32,
        _ s: Int,
        _ loop: inout EventLoop
    ) {
        guard let c = stream(owner) else {
            return sessions[s].session.consumeConnection(bytes.count)
        }
        let place = Int(clients[c].place)
        guard streams[place].queue.append(bytes, in: &buffers) else {
            count(.buffersExhausted)
            sessions[s].session.consumeConnection(bytes.count)
            return abandon(c, .outOfBuffers, &loop)
        }
        clients[c].canRead = true
        advance(c, &loop)
    }

    mutating func finishRequest(_ owner: UInt64, _ loop: inout EventLoop) {
        guard let c = stream(owner) else { return }
        streams[Int(clients[c].place)].isFinished = true
        clients[c].canRead = true
        advance(c, &loop)
    }

    mutating func takeTrailers(_ owner: UInt64, _ loop: inout EventLoop) {
        guard let c = stream(owner) else { return }
        let list = workspace.fields
        let text = workspace.text
        let block = buffers.take()
        var refusal: Refusal?
        let size = buffers.write(block, at: 0) {
            refusal = HTTP2Conversion.writeTrailers(list, text: text, into: &$0)
        }
        // The library resets what is malformed; what only we refuse is left out.
        if refusal == nil, !workspace.isInvalid, !workspace.isOversized, size <= 8_192 {
            streams[Int(clients[c].place)].trailers = Pending(
                block: block,
                start: 0,
                end: Int32(size)
            )
        } else {
            buffers.give(block)
        }
        finishRequest(owner, &loop)
    }

    /// As ``receiveBody(_:_:)``, from the stream's queue; false when it must wait or has ended.
    mutating func receiveContent(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let block = clients[c].exchange.requestBlock
        let place = clients[c].exchange.request.readingPlace(in: &buffers, block: block)
        let room = BufferPool.blockSize - BodyTransfer.reserve - place
        let stream = Int(clients[c].place)
        let taken = streams[stream].queue.take(room, into: block, at: place, in: &buffers)
        let isFinished = streams[stream].isFinished
        clients[c].canRead = !streams[stream].queue.isEmpty || isFinished
        if taken > 0 {
            clients[c].exchange.request.rawEnd &+= Int32(taken)
            clients[c].exchange.bytesIn &+= UInt64(taken)
            keepContent(c, from: place, count: taken)
            count(.bytesIn, UInt64(taken))
            // Now, and not before, may the client send as much again.
            let s = Int(streams[stream].session)
            sessions[s].session.consume(streams[stream].number, taken)
            touchSession(s)
            return true
        }
        guard isFinished else {
            awaitBody(c, &loop)
            return false
        }
        let pending = streams[stream].trailers
        let trailers = buffers.bytes(pending.block, from: 0, count: pending.count)
        if !trailers.isEmpty { keepRequestTrailers(c, trailers) }
        guard clients[c].exchange.request.finish(in: &buffers, block: block, trailers: trailers)
        else {
            detachUpstream(c, &loop, keep: false)
            endAttempt(c)
            refuseStarted(c, .refused(.lengthMismatch), &loop)
            return false
        }
        return true
    }

    // MARK: Ending

    /// The stream is closed, while its exchange was still under way.
    mutating func loseStream(_ owner: UInt64, _ loop: inout EventLoop) {
        guard let c = stream(owner) else { return }
        streams[Int(clients[c].place)].isGone = true
        clients[c].hangUp = true
        abandon(c, .clientGone, &loop)
    }

    /// Tells the client that a stream ends without its answer being whole.
    mutating func resetStream(_ c: Int) {
        let place = Int(clients[c].place)
        guard !streams[place].isGone else { return }
        let code: HTTP2ErrorCode
        switch clients[c].exchange.reason {
        // RFC 8441 §5: what would be a reset of TCP in a tunnel is CANCEL.
        case .fault(.clientGone), .fault(.clientSlow), .fault(.tunnelClosed), .fault(.tunnelIdle):
            code = .cancel
        case .refused: code = .protocolError
        default: code = .internalError
        }
        let s = Int(streams[place].session)
        sessions[s].session.reset(streams[place].number, code)
        touchSession(s)
    }

    /// Gives back everything a stream holds; what its session keeps itself is still sent.
    mutating func freeStream(_ c: Int) {
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        sessions[s].session.release(streams[place].number)
        sessions[s].session.consumeConnection(streams[place].queue.count)
        streams[place].queue.giveBack(to: &buffers)
        buffers.give(streams[place].trailers.block)
        noteWindow(of: place, .open)
        streams.remove(streams.handle(at: place))
        sessions[s].streams &-= 1
        sessions[s].idleSince = now
        timers.cancel(c)
        buffers.give(clients[c].input.block)
        buffers.give(clients[c].output.block)
        buffers.give(clients[c].exchange.requestBlock)
        let handle = clients.handle(at: c)
        if fieldsOwner == handle { fieldsOwner = .none }
        clients.remove(handle)
        touchSession(s)
    }
}
