// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Caches, and which route has which.
extension SettingsDecoder {
    func cache(_ section: Section) -> CacheSettings {
        let memory = section.size("memory")
        let eighth = ByteCount(memory.bytes / 8)
        let objectLimit = section.optionalSize("object-limit")
        if let objectLimit, objectLimit.bytes > eighth.bytes {
            section.fault(
                .wrongOrder,
                "object-limit",
                "an answer of \(objectLimit) does not fit an eighth of `memory`, \(eighth)",
                "raise `memory`, or leave `object-limit` out"
            )
        }
        let half = ByteCount(memory.bytes / 2)
        let pinnedLimit = section.optionalSize("pinned-limit")
        if let pinnedLimit, pinnedLimit.bytes > half.bytes {
            section.fault(
                .wrongOrder,
                "pinned-limit",
                "with \(pinnedLimit) for what is pinned less than half of `memory`, \(half), is left for all "
                    + "else",
                "raise `memory`, or leave `pinned-limit` out"
            )
        }
        let name = cacheName(section)
        let targets = section.texts("targets")
        let keepsCookies = section.bool("keep-cookies")
        if keepsCookies {
            section.fault(
                .sharedCookies,
                "keep-cookies",
                "whoever is answered from \(section.title) gets the cookie of somebody else"
            )
        }
        let largest = objectLimit ?? min(ByteCount(8 << 20), eighth)
        let disk = section.optionalSize("disk")
        if let disk { checkDisk(section, disk, for: largest) }
        return CacheSettings(
            name: section.name,
            memory: memory,
            objectLimit: largest,
            disk: disk,
            diskFolder: section.text("disk-folder").map(resolve(path:)),
            pinnedLimit: pinnedLimit ?? ByteCount(memory.bytes / 4),
            minUses: section.integer("min-uses"),
            queryLimit: section.size("query-limit"),
            wait: section.interval("wait"),
            passLifetime: section.interval("pass-lifetime"),
            statusHeader: section.bool("status-header"),
            tagsToClients: section.bool("tags-to-clients"),
            statusName: name,
            through: section.text("through"),
            purge: section.prefixes("purge"),
            lifetimes: lifetimes(section.group("lifetimes")),
            override: section.bool("override"),
            heuristicPercent: section.percentage("heuristic-percent"),
            heuristicLimit: section.interval("heuristic-limit"),
            lifetimeLimit: section.interval("lifetime-limit"),
            refreshAhead: section.percentage("refresh-ahead"),
            jitter: section.percentage("jitter"),
            staleWhileRevalidate: section.interval("stale-while-revalidate"),
            staleIfError: section.interval("stale-if-error"),
            allowStaleWithSMaxage: section.bool("allow-stale-with-s-maxage"),
            heedClients: section.bool("heed-clients"),
            keepCookies: keepsCookies,
            targets: section.has("targets") ? targets : nil,
            key: cacheKey(section.group("key"))
        )
    }

    private func cacheName(_ section: Section) -> String {
        let name = section.text("name") ?? ""
        // RFC 9211 §2 has it as a token of RFC 8941 §3.3.4.
        if let first = name.utf8.first, !(0x61...0x7a).contains(first | 0x20) {
            section.fault(.badText, "name", "`\(name)` does not begin with a letter")
        }
        return name
    }

    private func checkDisk(_ section: Section, _ size: ByteCount, for largest: ByteCount) {
        // Eight of the largest objects, with what is written about each.
        let least = max(16 << 20, min(largest.bytes, 1 << 40) * 8 + (4 << 20))
        if size.bytes < least {
            section.fault(
                .smallCacheDisk,
                "disk",
                "eight answers of \(largest) do not fit into \(size)",
                "give it \(ByteCount(least)) at least, or lower `object-limit`"
            )
        }
        guard !section.has("disk-folder") else { return }
        section.fault(
            .missingKey,
            "disk",
            "`disk` needs a folder for its files",
            "add `disk-folder`, such as `/var/cache/martlet/\(section.name)`"
        )
    }

    private func lifetimes(_ section: Section) -> [CacheLifetimeSettings] {
        guard let option = reading.schema.option(section.pattern + ".*") else { return [] }
        reading.consume(option)
        return sorted(section).compactMap { entry in
            guard let statuses = statuses(entry, section),
                case .interval(let time)? = section.read(entry.value, option.type, key: entry.key)
            else { return nil }
            section.keep(entry.key, .interval(time))
            return CacheLifetimeSettings(statuses: statuses, lifetime: time)
        }
    }

    /// `200`, `300-399`, `5xx` or `any`, of final responses.
    private func statuses(_ entry: YAMLEntry, _ section: Section) -> ClosedRange<UInt16>? {
        if entry.key == "any" { return 200...599 }
        if entry.key.count == 3, entry.key.hasSuffix("xx"), let digit = UInt16(entry.key.prefix(1)),
            (2...5).contains(digit)
        {
            return digit * 100...digit * 100 + 99
        }
        if case .statuses(let range)? = try? OptionType.statuses.parse(entry.key),
            range.lowerBound >= 200
        {
            return range
        }
        section.report(
            .notStatus,
            entry.keyRange,
            key: entry.key,
            "`\(entry.key)` is no status of an answer",
            "such as `200`, `300-399`, `5xx` or `any`"
        )
        return nil
    }

    private func cacheKey(_ section: Section) -> CacheKeySettings {
        let settings = CacheKeySettings(
            host: section.bool("host"),
            query: section.word("query", .all),
            only: section.texts("only"),
            without: section.texts("without"),
            headers: section.texts("headers"),
            cookies: section.texts("cookies")
        )
        section.checkFilled(["only", "without"])
        let given = ["only", "without", "query"].filter(section.has)
        if given.count > 1 {
            section.fault(
                .excludingKeys,
                given[1],
                "the query counts in one way, here are `\(given.joined(separator: "` and `"))`",
                "keep one of them"
            )
        } else if settings.query == .none {
            section.fault(
                .keyWithoutQuery,
                "query",
                "`?page=2` is answered with what was kept for `?page=1`",
                "name parameters that do not count in `without`"
            )
        }
        return settings
    }

    /// The cache of a route.
    func cache(of route: Section, _ action: RouteActionSettings, isGuarded: Bool) -> String? {
        guard let name = route.text("cache") else { return nil }
        guard !action.pools.isEmpty else {
            route.fault(
                .excludingKeys,
                "cache",
                "what Martlet answers itself is not kept: `cache` stands beside `pool` or `split`"
            )
            return name
        }
        if let range = route.entries["cache"]?.value.range {
            reading.cacheUses.append(
                Reading.CacheUse(
                    name: name,
                    range: range,
                    option: Schema.join(route.path, "cache"),
                    pools: action.pools,
                    isGuarded: isGuarded
                )
            )
        }
        return name
    }
}

extension ByteCount: Comparable {
    /// Fewer bytes come first.
    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}
