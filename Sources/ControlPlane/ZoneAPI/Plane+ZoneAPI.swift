// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// A change that the API has asked for, and that waits for its flight.
struct ZoneAPIJob: Sendable {
    enum Change: Sendable {
        case create(DomainName, JSONValue, withSets: Bool)
        case patch(DomainName, [JSONValue])
        case delete(DomainName)
    }

    var change: Change
    var ifMatch: String?
    var ticket: Handle
    /// Who asks.
    var client: IPAddress
}

extension ZoneAPIJob.Change {
    /// What the log says of it once it is kept.
    var word: KeptChange.Word {
        switch self {
        case .create: .made
        case .patch: .changed
        case .delete: .removed
        }
    }
}

/// The zone API (that of PowerDNS): what is shown, and changes on their way to a flight.
extension Plane {
    /// Changes that wait.
    static let zoneJobLimit = 1000

    /// Answers a request, or has it wait for its change.
    mutating func answerZoneAPI(_ request: ServiceRequest) -> ServiceAnswer {
        guard Plane.hasKey(request, settings.zoneAPI.key) else {
            return .now(Plane.refusal(.unauthorized))
        }
        do throws(ZoneAPIFault) {
            return try answer(try ZoneAPIRequest(request), request)
        } catch {
            return .now(Plane.refusal(error))
        }
    }

    static func hasKey(_ request: ServiceRequest, _ key: SecretOctets?) -> Bool {
        key?.isSame(asText: request.field("x-api-key") ?? "") == true
    }

    static func refusal(_ fault: ZoneAPIFault) -> ServiceResponse {
        let text = JSONValue.object([JSONMember("error", .string(fault.message))]).text()
        return ServiceResponse(
            status: fault.status,
            type: "application/json",
            bytes: Array(text.utf8)
        )
    }

    private mutating func answer(
        _ request: ZoneAPIRequest,
        _ asked: ServiceRequest
    ) throws(ZoneAPIFault) -> ServiceAnswer {
        let ticket = asked.ticket
        switch request.wish {
        case .fixed(let value): return .now(.json(value))
        case .list(let name, let limit, let offset):
            let names = (settings.zones + updater.overlays.more(than: settings.zones)).map(\.name)
            let shown = ZoneAPIList(names: names, only: name, limit: limit, offset: offset)
            return render(ticket, name) { [known = settings.zones] in
                ServiceResponse.json(shown.summaries($0, known))
            }
        case .show(let name, let withSets, let owner, let type):
            try checkKnown(name)
            let tag = request.ifNoneMatch
            let standing = settings.zones.standing(of: name)
            return render(ticket, name) { zones in
                guard let document = ZoneAPIDocument(zones, name, standing: standing) else {
                    return nil
                }
                return document.response(
                    unless: tag,
                    document.whole(withSets: withSets, name: owner, type: type)
                )
            }
        case .export(let name):
            try checkKnown(name)
            return render(ticket, name) { zones in
                ZoneAPIDocument(zones, name).map { ServiceResponse.text($0.text) }
            }
        case .notify(let name):
            try checkKnown(name)
            tellAll(of: name, Clock.monotonic())
            return .now(.json(["result": "Notification queued"]))
        case .metadata(let name, let wanted):
            try checkKnown(name)
            let standing = settings.zones.standing(of: name)
            let shown = ZoneAPIDocument(snapshot.dns, name, withRecords: false, standing: standing)
            try (shown?.standing ?? standing).check(wanted, name)
            return .now(.empty())
        case .create(let name, let body, let withSets):
            try enqueue(.create(name, body, withSets: withSets), request, asked)
        case .patch(let name, let sets): try enqueue(.patch(name, sets), request, asked)
        case .delete(let name): try enqueue(.delete(name), request, asked)
        }
        return .later
    }

    private mutating func enqueue(
        _ change: ZoneAPIJob.Change,
        _ request: ZoneAPIRequest,
        _ asked: ServiceRequest
    ) throws(ZoneAPIFault) {
        guard canChange else { throw ZoneAPIFault.unchangeable(whyUnchangeable) }
        guard updater.jobs.count < Plane.zoneJobLimit else {
            throw .unchangeable("\(Plane.zoneJobLimit) changes wait; ask again")
        }
        updater.jobs.append(
            ZoneAPIJob(
                change: change,
                ifMatch: request.ifMatch,
                ticket: asked.ticket,
                client: asked.peer.ip
            )
        )
    }

    // MARK: What is there

    private func checkKnown(_ name: DomainName) throws(ZoneAPIFault) {
        guard snapshot.dns.serial(of: name) != nil else { throw ZoneAPIFault.unknown(name) }
    }

    // A zone of a million names takes seconds to be written: another thread does that, from zones
    // that nothing changes any more.
    private func render(
        _ ticket: Handle,
        _ name: DomainName?,
        _ body: @escaping @Sendable (DNSSnapshot) -> ServiceResponse?
    ) -> ServiceAnswer {
        let zones = snapshot.dns
        let work: @Sendable () -> ServiceResponse = {
            body(zones) ?? Plane.refusal(name.map(ZoneAPIFault.unknown) ?? .noPath)
        }
        guard let renderer = updater.renderer else { return .now(work()) }
        renderer.submit(ticket, work)
        return .later
    }

    // MARK: Changes

    /// Begins the next change, unless one is being kept; true when it was begun.
    mutating func followZoneJobs() -> Bool {
        while updater.flight == nil, !updater.jobs.isEmpty {
            let job = updater.jobs.removeFirst()
            guard canChange else {
                let fault = ZoneAPIFault.unchangeable(whyUnchangeable)
                updater.finished.append((job.ticket, Plane.refusal(fault)))
                continue
            }
            var ticket = ZoneTicket(handle: job.ticket)
            ticket.client = job.client
            ticket.change = job.change.word
            if case .create(let name, _, let withSets) = job.change {
                ticket.created = (name, withSets)
            }
            launch(.job(job), [], [ticket])
            return true
        }
        return false
    }

    /// Answers those whose change changes nothing, or is refused.
    mutating func finish(_ tickets: [ZoneTicket], _ end: Result<Void, ZoneAPIFault>) {
        switch end {
        case .success:
            for ticket in tickets {
                if let (number, end) = ticket.order { self.end(number, end, nil) }
                if let handle = ticket.handle { updater.finished.append((handle, .empty())) }
            }
        case .failure(let fault): tell(tickets, fault)
        }
    }

    /// Tells those who asked for a change what became of it.
    mutating func tell(_ tickets: [ZoneTicket], _ fault: ZoneAPIFault?) {
        for ticket in tickets {
            if let (number, end) = ticket.order { self.end(number, end, fault) }
            guard let handle = ticket.handle else { continue }
            guard fault == nil, let (name, withSets) = ticket.created else {
                updater.finished.append((handle, fault.map(Plane.refusal) ?? .empty()))
                continue
            }
            let answer = render(handle, name) { zones in
                let made = ZoneAPIDocument(zones, name)
                guard let made else { return ServiceResponse.empty() }
                return made.response(status: 201, made.whole(withSets: withSets))
            }
            if case .now(let response) = answer { updater.finished.append((handle, response)) }
        }
    }
}
