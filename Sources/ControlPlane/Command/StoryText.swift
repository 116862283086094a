// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders the story of one request for the terminal.
public enum StoryText {
    /// Who asked for what, what came of it, and why.
    public static func text(_ story: JSONValue, usesColour: Bool) -> String {
        var text = line("request", story["id"]?.string ?? "?")
        let scheme = story["secure"]?.bool == true ? "https" : "http"
        let client = story["client"]?.string ?? "?"
        let method = story["method"]?.string ?? ""
        if !method.isEmpty || !(story["path"]?.string ?? "").isEmpty {
            let place = "\(scheme)://\(story["host"]?.string ?? "")\(story["path"]?.string ?? "")"
            text += line("", "\(method.isEmpty ? "?" : method) \(place)")
        }
        text += line("", "by \(client) at \(story["time"]?.string ?? "?")")
        text += answer(story, usesColour)
        if let route = story["route"]?.string { text += line("route", route) }
        if let pool = story["pool"]?.string { text += line("pool", pool) }
        if let session = story["session"]?.string { text += line("session", session) }
        if story["lastResort"]?.bool == true {
            text += line("", "chosen although no endpoint took new work")
        }
        text += line("times", times(story["milliseconds"]))
        if story["changedSince"]?.bool == true {
            text += line("note", "the configuration has changed since; names are those of now")
        }
        let attempts = story["attempts"]?.elements ?? []
        if !attempts.isEmpty { text += "\n" + table(attempts: attempts, usesColour) }
        let candidates = story["candidates"]?.elements ?? []
        guard !candidates.isEmpty else { return text }
        text += "\n" + table(candidates: candidates, usesColour)
        let count = Int(story["candidateCount"]?.integer ?? 0) - candidates.count
        return count > 0 ? text + "  and \(count) more endpoints\n" : text
    }

    private static func answer(_ story: JSONValue, _ usesColour: Bool) -> String {
        let status = story["status"]?.integer ?? 0
        let told = status == 0 ? "no answer" : "\(status)"
        let tint = (200..<400).contains(status) ? TextTable.Tint.strong : .bad
        let author =
            switch story["answeredBy"]?.string {
            case "endpoint": "by an endpoint"
            case "route": "by the route itself"
            default: "by the door itself"
            }
        let reason = story["reason"]?.string ?? "?"
        return line("answer", TextTable.paint("\(told) \(reason)", tint, usesColour) + " \(author)")
            + line("", story["why"]?.string ?? "")
    }

    private static func times(_ times: JSONValue?) -> String {
        let names = [
            ("head", "head"), ("choose", "choose"), ("connect", "connect"), ("send", "send"),
            ("firstByte", "first byte"), ("rest", "rest"), ("total", "total"),
        ]
        return names.compactMap { key, word in
            times?[key]?.number.map { "\(word) \(rounded($0)) ms" }
        }.joined(separator: ", ")
    }

    private static func table(attempts: [JSONValue], _ usesColour: Bool) -> String {
        var table = TextTable(
            ["ATTEMPT", "ENDPOINT", "STATUS", "REASON", "BEGAN", "TOOK"],
            usesColour: usesColour
        )
        for (number, attempt) in attempts.enumerated() {
            let reason = attempt["reason"]?.string ?? "?"
            table.add([
                TextTable.Cell("\(number + 1)"),
                TextTable.Cell(attempt["endpoint"]?.string ?? "(gone)", .strong),
                TextTable.Cell(attempt["status"]?.integer.map { "\($0)" } ?? ""),
                TextTable.Cell(reason, reason == "ok" ? .good : .bad),
                TextTable.Cell("\(rounded(attempt["beganMilliseconds"]?.number ?? 0)) ms"),
                TextTable.Cell("\(rounded(attempt["milliseconds"]?.number ?? 0)) ms"),
            ])
        }
        return table.text
    }

    private static func table(candidates: [JSONValue], _ usesColour: Bool) -> String {
        var table = TextTable(
            ["ENDPOINT", "HEALTH", "STATE", "TIER", "IN FLIGHT", "TRIED", "WHY NOT"],
            usesColour: usesColour
        )
        for candidate in candidates {
            let state = candidate["administrative"]?.string ?? "?"
            let health = candidate["health"]?.string ?? "?"
            table.add([
                TextTable.Cell(candidate["name"]?.string ?? "(gone)", .strong),
                TextTable.Cell(health, health == "up" ? .good : .bad),
                TextTable.Cell(state, state == "ready" ? .none : .warn),
                TextTable.Cell(candidate["tier"]?.integer.map { "\($0)" } ?? ""),
                TextTable.Cell(candidate["inFlight"]?.integer.map { "\($0)" } ?? ""),
                TextTable.Cell(candidate["tried"]?.bool == true ? "yes" : ""),
                TextTable.Cell(candidate["whyNot"]?.string ?? ""),
            ])
        }
        return table.text
    }

    private static func line(_ name: String, _ value: String) -> String {
        let pad = String(repeating: " ", count: max(9 - name.count, 1))
        return "\(name)\(pad)\(value)\n"
    }

    private static func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
