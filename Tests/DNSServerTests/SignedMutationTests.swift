// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

/// Whatever is asked of signed zones, the answer can be read to its last octet, in any room.
@Suite struct SignedMutationTests {
    private static func query(_ round: Int, _ random: inout SeededRandom) -> [UInt8] {
        let names = SignedAnswerTests.positive.map { ($0.0, $0.1) } + SignedAnswerTests.negative
        let (name, type) = names[round % names.count]
        var query = EDNSQuestion {
            ($0.name, $0.type, $0.ednsFlags) = (name, type, round % 3 == 0 ? 0xc000 : 0x8000)
        }.bytes
        for _ in 0..<random.next(below: 3) {
            let place = Int(random.next(below: UInt32(query.count)))
            switch random.next(below: 4) {
            case 0: query[place] = UInt8(random.next(below: 256))
            case 1: query.remove(at: place)
            case 2: query.insert(UInt8(random.next(below: 256)), at: place)
            default: query.removeLast(Int(random.next(below: 3)))
            }
        }
        return query
    }

    private static func run(_ zone: SigningFixture, seed: UInt64) {
        var fixture = zone.fixture
        fixture.context.timestamp = zone.now
        var random = SeededRandom(seed: seed)
        var answered = 0
        for round in 0..<4000 {
            let query = query(round, &random)
            fixture.context.isStream = round % 2 == 0
            let capacity = round % 5 == 0 ? Int(random.next(below: 1232)) : 1232
            let response = fixture.respond(query, capacity: capacity)
            guard !response.isEmpty else { continue }
            answered += 1
            #expect(DNSMessage(response) != nil, "\(query)")
        }
        #expect(answered > 1500)
    }

    @Test(arguments: SignedAnswerTests.ways)
    func `of zones that are signed here`(way: SignedAnswerTests.Way) throws {
        SignedMutationTests.run(try SignedAnswerTests.fixture(way), seed: 5)
    }

    @Test(arguments: PresignedAnswerTests.ways)
    func `of zones that are signed in their files`(way: String) throws {
        SignedMutationTests.run(try PresignedAnswerTests.fixture(way), seed: 6)
    }
}
