// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@testable import ControlPlane

/// A message as a server would send it.
struct TraceReply {
    var flags: UInt16 = 0x8000
    var answers: [DNSMessage.Record] = []
    var authorities: [DNSMessage.Record] = []
    var additionals: [DNSMessage.Record] = []

    static func record(
        _ owner: String,
        _ type: RecordType,
        _ data: [UInt8],
        ttl: UInt32 = 300
    ) -> DNSMessage.Record {
        DNSMessage.Record(
            owner: DomainName(owner) ?? .root,
            type: type,
            ttl: ttl,
            data: data
        )
    }

    static func name(_ text: String) -> [UInt8] { (DomainName(text) ?? .root).wire }

    static func soa(_ zone: String) -> DNSMessage.Record {
        record(zone, .SOA, [0, 0] + [UInt8](repeating: 0, count: 19) + [60])
    }

    /// The records of a delegation, without glue where the address is nil.
    static func referral(
        _ cut: String,
        _ servers: [(String, UInt32?)],
        signed: Bool = false
    ) -> TraceReply {
        var reply = TraceReply()
        for (server, address) in servers {
            reply.authorities.append(record(cut, .NS, name(server)))
            if let address { reply.additionals.append(a(server, address)) }
        }
        let digest = [0, 1, 13, 2] + [UInt8](repeating: 9, count: 32)
        if signed { reply.authorities.append(record(cut, .DS, digest)) }
        return reply
    }

    static func a(_ owner: String, _ address: UInt32, ttl: UInt32 = 300) -> DNSMessage.Record {
        let octets = (0..<4).map { UInt8(truncatingIfNeeded: address >> (24 - 8 * $0)) }
        return record(owner, .A, octets, ttl: ttl)
    }

    static func answer(_ records: DNSMessage.Record...) -> TraceReply {
        TraceReply(flags: 0x8400, answers: records)
    }

    static func denial(_ zone: String, code: UInt16) -> TraceReply {
        TraceReply(flags: 0x8400 | code, authorities: [soa(zone)])
    }

    func bytes(_ query: ClientQuery) -> [UInt8] {
        func pair(_ value: UInt16) -> [UInt8] {
            [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
        }
        var bytes = pair(query.id) + pair(flags) + pair(1)
        for section in [answers, authorities, additionals] { bytes += pair(UInt16(section.count)) }
        bytes += query.name.wire + pair(query.type.rawValue) + pair(1)
        for record in answers + authorities + additionals {
            bytes += record.owner.wire + pair(record.type.rawValue) + pair(1)
            bytes += pair(UInt16(record.ttl >> 16)) + pair(UInt16(truncatingIfNeeded: record.ttl))
            bytes += pair(UInt16(record.data.count)) + record.data
        }
        return bytes
    }
}

/// Servers by the last octet of 127.0.0.x; one without an entry is silent.
struct TraceWorld {
    typealias Server = (DomainName, RecordType) -> TraceReply?
    var servers: [UInt32: Server] = [:]
    private(set) var asked: [String] = []

    /// Runs a trace to its end, each answer 3 ms after its question.
    mutating func run(_ machine: inout TraceMachine) throws -> TraceOutcome {
        var now = Instant.start
        var action = machine.begin(now: now)
        for _ in 0..<1000 {
            switch action {
            case .finish(let outcome): return outcome
            case .ask(let question):
                asked.append("\(question.server.ip.byte(3)) \(question.name) \(question.type)")
                let query = ClientQuery(id: 7, name: question.name, type: question.type)
                let server = servers[UInt32(question.server.ip.byte(3))]
                guard let reply = server?(question.name, question.type) else {
                    let early = machine.expire(now: now)
                    #expect(early == nil, "not before its time")
                    now = question.deadline
                    let next = machine.expire(now: now)
                    action = try #require(next)
                    continue
                }
                now = now + .milliseconds(3)
                let message = try #require(query.answer(reply.bytes(query)))
                action = machine.receive(message, by: .udp, now: now)
            }
        }
        Issue.record("the trace does not end")
        return .broken("")
    }
}

@Suite struct TraceMachineTests {
    private func server(_ number: UInt32) -> UInt32 { 0x7f00_0000 | number }

    private func machine(
        _ name: String = "www.a.test",
        _ type: RecordType = .A,
        hosts: String = "",
        resolvers: [UInt32] = [],
        roots: [UInt32] = [1]
    ) throws -> TraceMachine {
        TraceMachine(
            name: try #require(DomainName(name)),
            type: type,
            hosts: HostsFile(text: Array(hosts.utf8)),
            resolvers: resolvers.map { SocketAddress(IPAddress(v4: server($0)), port: 53) },
            roots: roots.map {
                TraceServer(
                    name: nil,
                    addresses: [SocketAddress(IPAddress(v4: server($0)), port: 5300)]
                )
            },
            port: 5300
        )
    }

    /// Root at 1, `test` at 2, `a.test` at 3.
    private func world(_ answer: TraceReply) -> TraceWorld {
        var world = TraceWorld()
        world.servers[1] = { _, _ in .referral("test", [("ns.test", server(2))], signed: true) }
        world.servers[2] = { _, _ in .referral("a.test", [("ns.a.test", server(3))]) }
        world.servers[3] = { _, _ in answer }
        return world
    }

    @Test func `a name is followed down from the root, and each step tells who, what and how long`()
        throws
    {
        var world = world(.answer(TraceReply.a("www.a.test", 1)))
        var machine = try machine()
        #expect(try world.run(&machine) == .answer)
        #expect(world.asked == ["1 www.a.test. A", "2 www.a.test. A", "3 www.a.test. A"])
        let steps = machine.steps
        #expect(steps.map(\.verdict) == [.noName, .referral, .referral, .answer])
        #expect(steps.map { $0.zone?.description } == [nil, ".", "test.", "a.test."])
        #expect(steps[1].security == .signed && steps[2].security == .unsigned)
        #expect(steps[2].servers.first?.addresses.map(\.description) == ["127.0.0.3:5300"])
        #expect(steps[3].serverName == DomainName("ns.a.test"))
        #expect(steps[1...].allSatisfy { $0.elapsed == .milliseconds(3) })
    }

    @Test func `the hosts file and resolvers are looked at first, and end nothing`() throws {
        var world = world(.answer(TraceReply.a("www.a.test", 1)))
        world.servers[8] = { _, _ in TraceReply(flags: 0x8185) }
        world.servers[9] = { _, _ in
            TraceReply(flags: 0x8180, answers: [TraceReply.a("www.a.test", 1, ttl: 40)])
        }
        var machine = try machine(hosts: "192.0.2.9 www.a.test", resolvers: [7, 8, 9, 6])
        #expect(try world.run(&machine) == .answer)
        #expect(machine.steps.first?.note == "192.0.2.9")
        let resolvers = machine.steps.filter { $0.layer == .resolver }
        #expect(
            resolvers.map(\.verdict) == [.silence, .refusal, .answer],
            "the fourth has no part"
        )
        #expect(resolvers.first?.elapsed == .seconds(2))
        #expect(machine.cacheState == .cached(age: 260, of: 300))
    }

    @Test func `the resolver's TTL tells of its cache`() throws {
        for (ttl, state) in [
            (UInt32(300), CacheState.fresh), (400, .longer(400, authority: 300)),
            (0, .cached(age: 300, of: 300)),
        ] {
            var world = world(.answer(TraceReply.a("www.a.test", 1)))
            world.servers[9] = { _, _ in
                TraceReply(flags: 0x8180, answers: [TraceReply.a("www.a.test", 1, ttl: ttl)])
            }
            var machine = try machine(resolvers: [9])
            #expect(try world.run(&machine) == .answer)
            #expect(machine.cacheState == state)
        }
    }

    @Test func `silent, lame and refusing servers are told, and the next one is asked`() throws {
        var world = world(.answer(TraceReply.a("www.a.test", 1)))
        world.servers[2] = { _, _ in
            let named = (4...8).map { number -> (String, UInt32?) in
                ("ns\(number).a.test", server(number))
            }
            return .referral("a.test", named + [("n", server(3))])
        }
        world.servers[5] = { _, _ in TraceReply(flags: 0x8005) }
        world.servers[6] = { _, _ in .referral("a.test", [("ns.a.test", server(3))]) }
        world.servers[7] = { _, _ in .referral("test", [("ns.test", server(2))]) }
        world.servers[8] = { _, _ in
            TraceReply(flags: 0x8080, answers: [TraceReply.a("www.a.test", 66)])
        }
        // The last one is outside of `test`: its glue is not believed, and it is searched for.
        world.servers[1] = { name, _ in
            name == DomainName("n")
                ? .answer(TraceReply.a("n", server(3)))
                : .referral("test", [("ns.test", server(2))])
        }
        var machine = try machine()
        #expect(try world.run(&machine) == .answer)
        let own = machine.steps.filter { $0.depth == 0 && $0.zone == DomainName("a.test") }
        #expect(own.map(\.verdict) == [.silence, .refusal, .lame, .lame, .lame, .answer])
        #expect(own[2].note.contains("refers back"))
        #expect(own[4].note.contains("AA") && own[4].note.contains("in its place"))
        #expect(machine.steps.contains { $0.depth == 1 && $0.name == DomainName("n") })
    }

    @Test func `glue from outside of the zone that gives it is not believed`() throws {
        var world = TraceWorld()
        world.servers[1] = { name, _ in
            name.isWithin(DomainName("other") ?? .root)
                ? .answer(TraceReply.a("ns.other", server(3)))
                : .referral("test", [("ns.test", server(2))])
        }
        // 66 is where a liar would have it.
        world.servers[2] = { _, _ in .referral("a.test", [("ns.other", server(66))]) }
        world.servers[3] = { _, _ in .answer(TraceReply.a("www.a.test", 1)) }
        world.servers[66] = { _, _ in .answer(TraceReply.a("www.a.test", 66)) }
        var machine = try machine()
        #expect(try world.run(&machine) == .answer)
        #expect(!world.asked.contains { $0.hasPrefix("66 ") })
    }

    @Test func `a name that is not there and one without such records are ends too`() throws {
        for (code, outcome) in [(UInt16(3), TraceOutcome.noName), (0, .noData)] {
            var world = world(.denial("a.test", code: code))
            var machine = try machine()
            #expect(try world.run(&machine) == outcome)
            #expect(machine.steps.last?.records.first?.type == .SOA)
        }
    }

    @Test func `aliases are followed from the deepest cut that is known`() throws {
        var world = world(
            .answer(TraceReply.record("www.a.test", .CNAME, TraceReply.name("x.b.test")))
        )
        let first = world.servers[2]
        world.servers[2] = { name, type in
            name.isWithin(DomainName("b.test") ?? .root)
                ? .referral("b.test", [("ns.b.test", server(4))]) : first?(name, type)
        }
        world.servers[4] = { _, _ in .answer(TraceReply.a("x.b.test", 2)) }
        var machine = try machine()
        #expect(try world.run(&machine) == .answer)
        #expect(world.asked.suffix(2) == ["2 x.b.test. A", "4 x.b.test. A"], "not from the root")
        #expect(machine.steps.map(\.verdict).contains(.alias))
    }

    @Test func `aliases in a circle and without end are told`() throws {
        var circle = world(.answer())
        circle.servers[3] = { name, _ in
            let target = name == DomainName("www.a.test") ? "x.a.test" : "www.a.test"
            return .answer(TraceReply.record("\(name)", .CNAME, TraceReply.name(target)))
        }
        var machine = try machine()
        guard case .broken(let reason) = try circle.run(&machine) else {
            Issue.record("a circle has no end")
            return
        }
        #expect(reason.contains("circle"))
        var endless = world(.answer())
        endless.servers[3] = { name, _ in
            .answer(TraceReply.record("\(name)", .CNAME, TraceReply.name("x\(name)")))
        }
        var other = try self.machine()
        guard case .broken(let reason) = try endless.run(&other) else {
            Issue.record("aliases without end are an end")
            return
        }
        #expect(reason.contains("16 aliases"))
    }

    @Test func `zones that need each other to be found are a loop`() throws {
        var world = TraceWorld()
        world.servers[1] = { name, _ in
            name.isWithin(DomainName("a.test") ?? .root)
                ? .referral("a.test", [("ns.b.test", nil)])
                : .referral("b.test", [("ns.a.test", nil)])
        }
        var machine = try machine()
        #expect(try world.run(&machine) == .broken("no server of a.test. answers for www.a.test."))
        #expect(machine.steps.contains { $0.verdict == .loop })
        #expect(world.asked.count < 10)
    }

    @Test func `a server inside of its zone needs glue`() throws {
        var world = TraceWorld()
        world.servers[1] = { _, _ in .referral("a.test", [("ns.a.test", nil)]) }
        var machine = try machine()
        #expect(try world.run(&machine).hasEnd == false)
        #expect(machine.steps.last?.verdict == .skipped)
        #expect(machine.steps.last?.note.contains("no address") == true)
    }

    @Test func `delegations downwards without end are cut off`() throws {
        var world = TraceWorld()
        // Each question leads one label down, and there are at most 127: so all end.
        let name = (0..<100).map { _ in "x" }.joined(separator: ".")
        world.servers[1] = { name, _ in
            .referral("\(name)", [("ns.\(name)", server(1)), ("n2.\(name)", server(1))])
        }
        var machine = try machine(name)
        #expect(try world.run(&machine).hasEnd == false)
        #expect(world.asked.count <= TraceMachine.questionLimit)
    }

    @Test func `a silent root is told, and nothing more`() throws {
        var world = TraceWorld()
        var machine = try machine(roots: [1, 2])
        #expect(try world.run(&machine) == .broken("no server of . answers for www.a.test."))
        #expect(machine.steps.map(\.verdict) == [.noName, .silence, .silence])
    }
}
