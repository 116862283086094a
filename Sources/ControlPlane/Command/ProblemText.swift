// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders a refusal of the API for the terminal.
public enum ProblemText {
    /// What is wrong, every error of a configuration, and what to do.
    public static func text(_ problem: JSONValue) -> String {
        let code = problem["code"]?.string.map { " (\($0))" } ?? ""
        let title = problem["title"]?.string ?? "the request was refused"
        var lines = ["martlet: \(title)\(code)"]
        if let detail = problem["detail"]?.string { lines.append("  \(detail)") }
        for error in problem["errors"]?.elements ?? [] { lines.append("  \(diagnostic(error))") }
        if let remedy = problem["remedy"]?.string { lines.append("  \(remedy)") }
        return lines.joined(separator: "\n")
    }

    /// `file:line:column: M1203 message`, of what the document holds of it.
    private static func diagnostic(_ error: JSONValue) -> String {
        var place = error["file"]?.string ?? ""
        if let line = error["line"]?.integer { place += ":\(line)" }
        if let column = error["column"]?.integer { place += ":\(column)" }
        let parts = [
            place.isEmpty ? "" : "\(place):", error["code"]?.string ?? "",
            error["message"]?.string ?? error["text"]?.string ?? "",
        ]
        let text = parts.filter { !$0.isEmpty }.joined(separator: " ")
        return text.isEmpty ? error.text() : text
    }
}
