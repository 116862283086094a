// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import HTTPGateway
internal import Prober
internal import Runtime
internal import Steering

/// Everything that follows from a configuration and from what its names stand for.
///
/// Made from values alone: nothing is changed until all of it has been made.
struct Assembly: Sendable {
    let settings: Settings
    var registries: Registries
    /// The pools in file order, then the checked addresses of steer policies.
    let pools: [AssembledPool]
    /// Checks that are made of the states of endpoints.
    let checks: [CalculatedCheck]
    /// The slots of all endpoints, with and without an address.
    let slots: [Int]
    let gateway: GatewayPlan
    let steering: AssembledSteering
    let dnsListeners: DNSListenerAssembly
    /// The zones that are answered from, and what was found in their files.
    var zoneResult: ZoneAssembly.Result
    /// The keys of zones that are signed as they are answered for; the plane puts them in.
    var zoneKeys: [DomainName: ZoneKeys]
    /// The names outside that aliases lead to, with their numbers in `zones`.
    let aliasNumbers: [String: Int]
    /// What is in hand of certificates, and the contexts made of them.
    var certificates: CertificateFiles
    /// What is in hand of the files that access to routes depends on.
    var access: AccessFiles
    /// What is known of where networks are.
    var geography: Geography
    /// Policies that ask for places which nothing tells.
    let unplaced: [String]
    /// The file of measurements.
    var measurements: MeasurementsFile
    /// Which order of branches holds where.
    var regions: RegionTables
    let security: TLSAssembly
    let sessionKeys: SessionKeys
    /// What DNS cookies are made with.
    let cookieSecrets: CookieSecrets
    /// What signed messages of DNS are judged by.
    let transactionKeys: TransactionKeys

    var zones: ZoneTable { zoneResult.table }

    /// What assembling needs to know of the present.
    struct Present: Sendable {
        var registries: Registries
        var names: ResolvedNames
        /// Pools that serve already.
        var running: Set<String>
        /// Zones that are as the settings want them.
        var zones: ZoneAssembly.Result?
        /// The zones in force, for those whose files are faulty now.
        var formerZones: FormerZones?
        /// The versions that have come from primaries.
        var transferred = TransferredZones()
        /// The limit of open files.
        var fileLimit: Int
        /// What lies over the zones of the configuration.
        var overlays = ZoneOverlays()
        /// The configuration file, as findings name it.
        var path = ""
        /// The certificates that are to be used.
        var certificates = CertificateFiles()
        /// The files that access to routes depends on.
        var access = AccessFiles()
        /// The contexts in use.
        var security: TLSAssembly?
        /// The keys of session tickets.
        var tickets: TLSTickets?
        /// The secrets of sticky cookies.
        var sessionKeys = SessionKeys()
        /// What is known of where networks are.
        var geography = Geography()
        /// The file of measurements.
        var measurements = MeasurementsFile()
        /// Tables that may still hold.
        var regions = RegionTables()
        /// The zones that cannot be signed as they were, and why.
        var keyFaults: [String: ReloadProblem] = [:]
        /// Zones that are read from their files, while all others are taken as they are in force;
        /// nil for all.
        var rereads: Set<String>?
        /// The faults of the zones in force.
        var zoneFaults: [ZoneFault] = []
        /// The places of networks, for policies.
        var locations: LocationTable { geography.locations }
    }

    static func make(
        _ settings: Settings,
        present: Present
    ) throws(AssemblyRefusal) -> Assembly {
        let zones = try zones(settings, present)
        do throws(ReloadProblem) {
            var registries = present.registries
            var security = try contexts(settings, present)
            let probes = ProbeAssembly(
                settings.probes,
                contexts: try security.contexts(settings.probes)
            )
            var maker = PoolAssembly(settings, present, probes)
            let pools = try settings.pools.map { pool throws(ReloadProblem) in
                let isByHTTP2 = probes.asksByHTTP2(pool.probe)
                let origin = try security.origin(pool, isProbedByHTTP2: isByHTTP2)
                return try maker.assemble(pool, origin, registries: &registries)
            }
            var steer = SteerAssembly(
                probes: probes,
                pools: pools.map(\.definition),
                locations: present.locations,
                regions: present.regions.following(present.geography),
                names: present.names,
                alias: settings.alias
            )
            let steering = try steer.steering(settings, registries: &registries)
            var regions = steer.regions
            regions.dropUnused()
            registries.adopt(settings.listeners)
            let listeners = try GatewayAssembly.listeners(settings, registries.http, &security)
            let dnsListeners = try DNSListenerAssembly(settings, registries.dns, &security)
            return Assembly(
                settings: settings,
                registries: registries,
                pools: pools + steer.assembled,
                checks: CheckAssembly.checks(settings.probes, pools),
                slots: (pools + steer.assembled).flatMap { $0.registrations.map(\.slot) },
                gateway: GatewayAssembly.plan(
                    settings,
                    pools,
                    listeners,
                    present.access,
                    fileLimit: present.fileLimit
                ),
                steering: steering,
                dnsListeners: dnsListeners,
                zoneResult: zones,
                zoneKeys: [:],
                aliasNumbers: aliasNumbers(zones.table),
                certificates: present.certificates,
                access: present.access,
                geography: present.geography,
                unplaced: settings.unplacedPolicies.map(\.name),
                measurements: present.measurements,
                regions: regions,
                security: security,
                sessionKeys: maker.sessionKeys,
                cookieSecrets: try present.sessionKeys.dns.inForce(settings.dns.cookies),
                transactionKeys: try present.sessionKeys.transactions.inForce(settings.tsigKeys)
            )
        } catch {
            throw AssemblyRefusal(problems: [error])
        }
    }

    /// Contexts that are as the settings want them are kept.
    private static func contexts(
        _ settings: Settings,
        _ present: Present
    ) throws(ReloadProblem) -> TLSAssembly {
        var security = TLSAssembly(
            certificates: present.certificates,
            tickets: present.tickets
        )
        security.made = present.security?.made ?? [:]
        security.origins = present.security?.origins ?? [:]
        security.collector = present.security?.collector
        try security.makeCollector(settings.tracing.otlp)
        security.probes = present.security?.probes ?? [:]
        return security
    }

    /// A name as the resolver keeps it: in lower case, without the final dot.
    static func host(_ name: DomainName) -> String { String("\(name)".dropLast()) }

    private static func aliasNumbers(_ zones: ZoneTable) -> [String: Int] {
        var numbers: [String: Int] = [:]
        for (number, name) in zones.outsideTargets.enumerated() { numbers[host(name)] = number }
        return numbers
    }

    private static func zones(
        _ settings: Settings,
        _ present: Present
    ) throws(AssemblyRefusal) -> ZoneAssembly.Result {
        if let known = present.zones { return known }
        let overlays = present.overlays
        let (path, former) = (present.path, present.formerZones)
        var reader = ZoneAssembly(settings, path: path, former: former, overlays: overlays)
        reader.transferred = present.transferred
        reader.keyFaults = present.keyFaults
        reader.rereads = present.rereads
        var result = try reader.table(settings.zones + overlays.more(than: settings.zones))
        if let rereads = present.rereads {
            // Who was not read again is as faulty as before.
            let fresh = rereads.union(result.faults.map(\.zone))
            result.faults += present.zoneFaults.filter { !fresh.contains($0.zone) }
        }
        return result
    }

    /// The places of networks.
    var locations: LocationTable { geography.locations }
    /// Every endpoint, with and without an address.
    var registrations: [HealthRegistration] { pools.flatMap(\.registrations) }
    /// Every probe.
    var targets: [ProbeTarget] { pools.flatMap(\.targets) }
    /// How long work may go on at an endpoint that takes no new work.
    func drain(of slot: Int) -> Drain.Bounds {
        pools.first { $0.view.endpoints.contains { $0.slot == slot } }?.drain
            ?? Drain.Bounds(longest: .zero, spread: .zero)
    }
    /// The names to be kept resolved.
    var wishes: [NameWish] {
        var wishes: Set<NameWish> = []
        for pool in settings.pools {
            for case .name(let host, _) in pool.endpoints.map(\.address) {
                let key = ResolvedNames.Key(host: host, server: pool.resolve.nameserver)
                wishes.insert(
                    NameWish(key: key, minTTL: pool.resolve.minTTL, maxTTL: pool.resolve.maxTTL)
                )
            }
        }
        if case .name(let host, _) = settings.tracing.otlp?.endpoint.address {
            let key = ResolvedNames.Key(host: host, server: nil)
            wishes.insert(NameWish(key: key, minTTL: .seconds(5), maxTTL: .seconds(300)))
        }
        wishes.formUnion(settings.policyNames)
        let alias = settings.alias
        for host in aliasNumbers.keys {
            var wish = NameWish(
                key: ResolvedNames.Key(host: host, server: nil, isAlias: true),
                minTTL: alias.minTTL,
                maxTTL: alias.maxTTL
            )
            wish.servers = alias.resolvers
            wishes.insert(wish)
        }
        // One wish for a name: the shorter life serves both pools.
        var byKey: [ResolvedNames.Key: NameWish] = [:]
        for wish in wishes {
            guard let known = byKey[wish.key] else {
                byKey[wish.key] = wish
                continue
            }
            byKey[wish.key] = NameWish(
                key: wish.key,
                minTTL: min(known.minTTL, wish.minTTL),
                maxTTL: min(known.maxTTL, wish.maxTTL),
                servers: known.servers
            )
        }
        return Array(byKey.values)
    }
}

extension Settings {
    /// True when a pool has an endpoint with this name, or a policy answers with it.
    func hasEndpoint(_ key: ResolvedNames.Key) -> Bool {
        if hasPolicyName(key) { return true }
        return pools.contains { pool in
            pool.resolve.nameserver == key.server
                && pool.endpoints.contains { endpoint in
                    if case .name(key.host, _) = endpoint.address { true } else { false }
                }
        }
    }
}

/// Why a configuration cannot be put into force.
struct AssemblyRefusal: Error {
    let problems: [ReloadProblem]
    /// All that was found in the zones, when they are among the reasons.
    var zoneFaults: [ZoneDiagnostic] = []
    /// What the process exits with when this happens at its start.
    var exitCode: Int32 = 78

    init(problems: [ReloadProblem]) { self.problems = problems }

    /// The system has not what a start takes.
    init(system error: SystemError) {
        let problem = ReloadProblem.start(
            "M3108",
            "the system refuses what a start takes: \(error)",
            "raise the limits of open files and memory"
        )
        problems = [problem]
        exitCode = 1
    }
}
