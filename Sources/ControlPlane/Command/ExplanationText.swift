// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders explanations of the API for the terminal.
public enum ExplanationText {
    /// Where a request would go, and why.
    public static func request(_ document: JSONValue, usesColour: Bool) -> String {
        var text = ""
        let status = document["status"]?.integer.map { "\($0) " } ?? ""
        let isOwn = document["pool"]?.isNull ?? true
        if let route = document["route"], !route.isNull {
            text += line("route", place(route))
            if let why = route["why"]?.string { text += line("", why) }
            text += line("action", document["action"]?.string ?? "?")
            if let limit = document["limit"]?.string { text += line("limit", limit) }
            if let access = document["access"]?.string { text += line("access", access) }
            text += cache(document["cache"])
            if let retry = document["retry"]?.string { text += line("retry", retry) }
            text += answer(document)
            if let hedge = document["hedge"]?.string { text += line("hedge", hedge) }
            if let mirror = document["mirror"]?.string { text += line("mirror", mirror) }
            if let limit = document["concurrency"]?.string { text += line("limit", limit) }
            if let queue = document["queue"]?.string { text += line("queue", queue) }
        }
        if document["reason"] == "depends-on-body" {
            text += line("route", document["why"]?.string ?? "")
        } else if isOwn {
            let answer = "\(status)\(document["reason"]?.string ?? "")"
            let isGood = document["status"]?.integer ?? 500 < 400
            text += line(
                "answer",
                TextTable.paint(answer, isGood ? .strong : .bad, usesColour) + " by the door itself"
            )
            if let why = document["why"]?.string, document["route"]?.isNull ?? true {
                text += line("", why)
            }
        }
        for one in document["passthrough"]?.elements ?? [] {
            let listener = one["listener"]?.string ?? "?"
            let pool = one["pool"]?.string ?? "?"
            text += line("but", "\(listener) passes this name on to pool \(pool), unread")
        }
        for other in document["passedOver"]?.elements ?? [] {
            text += line("not", "\(place(other)), which fits too and comes later")
        }
        for other in document["unmet"]?.elements ?? [] {
            text += line("not", "\(place(other)), whose condition does not hold")
        }
        guard let pool = document["pool"], !pool.isNull else { return text }
        text += line("balance", pool["balance"]?.string ?? "?")
        text += chosen(pool, usesColour)
        return text + "\n" + candidates(pool, usesColour)
    }

    /// What the cache in front of the endpoints makes of the request.
    private static func cache(_ cache: JSONValue?) -> String {
        guard let cache, let name = cache["name"]?.string else { return "" }
        let may = cache["mayAnswer"]?.bool == true ? "may answer" : "is not asked"
        var text = line("cache", "\(name) \(may): \(cache["why"]?.string ?? "?")")
        if let key = cache["key"]?.string { text += line("", "key \(TextTable.Cell(key).text)") }
        if let way = cache["fetch"]?.string {
            text += line("", "fetched \(TextTable.Cell(way).text)")
        }
        return text
    }

    /// How endpoints are asked, and what becomes of what they answer.
    private static func answer(_ document: JSONValue) -> String {
        var text = ""
        if let origin = document["protocol"]?.string { text += line("protocol", origin) }
        if let coding = document["compression"]?.string { text += line("compress", coding) }
        for (number, edit) in (document["responseHeaders"]?.elements ?? []).enumerated() {
            text += line(number == 0 ? "headers" : "", edit.string ?? "")
        }
        return text
    }

    private static func place(_ route: JSONValue) -> String {
        let place = "\(route["host"]?.string ?? "?") \(route["path"]?.string ?? "?")"
        guard let condition = route["when"]?.string else { return place }
        return "\(place) when \(condition)"
    }

    /// What a query would get, and why.
    public static func query(_ document: JSONValue, usesColour: Bool) -> String {
        var text = supposition(document["supposition"])
        for step in document["steps"]?.elements ?? [] {
            let zone = step["zone"]?.string.map { " in zone \($0)" } ?? ""
            text += line("name", "\(step["name"]?.string ?? "?")\(zone)")
            text += line("", step["why"]?.string ?? "")
        }
        if let alias = document["alias"], !alias.isNull {
            text += line(
                "alias",
                "\(alias["owner"]?.string ?? "?") has the addresses of "
                    + "\(alias["target"]?.string ?? "?")"
            )
            let failure = alias["failure"]?.string.map { ", the latest lookup failed: \($0)" }
            let state = alias["state"]?.string.map { "\($0)\(failure ?? "")" }
            text += line("", state ?? "served here")
        }
        if let policy = document["policy"], !policy.isNull {
            text += line("policy", policy["name"]?.string ?? "?")
            if let why = policy["why"]?.string { text += line("", why) }
            text += PlaceText.client(document["place"])
            text += path(policy, usesColour)
            text += line("scope", scope(policy))
            if let ttl = document["ttl"]?.integer {
                text += line("ttl", "\(ttl): \(document["whyTTL"]?.string ?? "")")
            }
        }
        let isSupposed = document["supposition"]?.isNull == false
        let code = document["rcode"]?.string ?? "?"
        text += line("answer", isSupposed ? "\(code), if it were so" : code)
        for record in document["records"]?.elements ?? [] {
            text += line("", record.string ?? record.text())
        }
        if document["truncatedOverUDP"]?.bool == true {
            text += line("", "over UDP it is cut: the client asks again over TCP")
        }
        guard let policy = document["policy"], !policy.isNull else { return text }
        return text + "\n" + members(policy, usesColour)
    }

    /// What is supposed, in front of all that follows from it.
    private static func supposition(_ supposition: JSONValue?) -> String {
        guard let supposition, !supposition.isNull else { return "" }
        var text = ""
        for assumption in supposition["assumptions"]?.elements ?? [] {
            let (what, state) = (
                assumption["what"]?.string ?? "?", assumption["state"]?.string ?? "?"
            )
            let names = (assumption["endpoints"]?.elements ?? []).compactMap(\.string)
            let shown = names.prefix(8).joined(separator: ", ")
            let rest = names.count > 8 ? " and \(names.count - 8) more" : ""
            text += line("suppose", "\(what) is \(word(state)) (\(shown)\(rest))")
        }
        if let time = supposition["time"]?.string {
            let after = supposition["afterSeconds"]?.number ?? 0
            let span = SpanText.text(abs(after))
            text += line("suppose", "it is \(time), \(after < 0 ? "\(span) ago" : "in \(span)")")
        }
        for note in supposition["notes"]?.elements ?? [] { text += line("", note.string ?? "") }
        return text
    }

    private static func word(_ state: String) -> String {
        switch state {
        case "drain": "drained"
        case "maintenance": "in maintenance"
        default: state
        }
    }

    private static func line(_ name: String, _ value: String) -> String {
        let pad = String(repeating: " ", count: max(9 - name.count, 1))
        return "\(name)\(pad)\(value)\n"
    }

    private static func chosen(_ pool: JSONValue, _ usesColour: Bool) -> String {
        let why = pool["why"]?.string ?? ""
        guard let name = pool["chosen"]?.string else {
            let outcome = TextTable.paint(pool["outcome"]?.string ?? "none", .bad, usesColour)
            return line("chosen", "nobody, \(outcome)") + line("", why)
        }
        return line("chosen", TextTable.paint(name, .strong, usesColour)) + line("", why)
    }

    private static func candidates(_ pool: JSONValue, _ usesColour: Bool) -> String {
        var table = TextTable(
            [
                "", "ENDPOINT", "ADDRESS", "HEALTH", "FOR", "STATE", "ROLE", "WEIGHT", "TIER",
                "IN FLIGHT", "WHY NOT",
            ],
            usesColour: usesColour
        )
        for candidate in pool["candidates"]?.elements ?? [] {
            let name = candidate["name"]?.string ?? "?"
            let address = candidate["address"]?.string ?? "?"
            let state = candidate["administrative"]?.string ?? "?"
            table.add([
                TextTable.Cell(candidate["chosen"]?.bool == true ? "->" : ""),
                TextTable.Cell(name, .strong),
                TextTable.Cell(address == name ? "" : address),
                EndpointText.health(candidate),
                TextTable.Cell(SpanText.text(candidate["ageSeconds"]?.number)),
                TextTable.Cell(state, state == "ready" ? .none : .warn),
                TextTable.Cell(candidate["role"]?.string ?? ""),
                TextTable.Cell(weight(candidate["weight"])),
                TextTable.Cell(candidate["tier"]?.integer.map { "\($0)" } ?? ""),
                TextTable.Cell(candidate["inFlight"]?.integer.map { "\($0)" } ?? ""),
                TextTable.Cell(whyNot(candidate)),
            ])
        }
        return table.text
    }

    /// Why it could not be chosen; for a forced health, how long that lasts as well.
    private static func whyNot(_ candidate: JSONValue) -> String {
        var why = candidate["whyNot"]?.string ?? ""
        let detail = candidate["detail"]?.string ?? ""
        if candidate["health"]?.string == "down", !detail.isEmpty {
            why += why.isEmpty ? detail : ": \(detail)"
        }
        guard let left = candidate["forcedSeconds"]?.number else { return why }
        let end = "\(SpanText.text(left)) left"
        return why.isEmpty ? "forced-up, \(end)" : "\(why), \(end)"
    }

    /// `3`, or every factor when there is more than one: `1.5 = overlay 3 x slow start 0.5`.
    private static func weight(_ weight: JSONValue?) -> String {
        let configured = weight?["configured"]?.integer ?? 0
        let overlay = weight?["overlay"]?.integer
        let factor = weight?["slowStartFactor"]?.number ?? 1
        guard overlay != nil || factor != 1 else { return "\(configured)" }
        var text = overlay.map { "overlay \($0)" } ?? "file \(configured)"
        if factor != 1, let effective = weight?["effective"]?.number {
            text = "\(rounded(effective)) = \(text) x slow start \(rounded(factor))"
        }
        return text
    }

    private static func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }

    /// The tree, what was taken marked by an arrow.
    private static func path(_ policy: JSONValue, _ usesColour: Bool) -> String {
        var text = ""
        for step in policy["steps"]?.elements ?? [] {
            let depth = Int(step["depth"]?.integer ?? 0)
            let isChosen = step["chosen"]?.bool == true
            let (name, kind) = (step["name"]?.string ?? "?", step["kind"]?.string ?? "?")
            var words = TextTable.paint(name, isChosen ? .strong : .none, usesColour)
            if kind != name { words += " \(kind)" }
            if step["live"]?.bool != true {
                words += TextTable.paint(" not live", .bad, usesColour)
            }
            let pad = String(repeating: "  ", count: min(depth, 16))
            let why = step["why"]?.string ?? ""
            let whyNot = step["whyNot"]?.string ?? ""
            words += why.isEmpty ? "" : ": \(why)"
            text += line(
                isChosen ? "->" : "",
                pad + words + (whyNot.isEmpty ? "" : "; not taken: \(whyNot)")
            )
            text += PlaceText.distances(step, pad: pad)
        }
        return text
    }

    private static func scope(_ policy: JSONValue) -> String {
        guard let scope = policy["scope"]?.integer, scope > 0 else {
            return "/0: the same for every client"
        }
        return "/\(scope): for clients that share so many leading bits"
    }

    private static func members(_ policy: JSONValue, _ usesColour: Bool) -> String {
        var table = TextTable(
            [
                "", "MEMBER", "ADDRESS", "BRANCH", "SUPPOSED", "HEALTH", "FOR", "STATE", "WEIGHT",
                "WHY",
            ],
            usesColour: usesColour
        )
        for member in policy["candidates"]?.elements ?? [] {
            let name = member["name"]?.string ?? "?"
            let address = member["address"]?.string ?? "?"
            let state = member["administrative"]?.string ?? "?"
            table.add([
                TextTable.Cell(member["answered"]?.bool == true ? "->" : ""),
                TextTable.Cell(name, .strong),
                TextTable.Cell(address == name ? "" : address),
                TextTable.Cell(member["path"]?.string ?? ""),
                TextTable.Cell(member["supposed"]?.string ?? "", .warn),
                EndpointText.health(member),
                TextTable.Cell(SpanText.text(member["ageSeconds"]?.number)),
                TextTable.Cell(state, state == "ready" ? .none : .warn),
                TextTable.Cell(weight(member["weight"])),
                TextTable.Cell(EndpointText.why(member)),
            ])
        }
        return table.text
    }
}
