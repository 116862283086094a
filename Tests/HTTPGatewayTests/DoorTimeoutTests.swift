// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorTimeoutTests {
    @Test func `a head has a deadline that no byte puts off`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit("GET / HT")
        for byte in "TP/1" {
            stage.settle()
            stage.advance(.milliseconds(2_300))
            stage.send(guest, String(byte))
        }
        stage.settle()
        #expect(stage.heard(guest) == "")
        stage.advance(.seconds(1))
        #expect(stage.hear(guest, until: "header-timeout").hasPrefix("HTTP/1.1 408"))
        #expect(stage.leftovers() == [])
    }

    @Test func `silence is not answered`() throws {
        var stage = try DoorHarness()
        let guest = stage.connect()
        stage.turn { $0.door.openConnections == 1 }
        stage.advance(.milliseconds(9_900))
        #expect(stage.door.openConnections == 1)
        stage.advance(.milliseconds(200))
        #expect(stage.hearAll(guest) == "")
        #expect(stage.leftovers() == [])
    }

    @Test func `an idle connection is kept for its time`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        stage.advance(.seconds(59))
        #expect(stage.door.openConnections == 1)
        stage.advance(.seconds(2))
        stage.hearAll(guest)
        #expect(stage.door.openConnections == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a body has to keep a rate, however its bytes are spread`() throws {
        var stage = try DoorHarness([[.silence]])
        let guest = stage.visit("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n")
        stage.turn { !$0.told(0).isEmpty }
        for _ in 0..<4 {
            stage.advance(.seconds(3))
            stage.send(guest, "x")
            stage.settle()
        }
        #expect(stage.hear(guest, until: "body-timeout").hasPrefix("HTTP/1.1 408"))
        #expect(stage.leftovers() == [])
        let other = stage.visit("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n")
        stage.turn { $0.count(.requests) == 2 }
        for _ in 0..<8 {
            stage.advance(.seconds(3))
            stage.send(other, [UInt8](repeating: 0x61, count: 4_000))
            stage.settle()
        }
        #expect(stage.heard(other) == "")
        #expect(stage.leftovers() == [])
    }

    @Test func `a first byte that does not come is tried elsewhere, then 504`() throws {
        var stage = try DoorHarness([[.silence], [.silence]]) { $0.poolPlans[0].retries = 1 }
        let guest = stage.visit(get())
        stage.turn { $0.told(0) + $0.told(1) != "" }
        stage.advance(.milliseconds(30_100))
        stage.turn { $0.told(0) != "" && $0.told(1) != "" }
        #expect(stage.heard(guest) == "")
        stage.advance(.milliseconds(30_100))
        #expect(stage.hear(guest, until: "first-byte-timeout").hasPrefix("HTTP/1.1 504"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a pause in a response ends it so that it cannot look whole`() throws {
        var stage = try DoorHarness([[.answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel")]])
        let guest = stage.visit(get())
        stage.hear(guest, until: "hel")
        stage.advance(.milliseconds(29_900))
        #expect(!stage.guests[guest].isFinished)
        stage.advance(.milliseconds(200))
        stage.hearAll(guest)
        #expect(stage.guests[guest].wasReset)
        #expect(stage.count(.betweenBytesTimeout) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a client that takes nothing is given up`() throws {
        let body = String(repeating: "x", count: 60_000)
        var stage = try DoorHarness([[.silence]])
        let guest = stage.visit(get())
        stage.turn { !$0.told(0).isEmpty }
        stage.guests[guest].reads = false
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n"
        stage.say(0, Array(head.utf8))
        for _ in 0..<200 {
            stage.say(0, Array(body.utf8))
            stage.settle()
        }
        // The first look only notes where the client stands; the second finds it in the same place.
        for _ in 0..<4 where stage.door.openConnections == 1 { stage.advance(.seconds(11)) }
        #expect(stage.count(.clientSlow) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `an endpoint that takes nothing is given up`() throws {
        var stage = try DoorHarness([[.interrupt("")]])
        let guest = stage.visit("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n")
        stage.turn { $0.visitors.contains { $0.isDeaf } }
        for _ in 0..<400 {
            stage.send(guest, [UInt8](repeating: 0x61, count: 65_536))
            stage.settle()
        }
        for _ in 0..<4 where stage.heard(guest).isEmpty { stage.advance(.seconds(11)) }
        #expect(stage.hear(guest, until: "origin-send-timeout").hasPrefix("HTTP/1.1 504"))
        #expect(stage.leftovers() == [])
    }

    @Test func `the whole request has a deadline, whatever it waits for`() throws {
        for queued in [false, true] {
            var stage = try DoorHarness([[.silence]]) { plan in
                plan.routes[0].requestTimeout = .seconds(3)
                plan.pools[0].endpoints[0].connectionLimit = queued ? 1 : 0
            }
            if queued {
                _ = stage.visit(get())
                stage.turn { !$0.told(0).isEmpty }
                stage.advance(.seconds(1))
            }
            let guest = stage.visit(get())
            stage.turn { $0.count(.requests) == (queued ? 2 : 1) }
            stage.settle()
            stage.advance(.milliseconds(1_500))
            #expect(stage.heard(guest) == "")
            stage.poisonAll()
            stage.advance(.milliseconds(1_600))
            #expect(stage.hear(guest, until: "request-timeout").hasPrefix("HTTP/1.1 504"))
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `a connection that does not open is given up`() throws {
        // A full backlog swallows further connections.
        var stage = try DoorHarness([[.silence]]) { $0.poolPlans[0].retries = 0 }
        let any = SocketAddress(DoorHarness.loopback, port: 0)
        let full = try Socket.listen(any, backlog: 0, reusePort: false)
        defer { full.close() }
        let address = try #require(Socket.localAddress(full))
        var fillers: [FileDescriptor] = []
        for _ in 0..<4 {
            switch Socket.connect(to: address) {
            case .connected(let fd), .inProgress(let fd): fillers.append(fd)
            case .failed: break
            }
        }
        defer { for fd in fillers { fd.close() } }
        stage.plan.pools[0].endpoints[0].address = address
        stage.adopt()
        let guest = stage.visit(get())
        stage.turn { $0.count(.originConnections) == 1 }
        stage.settle()
        stage.advance(.milliseconds(4_900))
        #expect(stage.heard(guest) == "")
        stage.advance(.milliseconds(200))
        #expect(stage.hear(guest, until: "connect-timeout").hasPrefix("HTTP/1.1 504"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a kept connection to an endpoint is closed after its time`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit(get(fields: "Connection: close\r\n"))
        stage.hearAll(guest)
        stage.advance(.seconds(59))
        #expect(stage.door.upstreams.count == 1)
        stage.advance(.seconds(2))
        #expect(stage.door.upstreams.count == 0)
        #expect(stage.leftovers() == [])
    }
}

extension DoorHarness {
    /// Puts the plan as it is now in force.
    mutating func adopt() {
        let snapshot = GatewaySnapshot(plan, health: health, generation: 2)
        door.adopt(snapshot, loop: &loop, now: now)
    }

    /// Takes the timers for a turn without time passing: none may strike early.
    mutating func poisonAll() { door.expire(now: now, loop: &loop) }
}
