// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Runtime
import Testing

@testable import ControlPlane

@Suite struct FailoverReportTests {
    static let head = """
        listeners: [ { dns: "127.0.0.1:5300" } ]
        probes:
          fast: { http: /, port: 80, interval: 1s, fast-interval: 1s, timeout: 500ms, jitter: 0% }
          slow: { http: /, port: 80, interval: 20s, timeout: 5s, jitter: 0% }
        pools:
          web:
            probe: slow
            endpoints: [ { address: 192.0.2.1:80, name: one }, { address: 192.0.2.2:80 } ]
        zones:
          example.com:
            soa: { primary: ns1.example.com, mailbox: h.example.com }
            records: { www: { steer: www }, api: { steer: www, ttl: 2s } }

        """

    private func read(_ steer: String, head: String = Self.head) -> ReadResult {
        let text = head + "steer:\n" + steer
        return ConfigurationSource.read(Array(text.utf8), path: "martlet.yaml")
    }

    private func report(_ steer: String, name: String? = nil) throws -> JSONValue {
        let result = read(steer)
        let loaded = try #require(result.configuration, "\(CheckReport.text(result))")
        return FailoverReport(loaded.settings, name: name).json
    }

    @Test(
        arguments: [
            ("", 8, 2), ("dns: { resolver-floor-30s: 0%, resolver-floor-60s: 0% }\n", 0, 0),
            ("dns: { resolver-floor-30s: 25%, resolver-floor-60s: 50% }\n", 25, 50),
            ("dns: { resolver-floor-30s: 0%, resolver-floor-60s: 100% }\n", 0, 100),
        ] as [(String, Int64, Int64)]
    )
    func `all clients together are as fast as their resolvers, each counted by its share`(
        head: String,
        short: Int64,
        long: Int64
    ) throws {
        let result = read(
            "  www: { failover: [ 192.0.2.7, 192.0.2.8 ], probe: fast, ttl: 4s }\n",
            head: head + Self.head
        )
        let loaded = try #require(result.configuration, "\(CheckReport.text(result))")
        let document = FailoverReport(loaded.settings, name: "www.example.com").json
        let probe = document["names"]?.elements?.first?["probes"]?.elements?.first
        for fault in ["refuses", "hangs"] {
            let time = try #require(probe?[fault])
            let floors = try #require(time["floors"]?.elements)
            #expect(floors.map { $0["sharePercent"]?.integer } == [short, long])
            let spans = [time["total"]] + floors.map { $0["total"] }
            let shares = [100 - short - long, short, long].map { Double($0) / 100 }
            let typical = zip(spans, shares).reduce(0) {
                $0 + ($1.0?["typical"]?.number ?? .nan) * $1.1
            }
            let worst = zip(spans, shares).filter { $0.1 > 0 }.compactMap { $0.0?["worst"]?.number }
            #expect(abs((time["all"]?["typical"]?.number ?? .nan) - typical) < 0.002)
            #expect(time["all"]?["worst"]?.number == worst.max())
            #expect(time["all"]?["best"] == time["total"]?["best"])
        }
    }

    @Test func `resolvers with floors have no more clients than there are`() {
        let head = "dns: { resolver-floor-30s: 60%, resolver-floor-60s: 41% }\n"
        let text = head + Self.head + "steer:\n  www: { failover: [ 192.0.2.7 ] }\n"
        let result = ConfigurationSource.read(Array(text.utf8), path: "martlet.yaml")
        let found = result.diagnostics.filter { $0.severity == .error }
        #expect(found.map(\.message) == ["the resolvers with floors have 101 % of the clients"])
    }

    @Test func `every target of a tree is listed once under its probe, at any depth`() throws {
        let document = try report(
            """
              www:
                failover:
                  - { weighted: { 192.0.2.7: 1, 192.0.2.8: 3 }, probe: fast }
                  - { pool: web }
                  - { steer: inner }
                  - 192.0.2.9
              inner: { round-robin: [ 192.0.2.7, { pool: web } ], probe: fast }

            """,
            name: "WWW.Example.com"
        )
        let names = document["names"]?.elements ?? []
        #expect(names.map { $0["name"]?.string } == ["www.example.com."])
        let probes = names.first?["probes"]?.elements ?? []
        #expect(probes.map { $0["name"]?.string } == ["fast", "slow"])
        let targets = probes.map { $0["targets"]?.elements?.compactMap(\.string) ?? [] }
        #expect(targets == [["192.0.2.7", "192.0.2.8"], ["web/one", "web/192.0.2.2:80"]])
        #expect(names.first?["unchecked"] == ["192.0.2.9"])
        // The slowest of the probes decides.
        #expect(names.first?["worstSeconds"] == probes[1]["hangs"]?["total"]?["worst"])
    }

    @Test func `a record's own TTL counts, and not the policy's`() throws {
        let document = try report("  www: { pool: web, ttl: 1h }\n")
        let names = document["names"]?.elements ?? []
        let most = names.map { $0["probes"]?[0]?["ttlSeconds"]?["most"]?.integer }
        #expect(most == [3_600, 2])
        #expect(names.map { $0["hasSpare"]?.bool } == [true, true])
    }

    @Test(arguments: [
        ("{ weighted: { 192.0.2.7: 1, 192.0.2.8: 0 }, probe: fast }", ["192.0.2.7"], false),
        (
            "{ weighted: { 192.0.2.7: 1, 192.0.2.8: 1 }, active: 192.0.2.7, probe: fast }",
            ["192.0.2.7", "192.0.2.8"], false
        ),
        (
            "{ weighted: { 192.0.2.7: 1, 192.0.2.8: 2 }, probe: fast }",
            ["192.0.2.7", "192.0.2.8"], true
        ),
    ])
    func `what no answer holds is no target, and what waits for a switch is no spare`(
        policy: String,
        targets: [String],
        hasSpare: Bool
    ) throws {
        let document = try report("  www: \(policy)\n")
        let name = document["names"]?[0]
        let found = name?["probes"]?[0]?["targets"]?.elements?.compactMap(\.string)
        #expect(found == targets)
        #expect(name?["hasSpare"]?.bool == hasSpare)
        #expect(name?["unchecked"]?.elements?.isEmpty == true)
    }

    @Test func `the text has each part of both ways to fail`() throws {
        let document = try report("  www: { address: 192.0.2.7, probe: fast, ttl: 4s }\n")
        let text = FailoverText.text(document, usesColour: false)
        // Health can change in three seconds, so an answer lives no longer.
        for part in ["nothing to fail over to", "refuses", "hangs", "rounding", "TTL 3 s"] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
        #expect(FailoverText.text(["names": []], usesColour: false) == "no name is steered\n")
    }

    @Test(arguments: [0, 0.004, 0.1, 1.05, 7.5, 60, 1e300, -Double.infinity])
    func `seconds are rounded to hundredths`(value: Double) {
        let wanted: [Double: String] = [
            0: "0 s", 0.004: "0 s", 0.1: "0.1 s", 1.05: "1.05 s", 7.5: "7.5 s", 60: "60 s",
            1e300: "1000000000000 s", -.infinity: "0 s",
        ]
        #expect(FailoverText.seconds(value) == wanted[value])
    }

    // MARK: Calculated probes

    /// `web` is asked by `slow` every 20 s, `one` and `two` by `fast`, `bare` by nobody.
    private static let calculated = FailoverReportTests.head.replacing(
        "pools:\n",
        with: """
              all: { of: [ { pool: one }, { pool: web } ] }
              any: { at-least: 1, of: [ { pool: one }, { pool: two } ] }
              deep: { at-least: 2, of: [ { probe: any }, { pool: one }, { pool: bare } ] }
              opposite: { of: [ { pool: web, not: true }, { pool: one } ] }
              never: { at-least: 1, of: [ { pool: one }, { pool: bare } ] }
              nearly: { at-least: 2, of: [ { pool: one }, { pool: two }, { pool: bare } ] }
            pools:
              one: { probe: fast, endpoints: [ { address: 192.0.2.21:80 } ] }
              two: { probe: fast, endpoints: [ { address: 192.0.2.22:80 } ] }
              bare: { endpoints: [ { address: 192.0.2.24:80 } ] }

            """
    )

    @Test(
        arguments: [
            // All must be well, and the slower may be the one that is not.
            ("all", "slow", "down"), ("any", "fast", "down"), ("deep", "fast", "down"),
            ("nearly", "fast", "down"), ("opposite", "slow", "up"),
        ]
    )
    func `a calculated probe takes as long as the slowest of those that decide on it`(
        probe: String,
        decider: String,
        when: String
    ) throws {
        func report(_ probe: String) throws -> JSONValue {
            let steer = "  www: { address: 192.0.2.7, probe: \(probe) }\n"
            let result = read(steer, head: Self.calculated)
            let loaded = try #require(result.configuration, "\(CheckReport.text(result))")
            let document = FailoverReport(loaded.settings, name: "www.example.com").json
            return document["names"]?[0] ?? .null
        }
        let name = try report(probe)
        let shown = try #require(name["probes"]?[0], "\(name)")
        #expect(shown["name"]?.string == probe && shown["decidedBy"]?.string == decider)
        #expect(shown["decidedWhen"]?.string == when)
        let own = try #require(try report(decider)["probes"]?[0])
        #expect(own["decidedBy"] == .null && own["decidedWhen"] == .null)
        #expect(shown["intervalSeconds"] == own["intervalSeconds"])
        // `rise` is 2 and `fall` is 3, as shipped.
        #expect(shown["fall"]?.integer == (when == "up" ? 2 : 3) && own["fall"]?.integer == 3)
        if when == "down" {
            #expect(shown["hangs"] == own["hangs"] && shown["refuses"] == own["refuses"])
        }
        let text = FailoverText.text(["names": [name]], usesColour: false)
        let coming = when == "up" ? " coming up" : ""
        let line = "\(probe) is calculated: at worst \(decider)\(coming) decides: every"
        #expect(text.contains(line), "\(text)")
        #expect(!text.contains("the probe `\(probe)`"), "there is nothing to set at it")
        #expect(decider == "fast" || text.contains("of the probe `slow`"))
    }

    @Test func `a bound by a calculated probe is that of its members, and so is the way out`()
        throws
    {
        func finding(_ probe: String, within: String, interval: String = "20s") -> Diagnostic? {
            let steer = "  www: { address: 192.0.2.7, probe: \(probe), ttl: 10s, "
            return read(
                steer + "failover-within: \(within) }\n",
                head: Self.calculated.replacing("interval: 20s,", with: "interval: \(interval),")
            ).warnings.first { $0.code == .slowFailover }
        }
        #expect(finding("any", within: "40s") == nil)
        let slow = try #require(finding("all", within: "40s"))
        #expect(slow.message.contains("35 s detection"), "\(slow.message)")
        let proposal = try #require(slow.suggestion)
        #expect(proposal.hasSuffix("in the probe `slow` keeps within it"))
        let value = try #require(proposal.split(separator: " ").first { $0.hasSuffix("s") })
        #expect(finding("all", within: "40s", interval: String(value)) == nil)
        // What is always well leaves enough whoever else fails.
        let never = try #require(finding("never", within: "1h"))
        #expect(never.message.hasSuffix("nothing is probed that its probe `never` is made of"))
    }

    // MARK: The bound

    @Test func `a bound that is not kept is a warning at its place, with the way out`() throws {
        let result = read("  www: { pool: web, failover-within: 45s }\n")
        #expect(result.configuration != nil)
        let finding = try #require(result.warnings.first { $0.code == .slowFailover })
        #expect(finding.range.start.line == 14)
        #expect(finding.range.start.column == 38)
        #expect(finding.option == "steer.www.failover-within")
        #expect(finding.message.contains("35 s detection"), "\(finding.message)")
        // What it proposes is enough.
        let proposal = try #require(finding.suggestion)
        let value = try #require(proposal.split(separator: " ").first { $0.hasSuffix("s") })
        #expect(proposal.contains("`interval` of \(value)"), "\(proposal)")
        let better = read(
            "  www: { pool: web, failover-within: 45s }\n",
            head: Self.head.replacing("interval: 20s,", with: "interval: \(value),")
        )
        #expect(!better.warnings.contains { $0.code == .slowFailover })
    }

    @Test func `a shorter TTL that is proposed beside a lower bound loads, and is enough`() throws {
        func steer(_ ttl: String) -> String {
            "  www: { address: 192.0.2.7, probe: fast, \(ttl), failover-within: 30s }\n"
        }
        let proposal = try #require(
            read(steer("ttl: 60s, min-ttl: 60s")).warnings.first { $0.code == .slowFailover }?
                .suggestion
        )
        let value = try #require(proposal.split(separator: " ").first { $0.hasSuffix("s") })
        #expect(proposal == "a `ttl` and a `min-ttl` of \(value) keep within it")
        let better = read(steer("ttl: \(value), min-ttl: \(value)"))
        #expect(better.configuration != nil)
        #expect(!better.warnings.contains { $0.code == .slowFailover })
        // A lower bound that is low enough stays.
        let low = read(steer("ttl: 60s, min-ttl: 5s")).warnings.first { $0.code == .slowFailover }
        #expect(low?.suggestion?.contains("min-ttl") != true)
    }

    @Test(
        arguments: [
            ("api: { steer: www, ttl: 1h }", "zones.example.com.records.api.ttl"),
            ("'@': { steer: www, ttl: 1h }", "zones.example.com.records.@.ttl"),
            ("far: { alias: api }, api: { steer: www, ttl: 20m }, ns1: { a: 192.0.2.9 }", nil),
            ("far: { alias: api, ttl: 20m }, api: { steer: www, ttl: 1h }", nil),
            ("api: { steer: www }", "ttl"),
        ] as [(String, String?)]
    )
    func `the TTL that is to be lower is the one to blame`(records: String, option: String?) throws
    {
        let head = Self.head.replacing(
            "www: { steer: www }, api: { steer: www, ttl: 2s }",
            with: records
        )
        let steer =
            "  www: { failover: [ 192.0.2.7, 192.0.2.8 ], probe: fast, ttl: 10m, "
            + "failover-within: 60s }\n"
        let result = read(steer, head: head)
        let finding = result.warnings.first { $0.code == .slowFailover }
        let said = try #require(finding?.suggestion, "\(CheckReport.text(result))")
        guard let option else {
            // The first of the names, by what is lowest on its way.
            let owner = records.contains("alias: api, ttl") ? "far" : "api"
            #expect(said.hasPrefix("a `zones.example.com.records.\(owner).ttl` of "), "\(said)")
            return
        }
        #expect(said.hasPrefix("a `\(option)` of "), "\(said)")
        guard option.contains("api") else { return }
        let value = try #require(said.split(separator: " ").first { $0.hasSuffix("s") })
        let better = read(steer, head: head.replacing("ttl: 1h", with: "ttl: \(value)"))
        #expect(better.configuration != nil)
        #expect(!better.warnings.contains { $0.code == .slowFailover })
    }

    @Test(arguments: [
        "  www: { pool: web, failover-within: 10m }\n",
        "  www: { pool: web }\n",
        "  www: { pool: none, failover-within: 1s }\n",
    ])
    func `a bound that is kept, no bound, and a file with errors give no warning`(steer: String) {
        #expect(!read(steer).diagnostics.contains { $0.code == .slowFailover })
    }

    @Test func `a target without a probe keeps within no bound`() throws {
        let members = "[ { pool: web }, 192.0.2.9 ]"
        let result = read("  www: { failover: \(members), failover-within: 1h }\n")
        let finding = try #require(result.warnings.first { $0.code == .slowFailover })
        #expect(finding.message.contains("192.0.2.9"), "\(finding.message)")
    }

    // MARK: The page

    /// The root of the repository, from where this file lies.
    private static let root: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    /// The page with what the command prints below each of its calls.
    private func filled(_ page: String, _ settings: Settings) -> String {
        var lines: [Substring] = []
        var isOutput = false
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if isOutput, line == "```" { isOutput = false }
            guard !isOutput else { continue }
            lines.append(line)
            guard line.hasPrefix("$ martlet failover-time ") else { continue }
            let name = line.split(separator: " ").last.map(String.init)
            let document = FailoverReport(settings, name: name).json
            let text = FailoverText.text(document, usesColour: false)
            lines += text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            isOutput = true
        }
        return lines.joined(separator: "\n")
    }

    @Test func `the page shows what the command prints for its example`() throws {
        let path = "\(Self.root)/Documentation/operations/failover-time.md"
        let page = String(decoding: try File.read(path, limit: 1 << 20), as: UTF8.self)
        let start = try #require(page.firstRange(of: "```yaml martlet\n")).upperBound
        let example = page[start...].prefix { $0 != "`" }
        let result = ConfigurationSource.read(Array(example.utf8), path: "martlet.yaml")
        let settings = try #require(result.configuration?.settings)
        let wanted = filled(page, settings)
        if Terminal.environment("MARTLET_WRITE_REFERENCE") != nil {
            try File.writeAtomically(path, Array(wanted.utf8), mode: 0o644)
            return
        }
        #expect(page == wanted, "run `make reference`")
        for sum in ["30 s", "60 s", "61.1 s", "12 s"] { #expect(page.contains(sum)) }
    }
}
