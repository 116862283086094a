// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Looks after the zones that come from primaries: when they are looked at, and by whom.
///
/// The looking itself is done by threads of their own, one for each job, and no more at a time than
/// `dns.transfers.incoming`.
struct SecondaryKeeper {
    /// One zone.
    struct Zone {
        var machine: RefreshMachine
        var primaries: [FetchJob.Primary]
        /// What was wrong at each primary when it was last asked.
        var problems: [SocketAddress: String] = [:]
        var source: SocketAddress?
        var isExpired = false
        /// Others take it from here.
        var isTaken = false
        /// Updates are sent on to its primaries.
        var forwardsUpdates = false
        /// What is kept of it cannot be read: all of it is taken again.
        var isLost = false
        var lostAt: Instant?
        /// Who has told of a change since somebody last looked.
        var teller: IPAddress?

        /// A primary says that there is a newer version; nil where an operator does.
        mutating func notice(_ serial: SerialNumber?, from client: IPAddress?, now: Instant) {
            if let client { teller = client }
            machine.notice(serial, now: now)
        }

        /// Whom to ask, in which order, once it is time to.
        ///
        /// The one who has told of a change comes first, since others may not have it yet (RFC 1996
        /// §3.11), and those that were no use last time come last.
        mutating func begin(now: Instant) -> [FetchJob.Primary]? {
            guard machine.begin(now: now) else { return nil }
            let (first, wasToldBy) = (primaries.filter { problems[$0.address] == nil }, teller)
            teller = nil
            let order = first + primaries.filter { problems[$0.address] != nil }
            return order.filter { $0.address.ip == wasToldBy }
                + order.filter { $0.address.ip != wasToldBy }
        }
    }

    /// What a turn asks of the plane.
    enum Event {
        /// A newer version is in hand, or one that had expired is good again: `isBack`.
        case adopt(String, FetchResult.Update? = nil, isBack: Bool = false)
        /// The zone must not be answered from any more.
        case expired(String)
    }

    private(set) var zones: [String: Zone] = [:]
    private(set) var transferred = TransferredZones()
    private var limits: TransferLimitSettings?
    private var places: Int { limits?.incoming ?? 1 }
    private var running = 0
    // Zones that are no more, while somebody brings a version of them.
    private var forgotten: Set<String> = []
    private let results: Mailbox<FetchResult>?
    private var random = SeededRandom(seed: ProcessControl.randomSeed())
    private(set) var counts = (updated: 0, failed: 0, expired: 0)

    init() { results = try? Mailbox<FetchResult>() }

    /// Readable when a look is over.
    var descriptor: FileDescriptor { results?.descriptor ?? .none }

    /// Says where versions are kept, once.
    mutating func keep(in folder: String?) {
        if transferred.folder == nil { transferred = TransferredZones(folder: folder) }
    }

    /// Takes the zones of a configuration up; those that stay keep their state.
    mutating func configure(
        _ settings: Settings,
        _ keys: TransactionKeys,
        checked: [String: Int64],
        _ now: Instant
    ) {
        limits = settings.dns.transfers
        let wanted = settings.zones.filter { !$0.transferFrom.isEmpty }
        if !wanted.isEmpty, let folder = transferred.folder { try? File.makeFolder(folder) }
        let names = Set(wanted.map(\.name))
        zones = zones.filter { names.contains($0.key) }
        transferred.expired.formIntersection(names)
        transferred.known.formIntersection(names)
        for zone in wanted {
            let primaries = SecondaryKeeper.primaries(of: zone, keys)
            if let before = zones[zone.name] {
                zones[zone.name]?.primaries = primaries
                // Others may have another version: they are asked now.
                if before.primaries.map(\.address) != primaries.map(\.address) {
                    zones[zone.name]?.machine.notice(nil, now: now)
                }
                zones[zone.name]?.isTaken = !zone.transferTo.isEmpty
                zones[zone.name]?.forwardsUpdates = zone.forwardUpdates
                continue
            }
            var machine = RefreshMachine(now: now)
            if let soa = transferred.kept(zone.name)?.first, let serial = soa.serial,
                let timers = RefreshMachine.Timers(soa)
            {
                // Without word of the last look the next has to succeed soon.
                let spent =
                    timers.expire.nanoseconds - timers.refresh.nanoseconds
                    - timers.retry.nanoseconds
                let age = checked[zone.name].map { Clock.realtime() - $0 } ?? spent
                let checkedAt = now + Interval(nanoseconds: -max(age, 0))
                machine.restore(serial, timers, checkedAt: checkedAt)
                transferred.known.insert(zone.name)
            }
            var fresh = Zone(machine: machine, primaries: primaries)
            fresh.isTaken = !zone.transferTo.isEmpty
            fresh.forwardsUpdates = zone.forwardUpdates
            zones[zone.name] = fresh
        }
    }

    private static func primaries(
        of zone: ZoneSettings,
        _ keys: TransactionKeys
    ) -> [FetchJob.Primary] {
        zone.transferFrom.map { primary in
            let key = primary.key.flatMap { DomainName($0) }.flatMap { keys.key($0) }
            let security = primary.tls.map { tls in
                let name = tls.name.hasSuffix(".") ? String(tls.name.dropLast()) : tls.name
                return FetchSecurity(name: name, authorities: tls.authorities)
            }
            return FetchJob.Primary(address: primary.address, key: key, security: security)
        }
    }

    /// Has a zone taken again whose version cannot be read.
    mutating func lose(_ zone: String, now: Instant) {
        guard let lost = zones[zone] else { return }
        zones[zone]?.isLost = true
        // A disk that keeps nothing must not have primaries asked again and again.
        guard lost.lostAt.map({ now - $0 >= SecondaryKeeper.lossGap }) ?? true else { return }
        zones[zone]?.lostAt = now
        zones[zone]?.machine.notice(nil, now: now)
    }

    /// From one loss of a zone's version to the next that is not left to its refresh.
    private static let lossGap = Interval.seconds(60)

    /// Lets go of a zone that is no more, and of what is kept of it.
    mutating func forget(_ zone: String) {
        if zones[zone]?.machine.isChecking == true { forgotten.insert(zone) }
        zones[zone] = nil
        transferred.forget(zone)
    }

    // MARK: Time

    /// Begins the looks that are due; what has become of zones by time alone.
    mutating func expire(now: Instant) -> [Event] {
        var events: [Event] = []
        for name in zones.keys.sorted() {
            guard var zone = zones[name] else { continue }
            if !zone.isExpired, zone.machine.isExpired(now: now) {
                zone.isExpired = true
                transferred.expired.insert(name)
                counts.expired += 1
                events.append(.expired(name))
            }
            if running < places, let primaries = zone.begin(now: now) {
                start(name, zone, primaries)
            }
            zones[name] = zone
        }
        return events
    }

    /// When ``expire(now:)`` has something to do.
    var deadline: Instant {
        var next = Instant.never
        for zone in zones.values {
            if !zone.isExpired { next = min(next, zone.machine.expiresAt) }
            if !zone.machine.isChecking, running < places {
                next = min(next, zone.machine.nextCheck)
            }
        }
        return next
    }

    private mutating func start(_ name: String, _ zone: Zone, _ primaries: [FetchJob.Primary]) {
        guard let results, let apex = DomainName(name) else { return }
        let job = FetchJob(
            zone: apex.lowercased,
            primaries: primaries,
            known: zone.isLost ? nil : zone.machine.serial,
            path: transferred.path(name),
            keepsHistory: zone.isTaken,
            sizeLimit: limits?.sizeLimit.bytes ?? 0,
            timeLimit: limits?.timeLimit ?? .zero,
            seed: random.next()
        )
        do throws(SystemError) {
            try WorkerThread.start(name: "transfer", isPatient: true) {
                var fetch = ZoneFetch(job)
                results.post(fetch.run())
            }
            running += 1
        } catch {
            var result = FetchResult(zone: job.zone)
            result.problems = zone.primaries.map { ($0.address, "no thread: \(error)") }
            results.post(result)
            running += 1
        }
    }

    /// A random number, for ids.
    mutating func draw() -> UInt64 { random.next() }

    // MARK: News

    /// A primary says that a zone has changed.
    mutating func notice(
        _ zone: String,
        _ serial: SerialNumber?,
        from client: IPAddress? = nil,
        now: Instant
    ) {
        zones[zone]?.notice(serial, from: client, now: now)
    }

    /// The looks that are over; what they ask of the plane.
    mutating func take(now: Instant) -> [(result: FetchResult, event: Event?)] {
        var found: [(result: FetchResult, event: Event?)] = []
        for result in results?.drain() ?? [] {
            running -= 1
            let name = "\(result.zone)"
            if forgotten.remove(name) != nil {
                // What it has brought is of the zone of before.
                if zones[name] == nil { transferred.forget(name) } else { lose(name, now: now) }
                continue
            }
            guard var zone = zones[name] else { continue }
            let draw = Int(random.next(below: 1000))
            zone.problems = [:]
            for problem in result.problems { zone.problems[problem.primary] = problem.text }
            var event: Event?
            let hadExpired = zone.isExpired
            if let serial = result.serial, let timers = result.timers {
                zone.machine.succeed(serial, timers, now: now, draw: draw)
                zone.source = result.source
                if hadExpired { event = .adopt(name, isBack: true) }
                zone.isExpired = false
                transferred.expired.remove(name)
            } else {
                zone.machine.fail(now: now, draw: draw)
                counts.failed += 1
            }
            if case .updated(let update) = result.outcome {
                zone.isLost = false
                transferred.known.insert(name)
                if transferred.folder == nil { transferred.versions[name] = update.records }
                counts.updated += 1
                event = .adopt(name, update, isBack: hadExpired)
            }
            zones[name] = zone
            found.append((result, event))
        }
        return found
    }
}
