// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorSheddingTests {
    private static func stage() throws -> DoorHarness {
        try DoorHarness([[.answer(ok())]]) { plan in
            plan.limits.shedLag = .milliseconds(10)
            plan.accessLog = .json
            plan.routes = Priority.allCases.map { priority in
                let path = PathMatch.prefix("/\(priority.word)")
                var route = RoutePlan(name: "\(priority.word)", host: .any, path: path, pool: 0)
                route.priority = priority
                return route
            }
            let health = RouteAction.respond(status: 200, contentType: "", body: Array("well".utf8))
            var route = RoutePlan(
                name: "health",
                host: .any,
                path: .exact("/health"),
                action: health
            )
            route.priority = .low
            plan.routes.append(route)
        }
    }

    /// Lets the door have turns of one length for a second.
    private static func work(_ stage: inout DoorHarness, turn: Interval) {
        let end = stage.now + .seconds(1)
        while stage.now < end {
            stage.skew = stage.skew + turn
            let now = stage.now
            stage.door.noteTurn(waited: now, now: now)
        }
    }

    private static func answers(_ stage: inout DoorHarness) -> [String] {
        ["/high", "/normal", "/low", "/health"].map { path in
            let guest = stage.visit(get(path))
            stage.turn { $0.heard(guest).contains("\r\n\r\n") }
            return String(stage.heard(guest).dropFirst(9).prefix(3))
        }
    }

    @Test func `a late worker refuses the lowest first, and answers of routes never`() throws {
        var stage = try Self.stage()
        #expect(Self.answers(&stage) == ["200", "200", "200", "200"])
        Self.work(&stage, turn: .milliseconds(20))
        #expect(Self.answers(&stage) == ["200", "200", "503", "200"])
        Self.work(&stage, turn: .milliseconds(60))
        #expect(Self.answers(&stage) == ["200", "503", "503", "200"])
        Self.work(&stage, turn: .milliseconds(1))
        #expect(Self.answers(&stage) == ["200", "200", "200", "200"])
        let counts = Priority.allCases.map { stage.shared.metrics[0].load(GatewayMetrics.shed($0)) }
        #expect(counts == [0, 1, 2])
        #expect(stage.count(.overloaded) == 3)
        #expect(stage.leftovers() == [])
    }

    @Test func `a refusal says why and when to come again, and keeps the connection`() throws {
        var stage = try Self.stage()
        Self.work(&stage, turn: .milliseconds(20))
        let guest = stage.visit(get("/low"))
        let text = stage.hear(guest, until: "overloaded")
        #expect(text.hasPrefix("HTTP/1.1 503") && text.contains("Retry-After: "))
        #expect(!text.contains("Connection: close"))
        stage.send(guest, get("/high"))
        #expect(stage.hear(guest, until: "hello").contains("200 OK"))
        let line = try stage.lines().first ?? ""
        #expect(line.contains("\"reason\":\"overloaded\"") && line.contains("\"priority\":\"low\""))
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload can end it`() throws {
        var stage = try Self.stage()
        Self.work(&stage, turn: .milliseconds(60))
        stage.plan.limits.shedLag = .zero
        stage.adopt()
        Self.work(&stage, turn: .milliseconds(60))
        #expect(Self.answers(&stage) == ["200", "200", "200", "200"])
    }
}
