// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials
internal import Runtime
internal import Steering

/// Answers admin questions: everything between a question and the bytes of its answer.
struct AdminDesk: Sendable {
    /// The topic of the event stream.
    static let eventTopic = 1

    /// Who may ask; follows the configuration.
    var gate: AdminGuard
    let events: EventLog
    private let log: LogThread?
    /// Writes large answers; nil until the first listener is open.
    var renderer: AdminRenderer?
    /// Up to so many endpoints an answer is written at once: it takes about a millisecond.
    static let inlineEndpoints = 256
    /// Those who wait for what is being kept.
    let awaited = AwaitedOrders()
    /// Has caches fetch lists of URLs.
    let warmer = Warmer()
    /// Connections of the service, for the metrics.
    var connections = 0
    /// Connections refused by the service, for the metrics.
    var refusals: UInt64 = 0

    /// A desk that shows these events and the counts of this log thread.
    init(listen: ListenAddress?, events: EventLog, log: LogThread?) {
        gate = AdminGuard(listen: listen)
        self.events = events
        self.log = log
    }

    /// Answers one request, or hands it to the rendering thread when the answer is a large one.
    func answer<S: ControlSurface & ~Copyable>(
        _ request: ServiceRequest,
        _ surface: inout S,
        at moment: Moment
    ) -> ServiceAnswer {
        do throws(Problem) {
            if let refusal = gate.refusal(of: request) { throw refusal }
            let question = try AdminQuestion(request)
            let size = surface.view.pools.reduce(0) { $0 + $1.endpoints.count }
            if size > AdminDesk.inlineEndpoints || question.isLong, let renderer,
                let render = render(question, surface, at: moment)
            {
                renderer.submit(request.ticket) { AdminDesk.guarded(render()) }
                return .later
            }
            if let command = question.order {
                return try answer(question, command, request.ticket, &surface, at: moment)
            }
            return .now(AdminDesk.guarded(try answer(question, &surface, at: moment)))
        } catch {
            return .now(AdminDesk.guarded(error.response))
        }
    }

    /// What a page of another origin cannot guess it shall not learn from a cache either.
    static func guarded(_ response: ServiceResponse) -> ServiceResponse {
        var response = response
        response.fields.append(("Cache-Control", "no-store"))
        response.fields.append(("X-Content-Type-Options", "nosniff"))
        return response
    }

    private func answer<S: ControlSurface & ~Copyable>(
        _ question: AdminQuestion,
        _ surface: inout S,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        switch question {
        case .page: return StatusPage.response
        case .live: return .text("alive\n")
        case .ready: return ProcessHealth.ready(surface.view)
        case .started: return ProcessHealth.started(surface.view)
        case .metrics(let isOpenMetrics): return metrics(surface.view, isOpenMetrics)
        case .snapshot, .pools:
            return AdminDesk.show(question, SnapshotSource(surface, at: moment))
        case .pool(let name): return try show(pool: name, surface, at: moment)
        case .keys(let zone): return try keys(zone, surface.view)
        case .orderKeys(let zone, let order):
            try perform(.keys(zone: zone, order), &surface, at: moment)
            return try keys(zone, surface.view)
        case .change, .discardOverlay, .steer, .migrate, .reload, .reloadZone, .discardZone,
            .importZone:
            return try conclude(question, .done, surface, at: moment)
        case .exportZone(let name): return try export(name, surface.view)
        case .zoneChanges(let name): return try changes(name, surface.view)
        case .steering: return AdminDesk.steering(surface.view, only: nil)
        case .caches: return AdminDesk.answer(["caches": CachesView(surface.view).json])
        case .purge(let cache, let order): return try purge(cache, order, surface.view, at: moment)
        case .cached(let url, let cache): return try cached(url, cache, surface.view, at: moment)
        case .push, .pushed, .unpush, .top, .cacheStatistics, .warm, .warmings, .cancelWarming:
            return try answerCaching(question, surface.view, at: moment)
        case .upgrade:
            try perform(.upgrade, &surface, at: moment)
            var response = generations(surface.view)
            response.status = 202
            return response
        case .explain(let sketch):
            return try explain(sketch, SnapshotSource(surface, at: moment))
        case .explainDNS(let sketch):
            let picture = try SupposedPicture(sketch.supposition, surface, at: moment)
            return try explain(sketch, SnapshotSource(surface, at: moment), picture)
        case .queries(let filter): return try queries(filter, surface.view, at: moment)
        case .answers(let policy): return try answers(policy, surface.view)
        case .place(let address): return GeographyView.place(address, surface.view.locations)
        case .roundTrips(let sketch): return roundTrips(sketch, surface, at: moment)
        case .measure(let rows): return try measure(rows, &surface, at: moment)
        case .failoverTime(let name): return try failoverTime(name, surface.view)
        case .why(let name): return try why(name, surface.view)
        case .events(let sequence): return list(events.events(after: sequence))
        case .eventStream(let sequence):
            return stream(after: sequence ?? events.latest)
        case .options(let methods):
            return ServiceResponse(status: 204, fields: [("Allow", methods)], body: .bytes([]))
        }
    }

    // MARK: Showing

    /// The work of writing one of the large answers; nil for questions with small ones.
    private func render<S: ControlSurface & ~Copyable>(
        _ question: AdminQuestion,
        _ surface: borrowing S,
        at moment: Moment
    ) -> (@Sendable () -> ServiceResponse)? {
        switch question {
        case .metrics(let isOpenMetrics):
            let (desk, view) = (self, surface.view)
            return { desk.metrics(view, isOpenMetrics) }
        case .snapshot, .pools:
            let source = SnapshotSource(surface, at: moment)
            return { AdminDesk.show(question, source) }
        case .queries(let filter):
            let (desk, view) = (self, surface.view)
            return {
                AdminDesk.response { () throws(Problem) in
                    try desk.queries(filter, view, at: moment)
                }
            }
        case .answers(let policy):
            let (desk, view) = (self, surface.view)
            return {
                AdminDesk.response { () throws(Problem) in try desk.answers(policy, view) }
            }
        case .exportZone(let name):
            let (desk, view) = (self, surface.view)
            return {
                AdminDesk.response { () throws(Problem) in try desk.export(name, view) }
            }
        case .zoneChanges(let name):
            let (desk, view) = (self, surface.view)
            return {
                AdminDesk.response { () throws(Problem) in try desk.changes(name, view) }
            }
        case .push, .pushed, .unpush, .top, .cacheStatistics:
            let (desk, view) = (self, surface.view)
            return {
                AdminDesk.response { () throws(Problem) in
                    try desk.answerCaching(question, view, at: moment)
                }
            }
        case .purge(let cache, let order):
            let (desk, view) = (self, surface.view)
            return {
                AdminDesk.response { () throws(Problem) in
                    try desk.purge(cache, order, view, at: moment)
                }
            }
        case .cached(let url, let cache):
            let (desk, view) = (self, surface.view)
            return {
                AdminDesk.response { () throws(Problem) in
                    try desk.cached(url, cache, view, at: moment)
                }
            }
        default: return nil
        }
    }

    private static func response(
        _ body: () throws(Problem) -> ServiceResponse
    ) -> ServiceResponse {
        do throws(Problem) {
            return try body()
        } catch {
            return error.response
        }
    }

    private static func show(_ question: AdminQuestion, _ source: SnapshotSource) -> ServiceResponse
    {
        var writer = SnapshotWriter(source)
        if question == .pools { writer.writePoolsDocument() } else { writer.writeSnapshot() }
        return .json(writer.json)
    }

    private func show<S: ControlSurface & ~Copyable>(
        pool name: String,
        _ surface: borrowing S,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        var writer = SnapshotWriter(SnapshotSource(surface, pool: name, at: moment))
        guard writer.writePool(named: name) else {
            throw Problem(.unknownPool, "There is no pool '\(name)'.")
        }
        return .json(writer.json)
    }

    private func metrics(_ view: ControlView, _ isOpenMetrics: Bool) -> ServiceResponse {
        var source = MetricSource(view: view, usage: ProcessUsage.current())
        source.adminConnections = connections
        source.adminRefusals = refusals
        source.droppedLines = log?.droppedLines ?? []
        source.events = events.counts
        var text = MetricText(isOpenMetrics: isOpenMetrics)
        for family in MetricFamily.all { text.write(family, family.collect(source)) }
        text.end()
        let type = MetricText.contentType(isOpenMetrics: isOpenMetrics)
        return ServiceResponse(type: type, bytes: text.bytes)
    }

    func generations(
        _ view: ControlView,
        hasRead: Bool = false,
        note: String? = nil
    ) -> ServiceResponse {
        var json = JSONWriter()
        json.beginObject()
        json.name("generation")
        json.write(view.generation)
        json.name("healthGeneration")
        json.write(view.health.generation)
        if hasRead {
            json.name("zoneFaults")
            json.write(.array(view.zoneFaults.map(\.json)))
        }
        if let note {
            json.name("note")
            json.write(note)
        }
        json.endObject()
        return .json(json)
    }

    // MARK: Changing

    func perform<S: ControlSurface & ~Copyable>(
        _ command: ControlCommand,
        _ surface: inout S,
        at moment: Moment
    ) throws(Problem) {
        try check(surface.perform(command, now: moment.now), of: command)
    }

    func check(_ outcome: ControlOutcome, of command: ControlCommand) throws(Problem) {
        switch outcome {
        case .done, .noted, .measured, .imported, .awaited: return
        case .unknownPool:
            guard case .change(let pool, _, _) = command else { return }
            throw Problem(.unknownPool, "There is no pool '\(pool)'.")
        case .unknownEndpoint:
            guard case .change(let pool, let endpoint, _) = command else { return }
            throw Problem(.unknownEndpoint, "The pool '\(pool)' has no endpoint '\(endpoint)'.")
        case .unknownZone:
            guard let zone = command.zone else { return }
            throw Problem(.unknownZone, "There is no zone '\(zone)'.")
        case .zoneWithoutFile:
            guard case .reloadZone(let zone) = command else { return }
            let text = "The zone '\(zone)' stands in the configuration, which is to be reloaded."
            throw Problem(.zoneWithoutFile, text)
        case .refused(let reasons):
            let errors = reasons.count { !$0.isNotice }
            let count = errors == 1 ? "1 error" : "\(errors) errors"
            var text = "\(count) in the configuration; the one in force serves on."
            if case .reloadZone(let zone) = command {
                text = "\(count) in zone '\(zone)'; it is answered as before."
            }
            if case .importZone(let order) = command {
                text = "\(count) in the import of '\(order.zone)'; nothing of it is taken."
            }
            var problem = Problem(.configurationRefused, text)
            problem.members = [JSONMember("errors", .array(reasons.map(\.json)))]
            throw problem
        case .reloadPending(let seconds?):
            throw Problem(
                .reloadPending,
                "The file is valid and endpoints of it have no verdict yet: it is in force in "
                    + "\(seconds) s at the latest."
            )
        case .reloadPending(nil):
            throw Problem(
                .reloadPending,
                "The file was read, and its zones are still being put together: the log tells when "
                    + "it is in force, or why it is not."
            )
        case .stopping:
            throw Problem(.shuttingDown, "The process finishes what it has and ends.")
        case .upgrading:
            throw Problem(.upgradeRunning, "Another process is being started to take over.")
        case .upgradeRefused(let reason):
            throw Problem(.upgradeRefused, "No upgrade: \(reason).")
        case .steeringRefused(let refusal): throw Problem(refusal, command)
        case .keysRefused(let code, let text): throw Problem(code, text)
        case .failed(let reason):
            throw Problem(.changeFailed, reason)
        }
    }

    // MARK: Events

    private func list(_ events: [LogEvent]) -> ServiceResponse {
        var json = JSONWriter()
        json.beginObject()
        json.name("events")
        json.beginArray()
        for event in events { event.write(to: &json) }
        json.endArray()
        json.endObject()
        return .json(json)
    }

    private func stream(after sequence: UInt64) -> ServiceResponse {
        // A number from before a restart of this process says nothing here: show all there is.
        let isKnown = sequence <= events.latest
        let opening = AdminDesk.encode(events.events(after: isKnown ? sequence : 0))
        return ServiceResponse(
            status: 200,
            fields: [("Content-Type", "text/event-stream")],
            body: .stream(
                topic: AdminDesk.eventTopic,
                opening: Array("retry: 1000\n\n".utf8) + opening
            )
        )
    }

    /// Events as a server-sent event stream has them (HTML Standard §9.2).
    static func encode(_ events: [LogEvent]) -> [UInt8] {
        var bytes: [UInt8] = []
        for event in events {
            var json = JSONWriter()
            event.write(to: &json)
            bytes += "id: \(event.sequence)\ndata: ".utf8
            bytes += json.bytes
            bytes += "\n\n".utf8
        }
        return bytes
    }
}
