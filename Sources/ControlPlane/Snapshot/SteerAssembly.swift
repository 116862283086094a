// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Prober
internal import Steering

/// From `steer` to policies over slots of the one health table.
///
/// A plain address in a policy is an endpoint of a pool of its own, named `steer:NAME`, so that it
/// is probed, shown and changed like any other.
struct SteerAssembly {
    let probes: ProbeAssembly
    let settings: [String: SteerSettings]
    let pools: [String: PoolDefinition]
    private(set) var assembled: [AssembledPool] = []

    init(_ steer: [SteerSettings], probes: ProbeAssembly, pools: [String: PoolDefinition]) {
        self.probes = probes
        self.pools = pools
        settings = Dictionary(steer.map { ($0.name, $0) }) { first, _ in first }
    }

    private static func pool(of steer: String) -> AssembledPool {
        let view = PoolView(name: steer, isSteer: true, slot: -1, probe: nil, endpoints: [])
        return AssembledPool(definition: PoolDefinition(name: view.label), view: view)
    }

    mutating func definition(
        _ steer: SteerSettings,
        registries: inout Registries
    ) throws(ReloadProblem) -> SteerDefinition {
        var pool = SteerAssembly.pool(of: steer.name)
        let policy = try policy(steer.policy, of: &pool, &registries)
        if !pool.view.endpoints.isEmpty { assembled.append(pool) }
        return SteerDefinition(
            name: steer.name,
            policy: policy,
            allDown: AllDownPolicy(steer.allDown),
            leastTTL: steer.minTTL.map(ZoneAssembly.seconds)
        )
    }

    private func policy(
        _ policy: PolicySettings,
        of pool: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) -> SteerPolicy {
        switch policy {
        case .address(let ip, let probe):
            return .roundRobin([try member(ip, probe: probe, of: &pool, &registries)])
        case .pool(let name):
            return pools[name].map(SteerPolicy.pool) ?? .roundRobin([])
        case .steer(let name):
            return try referred(name, &registries)
        case .roundRobin(let branches):
            var members: [SteerMember] = []
            for branch in branches {
                members += try self.policy(branch, of: &pool, &registries).members
            }
            return .roundRobin(members)
        case .weighted(let branches):
            var members: [SteerMember] = []
            for branch in branches {
                let inner = try self.policy(branch.policy, of: &pool, &registries).members
                members += SteerAssembly.share(UInt32(clamping: branch.weight), among: inner)
            }
            return .weighted(members)
        case .failover(let branches):
            var policies: [SteerPolicy] = []
            for branch in branches {
                policies.append(try self.policy(branch, of: &pool, &registries))
            }
            return .failover(policies)
        }
    }

    /// A policy that another one names: its addresses stand in its own pool.
    private func referred(
        _ name: String,
        _ registries: inout Registries
    ) throws(ReloadProblem) -> SteerPolicy {
        guard let other = settings[name] else { return .roundRobin([]) }
        var unused = SteerAssembly.pool(of: name)
        return try policy(other.policy, of: &unused, &registries)
    }

    private func member(
        _ ip: IPAddress,
        probe: String?,
        of pool: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) -> SteerMember {
        let identity = EndpointIdentity(pool: pool.view.label, host: "\(ip)", port: 0)
        guard let slot = registries.endpoints.slot(for: identity) else {
            throw .full("endpoints", limit: registries.endpoints.capacity)
        }
        let name = "\(ip)"
        guard !pool.view.endpoints.contains(where: { $0.slot == slot }) else {
            return SteerMember(name: name, slot: slot, address: ip)
        }
        let address = SocketAddress(ip, port: 80)
        pool.view.probe = pool.view.probe ?? probe
        pool.view.endpoints.append(
            EndpointView(
                name: name,
                configuredName: name,
                slot: slot,
                address: SocketAddress(ip, port: 0),
                weight: 1,
                tier: 0,
                zone: "",
                connectionLimit: 0
            )
        )
        pool.registrations.append(
            HealthRegistration(
                slot: slot,
                identity: identity,
                name: name,
                checks: probes.checks(probe),
                passive: nil
            )
        )
        if let target = probes.target(probe, slot: slot, address: address, host: nil) {
            pool.targets.append(target)
        }
        return SteerMember(name: name, slot: slot, address: ip)
    }

    /// Divides the weight of a branch among its members as their own weights say.
    static func share(_ weight: UInt32, among members: [SteerMember]) -> [SteerMember] {
        let total = members.reduce(UInt64(0)) { $0 + UInt64($1.weight) }
        guard members.count > 1, total > 0 else {
            return members.map { member in
                var member = member
                member.weight = member.weight == 0 ? 0 : weight
                return member
            }
        }
        // Thousandths, so that a third of 1 is not 0.
        return members.map { member in
            var member = member
            member.weight = UInt32(clamping: UInt64(weight) * 1000 * UInt64(member.weight) / total)
            return member
        }
    }
}

extension SteerPolicy {
    /// Every member of the tree, in order.
    var members: [SteerMember] {
        switch self {
        case .roundRobin(let members), .weighted(let members): members
        case .failover(let branches): branches.flatMap(\.members)
        }
    }
}

extension AllDownPolicy {
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
