// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Zones that come from other servers.
extension Plane {
    /// Takes up which zones come from elsewhere, at the start and after a reload.
    mutating func configureSecondaries(_ now: Instant) {
        var notes: [String] = []
        secondaries.keep(in: store.folder)
        let hasSome = settings.zones.contains { !$0.transferFrom.isEmpty }
        guard hasSome || !secondaries.zones.isEmpty else { return }
        let checked = store.read(.secondaries, notes: &notes) { json in
            json.members.map { members in
                Dictionary(
                    members.compactMap { member in
                        member.value.integer.map { (member.name, $0) }
                    }
                ) { first, _ in first }
            }
        }
        for text in notes { note(.stateFailed, .warning, text) }
        secondaries.configure(
            settings,
            assembly.transactionKeys,
            checked: checked ?? [:],
            now
        )
        if settings.zones.contains(where: \.catalog) {
            catalogPlaces =
                CatalogZones(
                    settings.zones,
                    secondaries.transferred,
                    present: settings.zones,
                    owners: catalogPlaces,
                    others: madeZones
                ).places
        }
    }

    /// Begins looks that are due, sends notices, and stops answering from what is too old.
    mutating func followTransfers(_ now: Instant, _ loop: inout EventLoop) {
        // Before and after that another process may be the one that looks, and keeps what comes.
        guard phase == .serving, !isRetired else { return }
        if now >= secondaries.deadline {
            for event in secondaries.expire(now: now) { carryOut(event, now) }
        }
        if now >= notifier.deadline {
            let keys = assembly.transactionKeys
            let silent = notifier.expire(now: now, keys, loop: &loop)
            for notice in silent {
                notices.silent += 1
                let text = "\(notice.target) has not heard that zone \(notice.zone) has changed"
                note(.transfer, .warning, text, Plane.fields(notice))
            }
        }
    }

    /// When ``followTransfers(_:_:)`` has something to do.
    var transfersDeadline: Instant {
        guard phase == .serving, !isRetired else { return .never }
        return min(secondaries.deadline, notifier.deadline)
    }

    /// Takes what threads have brought.
    mutating func takeFetches(_ now: Instant) {
        for (result, event) in secondaries.take(now: now) {
            note(result)
            if let event { carryOut(event, now) }
        }
        saveChecks(now)
    }

    private mutating func carryOut(_ event: SecondaryKeeper.Event, _ now: Instant) {
        switch event {
        case .adopt(let name, let version, let isBack):
            if isBack {
                let text =
                    "zone \(name) has expired no longer: a primary answers, it is served again"
                note(.transfer, .info, text, Plane.fields(name, state: "served"))
            }
            arrive(name, version, now)
        case .expired(let name):
            note(
                .transfer,
                .error,
                "zone \(name) is answered SERVFAIL: its primaries have been silent for longer than "
                    + "its SOA allows (expire)",
                Plane.fields(name, state: "expired")
            )
            arrive(name, nil, now)
        }
    }

    private static func fields(_ zone: String, state: String) -> [JSONMember] {
        [JSONMember("zone", .string(zone)), JSONMember("state", .string(state))]
    }

    /// Has zones taken again whose versions cannot be read.
    mutating func fetchLost(_ now: Instant) {
        for fault in assembly.zoneResult.faults
        where fault.problems.contains(where: { $0.code == ZoneAssembly.lostCode }) {
            secondaries.lose(fault.zone, now: now)
        }
    }

    private func saveChecks(_ now: Instant) {
        guard !isRetired else { return }
        let realtime = Clock.realtime()
        let members = secondaries.zones.sorted { $0.key < $1.key }.compactMap { name, zone in
            zone.machine.checkedAt.map { checked in
                JSONMember(name, .integer(realtime - (now - checked).nanoseconds))
            }
        }
        store.writeSoon(.secondaries, Array(JSONValue.object(members).text().utf8))
    }

    /// A primary says that a zone has changed.
    mutating func hear(
        _ zone: DomainName,
        _ serial: SerialNumber?,
        _ client: IPAddress,
        _ now: Instant
    ) {
        secondaries.notice("\(zone)", serial, from: client, now: now)
        note(
            .transfer,
            .debug,
            "\(client) says that zone \(zone) has changed",
            [JSONMember("zone", .string("\(zone)"))]
        )
    }

    private mutating func note(_ result: FetchResult) {
        let zone = JSONMember("zone", .string("\(result.zone)"))
        for problem in result.problems {
            note(
                .transfer,
                .warning,
                "zone \(result.zone) cannot be taken from \(problem.primary): \(problem.text)",
                [zone, JSONMember("primary", .string("\(problem.primary)"))]
            )
        }
        guard case .updated(let update) = result.outcome, let source = result.source else { return }
        let kind = update.isIncremental ? "changes" : "all"
        var text = "\(kind) of zone \(result.zone) came from \(source)"
        if let reason = update.whyWhole { text += "; its changes were of no use: \(reason)" }
        if update.dropped > 0 { text += "; \(update.dropped) records outside of it are left out" }
        note(
            .transfer,
            update.dropped > 0 ? .warning : .info,
            text,
            [
                zone, JSONMember("primary", .string("\(source)")),
                JSONMember("serial", .integer(Int64(result.serial?.rawValue ?? 0))),
                JSONMember("records", .integer(Int64(update.count))),
                JSONMember("bytes", .integer(Int64(update.octets))),
                JSONMember("ms", .integer(update.duration.milliseconds)),
            ]
        )
    }

    static func fields(_ notice: NotifyMachine.Pending) -> [JSONMember] {
        [
            JSONMember("zone", .string("\(notice.zone)")),
            JSONMember("server", .string("\(notice.target)")),
            JSONMember("serial", .integer(Int64(notice.serial.rawValue))),
        ]
    }

    /// Takes the answer to a notice.
    mutating func handleNotify(_ event: Event, _ now: Instant, _ loop: inout EventLoop) {
        for (notice, code) in notifier.handle(event, loop: &loop) {
            guard code != .noError else {
                notices.heard += 1
                continue
            }
            if code == nil { notices.silent += 1 } else { notices.refused += 1 }
            let answer = code.map { "answers \($0)" } ?? "has closed its port"
            let text =
                "\(notice.target) \(answer) when told that zone \(notice.zone) has changed"
            note(.transfer, .warning, text, Plane.fields(notice))
        }
    }
}

/// What has become of notices that were sent.
struct NoticeCounts {
    var heard = 0
    var refused = 0
    var silent = 0
}
