// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders what operators have put into caches, and what caches were asked for.
public enum CacheContentText {
    // MARK: Pushed

    /// That an object is stored.
    public static func pushed(_ document: JSONValue) -> String {
        let lifetime = SpanText.text(document["lifetimeSeconds"]?.number)
        let size = CacheText.size(document["bytes"]?.integer)
        let pinned = document["pinned"]?.bool == true ? ", pinned" : ""
        var text =
            "\(CacheText.clean(document["key"]?.string)): \(size)\(pinned), fresh for \(lifetime)\n"
        if document["route"]?.string == nil {
            text += "no route with cache \(document["cache"]?.string ?? "?") serves this URL\n"
        }
        return text
    }

    /// That objects are gone.
    public static func removed(_ document: JSONValue) -> String {
        let count = document["removed"]?.integer ?? 0
        return "\(count) pushed \(count == 1 ? "object" : "objects") taken out of cache "
            + "\(document["cache"]?.string ?? "?")\n"
    }

    /// All that was pushed, one line each.
    public static func list(_ document: JSONValue, usesColour: Bool) -> String {
        let objects = document["objects"]?.elements ?? []
        var text = ""
        if !objects.isEmpty {
            var table = TextTable(
                ["URL", "SIZE", "PINNED", "LEFT", "HITS"],
                usesColour: usesColour
            )
            for object in objects {
                let left = object["leftSeconds"]?.number ?? 0
                table.add([
                    .init(object["key"]?.string ?? "?", .strong),
                    .init(CacheText.size(object["bytes"]?.integer)),
                    .init(object["pinned"]?.bool == true ? "yes" : "-"),
                    left > 0 ? .init(SpanText.text(left)) : .init("stale", .warn),
                    .init("\(object["hits"]?.integer ?? 0)"),
                ])
            }
            text = table.text
        }
        text +=
            "\(document["count"]?.integer ?? 0) pushed, \(document["pinned"]?.integer ?? 0) pinned: "
        text += "\(CacheText.size(document["pinnedBytes"]?.integer)) of "
        text += "\(CacheText.size(document["pinnedLimitBytes"]?.integer))\n"
        if let next = document["next"]?.string { text += "more: --after \(next)\n" }
        return text
    }

    // MARK: Top

    /// What was asked for most, one line each.
    public static func top(_ document: JSONValue, usesColour: Bool) -> String {
        let objects = document["objects"]?.elements ?? []
        guard !objects.isEmpty else { return "nothing stored was asked for\n" }
        var table = TextTable(
            ["HITS", "GIVEN OUT", "MISSES", "SIZE", "VARIANTS", "LIFETIME", "LEFT", "URL"],
            usesColour: usesColour
        )
        for object in objects {
            let misses = (object["misses"]?.members ?? []).reduce(Int64(0)) {
                $0 + ($1.value.integer ?? 0)
            }
            let left = object["leftSeconds"]?.number
            table.add([
                .init("\(object["hits"]?.integer ?? 0)", .strong),
                .init(CacheText.size(object["servedBytes"]?.integer)),
                .init("\(misses)"),
                .init(CacheText.size(object["bytes"]?.integer)),
                .init("\(object["variants"]?.integer ?? 0)"),
                .init(SpanText.text(object["lifetimeSeconds"]?.number)),
                left.map { $0 > 0 ? .init(SpanText.text($0)) : .init("stale", .warn) }
                    ?? .init("-"),
                .init(object["key"]?.string ?? "?"),
            ])
        }
        return table.text
    }

    // MARK: Statistics

    /// What caches have done, one paragraph each.
    public static func statistics(_ document: JSONValue, usesColour: Bool) -> String {
        let caches = document["caches"]?.elements ?? []
        guard !caches.isEmpty else { return "the configuration has no caches\n" }
        return caches.map { statistics(of: $0, usesColour) }.joined(separator: "\n")
    }

    private static func statistics(of cache: JSONValue, _ usesColour: Bool) -> String {
        let store = cache["store"]
        let requests = cache["requests"]
        func count(_ value: JSONValue?) -> Int64 { value?.integer ?? 0 }
        let all = (requests?.members ?? []).reduce(Int64(0)) { $0 + ($1.value.integer ?? 0) }
        var text = TextTable.paint(cache["name"]?.string ?? "?", .strong, usesColour) + "\n"
        text +=
            "  requests    \(all), \(CacheText.share(cache["hitRatio"]?.number)) from the store; "
        text += "of octets \(CacheText.share(cache["byteHitRatio"]?.number))\n"
        text += "  collapsed   \(count(requests?["wait"])) waited for what another one fetched\n"
        text += "  stale       \(count(requests?["stale"])) while fetched anew, "
        text += "\(count(requests?["error-stale"])) when endpoints failed\n"
        text += "  holds       \(count(store?["objects"])) objects, "
        text += "\(CacheText.size(store?["bytes"]?.integer)) of "
        text +=
            "\(CacheText.size(cache["memoryBytes"]?.integer)); \(count(store?["evictions"])) evicted, "
        text += "\(count(store?["purged"])) purged\n"
        text +=
            "  pushed      \(count(store?["pushed"])), of them \(count(store?["pinned"])) pinned: "
        text += "\(CacheText.size(store?["pinnedBytes"]?.integer)) of "
        text += "\(CacheText.size(cache["pinnedLimitBytes"]?.integer))\n"
        text += reasons(cache["reasons"])
        return text + refusals(cache["refused"])
    }

    private static func reasons(_ reasons: JSONValue?) -> String {
        let found = reasons?.elements ?? []
        guard !found.isEmpty else { return "  misses      none\n" }
        var text = ""
        for (number, reason) in found.enumerated() {
            text += number == 0 ? "  misses      " : "              "
            text += "\(CacheText.clean(reason["text"]?.string)), "
            text += "\(CacheText.share(reason["ofMisses"]?.number)) of misses, "
            text += "\(CacheText.share(reason["ofRequests"]?.number)) of requests\n"
        }
        return text
    }

    private static func refusals(_ counts: JSONValue?) -> String {
        let parts = (counts?.members ?? []).map { "\($0.name) \($0.value.integer ?? 0)" }
        return parts.isEmpty ? "" : "  not kept    \(parts.joined(separator: ", "))\n"
    }

    // MARK: Warming

    /// How far a list is, in one line.
    public static func progress(_ document: JSONValue) -> String {
        func count(_ name: String) -> Int64 { document[name]?.integer ?? 0 }
        let done = count("urls") - count("left") - count("underWay")
        let there = count("stored") + count("elsewhere")
        return "warming \(count("warming")) of \(document["cache"]?.string ?? "?"), "
            + "\(document["state"]?.string ?? "?"): \(done) of \(count("urls")), "
            + "\(count("kept")) fetched, \(there) there already, \(count("notKept")) not kept, "
            + "\(count("failed")) failed\n"
    }

    /// All lists, one line each.
    public static func warmings(_ document: JSONValue, usesColour: Bool) -> String {
        let lists = document["warmings"]?.elements ?? []
        return lists.isEmpty ? "nothing is being warmed\n" : lists.map(progress).joined()
    }

    /// What has become of one list that was fetched in several parts.
    public struct WarmSum {
        private static let names = [
            "urls", "kept", "stored", "elsewhere", "notKept", "failed", "left", "bytes",
        ]
        private var counts: [String: Int64] = [:]
        private var problems: [JSONValue] = []

        /// Nothing yet.
        public init() {}

        /// Adds a part that is over.
        public mutating func add(_ document: JSONValue) {
            for name in WarmSum.names {
                counts[name, default: 0] += document[name]?.integer ?? 0
            }
            problems += document["problems"]?.elements ?? []
        }

        private func count(_ name: String) -> Int64 { counts[name] ?? 0 }

        /// True when all of it is stored.
        public var isAllStored: Bool {
            count("notKept") + count("failed") + count("left") == 0
        }

        /// The sum as an object.
        public var json: JSONValue {
            let members = WarmSum.names.map { JSONMember($0, .integer(count($0))) }
            return .object(members + [JSONMember("problems", .array(problems))])
        }

        /// What went wrong line by line, and the summary.
        public var text: String {
            var text = ""
            for problem in problems {
                let what = problem["what"] == "failed" ? "failed" : "not kept"
                let status = problem["status"]?.integer.map { ", \($0)" } ?? ""
                text += "\(what): \(CacheText.clean(problem["url"]?.string)): "
                text += "\(problem["reason"]?.string ?? "?")\(status)\n"
            }
            let there = count("stored") + count("elsewhere")
            text += "\(count("urls")) URLs: \(count("kept")) fetched, \(there) there already, "
            text += "\(count("notKept")) not kept, \(count("failed")) failed"
            if count("left") > 0 { text += ", \(count("left")) not begun" }
            return text + "; \(CacheText.size(count("bytes"))) stored\n"
        }
    }
}
