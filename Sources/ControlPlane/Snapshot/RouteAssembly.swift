// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Steering

/// From a route of the configuration to what the HTTP door is told.
struct RouteAssembly {
    /// The numbers of pools by name.
    let pools: [String: Int]
    /// The names of caches by their numbers.
    let caches: [String]
    /// The files that access depends on.
    let access: AccessFiles

    func plan(_ route: RouteSettings) -> RoutePlan {
        var plan = RoutePlan(
            name: route.name,
            host: route.host.match,
            path: route.path.match,
            action: action(route)
        )
        plan.condition = route.when?.condition
        plan.allowed = route.allow
        plan.denied = route.deny
        plan.limit = route.rateLimit?.plan
        plan.maintenance = route.maintenance.flatMap(maintenance)
        plan.compress = route.compress?.plan
        plan.access =
            route.basicAuth.map { .password(password($0)) } ?? route.jwt.map { .token(token($0)) }
        plan.rewrittenTarget = route.rewrite.path.map { template($0, route) }
        plan.rewrittenHost = route.rewrite.host.map { template($0, route) }
        plan.requestFields = edits(route.requestHeaders, route)
        plan.responseFields = security(route) + edits(route.responseHeaders, route)
        plan.mirror = route.mirror.flatMap(mirror)
        plan.cache = route.cache.flatMap { caches.firstIndex(of: $0) }
        plan.priority =
            switch route.priority {
            case .high: .high
            case .normal: .normal
            case .low: .low
            }
        plan.retries = route.retry
        plan.retry = route.retryOverride
        plan.requestTimeout = route.timeout
        plan.bodyLimit = route.bodyLimit.map { UInt64(clamping: $0.bytes) }
        return plan
    }

    /// A condition as it is shown to people.
    static func condition(_ settings: ConditionSettings) -> RouteCondition { settings.condition }

    /// What a route does, in words.
    static func words(_ action: RouteActionSettings) -> String {
        switch action {
        case .pool(let name): return "pool \(name)"
        case .split(let shares, _):
            return "split " + shares.map { "\($0.pool) \($0.weight)" }.joined(separator: ", ")
        case .redirect(let location, let status): return "redirect \(status) \(location)"
        case .respond(let status, _, _): return "respond \(status)"
        case .dns: return "answer dns"
        }
    }

    private func action(_ route: RouteSettings) -> RouteAction {
        switch route.action {
        case .pool(let name): .pool(pools[name] ?? -1)
        case .split(let shares, let key):
            .split(
                shares.map {
                    PoolShare(pool: pools[$0.pool] ?? -1, part: UInt32(clamping: $0.weight))
                },
                by: key.map { .part($0.plan) } ?? .random
            )
        case .redirect(let location, let status):
            .redirect(status: UInt16(clamping: status), location: template(location, route))
        case .respond(let status, let type, let body):
            .respond(status: UInt16(clamping: status), contentType: type, body: Array(body.utf8))
        case .dns: .dns
        }
    }

    private func mirror(_ settings: MirrorSettings) -> MirrorPlan? {
        guard settings.share.percent > 0, let pool = pools[settings.pool] else { return nil }
        var plan = MirrorPlan(pool: pool)
        plan.percent = settings.share.percent
        plan.methods = settings.methods == .safe ? .safe : .all
        plan.bodyLimit = settings.body.bytes
        plan.timeout = settings.timeout
        plan.compare =
            switch settings.compare {
            case .off: .off
            case .status: .status
            case .body: .body
            }
        return plan
    }

    private func password(_ settings: BasicAuthSettings) -> PasswordPlan {
        var plan = PasswordPlan(users: access.users(settings.users), realm: settings.realm)
        plan.userField = settings.userHeader
        plan.strips = settings.strip
        plan.cache = settings.cache
        plan.attempts = settings.attempts.count
        plan.attemptPeriod = settings.attempts.period
        return plan
    }

    private func maintenance(_ settings: MaintenanceSettings) -> MaintenancePlan? {
        guard settings.enabled else { return nil }
        var plan = MaintenancePlan()
        plan.status = UInt16(clamping: settings.status)
        plan.contentType = settings.type
        plan.body = settings.body.map { Array($0.utf8) } ?? settings.file.flatMap(access.page) ?? []
        plan.retryAfter = settings.retryAfter
        plan.allowed = settings.allow
        return plan
    }

    private func token(_ settings: JWTSettings) -> TokenPlan {
        var plan = TokenPlan(keys: access.keys(settings.keys), realm: settings.realm)
        if !settings.algorithms.isEmpty { plan.algorithms = settings.algorithms }
        plan.issuer = settings.issuer
        plan.audience = settings.audience
        plan.required = settings.claims.map { TokenPlan.Claim(claim: $0.name, value: $0.value) }
        plan.fields = settings.claimHeaders.map {
            TokenPlan.Claim(claim: $0.value, value: $0.name)
        }
        plan.leeway = settings.leeway
        plan.needsEnd = settings.requireExpiry
        plan.tokenLimit = settings.tokenLimit.bytes
        plan.cache = settings.cache
        plan.strips = settings.strip
        return plan
    }

    private func edits(_ edits: HeaderEditSettings, _ route: RouteSettings) -> [FieldEdit] {
        edits.remove.map { FieldEdit(.remove, $0) }
            + edits.set.map { FieldEdit(.set, $0.name, template($0.value, route)) }
            + edits.add.map { FieldEdit(.add, $0.name, template($0.value, route)) }
    }

    /// Security fields give way to what the route says of the same name itself.
    private func security(_ route: RouteSettings) -> [FieldEdit] {
        guard let settings = route.securityHeaders else { return [] }
        let own = route.responseHeaders
        let named = Set(
            (own.set.map(\.name) + own.add.map(\.name) + own.remove).map { $0.lowercased() }
        )
        return settings.fields.filter { $0.isBeside || !named.contains($0.name.lowercased()) }.map {
            field in
            let kind: FieldEdit.Kind =
                field.isBeside ? .add : settings.override ? .set : .supply
            var edit = FieldEdit(kind, field.name, TextTemplate(parts: [.text(field.value)]))
            edit.isSecureOnly = field.isSecureOnly
            return edit
        }
    }

    /// What is no template has been refused before; as it stands it is the best that can be done.
    private func template(_ text: String, _ route: RouteSettings) -> TextTemplate {
        (try? TextTemplate(text, parameters: route.path.parameters))
            ?? TextTemplate(parts: [.text(text)])
    }
}

extension CompressSettings {
    fileprivate var plan: CompressPlan {
        var plan = CompressPlan()
        let named = codings.compactMap { word in
            ContentCoding.allCases.first { "\($0.word)" == word }
        }
        if !named.isEmpty { plan.codings = named }
        if !types.isEmpty { plan.types = types }
        plan.leastSize = UInt64(clamping: minSize.bytes)
        plan.level = level
        return plan
    }
}

extension RateLimitSettings {
    fileprivate var plan: RateLimitPlan {
        var plan = RateLimitPlan(
            count: rate.count,
            per: rate.period,
            burst: burst,
            key: key?.plan
        )
        plan.ipv4Prefix = ipv4Prefix
        plan.ipv6Prefix = ipv6Prefix
        plan.isDryRun = dryRun
        return plan
    }
}

extension HashKey {
    /// The same part of a request, as the door names it.
    var plan: HashKeyPlan {
        switch self {
        case .sourceIP: .sourceIP
        case .uri: .uri
        case .header(let name): .header(name)
        case .cookie(let name): .cookie(name)
        case .query(let name): .query(name)
        }
    }
}

extension HostPattern {
    fileprivate var match: HostMatch {
        switch self {
        case .any: .any
        case .exact(let name): .exact(name)
        case .wildcard(let name): .wildcard(name)
        }
    }
}

extension PathPattern {
    fileprivate var match: PathMatch {
        switch self {
        case .exact(let path): .exact(path)
        case .prefix(let path): .prefix(path)
        case .expression(let pattern): .expression(pattern)
        }
    }
}

extension ConditionSettings {
    fileprivate var condition: RouteCondition {
        switch self {
        case .all(let parts): .all(parts.map(\.condition))
        case .any(let parts): .any(parts.map(\.condition))
        case .not(let part): .not(part.condition)
        case .method(let name): .method(name)
        case .header(let match): .header(match.plan)
        case .cookie(let match): .cookie(match.plan)
        case .query(let match): .query(match.plan)
        case .json(let match): .json(match.plan)
        case .form(let match): .form(match.plan)
        case .contentType(let type): .contentType(type)
        case .client(let prefix): .client(prefix)
        case .tls(let isWanted): .tls(isWanted)
        }
    }
}

extension ValueMatchSettings {
    fileprivate var plan: ValueMatch {
        let test: ValueTest =
            switch self.test {
            case .present: .present
            case .equals: .equals(text)
            case .prefix: .prefix(text)
            case .suffix: .suffix(text)
            case .contains: .contains(text)
            case .expression: .expression(text)
            }
        return ValueMatch(name: name, test: test)
    }
}
