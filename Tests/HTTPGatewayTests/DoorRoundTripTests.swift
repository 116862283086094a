// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@testable import HTTPGateway

/// What the door learns of the ways to its clients.
@Suite struct DoorRoundTripTests {
    private static let everyone = Prefix("127.0.0.0/8")

    private static func records(_ stage: borrowing DoorHarness) -> [RTTRing.Record] {
        var records: [RTTRing.Record] = []
        while let record = stage.shared.roundTrips[0].take() { records.append(record) }
        return records
    }

    private static func visit(
        _ configure: (inout GatewayPlan) -> Void,
        _ bytes: String
    ) throws -> [RTTRing.Record] {
        var stage = try DoorHarness([[.answer(ok())]], workers: 1, configure)
        let guest = stage.visit(bytes)
        _ = stage.hearAll(guest)
        stage.settle()
        return records(stage)
    }

    @Test func `a connection that ends is measured where that is wanted`() throws {
        let asked = get("/", fields: "Connection: close\r\n")
        #expect(try Self.visit({ _ in }, asked).isEmpty)
        let found = try Self.visit({ $0.listeners[0].measuresRTT = true }, asked)
        #expect(found.count == 1)
        #expect(found.first?.client == DoorHarness.loopback)
        let time = try #require(found.first?.roundTrip)
        #expect(time > .zero && time < .seconds(1))
    }

    @Test func `the way to a proxy is nobody's`() throws {
        let asked = get("/", fields: "Connection: close\r\nX-Forwarded-For: 203.0.113.9\r\n")
        let trusted = try Self.visit(
            {
                $0.listeners[0].measuresRTT = true
                $0.listeners[0].trusted = [Self.everyone].compactMap(\.self)
            },
            asked
        )
        #expect(trusted.isEmpty)
        let carried = try Self.visit(
            {
                $0.listeners[0].measuresRTT = true
                $0.listeners[0].trusted = [Self.everyone].compactMap(\.self)
                $0.listeners[0].proxyHeader = .required
            },
            DoorProxyHeaderTests.line + asked
        )
        #expect(carried.isEmpty)
    }

    @Test func `many connections are measured now and then`() throws {
        var stage = try DoorHarness { $0.listeners[0].measuresRTT = true }
        let began = Clock.monotonic()
        for _ in 0..<20 {
            let guest = stage.visit(get("/", fields: "Connection: close\r\n"))
            _ = stage.hearAll(guest)
        }
        let soon = Self.records(stage).count
        let allowed = 1 + (Clock.monotonic() - began).milliseconds / 10
        stage.advance(.seconds(1))
        let guest = stage.visit(get("/", fields: "Connection: close\r\n"))
        _ = stage.hearAll(guest)
        stage.settle()
        #expect(soon >= 1 && Int64(soon) <= allowed)
        #expect(Self.records(stage).count == 1)
    }

    @Test func `a full ring takes nothing more, and counts it`() throws {
        let ring = RTTRing()
        let client = try #require(IPAddress("2001:db8::7"))
        for number in 0..<RTTRing.capacity + 5 {
            ring.write(client, .microseconds(Int64(number)), at: Instant(nanoseconds: 9))
        }
        #expect(ring.refused == 5)
        let first = ring.take()
        #expect(first?.client == client && first?.roundTrip == .zero)
        #expect(first?.at == Instant(nanoseconds: 9))
        ring.write(IPAddress(v4: 7), .microseconds(77), at: .start)
        var last: RTTRing.Record?
        while let record = ring.take() { last = record }
        #expect(last?.client == IPAddress(v4: 7) && last?.roundTrip == .microseconds(77))
    }
}
