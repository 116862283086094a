// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders the snapshot of the API for the terminal: what `martlet status` prints.
public enum SnapshotText {
    /// The whole picture; colours only when they are wanted.
    public static func text(_ snapshot: JSONValue, usesColour: Bool) -> String {
        let process = snapshot["process"]
        let readiness = snapshot["readiness"]?.string ?? "?"
        let tint: TextTable.Tint = readiness == "ready" ? .good : .warn
        var text = "martlet \(process?["version"]?.string ?? "?"), "
        text += TextTable.paint(readiness, tint, usesColour)
        text += ", process \(number(process?["pid"]))"
        let restarts = process?["restarts"]?.integer ?? 0
        if restarts > 0 {
            text += ", \(restarts) \(restarts == 1 ? "restart" : "restarts")"
            if let end = process?["lastEnd"]?.string { text += " (last: \(end))" }
        }
        text += "\nconfiguration \(number(snapshot["generation"]))"
        text += " from \(snapshot["configuration"]?["path"]?.string ?? "?")"
        text += ", health generation \(number(snapshot["healthGeneration"]))\n"
        let workers = process?["workers"]?.elements ?? []
        let late = workers.count { $0["shedding"]?.string ?? "none" != "none" }
        if late > 0 {
            let line = "\(late) of \(workers.count) workers are late and refuse requests"
            text += TextTable.paint(line, .bad, usesColour) + "\n"
        }
        let problems = snapshot["configuration"]?["problems"]?.elements ?? []
        if !problems.isEmpty {
            let count = problems.count == 1 ? "1 error" : "\(problems.count) errors"
            let line = "the last reload was refused: \(count)"
            text += TextTable.paint(line, .bad, usesColour) + "\n"
        }
        let faults = ZoneFaultText.briefly(snapshot["zones"])
        if !faults.isEmpty { text += TextTable.paint(faults, .bad, usesColour) }
        if let problem = snapshot["tracing"]?["problem"]?.string {
            let line = "the collector takes no spans: \(problem)"
            text += TextTable.paint(line, .bad, usesColour) + "\n"
        }
        if let geography = snapshot["geography"].flatMap(GeographyView.line) {
            let tint: TextTable.Tint = geography.isGood ? .none : .bad
            text += TextTable.paint(geography.text, tint, usesColour) + "\n"
        }
        if let latency = snapshot["latency"].flatMap(LatencyView.line) {
            text += TextTable.paint(latency.text, latency.isGood ? .none : .bad, usesColour) + "\n"
        }
        let listeners = snapshot["listeners"]?.elements ?? []
        if !listeners.isEmpty {
            let parts = listeners.map { listener in
                let place =
                    "\(listener["door"]?.string ?? "?") \(listener["address"]?.string ?? "?")"
                return listener["open"]?.bool == false ? "\(place) (not open)" : place
            }
            text += parts.joined(separator: ", ") + "\n"
        }
        if let aliases = snapshot["aliases"] {
            text += AliasesView.text(aliases, usesColour: usesColour)
        }
        for pool in snapshot["pools"]?.elements ?? [] {
            text += "\n" + SnapshotText.pool(pool, usesColour: usesColour)
        }
        return text
    }

    /// What a change has made of an endpoint, one line each.
    public static func changed(_ answer: JSONValue, pool: String) -> String {
        var text = ""
        for endpoint in answer["endpoints"]?.elements ?? [] {
            let name = endpoint["name"]?.string ?? "?"
            let state = endpoint["administrative"]?.string ?? "?"
            text += "\(pool)/\(name) is \(state), health \(EndpointText.health(endpoint).text), "
            text += "\(number(endpoint["inFlight"])) in flight"
            if let seconds = endpoint["drainSeconds"]?.number {
                text += ", cut in \(SpanText.text(seconds))"
            }
            text += "\n"
        }
        return text
    }

    /// What has become of endpoints whose health was forced, or is judged again.
    public static func forced(_ document: JSONValue, pool: String) -> String {
        var text = ""
        for endpoint in document["endpoints"]?.elements ?? [] {
            let name = "\(pool)/\(endpoint["name"]?.string ?? "?")"
            let health = endpoint["health"]?.string ?? "?"
            let why = EndpointText.why(endpoint)
            text += "\(name) is \(health)\(why.isEmpty ? "" : ", \(why)")\n"
        }
        return text
    }

    private static func pool(_ pool: JSONValue, usesColour: Bool) -> String {
        let endpoints = pool["endpoints"]?.elements ?? []
        let working = endpoints.count { $0["takesWork"]?.bool == true }
        var title = TextTable.paint(pool["name"]?.string ?? "?", .strong, usesColour)
        if let balance = pool["balance"]?.string { title += "  \(balance)" }
        title += "  \(working) of \(endpoints.count) take work"
        if let skew = pool["skew"]?.number, skew >= 1.2 { title += ", skew \(skew)" }
        if let limit = pool["concurrency"]?["limit"]?.integer {
            title += ", \(number(pool["concurrency"]?["taken"])) of \(limit) requests at a time"
        }
        if let waiting = pool["waiting"]?.integer, waiting > 0 { title += ", \(waiting) wait" }
        title += "\n"
        guard !endpoints.isEmpty else { return title }
        var table = TextTable(
            [
                "ENDPOINT", "ADDRESS", "HEALTH", "FOR", "STATE", "ROLE", "WEIGHT", "IN FLIGHT",
                "SERVED", "FAILED", "WHY",
            ],
            usesColour: usesColour
        )
        for endpoint in endpoints { table.add(row(endpoint)) }
        return title + table.text
    }

    private static func row(_ endpoint: JSONValue) -> [TextTable.Cell] {
        let name = endpoint["name"]?.string ?? "?"
        let address = endpoint["address"]?.string ?? "not resolved"
        var state = endpoint["administrative"]?.string ?? "?"
        let isReady = state == "ready"
        if let seconds = endpoint["drainSeconds"]?.number {
            state += " \(SpanText.text(seconds))"
        }
        var inFlight = number(endpoint["inFlight"])
        let tunnels = endpoint["tunnels"]?.integer ?? 0
        if !isReady, tunnels > 0 { inFlight += " (\(tunnels) tunnels)" }
        var weight = number(endpoint["weight"])
        if endpoint["weightOverride"]?.integer != nil {
            weight += " (file \(number(endpoint["configuredWeight"])))"
        }
        return [
            TextTable.Cell(name, .strong),
            // The name of an endpoint without one is its address: once is enough.
            TextTable.Cell(address == name ? "" : address),
            EndpointText.health(endpoint),
            TextTable.Cell(SpanText.text(endpoint["ageSeconds"]?.number)),
            TextTable.Cell(state, isReady ? .none : .warn),
            TextTable.Cell(endpoint["role"]?.string ?? ""),
            TextTable.Cell(weight),
            TextTable.Cell(inFlight),
            TextTable.Cell(number(endpoint["succeeded"])),
            TextTable.Cell(number(endpoint["failed"])),
            TextTable.Cell(EndpointText.why(endpoint)),
        ]
    }

    private static func number(_ value: JSONValue?) -> String {
        value?.integer.map { "\($0)" } ?? "?"
    }
}

/// Words about one endpoint, from any document of the API that describes it.
enum EndpointText {
    static func health(_ endpoint: JSONValue) -> TextTable.Cell {
        let word = endpoint["health"]?.string ?? "?"
        if word == "down" { return TextTable.Cell("down", .bad) }
        if endpoint["ejected"]?.bool == true { return TextTable.Cell("ejected", .bad) }
        if endpoint["circuit"]?.string == "half-open" { return TextTable.Cell("half-open", .warn) }
        if word == "up" {
            let isUnchecked = endpoint["unchecked"]?.bool == true
            return TextTable.Cell(isUnchecked ? "up, unchecked" : "up", .good)
        }
        return TextTable.Cell(word, .warn)
    }

    /// The reason, unless it says no more than the health does.
    static func why(_ endpoint: JSONValue) -> String {
        let reason = endpoint["reason"]?.string ?? ""
        if let left = endpoint["forced"]?["seconds"]?.number {
            return "\(reason): \(SpanText.text(left)) left"
        }
        let detail = endpoint["detail"]?.string ?? ""
        if reason == "probe-passed" || reason == "no-probe" { return detail }
        return detail.isEmpty ? reason : "\(reason): \(detail)"
    }
}
