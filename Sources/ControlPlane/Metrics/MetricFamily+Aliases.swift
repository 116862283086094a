// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// The families that tell of zones, and of names outside that aliases lead to: those are there while
/// one does.
///
/// The first names of the configuration have series of their own, up to a limit.
extension MetricFamily {
    static let aliasRows: [MetricFamily] = [
        MetricFamily(
            "martlet_dns_zones",
            .gauge,
            labels: ["state"],
            "Zones by state, those of the API too: served as they are to be, without some of their "
                + "changes (partial), by a former version (former), or answered SERVFAIL: for want of "
                + "one (unusable), since they have not come from their primaries (awaited), or since "
                + "those have been silent for too long (expired)."
        ) { source in
            source.view.zoneCounts.map { state, count in
                MetricSample([state], .integer(UInt64(clamping: count)))
            }
        },
        MetricFamily(
            "martlet_dns_alias_targets",
            .gauge,
            "Names outside of the zones that aliases lead to."
        ) { source in
            source.view.aliases.map { [MetricSample(.integer(UInt64(clamping: $0.count)))] } ?? []
        },
        MetricFamily(
            "martlet_dns_alias_lookups",
            .counter,
            labels: ["target", "result"],
            "Lookups of a name that aliases lead to, by result: addresses, none, or failed, which "
                + "includes those that told of one family alone."
        ) { $0.aliasLookups },
        MetricFamily(
            "martlet_dns_alias_age_seconds",
            .gauge,
            unit: "seconds",
            labels: ["target"],
            "How long ago something was last learned of a name that aliases lead to."
        ) { source in
            source.aliases { target, now in target.age(now).map { .number(max($0.seconds, 0)) } }
        },
        MetricFamily(
            "martlet_dns_alias_stale",
            .gauge,
            labels: ["target"],
            "1 while a family of a name that aliases lead to is older than its TTL and answered all "
                + "the same."
        ) { source in
            let settings = source.view.settings.alias
            return source.aliases { target, now in
                let families = [target.entry?.ipv4, target.entry?.ipv6]
                return .truth(families.contains { $0?.state(now, settings) == .stale })
            }
        },
        MetricFamily(
            "martlet_dns_alias_unknown",
            .gauge,
            labels: ["target"],
            "1 while a family of a name that aliases lead to is answered SERVFAIL: never learned, or "
                + "too long ago."
        ) { source in
            let settings = source.view.settings.alias
            return source.aliases { target, now in
                let families = [target.entry?.ipv4, target.entry?.ipv6]
                return .truth(
                    families.contains { ($0?.state(now, settings) ?? .unknown) == .unknown }
                )
            }
        },
        MetricFamily(
            "martlet_dns_alias_networks",
            .gauge,
            "Networks of clients for which answers of names outside are kept."
        ) { source in
            source.view.aliases.map { [MetricSample(.integer(UInt64(clamping: $0.networks)))] }
                ?? []
        },
        MetricFamily(
            "martlet_dns_alias_network_lookups",
            .counter,
            labels: ["result"],
            "Lookups of names outside for a network of clients, by result: an answer for the network, "
                + "the same for everybody (uniform), or failed."
        ) { source in
            guard let lookups = source.view.aliases?.lookups else { return [] }
            return [
                MetricSample(["network"], .integer(lookups.networks)),
                MetricSample(["uniform"], .integer(lookups.uniform)),
                MetricSample(["failed"], .integer(lookups.failed)),
            ]
        },
    ]
}

extension MetricSource {
    /// What has become of lookups, name by name.
    fileprivate var aliasLookups: [MetricSample] {
        guard let aliases = view.aliases else { return [] }
        var samples: [MetricSample] = []
        for target in aliases.targets {
            let lookups = (target.entry ?? AliasKeeper.Entry()).lookups
            samples.append(MetricSample([target.host, "addresses"], .integer(lookups.addresses)))
            samples.append(MetricSample([target.host, "none"], .integer(lookups.none)))
            samples.append(MetricSample([target.host, "failed"], .integer(lookups.failed)))
        }
        return samples
    }

    /// One sample for each name with a series of its own.
    fileprivate func aliases(
        _ value: (AliasesView.Target, Instant) -> MetricValue?
    ) -> [MetricSample] {
        let now = Clock.monotonic()
        return (view.aliases?.targets ?? []).compactMap { target in
            value(target, now).map { MetricSample([target.host], $0) }
        }
    }
}
