// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// A client hello of TLS 1.2 that asks for a name.
private func hello(_ name: String) -> [UInt8] {
    func two(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }
    let name = Array(name.utf8)
    let list = two(name.count + 3) + [0] + two(name.count) + name
    let extensions = name.isEmpty ? [] : [0, 0] + two(list.count) + list
    let body =
        [3, 3] + [UInt8](repeating: 7, count: 32) + [0, 0, 2, 0xc0, 0x2f, 1, 0]
        + two(extensions.count) + extensions
    return [22, 3, 1] + two(body.count + 4) + [1, 0] + two(body.count) + body
}

private func harness(
    _ parts: [[Part]],
    names: [String] = ["a.example"],
    _ configure: (inout GatewayPlan) -> Void = { _ in }
) throws -> DoorHarness {
    let context = try TLSServerContext(
        TLSServerSettings(),
        table: TLSCertificateTable([]),
        tickets: nil
    )
    return try DoorHarness(parts) { plan in
        plan.listeners[0].tls = context
        plan.listeners[0].passages = names.map { PassagePlan(name: $0, pool: 0) }
        configure(&plan)
    }
}

@Suite struct DoorPassageTests {
    @Test func `the endpoint gets the hello from its first octet, and both sides each other's`()
        throws
    {
        var stage = try harness([[.mirror("server hello")]])
        let bytes = hello("A.example")
        let guest = stage.connect()
        for octet in bytes {
            #expect(stage.visitors.isEmpty, "nobody is asked before the name is there")
            stage.send(guest, [octet])
            stage.settle()
        }
        #expect(stage.hear(guest, until: "server hello") == "server hello")
        #expect(stage.visitors.count == 1)
        #expect(stage.visitors[0].heard == bytes)
        stage.send(guest, "more")
        #expect(stage.hear(guest, until: "more") == "server hellomore")
        stage.turn { $0.visitors[0].heard.count == bytes.count + 4 }
        #expect(stage.visitors[0].heard == bytes + Array("more".utf8))
        stage.leave(guest)
        stage.turn { $0.door.isIdle }
        let isIdle = stage.door.isIdle
        #expect(isIdle)
        let seen2 = stage.door.passages.count
        #expect(seen2 == 0)
        #expect(stage.load.inFlight(0) == 0)
        let seen3 = stage.door.words.load(GatewayMetrics.index(.passages))
        #expect(seen3 == 1)
    }

    @Test func `a refused connection is tried at another endpoint`() throws {
        var stage = try harness([[], [.interrupt("from the second")]])
        for _ in 0..<4 {
            let guest = stage.connect()
            stage.send(guest, hello("a.example"))
            #expect(stage.hear(guest, until: "second") == "from the second")
            stage.leave(guest)
        }
        stage.turn { $0.door.isIdle }
        let seen4 = stage.door.words.load(GatewayMetrics.index(.retries))
        #expect(seen4 > 0)
    }

    @Test func `nobody there closes the connection without a word`() throws {
        var stage = try harness([[], []])
        let guest = stage.connect()
        stage.send(guest, hello("a.example"))
        #expect(stage.hearAll(guest) == "")
        let seen5 = stage.door.isIdle
        #expect(seen5)
        let seen6 = stage.door.passages.count
        #expect(seen6 == 0)
    }

    @Test(arguments: [true, false])
    func `a reload takes the pool away while it is connected to`(isNamed: Bool) throws {
        var stage = try harness([[.mirror("server hello")], [.silence]]) { plan in
            plan.pools.append(PoolDefinition(name: "other", slot: 1, endpoints: []))
            plan.pools[1].endpoints.append(plan.pools[0].endpoints.removeLast())
            plan.poolPlans.append(GatewayPoolPlan())
            plan.poolPlans[0].proxyHeader = isNamed ? .v1 : nil
        }
        let guest = stage.connect()
        stage.send(guest, hello("a.example"))
        stage.turn { $0.door.upstreams.count == 1 }
        #expect(stage.visitors.isEmpty)
        stage.plan.pools.removeFirst()
        stage.plan.poolPlans.removeFirst()
        stage.plan.listeners[0].passages = []
        stage.adopt()
        // What TLS it has is its own; but who is to be told of the client must be.
        let heard = isNamed ? stage.hearAll(guest) : stage.hear(guest, until: "server hello")
        #expect(heard.isEmpty == isNamed)
        #expect(stage.told(0).isEmpty == isNamed)
        stage.leave(guest)
        stage.turn { $0.door.isIdle }
        let isIdle = stage.door.isIdle
        #expect(isIdle)
    }

    @Test func `exact names come before those below, and the rest last`() {
        let table = PassageTable([
            PassagePlan(name: "*", pool: 0), PassagePlan(name: "*.b.example", pool: 1),
            PassagePlan(name: "a.b.example", pool: 2), PassagePlan(name: "*.x.b.example", pool: 3),
        ])
        #expect(table.pool(for: "a.b.example") == 2)
        #expect(table.pool(for: "c.b.example") == 1)
        #expect(table.pool(for: "c.a.b.example") == 1)
        #expect(table.pool(for: "c.x.b.example") == 3)
        #expect(table.pool(for: "b.example") == 0)
        #expect(table.pool(for: "") == 0)
        #expect(PassageTable([PassagePlan(name: "*.b", pool: 1)]).pool(for: "b") == nil)
        #expect(PassageTable([PassagePlan(name: "*.b", pool: 1)]).pool(for: "") == nil)
    }

    @Test func `names that are not passed on, and what is no hello, end here`() throws {
        for bytes in [hello("b.example"), hello(""), Array("GET / HTTP/1.1\r\n\r\n".utf8)] {
            var stage = try harness([[.interrupt("never")]])
            let guest = stage.connect()
            stage.send(guest, bytes)
            stage.turn { $0.guests[guest].isFinished }
            #expect(!stage.heard(guest).contains("never"))
            #expect(stage.visitors.isEmpty)
            let seen7 = stage.door.isIdle
            #expect(seen7)
        }
    }

    @Test func `a hello that does not come ends at the handshake's deadline`() throws {
        var stage = try harness([[.interrupt("never")]])
        let guest = stage.connect()
        stage.send(guest, Array(hello("a.example").dropLast()))
        stage.settle()
        stage.advance(.seconds(11))
        stage.hearAll(guest)
        let seen8 = stage.door.isIdle
        #expect(seen8)
        let timeouts = GatewayMetrics.handshake(.timedOut)
        let seen9 = stage.door.words.load(timeouts)
        #expect(seen9 == 1)
    }

    @Test func `silence ends a passage at the pool's tunnel-idle`() throws {
        var stage = try harness([[.interrupt("hello")]]) {
            $0.poolPlans[0].timeouts.tunnelIdle = .seconds(30)
        }
        let guest = stage.connect()
        stage.send(guest, hello("a.example"))
        stage.hear(guest, until: "hello")
        stage.advance(.seconds(29))
        let seen10 = stage.door.isIdle
        #expect(!seen10)
        stage.advance(.seconds(31))
        stage.hearAll(guest)
        let seen11 = stage.door.isIdle
        #expect(seen11)
    }
}
