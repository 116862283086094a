// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorFailureTests {
    @Test(arguments: ["GET", "POST"])
    func `a connection that is refused is tried elsewhere, whatever the method`(
        _ method: String
    ) throws {
        var stage = try DoorHarness([[], [.answer(ok())]]) { plan in
            plan.pools[0].balance = .firstAvailable
        }
        for _ in 0..<2 {
            let guest = stage.visit(post("body", method: method))
            #expect(stage.hear(guest, until: "hello").contains("200 OK"))
        }
        #expect(stage.count(.retries) == 2)
        let reports = stage.shared.reports.drain()
        #expect(reports.map(\.slot) == [0, 0])
        #expect(reports.map(\.failure) == [.connectRefused, .connectRefused])
        #expect(stage.leftovers() == [])
    }

    @Test func `an idempotent request is sent again after a reset, another is not`() throws {
        var stage = try DoorHarness([[.reset("")], [.answer(ok())]]) { plan in
            plan.pools[0].balance = .firstAvailable
        }
        let guest = stage.visit(get())
        #expect(stage.hear(guest, until: "hello").contains("200 OK"))
        #expect(stage.count(.retries) == 1)
        stage.send(guest, post("body"))
        #expect(stage.hear(guest, until: "502").contains("HTTP/1.1 502"))
        #expect(stage.count(.retries) == 1)
        #expect(stage.told(1).components("body") == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a replayable body is sent whole a second time`() throws {
        var stage = try DoorHarness([[.reset("")], [.answer(ok())]]) { plan in
            plan.pools[0].balance = .firstAvailable
        }
        let guest = stage.visit(post("body", method: "PUT"))
        #expect(stage.hear(guest, until: "hello").contains("200 OK"))
        #expect(stage.told(0).components("\r\n\r\nbody") == 1)
        #expect(stage.told(1).components("\r\n\r\nbody") == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a kept connection that the origin has closed costs no request`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        stage.close(0)
        stage.send(guest, get())
        stage.turn { $0.heard(guest).components("hello") == 2 }
        #expect(stage.heard(guest).components("200 OK") == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `a response cut short never looks whole`() throws {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
        for part in [Part.answerAndClose(cut), .reset(cut)] {
            var stage = try DoorHarness([[part]])
            let guest = stage.visit(get())
            stage.hearAll(guest)
            #expect(stage.guests[guest].wasReset)
            let reports = stage.shared.reports.drain()
            #expect(reports.map(\.slot) == [0])
            #expect(stage.load.successCount(0) == 0, "a good head is no success yet")
            #expect(stage.load.failureCount(0) == 1)
            #expect(stage.leftovers() == [])
        }
    }

    @Test(arguments: ["stalled", "malformed"])
    func `whatever breaks an answer in the middle is told of the endpoint`(_ how: String) throws {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        var stage = try DoorHarness([[.answer(head)]])
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        if how == "stalled" {
            stage.advance(.milliseconds(30_100))
        } else {
            stage.say(0, Array("Z\r\n".utf8))
        }
        stage.hearAll(guest)
        let expected: PassiveFailure = how == "stalled" ? .timeout : .malformed
        #expect(stage.shared.reports.drain().map(\.failure) == [expected])
        #expect(stage.load.successCount(0) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a client that leaves in the middle leaves a success`() throws {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
        var stage = try DoorHarness([[.answer(cut)]])
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        stage.leave(guest, reset: true)
        stage.settle(patience: 5)
        stage.say(0, Array("wo".utf8))
        stage.turn { $0.door.openConnections == 0 }
        #expect(stage.leftovers() == [])
        #expect(stage.load.successCount(0) == 1)
        #expect(stage.load.failureCount(0) == 0)
    }

    @Test func `the time of an answer is counted where it is compared`() throws {
        for measures in [true, false] {
            var stage = try DoorHarness { $0.poolPlans[0].measuresLatency = measures }
            let guest = stage.visit(get())
            stage.hear(guest, until: "hello")
            #expect(stage.load.latency(0).count == (measures ? 1 : 0))
            #expect(stage.load.successCount(0) == 1)
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `an attempt that was given up counts with the time that it had`() throws {
        var stage = try DoorHarness([[.silence], [.answer(ok())]]) { plan in
            plan.pools[0].balance = .firstAvailable
            plan.poolPlans[0].measuresLatency = true
        }
        let guest = stage.visit(get())
        stage.turn { $0.told(0) != "" }
        stage.advance(.milliseconds(30_100))
        stage.hear(guest, until: "hello")
        #expect(stage.load.latency(0).count == 1)
        #expect(stage.load.latency(0).mean > .seconds(29))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        ("SSH-2.0-x\r\n\r\n", "origin-malformed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "origin-malformed"),
        ("HTTP/1.1 200", "origin-truncated"),
        ("", "origin-closed"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            "origin-malformed"
        ),
    ])
    func `garbage from an origin is a 502 with its reason`(_ example: (String, String)) throws {
        var stage = try DoorHarness([[.answerAndClose(example.0)]])
        let guest = stage.visit(get())
        let text = stage.hear(guest, until: example.1)
        stage.settle()
        #expect(text.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
        #expect(text.hasSuffix("502 Bad Gateway: \(example.1)\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a body whose framing breaks at once is not begun, and another endpoint is asked`()
        throws
    {
        let broken = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZ\r\n"
        var stage = try DoorHarness([[.answer(broken)], [.answer(ok())]]) { plan in
            plan.pools[0].balance = .firstAvailable
        }
        let guest = stage.visit(get())
        #expect(stage.hear(guest, until: "hello").contains("\r\nContent-Length: 5\r\n"))
        #expect(stage.count(.retries) == 1)
        stage.send(guest, post("body"))
        let text = stage.hear(guest, until: "origin-malformed")
        #expect(text.contains("HTTP/1.1 502 Bad Gateway\r\n"))
        #expect(stage.shared.reports.drain().map(\.slot) == [0, 0])
        #expect(stage.leftovers() == [])
    }

    @Test func `attempts end with the retries of the route`() throws {
        var stage = try DoorHarness([[], [], [], [.answer(ok())]]) { plan in
            plan.routes[0].retries = 1
            plan.pools[0].balance = .firstAvailable
        }
        let guest = stage.visit(get())
        #expect(stage.hear(guest, until: "connect-refused").hasPrefix("HTTP/1.1 502"))
        #expect(stage.count(.retries) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `the retry budget bounds an outage`() throws {
        var stage = try DoorHarness([[.silence], [.silence]]) { $0.poolPlans[0].retries = 5 }
        let guests = (0..<10).map { _ in stage.visit(get()) }
        stage.turn { $0.told(0).components("GET") + $0.told(1).components("GET") == 10 }
        for visitor in stage.visitors.indices { stage.close(visitor, reset: true) }
        stage.settle()
        #expect(stage.count(.retries) == 3)
        #expect(stage.count(.retriesDelayed) == 7)
        #expect(stage.shared.pending.count(0) == 7)
        #expect(stage.shared.budget.activeRetries(0) == 3)
        stage.advance(.milliseconds(5_100))
        stage.settle()
        #expect(stage.count(.retriesRefused) == 7)
        #expect(guests.count { stage.heard($0).contains("502 Bad Gateway: origin-reset") } == 7)
        #expect(stage.leftovers() == [])
    }

    @Test func `a client that resets while it waits gives the endpoint's place back`() throws {
        for reset in [false, true] {
            var stage = try DoorHarness([[.answer(ok()), .silence]])
            let guest = stage.visit(get())
            stage.hear(guest, until: "hello")
            stage.send(guest, post("body"))
            stage.turn { $0.told(0).contains("POST") }
            #expect(stage.load.inFlight(0) == 1)
            stage.leave(guest, reset: reset)
            stage.turn { $0.load.inFlight(0) == 0 }
            #expect(stage.load.inFlight(0) == 0)
            #expect(stage.count(.clientGone) == 1)
            #expect(stage.leftovers() == [])
        }
    }
}

@Suite struct DoorQueueTests {
    private static func limited(_ parts: [[Part]], queue: Int) throws -> DoorHarness {
        try DoorHarness(parts) { plan in
            for index in plan.pools[0].endpoints.indices {
                plan.pools[0].endpoints[index].connectionLimit = 1
            }
            plan.poolPlans[0].queueLimit = queue
        }
    }

    @Test func `requests above the limit wait, first come first served`() throws {
        var stage = try DoorQueueTests.limited([[.silence, .answer(ok())]], queue: 2)
        let first = stage.visit(get("/1"))
        stage.turn { $0.told(0).contains("/1") }
        let second = stage.visit(get("/2"))
        let third = stage.visit(get("/3"))
        stage.turn { $0.shared.pending.count(0) == 2 }
        let fourth = stage.visit(get("/4"))
        #expect(stage.hear(fourth, until: "queue-full").hasPrefix("HTTP/1.1 503"))
        #expect(stage.load.inFlight(0) == 1)
        stage.say(0, Array(ok().utf8))
        stage.hear(third, until: "hello")
        stage.settle()
        for guest in [first, second, third] { #expect(stage.heard(guest).contains("hello")) }
        let told = stage.told(0)
        let order = ["/2", "/3"].compactMap { told.range(of: $0)?.lowerBound }
        #expect(order == order.sorted())
        #expect(order.count == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `waiting ends with the queue's timeout`() throws {
        var stage = try DoorQueueTests.limited([[.silence]], queue: 9)
        _ = stage.visit(get("/1"))
        stage.turn { $0.told(0).contains("/1") }
        let guest = stage.visit(get("/2"))
        stage.turn { $0.shared.pending.count(0) == 1 }
        stage.advance(.milliseconds(4_900))
        #expect(stage.heard(guest) == "")
        stage.advance(.milliseconds(200))
        #expect(stage.hear(guest, until: "queue-timeout").hasPrefix("HTTP/1.1 503"))
        #expect(stage.shared.pending.count(0) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a client that leaves the queue is off the books`() throws {
        var stage = try DoorQueueTests.limited([[.silence]], queue: 9)
        _ = stage.visit(get("/1"))
        stage.turn { $0.told(0).contains("/1") }
        let guest = stage.visit(get("/2"))
        stage.turn { $0.shared.pending.count(0) == 1 }
        stage.leave(guest)
        stage.turn { $0.shared.pending.count(0) == 0 }
        #expect(stage.door.line.count == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a place that another worker holds is waited for`() throws {
        var stage = try DoorQueueTests.limited([[.answer(ok())]], queue: 9)
        #expect(stage.load.reserve(0, limit: 1))
        let guest = stage.visit(get())
        stage.turn { $0.shared.pending.count(0) == 1 }
        let soon = stage.door.nextDeadline() - stage.now
        #expect(soon <= .milliseconds(5), "no event tells that another worker has finished")
        stage.load.cancelReservation(0)
        #expect(stage.hear(guest, until: "hello").contains("hello"))
        #expect(stage.leftovers() == [])
    }

    @Test func `without a queue the answer comes at once`() throws {
        var stage = try DoorQueueTests.limited([[.silence]], queue: 0)
        _ = stage.visit(get("/1"))
        stage.turn { $0.told(0).contains("/1") }
        let guest = stage.visit(get("/2"))
        #expect(stage.hear(guest, until: "at-limit").hasPrefix("HTTP/1.1 503"))
        #expect(stage.leftovers() == [])
    }
}
