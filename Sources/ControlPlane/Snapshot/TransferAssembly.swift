// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

extension Settings {
    /// Who may take zones from here, and whose notices are heard.
    var transferRules: TransferRules {
        var rules = TransferRules()
        rules.limit = dns.transfers.concurrent
        // Of 100,000 zones few have any: the names of the others need not be read at each change.
        for place in zones.indices {
            guard !zones[place].transferTo.isEmpty || !zones[place].transferFrom.isEmpty else {
                continue
            }
            let zone = zones[place]
            guard let name = DomainName(zone.name) else { continue }
            if !zone.transferTo.isEmpty {
                rules.takers[name] = zone.transferTo.map { taker in
                    TransferRules.Peer(
                        network: taker.network,
                        key: taker.key.flatMap { DomainName($0) }
                    )
                }
            }
            if !zone.transferFrom.isEmpty {
                rules.notifiers[name] = zone.transferFrom.map { primary in
                    let width = primary.address.ip.isIPv4 ? 32 : 128
                    return TransferRules.Peer(
                        network: Prefix(primary.address.ip.unmapped, length: width),
                        key: primary.key.flatMap { DomainName($0) }
                    )
                }
            }
        }
        return rules
    }
}
