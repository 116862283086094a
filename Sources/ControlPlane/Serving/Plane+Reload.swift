// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import HTTPGateway
internal import Prober
internal import Runtime
internal import Steering

/// From a new configuration to workers that serve by it: all of it, or nothing.
extension Plane {
    /// Waits until workers have closed what an earlier reload took away: a place that comes back
    /// would be taken otherwise, by ourselves.
    func awaitClosing() {
        guard workers.words.closed < closeOrder, var pause = try? EventLoop() else { return }
        // A worker looks at its mailbox after each batch: milliseconds. The bound is for none.
        for _ in 0..<500 where workers.words.closed < closeOrder {
            _ = pause.wait(timeoutMilliseconds: 1)
        }
    }

    mutating func asking<Value>(
        _ question: (inout SupervisorLink) throws(ReloadProblem) -> Value
    ) throws(AssemblyRefusal) -> Value {
        do throws(ReloadProblem) {
            return try question(&link)
        } catch {
            throw AssemblyRefusal(problems: [error])
        }
    }

    func noteRestartNeeded(_ new: LoadedConfiguration) {
        for change in ConfigurationDifference.needingRestart(from: loaded, to: new) {
            let option = change.option.isEmpty ? change.title : change.option
            note(.notice, .warning, "'\(option)' has changed: it takes effect at the next restart")
        }
    }

    func assemble(
        _ settings: Settings,
        _ certificates: CertificateFiles,
        _ access: AccessFiles,
        _ keys: SessionKeys,
        _ geography: Geography,
        _ measurements: MeasurementsFile,
        zones: ZoneAssembly.Result?,
        isReload: Bool,
        in room: Workroom?
    ) throws(AssemblyRefusal) -> Assembly {
        let present = Assembly.Present(
            registries: assembly.registries,
            names: names,
            running: Set(assembly.pools.map(\.view.label)),
            zones: zones ?? (isAsInForce(settings, isReload: isReload) ? presentZones : nil),
            formerZones: formerZones,
            transferred: secondaries.transferred,
            fileLimit: setup.fileLimit,
            overlays: updater.overlays,
            path: setup.path,
            certificates: certificates,
            access: access,
            security: assembly.security,
            tickets: tickets,
            sessionKeys: keys,
            geography: geography,
            measurements: measurements,
            regions: assembly.regions,
            keyFaults: self.keys.faults(settings),
            rereads: isReload ? nil : updater.rereads,
            zoneFaults: assembly.zoneResult.faults
        )
        let made = Plane.perform(in: room) {
            Result { () throws(AssemblyRefusal) in
                try Assembly.make(settings, present: present)
            }
        }
        return try made.get()
    }

    /// True when the zones that these settings want are those in force.
    func isAsInForce(_ settings: Settings, isReload: Bool) -> Bool {
        // Zone files may have changed behind an unchanged path.
        let hasFiles = settings.zones.contains { $0.file != nil }
        return settings.zones == self.settings.zones
            // The table has room for as many networks of clients as they say.
            && settings.alias == self.settings.alias
            && settings.steer.map(\.name) == self.settings.steer.map(\.name)
            && settings.steer.map(\.ttl) == self.settings.steer.map(\.ttl)
            && !(isReload && (hasFiles || !assembly.zoneResult.faults.isEmpty))
            && !zonesAreStale
    }

    private var presentZones: ZoneAssembly.Result {
        var zones = ZoneAssembly.Result(
            table: assembly.zones,
            changed: assembly.zoneResult.changed,
            faults: assembly.zoneResult.faults
        )
        zones.isKept = true
        return zones
    }

    static func perform<Value: Sendable>(
        in room: Workroom?,
        _ work: @escaping @Sendable () -> Value
    ) -> Value {
        room?.perform(work) ?? work()
    }

    /// Makes a snapshot of the configuration in force anew: names or weights have changed.
    ///
    /// Returns what is wrong with it; then all stays as it is.
    @discardableResult
    mutating func stageChange(_ now: Instant) -> [ReloadProblem] {
        needsSnapshot = false
        defer {
            zonesAreStale = false
            updater.rereads = []
            updater.prepared = nil
        }
        do throws(AssemblyRefusal) {
            let fresh = try assemble(
                settingsWithDynamic,
                assembly.certificates,
                assembly.access,
                assembly.sessionKeys,
                assembly.geography,
                assembly.measurements,
                // As another thread has put them together, unless some are to be read.
                zones: zonesAreStale ? nil : updater.prepared,
                isReload: false,
                in: room
            )
            stage(
                Staged(
                    assembly: fresh,
                    reload: nil,
                    newSockets: [],
                    adoptsBy: now + Plane.firstRound(of: fresh),
                    room: room
                ),
                now
            )
            return []
        } catch {
            for problem in error.problems { note(.limit, .error, problem.text) }
            endSteering(ZoneAPIFault(500, error.problems.first?.text ?? "it cannot be served"))
            return error.problems
        }
    }

    /// Has new endpoints probed; adopts at once when nobody has to wait for them.
    mutating func stage(_ change: Staged, _ now: Instant) {
        register(change.assembly, now)
        // Until the change is adopted the present endpoints are probed as well.
        let fresh = Set(change.assembly.targets.map(\.slot))
        let remaining = assembly.targets.filter { !fresh.contains($0.slot) }
        probes.configure(change.assembly.targets + remaining, now: now)
        resolver.configure(change.assembly.wishes, now: now)
        aliasNetworks.dropLookups()
        takeNames(now, coming: change.assembly.settings)
        // While the doors are shut nobody misses what has no verdict yet.
        if phase == .waiting || canServe(change.assembly, now) {
            adopt(change, now)
        } else {
            staged = change
        }
    }

    /// Makes endpoints known to the health keeper; those it knows keep their state.
    mutating func register(_ assembly: Assembly, _ now: Instant) {
        keeper.setChecks(assembly.checks)
        for registration in assembly.registrations {
            absorb(keeper.register(registration, now: now), now)
        }
        markUnresolved(in: assembly, now)
        absorb(keeper.settle(now: now), now)
        _ = applyOverlay(to: assembly.pools, now)
    }

    /// How long first verdicts may take: one timeout, and the resolver's time for names.
    static func firstRound(of assembly: Assembly) -> Interval {
        let probe = assembly.targets.map(\.rhythm.timeout).max() ?? .zero
        let names: Interval = assembly.wishes.isEmpty ? .zero : .seconds(2)
        return probe + names + .milliseconds(50)
    }

    /// True unless a pool would have to be served by endpoints of which nothing is known yet, or an
    /// alias by a name that was not looked up yet.
    func canServe(_ assembly: Assembly, _ now: Instant) -> Bool {
        aliases.knows(assembly.aliasNumbers.keys, assembly.settings.alias, now: now)
            && assembly.pools.allSatisfy { pool in
                let slots = pool.registrations.map(\.slot)
                return slots.isEmpty || slots.contains { health.word($0).health != .unknown }
            }
    }

    /// True once every endpoint has a verdict, and every name outside was looked up or holds still.
    func hasFirstVerdicts(_ now: Instant) -> Bool {
        aliases.knows(assembly.aliasNumbers.keys, settings.alias, now: now)
            && assembly.slots.allSatisfy { health.word($0).health != .unknown }
    }

    /// Puts what is staged into force, before something else is made that it would undo; false when
    /// nothing is.
    @discardableResult
    mutating func adoptStaged(_ now: Instant) -> Bool {
        guard let waiting = staged else { return false }
        staged = nil
        adopt(waiting, now)
        return true
    }

    /// Puts a change into force: workers get a snapshot, new sockets, and drop old ones.
    mutating func adopt(_ change: Staged, _ now: Instant) {
        let old = assembly
        assembly = change.assembly
        if let former = room, former !== change.room { formerRooms.append(former) }
        room = change.room
        if change.reload != nil || !updater.rereads.isEmpty { raiseSilentSerials() }
        followVersions(since: old.zoneResult, now)
        if change.reload != nil {
            noteSilentChanges(since: old.zoneResult, of: assembly.settings.zones)
        }
        adoptOverlays()
        // Slots may have been released since the change was assembled, never given out.
        let retired = assembly.registries.endpoints.retireAll(except: Set(assembly.slots))
        retiresAt = now
        for slot in retired { drains[slot] = Drain(of: old.drain(of: slot), at: now) }
        // Before workers see the board.
        adoptSteering(now)
        formerSnapshots.append(snapshot)
        let number = snapshot.number + 1
        for slot in assembly.registries.endpoints.given(since: old.registries.endpoints) {
            slotsGiven[slot] = number
        }
        configureKeys()
        updater.hasOtherZones = true
        countZones()
        snapshot = Plane.snapshot(assembly, number: number, health: health, slotsGiven)
        aliases.keep(only: Set(assembly.aliasNumbers.keys))
        publishAliases(assembly)
        if old.settings.alias != assembly.settings.alias { aliasNetworks.reset() }
        publishAliasNetworks(assembly, now)
        workers.post(.adopt(snapshot))
        applyKeys()
        for slot in retired { workers.post(.closeConnections(slot: slot, .kept)) }
        if let reload = change.reload {
            loaded = reload.loaded.inService
            text = reload.text
            generation += 1
            adoptedAt = Clock.realtime()
            reloads.adopted += 1
            probes.concurrentProbes = settings.limits.concurrentProbes
            probes.concurrentCommands = settings.limits.concurrentCommands
        }
        if change.reload == nil { loaded = loaded.steering(assembly.settings.steer) }
        withdrawPackets()
        exchangeSockets(new: change.newSockets, old.registries)
        probes.configure(assembly.targets, now: now)
        let probed = Set(assembly.targets.map(\.slot))
        probeNotes = probeNotes.filter { probed.contains($0.key) }
        probeWords = probeWords.filter { probed.contains($0.key) }
        names.keep(only: Set(assembly.wishes.map(\.key)))
        healthSaving.isDirty = true
        configureTraces(now)
        configureLatency(now)
        if change.reload != nil { configureSecondaries(now) }
        fetchLost(now)
        if change.reload != nil {
            watch.begin(settings, now)
            finishReload()
            configurePackets(now)
        }
        for number in change.orders { updater.endedOrders.append((number, .done)) }
        endSteering(nil)
    }

    /// New listeners open before old ones close.
    private mutating func exchangeSockets(new: [OpenSocket], _ numbers: Registries) {
        let wanted = Set(SocketKey.all(of: settings))
        if phase == .serving { openDoorSockets(new) }
        var places: Set<WorkerPlace> = []
        for socket in sockets where !wanted.contains(socket.key) {
            guard socket.key.door != .admin else { continue }
            if let number = numbers.number(of: socket.key) {
                places.insert(WorkerPlace(door: socket.key.door, number: number))
            }
            if socket.worker == 0, socket.isStream {
                note(.listenerClosed, .info, "\(socket.key) is closed")
            }
        }
        if !places.isEmpty {
            closeOrder += 1
            workers.post(.close(Array(places), order: closeOrder))
        }
        let admin = SocketKey.all(of: settings).last { $0.door == .admin }
        if sockets.first(where: { $0.key.door == .admin })?.key != admin {
            let socket = new.first { $0.key.door == .admin }
            adminChange = AdminChange(listen: admin?.address, socket: socket?.descriptor)
        }
        sockets = sockets.filter { wanted.contains($0.key) } + new
    }

    /// Hands sockets to the workers.
    mutating func openDoorSockets(_ sockets: [OpenSocket]) {
        let doors = sockets.filter { $0.key.door != .admin }
        let registries = assembly.registries
        workers.open(doors) { registries.number(of: $0) }
        for socket in doors where socket.worker == 0 && socket.isStream {
            note(
                .listenerOpened,
                .info,
                "\(socket.key.door.rawValue) listens on \(socket.bound)",
                [
                    JSONMember("door", .string(socket.key.door.rawValue)),
                    JSONMember("address", .string(socket.bound.description)),
                ]
            )
        }
    }

    private mutating func finishReload() {
        let keys = SocketKey.all(of: settings)
        link.tell(.adopted(generation: generation, keys))
        store.writeSoon(.configuration, text)
        applyLog()
        noteFormerLives()
        note(
            .reloadAdopted,
            .info,
            "configuration generation \(generation) is in force",
            [JSONMember("generation", .integer(Int64(clamping: generation)))]
        )
    }

    static func snapshot(
        _ assembly: Assembly,
        number: UInt64,
        health: HealthTable,
        _ slotsGiven: [Int: UInt64] = [:]
    ) -> ServingSnapshot {
        var dns = DNSSnapshot(
            zones: assembly.zones,
            changed: assembly.zoneResult.changed,
            steer: SteerTable(
                assembly.steering.definitions,
                health: health,
                board: assembly.steering.board
            ),
            listeners: assembly.dnsListeners.doors,
            subnetSources: assembly.dnsListeners.subnetSources,
            generation: number
        )
        dns.conduct = assembly.conduct
        dns.takesUpdates = assembly.settings.zones.contains {
            !$0.updates.isEmpty || $0.forwardUpdates
        }
        dns.updateNetworks = assembly.settings.updateNetworks
        dns.security = assembly.dnsListeners.security
        dns.peers.keys = assembly.transactionKeys
        dns.peers.rules = assembly.settings.transferRules
        dns.peers.rules.histories = assembly.zoneResult.histories
        dns.rates = assembly.rates
        dns.rateExempt = assembly.settings.dns.rateLimit.exempt
        dns.slotsGiven = slotsGiven
        dns.signing = SigningTable(
            assembly.zoneKeys,
            zones: assembly.zones,
            changed: assembly.zoneResult.changed
        )
        dns.sampleInterval = UInt32(clamping: assembly.settings.dns.sampleQueries ?? 0)
        let log = assembly.settings.log.queries
        dns.logInterval = log.output == .off ? 0 : UInt32(clamping: log.sample)
        return ServingSnapshot(
            number: number,
            gateway: GatewaySnapshot(assembly.gateway, health: health, generation: number),
            dns: dns
        )
    }
}
