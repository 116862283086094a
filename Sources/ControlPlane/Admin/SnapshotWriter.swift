// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import HTTPGateway
internal import Steering

/// Writes what there is to see as JSON, straight from the shared tables.
struct SnapshotWriter {
    /// The document.
    private(set) var json = JSONWriter()
    private let source: SnapshotSource
    private let candidates: [Int: CandidateExplanation]
    private let view: ControlView
    private let moment: Moment
    private let balances: [String: String]
    private let stickyPools: Set<String>

    /// A writer for one document.
    init(_ source: SnapshotSource) {
        self.source = source
        candidates = source.candidates()
        view = source.view
        moment = source.moment
        let pools = source.view.settings.pools.map { ($0.name, $0.balance.rawValue) }
        balances = Dictionary(pools) { first, _ in first }
        stickyPools = Set(source.view.settings.pools.filter { $0.sticky != nil }.map(\.name))
    }

    // MARK: Documents

    /// Everything.
    mutating func writeSnapshot() {
        json.beginObject()
        writeGenerations()
        member("time", CivilTime(nanoseconds: moment.realtime).rfc3339)
        member("readiness", view.readiness.word)
        json.name("process")
        write(view.process, view.workers)
        json.name("configuration")
        writeConfiguration()
        json.name("listeners")
        json.beginArray()
        for listener in view.listeners { write(listener) }
        json.endArray()
        json.name("doors")
        writeDoors()
        json.name("pools")
        writePools()
        json.name("checks")
        writeChecks()
        json.name("tracing")
        writeTracing()
        json.name("geography")
        if let geography = view.geography { geography.write(&json) } else { json.writeNull() }
        json.name("steering")
        json.write(view.steering?.json() ?? .null)
        json.name("latency")
        if let latency = view.latency { json.write(latency.json) } else { json.writeNull() }
        json.name("aliases")
        json.write(view.aliases?.json(moment.now, view.settings.alias) ?? .null)
        json.name("caches")
        json.write(CachesView(view).json)
        json.name("routes")
        json.beginArray()
        for route in view.settings.routes { write(route) }
        json.endArray()
        json.name("zones")
        json.beginArray()
        let faults = Dictionary(view.zoneFaults.map { ($0.zone, $0) }) { first, _ in first }
        let states = view.unservedZones
        for zone in view.settings.zones {
            write(zone, states[zone.name], faults[zone.name], isMade: false)
        }
        for zone in view.madeZones {
            write(zone, states[zone.name], faults[zone.name], isMade: true)
        }
        json.endArray()
        json.endObject()
    }

    /// The calculated probes.
    private mutating func writeChecks() {
        json.beginArray()
        for check in view.checks {
            json.beginObject()
            member("name", check.name)
            member("health", check.health.word)
            member("detail", check.detail)
            json.endObject()
        }
        json.endArray()
    }

    /// The export of spans; null without one.
    private mutating func writeTracing() {
        guard let tracing = view.tracing else { return json.writeNull() }
        json.beginObject()
        member("endpoint", tracing.endpoint)
        member("sharePercent", UInt64(max(tracing.share, 0)))
        member("problem", tracing.problem)
        member("exported", tracing.exported)
        member("dropped", tracing.dropped.reduce(0) { $0 &+ $1.count })
        member("failedSends", tracing.failedSends)
        member("waiting", UInt64(max(tracing.waiting, 0)))
        let latest = tracing.lastSuccess
        member("lastSuccess", latest == 0 ? nil : CivilTime(nanoseconds: latest).rfc3339)
        json.endObject()
    }

    /// All pools.
    mutating func writePoolsDocument() {
        json.beginObject()
        writeGenerations()
        json.name("pools")
        writePools()
        json.endObject()
    }

    /// One pool; false, with nothing written, when there is none of this name.
    mutating func writePool(named name: String) -> Bool {
        guard let pool = view.pool(named: name) else { return false }
        write(pool)
        return true
    }

    /// What a change of endpoints has made of them.
    mutating func writeChanged(pool name: String, endpoint: String) {
        json.beginObject()
        writeGenerations()
        json.name("endpoints")
        json.beginArray()
        if let pool = view.pool(named: name) {
            for found in pool.endpoints where found.answers(to: endpoint) {
                write(found, candidates[found.slot])
            }
        }
        json.endArray()
        json.endObject()
    }

    // MARK: Parts

    private mutating func writeGenerations() {
        member("generation", view.generation)
        member("healthGeneration", view.health.generation)
    }

    private mutating func writePools() {
        json.beginArray()
        for pool in view.pools { write(pool) }
        json.endArray()
    }

    private mutating func write(_ pool: PoolView) {
        json.beginObject()
        member("name", pool.label)
        member("kind", pool.isSteer ? "steer" : "pool")
        member("balance", pool.isSteer ? nil : balances[pool.name])
        member("probe", pool.probe)
        member("sticky", stickyPools.contains(pool.name) && !pool.isSteer)
        let skew = pool.isSteer ? nil : view.skews[pool.slot]
        member("skew", skew.map { ($0 * 100).rounded() / 100 })
        if !pool.isSteer, pool.slot >= 0 { writeWaiting(pool.slot) }
        json.name("endpoints")
        json.beginArray()
        for endpoint in pool.endpoints { write(endpoint, candidates[endpoint.slot]) }
        json.endArray()
        json.endObject()
    }

    /// Who waits, and the limit of requests at a time where it follows the answers.
    private mutating func writeWaiting(_ slot: Int) {
        let counts = MetricSource(view: view, usage: nil)
        member("waiting", counts.positive(view.shared.http.pending.count(slot)))
        json.name("concurrency")
        let state = view.shared.http.places.state(slot)
        guard state.limit > 0 else { return json.writeNull() }
        json.beginObject()
        member("limit", counts.positive(state.limit))
        member("taken", counts.positive(state.taken))
        member("restSeconds", state.rest == .zero ? nil : state.rest.seconds)
        member("latestSeconds", state.latest == .zero ? nil : state.latest.seconds)
        json.endObject()
    }

    private mutating func write(_ endpoint: EndpointView, _ candidate: CandidateExplanation?) {
        let status = source.status(endpoint.slot)
        let word = view.health.word(endpoint.slot)
        let weight = view.health.weightOverride(endpoint.slot)
        json.beginObject()
        member("name", endpoint.name)
        member("address", endpoint.address.map(\.placeText))
        member("health", word.health.word)
        member("administrative", word.administrative.word)
        member("takesWork", word.takesNewWork)
        let role = view.health.role(endpoint.slot)
        member("role", role == .unknown ? nil : role.word)
        member("reason", word.reason.word)
        member("detail", status?.detail ?? "")
        writeForced(endpoint.slot)
        let since = status?.since ?? .start
        if since == .start {
            member("since", nil as String?)
            member("ageSeconds", nil as Double?)
        } else {
            member("since", CivilTime(nanoseconds: moment.realtime(of: since)).rfc3339)
            member("ageSeconds", ((moment.now - since).seconds * 1000).rounded() / 1000)
        }
        member("weight", UInt64(weight ?? endpoint.weight))
        member("configuredWeight", UInt64(endpoint.weight))
        member("weightOverride", weight.map { UInt64($0) })
        member("slowStartFactor", candidate?.slowStartFactor ?? 1)
        member("effectiveWeight", candidate?.effectiveWeight ?? Double(weight ?? endpoint.weight))
        member("tier", UInt64(endpoint.tier))
        member("zone", endpoint.zone)
        member("inFlight", UInt64(max(view.load.inFlight(endpoint.slot), 0)))
        writeDrain(endpoint.slot)
        member(
            "connectionLimit",
            endpoint.connectionLimit == 0 ? nil : UInt64(endpoint.connectionLimit)
        )
        member("succeeded", view.load.successCount(endpoint.slot))
        member("failed", view.load.failureCount(endpoint.slot))
        member("dnsAnswers", view.shared.dns.answerCount(endpoint.slot))
        member("unchecked", word.isUnchecked)
        member("ejected", word.isEjected)
        member("circuit", word.circuit.word)
        if let until = status?.ejectedUntil {
            member("ejectedSeconds", max((until - moment.now).seconds.rounded(), 0))
        }
        if let needed = status?.checksNeeded, needed > 0 { member("checksNeeded", UInt64(needed)) }
        member("healthGeneration", UInt64(word.generation))
        json.name("latestProbe")
        writeProbe(endpoint.slot, status?.latest)
        json.endObject()
    }

    /// What an operator says of the health, and until when; null for nothing.
    private mutating func writeForced(_ slot: Int) {
        json.name("forced")
        guard let forced = view.forced[slot] else { return json.writeNull() }
        json.beginObject()
        member("health", forced.word)
        member("until", CivilTime(nanoseconds: moment.realtime(of: forced.until)).rfc3339)
        member("seconds", (max((forced.until - moment.now).seconds, 0) * 1000).rounded() / 1000)
        json.endObject()
    }

    /// How far a drain is, and what it had to cut.
    private mutating func writeDrain(_ slot: Int) {
        let counts = MetricSource(view: view, usage: nil)
        member("tunnels", counts.tunnels(slot))
        let left = view.drains[slot].map { max(($0 - moment.now).seconds, 0) }
        member("drainSeconds", left.map { ($0 * 1000).rounded() / 1000 })
        member("drainCuts", counts.endpoint(slot, GatewayMetrics.drainCuts))
    }

    /// The latest probe, whether it has changed the health or not; null before the first.
    private mutating func writeProbe(_ slot: Int, _ latest: ProbeOutcome?) {
        guard let latest else { return json.writeNull() }
        json.beginObject()
        member("passed", latest == .success)
        if case .failure(let reason, let detail) = latest {
            member("reason", reason.word)
            member("detail", detail)
        }
        let status = view.counts.load(.status, slot)
        member("status", status == 0 ? nil : status)
        member("seconds", Double(view.counts.load(.latest, slot)) / 1e9)
        let ends = view.counts.load(.certificateEnds, slot)
        if ends > 0 {
            let (nanoseconds, isOver) = Int64(clamping: ends)
                .multipliedReportingOverflow(by: 1_000_000_000)
            member("certificateEnds", isOver ? nil : CivilTime(nanoseconds: nanoseconds).rfc3339)
        }
        json.endObject()
    }

    private mutating func write(_ process: ProcessView, _ workers: WorkerWords) {
        json.beginObject()
        member("version", process.version)
        member("pid", UInt64(process.identifier))
        member("supervisor", process.supervisor.map { UInt64($0) })
        member("started", CivilTime(nanoseconds: process.startedAt).rfc3339)
        member("serviceStarted", CivilTime(nanoseconds: process.serviceStartedAt).rfc3339)
        member("restarts", UInt64(process.restarts))
        member("lastEnd", process.lastEnd)
        member("fileLimit", UInt64(process.fileLimit))
        member("stateFolder", process.stateFolder)
        member("program", process.program)
        member("upgrades", UInt64(process.upgrades))
        member("upgrading", process.isUpgrading)
        member("upgradeProblem", process.upgradeProblem)
        json.name("workers")
        json.beginArray()
        for worker in 0..<workers.count {
            json.beginObject()
            member("generation", workers.load(.generation, worker: worker))
            member("healthGeneration", workers.load(.healthGeneration, worker: worker))
            member("cpuSeconds", Double(workers.load(.cpu, worker: worker)) / 1e9)
            member("lagSeconds", Double(workers.load(.lag, worker: worker)) / 1e9)
            member("shedding", "\(workers.sheddingLevel(worker).word)")
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private mutating func writeConfiguration() {
        json.beginObject()
        member("path", view.configurationPath)
        member("adopted", CivilTime(nanoseconds: view.adoptedAt).rfc3339)
        member("reloadsAdopted", UInt64(view.reloads.adopted))
        member("reloadsRefused", UInt64(view.reloads.refused))
        json.name("problems")
        json.beginArray()
        for problem in view.reloadProblems { json.write(problem.json) }
        json.endArray()
        json.endObject()
    }

    /// What the doors have done since the process started: rates are made of two snapshots.
    private mutating func writeDoors() {
        let counts = MetricSource(view: view, usage: nil)
        json.beginObject()
        json.name("http")
        json.beginObject()
        member("connections", counts.positive(view.shared.http.openConnections))
        member("requests", counts.http(.requests))
        member("serverErrors", counts.http(.status5xx))
        json.endObject()
        json.name("dns")
        json.beginObject()
        member("queries", counts.dnsQueries)
        member("serverErrors", counts.dns(.serverFailure))
        json.endObject()
        json.endObject()
    }

    private mutating func write(_ listener: ListenerView) {
        json.beginObject()
        member("door", listener.door.rawValue)
        member("configured", "\(listener.configured)")
        member("address", "\(listener.address)")
        member("open", listener.isOpen)
        json.endObject()
    }

    private mutating func write(_ route: RouteSettings) {
        json.beginObject()
        member("name", route.name)
        member("host", route.host.text)
        member("path", route.path.text)
        member("when", route.when.map { "\(RouteAssembly.condition($0))" })
        member("action", RouteAssembly.words(route.action))
        json.endObject()
    }

    private mutating func write(
        _ zone: ZoneSettings,
        _ state: String?,
        _ fault: ZoneFault?,
        isMade: Bool
    ) {
        json.beginObject()
        member("name", zone.name)
        let apex = DomainName(zone.name)
        let serial = apex.flatMap { view.snapshot?.dns.serial(of: $0) }
        let names = apex.flatMap { view.snapshot?.dns.nameCount(of: $0) }
        member("serial", serial.map { UInt64($0) })
        member("file", zone.file)
        member("names", names.map { UInt64(clamping: $0) })
        let isChangeable = zone.file != nil || zone.soa != nil
        member("changedSets", UInt64(isChangeable ? view.zoneChanges[zone.name] ?? 0 : 0))
        member("isMade", isMade)
        member("state", state ?? "served")
        json.name("transfer")
        json.write(view.secondaries[zone.name]?.json ?? .null)
        json.name("problems")
        json.write(.array(fault?.problems.map(\.json) ?? []))
        json.endObject()
    }

    // MARK: Members

    private mutating func member(_ name: String, _ value: String?) {
        json.name(name)
        if let value { json.write(value) } else { json.writeNull() }
    }
    private mutating func member(_ name: String, _ value: UInt64?) {
        json.name(name)
        if let value { json.write(value) } else { json.writeNull() }
    }
    private mutating func member(_ name: String, _ value: Double?) {
        json.name(name)
        if let value { json.write(value) } else { json.writeNull() }
    }
    private mutating func member(_ name: String, _ value: Bool) {
        json.name(name)
        json.write(value)
    }
}

extension ControlView {
    /// The pool of a name as labels and paths write it; nil when there is none.
    func pool(named name: String) -> PoolView? { pools.first { $0.label == name } }
}

extension EndpointView {
    /// True for its name, its name in the file, and its address.
    func answers(to text: String) -> Bool {
        text == name || text == configuredName
            || address.map { $0.placeText == text || "\($0)" == text } ?? false
    }
}

extension SocketAddress {
    /// With the port, or without one where none applies, as for the address of a policy.
    var placeText: String { port == 0 ? "\(ip)" : "\(self)" }
}

extension Readiness {
    /// The word in the API and on the page.
    public var word: String {
        switch self {
        case .starting: "starting"
        case .ready: "ready"
        case .stopping: "stopping"
        }
    }
}

extension HostPattern {
    /// As the configuration writes it.
    var text: String {
        switch self {
        case .any: "*"
        case .exact(let host): host
        case .wildcard(let host): "*.\(host)"
        }
    }
}

extension PathPattern {
    /// As the configuration writes it; exact paths begin with `=`.
    var text: String {
        switch self {
        case .exact(let path): "= \(path)"
        case .prefix(let path): path
        case .expression(let pattern): "~ \(pattern)"
        }
    }
}
