// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

/// Updates by UDP, which are held to the rate of errors unless somebody speaks for them.
@Suite struct UpdateRateTests {
    /// A door with ten errors a second, the desk behind it, and the socket of one who sends.
    struct Fixture: ~Copyable {
        var door: DoorFixture
        let desk: UpdateDesk
        let socket: FileDescriptor

        init(door: consuming DoorFixture, desk: UpdateDesk, socket: FileDescriptor) {
            self.door = door
            self.desk = desk
            self.socket = socket
        }

        static func make(
            slip: UInt32 = 0,
            isTrial: Bool = false,
            known: [Prefix] = [],
            isLimited: Bool = true
        ) throws -> Fixture {
            var snapshot = try ZoneFixture(["example.com": AuthorityTests.zone]).snapshot
            if isLimited { snapshot.rates.limit(.error, to: 10, per: .seconds(1)) }
            snapshot.rates.slip = slip
            snapshot.rates.isTrial = isTrial
            snapshot.takesUpdates = true
            snapshot.updateNetworks = known
            let key = TransactionKey(
                name: try #require(DomainName("key.example.")),
                algorithm: .sha256,
                secret: TransactionTests.secret
            )
            snapshot.peers.keys = TransactionKeys([key])
            let desk = try UpdateDesk()
            let door = try DoorFixture.make(snapshot, updates: desk)
            let socket = try door.datagramSocket()
            return Fixture(door: door, desk: desk, socket: socket)
        }

        deinit { socket.close() }

        /// Sends so many updates; those that were handed in.
        mutating func send(_ count: Int, _ message: [UInt8]) -> [UpdateDesk.Request] {
            for _ in 0..<count { _ = Socket.send(socket, message.span) }
            door.turn()
            return desk.requests.drain()
        }

        mutating func deliver(_ replies: [UpdateDesk.Reply]) {
            door.door.deliver(replies, loop: &door.loop)
        }

        func count(_ limited: UpdateDesk.Limited) -> UInt64 { desk.count(limited) }

        func replies() -> Int {
            var count = 0
            while let bytes = received(socket, limit: 1), !bytes.isEmpty { count += 1 }
            return count
        }
    }

    /// An update of example.com that asks for nothing.
    static var update: [UInt8] {
        var bytes = ZoneFixture.query("example.com", .SOA)
        bytes[2] = UpdateMessage.opcode << 3
        return bytes
    }

    static var signed: [UInt8] {
        get throws {
            let key = TransactionKey(
                name: try #require(DomainName("key.example.")),
                algorithm: .sha256,
                secret: TransactionTests.secret
            )
            let seconds = UInt64(clamping: Clock.realtime() / 1_000_000_000)
            return TransactionPeer(key).sign(update, seconds: seconds)
        }
    }

    static func refused(_ request: UpdateDesk.Request) -> UpdateDesk.Reply {
        UpdateDesk.Reply(request, .refused, bytes: UpdateAnswer.bare(update, .refused))
    }

    @Test func `those without a signature are no more than errors may be`() throws {
        var fixture = try Fixture.make()
        let taken = fixture.send(30, UpdateRateTests.update)
        #expect(taken.count == 10)
        #expect(fixture.count(.dropped) == 20)
        // What was charged on the way in costs nothing on the way out.
        fixture.deliver(taken.map(UpdateRateTests.refused))
        let replies = fixture.replies()
        #expect(replies == 10)
        #expect(fixture.count(.dropped) == 20)
    }

    @Test func `queries that are errors and updates have one account`() throws {
        var fixture = try Fixture.make()
        let other = ZoneFixture.query("other.test")
        for _ in 0..<6 { _ = Socket.send(fixture.socket, other.span) }
        let taken = fixture.send(30, UpdateRateTests.update).count
        #expect(taken == 4)
    }

    @Test func `one of so many is told REFUSED`() throws {
        var fixture = try Fixture.make(slip: 1)
        let taken = fixture.send(30, UpdateRateTests.update).count
        #expect(taken == 10)
        let replies = fixture.replies()
        #expect(replies == 20)
        #expect(fixture.count(.putOff) == 20)
    }

    @Test func `which one is drawn anew each time`() throws {
        var fixture = try Fixture.make(slip: 2)
        _ = fixture.send(10, UpdateRateTests.update)
        for _ in 0..<40 { _ = fixture.send(1, UpdateRateTests.update) }
        let replies = fixture.replies()
        #expect((5...35).contains(replies), "20 of 40 expected, saw \(replies)")
    }

    @Test func `a trial withholds nothing`() throws {
        var fixture = try Fixture.make(isTrial: true)
        let taken = fixture.send(30, UpdateRateTests.update).count
        #expect(taken == 30)
        #expect(fixture.count(.exceeded) == 20)
    }

    @Test func `who has signed, or has a rule, is handed in, and charged once he is refused`()
        throws
    {
        let loopback = try #require(Prefix("127.0.0.0/8"))
        for isSigned in [true, false] {
            var fixture = try Fixture.make(known: isSigned ? [] : [loopback])
            let message = isSigned ? try UpdateRateTests.signed : UpdateRateTests.update
            let taken = fixture.send(30, message)
            #expect(taken.count == 30)
            let done = taken.map { request in
                UpdateDesk.Reply(
                    request,
                    .noError,
                    bytes: UpdateAnswer.bare(UpdateRateTests.update, .noError)
                )
            }
            fixture.deliver(done)
            let told = fixture.replies()
            #expect(told == 30 && fixture.count(.dropped) == 0)
            fixture.deliver(taken.map(UpdateRateTests.refused))
            let refused = fixture.replies()
            #expect(refused == 10)
            #expect(fixture.count(.dropped) == 20)
        }
    }

    @Test func `a signature that is none is no signature`() throws {
        var fixture = try Fixture.make()
        var message = try UpdateRateTests.signed
        message[0] ^= 1
        message[message.count - 30] ^= 1
        let taken = fixture.send(30, message).count
        #expect(taken == 10)
    }

    @Test func `strangers leave half of the places to those who have a key`() throws {
        var fixture = try Fixture.make(isLimited: false)
        var taken = 0
        for _ in 0..<15 { taken += fixture.send(40, UpdateRateTests.update).count }
        #expect(taken == UpdateDesk.queueLimit / 2)
        let refused = fixture.replies()
        #expect(refused == 600 - taken, "SERVFAIL for those who have no place")
        let signed = fixture.send(40, try UpdateRateTests.signed).count
        #expect(signed == 40)
    }
}
