// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Testing

@Suite struct `Faults in a file` {
    /// A text, and its findings as `code line:column`.
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var text: String
        var expected: [String]

        init(_ name: String, _ text: String, _ expected: [String]) {
            self.name = name
            self.text = text
            self.expected = expected
        }

        var testDescription: String { name }
    }

    static func found(_ result: ReadResult) -> [String] {
        result.diagnostics.map {
            "\($0.code.rawValue) \($0.range.start.line):\($0.range.start.column)"
        }
    }

    static let listener = "listeners: [{ http: ':80' }]\n"

    static let reading: [Case] = [
        Case("bad syntax", "pools: [\nroutes: x\n  y: ]", ["M1001 3:4"]),
        Case("a line break of YAML 1.1 only", "state: é/a\u{85}workers: x", ["M1001 1:11"]),
        Case("another one", "workers: 1\nstate: /a\u{2028}user: x", ["M1001 2:10"]),
        Case("a tab", "pools:\n\tapi: x", ["M1001 2:1"]),
        Case("bad UTF-8 stands in for control", "user: \u{1}", ["M1001 1:7"]),
        Case("alias of nothing", "user: *who", ["M1004 1:7"]),
        Case("alias of itself", "pools: &a [*a]", ["M1004 1:12"]),
        Case("tag", "workers: !!int 3", ["M1005 1:10"]),
        Case("merge key", "pools:\n  <<: {}", ["M1005 2:3"]),
        Case("two documents", "user: a\n---\nuser: b", ["M1005 2:1"]),
        Case("deep", String(repeating: "[", count: 70), ["M1003 1:65"]),
        Case("list for the file", "- a", ["M1103 1:1", "M1353 1:1"]),
        Case("list as key", "[a]: b", ["M1103 1:1"]),
    ]

    static let shape: [Case] = [
        Case("unknown key", listener + "pols: {}", ["M1101 2:1"]),
        Case("unknown nested", listener + "log:\n  acces: {}", ["M1101 3:3"]),
        Case("duplicate", listener + "user: a\nuser: b", ["M1102 3:1"]),
        Case(
            "duplicate pool",
            listener + "probes:\n  a: { tcp: connect }\n  a: { tcp: connect }",
            ["M1352 3:3", "M1102 4:3"]
        ),
        Case("mapping for list", "listeners: { http: ':80' }", ["M1103 1:12"]),
        Case("scalar for mapping", listener + "pools: api", ["M1103 2:8"]),
        Case("no value", listener + "user:", ["M1103 2:6"]),
        Case("missing pool", listener + "routes:\n  - { host: a.example }", ["M1104 3:5"]),
        Case(
            "two kinds of probe",
            listener + "probes:\n  a: { http: /, grpc: check }\npools: {}",
            ["M1352 3:3", "M1105 3:23"]
        ),
        Case(
            "a service without gRPC",
            listener + "probes:\n  a: { tcp: connect, service: x }",
            ["M1352 3:3", "M1106 3:22"]
        ),
        Case(
            "early data without tickets",
            "listeners:\n  - { https: ':443', passthrough: [], tls: { tickets: false, "
                + "early-data: true } }",
            ["M1305 2:35", "M1105 2:74"]
        ),
        Case("two doors", "listeners:\n  - { http: ':80', dns: ':53' }", ["M1105 2:25"]),
        Case(
            "no door",
            "listeners:\n  - { edns-size: 512 }",
            ["M1104 2:5", "M1106 2:7"]
        ),
        Case(
            "dns option on http",
            "listeners:\n  - { http: ':80', edns-size: 512 }",
            ["M1106 2:20"]
        ),
        Case(
            "timeouts on dns",
            "listeners:\n  - { dns: ':53', timeouts: { idle: 1s } }",
            ["M1106 2:19"]
        ),
        Case(
            "bad name",
            listener + "probes:\n  'a b': { tcp: connect }",
            ["M1107 3:3", "M1352 3:3"]
        ),
        Case(
            "probe of no kind",
            listener + "probes:\n  a: { rise: 1 }",
            ["M1104 3:3", "M1352 3:3"]
        ),
        Case(
            "head with body",
            listener + "probes:\n  a: { http: /, method: HEAD, body-contains: x }",
            ["M1352 3:3", "M1105 3:46"]
        ),
        Case(
            "field owned by probe",
            listener + "probes:\n  a: { http: /, headers: { Host: x } }",
            ["M1352 3:3", "M1216 3:28"]
        ),
        Case("event log off", listener + "log: { output: off }", ["M1206 2:16"]),
    ]

    static let meaning: [Case] = [
        Case("unknown pool", listener + "routes:\n  - { pool: apj }", ["M1302 3:13"]),
        Case(
            "unknown probe",
            listener
                + "pools:\n  a: { probe: x, endpoints: [{ address: 'a:1' }] }\nroutes: [{ pool: a }]",
            ["M1301 3:15"]
        ),
        Case(
            "empty pool",
            listener + "pools:\n  a: { endpoints: [] }\nroutes: [{ pool: a }]",
            ["M1306 3:19"]
        ),
        Case("no endpoints", listener + "pools:\n  a: {}\nroutes: [{ pool: a }]", ["M1306 3:3"]),
        Case(
            "same endpoint twice",
            listener + "pools:\n  a:\n    endpoints:\n      - { address: '1.1.1.1:1' }\n"
                + "      - { address: '1.1.1.1:1' }\nroutes: [{ pool: a }]",
            ["M1307 6:20"]
        ),
        Case(
            "same name twice",
            listener + "pools:\n  a:\n    endpoints:\n      - { address: '1.1.1.1:1', name: x }\n"
                + "      - { address: '1.1.1.1:2', name: x }\nroutes: [{ pool: a }]",
            ["M1307 6:39"]
        ),
        Case(
            "same route twice",
            listener + "pools:\n  a: { endpoints: [{ address: 'a:1' }] }\n"
                + "routes:\n  - { pool: a }\n  - { host: '*', path: /, pool: a }",
            ["M1308 6:5"]
        ),
        Case(
            "listener conflict",
            "listeners:\n  - { http: ':80' }\n  - { dns: '127.0.0.1:80' }",
            ["M1309 3:12"]
        ),
        Case(
            "admin conflict",
            "admin: { listen: ':80' }\nlisteners: [{ http: ':80' }]",
            ["M1355 1:18", "M1309 2:21"]
        ),
        Case(
            "ejection order",
            listener
                + "pools:\n  a:\n    passive: { ejection: 10m }\n    endpoints: [{ address: 'a:1' }]\n"
                + "routes: [{ pool: a }]",
            ["M1311 4:26"]
        ),
        Case(
            "zero weights",
            listener
                + "pools:\n  a: { endpoints: [{ address: 'a:1', weight: 0 }] }\nroutes: [{ pool: a }]",
            ["M1351 3:19"]
        ),
        Case(
            "unused pool",
            listener + "pools:\n  a: { endpoints: [{ address: 'a:1' }] }",
            ["M1352 3:3"]
        ),
        Case("nothing listens", "user: a", ["M1353 1:1"]),
        Case(
            "route without listener",
            "listeners: [{ dns: ':53' }]\npools: { a: { endpoints: [{ address: 'a:1' }] } }\n"
                + "routes:\n  - { pool: a }",
            ["M1354 4:3"]
        ),
        Case(
            "slow probe",
            listener + "probes:\n  a: { tcp: connect, timeout: 9s }",
            ["M1352 3:3", "M1356 3:31"]
        ),
    ]

    @Test func `an empty file is a warning, and an error in place of one that serves`() {
        var checks = OutsideChecks()
        #expect(Self.found(read("", checks: checks)) == ["M1353 1:1"])
        checks.isServed = true
        #expect(Self.found(read("", checks: checks)) == ["M1329 1:1"])
        #expect(Self.found(read("listeners: []", checks: checks)) == ["M1353 1:1"])
        #expect(read("", checks: checks).configuration == nil)
    }

    static let zone = """
        listeners: [{ dns: ':53' }]
        zones:
          example.com:
            soa: { primary: ns1, mailbox: root@example.com }
            records:

        """

    static let zones: [Case] = [
        Case("cname at apex", zone + "      '@': { cname: a }", ["M1312 6:21"]),
        Case("cname and a", zone + "      w: { cname: a, a: 1.1.1.1 }", ["M1312 6:19"]),
        Case("alias and a", zone + "      '@': { alias: a, a: 1.1.1.1, mx: 1 a }", ["M1312 6:27"]),
        Case("alias and cname", zone + "      w: { cname: a, alias: a }", ["M1312 6:19"]),
        Case(
            "alias and steer",
            zone + "      w: { alias: a, steer: x }",
            ["M1303 6:29", "M1312 6:29"]
        ),
        Case("alias of the root", zone + "      w: { alias: '.' }", ["M1214 6:19"]),
        Case("alias of two", zone + "      w: { alias: [a, b] }", ["M1103 6:19"]),
        Case("outside", zone + "      w.example.org.: { a: 1.1.1.1 }", ["M1313 6:7"]),
        Case("zone repeated", zone + "      w.example.com: { a: 1.1.1.1 }", ["M1313 6:7"]),
        Case(
            "same owner",
            zone + "      w: { a: 1.1.1.1 }\n      W: { a: 1.1.1.2 }",
            ["M1314 7:7"]
        ),
        Case(
            "steered and a",
            zone + "      w: { steer: x, a: 1.1.1.1 }",
            ["M1303 6:19", "M1315 6:25"]
        ),
        Case("same record", zone + "      w: { a: [1.1.1.1, 1.1.1.1] }", ["M1317 6:15"]),
        Case("no record", zone + "      w: { ttl: 1s }", ["M1104 6:7"]),
        Case("bad owner", zone + "      'a b': { a: 1.1.1.1 }", ["M1213 6:7"]),
        Case("meaning", zone + "      'a;b': { a: 1.1.1.1 }", ["M1213 6:7"]),
        Case(
            "no hosts",
            zone + "      0/25: { ns: ns.0/25.test. }\n      '-+_#': { a: 1.1.1.1 }",
            []
        ),
        Case("no soa", "listeners: [{ dns: ':53' }]\nzones:\n  example.com: {}", ["M1104 3:3"]),
        Case(
            "soa and file",
            "listeners: [{ dns: ':53' }]\nzones:\n  a.b: { file: z, soa: { primary: a, mailbox: b } }",
            ["M1105 3:24"]
        ),
        Case(
            "zone twice",
            "listeners: [{ dns: ':53' }]\nzones:\n  a.b: { file: z }\n  A.B.: { file: z }",
            ["M1314 4:3"]
        ),
    ]

    @Test(arguments: reading + shape + meaning + zones + policies + latency)
    func `a fault is found at its place`(_ fault: Case) {
        let result = read(fault.text)
        #expect(Self.found(result) == fault.expected, "\(CheckReport.text(result))")
    }

    @Test func `the sample without a fault is valid`() {
        #expect(Self.found(read(sample)) == [])
    }

    @Test func `all faults are reported at once, in the order of the file`() {
        let text = """
            workers: many
            listeners:
              - { http: "8080" }
            pools:
              api:
                balence: random
                endpoints:
                  - { adress: 10.0.0.1:80 }
                  - { address: 10.0.0.2 }
            routes:
              - { pool: app, path: api }
            """
        let expected = [
            "M1203 1:10", "M1208 3:13", "M1352 5:3", "M1101 6:5", "M1104 8:9", "M1101 8:11",
            "M1208 9:20", "M1302 11:13", "M1212 11:24",
        ]
        #expect(Self.found(read(text)) == expected)
    }

    @Test func `outside checks are asked and placed`() {
        let checks = OutsideChecks(
            expression: { $0 == "(" ? "missing )" : nil },
            zoneFile: { path, origin in
                [.init(position: .init(line: 7, column: 2), message: "\(path) \(origin)")]
            }
        )
        let text = """
            listeners: [{ dns: ':53' }]
            probes:
              p: { http: /, body-regex: "(" }
            zones:
              b.example: { file: z/b.zone }
            """
        let bytes = Array(text.utf8)
        let result = ConfigurationReader(checks: checks).read(bytes, file: "etc/martlet.yaml")
        let findings = result.diagnostics.map(\.description)
        #expect(
            findings == [
                "etc/martlet.yaml:3:3: warning[M1352]: the probe `p` is never used",
                "etc/martlet.yaml:3:29: error[M1217]: RE2 refuses the expression: missing )",
                "etc/z/b.zone:7:2: error[M1316]: etc/z/b.zone b.example.",
            ]
        )
    }

    @Test func `parameters of services are checked outside, each at its place`() {
        var checks = OutsideChecks()
        checks.service = { $0.contains("alpn") ? nil : "'\($0)' is no parameter" }
        let text = """
            listeners: [{ dns: ':53' }]
            zones:
              a.example:
                soa: { primary: ns, mailbox: me }
                records:
                  www:
                    https:
                      - 1 . alpn=h2
                      - 2 far.example.net. prot=8443
                  dns: { svcb: 1 . x }
                  none: { https: 1 . }
            """
        let bytes = Array(text.utf8)
        let result = ConfigurationReader(checks: checks).read(bytes, file: "a")
        #expect(
            result.diagnostics.map(\.description) == [
                "a:9:13: error[M1214]: 'prot=8443' is no parameter",
                "a:10:20: error[M1214]: 'x' is no parameter",
                "a:11:22: error[M1214]: '' is no parameter",
            ]
        )
        #expect(result.diagnostics.first?.option == "zones.a.example.records.www.https[1]")
    }

    @Test func `a file over 4 MiB is refused by name`() {
        let result = ConfigurationReader().read(
            [UInt8](repeating: 0x23, count: 4 << 20 | 1),
            file: "a"
        )
        #expect(result.diagnostics.map(\.code) == [.fileTooLarge])
        #expect(result.configuration == nil)
    }

    @Test func `aliases of aliases do not grow without bound`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let aliases = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(read(text).diagnostics.map(\.code) == [.tooManyValues])
    }

    @Test func `a long chain of policies is refused, in time`() {
        var text = Self.steer + "steer:\n  w: { steer: p0 }\n"
        for index in 0..<20_000 { text += "  p\(index): { steer: p\(index + 1) }\n" }
        let result = read(text + "  p20000: { address: 192.0.2.1 }\n")
        #expect(result.diagnostics.map(\.code) == [.policyTooDeep])
    }

    @Test(arguments: [
        ("limit: adaptive, min: 9, max: 5", DiagnosticCode.wrongOrder),
        ("min: 2", .idleConcurrency), ("limit: off, tolerance: 200%", .idleConcurrency),
        ("limit: fast", .notWord), ("limit: adaptive, tolerance: 100%", .outOfRange),
    ])
    func `a limit that follows answers has bounds in order, and none where it is off`(
        _ example: (text: String, code: DiagnosticCode)
    ) {
        func text(_ concurrency: String) -> String {
            """
            listeners: [{ http: ':80' }]
            pools:
              a: { concurrency: { \(concurrency) }, endpoints: [{ address: '127.0.0.1:1' }] }
            routes: [{ pool: a }]
            """
        }
        #expect(read(text(example.text)).diagnostics.map(\.code) == [example.code])
        #expect(read(text("limit: adaptive, min: 5, max: 5")).diagnostics.isEmpty)
    }

    @Test(arguments: [
        ("hedge: { after: p95 }, protocol: http2", DiagnosticCode.hedgeBesideOthers),
        ("hedge: { after: p95 }, proxy-protocol: v2", .hedgeBesideOthers),
        ("hedge: { budget: 5% }", .idleHedge), ("hedge: { after: off, min-delay: 1s }", .idleHedge),
        ("hedge: { after: p96 }", .notWord), ("hedge: { after: p95, budget: 0% }", .outOfRange),
    ])
    func `hedging needs a percentile, and connections that can be cut`(
        _ example: (text: String, code: DiagnosticCode)
    ) {
        func text(_ pool: String) -> String {
            """
            listeners: [{ http: ':80' }]
            pools:
              a: { \(pool), endpoints: [{ address: '127.0.0.1:1' }] }
            routes: [{ pool: a }]
            """
        }
        #expect(read(text(example.text)).diagnostics.map(\.code) == [example.code])
        #expect(read(text("hedge: { after: p99, budget: 100% }")).diagnostics.isEmpty)
    }
}
