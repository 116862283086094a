// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// The listener of the zone API on the control thread.
///
/// The process opens its socket itself: a restart of the process closes it for that long.
struct ZoneAPIService: ~Copyable {
    /// Of listening sockets; connections have the next one.
    static let kind: UInt8 = 98
    /// Of answers that were written elsewhere.
    private static let renderedKind: UInt8 = 100

    private var listener: ServiceListener
    private var address: SocketAddress?

    init() {
        var limits = ServiceLimits()
        limits.body = ZoneAPIRequest.bodyLimit
        limits.errorForm = .error
        listener = ServiceListener(limits: limits, kind: ZoneAPIService.kind)
        listener.tells = true
    }

    func owns(kind: UInt8) -> Bool {
        listener.owns(kind: kind) || kind == ZoneAPIService.renderedKind
    }
    var nextDeadline: Instant { listener.nextDeadline }

    mutating func handle(
        _ event: Event,
        loop: inout EventLoop,
        plane: inout Plane,
        at moment: Moment
    ) {
        defer { plane.note(listener.takeTold()) }
        guard EventToken(raw: event.token).kind == ZoneAPIService.renderedKind else {
            return listener.handle(event, loop: &loop, at: moment) { plane.answerZoneAPI($0) }
        }
        for done in plane.updater.renderer?.done.drain() ?? [] {
            listener.complete(done.ticket, with: done.response, loop: &loop, at: moment) {
                plane.answerZoneAPI($0)
            }
        }
    }

    /// Opens and closes the socket as the configuration wants it, and answers what has been done.
    mutating func follow(loop: inout EventLoop, plane: inout Plane, at moment: Moment) {
        let finished = plane.updater.finished
        if !finished.isEmpty { plane.updater.finished = [] }
        for (ticket, response) in finished {
            listener.complete(ticket, with: response, loop: &loop, at: moment) {
                plane.answerZoneAPI($0)
            }
        }
        // Without the key nobody has megabytes kept for him.
        let key = plane.settings.zoneAPI.key
        listener.gate = { request in
            Plane.hasKey(request, key) ? nil : Plane.refusal(.unauthorized)
        }
        listener.expire(loop: &loop, at: moment)
        plane.note(listener.takeTold())
        let isServing = plane.phase == .serving && !plane.isRetired
        let wanted = isServing ? plane.settings.zoneAPI.address : nil
        guard wanted != address else { return }
        listener.closeListener(number: 0, loop: &loop)
        address = wanted
        guard let wanted else { return }
        do throws(SystemError) {
            // Another process may still listen that is about to hand over.
            let socket = try Socket.listen(wanted, backlog: 64, reusePort: true)
            listener.open(socket, number: 0, loop: &loop)
            openRenderer(loop: &loop, plane: &plane)
            plane.note(.listenerOpened, .info, "the API for zones listens on \(wanted)")
        } catch {
            let account = plane.setup.account.map { " as '\($0.name)'" } ?? ""
            let remedy =
                wanted.port < 1024
                ? "; ports below 1024 are root's: give `zone-api.listen` another one" : ""
            var event = LogEvent(
                .limit,
                .error,
                realtime: Clock.realtime(),
                "the API for zones cannot listen on \(wanted)\(account): \(error)\(remedy)"
            )
            event.code = "M3092"
            plane.log.record(event)
        }
    }

    private func openRenderer(loop: inout EventLoop, plane: inout Plane) {
        guard plane.updater.renderer == nil, let renderer = try? AdminRenderer() else { return }
        plane.updater.renderer = renderer
        let token = EventToken(kind: ZoneAPIService.renderedKind, index: 0)
        loop.add(renderer.done.descriptor, token: token.raw, interest: .read)
    }
}
