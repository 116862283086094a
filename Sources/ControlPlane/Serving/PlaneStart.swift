// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials
internal import HTTPGateway
internal import Prober
internal import Runtime
internal import Steering

/// From what the supervisor gives to a plane with running workers.
struct PlaneStart {
    let setup: ServiceSetup

    /// Endpoint slots beyond those of the first configuration: room to grow without a restart.
    static let spareSlots = 8192
    static let poolCapacity = GatewayMetrics.poolLimit

    init(_ setup: ServiceSetup) { self.setup = setup }

    func plane(_ link: consuming SupervisorLink) throws(AssemblyRefusal) -> Plane {
        let now = Clock.monotonic()
        let store = try openStore()
        let (file, places, notes) = try configuration(store)
        let (log, logThread) = try startLog(file.settings)
        let saved = restore(store, log, notes)
        let certificates = Plane.load(file.settings, known: CertificateFiles(), &link)
        Plane.noteFaults(file.settings, certificates, log)
        let access = Plane.loadAccess(file.settings, known: AccessFiles(), &link)
        Plane.noteFaults(access, log)
        let geography = Plane.loadGeography(file.settings.geo, known: Geography(), &link)
        Plane.note(geography, since: Geography(), log)
        let measured = measured(file.settings, saved.roundTrips, log, now, &link)
        let tickets = TLSTickets()
        var keys = saved.keys
        keys.load(file.settings) { path throws(CertificateFiles.Unreadable) in
            try link.file(path)
        }
        let updater = ZoneUpdater(store: try openZones(log))
        let loaded = file.yielding(to: updater.overlays).withDynamic(updater.overlays)
        let (assembly, keyKeeper) = try assemble(
            loaded.settings,
            Ready(saved.names, certificates, access, tickets, keys, geography, measured, updater)
        )
        let capacity = assembly.registries.endpoints.capacity
        let health = HealthTable(capacity: capacity)
        let load = LoadTable(capacity: capacity, workers: setup.workers)
        let shared = try shared(loaded.settings, health, load)
        let group = try system { () throws(SystemError) in try WorkerGroup(count: setup.workers) }
        let generation = max(setup.generation, (saved.health?.generation ?? 0), 1)
        let snapshot = Plane.snapshot(assembly, number: generation, health: health)
        var plane = Plane(
            setup: setup,
            health: health,
            load: load,
            counts: HealthCounts(capacity: capacity),
            shared: shared,
            workers: group,
            store: store,
            log: log,
            logThread: logThread,
            queryLog: QueryLog(shared.dns),
            tickets: tickets,
            link: link,
            keeper: keeper(health, load, saved.health, log),
            probes: ProbeDriver(
                concurrentProbes: loaded.settings.limits.concurrentProbes,
                now: now,
                seed: ProcessControl.randomSeed()
            ),
            names: saved.names,
            overlay: saved.overlay,
            keys: keyKeeper,
            updater: updater,
            loaded: loaded.inService,
            text: setup.text,
            assembly: assembly,
            snapshot: snapshot,
            generation: generation,
            adoptedAt: Clock.realtime(),
            opensBy: now + Plane.firstRound(of: assembly),
            roundTrips: measured.roundTrips
        )
        plane.catalogPlaces = places
        plane.adoptSteering(now, saved: saved.steering)
        plane.noteDynamicFaults()
        plane.restoreAliases(saved.health?.aliases ?? [])
        try plane.begin(now)
        return plane
    }

    /// The configuration, with the zones that catalogs have named.
    private func configuration(
        _ store: StateStore
    ) throws(AssemblyRefusal) -> (LoadedConfiguration, [String: CatalogPlace], [String]) {
        var notes: [String] = []
        let places = Plane.catalogPlaces(store, notes: &notes)
        // The supervisor has made all checks; zones are read, and judged, once more.
        let result = ConfigurationSource.readForService(setup.text, path: setup.path)
        guard let read = result.configuration else {
            throw AssemblyRefusal(problems: ConfigurationSource.problems(result))
        }
        let transferred = TransferredZones(folder: setup.stateFolder)
        return (read.expanded(transferred, owners: places), places, notes)
    }

    /// What is known of round trips by the file and by a former process.
    private func measured(
        _ settings: Settings,
        _ saved: SavedRoundTrips?,
        _ log: EventLog,
        _ now: Instant,
        _ link: inout SupervisorLink
    ) -> Measured {
        let moment = Moment(now: now, realtime: Clock.realtime())
        let none = MeasurementsFile()
        let file = Plane.loadMeasurements(settings.latency, known: none, moment, &link)
        Plane.note(file, since: none, log)
        var roundTrips = RoundTrips(settings, file)
        roundTrips.machine.restore(saved?.restored(at: moment) ?? [])
        let regions = RegionTables(
            picture: roundTrips.machine.begun(now: now),
            rules: roundTrips.machine.settings
        )
        return Measured(roundTrips: roundTrips, file: file, regions: regions)
    }

    private struct Measured {
        var roundTrips: RoundTrips
        var file: MeasurementsFile
        var regions: RegionTables
    }

    /// What the doors share: as large as the first configuration says.
    private func shared(
        _ settings: Settings,
        _ health: HealthTable,
        _ load: LoadTable
    ) throws(AssemblyRefusal) -> DoorsShared {
        try system { () throws(SystemError) in
            let http = try GatewayShared(
                workers: setup.workers,
                health: health,
                load: load,
                lastRequests: setup.ring,
                keptRequests: settings.log.requests.kept,
                learnedSessions: settings.limits.learnedSessions
            )
            let dns = DNSShared(
                workers: setup.workers,
                endpoints: health.capacity,
                keptQueries: settings.dns.keptQueries,
                accounts: settings.dns.rateLimit.accounts,
                signatures: settings.dns.signatureCache,
                key: ProcessControl.randomSeed(),
                signer: try TLSSigner(workers: setup.workers),
                notices: try DNSNotices(),
                updates: try UpdateDesk(),
                countedZones: settings.dns.countedZones
            )
            return DoorsShared(http: http, dns: dns)
        }
    }

    /// A keeper that knows what a former process knew, unless that is too long ago.
    private func keeper(
        _ table: HealthTable,
        _ load: LoadTable,
        _ saved: SavedHealth?,
        _ log: EventLog
    ) -> HealthKeeper {
        var keeper = HealthKeeper(table: table, load: load)
        guard let saved else { return keeper }
        // Both clocks at one moment: reading the configuration may have taken a while.
        let (now, realtime) = (Clock.monotonic(), Clock.realtime())
        if saved.isUseful(realtime: realtime) {
            let believed = saved.believed(realtime: realtime)
            keeper.restore(believed, now: now, realtime: realtime)
        } else {
            let text = "the saved health is too old to go by: the first probes decide"
            log.record(LogEvent(.notice, realtime: realtime, text))
        }
        return keeper
    }

    private func openStore() throws(AssemblyRefusal) -> StateStore {
        try system { () throws(SystemError) in try StateStore(folder: setup.stateFolder) }
    }

    private func openZones(_ log: EventLog) throws(AssemblyRefusal) -> ZoneStore {
        var notes: [String] = []
        let store = try system { () throws(SystemError) in
            try ZoneStore(folder: setup.stateFolder, notes: &notes)
        }
        for text in notes {
            let level: LogLevel = store.isOpen ? .warning : .error
            log.record(LogEvent(.stateFailed, level, realtime: Clock.realtime(), text))
        }
        return store
    }

    private func system<Value>(
        _ body: () throws(SystemError) -> Value
    ) throws(AssemblyRefusal) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw AssemblyRefusal(system: error)
        }
    }

    /// What a first assembly is made with.
    private struct Ready {
        var names: ResolvedNames
        var certificates: CertificateFiles
        var access: AccessFiles
        var tickets: TLSTickets?
        var keys: SessionKeys
        var geography: Geography
        var measured: Measured
        var updater: ZoneUpdater

        init(
            _ names: ResolvedNames,
            _ certificates: CertificateFiles,
            _ access: AccessFiles,
            _ tickets: TLSTickets?,
            _ keys: SessionKeys,
            _ geography: Geography,
            _ measured: Measured,
            _ updater: ZoneUpdater
        ) {
            self.updater = updater
            self.measured = measured
            self.names = names
            self.certificates = certificates
            self.access = access
            self.tickets = tickets
            self.keys = keys
            self.geography = geography
        }
    }

    private func assemble(
        _ settings: Settings,
        _ ready: Ready
    ) throws(AssemblyRefusal) -> (Assembly, KeyKeeper) {
        var keyKeeper = KeyKeeper(store: KeyStore(state: setup.stateFolder))
        let count =
            settings.pools.reduce(0) { $0 + $1.endpoints.count }
            + settings.steer.reduce(0) { $0 + $1.policy.addressCount }
        let capacity = count * 2 + PlaneStart.spareSlots
        var assembly = try Assembly.make(
            settings,
            present: Assembly.Present(
                registries: Registries(
                    endpoints: EndpointRegistry(capacity: capacity),
                    pools: PoolRegistry(capacity: PlaneStart.poolCapacity)
                ),
                names: ready.names,
                running: [],
                zones: nil,
                transferred: TransferredZones(folder: setup.stateFolder),
                fileLimit: setup.fileLimit,
                overlays: ready.updater.overlays,
                path: setup.path,
                certificates: ready.certificates,
                access: ready.access,
                tickets: ready.tickets,
                sessionKeys: ready.keys,
                geography: ready.geography,
                measurements: ready.measured.file,
                regions: ready.measured.regions,
                keyFaults: keyKeeper.faults(settings)
            )
        )
        keyKeeper.configure(assembly.keyPlans, now: Clock.realtime() / 1_000_000_000)
        assembly.zoneKeys = keyKeeper.inForce(assembly.settings)
        _ = keyKeeper.takeChange()
        assembly.zoneResult.restoreHistories(
            assembly.settings.zones,
            ready.updater.store,
            ready.updater.overlays,
            TransferredZones(folder: setup.stateFolder)
        )
        return (assembly, keyKeeper)
    }

    private func startLog(
        _ settings: Settings
    ) throws(AssemblyRefusal) -> (EventLog, LogThread) {
        try system { () throws(SystemError) in
            let thread = try LogThread()
            let log = EventLog(level: settings.log.level) { thread.wake() }
            try thread.start { log.record($0) }
            return (log, thread)
        }
    }

    private func restore(
        _ store: StateStore,
        _ log: EventLog,
        _ former: [String]
    ) -> Restored {
        var notes = former
        let health = store.read(.health, notes: &notes) { SavedHealth(json: $0) }
        let overlay = store.read(.overlay, notes: &notes) { Overlay(json: $0) }
        let steering = store.read(.steering, notes: &notes) { SteeringSaved(json: $0) }
        let keys = SessionKeys(own: SessionKeys.own(store, notes: &notes))
        let roundTrips = store.read(.roundTrips, notes: &notes) { SavedRoundTrips(json: $0) }
        for text in notes {
            log.record(LogEvent(.stateFailed, .warning, realtime: Clock.realtime(), text))
        }
        return Restored(
            health: health,
            overlay: overlay ?? Overlay(),
            keys: keys,
            roundTrips: roundTrips,
            steering: steering ?? SteeringSaved()
        )
    }

    /// What a former process has left in the state folder.
    private struct Restored {
        var names: ResolvedNames {
            var names = ResolvedNames()
            for name in health?.names ?? [] { _ = names.succeed(name.key, name.addresses) }
            return names
        }
        var health: SavedHealth?
        var overlay: Overlay
        var keys: SessionKeys
        var roundTrips: SavedRoundTrips?
        var steering: SteeringSaved
    }
}

extension Plane {
    /// Starts workers and probes; the doors open once there is something to go by.
    mutating func begin(_ now: Instant) throws(AssemblyRefusal) {
        applyLog()
        note(
            .processStarted,
            .info,
            "martlet \(Version.current) starts with \(setup.workers) workers",
            [
                JSONMember("configuration", .string(setup.path)),
                JSONMember("generation", .integer(Int64(clamping: generation))),
                JSONMember("user", .string(setup.account?.name ?? "unchanged")),
            ]
        )
        if let name = setup.account?.name, name != settings.user,
            settings.user != Settings.defaultUser
        {
            note(
                .notice,
                .warning,
                "the serving process runs as '\(name)': there is no account '\(settings.user)', "
                    + "or it is root's; create it, or set `user` to another one"
            )
        }
        let wanted = settings.limits.connections
        let allowed = assembly.gateway.limits.connections
        if allowed < wanted {
            note(
                .limit,
                .warning,
                "limits.connections is \(wanted), but \(setup.fileLimit) open files allow "
                    + "\(allowed): raise the limit ('ulimit -Hn', LimitNOFILE=)"
            )
        }
        noteZones(assembly)
        adoptOverlays()
        noteFormerLives()
        if raiseSilentSerials() {
            snapshot = Plane.snapshot(assembly, number: snapshot.number, health: health)
        }
        countZones()
        if let crash = CrashReport.write(setup) { log.record(crash) }
        do throws(ReloadProblem) {
            sockets = try link.open(SocketKey.all(of: settings))
        } catch {
            throw AssemblyRefusal(problems: [error])
        }
        register(assembly, now)
        probes.concurrentCommands = settings.limits.concurrentCommands
        probes.configure(assembly.targets, now: now)
        resolver.configure(assembly.wishes, now: now)
        takeNames(now)
        aliases.keep(only: Set(assembly.aliasNumbers.keys))
        publishAliases(assembly)
        publishAliasNetworks(assembly, now)
        watch.begin(settings, now)
        configureTraces(now)
        configureLatency(now)
        configureSecondaries(now)
        followVersions(since: nil, now)
        try startWorkers()
    }

    private func startWorkers() throws(AssemblyRefusal) {
        do throws(SystemError) {
            for index in 0..<setup.workers {
                let (group, shared, health) = (workers, shared, health)
                let first = Handed(snapshot)
                try WorkerThread.start(name: "worker-\(index)") {
                    let worker = first.take().flatMap {
                        try? Worker(
                            index: index,
                            group: group,
                            shared: shared,
                            health: health,
                            snapshot: $0
                        )
                    }
                    guard var worker else {
                        // Sockets without a worker would swallow their share of connections.
                        ProcessControl.printError("martlet: worker \(index) cannot start")
                        ProcessControl.exit(1)
                    }
                    worker.run()
                }
            }
        } catch {
            throw AssemblyRefusal(system: error)
        }
    }
}
