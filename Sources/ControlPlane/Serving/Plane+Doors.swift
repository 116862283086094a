// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Runtime
internal import Steering

/// Opening the doors, and closing them.
extension Plane {
    /// Hands the workers their sockets: from now on they serve.
    mutating func openDoors(_ now: Instant) {
        phase = .serving
        applyKeys()
        let pending = assembly.slots.count { health.word($0).health == .unknown }
        openDoorSockets(sockets)
        configurePackets(now)
        if setup.isTakeover { openAdmin() }
        link.tell(.serving(handover: Handover.format))
        store.writeSoon(.configuration, text)
        healthSaving.isDirty = true
        let rest = pending == 0 ? "" : "; \(pending) endpoints have no verdict yet"
        note(
            .ready,
            .info,
            "ready: the doors serve\(rest)",
            [JSONMember("pending", .integer(Int64(pending)))]
        )
    }

    /// Carries out an order of the supervisor, or a signal.
    mutating func obey(_ order: LinkOrder, _ now: Instant) {
        switch order {
        case .stop: stop(now)
        case .stopNow:
            isHurried = true
            phase = .stopping(until: now)
        case .reload: _ = perform(.reload, now: now)
        case .reopenLogs:
            prepareLogs()
            logThread.reopen()
        case .upgrade: prepareUpgrade(now)
        case .upgradeFailed: upgradeFailed()
        case .retire: retire(now)
        }
    }

    /// Begins to go: the doors close, what is in hand is finished within the grace.
    mutating func stop(_ now: Instant) {
        if case .stopping = phase {
            isHurried = true
            phase = .stopping(until: now)
            return
        }
        let isWaiting = phase == .waiting
        // Before there is anything to save, what an earlier process has saved stays.
        if !isWaiting, !isRetired {
            settleState(now, .stopping)
            saveHealthNow(now)
        }
        saveRoundTripsNow(now)
        phase = .stopping(until: isWaiting ? now : now + settings.shutdownGrace)
        note(
            .processStopping,
            .info,
            "stopping: requests in hand have \(settings.shutdownGrace) to end"
        )
        closePackets()
        workers.post(.stop(farewell(now)))
    }

    /// How the clients are seen off: tunnels in the last part of the grace, one by one.
    private func farewell(_ now: Instant) -> Farewell {
        let bounds = Drain.Bounds(longest: settings.shutdownGrace, spread: settings.shutdownSpread)
        let drain = Drain(of: bounds, at: now)
        // The last ones still have to be told, before the process is gone.
        let words = min(500_000_000, settings.shutdownGrace.nanoseconds / 4)
        let until = Instant(nanoseconds: drain.end.nanoseconds &- words)
        // Where another process serves already, nobody waits for this one: idle clients have time.
        let quiet =
            isRetired
            ? max(
                .seconds(1),
                min(.seconds(10), Interval(nanoseconds: (until - now).nanoseconds / 2))
            ) : .seconds(1)
        return Farewell(
            quiet: quiet,
            tunnelsFrom: min(drain.closesFrom, until),
            tunnelsUntil: until
        )
    }

    /// True when the process can end.
    func isFinished(_ now: Instant) -> Bool {
        guard case .stopping(let until) = phase else { return false }
        return now >= until || workers.words.areFinished
    }

    /// Has root make files that this account could not make in a folder of root.
    private mutating func prepareLogs() {
        if setup.account != nil { link.tell(.logs) }
    }

    /// Makes the logs follow the configuration.
    mutating func applyLog() {
        prepareLogs()
        queryLog.setSnapshot(snapshot)
        log.setLevel(settings.log.level)
        var streams = [LogStream(name: "events", output: settings.log.output, rings: [log.ring])]
        streams.append(
            LogStream(
                name: "access",
                output: settings.log.access.output,
                rings: shared.http.accessLog
            )
        )
        var queries = LogStream(
            name: "queries",
            output: settings.log.queries.output,
            rings: [queryLog.ring]
        )
        queries.source = queryLog
        streams.append(queries)
        logThread.setStreams(streams)
    }
}
