// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import TestSupport
import Testing

/// Transfers and queries that share one connection (RFC 7766 §6.2.1.1, RFC 9103 §6.1).
@Suite struct SharedConnectionTests {
    let tests = TransferTests()

    func fixture(_ count: Int = 20_000) throws -> DoorFixture {
        try DoorFixture.make(tests.snapshot(["example.com": TransferTests.large(count)]))
    }

    /// A message with another id.
    static func numbered(_ message: [UInt8], _ id: UInt8) -> [UInt8] {
        var message = message
        (message[0], message[1]) = (0, id)
        return message
    }

    static func transfer(_ id: UInt8) -> [UInt8] {
        framed(numbered(TransferTests.request("example.com"), id))
    }

    static func query(_ id: UInt8) -> [UInt8] {
        framed(numbered(ZoneFixture.query("mail.example.com"), id))
    }

    func ids(_ bytes: [UInt8]) -> [UInt16] { messages(bytes).compactMap { $0?.id } }

    @Test func `queries behind a transfer are answered while it lasts`() throws {
        var fixture = try fixture()
        let socket = try fixture.connect()
        defer { socket.close() }
        fixture.turn()
        // Behind it in one piece, and later by themselves.
        let sent = Self.query(1) + Self.transfer(2) + Self.query(3) + Self.query(4)
        #expect(Socket.send(socket, sent.span) == .count(sent.count))
        var all: [UInt8] = []
        var later: UInt8 = 10
        for turn in 0..<4000 {
            fixture.turn(limit: 2)
            let some = received(socket) ?? []
            all += some
            if turn % 4 == 1, later < 15, fixture.shared.runningTransfers == 1 {
                let query = Self.query(later)
                #expect(Socket.send(socket, query.span) == .count(query.count))
                later += 1
            }
            if some.isEmpty, !fixture.door.isPolling { break }
        }
        let order = ids(all)
        let last = try #require(order.lastIndex(of: 2))
        #expect(order.first == 1 && order.filter { $0 == 2 }.count > 100)
        #expect(later > 12, "queries came while the zone was on its way")
        for id in [3, 4] + (10..<later).map({ UInt16($0) }) {
            let place = try #require(order.firstIndex(of: id), "\(id) is answered")
            #expect(place < last, "\(id) does not wait for the end of the transfer")
            #expect(order.filter { $0 == id }.count == 1)
        }
        let lines = TransferTests.lines(messages(all).filter { $0?.id == 2 })
        #expect(lines.first == lines.last && lines.count > 20_000, "nothing is lost of the zone")
        #expect(fixture.shared.runningTransfers == 0)
    }

    @Test func `transfers take turns, and one too many waits with what is behind it`() throws {
        var fixture = try fixture(3000)
        let socket = try fixture.connect()
        defer { socket.close() }
        fixture.turn()
        let sent = (1...6).flatMap { Self.transfer($0) } + Self.query(99)
        #expect(Socket.send(socket, sent.span) == .count(sent.count))
        var (all, most): ([UInt8], UInt64) = ([], 0)
        for _ in 0..<8000 {
            fixture.turn(limit: 1)
            most = max(most, fixture.shared.runningTransfers)
            let some = received(socket) ?? []
            all += some
            if some.isEmpty, !fixture.door.isPolling { break }
        }
        #expect(most == 4)
        let order = ids(all)
        let ends = (1...6).map { id in order.lastIndex(of: UInt16(id)) ?? -1 }
        #expect(ends.allSatisfy { $0 > 0 })
        let second = try #require(order.firstIndex(of: 2))
        #expect(second < ends[0], "the second is on its way before the first is done")
        for id in 1...6 {
            let lines = TransferTests.lines(messages(all).filter { $0?.id == UInt16(id) })
            #expect(lines.count > 3000 && lines.first == lines.last)
        }
        #expect(order.contains(99) && fixture.shared.runningTransfers == 0)
    }

    @Test func `who takes nothing gets nothing made, whatever it asks besides`() throws {
        var fixture = try fixture(100_000)
        let socket = try fixture.connect()
        defer { socket.close() }
        fixture.turn()
        // More queries than a block has room for.
        let sent = Self.transfer(1) + (0..<4000).flatMap { _ in Self.query(7) }
        var rest = sent[...]
        for _ in 0..<3000 {
            if case .count(let count) = Socket.send(socket, Array(rest).span) {
                rest = rest.dropFirst(count)
            }
            fixture.handleEvents()
            if fixture.door.isPolling { fixture.poll() }
        }
        let isPolling = fixture.door.isPolling
        #expect(!isPolling, "nothing is made while nothing is taken")
        #expect(fixture.count(.queriesTCP) < 4000)
        fixture.pass(.seconds(11))
        #expect(fixture.shared.runningTransfers == 0 && fixture.count(.transfersBroken) == 1)
    }

    @Test func `over TLS as well`() throws {
        let parts = try SecureParts()
        let key = try TransactionTests.key()
        var snapshot = try tests.snapshot(
            ["example.com": TransferTests.large(5000)],
            takers: [.init(network: Prefix("127.0.0.0/8"), key: key.name)],
            keys: [key]
        )
        snapshot.peers.rules.limit = 8
        var fixture = try DoorFixture.make(
            snapshot,
            security: DNSListenerSecurity(parts.context())
        )
        var client = try SecureClient(fixture, parts.client())
        #expect(client.shakeHands(&fixture) == .established)
        let seconds = UInt64(Clock.realtime() / 1_000_000_000)
        let request = Self.numbered(TransferTests.request("example.com"), 2)
        let signed = framed(TransactionPeer(key).sign(request, seconds: seconds))
        client.send(signed + Self.query(3) + Self.query(4), &fixture)
        for _ in 0..<4000 where fixture.door.isPolling || fixture.shared.runningTransfers > 0 {
            fixture.turn(limit: 2)
            client.read()
        }
        client.read()
        let order = client.ids.compactMap { $0 }
        let last = try #require(order.lastIndex(of: 2))
        #expect(order.filter { $0 == 2 }.count > 20)
        for id in [3, 4] as [UInt16] {
            #expect(try #require(order.firstIndex(of: id)) < last)
        }
    }
}
