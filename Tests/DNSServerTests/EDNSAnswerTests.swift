// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Steering
import Testing

/// What answers say by options of EDNS, and of the server itself.
@Suite struct EDNSAnswerTests {
    func fixture(_ conduct: DNSConduct = DNSConduct()) throws -> ZoneFixture {
        var fixture = try ZoneFixture(["example.com": AuthorityTests.zone])
        fixture.context.conduct = conduct
        return fixture
    }

    // MARK: Identity

    @Test func `NSID is told to those who ask, where there is something to tell`() throws {
        var named = try fixture(DNSConduct(identity: "ns1.fra"))
        let asks = EDNSQuestion { $0.options = [(3, [])] }
        let message = try named.ask(asks)
        #expect(message.option(3) == Array("ns1.fra".utf8))
        #expect(message.answers.count == 1)
        #expect(try named.ask(EDNSQuestion()).options.isEmpty, "not asked for")
        var nameless = try fixture()
        #expect(try nameless.ask(asks).options.isEmpty, "nothing to tell")
        // RFC 5001 §2.1: what a client puts into the option means nothing.
        let chatty = EDNSQuestion { $0.options = [(3, [1, 2])] }
        #expect(try named.ask(chatty).option(3) == Array("ns1.fra".utf8))
    }

    @Test func `an output has the whole message with its options, or nothing`() throws {
        var named = try fixture(DNSConduct(identity: "ns1.fra"))
        for asks in [
            EDNSQuestion { $0.options = [(3, [])] },
            EDNSQuestion { $0.options = [(3, []), (12, [])] },
        ] {
            let query = asks.bytes
            for capacity in 0...query.count + 200 {
                let bytes = named.respond(query, capacity: capacity)
                guard !bytes.isEmpty else { continue }
                #expect(bytes.prefix(2) == query.prefix(2), "\(capacity)")
                #expect(DNSMessage(bytes)?.option(3) != nil, "\(capacity)")
            }
        }
    }

    static let chaos: [(name: String, type: RecordType, text: String?)] = [
        ("id.server", .TXT, "ns1"), ("ID.Server", .TXT, "ns1"), ("hostname.bind", .TXT, "ns1"),
        ("hostname.bind", .ANY, "ns1"), ("version.server", .TXT, "1.2"),
        ("version.bind", .TXT, "1.2"), ("id.server", .A, nil), ("authors.bind", .TXT, nil),
        ("x.id.server", .TXT, nil), ("server", .TXT, nil), ("example.com", .SOA, nil),
    ]

    @Test(arguments: chaos.indices)
    func `the server speaks of itself in class CH`(index: Int) throws {
        let (name, type, text) = EDNSAnswerTests.chaos[index]
        let question = EDNSQuestion { ($0.name, $0.type, $0.recordClass) = (name, type, 3) }
        var open = try fixture(DNSConduct(identity: "ns1", version: "1.2"))
        let message = try open.ask(question)
        #expect(message.code == (text == nil ? .refused : .noError))
        #expect(message.isAuthoritative == (text != nil))
        let record = message.answers.first
        #expect(record?.data == text.map { [UInt8($0.utf8.count)] + Array($0.utf8) })
        #expect(record == nil || record?.recordClass == 3 && record?.ttl == 0)
        var closed = try fixture()
        #expect(try closed.ask(question).code == .refused)
    }

    @Test func `an identity is cut to 64 octets`() throws {
        var long = try fixture(DNSConduct(identity: String(repeating: "x", count: 100)))
        let message = try long.ask(EDNSQuestion { $0.options = [(3, [])] })
        #expect(message.option(3)?.count == 64)
    }

    // MARK: Extended errors (RFC 8914)

    static let reasons: [(EDNSQuestion, UInt16?)] = [
        (EDNSQuestion(), nil),
        (EDNSQuestion { $0.name = "no.example.com" }, nil),
        (EDNSQuestion { $0.name = "other.test" }, 20),
        (EDNSQuestion { $0.recordClass = 4 }, 20),
        (EDNSQuestion { $0.type = .AXFR }, 18),
        (EDNSQuestion { $0.type = RecordType(249) }, 21),
        (EDNSQuestion { ($0.name, $0.type, $0.recordClass) = ("id.server", .TXT, 3) }, 18),
        (EDNSQuestion { ($0.name, $0.type, $0.recordClass) = ("a.bind", .TXT, 3) }, 20),
        (EDNSQuestion { $0.version = 1 }, nil),
    ]

    @Test(arguments: reasons.indices)
    func `refusals say why`(index: Int) throws {
        let (question, number) = EDNSAnswerTests.reasons[index]
        var fixture = try fixture()
        let message = try fixture.ask(question)
        #expect(message.option(15) == number.map { [0, UInt8($0)] })
        fixture.context.conduct.explainsErrors = false
        #expect(try fixture.ask(question).option(15) == nil)
        var plain = question
        plain.hasEDNS = false
        #expect(try fixture.ask(plain).option == nil)
    }

    @Test func `that nothing is healthy is told in words`() throws {
        let words = [0, 0] + Array("no endpoint is healthy".utf8)
        for (allDown, code) in [
            (SteerAllDown.servfail, ResponseCode.serverFailure), (.none, .noError),
        ] {
            let policy = try SteeredAnswerTests.roundRobin()
            var stage = try SteeredAnswerTests.Stage(policy, allDown: allDown)
            let question = EDNSQuestion { ($0.name, $0.type) = ("www.example.com", .A) }
            #expect(try stage.zone.ask(question).option(15) == nil, "while it is up")
            for slot in 0..<4 {
                stage.health.publish(slot, HealthWord(health: .down, administrative: .ready))
            }
            let message = try stage.zone.ask(question)
            #expect(message.code == code)
            #expect(message.option(15) == words)
        }
    }

    @Test(arguments: [RecordType.A, .HTTPS], [SteerAllDown.all, .none, .servfail])
    func `that no branch is for a client is no matter of health`(
        type: RecordType,
        allDown: SteerAllDown
    ) throws {
        let home = try #require(Prefix("10.0.0.0/8"))
        let policy = SteerPolicy(
            .regional(
                [try SteeredAnswerTests.member(0, "192.0.2.1")],
                RegionBuilder(.empty).geo([[.network(home)]])
            )
        )
        let definition = SteerDefinition(name: "www", policy: policy, allDown: allDown)
        let health = HealthTable(capacity: 8)
        health.publish(0, HealthWord(health: .up, administrative: .ready))
        var zone = try ZoneFixture(
            ["example.com": SteeredAnswerTests.zone + "\nwww HTTPS 1 ."],
            steered: [("www.example.com", 0)],
            steer: SteerTable([definition], health: health)
        )
        zone.context.client = IPAddress(v4: 0x6301_0101)
        let question = EDNSQuestion { ($0.name, $0.type) = ("www.example.com", type) }
        let message = try zone.ask(question)
        #expect(message.code == (allDown == .servfail ? .serverFailure : .noError))
        #expect(message.answers.isEmpty)
        #expect(message.option(15) == [0, 0] + Array("no branch is for this client".utf8))
        zone.context.client = IPAddress(v4: 0x0a01_0101)
        #expect(try zone.ask(question).option(15) == nil)
        health.publish(0, HealthWord(health: .down, administrative: .maintenance))
        // What operators took out is no matter of health either.
        let text =
            allDown == .all
            ? "all endpoints weigh 0, are drained or in maintenance" : "no endpoint is healthy"
        #expect(try zone.ask(question).option(15) == [0, 0] + Array(text.utf8))
    }

    @Test func `a reason that does not fit is left out`() throws {
        var reply = EDNSReply()
        reply.explain(.other, room: ExtendedError.other.length - 1)
        #expect(reply.length == 0)
        reply.explain(.other, room: ExtendedError.other.length)
        #expect(reply.length == ExtendedError.other.length)
    }

    // MARK: Keepalive and padding

    @Test func `over TCP those who ask are told how long they may be idle`() throws {
        var fixture = try fixture()
        fixture.context.keepalive = 105
        let asks = EDNSQuestion { $0.options = [(11, [])] }
        #expect(try fixture.ask(asks).options.isEmpty, "RFC 7828 §3.2.2: not over UDP")
        fixture.context.isStream = true
        #expect(try fixture.ask(asks).option(11) == [0, 105])
        #expect(try fixture.ask(EDNSQuestion()).options.isEmpty)
    }

    @Test func `the door tells the timeout of its listener`() throws {
        let settings = DNSDoorSettings(idleTimeout: .milliseconds(2500), connectionLimit: 3)
        var fixture = try DoorFixture.make(try fixture().snapshot, settings)
        let asks = framed(EDNSQuestion { $0.options = [(11, [])] }.bytes)
        var sockets: [FileDescriptor] = []
        for told in [25, 20] as [UInt8] {
            let socket = try fixture.connect()
            sockets.append(socket)
            fixture.turn()
            #expect(Socket.send(socket, asks.span) == .count(asks.count))
            fixture.turn()
            let message = messages(received(socket) ?? []).first ?? nil
            // With more than half of the places taken, the timeout is shorter.
            #expect(message?.option(11) == [0, told])
        }
        for socket in sockets { socket.close() }
    }

    @Test func `padding is for encrypted transports, and for those who pad`() throws {
        var fixture = try fixture(DNSConduct(identity: "ns1"))
        // RFC 7830 §3: whatever octets it has.
        let asks = EDNSQuestion { $0.options = [(12, [7, 0xff]), (3, [])] }
        for isStream in [false, true] {
            fixture.context.isStream = isStream
            #expect(try fixture.ask(asks).option(12) == [], "in the clear it has no octets")
            #expect(try fixture.ask(EDNSQuestion()).option(12) == nil, "not asked for")
        }
        fixture.context.pads = true
        #expect(fixture.respond(EDNSQuestion().bytes).count < 468, "not asked for")
        for name in ["example.com", "no.example.com", "other.test"] {
            let question = EDNSQuestion { ($0.name, $0.options) = (name, asks.options) }
            let bytes = fixture.respond(question.bytes)
            #expect(bytes.count == 468)
            let message = try #require(DNSMessage(bytes))
            #expect(message.option(12)?.allSatisfy { $0 == 0 } == true)
            #expect(message.option(3) != nil)
            // RFC 7830 §3, RFC 8467 §3: once, and the last of all.
            #expect(message.options.lastIndex { $0.code == 12 } == message.options.count - 1)
            #expect(message.options.count { $0.code == 12 } == 1)
        }
    }

    @Test func `padding keeps to the room there is`() {
        for (length, room, padded) in [(464, 100, 468), (465, 1000, 936), (465, 10, 475)] {
            var reply = EDNSReply()
            reply.pad(length, toMultipleOf: 468, room: room)
            #expect(length + reply.length == padded)
        }
        var reply = EDNSReply()
        reply.pad(100, toMultipleOf: 468, room: 3)
        #expect(reply.length == 0, "no room for the option's head")
    }
}
