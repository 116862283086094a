// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Steering

/// What names of endpoints stand for.
extension Plane {
    /// Takes the answers that have come; `coming` is a configuration that is about to be staged.
    mutating func takeNames(_ now: Instant, coming: Settings? = nil) {
        for (key, outcome) in resolver.takeOutcomes() {
            switch outcome {
            case .addresses(let addresses, _):
                let hadFailed = names.entry(key)?.failure.isEmpty == false
                let isNews = names.succeed(key, addresses)
                // Where spans are sent to is no part of a snapshot.
                if isNews, isOfPool(key, coming) { needsSnapshot = true }
                if isNews || hadFailed { noteResolved(key) }
            case .families(let answers):
                if let subnet = key.subnet {
                    takeAliasNetwork(key.host, subnet, answers, now)
                } else {
                    takeAlias(key.host, answers, now)
                }
            case .family(let answers):
                if key.subnet == nil { takeAliasFamily(key.host, answers) }
            case .failure(let reason, _):
                let before = names.entry(key)
                guard names.fail(key, reason) else { continue }
                let isOfPool = isOfPool(key, coming)
                noteUnresolved(key, reason, keeps: before?.addresses ?? [], isOfPool)
                // The first failure turns "not asked yet" into "down, unresolved".
                guard isOfPool else { continue }
                if before == nil { needsSnapshot = true } else { markUnresolved(key, reason, now) }
            }
        }
    }

    /// True for a name of endpoints, in force or to come; a collector may have the same one.
    private func isOfPool(_ key: ResolvedNames.Key, _ coming: Settings?) -> Bool {
        settings.hasEndpoint(key) || coming?.hasEndpoint(key) == true
            || staged?.assembly.settings.hasEndpoint(key) == true
    }

    private func noteResolved(_ key: ResolvedNames.Key) {
        let addresses = names.entry(key)?.addresses ?? []
        let list = addresses.map(\.description).joined(separator: ", ")
        note(
            .resolved,
            .info,
            "\(key.host) stands for \(list)",
            [
                JSONMember("name", .string(key.host)),
                JSONMember("addresses", .array(addresses.map { .string($0.description) })),
            ]
        )
    }

    private func noteUnresolved(
        _ key: ResolvedNames.Key,
        _ reason: String,
        keeps addresses: [IPAddress],
        _ isOfPool: Bool
    ) {
        let what =
            addresses.isEmpty
            ? isOfPool ? "its endpoints are down" : "no spans are sent there"
            : "its last \(addresses.count == 1 ? "address stays" : "addresses stay") in use"
        note(
            .resolved,
            .warning,
            "\(key.host) does not resolve (\(reason)): \(what)",
            [JSONMember("name", .string(key.host)), JSONMember("reason", .string(reason))]
        )
    }

    private mutating func markUnresolved(_ key: ResolvedNames.Key, _ reason: String, _ now: Instant)
    {
        for pool in assembly.pools {
            for place in pool.unresolved where place.key == key {
                absorb(keeper.setUnresolved(place.slot, true, detail: reason, now: now), now)
            }
        }
    }

    /// Tells the keeper which endpoints have no address.
    mutating func markUnresolved(in assembly: Assembly, _ now: Instant) {
        for pool in assembly.pools {
            for place in pool.unresolved {
                guard let entry = names.entry(place.key), !entry.failure.isEmpty else { continue }
                let events = keeper.setUnresolved(
                    place.slot,
                    true,
                    detail: entry.failure,
                    now: now
                )
                absorb(events, now)
            }
        }
    }
}
