// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Steering
import Testing

/// Zones that peers take (RFC 5936, RFC 1995), over real sockets.
@Suite struct TransferTests {
    static let zone = """
        $TTL 300
        @ SOA ns hostmaster 7 3600 600 86400 60
        @ NS ns
        @ NS ns.elsewhere.test.
        @ MX 10 mail
        ns A 192.0.2.53
        mail A 192.0.2.25
        mail AAAA 2001:db8::25
        www A 192.0.2.1
        www A 192.0.2.2
        alias CNAME www
        *.wild TXT "any"
        a.b.c TXT "deep"
        sub NS ns.sub
        sub NS ns
        sub DS 1 13 2 0123456789012345678901234567890123456789012345678901234567890123
        ns.sub A 192.0.2.54
        _sip._tcp SRV 1 2 5060 mail
        """

    /// A zone of so many names, and texts that fill messages.
    static func large(_ count: Int) -> String {
        zone + "\n"
            + (0..<count).map { "n\($0).deep TXT \"\(String(repeating: "x", count: 100))\"" }
            .joined(separator: "\n")
    }

    static let anywhere = TransferRules.Peer(network: Prefix("127.0.0.0/8"), key: nil)

    func snapshot(
        _ zones: KeyValuePairs<String, String>,
        takers: [TransferRules.Peer] = [anywhere],
        keys: [TransactionKey] = [],
        histories: [DomainName: ZoneHistory] = [:],
        limit: Int = 16,
        steered: [(String, Int)] = [],
        steer: SteerTable? = nil
    ) throws -> DNSSnapshot {
        var snapshot = try ZoneFixture(zones, steered: steered, steer: steer).snapshot
        for zone in zones {
            snapshot.peers.rules.takers[try #require(DomainName(zone.key))] = takers
        }
        snapshot.peers.rules.histories = histories
        snapshot.peers.rules.limit = limit
        snapshot.peers.keys = TransactionKeys(keys)
        return snapshot
    }

    /// A request for a zone; of an IXFR with the serial that is known.
    static func request(_ name: String, since serial: UInt32? = nil) -> [UInt8] {
        var bytes = ZoneFixture.query(name, serial == nil ? .AXFR : .IXFR)
        guard let serial, let apex = DomainName(name) else { return bytes }
        bytes[9] = 1
        let numbers = [serial, 1, 1, 1, 1].flatMap { number in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
        }
        return bytes + apex.wire + [0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0] + numbers
    }

    static func lines(_ messages: [DNSMessage?]) -> [String] {
        messages.flatMap { $0?.answers ?? [] }.map { line($0) }
    }

    static func line(_ record: DNSMessage.Record) -> String {
        "\(record.owner.lowercased) \(record.ttl) \(record.type) "
            + RecordText.data(record.type, record.data.span)
    }

    /// What the zone holds by its text.
    static func expected(_ text: String, _ apex: String) throws -> [String] {
        let origin = try #require(DomainName(apex))
        var reader = ZoneFileReader(Array(text.utf8), file: apex, origin: origin)
        var found: [String] = []
        while reader.next() {
            let owner = try #require(DomainName(wire: reader.owner))
            let record = DNSMessage.Record(
                owner: owner,
                type: reader.type,
                ttl: reader.ttl,
                data: reader.data
            )
            found.append(line(record))
        }
        return found
    }

    func take(
        _ fixture: inout DoorFixture,
        _ request: [UInt8]
    ) throws -> [DNSMessage?] {
        let socket = try fixture.connect()
        defer { socket.close() }
        return messages(try exchange(&fixture, socket, [request]))
    }

    func exchange(
        _ fixture: inout DoorFixture,
        _ socket: FileDescriptor,
        _ requests: [[UInt8]]
    ) throws -> [UInt8] {
        fixture.turn()
        let sent = requests.flatMap(framed)
        #expect(Socket.send(socket, sent.span) == .count(sent.count))
        var all: [UInt8] = []
        for _ in 0..<2000 {
            fixture.turn()
            let some = received(socket) ?? []
            if some.isEmpty, !fixture.door.isPolling { break }
            all += some
        }
        return all
    }

    @Test(arguments: [0, 1, 3000])
    func `a zone goes out whole, the SOA at both ends`(_ count: Int) throws {
        let text = TransferTests.large(count)
        var fixture = try DoorFixture.make(snapshot(["example.com": text]))
        let messages = try take(&fixture, TransferTests.request("example.com"))
        let lines = TransferTests.lines(messages)
        let wanted = try TransferTests.expected(text, "example.com")
        #expect(lines.first == lines.last && lines.first?.contains(" SOA ") == true)
        #expect(lines.dropLast().sorted() == wanted.sorted())
        #expect(messages.allSatisfy { $0?.isAuthoritative == true && $0?.code == .noError })
        #expect(count < 3000 || messages.count > 20)
        #expect(messages.allSatisfy { $0?.questions.first?.type == .AXFR })
        #expect(fixture.count(.transfersWhole) == 1 && fixture.shared.runningTransfers == 0)
    }

    @Test func `messages are compressed`() throws {
        let text = TransferTests.large(2000)
        var fixture = try DoorFixture.make(snapshot(["example.com": text]))
        let socket = try fixture.connect()
        defer { socket.close() }
        let bytes = try exchange(&fixture, socket, [TransferTests.request("example.com")])
        let plain = 2000 * ("n1000.deep.example.com.".utf8.count + 10 + 101)
        #expect(bytes.count < plain && bytes.count > 2000 * 111)
    }

    @Test func `only those may take a zone that its rules name`() throws {
        let key = try TransactionTests.key()
        let other = try TransactionTests.key(name: "other.key")
        let nobody = TransferRules.Peer(network: Prefix("192.0.2.0/24"), key: nil)
        let keyed = TransferRules.Peer(network: nil, key: key.name)
        for (takers, signer, code) in [
            ([], nil, ResponseCode.refused), ([nobody], nil, .refused),
            ([TransferTests.anywhere], nil, .noError), ([keyed], nil, .refused),
            ([keyed], other, .refused), ([keyed], key, .noError),
            ([nobody, keyed], key, .noError),
        ] as [([TransferRules.Peer], TransactionKey?, ResponseCode)] {
            let snapshot = try snapshot(
                ["example.com": TransferTests.zone],
                takers: takers,
                keys: [key, other]
            )
            var fixture = try DoorFixture.make(snapshot)
            for serial in [nil, 3] as [UInt32?] {
                var request = TransferTests.request("example.com", since: serial)
                if let signer {
                    request = TransactionPeer(signer).sign(
                        request,
                        seconds: UInt64(Clock.realtime() / 1_000_000_000)
                    )
                }
                let messages = try take(&fixture, request)
                #expect(messages.first??.code == code)
                #expect(messages.first??.answers.isEmpty == (code != .noError))
            }
        }
        var fixture = try DoorFixture.make(snapshot(["example.com": TransferTests.zone]))
        for name in ["elsewhere.test", "www.example.com", "com"] {
            let messages = try take(&fixture, TransferTests.request(name))
            #expect(messages.map { $0?.code } == [.notAuthorized], "\(name) is no zone of ours")
        }
    }

    @Test func `each message of a signed transfer is signed`() throws {
        let key = try TransactionTests.key()
        let keyed = TransferRules.Peer(network: nil, key: key.name)
        let snapshot = try snapshot(
            ["example.com": TransferTests.large(1000)],
            takers: [keyed],
            keys: [key]
        )
        var fixture = try DoorFixture.make(snapshot)
        let socket = try fixture.connect()
        defer { socket.close() }
        let seconds = UInt64(Clock.realtime() / 1_000_000_000)
        let client = TransactionPeer(key)
        let request = client.sign(TransferTests.request("example.com"), seconds: seconds)
        var rest = try exchange(&fixture, socket, [request])[...]
        var count = 0
        while rest.count > 2 {
            let length = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
            _ = try client.take(Array(rest.prefix(length)), seconds: seconds)
            #expect(client.isSettled)
            rest = rest.dropFirst(length)
            count += 1
        }
        #expect(count > 5)
        // With another secret nothing goes out.
        let wrong = try TransactionTests.key(secret: Array("another secret".utf8))
        let messages = try take(
            &fixture,
            TransactionPeer(wrong).sign(TransferTests.request("example.com"), seconds: seconds)
        )
        #expect(messages.map { $0?.code } == [.notAuthorized])
    }

    @Test func `a slow peer costs little, and others are served meanwhile`() throws {
        var fixture = try DoorFixture.make(snapshot(["example.com": TransferTests.large(100_000)]))
        let slow = try fixture.connect()
        defer { slow.close() }
        let other = try fixture.connect()
        defer { other.close() }
        fixture.turn()
        let request = framed(TransferTests.request("example.com"))
        #expect(Socket.send(slow, request.span) == .count(request.count))
        for _ in 0..<3000 {
            fixture.handleEvents()
            if fixture.door.isPolling { fixture.poll() }
        }
        let isPolling = fixture.door.isPolling
        #expect(!isPolling, "the peer takes nothing: nothing is made")
        #expect(fixture.shared.runningTransfers == 1)
        let query = framed(ZoneFixture.query("mail.example.com"))
        #expect(Socket.send(other, query.span) == .count(query.count))
        fixture.turn()
        #expect(messages(received(other) ?? []).count == 1)
        // Who takes nothing at all is cut off, and it is told.
        fixture.pass(.seconds(11))
        #expect(fixture.shared.runningTransfers == 0)
        #expect(fixture.count(.transfersBroken) == 1)
    }

    @Test func `a transfer shows the version that it began with`() throws {
        let first = try snapshot(["example.com": TransferTests.large(20_000)])
        var fixture = try DoorFixture.make(first)
        let socket = try fixture.connect()
        defer { socket.close() }
        fixture.turn()
        let request = framed(TransferTests.request("example.com"))
        #expect(Socket.send(socket, request.span) == .count(request.count))
        fixture.handleEvents()
        let text = TransferTests.zone.replacing(" 7 3600", with: " 8 3600")
        let other = try snapshot(["example.com": text])
        fixture.door.adopt(DoorFixture.complete(other))
        var all: [UInt8] = []
        for _ in 0..<3000 {
            fixture.turn(limit: 4)
            let some = received(socket) ?? []
            if some.isEmpty, !fixture.door.isPolling { break }
            all += some
        }
        let lines = TransferTests.lines(messages(all))
        #expect(lines.count > 20_000 && lines.first == lines.last)
        #expect(lines.last?.contains(" 7 3600") == true)
    }

    @Test func `more transfers than are allowed have to wait`() throws {
        let snapshot = try snapshot(["example.com": TransferTests.zone], limit: 0)
        var fixture = try DoorFixture.make(snapshot)
        let messages = try take(&fixture, TransferTests.request("example.com"))
        #expect(messages.map { $0?.code } == [.serverFailure])
    }

    @Test func `over UDP a zone is refused, and of changes the SOA alone is told`() throws {
        var fixture = ZoneFixture(try snapshot(["example.com": TransferTests.zone]))
        fixture.context.isStream = false
        let whole = try #require(DNSMessage(fixture.respond(TransferTests.request("example.com"))))
        #expect(whole.code == .refused && whole.answers.isEmpty)
        let request = TransferTests.request("example.com", since: 3)
        let changes = try #require(DNSMessage(fixture.respond(request)))
        #expect(changes.code == .noError && changes.answers.map(\.type) == [.SOA])
        #expect(changes.questions.first?.type == .IXFR)
    }

    @Test func `steered names and aliases go out as they are answered now`() throws {
        let text = TransferTests.zone + "\nhere ALIAS mail\n"
        let health = HealthTable(capacity: 4)
        for slot in 0..<2 {
            health.publish(slot, HealthWord(health: .up, administrative: .ready))
        }
        let policy = SteerPolicy.roundRobin([
            try SteeredAnswerTests.member(0, "192.0.2.30"),
            try SteeredAnswerTests.member(1, "2001:db8::30"),
        ])
        let definition = SteerDefinition(name: "p", policy: policy, allDown: .all)
        let steer = SteerTable([definition], health: health)
        let snapshot = try snapshot(
            ["example.com": text],
            steered: [("steered.example.com", 0)],
            steer: steer
        )
        var fixture = try DoorFixture.make(snapshot)
        let lines = TransferTests.lines(try take(&fixture, TransferTests.request("example.com")))
        for line in [
            "steered.example.com. 30 A 192.0.2.30", "steered.example.com. 30 AAAA 2001:db8::30",
            "here.example.com. 300 A 192.0.2.25", "here.example.com. 300 AAAA 2001:db8::25",
        ] {
            #expect(lines.contains(line), "\(line) in \(lines)")
        }
    }

    // MARK: Changes

    func history(_ texts: [String]) throws -> ZoneHistory {
        var history = ZoneHistory()
        let apex = try #require(DomainName("example.com"))
        let versions = try texts.map { text in
            let table = try ZoneFixture(["example.com": text]).snapshot.zones
            let zone = try #require(table.usableZone(apex))
            return table.contents(ofZone: zone).compactMap { content -> DNSMessage.Record? in
                if case .record(let record) = content { record } else { nil }
            }
        }
        for (old, new) in zip(versions, versions.dropFirst()) {
            history.append(try #require(ZoneDifference(from: old, to: new)))
        }
        return history
    }

    @Test func `a peer gets what has changed since its version`() throws {
        let first = TransferTests.zone
        let second = first.replacing(" 7 3600", with: " 8 3600") + "\nnew A 192.0.2.8\n"
        let third = second.replacing(" 8 3600", with: " 9 3600")
            .replacing("www A 192.0.2.2", with: "www A 192.0.2.3")
        let apex = try #require(DomainName("example.com"))
        let histories = [apex: try history([first, second, third])]
        var fixture = try DoorFixture.make(
            snapshot(["example.com": third], histories: histories)
        )
        func soa(_ serial: Int) -> String {
            "example.com. 300 SOA ns.example.com. hostmaster.example.com. "
                + "\(serial) 3600 600 86400 60"
        }
        let both = TransferTests.lines(
            try take(&fixture, TransferTests.request("example.com", since: 7))
        )
        // RFC 1995 §4: two versions in one step.
        #expect(
            both == [
                soa(9), soa(7), "www.example.com. 300 A 192.0.2.2", soa(9),
                "new.example.com. 300 A 192.0.2.8", "www.example.com. 300 A 192.0.2.3", soa(9),
            ]
        )
        let last = TransferTests.lines(
            try take(&fixture, TransferTests.request("example.com", since: 8))
        )
        #expect(last.count == 6)
        // Who has the present version, or one of the future, is told the serial alone.
        for serial in [9, 10] as [UInt32] {
            let request = TransferTests.request("example.com", since: serial)
            #expect(TransferTests.lines(try take(&fixture, request)) == [soa(9)])
        }
        // Of what is not known any more all is sent.
        let whole = TransferTests.lines(
            try take(&fixture, TransferTests.request("example.com", since: 3))
        )
        #expect(whole.count == (try TransferTests.expected(third, "example.com").count) + 1)
        #expect(whole[1] != soa(3))
    }

    @Test func `all of a zone is sent when that is shorter than what has changed`() throws {
        func small(_ serial: Int, _ range: Range<Int>) -> String {
            "$TTL 300\n@ SOA ns hostmaster \(serial) 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n"
                + range.map { "n\($0) A 192.0.2.\($0)\n" }.joined()
        }
        let apex = try #require(DomainName("example.com"))
        func take(_ texts: [String], since: UInt32) throws -> [String] {
            let histories = [apex: try history(texts)]
            let last = try #require(texts.last)
            var fixture = try DoorFixture.make(
                snapshot(["example.com": last], histories: histories)
            )
            return TransferTests.lines(
                try self.take(&fixture, TransferTests.request("example.com", since: since))
            )
        }
        let full = [small(1, 0..<100), small(2, 1..<101)]
        #expect(try take(full, since: 1).count == 6, "one record for another")
        // Most of the zone goes: what is left is less.
        let emptied = [small(1, 0..<100), small(2, 0..<3)]
        let whole = try take(emptied, since: 1)
        #expect(whole.count == 7 && whole[1].contains(" NS "))
        // All of it comes and goes again, which nobody needs to hear of.
        let restored = emptied + [small(3, 0..<100)]
        #expect(try take(restored, since: 1).count == 4, "the serials alone")
    }

    @Test func `serials go round`() {
        let cases: [(UInt32, UInt32, Bool)] = [
            (1, 0, true), (0, 1, false), (0, 0, false), (0, 0xffff_ffff, true),
            (0x7fff_ffff, 0, true), (0x8000_0000, 0, false), (0, 0x8000_0000, false),
            (0x8000_0000, 1, true), (100, 0xffff_ff00, true),
        ]
        for (serial, other, isNewer) in cases {
            #expect(SerialNumber(serial).isNewer(than: SerialNumber(other)) == isNewer)
        }
    }

    @Test func `a history is bounded, and begins anew where it does not go on`() throws {
        let owner = try #require(DomainName("example.com"))
        func soa(_ serial: UInt32) -> DNSMessage.Record {
            let numbers = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: serial >> $0) }
            let data = [0, 0] + numbers + [UInt8](repeating: 0, count: 16)
            return DNSMessage.Record(owner: owner, type: .SOA, ttl: 1, data: data)
        }
        let text = DNSMessage.Record(
            owner: owner,
            type: .TXT,
            ttl: 1,
            data: [200] + [UInt8](repeating: 65, count: 200)
        )
        var history = ZoneHistory()
        for serial in 0..<UInt32(ZoneHistory.countLimit + 5) {
            history.append(
                ZoneDifference(
                    oldSOA: soa(serial),
                    deleted: [],
                    newSOA: soa(serial + 1),
                    added: [text]
                )
            )
        }
        #expect(history.differences.count == ZoneHistory.countLimit)
        let last = SerialNumber(UInt32(ZoneHistory.countLimit + 5))
        #expect(history.since(SerialNumber(4), to: last) == nil)
        #expect(history.since(SerialNumber(5), to: last)?.count == ZoneHistory.countLimit)
        #expect(history.since(SerialNumber(5), to: SerialNumber(3)) == nil)
        let first = try #require(history.differences.first)
        #expect(first.deleted == [soa(5)] && first.added == [soa(6), text])
        history.append(
            ZoneDifference(oldSOA: soa(5000), deleted: [], newSOA: soa(5001), added: [])
        )
        #expect(history.differences.count == 1)
        let big = ZoneDifference(
            oldSOA: soa(5001),
            deleted: [],
            newSOA: soa(5002),
            added: Array(repeating: text, count: ZoneHistory.byteLimit / 200)
        )
        history.append(big)
        #expect(history.differences.isEmpty, "one that is too large is not kept")
    }

    // MARK: Notices

    @Test func `a notice is heard from primaries alone`() throws {
        let key = try TransactionTests.key()
        var snapshot = try snapshot(["example.com": TransferTests.zone], keys: [key])
        let apex = try #require(DomainName("example.com"))
        let primary = TransferRules.Peer(network: Prefix("192.0.2.1/32"), key: nil)
        snapshot.peers.rules.notifiers[apex] = [primary]
        var notice = ZoneFixture.query("Example.com", .SOA)
        notice[2] = 0x24
        func code(_ client: String, _ bytes: [UInt8]) throws -> ResponseCode? {
            var fixture = ZoneFixture(snapshot)
            fixture.context.timestamp = UInt32(TransactionTests.now)
            fixture.context.client = try #require(IPAddress(client))
            let answer = DNSMessage(fixture.respond(bytes))
            #expect(answer == nil || answer.map { $0.flags & 0xf800 == 0xa000 } == true)
            return answer?.code
        }
        #expect(try code("192.0.2.1", notice) == .noError)
        #expect(try code("192.0.2.2", notice) == .refused)
        var other = ZoneFixture.query("other.test", .SOA)
        other[2] = 0x24
        #expect(try code("192.0.2.1", other) == .notAuthorized)
        var address = notice
        address[address.count - 3] = 1
        #expect(try code("192.0.2.1", address) == .formatError, "of another type")
        // RFC 1996 §3.2: TC, RD, RA, Z, AD, CD and the code say nothing, and are zero.
        for bit in 0..<10 {
            var strange = notice
            strange[bit < 8 ? 3 : 2] |= 1 << (bit % 8)
            #expect(try code("192.0.2.1", strange) == .formatError, "flag \(bit)")
        }
        // With a key, the key counts as well.
        snapshot.peers.rules.notifiers[apex] = [.init(network: primary.network, key: key.name)]
        #expect(try code("192.0.2.1", notice) == .refused)
        let signed = TransactionPeer(key).sign(notice, seconds: TransactionTests.now)
        var fixture = ZoneFixture(snapshot)
        fixture.context.timestamp = UInt32(TransactionTests.now)
        fixture.context.client = try #require(IPAddress("192.0.2.1"))
        let response = fixture.respond(signed)
        #expect(response[3] & 15 == 0)
        guard case .found = TSIGRecord.read(response.span) else {
            Issue.record("the answer to a signed notice is signed")
            return
        }
    }
}
