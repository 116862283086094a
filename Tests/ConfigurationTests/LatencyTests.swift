// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Testing

/// What can be wrong with policies by round trips, and with what feeds them.
extension `Faults in a file` {
    private static let http = "listeners: [{ http: ':80', measure-rtt: true }, { dns: ':53' }]\n"
    private static let name = """
        zones:
          e.test:
            soa: { primary: ns.e.test, mailbox: me@e.test }
            records:
              w: { steer: w }

        """

    static let latency: [Case] = [
        Case(
            "a branch without a name, and two of one",
            steer + """
                steer:
                  w: { latency: [{ address: 1.1.1.1, at: DE, target: a },
                    { at: FR, target: a, address: 1.1.1.2 },
                    { at: US, failover: [1.1.1.3] }] }
                """,
            ["M1441 8:17", "M1442 8:17"]
        ),
        Case(
            "places and names elsewhere",
            steer + "steer:\n  w: { failover: [{ address: 1.1.1.1, at: DE, target: a }] }",
            ["M1106 8:43", "M1106 8:55"]
        ),
        Case(
            "a bias under latency",
            steer + "steer:\n  w: { latency: [{ address: 1.1.1.1, at: DE, bias: 5 }] }",
            ["M1106 8:52"]
        ),
        Case(
            "a branch that nothing orders",
            steer + "steer:\n  w: { latency: [{ address: 1.1.1.1, at: DE }, 1.1.1.2] }",
            ["M1452 8:3"]
        ),
        Case(
            "too many to compare",
            steer + "steer:\n  w: { latency: ["
                + (0..<65).map { "{ address: 10.0.0.\($0), at: DE }" }.joined(separator: ", ")
                + "] }",
            ["M1319 8:17"]
        ),
        Case(
            "measured for nobody",
            http + name + "steer:\n  w: { latency: [{ address: 1.1.1.1, at: DE }] }",
            ["M1443 1:1"]
        ),
        Case(
            "a site that no branch is",
            http + name
                + "latency: { site: fro }\nsteer:\n"
                + "  w: { latency: [{ address: 1.1.1.1, target: fra }] }",
            ["M1450 7:18"]
        ),
        Case(
            "a site that nobody measures for, and no policy",
            listener + "latency: { site: fra, file: x }",
            ["M1453 2:18", "M1453 2:18", "M1453 2:29"]
        ),
        Case(
            "numbers out of range",
            listener
                + "latency: { rows: 15, margin: 91%, max-age: 0s, interval: 99ms, min-samples: 0 }",
            ["M1207 2:18", "M1207 2:30", "M1207 2:44", "M1207 2:58", "M1207 2:77"]
        ),
    ]
}

@Suite struct LatencySettingsTests {
    private static let text = """
        listeners: [ { http: ":80", measure-rtt: true }, { dns: ":53" } ]
        latency:
          { file: rtt.csv, site: fra, min-samples: 3, max-age: 1h, margin: 20%, min-gain: 2ms,
            interval: 1s, rows: 100 }
        pools: { iad: { endpoints: [ { address: "192.0.2.1:80" } ] } }
        zones:
          e.test:
            soa: { primary: ns.e.test, mailbox: me@e.test }
            records: { w: { steer: w } }
        steer:
          w:
            latency:
              - { address: 192.0.2.9, target: fra, at: DE }
              - { pool: iad, at: "39, -77" }
              - { steer: third }
              - 192.0.2.7
          third: { address: 192.0.2.8 }
        """

    private func read(
        _ faults: [OutsideChecks.ZoneFileFault],
        _ targets: [String]
    ) -> ReadResult {
        var checks = OutsideChecks()
        checks.measurements = { _ in
            var finding = OutsideChecks.MeasurementsFinding()
            finding.isRead = true
            finding.faults = faults
            finding.targets = targets.enumerated().map { place, name in
                .init(name: name, position: SourcePosition(line: place + 3, column: 1))
            }
            return finding
        }
        return ConfigurationReader(checks: checks).read(Array(Self.text.utf8), file: "a/m.yaml")
    }

    @Test func `everything that can be said is read`() throws {
        let all = try #require(read([], ["fra"]).configuration).settings
        #expect(all.latency.file == "a/rtt.csv" && all.latency.site == "fra")
        #expect(all.latency.minSamples == 3 && all.latency.maxAge == .seconds(3600))
        #expect(all.latency.margin.percent == 20 && all.latency.minGain == .milliseconds(2))
        #expect(all.latency.interval == .seconds(1) && all.latency.rows == 100)
        guard case .latency(let branches) = try #require(all.steer.first).policy.kind else {
            Issue.record("another kind")
            return
        }
        #expect(branches.map(\.targetName) == ["fra", "iad", "third", "192.0.2.7"])
        #expect(branches.map { $0.position != nil } == [true, true, false, false])
        #expect(all.latencyTargets == ["fra", "iad", "third", "192.0.2.7"])
    }

    @Test func `what is in the file is told of by its lines`() throws {
        let fault = OutsideChecks.ZoneFileFault(
            position: SourcePosition(line: 7, column: 5),
            message: "nonsense",
            excerpt: "x"
        )
        let bad = try #require(read([fault], []).errors.first)
        #expect("\(bad)" == "a/rtt.csv:7:5: error[M1440]: nonsense")
        let warnings = read([], ["fra", "frb"]).warnings.map { "\($0)" }
        #expect(warnings.contains { $0.hasPrefix("a/rtt.csv:4:1: warning[M1450]: ") })
        #expect(read([], []).warnings.contains { $0.code == .emptyMeasurements })
        #expect(read([], ["fra"]).warnings.isEmpty)
    }
}
