// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@testable import ControlPlane

@Suite struct ResolverFileTests {
    @Test func `resolv.conf gives servers, suffixes and options within bounds`() {
        let text = """
            # comment
            nameserver 192.0.2.1
            nameserver 2001:db8::1
            nameserver not-an-address
            nameserver 192.0.2.3
            nameserver 192.0.2.4
            search Corp.Example. lab.example
            options ndots:2 timeout:99 attempts:3
            """
        let read = ResolverConfiguration(text: Array(text.utf8))
        #expect(
            read.servers.map(\.description) == ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.3:53"]
        )
        #expect(read.search == ["corp.example", "lab.example"])
        #expect(read.timeout == .seconds(5))
        #expect(read.attempts == 3)
        #expect(read.candidates("app") == ["app.corp.example", "app.lab.example", "app"])
        #expect(read.candidates("a.b.c").first == "a.b.c")
    }

    @Test func `an empty file means the local server`() {
        let read = ResolverConfiguration(text: [])
        #expect(read.servers.map(\.description) == ["127.0.0.1:53"])
        #expect(read.candidates("app.example") == ["app.example"])
    }

    @Test func `hosts are found in any case, and localhost without a line`() {
        let hosts = HostsFile(text: Array("192.0.2.1 App app2 # app3\n2001:db8::1 app\n".utf8))
        #expect(hosts.addresses("APP")?.count == 2)
        #expect(hosts.addresses("app3") == nil)
        #expect(hosts.addresses("localhost")?.first == IPAddress(v4: 0x7f00_0001))
    }
}

/// Builds answers as a server would.
struct ResolverAnswer {
    var bytes: [UInt8]

    init(to query: [UInt8], code: UInt8 = 0, truncated: Bool = false) {
        // Up to the end of the question: the OPT record of 11 octets is left out.
        bytes = Array(query.dropLast(11))
        bytes[2] = truncated ? 0x83 : 0x81
        bytes[3] = 0x80 | code
        bytes[11] = 0
    }

    mutating func add(_ name: [UInt8], _ type: RecordType, ttl: UInt32, _ data: [UInt8]) {
        bytes += name + [UInt8(type.rawValue >> 8), UInt8(truncatingIfNeeded: type.rawValue), 0, 1]
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: ttl >> (24 - 8 * $0)) }
        bytes += [UInt8(data.count >> 8), UInt8(truncatingIfNeeded: data.count)] + data
        bytes[7] += 1
    }

    mutating func addAuthority(_ type: RecordType, ttl: UInt32, _ data: [UInt8]) {
        add(ResolverAnswer.question, type, ttl: ttl, data)
        bytes[7] -= 1
        bytes[9] += 1
    }

    static let question: [UInt8] = [0xc0, 12]
}

@Suite struct ResolverMessageTests {
    private let name = DomainName("App.example.")

    private func read(
        code: UInt8 = 0,
        truncated: Bool = false,
        _ fill: (inout ResolverAnswer) -> Void = { _ in }
    ) throws -> ResolverMessage.Answer? {
        let name = try #require(name)
        let query = ResolverMessage.query(id: 77, name: name, type: .A)
        var answer = ResolverAnswer(to: query, code: code, truncated: truncated)
        fill(&answer)
        return ResolverMessage.read(answer.bytes, id: 77, name: name, type: .A)
    }

    @Test(
        arguments: [
            ("198.51.100.0/24", "00080007000118" + "00c63364", 20),
            ("2001:db8::/33", "00080009000221" + "0020010db800", 40),
            ("0.0.0.0/0", "0008000400010000", 0),
        ] as [(String, String, UInt8)]
    )
    func `a query states its client's network, and the answer must be for that`(
        text: String,
        option: String,
        scope: UInt8
    ) throws {
        let name = try #require(name)
        let subnet = try #require(Prefix(text))
        let plain = ResolverMessage.query(id: 77, name: name, type: .A)
        let query = ResolverMessage.query(id: 77, name: name, type: .A, subnet: subnet)
        let wanted = stride(from: 0, to: option.count, by: 2).compactMap { place in
            UInt8(option.dropFirst(place).prefix(2), radix: 16)
        }
        #expect(query.dropFirst(plain.count) == wanted[...], "\(query.dropFirst(plain.count))")
        #expect(query[plain.count - 1] == UInt8(wanted.count), "the length of what OPT holds")
        #expect(ResolverMessage.scope(plain, asked: subnet) == .missing)
        var answer = query
        answer[plain.count + 7] = scope
        #expect(ResolverMessage.scope(answer, asked: subnet) == .stated(scope))
        for place in plain.count + 4..<answer.count where place != plain.count + 7 {
            var other = answer
            other[place] ^= 1
            #expect(ResolverMessage.scope(other, asked: subnet) == .foreign, "octet \(place)")
        }
        answer[plain.count + 7] = 129
        #expect(ResolverMessage.scope(answer, asked: subnet) == .foreign)
        for length in 0..<query.count {
            _ = ResolverMessage.scope(Array(query.prefix(length)), asked: subnet)
        }
    }

    @Test func `addresses come with the lowest TTL on the way through aliases`() throws {
        let target = try #require(DomainName("real.example.")).wire
        let answer = try read { answer in
            answer.add(ResolverAnswer.question, .CNAME, ttl: 60, target)
            answer.add(target, .A, ttl: 300, [192, 0, 2, 1])
            answer.add(target, .A, ttl: 300, [192, 0, 2, 2])
            answer.add([4, 0x65, 0x76, 0x69, 0x6c, 0], .A, ttl: 1, [192, 0, 2, 66])
        }
        #expect(
            answer == .addresses([IPAddress(v4: 0xc000_0201), IPAddress(v4: 0xc000_0202)], ttl: 60)
        )
    }

    @Test func `no data, no name, refusal and truncation are told apart`() throws {
        #expect(try read() == .noData(ttl: 0))
        #expect(try read(code: 3) == .noName(ttl: 0))
        #expect(try read(code: 2) == .refused(code: 2))
        #expect(try read(truncated: true) == .truncated)
    }

    @Test(arguments: [(60, 200, 90, 60), (600, 30, 90, 30), (600, 200, 9, 9)])
    func `a negative answer holds by its SOA, and no longer than the way to it`(
        ttl: UInt32,
        minimum: UInt8,
        way: UInt32,
        wanted: UInt32
    ) throws {
        for code in [UInt8(0), 3] {
            let answer = try read(code: code) { answer in
                answer.add(ResolverAnswer.question, .CNAME, ttl: way, [1, 0x62, 0xc0, 12])
                let numbers = [UInt8](repeating: 0, count: 19) + [minimum]
                answer.addAuthority(.SOA, ttl: ttl, [0, 0] + numbers)
            }
            #expect(answer == (code == 0 ? .noData(ttl: wanted) : .noName(ttl: wanted)))
        }
        let short = try read { $0.addAuthority(.SOA, ttl: 60, [0, 0, 1]) }
        #expect(short == .noData(ttl: 0))
    }

    /// What a server says of data that it does not have, by the bits of its answer.
    private func nothing(
        recurses: Bool,
        isAuthority: Bool = false,
        isReferral: Bool = false,
        isAlias: Bool = false,
        hasSOA: Bool = false
    ) throws -> ResolverMessage.Answer? {
        try read { answer in
            if !recurses { answer.bytes[3] &= 0x7f }
            if isAuthority { answer.bytes[2] |= 0x04 }
            if isAlias { answer.add(ResolverAnswer.question, .CNAME, ttl: 9, [1, 0x62, 0]) }
            if isReferral { answer.addAuthority(.NS, ttl: 60, [1, 0x62, 0]) }
            if hasSOA {
                answer.addAuthority(.SOA, ttl: 60, [UInt8](repeating: 0, count: 21) + [60])
            }
        }
    }

    @Test
    func `a referral is no answer, and neither is half a way of a server that goes no further`()
        throws
    {
        #expect(try nothing(recurses: false) == .unresolved)
        #expect(try nothing(recurses: false, isReferral: true) == .unresolved)
        #expect(try nothing(recurses: true, isReferral: true) == .unresolved)
        #expect(try nothing(recurses: false, isAlias: true) == .unresolved)
        #expect(try nothing(recurses: false, isAuthority: true, isAlias: true) == .unresolved)
        // The name has no such data, and whoever says so knows it.
        #expect(try nothing(recurses: false, isAuthority: true) == .noData(ttl: 0))
        #expect(try nothing(recurses: false, isAuthority: true, hasSOA: true) == .noData(ttl: 60))
        #expect(try nothing(recurses: true, isReferral: true, hasSOA: true) == .noData(ttl: 60))
        // Some caches keep no SOA.
        #expect(try nothing(recurses: true, isAlias: true) == .noData(ttl: 0))
    }

    @Test func `an alias that leads in a circle gives nothing`() throws {
        let answer = try read { answer in
            answer.add(ResolverAnswer.question, .CNAME, ttl: 60, ResolverAnswer.question)
        }
        #expect(answer == .refused(code: 1))
    }

    @Test func `an answer to another question is passed over`() throws {
        let name = try #require(name)
        let other = try #require(DomainName("b.example."))
        let query = ResolverMessage.query(id: 77, name: name, type: .A)
        let bytes = ResolverAnswer(to: query).bytes
        #expect(ResolverMessage.read(bytes, id: 78, name: name, type: .A) == nil)
        #expect(ResolverMessage.read(bytes, id: 77, name: other, type: .A) == nil)
        #expect(ResolverMessage.read(bytes, id: 77, name: name, type: .AAAA) == nil)
        #expect(ResolverMessage.read(query, id: 77, name: name, type: .A) == nil, "a query")
    }

    @Test func `every cut and every flipped byte of an answer is survived`() throws {
        let name = try #require(name)
        let query = ResolverMessage.query(id: 77, name: name, type: .A)
        var answer = ResolverAnswer(to: query)
        answer.add(ResolverAnswer.question, .CNAME, ttl: 60, [1, 0x62, 0xc0, 16])
        answer.add([1, 0x62, 0xc0, 16], .A, ttl: 9, [192, 0, 2, 1])
        var read = 0
        for length in 0...answer.bytes.count {
            let cut = Array(answer.bytes.prefix(length))
            if ResolverMessage.read(cut, id: 77, name: name, type: .A) != nil { read += 1 }
        }
        for index in answer.bytes.indices {
            for flip in [UInt8(1), 0x40, 0x80, 0xc0, 0xff] {
                var bytes = answer.bytes
                bytes[index] ^= flip
                if ResolverMessage.read(bytes, id: 77, name: name, type: .A) != nil { read += 1 }
            }
        }
        #expect(read > 0)
    }
}

@Suite struct NameMachineTests {
    private static let server = SocketAddress(IPAddress(v4: 0xc000_0201), port: 53)

    private func machine(
        _ host: String = "app.example",
        _ text: String = "nameserver 192.0.2.1\nnameserver 192.0.2.2\noptions attempts:1\n",
        hasIPv6: Bool = true
    ) -> NameMachine {
        NameMachine(
            host: host,
            configuration: ResolverConfiguration(text: Array(text.utf8)),
            hasIPv6: hasIPv6,
            bounds: .seconds(5)...Interval.seconds(60),
            now: Instant(nanoseconds: 0)
        )
    }

    private func at(_ seconds: Int64) -> Instant { Instant.start + .seconds(seconds) }

    private func reply(
        _ question: NameMachine.Question,
        code: UInt8 = 0,
        truncated: Bool = false,
        ttl: UInt32? = nil
    ) -> [UInt8] {
        var answer = ResolverAnswer(to: question.bytes, code: code, truncated: truncated)
        if let ttl {
            let data: [UInt8] =
                question.type == .A ? [192, 0, 2, 9] : Array(repeating: 1, count: 16)
            answer.add(ResolverAnswer.question, question.type, ttl: ttl, data)
        }
        return answer.bytes
    }

    @Test func `both families are asked, and the answer lives by its TTL within bounds`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine()
        let asked = machine.expire(now: at(0), random: &random).questions
        #expect(asked.map(\.type) == [.A, .AAAA])
        #expect(asked.allSatisfy { $0.server == Self.server && !$0.isStream })
        let first = machine.receive(
            reply(asked[0], ttl: 1),
            for: asked[0],
            now: at(0),
            random: &random
        )
        #expect(first == NameMachine.Effect())
        let second = machine.receive(reply(asked[1]), for: asked[1], now: at(0), random: &random)
        let address = IPAddress(v4: 0xc000_0209)
        #expect(second.outcome == .addresses([address], .seconds(5)), "raised to the lower bound")
        #expect(machine.deadline == at(5))
    }

    @Test func `a silent server gives way to the next, and then there is a reason`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine(hasIPv6: false)
        _ = machine.expire(now: at(0), random: &random)
        #expect(machine.deadline == at(2))
        let second = machine.expire(now: at(2), random: &random)
        #expect(second.questions.map(\.server.ip.bits) == [0xc000_0202])
        let third = machine.expire(now: at(4), random: &random)
        #expect(third.outcome == .failure("no answer from 192.0.2.2:53", .seconds(1)))
        #expect(machine.deadline == at(5), "asked again later")
    }

    @Test func `a truncated answer is asked for again over TCP`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine(hasIPv6: false)
        let asked = machine.expire(now: at(0), random: &random).questions[0]
        let cut = reply(asked, truncated: true)
        let again = machine.receive(cut, for: asked, now: at(0), random: &random).questions
        #expect(again.map(\.isStream) == [true])
        let stream = try #require(again.first)
        let late = machine.receive(reply(asked, ttl: 9), for: asked, now: at(0), random: &random)
        #expect(late == NameMachine.Effect(), "the datagram's time is over")
        let done = machine.receive(reply(stream, ttl: 9), for: stream, now: at(0), random: &random)
        #expect(done.outcome == .addresses([IPAddress(v4: 0xc000_0209)], .seconds(9)))
    }

    @Test func `a name that does not exist is tried with the next suffix`() throws {
        var random = SeededRandom(seed: 1)
        let text = "nameserver 192.0.2.1\nsearch a.example b.example\n"
        var machine = machine("app", text, hasIPv6: false)
        var question = machine.expire(now: at(0), random: &random).questions[0]
        var names = [question.name.description]
        for _ in 0..<2 {
            let bytes = reply(question, code: 3)
            let effect = machine.receive(bytes, for: question, now: at(0), random: &random)
            question = try #require(effect.questions.first)
            names.append(question.name.description)
        }
        #expect(names == ["app.a.example.", "app.b.example.", "app."])
        let last = machine.receive(
            reply(question, code: 3),
            for: question,
            now: at(0),
            random: &random
        )
        #expect(last.outcome == .failure("no such name", .seconds(1)))
    }

    @Test func `failures are repeated ever more slowly, up to a minute`() {
        var random = SeededRandom(seed: 1)
        var machine = machine("app.example", "nameserver 192.0.2.1\n", hasIPv6: false)
        var now = at(0)
        var waits: [Int64] = []
        for _ in 0..<8 {
            let asked = machine.expire(now: now, random: &random).questions
            guard let question = asked.first else { break }
            let effect = machine.receive(
                reply(question, code: 3),
                for: question,
                now: now,
                random: &random
            )
            guard case .failure(_, let wait) = effect.outcome else { break }
            waits.append(wait.milliseconds / 1000)
            now = now + wait
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60])
    }

    @Test func `the server that answered last is asked first`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine(hasIPv6: false)
        var now = at(0)
        var asked: [UInt128] = []
        func note(_ effect: NameMachine.Effect) -> NameMachine.Question? {
            asked += effect.questions.map(\.server.ip.bits)
            return effect.questions.first
        }
        _ = note(machine.expire(now: now, random: &random))
        for _ in 0..<2 {
            // The first one is silent; the second time it is not asked.
            now = machine.deadline
            let question = try #require(note(machine.expire(now: now, random: &random)))
            let bytes = reply(question, ttl: 9)
            let done = machine.receive(bytes, for: question, now: now, random: &random)
            #expect(done.outcome != nil)
        }
        now = machine.deadline
        for _ in 0..<2 {
            _ = note(machine.expire(now: now, random: &random))
            now = machine.deadline
        }
        let (first, second): (UInt128, UInt128) = (0xc000_0201, 0xc000_0202)
        #expect(asked == [first, second, second, second, first])
    }

    @Test func `a suffix begins with the server that answered for the one before`() throws {
        var random = SeededRandom(seed: 1)
        let text = """
            nameserver 192.0.2.1
            nameserver 192.0.2.2
            search a.example
            options attempts:1
            """
        var machine = machine("app", text, hasIPv6: false)
        _ = machine.expire(now: at(0), random: &random)
        let question = try #require(machine.expire(now: at(2), random: &random).questions.first)
        let next = machine.receive(
            reply(question, code: 3),
            for: question,
            now: at(2),
            random: &random
        )
        #expect(next.questions.map(\.name.description) == ["app."])
        #expect(next.questions.map(\.server.ip.bits) == [0xc000_0202])
    }

    @Test func `a server that refuses is passed by, and ids differ`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine(hasIPv6: true)
        let asked = machine.expire(now: at(0), random: &random).questions
        #expect(asked[0].id != asked[1].id)
        let error = machine.fail(asked[0], "connection refused", now: at(0), random: &random)
        #expect(error.questions.map(\.server.ip.bits) == [0xc000_0202, 0xc000_0202])
        let stale = machine.fail(asked[1], "connection refused", now: at(0), random: &random)
        #expect(stale == NameMachine.Effect(), "an old question says nothing about the new server")
    }
}

@Suite struct ResolvedNamesTests {
    private let key = ResolvedNames.Key(host: "app", server: nil)

    @Test func `the last good addresses outlive a failure`() {
        var names = ResolvedNames()
        let address = IPAddress(v4: 9)
        let first = names.succeed(key, [address])
        let failed = names.fail(key, "no answer")
        let failedAgain = names.fail(key, "no answer")
        #expect([first, failed, failedAgain] == [true, true, false])
        #expect(names.entry(key)?.addresses == [address])
        let same = names.succeed(key, [address])
        #expect(!same)
    }

    @Test func `order and repetition are no change, and the number is bounded`() {
        var names = ResolvedNames()
        let many = (1...200).map { IPAddress(v4: UInt32($0)) }
        let first = names.succeed(key, many)
        let again = names.succeed(key, many.reversed() + many)
        #expect([first, again] == [true, false])
        #expect(names.entry(key)?.addresses.count == ResolvedNames.addressLimit)
    }
}
