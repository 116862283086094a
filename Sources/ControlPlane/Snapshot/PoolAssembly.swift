// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Prober
internal import Runtime
internal import Steering

/// Everything that follows from one pool, or from the addresses of one steer policy.
struct AssembledPool: Sendable {
    var definition: PoolDefinition
    var view: PoolView
    var registrations: [HealthRegistration] = []
    var targets: [ProbeTarget] = []
    /// Places of names without an address.
    var unresolved: [(slot: Int, key: ResolvedNames.Key)] = []
    /// How long work may go on at a draining endpoint.
    var drain = Drain.Bounds(longest: .seconds(60), spread: .seconds(10))
    /// How the endpoints are spoken with; nil for plain TCP.
    var security: OriginSecurity?
    /// How their probe speaks TLS; nil where it does not.
    var probeContext: TLSClientContext?

    /// Makes room for so many members and no more, where none is there yet.
    mutating func reserve(_ count: Int) {
        guard registrations.isEmpty else { return }
        view.endpoints.reserveCapacity(count)
        registrations.reserveCapacity(count)
        targets.reserveCapacity(count)
    }
}

/// From `pools` to definitions, registrations and probes.
struct PoolAssembly {
    let probes: ProbeAssembly
    let names: ResolvedNames
    /// Pools that serve already: what joins one of them starts slowly.
    let running: Set<String>
    /// Pools of other caches.
    let tiers: Set<String>
    var sessionKeys: SessionKeys

    init(_ settings: Settings, _ present: Assembly.Present, _ probes: ProbeAssembly) {
        self.probes = probes
        names = present.names
        running = present.running
        tiers = Set(settings.caches.compactMap(\.through))
        sessionKeys = present.sessionKeys
    }

    mutating func assemble(
        _ pool: PoolSettings,
        _ origin: TLSAssembly.MadeOrigin?,
        registries: inout Registries
    ) throws(ReloadProblem) -> AssembledPool {
        guard let number = registries.pools.slot(for: pool.name) else {
            throw .full("pools", limit: registries.pools.capacity)
        }
        var definition = PoolDefinition(
            name: pool.name,
            slot: number,
            balance: PoolAssembly.balance(pool),
            slowStart: pool.slowStart
        )
        if tiers.contains(pool.name) { makeTier(&definition, pool) }
        definition.panicPercent = UInt8(clamping: pool.panic.percent)
        definition.drain = pool.drain
        definition.writes = pool.writes == .leader ? .leader : .any
        definition.reads = pool.reads == .replicas ? .replica : .any
        definition.trialLimit = UInt32(
            clamping: PoolAssembly.passive(pool.passive)?.trialLimit ?? 0
        )
        var assembled = AssembledPool(
            definition: definition,
            view: PoolView(
                name: pool.name,
                isSteer: false,
                slot: number,
                probe: pool.probe,
                endpoints: []
            )
        )
        assembled.drain = Drain.Bounds(longest: pool.drain, spread: pool.drainSpread)
        if probes.followsPool(pool.probe) {
            let isByHTTP2 = probes.asksByHTTP2(pool.probe)
            assembled.probeContext = isByHTTP2 ? origin?.probeContext : origin?.plainContext
        }
        assembled.security = origin.map {
            OriginSecurity(
                number: $0.number,
                context: $0.context,
                plainContext: $0.plainContext,
                names: []
            )
        }
        for endpoint in pool.endpoints {
            switch endpoint.address {
            case .address(let address):
                let place = Place(name: endpoint.name, host: "\(address.ip)", asked: nil)
                try add(endpoint, pool, place, address, to: &assembled, &registries)
            case .name(let host, let port):
                try addName(endpoint, pool, host, port, to: &assembled, &registries)
            }
        }
        if pool.sticky != nil {
            let key = try sessionKeys.key(pool)
            for place in assembled.definition.endpoints.indices {
                let address = assembled.definition.endpoints[place].address
                assembled.definition.endpoints[place].session =
                    SessionKeys.session(pool: pool.name, address, key: key)
            }
        }
        return assembled
    }

    /// How one address of an endpoint is known.
    private struct Place {
        var name: String
        var host: String
        /// The host name a probe asks for; nil means the address.
        var asked: String?
    }

    private func addName(
        _ endpoint: EndpointSettings,
        _ pool: PoolSettings,
        _ host: String,
        _ port: UInt16,
        to assembled: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) {
        let key = ResolvedNames.Key(host: host, server: pool.resolve.nameserver)
        let entry = names.entry(key)
        for ip in entry?.addresses ?? [] {
            let place = Place(
                name: "\(endpoint.name)@\(ip)",
                host: "\(host)@\(ip)",
                asked: "\(host):\(port)"
            )
            let address = SocketAddress(ip, port: port)
            try add(endpoint, pool, place, address, to: &assembled, &registries)
        }
        guard entry?.addresses.isEmpty ?? true else { return }
        // Seen by people, never by a door: there is nothing to connect to.
        let identity = EndpointIdentity(pool: pool.name, host: host, port: port)
        guard let slot = registries.endpoints.slot(for: identity) else {
            throw .full("endpoints", limit: registries.endpoints.capacity)
        }
        var registration = registration(pool, slot: slot, identity, name: endpoint.name)
        registration.checks = registration.checks ?? CheckSettings()
        assembled.registrations.append(registration)
        assembled.unresolved.append((slot, key))
        assembled.view.endpoints.append(view(endpoint, endpoint.name, slot: slot, nil))
    }

    private func add(
        _ endpoint: EndpointSettings,
        _ pool: PoolSettings,
        _ place: Place,
        _ address: SocketAddress,
        to assembled: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) {
        let identity = EndpointIdentity(pool: pool.name, host: place.host, port: address.port)
        guard let slot = registries.endpoints.slot(for: identity) else {
            throw .full("endpoints", limit: registries.endpoints.capacity)
        }
        var definition = EndpointDefinition(
            name: place.name,
            slot: slot,
            address: address,
            weight: UInt32(clamping: endpoint.weight),
            tier: UInt8(clamping: endpoint.tier),
            zone: endpoint.zone
        )
        definition.connectionLimit = UInt32(clamping: endpoint.maxConnections ?? 0)
        assembled.definition.endpoints.append(definition)
        assembled.registrations.append(registration(pool, slot: slot, identity, name: place.name))
        assembled.view.endpoints.append(view(endpoint, place.name, slot: slot, address))
        let own = place.asked.flatMap { $0.split(separator: ":").first }.map(String.init)
        let name = pool.tls?.name ?? own ?? "\(address.ip)"
        assembled.security?.names.append(name)
        let probed = ProbedEndpoint(
            slot: slot,
            address: address,
            host: place.asked,
            pool: pool.name,
            name: place.name
        )
        guard var target = probes.target(pool.probe, for: probed) else { return }
        if let context = assembled.probeContext {
            target.security = TargetSecurity(context: context, name: name)
        }
        if probes.asksEndpointPort(pool.probe) {
            target.proxyHeader = pool.proxyProtocol?.version
        }
        assembled.targets.append(target)
    }

    private func registration(
        _ pool: PoolSettings,
        slot: Int,
        _ identity: EndpointIdentity,
        name: String
    ) -> HealthRegistration {
        var registration = HealthRegistration(
            slot: slot,
            identity: identity,
            name: name,
            checks: probes.checks(pool.probe),
            passive: PoolAssembly.passive(pool.passive),
            joinsRunningPool: running.contains(pool.name)
        )
        registration.condition = probes.condition(pool.probe)
        return registration
    }

    private func view(
        _ endpoint: EndpointSettings,
        _ name: String,
        slot: Int,
        _ address: SocketAddress?
    ) -> EndpointView {
        EndpointView(
            name: name,
            configuredName: endpoint.name,
            slot: slot,
            address: address,
            weight: UInt32(clamping: endpoint.weight),
            tier: UInt8(clamping: endpoint.tier),
            zone: endpoint.zone,
            connectionLimit: UInt32(clamping: endpoint.maxConnections ?? 0)
        )
    }

    /// Each object is fetched through one of the endpoints, whatever the balance that others have.
    private func makeTier(_ definition: inout PoolDefinition, _ pool: PoolSettings) {
        if !definition.balance.usesKey {
            definition.balance = .boundedLoad(percent: pool.hash.loadBound.percent)
        }
        // Of a few at a time nobody is overloaded, and elsewhere each of them would be fetched once more.
        definition.leastLoad = 64
    }

    static func balance(_ pool: PoolSettings) -> Balance {
        switch pool.balance {
        case .roundRobin: .roundRobin
        case .weightedRoundRobin: .weightedRoundRobin
        case .leastConnections: .leastConnections
        case .weightedLeastConnections: .weightedLeastConnections
        case .random: .random
        case .powerOfTwoChoices: .powerOfTwoChoices
        case .leastResponseTime: .leastResponseTime
        case .sourceIPHash: .sourceIPHash
        case .hashRing: .ringHash(virtualNodes: pool.hash.virtualNodes)
        case .maglev: .maglev(size: pool.hash.tableSize)
        case .boundedLoad: .boundedLoad(percent: pool.hash.loadBound.percent)
        case .firstAvailable: .firstAvailable
        }
    }

    static func passive(_ settings: Configuration.PassiveSettings) -> Steering.PassiveSettings? {
        let isOff = settings.failures == 0 && settings.errorRate.percent == 0
        guard !isOff || settings.latency.factor != nil else { return nil }
        var passive = Steering.PassiveSettings()
        passive.failures = settings.failures
        passive.window = settings.window
        passive.ejection = settings.ejection
        passive.ejectionLimit = settings.ejectionMax
        passive.maximumPercent = settings.maxEjected.percent
        passive.errorPercent = settings.errorRate.percent
        passive.minimumVolume = settings.minimumVolume
        passive.trialLimit = settings.halfOpen.requests
        passive.trialSuccesses = settings.halfOpen.successes
        passive.latency = settings.latency.factor.map {
            Steering.LatencySettings(
                factor: $0,
                difference: settings.latency.difference,
                samples: settings.latency.samples,
                endpoints: settings.latency.endpoints
            )
        }
        return passive
    }
}

extension ReloadProblem {
    /// A table of fixed size has no place left.
    static func full(_ what: String, limit: Int) -> ReloadProblem {
        .start(
            "M3120",
            "the configuration needs more \(what) than the \(limit) that this process has room for",
            "restart Martlet: room is measured out at the start"
        )
    }
}
