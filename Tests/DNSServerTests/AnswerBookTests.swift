// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Runtime
import Steering
import Testing

@testable import DNSServer

@Suite struct AnswerSketchTests {
    private func network(_ number: Int) -> UInt64 {
        AnswerSketch.network(of: IPAddress(v4: UInt32(number) << 8 | 53))
    }

    @Test func `networks are those of the address, and are told back`() throws {
        for (address, prefix) in [
            ("192.0.2.53", "192.0.2.0/24"), ("0.0.0.1", "0.0.0.0/24"),
            ("255.255.255.255", "255.255.255.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"),
            ("::1", "::/48"), ("ffff:ffff:ffff::", "ffff:ffff:ffff::/48"),
        ] {
            let network = AnswerSketch.network(of: try #require(IPAddress(address)))
            #expect(AnswerSketch.prefix(of: network)?.description == prefix)
        }
    }

    /// 20,000 networks by a steep law, many more than there are places.
    @Test func `bounds hold for every network, and the heavy ones are there`() {
        let sketch = AnswerSketch(key: 99)
        var random = SeededRandom(seed: 5)
        var real: [UInt64: UInt64] = [:]
        let count = 200_000
        for _ in 0..<count {
            // Half of them by odds that fall with the square of the number, half by mere chance.
            let draw = random.next(below: 1 << 20)
            let isHeavy = random.next(below: 2) == 0
            let chance = 30_000 + Int(random.next(below: 20_000))
            let number = isHeavy ? Int((1 << 20) / (UInt64(draw) + 52)) : chance
            let network = network(number)
            real[network, default: 0] += 1
            sketch.add(UInt32(number % 3), at: sketch.add(1, network))
        }
        #expect(real.count > 2000)
        let entries = Dictionary(uniqueKeysWithValues: sketch.entries.map { ($0.network, $0) })
        #expect(entries.count == 512)
        for (network, answers) in real {
            guard let entry = entries[network] else {
                #expect(answers <= sketch.most(1, network) && answers <= sketch.most)
                #expect(answers < UInt64(count) / 100, "a hundredth of all is never lost")
                continue
            }
            #expect(entry.count >= answers && entry.count - entry.error <= answers)
            // What was given is counted exactly from when it had a place.
            let given = entry.targets.reduce(0) { $0 + $1.count }
            #expect(given == entry.count - entry.error && entry.targets.count == 1)
        }
        let heaviest = real.max { $0.value < $1.value }
        let found = sketch.entries.max { $0.count - $0.error < $1.count - $1.error }
        #expect(found?.network == heaviest?.key)
        #expect(found?.error == 0, "who was there from the start")
    }

    @Test func `policies are told apart, and targets beyond the room are counted together`() {
        let sketch = AnswerSketch(key: 1)
        for policy in 1...3 as ClosedRange<UInt64> {
            for slot in 0..<15 as Range<UInt32> {
                sketch.add(slot, at: sketch.add(policy, network(7)))
            }
        }
        let way = sketch.add(1, network(7))
        for slot in [0, .max] as [UInt32] { sketch.add(slot, at: way) }
        #expect(sketch.entries.count == 3)
        let first = sketch.entries.first { $0.policy == 1 }
        #expect(first?.count == 16 && first?.targets.count == 11 && first?.others == 5)
        #expect(first?.targets.first { $0.slot == 0 }?.count == 2)
        #expect(sketch.most == 0)
    }

    @Test func `a tally is exact, bounded, and begins anew when it is full`() {
        let tally = AnswerTally(endpoints: 100)
        for round in 1...3 {
            for target in 0..<60 as Range<UInt64> { tally.add(5, target) }
            #expect(tally.count(5, 59) == UInt64(round) && tally.count(5, 60) == 0)
        }
        #expect(!tally.isCrowded && tally.missed == 0, "half of the room is no reason")
        // 192 of 256, told apart whatever their places.
        for target in 0..<132 as Range<UInt64> { tally.add(6, target) }
        #expect(!tally.isCrowded && tally.missed == 0)
        for target in 132..<100_000 as Range<UInt64> { tally.add(6, target) }
        let missed = tally.missed
        #expect(tally.isCrowded && missed > 0 && tally.count(5, 0) == 3)
        tally.clear()
        #expect(tally.missed == missed, "what was lost is lost")
        #expect(!tally.isCrowded && tally.count(5, 0) == 0)
        tally.add(5, 0)
        #expect(tally.count(5, 0) == 1)
    }

    @Test func `who is forgotten counts with the others, and leaves no gap`() {
        let sketch = AnswerSketch(key: 1)
        for slot in 0..<11 as Range<UInt32> {
            for _ in 0...slot { sketch.add(slot, at: sketch.add(1, network(7))) }
        }
        sketch.forget([0, 3, 10, 50])
        let entry = sketch.entries[0]
        #expect(entry.count == 66 && entry.others == 1 + 4 + 11)
        #expect(entry.targets.map(\.slot).sorted() == [1, 2, 4, 5, 6, 7, 8, 9])
        #expect(entry.targets.allSatisfy { $0.count == UInt64($0.slot) + 1 })
        for slot in [4, 11, 12, 13] as [UInt32] { sketch.add(slot, at: sketch.add(1, network(7))) }
        let after = sketch.entries[0]
        #expect(after.targets.count == 11 && after.others == entry.others)
        #expect(after.targets.first { $0.slot == 4 }?.count == 6)
        sketch.forget(Set(0...13))
        #expect(sketch.entries[0].others == 70 && sketch.entries[0].targets.isEmpty)
        sketch.clear()
        #expect(sketch.entries.isEmpty && sketch.most == 0)
    }
}

@Suite struct QuerySamplerTests {
    @Test(arguments: [1, 2, 10, 1000] as [UInt32])
    func `one in so many is picked, at uneven distances`(interval: UInt32) {
        var sampler = QuerySampler(seed: 3)
        sampler.setInterval(interval)
        var gaps: [Int] = []
        var gap = 0
        for _ in 0..<Int(interval) * 2000 {
            gap += 1
            if sampler.isDue {
                gaps.append(gap)
                gap = 0
            }
            sampler.advance()
        }
        #expect((1850...2150).contains(gaps.count), "\(gaps.count)")
        #expect(gaps.allSatisfy { (1..<2 * Int(interval)).contains($0) })
        #expect(interval == 1 || Set(gaps).count > 1)
        sampler.setInterval(0)
        for _ in 0..<5000 {
            #expect(!sampler.isDue)
            sampler.advance()
        }
    }
}

@Suite struct QueryRecordTests {
    @Test func `a ring tells the newest first, and forgets the oldest`() {
        let ring = QueryRing(kept: 3)
        #expect(ring.records.isEmpty && QueryRing(kept: 0).records.isEmpty)
        for number in 1...5 as ClosedRange<UInt64> {
            var record = QueryRecord()
            record.words[QueryRecord.Place.time] = number
            ring.write(record)
        }
        #expect(ring.records.map(\.time) == [5, 4, 3] && ring.written == 5)
        QueryRing(kept: 0).write(QueryRecord())
    }

    @Test func `a record of arbitrary words is read without harm`() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<2000 {
            var record = QueryRecord()
            for index in 0..<QueryRecord.size { record.words[index] = random.next() }
            _ = (record.question?.name, record.message, record.subnet, record.client)
            _ = record.whyTTL
            _ = (record.slots, record.code, record.answers { _ in nil }.nodeCount)
        }
    }

    /// A door that keeps each query, asked over UDP and TCP.
    @Test func `what a record says is what was answered`() throws {
        let stage = try SteeredAnswerTests.Stage(
            .failover([
                .roundRobin([try SteeredAnswerTests.member(2, "192.0.2.1")]),
                .roundRobin([try SteeredAnswerTests.member(1, "192.0.2.2")]),
            ])
        )
        stage.set(2, .down)
        var snapshot = stage.zone.snapshot
        snapshot.sampleInterval = 1
        var fixture = try DoorFixture.make(snapshot, keptQueries: 8)
        let socket = try fixture.datagramSocket()
        let stream = try fixture.connect()
        defer {
            socket.close()
            stream.close()
        }
        let subnet: [UInt8] = [0, 8, 0, 7, 0, 1, 24, 0, 203, 0, 113]
        var query = ZoneFixture.query("TO.example.com", edns: 1232)
        query[query.count - 1] = UInt8(subnet.count)
        query += subnet
        fixture.turn()
        _ = Socket.send(socket, query.span)
        fixture.turn()
        _ = Socket.send(stream, framed(ZoneFixture.query("none.example.com", .TXT)).span)
        fixture.turn()
        let sent = try #require(received(socket))
        let records = fixture.shared.books[0].queries.records
        #expect(records.count == 2)
        let (missing, steered) = (records[0], records[1])
        #expect(steered.response == sent && steered.message?.answers.count == 2)
        #expect(steered.question?.name == DomainName("to.example.com"))
        #expect(
            steered.question?.type == .A && steered.transport == .udp && steered.code == .noError
        )
        #expect(steered.asker == IPAddress("127.0.0.1"))
        #expect(steered.subnet == Prefix("203.0.113.0/24") && steered.hearsSubnet)
        #expect(steered.client == IPAddress("203.0.113.0") && steered.scope == 0)
        #expect(steered.ttl == 30 && steered.policy == 0 && steered.slots == [1])
        #expect(steered.generation == stage.health.generation)
        #expect(steered.layoutMark == snapshot.steer.layoutMark)
        let told = snapshot.steer.explain(
            policy: 0,
            SteerQuestion(now: .start, client: steered.client, families: .ipv4),
            answered: steered.answers { _ in IPAddress("192.0.2.2") }
        )
        let explained = snapshot.explain(
            name: try #require(DomainName("www.example.com")),
            type: .A,
            now: .start,
            seed: 1
        )
        #expect(told == explained.policy)
        #expect(steered.whyTTL == explained.whyTTL && !explained.whyTTL.isEmpty)
        #expect(missing.whyTTL == nil)
        #expect(missing.transport == .tcp && missing.code == .nameError && missing.policy == nil)
        #expect(missing.question?.type == .TXT && missing.slots.isEmpty)
        #expect(fixture.shared.keptQueries == 2)
    }

    @Test func `the reason of a TTL is told from what was seen when it was given`() {
        func why(
            _ ttl: UInt32,
            _ seconds: UInt16?,
            isHighest: Bool = false,
            isCapped: Bool = false
        ) -> String {
            TTLReason(
                ttl: ttl,
                isHighest: isHighest,
                isCapped: isCapped,
                secondsToChange: seconds
            ).sentence
        }
        #expect(
            why(30, nil, isHighest: true)
                == "the highest there is: no change of what was looked at is in sight"
        )
        #expect(
            why(30, 45, isHighest: true)
                == "the highest there is: what was looked at cannot change within 30 s"
        )
        #expect(why(12, 12) == "what was looked at can change in 12 s")
        #expect(why(15, 3) == "the lowest there is: what was looked at can change in 3 s")
        let migrating = "the highest there is while a migration is under way"
        #expect(why(2, nil, isCapped: true) == migrating)
        #expect(why(2, 12, isCapped: true) == migrating)
    }

    @Test func `a record tells why its TTL is what it is`() throws {
        let stage = try SteeredAnswerTests.Stage(
            .roundRobin([try SteeredAnswerTests.member(0, "192.0.2.1")]),
            allDown: .servfail
        )
        var snapshot = stage.zone.snapshot
        snapshot.sampleInterval = 1
        var fixture = try DoorFixture.make(snapshot, keptQueries: 8)
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        func why(_ name: String, _ type: RecordType = .A) throws -> String? {
            _ = Socket.send(socket, ZoneFixture.query(name, type).span)
            fixture.turn()
            return try #require(fixture.shared.books[0].queries.records.first).whyTTL
        }
        let highest = "the highest there is: no change of what was looked at is in sight"
        #expect(try why("www.example.com") == highest)
        let zone = "the zone's: the policy has no address of this family at all"
        #expect(try why("www.example.com", .AAAA) == zone)
        #expect(try why("none.example.com") == nil && why("to.example.com", .CNAME) == nil)
        var word = HealthWord(health: .up, administrative: .ready)
        word.secondsToChange = 3
        stage.health.publish(0, word)
        let lowest = "the lowest there is: what was looked at can change in 3 s"
        #expect(try why("www.example.com") == lowest)
        word.secondsToChange = 20
        stage.health.publish(0, word)
        #expect(try why("www.example.com") == "what was looked at can change in 20 s")
        stage.set(0, .down)
        #expect(try why("www.example.com") == nil, "an error is not kept")
    }

    /// The alias has 300 s, the policy's answer 30 s, and what is not there 60 s.
    @Test func `a record holds for as long as what was sent may be kept`() throws {
        let stage = try SteeredAnswerTests.Stage(
            .roundRobin([try SteeredAnswerTests.member(0, "192.0.2.1")])
        )
        var snapshot = stage.zone.snapshot
        snapshot.sampleInterval = 1
        var fixture = try DoorFixture.make(snapshot, keptQueries: 8)
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        for (name, type, lifetime) in [
            ("www.example.com", .A, 30), ("to.example.com", .A, 30),
            ("to.example.com", .CNAME, 300),
            ("to.example.com", .AAAA, 60), ("www.example.com", .AAAA, 60),
            ("none.example.com", .A, 60), ("www.example.net", .A, nil),
        ] as [(String, RecordType, UInt32?)] {
            _ = Socket.send(socket, ZoneFixture.query(name, type).span)
            fixture.turn()
            let record = try #require(fixture.shared.books[0].queries.records.first)
            #expect(record.question?.name == DomainName(name) && record.question?.type == type)
            #expect(record.lifetime == lifetime, "\(name) \(type)")
        }
        // What is too long to be kept is told by its policy alone.
        var long = QueryRecord()
        long[.length] = QueryRecord.responseLimit + 1
        #expect(long.lifetime == nil)
        (long[.policy], long[.ttl]) = (1, 25)
        #expect(long.lifetime == 25)
    }

    @Test func `answers are counted by policy, target, family and network`() throws {
        let stage = try SteeredAnswerTests.Stage(SteeredAnswerTests.roundRobin())
        var fixture = try DoorFixture.make(stage.zone.snapshot, keptQueries: 8)
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        for type in [RecordType.A, .A, .AAAA, .TXT] {
            _ = Socket.send(socket, ZoneFixture.query("www.example.com", type).span)
        }
        fixture.turn()
        let (shared, policy) = (fixture.shared, stage.zone.snapshot.steer.identity(of: 0))
        #expect(shared.answerCount(policy: policy, isIPv4: true) == 2)
        #expect(shared.answerCount(policy: policy, isIPv4: false) == 1)
        #expect((0..<5).map { shared.answerCount(policy: policy, slot: $0) } == [2, 2, 2, 1, 0])
        #expect((0..<5).map { shared.answerCount($0) } == [2, 2, 2, 1, 0])
        let networks = try #require(shared.networkShares[policy])
        #expect(networks.map(\.network.description) == ["127.0.0.0/24"])
        #expect(networks[0].atLeast == 3 && networks[0].atMost == 3)
        #expect(networks[0].given.map(\.count) == [2, 2, 2, 1])
        #expect(shared.books[0].queries.records.isEmpty, "nothing is sampled unless asked for")

        // Two of the slots are other endpoints' as of another snapshot, one was so before.
        var next = stage.zone.snapshot
        next = DNSSnapshot(zones: next.zones, steer: next.steer, listeners: [], generation: 2)
        next.slotsGiven = [0: 1, 1: 2, 3: 2]
        fixture.door.adopt(next)
        #expect((0..<5).map { shared.answerCount($0) } == [2, 0, 2, 0, 0])
        #expect((0..<5).map { shared.answerCount(policy: policy, slot: $0) } == [2, 0, 2, 0, 0])
        #expect(shared.answerCount(policy: policy, isIPv4: true) == 2, "they were answers")
        let later = try #require(shared.networkShares[policy])
        #expect(later[0].given.map(\.slot) == [0, 2] && later[0].others == 3)
        fixture.door.adopt(next)
        _ = Socket.send(socket, ZoneFixture.query("www.example.com", .A).span)
        fixture.turn()
        #expect((0..<5).map { shared.answerCount(policy: policy, slot: $0) } == [3, 1, 3, 0, 0])
    }

    @Test func `counts and networks begin anew together, and say since when`() throws {
        let stage = try SteeredAnswerTests.Stage(SteeredAnswerTests.roundRobin())
        var fixture = try DoorFixture.make(stage.zone.snapshot, keptQueries: 8)
        let (shared, policy) = (fixture.shared, stage.zone.snapshot.steer.identity(of: 0))
        let socket = try fixture.datagramSocket()
        defer { socket.close() }
        _ = Socket.send(socket, ZoneFixture.query("www.example.com", .A).span)
        fixture.turn()
        fixture.door.adopt(stage.zone.snapshot)
        #expect(shared.answerCount(policy: policy, slot: 0) == 1 && shared.answersBegunAt == nil)
        // Names that came and went: 128 places, and many more pairs.
        for target in 0..<5_000 as Range<UInt64> { shared.books[0].tally.add(9, target) }
        let missed = shared.uncountedAnswers
        let before = Clock.realtime()
        fixture.door.adopt(stage.zone.snapshot)
        #expect(shared.answerCount(policy: policy, isIPv4: true) == 0)
        #expect(shared.networkShares.isEmpty && shared.unlistedAnswers == 0)
        #expect(try #require(shared.answersBegunAt) >= before)
        #expect(missed > 0 && shared.uncountedAnswers == missed)
        #expect(shared.answerCount(0) == 1, "endpoints have words of their own")
    }
}
