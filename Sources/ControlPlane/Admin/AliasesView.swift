// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSServer
internal import Essentials

/// What is known of the names outside that aliases lead to, as the admin service shows it.
public struct AliasesView: Sendable {
    /// Names that are shown, and counted by themselves in metrics; further ones only add to the
    /// number of all.
    public static let shownLimit = 1000

    /// One name.
    struct Target: Sendable {
        /// In lower case, without a final dot.
        var host: String
        /// Nil before the first lookup.
        var entry: AliasKeeper.Entry?
        /// How the answers of each family differ by the networks of clients.
        var ipv4 = AliasNetworks.Regard.unknown
        var ipv6 = AliasNetworks.Regard.unknown
    }

    /// The first of them, in the order of the zones.
    var targets: [Target]
    /// How many there are.
    var count: Int
    /// Networks of clients that are kept.
    var networks = 0
    /// What has become of lookups for networks.
    var lookups = AliasNetworkKeeper.Counts()
}

extension AliasesView.Target {
    func state(_ now: Instant, _ settings: AliasSettings) -> AliasKeeper.State {
        entry?.state(now, settings) ?? .unknown
    }

    /// How long ago something was last learned; nil for never.
    func age(_ now: Instant) -> Interval? {
        [entry?.ipv4, entry?.ipv6].compactMap { $0?.learned }.max().map { now - $0 }
    }

    /// For how long all of it holds still; negative once a part is stale, nil when nothing is known.
    func left(_ now: Instant) -> Interval? {
        [entry?.ipv4, entry?.ipv6].compactMap { $0?.freshUntil }.min().map { $0 - now }
    }

    /// The object of the snapshot.
    func json(_ now: Instant, _ settings: AliasSettings) -> JSONValue {
        func seconds(_ interval: Interval?) -> JSONValue {
            interval.map { .number(($0.seconds * 1000).rounded() / 1000) } ?? .null
        }
        func count(_ value: UInt64?) -> JSONValue { .integer(Int64(clamping: value ?? 0)) }
        let failure = entry?.failure ?? "not asked yet"
        return [
            "name": .string(host),
            "state": .string(state(now, settings).rawValue),
            "addresses": .array((entry?.addresses ?? []).map { .string($0.description) }),
            "ageSeconds": seconds(age(now)),
            "leftSeconds": seconds(left(now)),
            "failure": failure.isEmpty ? .null : .string(failure),
            "lookups": [
                "addresses": count(entry?.lookups.addresses),
                "none": count(entry?.lookups.none),
                "failed": count(entry?.lookups.failed),
            ],
            "differs": ["ipv4": ipv4.json, "ipv6": ipv6.json],
        ]
    }
}

extension AliasesView {
    /// The object of the snapshot.
    func json(_ now: Instant, _ settings: AliasSettings) -> JSONValue {
        [
            "count": .integer(Int64(count)),
            "networks": .integer(Int64(networks)),
            "targets": .array(targets.map { $0.json(now, settings) }),
        ]
    }

    /// What `martlet status` says of the object of the snapshot; empty without one.
    static func text(_ aliases: JSONValue, usesColour: Bool) -> String {
        let targets = aliases["targets"]?.elements ?? []
        guard !targets.isEmpty else { return "" }
        let count = aliases["count"]?.integer ?? 0
        let title = TextTable.paint("aliases", .strong, usesColour)
        var text = "\n\(title)  \(count == 1 ? "1 name" : "\(count) names") outside\n"
        var table = TextTable(
            ["NAME", "STATE", "LEARNED", "HOLDS", "DIFFERS", "ADDRESSES", "WHY"],
            usesColour: usesColour
        )
        // Those that need somebody first: the table is no longer than a screen.
        let order =
            targets.filter { $0["state"] != "fresh" } + targets.filter { $0["state"] == "fresh" }
        for target in order.prefix(20) {
            let state = target["state"]?.string ?? "?"
            let tint: TextTable.Tint =
                state == "fresh" ? .good : state == "unknown" ? .bad : .warn
            let left = target["leftSeconds"]?.number
            let addresses = (target["addresses"]?.elements ?? []).compactMap(\.string)
            let more = addresses.count > 4 ? " and \(addresses.count - 4) more" : ""
            table.add([
                TextTable.Cell(target["name"]?.string ?? "?", .strong),
                TextTable.Cell(state, tint),
                TextTable.Cell(SpanText.text(target["ageSeconds"]?.number)),
                TextTable.Cell(left.map { $0 > 0 ? SpanText.text($0) : "over" } ?? ""),
                TextTable.Cell(AliasesView.differs(target["differs"])),
                TextTable.Cell(addresses.prefix(4).joined(separator: " ") + more),
                TextTable.Cell(target["failure"]?.string ?? ""),
            ])
        }
        text += table.text
        let networks = aliases["networks"]?.integer ?? 0
        if networks > 0 { text += "\(networks) networks of clients with answers of their own\n" }
        return targets.count > 20 ? text + "and \(count - 20) more\n" : text
    }

    private static func differs(_ families: JSONValue?) -> String {
        let found = [families?["ipv4"]?.bool, families?["ipv6"]?.bool]
        if found.contains(true) { return "by network" }
        return found.contains(false) ? "no" : ""
    }
}

extension AliasNetworks.Regard {
    /// True when answers differ by networks; null while that is not known.
    fileprivate var json: JSONValue {
        switch self {
        case .unknown: .null
        case .uniform: .bool(false)
        case .networks: .bool(true)
        }
    }
}
