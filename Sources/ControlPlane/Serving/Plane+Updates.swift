// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Dynamic updates (RFC 2136): from the desk to zones in force, and back.
extension Plane {
    /// Takes what workers have handed in; whom no rule is about waits for nothing, and takes no
    /// place from others.
    mutating func takeUpdates() {
        guard let desk = shared.dns.updates else { return }
        var refused: [ZoneUpdater.Answer] = []
        for request in desk.requests.drain() {
            var answer = ZoneUpdater.Answer(request: request, code: .noError, signature: .unsigned)
            if admit(&answer) == nil {
                refused.append(answer)
            } else {
                updater.queue.append(request)
            }
        }
        if !refused.isEmpty { self.answer(refused) }
    }

    /// Decides what waits, unless an earlier change is still being kept.
    mutating func followUpdates(_ now: Instant) {
        guard updater.flight == nil, !updater.awaitsSteering else { return }
        followOrders()
        guard updater.flight == nil, !updater.awaitsSteering else { return }
        // They take turns: neither kind keeps the other one waiting.
        let isTurnOfJobs = updater.queue.isEmpty || !updater.wasJob
        updater.wasJob = isTurnOfJobs && followZoneJobs()
        guard updater.flight == nil, !updater.awaitsSteering, !updater.queue.isEmpty else {
            return
        }
        let limit = updater.cautious > 0 ? 1 : ZoneUpdater.batchLimit
        let taken = Array(updater.queue.prefix(limit))
        updater.queue.removeFirst(taken.count)
        updater.cautious = max(updater.cautious - taken.count, 0)
        var answers: [ZoneUpdater.Answer] = []
        var changes: [DomainName: ZoneChange] = [:]
        for request in taken { answers.append(decide(request, &changes)) }
        guard !changes.isEmpty else { return answer(answers) }
        launch(changes, answers)
    }

    private mutating func decide(
        _ request: UpdateDesk.Request,
        _ changes: inout [DomainName: ZoneChange]
    ) -> ZoneUpdater.Answer {
        var answer = ZoneUpdater.Answer(request: request, code: .noError, signature: .unsigned)
        guard let admitted = admit(&answer) else { return answer }
        guard let message = UpdateMessage(admitted.plain) else {
            answer.code = .formatError
            return answer
        }
        let apex = message.zone.lowercased
        guard canChange, var records = liveZone(apex) else {
            answer.code = .serverFailure
            return answer
        }
        guard !isSignedElsewhere(records) else {
            updater.live[apex] = records
            answer.code = .refused
            return answer
        }
        let outcome = admitted.machine.apply(
            message,
            by: admitted.asker,
            to: &records,
            seconds: UInt32(truncatingIfNeeded: Plane.seconds)
        )
        answer.code = outcome.code
        if let difference = outcome.difference {
            for set in records.former.keys {
                changes[apex, default: ZoneChange()].sets[set] = .some(
                    records[set.owner, set.type]
                )
            }
            changes[apex]?.differences.append(difference)
        }
        updater.live[apex] = records
        return answer
    }

    /// True while what is changed can be kept, and will be served.
    var canChange: Bool {
        guard updater.store.isOpen, !isUpgrading, !isRetired else { return false }
        if case .stopping = phase { return false }
        return true
    }

    // Taken out of where it is kept, so that a change need not copy it.
    mutating func liveZone(_ apex: DomainName) -> ZoneRecords? {
        if let known = updater.live.removeValue(forKey: apex) { return known }
        return formerZones.contents("\(apex)").map { ZoneRecords(apex: apex, $0) }
    }

    // MARK: The flight

    /// Has changes laid out and kept; answers come when that is done.
    mutating func launch(
        _ changes: [DomainName: ZoneChange],
        _ answers: [ZoneUpdater.Answer],
        _ tickets: [ZoneTicket] = []
    ) {
        let commits = changes.map { commit($0, $1) }
        let former = formerZones
        let isAliased = changes.contains { $0.value.kind == .overlay && leads($0.key, former) }
        var zones: [(DomainName, ZoneRecords?)] = []
        for (apex, change) in changes {
            zones.append((apex, change.isRemoval ? nil : updater.live[apex]))
        }
        let number = updater.nextNumber()
        updater.flight = ZoneUpdater.Flight(
            number: number,
            commits: commits,
            answers: answers,
            tickets: tickets,
            // An alias may lead from any zone to any other: all are put together then.
            isOvertaken: isAliased
        )
        let changed = assembly.zoneResult.changed
        let isKept = updater.store.commit(commits, number: number) { [zones] in
            ZoneAssembly.trial(zones, changed: changed)
        }
        if !isKept { land(number, problem: "too many changes wait", nil, []) }
    }

    // What the store has may be of a former life of the zone: made by the API before it stood in
    // the configuration, or the other way round. Nothing of that is to show again.
    private func commit(_ apex: DomainName, _ change: ZoneChange) -> ZoneCommit {
        let name = "\(apex)"
        let isConfigured = settings.zones.contains { $0.name == name }
        let kind: StoredZone.Kind = isConfigured ? .overlay : .made
        let known = updater.overlays.zones[apex]
        let isNew = known?.kind != kind || change.kind == .made
        let fresh = StoredZone(name: apex, kind: kind, base: served(apex) ?? 0)
        var commit = ZoneCommit(isNew ? fresh : known ?? fresh)
        commit.sets = change.sets
        commit.differences = change.differences
        commit.isRemoval = change.isRemoval
        commit.replacesAll = isNew
        commit.dropsJournal = isNew
        // By what a later process knows that the journal leads to what it serves.
        commit.zone.facts = updater.live[apex]?.digest.bytes ?? []
        return commit
    }

    // A zone that is only among the changed ones has no way of an alias.
    private func leads(_ apex: DomainName, _ former: FormerZones) -> Bool {
        former.all.usableZone(apex).map { former.all.hasAliases(zone: $0) } ?? false
    }

    // The serial that a zone has in the tables.
    private func served(_ apex: DomainName) -> UInt32? {
        let former = formerZones
        for table in [former.changed, former.all] {
            if let zone = table.usableZone(apex) { return table.serial(ofZone: zone) }
        }
        return nil
    }

    /// Waits until what is being kept is: another process is about to read it, and takes no more.
    mutating func settleUpdates(_ now: Instant) {
        guard updater.flight != nil, var pause = try? EventLoop() else { return }
        pause.add(updater.store.results.descriptor, token: 0, interest: .read)
        // A disk takes milliseconds; the bound is for one that does not answer at all.
        for _ in 0..<100 where updater.flight != nil {
            _ = pause.wait(timeoutMilliseconds: 20)
            takeCommits(now)
        }
    }

    /// Takes what the store has done.
    mutating func takeCommits(_ now: Instant) {
        for result in updater.store.results.drain() {
            if updater.flight?.number == result.number {
                land(result.number, problem: result.problem, result.table, result.faults)
                continue
            }
            guard let problem = result.problem else { continue }
            noteLost(problem)
        }
        followUpdates(now)
    }

    private mutating func land(
        _ number: UInt64,
        problem: String?,
        _ table: ZoneTable?,
        _ faults: [ZoneDiagnostic]
    ) {
        guard var flight = updater.flight, flight.number == number else { return }
        updater.flight = nil
        let now = Clock.monotonic()
        if problem == nil {
            let changesSteering = flight.changesSteering(updater.overlays)
            publish(flight, changesSteering ? nil : table, changesSteering, now)
            if !changesSteering { tell(flight.tickets, nil) }
            return answer(flight.answers)
        }
        // What was made of them in memory goes as well.
        for commit in flight.commits { updater.live[commit.zone.name] = nil }
        if !faults.isEmpty, flight.answers.count > 1 {
            updater.queue = flight.answers.map(\.request) + updater.queue
            updater.cautious = flight.answers.count
            return
        }
        let reason = faults.first { $0.severity == .error }.map(\.message) ?? problem ?? ""
        if faults.isEmpty { noteLost(reason) } else { noteRefused(flight, reason) }
        tell(flight.tickets, ZoneAPIFault(faults.isEmpty ? 500 : 422, reason))
        // What was refused for what it is stays refused.
        let settled: [ResponseCode] = [.notAuthorized, .refused, .formatError, .notZone]
        for index in flight.answers.indices where !settled.contains(flight.answers[index].code) {
            flight.answers[index].code = faults.isEmpty ? .serverFailure : .refused
        }
        answer(flight.answers)
    }

    // Somebody's disk; nobody's zone.
    private mutating func noteLost(_ problem: String) {
        note(
            repeated: .lostChange,
            .stateFailed,
            .error,
            "a change of zones is not kept: \(problem)"
        )
    }

    // Whoever asked for it is told by the answer: for the operator it is no fault.
    private mutating func noteRefused(_ flight: ZoneUpdater.Flight, _ reason: String) {
        var fields = flight.commits.prefix(1).map {
            JSONMember("zone", .string("\($0.zone.name)"))
        }
        if let client = flight.answers.first?.request.client {
            fields.append(JSONMember("client", .string("\(client)")))
        }
        let text = "a change of zones is refused: \(reason)"
        note(repeated: .refusedChange, .notice, .info, text, fields)
    }

    private mutating func publish(
        _ flight: ZoneUpdater.Flight,
        _ table: ZoneTable?,
        _ changesSteering: Bool,
        _ now: Instant
    ) {
        // What is staged was made without the flight, and the flight without what is staged.
        var isOvertaken = flight.isOvertaken
        if let waiting = staged {
            staged = nil
            adopt(waiting, now)
            isOvertaken = true
        }
        var late: [DomainName: RebasedZone] = [:]
        for commit in flight.commits where isOvertaken {
            late[commit.zone.name] = caughtUp(commit)
        }
        updater.merge(flight.commits)
        if !late.isEmpty { rebase(late) }
        let gone = flight.commits.filter(\.isRemoval).map(\.zone.name)
        if changesSteering {
            for apex in gone { updater.live[apex] = nil }
            return awaitSteering(flight.tickets)
        }
        if isOvertaken || !gone.isEmpty {
            for commit in flight.commits where !commit.isRemoval {
                serve(commit.zone.name, table, now)
            }
            for apex in gone { takeBack(apex, now) }
        } else if let table {
            let old = assembly.zoneResult
            assembly.zoneResult.changed = table
            let steps = flight.commits.map { ($0.zone.name, $0.differences) }
            followVersions(since: old, known: Dictionary(steps) { $0 + $1 }, now)
            configureKeys(of: flight.commits.map { "\($0.zone.name)" })
            adoptZones(now)
        }
    }

    /// Sends answers by the workers that have the ways back.
    private func answer(_ answers: [ZoneUpdater.Answer]) {
        var replies: [Int: [UpdateDesk.Reply]] = [:]
        for answer in answers {
            let bytes = signed(answer)
            let reply = UpdateDesk.Reply(answer.request, answer.code, bytes: bytes)
            if !bytes.isEmpty { replies[answer.request.worker, default: []].append(reply) }
        }
        for (worker, replies) in replies where workers.mailboxes.indices.contains(worker) {
            workers.mailboxes[worker].post(.answerUpdates(replies))
        }
        shared.dns.updates?.noteAnswered(answers.map(\.code))
    }

    // MARK: Overlays

    /// The zones have been put together anew: notes which of them have other serials now.
    mutating func adoptOverlays() {
        updater.noteReread()
        let rebased = assembly.zoneResult.rebased
        assembly.zoneResult.rebased = [:]
        if !rebased.isEmpty { rebase(rebased) }
    }

    /// Keeps the new serials of zones that have changed in the configuration.
    mutating func rebase(_ zones: [DomainName: RebasedZone]) {
        let commits = zones.compactMap { name, rebased -> ZoneCommit? in
            guard var stored = updater.overlays.zones[name] else { return nil }
            stored.base = rebased.base
            stored.sets = [:]
            var commit = ZoneCommit(stored)
            commit.sets = [RecordSetKey(name, .SOA): rebased.soa]
            commit.dropsJournal = true
            return commit
        }
        updater.merge(commits)
        guard !updater.store.commit(commits, number: updater.nextNumber()), updater.store.isOpen
        else { return }
        note(
            .stateFailed,
            .error,
            "the new serials of \(commits.count) zones are not kept: too many changes wait; "
                + "reload once the disk keeps up"
        )
    }
}

extension ZoneAssembly {
    /// Lays changed zones out, beside those that have changed before.
    static func trial(
        _ zones: [(DomainName, ZoneRecords?)],
        changed: ZoneTable
    ) -> (table: ZoneTable?, faults: [ZoneDiagnostic]) {
        let fresh = Set(zones.map(\.0))
        var builder = ZoneTableBuilder()
        for other in changed.usableZones where !fresh.contains(other) {
            guard let number = changed.usableZone(other) else { continue }
            builder.beginZone(other, source: "\(other)")
            builder.add(changed.contents(ofZone: number)) { $0 }
        }
        for case (let apex, let records?) in zones {
            builder.beginZone(apex, source: "\(apex)")
            builder.add(records.contents) { $0 }
        }
        let build = builder.build()
        return (build.table, build.table == nil ? build.diagnostics : [])
    }
}
