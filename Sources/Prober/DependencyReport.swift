// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a JSON health body says of the things its service depends on.
///
/// There is no one standard, so the shapes in common use are read:
///
///     {"status": "fail", "checks": {"db": {"status": "fail"}}}          Eclipse, Spring, ASP.NET
///     {"checks": {"db:responseTime": [{"status": "fail"}]}}             draft-inadarei health+json
///     {"dependencies": [{"name": "db", "status": "fail"}]}              arrays with names
///     {"db": "fail", "cache": {"status": "ok"}}                         flat
struct DependencyReport: Equatable {
    struct Failure: Equatable {
        let name: String
        let word: String
    }

    /// Dependencies that fail, in the order of the body.
    private(set) var failing: [Failure] = []
    /// True when the body gives any status at all.
    private(set) var isTelling = false
    private var whole = ""

    /// Names listed one by one in ``failingText``; more are counted.
    static let namesShown = 4

    private static let containers: Set<String> = [
        "checks", "dependencies", "components", "details", "results", "entries", "services",
    ]
    private static let statusNames: Set<String> = ["status", "state", "health"]
    private static let failingWords: Set<String> = [
        "fail", "failed", "failing", "failure", "error", "down", "unhealthy", "critical",
        "unavailable", "out_of_service", "dead",
    ]
    private static let passingWords: Set<String> = [
        "pass", "passed", "passing", "ok", "up", "healthy", "warn", "warning", "degraded",
        "unknown", "ready", "alive", "available",
    ]

    /// Reads a body; one that is no JSON object says nothing.
    init(_ body: Span<UInt8>) {
        guard DependencyReport.beginsObject(body) else { return }
        let limits = JSONLimits(bytes: 1 << 20, depth: 16, values: 4_096)
        guard let document = try? JSONReader.read(body, limits: limits),
            let members = document.members
        else { return }
        for member in members { readTop(member) }
    }

    // Most bodies are no JSON at all; they are not worth a parser's error.
    private static func beginsObject(_ body: Span<UInt8>) -> Bool {
        for index in body.indices {
            switch body[index] {
            case 0x20, 0x09, 0x0a, 0x0d: continue
            case UInt8(ascii: "{"): return true
            default: return false
            }
        }
        return false
    }

    private mutating func readTop(_ member: JSONMember) {
        let name = member.name.lowercased()
        if Self.statusNames.contains(name), let word = member.value.string {
            isTelling = true
            if Self.failingWords.contains(word.lowercased()) { whole = word.lowercased() }
        } else if Self.containers.contains(name) {
            readContainer(member.value)
        } else if member.value.members != nil {
            read(member.name, member.value)
        } else if let word = member.value.string?.lowercased() {
            // A flat text is a status only when it is a word for one: `"version": "down"` is rare.
            if Self.failingWords.contains(word) || Self.passingWords.contains(word) {
                note(member.name, word)
            }
        }
    }

    private mutating func readContainer(_ value: JSONValue) {
        for member in value.members ?? [] { read(member.name, member.value) }
        for element in value.elements ?? [] {
            let name = ["name", "id", "component", "componentId"].lazy
                .compactMap { element[$0]?.string }.first
            read(name ?? "dependency", element)
        }
    }

    /// Reads one dependency: a word, a truth value, an object with a status, or a list of those.
    private mutating func read(_ name: String, _ value: JSONValue) {
        switch value {
        case .string(let word): note(name, word.lowercased())
        case .bool(let passes): note(name, passes ? "ok" : "fail")
        case .array(let elements):
            // One line per name, and the worst of its measurements decides.
            let words = elements.compactMap(DependencyReport.status)
            guard let word = words.first(where: Self.failingWords.contains) ?? words.first else {
                return
            }
            note(name, word)
        default:
            if let word = DependencyReport.status(value) { note(name, word) }
        }
    }

    private static func status(_ value: JSONValue) -> String? {
        for member in value.members ?? [] where statusNames.contains(member.name.lowercased()) {
            if let word = member.value.string { return word.lowercased() }
            if let passes = member.value.bool { return passes ? "ok" : "fail" }
        }
        for member in value.members ?? [] where member.name.lowercased() == "healthy" {
            if let passes = member.value.bool { return passes ? "ok" : "fail" }
        }
        return nil
    }

    private mutating func note(_ name: String, _ word: String) {
        isTelling = true
        guard Self.failingWords.contains(word) else { return }
        failing.append(Failure(name: DependencyReport.plain(name), word: word))
    }

    // Names go into logs, metrics and pages: short, and nothing that means something there.
    private static func plain(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars.prefix(32) {
            let isPlain =
                scalar.isASCII
                && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                    || "._:-/".unicodeScalars.contains(scalar))
            text.unicodeScalars.append(isPlain ? scalar : "_")
        }
        return text.isEmpty ? "dependency" : text
    }

    /// `db=fail cache=down +2`, or `status=fail` when only the whole is called failing; else empty.
    var failingText: String {
        guard !failing.isEmpty else { return whole.isEmpty ? "" : "status=\(whole)" }
        var parts = failing.prefix(Self.namesShown).map { "\($0.name)=\($0.word)" }
        if failing.count > Self.namesShown { parts.append("+\(failing.count - Self.namesShown)") }
        return parts.joined(separator: " ")
    }
}
