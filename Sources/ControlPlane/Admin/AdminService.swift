// SPDX-License-Identifier: Apache-2.0
public import Configuration
public import Essentials
internal import HTTPGateway
internal import HTTPProtocol
public import Runtime

/// The admin listener on the control thread: API, metrics, status page and Martlet's own health.
public struct AdminService: ~Copyable {
    private var service = ServiceListener()
    private var desk: AdminDesk
    private let events: EventLog
    private var published: UInt64

    /// A service that shows these events and the counts of this log thread.
    public init(listen: ListenAddress?, events: EventLog, log: LogThread?) {
        desk = AdminDesk(listen: listen, events: events, log: log)
        self.events = events
        published = events.latest
    }

    /// True when an event of this token kind belongs here.
    public func owns(kind: UInt8) -> Bool {
        service.owns(kind: kind) || kind == AdminService.renderedKind
    }

    /// The kind of event tokens that say that answers have been rendered.
    private static let renderedKind = ServiceListener.defaultKind + 2

    /// Begins to accept at a listening socket, which is the service's from now on.
    public mutating func open(_ fd: FileDescriptor, number: Int, loop: inout EventLoop) {
        service.open(fd, number: number, loop: &loop)
        guard desk.renderer == nil, let renderer = try? AdminRenderer() else { return }
        desk.renderer = renderer
        let token = EventToken(kind: AdminService.renderedKind, index: 0)
        loop.add(renderer.done.descriptor, token: token.raw, interest: .read)
    }

    /// Stops to accept at a listener; its connections live on.
    public mutating func closeListener(number: Int, loop: inout EventLoop) {
        service.closeListener(number: number, loop: &loop)
    }

    /// Follows a new address of the configuration.
    public mutating func setListen(_ listen: ListenAddress?) {
        desk.gate = AdminGuard(listen: listen)
    }

    /// Handles one event of the loop.
    public mutating func handle<S: ControlSurface & ~Copyable>(
        _ event: Event,
        loop: inout EventLoop,
        surface: inout S,
        at moment: Moment
    ) {
        desk.connections = service.connectionCount
        desk.refusals = service.refusedConnections
        let desk = self.desk
        let snapshot = surface.view.snapshot?.gateway
        service.bodies = { snapshot?.contentLimit(of: $0) }
        // What is refused is not read on.
        let gate = desk.gate
        service.gate = { gate.refusal(of: $0).map { AdminDesk.guarded($0.response) } }
        if EventToken(raw: event.token).kind == AdminService.renderedKind {
            for done in desk.renderer?.done.drain() ?? [] {
                service.complete(done.ticket, with: done.response, loop: &loop, at: moment) {
                    desk.answer($0, &surface, at: moment)
                }
            }
        } else {
            service.handle(event, loop: &loop, at: moment) {
                desk.answer($0, &surface, at: moment)
            }
        }
        publish(loop: &loop, at: moment)
    }

    /// Answers those whose orders have ended.
    public mutating func conclude<S: ControlSurface & ~Copyable>(
        loop: inout EventLoop,
        surface: inout S,
        at moment: Moment
    ) {
        let desk = self.desk
        for (order, outcome) in surface.takeEnded() {
            guard let (ticket, response) = desk.answer(order, outcome, surface, at: moment) else {
                continue
            }
            service.complete(ticket, with: response, loop: &loop, at: moment) {
                desk.answer($0, &surface, at: moment)
            }
        }
    }

    /// Sends events that have come since the last call to those who follow the stream.
    public mutating func publish(loop: inout EventLoop, at moment: Moment) {
        let latest = events.latest
        guard latest != published else { return }
        if service.hasReaders(topic: AdminDesk.eventTopic) {
            let bytes = AdminDesk.encode(events.events(after: published))
            service.publish(bytes, topic: AdminDesk.eventTopic, loop: &loop, at: moment)
        }
        published = latest
    }

    /// When ``expire(loop:at:)`` has something to do.
    public var nextDeadline: Instant { service.nextDeadline }

    /// Ends what has taken too long.
    public mutating func expire(loop: inout EventLoop, at moment: Moment) {
        service.expire(loop: &loop, at: moment)
    }

    /// Stops to accept, and ends every connection once its answer is out.
    public mutating func beginShutdown(loop: inout EventLoop) {
        service.beginShutdown(loop: &loop)
    }
}

extension GatewaySnapshot {
    /// How long the body of a request may be that puts an object into a cache; nil for others.
    fileprivate func contentLimit(of request: ServiceRequest) -> Int? {
        guard request.method == .put, let segments = request.segments, segments.count == 5,
            segments[2] == "caches", segments[4] == "objects",
            let plan = plan.caches.first(where: { $0.name == segments[3] })
        else { return nil }
        let limit = min(plan.objectLimit, plan.memory / 8)
        return min(max(limit, 1 << 10), PushOrder.contentLimit)
    }
}
