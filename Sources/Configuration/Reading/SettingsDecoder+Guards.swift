// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Reading what a route does for the safety of those who use it.
extension SettingsDecoder {
    func guards(_ section: Section, _ route: inout RouteSettings) {
        if section.has("security-headers") {
            route.securityHeaders = securityHeaders(section.group("security-headers"))
        }
        if section.has("basic-auth") { route.basicAuth = basicAuth(section.group("basic-auth")) }
        if section.has("maintenance") {
            route.maintenance = maintenance(section.group("maintenance"))
        }
        if section.has("compress") {
            let group = section.group("compress")
            route.compress = CompressSettings(
                codings: group.texts("codings"),
                types: group.texts("types"),
                minSize: group.size("min-size"),
                level: group.integer("level")
            )
        }
        if section.has("jwt") { route.jwt = jwt(section.group("jwt")) }
        if section.has("basic-auth"), section.has("jwt") {
            section.fault(
                .excludingKeys,
                "jwt",
                "a route asks for one kind of credentials, here are `basic-auth` and `jwt`"
            )
        }
    }

    /// Every option is read, so that each is known to be used, whatever the preset.
    private func securityHeaders(_ section: Section) -> SecurityHeaderSettings {
        var settings = SecurityHeaderSettings(section.word("preset", .standard))
        switch section.value("hsts") {
        case .interval(let age)?: settings.hsts = age
        case .word?: settings.hsts = nil
        default: break
        }
        if case .bool(let isOn)? = section.value("hsts-subdomains") {
            settings.hstsSubdomains = isOn
        }
        settings.hstsPreload = section.bool("hsts-preload")
        if case .bool(let isOn)? = section.value("nosniff") { settings.nosniff = isOn }
        switch section.text("frame-options") {
        case "deny"?: settings.frameOptions = "DENY"
        case "same-origin"?: settings.frameOptions = "SAMEORIGIN"
        case "off"?: settings.frameOptions = nil
        default: break
        }
        settings.frameAncestors = section.text("frame-ancestors")
        if let policy = section.text("referrer-policy") {
            settings.referrerPolicy = policy == "off" ? nil : policy
        }
        if let policy = section.text("permissions-policy") {
            settings.permissionsPolicy = policy == "off" ? nil : policy
        }
        settings.override = section.bool("override")
        checkPreload(settings, section)
        checkSources(settings, section)
        return settings
    }

    /// What the list of browsers asks for: anything less is refused there.
    private func checkPreload(_ settings: SecurityHeaderSettings, _ section: Section) {
        guard settings.hstsPreload else { return }
        let age = settings.hsts ?? .zero
        guard age < .seconds(365 * 86_400) || !settings.hstsSubdomains else { return }
        section.fault(
            .excludingKeys,
            "hsts-preload",
            "preload lists take a host only with `hsts` of 365d and more and `hsts-subdomains`",
            "give both, or leave `hsts-preload` out"
        )
    }

    private func checkSources(_ settings: SecurityHeaderSettings, _ section: Section) {
        guard let sources = settings.frameAncestors else { return }
        let isSafe = sources.utf8.allSatisfy {
            (0x20..<0x7f).contains($0) && $0 != 0x3b && $0 != 0x2c
        }
        guard !isSafe else { return }
        section.fault(
            .badText,
            "frame-ancestors",
            "`\(sources)` is no list of sources",
            "sources stand between blanks, without `,` and `;`"
        )
    }

    // MARK: Access

    private func basicAuth(_ section: Section) -> BasicAuthSettings? {
        let users = section.text("users").map(resolve(path:))
        if let users, let reason = checks.users(users) {
            section.fault(.badUsers, "users", "`\(users)` \(reason)")
        }
        let userHeader = section.text("user-header")
        if let userHeader {
            _ = checkField(userHeader, section, section.entries["user-header"]?.value.range)
        }
        var attempts = Rate(20, per: .seconds(60))
        if case .rate(let rate)? = section.value("attempts") { attempts = rate }
        let settings = BasicAuthSettings(
            users: users ?? "",
            realm: section.text("realm") ?? "",
            userHeader: userHeader,
            strip: section.bool("strip"),
            cache: section.interval("cache"),
            attempts: attempts
        )
        return users == nil ? nil : settings
    }

    private func jwt(_ section: Section) -> JWTSettings? {
        let keys = section.text("keys").map(resolve(path:))
        if let keys, let reason = checks.keys(keys) {
            section.fault(.badKeys, "keys", "`\(keys)` \(reason)")
        }
        let settings = JWTSettings(
            keys: keys ?? "",
            algorithms: section.texts("algorithms"),
            issuer: section.text("issuer"),
            audience: section.texts("audience"),
            claims: pairs(section.group("claims")),
            claimHeaders: pairs(section.group("claim-headers"), areFields: true),
            leeway: section.interval("leeway"),
            requireExpiry: section.bool("require-expiry"),
            tokenLimit: section.size("token-limit"),
            cache: section.interval("cache"),
            strip: section.bool("strip"),
            realm: section.text("realm") ?? ""
        )
        return keys == nil ? nil : settings
    }

    func pairs(_ section: Section, areFields: Bool = false) -> [HeaderSettings] {
        guard let option = reading.schema.option(section.pattern + ".*") else { return [] }
        reading.consume(option)
        return sorted(section).compactMap { entry in
            guard !areFields || checkField(entry.key, section, entry.keyRange),
                case .text(let text)? = section.read(entry.value, option.type, key: entry.key)
            else { return nil }
            section.keep(entry.key, .text(text))
            return HeaderSettings(name: entry.key, value: text)
        }
    }

    private func maintenance(_ section: Section) -> MaintenanceSettings {
        let file = section.text("file").map(resolve(path:))
        if let file, let reason = checks.page(file) {
            section.fault(.unreadableFile, "file", "`\(file)` \(reason)")
        }
        if file != nil, section.has("body") {
            section.fault(.excludingKeys, "file", "the text comes from `body` or from `file`")
        }
        return MaintenanceSettings(
            enabled: section.bool("enabled"),
            status: section.integer("status"),
            body: section.text("body"),
            file: file,
            type: section.text("type") ?? "",
            retryAfter: section.optionalInterval("retry-after"),
            allow: section.prefixes("allow")
        )
    }
}
