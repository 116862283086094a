// SPDX-License-Identifier: Apache-2.0

/// The paths of the admin service: one row each, from which routing, `Allow` and documents follow.
public struct AdminRoute: Sendable {
    /// What the row leads to.
    enum Target: Sendable {
        case page, live, ready, started, metrics, snapshot, pools, pool, endpoint, overlay
        case steering, steer, migrate, roundTrips, measure, queries, answers
        case allKeys, keys, orderKeys, exportZone, discardZone, zoneChanges, importZone
        case caches, purge, cached, push, pushed, unpush, top, allStatistics, statistics
        case warm, warmings, warming, cancelWarming
        case reload, reloadZone, upgrade, explain, explainDNS, place, failoverTime, request, events,
            eventStream
    }

    /// The method.
    public let method: String
    /// The path; segments in capitals stand for anything.
    public let path: String
    /// What it does, in one sentence.
    public let summary: String
    let target: Target

    private init(_ method: String, _ path: String, _ target: Target, _ summary: String) {
        self.method = method
        self.path = path
        self.target = target
        self.summary = summary
    }

    /// All of them.
    public static let all: [AdminRoute] = [
        AdminRoute("GET", "/", .page, "The status page."),
        AdminRoute("GET", "/livez", .live, "200 while the process can answer at all."),
        AdminRoute("GET", "/readyz", .ready, "200 while the doors serve, else 503 with reasons."),
        AdminRoute("GET", "/startupz", .started, "200 once every probe has given a verdict."),
        AdminRoute("GET", "/metrics", .metrics, "Metrics for Prometheus, or as OpenMetrics."),
        AdminRoute("GET", "/api/v1/snapshot", .snapshot, "Everything there is to see, at once."),
        AdminRoute("GET", "/api/v1/pools", .pools, "All pools with their endpoints."),
        AdminRoute("GET", "/api/v1/pools/POOL", .pool, "One pool with its endpoints."),
        AdminRoute(
            "PATCH",
            "/api/v1/pools/POOL/endpoints/ENDPOINT",
            .endpoint,
            "Changes administrative state and weight of an endpoint, at once and lastingly."
        ),
        AdminRoute("DELETE", "/api/v1/overlay", .overlay, "Takes back all changes by PATCH."),
        AdminRoute(
            "GET",
            "/api/v1/steering",
            .steering,
            "Policies that change while they serve: weights, rollouts, migrations, rest."
        ),
        AdminRoute(
            "PATCH",
            "/api/v1/steering/POLICY",
            .steer,
            "Shifts or switches the branches of a weighted policy, or tells its rollout something."
        ),
        AdminRoute(
            "PATCH",
            "/api/v1/migrations/MIGRATION",
            .migrate,
            "Starts a migration, moves it, or takes it back."
        ),
        AdminRoute("POST", "/api/v1/reload", .reload, "Reads the configuration file again."),
        AdminRoute(
            "POST",
            "/api/v1/zones/ZONE/reload",
            .reloadZone,
            "Reads the file of one zone again."
        ),
        AdminRoute("GET", "/api/v1/keys", .allKeys, "The keys of all zones that are signed here."),
        AdminRoute("GET", "/api/v1/zones/ZONE/keys", .keys, "The keys of one zone."),
        AdminRoute(
            "POST",
            "/api/v1/zones/ZONE/keys",
            .orderKeys,
            "Replaces the key of a role, or says that the parent has the DS set."
        ),
        AdminRoute(
            "GET",
            "/api/v1/zones/ZONE/export",
            .exportZone,
            "A zone as it is served, its zone file in `text`; without what is steered."
        ),
        AdminRoute(
            "GET",
            "/api/v1/zones/ZONE/changes",
            .zoneChanges,
            "What updates and the zone API have changed of a zone, as lines of a zone file."
        ),
        AdminRoute(
            "POST",
            "/api/v1/zones/ZONE/import",
            .importZone,
            "Puts a zone file, `text`, in the place of what is served; with `check` only looks at it, "
                + "and shows up to 500 `records` of each side."
        ),
        AdminRoute(
            "DELETE",
            "/api/v1/zones/ZONE/changes",
            .discardZone,
            "Takes back what updates and the zone API have changed of a zone of the configuration."
        ),
        AdminRoute(
            "GET",
            "/api/v1/caches",
            .caches,
            "All caches: plan, what they hold, hit ratios, reasons of misses."
        ),
        AdminRoute(
            "POST",
            "/api/v1/caches/CACHE/purge",
            .purge,
            "Takes stored responses out of a cache, by URL, prefix, host or tag, or all of them."
        ),
        AdminRoute(
            "GET",
            "/api/v1/cached",
            .cached,
            "What caches have stored of a URL, and for how long."
        ),
        AdminRoute(
            "GET",
            "/api/v1/caches/CACHE/objects",
            .pushed,
            "Objects that were put into a cache, a page of them."
        ),
        AdminRoute(
            "PUT",
            "/api/v1/caches/CACHE/objects",
            .push,
            "Puts an object of a URL into a cache, the body as its content, in the place of what there is."
        ),
        AdminRoute(
            "DELETE",
            "/api/v1/caches/CACHE/objects",
            .unpush,
            "Takes what was put into a cache for a URL out again."
        ),
        AdminRoute(
            "GET",
            "/api/v1/caches/CACHE/top",
            .top,
            "What a cache was asked for most, by hits, bytes or misses."
        ),
        AdminRoute(
            "GET",
            "/api/v1/cache-statistics",
            .allStatistics,
            "What all caches have done, with the reasons of misses in words."
        ),
        AdminRoute(
            "GET",
            "/api/v1/caches/CACHE/statistics",
            .statistics,
            "The same of one cache."
        ),
        AdminRoute(
            "POST",
            "/api/v1/caches/CACHE/warm",
            .warm,
            "Has a cache fetch a list of URLs through its routes, as if clients had asked."
        ),
        AdminRoute(
            "GET",
            "/api/v1/warmings",
            .warmings,
            "Such lists that are fetched, and were lately."
        ),
        AdminRoute("GET", "/api/v1/warmings/WARMING", .warming, "How far one of them is."),
        AdminRoute(
            "DELETE",
            "/api/v1/warmings/WARMING",
            .cancelWarming,
            "Begins no more fetches of one of them."
        ),
        AdminRoute("POST", "/api/v1/upgrade", .upgrade, "Has the program at its place take over."),
        AdminRoute("GET", "/api/v1/explain", .explain, "Where a request would go, and why."),
        AdminRoute("GET", "/api/v1/explain-dns", .explainDNS, "What a query would get, and why."),
        AdminRoute(
            "GET",
            "/api/v1/dns/queries",
            .queries,
            "The latest DNS queries that were picked, with what was answered and why."
        ),
        AdminRoute(
            "GET",
            "/api/v1/dns/answers",
            .answers,
            "Who got the answers of policies, beside weights and traffic."
        ),
        AdminRoute(
            "GET",
            "/api/v1/geography/ADDRESS",
            .place,
            "Where an address is, and for which network that holds."
        ),
        AdminRoute(
            "GET",
            "/api/v1/rtt",
            .roundTrips,
            "The round trips that policies go by, row by row."
        ),
        AdminRoute("POST", "/api/v1/rtt", .measure, "Takes measured round trips."),
        AdminRoute(
            "GET",
            "/api/v1/failover-time",
            .failoverTime,
            "How long failover by DNS takes, part by part."
        ),
        AdminRoute(
            "GET",
            "/api/v1/requests/ID",
            .request,
            "What became of a request that is over, and why."
        ),
        AdminRoute("GET", "/api/v1/events", .events, "What happened lately."),
        AdminRoute(
            "GET",
            "/api/v1/events/stream",
            .eventStream,
            "What happens, as server-sent events."
        ),
    ]

    private static let patterns: [[String]] = all.map { row in
        row.path.split(separator: "/").map(String.init)
    }

    /// The rows of a path, with what stands at their placeholders.
    static func find(_ segments: [String]) -> (rows: [AdminRoute], values: [String]) {
        var rows: [AdminRoute] = []
        var values: [String] = []
        for (row, pattern) in zip(all, patterns) where pattern.count == segments.count {
            var found: [String] = []
            let isMatch = zip(pattern, segments).allSatisfy { part, segment in
                guard part.utf8.first.map({ 0x41...0x5a ~= $0 }) ?? false else {
                    return part == segment
                }
                found.append(segment)
                return !segment.isEmpty
            }
            guard isMatch else { continue }
            rows.append(row)
            values = found
        }
        return (rows, values)
    }

    /// The value of `Allow` for some rows of one path.
    static func allow(_ rows: [AdminRoute]) -> String {
        var methods = rows.map(\.method)
        if methods.contains("GET") { methods.append("HEAD") }
        return (methods + ["OPTIONS"]).joined(separator: ", ")
    }
}
