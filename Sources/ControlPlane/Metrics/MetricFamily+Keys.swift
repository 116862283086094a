// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Essentials
internal import Runtime

/// The families that tell of the keys of signed zones, all zones together: a service may have very
/// many of them.
extension MetricFamily {
    static let keyRows: [MetricFamily] = [
        MetricFamily(
            "martlet_dnssec_keys",
            .gauge,
            labels: ["state"],
            "Keys of signed zones by state: generated, published, ready, active, retired, dead (RFC "
                + "7583)."
        ) { source in
            let zones = source.view.zoneKeys
            guard !zones.isEmpty else { return [] }
            return KeyState.allCases.map { state in
                let count = zones.reduce(0) { sum, zone in
                    sum + zone.machine.keys.count { zone.machine.state(of: $0) == state }
                }
                return MetricSample([state.rawValue], .integer(UInt64(clamping: count)))
            }
        },
        MetricFamily(
            "martlet_dnssec_zones",
            .gauge,
            labels: ["standing"],
            "Zones with keys by standing: unsigned still or again, island without a DS, or secure."
        ) { source in
            let zones = source.view.zoneKeys
            guard !zones.isEmpty else { return [] }
            return RolloverMachine.Standing.allCases.map { standing in
                let count = zones.count { $0.machine.standing == standing }
                return MetricSample([standing.rawValue], .integer(UInt64(clamping: count)))
            }
        },
        MetricFamily(
            "martlet_dnssec_parents_awaited",
            .gauge,
            "Zones that wait for their parent to take over a DS set."
        ) { source in
            let zones = source.view.zoneKeys
            guard !zones.isEmpty else { return [] }
            let count = zones.count { $0.machine.awaitsParent }
            return [MetricSample(.integer(UInt64(clamping: count)))]
        },
        MetricFamily(
            "martlet_dnssec_key_files_missing",
            .gauge,
            "Keys whose files are missing or damaged."
        ) { source in
            let zones = source.view.zoneKeys
            guard !zones.isEmpty else { return [] }
            let count = zones.reduce(0) { $0 + $1.missing.count }
            return [MetricSample(.integer(UInt64(clamping: count)))]
        },
        MetricFamily(
            "martlet_dnssec_next_change_seconds",
            .gauge,
            unit: "seconds",
            "Until the next change of keys that time alone brings, in any zone."
        ) { source in
            let next = source.view.zoneKeys.compactMap(\.machine.nextChange).min()
            return next.map { next in
                let left = next - Clock.realtime() / 1_000_000_000
                return [MetricSample(.number(Double(max(left, 0))))]
            } ?? []
        },
    ]
}
