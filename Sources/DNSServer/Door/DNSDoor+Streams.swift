// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime
internal import Steering

/// DNS over TCP (RFC 7766): queries may be pipelined, and answers come in their order; those to
/// queries behind the request for a zone come while that is on its way.
extension DNSDoor {
    /// Connections accepted before others get their turn.
    static var acceptsPerTurn: Int { 64 }
    /// The idle timeout while more than half of the allowed connections are open.
    static var pressedTimeout: Interval { .seconds(2) }
    /// How long a door that closes waits for the first query behind a handshake.
    static var lastWait: Interval { .seconds(1) }

    // MARK: Accepting

    mutating func accept(_ number: Int, _ loop: inout EventLoop) {
        let listener = listeners[number].stream
        guard !listener.isNone else { return }
        for _ in 0..<DNSDoor.acceptsPerTurn {
            switch Socket.accept(listener) {
            case .connection(let socket, let peer): take(socket, peer, number, &loop)
            case .wouldBlock: return
            case .failed(let error):
                guard error == .tooManyFiles else { continue }
                // Level-triggered: without a pause this would be told, and fail, without end.
                words.addOwned(DNSCounter.acceptPauses.rawValue, 1)
                let token = EventToken(kind: DNSEventKind.listener, index: number)
                loop.modify(listener, token: token.raw, interest: [])
                listeners[number].acceptsAgainAt = now + DNSDoor.acceptPause
                return
            }
        }
    }

    private mutating func take(
        _ socket: FileDescriptor,
        _ peer: SocketAddress?,
        _ number: Int,
        _ loop: inout EventLoop
    ) {
        let open = shared.connections.add(number, 1)
        let connection = DNSConnection(
            socket: socket,
            listener: number,
            peer: peer?.ip.unmapped ?? IPAddress(v4: 0),
            port: peer?.port ?? 0
        )
        let security = security(number)
        guard open <= UInt64(clamping: settings(number).connectionLimit),
            let handle = connections.insert(connection)
        else {
            shared.connections.add(number, ~0)
            count(security == nil ? .connectionsRefused : .secureRefused)
            return socket.close()
        }
        count(security == nil ? .connectionsAccepted : .secureAccepted)
        let place = Int(handle.index)
        watch(place, &loop)
        setDeadline(place)
        if let security { beginSession(place, security) }
    }

    /// Has the loop tell of a connection that it does not know.
    mutating func watch(_ place: Int, _ loop: inout EventLoop) {
        connections[place].wantsWrite = false
        let handle = connections.handle(at: place)
        let token = EventToken(kind: DNSEventKind.connection, handle: handle)
        loop.add(connections[place].socket, token: token.raw, interest: .read)
    }

    /// Has the loop tell when a connection takes bytes, or else when some come.
    mutating func expect(_ place: Int, room: Bool, _ loop: inout EventLoop) {
        guard room != connections[place].wantsWrite else { return }
        connections[place].wantsWrite = room
        let handle = connections.handle(at: place)
        let token = EventToken(kind: DNSEventKind.connection, handle: handle)
        let interest: Interest = room ? .write : .read
        loop.modify(connections[place].socket, token: token.raw, interest: interest)
    }

    mutating func count(_ counter: DNSCounter) { words.addOwned(counter.rawValue, 1) }

    // Counts from the last query answered, not from the last octet: who trickles gains nothing.
    mutating func setDeadline(_ place: Int) {
        timers.schedule(place, at: now + timeout(connections[place].listener))
    }

    private func timeout(_ number: Int) -> Interval {
        let settings = settings(number)
        let limit = UInt64(clamping: settings.connectionLimit)
        let isPressed = shared.connections.load(number) > limit / 2
        return isPressed ? min(settings.idleTimeout, DNSDoor.pressedTimeout) : settings.idleTimeout
    }

    /// The door closes: a first query has this long to come.
    mutating func hurry(_ place: Int) {
        guard connections[place].isSecure, connections[place].isFresh else { return }
        let timeout = settings(connections[place].listener).idleTimeout
        timers.schedule(place, at: now + min(timeout, DNSDoor.lastWait))
    }

    mutating func close(_ place: Int) {
        if connections[place].isTransferring { endTransfers(place) }
        if !late.isEmpty { late.removeValue(forKey: place) }
        let connection = connections[place]
        timers.cancel(place)
        buffers.give(connection.input)
        for index in 0..<DNSConnection.pendingBlocks { buffers.give(connection.pending[index]) }
        // A client that came so far is told that nothing is missing (RFC 8446 §6.1).
        if connection.isSecure { tls.close(connection.tls, saying: !connection.isShaking) }
        connection.socket.close()
        shared.connections.add(connection.listener, ~0)
        count(connection.isSecure ? .secureClosed : .connectionsClosed)
        connections.remove(connections.handle(at: place))
    }

    // MARK: Serving

    mutating func serve(_ place: Int, _ event: Event, _ loop: inout EventLoop) {
        if connections[place].isShaking { return shakeHands(place, &loop) }
        if event.isError { return close(place) }
        if isBlocked(place) {
            guard sendPending(place) else { return }
            // Nothing is read from a peer that does not take its answers.
            if isBlocked(place) { return }
            guard carryOn(place) else { return }
        } else if event.isReadable || event.isHangUp {
            guard readOnce(place), answerFrames(place) else { return }
        }
        settle(place, &loop)
    }

    /// Reads and answers as after an event.
    mutating func serveInput(_ place: Int, _ loop: inout EventLoop) {
        guard readOnce(place), answerFrames(place) else { return }
        settle(place, &loop)
    }

    // One read per turn: a busy connection cannot keep the loop from the others. False: closed.
    mutating func readOnce(_ place: Int) -> Bool {
        // Behind the request for one transfer too many input waits in its block and in the socket.
        if connections[place].isTransferring {
            let isFull = connections[place].inputCount >= BufferPool.blockSize
            guard !isFull, !connections[place].hasEnded else { return true }
        }
        if connections[place].input.isNone { connections[place].input = buffers.take() }
        let connection = connections[place]
        guard !connection.input.isNone else {
            close(place)
            return false
        }
        switch receive(place) {
        case .count(let count): connections[place].inputCount += count
        case .endOfStream: connections[place].hasEnded = true
        case .wouldBlock: break
        case .failed:
            close(place)
            return false
        }
        return true
    }

    // Answers the queries in hand until none is whole or the peer takes no more. False: closed.
    mutating func answerFrames(_ place: Int) -> Bool {
        while connections[place].inputCount > 1, !isBlocked(place) {
            let progress = answerBatch(place)
            consume(progress.consumed, of: place)
            if progress.answered > 0 {
                connections[place].isFresh = false
                setDeadline(place)
                guard sendScratch(place) else { return false }
            }
            if progress.isBroken {
                connections[place].hasEnded = true
                consume(connections[place].inputCount, of: place)
            }
            if progress.transferLength > 0, !isBlocked(place) {
                guard !hasMostTransfers(place) else { break }
                guard beginTransfer(place, progress.transferLength) else { return false }
            }
            guard progress.isFull else { break }
        }
        return true
    }

    private mutating func answerBatch(_ place: Int) -> FrameProgress {
        let connection = connections[place]
        let settings = settings(connection.listener)
        var context = AnswerContext(
            now: now,
            random: random,
            ednsSize: settings.ednsSize,
            transport: connection.transport,
            client: connection.peer,
            hearsSubnet: snapshot.trusts(connection.peer, settings.subnets),
            conduct: snapshot.conduct
        )
        context.timestamp = DNSDoor.timestamp()
        context.clientPort = connection.port
        context.listener = Int16(truncatingIfNeeded: connection.listener)
        context.keepalive = UInt16(clamping: timeout(connection.listener).nanoseconds / 100_000_000)
        var tally = DNSTally()
        let input = buffers.bytes(
            connections[place].input,
            from: 0,
            count: connections[place].inputCount
        )
        var updates: [[UInt8]] = []
        var progress = DNSDoor.answer(
            input,
            snapshot,
            book,
            origin,
            &sampler,
            &context,
            &tally,
            &updates,
            into: &scratch
        )
        random = context.random
        note(tally)
        if !updates.isEmpty {
            for refusal in handIn(updates, from: place) where writeFrame(refusal) {
                progress.answered += 1
            }
        }
        return progress
    }

    // A message behind what is written already; false without room for it.
    private mutating func writeFrame(_ message: [UInt8]) -> Bool {
        var isWritten = false
        scratch.append { output in
            guard output.freeCapacity >= message.count + 2 else { return }
            output.write(uint16: UInt16(truncatingIfNeeded: message.count))
            output.write(message.span)
            isWritten = true
        }
        return isWritten
    }

    /// Sends an answer that has come later than its query.
    mutating func deliver(_ message: [UInt8], to place: Int, _ loop: inout EventLoop) {
        // Who does not take answers does not get this one either, and will ask again.
        // Only a zone on its way may be what fills the connection.
        guard message.count <= Int(UInt16.max) else { return close(place) }
        guard !isBlocked(place) else {
            if !keepLate(message, for: place) { close(place) }
            return
        }
        guard sendFrame(message, to: place) else { return }
        settle(place, &loop)
    }

    /// Sends one message with its length in front; false: closed.
    mutating func sendFrame(_ message: [UInt8], to place: Int) -> Bool {
        scratch.write { output in
            output.write(uint16: UInt16(truncatingIfNeeded: message.count))
            output.write(message.span)
        }
        connections[place].isFresh = false
        setDeadline(place)
        return sendScratch(place)
    }

    private static func answer(
        _ input: Span<UInt8>,
        _ snapshot: DNSSnapshot,
        _ book: AnswerBook,
        _ origin: AnswerBook.Origin,
        _ sampler: inout QuerySampler,
        _ context: inout AnswerContext,
        _ tally: inout DNSTally,
        _ updates: inout [[UInt8]],
        into scratch: inout Scratch
    ) -> FrameProgress {
        let views = snapshot.views
        let steer = snapshot.steer
        var progress = FrameProgress()
        scratch.write { output in
            while let frame = nextFrame(input, &progress) {
                let start = output.count
                let request = input.extracting(frame)
                let query = DNSQuery.read(request)
                guard !isTransfer(query) else {
                    progress.transferLength = frame.count &+ 2
                    progress.isFull = true
                    return
                }
                output.write(uint16: 0)
                sampler.mark(&context)
                let outcome = Authority.answer(
                    query,
                    request,
                    snapshot,
                    views,
                    steer,
                    &context,
                    into: &output
                )
                if isUpdate(outcome, query), snapshot.takesUpdates {
                    output.removeLast(output.count &- start)
                    updates.append(copy(request))
                    progress.consumed = frame.upperBound
                    continue
                }
                let length = output.count &- start &- 2
                if start > 0, outcome.isTruncated || length <= 0, !outcome.isDropped {
                    // Only for want of room behind earlier answers: again when those are sent.
                    output.removeLast(output.count &- start)
                    progress.isFull = true
                    return
                }
                tally.add(outcome, DNSCounter.of(context.transport))
                if outcome.isNotice { book.tell(request, context, outcome) }
                context.count(outcome, of: query.type, in: book, steer)
                progress.consumed = frame.upperBound
                guard length > 0 else {
                    output.removeLast(output.count &- start)
                    progress.isBroken = true
                    return
                }
                if context.isSampled {
                    book.keep(query, outcome, context, output, from: start &+ 2, origin)
                }
                sampler.advance()
                output[start] = UInt8(truncatingIfNeeded: length >> 8)
                output[start &+ 1] = UInt8(truncatingIfNeeded: length)
                progress.answered &+= 1
            }
        }
        return progress
    }

    // RFC 1035 §4.2.2: two octets of length, then the message.
    private static func nextFrame(
        _ input: Span<UInt8>,
        _ progress: inout FrameProgress
    ) -> Range<Int>? {
        let start = progress.consumed
        guard start &+ 2 <= input.count else { return nil }
        let length = Int(input[start]) << 8 | Int(input[start &+ 1])
        // No query is that long: waiting for it would only tie up the block.
        guard length >= DNSQuery.headerLength, length <= BufferPool.blockSize &- 2 else {
            progress.isBroken = true
            return nil
        }
        let end = start &+ 2 &+ length
        return end <= input.count ? start &+ 2..<end : nil
    }

    mutating func consume(_ count: Int, of place: Int) {
        let connection = connections[place]
        let rest = connection.inputCount - count
        if count > 0, rest > 0 {
            buffers.copy(
                from: connection.input,
                at: count,
                to: connection.input,
                at: 0,
                count: rest
            )
        }
        connections[place].inputCount = max(rest, 0)
    }

    // MARK: Sending

    // Sends what was written; what the socket does not take is kept in blocks. False: closed.
    mutating func sendScratch(_ place: Int) -> Bool {
        var sent = 0
        while sent < scratch.count {
            switch send(place, scratch.bytes.extracting(sent..<scratch.count)) {
            case .count(let count): sent += count
            case .wouldBlock: return keep(from: sent, of: place)
            case .endOfStream, .failed:
                close(place)
                return false
            }
        }
        return true
    }

    private mutating func keep(from start: Int, of place: Int) -> Bool {
        var position = start
        for index in 0..<DNSConnection.pendingBlocks where position < scratch.count {
            let block = buffers.take()
            connections[place].pending[index] = block
            guard !block.isNone else {
                close(place)
                return false
            }
            let end = min(position + BufferPool.blockSize, scratch.count)
            let piece = scratch.bytes.extracting(position..<end)
            _ = buffers.write(block, at: 0) { output in output.write(piece) }
            position = end
        }
        connections[place].pendingStart = 0
        connections[place].pendingEnd = position - start
        return true
    }

    // False: closed.
    private mutating func sendPending(_ place: Int) -> Bool {
        if connections[place].isSecure {
            guard flushSession(place) else { return false }
            if isBlocked(place) { return true }
        }
        while connections[place].pendingStart < connections[place].pendingEnd {
            let connection = connections[place]
            let index = connection.pendingStart / BufferPool.blockSize
            let offset = connection.pendingStart % BufferPool.blockSize
            let rest = connection.pendingEnd - connection.pendingStart
            let piece = buffers.bytes(connection.pending[index], from: offset, count: rest)
            switch send(place, piece) {
            case .count(let count): connections[place].pendingStart += count
            case .wouldBlock: return true
            case .endOfStream, .failed:
                close(place)
                return false
            }
        }
        for index in 0..<DNSConnection.pendingBlocks {
            buffers.give(connections[place].pending[index])
            connections[place].pending[index] = .none
        }
        connections[place].pendingStart = 0
        connections[place].pendingEnd = 0
        setDeadline(place)
        return true
    }

    // After each turn: close what is done, hold no block without need, listen for the right thing.
    mutating func settle(_ place: Int, _ loop: inout EventLoop) {
        let connection = connections[place]
        let isWaiting = isBlocked(place)
        let isOver = connection.hasEnded && !connection.isTransferring
        if !isWaiting, isOver || (isShuttingDown && connection.mayEnd) { return close(place) }
        if connection.inputCount == 0, !connection.input.isNone {
            buffers.give(connection.input)
            connections[place].input = .none
        }
        if connection.holdsMore || connection.isTransferring, !isWaiting { queueReady(place) }
        expect(place, room: isWaiting, &loop)
    }
}
