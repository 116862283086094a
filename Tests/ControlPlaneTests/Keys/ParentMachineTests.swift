// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@testable import ControlPlane

/// Which DS set the parent gives out, and whom to believe about it.
@Suite struct ParentMachineTests {
    private static let servers = ["192.0.2.1:53", "192.0.2.2:53"].compactMap { SocketAddress($0) }
    private static let now = Instant(nanoseconds: 1_000_000_000)
    private static let record: [UInt8] = [0, 7, 13, 2] + [UInt8](repeating: 9, count: 32)
    private static let other: [UInt8] = [0, 8, 13, 2] + [UInt8](repeating: 5, count: 32)

    private static func zone() throws -> DomainName { try #require(DomainName("child.example.")) }

    private static func machine(_ source: ParentMachine.Source) throws -> ParentMachine {
        ParentMachine(zone: try zone(), source: source)
    }

    /// An answer with DS records, or with an SOA of this owner in its authority section.
    private static func answer(
        _ question: ParentMachine.Question,
        _ records: [[UInt8]] = [],
        soa: String? = nil,
        flags: UInt16 = 0x8400
    ) -> [UInt8] {
        func two(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
        var bytes = two(Int(question.id)) + two(Int(flags)) + two(1) + two(records.count)
        bytes += two(soa == nil ? 0 : 1) + two(0)
        bytes += question.name.wire + two(43) + two(1)
        for record in records {
            bytes += question.name.wire + two(43) + two(1) + two(0) + two(3600)
            bytes += two(record.count) + record
        }
        if let soa, let owner = DomainName(soa) {
            let data = [UInt8](repeating: 0, count: 22)
            bytes += owner.wire + two(6) + two(1) + two(0) + two(60) + two(data.count) + data
        }
        return bytes
    }

    @Test func `all servers of the parent must say the same, in any order`() throws {
        var random = SeededRandom(seed: 1)
        var machine = try Self.machine(.parent(Self.servers))
        let asked = machine.begin(now: Self.now, random: &random).questions
        #expect(asked.map(\.server) == Self.servers)
        #expect(asked.allSatisfy { $0.bytes[2] & 1 == 0 })
        let first = machine.receive(
            Self.answer(asked[0], [Self.record, Self.other]),
            for: asked[0]
        )
        #expect(first.outcome == nil)
        let last = machine.receive(
            Self.answer(asked[1], [Self.other, Self.record]),
            for: asked[1]
        )
        #expect(last.outcome == .holds([Self.record, Self.other]))
    }

    @Test func `servers that differ, or one that is silent, say nothing`() throws {
        var random = SeededRandom(seed: 1)
        var machine = try Self.machine(.parent(Self.servers))
        var asked = machine.begin(now: Self.now, random: &random).questions
        _ = machine.receive(Self.answer(asked[0], [Self.record]), for: asked[0])
        let end = machine.receive(Self.answer(asked[1], [Self.other]), for: asked[1])
        #expect(
            end.outcome == .failed("the servers of the parent do not say the same yet")
        )
        machine = try Self.machine(.parent(Self.servers))
        asked = machine.begin(now: Self.now, random: &random).questions
        _ = machine.receive(Self.answer(asked[0], [Self.record]), for: asked[0])
        var now = Self.now
        for _ in 1..<ParentMachine.tryLimit {
            now = machine.deadline
            let again = machine.expire(now: now, random: &random)
            #expect(again.questions.map(\.server) == [Self.servers[1]])
            #expect(again.outcome == nil)
        }
        let silence = machine.expire(now: machine.deadline, random: &random)
        #expect(silence.outcome == .failed("192.0.2.2:53 does not answer"))
    }

    @Test func `of resolvers the first that knows is believed`() throws {
        var random = SeededRandom(seed: 1)
        var machine = try Self.machine(.resolvers(Self.servers))
        let asked = machine.begin(now: Self.now, random: &random).questions
        #expect(asked.allSatisfy { $0.bytes[2] & 1 == 1 })
        let refused = machine.receive(Self.answer(asked[0], flags: 0x8185), for: asked[0])
        #expect(refused.outcome == nil)
        let known = machine.receive(
            Self.answer(asked[1], [Self.record], flags: 0x8180),
            for: asked[1]
        )
        #expect(known.outcome == .holds([Self.record]))
    }

    @Test func `that there is no DS is believed from above alone`() throws {
        var random = SeededRandom(seed: 1)
        for (soa, outcome) in [
            ("example.", ParentMachine.Outcome.holds([])),
            (".", .holds([])),
            ("child.example.", nil),
            ("other.example.", nil),
        ] as [(String, ParentMachine.Outcome?)] {
            var machine = try Self.machine(.parent([Self.servers[0]]))
            let asked = machine.begin(now: Self.now, random: &random).questions
            let effect = machine.receive(Self.answer(asked[0], soa: soa), for: asked[0])
            if let outcome {
                #expect(effect.outcome == outcome, "\(soa)")
            } else {
                guard case .failed? = effect.outcome else {
                    Issue.record("\(soa): \(String(describing: effect.outcome))")
                    continue
                }
            }
        }
        var machine = try Self.machine(.parent([Self.servers[0]]))
        let asked = machine.begin(now: Self.now, random: &random).questions
        let referral = machine.receive(Self.answer(asked[0], flags: 0x8000), for: asked[0])
        #expect(
            referral.outcome == .failed("192.0.2.1:53 says neither a DS nor that there is none")
        )
    }

    @Test func `a name that does not exist is no parent without a DS`() throws {
        var random = SeededRandom(seed: 1)
        for flags in [0x8183, 0x8403] as [UInt16] {
            var machine = try Self.machine(.resolvers([Self.servers[0]]))
            let asked = machine.begin(now: Self.now, random: &random).questions
            let denial = Self.answer(asked[0], soa: "example.", flags: flags)
            #expect(
                machine.receive(denial, for: asked[0]).outcome
                    == .failed("192.0.2.1:53 says that the name does not exist")
            )
        }
    }

    @Test func `a forged message is passed over, a cut one is asked for by a stream`() throws {
        var random = SeededRandom(seed: 1)
        var machine = try Self.machine(.parent([Self.servers[0]]))
        let asked = machine.begin(now: Self.now, random: &random).questions
        var forged = asked[0]
        forged.id ^= 1
        #expect(machine.receive(Self.answer(forged, [Self.record]), for: asked[0]).outcome == nil)
        #expect(machine.receive([1, 2, 3], for: asked[0]) == ParentMachine.Effect())
        let cut = machine.receive(Self.answer(asked[0], flags: 0x8600), for: asked[0])
        #expect(cut.questions.map(\.isStream) == [true])
        #expect(!machine.isWaiting(for: asked[0]))
        let whole = machine.receive(
            Self.answer(cut.questions[0], [Self.record]),
            for: cut.questions[0]
        )
        #expect(whole.outcome == .holds([Self.record]))
    }

    @Test func `every prefix and every changed byte of an answer is read without a trap`() throws {
        let question = ParentMachine.Question(
            id: 77,
            name: try Self.zone(),
            server: Self.servers[0],
            isStream: false,
            isRecursive: false
        )
        let whole = Self.answer(question, [Self.record], soa: "example.")
        for count in 0..<whole.count {
            _ = ParentMachine.read(Array(whole.prefix(count)), question)
        }
        for index in whole.indices {
            for value in [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff] as [UInt8] {
                var bytes = whole
                bytes[index] = value
                _ = ParentMachine.read(bytes, question)
            }
        }
    }
}
