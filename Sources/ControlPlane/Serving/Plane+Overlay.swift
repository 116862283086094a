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
            return order(.change(pool: pool, endpoint: endpoint, change), now)
        case .measure(let rows): return .measured(learn(rows, now))
        case .discardOverlay: return order(.discardOverlay, now)
        case .steer(let policy, let wish): return order(.steer(policy: policy, wish), now)
        case .migrate(let name, let wish): return order(.migrate(name, wish), now)
        case .reload: return reload(now)
        case .reloadZone(let name): return reloadZone(name, now)
        case .keys(let zone, let order): return perform(order, zone: zone, now)
        case .discardZone(let name): return discardZone(name, now)
        case .importZone(let order): return enqueue(.replace(order), now)
        case .upgrade: return askForUpgrade()
        }
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
            zoneAPICounts: zoneAPICounts,
            madeZones: updater.overlays.more(than: settings.zones),
            countedZones: counted.labels,
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
