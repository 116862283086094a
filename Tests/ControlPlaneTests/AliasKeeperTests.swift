// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import DNSServer
import Essentials
import Testing

@testable import ControlPlane

/// How names outside that aliases lead to are looked up.
@Suite struct AliasMachineTests {
    private func machine(
        _ text: String = "nameserver 192.0.2.1\nnameserver 192.0.2.2\noptions attempts:1\n",
        from: Int64 = 5,
        to: Int64 = 60
    ) -> NameMachine {
        NameMachine(
            alias: "www.example",
            configuration: ResolverConfiguration(text: Array((text + "search x.test\n").utf8)),
            bounds: .seconds(from)...Interval.seconds(to),
            now: .start
        )
    }

    private func at(_ seconds: Int64) -> Instant { Instant.start + .seconds(seconds) }

    private func reply(
        _ question: NameMachine.Question,
        code: UInt8 = 0,
        ttl: UInt32? = nil,
        _ data: [UInt8]? = nil
    ) -> [UInt8] {
        var answer = ResolverAnswer(to: question.bytes, code: code)
        if let ttl {
            let usual: [UInt8] =
                question.type == .A ? [192, 0, 2, 9] : Array(repeating: 1, count: 16)
            answer.add(ResolverAnswer.question, question.type, ttl: ttl, data ?? usual)
        }
        return answer.bytes
    }

    private func families(_ effect: NameMachine.Effect) throws -> FamilyAnswers {
        guard case .families(let answers) = effect.outcome else {
            throw Expectation(text: "\(effect)")
        }
        return answers
    }

    private func family(_ effect: NameMachine.Effect) throws -> FamilyAnswers {
        guard case .family(let answers) = effect.outcome else {
            throw Expectation(text: "\(effect)")
        }
        return answers
    }

    private struct Expectation: Error { var text: String }

    @Test func `the name is asked for as it is, and each family is an answer of its own`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine()
        let asked = machine.expire(now: at(0), random: &random).questions
        #expect(asked.map(\.type) == [.A, .AAAA])
        #expect(asked.allSatisfy { $0.name.description == "www.example." })
        let first = machine.receive(
            reply(asked[0], ttl: 30),
            for: asked[0],
            now: at(1),
            random: &random
        )
        #expect(first.questions.isEmpty)
        let known = try family(first)
        #expect(known.ipv4?.addresses == [IPAddress(v4: 0xc000_0209)], "it waits for nobody")
        #expect(known.ipv4?.learned == at(1) && known.ipv6 == nil)
        let done = try families(
            machine.receive(reply(asked[1]), for: asked[1], now: at(2), random: &random)
        )
        #expect(done.failure.isEmpty)
        #expect(done.ipv4?.addresses == [IPAddress(v4: 0xc000_0209)])
        #expect(done.ipv4?.learned == at(1) && done.ipv4?.life == .seconds(30))
        #expect(done.ipv6?.addresses == [] && done.ipv6?.life == .seconds(5), "no SOA: at least")
        // What ends first is asked for again a quarter before its end.
        #expect(machine.deadline == at(2) + .milliseconds(3750))
    }

    @Test func `a name that does not exist is an answer, and no suffix is tried`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine()
        let asked = machine.expire(now: at(0), random: &random).questions
        _ = machine.receive(reply(asked[0], code: 3), for: asked[0], now: at(0), random: &random)
        let effect = machine.receive(
            reply(asked[1], code: 3),
            for: asked[1],
            now: at(0),
            random: &random
        )
        #expect(effect.questions.isEmpty)
        let done = try families(effect)
        #expect(done.ipv4?.addresses == [] && done.ipv6?.addresses == [] && done.failure.isEmpty)
    }

    @Test(arguments: [(1, 5), (30, 30), (9999, 60)] as [(UInt32, Int64)])
    func `lives have bounds, and the end is never waited for`(ttl: UInt32, life: Int64) throws {
        var random = SeededRandom(seed: 1)
        var machine = machine()
        for question in machine.expire(now: at(0), random: &random).questions {
            let effect = machine.receive(
                reply(question, ttl: ttl),
                for: question,
                now: at(0),
                random: &random
            )
            guard question.type == .AAAA else { continue }
            #expect(try families(effect).ipv4?.life == .seconds(life))
        }
        // Where there is room, one server may be silent.
        let lead = Interval.milliseconds(min(life * 250, 2500))
        #expect(machine.deadline + lead == at(life))
    }

    @Test func `what one server has answered is kept while the next is asked for the rest`() throws
    {
        var random = SeededRandom(seed: 1)
        var machine = machine()
        let asked = machine.expire(now: at(0), random: &random).questions
        _ = machine.receive(reply(asked[0], ttl: 30), for: asked[0], now: at(0), random: &random)
        let next = machine.receive(
            reply(asked[1], code: 2),
            for: asked[1],
            now: at(1),
            random: &random
        )
        #expect(next.questions.map(\.type) == [.AAAA])
        #expect(next.questions.map(\.server.ip.bits) == [0xc000_0202])
        let silent = try families(machine.expire(now: at(3), random: &random))
        #expect(silent.ipv4?.learned == at(0) && silent.ipv6 == nil)
        #expect(silent.failure == "no answer from 192.0.2.2:53")
        #expect(machine.deadline == at(4), "asked again as after a failure")
    }

    @Test func `a family that is answered is known before the other has failed everywhere`() throws
    {
        var random = SeededRandom(seed: 1)
        var machine = machine()
        let asked = machine.expire(now: at(0), random: &random).questions
        // The answer that comes last of a round ends that, and is known all the same.
        let refusal = reply(asked[1], code: 2)
        let refused = machine.receive(refusal, for: asked[1], now: at(0), random: &random)
        #expect(refused == NameMachine.Effect())
        let bytes = reply(asked[0], ttl: 30)
        let effect = machine.receive(bytes, for: asked[0], now: at(0), random: &random)
        #expect(try family(effect).ipv4?.life == .seconds(30))
        #expect(effect.questions.map(\.type) == [.AAAA], "and it goes on")
        #expect(machine.isAsking)
    }

    @Test func `a family whose time ends before the other's round is asked for anew`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine()
        var asked = machine.expire(now: at(0), random: &random).questions
        _ = machine.receive(reply(asked[0], ttl: 5), for: asked[0], now: at(0), random: &random)
        asked = machine.expire(now: at(2), random: &random).questions
        #expect(asked.map(\.type) == [.A, .AAAA], "due at 3.75 s, before this wait is over")
        let bytes = reply(asked[0], ttl: 5)
        let again = machine.receive(bytes, for: asked[0], now: at(2), random: &random)
        #expect(try family(again).ipv4?.learned == at(2))
        let done = try families(machine.expire(now: at(4), random: &random))
        #expect(done.ipv4?.learned == at(2) && done.ipv6 == nil && !done.failure.isEmpty)
    }

    @Test func `a server that only refers to others is passed by`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine("nameserver 192.0.2.1\noptions attempts:1\n")
        let asked = machine.expire(now: at(0), random: &random).questions
        var effect = NameMachine.Effect()
        for question in asked {
            var answer = ResolverAnswer(to: question.bytes)
            answer.addAuthority(.NS, ttl: 60, [1, 0x62, 0])
            effect = machine.receive(answer.bytes, for: question, now: at(0), random: &random)
        }
        let done = try families(effect)
        #expect(done.ipv4 == nil && done.ipv6 == nil)
        #expect(done.failure == "192.0.2.1:53 does not resolve it")
    }

    @Test func `a failing family makes the other no older than it is`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine("nameserver 192.0.2.1\noptions attempts:1\n")
        var now = at(0)
        for _ in 0..<12 {
            let asked = machine.expire(now: now, random: &random).questions
            #expect(asked.count == 2)
            for question in asked {
                let bytes =
                    question.type == .A ? reply(question, ttl: 20) : reply(question, code: 2)
                _ = machine.receive(bytes, for: question, now: now, random: &random)
            }
            #expect(machine.deadline <= now + .seconds(18), "before the 20 s are over")
            now = machine.deadline
        }
    }

    @Test func `silence gives nothing but a reason, ever more slowly`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine("nameserver 192.0.2.1\noptions attempts:1 timeout:1\n")
        var waits: [Int64] = []
        for _ in 0..<8 {
            let begin = machine.deadline
            _ = machine.expire(now: begin, random: &random)
            let end = machine.deadline
            let answers = try families(machine.expire(now: end, random: &random))
            #expect(answers.ipv4 == nil && answers.ipv6 == nil && !answers.failure.isEmpty)
            waits.append((machine.deadline - end).milliseconds / 1000)
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60])
    }

    @Test func `an IPv4 address in an AAAA record is left out`() throws {
        var random = SeededRandom(seed: 1)
        var machine = machine()
        let asked = machine.expire(now: at(0), random: &random).questions
        _ = machine.receive(reply(asked[0], ttl: 9), for: asked[0], now: at(0), random: &random)
        let mapped = [UInt8](repeating: 0, count: 10) + [255, 255, 192, 0, 2, 1]
        let bytes = reply(asked[1], ttl: 9, mapped)
        let done = try families(
            machine.receive(bytes, for: asked[1], now: at(0), random: &random)
        )
        #expect(done.ipv6?.addresses == [])
    }
}

@Suite struct AliasKeeperTests {
    private var settings: AliasSettings {
        var settings = AliasSettings()
        settings.stale = .seconds(100)
        settings.staleTTL = .seconds(7)
        return settings
    }

    private func at(_ seconds: Int64) -> Instant { Instant.start + .seconds(seconds) }

    private func family(_ addresses: [UInt32], _ now: Int64, life: Int64 = 10)
        -> FamilyAnswers.Family
    {
        FamilyAnswers.Family(
            addresses: addresses.map { IPAddress(v4: $0) },
            learned: at(now),
            life: .seconds(life)
        )
    }

    private func good(_ addresses: [UInt32], _ now: Int64) -> FamilyAnswers {
        FamilyAnswers(ipv4: family(addresses, now), ipv6: family([], now))
    }

    private func bad(_ reason: String) -> FamilyAnswers { FamilyAnswers(failure: reason) }

    @Test func `addresses outlive failures until the limit, and each turn is told once`() {
        var keeper = AliasKeeper()
        var told: [AliasKeeper.News?] = []
        var states: [AliasKeeper.State?] = []
        func take(_ answers: FamilyAnswers, _ now: Int64) {
            told.append(keeper.take("x", answers, settings, now: at(now)))
            states.append(keeper.entries["x"]?.state(at(now), settings))
        }
        take(good([2, 1], 0), 0)
        take(good([1, 2, 2], 9), 9)
        take(bad("silent"), 18)
        take(bad("silent"), 60)
        take(bad("refused"), 61)
        take(bad("refused"), 119)
        take(bad("refused"), 120)
        take(good([1, 2], 130), 130)
        take(good([3], 140), 140)
        #expect(
            told == [.addresses, nil, .failed, nil, .failed, .over, nil, .returned, .changed]
        )
        #expect(
            states == [
                .fresh, .fresh, .fresh, .stale, .stale, .unknown, .unknown, .fresh, .fresh,
            ]
        )
        let counts = keeper.entries["x"].map {
            [$0.lookups.addresses, $0.lookups.none, $0.lookups.failed]
        }
        #expect(counts == [4, 0, 5])
    }

    @Test func `a name that never answered is told of, and known as such`() {
        var keeper = AliasKeeper()
        #expect(!keeper.knows(["x"], settings, now: at(0)))
        #expect(keeper.take("x", bad("silent"), settings, now: at(0)) == .failed)
        #expect(keeper.knows(["x"], settings, now: at(0)))
        #expect(keeper.answer("x", isIPv4: true, settings) == nil)
        #expect(keeper.take("x", bad("silent"), settings, now: at(500)) == nil)
    }

    @Test func `one family alone is partial, and none at all is an answer`() {
        var keeper = AliasKeeper()
        let half = FamilyAnswers(ipv4: family([1], 0), ipv6: nil, failure: "code 2")
        #expect(keeper.take("x", half, settings, now: at(0)) == .failed)
        #expect(keeper.entries["x"]?.state(at(0), settings) == .partial)
        #expect(keeper.take("y", good([], 0), settings, now: at(0)) == .addresses)
        #expect(keeper.entries["y"]?.state(at(0), settings) == .fresh)
        #expect(keeper.entries["y"]?.lookups.none == 1)
    }

    @Test func `a name that has others each time is told of once a minute, and as it is then`() {
        var keeper = AliasKeeper()
        var told: [Int64: AliasKeeper.News] = [:]
        for now in stride(from: 0 as Int64, to: 200, by: 5) {
            let answers = good([UInt32(now + 1)], now)
            told[now] = keeper.take("x", answers, settings, now: at(now))
        }
        #expect(told == [0: .addresses, 5: .changed, 65: .changed, 125: .changed, 185: .changed])
        // What has come to nothing, or back from there, is told at once.
        #expect(keeper.take("x", good([], 201), settings, now: at(201)) == .addresses)
        #expect(keeper.take("x", good([1], 202), settings, now: at(202)) == .addresses)
        // A change that was held back is told later, though nothing has changed since.
        #expect(keeper.take("x", good([2], 203), settings, now: at(203)) == nil)
        #expect(keeper.take("x", good([2], 244), settings, now: at(244)) == nil)
        #expect(keeper.take("x", good([2], 245), settings, now: at(245)) == .changed)
    }

    @Test func `what one family says changes nothing else, and is no lookup`() {
        var keeper = AliasKeeper()
        _ = keeper.take("x", bad("silent"), settings, now: at(0))
        keeper.takeFamily("x", FamilyAnswers(ipv4: family([1], 1), ipv6: nil))
        keeper.takeFamily("y", FamilyAnswers(ipv4: family([2], 1), ipv6: nil))
        #expect(keeper.answer("x", isIPv4: true, settings)?.addresses == [IPAddress(v4: 1)])
        #expect(keeper.entries["x"]?.state(at(1), settings) == .partial)
        #expect(keeper.entries["x"]?.failure == "silent")
        #expect(keeper.entries["x"]?.lookups.failed == 1)
        #expect(!keeper.knows(["y"], settings, now: at(1)))
        // The end of the lookup tells of them.
        #expect(keeper.take("x", good([1], 2), settings, now: at(2)) == .addresses)
    }

    @Test func `what an earlier process knew is known while it holds, and not after`() {
        var keeper = AliasKeeper()
        _ = keeper.take("x", good([1], 100), settings, now: at(100))
        let half = FamilyAnswers(ipv4: family([2], 100), ipv6: nil, failure: "silent")
        _ = keeper.take("half", half, settings, now: at(100))
        let saved = keeper.saved(now: at(104), realtime: 5000)
        var later = AliasKeeper()
        later.restore(saved, now: at(104), realtime: 5000)
        #expect(later.knows(["x"], settings, now: at(109)))
        #expect(!later.knows(["x"], settings, now: at(110)), "no longer fresh")
        #expect(!later.knows(["half"], settings, now: at(104)), "a family is missing")
        #expect(later.take("x", good([1], 110), settings, now: at(110)) == nil, "no news")
        #expect(later.knows(["x"], settings, now: at(500)), "looked up")
        later.keep(only: [])
        #expect(!later.knows(["x"], settings, now: at(110)))
    }

    @Test func `the board is told of the times`() {
        var keeper = AliasKeeper()
        _ = keeper.take("x", good([1], 3), settings, now: at(3))
        let answer = keeper.answer("x", isIPv4: true, settings)
        #expect(answer?.learned == at(3))
        #expect(answer?.freshUntil == at(13))
        #expect(answer?.staleUntil == at(113))
        #expect(answer?.staleTTL == 7)
        var off = settings
        off.stale = .zero
        #expect(keeper.answer("x", isIPv4: true, off)?.staleUntil == at(13))
    }

    @Test func `what is saved comes back no younger, whatever the clock has done`() {
        var keeper = AliasKeeper()
        _ = keeper.take("x", good([1], 100), settings, now: at(100))
        let second: Int64 = 1_000_000_000
        let saved = keeper.saved(now: at(104), realtime: 5000 * second)
        // Another boot, three seconds later on the wall.
        var later = AliasKeeper()
        later.restore(saved, now: at(20), realtime: 5003 * second)
        #expect(later.entries["x"]?.ipv4?.freshUntil == at(23))
        #expect(later.entries["x"]?.ipv4?.addresses == [IPAddress(v4: 1)])
        // A clock set back by an hour: as if learned just now, and for no longer than ever.
        var back = AliasKeeper()
        back.restore(saved, now: at(20), realtime: 1400 * second)
        #expect(back.entries["x"]?.ipv4?.freshUntil == at(30))
        later.keep(only: [])
        #expect(later.entries.isEmpty)
    }
}

@Suite struct AliasFailoverTests {
    private func names(_ records: String) throws -> [String: Int64] {
        let text = """
            listeners: [ { dns: "127.0.0.1:5300" } ]
            probes: { p: { http: /, port: 80, interval: 1s } }
            zones:
              example.com:
                ttl: 1h
                soa: { primary: ns1.example.com, mailbox: h.example.com }
                records:
                  www: { steer: web }
                  own: { steer: web, ttl: 4s }
            \(records.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n"))
            steer: { web: { failover: [ 192.0.2.1, 192.0.2.2 ], probe: p, ttl: 30s } }

            """
        let result = ConfigurationSource.read(Array(text.utf8), path: "martlet.yaml")
        let loaded = try #require(result.configuration, "\(CheckReport.text(result))")
        let listed = FailoverReport(loaded.settings).json["names"]?.elements ?? []
        return Dictionary(
            uniqueKeysWithValues: listed.compactMap { name in
                guard let owner = name["name"]?.string,
                    let most = name["probes"]?[0]?["ttlSeconds"]?["most"]?.integer
                else { return nil }
                return (String(owner.prefix { $0 != "." }), most)
            }
        )
    }

    @Test func `an alias fails over as its target does, with the lowest TTL on the way`() throws {
        let found = try names(
            """
            '@': { alias: www }
            quick: { alias: own }
            short: { alias: WWW.example.com, ttl: 3s }
            hop: { cname: www, ttl: 20s }
            over: { alias: hop }
            '*.dev': { steer: web, ttl: 9s }
            wild: { alias: a.b.dev.example.com }
            'x.y.dev': { a: 192.0.2.9 }
            hidden: { alias: b.y.dev.example.com }
            outside: { alias: www.example.net }
            """
        )
        #expect(
            found == [
                "www": 30, "own": 4, "example": 30, "quick": 4, "short": 3, "over": 20, "*": 9,
                "wild": 9,
            ]
        )
    }
}
