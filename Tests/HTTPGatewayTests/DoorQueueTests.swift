// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorPriorityTests {
    /// One endpoint that takes one request at a time, and a route for each priority.
    private static func stage(
        _ parts: [[Part]] = [[.silence, .answer(ok())]],
        queue: Int = 9
    ) throws -> DoorHarness {
        try DoorHarness(parts) { plan in
            for index in plan.pools[0].endpoints.indices {
                plan.pools[0].endpoints[index].connectionLimit = 1
            }
            plan.poolPlans[0].queueLimit = queue
            plan.accessLog = .json
            plan.routes = Priority.allCases.map { priority in
                let path = PathMatch.prefix("/\(priority.word)")
                var route = RoutePlan(name: "\(priority.word)", host: .any, path: path, pool: 0)
                route.priority = priority
                return route
            }
        }
    }

    private static func wait(_ stage: inout DoorHarness, _ paths: [String]) -> [Int] {
        paths.map { path in
            let before = stage.shared.pending.count(0)
            let guest = stage.visit(get(path))
            stage.turn { $0.shared.pending.count(0) == before + 1 }
            return guest
        }
    }

    private static func order(_ told: String, _ paths: [String]) -> [String] {
        paths.compactMap { path in told.range(of: path).map { ($0.lowerBound, path) } }
            .sorted { $0.0 < $1.0 }.map(\.1)
    }

    @Test func `the highest goes first, and among equals who came first`() throws {
        var stage = try DoorPriorityTests.stage()
        let holder = stage.visit(get("/normal/0"))
        stage.turn { $0.told(0).contains("/normal/0") }
        let paths = ["/low/1", "/normal/2", "/high/3", "/low/4", "/high/5", "/normal/6"]
        let guests = DoorPriorityTests.wait(&stage, paths)
        #expect(stage.shared.pending.count(0, .high) == 2)
        stage.say(0, Array(ok().utf8))
        for guest in guests { #expect(stage.hear(guest, until: "hello").contains("200 OK")) }
        #expect(stage.heard(holder).contains("hello"))
        let expected = ["/high/3", "/high/5", "/normal/2", "/normal/6", "/low/1", "/low/4"]
        #expect(DoorPriorityTests.order(stage.told(0), paths) == expected)
        let lines = try stage.lines()
        #expect(lines.count { $0.contains("\"priority\":\"low\"") } == 2)
        #expect(lines.count { $0.contains("\"priority\":\"high\"") } == 2)
        #expect(!lines.contains { $0.contains("\"priority\":\"normal\"") })
        #expect(stage.leftovers() == [])
    }

    @Test func `whoever comes does not pass those who wait`() throws {
        var stage = try DoorPriorityTests.stage()
        _ = stage.visit(get("/normal/0"))
        stage.turn { $0.told(0).contains("/normal/0") }
        let waiting = DoorPriorityTests.wait(&stage, ["/normal/1"])
        let late = stage.connect()
        stage.settle()
        // The place comes free without the door being told, as when another worker has freed it.
        stage.door.chooser.abandon(slot: 0)
        stage.send(late, get("/normal/2"))
        stage.hear(late, until: "hello")
        #expect(stage.heard(waiting[0]).contains("hello"))
        let told = stage.told(0)
        #expect(DoorPriorityTests.order(told, ["/normal/1", "/normal/2"]).first == "/normal/1")
    }

    @Test func `a full queue turns the lowest away, the last that came first`() throws {
        var stage = try DoorPriorityTests.stage(queue: 3)
        _ = stage.visit(get("/normal/0"))
        stage.turn { $0.told(0).contains("/normal/0") }
        let guests = DoorPriorityTests.wait(&stage, ["/low/1", "/normal/2", "/low/3"])
        let low = stage.visit(get("/low/4"))
        #expect(stage.hear(low, until: "queue-full").hasPrefix("HTTP/1.1 503"))
        let high = stage.visit(get("/high/5"))
        let displaced = stage.hear(guests[2], until: "queue-displaced")
        #expect(displaced.hasPrefix("HTTP/1.1 503") && displaced.contains("Retry-After: "))
        let normal = stage.visit(get("/normal/6"))
        #expect(stage.hear(guests[0], until: "queue-displaced").hasPrefix("HTTP/1.1 503"))
        let last = stage.visit(get("/normal/7"))
        #expect(stage.hear(last, until: "queue-full").hasPrefix("HTTP/1.1 503"))
        #expect(stage.shared.pending.count(0) == 3)
        let counts = Priority.allCases.map {
            stage.shared.metrics[0].load(GatewayMetrics.turnedAway($0, pool: 0))
        }
        #expect(counts == [0, 1, 3])
        stage.say(0, Array(ok().utf8))
        for guest in [guests[1], high, normal] {
            #expect(stage.hear(guest, until: "hello").contains("200 OK"))
        }
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload with a lower bound turns away who is too many`() throws {
        var stage = try DoorPriorityTests.stage()
        _ = stage.visit(get("/normal/0"))
        stage.turn { $0.told(0).contains("/normal/0") }
        let guests = DoorPriorityTests.wait(&stage, ["/low/1", "/normal/2", "/high/3"])
        stage.plan.poolPlans[0].queueLimit = 2
        stage.adopt()
        #expect(stage.hear(guests[0], until: "queue-displaced").hasPrefix("HTTP/1.1 503"))
        stage.say(0, Array(ok().utf8))
        for guest in guests[1...] { #expect(stage.hear(guest, until: "hello").contains("200")) }
        #expect(stage.leftovers() == [])
    }

    @Test func `a place lies free for one of a higher priority at another worker`() throws {
        var stage = try DoorPriorityTests.stage()
        stage.shared.pending.enterOpen(0, .high)
        let guest = stage.visit(get("/normal/1"))
        stage.turn { $0.shared.pending.count(0) == 1 }
        stage.settle()
        #expect(stage.told(0) == "")
        let high = stage.visit(get("/high/2"))
        stage.turn { $0.told(0).contains("/high/2") }
        stage.shared.pending.leaveOpen(0, .high)
        stage.say(0, Array(ok().utf8))
        #expect(stage.hear(guest, until: "hello").contains("200 OK"))
        #expect(stage.heard(high).contains("hello"))
        #expect(stage.leftovers() == [])
    }

    @Test func `the request's own deadline ends the wait when it is sooner`() throws {
        var stage = try DoorPriorityTests.stage()
        stage.plan.routes[0].requestTimeout = .milliseconds(800)
        stage.adopt()
        _ = stage.visit(get("/normal/0"))
        stage.turn { $0.told(0).contains("/normal/0") }
        let guests = DoorPriorityTests.wait(&stage, ["/high/1", "/normal/2"])
        stage.advance(.milliseconds(850))
        #expect(stage.hear(guests[0], until: "request-timeout").hasPrefix("HTTP/1.1 504"))
        #expect(stage.heard(guests[1]) == "")
        stage.advance(.milliseconds(4_500))
        #expect(stage.hear(guests[1], until: "queue-timeout").hasPrefix("HTTP/1.1 503"))
        #expect(stage.leftovers() == [])
    }
}
