// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import HTTPGateway
import Runtime
import Testing

@testable import ControlPlane

/// The tables of the reference pages say what the tables of the program say.
///
/// `make reference` writes them anew.
@Suite struct ReferenceTests {
    /// The root of the repository, from where this file lies.
    private static let root: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    private func page(_ name: String) throws -> String {
        let bytes = try File.read("\(Self.root)/Documentation/reference/\(name)", limit: 1 << 20)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The page with the block of a table replaced.
    private func replacing(_ table: String, in page: String, by rows: [String]) -> String {
        var lines: [Substring] = []
        var isInside = false
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "<!-- end -->" { isInside = false }
            if !isInside { lines.append(line) }
            guard line == "<!-- table: \(table) -->" else { continue }
            isInside = true
            lines += rows.map { $0[...] }
        }
        return lines.joined(separator: "\n")
    }

    private func compare(_ name: String, _ tables: [(String, [String])]) throws {
        let found = try page(name)
        var wanted = found
        for (table, rows) in tables { wanted = replacing(table, in: wanted, by: rows) }
        if Terminal.environment("MARTLET_WRITE_REFERENCE") != nil {
            let path = "\(Self.root)/Documentation/reference/\(name)"
            try File.writeAtomically(path, Array(wanted.utf8), mode: 0o644)
            return
        }
        #expect(found == wanted, "run `make reference`")
        for (table, _) in tables { #expect(found.contains("<!-- table: \(table) -->")) }
    }

    @Test func `the page of zones has every code once`() throws {
        let page = try page("zones.md")
        for code in ZoneCode.allCases {
            let kind = code.isWarning ? "warning" : "error"
            #expect(page.contains("| \(code) | \(kind) | "), "\(code)")
        }
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| M") }
        #expect(rows.count == ZoneCode.allCases.count)
    }

    @Test func `the page of metrics lists every family`() throws {
        let rows = MetricFamily.all.map { family in
            let name = family.type == .histogram ? family.name : family.sampleName
            let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(name)` | \(family.type.rawValue) | \(labels) | \(family.help) |"
        }
        let head = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
        try compare("metrics.md", [("metrics", head + rows)])
    }

    @Test func `the page of the API lists every path and every code`() throws {
        let paths = AdminRoute.all.map { "| `\($0.method)` | `\($0.path)` | \($0.summary) |" }
        let codes = ProblemCode.allCases.map {
            "| `\($0.rawValue)` | \($0.status) | \($0.title) | \($0.remedy) |"
        }
        try compare(
            "api.md",
            [
                ("paths", ["| method | path | what it does |", "|---|---|---|"] + paths),
                (
                    "problems",
                    ["| code | status | title | what to do |", "|---|---|---|---|"] + codes
                ),
            ]
        )
    }

    @Test func `the page of the logs names every kind of event and every reason`() throws {
        let text = try page("log.md")
        for kind in EventKind.allCases { #expect(text.contains("`\(kind.rawValue)`"), "\(kind)") }
        for reason in GatewayMetrics.reasons {
            #expect(text.contains("`\(reason.word)`"), "\(reason.word)")
        }
    }
}
