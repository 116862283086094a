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

    static let steer = zone + "      w: { steer: w }\n"

    static let policies: [Case] = [
        Case("no kind", steer + "steer:\n  w: { ttl: 1s }", ["M1104 8:3"]),
        Case("two kinds", steer + "steer:\n  w: { address: 1.1.1.1, pool: x }", ["M1105 8:32"]),
        Case("empty", steer + "steer:\n  w: { failover: [] }", ["M1305 8:18"]),
        Case(
            "circle",
            steer + "steer:\n  w: { failover: [{ steer: v }] }\n  v: { steer: w }",
            ["M1304 8:28"]
        ),
        Case("own circle", steer + "steer:\n  w: { steer: w }", ["M1304 8:15"]),
        Case(
            "bad member",
            steer + "steer:\n  w: { round-robin: [1.1.1.1, 1.1.1] }",
            ["M1208 8:31"]
        ),
        Case("bad weight key", steer + "steer:\n  w: { weighted: { api: 5 } }", ["M1208 8:20"]),
        Case("bad weight", steer + "steer:\n  w: { weighted: { 1.1.1.1: x } }", ["M1203 8:29"]),
        Case(
            "weights all zero",
            steer + "steer:\n  w: { weighted: { 1.1.1.1: 0 } }",
            ["M1351 8:18"]
        ),
        Case(
            "weight outside a list",
            steer + "steer:\n  w: { failover: [{ address: 1.1.1.1, weight: 3 }] }",
            ["M1106 8:47"]
        ),
        Case(
            "probe without port",
            steer + "probes:\n  p: { tcp: connect }\nsteer:\n  w: { address: 1.1.1.1, probe: p }",
            ["M1310 10:3"]
        ),
        Case(
            "probe on a pool",
            steer
                + "pools: { a: { endpoints: [{ address: 'a:1' }] } }\nprobes: { p: { tcp: connect, port: 1 } }\n"
                + "steer:\n  w: { pool: a, probe: p }",
            ["M1105 10:24"]
        ),
        Case(
            "ttl inside",
            steer + "steer:\n  w: { failover: [{ address: 1.1.1.1, ttl: 9s }] }",
            ["M1101 8:39"]
        ),
        Case(
            "fallback beside all-down",
            steer + "steer:\n  w: { failover: [1.1.1.1], all-down: all, fallback: w }",
            ["M1105 8:54", "M1304 8:54"]
        ),
        Case(
            "more up than there are",
            steer + "steer:\n  w: { round-robin: [1.1.1.1], minimum-up: 2 }",
            ["M1207 8:44"]
        ),
        Case(
            "rules of other kinds",
            steer + "steer:\n  w: { failover: [1.1.1.1], answers: 2, sticky: name }",
            ["M1106 8:29", "M1106 8:41"]
        ),
        Case(
            "regions outside of geo",
            steer + "steer:\n  w: { failover: [{ address: 1.1.1.1, country: DE, at: DE }] }",
            ["M1106 8:48", "M1106 8:56"]
        ),
        Case(
            "a branch that never serves",
            steer + "steer:\n  w: { failover: [1.1.1.1, 1.1.1.2] }",
            ["M1391 8:18"]
        ),
        Case(
            "places that are none",
            steer + """
                steer:
                  w: { geo: [1.1.1.1, { address: 1.1.1.2, country: [Germany, XX, EU, DE] },
                    { address: 1.1.1.3, subdivision: [US-CA, USCA], continent: [EU, EX] }] }
                """,
            ["M1206 8:52", "M1216 8:53", "M1206 9:38", "M1206 9:69"]
        ),
        Case(
            "a region twice and nobody for the rest",
            steer + """
                steer:
                  w: { geo: [{ address: 1.1.1.1, asn: 7 }, { address: 1.1.1.2, asn: [8, 7] }] }
                """,
            ["M1346 8:13", "M1390 8:13"]
        ),
        Case(
            "residents that can leave",
            steer + """
                steer:
                  w: { geo: [1.1.1.1, { address: 1.1.1.2, country: EU, resident: true },
                    { address: 1.1.1.3, country: FR }, { address: 1.1.1.4, network: 10.0.0.0/8 }] }
                """,
            ["M1392 8:13"]
        ),
        Case(
            "a policy too large to go through",
            steer + "steer:\n  w: { failover: [{ steer: p0 }] }\n"
                + (0..<9).map { level in
                    let next = Array(repeating: "{ steer: p\(level + 1) }", count: 4)
                    return "  p\(level): { failover: [\(next.joined(separator: ", "))] }\n"
                }.joined() + "  p9: { address: 1.1.1.1 }",
            ["M1347 11:3"]
        ),
        Case(
            "places under proximity",
            steer + """
                steer:
                  w: { proximity: [1.1.1.1, { address: 1.1.1.2 }, { address: 1.1.1.3, at: "91, 0" },
                    { address: 1.1.1.4, at: DE, bias: 100 }] }
                """,
            ["M1104 8:20", "M1104 8:29", "M1216 8:75", "M1207 9:39"]
        ),
    ]

    @Test(arguments: reading + shape + meaning + zones + policies)
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

    private static let mirrors: [(text: String, codes: [String])] = [
        ("pool: a, mirror: { pool: b }", []), ("pool: a, mirror: { pool: c }", ["M1343"]),
        ("split: { a: 1, c: 1 }, mirror: { pool: b }", []),
        ("pool: a, mirror: { pool: a }", ["M1373"]),
        ("split: { a: 1, b: 1 }, mirror: { pool: b, share: 5% }", ["M1373"]),
        ("pool: a, mirror: { pool: b, share: 0% }", ["M1374"]),
        ("pool: a, mirror: { pool: x }", [DiagnosticCode.unknownPool.rawValue]),
        ("pool: a, mirror: { share: 5% }", [DiagnosticCode.missingKey.rawValue]),
        ("pool: a, mirror: { pool: b, share: 101% }", [DiagnosticCode.outOfRange.rawValue]),
        ("pool: a, mirror: { pool: b, compare: head }", [DiagnosticCode.notWord.rawValue]),
        ("respond: { body: x }, mirror: { pool: b }", [DiagnosticCode.excludingKeys.rawValue]),
        ("pool: a, mirror: { pool: d }", ["M1375"]), ("pool: a, mirror: { pool: e }", ["M1375"]),
        ("pool: a, mirror: { pool: f }", ["M1375"]), ("pool: d, mirror: { pool: e }", ["M1373"]),
        ("pool: s, mirror: { pool: b }", ["M1376"]), ("pool: s, mirror: { pool: t }", []),
        ("split: { a: 1, s: 1 }, mirror: { pool: b, share: 0% }", ["M1376", "M1374"]),
    ]

    @Test(arguments: mirrors)
    func `a mirror needs another pool, of HTTP/1.1`(
        _ example: (text: String, codes: [String])
    ) {
        let text = """
            listeners: [{ http: ':80' }]
            pools:
              a: { endpoints: [{ address: '127.0.0.1:1' }] }
              b: { endpoints: [{ address: '127.0.0.1:2' }] }
              c: { endpoints: [{ address: '127.0.0.1:3' }], protocol: http2 }
              d: { endpoints: [{ address: '127.0.0.1:4' }] }
              e: { endpoints: [{ address: '127.0.0.1:5' }, { address: '127.0.0.1:4' }] }
              f: { endpoints: [{ address: 'd.example:4' }] }
              g: { endpoints: [{ address: 'd.example:4' }] }
              s: { endpoints: [{ address: '127.0.0.1:6' }], tls: { name: s.example } }
              t: { endpoints: [{ address: '127.0.0.1:7' }], tls: { name: t.example } }
            routes:
              - { \(example.text) }
              - { host: all.example, split: { a: 1, d: 1, g: 1, s: 1 } }
            """
        // Each example leaves some of the pools unused.
        let codes = read(text).diagnostics.map(\.code).filter { $0 != .unused }.map(\.rawValue)
        #expect(codes == example.codes)
    }

    @Test func `a PROXY header needs connections of one client`() {
        let text = """
            listeners: [{ http: ':80' }]
            pools:
              a: { protocol: http2, proxy-protocol: v2, endpoints: [{ address: '127.0.0.1:1' }] }
            routes: [{ pool: a }]
            """
        #expect(read(text).diagnostics.map(\.code) == [.proxyBesideHTTP2])
        let single = text.replacing("http2", with: "http1")
        #expect(read(single).diagnostics.isEmpty)
    }

    @Test func `a probe of TLS needs TLS to ask by`() {
        let text = """
            listeners: [{ http: ':80' }, { dns: ':53' }]
            probes: { t: { tcp: tls, port: 443 } }
            pools:
              a: { probe: t, tls: { name: a.example }, endpoints: [{ address: '127.0.0.1:1' }] }
            routes: [{ pool: a }]
            """
        #expect(read(text).diagnostics.isEmpty)
        let plain = text.replacing("tls: { name: a.example }, ", with: "")
        #expect(read(plain).diagnostics.map(\.code) == [.probeWithoutTLS])
        let steer = "\nsteer: { w: { address: 192.0.2.1, probe: t } }\n"
        let codes = read(text + steer).diagnostics.map(\.code)
        #expect(codes.contains(.probeWithoutTLS))
        let own = text.replacing("tcp: tls", with: "tcp: tls, tls: on")
        #expect(!read(own + steer).diagnostics.map(\.code).contains(.probeWithoutTLS))
        let bare = own.replacing("tls: { name: a.example }, ", with: "")
        #expect(read(bare).diagnostics.isEmpty)
    }

    @Test(
        arguments: [
            ("http: /, certificate: { name: a.example }", ["M1106 2:46"]),
            ("http: /, tls: on, certificate: { name: a.example, verify: false }", []),
            ("http: /, tls: off, certificate: { min-days: 3 }", ["M1106 2:60"]),
            ("http: /, certificate: { min-days: 3 }", ["M1330 3:22"]),
            ("http: /, tls: on, certificate: { ending: down }", ["M1106 2:49"]),
            ("http: /, tls: on, certificate: { min-days: 3, ending: down }", []),
            ("tcp: connect, tls: on", ["M1105 2:35"]),
            ("tcp: connect, certificate: { min-days: 3 }", ["M1106 2:55"]),
            ("tcp: tls, tls: off", ["M1105 2:31"]),
        ] as [(String, [String])]
    )
    func `what is said of certificates has some to be about`(probe: String, expected: [String]) {
        let text = """
            listeners: [{ http: ':80' }]
            probes: { p: { \(probe) } }
            pools: { a: { probe: p, endpoints: [{ address: '127.0.0.1:1' }] } }
            routes: [{ pool: a }]
            """
        #expect(Self.found(read(text)) == expected)
    }

    @Test(
        arguments: [
            ("dns: { name: example.com }", []),
            ("dns: { type: A }", ["M1104 2:16"]),
            ("dns: { name: example.com, addresses: [1.1.1.1, 1.1.1.2], match: all }", []),
            ("dns: { name: a.b, addresses: '2001:db8::1' }", ["M1105 2:45"]),
            ("dns: { name: a.b, type: AAAA, addresses: '2001:db8::1' }", []),
            ("dns: { name: a.b, type: MX, addresses: 1.1.1.1 }", ["M1105 2:55"]),
            ("dns: { name: a.b, match: all }", ["M1106 2:34"]),
            ("dns: { name: a.b }, tls: on", ["M1106 2:36"]),
            ("dns: { name: a.b, rcode: [NXDOMAIN, LATE] }", ["M1206 2:52"]),
            ("dns: { name: a.b }, tcp: connect", ["M1105 2:21"]),
        ] as [(String, [String])]
    )
    func `questions to name servers`(probe: String, expected: [String]) {
        let text = """
            listeners: [{ dns: ':53' }]
            probes: { p: { \(probe) } }
            steer: { w: { address: 192.0.2.1, probe: p } }
            zones: { example.com: { soa: { primary: a, mailbox: b }, records: { w: { steer: w } } } }
            """
        #expect(Self.found(read(text)) == expected)
    }

    @Test(
        arguments: [
            ("s: { of: [{ pool: a }] }", []),
            ("s: { of: [] }", ["M1337 3:20"]),
            ("s: { of: [{ not: true }] }", ["M1104 3:21"]),
            ("s: { at-least: 2, of: [{ pool: a }] }", ["M1207 3:26"]),
            ("s: { of: [{ pool: a }], rise: 2 }", ["M1105 3:41"]),
            ("s: { of: [{ pool: b }] }", ["M1302 3:29"]),
            ("s: { of: [{ pool: a, endpoint: x }] }", ["M1336 3:29"]),
            ("s: { of: [{ pool: a, endpoints: 3 }] }", ["M1336 3:29"]),
            ("s: { of: [{ pool: a, endpoint: one, not: true }], at-least: 1 }", []),
            ("s: { of: [{ probe: p }] }", ["M1333 3:30"]),
            ("s: { of: [{ probe: s }] }", ["M1331 3:30"]),
            ("s: { of: [{ probe: t }] }, t: { of: [{ probe: s }] }", ["M1331 3:57"]),
            ("s: { of: [{ pool: c }] }", ["M1331 3:29"]),
            ("s: { of: [{ pool: d }] }", ["M1331 3:29"]),
            ("s: { of: [{ pool: a }], http: / }", ["M1105 3:20"]),
        ] as [(String, [String])]
    )
    func `calculated probes`(probes: String, expected: [String]) {
        let text = """
            listeners: [{ http: ':80' }]
            routes: [{ host: a, pool: a }, { host: c, pool: c }, { host: d, pool: d }]
            probes: { \(probes), p: { tcp: connect }, q: { http: /, requires: s } }
            pools:
              a: { probe: p, endpoints: [{ address: '127.0.0.1:1', name: one }] }
              c: { probe: s, endpoints: [{ address: '127.0.0.1:2' }] }
              d: { probe: q, endpoints: [{ address: '127.0.0.1:3' }] }
            """
        #expect(Self.found(read(text)) == expected)
    }

    @Test func `calculated probes are bounded in depth`() {
        func chain(_ count: Int) -> String {
            let first = "s0: { of: [{ pool: a }] }"
            let rest = (1..<count).map { "s\($0): { of: [{ probe: s\($0 - 1) }] }" }
            return """
                listeners: [{ http: ':80' }]
                routes: [{ pool: a }]
                probes: { \(([first] + rest).joined(separator: ", ")) }
                pools:
                  a: { endpoints: [{ address: '127.0.0.1:1' }] }
                  b: { probe: s\(count - 1), endpoints: [{ address: '127.0.0.1:1' }] }
                """
        }
        let unused = [DiagnosticCode.unused]
        #expect(read(chain(16)).diagnostics.map(\.code).filter { !unused.contains($0) } == [])
        let deep = read(chain(17)).diagnostics.map(\.code).filter { !unused.contains($0) }
        #expect(deep.allSatisfy { $0 == .checkTooDeep } && !deep.isEmpty)
        let backwards = chain(40).replacing("s0: { of: [{ pool: a }] }, ", with: "")
            .replacing("}, pools", with: ", s0: { of: [{ pool: a }] } }, pools")
        _ = read(backwards)
    }

    @Test func `listeners are bounded`() {
        let many = (1...300).map { "  - { http: '127.0.0.1:\($0)' }\n" }.joined()
        #expect(read("listeners:\n" + many).diagnostics.map(\.code) == [.tooMany])
    }

    @Test func `an alias stands for its value`() throws {
        let text = """
            listeners: [{ http: ':80' }]
            pools:
              a: &a { drain: 7s, endpoints: [{ address: 'a:1' }] }
              b: *a
            routes: [{ pool: a }, { path: /b, pool: b }]
            """
        let pools = try settings(text).pools
        #expect(pools.map(\.drain) == [.seconds(7), .seconds(7)])
    }

    @Test func `more findings than anybody reads are counted only`() {
        let keys = (0..<1500).map { "unknown\($0): 1\n" }.joined()
        let result = read(keys)
        #expect(result.diagnostics.count == 1000)
        #expect(result.suppressed == 501)
    }
}
