// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders policies that change while they serve for the terminal.
public enum SteeringText {
    /// Weights, rollouts, rest and migrations.
    public static func text(_ document: JSONValue, usesColour: Bool) -> String {
        let weighted = (document["weighted"]?.elements ?? []).filter {
            $0["isTop"]?.bool == true || isChanging($0)
        }
        let settling = document["settling"]?.elements ?? []
        let moves = document["migrations"]?.elements ?? []
        var parts: [String] = []
        parts += weighted.map { policy($0, usesColour) }
        parts += settling.map(settle)
        parts += moves.map { migration($0, usesColour) }
        return parts.isEmpty ? "no policy changes while it serves\n" : parts.joined(separator: "\n")
    }

    private static func isChanging(_ policy: JSONValue) -> Bool {
        (policy["branches"]?.elements ?? []).contains { $0["source"]?.string != "file" }
    }

    private static func policy(_ policy: JSONValue, _ usesColour: Bool) -> String {
        let name = policy["policy"]?.string ?? "?"
        let nested = policy["isTop"]?.bool == true ? "" : "  (inside it)"
        var text = TextTable.paint(name, .strong, usesColour) + nested + "\n"
        var table = TextTable(
            ["BRANCH", "WEIGHT", "SHARE", "BY", "LOAD", "NEXT CHANGE"],
            usesColour: usesColour
        )
        for branch in policy["branches"]?.elements ?? [] {
            let share = (branch["share"]?.number ?? 0) * 100
            let load = branch["load"]?.number.map { "\(Int(($0 * 100).rounded())) %" } ?? ""
            table.add([
                .init(branch["branch"]?.string ?? "?"),
                "\(branch["weight"]?.integer ?? 0)",
                "\((share * 10).rounded() / 10) %",
                .init(branch["source"]?.string ?? "?"),
                .init(load),
                .init(branch["nextChange"]?.string ?? ""),
            ])
        }
        text += table.text
        if let rollout = policy["rollout"], !rollout.isNull { text += self.rollout(rollout) }
        return text
    }

    private static func rollout(_ rollout: JSONValue) -> String {
        let phase = rollout["phase"]?.string ?? "?"
        let steps = rollout["steps"]?.elements?.compactMap(\.integer) ?? []
        var text = "  rollout of \(rollout["branch"]?.string ?? "?"): \(phase)"
        if let share = rollout["share"]?.integer { text += " at \(share) %" }
        text += ", steps " + steps.map { "\($0) %" }.joined(separator: ", ")
        if let next = rollout["nextStep"]?.string { text += ", next step at \(next)" }
        if let reason = rollout["reason"]?.string { text += ": \(reason)" }
        return text + "\n"
    }

    private static func settle(_ settle: JSONValue) -> String {
        let rest = settle["restsForSeconds"]?.number ?? 0
        var text =
            "\(settle["policy"]?.string ?? "?"): \(settle["changes"]?.integer ?? 0) changes, "
        text += "\(settle["flaps"]?.integer ?? 0) flaps"
        guard rest > 0 else { return text + "\n" }
        text += ", rests for \(Int(rest.rounded(.up))) s"
        return text + ", \(settle["waiting"]?.integer ?? 0) members wait\n"
    }

    private static func migration(_ move: JSONValue, _ usesColour: Bool) -> String {
        let name = TextTable.paint(move["migration"]?.string ?? "?", .strong, usesColour)
        var text = "migration \(name): \(move["policy"]?.string ?? "?") to "
        text += "\(move["to"]?.string ?? "?"), \(move["phase"]?.string ?? "?")"
        if let ttl = move["ttl"]?.integer { text += ", TTL \(ttl) s" }
        if let ready = move["readyAt"]?.string { text += ", may move from \(ready)" }
        if let next = move["nextChange"]?.string { text += ", next change at \(next)" }
        return text + "\n"
    }
}
