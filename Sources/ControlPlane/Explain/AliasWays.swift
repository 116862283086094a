// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials

/// Where aliases of the configuration lead, as far as it says: to names that policies steer.
///
/// What stands in zone files is not seen here.
struct AliasWays {
    private struct Place {
        var record: RecordSettings
        var zone: ZoneSettings
    }

    private var places: [String: Place] = [:]
    // Owners and the names above them: below one of them no wildcard of a higher one counts.
    private var names: Set<String> = []

    init(_ settings: Settings) {
        let hasAlias = settings.zones.contains { zone in
            zone.records.contains { AliasWays.alias(of: $0) != nil }
        }
        guard hasAlias else { return }
        for zone in settings.zones {
            for record in zone.records {
                places[record.owner] = Place(record: record, zone: zone)
                var name = record.owner
                while names.insert(name).inserted, name != zone.name, let above = Self.above(name) {
                    name = above
                }
            }
        }
    }

    /// The end of a way.
    struct End {
        /// The policy that chooses the addresses.
        var policy: String
        /// The TTL of the name that it steers, when that has one of its own.
        var ttl: Interval?
        /// The option of that TTL.
        var option: String
        /// The lowest TTL on the way there.
        var way: Interval
        /// The option of the lowest one.
        var wayOption: String

        /// How long answers live that a policy lets live for `most`, and the option that says so
        /// where it is none of the policy's.
        func ttl(atMost most: Interval) -> (ttl: Interval, option: String?) {
            let own = ttl ?? most
            guard way >= own else { return (way, wayOption) }
            return (own, ttl == nil ? nil : option)
        }
    }

    /// Where the addresses of a record's owner are chosen; nil when no policy does it.
    func steered(_ record: RecordSettings, _ zone: ZoneSettings) -> End? {
        var (record, zone) = (record, zone)
        var (ttl, option) = (Interval.max, "")
        var seen: Set<String> = []
        while seen.insert(record.owner).inserted {
            let own = Self.option(record, zone)
            if let policy = record.steer {
                return End(
                    policy: policy,
                    ttl: record.ttl,
                    option: own,
                    way: ttl,
                    wayOption: option
                )
            }
            // A CNAME counts on the way only: resolvers follow it, and have both names.
            guard
                let next = Self.alias(of: record) ?? (seen.count > 1 ? Self.cname(of: record) : nil)
            else { return nil }
            let lower = record.ttl ?? zone.ttl
            if lower < ttl { (ttl, option) = (lower, own) }
            guard let place = find(next) else { return nil }
            (record, zone) = (place.record, place.zone)
        }
        return nil
    }

    /// Where the TTL of a record is given, or can be.
    private static func option(_ record: RecordSettings, _ zone: ZoneSettings) -> String {
        let tail = "." + zone.name
        let isBelow = record.owner.hasSuffix(tail)
        let name = isBelow ? String(record.owner.dropLast(tail.count)) : "@"
        return "zones.\(zone.name.dropLast()).records.\(name).ttl"
    }

    private func find(_ name: String) -> Place? {
        if names.contains(name) { return places[name] }
        var rest = name
        while let above = Self.above(rest) {
            if names.contains(above) { return places["*.\(above)"] }
            rest = above
        }
        return nil
    }

    private static func above(_ name: String) -> String? {
        guard let dot = name.firstIndex(of: "."), name != "." else { return nil }
        let rest = name[name.index(after: dot)...]
        return rest.isEmpty ? "." : String(rest)
    }

    private static func alias(of record: RecordSettings) -> String? {
        for case .alias(let name) in record.data { return name.lowercased() }
        return nil
    }

    private static func cname(of record: RecordSettings) -> String? {
        for case .cname(let name) in record.data { return name.lowercased() }
        return nil
    }
}
