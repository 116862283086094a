// SPDX-License-Identifier: Apache-2.0

/// What only shows when all records of a zone are put together: made outside of this module.
public struct ZoneFinding: Sendable, Equatable {
    /// The file: the configuration, or a zone file.
    public var file: String
    /// Where in the file; nil for the zone as a whole.
    public var position: SourcePosition?
    /// Whether the zone is refused for it.
    public var severity: Severity
    /// What is wrong, with the zone's own code in front.
    public var message: String
    /// The line that it is in.
    public var excerpt: String

    /// A finding from its parts.
    public init(
        file: String,
        position: SourcePosition?,
        severity: Severity,
        message: String,
        excerpt: String = ""
    ) {
        self.file = file
        self.position = position
        self.severity = severity
        self.message = message
        self.excerpt = excerpt
    }
}

extension ReadResult {
    /// The same with findings about zones among the others; an error takes the configuration away.
    public func adding(_ findings: [ZoneFinding]) -> ReadResult {
        let first = SourcePosition(line: 1, column: 1)
        let added = findings.map { found in
            let place = found.position ?? first
            return Diagnostic(
                code: found.severity == .error ? .zoneFileFault : .zoneFinding,
                file: found.file,
                range: SourceRange(start: place, end: place),
                option: "zones",
                message: SourceLines.message(found.message),
                suggestion: nil,
                excerpt: SourceLines.message(found.excerpt)
            )
        }
        let isValid = !added.contains { $0.severity == .error }
        return ReadResult(
            file: file,
            configuration: isValid ? configuration : nil,
            diagnostics: ReadResult.inOrder(diagnostics + added, of: file),
            suppressed: suppressed,
            consumed: consumed
        )
    }

    /// The same with what another reading of the file has found besides; valid when both are.
    public func joining(_ other: ReadResult) -> ReadResult {
        let more = other.diagnostics.filter { one in
            !diagnostics.contains {
                $0.file == one.file && $0.range.start == one.range.start && $0.code == one.code
                    && $0.message == one.message
            }
        }
        return ReadResult(
            file: file,
            configuration: other.configuration == nil ? nil : configuration,
            diagnostics: ReadResult.inOrder(diagnostics + more, of: file),
            suppressed: max(suppressed, other.suppressed),
            consumed: consumed
        )
    }

    /// Those of the configuration itself first, each file from its top.
    static func inOrder(_ diagnostics: [Diagnostic], of file: String) -> [Diagnostic] {
        diagnostics.sorted { a, b in
            let left = (a.file == file ? 0 : 1, a.range.start.line, a.range.start.column)
            let right = (b.file == file ? 0 : 1, b.range.start.line, b.range.start.column)
            return left == right ? a.code.rawValue < b.code.rawValue : left < right
        }
    }
}
