// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

private let upgrade = """
    GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n
    """

extension DoorHarness {
    fileprivate mutating func drain(_ slot: Int, for time: Interval) {
        health.publish(
            slot,
            HealthWord(health: .up, administrative: .draining, reason: .noProbe)
        )
        door.closeConnections(toSlot: slot, .drained(by: now + time), loop: &loop, now: now)
    }

    fileprivate func word(_ word: Int, of slot: Int) -> UInt64 {
        shared.metrics[0].load(GatewayMetrics.endpoint(slot) + word)
    }

    /// True when the last that the client heard is the close frame 1001.
    fileprivate func wasToldToGo(_ guest: Int) -> Bool {
        guests[guest].heard.suffix(4) == [0x88, 0x02, 0x03, 0xe9]
    }
}

@Suite struct DoorDrainTests {
    @Test func `tunnels of a drained endpoint end one by one, and are told`() throws {
        var stage = try DoorHarness([[.echo]])
        let guests = (0..<20).map { _ in stage.visit(upgrade) }
        for guest in guests { stage.hear(guest, until: "\r\n\r\n") }
        #expect(stage.word(GatewayMetrics.openTunnels, of: 0) == 20)
        stage.drain(0, for: .seconds(10))
        stage.advance(.seconds(5))
        stage.settle()
        let half = guests.count { stage.wasToldToGo($0) }
        #expect((3...17).contains(half))
        stage.advance(.seconds(6))
        stage.settle()
        for guest in guests { stage.hearAll(guest) }
        #expect(guests.allSatisfy { stage.wasToldToGo($0) && !stage.guests[$0].wasReset })
        #expect(stage.word(GatewayMetrics.openTunnels, of: 0) == 0)
        #expect(stage.word(GatewayMetrics.drainCuts, of: 0) == 20)
        #expect(stage.load.inFlight(0) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `no frame is put into the middle of another`() throws {
        var stage = try DoorHarness([[.echo]])
        let guest = stage.visit(upgrade)
        stage.hear(guest, until: "\r\n\r\n")
        // The echo is the first half of a frame.
        stage.send(guest, [0x82, 0x04, 0x41, 0x42])
        stage.hear(guest, until: "AB")
        stage.drain(0, for: .zero)
        stage.advance(.seconds(1))
        stage.hearAll(guest)
        #expect(stage.heard(guest).hasSuffix("AB"))
        #expect(!stage.guests[guest].wasReset)
        #expect(stage.leftovers() == [])
    }

    @Test func `an endpoint taken back in time loses nothing`() throws {
        var stage = try DoorHarness([[.echo]])
        let guest = stage.visit(upgrade)
        stage.hear(guest, until: "\r\n\r\n")
        stage.drain(0, for: .seconds(5))
        stage.health.publish(0, HealthWord(health: .up, reason: .noProbe))
        stage.advance(.seconds(10))
        stage.send(guest, "still here")
        #expect(stage.hear(guest, until: "still here").hasSuffix("still here"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a request that waits at the cap is sent elsewhere, or told`() throws {
        var stage = try DoorHarness([[.silence], [.answer(ok("other"))]]) { plan in
            plan.pools[0].balance = .firstAvailable
        }
        let safe = stage.visit(get("/safe"))
        let unsafe = stage.visit("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        stage.turn { $0.told(0).contains("/safe") && $0.told(0).contains("POST") }
        stage.drain(0, for: .seconds(3))
        stage.advance(.seconds(2))
        #expect(stage.heard(safe).isEmpty)
        stage.advance(.seconds(2))
        #expect(stage.hear(safe, until: "other").contains("200 OK"))
        #expect(stage.hear(unsafe, until: "endpoint-drained").contains("502"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a connection of a draining endpoint is not kept, unless clients are sticky`() throws
    {
        for isSticky in [false, true] {
            var stage = try DoorHarness([[.silence, .answer(ok())]]) { plan in
                if isSticky { plan.poolPlans[0].sticky = StickyPlan(cookie: "S") }
            }
            let guest = stage.visit(get())
            stage.turn { !$0.told(0).isEmpty }
            stage.health.publish(
                0,
                HealthWord(health: .up, administrative: .draining, reason: .noProbe)
            )
            stage.say(0, Array(ok().utf8))
            stage.hear(guest, until: "hello")
            stage.settle()
            #expect(stage.door.upstreams.count == (isSticky ? 1 : 0))
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `a shutdown gives idle clients time for a request that is on its way`() throws {
        var stage = try DoorHarness()
        let asking = stage.visit(get())
        let silent = stage.visit(get())
        for guest in [asking, silent] { stage.hear(guest, until: "hello") }
        stage.settle()
        stage.door.beginShutdown(Farewell(), loop: &stage.loop, now: stage.now)
        stage.settle()
        #expect(stage.door.openConnections == 2)
        stage.send(asking, get())
        #expect(stage.hearAll(asking).components("hello") == 2)
        #expect(stage.heard(asking).contains("Connection: close\r\n"))
        #expect(stage.door.openConnections == 1)
        stage.advance(.seconds(2))
        stage.hearAll(silent)
        #expect(!stage.guests[silent].wasReset)
        let isIdle = stage.door.isIdle
        #expect(isIdle)
        #expect(stage.leftovers() == [])
    }

    @Test func `a shutdown ends tunnels within its window`() throws {
        var stage = try DoorHarness([[.echo]])
        let guests = (0..<10).map { _ in stage.visit(upgrade) }
        for guest in guests { stage.hear(guest, until: "\r\n\r\n") }
        let begin = stage.now
        let farewell = Farewell(
            tunnelsFrom: begin + .seconds(20),
            tunnelsUntil: begin + .seconds(30)
        )
        stage.door.beginShutdown(farewell, loop: &stage.loop, now: begin)
        stage.advance(.seconds(19))
        stage.settle()
        #expect(stage.door.openConnections == 10)
        stage.advance(.seconds(12))
        for guest in guests { stage.hearAll(guest) }
        #expect(guests.allSatisfy { stage.wasToldToGo($0) })
        #expect(stage.leftovers() == [])
    }
}
