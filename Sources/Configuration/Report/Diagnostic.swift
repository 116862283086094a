// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// One finding in a configuration.
public struct Diagnostic: Sendable, Equatable, Error {
    /// What is wrong, as a stable code.
    public var code: DiagnosticCode
    /// The file it is in: the configuration, or a zone file.
    public var file: String
    /// Where in the file.
    public var range: SourceRange
    /// The option, as `pools.api.endpoints[0].weight`; empty for the file as a whole.
    public var option: String
    /// What is wrong, in one sentence without a full stop.
    public var message: String
    /// What to write instead or to do.
    public var suggestion: String?
    /// The line of the text that ``range`` begins on.
    public var excerpt: String

    /// Whether the configuration is refused for it.
    public var severity: Severity { code.severity }
}

extension Diagnostic: CustomStringConvertible {
    /// `martlet.yaml:3:5: error[M1101]: unknown key`.
    public var description: String {
        let place = "\(file):\(range.start.line):\(range.start.column)"
        return "\(place): \(severity.rawValue)[\(code.rawValue)]: \(message)"
    }

    /// The finding as data.
    public var json: JSONValue {
        [
            "code": .string(code.rawValue),
            "severity": .string(severity.rawValue),
            "file": .string(file),
            "line": .integer(Int64(range.start.line)),
            "column": .integer(Int64(range.start.column)),
            "endLine": .integer(Int64(range.end.line)),
            "endColumn": .integer(Int64(range.end.column)),
            "option": .string(option),
            "message": .string(message),
            "suggestion": suggestion.map(JSONValue.string) ?? .null,
            "excerpt": .string(excerpt),
        ]
    }
}

/// The lines of a text, for excerpts.
struct SourceLines {
    private let lines: [ArraySlice<UInt8>]

    init(_ bytes: [UInt8]) {
        lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
    }

    /// A line ready for a terminal: bytes from a file could move its cursor or change its colours.
    func line(_ number: Int) -> String {
        guard lines.indices.contains(number - 1) else { return "" }
        var line = lines[number - 1].prefix(4096)
        if line.last == 0x0d { line = line.dropLast() }
        return SourceLines.printable(String(decoding: line, as: UTF8.self))
    }

    /// A message may repeat a word of the file, and that may be megabytes long.
    static func message(_ text: String) -> String {
        let short = text.unicodeScalars.prefix(400)
        let isCut = short.endIndex != text.unicodeScalars.endIndex
        return printable(String(short)) + (isCut ? "..." : "")
    }

    static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control where scalar == "\t": result.append(" ")
            case .control, .format, .surrogate, .privateUse, .unassigned:
                result.append("\u{fffd}")
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
