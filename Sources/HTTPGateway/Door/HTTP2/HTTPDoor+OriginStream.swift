// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Requests to endpoints by HTTP/2, and what comes back.
///
/// A response's field list is written down as an HTTP/1.1 head, which the strict parser reads again:
/// two readers must agree before any of it is passed on. Its content waits in the stream's queue,
/// and the endpoint's window opens only as the client takes it.
extension HTTPDoor {
    // MARK: The request

    /// Hands the head that is in the scratch, as HTTP/1.1 has it, to the session.
    mutating func requestOnStream(_ c: Int, _ u: Int, _ loop: inout EventLoop) {
        let place = Int(upstreams[u].place)
        let o = Int(originStreams[place].session)
        guard o >= 0, let session = origins[o].session else {
            return attemptFailed(c, .originReset, &loop)
        }
        let upstream = origins[o].upstream
        listRequest(isSecure: upstreams[Int(upstream.index)].isSecure)
        guard workspace.isWhole else { return answer(c, .internalError, &loop) }
        let transfer = clients[c].exchange.request
        let isEmpty = transfer.isSourceDone && !transfer.hasFramed && transfer.trailersAt < 0
        let owner = upstreams.handle(at: u).number
        let number = session.request(endsStream: isEmpty, owner: owner)
        guard number > 0 else {
            // The numbers of this connection are used up, or its memory is.
            leaveOrigin(o)
            return attemptFailed(c, .originRefused, &loop)
        }
        originStreams[place].number = number
        count(.originStreams)
        touchOrigin(o)
        if transfer.trailersAt >= 0 { keepRequestTrailers(c) }
        pumpRequest(c, &loop)
    }

    /// Turns the head in the scratch into a field list (RFC 9113 §8.3.1).
    private mutating func listRequest(isSecure: Bool) {
        let text = scratch.bytes
        workspace.beginFields()
        var end = 0
        while end < text.count, text[end] != 0x0d { end &+= 1 }
        let line = text.extracting(first: end)
        var space = 0
        while space < line.count, line[space] != 0x20 { space &+= 1 }
        // Behind the target stands ` HTTP/1.1`.
        let target = min(space &+ 1, line.count)..<max(line.count &- 9, min(space &+ 1, line.count))
        workspace.add(":method", line.extracting(first: space))
        workspace.add(":scheme", isSecure ? "https" : "http")
        workspace.add(":path", line.extracting(target))
        addLines(text, from: end &+ 2, isRequest: true)
    }

    /// Adds whole field lines to the list that goes; those of the connection stay behind.
    mutating func addLines(_ lines: Span<UInt8>, from first: Int, isRequest: Bool) {
        var start = first
        while start < lines.count {
            var end = start
            while end < lines.count, lines[end] != 0x0d { end &+= 1 }
            var colon = start
            while colon < end, lines[colon] != 0x3a { colon &+= 1 }
            var value = colon &+ 1
            while value < end, lines[value] == 0x20 { value &+= 1 }
            if colon < end {
                let name = ByteRange(from: start, to: colon)
                let text = lines.extracting(min(value, end)..<end)
                switch KnownField.recognize(lines, name) {
                case .host where isRequest: workspace.add(":authority", text)
                case .connection, .upgrade, .transferEncoding, .keepAlive, .proxyConnection: break
                default: workspace.add(lines.slice(name), text)
                }
            }
            start = end &+ 2
        }
    }

    /// As ``flushRequestBody(_:_:_:)``: offers what is framed; false until all of it was taken.
    mutating func offerRequest(_ c: Int, _ u: Int) -> Bool {
        let place = Int(upstreams[u].place)
        let o = Int(originStreams[place].session)
        // Without a connection its loss, or the rest of the answer, is still to be read.
        guard o >= 0, let session = origins[o].session else { return false }
        let transfer = clients[c].exchange.request
        guard transfer.hasFramed else {
            if transfer.isSourceDone {
                session.finish(originStreams[place].number)
                touchOrigin(o)
            }
            return true
        }
        let bytes = buffers.bytes(
            clients[c].exchange.requestBlock,
            from: Int(transfer.start),
            count: Int(transfer.end &- transfer.start)
        )
        session.offer(originStreams[place].number, bytes, isLast: transfer.isSourceDone)
        touchOrigin(o)
        // While the origin is slow the client cannot be blamed for a low rate.
        clients[c].exchange.bodyChecked = .never
        arm(c, origins[o].timeouts.send)
        return false
    }

    /// Keeps the trailers of a request by HTTP/1.1 for the end; they are in the table.
    mutating func keepRequestTrailers(_ c: Int) {
        let transfer = clients[c].exchange.request
        let bytes = buffers.bytes(
            clients[c].exchange.requestBlock,
            from: Int(transfer.trailersAt),
            count: Int(transfer.rawStart &- transfer.trailersAt)
        )
        workspace.beginFields()
        for index in 0..<responseFields.count {
            let field = responseFields[index]
            guard !field.isForbidden, !field.isHopByHop else { continue }
            workspace.add(bytes.slice(field.name), bytes.slice(field.value))
        }
        keepListedTrailers(c)
    }

    /// The same of a request by HTTP/2, whose trailers are text.
    mutating func keepRequestTrailers(_ c: Int, _ text: Span<UInt8>) {
        workspace.beginFields()
        addLines(text, from: 0, isRequest: false)
        keepListedTrailers(c)
    }

    private mutating func keepListedTrailers(_ c: Int) {
        let handle = clients[c].exchange.upstream
        guard !clients[c].exchange.request.dropsTrailers, workspace.isWhole,
            upstreams.contains(handle), upstreams[Int(handle.index)].isStream
        else { return }
        let place = Int(upstreams[Int(handle.index)].place)
        let (o, number) = (Int(originStreams[place].session), originStreams[place].number)
        guard o >= 0, number > 0 else { return }
        _ = origins[o].session?.keepTrailers(number)
    }

    /// Content of a request has gone into its connection's output.
    mutating func requestTaken(_ owner: UInt64, _ size: Int) {
        guard let u = originStream(owner), size > 0 else { return }
        let c = Int(upstreams[u].client.index)
        clients[c].exchange.request.sent(size)
        guard clients[c].exchange.request.hasFramed, clients[c].phase == .waiting else { return }
        arm(c, origins[Int(originStreams[Int(upstreams[u].place)].session)].timeouts.send)
    }

    /// Reads on for a request all of whose content has been taken.
    mutating func carryRequestOn(_ owner: UInt64, _ loop: inout EventLoop) {
        guard let u = originStream(owner) else { return }
        let c = Int(upstreams[u].client.index)
        guard !clients[c].exchange.request.hasFramed, !clients[c].exchange.requestSent else {
            return
        }
        pumpRequest(c, &loop)
    }

    // MARK: The response

    /// The entry of a stream that is still in an exchange and has its connection.
    private func originStream(_ owner: UInt64) -> Int? {
        let handle = Handle(number: owner)
        guard owner != 0, upstreams.contains(handle) else { return nil }
        let u = Int(handle.index)
        guard upstreams[u].isStream, clients.contains(upstreams[u].client) else { return nil }
        return u
    }

    mutating func takeResponse(
        _ owner: UInt64,
        _ o: Int,
        endsStream: Bool,
        _ loop: inout EventLoop
    ) {
        guard let u = originStream(owner) else { return }
        let place = Int(upstreams[u].place)
        let method = clients[Int(upstreams[u].client.index)].exchange.head.method
        if originStreams[place].heads.block.isNone {
            originStreams[place].heads = Pending(block: buffers.take())
        }
        let heads = originStreams[place].heads
        guard !heads.block.isNone else {
            count(.buffersExhausted)
            return failStream(u, .outOfBuffers, &loop)
        }
        let (list, text) = (workspace.fields, workspace.text)
        var facts = HTTP2Conversion.ResponseFacts()
        var refusal: Refusal?
        let size = buffers.write(heads.block, at: Int(heads.end)) { output in
            refusal = HTTP2Conversion.writeResponse(
                list,
                text: text,
                endsStream: endsStream,
                answersHead: method == .head,
                facts: &facts,
                into: &output
            )
        }
        let isLong = workspace.isOversized || workspace.listSize > Int(limits.head.headBytes)
        guard refusal == nil, !isLong, !workspace.isInvalid else {
            return failStream(u, .originMalformed, &loop)
        }
        originStreams[place].heads.end &+= Int32(size)
        if facts.status >= 200 { originStreams[place].hasHead = true }
        originStreams[place].addsLength = facts.addsLength
        if endsStream { originStreams[place].isFinished = true }
        wakeStream(u, &loop)
    }

    mutating func takeOriginContent(
        _ owner: UInt64,
        _ bytes: Span<UInt8>,
        _ o: Int,
        _ loop: inout EventLoop
    ) {
        guard let u = originStream(owner) else {
            origins[o].session?.consumeConnection(bytes.count)
            return touchOrigin(o)
        }
        let place = Int(upstreams[u].place)
        guard originStreams[place].queue.append(bytes, in: &buffers) else {
            count(.buffersExhausted)
            origins[o].session?.consumeConnection(bytes.count)
            return failStream(u, .outOfBuffers, &loop)
        }
        wakeStream(u, &loop)
    }

    mutating func takeOriginTrailers(_ owner: UInt64, _ loop: inout EventLoop) {
        guard let u = originStream(owner) else { return }
        let place = Int(upstreams[u].place)
        let (list, text) = (workspace.fields, workspace.text)
        let block = buffers.take()
        var refusal: Refusal?
        let size = buffers.write(block, at: 0) {
            refusal = HTTP2Conversion.writeTrailers(list, text: text, into: &$0)
        }
        let isUsable =
            refusal == nil && !workspace.isInvalid && !workspace.isOversized
            && size <= HTTPDoor.trailerLimit
        guard isUsable, originStreams[place].trailers.block.isNone else {
            buffers.give(block)
            // An answer whose end is wrong is not whole: gRPC has its status there.
            return failStream(u, .originMalformed, &loop)
        }
        originStreams[place].trailers = Pending(block: block, start: 0, end: Int32(size))
        originStreams[place].isFinished = true
        wakeStream(u, &loop)
    }

    /// Bytes of a trailer section.
    static let trailerLimit = 8_192

    mutating func finishOrigin(_ owner: UInt64, _ loop: inout EventLoop) {
        guard let u = originStream(owner) else { return }
        originStreams[Int(upstreams[u].place)].isFinished = true
        wakeStream(u, &loop)
    }

    /// Lets the exchange read what has come.
    mutating func wakeStream(_ u: Int, _ loop: inout EventLoop) {
        upstreams[u].canRead = true
        let c = Int(upstreams[u].client.index)
        guard clients.contains(upstreams[u].client),
            clients[c].exchange.upstream == upstreams.handle(at: u)
        else { return }
        let state = originStreams[Int(upstreams[u].place)]
        switch clients[c].phase {
        case .waiting:
            if let fault = state.fault, state.heads.isEmpty {
                return attemptFailed(c, fault, &loop)
            }
            readResponse(c, u, &loop)
        case .relaying: pumpResponse(c, &loop)
        default: break
        }
    }

    /// As ``receive(upstream:into:at:upTo:)``: heads as text first, then content.
    mutating func receiveFromStream(
        _ u: Int,
        into block: Block,
        at start: Int,
        upTo end: Int
    ) -> IOResult {
        let place = Int(upstreams[u].place)
        let heads = originStreams[place].heads
        var count = min(heads.count, end &- start)
        if count > 0 {
            buffers.copy(
                from: heads.block,
                at: Int(heads.start),
                to: block,
                at: start,
                count: count
            )
            originStreams[place].heads.consume(count)
        }
        if originStreams[place].heads.isEmpty, !heads.block.isNone {
            buffers.give(heads.block)
            originStreams[place].heads = Pending()
        }
        if originStreams[place].heads.isEmpty, count < end &- start {
            let room = end &- start &- count
            let taken = originStreams[place].queue.take(
                room,
                into: block,
                at: start &+ count,
                in: &buffers
            )
            originStreams[place].read &+= UInt64(taken)
            giveWindowBack(place, taken)
            count &+= taken
        }
        let state = originStreams[place]
        upstreams[u].canRead = !state.heads.isEmpty || !state.queue.isEmpty || state.isOver
        if count > 0 || end <= start { return .count(count) }
        guard state.isOver else { return .wouldBlock }
        guard state.fault == nil, state.length == nil || state.length == state.read else {
            return .failed(.connectionReset)
        }
        return .endOfStream
    }

    // Now, and not before, may the endpoint send as much again.
    private mutating func giveWindowBack(_ place: Int, _ count: Int) {
        let o = Int(originStreams[place].session)
        guard o >= 0, count > 0 else { return }
        origins[o].session?.consume(originStreams[place].number, count)
        touchOrigin(o)
    }

    /// A final response has begun: its content ends with its stream, whatever its length.
    mutating func followStream(_ c: Int, _ u: Int, _ framing: BodyFraming) {
        let place = Int(upstreams[u].place)
        guard case .length(let length) = framing,
            length > 0 || !originStreams[place].isFinished
        else { return }
        originStreams[place].length = length
        clients[c].exchange.response.source = .untilClose
    }

    /// Trailers that came on a stream, with the empty line that ends them; empty without any.
    @_lifetime(immortal)
    func streamTrailers(_ u: Int) -> Span<UInt8> {
        let pending = originStreams[Int(upstreams[u].place)].trailers
        return buffers.bytes(pending.block, from: 0, count: pending.count)
    }

    /// The stream has ended well: passes its trailers on.
    mutating func finishResponse(_ c: Int, _ u: Int, _ loop: inout EventLoop) -> Bool {
        let text = streamTrailers(u)
        if clients[c].isStream, !text.isEmpty {
            workspace.beginFields()
            addLines(text, from: 0, isRequest: false)
            let place = Int(clients[c].place)
            if workspace.isWhole {
                let session = sessions[Int(streams[place].session)].session
                _ = session.keepTrailers(streams[place].number)
            }
        }
        let isWhole = clients[c].exchange.response.finish(
            in: &buffers,
            block: upstreams[u].input.block,
            trailers: text
        )
        if !isWhole { abandon(c, .originMalformed, &loop) }
        return isWhole
    }

    // MARK: Ending

    /// What came on the stream cannot be used.
    private mutating func failStream(_ u: Int, _ fault: Fault, _ loop: inout EventLoop) {
        let place = Int(upstreams[u].place)
        if originStreams[place].fault == nil { originStreams[place].fault = fault }
        originStreams[place].isFinished = false
        wakeStream(u, &loop)
    }

    /// The stream is closed, by the endpoint or because of what it sent.
    mutating func loseOrigin(
        _ owner: UInt64,
        _ o: Int,
        _ code: HTTP2ErrorCode,
        _ loop: inout EventLoop
    ) {
        guard let u = originStream(owner) else { return }
        let place = Int(upstreams[u].place)
        guard !originStreams[place].isOver else { return }
        switch code {
        case .refusedStream:
            count(.originRefusals)
            originStreams[place].fault = .originRefused
        case .protocolError, .flowControlError, .frameSizeError:
            originStreams[place].fault = .originMalformed
        default: originStreams[place].fault = .originReset
        }
        wakeStream(u, &loop)
    }

    /// GOAWAY: streams above the last that is served have not been looked at (RFC 9113 §6.8).
    mutating func originLeaves(_ o: Int, _ last: Int32, _ loop: inout EventLoop) {
        leaveOrigin(o)
        // Once per connection: here memory may be asked for.
        var refused: [Handle] = []
        var place = Int(origins[o].active.first)
        while place >= 0 {
            let state = originStreams[place]
            if state.number > last, !state.isOver { refused.append(state.upstream) }
            place = Int(state.next)
        }
        let isWarm = origins[o].hasServed
        for handle in refused where upstreams.contains(handle) {
            let u = Int(handle.index)
            let c = Int(upstreams[u].client.index)
            guard clients.contains(upstreams[u].client), clients[c].phase == .waiting else {
                continue
            }
            count(.originRefusals)
            // An endpoint that served before only changes connections: it is asked again by another.
            let mayRepeat = Int(clients[c].exchange.tried) <= Int(clients[c].exchange.retries)
            if isWarm, mayRepeat, isUnread(c), !clients[c].hangUp {
                chooseAgain(c, after: .originRefused, &loop)
            } else {
                attemptFailed(c, .originRefused, &loop)
            }
        }
    }

    /// Gives back everything a stream holds, and tells the endpoint when it is not needed any more.
    mutating func freeOriginStream(_ u: Int) {
        let place = Int(upstreams[u].place)
        let state = originStreams[place]
        let o = Int(state.session)
        if o >= 0 {
            unlink(place, o)
            if let session = origins[o].session {
                if state.number > 0, session.isOpen(state.number) {
                    session.reset(state.number, .cancel)
                    session.release(state.number)
                    if !state.isOver { suspectOrigin(o) }
                }
                session.consumeConnection(state.queue.count)
            }
            if state.hasHead { origins[o].hasServed = true }
            origins[o].idleSince = now
            touchOrigin(o)
        }
        originStreams[place].queue.giveBack(to: &buffers)
        buffers.give(state.heads.block)
        buffers.give(state.trailers.block)
        originStreams.remove(originStreams.handle(at: place))
        upstreamTimers.cancel(u)  // set where its endpoint drains
        buffers.give(upstreams[u].input.block)
        buffers.give(upstreams[u].output.block)
        upstreamTimers.cancel(u)
        upstreams.remove(upstreams.handle(at: u))
    }
}
