// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import HTTPGateway

private func plan(
    _ path: PathMatch = .prefix("/"),
    host: HostMatch = .any,
    when condition: RouteCondition? = nil
) -> RoutePlan {
    var plan = RoutePlan(name: "r", host: host, path: path, pool: 0)
    plan.condition = condition
    return plan
}

@Suite struct RouteConditionTests {
    /// The request that every row of the tables asks about.
    private static let fields = """
        X-Version: v2\r\nx-tags: a, b\r\nCookie: session=abc; theme=dark\r\n\
        Cookie: more=1\r\nContent-Type: Application/JSON; charset=utf-8\r\n
        """

    @Test(arguments: [("Authorization: Bearer x\r\n", 0), ("authorization:\r\n", 0), ("", 1)])
    func `a route can be for those who come with credentials`(fields: String, wanted: Int) {
        let present = RouteCondition.header(Self.match("Authorization", .present))
        let table = RouteTable([plan(when: present), plan(when: .not(present))])
        #expect(table.match(host: "a", path: "/", fields: fields) == wanted)
    }

    private func holds(_ condition: RouteCondition, method: String = "POST") -> Bool {
        RouteTable([plan(when: condition)]).match(
            host: "a",
            path: "/x?debug=1&name=a%20b&flag&empty=",
            method: method,
            fields: RouteConditionTests.fields,
            client: IPAddress(v4: 0x0a01_0203)
        ) == 0
    }

    private static func match(_ name: String, _ test: ValueTest) -> ValueMatch {
        ValueMatch(name: name, test: test)
    }

    private static func network(_ text: String) -> Prefix {
        guard let prefix = Prefix(text) else { preconditionFailure("\(text) is no prefix") }
        return prefix
    }

    static let tests: [(RouteCondition, Bool)] = [
        (.method("POST"), true), (.method("GET"), false), (.method("post"), false),
        (.header(match("x-version", .present)), true),
        (.header(match("X-VERSION", .equals("v2"))), true),
        (.header(match("X-Version", .equals("V2"))), false),
        (.header(match("X-Version", .equals("v"))), false),
        (.header(match("X-Version", .equals("v22"))), false),
        (.header(match("X-Versio", .present)), false),
        (.header(match("X-Tags", .prefix("a,"))), true),
        (.header(match("X-Tags", .suffix(" b"))), true),
        (.header(match("X-Tags", .suffix("a, b, c"))), false),
        (.header(match("X-Tags", .contains(", "))), true),
        (.header(match("X-Tags", .contains("ba"))), false),
        (.header(match("X-Version", .expression("^v[0-9]+$"))), true),
        (.header(match("X-Version", .expression("^[0-9]"))), false),
        (.header(match("Missing", .present)), false),
        (.cookie(match("session", .equals("abc"))), true),
        (.cookie(match("theme", .prefix("da"))), true), (.cookie(match("more", .present)), true),
        (.cookie(match("SESSION", .present)), false), (.cookie(match("sess", .present)), false),
        (.query(match("debug", .equals("1"))), true), (.query(match("flag", .present)), true),
        (.query(match("empty", .equals(""))), true),
        (.query(match("name", .contains("%20"))), true),
        (.query(match("bug", .present)), false), (.query(match("debug", .equals("11"))), false),
        (.contentType("application/json"), true), (.contentType("application/*"), true),
        (.contentType("application/js"), false), (.contentType("text/*"), false),
        (.client(network("10.0.0.0/8")), true), (.client(network("192.0.2.0/24")), false),
        (.tls(false), true), (.tls(true), false), (.all([]), true), (.any([]), false),
        (.all([.method("POST"), .not(.method("GET"))]), true),
        (.all([.method("POST"), .method("GET")]), false),
        (.any([.method("GET"), .all([.method("POST"), .cookie(match("more", .present))])]), true),
        (.any([.method("GET"), .not(.any([.method("PUT"), .method("POST")]))]), false),
    ]

    @Test(arguments: tests.indices)
    func `a condition holds, or not, as it reads`(row: Int) {
        let (condition, expected) = RouteConditionTests.tests[row]
        #expect(holds(condition) == expected, "\(condition)")
        #expect(holds(.not(condition)) != expected, "not \(condition)")
    }

    @Test func `routes of the same path are asked in their order`() {
        let table = RouteTable([
            plan(when: .method("GET")), plan(when: .method("POST")), plan(), plan(),
        ])
        #expect(table.match(host: "a", path: "/", method: "GET") == 0)
        #expect(table.match(host: "a", path: "/", method: "POST") == 1)
        #expect(table.match(host: "a", path: "/", method: "PUT") == 2)
    }

    @Test func `where no condition holds the next less special path is asked, then the next host`()
    {
        let never = RouteCondition.header(ValueMatch(name: "X", test: .present))
        let host = HostMatch.exact("a")
        let table = RouteTable([
            plan(.exact("/a/b"), host: host, when: never),
            plan(.prefix("/a/"), host: host, when: never),
            plan(.prefix("/a"), host: host), plan(.prefix("/b"), host: host, when: never),
            plan(),
        ])
        #expect(table.match(host: "a", path: "/a/b") == 2)
        #expect(table.match(host: "a", path: "/a/b", fields: "X: 1\r\n") == 0)
        #expect(table.match(host: "a", path: "/a/c", fields: "X: 1\r\n") == 1)
        #expect(table.match(host: "a", path: "/b") == 4)
        #expect(table.match(host: "a", path: "/b", fields: "X: 1\r\n") == 3)
    }

    @Test(arguments: [
        ("/users/7", 1), ("/users/7/orders", 0), ("/users/7/orders/9", 0), ("/users/me", 2),
        ("/users/", 5), ("/users//orders", 5), ("/users/7/ordersx", 5), ("/v1/x", 3),
        ("/v12/x", 3), ("/vx/y", 4), ("/zz", 5), ("/users/7/x", 5),
    ])
    func `exact comes before templates, those before expressions, those before prefixes`(
        path: String,
        route: Int
    ) {
        let table = RouteTable([
            plan(.prefix("/users/{id}/orders")), plan(.exact("/users/{id}")),
            plan(.exact("/users/me")), plan(.expression("^/v[0-9]+/")), plan(.expression("^/v")),
            plan(.prefix("/")), plan(.prefix("/v1/")),
        ])
        #expect(table.match(host: "a", path: path) == route)
    }

    @Test func `an expression that does not compile matches nothing`() {
        #expect(RouteTable([plan(.expression("("))]).match(host: "a", path: "/(") == -1)
        let broken = RouteCondition.header(ValueMatch(name: "X", test: .expression("(")))
        let table = RouteTable([plan(when: broken)])
        #expect(table.match(host: "a", path: "/", fields: "X: (\r\n") == -1)
    }
}

@Suite struct TextTemplateTests {
    /// What a template writes as the location of a route for `/api/{id}` on this request.
    private func location(
        _ text: String,
        route: PathMatch = .prefix("/api/{id}"),
        target: String = "/api/7/x?a=1"
    ) throws -> String {
        let template = try TextTemplate(text, parameters: ["id"])
        var actions = ActionTable()
        var plan = RoutePlan(name: "r", host: .any, path: route, pool: 0)
        plan.action = .redirect(status: 308, location: template)
        var retries = RetryTable(pools: [])
        let record = RouteRecord(plan, &actions, &retries)
        let bytes = Array("GET \(target) HTTP/1.1\r\nHost: a.example:8080\r\n\r\n".utf8)
        var parser = RequestParser(limits: HeadLimits(headBytes: 8192))
        var fields = FieldTable(limit: 32)
        var head = RequestHead()
        _ = parser.parse(bytes.span, fields: &fields, head: &head)
        let context = TemplateContext(
            record: record,
            head: head,
            bytes: bytes.span,
            path: bytes.span.slice(head.path),
            client: IPAddress(v4: 0xc000_0201),
            requestID: RequestID(bits: 1),
            traceID: 2,
            isTLS: false
        )
        let written = [UInt8](capacity: 1024) { (output: inout OutputSpan<UInt8>) in
            _ = actions.writeResponse(context, into: &output)
        }
        return String(decoding: written, as: UTF8.self)
    }

    @Test(arguments: [
        ("https://{host}{uri}", "https://a.example/api/7/x?a=1"),
        ("{scheme}://{authority}{path}", "http://a.example:8080/api/7/x"),
        ("/new{rest}?{query}", "/new/x?a=1"), ("/u/{id}/{method}", "/u/7/GET"),
        ("/{client}", "/192.0.2.1"), ("/{request-id}", "/00000000000000000000000000000001"),
        ("/{trace-id}", "/00000000000000000000000000000002"),
        ("/{{x}}", "/{x}"), ("/plain", "/plain"), ("{rest}", "/x"),
    ])
    func `variables stand for parts of the request`(text: String, expected: String) throws {
        #expect(try location(text) == expected)
    }

    @Test func `a location that begins with a part of the path never names another host`() throws {
        for text in ["{uri}", "{path}"] {
            #expect(try location(text, target: "//evil.example/x") == "/evil.example/x")
        }
        let rest = try location("{rest}", route: .prefix("/go"), target: "/go//evil.example")
        #expect(rest == "/evil.example")
    }

    @Test func `what is no template says why`() {
        #expect(throws: TextTemplate.Fault.self) { try TextTemplate("{hots}") }
        #expect(throws: TextTemplate.Fault.self) { try TextTemplate("a{b") }
        #expect(throws: TextTemplate.Fault.self) { try TextTemplate("{id}") }
    }
}
