// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Testing

/// What features ask of each other.
extension `Faults in a file` {
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

/// Probes that run programs.
extension `Faults in a file` {
    @Test(
        arguments: [
            ("command: /bin/a", []),
            ("command: /bin/a, arguments: ['-H', '{address}:{port}', '{{x}'], exit: [0, 1]", []),
            ("command: /bin/a, requires: s", ["M1301 2:43"]),
            ("command: a", ["M1410 2:25"]), ("command: ./a", ["M1410 2:25"]),
            ("command: /bin/a, arguments: ['{adress}']", ["M1221 2:44"]),
            ("command: /bin/a, arguments: ['{address']", ["M1221 2:44"]),
            ("command: /bin/a, exit: 256", ["M1207 2:39"]),
            ("command: /bin/a, tcp: connect", ["M1105 2:25"]),
            ("command: /bin/a, expect: 200", ["M1106 2:33"]),
            ("command: /bin/a, tls: on", ["M1106 2:33"]),
            ("tcp: connect, arguments: [a]", ["M1106 2:30"]),
            ("command: /bin/a, timeout: 9s", ["M1356 2:42"]),
            ("command: /bin/open", ["M1411 2:25"]), ("command: /bin/gone", ["M1415 2:25"]),
            ("command: /bin/plain", ["M1416 2:25"]),
        ] as [(String, [String])]
    )
    func `a command is an absolute path to a program that others cannot change`(
        probe: String,
        codes: [String]
    ) {
        var checks = OutsideChecks()
        checks.program = { path in
            switch path {
            case "/bin/open": .writable(path: "/bin")
            case "/bin/gone": .missing(reason: "No such file or directory")
            case "/bin/plain": .notExecutable
            default: .usable
            }
        }
        let text = """
            listeners: [{ dns: ':53' }]
            probes: { c: { \(probe) } }
            zones: { a.example: { soa: { primary: a.b, mailbox: a.b }, records: { w: { steer: w } } } }
            steer: { w: { address: 192.0.2.1, probe: c } }
            """
        let result = read(text, checks: checks)
        // A probe that is refused by its kind cannot say whether it needs a port.
        let found = Self.found(result).filter { !$0.hasPrefix("M1310") }
        #expect(found == codes, "\(CheckReport.text(result))")
        let isRefused = codes.contains { $0 < "M1351" || $0.hasPrefix("M1410") }
        let isOpen = codes.contains { $0.hasPrefix("M1411") }
        #expect((result.configuration == nil) == (isRefused || isOpen))
    }

    @Test func `too many arguments, or too long ones, do not fit into a message`() {
        func codes(_ arguments: [String]) -> [DiagnosticCode] {
            read(
                "listeners: [{ dns: ':53' }]\nprobes: { c: { command: /a, arguments: "
                    + "[\(arguments.joined(separator: ", "))] } }"
            ).errors.map(\.code)
        }
        #expect(codes(Array(repeating: "a", count: 64)).isEmpty)
        #expect(codes(Array(repeating: "a", count: 65)) == [.tooMany])
        let long = String(repeating: "a", count: 1_024)
        #expect(codes(Array(repeating: long, count: 16)).isEmpty)
        #expect(codes(Array(repeating: long, count: 17)) == [.tooMany])
    }

    @Test func `variables of arguments are filled in, and braces stay`() throws {
        let settings = try settings(
            "listeners: [{ dns: ':53' }]\nprobes: { c: { command: /a, arguments: "
                + "['-H{address}:{port}', '{{a}}', '{pool}/{endpoint}'] } }"
        )
        guard case .command(let command)? = settings.probes.first?.check else {
            Issue.record("no command")
            return
        }
        let filled = command.arguments.map { $0.filled { "<\($0.rawValue)>" } }
        #expect(filled == ["-H<address>:<port>", "{a}", "<pool>/<endpoint>"])
        #expect(command.exit == [0])
    }
}

/// Keys of signed messages.
extension `Faults in a file` {
    private static let keys: [(text: String, codes: [String])] = [
        ("secret: MDEyMzQ1Njc4OWFiY2RlZg==", []), ("secret-file: somewhere", []),
        ("secret: MDEyMzQ1Njc4OWFiY2RlZg==, least-mac: 16, algorithm: hmac-sha512", []),
        ("algorithm: hmac-sha256", [DiagnosticCode.missingKey.rawValue]),
        (
            "secret: MDEyMzQ1Njc4OWFiY2RlZg==, secret-file: a",
            [DiagnosticCode.excludingKeys.rawValue]
        ),
        ("secret: not-base-64", ["M1470"]), ("secret: MDEyMw==", ["M1470"]),
        ("secret: MDEyMzQ1Njc4OWFiY2RlZg==, algorithm: md5", [DiagnosticCode.notWord.rawValue]),
        (
            "secret: MDEyMzQ1Njc4OWFiY2RlZg==, least-mac: 9",
            [DiagnosticCode.outOfRange.rawValue]
        ),
    ]

    @Test(arguments: keys)
    func `a key has one secret that cannot be guessed`(_ example: (text: String, codes: [String])) {
        let text = """
            listeners: [{ dns: ':53' }]
            tsig-keys: { a.key: { \(example.text) } }
            zones: { a.test: { soa: { primary: ns.a.test, mailbox: h@a.test } } }
            """
        let result = read(text)
        #expect(result.diagnostics.map(\.code.rawValue) == example.codes)
        // The secret itself is in no message.
        #expect(!result.diagnostics.contains { $0.message.contains("MDEy") })
    }

    @Test func `names of keys are domain names, each once`() {
        for (names, code) in [
            (["a.key", "A.key."], DiagnosticCode.duplicateOwner), (["a key"], .notDomainName),
        ] {
            let lines = names.map { "  '\($0)': { secret: MDEyMzQ1Njc4OWFiY2RlZg== }\n" }
            let text = "listeners: [{ http: ':80' }]\ntsig-keys:\n" + lines.joined()
            #expect(read(text).diagnostics.map(\.code) == [code])
        }
    }
}

/// Zones between servers.
extension `Faults in a file` {
    private static let transfers: [(text: String, codes: [String])] = [
        ("transfer-to: [ { network: 192.0.2.0/24 } ]", []),
        ("transfer-to: [ { key: a.key } ]", []), ("notify: [ { address: 192.0.2.1 } ]", []),
        ("notify: [ { address: 192.0.2.1:5300, key: A.KEY. } ]", []),
        ("transfer-to: [ {} ]", [DiagnosticCode.missingKey.rawValue]),
        ("transfer-to: [ { key: b.key } ]", ["M1471"]),
        ("notify: [ { key: a.key } ]", [DiagnosticCode.missingKey.rawValue]),
        ("notify: [ { address: somewhere } ]", [DiagnosticCode.notAddress.rawValue]),
        ("transfer-to: [ { network: 192.0.2.1/33 } ]", [DiagnosticCode.notPrefix.rawValue]),
        ("transfer-from: [ { address: 192.0.2.1 } ]", ["M1472"]),
        ("dnssec: {}\n    notify: [ { address: 192.0.2.1 } ]", []),
        ("dnssec: {}\n    transfer-to: [ { key: a.key } ]", ["M1534"]),
    ]

    @Test(arguments: transfers)
    func `servers of zones have an address, and keys that are defined`(
        _ example: (text: String, codes: [String])
    ) {
        let text = """
            listeners: [{ dns: ':53' }]
            tsig-keys: { a.key: { secret: MDEyMzQ1Njc4OWFiY2RlZg== } }
            zones:
              a.test:
                soa: { primary: ns.a.test, mailbox: h@a.test }
                \(example.text)
            """
        #expect(Set(read(text).diagnostics.map(\.code.rawValue)) == Set(example.codes))
    }

    private static let catalogs: [(text: String, codes: [String])] = [
        ("members: []", []), ("members: [ { zone: B.test. }, { zone: c.test } ]", []),
        (
            "members: [ { zone: b.test, group: one, coo: d.test }, { zone: c.test, group: [a, b] } ]",
            []
        ),
        ("members: [ { zone: d.test } ]", ["M1473"]), ("members: [ { zone: a.test } ]", ["M1474"]),
        ("members: [ { zone: b.test }, { zone: B.test } ]", ["M1474"]),
        ("members: [ { zone: b.test } ], file: x.zone", ["M1475"]),
        ("members: [], soa: { primary: ns, mailbox: h@a.test }", ["M1475"]),
        ("members: [], records: { www: { a: 192.0.2.1 } }", ["M1475"]),
        ("members: [], updates: [ { networks: [127.0.0.1] } ]", ["M1475"]),
        ("members: [ {} ]", [DiagnosticCode.missingKey.rawValue]),
        ("members: b.test", [DiagnosticCode.wrongKind.rawValue]),
        ("groups: [ { group: g, like: b.test } ]", []),
        ("groups: [ { group: g, like: c.test } ]", ["M1473"]),
        ("groups: [ { group: g, like: b.test }, { group: g, like: b.test } ]", ["M1474"]),
        ("groups: [ { like: b.test } ]", [DiagnosticCode.missingKey.rawValue]),
    ]

    @Test(arguments: catalogs)
    func `a catalog names zones that are there, once, and is nothing else`(
        _ example: (text: String, codes: [String])
    ) {
        let isConsumer = example.text.hasPrefix("groups")
        let more = "catalog: true, transfer-from: [ { address: 192.0.2.1 } ], "
        let text = """
            listeners: [{ dns: ':53' }]
            zones:
              a.test: { \(isConsumer ? more : "")\(example.text) }
              b.test: { transfer-from: [ { address: 192.0.2.1 } ] }
              c.test: { soa: { primary: ns.c.test, mailbox: h@c.test } }
            """
        #expect(Set(read(text).diagnostics.map(\.code.rawValue)) == Set(example.codes))
    }

    @Test func `a zone from elsewhere has no data of its own`() {
        func codes(_ zone: String) -> [String] {
            let text = "listeners: [{ dns: ':53' }]\nzones: { a.test: { \(zone) } }"
            return read(text).diagnostics.map(\.code.rawValue)
        }
        let from = "transfer-from: [ { address: 192.0.2.1 } ]"
        #expect(codes(from).isEmpty)
        #expect(codes("\(from), records: { www: { a: 192.0.2.1 } }") == ["M1472"])
        #expect(codes("\(from), file: x.zone").contains("M1472"))
        let rules = "updates: [ { networks: [127.0.0.0/8] } ]"
        #expect(codes("\(from), \(rules)") == ["M1472"])
        let tls = "transfer-from: [ { address: 192.0.2.1, tls: { name: ns.a.test } } ]"
        #expect(codes(tls).isEmpty)
        #expect(codes(tls.replacing("name: ns.a.test", with: "")) != [])
        let settings = read("listeners: [{ dns: ':53' }]\nzones: { a.test: { \(tls) } }")
            .configuration
        #expect(settings?.settings.zones.first?.transferFrom.first?.address.port == 853)
    }
}
