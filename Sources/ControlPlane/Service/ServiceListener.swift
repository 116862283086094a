// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Runtime

/// A small HTTP/1.1 server for requests that this process answers itself.
///
/// It shares a loop with its owner, who hands it the events of its token kinds and calls
/// ``expire(loop:at:)`` when ``nextDeadline`` has come. A handler turns a request into an answer
/// on the owner's thread and must not wait for anything; what takes longer answers by ticket.
///
/// Neither throughput nor memory per connection matter here as they do in the doors, so plain
/// arrays hold the bytes. What matters is that nothing grows without bound.
public struct ServiceListener: ~Copyable {
    /// The kind of event tokens of listening sockets when no other was chosen.
    public static let defaultKind: UInt8 = 64

    private struct Connection {
        let fd: FileDescriptor
        let peer: SocketAddress
        let listener: Int
        var exchange: ServiceExchange
        var interest: Interest
        /// True when requests that have arrived wait for the next turn of the loop.
        var isBehind = false
    }

    /// Requests of one connection that are answered in one turn: others have their turn too.
    private static let requestsPerTurn = 64

    private struct Place {
        var generation: UInt32
        var connection: Connection?
    }

    /// The bounds in force.
    public let limits: ServiceLimits
    /// Connections refused because every place was taken.
    public private(set) var refusedConnections: UInt64 = 0
    /// What was answered, for the owner to take; kept where he wants that.
    private(set) var told: [ServiceOutcome] = []
    /// True when somebody takes that after each call.
    var tells = false
    /// Sees requests before their bodies are read.
    var gate: ServiceGate?
    /// Lets some requests have longer bodies than ``limits`` do.
    var bodies: ServiceBodyLimit?
    private let kind: UInt8
    private var listeners: [(fd: FileDescriptor, number: Int)] = []
    private var places: [Place] = []
    private var fields = FieldTable(limit: 100)
    private var isClosing = false
    /// When accepting goes on after descriptors had run out; ``Instant/never`` while it goes on.
    private var acceptsAgainAt = Instant.never

    /// A service whose listeners have tokens of `kind` and whose connections `kind + 1`.
    public init(
        limits: ServiceLimits = ServiceLimits(),
        kind: UInt8 = ServiceListener.defaultKind
    ) {
        self.limits = limits
        self.kind = kind
    }

    /// True when an event of this token kind belongs here.
    public func owns(kind: UInt8) -> Bool { kind == self.kind || kind == self.kind + 1 }
    /// Connections now open.
    public var connectionCount: Int { places.count { $0.connection != nil } }

    // MARK: Listeners

    /// Begins to accept at a listening socket, which the service owns from now on.
    public mutating func open(_ fd: FileDescriptor, number: Int, loop: inout EventLoop) {
        listeners.append((fd, number))
        loop.add(fd, token: EventToken(kind: kind, index: number).raw, interest: .read)
    }

    /// Stops to accept at a listener; its connections live on.
    public mutating func closeListener(number: Int, loop: inout EventLoop) {
        for listener in listeners where listener.number == number {
            loop.remove(listener.fd)
            listener.fd.close()
        }
        listeners.removeAll { $0.number == number }
    }

    /// Stops to accept, and ends every connection once its answer is out.
    public mutating func beginShutdown(loop: inout EventLoop) {
        isClosing = true
        for listener in listeners { closeListener(number: listener.number, loop: &loop) }
        for index in places.indices {
            switch places[index].connection?.exchange.phase {
            case .idle, .streaming, .lingering: close(index)
            case .head, .body, .asked, .sending, .finished, nil: break
            }
        }
    }

    // MARK: Events

    /// Handles one event, asking `handler` for an answer to each request that is whole now.
    public mutating func handle(
        _ event: Event,
        loop: inout EventLoop,
        at moment: Moment,
        handler: (ServiceRequest) -> ServiceAnswer
    ) {
        let token = EventToken(raw: event.token)
        if token.kind == kind {
            accept(number: token.index, loop: &loop, at: moment)
            return
        }
        let index = token.index
        guard token.kind == kind + 1, isCurrent(token) else { return }
        if event.isError {
            close(index)
            return
        }
        if event.isReadable || event.isHangUp { read(index, at: moment) }
        advance(index, loop: &loop, at: moment, handler: handler)
    }

    private func isCurrent(_ token: EventToken) -> Bool {
        guard places.indices.contains(token.index) else { return false }
        return token.names(handle(token.index))
    }

    private func handle(_ index: Int) -> Handle {
        Handle(index: UInt32(index), generation: places[index].generation)
    }

    private mutating func accept(number: Int, loop: inout EventLoop, at moment: Moment) {
        guard let listener = listeners.first(where: { $0.number == number }) else { return }
        for _ in 0..<16 {
            let fd: FileDescriptor
            let peer: SocketAddress
            switch Socket.accept(listener.fd) {
            case .connection(let socket, let address): (fd, peer) = (socket, address)
            case .wouldBlock: return
            case .failed:
                pause(loop: &loop, at: moment)
                return
            }
            guard let index = freePlace() else {
                refuse(fd, at: moment)
                continue
            }
            let exchange = ServiceExchange(limits: limits, at: moment)
            places[index].generation &+= 1
            places[index].connection = Connection(
                fd: fd,
                peer: peer,
                listener: number,
                exchange: exchange,
                interest: .read
            )
            let token = EventToken(kind: kind + 1, handle: handle(index)).raw
            if !loop.add(fd, token: token, interest: .read) { close(index) }
        }
    }

    /// Stops asking for connections for a while: a waiting one would wake the loop without end.
    private mutating func pause(loop: inout EventLoop, at moment: Moment) {
        acceptsAgainAt = moment.now + .milliseconds(100)
        listen(loop: &loop, interest: [])
    }

    private func listen(loop: inout EventLoop, interest: Interest) {
        for listener in listeners {
            let token = EventToken(kind: kind, index: listener.number).raw
            loop.modify(listener.fd, token: token, interest: interest)
        }
    }

    /// A place for a connection: a free one, else that of one that has been silent for longest.
    ///
    /// Silent is who is idle, or sends a head that does not end. Of many at once the oldest goes:
    /// a client in a hurry has said all by then.
    private mutating func freePlace() -> Int? {
        if let index = places.firstIndex(where: { $0.connection == nil }) { return index }
        if places.count < limits.connections {
            places.append(Place(generation: 0, connection: nil))
            return places.count - 1
        }
        let silent = places.indices.filter {
            places[$0].connection?.exchange.mayMakeRoom ?? false
        }
        let longest = silent.min { awaitsSince($0) < awaitsSince($1) }
        if let longest { close(longest) }
        return longest
    }

    private func awaitsSince(_ index: Int) -> Instant {
        places[index].connection?.exchange.awaitsSince ?? .never
    }

    private func deadline(_ index: Int) -> Instant {
        places[index].connection?.exchange.deadline ?? .never
    }

    private mutating func refuse(_ fd: FileDescriptor, at moment: Moment) {
        refusedConnections &+= 1
        var exchange = ServiceExchange(limits: limits, at: moment)
        let detail = "All \(limits.connections) places are taken."
        exchange.refuse(Problem(.tooManyConnections, detail), at: moment)
        _ = Socket.send(fd, exchange.output.span)
        fd.close()
    }

    private mutating func read(_ index: Int, at moment: Moment) {
        // A bounded number of reads per event: one busy client must not hold up health.
        for _ in 0..<4 {
            guard let connection = places[index].connection, connection.exchange.wantsInput else {
                return
            }
            var result = IOResult.wouldBlock
            let bytes = [UInt8](capacity: 16_384) { output in
                result = Socket.receive(connection.fd, into: &output)
            }
            switch result {
            case .count: places[index].connection?.exchange.receive(bytes.span, at: moment)
            case .endOfStream: places[index].connection?.exchange.receiveEnd()
            case .failed: close(index)
            case .wouldBlock: return
            }
            if bytes.count < 16_384 { return }
        }
    }

    private mutating func advance(
        _ index: Int,
        loop: inout EventLoop,
        at moment: Moment,
        handler: (ServiceRequest) -> ServiceAnswer
    ) {
        // Requests that were pipelined are answered one after the other.
        places[index].connection?.isBehind = false
        for turn in 1...ServiceListener.requestsPerTurn {
            guard
                let step = places[index].connection?.exchange.next(
                    fields: &fields,
                    at: moment,
                    gate: gate,
                    bodies: bodies
                )
            else { return }
            if case .request(var request) = step {
                request.peer = places[index].connection?.peer ?? request.peer
                request.listener = places[index].connection?.listener ?? 0
                request.ticket = handle(index)
                if case .now(let response) = handler(request) {
                    answer(index, response, at: moment)
                }
            }
            send(index, at: moment)
            guard case .head = places[index].connection?.exchange.phase,
                case .request = step
            else { break }
            places[index].connection?.isBehind = turn == ServiceListener.requestsPerTurn
        }
        settle(index, loop: &loop)
    }

    private mutating func answer(_ index: Int, _ response: ServiceResponse, at moment: Moment) {
        var response = response
        if case .stream = response.body, streamCount >= limits.streams {
            let detail = "All \(limits.streams) places for readers of a stream are taken."
            response = Problem(.tooManyConnections, detail).response(as: limits.errorForm)
        }
        places[index].connection?.exchange.answer(response, at: moment)
    }

    private var streamCount: Int {
        places.count { place in
            if case .streaming = place.connection?.exchange.phase { return true }
            return false
        }
    }

    /// Takes what was answered since the last time.
    mutating func takeTold() -> [ServiceOutcome] {
        defer { if !told.isEmpty { told = [] } }
        return told
    }

    private mutating func send(_ index: Int, at moment: Moment) {
        if tells, let peer = places[index].connection?.peer,
            let (method, status) = places[index].connection?.exchange.takeTold()
        {
            told.append(ServiceOutcome(method: method, status: status, peer: peer))
        }
        while let connection = places[index].connection, connection.exchange.hasOutput {
            let output = connection.exchange.output
            let rest = output.span.extracting(connection.exchange.sent..<output.count)
            switch Socket.send(connection.fd, rest) {
            case .count(let count):
                places[index].connection?.exchange.noteSent(count, at: moment)
            case .wouldBlock:
                return
            case .endOfStream, .failed:
                close(index)
                return
            }
        }
    }

    /// Asks the loop for what the exchange wants next, or closes what is finished.
    private mutating func settle(_ index: Int, loop: inout EventLoop) {
        guard let connection = places[index].connection else { return }
        let exchange = connection.exchange
        let isLeaving = isClosing && (exchange.phase == .idle || exchange.phase == .lingering)
        if exchange.phase == .finished || isLeaving {
            close(index)
            return
        }
        // Half-closed first: a close with unread input would reset the answer away.
        if exchange.phase == .lingering { Socket.shutdownWrite(connection.fd) }
        var interest: Interest = []
        if exchange.wantsInput { interest.insert(.read) }
        // Room to write is there at once, so who is behind is called again in the next turn.
        if exchange.hasOutput || connection.isBehind { interest.insert(.write) }
        guard interest != connection.interest else { return }
        places[index].connection?.interest = interest
        let token = EventToken(kind: kind + 1, handle: handle(index)).raw
        loop.modify(connection.fd, token: token, interest: interest)
    }

    private mutating func close(_ index: Int) {
        places[index].connection?.fd.close()
        places[index].connection = nil
        // A new generation at once, so that a late answer or event finds nobody.
        places[index].generation &+= 1
    }

    // MARK: Later answers, streams, time

    /// Answers a request whose handler said ``ServiceAnswer/later``.
    ///
    /// Nothing happens when the client has gone; `handler` is asked about requests that waited.
    public mutating func complete(
        _ ticket: Handle,
        with response: ServiceResponse,
        loop: inout EventLoop,
        at moment: Moment,
        handler: (ServiceRequest) -> ServiceAnswer
    ) {
        let index = Int(ticket.index)
        guard places.indices.contains(index), handle(index) == ticket else { return }
        answer(index, response, at: moment)
        send(index, at: moment)
        advance(index, loop: &loop, at: moment, handler: handler)
    }

    /// True when someone reads a topic.
    public func hasReaders(topic: Int) -> Bool {
        places.contains { $0.connection?.exchange.phase == .streaming(topic: topic) }
    }

    /// Sends bytes to every reader of a topic; who is too far behind is cut off.
    public mutating func publish(
        _ bytes: [UInt8],
        topic: Int,
        loop: inout EventLoop,
        at moment: Moment
    ) {
        for index in places.indices
        where places[index].connection?.exchange.phase == .streaming(topic: topic) {
            places[index].connection?.exchange.publish(bytes, at: moment)
            send(index, at: moment)
            settle(index, loop: &loop)
        }
    }

    /// When ``expire(loop:at:)`` has something to do.
    public var nextDeadline: Instant {
        var next = acceptsAgainAt
        for place in places {
            if let connection = place.connection { next = min(next, connection.exchange.deadline) }
        }
        return next
    }

    /// Ends what has taken too long.
    public mutating func expire(loop: inout EventLoop, at moment: Moment) {
        if acceptsAgainAt <= moment.now {
            acceptsAgainAt = .never
            listen(loop: &loop, interest: .read)
        }
        for index in places.indices where deadline(index) <= moment.now {
            places[index].connection?.exchange.expire(at: moment)
            send(index, at: moment)
            settle(index, loop: &loop)
        }
    }

    deinit {
        for listener in listeners { listener.fd.close() }
        for place in places { place.connection?.fd.close() }
    }
}
