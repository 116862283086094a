// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// Brings one batch at a time to a collector, on the control loop: sockets, TLS and clocks.
///
/// It never waits: a collector that hangs costs a descriptor until the time is over. A connection
/// whose answer was read to its end is kept for the next batch.
struct ExportDriver: ~Copyable {
    static let eventKind: UInt8 = 84
    /// How long a connection is kept without a batch; collectors commonly keep theirs longer.
    static let idleTime = Interval.seconds(30)

    /// Who is asked, and how.
    struct Collector {
        var address: SocketAddress
        /// The client side of TLS and the name that is expected; nil for plain TCP.
        var security: (context: TLSClientContext, name: String)?

        fileprivate func isSame(as other: Collector) -> Bool {
            address == other.address && security?.context === other.security?.context
                && security?.name == other.security?.name
        }
    }

    private struct Flight {
        let fd: FileDescriptor
        var request: [UInt8]
        let collector: Collector
        var deadline: Instant
        /// It has brought a batch before this one.
        var isUsed = false
        var sent = 0
        var tls = Handle.none
        var phase = Phase.connecting
        var answer = ExportAnswer()
    }

    private enum Phase { case connecting, securing, talking, idle }

    private var flight: Flight?
    private var generation: UInt32 = 0
    private var sessions = TLSSessions(limit: 4)

    deinit { flight?.fd.close() }

    /// True while a batch is on its way.
    var isBusy: Bool { flight.map { $0.phase != .idle } ?? false }

    /// When the batch on its way, or the connection without one, has had its time.
    var deadline: Instant { flight?.deadline ?? .never }

    /// Sends a request; an answer when there is one at once, because nothing could be begun.
    mutating func begin(
        _ request: [UInt8],
        to collector: Collector,
        by deadline: Instant,
        now: Instant,
        _ loop: inout EventLoop
    ) -> ExportMachine.Answer? {
        if reuse(request, for: collector, by: deadline) { return finished(talk(), now) }
        cancel()
        switch Socket.connect(to: collector.address) {
        case .connected(let fd), .inProgress(let fd):
            generation &+= 1
            flight = Flight(fd: fd, request: request, collector: collector, deadline: deadline)
            let token = EventToken(kind: ExportDriver.eventKind, handle: handle)
            guard loop.add(fd, token: token.raw, interest: [.read, .write, .edge]) else {
                cancel()
                return .lost("no more descriptors can be watched")
            }
            return nil
        case .failed(let error): return .lost("\(error)")
        }
    }

    /// True when the connection that was kept can bring the request.
    private mutating func reuse(
        _ request: [UInt8],
        for collector: Collector,
        by deadline: Instant
    ) -> Bool {
        guard let kept = flight, kept.phase == .idle, kept.collector.isSame(as: collector) else {
            return false
        }
        flight?.request = request
        flight?.deadline = deadline
        flight?.sent = 0
        flight?.answer = ExportAnswer()
        flight?.isUsed = true
        flight?.phase = .talking
        return true
    }

    /// Carries the batch on; its answer when that is there.
    mutating func handle(_ event: Event, now: Instant) -> ExportMachine.Answer? {
        guard let flight, EventToken(raw: event.token).names(handle) else { return nil }
        guard flight.phase != .idle else {
            // Nobody has asked for anything: an end, or nonsense.
            if listen() != nil || self.flight?.answer.isSilent == false { cancel() }
            return nil
        }
        return finished(advance(event), now)
    }

    /// Ends a batch, or a connection without one, that has had its time.
    mutating func expire(now: Instant) -> ExportMachine.Answer? {
        guard let flight, now >= flight.deadline else { return nil }
        var answer: ExportMachine.Answer?
        switch flight.phase {
        case .connecting: answer = .lost("no connection came about in time")
        case .securing: answer = .lost("TLS was not agreed on in time")
        case .talking: answer = self.flight?.answer.expire(realtime: Clock.realtime())
        case .idle: break
        }
        cancel()
        return answer
    }

    /// Breaks a batch off; an answer when the collector has taken it, and only not said all.
    mutating func giveUp() -> ExportMachine.Answer? {
        guard let flight, flight.phase == .talking else {
            cancel()
            return nil
        }
        let answer = self.flight?.answer.expire(realtime: Clock.realtime())
        cancel()
        if case .taken = answer { return answer }
        return nil
    }

    /// Forgets the batch.
    mutating func cancel() {
        guard let flight else { return }
        if !flight.tls.isNone { sessions.close(flight.tls, saying: false) }
        flight.fd.close()
        self.flight = nil
    }

    private var handle: Handle { Handle(index: 0, generation: generation) }

    private mutating func finished(
        _ answer: ExportMachine.Answer?,
        _ now: Instant
    ) -> ExportMachine.Answer? {
        guard let answer, let flight else { return answer }
        if case .taken = answer, flight.answer.isReusable, flight.sent == flight.request.count {
            self.flight?.request = []
            self.flight?.sent = 0
            self.flight?.answer = ExportAnswer()
            self.flight?.phase = .idle
            self.flight?.deadline = now + ExportDriver.idleTime
            return answer
        }
        cancel()
        // Closed by the collector while it was kept, and perhaps before it saw any of this.
        if case .lost = answer, flight.isUsed, flight.answer.isSilent { return .stale }
        return answer
    }

    // MARK: Steps

    private mutating func advance(_ event: Event) -> ExportMachine.Answer? {
        guard let flight else { return nil }
        if flight.phase == .connecting {
            if let error = Socket.error(flight.fd) { return .lost("\(error)") }
            guard event.isWritable else { return nil }
            guard let security = flight.collector.security else {
                self.flight?.phase = .talking
                return talk()
            }
            guard
                let session = sessions.connect(flight.fd, security.context, name: security.name)
            else { return .lost("TLS cannot be begun") }
            self.flight?.tls = session
            self.flight?.phase = .securing
        }
        if self.flight?.phase == .securing {
            guard let session = self.flight?.tls else { return nil }
            switch sessions.handshake(session, nil) {
            case .wantsRead, .wantsWrite, .wantsSignature: return nil
            case .failed(let failure): return .lost("TLS is not agreed on: \(failure.word)")
            case .established: self.flight?.phase = .talking
            }
        }
        return talk()
    }

    private mutating func talk() -> ExportMachine.Answer? {
        guard let flight else { return nil }
        if !flight.tls.isNone { _ = sessions.flush(flight.tls) }
        var sent = flight.sent
        sending: while sent < flight.request.count {
            let rest = flight.request.span.extracting(sent..<flight.request.count)
            let result =
                flight.tls.isNone
                ? Socket.send(flight.fd, rest) : sessions.send(flight.tls, rest)
            switch result {
            case .count(let count): sent += count
            // A refusal may be waiting behind a connection that takes no more.
            case .wouldBlock, .endOfStream, .failed: break sending
            }
        }
        self.flight?.sent = sent
        return listen()
    }

    private mutating func listen() -> ExportMachine.Answer? {
        guard let flight else { return nil }
        while true {
            var result = IOResult.wouldBlock
            let piece = [UInt8](capacity: 16_384) { output in
                result =
                    flight.tls.isNone
                    ? Socket.receive(flight.fd, into: &output)
                    : sessions.receive(flight.tls, into: &output)
            }
            switch result {
            case .count(let count) where count > 0:
                let realtime = Clock.realtime()
                if let answer = self.flight?.answer.receive(piece, realtime: realtime) {
                    return answer
                }
            case .wouldBlock, .count: return nil
            case .endOfStream: return self.flight?.answer.end(realtime: Clock.realtime())
            case .failed(let error):
                // Whoever has answered in full may break the connection off.
                let answer = self.flight?.answer.end(realtime: Clock.realtime())
                if case .lost = answer { return .lost("\(error)") }
                return answer
            }
        }
    }
}
