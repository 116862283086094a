// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// What the configuration wants of the keys of one zone.
struct KeyPlan: Sendable, Equatable {
    /// The apex in lower case with its last dot.
    var zone: String
    var policy: KeyPolicy
    /// False when the zone is to become unsigned.
    var isSigned: Bool
    /// Another server decides.
    var follows: Bool
    /// Whom to ask for the DS set; nil for nobody.
    var source: ParentMachine.Source?
    /// How often while something is expected, in seconds.
    var parentInterval: Int64

    init(
        zone: String,
        _ settings: KeySettings,
        algorithm: UInt8,
        keyTTL: Interval,
        greatestTTL: Int64,
        resolvers: [SocketAddress]
    ) {
        self.zone = zone
        func seconds(_ length: Interval) -> Int64 {
            // A part of a second is waited for as a whole one.
            (length.nanoseconds &+ 999_999_999) / 1_000_000_000
        }
        var lifetimes: [KeyRole: Int64] = [:]
        lifetimes[.csk] = settings.cskLifetime.map(seconds)
        lifetimes[.ksk] = settings.kskLifetime.map(seconds)
        lifetimes[.zsk] = settings.zskLifetime.map(seconds)
        policy = KeyPolicy(
            scheme: settings.scheme == .csk ? .csk : .split,
            algorithm: algorithm,
            lifetimes: lifetimes,
            timing: KeyTiming(
                keyTTL: seconds(keyTTL),
                zoneTTL: max(greatestTTL, seconds(keyTTL)),
                propagation: seconds(settings.propagationDelay),
                parentTTL: seconds(settings.dsTTL),
                parentPropagation: seconds(settings.parentPropagationDelay),
                publishSafety: seconds(settings.publishSafety),
                retireSafety: seconds(settings.retireSafety)
            )
        )
        isSigned = !settings.withdraw
        follows = settings.follow
        parentInterval = max(seconds(settings.parentInterval), 1)
        guard settings.parentCheck, !settings.follow else { return }
        source =
            settings.parent.isEmpty
            ? .resolvers(resolvers) : .parent(settings.parent)
    }
}

extension Assembly {
    /// What the configuration wants of the keys of its signed zones.
    var keyPlans: [KeyPlan] { keyPlans(of: nil) }

    /// The same of these zones alone; nil for all of them.
    func keyPlans(of names: Set<String>?) -> [KeyPlan] {
        let signed = settings.zones.filter { zone in
            zone.dnssec != nil && names.map { $0.contains(zone.name) } ?? true
        }
        guard !signed.isEmpty else { return [] }
        let system = (try? File.read("/etc/resolv.conf", limit: 1 << 20)) ?? []
        let resolvers = ResolverConfiguration(text: system).servers
        // An alias is answered with what a resolver says, and no longer than that may hold.
        let outside = zones.outsideTargets.isEmpty ? 0 : ZoneAssembly.seconds(settings.alias.maxTTL)
        let changed = zoneResult.changed.greatestTTLs
        // Zones that have just changed need no look at all others.
        lazy var all = zones.greatestTTLs
        return signed.compactMap { zone in
            guard let signing = zone.dnssec, let apex = DomainName(zone.name) else { return nil }
            let greatest =
                zoneResult.changed.usableZone(apex).map { changed[$0] }
                ?? zones.usableZone(apex).map { all[$0] } ?? 0
            return KeyPlan(
                zone: zone.name,
                signing.keys,
                algorithm: signing.algorithm == .ed25519 ? 15 : 13,
                keyTTL: signing.keyTTL,
                greatestTTL: Int64(max(greatest, outside)),
                resolvers: resolvers
            )
        }
    }
}

extension KeyKeeper {
    /// A zone's name as settings have it.
    static func name(_ text: String) -> String {
        (text.hasSuffix(".") ? text : text + ".").lowercased()
    }
}
