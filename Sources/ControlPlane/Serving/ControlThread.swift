// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials
internal import HTTPGateway
internal import Prober
internal import Runtime

/// The control thread's loop: orders, probes, names, reports of workers, the admin service.
struct ControlThread: ~Copyable {
    private var plane: Plane
    private var loop: EventLoop
    private var service: AdminService
    private var zoneAPI = ZoneAPIService()
    private let reports: Mailbox<PassiveReport>
    private let signals: FileDescriptor

    static let linkKind: UInt8 = 80
    static let signalKind: UInt8 = 81
    static let reportKind: UInt8 = 83
    static let noticeKind: UInt8 = 85
    static let fetchKind: UInt8 = 87
    static let stateKind: UInt8 = 89
    static let updateKind: UInt8 = 96
    static let storeKind: UInt8 = 97
    private static let adminNumber = 0

    init(_ plane: consuming Plane, signals: FileDescriptor) throws(SystemError) {
        loop = try EventLoop()
        self.signals = signals
        reports = plane.shared.http.reports
        service = AdminService(
            listen: plane.settings.admin.listen,
            events: plane.log,
            log: plane.logThread
        )
        // While another process serves, it is that one which answers.
        if !plane.setup.isTakeover,
            let admin = plane.sockets.first(where: { $0.key.door == .admin })
        {
            service.open(admin.descriptor, number: ControlThread.adminNumber, loop: &loop)
        }
        let link = plane.link.descriptor
        if !link.isNone {
            let token = EventToken(kind: ControlThread.linkKind, index: 0)
            loop.add(link, token: token.raw, interest: .read)
        }
        let signalToken = EventToken(kind: ControlThread.signalKind, index: 0)
        loop.add(signals, token: signalToken.raw, interest: .read)
        let reportToken = EventToken(kind: ControlThread.reportKind, index: 0)
        loop.add(reports.descriptor, token: reportToken.raw, interest: .read)
        let fetches = plane.secondaries.descriptor
        if !fetches.isNone {
            let token = EventToken(kind: ControlThread.fetchKind, index: 0)
            loop.add(fetches, token: token.raw, interest: .read)
        }
        if let notices = plane.shared.dns.notices {
            let token = EventToken(kind: ControlThread.noticeKind, index: 0)
            loop.add(notices.descriptor, token: token.raw, interest: .read)
        }
        if let desk = plane.shared.dns.updates {
            let token = EventToken(kind: ControlThread.updateKind, index: 0)
            loop.add(desk.requests.descriptor, token: token.raw, interest: .read)
        }
        let storeToken = EventToken(kind: ControlThread.storeKind, index: 0)
        let results = plane.updater.store.results.descriptor
        loop.add(results, token: storeToken.raw, interest: .read)
        let stateToken = EventToken(kind: ControlThread.stateKind, index: 0)
        loop.add(plane.store.results.descriptor, token: stateToken.raw, interest: .read)
        self.plane = plane
    }

    /// Runs until the process is to end; returns the exit code.
    mutating func run() -> Int32 {
        while true {
            let now = Clock.monotonic()
            for order in plane.link.receiveOrders(isReadable: false) { plane.obey(order, now) }
            plane.expire(now: now, loop: &loop)
            service.expire(loop: &loop, at: plane.moment(now))
            service.conclude(loop: &loop, surface: &plane, at: plane.moment(now))
            service.publish(loop: &loop, at: plane.moment(now))
            followAdmin()
            let moment = plane.moment(now)
            zoneAPI.follow(loop: &loop, plane: &plane, at: moment)
            if plane.link.isLost { return 1 }
            if plane.isFinished(now), plane.hasSentTraces(now, &loop) { return 0 }
            wait()
        }
    }

    private mutating func wait() {
        var deadline = min(plane.nextDeadline(), service.nextDeadline, zoneAPI.nextDeadline)
        // Workers that have ended are noticed by looking: it happens once in a life.
        if case .stopping = plane.phase {
            deadline = min(deadline, Clock.monotonic() + .milliseconds(20))
        }
        let left = (deadline - Clock.monotonic()).milliseconds
        let timeout = deadline == .never ? -1 : Int(clamping: max(left, 0) + 1)
        let count = loop.wait(timeoutMilliseconds: timeout)
        let now = Clock.monotonic()
        for place in 0..<count { handle(loop.event(place), now) }
    }

    private mutating func handle(_ event: Event, _ now: Instant) {
        let kind = EventToken(raw: event.token).kind
        switch kind {
        case 48...63: plane.probes.handle(event, loop: &loop, now: now)
        case ResolverDriver.eventKind: plane.resolver.handle(event, now: now, loop: &loop)
        case ParentDriver.eventKind: plane.parents.handle(event, now: now, loop: &loop)
        case ExportDriver.eventKind: plane.handleTraces(event, now)
        case ControlThread.reportKind: plane.takePassive(reports.drain(), now)
        case ControlThread.noticeKind: plane.takeNotices(now)
        case ControlThread.fetchKind: plane.takeFetches(now)
        case NotifyDriver.eventKind: plane.handleNotify(event, now, &loop)
        case ControlThread.updateKind: plane.takeUpdates()
        case ControlThread.stateKind: plane.takeStateResults(now)
        case ControlThread.storeKind: plane.takeCommits(now)
        case ControlThread.linkKind:
            for order in plane.link.receiveOrders(isReadable: true) { plane.obey(order, now) }
        case ControlThread.signalKind: takeSignals(now)
        default:
            if zoneAPI.owns(kind: kind) {
                let moment = plane.moment(now)
                return zoneAPI.handle(event, loop: &loop, plane: &plane, at: moment)
            }
            guard service.owns(kind: kind) else { return }
            service.handle(event, loop: &loop, surface: &plane, at: plane.moment(now))
        }
    }

    private mutating func takeSignals(_ now: Instant) {
        while let signal = ProcessControl.nextSignal(signals) {
            switch signal {
            case Signal.hangUp: plane.obey(.reload, now)
            case Signal.user1: plane.obey(.reopenLogs, now)
            case Signal.user2: _ = plane.perform(.upgrade, now: now)
            case Signal.child:
                while let child = ProcessControl.reap() {
                    plane.probes.noteEnd(of: child.identifier, child.end)
                }
            default: plane.obey(.stop, now)
            }
        }
    }

    private mutating func followAdmin() {
        guard let change = plane.adminChange else { return }
        plane.adminChange = nil
        service.closeListener(number: ControlThread.adminNumber, loop: &loop)
        if let socket = change.socket {
            service.open(socket, number: ControlThread.adminNumber, loop: &loop)
        }
        service.setListen(change.listen)
    }
}
