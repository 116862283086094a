// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// The keys of signed zones.
    static let keyOptions: [Option] = [
        Option(
            "zones.*.dnssec.keys.scheme",
            .words(KeySettings.Scheme.allCases.map(\.rawValue)),
            "csk",
            "`csk` for one key that signs everything, `ksk-zsk` for a key that signs the keys and one "
                + "that signs the zone. A change is a rollover."
        ),
        lifetime("csk", .absent("it is replaced by order alone")),
        lifetime("ksk", .absent("it is replaced by order alone")),
        lifetime("zsk", "30d"),
        delay("propagation-delay", "5m", "Until every server of the zone answers alike."),
        delay("ds-ttl", "1d", "TTL of the DS set at the parent."),
        delay("parent-propagation-delay", "1h", "Until every server of the parent answers alike."),
        delay("publish-safety", "1h", "Added to every wait for a DNSKEY set to be everywhere."),
        delay(
            "retire-safety",
            "1h",
            "Added to every wait for signatures and DS sets to be gone everywhere."
        ),
        Option(
            "zones.*.dnssec.keys.parent",
            .list(.server(53)),
            .absent("the resolvers of `/etc/resolv.conf`"),
            "Servers of the parent zone, which are asked for its DS set and must all say the same; at "
                + "most \(SettingsDecoder.parentLimit)."
        ),
        Option(
            "zones.*.dnssec.keys.parent-check",
            .boolean,
            "true",
            "Ask for the DS set; else `martlet zone rollover ZONE --ds-seen` says that it is there."
        ),
        Option(
            "zones.*.dnssec.keys.parent-interval",
            .duration(seconds(1)...days(1)),
            "5m",
            "How often it is asked while a change is expected of the parent."
        ),
        Option(
            "zones.*.dnssec.keys.follow",
            .boolean,
            "false",
            "Another server makes and rolls the keys: its files in this state folder are followed, and "
                + "never written."
        ),
        Option(
            "zones.*.dnssec.keys.withdraw",
            .boolean,
            "false",
            "Ask the parent to remove its DS set (RFC 8078), and stop signing when no cache has it."
        ),
    ]

    static let keyGroups: [OptionGroup] = [
        OptionGroup(
            "zones.*.dnssec.keys",
            "The keys of the zone, and what their rollovers wait for (RFC 7583)."
        )
    ]

    private static func lifetime(_ role: String, _ fallback: Option.Fallback) -> Option {
        Option(
            "zones.*.dnssec.keys.\(role)-lifetime",
            .duration(seconds(1)...days(20 * 365)),
            fallback,
            "After how long a \(role.uppercased()) is replaced."
        )
    }

    private static func delay(
        _ key: String,
        _ fallback: Option.Fallback,
        _ summary: String
    ) -> Option {
        Option("zones.*.dnssec.keys.\(key)", .ttl(.zero...days(30)), fallback, summary)
    }
}
