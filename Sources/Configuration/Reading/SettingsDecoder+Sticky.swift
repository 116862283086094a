// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// Nil when the pool is not sticky.
    func sticky(_ pool: Section) -> StickySettings? {
        guard pool.has("sticky") else { return nil }
        let section = pool.group("sticky")
        let settings = StickySettings(
            mode: section.word("mode", StickyMode.insert),
            cookie: section.text("cookie") ?? "",
            header: section.text("header"),
            idle: section.interval("idle"),
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
        checkMode(settings, section)
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
        return settings.cookie.isEmpty && settings.header == nil ? nil : settings
    }

    /// What Martlet's own cookie has, the application says of its cookie itself.
    private static let ownKeys = [
        "lifetime", "renew", "secure", "same-site", "path", "domain",
    ]

    private func checkMode(_ settings: StickySettings, _ section: Section) {
        let mode = settings.mode
        if section.has("cookie"), section.has("header") {
            section.fault(.excludingKeys, "header", "a session is named by a cookie or by a field")
        } else if !section.has("cookie"), !section.has("header") {
            section.report(
                .missingKey,
                section.nameRange,
                "\(section.title) needs `cookie`",
                "the name of the cookie; with `mode: learn` a `header` will do as well"
            )
        }
        var unfit = mode == .insert ? [] : Self.ownKeys
        if mode != .learn { unfit += ["header", "idle"] }
        if mode == .prefix || mode == .learn { unfit.append("strip") }
        if mode == .learn { unfit.append("key") }
        for key in unfit where section.has(key) {
            section.fault(
                .excludingKeys,
                key,
                "`\(key)` means nothing with `mode: \(mode.rawValue)`"
            )
        }
    }

    /// Without TLS no cookie is given as `Secure` of itself, and browsers drop some that are not.
    func checkCookies(_ pools: [(PoolSettings, Section)], _ listeners: [ListenerSettings]) {
        let isSecure = listeners.contains { listener in
            guard case .http(let http) = listener else { return false }
            return http.tls != nil
        }
        for (pool, section) in pools {
            guard !isSecure, let sticky = pool.sticky, sticky.mode == .insert,
                sticky.sameSite == .none, sticky.secure == .auto
            else { continue }
            section.group("sticky").fault(
                .droppedCookie,
                "same-site",
                "no listener speaks TLS, so the cookie is given without `Secure`, and browsers drop it",
                "say `secure: always` if something in front speaks TLS"
            )
        }
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
