// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPProtocol
import Steering
import Testing

@testable import ControlPlane

@Suite struct AdminQuestionTests {
    private func ask(
        _ method: Method,
        _ target: String,
        body: String = "",
        type: String = "application/json"
    ) -> Result<AdminQuestion, Problem> {
        let fields = [
            ServiceRequest.Field("host", "localhost:9180"),
            ServiceRequest.Field("content-type", type),
        ]
        let request = ServiceRequest(
            method: method,
            target: target,
            fields: fields,
            body: Array(body.utf8)
        )
        return Result { () throws(Problem) in try AdminQuestion(request) }
    }

    @Test(
        arguments: [
            ("/", .page), ("/livez", .live), ("/readyz", .ready), ("/startupz", .started),
            ("/metrics", .metrics(isOpenMetrics: false)), ("/api/v1/snapshot", .snapshot),
            ("/api/v1/pools", .pools), ("/api/v1/pools/", .pools),
            ("/api/v1/pools/a%2Fb", .pool("a/b")), ("/api/v1/pools/steer:www", .pool("steer:www")),
            ("/api/v1/caches", .caches),
            ("/api/v1/cached?url=a&cache=b", .cached(url: "a", cache: "b")),
            ("/api/v1/events", .events(after: 0)), ("/api/v1/events?after=7", .events(after: 7)),
            ("/api/v1/events/stream", .eventStream(after: nil)),
        ] as [(String, AdminQuestion)]
    )
    func `a path is a question`(target: String, question: AdminQuestion) {
        #expect(ask(.get, target) == .success(question))
        #expect(ask(.head, target) == .success(question))
    }

    @Test func `a change names pool and endpoint, brackets and escapes included`() {
        let change = EndpointChange(state: .draining, weight: .set(7))
        let body = #"{"administrative":"draining","weight":7}"#
        let plain = ask(.patch, "/api/v1/pools/web/endpoints/[::1]:80", body: body)
        let escaped = ask(.patch, "/api/v1/pools/web/endpoints/%5B%3A%3A1%5D%3A80", body: body)
        let wanted = AdminQuestion.change(pool: "web", endpoint: "[::1]:80", change)
        #expect(plain == .success(wanted))
        #expect(escaped == .success(wanted))
    }

    @Test(
        arguments: [
            (#"{"force":"up"}"#, .hold(isUp: true, for: .seconds(3600))),
            (#"{"forceSeconds":1.5,"force":"down"}"#, .hold(isUp: false, for: .milliseconds(1500))),
            (#"{"force":"up","forceSeconds":604800}"#, .hold(isUp: true, for: .seconds(604_800))),
            (#"{"force":"auto"}"#, .auto),
            (#"{"force":"up","forceSeconds":604801}"#, nil),
            (#"{"force":"up","forceSeconds":0}"#, nil),
            (#"{"force":"auto","forceSeconds":5}"#, nil),
            (#"{"forceSeconds":5}"#, nil), (#"{"force":"sideways"}"#, nil), (#"{"force":1}"#, nil),
        ] as [(String, EndpointChange.Force?)]
    )
    func `health is forced for a while, an hour unless said`(
        body: String,
        force: EndpointChange.Force?
    ) {
        let answer = ask(.patch, "/api/v1/pools/a/endpoints/b", body: body)
        guard let force else {
            guard case .failure(let problem) = answer else {
                Issue.record("\(body) is taken")
                return
            }
            #expect(problem.code == .invalidValue)
            return
        }
        let change = EndpointChange(force: force)
        #expect(answer == .success(.change(pool: "a", endpoint: "b", change)))
    }

    @Test func `null gives the weight back to the file`() {
        let answer = ask(.patch, "/api/v1/pools/a/endpoints/b", body: #"{"weight":null}"#)
        let change = EndpointChange(weight: .fromFile)
        #expect(answer == .success(.change(pool: "a", endpoint: "b", change)))
    }

    @Test(arguments: [
        ("", ProblemCode.invalidJSON), ("{", .invalidJSON), ("{}", .invalidValue),
        ("[]", .invalidValue), (#"{"administrative":"sleeping"}"#, .invalidValue),
        (#"{"administrative":1}"#, .invalidValue), (#"{"weight":-1}"#, .invalidValue),
        (#"{"weight":65536}"#, .invalidValue), (#"{"weight":1.5}"#, .invalidValue),
        (#"{"wieght":1}"#, .invalidValue), (#"{"weight":1,"weight":2}"#, .invalidJSON),
    ])
    func `a body that asks for nothing sensible is refused`(body: String, code: ProblemCode) {
        guard case .failure(let problem) = ask(.patch, "/api/v1/pools/a/endpoints/b", body: body)
        else {
            Issue.record("taken: \(body)")
            return
        }
        #expect(problem.code == code)
    }

    @Test func `a form of another page is no JSON`() {
        let answer = ask(
            .patch,
            "/api/v1/pools/a/endpoints/b",
            body: #"{"weight":1}"#,
            type: "text/plain"
        )
        guard case .failure(let problem) = answer else {
            Issue.record("taken")
            return
        }
        #expect(problem.status == 415)
    }

    @Test(arguments: [
        (Method.post, "/api/v1/snapshot", "GET, HEAD, OPTIONS"),
        (.get, "/api/v1/reload", "POST, OPTIONS"),
        (.get, "/api/v1/pools/a/endpoints/b", "PATCH, OPTIONS"),
        (.delete, "/metrics", "GET, HEAD, OPTIONS"),
    ])
    func `a wrong method is told the right ones`(method: Method, target: String, allow: String) {
        guard case .failure(let problem) = ask(method, target) else {
            Issue.record("taken")
            return
        }
        #expect(problem.status == 405)
        #expect(problem.allow == allow)
        #expect(ask(.options, target) == .success(.options(allow)))
    }

    @Test(arguments: ["/nothing", "/api", "/api/v1/pools/a/b", "/api/v2/snapshot", "//metrics/x"])
    func `a path that is none is 404`(target: String) {
        guard case .failure(let problem) = ask(.get, target) else {
            Issue.record("taken")
            return
        }
        #expect(problem.code == .notFound)
    }

    @Test func `a sketch of a request takes host, path, client and fields apart`() {
        var wanted = RequestSketch(host: "www.example.com", target: "/a?b=c")
        wanted.method = "POST"
        wanted.from = IPAddress(v4: 0xc000_0201)
        wanted.fields = [ServiceRequest.Field("x-key", "1:2")]
        let query =
            "url=http://WWW.example.com:8080/a%3Fb%3Dc%23top&method=POST&from=192.0.2.1"
            + "&header=X-Key:%201:2"
        #expect(ask(.get, "/api/v1/explain?\(query)") == .success(.explain(wanted)))
        let bare = RequestSketch(host: "[::1]", target: "/")
        #expect(ask(.get, "/api/v1/explain?url=http://[::1]:80") == .success(.explain(bare)))
    }

    @Test(arguments: [
        "", "?url=", "?url=ftp://a/", "?url=http:///x", "?url=http://a@b/", "?url=http://a&from=x",
        "?url=http://a&methd=GET", "?url=http://a&header=x", "?url=http://a&method=G%20T",
        "?url=%zz",
    ])
    func `a sketch that cannot be read is refused`(query: String) {
        guard case .failure(let problem) = ask(.get, "/api/v1/explain\(query)") else {
            Issue.record("taken: \(query)")
            return
        }
        #expect((400...422).contains(problem.status))
    }

    @Test func `a sketch of a query has a name, a type and a client`() {
        var wanted = QuerySketch(name: "www.example.com")
        wanted.type = "AAAA"
        wanted.from = IPAddress(v4: 0xc000_0201)
        let target = "/api/v1/explain-dns?name=www.example.com&type=aaaa&from=192.0.2.1"
        #expect(ask(.get, target) == .success(.explainDNS(wanted)))
    }

    @Test func `failover times are asked of one name or of all`() {
        let target = "/api/v1/failover-time"
        #expect(ask(.get, target) == .success(.failoverTime(name: nil)))
        #expect(ask(.get, target + "?name=a.test") == .success(.failoverTime(name: "a.test")))
        guard case .failure(let problem) = ask(.get, target + "?nmae=a.test") else {
            Issue.record("a misspelt parameter is taken")
            return
        }
        #expect(problem.status == 422)
    }

    @Test(arguments: [
        ("/api/v1/failover-time?name=a.test&name=b.test", false),
        ("/api/v1/explain-dns?name=a.test&at=%2B1h&at=%2B2h", false),
        ("/api/v1/explain-dns?name=a.test&assume=a%3Ddown&assume=b%3Ddown", true),
        ("/api/v1/explain?url=http://a.test/&header=a:1&header=b:2", true),
        ("/api/v1/explain?url=http://a.test/&method=GET&method=PUT", false),
    ])
    func `what has one value is asked with one`(target: String, isTaken: Bool) {
        switch ask(.get, target) {
        case .success: #expect(isTaken)
        case .failure(let problem): #expect(!isTaken && problem.status == 422)
        }
    }

    @Test func `every row of the table can be asked, and says what it does`() {
        for row in AdminRoute.all {
            #expect(row.summary.hasSuffix("."), "\(row.path)")
            let segments = row.path.split(separator: "/").map(String.init)
            #expect(AdminRoute.find(segments).rows.contains { $0.method == row.method })
        }
    }
}

@Suite struct AdminGuardTests {
    private func request(
        _ method: Method,
        host: String,
        _ fields: [(String, String)] = []
    ) -> ServiceRequest {
        let all = [ServiceRequest.Field("host", host)] + fields.map { ServiceRequest.Field($0, $1) }
        return ServiceRequest(method: method, target: "/api/v1/reload", fields: all)
    }

    private let loopback = AdminGuard(
        listen: ListenAddress(IPAddress(v4: 0x7f00_0001), port: 9180)
    )

    @Test(arguments: [
        ("localhost:9180", true), ("localhost", true), ("app.localhost:1", true),
        ("127.0.0.1:9180", true), ("127.8.9.1", true), ("[::1]:9180", true),
        ("rebind.example.com:9180", false), ("192.0.2.1:9180", false), ("[2001:db8::1]", false),
        ("", false), ("localhost.example.com", false), ("127.0.0.1.example.com", false),
        ("xlocalhost", false), ("::1", false),
    ])
    func `only loopback names are taken at a loopback listener`(host: String, isTaken: Bool) {
        let refusal = loopback.refusal(of: request(.get, host: host))
        #expect((refusal == nil) == isTaken)
        #expect(isTaken || refusal?.status == 421)
    }

    @Test func `the configured address is taken, and any literal at a wildcard listener`() {
        let ip = IPAddress(v4: 0xc000_0201)
        let one = AdminGuard(listen: ListenAddress(ip, port: 9180))
        #expect(one.refusal(of: request(.get, host: "192.0.2.1:9180")) == nil)
        #expect(one.refusal(of: request(.get, host: "192.0.2.2:9180")) != nil)
        for listen in [ListenAddress(nil, port: 1), ListenAddress(IPAddress(v4: 0), port: 1)] {
            let all = AdminGuard(listen: listen)
            #expect(all.refusal(of: request(.get, host: "192.0.2.2:9180")) == nil)
            #expect(all.refusal(of: request(.get, host: "rebind.example.com")) != nil)
        }
    }

    @Test(
        arguments: [
            ([], true), ([("origin", "http://localhost:9180")], true),
            ([("origin", "http://LOCALHOST:9180")], true),
            ([("origin", "http://evil.example")], false), ([("origin", "null")], false),
            ([("origin", "https://localhost:9180")], false),
            ([("origin", "http://localhost:9181")], false),
            ([("sec-fetch-site", "same-origin")], true), ([("sec-fetch-site", "none")], true),
            ([("sec-fetch-site", "same-site")], false), ([("sec-fetch-site", "cross-site")], false),
        ] as [([(String, String)], Bool)]
    )
    func `a change from another page is refused`(fields: [(String, String)], isTaken: Bool) {
        for method in [Method.post, .patch, .delete] {
            let refusal = loopback.refusal(of: request(method, host: "localhost:9180", fields))
            #expect((refusal == nil) == isTaken)
        }
        #expect(loopback.refusal(of: request(.get, host: "localhost:9180", fields)) == nil)
    }
}
