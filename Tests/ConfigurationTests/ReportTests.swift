// SPDX-License-Identifier: Apache-2.0
import Essentials
import Foundation
import Testing

@testable import Configuration

@Suite struct `Reports` {
    @Test func `a finding shows line, mark and suggestion`() {
        let text = """
            listeners: [{ http: ":8080" }]
            pools:
              api:
                balence: random
                endpoints: [{ address: "a:1" }]
            routes: [{ pool: api }]
            """
        let expected = """
            error[M1101]: unknown key `balence` in pool api
             --> martlet.yaml:4:5
              |
            4 |     balence: random
              |     ^^^^^^^
              = did you mean `balance`?

            martlet.yaml: 1 error

            """
        #expect(CheckReport.text(read(text)) == expected)
    }

    @Test func `a valid file is summed up`() {
        let expected =
            "martlet.yaml: valid (2 listeners, 1 pool, 2 endpoints, 1 probe, 1 route, 1 zone)\n"
        #expect(CheckReport.text(read(sample)) == expected)
    }

    @Test func `findings as data carry the same`() throws {
        let json = CheckReport.json(read("workers: x\n"))
        #expect(json["valid"] == false)
        #expect(json["errors"] == 1)
        #expect(json["warnings"] == 1)
        let first = try #require(json["diagnostics"]?[1])
        #expect(first["code"] == "M1203")
        #expect(first["line"] == 1)
        #expect(first["column"] == 10)
        #expect(first["endColumn"] == 11)
        #expect(first["option"] == "workers")
        #expect(first["excerpt"] == "workers: x")
        let again = try JSONReader.read(Array(json.text().utf8))
        #expect(again == json)
    }

    @Test func `what a terminal would obey is not shown`() {
        let result = read("\"\\e[31m\\u202Eabc\": 1\n")
        let text = CheckReport.text(result)
        #expect(!text.unicodeScalars.contains { $0.value == 0x1b || $0.value == 0x202e })
        #expect(text.contains("M1101"))
    }

    @Test func `a message does not repeat megabytes`() {
        let result = read("user: !" + String(repeating: "t", count: 1 << 20) + " x\n")
        #expect(result.diagnostics.map(\.code) == [.unusedYAML])
        #expect(CheckReport.text(result).utf8.count < 1000)
    }

    @Test func `a long line is cut round the mark`() {
        let blanks = String(repeating: " ", count: 300)
        let text = CheckReport.text(read("{ user: a,\(blanks)workers: x,\(blanks)state: b }"))
        let lines = text.split(separator: "\n").map(String.init)
        let longest = lines.map(\.count).max() ?? 0
        #expect(longest < 120)
        let mark = lines.lastIndex { $0.hasSuffix("^") } ?? 0
        let column = lines[mark].count
        #expect(Array(lines[mark - 1])[column - 1] == "x")
    }

    @Test func `a map in the place of a value is told what the value looks like`() {
        let when = "routes: [{ pool: a, when: { header: { x-version: 2 } } }]"
        #expect(CheckReport.text(read(when)).contains("wanted: `NAME`, or a name with `=`"))
        #expect(CheckReport.text(read("workers: { a: 1 }")).contains("wanted: `auto`, or 1 to"))
    }

    @Test func `wide characters do not move the mark`() {
        let text = CheckReport.text(read("{ user: é, workers: x }"))
        #expect(text.contains("1 | { user: é, workers: x }\n  |                     ^\n"))
    }

    @Test func `a code belongs to one place and has a remedy`() throws {
        let page = try Repository.text("Documentation/reference/configuration.md")
        for code in DiagnosticCode.allCases {
            let rows = page.components(separatedBy: "| \(code.rawValue) | ").count - 1
            #expect(rows == 1, "\(code)")
        }
        // Who shares a text has been given that of another; names of three kinds share one.
        let texts = Dictionary(grouping: DiagnosticCode.allCases, by: \.explanation.title)
        let shared = texts.values.filter { $0.count > 1 }
        #expect(shared.allSatisfy { $0.contains(.unknownPool) }, "\(shared)")
    }

    @Test func `the reference page on disk is the generated one`() throws {
        let path = "Documentation/reference/configuration.md"
        if ProcessInfo.processInfo.environment["MARTLET_WRITE_REFERENCE"] != nil {
            let url = URL(filePath: Repository.root + path)
            try ReferencePage.text.write(to: url, atomically: true, encoding: .utf8)
        }
        let text = try Repository.text(path)
        #expect(text == ReferencePage.text, "run `make reference`")
    }

    @Test func `the starter file is valid without a warning`() {
        let result = read(StarterFile.text)
        #expect(result.configuration != nil)
        #expect(result.diagnostics.isEmpty, "\(CheckReport.text(result))")
    }

    @Test func `the JSON Schema has a place for every option`() throws {
        let schema = try JSONReader.read(Array(JSONSchema.text.utf8))
        #expect(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema")
        let pools = schema["properties"]?["pools"]?["additionalProperties"]
        let connect = pools?["properties"]?["timeouts"]?["properties"]?["connect"]
        #expect(connect?["default"] == "5s")
        let endpoint = pools?["properties"]?["endpoints"]?["items"]
        #expect(endpoint?["required"] == .array(["address"]))
        let listener = schema["properties"]?["listeners"]?["items"]
        let beside = listener?["dependentSchemas"]
        #expect(beside?["edns-size"]?["required"] == .array(["dns"]))
        #expect(beside?["forwarded"]?["anyOf"]?.elements?.count == 2, "http or https")
        #expect(schema["x-options"]?.elements?.count == Schema.martlet.options.count)
        for option in Schema.martlet.options {
            #expect(JSONSchema.text.contains(option.sentence.split(separator: "\"")[0]))
        }
    }
}

@Suite struct `Differences` {
    static func difference(_ edits: [(String, String)]) throws -> ConfigurationDifference {
        var text = sample
        for (old, new) in edits { text = text.replacingOccurrences(of: old, with: new) }
        let old = try #require(read(sample).configuration)
        let result = read(text)
        let new = try #require(result.configuration, "\(CheckReport.text(result))")
        return ConfigurationDifference(from: old, to: new)
    }

    @Test func `nothing changes by another way of writing`() throws {
        let difference = try Self.difference([
            ("drain: 60s", "drain: 1m"),
            ("balance: least-connections\n", "balance: 'least-connections'\n"),
            ("rise: 2, fall: 3", "fall: 3"),
        ])
        #expect(difference.isEmpty)
        #expect(difference.text == "Nothing changes.\n")
    }

    @Test func `changes of a cache are told as those of anything else`() throws {
        let cache = "\ncaches:\n  site: { memory: 1GiB, lifetimes: { 404: 1m } }\nzones:\n"
        let route = ("pool: api, retry: 2", "pool: api, cache: site, retry: 2")
        let added = try Self.difference([route, ("zones:\n", cache)])
        #expect(added.text.contains("+ cache site added: memory 1GiB, lifetimes.404 1m\n"))
        #expect(added.text.contains("api/: cache none -> site\n"), "\(added.text)")
        let text = sample.replacing("pool: api, retry", with: "pool: api, cache: site, retry")
            .replacing("zones:\n", with: cache)
        let other = text.replacing("404: 1m", with: "404: 2m, 5xx: 1s")
        let old = try #require(read(text).configuration)
        let new = try #require(read(other).configuration)
        let changed = ConfigurationDifference(from: old, to: new).text
        #expect(changed.contains("~ cache site: lifetimes.404 1m -> 2m\n"), "\(changed)")
        #expect(changed.contains("~ cache site: lifetimes.5xx none -> 1s\n"))
    }

    @Test func `changes are told by object, old and new value`() throws {
        let difference = try Self.difference([
            ("      - { address: 10.0.1.2:8080 }", "      - { address: 10.0.1.3:8080, tier: 1 }"),
            ("weight: 3", "weight: 4"), ("drain: 60s", "drain: 30s"),
            ("listeners:\n", "workers: 3\nlisteners:\n"),
            ("    soa:", "    ttl: 5m\n    soa:"), ("203.0.113.10: 50", "203.0.113.10: 60"),
        ])
        let expected = """
            ~ the process: workers auto -> 3 (takes a restart)
            ~ pool api: drain 1m -> 30s
            ~ endpoint 10.0.1.1:8080 of pool api: weight 3 -> 4
            + endpoint 10.0.1.3:8080 of pool api added: tier 1
            ~ zone example.com: ttl 1h -> 5m
            ~ policy www: failover[1].weighted.203.0.113.10 50 -> 60
            - endpoint 10.0.1.2:8080 of pool api removed: no new work, what is under way may finish
            = unchanged: listener http :8080, listener dns :5300, probe web, route photos.example.com \
            /api/

            """
        #expect(difference.text == expected)
    }

    @Test func `reordering a list changes nothing`() throws {
        let difference = try Self.difference([
            (
                "  - { http: \":8080\" }\n  - { dns: \":5300\" }",
                "  - { dns: \":5300\" }\n  - { http: \":8080\" }"
            )
        ])
        #expect(difference.isEmpty)
    }

    @Test func `objects come and go`() throws {
        let difference = try Self.difference([
            ("  - { dns: \":5300\" }\n", "  - { dns: \":5301\", edns-size: 1400 }\n")
        ])
        let kinds = difference.changes.map { "\($0.kind) \($0.title)" }
        #expect(kinds == ["added listener dns :5301", "removed listener dns :5300"])
        let json = difference.json
        #expect(json["changes"]?[0]?["after"] == "edns-size 1400")
        #expect(json["unchanged"]?[0] == "listener http :8080")
    }
}
