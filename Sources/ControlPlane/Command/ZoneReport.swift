// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
public import Essentials
internal import Runtime

/// What is right and wrong with one zone file, as the service would find it.
public struct ZoneReport: Sendable {
    /// Records without a TTL take that of the configuration, which is not known here.
    private static let defaultTTL: UInt32 = 3600

    private let zone: String
    private let findings: [ZoneDiagnostic]
    private let lines: [String]
    private let refusal: String?

    /// Reads and checks a file; nil when the origin is no domain name.
    public init?(path: String, origin: String) {
        guard let apex = DomainName(origin) else { return nil }
        zone = "\(apex)"
        do throws(SystemError) {
            let reader = try ZoneText.reader(
                path: path,
                origin: apex,
                defaultTTL: ZoneReport.defaultTTL
            )
            var builder = ZoneTableBuilder()
            builder.seconds = Clock.seconds
            builder.beginZone(apex, source: path)
            builder.read(reader)
            // The file itself first, then what it includes, from the top down.
            findings = builder.build().diagnostics.sorted { a, b in
                let (first, second) = (a.file == path ? "" : a.file, b.file == path ? "" : b.file)
                let (place, other) = (a.position, b.position)
                return (first, place.line, place.column) < (second, other.line, other.column)
            }
            lines = ZoneReport.lines(findings)
            refusal = nil
        } catch {
            findings = []
            lines = []
            refusal = "\(path) cannot be read: \(error)"
        }
    }

    /// True when the zone would be served, with warnings or without.
    public var isValid: Bool { refusal == nil && errors == 0 }

    private var errors: Int { findings.count { $0.severity == .error } }

    /// One finding below the other with the line it is about, then the verdict.
    public var text: String {
        if let refusal { return "error: \(refusal)\n" }
        var text = ""
        for (finding, line) in zip(findings, lines) {
            text += "\(finding)\n"
            if finding.position.line > 0 { text += "  \(finding.position.line) | \(line)\n" }
        }
        let amount = "\(errors) errors, \(findings.count - errors) warnings"
        return text + "zone \(zone): \(isValid ? "good" : "refused"), \(amount)\n"
    }

    // The line that each finding is about, as the file has it now.
    private static func lines(_ findings: [ZoneDiagnostic]) -> [String] {
        var files: [String: [ArraySlice<UInt8>]] = [:]
        return findings.map { finding in
            let lines = files[finding.file] ?? ZoneText.lines(of: finding.file)
            files[finding.file] = lines
            return ZoneText.excerpt(lines, Int(finding.position.line))
        }
    }

    /// The same as data.
    public var json: JSONValue {
        [
            "zone": .string(zone), "valid": .bool(isValid), "errors": .integer(Int64(errors)),
            "warnings": .integer(Int64(findings.count - errors)),
            "refusal": refusal.map { .string($0) } ?? .null,
            "diagnostics": .array(findings.map(ZoneReport.json)),
        ]
    }

    private static func json(_ finding: ZoneDiagnostic) -> JSONValue {
        [
            "code": .string("\(finding.code)"),
            "severity": .string(finding.severity == .error ? "error" : "warning"),
            "file": .string(finding.file),
            "line": .integer(Int64(finding.position.line)),
            "column": .integer(Int64(finding.position.column)),
            "message": .string(finding.message),
        ]
    }
}
