// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Pools in which keeping clients where they are is what makes the work uneven.
struct SkewChecks {
    let reading: Reading
    let root: Section

    func run(_ settings: Settings) {
        guard case .mapping(let entries)? = root.entries["pools"]?.value.content else { return }
        let ranges = Dictionary(entries.map { ($0.key, $0.keyRange) }) { first, _ in first }
        for pool in settings.pools where pool.endpoints.count > 1 {
            guard let range = ranges[pool.name] else { continue }
            if isByAddress(pool), let listener = hiding(settings.listeners) {
                report(
                    pool,
                    range,
                    "`balance: \(pool.balance.rawValue)` goes by the client's address, and behind "
                        + "the trusted proxies of \(listener) all clients have those of the proxies",
                    "set `client-address` or `proxy-protocol` at the listener"
                )
            }
            if let sticky = pool.sticky, isLong(sticky), hasWeights(pool) {
                report(
                    pool,
                    range,
                    "the weights of its endpoints differ, but hold for new clients only: the cookie "
                        + "keeps the others where they are",
                    "a shorter `lifetime`, or equal weights"
                )
            }
        }
    }

    private func report(
        _ pool: PoolSettings,
        _ range: SourceRange,
        _ message: String,
        _ suggestion: String
    ) {
        guard reading.hasRoom() else { return }
        reading.report(
            .stickySkew,
            range,
            option: "pools.\(pool.name)",
            "the pool `\(pool.name)` will be uneven: \(message)",
            suggestion
        )
    }

    private func isByAddress(_ pool: PoolSettings) -> Bool {
        switch pool.balance {
        case .sourceIPHash: true
        case .hashRing, .maglev: pool.hash.key == .sourceIP
        default: false
        }
    }

    /// A listener where clients come through proxies that hide who they are, when all are such.
    private func hiding(_ listeners: [ListenerSettings]) -> String? {
        var found: String?
        for case .http(let listener) in listeners {
            let isHidden =
                !listener.trustedProxies.isEmpty && listener.clientAddress == .connection
                && listener.proxyProtocol == .off
            guard isHidden else { return nil }
            found = found ?? "`\(listener.address)`"
        }
        return found
    }

    /// A day and more: by then weights have been changed.
    private func isLong(_ sticky: StickySettings) -> Bool {
        sticky.mode == .insert && (sticky.lifetime ?? .zero) > .seconds(86_400)
    }

    private func hasWeights(_ pool: PoolSettings) -> Bool {
        Set(pool.endpoints.filter { $0.tier == 0 && $0.weight > 0 }.map(\.weight)).count > 1
    }
}
