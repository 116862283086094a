// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    private struct RouteKey: Hashable {
        var host: HostPattern
        var path: PathPattern
    }

    func routes(_ sections: [Section]) -> [RouteSettings] {
        var always: [RouteKey: Int] = [:]
        var names: [String: Int] = [:]
        return sections.compactMap { section in
            guard var route = route(section) else { return nil }
            let key = RouteKey(host: route.host, path: route.path)
            if let first = always[key] {
                section.report(
                    .duplicateRoute,
                    section.nameRange,
                    "host `\(route.host)` and path `\(route.path)` have a route already",
                    "the one in line \(first) takes every request; put `when` into it"
                )
            } else if route.when == nil {
                always[key] = section.range.start.line
            }
            let count = names[route.name, default: 0] + 1
            names[route.name] = count
            if count > 1 { route.name += "#\(count)" }
            return route
        }
    }

    private func route(_ section: Section) -> RouteSettings? {
        let host = section.host("host")
        let path = section.pathPattern("path")
        if case .expression(let pattern) = path, let reason = checks.expression(pattern) {
            section.fault(.badExpression, "path", "RE2 refuses the expression: \(reason)")
        }
        let rewrite = section.group("rewrite")
        var route = RouteSettings(
            name: section.text("name") ?? RouteSettings.name(host, path),
            host: host,
            path: path,
            when: section.has("when") ? condition(section.group("when")) : nil,
            action: .respond(status: 404, type: "", body: ""),
            allow: section.prefixes("allow"),
            deny: section.prefixes("deny"),
            rateLimit: section.has("rate-limit") ? rateLimit(section.group("rate-limit")) : nil,
            rewrite: RewriteSettings(
                path: template(rewrite, "path", path, isTarget: true),
                host: template(rewrite, "host", path)
            ),
            requestHeaders: edits(section.group("request-headers"), path),
            responseHeaders: edits(section.group("response-headers"), path),
            priority: section.word("priority", .normal),
            retry: section.optionalInteger("retry"),
            retryOn: section.optionalRetryReasons("retry-on"),
            retryPerTryTimeout: section.optionalInterval("retry-per-try-timeout"),
            retryNonIdempotent: section.text("retry-non-idempotent")
                .flatMap(NonIdempotentRetry.init(rawValue:)),
            timeout: section.optionalInterval("timeout"),
            bodyLimit: section.optionalSize("body-limit")
        )
        guards(section, &route)
        guard let action = action(section, path) else { return nil }
        route.action = action
        route.mirror = mirror(section, action)
        let isGuarded = route.basicAuth != nil || route.jwt != nil
        route.cache = cache(of: section, action, isGuarded: isGuarded)
        return route
    }

    // MARK: What is done

    private func action(_ section: Section, _ path: PathPattern) -> RouteActionSettings? {
        let kinds = ["pool", "split", "redirect", "respond", "answer"]
        let given = kinds.filter(section.has)
        guard given.count == 1, let kind = given.first else {
            if given.count > 1 {
                section.fault(
                    .excludingKeys,
                    given[1],
                    "a route does one thing, here are `\(given.joined(separator: "` and `"))`"
                )
            } else {
                section.report(
                    .missingKey,
                    section.nameRange,
                    "\(section.title) does not say what is done",
                    "one of " + kinds.joined(separator: ", ")
                )
            }
            return nil
        }
        switch kind {
        case "pool": return section.text("pool").map(RouteActionSettings.pool)
        case "split": return split(section)
        case "redirect": return redirect(section.group("redirect"), path)
        case "answer": return section.text("answer").map { _ in .dns }
        default: return respond(section.group("respond"))
        }
    }

    private func split(_ section: Section) -> RouteActionSettings? {
        let group = section.group("split")
        guard let option = reading.schema.option("routes[].split.*") else { return nil }
        reading.consume(option)
        let shares = sorted(group).compactMap { entry -> PoolShareSettings? in
            guard case .integer(let weight)? = group.read(entry.value, option.type, key: entry.key)
            else { return nil }
            group.keep(entry.key, .integer(weight))
            reading.references.append(
                Reading.Reference(
                    kind: .pool,
                    name: entry.key,
                    range: entry.keyRange,
                    option: group.path,
                    policy: ""
                )
            )
            return PoolShareSettings(pool: entry.key, weight: weight)
        }
        if shares.allSatisfy({ $0.weight == 0 }) {
            section.fault(.emptyPolicy, "split", "no pool has a share", "give one a weight above 0")
            return nil
        }
        var key: HashKey?
        if case .hashKey(let part)? = section.value("split-by") { key = part }
        return .split(shares, by: key)
    }

    private func redirect(_ section: Section, _ path: PathPattern) -> RouteActionSettings? {
        let status = Int(section.text("status") ?? "") ?? 308
        return template(section, "to", path).map { .redirect(to: $0, status: status) }
    }

    private func respond(_ section: Section) -> RouteActionSettings? {
        let status = section.integer("status")
        let body = section.text("body") ?? ""
        // RFC 9110 §15.3.5, §15.3.6, §15.4.5: they have no content, or repeat what is not there.
        if [204, 205, 304].contains(status), !body.isEmpty || status == 304 {
            section.fault(.excludingKeys, "status", "an answer with \(status) has no body")
        }
        let type = section.text("type") ?? ""
        return .respond(status: status, type: body.isEmpty ? "" : type, body: body)
    }

    private func rateLimit(_ section: Section) -> RateLimitSettings? {
        var key: HashKey?
        if case .hashKey(let part)? = section.value("key") { key = part }
        let burst = section.optionalInteger("burst")
        let settings = RateLimitSettings(
            rate: Rate(1, per: .seconds(1)),
            burst: burst ?? 1,
            key: key,
            ipv4Prefix: section.integer("ipv4-prefix"),
            ipv6Prefix: section.integer("ipv6-prefix"),
            dryRun: section.bool("dry-run")
        )
        guard case .rate(let rate)? = section.value("rate") else { return nil }
        var whole = settings
        whole.rate = rate
        whole.burst = burst ?? rate.count
        return whole
    }

    // MARK: Changes

    /// Fields that belong to the connection, the framing or the forwarding policy.
    private static let ownedFields: Set<String> = [
        "host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade",
        "keep-alive", "proxy-connection", "via", "forwarded", "x-forwarded-for",
        "x-forwarded-proto", "x-forwarded-host", "x-request-id", "expect", "http2-settings",
        "cdn-loop",
    ]

    private func edits(_ section: Section, _ path: PathPattern) -> HeaderEditSettings {
        HeaderEditSettings(
            set: fields(section.group("set"), path),
            add: fields(section.group("add"), path),
            remove: section.texts("remove").filter { name in
                checkField(name, section, section.entries["remove"]?.value.range)
            }
        )
    }

    private func fields(_ section: Section, _ path: PathPattern) -> [HeaderSettings] {
        guard let option = reading.schema.option(section.pattern + ".*") else { return [] }
        reading.consume(option)
        return sorted(section).compactMap { entry in
            guard checkField(entry.key, section, entry.keyRange),
                case .text(let text)? = section.read(entry.value, option.type, key: entry.key),
                checkTemplate(section, entry.key, entry.value.range, text, path)
            else { return nil }
            section.keep(entry.key, .text(text))
            return HeaderSettings(name: entry.key, value: text)
        }
    }

    func checkField(_ name: String, _ section: Section, _ range: SourceRange?) -> Bool {
        guard !name.isEmpty, name.utf8.allSatisfy(OptionType.isTokenByte) else {
            section.report(
                .badText,
                range ?? section.nameRange,
                "`\(name)` cannot be the name of a field"
            )
            return false
        }
        guard !Self.ownedFields.contains(name.lowercased()) else {
            section.report(
                .badText,
                range ?? section.nameRange,
                "the field `\(name)` is written by Martlet",
                name.lowercased() == "host" ? "use `rewrite.host`" : nil
            )
            return false
        }
        return true
    }

    private func template(
        _ section: Section,
        _ key: String,
        _ path: PathPattern,
        isTarget: Bool = false
    ) -> String? {
        guard let text = section.text(key), let range = section.entries[key]?.value.range,
            checkTemplate(section, key, range, text, path)
        else { return nil }
        let starts = ["/", "{path}", "{uri}", "{rest}"]
        if isTarget, !starts.contains(where: text.hasPrefix) || text.contains(" ") {
            section.fault(.notPath, key, "`\(text)` does not begin with `/`, or holds a blank")
            return nil
        }
        return text
    }

    private func checkTemplate(
        _ section: Section,
        _ key: String,
        _ range: SourceRange,
        _ text: String,
        _ path: PathPattern
    ) -> Bool {
        guard let fault = checks.template(text, path.parameters) else { return true }
        section.report(.badTemplate, range, key: key, fault.message, fault.suggestion)
        return false
    }

    func sorted(_ section: Section) -> [YAMLEntry] {
        section.entries.values.sorted { a, b in
            (a.keyRange.start.line, a.keyRange.start.column)
                < (b.keyRange.start.line, b.keyRange.start.column)
        }
    }
}

extension RouteSettings {
    /// `photos.example.com/api/`; an exact path has no star, a prefix does.
    static func name(_ host: HostPattern, _ path: PathPattern) -> String {
        switch path {
        case .exact(let path): "\(host)\(path)"
        case .prefix(let path): "\(host)\(path)*"
        case .expression(let pattern): "\(host)~\(pattern)"
        }
    }
}

extension PathPattern {
    /// The names of the segments that stand for any one.
    public var parameters: [String] {
        switch self {
        case .exact(let path), .prefix(let path):
            path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
                String($0.dropFirst().dropLast())
            }
        case .expression: []
        }
    }
}
