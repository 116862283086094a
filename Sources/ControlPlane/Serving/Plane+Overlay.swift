// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Prober
internal import Runtime
internal import Steering

/// Changes by operators.
extension Plane: ControlSurface {
    func status(slot: Int) -> EndpointStatus? {
        guard var status = keeper.status(slot) else { return nil }
        if status.forced == nil, status.detail.isEmpty {
            let words = [probeNotes[slot], probeWords[slot]].compactMap(\.self)
            status.detail = words.joined(separator: ": ")
        }
        return status
    }

    func rehearsal() -> HealthKeeper { keeper.rehearsal() }

    mutating func perform(_ command: ControlCommand, now: Instant) -> ControlOutcome {
        if case .stopping = phase { return .stopping }
        if isUpgrading { return .upgrading }
        switch command {
        case .change(let pool, let endpoint, let change):
            return self.change(pool: pool, endpoint: endpoint, change, now)
        case .measure(let rows): return .measured(learn(rows, now))
        case .discardOverlay: return discardOverlay(now)
        case .steer(let policy, let order): return perform(order, policy: policy, now)
        case .migrate(let name, let order): return perform(order, migration: name, now)
        case .reload: return reload(now)
        case .reloadZone(let name): return reloadZone(name, now)
        case .keys(let zone, let order): return perform(order, zone: zone, now)
        case .discardZone(let name): return discardZone(name, now)
        case .importZone(let order): return enqueue(.replace(order), now)
        case .upgrade: return askForUpgrade()
        }
    }

    private mutating func change(
        pool name: String,
        endpoint: String,
        _ change: EndpointChange,
        _ now: Instant
    ) -> ControlOutcome {
        guard let pool = assembly.pools.first(where: { $0.view.label == name })?.view else {
            return .unknownPool
        }
        // By its own name, by the name in the file, or by its address.
        let found =
            pool.endpoints.first { $0.name == endpoint || $0.configuredName == endpoint }
            ?? pool.endpoints.first { $0.address?.description == endpoint }
        guard let found else { return .unknownEndpoint }
        let isOne = found.name == endpoint || found.configuredName != endpoint
        let key = Overlay.Key(pool: name, endpoint: isOne ? found.name : found.configuredName)
        var changed = overlay
        if changed.change(key, change, realtime: Clock.realtime()) {
            let outcome = adopt(changed, now)
            guard outcome == .done else { return outcome }
        }
        guard let longest = change.drain else { return .done }
        for endpoint in pool.endpoints
        where endpoint.name == found.name
            || !isOne && endpoint.configuredName == found.configuredName
        {
            guard !health.word(endpoint.slot).isReady else { continue }
            beginDrain(endpoint.slot, longest: longest, now)
        }
        return .done
    }

    private mutating func discardOverlay(_ now: Instant) -> ControlOutcome {
        var changed = overlay
        guard changed.discard() else { return .done }
        note(.overlayDiscarded, .info, "all changes made through the API are taken back")
        return adopt(changed, now)
    }

    /// Saved before it holds: what the API has confirmed is not lost by a crash.
    private mutating func adopt(_ changed: Overlay, _ now: Instant) -> ControlOutcome {
        do throws(SystemError) {
            try store.writeNow(.overlay, Array(changed.json.text(indented: true).utf8))
        } catch {
            note(.stateFailed, .error, "the change cannot be saved: \(error)")
            return .failed("the change cannot be saved in the state folder: \(error)")
        }
        overlay = changed
        if applyOverlay(to: assembly.pools, now) { needsSnapshot = true }
        return .done
    }

    /// Makes the keeper follow the overlay; true when a weight is another one now.
    mutating func applyOverlay(to pools: [AssembledPool], _ now: Instant) -> Bool {
        var hasNewWeight = false
        let realtime = Clock.realtime()
        for pool in pools {
            for endpoint in pool.view.endpoints {
                let entry = overlay.entry(
                    pool: pool.view.label,
                    endpoint: endpoint.name,
                    configuredName: endpoint.configuredName
                )
                absorb(keeper.setAdministrative(endpoint.slot, entry.state, now: now), now)
                let forced = entry.forced.map { forced in
                    let left = forced.until.subtractingReportingOverflow(realtime)
                    return ForcedHealth(
                        isUp: forced.isUp,
                        until: now + Interval(nanoseconds: left.overflow ? 0 : left.partialValue)
                    )
                }
                absorb(keeper.setForced(endpoint.slot, forced, now: now), now)
                let events = keeper.setWeight(endpoint.slot, entry.weight, now: now)
                if !events.isEmpty { hasNewWeight = true }
                absorb(events, now)
            }
        }
        return hasNewWeight
    }

    /// What is no longer forced need not be kept.
    mutating func forgetForced() {
        guard overlay.expire(realtime: Clock.realtime()), !isRetired else { return }
        // Now: a write by another thread could undo the next change of an operator.
        do throws(SystemError) {
            try store.writeNow(.overlay, Array(overlay.json.text(indented: true).utf8))
        } catch {
            note(.stateFailed, .error, "the end of a forced health cannot be saved: \(error)")
        }
    }
}

extension Plane {
    var view: ControlView {
        ControlView(
            settings: settings,
            generation: generation,
            snapshotNumber: snapshot.number,
            adoptedAt: adoptedAt,
            configurationPath: setup.path,
            configurationText: text,
            reloadProblems: reloadProblems,
            reloads: reloads,
            pools: assembly.pools.map(\.view),
            listeners: listenerViews,
            process: processView,
            probing: ProbingView(
                running: probes.running,
                commands: probes.runningCommands,
                statistics: probes.statistics
            ),
            hasLostZones: updater.store.isLost,
            readiness: readiness,
            health: health,
            load: load,
            counts: counts,
            shared: shared,
            workers: workers.words,
            snapshot: snapshot,
            drains: drains.mapValues(\.end),
            forced: keeper.forced,
            checks: checkViews,
            skews: skewWatch.skews,
            tracing: tracingView,
            certificates: settings.certificates.compactMap { files in
                assembly.certificates.loaded[files].map {
                    CertificateView(
                        file: files.certificate,
                        names: $0.pair.names,
                        notAfter: $0.pair.notAfter,
                        stapleEnds: $0.stapleEnds
                    )
                }
            },
            ticketKeys: settings.ticketFiles.compactMap { path in
                assembly.certificates.tickets[path].map {
                    TicketKeysView(file: path, loadedAt: $0.loadedAt / 1_000_000_000)
                }
            },
            geography: assembly.geography.view(unplaced: assembly.unplaced),
            aliases: aliasesView,
            zoneFaults: assembly.zoneResult.faults + updater.overlays.partialFaults,
            secondaries: secondaryViews,
            transferCounts: TransferCounts(secondaries.counts, notices),
            keptKeys: keys.zones,
            zoneChanges: updater.overlays.counts,
            madeZones: updater.overlays.more(than: settings.zones),
            countedZones: countedZones,
            locations: assembly.locations,
            steering: steeringView,
            latency: latencyView,
            packets: packetViews
        )
    }

    private var readiness: Readiness {
        switch phase {
        case .waiting:
            let pending = assembly.slots.count { health.word($0).health == .unknown }
            return .starting(pending: pending)
        case .serving: return .ready
        case .stopping: return .stopping
        }
    }

    private var listenerViews: [ListenerView] {
        var seen: Set<SocketKey> = []
        return sockets.compactMap { socket in
            guard seen.insert(socket.key).inserted else { return nil }
            return ListenerView(
                door: socket.key.door,
                configured: socket.key.address,
                address: socket.bound,
                isOpen: socket.key.door == .admin || phase == .serving
            )
        }
    }

    private var processView: ProcessView {
        ProcessView(
            version: Version.current,
            identifier: ProcessControl.identifier,
            supervisor: setup.supervisor,
            account: setup.account?.name,
            startedAt: startedAt,
            serviceStartedAt: setup.startedAt,
            restarts: setup.restarts,
            lastEnd: setup.ends.last,
            workers: setup.workers,
            fileLimit: setup.fileLimit,
            stateFolder: setup.stateFolder,
            program: setup.program,
            upgrades: setup.upgrades,
            isUpgrading: isUpgrading,
            upgradeProblem: upgradeProblem
        )
    }
}
