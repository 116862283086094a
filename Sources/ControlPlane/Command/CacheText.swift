// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders caches for the terminal.
public enum CacheText {
    /// All caches, one line each.
    public static func list(_ document: JSONValue, usesColour: Bool) -> String {
        let caches = document["caches"]?.elements ?? []
        guard !caches.isEmpty else { return "the configuration has no caches\n" }
        var table = TextTable(
            [
                "CACHE", "OBJECTS", "IN USE", "MEMORY", "HITS", "BYTES HIT", "FILLS", "EVICTED",
                "PURGED",
            ],
            usesColour: usesColour
        )
        for cache in caches {
            let store = cache["store"]
            func count(_ name: String) -> TextTable.Cell {
                .init(store?[name]?.integer.map { "\($0)" } ?? "-")
            }
            table.add([
                .init(cache["name"]?.string ?? "?", .strong),
                count("objects"),
                .init(size(store?["bytes"]?.integer)),
                .init(size(cache["memoryBytes"]?.integer)),
                .init(share(cache["hitRatio"]?.number)),
                .init(share(cache["byteHitRatio"]?.number)),
                count("fills"),
                count("evictions"),
                count("purged"),
            ])
        }
        return table.text
    }

    /// What a purge has done.
    public static func purged(_ document: JSONValue) -> String {
        let count = document["purged"]?.integer ?? 0
        let done = document["mode"] == "soft" ? "made stale" : "taken out"
        return "\(count) \(count == 1 ? "object" : "objects") \(done) of cache "
            + "\(document["cache"]?.string ?? "?")\n"
    }

    // MARK: Why

    /// What is stored of a URL, and why it would be used or not.
    public static func why(_ document: JSONValue, usesColour: Bool) -> String {
        let caches = document["caches"]?.elements ?? []
        guard !caches.isEmpty else { return "the configuration has no caches\n" }
        return caches.map { cache($0, usesColour) }.joined(separator: "\n")
    }

    private static func cache(_ cache: JSONValue, _ usesColour: Bool) -> String {
        let name = TextTable.paint(cache["cache"]?.string ?? "?", .strong, usesColour)
        var text = "\(name): \(clean(cache["key"]?.string))\n"
        let entries = cache["entries"]?.elements ?? []
        if entries.isEmpty { text += "  nothing is stored\n" }
        for (number, found) in entries.enumerated() {
            text += entry(found, "  \(number + 1). ", key: cache["key"]?.string, usesColour)
        }
        if let reason = cache["reason"]?.string {
            text += "  asked of endpoints: \(clean(reason))\n"
        }
        if let way = cache["fetch"]?.string { text += "  fetched \(clean(way))\n" }
        return text + misses(cache["misses"]) + sent(cache["sent"])
    }

    private static func entry(
        _ entry: JSONValue,
        _ mark: String,
        key: String?,
        _ usesColour: Bool
    ) -> String {
        let left = entry["leftSeconds"]?.number ?? 0
        guard let status = entry["status"]?.integer else {
            guard entry["state"] == "not-storable" else { return "\(mark)is being fetched\n" }
            return left > 0
                ? "\(mark)its answers may not be stored; that is remembered for another "
                    + "\(SpanText.text(left))\n"
                : "\(mark)its answers could not be stored; the next request tries again\n"
        }
        let isFresh = entry["fresh"]?.bool == true
        let word = TextTable.paint(isFresh ? "fresh" : "stale", isFresh ? .good : .warn, usesColour)
        let age = SpanText.text(entry["ageSeconds"]?.number)
        let lifetime = SpanText.text(entry["lifetimeSeconds"]?.number)
        let rest = isFresh ? "\(SpanText.text(left)) left" : "since \(SpanText.text(-left))"
        let size = size(entry["bytes"]?.integer)
        let coming = entry["state"] == "coming" ? " so far, the rest comes" : ""
        var text =
            "\(mark)\(status), \(size)\(coming), \(word): age \(age) of \(lifetime), \(rest)\n"
        let indent = String(repeating: " ", count: mark.count)
        if let own = entry["key"]?.string, own != key { text += "\(indent)key \(clean(own))\n" }
        text += "\(indent)\(source(entry)); stored \(entry["received"]?.string ?? "?"), "
        text += "\(self.size(entry["memoryBytes"]?.integer)) of memory\n"
        if let vary = entry["vary"]?.string { text += "\(indent)varies by \(clean(vary))\n" }
        return text + uses(entry, indent) + stale(entry, indent)
    }

    /// Who put it there, and how often it was the answer.
    private static func uses(_ entry: JSONValue, _ indent: String) -> String {
        let isPinned = entry["pinned"]?.bool == true
        let who = entry["pushed"]?.bool != true ? "" : isPinned ? "pushed and pinned, " : "pushed, "
        let hits = entry["hits"]?.integer ?? 0
        return "\(indent)\(who)answered \(hits) \(hits == 1 ? "time" : "times")\n"
    }

    private static func source(_ entry: JSONValue) -> String {
        switch entry["lifetimeFrom"]?.string {
        case "heuristic": "the lifetime is guessed from Last-Modified"
        case "targeted-field": "the lifetime is that of a field of `targets`"
        default: "the lifetime is that of the answer, or of `lifetimes`"
        }
    }

    private static func stale(_ entry: JSONValue, _ indent: String) -> String {
        let traits = entry["traits"]?.elements?.compactMap(\.string) ?? []
        var parts: [String] = []
        if traits.contains("made-stale") { parts.append("made stale by order") }
        if traits.contains("must-ask") { parts.append("never used without asking") }
        if traits.contains("never-stale") { parts.append("never used stale") }
        for (name, what) in [
            ("staleWhileRevalidateSeconds", "while it is fetched anew"),
            ("staleIfErrorSeconds", "when endpoints fail"),
        ] {
            guard let seconds = entry[name]?.number, seconds > 0 else { continue }
            parts.append("used stale for \(SpanText.text(seconds)) \(what)")
        }
        return parts.isEmpty ? "" : "\(indent)\(parts.joined(separator: "; "))\n"
    }

    private static func misses(_ counts: JSONValue?) -> String {
        let members = counts?.members ?? []
        let whole = members.reduce(0) { $0 + ($1.value.number ?? 0) }
        guard whole > 0 else { return "" }
        let parts = members.compactMap { member -> String? in
            guard let count = member.value.number, count > 0 else { return nil }
            return "\(member.name) \(share(count / whole))"
        }
        return "  misses of the whole cache: \(parts.joined(separator: ", "))\n"
    }

    /// Where requests went, when there is more than one way.
    private static func sent(_ ways: JSONValue?) -> String {
        let counts = (ways?.members ?? []).map { way in
            (way.name, (way.value.members ?? []).reduce(0) { $0 + ($1.value.number ?? 0) })
        }
        let whole = counts.reduce(0) { $0 + $1.1 }
        guard whole > 0, counts.contains(where: { $0.0 == "tier" && $0.1 > 0 }) else { return "" }
        let parts = counts.map { "\($0.0) \(share($0.1 / whole))" }
        return "  sent by the whole cache: \(parts.joined(separator: ", "))\n"
    }

    // MARK: Words

    static func clean(_ text: String?) -> String { TextTable.Cell(text ?? "?").text }

    static func share(_ ratio: Double?) -> String {
        guard let ratio, ratio.isFinite else { return "-" }
        let tenths = Int((min(max(ratio, 0), 1) * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    static func size(_ bytes: Int64?) -> String {
        guard let bytes else { return "-" }
        var (rest, unit) = (Double(max(bytes, 0)), 0)
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while rest >= 1024, unit < units.count - 1 {
            rest /= 1024
            unit += 1
        }
        let tenths = Int((rest * 10).rounded())
        return unit == 0 || tenths % 10 == 0
            ? "\(tenths / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
