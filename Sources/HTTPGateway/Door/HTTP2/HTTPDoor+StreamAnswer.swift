// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Answers by HTTP/2: from the endpoint's head to a field list, and their content.
///
/// Content stays in the block that it was read into. It is offered to the session, which copies it
/// into a frame when the windows of stream and connection and the socket have room; only then is
/// more read from the endpoint.
extension HTTPDoor {
    /// The least bytes that a client must take of a waiting answer in one send timeout.
    ///
    /// A window that opens by single octets would else hold an endpoint for ever.
    static let leastProgress: UInt64 = 1_024

    /// The most bytes of an answer that are read before the client has taken any: a head, and more
    /// where the client has opened its windows for more.
    ///
    /// Before a pipe it is so much that 64 KiB of content leave in one piece: with less they take
    /// more fragments than the kernel puts into a packet, and over loopback, where half a window
    /// is a packet, the second one may wait 8 ms for the client to tell its window (L7-2).
    func firstRead(_ c: Int) -> Int {
        guard clients[c].isStream else { return 16_384 }
        let session = sessions[Int(streams[Int(clients[c].place)].session)].session
        return session.peerWindow < 8_192 ? 2_048 : 8_192
    }

    /// Passes a 1xx on; those that do not fit the lists are left out.
    mutating func passInterimOnStream(_ c: Int, _ u: Int) -> Bool {
        // RFC 9113 §8.6: a change of protocol is not asked for in this way.
        listStatus(responseHead.status)
        listFields(u, dropping: FieldSet())
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        if workspace.isWhole { _ = sessions[s].session.interim(streams[place].number) }
        touchSession(s)
        return true
    }

    /// Tells a client that holds its content back to go on (RFC 9110 §10.1.1).
    mutating func continueStream(_ c: Int) {
        listStatus(100)
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        if workspace.isWhole { _ = sessions[s].session.interim(streams[place].number) }
        touchSession(s)
    }

    /// A final response has begun.
    mutating func beginStreamResponse(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        let status = responseHead.status
        clients[c].exchange.status = status
        clients[c].exchange.firstByte = now
        let framing = responseHead.framing
        let changes = renderAnswer(c, u)
        let pending = upstreams[u].input
        listResponse(c, u)
        if !changes.fields.isEmpty {
            addLines(tail.bytes.slice(changes.fields), from: 0, isRequest: false)
        }
        guard workspace.isWhole, changes.isWhole else {
            return attemptFailed(c, .originMalformed, &loop)
        }
        clients[c].exchange.response = BodyTransfer(framing, toChunks: false)
        if upstreams[u].isStream { followStream(c, u, framing) }
        clients[c].exchange.response.rawStart = pending.start &+ Int32(responseHead.length)
        clients[c].exchange.response.rawEnd = pending.end
        clients[c].exchange.originPersists = responseHead.isPersistent
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        let isEmpty = clients[c].exchange.response.isSourceDone
        // The list is handed over first: reading the content may need the table again.
        guard sessions[s].session.respond(streams[place].number, endsStream: isEmpty) else {
            return abandon(c, .clientGone, &loop)
        }
        clients[c].exchange.responseStarted = true
        touchSession(s)
        if clients[c].exchange.coding >= 0 {
            insertCoder(c)
        } else if advanceResponse(c, u) != nil {
            return originBroke(c, .originMalformed, &loop)
        }
        judgeEndpoint(c, status)
        clients[c].phase = .relaying
        pumpResponse(c, &loop)
    }

    mutating func listStatus(_ status: UInt16) {
        workspace.beginFields()
        workspace.add(":status", decimal: UInt64(status))
    }

    mutating func listFields(_ u: Int, dropping dropped: FieldSet) {
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        for index in 0..<responseFields.count {
            let field = responseFields[index]
            guard !field.isHopByHop, !field.isForbidden, !dropped.contains(field.known) else {
                continue
            }
            workspace.add(bytes.slice(field.name), bytes.slice(field.value))
        }
    }

    private mutating func listResponse(_ c: Int, _ u: Int) {
        listStatus(responseHead.status)
        var dropped = FieldSet()
        // RFC 9110 §8.6: what would have been sent may be told although nothing is.
        let tellsLength =
            responseHead.framing == .none
            && (clients[c].exchange.head.method == .head || responseHead.status == 304)
        if !tellsLength { dropped.insert(.contentLength) }
        listFields(u, dropping: dropped)
        if case .length(let length) = responseHead.framing, saysLength(u) {
            workspace.add("content-length", decimal: length)
        }
        if responseFields.first(.date) == nil { listDate() }
        let version: StaticString =
            responseHead.isHTTP2
            ? "2 martlet" : responseHead.minorVersion == 0 ? "1.0 martlet" : "1.1 martlet"
        workspace.add("via", version)
    }

    // Of a length that the door itself wrote down for the parser nobody has to hear.
    private func saysLength(_ u: Int) -> Bool {
        !upstreams[u].isStream || !originStreams[Int(upstreams[u].place)].addsLength
    }

    mutating func listDate() {
        let date = dates
        scratch.write { _ = date.write(into: &$0) }
        workspace.add("date", scratch.bytes)
    }

    /// As ``flushResponse(_:_:_:)``: offers what is framed; false until all of it was taken.
    mutating func offerContent(_ c: Int, _ u: Int) -> Bool {
        let transfer = clients[c].exchange.response
        guard transfer.hasFramed else { return true }
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        let bytes = buffers.bytes(
            responseBlock(c, u),
            from: Int(transfer.start),
            count: Int(transfer.end &- transfer.start)
        )
        let number = streams[place].number
        sessions[s].session.offer(number, bytes, isLast: transfer.isSourceDone)
        touchSession(s)
        arm(c, listenerRecords[Int(clients[c].listener)].timeouts.send)
        return false
    }

    /// The endpoint's trailers have come, and are in the table: keeps them for the end.
    mutating func keepTrailers(_ c: Int, _ u: Int) {
        let transfer = clients[c].exchange.response
        let block = upstreams[u].input.block
        let bytes = buffers.bytes(
            block,
            from: Int(transfer.trailersAt),
            count: Int(transfer.rawStart &- transfer.trailersAt)
        )
        listTrailers(c, bytes)
    }

    /// The session keeps the fields of the table, whose text this is, and sends them behind the
    /// last content.
    mutating func listTrailers(_ c: Int, _ text: Span<UInt8>) {
        workspace.beginFields()
        for index in 0..<responseFields.count {
            let field = responseFields[index]
            guard !field.isForbidden, !field.isHopByHop else { continue }
            workspace.add(text.slice(field.name), text.slice(field.value))
        }
        let place = Int(clients[c].place)
        guard workspace.isWhole else { return }
        _ = sessions[Int(streams[place].session)].session.keepTrailers(streams[place].number)
    }

    /// Bytes of a stream have gone into its connection's output.
    mutating func contentTaken(_ owner: UInt64, _ size: Int) {
        let handle = Handle(number: owner)
        guard owner != 0, size > 0, clients.contains(handle) else { return }
        let c = Int(handle.index)
        if clients[c].phase == .tunnel { return tunnelTaken(c, size) }
        clients[c].exchange.response.sent(size)
        clients[c].exchange.bytesOut &+= UInt64(size)
    }

    /// Reads on for a stream all of whose content has been taken.
    mutating func carryOn(_ owner: UInt64, _ loop: inout EventLoop) {
        let handle = Handle(number: owner)
        guard owner != 0, clients.contains(handle) else { return }
        let c = Int(handle.index)
        if clients[c].phase == .tunnel { return pumpTunnel(c, &loop) }
        guard clients[c].isStream, clients[c].phase == .relaying,
            !clients[c].exchange.response.hasFramed
        else { return }
        pumpResponse(c, &loop)
    }

    /// The answer is complete, or was one of ours: leaves the rest to the session.
    mutating func finishStream(_ c: Int) {
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        sessions[s].session.finish(streams[place].number)
        freeStream(c)
    }

    /// Sends the whole answer of ours that is in the scratch, as HTTP/1.1 has it.
    mutating func sendOwnOnStream(_ c: Int) {
        let bytes = scratch.bytes
        var parser = ResponseParser(limits: HeadLimits(headBytes: UInt32(scratch.capacity)))
        let result = parser.parse(
            bytes,
            requestMethod: clients[c].exchange.head.method,
            fields: &responseFields,
            head: &responseHead
        )
        let code = grpcCode(c)
        listStatus(code == nil ? clients[c].exchange.status : 200)
        var content = Span<UInt8>()
        if case .complete = result {
            for index in 0..<responseFields.count where !responseFields[index].isHopByHop {
                let field = responseFields[index]
                let isOfContent = field.known == .contentType || field.known == .contentLength
                if code != nil, isOfContent { continue }
                workspace.add(bytes.slice(field.name), bytes.slice(field.value))
            }
            content = bytes.extracting(responseHead.length..<bytes.count)
        }
        if let code {
            listGRPC(c, code)
            content = Span<UInt8>()
        }
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        let number = streams[place].number
        if sessions[s].session.respond(number, endsStream: content.isEmpty) {
            if !content.isEmpty { sessions[s].session.offerCopy(number, content) }
        } else {
            sessions[s].session.reset(number, .internalError)
        }
        clients[c].exchange.bytesOut &+= UInt64(content.count)
        record(c, slot: -1)
        endExchange(c)
        freeStream(c)
    }

    /// True when the client has taken enough of a waiting answer since it was last asked.
    mutating func streamTakesBytes(_ c: Int) -> Bool {
        let isFirst = clients[c].exchange.unacknowledged < 0
        clients[c].exchange.unacknowledged = 0
        let sent = clients[c].exchange.bytesOut
        let moved = sent &- clients[c].exchange.bodyCheckedBytes
        clients[c].exchange.bodyCheckedBytes = sent
        return isFirst || moved >= HTTPDoor.leastProgress
    }
}
