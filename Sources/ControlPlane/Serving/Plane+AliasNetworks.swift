// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Names outside by the networks of clients: from what workers miss to what they answer.
extension Plane {
    /// Between two looks at what workers have missed.
    private static let networkLook = Interval.milliseconds(100)

    /// Asks for what workers have missed, and for what ends soon.
    mutating func followAliasNetworks(_ now: Instant) {
        let networks = assembly.zones.board.networks
        guard networks.isOn else {
            networksLookAt = .never
            return
        }
        networksLookAt = now + Plane.networkLook
        let names = assembly.zones.outsideTargets
        for wish in networks.wishes.take() where names.indices.contains(wish.target) {
            let host = Assembly.host(names[wish.target])
            let key = AliasNetworkKeeper.Key(
                name: AliasNetworkKeeper.Name(host: host, isIPv4: wish.isIPv4),
                network: wish.network
            )
            if aliasNetworks.wish(key, settings.alias, now: now) { ask(key, now) }
        }
        let numbers = assembly.aliasNumbers
        let due = aliasNetworks.renew(settings.alias, now: now) { name, network in
            numbers[name.host].flatMap { target in
                networks.seen(
                    AliasNetworks.Key(target: target, isIPv4: name.isIPv4, network: network)
                )
            }
        }
        publish(aliasNetworks.hold(due, settings.alias), assembly, now)
        for key in due { ask(key, now) }
    }

    private mutating func ask(_ key: AliasNetworkKeeper.Key, _ now: Instant) {
        var wish = NameWish(
            key: ResolvedNames.Key(
                host: key.name.host,
                server: nil,
                isAlias: true,
                subnet: ResolvedNames.Subnet(
                    network: key.network,
                    type: key.name.isIPv4 ? .A : .AAAA
                )
            ),
            minTTL: settings.alias.minTTL,
            maxTTL: settings.alias.maxTTL
        )
        wish.servers = settings.alias.resolvers
        resolver.ask(wish, now: now)
    }

    /// Takes what a lookup for a network has come to; workers see it at their next answer.
    mutating func takeAliasNetwork(
        _ host: String,
        _ subnet: ResolvedNames.Subnet,
        _ answers: FamilyAnswers,
        _ now: Instant
    ) {
        let key = AliasNetworkKeeper.Key(
            name: AliasNetworkKeeper.Name(host: host, isIPv4: subnet.type == .A),
            network: subnet.network
        )
        let changes = aliasNetworks.take(key, answers, settings.alias, now: now)
        publish(changes, assembly, now)
    }

    /// Puts all that is known on the board of an assembly, before workers see that.
    mutating func publishAliasNetworks(_ assembly: Assembly, _ now: Instant) {
        aliasNetworks.keep(only: Set(assembly.aliasNumbers.keys))
        publish(aliasNetworks.changes, assembly, now)
        networksLookAt = assembly.zones.board.networks.isOn ? now : .never
    }

    private func publish(
        _ changes: [AliasNetworkKeeper.Change],
        _ assembly: Assembly,
        _ now: Instant
    ) {
        let networks = assembly.zones.board.networks
        for change in changes {
            switch change {
            case .regard(let name, let regard):
                guard let target = assembly.aliasNumbers[name.host] else { continue }
                networks.publish(
                    target,
                    isIPv4: name.isIPv4,
                    regard.state,
                    checkAt: regard.checkAt
                )
            case .answer(let name, let network, let answer, let isCoarse):
                guard let target = assembly.aliasNumbers[name.host] else { continue }
                let key = AliasNetworks.Key(
                    target: target,
                    isIPv4: name.isIPv4,
                    network: network
                )
                networks.publish(key, answer, isCoarse: isCoarse, now: now)
            }
        }
    }
}
