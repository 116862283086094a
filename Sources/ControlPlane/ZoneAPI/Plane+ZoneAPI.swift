// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// A change that the API has asked for, and that waits for its flight.
struct ZoneAPIJob: Sendable {
    enum Change: Sendable {
        case create(DomainName, JSONValue)
        case patch(DomainName, [JSONValue])
        case delete(DomainName)
    }

    var change: Change
    var ifMatch: String?
    var ticket: Handle
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
            return try answer(try ZoneAPIRequest(request), request.ticket)
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

    private static func json(_ value: JSONValue, status: UInt16 = 200) -> ServiceResponse {
        ServiceResponse(status: status, type: "application/json", bytes: Array(value.text().utf8))
    }

    private mutating func answer(
        _ request: ZoneAPIRequest,
        _ ticket: Handle
    ) throws(ZoneAPIFault) -> ServiceAnswer {
        switch request.wish {
        case .fixed(let value): return .now(Plane.json(value))
        case .list(let name, let limit, let offset):
            let names = zoneNames.filter { name == nil || $0 == name }
            let shown = names.dropFirst(max(offset, 0)).prefix(max(limit, 0))
            let documents = shown.compactMap { document($0, withRecords: false)?.summary }
            return .now(Plane.json(.array(documents)))
        case .show(let name, let withSets, let owner, let type):
            let document = try known(name)
            let tag = document.tag
            if request.ifNoneMatch == tag {
                return .now(ServiceResponse(status: 304, fields: [("ETag", tag)], body: .bytes([])))
            }
            var response = Plane.json(document.whole(withSets: withSets, name: owner, type: type))
            response.fields.append(("ETag", tag))
            return .now(response)
        case .export(let name):
            return .now(.text(try known(name).text))
        case .notify(let name):
            _ = try known(name)
            tellAll(of: name, Clock.monotonic())
            return .now(Plane.json(["result": "Notification queued"]))
        case .metadata(let name):
            _ = try known(name)
            return .now(.empty())
        case .create(let name, let body): try enqueue(.create(name, body), request, ticket)
        case .patch(let name, let sets): try enqueue(.patch(name, sets), request, ticket)
        case .delete(let name): try enqueue(.delete(name), request, ticket)
        }
        return .later
    }

    private mutating func enqueue(
        _ change: ZoneAPIJob.Change,
        _ request: ZoneAPIRequest,
        _ ticket: Handle
    ) throws(ZoneAPIFault) {
        guard canChange else { throw ZoneAPIFault.unchangeable(whyUnchangeable) }
        guard updater.jobs.count < Plane.zoneJobLimit else {
            throw .unchangeable("\(Plane.zoneJobLimit) changes wait; ask again")
        }
        updater.jobs.append(ZoneAPIJob(change: change, ifMatch: request.ifMatch, ticket: ticket))
    }

    // MARK: What is there

    /// The zones of the configuration and those that were made, by name.
    private var zoneNames: [DomainName] {
        (settings.zones + updater.overlays.more(than: settings.zones))
            .compactMap { DomainName($0.name)?.lowercased }
            .sorted { "\($0)" < "\($1)" }
    }

    private func document(_ name: DomainName, withRecords: Bool = true) -> ZoneAPIDocument? {
        ZoneAPIDocument(snapshot.dns, name, withRecords: withRecords)
    }

    private func known(_ name: DomainName) throws(ZoneAPIFault) -> ZoneAPIDocument {
        guard let document = document(name) else {
            throw ZoneAPIFault.unknown(name)
        }
        return document
    }

    // MARK: Changes

    /// Begins the next change, unless one is being kept; true when it was begun.
    mutating func followZoneJobs() -> Bool {
        while updater.flight == nil, !updater.jobs.isEmpty {
            let job = updater.jobs.removeFirst()
            do throws(ZoneAPIFault) {
                guard canChange else { throw ZoneAPIFault.unchangeable(whyUnchangeable) }
                if try begin(job) { return true }
                // Nothing has changed.
                updater.finished.append((job.ticket, .empty()))
            } catch {
                updater.finished.append((job.ticket, Plane.refusal(error)))
            }
        }
        return false
    }

    // False when there is nothing to do.
    private mutating func begin(_ job: ZoneAPIJob) throws(ZoneAPIFault) -> Bool {
        switch job.change {
        case .create(let name, let body):
            guard !isConfigured(name) else {
                // Also one that is not served yet, or not now.
                throw ZoneAPIFault(
                    409,
                    "Domain '\(name)' stands in the configuration",
                    "change its sets by PATCH"
                )
            }
            guard !isMade(name) else {
                throw ZoneAPIFault(
                    409,
                    "Domain '\(name)' already exists",
                    "change its sets by PATCH"
                )
            }
            var zone = try ZoneAPIRequest.records(
                of: name,
                body,
                serial: UInt32(truncatingIfNeeded: Plane.seconds)
            )
            try checkDynamic(zone)
            var change = ZoneChange(kind: .made)
            for record in zone.records {
                let key = RecordSetKey(record.owner, record.type)
                change.sets[key] = .some(zone[record.owner, record.type])
            }
            zone.begin()
            updater.live[name] = zone
            launch([name: change], [], [ZoneTicket(handle: job.ticket, created: name)])
            return true
        case .delete(let name):
            guard !isConfigured(name) else {
                throw ZoneAPIFault(
                    422,
                    "zone \(name) stands in the configuration",
                    "take it out there; 'martlet zone discard' takes back what was changed of it"
                )
            }
            guard isMade(name) else { throw ZoneAPIFault.unknown(name) }
            var change = ZoneChange(kind: .made)
            change.isRemoval = true
            launch([name: change], [], [ZoneTicket(handle: job.ticket)])
            return true
        case .patch(let name, let sets): return try patch(name, sets, job)
        }
    }

    private func isConfigured(_ name: DomainName) -> Bool { configured(name) != nil }

    private func configured(_ name: DomainName) -> ZoneSettings? {
        let text = "\(name)"
        return settings.zones.first { $0.name == text }
    }

    private func isMade(_ name: DomainName) -> Bool {
        updater.overlays.zones[name]?.kind == .made && !isConfigured(name)
    }

    // Changes of these would be lost, or be no good.
    private func checkChangeable(_ name: DomainName) throws(ZoneAPIFault) {
        guard let zone = configured(name) else {
            guard isMade(name) else { throw ZoneAPIFault.unknown(name) }
            return
        }
        guard zone.transferFrom.isEmpty else {
            throw ZoneAPIFault(422, "zone \(name) comes from its primaries: change it there")
        }
    }

    private mutating func patch(
        _ name: DomainName,
        _ sets: [JSONValue],
        _ job: ZoneAPIJob
    ) throws(ZoneAPIFault) -> Bool {
        try checkChangeable(name)
        let document = try known(name)
        if let wanted = job.ifMatch, wanted != "*", wanted != document.tag {
            throw ZoneAPIFault(412, "the zone has changed since", "read it again, with its ETag")
        }
        let settings = settings.zones.first { $0.name == "\(name)" }
        if settings?.isKeptAsFile == true {
            throw ZoneAPIFault(
                422,
                "zone \(name) comes from elsewhere, or is made of others",
                "change it there, or the list of members in the configuration"
            )
        }
        guard var zone = liveZone(name), let serial = zone.serial else {
            throw ZoneAPIFault.unknown(name)
        }
        defer { updater.live[name] = zone }
        guard !isSignedElsewhere(zone) else {
            throw ZoneAPIFault(
                422,
                "zone \(name) is signed in its file: change it there, or sign it here (dnssec)"
            )
        }
        zone.begin()
        do throws(ZoneAPIFault) {
            try ZoneAPIChange.apply(sets, to: &zone, needsChangeType: true)
            try checkDynamic(zone)
        } catch {
            zone.rollBack()
            throw error
        }
        guard zone.serial != nil else {
            zone.rollBack()
            throw ZoneAPIFault(
                422,
                "zone \(name) needs its SOA",
                "replace it, and do not delete it"
            )
        }
        guard zone.difference() != nil else { return false }
        if zone.serial == serial {
            let rule: SerialRule = configured(name)?.serialRule == .unixtime ? .time : .increment
            zone.setSerial(rule.next(serial, seconds: UInt32(truncatingIfNeeded: Plane.seconds)))
        }
        var change = ZoneChange()
        for key in zone.former.keys { change.sets[key] = .some(zone[key.owner, key.type]) }
        if let difference = zone.difference() { change.differences = [difference] }
        updater.live[name] = zone
        launch([name: change], [], [ZoneTicket(handle: job.ticket)])
        return true
    }

    /// Tells those who asked for a change what became of it.
    mutating func tell(_ tickets: [ZoneTicket], _ fault: ZoneAPIFault?) {
        for ticket in tickets {
            if let (number, end) = ticket.order { self.end(number, end, fault) }
            guard let handle = ticket.handle else { continue }
            var response = fault.map(Plane.refusal) ?? .empty()
            if fault == nil, let name = ticket.created, let document = document(name) {
                response = Plane.json(document.whole(withSets: true), status: 201)
                response.fields.append(("ETag", document.tag))
            }
            updater.finished.append((handle, response))
        }
    }
}
