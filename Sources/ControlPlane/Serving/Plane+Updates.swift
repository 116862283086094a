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
        for request in desk.requests.drain() where !forward(request) {
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
        guard updater.flight == nil, !followPreparing(now), !followReloading(now),
            !updater.awaitsSteering
        else { return }
        if followArrivals(now) { return }
        followOrder()
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
        var admitted: [Int: Admitted] = [:]
        for request in taken {
            var answer = ZoneUpdater.Answer(request: request, code: .noError, signature: .unsigned)
            admitted[answers.count] = admit(&answer)
            if admitted[answers.count] != nil, !canChange { answer.code = .serverFailure }
            answers.append(answer)
        }
        guard canChange, !admitted.isEmpty else { return answer(answers) }
        launch(.updates(admitted), answers)
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

    /// Has changes decided, laid out and kept; answers come when that is done.
    mutating func launch(
        _ task: ZoneTask,
        _ answers: [ZoneUpdater.Answer] = [],
        _ tickets: [ZoneTicket] = []
    ) {
        var work = ZoneWork(
            settings,
            formerZones,
            seconds: UInt32(truncatingIfNeeded: Plane.seconds)
        )
        for apex in task.zones {
            work.known[apex] = updater.overlays.zones[apex].map { ZoneCommit($0).zone }
            work.live[apex] = updater.live.removeValue(forKey: apex)
        }
        let flight = ZoneUpdater.Flight(
            number: updater.nextNumber(),
            answers: answers,
            tickets: tickets
        )
        updater.flight = flight
        let handed = Handed(work)
        work.live = [:]
        let isTaken = updater.store.perform(number: flight.number) { [outcome = flight.outcome] in
            guard var work = handed.take() else { return ZoneStore.Laid() }
            return work.perform(task, outcome)
        }
        if !isTaken { land(flight.number, problem: "too many changes wait", nil, []) }
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
        if let arrival = flight.arrival {
            return land(arrival, isOvertaken: flight.isOvertaken, now)
        }
        if let reread = flight.reread {
            return land(reread, isOvertaken: flight.isOvertaken, now)
        }
        if let zones = flight.reloaded {
            return land(zones, isOvertaken: flight.isOvertaken, now)
        }
        if let preparation = flight.preparation {
            return land(preparation, isOvertaken: flight.isOvertaken, now)
        }
        let outcome = flight.outcome.take()
        settle(outcome, of: &flight)
        if problem == nil {
            guard !flight.commits.isEmpty else {
                if let end = outcome?.end { finish(flight.tickets, end) }
                return answer(flight.answers)
            }
            let waits = waits(flight, isAliased: outcome?.isAliased == true)
            let kept = keptChanges(flight, outcome)
            publish(flight, waits ? nil : table, waits: waits, now)
            note(kept, isInForce: !waits)
            guard !waits else { return }
            tell(flight.tickets, nil)
            return answer(flight.answers)
        }
        // What was made of them in memory goes as well.
        for commit in flight.commits { updater.noteChange(of: commit.zone.name) }
        if !faults.isEmpty, flight.answers.count > 1 {
            updater.queue = flight.answers.map(\.request) + updater.queue
            updater.cautious = flight.answers.count
            return
        }
        let reason = faults.first { $0.severity == .error }.map(\.message) ?? problem ?? ""
        if faults.isEmpty {
            noteLost(reason)
        } else {
            noteRefused(flight.commits.first?.zone.name, flight.answers, reason)
        }
        tell(flight.tickets, ZoneAPIFault(faults.isEmpty ? 500 : 422, reason))
        // What was refused for what it is stays refused.
        let settled: [ResponseCode] = [
            .notAuthorized, .refused, .formatError, .notZone, .badVersion,
        ]
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
    mutating func noteRefused(
        _ zone: DomainName?,
        _ answers: [ZoneUpdater.Answer],
        _ reason: String
    ) {
        var fields = zone.map { [JSONMember("zone", .string("\($0)"))] } ?? []
        if let answer = answers.first {
            fields.append(JSONMember("client", .string("\(answer.request.client)")))
            if let key = answer.key { fields.append(JSONMember("key", .string("\(key)"))) }
        }
        let text = "a change of zones is refused: \(reason)"
        note(repeated: .refusedChange, .notice, .info, text, fields)
    }

    // Zones come back from the flight, unless they have become others meanwhile.
    private mutating func settle(
        _ outcome: ZoneWork.Outcome?,
        of flight: inout ZoneUpdater.Flight
    ) {
        guard let outcome else { return }
        flight.commits = outcome.commits
        for (index, code) in outcome.codes { flight.answers[index].code = code }
        if let end = outcome.orderEnd {
            for index in flight.tickets.indices { flight.tickets[index].order?.end = end }
        }
        if flight.isOvertaken {
            ZoneUpdater.letGo(Array(outcome.live.values))
        } else {
            updater.live.merge(outcome.live) { _, new in new }
        }
    }

    // A table alone is not all that it takes: policies change with names that are steered, an alias
    // may lead from any zone to any other, and what is gone stands in the table of all.
    private func waits(_ flight: ZoneUpdater.Flight, isAliased: Bool) -> Bool {
        // Changes that are taken back have their zone read again at once.
        let isDiscard = flight.tickets.contains {
            if case .discarded? = $0.order?.end { true } else { false }
        }
        return flight.changesSteering(updater.overlays) || isAliased && !isDiscard
            || flight.commits.contains {
                $0.isRemoval && $0.zone.kind == .made
                    && assembly.zones.usableZone($0.zone.name) != nil
            }
    }

    private mutating func publish(
        _ flight: ZoneUpdater.Flight,
        _ table: ZoneTable?,
        waits: Bool,
        _ now: Instant
    ) {
        // What is staged was made without the flight, and the flight without what is staged.
        let isOvertaken = adoptStaged(now) || flight.isOvertaken
        var late: [DomainName: RebasedZone] = [:]
        for commit in flight.commits where isOvertaken {
            late[commit.zone.name] = caughtUp(commit)
        }
        updater.merge(flight.commits)
        if !late.isEmpty { rebase(late) }
        let gone = flight.commits.filter(\.isRemoval).map(\.zone.name)
        for apex in gone { updater.noteChange(of: apex) }
        if waits {
            // Only the file knows what lay under the changes.
            let bare = flight.commits.filter { $0.isRemoval || $0.restsOnFile }
            updater.rereads.formUnion(bare.map { "\($0.zone.name)" })
            let zones = gone.isEmpty ? Set(flight.commits.map(\.zone.name)) : nil
            return awaitSteering(zones, flight.tickets, flight.answers)
        }
        if isOvertaken || gone.contains(where: { mustRebuild(without: $0) }) {
            for commit in flight.commits where !commit.isRemoval {
                serve(commit, table, now)
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

    private func mustRebuild(without apex: DomainName) -> Bool {
        let name = "\(apex)"
        return assembly.zones.usableZone(apex) != nil || settings.zones.contains { $0.name == name }
    }

    /// Sends answers by the workers that have the ways back.
    func answer(_ answers: [ZoneUpdater.Answer]) {
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
        leaveOut()
        let zones = assembly.zoneResult
        if let touched = zones.touched {
            updater.noteSteering(of: touched)
        } else if !zones.isKept {
            updater.noteReread()
        }
        assembly.zoneResult.isKept = false
        assembly.zoneResult.touched = nil
        let rebased = assembly.zoneResult.rebased
        assembly.zoneResult.rebased = [:]
        if !rebased.isEmpty { rebase(rebased) }
    }

    /// Keeps the new serials of zones that have changed in the configuration.
    mutating func rebase(_ zones: [DomainName: RebasedZone]) {
        let commits = zones.compactMap { name, rebased -> ZoneCommit? in
            guard var stored = updater.overlays.zones[name] else { return nil }
            stored.base = rebased.base
            stored.facts = facts(of: name, rebased.soa)
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
