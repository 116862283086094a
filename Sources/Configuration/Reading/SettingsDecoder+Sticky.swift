// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// Nil when the pool is not sticky.
    func sticky(_ pool: Section) -> StickySettings? {
        guard pool.has("sticky") else { return nil }
        let section = pool.group("sticky")
        let settings = StickySettings(
            cookie: section.text("cookie") ?? "",
            lifetime: section.optionalInterval("lifetime"),
            renew: section.bool("renew"),
            secure: section.word("secure", StickyCookieSecurity.auto),
            sameSite: section.word("same-site", SameSitePolicy.lax),
            path: section.text("path") ?? "/",
            domain: section.text("domain"),
            strip: section.bool("strip"),
            key: section.text("key").map(resolve(path:))
        )
        check(settings, section)
        let balance = pool.word("balance", BalanceMethod.weightedRoundRobin)
        let isHashed: Bool =
            switch balance {
            case .sourceIPHash, .hashRing, .maglev, .boundedLoad: true
            default: false
            }
        if isHashed {
            section.fault(
                .needlessSticky,
                "cookie",
                "`balance: \(balance.rawValue)` already keeps a client at one endpoint",
                "leave `sticky` out, or balance by `least-connections`, which spreads new clients"
            )
        }
        return settings.cookie.isEmpty ? nil : settings
    }

    private func check(_ settings: StickySettings, _ section: Section) {
        let isPath = settings.path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x3b }
        if !settings.path.hasPrefix("/") || !isPath {
            section.fault(
                .notPath,
                "path",
                "`\(settings.path)` is no path for a cookie",
                "it begins with `/` and has no spaces and no `;`"
            )
        }
        if settings.sameSite == .none, settings.secure == .never {
            section.fault(
                .excludingKeys,
                "same-site",
                "browsers refuse a cookie with `same-site: none` that is not secure",
                "leave `secure` out"
            )
        }
    }
}
