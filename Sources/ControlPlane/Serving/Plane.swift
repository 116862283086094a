// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Prober
internal import Runtime
internal import Steering

/// All that the control thread knows and decides: one owner, one thread.
///
/// Owner of the health keeper, the registries, the overlay and the configuration in force. Workers
/// see what it does through the health table, at their next choice, and through snapshots, which
/// they adopt between two batches.
struct Plane: ~Copyable {
    let setup: ServiceSetup
    let startedAt = Clock.realtime()
    let health: HealthTable
    let load: LoadTable
    let counts: HealthCounts
    let shared: DoorsShared
    let workers: WorkerGroup
    let store: StateStore
    let log: EventLog
    let logThread: LogThread
    let queryLog: QueryLog
    let tickets: TLSTickets?

    var link: SupervisorLink
    var keeper: HealthKeeper
    var probes: ProbeDriver
    var resolver = ResolverDriver()
    @Boxed var names = ResolvedNames()
    @Boxed var aliases = AliasKeeper()
    @Boxed var aliasNetworks = AliasNetworkKeeper()
    /// When it is next seen what workers have missed of networks.
    var networksLookAt = Instant.never
    @Boxed var overlay = Overlay()
    /// Changes of operators that wait for the disk.
    @Boxed var stateOrders = StateOrders()
    /// The keys of signed zones.
    @Boxed var keys: KeyKeeper
    /// Asks parents for their DS sets.
    var parents = ParentDriver()
    /// Zones that change while they serve.
    @Boxed var updater: ZoneUpdater
    /// What the log is not told each time.
    var repeatedLines = RepeatedLines()

    /// The configuration in force.
    @Boxed var loaded: LoadedConfiguration
    var text: [UInt8]
    @Boxed var assembly: Assembly
    var snapshot: ServingSnapshot { didSet { queryLog.setSnapshot(snapshot) } }
    /// Former ones, until no worker has them any more: the last to let one go frees its tables.
    var formerSnapshots: [ServingSnapshot] = []
    /// Where the configuration in force was made; nil for that of the start.
    var room: Workroom?
    /// The same for those that workers may still go by.
    var formerRooms: [Workroom] = []
    var generation: UInt64
    var adoptedAt: Int64
    /// A configuration, or a change of it, that waits for first verdicts.
    @Boxed var staged: Staged?
    /// A configuration whose zones are put together.
    @Boxed var reloading: Reloading?
    /// Something that snapshots are made of has changed since the present one.
    var needsSnapshot = false
    /// The zones whose queries are counted by themselves.
    var counted = CountedPlaces()

    /// The sockets in use, one entry for each worker.
    var sockets: [OpenSocket] = []
    /// Number of the latest order to close sockets.
    var closeOrder: UInt64 = 0
    /// Sockets of the admin service to be opened or closed by the owner of the loop.
    var adminChange: AdminChange?
    var phase = Phase.waiting
    /// By when the doors open, verdicts or not.
    var opensBy: Instant
    /// What passing probes had to say all the same, such as `db=fail`.
    var probeNotes: [Int: String] = [:]
    /// The first line that the commands of passing probes have written.
    var probeWords: [Int: String] = [:]
    var reloads = (adopted: 0, refused: 0)
    var reloadProblems: [ReloadProblem] = []
    /// The endpoints that drain, by their slots.
    var drains: [Int: Drain] = [:]
    /// Slots that had another endpoint before, and the snapshot that gave them away.
    var slotsGiven: [Int: UInt64] = [:]
    /// When retired slots are looked at again.
    var retiresAt = Instant.never
    /// When memory that has become free is given back.
    var trimsAt = Instant.never
    var signatureWatch = SignatureWatch()
    var healthSaving = HealthSaving()
    @Boxed var concurrency = ConcurrencyKeeper()
    @Boxed var diskWatch = DiskWatch()
    @Boxed var watch = CertificateWatch()
    var skewWatch = SkewWatch()
    @Boxed var steering = SteeringWatch()
    /// Round trips between clients and targets.
    @Boxed var roundTrips = RoundTrips()
    /// Zones that come from primaries.
    @Boxed var secondaries = SecondaryKeeper()
    /// Servers that are told of changed zones.
    @Boxed var notifier = NotifyDriver()
    var notices = NoticeCounts()
    /// Updates on their way to primaries.
    let forwarder = UpdateForwarder()
    var zoneAPICounts = ZoneAPICounts()
    /// Where members of catalogs are named.
    var catalogPlaces: [String: CatalogPlace] = [:]
    /// All zones are to be read again with the next snapshot.
    var zonesAreStale = false
    /// Interfaces whose queues are in use.
    @Boxed var packets = PacketKeeper()
    /// Spans on their way to a collector.
    var traces = TraceExport()
    /// True while another process is being started to take over: nothing may change meanwhile.
    var isUpgrading = false
    /// Why the latest upgrade failed; nil after a success.
    var upgradeProblem: String?
    /// True once somebody has asked for an end at once.
    var isHurried = false
    /// True once another process serves: this one writes no state any more.
    var isRetired = false

    /// Where the process stands.
    enum Phase: Equatable {
        /// The doors wait for first verdicts.
        case waiting
        /// The doors serve.
        case serving
        /// What is in hand is finished, until the deadline.
        case stopping(until: Instant)
    }

    /// A change that waits for the first verdicts of new endpoints.
    struct Staged {
        var assembly: Assembly
        /// The configuration, when it is a new one.
        var reload: (loaded: LoadedConfiguration, text: [UInt8])?
        var newSockets: [OpenSocket]
        var adoptsBy: Instant
        /// Where it was made.
        var room: Workroom?
        /// Who waits for it, and until when.
        var orders: [UInt64] = []
        var ordersUntil = Instant.never
    }

    /// What the admin service is to do about its socket.
    struct AdminChange {
        var listen: ListenAddress?
        var socket: FileDescriptor?
    }

    var settings: Settings { loaded.settings }
}

extension Plane {
    /// The realtime of now.
    func moment(_ now: Instant) -> Moment { Moment(now: now, realtime: Clock.realtime()) }

    /// Writes an event to the log.
    func note(
        _ kind: EventKind,
        _ level: LogLevel = .info,
        _ message: String,
        _ fields: [JSONMember] = []
    ) {
        log.record(LogEvent(kind, level, realtime: Clock.realtime(), message, fields))
    }

    /// When ``expire(now:)`` next has something to do.
    func nextDeadline() -> Instant {
        // What the end of a turn has changed waits for no timer.
        if needsSnapshot, staged == nil, updater.preparing == .none { return .start }
        if updater.flight == nil, updater.wantsPreparation || reloading?.isWanted == true {
            return .start
        }
        if updater.flight == nil, !updater.awaitsSteering, updater.hasWork { return .start }
        var next = min(probes.nextDeadline(), resolver.nextDeadline(), keeper.nextDeadline)
        next = min(next, phase == .waiting ? opensBy : healthSaving.deadline)
        if case .stopping(let until) = phase { next = min(next, until) }
        if let staged { next = min(next, staged.adoptsBy) }
        next = min(next, reloadDeadline)
        next = min(next, watch.deadline, min(skewWatch.deadline, concurrencyDeadline))
        next = min(next, disksDeadline)
        next = min(next, networksLookAt, transfersDeadline)
        next = min(next, keysDeadline, min(repeatedLines.deadline, updater.orderDeadline))
        next = min(next, packets.deadline, stateOrders.deadline)
        next = min(next, traces.deadline, min(steering.deadline, roundTrips.deadline))
        return min(next, drains.values.map(\.deadline).min() ?? .never, min(retiresAt, trimsAt))
    }

    /// Does what time demands, and what the events of this turn have made possible.
    mutating func expire(now: Instant, loop: inout EventLoop) {
        // With saved verdicts the doors open before the first probe is sent.
        if phase == .waiting { advance(now) }
        probes.expire(now: now, loop: &loop)
        resolver.expire(now: now, loop: &loop)
        takeProbeResults(now)
        takeNames(now)
        absorb(keeper.tick(now: now), now)
        advance(now)
        followReload(now)
        followDrains(now)
        releaseRetired(now)
        saveHealth(now)
        returnMemory(now)
        followConcurrency(now)
        followDisks(now)
        followSteering(now)
        followTraces(now, &loop)
        followTransfers(now, &loop)
        followUpdates(now)
        if now >= updater.orderDeadline { endLateOrders(now) }
        if now >= stateOrders.deadline { endLateStateOrders(now) }
        followRepeatedLines(now)
        if now >= networksLookAt { followAliasNetworks(now) }
        if now >= keysDeadline { followKeys(now, &loop) }
        if now >= packets.deadline { followPackets(now) }
        if now >= roundTrips.deadline { followRoundTrips(now) }
        if now >= watch.deadline { followCertificates(now) }
        if now >= skewWatch.deadline {
            skewWatch.observe(assembly.pools.map(\.view), health, load, now: now)
        }
    }

    /// Opens the doors, or adopts what is staged, as soon as that can be done.
    private mutating func advance(_ now: Instant) {
        if needsSnapshot, staged == nil, updater.preparing == .none { stageChange(now) }
        if phase == .waiting, now >= opensBy || hasFirstVerdicts(now) { openDoors(now) }
        guard let waiting = staged, now >= waiting.adoptsBy || canServe(waiting.assembly, now)
        else {
            return
        }
        staged = nil
        adopt(waiting, now)
    }
}
