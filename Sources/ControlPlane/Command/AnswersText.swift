// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders what the DNS door has answered for the terminal.
public enum AnswersText {
    // MARK: Queries

    /// The records of queries, one after the other.
    public static func queries(_ document: JSONValue, usesColour: Bool) -> String {
        let queries = document["queries"]?.elements ?? []
        let text = queries.map { query($0, usesColour) }.joined(separator: "\n")
        let kept = document["kept"]?.integer ?? 0
        guard queries.isEmpty else { return text }
        guard let interval = document["sampledOneIn"]?.integer else {
            return "no records are kept: dns.sample-queries is off\n"
        }
        let none = kept == 0 ? "no query has been picked yet" : "none of the latest records fits"
        return "\(none); a record is kept of one query in \(interval)\n"
    }

    private static func query(_ query: JSONValue, _ usesColour: Bool) -> String {
        func word(_ name: String) -> String { query[name]?.string ?? "?" }
        var text = line("query", "\(word("name")) \(word("type"))")
        var asker = "by \(word("resolver"))"
        if let subnet = query["subnet"]?.string {
            let isHeard = query["subnetHeard"]?.bool == true
            asker += " for \(subnet)\(isHeard ? "" : ", which does not count")"
        }
        text += line("", "\(asker) over \(word("transport")) at \(word("time"))")
        if let policy = query["policy"]?.string {
            text += line("policy", policy)
            if let why = query["why"]?.string { text += line("", why) }
            text += path(query, usesColour)
        } else if query["policiesChangedSince"]?.bool == true, query["steered"]?.bool == true {
            text += line("policy", "not told: policies have changed since")
        }
        if let scope = query["scope"]?.integer { text += line("scope", "/\(scope)") }
        if let ttl = query["ttl"]?.integer, let why = query["whyTTL"]?.string {
            text += line("ttl", "\(ttl): \(why)")
        }
        text += line("answer", word("rcode"))
        for record in query["records"]?.elements ?? [] { text += line("", record.string ?? "?") }
        if query["records"]?.isNull == true { text += line("", "too long to be kept") }
        if query["truncated"]?.bool == true {
            text += line("", "cut: the rest is to be had by TCP")
        }
        let names = (query["answered"]?.elements ?? []).map { $0.string ?? "gone" }
        if !names.isEmpty { text += line("", "from \(names.joined(separator: ", "))") }
        return text
    }

    private static func path(_ query: JSONValue, _ usesColour: Bool) -> String {
        var text = ""
        for step in query["path"]?.elements ?? [] {
            let (name, kind) = (step["name"]?.string ?? "?", step["kind"]?.string ?? "?")
            let depth = min(Int(step["depth"]?.integer ?? 0), 16)
            var words = String(repeating: "  ", count: max(depth, 0))
            words += TextTable.paint(name, .strong, usesColour) + (kind == name ? "" : " \(kind)")
            if let why = step["why"]?.string, !why.isEmpty { words += ": \(why)" }
            text += line("->", words)
            for other in step["passedOver"]?.elements ?? [] {
                let told =
                    "\(other["name"]?.string ?? "?") not taken: \(other["whyNot"]?.string ?? "")"
                text += line("", String(repeating: "  ", count: max(depth, 0) + 1) + told)
            }
        }
        let left = query["pathLeftOut"]?.integer ?? 0
        return left > 0 ? text + line("", "and \(left) more") : text
    }

    private static func line(_ name: String, _ value: String) -> String {
        let pad = String(repeating: " ", count: max(9 - name.count, 1))
        return "\(name)\(pad)\(value)\n"
    }

    // MARK: Answers

    /// Who got the answers of each policy.
    public static func answers(_ document: JSONValue, usesColour: Bool) -> String {
        let policies = document["policies"]?.elements ?? []
        guard !policies.isEmpty else { return "no policy has answered yet\n" }
        var text = policies.map { policy($0, usesColour) }.joined(separator: "\n")
        if let most = document["unlistedAtMost"]?.integer, most > 0 {
            text += "\nA network that is counted in none of the lists has had at most \(most) "
            text += "answers of a policy.\n"
        }
        if let count = document["uncounted"]?.integer, count > 0 {
            text += "\n\(count) counts found no room.\n"
        }
        return text
    }

    private static func policy(_ policy: JSONValue, _ usesColour: Bool) -> String {
        let name = TextTable.paint(policy["name"]?.string ?? "?", .strong, usesColour)
        let count = policy["answers"]?.integer ?? 0
        var text = "\(name)  \(count) answers\n"
        var targets = TextTable(
            ["TARGET", "ADDRESS", "WEIGHT", "BY WEIGHT", "ANSWERS", "SHARE", "REQUESTS", "LANDED"],
            usesColour: usesColour
        )
        for target in policy["targets"]?.elements ?? [] {
            targets.add([
                TextTable.Cell(target["name"]?.string ?? "?", .strong),
                TextTable.Cell(target["address"]?.string ?? "?"),
                TextTable.Cell(number(target["weight"])),
                TextTable.Cell(share(target["weightShare"], none: "by place")),
                TextTable.Cell(number(target["answers"])),
                TextTable.Cell(share(target["answeredShare"])),
                TextTable.Cell(number(target["requests"])),
                TextTable.Cell(share(target["landedShare"])),
            ])
        }
        text += targets.text
        let networks = policy["networks"]?.elements ?? []
        guard !networks.isEmpty else { return text }
        var table = TextTable(["RESOLVERS", "ANSWERS", "SHARE", "GIVEN"], usesColour: usesColour)
        for network in networks {
            table.add([
                TextTable.Cell(network["network"]?.string ?? "?", .strong),
                TextTable.Cell(bounds(network)),
                TextTable.Cell(share(network["share"])),
                TextTable.Cell(given(network)),
            ])
        }
        let rest = Int(policy["networkCount"]?.integer ?? 0) - networks.count
        return text + table.text + (rest > 0 ? "  and \(rest) more networks\n" : "")
    }

    private static func bounds(_ network: JSONValue) -> String {
        let (least, most) = (network["answers"]?.integer ?? 0, network["atMost"]?.integer ?? 0)
        return least == most ? "\(least)" : "\(least) to \(most)"
    }

    private static func given(_ network: JSONValue) -> String {
        let all = network["given"]?.elements ?? []
        let words = all.prefix(4).map { "\($0["name"]?.string ?? "?") \(share($0["share"]))" }
        let rest = all.count - words.count
        return words.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    private static func number(_ value: JSONValue?) -> String {
        value?.integer.map { "\($0)" } ?? ""
    }

    private static func share(_ value: JSONValue?, none: String = "") -> String {
        guard let share = value?.number else { return none }
        let tenths = Int((share * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }
}
