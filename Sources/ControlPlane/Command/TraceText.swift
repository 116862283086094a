// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// A trace as `martlet query +trace` shows it.
struct TraceText {
    let order: QueryOrder
    let usesColour: Bool

    /// What is told before the first step.
    var head: String { "\(order.name) \(order.type), layer by layer\n" }

    /// One step: who was asked and what came of it, then what was in it.
    func step(_ step: TraceStep) -> String {
        let indent = String(repeating: "  ", count: step.depth + 1)
        var line = indent + paint(place(step), .strong)
        if step.depth > 0 || step.layer == .authority && step.name != order.name {
            line += "  \(step.name) \(step.type)"
        }
        line += "  " + verdict(step)
        if let elapsed = step.elapsed {
            let way = step.transport.map { " by \($0.rawValue)" } ?? ""
            line += paint("  \(QueryText.time(elapsed))\(way)", .soft)
        }
        var lines = [line]
        for record in step.records { lines.append("\(indent)    \(QueryText.line(record))") }
        for server in step.servers {
            let addresses = server.addresses.map { "\($0.ip)" }.joined(separator: ", ")
            let glue = addresses.isEmpty ? "no address in the referral" : addresses
            lines.append("\(indent)    \(server.name.map { "\($0)" } ?? "")  \(glue)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func place(_ step: TraceStep) -> String {
        switch step.layer {
        case .hosts: return "hosts file \(order.hostsPath)"
        case .resolver: return "resolver \(step.server.map { "\($0)" } ?? "")"
        case .authority:
            let name = step.serverName.map { "\($0) " } ?? ""
            let zone = step.zone.map { "\($0)" } ?? ""
            guard let server = step.server else { return "zone \(zone)" }
            return "zone \(zone)  \(name)\(server)"
        }
    }

    private func verdict(_ step: TraceStep) -> String {
        let note = step.note.isEmpty ? "" : ": \(step.note)"
        let signed = step.isSigned ? ", with signatures" : ""
        switch step.verdict {
        case .answer where step.layer == .resolver:
            return paint("answers", .good) + (step.isVerified ? ", verified (AD)" : "") + note
        case .answer: return paint("answers", .good) + signed + note
        case .alias: return "is an alias" + signed + note
        case .noData: return paint("has no such records", .warn) + signed + note
        case .noName where step.layer == .hosts: return "does not have the name"
        case .noName: return paint("the name does not exist", .warn) + signed + note
        case .referral:
            return "refers to \(step.cut.map { "\($0)" } ?? "")" + security(step) + note
        case .lame: return paint("is lame", .bad) + note
        case .refusal:
            let code = step.code.map { " (\($0))" } ?? ""
            return paint("refuses", .bad) + (step.note.isEmpty ? code : note)
        case .silence: return paint("gives no answer", .bad) + note
        case .loop: return paint("leads in a circle", .bad) + note
        case .skipped: return "is passed over" + note
        }
    }

    private func security(_ step: TraceStep) -> String {
        switch step.security {
        case .signed?: ", signed (DS)"
        case .provenUnsigned?: ", proven to be unsigned"
        case .unsigned?: ", unsigned (no DS)"
        case nil: ""
        }
    }

    /// What is told after the last step.
    func end(_ machine: TraceMachine, _ outcome: TraceOutcome) -> String {
        var lines = ["", TraceText.sentence(outcome)]
        if let cache = TraceText.sentence(machine.cacheState) { lines.append(cache) }
        lines.append(TraceText.chain(machine.steps))
        return lines.joined(separator: "\n") + "\n"
    }

    private static func sentence(_ outcome: TraceOutcome) -> String {
        switch outcome {
        case .answer: "The authority has answered."
        case .noData: "The authority says that the name has no such records."
        case .noName: "The authority says that the name does not exist."
        // A name at the end has a dot of its own.
        case .broken(let reason): "There is no answer: \(reason)\(reason.hasSuffix(".") ? "" : ".")"
        }
    }

    private static func sentence(_ state: CacheState) -> String? {
        switch state {
        case .unknown: nil
        case .fresh: "The resolver's TTL is the authority's: it has just asked, or does not keep."
        case .cached(let age, let full):
            "The resolver answers from its cache: \(age) s of the TTL of \(full) s are over."
        case .longer(let ttl, let full):
            "The resolver's TTL of \(ttl) s is longer than the authority's \(full) s: it raises "
                + "TTLs, or keeps what was there before a change."
        }
    }

    // Whether signatures are there, not whether they are good: a resolver or `delv` verifies.
    private static func chain(_ steps: [TraceStep]) -> String {
        let own = steps.filter { $0.layer == .authority && $0.depth == 0 }
        let open = own.first { $0.verdict == .referral && $0.security != .signed }
        if let cut = open?.cut { return "Not signed from \(cut) on: the delegation has no DS." }
        let last = own.last { [.answer, .noData, .noName].contains($0.verdict) }
        guard let last else { return "Whether the name is signed is not known." }
        return last.isSigned
            ? "DS and signatures are there all the way; they were not verified."
            : "The last answer has no signatures."
    }

    /// The same as data.
    func json(_ machine: TraceMachine, _ outcome: TraceOutcome) -> JSONValue {
        var reason = JSONValue.null
        var word = "answer"
        switch outcome {
        case .answer: break
        case .noData: word = "no-data"
        case .noName: word = "no-name"
        case .broken(let text): (word, reason) = ("broken", .string(text))
        }
        return [
            "name": .string("\(order.name)"), "type": .string("\(order.type)"),
            "outcome": .string(word), "reason": reason,
            "cache": TraceText.json(machine.cacheState),
            "signatures": .string(TraceText.chain(machine.steps)),
            "steps": .array(machine.steps.map(TraceText.json)),
        ]
    }

    private static func json(_ state: CacheState) -> JSONValue {
        switch state {
        case .unknown: .null
        case .fresh: ["state": "fresh"]
        case .cached(let age, let full):
            [
                "state": "cached", "age": .integer(Int64(age)), "ttl": .integer(Int64(full)),
            ]
        case .longer(let ttl, let full):
            [
                "state": "longer", "resolverTTL": .integer(Int64(ttl)),
                "ttl": .integer(Int64(full)),
            ]
        }
    }

    private static func json(_ step: TraceStep) -> JSONValue {
        func text<Value: CustomStringConvertible>(_ value: Value?) -> JSONValue {
            value.map { .string("\($0)") } ?? .null
        }
        let servers = step.servers.map { server -> JSONValue in
            [
                "name": text(server.name),
                "addresses": .array(server.addresses.map { .string("\($0.ip)") }),
            ]
        }
        return [
            "layer": .string(step.layer.rawValue), "depth": .integer(Int64(step.depth)),
            "zone": text(step.zone), "name": .string("\(step.name)"),
            "type": .string("\(step.type)"), "serverName": text(step.serverName),
            "server": text(step.server),
            "transport": text(step.transport?.rawValue.lowercased()),
            "milliseconds": step.elapsed.map { .number(QueryText.milliseconds($0)) } ?? .null,
            "verdict": .string(step.verdict.rawValue), "note": .string(step.note),
            "status": text(step.code), "authoritative": .bool(step.isAuthoritative),
            "verified": .bool(step.isVerified), "signed": .bool(step.isSigned),
            "records": .array(step.records.map(QueryText.json)), "cut": text(step.cut),
            "delegation": text(step.security?.rawValue), "servers": .array(servers),
        ]
    }

    private func paint(_ text: String, _ tint: TextTable.Tint) -> String {
        TextTable.paint(text, tint, usesColour)
    }
}
