// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Copies of requests for another pool, as routes say it.
extension SettingsDecoder {
    func mirror(_ route: Section, _ action: RouteActionSettings) -> MirrorSettings? {
        guard route.has("mirror") else { return nil }
        let section = route.group("mirror")
        let pool = section.text("pool")
        let settings = MirrorSettings(
            pool: pool ?? "",
            share: section.percentage("share"),
            methods: section.word("methods", .all),
            body: section.size("body"),
            timeout: section.interval("timeout"),
            compare: section.word("compare", .off)
        )
        guard pool != nil else { return nil }
        if action.pools.isEmpty {
            route.fault(
                .excludingKeys,
                "mirror",
                "what Martlet answers itself has no copy: `mirror` stands beside `pool` or `split`"
            )
        } else if let range = section.entries["pool"]?.value.range {
            let option = Schema.join(section.path, "pool")
            reading.mirrors.append(
                Reading.Mirror(
                    name: settings.pool,
                    range: range,
                    option: option,
                    pools: action.pools
                )
            )
        }
        if settings.share.percent == 0 {
            section.fault(.idleMirror, "share", "with a share of 0% nothing is copied")
        }
        return settings
    }
}
