// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer

/// How the zones stand: one account of it for the API, the metrics and the page.
extension ControlView {
    /// The states of the zones that are not served as they are to be, by their names.
    ///
    /// Of one that comes from a primary what has become of it there goes first.
    var unservedZones: [String: String] {
        var states = Dictionary(zoneFaults.map { ($0.zone, $0.state) }) { first, _ in first }
        for (name, zone) in secondaries {
            if let state = zone.unserved {
                states[name] = state
            } else if states[name] == nil, let dns = snapshot?.dns, let apex = DomainName(name),
                dns.serial(of: apex) == nil
            {
                // It has come, and cannot be served for what is in it.
                states[name] = "unusable"
            }
        }
        return states
    }

    /// How many zones there are in each state, those of the API too.
    var zoneCounts: [(state: String, count: Int)] {
        let unserved = unservedZones
        let others = ["partial", "former", "unusable", "awaited", "expired"].map { state in
            (state: state, count: unserved.values.count { $0 == state })
        }
        let served = settings.zones.count + madeZones.count - unserved.count
        return [(state: "served", count: max(served, 0))] + others
    }
}
