// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorTracingTests {
    static let id = "0af7651916cd43dd8448eb211c80319c"
    static let parent = "traceparent: 00-\(id)-b7ad6b7169203331-01\r\n"

    static func stage(
        _ parts: [[Part]] = [[.answer(ok())]],
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness(parts) { plan in
            plan.accessLog = .json
            plan.listeners[0].tracing = true
            configure(&plan)
        }
    }

    @Test func `a trace goes on to the endpoint and into the log`() throws {
        var stage = try Self.stage()
        let guest = stage.visit(get(fields: Self.parent + "tracestate: a=1\r\n"))
        stage.hear(guest, until: "hello")
        let told = stage.told(0)
        #expect(told.components("traceparent: 00-\(Self.id)-") == 1)
        #expect(!told.contains("b7ad6b7169203331"))
        #expect(told.contains("\r\ntracestate: a=1\r\n"))
        #expect(try stage.lines().first?.contains("\"trace_id\":\"\(Self.id)\"") == true)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        "", "traceparent: 00-0-0-0\r\n",
        // Two lines have two readings.
        "traceparent: 00-\(id)-b7ad6b7169203331-01\r\ntraceparent: 00-\(id)-b7ad6b7169203332-01\r\n",
    ])
    func `without a valid one a trace begins, and its state is not another's`(
        fields: String
    ) throws {
        var stage = try Self.stage()
        let guest = stage.visit(get(fields: fields + "tracestate: a=1\r\n"))
        stage.hear(guest, until: "hello")
        let told = stage.told(0)
        #expect(told.components("traceparent: 00-") == 1)
        #expect(!told.contains(Self.id) && !told.contains("tracestate"))
        let place = try #require(told.range(of: "traceparent: 00-"))
        let id = told[place.upperBound...].prefix(32)
        #expect(try stage.lines().first?.contains("\"trace_id\":\"\(id)\"") == true)
        #expect(stage.leftovers() == [])
    }

    @Test func `without the option both fields go on untouched`() throws {
        var stage = try Self.stage { $0.listeners[0].tracing = false }
        let fields = Self.parent + "traceparent: nonsense\r\ntracestate: a=1\r\n"
        let guest = stage.visit(get(fields: fields))
        stage.hear(guest, until: "hello")
        #expect(stage.told(0).contains(Self.parent))
        #expect(stage.told(0).contains("\r\ntraceparent: nonsense\r\ntracestate: a=1\r\n"))
        #expect(try stage.lines().first?.contains("trace_id") == false)
        #expect(stage.leftovers() == [])
    }

    @Test func `a retry belongs to the same trace`() throws {
        var stage = try Self.stage([[.reset("")], [.answer(ok())]]) { plan in
            plan.pools[0].balance = .firstAvailable
        }
        let guest = stage.visit(get(fields: Self.parent))
        stage.hear(guest, until: "hello")
        for origin in 0...1 {
            #expect(stage.told(origin).contains("traceparent: 00-\(Self.id)-"))
        }
        #expect(stage.leftovers() == [])
    }

    @Test func `streams and tunnels have traces of their own`() throws {
        var stage = try Self.stage([[.echo]])
        let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n"
        let guest = stage.visit(get(fields: upgrade + Self.parent))
        stage.hear(guest, until: "101 ")
        stage.send(guest, "anything")
        stage.hear(guest, until: "anything")
        stage.leave(guest)
        stage.settle(patience: 5)
        #expect(try stage.lines().first?.contains("\"trace_id\":\"\(Self.id)\"") == true)
        #expect(stage.leftovers() == [])
        var other = try Self.stage()
        var client = try HTTP2Guest(&other)
        let value = "00-\(Self.id)-b7ad6b7169203331-00"
        let stream = client.ask(&other, "GET", "/", [("traceparent", value)])
        #expect(other.turn(&client, until: { $0.answers[stream]?.isComplete == true }))
        #expect(other.told(0).contains("traceparent: 00-\(Self.id)-"))
        #expect(other.leftovers() == [])
    }
}

@Suite struct DoorServerTimingTests {
    static func stage(
        _ clients: String,
        _ parts: [[Part]] = [[.answer(ok())]],
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness(parts) { plan in
            if let prefix = Prefix(clients) { plan.listeners[0].timingClients = [prefix] }
            configure(&plan)
        }
    }

    @Test func `those who may know are told where the time went`() throws {
        var stage = try Self.stage("127.0.0.0/8", [[.silence]])
        let guest = stage.visit(get())
        #expect(stage.turn { $0.told(0).contains("GET /") })
        stage.skew = stage.skew + .milliseconds(1500)
        stage.say(0, Array(ok().utf8))
        let text = stage.hear(guest, until: "hello")
        let place = try #require(text.range(of: "\r\nServer-Timing: edge;dur="))
        let line = text[place.upperBound...].prefix { $0 != "\r\n" }
        #expect(line.contains(", connect;dur="))
        #expect(line.contains(", upstream;dur=15"))
        #expect(line.hasSuffix(";desc=\"e0\""))
        #expect(stage.leftovers() == [])
    }

    @Test func `others are not`() throws {
        var stage = try Self.stage("10.0.0.0/8")
        let guest = stage.visit(get())
        #expect(!stage.hear(guest, until: "hello").contains("Server-Timing"))
        #expect(stage.leftovers() == [])
    }

    @Test func `it stands beside what the route writes, and in answers of the door`() throws {
        var stage = try Self.stage("127.0.0.0/8") { plan in
            plan.routes[0].responseFields = [
                FieldEdit(.set, "X-Own", TextTemplate(parts: [.text("1")]))
            ]
            plan.routes[0].limit = RateLimitPlan(count: 1, per: .seconds(60), burst: 1)
            plan.routes.append(
                RoutePlan(name: "r", host: .exact("r"), path: .prefix("/"), pool: 0)
            )
            plan.routes[1].action = .redirect(
                status: 302,
                location: TextTemplate(parts: [.text("http://x/")])
            )
        }
        let guest = stage.visit(get())
        let first = stage.hear(guest, until: "hello")
        #expect(first.contains("\r\nX-Own: 1\r\nServer-Timing: edge;dur="))
        stage.send(guest, get())
        let second = stage.hear(guest, until: "rate-limited\n")
        #expect(second.components("Server-Timing: edge;dur=") == 2)
        #expect(second.contains("\r\nRetry-After: "))
        let other = stage.visit("GET / HTTP/1.1\r\nHost: r\r\n\r\n")
        let moved = stage.hear(other, until: "\r\n\r\n")
        #expect(moved.contains("\r\nLocation: http://x/\r\n"))
        #expect(moved.components("Server-Timing: edge;dur=") == 1)
        let bad = stage.visit("GET / HTTP/1.1\r\n\r\n")
        #expect(stage.hearAll(bad).hasPrefix("HTTP/1.1 400"))
        #expect(stage.leftovers() == [])
    }
}
