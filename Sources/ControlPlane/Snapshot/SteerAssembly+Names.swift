// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials
internal import Prober
internal import Steering

/// Names that policies answer with, as endpoints of their pools.
///
/// Who follows a CNAME ends at the addresses of its target, so a name is up while one of those is:
/// each is an endpoint of its own, and all of them together are the branch.
extension SteerAssembly {
    /// Names of all policies that a probe checks at most; further ones count as up.
    static let checkedNameLimit = 1000

    /// By what a name is known that is to be checked.
    static func key(_ name: String, _ alias: AliasSettings) -> ResolvedNames.Key {
        let host = name.hasSuffix(".") ? String(name.dropLast()) : name
        return ResolvedNames.Key(host: host, server: alias.resolvers.first)
    }

    /// The branch that answers with a name.
    mutating func target(
        _ name: String,
        probe: String?,
        of pool: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) -> SteerPolicy.Kind {
        let target = number(name)
        guard let probe else {
            return .address(try member(name, nil, name, probe: nil, target, &pool, &registries))
        }
        let key = SteerAssembly.key(name, alias)
        let known = names.entry(key)?.addresses ?? []
        guard !known.isEmpty else {
            let title = "\(name)@?"
            let member = try member(title, nil, name, probe: probe, target, &pool, &registries)
            if !pool.unresolved.contains(where: { $0.slot == member.slot }) {
                pool.unresolved.append((member.slot, key))
            }
            return .address(member)
        }
        var branches: [SteerBranch] = []
        for ip in known {
            let title = "\(name)@\(ip)"
            let member = try member(title, ip, name, probe: probe, target, &pool, &registries)
            branches.append(SteerBranch(.address(member)))
        }
        return .roundRobin(branches)
    }

    private mutating func number(_ name: String) -> SteerTarget {
        if let known = targets[name] { return known }
        let target = SteerTarget(number: targets.count, wire: DomainName(name)?.wire ?? [])
        targets[name] = target
        return target
    }

    private func member(
        _ title: String,
        _ ip: IPAddress?,
        _ name: String,
        probe: String?,
        _ target: SteerTarget,
        _ pool: inout AssembledPool,
        _ registries: inout Registries
    ) throws(ReloadProblem) -> SteerMember {
        let identity = EndpointIdentity(pool: pool.view.label, host: title, port: 0)
        guard let slot = registries.endpoints.slot(for: identity) else {
            throw .full("endpoints", limit: registries.endpoints.capacity)
        }
        let member = SteerMember(name: title, slot: slot, target: target)
        guard !pool.view.endpoints.contains(where: { $0.slot == slot }) else { return member }
        let address = ip.map { SocketAddress($0, port: 0) }
        pool.view.probe = pool.view.probe ?? probe
        pool.view.endpoints.append(
            EndpointView(
                name: title,
                configuredName: name,
                slot: slot,
                address: address,
                weight: 1,
                tier: 0,
                zone: "",
                connectionLimit: 0
            )
        )
        var registration = HealthRegistration(
            slot: slot,
            identity: identity,
            name: title,
            checks: probes.checks(probe),
            passive: nil
        )
        if probe != nil, ip == nil {
            // It is down once it is known to have no address.
            registration.checks = registration.checks ?? CheckSettings()
        }
        registration.condition = probes.condition(probe)
        pool.registrations.append(registration)
        guard let address else { return member }
        let probed = ProbedEndpoint(
            slot: slot,
            address: address,
            host: SteerAssembly.key(name, alias).host,
            pool: pool.view.name,
            name: title
        )
        if let target = probes.target(probe, for: probed) { pool.targets.append(target) }
        return member
    }
}

extension Settings {
    /// The names to be kept resolved since a probe checks where policies lead by them.
    var policyNames: [NameWish] {
        var seen: Set<String> = []
        return steer.flatMap(\.checkedNames).filter { seen.insert($0).inserted }.map { name in
            var wish = NameWish(
                key: SteerAssembly.key(name, alias),
                minTTL: alias.minTTL,
                maxTTL: alias.maxTTL
            )
            wish.servers = alias.resolvers
            return wish
        }
    }

    /// True when a policy answers with the name, and has it checked.
    func hasPolicyName(_ key: ResolvedNames.Key) -> Bool {
        guard !key.isAlias, key.server == alias.resolvers.first else { return false }
        return steer.contains { $0.checkedNames.contains("\(key.host).") }
    }
}
