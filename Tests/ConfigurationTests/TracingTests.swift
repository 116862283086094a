// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Testing

@Suite struct TracingSettingsTests {
    private static let listener = "listeners: [ { http: ':8080', tracing: true } ]\n"

    private func otlp(_ options: String) throws -> OTLPSettings {
        let all = try settings(Self.listener + "tracing: { otlp: { \(options) } }")
        return try #require(all.tracing.otlp)
    }

    private func codes(_ options: String, _ listener: String = Self.listener) -> [String] {
        read(listener + "tracing: { otlp: { \(options) } }").diagnostics.map(\.code.rawValue)
    }

    @Test func `without an endpoint nothing is exported`() throws {
        #expect(try settings(Self.listener).tracing.otlp == nil)
        #expect(codes("share: 5%") == ["M1106"])
        #expect(codes("headers: { a: b }") == ["M1106"])
    }

    @Test(arguments: [
        ("http://localhost:4318/v1/traces", "localhost", "/v1/traces"),
        ("HTTP://Collector.internal", "collector.internal", "/v1/traces"),
        ("https://[2001:db8::1]:4318/x?y=1", "2001:db8::1", "/x?y=1"),
        ("https://192.0.2.1/", "192.0.2.1", "/v1/traces"),
    ])
    func `a URL has a host and a target`(text: String, host: String, target: String) throws {
        let endpoint = try otlp("endpoint: '\(text)'").endpoint
        #expect(endpoint.host == host && endpoint.target == target)
        #expect(endpoint.isSecure == text.hasPrefix("https"))
    }

    @Test func `ports are those of the schemes`() throws {
        for (text, port) in [("http://h.example/x", 80), ("https://h.example/x", 443)] {
            let address = try otlp("endpoint: '\(text)'").endpoint.address
            #expect(address == .name("h.example", port: UInt16(port)))
        }
    }

    @Test(arguments: [
        "localhost:4318", "ftp://h/x", "http://", "http:///x", "http://user:pw@h/x", "http://h/x#y",
        "http://h:0/x", "http://h:99999/x", "http://h/a b", "http://h?x", "http://0.0.0.0:1/", "x",
        "http://h/\\xe9",
    ])
    func `what is no such URL is refused`(text: String) {
        #expect(codes("endpoint: \"\(text)\"") == ["M1208"])
    }

    @Test(arguments: [
        ("share: 101%", "M1207"), ("share: 0.5%", "M1204"), ("share: 5", "M1204"),
        ("queue: 1", "M1207"), ("batch: 0", "M1207"), ("timeout: 5", "M1201"),
        ("every: 5m", "M1207"), ("queue: 100", "M1311"), ("batch: 4096", "M1311"),
        ("headers: { X: \"a\\r\\nb: c\" }", "M1216"), ("headers: { \"a b\": c }", "M1216"),
        ("headers: { Content-Length: 7 }", "M1216"), ("headers: { content-type: x }", "M1216"),
        ("service: ''", "M1216"), ("sample: 1%", "M1101"), ("attributes: [a]", "M1103"),
    ])
    func `bad values are named`(option: String, code: String) {
        #expect(codes("endpoint: 'http://127.0.0.1:1', \(option)") == [code])
    }

    @Test func `what is hardly meant is said`() {
        let plain = "listeners: [ { http: ':8080' } ]\n"
        #expect(codes("endpoint: 'http://127.0.0.1:1'", plain) == ["M1380"])
        #expect(codes("endpoint: 'http://10.0.0.1:1', headers: { a: b }") == ["M1381"])
        #expect(codes("endpoint: 'https://10.0.0.1:1', headers: { a: b }") == [])
        #expect(codes("endpoint: 'http://localhost:1', headers: { a: b }") == [])
        #expect(codes("endpoint: 'http://10.0.0.1:1'") == [])
        #expect(codes("endpoint: 'http://10.0.0.1:1/v1/traces?key=x'") == ["M1381"])
        #expect(codes("endpoint: 'https://10.0.0.1:1/v1/traces?key=x'") == [])
        #expect(codes("endpoint: 'http://127.0.0.1:1/v1/traces?key=x'") == [])
    }

    @Test func `a query, which may be a key, is sent and not shown`() throws {
        let endpoint = try otlp("endpoint: 'https://h.example/x?key=secret&y?z'").endpoint
        #expect(endpoint.target == "/x?key=secret&y?z")
        #expect("\(endpoint)" == "https://h.example/x")
    }

    @Test func `what makes a batch be sent anew is told from what does not`() throws {
        let base = "endpoint: 'http://127.0.0.1:1', headers: { A: b }, service: s"
        let settings = try otlp(base)
        for same in ["queue: 4000", "batch: 100", "every: 2s", "timeout: 2s", "share: 7%"] {
            #expect(try settings.sendsTheSame(as: otlp("\(base), \(same)")), "\(same)")
        }
        for other in [
            base.replacing(":1'", with: ":2'"), base.replacing("A: b", with: "A: c"),
            base.replacing("service: s", with: "service: t"), "\(base), attributes: { a: b }",
        ] {
            #expect(try !settings.sendsTheSame(as: otlp(other)), "\(other)")
        }
    }
}
