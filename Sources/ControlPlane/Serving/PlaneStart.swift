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
        // The supervisor has made all checks; zones are read, and judged, once more below.
        let result = ConfigurationReader().read(setup.text, file: setup.path)
        guard let loaded = result.configuration else {
            throw AssemblyRefusal(problems: ConfigurationSource.problems(result))
        }
        let (log, logThread) = try startLog(loaded.settings)
        let store = try system { () throws(SystemError) in
            try StateStore(folder: setup.stateFolder)
        }
        let saved = restore(store, log)
        var names = ResolvedNames()
        for name in saved.health?.names ?? [] { _ = names.succeed(name.key, name.addresses) }
        let certificates = Plane.load(loaded.settings, known: CertificateFiles(), &link)
        Plane.noteFaults(loaded.settings, certificates, log)
        let access = Plane.loadAccess(loaded.settings, known: AccessFiles(), &link)
        Plane.noteFaults(access, log)
        let geography = Plane.loadGeography(loaded.settings.geo, known: Geography(), &link)
        Plane.note(geography, since: Geography(), log)
        let tickets = TLSTickets()
        var keys = saved.keys
        keys.load(loaded.settings) { path throws(CertificateFiles.Unreadable) in
            try link.file(path)
        }
        let assembly = try firstAssembly(
            loaded.settings,
            Ready(names, certificates, access, tickets, keys, geography),
            log
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
            tickets: tickets,
            link: link,
            keeper: keeper(health, load, saved.health, log),
            probes: ProbeDriver(
                concurrentProbes: loaded.settings.limits.concurrentProbes,
                now: now,
                seed: ProcessControl.randomSeed()
            ),
            names: names,
            overlay: saved.overlay,
            loaded: loaded,
            text: setup.text,
            assembly: assembly,
            snapshot: snapshot,
            generation: generation,
            adoptedAt: Clock.realtime(),
            opensBy: now + Plane.firstRound(of: assembly)
        )
        plane.adoptSteering(now, saved: saved.steering)
        try plane.begin(now)
        return plane
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
            let dns = DNSShared(workers: setup.workers, endpoints: health.capacity)
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

    private func system<Value>(
        _ body: () throws(SystemError) -> Value
    ) throws(AssemblyRefusal) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw AssemblyRefusal(system: error)
        }
    }

    /// After a crash a zone file that has been spoilt since must not keep the doors shut: then
    /// the zones in files are left out, and everything else serves.
    private func firstAssembly(
        _ settings: Settings,
        _ ready: Ready,
        _ log: EventLog
    ) throws(AssemblyRefusal) -> Assembly {
        do throws(AssemblyRefusal) {
            return try assemble(settings, ready)
        } catch {
            guard setup.restarts > 0 else { throw error }
            for problem in error.problems {
                var event = LogEvent(
                    .stateFailed,
                    .error,
                    realtime: Clock.realtime(),
                    "the zones in files are not served: \(problem.text)"
                )
                event.code = problem.code
                log.record(event)
            }
            var reduced = settings
            reduced.zones.removeAll { $0.file != nil }
            return try assemble(reduced, ready)
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

        init(
            _ names: ResolvedNames,
            _ certificates: CertificateFiles,
            _ access: AccessFiles,
            _ tickets: TLSTickets?,
            _ keys: SessionKeys,
            _ geography: Geography
        ) {
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
    ) throws(AssemblyRefusal) -> Assembly {
        let count =
            settings.pools.reduce(0) { $0 + $1.endpoints.count }
            + settings.steer.reduce(0) { $0 + $1.policy.addressCount }
        let capacity = count * 2 + PlaneStart.spareSlots
        return try Assembly.make(
            settings,
            present: Assembly.Present(
                registries: Registries(
                    endpoints: EndpointRegistry(capacity: capacity),
                    pools: PoolRegistry(capacity: PlaneStart.poolCapacity)
                ),
                names: ready.names,
                running: [],
                zones: nil,
                fileLimit: setup.fileLimit,
                path: setup.path,
                certificates: ready.certificates,
                access: ready.access,
                tickets: ready.tickets,
                sessionKeys: ready.keys,
                geography: ready.geography
            )
        )
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
        _ log: EventLog
    ) -> (health: SavedHealth?, overlay: Overlay, keys: SessionKeys, steering: SteeringSaved) {
        var notes: [String] = []
        let health = store.read(.health, notes: &notes) { SavedHealth(json: $0) }
        let overlay = store.read(.overlay, notes: &notes) { Overlay(json: $0) }
        let steering = store.read(.steering, notes: &notes) { SteeringSaved(json: $0) }
        let keys = SessionKeys(own: SessionKeys.own(store, notes: &notes))
        for text in notes {
            log.record(LogEvent(.stateFailed, .warning, realtime: Clock.realtime(), text))
        }
        return (health, overlay ?? Overlay(), keys, steering ?? SteeringSaved())
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
        if let crash = CrashReport.write(setup) { log.record(crash) }
        do throws(ReloadProblem) {
            sockets = try link.open(SocketKey.all(of: settings))
        } catch {
            throw AssemblyRefusal(problems: [error])
        }
        register(assembly, now)
        probes.configure(assembly.targets, now: now)
        resolver.configure(assembly.wishes, now: now)
        takeNames(now)
        watch.begin(settings, now)
        configureTraces(now)
        try startWorkers()
    }

    private func startWorkers() throws(AssemblyRefusal) {
        do throws(SystemError) {
            for index in 0..<setup.workers {
                let (group, shared, health, snapshot) = (workers, shared, health, snapshot)
                try WorkerThread.start(name: "worker-\(index)") {
                    let worker = try? Worker(
                        index: index,
                        group: group,
                        shared: shared,
                        health: health,
                        snapshot: snapshot
                    )
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
