// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders the failover times of the API for the terminal.
public enum FailoverText {
    /// Every name with its parts, at best, on average and at worst.
    public static func text(_ document: JSONValue, usesColour: Bool) -> String {
        let names = document["names"]?.elements ?? []
        guard !names.isEmpty else { return "no name is steered\n" }
        return names.map { name($0, usesColour) }.joined(separator: "\n")
    }

    private static func name(_ name: JSONValue, _ usesColour: Bool) -> String {
        let owner = TextTable.paint(name["name"]?.string ?? "?", .strong, usesColour)
        var text = "\(owner)  policy \(name["policy"]?.string ?? "?")"
        if let within = name["withinSeconds"]?.number {
            let isWithin = name["isWithin"]?.bool == true
            let verdict = "failover-within \(seconds(within)): \(isWithin ? "kept" : "not kept")"
            text += "  " + TextTable.paint(verdict, isWithin ? .good : .warn, usesColour)
        }
        text += "\n"
        let unchecked = name["unchecked"]?.elements?.compactMap(\.string) ?? []
        if !unchecked.isEmpty {
            let line =
                "\(unchecked.joined(separator: ", ")): nothing is probed, "
                + "a failure is never noticed"
            text += "  " + TextTable.paint(line, .warn, usesColour) + "\n"
        }
        if name["hasSpare"]?.bool == false {
            text += "  one target alone: there is nothing to fail over to\n"
        }
        let probes = name["probes"]?.elements ?? []
        return text + probes.map { probe($0, usesColour) }.joined()
    }

    private static func probe(_ probe: JSONValue, _ usesColour: Bool) -> String {
        let targets = probe["targets"]?.elements?.compactMap(\.string) ?? []
        func span(_ key: String) -> String { seconds(probe[key]?.number ?? 0) }
        func ttl(_ key: String) -> String { "\(probe["ttlSeconds"]?[key]?.integer ?? 0) s" }
        let shown = targets.prefix(4).joined(separator: ", ")
        let more = targets.count > 4 ? " and \(targets.count - 4) more" : ""
        var text = "  \(shown)\(more)\n"
        let isReturn = probe["decidedWhen"]?.string == "up"
        text += "  probe \(probe["name"]?.string ?? "?")"
        if let decider = probe["decidedBy"]?.string {
            text += " is calculated: at worst \(decider)\(isReturn ? " coming up" : "") decides"
        }
        text += ": every \(span("intervalSeconds")), "
        text += "while \(isReturn ? "returning" : "failing") "
        text += "every \(span("fastIntervalSeconds")), \(isReturn ? "up" : "down") "
        text += "by \(probe["fall"]?.integer ?? 0), timeout \(span("timeoutSeconds")), "
        text += "jitter \(probe["jitterPercent"]?.integer ?? 0) %\n"
        text += "  TTL \(ttl("healthy")) while healthy, \(ttl("beforeVerdict")) before the "
        text += "verdict, at most \(ttl("most"))\n\n"
        var table = TextTable(
            ["TARGET", "PART", "BEST", "TYPICAL", "WORST"],
            usesColour: usesColour
        )
        for fault in ["refuses", "hangs"] { add(probe[fault], fault, to: &table) }
        return text + table.text + "\n  \(probe["advice"]?.string ?? "")\n"
    }

    private static func add(_ time: JSONValue?, _ fault: String, to table: inout TextTable) {
        var first = fault
        func row(_ part: String, _ span: JSONValue?, _ tint: TextTable.Tint = .none) {
            let cells = ["best", "typical", "worst"].map { key in
                TextTable.Cell(seconds(span?[key]?.number ?? 0), tint)
            }
            table.add([TextTable.Cell(first), TextTable.Cell(part, tint)] + cells)
            first = ""
        }
        for part in ["detection", "propagation", "ttl", "rounding"] {
            row(part == "ttl" ? "TTL" : part, time?[part])
        }
        row("failover", time?["total"], .strong)
        for floor in time?["floors"]?.elements ?? [] {
            let length = floor["floorSeconds"]?.integer ?? 0
            let share = floor["sharePercent"]?.integer ?? 0
            row("where resolvers keep \(length) s at least (\(share) %)", floor["total"])
        }
        row("all clients together", time?["all"], .strong)
    }

    /// A length of time for people: `0.1 s`, `27 s`, to the hundredth.
    static func seconds(_ value: Double) -> String {
        let hundredths = (min(max(value, 0), 1e12) * 100).rounded()
        let whole = Int64(hundredths) / 100
        let rest = Int64(hundredths) % 100
        guard rest > 0 else { return "\(whole) s" }
        let digits = rest % 10 == 0 ? "\(rest / 10)" : (rest < 10 ? "0\(rest)" : "\(rest)")
        return "\(whole).\(digits) s"
    }

    static func span(_ interval: Interval) -> String { seconds(interval.seconds) }
}
