// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Runtime
internal import Steering

// Connections: begun by a timer, carried on by events, ended by the exchange or the timeout.
extension ProbeDriver {
    /// Starts what is due and ends what has had its time.
    public mutating func expire(now: Instant, loop: inout EventLoop) {
        followCommands(&loop, now: now)
        noteStuck(now: now)
        while let place = wheel.popExpired(now: now) {
            guard targets.indices.contains(place) else { continue }
            switch targets[place].activity {
            case .idle: start(place, loop: &loop, now: now)
            case .running(let handle): expire(handle, of: place, now: now)
            case .commanding(let number): expireCommand(place, number, now: now)
            case .lingering(let number): expireLingering(place, number, now: now)
            case .absent, .waiting: continue
            }
        }
        startWaiting(&loop, now: now)
        startWaitingCommands(now: now)
    }

    /// Ends a probe that has had its time.
    ///
    /// One that nobody looked after meanwhile gets as much more, once: its answer may be in, or its
    /// endpoint waits for the next step from here.
    private mutating func expire(_ handle: Handle, of place: Int, now: Instant) {
        let index = Int(handle.index)
        let timeout = targets[place].target.rhythm.timeout
        let late = now - (flights[index].started + timeout)
        guard late > ProbeDriver.lateness, !flights[index].isExtended else {
            return act(exchanges[index].expired(), handle, now: now)
        }
        flights[index].isExtended = true
        wheel.schedule(place, at: now + min(late, timeout))
    }

    /// Carries on the probe that an event belongs to; stale events are ignored.
    public mutating func handle(_ event: Event, loop: inout EventLoop, now: Instant) {
        let token = EventToken(raw: event.token)
        if token.kind == ProbeDriver.commandKind { return handleCommands(now: now) }
        let handle = flights.handle(at: token.index)
        guard token.kind == ProbeDriver.eventKind, !handle.isNone, token.names(handle) else {
            return
        }
        if exchanges[token.index].isConnecting {
            guard connect(handle, event, now: now) else {
                startWaiting(&loop, now: now)
                return
            }
        } else if event.isWritable {
            isCall(token.index) ? flushCall(handle, now: now) : send(handle, now: now)
        }
        if flights.contains(handle), event.isReadable || event.isHangUp || event.isError {
            receive(handle, isLast: event.isHangUp || event.isError, now: now)
        }
        startWaiting(&loop, now: now)
    }

    private mutating func startWaiting(_ loop: inout EventLoop, now: Instant) {
        while !line.isEmpty, !isFull {
            guard let place = line.popFirst(), targets[place].activity == .waiting else { continue }
            targets[place].activity = .idle
            start(place, loop: &loop, now: now)
        }
    }

    private mutating func start(_ place: Int, loop: inout EventLoop, now: Instant) {
        if case .command(let question) = targets[place].target.question {
            return startCommand(place, question, now: Clock.monotonic())
        }
        guard !isFull else {
            targets[place].activity = .waiting
            line.append(place)
            statistics.delayed &+= 1
            return
        }
        let started = Clock.monotonic()
        let deadline = targets[place].schedule.begin(now: started)
        let target = targets[place].target
        switch target.question.isDatagram
            ? Socket.connectDatagram(to: target.address) : Socket.connect(to: target.address)
        {
        case .connected(let fd), .inProgress(let fd):
            launch(place, fd, started: started, loop: &loop)
            wheel.schedule(place, at: deadline)
        case .failed(let error) where error.isShortage:
            postpone(place, now: started)
        case .failed(let error):
            // The kernel knew at once, for example that there is no route.
            statistics.started &+= 1
            var exchange = ProbeExchange()
            exchange.begin(targets[place].target.question)
            guard case .finish(let outcome) = exchange.broke(fault(error)) else { return }
            report(place, outcome, exchange: exchange, started: started)
        }
    }

    private mutating func launch(
        _ place: Int,
        _ fd: FileDescriptor,
        started: Instant,
        loop: inout EventLoop
    ) {
        let flight = ProbeFlight(place: Int32(truncatingIfNeeded: place), fd: fd, started: started)
        guard let handle = flights.insert(flight) else {
            fd.close()
            postpone(place, now: started)
            return
        }
        while exchanges.count <= Int(handle.index) { exchanges.append(ProbeExchange()) }
        let target = targets[place].target
        let number = UInt16(truncatingIfNeeded: random.next() >> 16)
        if case .dns(let dns) = target.question {
            dns.setNumber(number, in: &targets[place].request)
        }
        exchanges[Int(handle.index)].begin(
            target.question,
            certificate: target.certificate,
            number: number
        )
        targets[place].activity = .running(handle)
        statistics.started &+= 1
        // Edge-triggered for both directions from the start: no second epoll_ctl per probe.
        let token = EventToken(kind: ProbeDriver.eventKind, handle: handle)
        guard loop.add(fd, token: token.raw, interest: [.read, .write, .edge]) else {
            close(handle)
            postpone(place, now: started)
            return
        }
    }

    /// This machine is short of something: no word against the endpoint, its state stays.
    mutating func postpone(_ place: Int, now: Instant) {
        statistics.starved &+= 1
        rest(place, now: now)
    }

    mutating func rest(_ place: Int, now: Instant) {
        targets[place].activity = .idle
        targets[place].schedule.finish(now: now, random: &random)
        wheel.schedule(place, at: targets[place].schedule.due)
    }

    private func fault(_ error: SystemError) -> ProbeExchange.Fault {
        switch error {
        case .connectionRefused: .refused
        case .connectionReset, .brokenPipe: .reset
        case .timedOut: .timedOut
        default: .other(error.description)
        }
    }

    /// False when the probe ended here.
    private mutating func connect(_ handle: Handle, _ event: Event, now: Instant) -> Bool {
        let index = Int(handle.index)
        if let error = Socket.error(flights[index].fd) {
            act(exchanges[index].broke(fault(error)), handle, now: now)
            return false
        }
        if !flights[index].tls.isNone { return agree(handle, now: now) }
        guard event.isWritable else { return false }
        let version = targets[Int(flights[index].place)].target.proxyHeader
        if let version, !ProbeDriver.introduce(flights[index].fd, version) {
            act(exchanges[index].broke(.reset), handle, now: now)
            return false
        }
        if let security = targets[Int(flights[index].place)].target.security {
            let session = tls.connect(flights[index].fd, security.context, name: security.name)
            guard let session else {
                let place = Int(flights[index].place)
                close(handle)
                postpone(place, now: now)
                return false
            }
            flights[index].tls = session
            return agree(handle, now: now)
        }
        act(exchanges[index].connected(), handle, now: now)
        return flights.contains(handle)
    }

    /// Says that the connection is for nobody; false when the new socket did not take it whole.
    private static func introduce(_ fd: FileDescriptor, _ version: ProxyVersion) -> Bool {
        let header = [UInt8](capacity: 16) { $0.writeProxyHeader(ofOwn: version) }
        return Socket.send(fd, header.span) == .count(header.count)
    }

    /// Carries the handshake on; to the exchange it is part of connecting.
    private mutating func agree(_ handle: Handle, now: Instant) -> Bool {
        let index = Int(handle.index)
        switch tls.handshake(flights[index].tls, nil) {
        case .wantsRead, .wantsWrite, .wantsSignature: return false
        case .established:
            let action = exchanges[index].agreed(
                certificateEnds: tls.peerCertificateEnds(flights[index].tls),
                now: Clock.realtime() / 1_000_000_000
            )
            act(action, handle, now: now)
        case .failed(let failure):
            // Whoever waits for the day of an end must hear of one that is over.
            exchanges[index].shown(certificateEnds: tls.peerCertificateEnds(flights[index].tls))
            act(exchanges[index].broke(.security("\(failure.word)")), handle, now: now)
        }
        return flights.contains(handle)
    }

    private mutating func send(_ handle: Handle, now: Instant) {
        let index = Int(handle.index)
        let place = Int(flights[index].place)
        let sent = Int(flights[index].sent)
        let request = targets[place].request
        guard sent < request.count else { return }
        let rest = request.span.extracting(sent..<request.count)
        let session = flights[index].tls
        let result =
            session.isNone ? Socket.send(flights[index].fd, rest) : tls.send(session, rest)
        switch result {
        case .count(let count): flights[index].sent += Int32(truncatingIfNeeded: count)
        case .wouldBlock, .endOfStream: return
        case .failed:
            // A peer that answers without listening resets us here, yet its answer may be in.
            receive(handle, isLast: true, now: now)
        }
    }

    /// Reads until the socket is empty, as edge-triggered events demand.
    private mutating func receive(_ handle: Handle, isLast: Bool, now: Instant) {
        let index = Int(handle.index)
        while flights.contains(handle) {
            if flights[index].block.isNone { flights[index].block = buffers.take() }
            let flight = flights[index]
            let room = BufferPool.blockSize - Int(flight.length)
            guard !flight.block.isNone, room > 0 else {
                // No memory for it, or bytes that the exchange can neither use nor refuse.
                act(exchanges[index].expired(), handle, now: now)
                return
            }
            let length = Int(flight.length)
            let result =
                flight.tls.isNone
                ? buffers.receive(flight.fd, into: flight.block, at: length)
                : buffers.receive(tls, flight.tls, into: flight.block, at: length)
            switch result {
            case .count(let count):
                // A datagram says nothing of those behind it.
                let isEmptied =
                    flight.tls.isNone
                    ? count < room && !isDatagram(flight) : !tls.mayHaveMore(flight.tls)
                consume(handle, length + count, now: now)
                // A short read has emptied the socket; the end, if it is near, makes a new event.
                if isEmptied, !isLast { return settle(handle) }
            case .wouldBlock: return settle(handle)
            case .endOfStream: act(exchanges[index].ended(), handle, now: now)
            case .failed(let error):
                act(exchanges[index].broke(fault(error)), handle, now: now)
            }
        }
    }

    private mutating func consume(_ handle: Handle, _ length: Int, now: Instant) {
        let index = Int(handle.index)
        let block = flights[index].block
        let reception =
            isCall(index)
            ? feedCall(index, block, count: length)
            : exchanges[index].received(
                buffers.bytes(block, from: 0, count: length),
                fields: &fields
            )
        let used = min(max(reception.consumed, 0), length)
        if used > 0, used < length {
            buffers.copy(from: block, at: used, to: block, at: 0, count: length - used)
        }
        flights[index].length = Int32(truncatingIfNeeded: length - used)
        act(reception.action, handle, now: now)
        flushCall(handle, now: now)
    }

    private func isDatagram(_ flight: ProbeFlight) -> Bool {
        targets[Int(flight.place)].target.question.isDatagram
    }

    /// A probe without bytes in hand holds no buffer.
    private mutating func settle(_ handle: Handle) {
        guard flights.contains(handle) else { return }
        let index = Int(handle.index)
        guard flights[index].length == 0 else { return }
        buffers.give(flights[index].block)
        flights[index].block = .none
    }

    mutating func act(_ action: ProbeExchange.Action, _ handle: Handle, now: Instant) {
        switch action {
        case .wait: return
        case .send:
            let place = Int(flights[Int(handle.index)].place)
            guard case .grpc(let call) = targets[place].target.question else {
                return send(handle, now: now)
            }
            beginCall(handle, call, now: now)
        case .finish(let outcome):
            let index = Int(handle.index)
            guard flights.contains(handle) else { return }
            let flight = flights[index]
            close(handle)
            report(
                Int(flight.place),
                outcome,
                exchange: exchanges[index],
                started: flight.started
            )
        }
    }

    private mutating func report(
        _ place: Int,
        _ outcome: ProbeOutcome,
        exchange: borrowing ProbeExchange,
        started: Instant
    ) {
        let at = Clock.monotonic()
        if outcome == .success { statistics.passed &+= 1 } else { statistics.failed &+= 1 }
        results.append(
            ProbeResult(
                slot: targets[place].target.slot,
                outcome: outcome,
                note: exchange.note,
                status: exchange.status,
                role: exchange.role,
                certificateEnds: exchange.certificateEnds,
                latency: at - started,
                at: at
            )
        )
        rest(place, now: at)
    }

    mutating func close(_ handle: Handle) {
        let flight = flights[Int(handle.index)]
        guard flights.remove(handle) else { return }
        endCall(Int(handle.index))
        buffers.give(flight.block)
        if !flight.tls.isNone { tls.close(flight.tls, saying: false) }
        // RST at once: no TIME_WAIT here, and the peer need not linger either.
        Socket.resetOnClose(flight.fd)
        flight.fd.close()
    }
}
