// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Prober
internal import Steering

/// From `steer` to policies over slots of the one health table.
///
/// A plain address in a policy is an endpoint of a pool of its own, named `steer:NAME`, so that it
/// is probed, shown and changed like any other; under several probes it is several.
struct SteerAssembly {
    let probes: ProbeAssembly
    let pools: [String: PoolDefinition]
    let locations: LocationTable
    /// What the names stand for that policies answer with.
    let names: ResolvedNames
    /// Who is asked for those.
    let alias: AliasSettings
    /// Many names are often steered by the same map, and assemblies too.
    private(set) var regions: RegionTables
    private(set) var assembled: [AssembledPool] = []
    private var changes = SteeringAssembly()
    // The policy by name that is being made.
    private var owner = ""
    private var addresses = PolicyAddresses()
    /// The names that policies answer with, each with its number.
    var targets: [String: SteerTarget] = [:]

    init(
        probes: ProbeAssembly,
        pools: [PoolDefinition],
        locations: LocationTable = .empty,
        regions: RegionTables = RegionTables(),
        names: ResolvedNames = ResolvedNames(),
        alias: AliasSettings = AliasSettings()
    ) {
        self.names = names
        self.alias = alias
        self.regions = regions
        self.regions.forgetUses()
        self.probes = probes
        self.pools = Dictionary(pools.map { ($0.name, $0) }) { _, last in last }
        self.locations = locations
    }

    private static func pool(of steer: String) -> AssembledPool {
        let view = PoolView(name: steer, isSteer: true, slot: -1, probe: nil, endpoints: [])
        return AssembledPool(definition: PoolDefinition(name: view.label), view: view)
    }

    mutating func steering(
        _ settings: Settings,
        registries: inout Registries
    ) throws(ReloadProblem) -> AssembledSteering {
        var definitions: [SteerDefinition] = []
        for policy in settings.steer {
            definitions.append(try definition(policy, registries: &registries))
        }
        let plan = changes.plan(settings, &definitions)
        return AssembledSteering(
            definitions: definitions,
            plan: plan,
            board: changes.board(policies: definitions.count)
        )
    }

    private mutating func definition(
        _ steer: SteerSettings,
        registries: inout Registries
    ) throws(ReloadProblem) -> SteerDefinition {
        var pool = SteerAssembly.pool(of: steer.name)
        owner = steer.name
        addresses = PolicyAddresses(steer.policy)
        var policy = try policy(steer.policy, isTop: true, of: &pool, &registries)
        // A member is told of by the list that it stands in, and the rules are those of the list.
        if case .address = policy.kind {
            policy.kind = .roundRobin([SteerBranch(SteerPolicy(policy.kind))])
        }
        if !pool.view.endpoints.isEmpty { assembled.append(pool) }
        return SteerDefinition(
            name: steer.name,
            policy: policy,
            leastTTL: steer.minTTL.map(ZoneAssembly.seconds)
        )
    }

    private mutating func policy(
        _ settings: PolicySettings,
        isTop: Bool = false,
        of pool: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) -> SteerPolicy {
        var policy = try SteerPolicy(kind(settings.kind, of: &pool, &registries))
        if case .pool(let name) = settings.kind {
            policy = pools[name].map(SteerPolicy.pool) ?? .roundRobin([])
        }
        if case .weighted(let branches) = policy.kind,
            case .weighted(let list) = settings.kind
        {
            policy.kind = .weighted(
                changes.add(branches, list, settings, of: owner, isTop: isTop)
            )
        }
        policy.allDown =
            settings.fallback.map(SteerAllDown.fallback)
            ?? settings.allDown.map(SteerAllDown.init)
        policy.minimumUp = settings.minimumUp
        policy.minimumUpPercent = settings.minimumUpShare.percent
        policy.most = settings.answers
        policy.isMultiple = settings.isMultiple
        policy.draw =
            switch settings.sticky {
            case nil: .random
            case .client: .client
            case .name: .name
            }
        policy.hold = settings.hold
        return policy
    }

    private mutating func kind(
        _ kind: PolicySettings.Kind,
        of pool: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) -> SteerPolicy.Kind {
        switch kind {
        case .address(let ip, let probe):
            return .address(try member(ip, probe: probe, of: &pool, &registries))
        case .name(let name, let probe):
            return try target(name, probe: probe, of: &pool, &registries)
        case .pool: return .roundRobin([])
        case .steer(let name): return .named(name)
        case .roundRobin(let list):
            return .roundRobin(try branches(list, of: &pool, &registries))
        case .weighted(let list): return .weighted(try branches(list, of: &pool, &registries))
        case .failover(let list): return .failover(try branches(list, of: &pool, &registries))
        case .geo(let list):
            return .regional(try branches(list, of: &pool, &registries), geo(list))
        case .proximity(let list):
            return .regional(try branches(list, of: &pool, &registries), proximity(list))
        case .latency(let list):
            return .regional(try branches(list, of: &pool, &registries), latency(list))
        }
    }

    private mutating func branches(
        _ list: [BranchSettings],
        of pool: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) -> [SteerBranch] {
        // There may be ten thousands of these lists: none is to be half empty.
        var branches: [SteerBranch] = []
        branches.reserveCapacity(list.count)
        pool.reserve(list.count)
        for settings in list {
            var branch = SteerBranch(
                try policy(settings.policy, of: &pool, &registries),
                weight: UInt32(clamping: settings.weight),
                domain: settings.domain ?? ""
            )
            switch settings.policy.kind {
            case .pool(let name), .name(let name, _): branch.name = name
            default: break
            }
            if let name = settings.name { branch.name = name }
            branches.append(branch)
        }
        return branches
    }

    // MARK: Regions

    private mutating func geo(_ list: [BranchSettings]) -> RegionTable {
        let key = RegionKey.geo(list.map(\.regions), list.map(\.isResident))
        if let known = regions.use(key) { return known }
        let table = RegionBuilder(locations).geo(
            list.map { $0.regions.map(GeoRegion.init) },
            keeps: list.map(\.isResident),
            labels: list.map { branch in
                branch.regions.isEmpty
                    ? "everybody else" : branch.regions.map(\.description).joined(separator: ", ")
            }
        )
        regions.keep(table, for: key)
        return table
    }

    private mutating func proximity(_ list: [BranchSettings]) -> RegionTable {
        let targets = list.map { GeoTarget(SteerAssembly.point($0.position), bias: $0.bias) }
        let key = RegionKey.proximity(targets)
        if let known = regions.use(key) { return known }
        let labels = targets.map { target in
            let bias = target.bias == 0 ? "" : ", bias \(target.bias)"
            return "at \(target.point.latitude), \(target.point.longitude)\(bias)"
        }
        let table = RegionBuilder(locations).proximity(targets, labels: labels)
        regions.keep(table, for: key)
        return table
    }

    private mutating func latency(_ list: [BranchSettings]) -> RegionTable {
        let targets = list.map { branch in
            LatencyTarget(
                branch.targetName,
                at: branch.position == nil ? nil : SteerAssembly.point(branch.position)
            )
        }
        return regions.latency(targets, locations)
    }

    private static func point(_ position: BranchSettings.Position?) -> GeoPoint {
        let point: GeoPoint? =
            switch position {
            case .point(let latitude, let longitude):
                GeoPoint(latitude: latitude, longitude: longitude)
            case .country(let code): Country.find(code)?.middle
            case nil: nil
            }
        return point ?? .origin
    }

    private func member(
        _ ip: IPAddress,
        probe: String?,
        of pool: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) -> SteerMember {
        let name = addresses.name(ip, probe: probe)
        let identity = EndpointIdentity(pool: pool.view.label, host: name, port: 0)
        let former = former(ip, probe: probe, identity, registries)
        guard let slot = registries.endpoints.slot(for: identity) else {
            throw .full("endpoints", limit: registries.endpoints.capacity)
        }
        guard !pool.view.endpoints.contains(where: { $0.slot == slot }) else {
            return SteerMember(name: name, slot: slot, address: ip)
        }
        pool.view.probe = pool.view.probe ?? probe
        pool.view.endpoints.append(
            EndpointView(
                name: name,
                configuredName: "\(ip)",
                slot: slot,
                address: SocketAddress(ip, port: 0),
                weight: 1,
                tier: 0,
                zone: "",
                connectionLimit: 0
            )
        )
        var registration = HealthRegistration(
            slot: slot,
            identity: identity,
            name: name,
            checks: probes.checks(probe),
            passive: nil
        )
        registration.condition = probes.condition(probe)
        registration.former = former
        pool.registrations.append(registration)
        // A probe that asks at a port has one of its own here.
        let probed = ProbedEndpoint(
            slot: slot,
            address: SocketAddress(ip, port: 0),
            pool: pool.view.name,
            name: name
        )
        if let target = probes.target(probe, for: probed) {
            pool.targets.append(target)
        }
        return SteerMember(name: name, slot: slot, address: ip)
    }
}

extension SteerAssembly {
    // An address gets another name when the policy has it under a second probe, or no longer: its
    // state stays what it was, as it does when only the probe changes.
    private func former(
        _ ip: IPAddress,
        probe: String?,
        _ identity: EndpointIdentity,
        _ registries: Registries
    ) -> Int32 {
        guard registries.endpoints.find(identity) == nil else { return -1 }
        let names = [PolicyAddresses.name(ip), PolicyAddresses.name(ip, under: probe)]
        for name in names where name != identity.host {
            let other = EndpointIdentity(pool: identity.pool, host: name, port: 0)
            if let slot = registries.endpoints.find(other) { return Int32(clamping: slot) }
        }
        return -1
    }
}

/// The policies of a configuration, and what changes about them while they serve.
struct AssembledSteering: Sendable {
    var definitions: [SteerDefinition]
    var plan: SteeringPlan
    var board: DialBoard
}

extension GeoRegion {
    init(_ region: RegionSettings) {
        self =
            switch region {
            case .continent(let code): .continent(code)
            case .country(let code): .country(code)
            case .subdivision(let code): .subdivision(code)
            case .city(let name): .city(name)
            case .asn(let number): .system(UInt32(clamping: number))
            case .network(let prefix): .network(prefix)
            }
    }
}

extension SteerAllDown {
    init(_ answer: AllDownAnswer) {
        self =
            switch answer {
            case .all: .all
            case .none: .none
            case .servfail: .servfail
            case .lastGood: .lastGood
            }
    }
}
