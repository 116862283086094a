// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

@testable import ControlPlane

/// A name outside that has other addresses for other networks, and what is made of it here: the
/// table that workers answer from, and the keeper that asks for what they miss.
struct Outside {
    static let name = AliasNetworkKeeper.Name(host: "far.example", isIPv4: true)

    let snapshot: DNSSnapshot
    let world: PrefixTable
    var keeper = AliasNetworkKeeper()
    var settings = AliasSettings()
    var now = Instant.start + .seconds(1000)
    var lookups = 0
    /// Nil where the resolver does not say for whom its answers hold.
    var saysScope = true
    var isSilent = false
    /// The TTL of the resolver's answers.
    var ttl: Int64 = 30

    init(_ networks: [(String, UInt32)], limits: AliasNetworkLimits? = nil) throws {
        var entries: [(prefix: Prefix, value: UInt32)] = []
        for (text, value) in networks { entries.append((try #require(Prefix(text)), value)) }
        try self.init(PrefixTable(entries, otherwise: 1), limits)
    }

    init(_ world: PrefixTable, _ limits: AliasNetworkLimits? = nil) throws {
        self.world = world
        settings.networkLookups = Rate(1_000_000, per: .seconds(1))
        var builder = ZoneTableBuilder()
        builder.aliasNetworks = limits ?? AliasNetworkLimits(networks: 10_000, key: 7)
        let apex = try #require(DomainName("here.test"))
        builder.beginZone(apex, source: "test")
        let text =
            "$TTL 600\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.53\n@ ALIAS far.example.\n"
        builder.read(ZoneFileReader(Array(text.utf8), file: "test", origin: apex))
        let table = try #require(builder.build().table)
        snapshot = DNSSnapshot(
            zones: table,
            steer: SteerTable([], health: HealthTable(capacity: 1)),
            generation: 1
        )
        renewForEverybody()
    }

    /// What everybody gets is learned anew.
    func renewForEverybody() {
        snapshot.zones.board.publish(0, isIPv4: true, answer(of: 99, life: 600))
    }

    private func answer(of value: UInt32, life: Int64) -> AliasAnswer {
        AliasAnswer(
            addresses: [IPAddress(v4: 0xc000_0200 | value)],
            learned: now,
            freshUntil: now + .seconds(life),
            staleUntil: now + .seconds(life),
            staleTTL: 30
        )
    }

    /// The reply to a client of that network.
    func reply(_ client: IPAddress, _ length: Int) throws -> (bytes: [UInt8], network: Prefix) {
        let name = try #require(DomainName("here.test."))
        let network = try #require(Prefix(client, length: length))
        let query = ResolverMessage.query(id: 1, name: name, type: .A, subnet: network)
        var context = AnswerContext(now: now, random: SeededRandom(seed: 1))
        let bytes = [UInt8](capacity: 512) { (output: inout OutputSpan<UInt8>) in
            _ = Authority.answer(query.span, from: snapshot, &context, into: &output)
        }
        return (bytes, network)
    }

    /// What a client is answered: which address's last octet, TTL, and scope.
    func ask(
        _ client: IPAddress,
        _ length: Int
    ) throws -> (value: UInt32, ttl: UInt32, scope: UInt8) {
        let (bytes, network) = try reply(client, length)
        let record = try #require(DNSMessage(bytes)?.answers.first)
        guard case .stated(let scope) = ResolverMessage.scope(bytes, asked: network) else {
            throw Missing()
        }
        return (UInt32(record.data[3]), record.ttl, scope)
    }

    private struct Missing: Error {}

    /// Answers all that is to be looked up.
    mutating func resolve() {
        for key in begin() { publish(keeper.take(key, look(key), settings, now: now)) }
    }

    /// Begins to look up what is to be looked up; nothing has come yet.
    mutating func begin() -> [AliasNetworkKeeper.Key] {
        let networks = snapshot.zones.board.networks
        var wanted: [AliasNetworkKeeper.Key] = []
        for wish in networks.wishes.take() {
            let key = AliasNetworkKeeper.Key(name: Outside.name, network: wish.network)
            if keeper.wish(key, settings, now: now) { wanted.append(key) }
        }
        let due = keeper.renew(settings, now: now) { _, network in
            networks.seen(AliasNetworks.Key(target: 0, isIPv4: true, network: network))
        }
        publish(keeper.hold(due, settings))
        return wanted + due
    }

    private mutating func look(_ key: AliasNetworkKeeper.Key) -> FamilyAnswers {
        lookups += 1
        guard !isSilent else { return FamilyAnswers(failure: "silence") }
        let match = world.find(key.network.address)
        var answers = FamilyAnswers()
        answers.ipv4 = FamilyAnswers.Family(
            addresses: [IPAddress(v4: 0xc000_0200 | match.value)],
            learned: now,
            life: .seconds(ttl)
        )
        answers.scope = saysScope ? match.length : nil
        return answers
    }

    func publish(_ changes: [AliasNetworkKeeper.Change]) {
        let networks = snapshot.zones.board.networks
        for change in changes {
            switch change {
            case .regard(_, let regard):
                networks.publish(0, isIPv4: true, regard.state, checkAt: regard.checkAt)
            case .answer(_, let network, let answer, let isCoarse):
                let key = AliasNetworks.Key(target: 0, isIPv4: true, network: network)
                networks.publish(key, answer, isCoarse: isCoarse, now: now)
            }
        }
    }
}

@Suite struct AliasNetworkTests {
    private func ip(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func `a network is answered by what everybody gets until it is known, then by its own`()
        throws
    {
        var outside = try Outside([("198.51.0.0/16", 5), ("203.0.113.0/24", 6)])
        let client = try ip("198.51.100.7")
        #expect(try outside.ask(client, 32) == (99, 5, 24), "for a moment, and for its /24 alone")
        outside.resolve()
        #expect(outside.lookups == 1)
        #expect(try outside.ask(client, 32) == (5, 30, 16))
        #expect(try outside.ask(try ip("198.51.7.1"), 24) == (5, 30, 16), "as wide as it holds")
        #expect(try outside.ask(try ip("203.0.113.1"), 24) == (99, 5, 24), "the next one")
        outside.resolve()
        #expect(try outside.ask(try ip("203.0.113.1"), 24) == (6, 30, 24))
        outside.now = outside.now + .seconds(10)
        #expect(try outside.ask(client, 24) == (5, 20, 16), "its TTL counts down")
        #expect(outside.lookups == 2 && outside.keeper.count == 2)
    }

    @Test(arguments: [true, false])
    func `a name that is the same for everybody is asked once a minute, and has scope 0`(
        says: Bool
    ) throws {
        var outside = try Outside([])
        outside.saysScope = says
        let client = try ip("198.51.100.7")
        #expect(try outside.ask(client, 24).scope == 24)
        outside.resolve()
        for second in 0..<60 {
            outside.now = Instant.start + .seconds(1000 + Int64(second))
            let answer = try outside.ask(IPAddress(v4: 0xc633_0000 | UInt32(second) << 8), 24)
            #expect(answer == (99, 600 - UInt32(second), 0))
            outside.resolve()
        }
        #expect(outside.lookups == 1 && outside.keeper.count == 0)
        outside.now = Instant.start + .seconds(1061)
        _ = try outside.ask(client, 24)
        outside.resolve()
        #expect(outside.lookups == 2, "it is looked at again")
    }

    @Test func `who says less of the client gets what holds for less, and nobody else gets it`()
        throws
    {
        var outside = try Outside([("198.51.100.0/24", 5), ("198.51.0.0/16", 6)])
        let client = try ip("198.51.100.0")
        #expect(try outside.ask(client, 16) == (99, 5, 16))
        outside.resolve()
        // The resolver was told 16 bits, and said that more would matter.
        #expect(try outside.ask(client, 16) == (6, 30, 16))
        #expect(try outside.ask(client, 24) == (99, 5, 24), "not from the wide one")
        outside.resolve()
        #expect(try outside.ask(client, 24) == (5, 30, 24))
        #expect(try outside.ask(client, 0).scope == 0, "who hides the client is told no network")
    }

    @Test(
        arguments: [
            ("10.1.2.3", 32, 8), ("192.168.7.1", 24, 16), ("172.20.1.1", 24, 12),
            ("127.0.0.1", 32, 8),
            ("100.64.1.1", 24, 10), ("169.254.1.1", 32, 16), ("fd00::1", 56, 7),
            ("fe80::1", 64, 10),
            ("::1", 128, 64), ("::ffff:10.1.1.1", 128, 104), ("2002:a01:203::", 48, 24),
        ] as [(String, Int, UInt8)]
    )
    func `clients without a place are asked for nowhere`(text: String, length: Int, scope: UInt8)
        throws
    {
        var outside = try Outside([("0.0.0.0/1", 5), ("2000::/3", 6)])
        let answer = try outside.ask(try ip(text), length)
        #expect(answer == (99, 600, scope))
        outside.resolve()
        #expect(outside.lookups == 0)
    }

    @Test(
        arguments: [
            ("::ffff:198.51.100.7", 128, 96), ("64:ff9b::198.51.100.7", 128, 96),
            ("2002:c633:6407::1", 64, 16), ("2001:0:1234:5678:0:0:39cc:9bf8", 128, 96),
        ] as [(String, Int, UInt8)]
    )
    func `a client that carries an IPv4 address is where that is`(
        text: String,
        length: Int,
        offset: UInt8
    ) throws {
        var outside = try Outside([("198.51.0.0/16", 5)])
        #expect(try outside.ask(try ip(text), length) == (99, 5, offset + 24))
        outside.resolve()
        #expect(try outside.ask(try ip(text), length) == (5, 30, offset + 16))
        #expect(try outside.ask(try ip("198.51.3.3"), 24) == (5, 30, 16), "and shares its answer")
    }

    @Test func `networks in use are renewed before their end, others go`() throws {
        var outside = try Outside([("198.51.0.0/16", 5), ("203.0.113.0/24", 6)])
        let (one, other) = (try ip("198.51.100.7"), try ip("203.0.113.9"))
        for client in [one, other] {
            _ = try outside.ask(client, 24)
            outside.resolve()
        }
        for _ in 0..<120 {
            outside.now = outside.now + .seconds(1)
            #expect(try outside.ask(one, 24).value == 5, "never without")
            outside.resolve()
        }
        #expect(outside.keeper.count == 1)
        #expect((5...7).contains(outside.lookups), "every 27 s: \(outside.lookups)")
        #expect(try outside.ask(other, 24).value == 99, "it ended")
    }

    @Test func `what is known of a network holds on while no resolver answers, then it ends`()
        throws
    {
        var outside = try Outside([("198.51.0.0/16", 5)])
        outside.settings.stale = .seconds(300)
        let client = try ip("198.51.100.7")
        _ = try outside.ask(client, 24)
        outside.resolve()
        outside.isSilent = true
        for second in 1..<330 {
            outside.now = outside.now + .seconds(1)
            let answer = try outside.ask(client, 24)
            #expect(answer.value == 5, "after \(second) s")
            if second > 30 { #expect(answer.ttl == 30 && answer.scope == 16) }
            outside.resolve()
        }
        #expect(outside.lookups < 20, "ever more slowly")
        outside.now = outside.now + .seconds(2)
        #expect(try outside.ask(client, 24).value == 99)
        outside.isSilent = false
        outside.now = outside.now + .seconds(60)
        _ = try outside.ask(client, 24)
        outside.resolve()
        #expect(try outside.ask(client, 24) == (5, 30, 16), "and it returns")
    }

    @Test func `limits hold: networks, lookups in a time, and lookups at a time`() throws {
        var keeper = AliasNetworkKeeper()
        var settings = AliasSettings()
        (settings.networks, settings.networkLookups) = (20, Rate(10, per: .seconds(1)))
        func key(_ number: Int) throws -> AliasNetworkKeeper.Key {
            let address = IPAddress(v4: 0xc633_0000 | UInt32(number) << 8)
            let network = try #require(Prefix(address, length: 24))
            return AliasNetworkKeeper.Key(name: Outside.name, network: network)
        }
        func answer(_ now: Instant) -> FamilyAnswers {
            let family = FamilyAnswers.Family(addresses: [], learned: now, life: .seconds(999))
            return FamilyAnswers(ipv4: family, scope: 24)
        }
        var now = Instant.start
        let first = keeper.wish(try key(0), settings, now: now)
        let second = keeper.wish(try key(1), settings, now: now)
        #expect(first && !second, "one is enough to see whether they differ")
        _ = keeper.take(try key(0), answer(now), settings, now: now)
        var begun = 0
        for number in 1...15 where keeper.wish(try key(number), settings, now: now) { begun += 1 }
        #expect(begun == 9 && keeper.counts.putOff == 6, "ten in a second")
        for number in 1...9 { _ = keeper.take(try key(number), answer(now), settings, now: now) }
        now = now + .seconds(60)
        settings.networkLookups = Rate(1000, per: .seconds(1))
        settings.networks = 1000
        begun = 0
        for number in 100..<130 where keeper.wish(try key(number), settings, now: now) {
            begun += 1
        }
        #expect(begun == AliasNetworkKeeper.seatLimit, "at a time")
        settings.networks = 20
        keeper.dropLookups()
        begun = 0
        for number in 200..<230 where keeper.wish(try key(number), settings, now: now) {
            begun += 1
        }
        #expect(begun == 10 && keeper.counts.full == 20, "networks")
    }

    @Test func `a full table takes no more, and loses nothing`() throws {
        let limits = AliasNetworkLimits(networks: 50, key: 3)
        let outside = try Outside([], limits: limits)
        let networks = outside.snapshot.zones.board.networks
        outside.publish([
            .regard(Outside.name, .init(state: .networks, checkAt: outside.now + .seconds(60)))
        ])
        var taken: [UInt32] = []
        for number in UInt32(0)..<500 {
            let address = IPAddress(v4: 0xc600_0000 | number << 8)
            let answer = AliasAnswer(
                addresses: [IPAddress(v4: 0xc000_0200 | number % 97)],
                learned: outside.now,
                freshUntil: outside.now + .seconds(60),
                staleUntil: outside.now + .seconds(60),
                staleTTL: 1
            )
            let key = AliasNetworks.Key(
                target: 0,
                isIPv4: true,
                network: try #require(Prefix(address, length: 24))
            )
            if networks.publish(key, answer, isCoarse: false, now: outside.now) {
                taken.append(number)
            }
        }
        #expect(taken.count >= 50 && taken.count <= 100)
        for number in taken {
            let answer = try outside.ask(IPAddress(v4: 0xc600_0000 | number << 8), 24)
            #expect(answer == (number % 97, 60, 24))
        }
    }

    /// A cache that keeps to the scopes never gives a client another network's answer.
    @Test(arguments: 0..<8)
    func `a cache that obeys the scopes never serves a wrong answer`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var entries: [(prefix: Prefix, value: UInt32)] = []
        for _ in 0..<60 {
            let isIPv4 = random.next(below: 3) > 0
            let length = Int(isIPv4 ? 8 + random.next(below: 17) : 20 + random.next(below: 37))
            let address = AliasNetworkTests.client(isIPv4, &random)
            let value = 1 + random.next(below: 90)
            entries.append((try #require(Prefix(address, length: length)), value))
        }
        var outside = try Outside(PrefixTable(entries, otherwise: 1))
        outside.ttl = 20
        var cache: [(prefix: Prefix, value: UInt32, end: Instant)] = []
        var (exact, awaited) = (0, 0)
        for _ in 0..<4000 {
            outside.now = outside.now + .milliseconds(Int64(random.next(below: 400)))
            cache.removeAll { $0.end <= outside.now }
            outside.renewForEverybody()
            // Near the edges of networks as often as anywhere.
            let near = entries[Int(random.next(below: 60))].prefix.address
            let isNear = random.next(below: 2) == 0
            let client = isNear ? near : AliasNetworkTests.client(near.isIPv4, &random)
            let cached = cache.filter { $0.prefix.contains(client) }
            // What a network gets for a moment is all that lies in what it gets then.
            #expect(cached.count { $0.value != 99 } <= 1, "scopes overlap")
            var value = cached.max { $0.prefix.length < $1.prefix.length }?.value
            if value == nil {
                let length = client.isIPv4 ? [24, 32] : [56, 64, 128]
                let source = length[Int(random.next(below: UInt32(length.count)))]
                let answer = try outside.ask(client, source)
                let scope = min(Int(answer.scope), source)
                let prefix = try #require(Prefix(client, length: scope))
                let end = outside.now + .seconds(Int64(answer.ttl))
                if answer.ttl > 0 { cache.append((prefix, answer.value, end)) }
                value = answer.value
                if answer.value == 99 { #expect(answer.ttl <= AliasNetworks.unknownTTL) }
                outside.resolve()
            }
            if value == 99 {
                awaited += 1
            } else {
                exact += 1
                #expect(value == outside.world.find(client).value)
            }
        }
        #expect(exact > 1000 && awaited > 50, "\(exact) by their network, \(awaited) not yet")
    }

    private static func client(_ isIPv4: Bool, _ random: inout SeededRandom) -> IPAddress {
        let bits = UInt128(random.next()) << 64 | UInt128(random.next())
        // Few leading bits, so that networks lie in each other.
        guard isIPv4 else { return IPAddress(v6: 0x2600 << 112 | bits >> 12 & ~(0xff << 100)) }
        return IPAddress(v4: 0x4000_0000 | UInt32(truncatingIfNeeded: bits) & 0x0f0f_ffff)
    }
}
