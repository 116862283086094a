// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What `martlet check` says about a file.
public enum CheckReport {
    /// Columns of an excerpt; longer lines are cut round the marked place.
    private static let excerptWidth = 100

    /// All findings with excerpts, and a last line that sums up.
    public static func text(_ result: ReadResult) -> String {
        let findings = result.diagnostics.map(text).joined(separator: "\n")
        let summary = summary(result)
        return findings.isEmpty ? summary : findings + "\n" + summary
    }

    /// The same as data.
    public static func json(_ result: ReadResult) -> JSONValue {
        [
            "file": .string(result.file),
            "valid": .bool(result.configuration != nil),
            "errors": .integer(Int64(result.errors.count)),
            "warnings": .integer(Int64(result.warnings.count)),
            "suppressed": .integer(Int64(result.suppressed)),
            "diagnostics": .array(result.diagnostics.map(\.json)),
        ]
    }

    /// One finding with its excerpt, ending in a line break.
    public static func text(_ diagnostic: Diagnostic) -> String {
        let start = diagnostic.range.start
        let severity = diagnostic.severity.rawValue
        var text = "\(severity)[\(diagnostic.code.rawValue)]: \(diagnostic.message)\n"
        let number = String(start.line)
        let margin = String(repeating: " ", count: number.count)
        text += "\(margin)--> \(diagnostic.file):\(start.line):\(start.column)\n"
        if !diagnostic.excerpt.isEmpty {
            let (line, caret) = excerpt(diagnostic)
            text += "\(margin) |\n\(number) | \(line)\n\(margin) | \(caret)\n"
        }
        if let suggestion = diagnostic.suggestion { text += "\(margin) = \(suggestion)\n" }
        return text
    }

    /// The line, and below it the mark under the range.
    private static func excerpt(_ diagnostic: Diagnostic) -> (line: String, caret: String) {
        let line = Array(diagnostic.excerpt.unicodeScalars)
        let range = diagnostic.range
        let first = Swift.min(Swift.max(range.start.column - 1, 0), line.count)
        let isOneLine = range.end.line == range.start.line
        let end = isOneLine ? Swift.min(range.end.column - 1, line.count) : line.count
        let from = first < excerptWidth - 20 ? 0 : first - 20
        let shown = line[from..<Swift.min(line.count, from + excerptWidth)]
        let width = Swift.max(1, Swift.min(end, from + shown.count) - first)
        var cut = from > 0 ? "..." : ""
        let blanks = String(repeating: " ", count: cut.count + first - from)
        cut.unicodeScalars.append(contentsOf: shown)
        if from + shown.count < line.count { cut += "..." }
        return (cut, blanks + String(repeating: "^", count: width))
    }

    private static func summary(_ result: ReadResult) -> String {
        let errors = result.errors.count
        let warnings = result.warnings.count
        var parts: [String] = []
        if errors > 0 { parts.append(count(errors, "error")) }
        if warnings > 0 { parts.append(count(warnings, "warning")) }
        if result.suppressed > 0 { parts.append("\(result.suppressed) more not shown") }
        guard let settings = result.configuration?.settings else {
            return "\(result.file): \(parts.joined(separator: ", "))\n"
        }
        let contents = contents(settings)
        let findings = parts.isEmpty ? "" : ", \(parts.joined(separator: ", "))"
        let holds = contents.isEmpty ? "empty" : contents
        return "\(result.file): valid\(findings) (\(holds))\n"
    }

    private static func contents(_ settings: Settings) -> String {
        let endpoints = settings.pools.reduce(0) { $0 + $1.endpoints.count }
        let parts = [
            (settings.listeners.count, "listener"), (settings.pools.count, "pool"),
            (endpoints, "endpoint"), (settings.probes.count, "probe"),
            (settings.routes.count, "route"), (settings.zones.count, "zone"),
        ]
        return parts.filter { $0.0 > 0 }.map(count).joined(separator: ", ")
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}
