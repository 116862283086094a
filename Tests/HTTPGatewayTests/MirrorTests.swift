// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import HTTPGateway

@Suite struct MirrorTests {
    private static func digest(_ bytes: [UInt8], pieces: Int) -> BodyDigest {
        var digest = BodyDigest()
        var start = 0
        while start < bytes.count {
            let end = min(start + pieces, bytes.count)
            digest.add(Array(bytes[start..<end]).span)
            start = end
        }
        return digest
    }

    @Test(arguments: [0, 1, 7, 8, 9, 64, 1000, 4099])
    func `a digest does not depend on where the pieces end`(_ count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 8) }
        let whole = Self.digest(bytes, pieces: max(count, 1))
        for pieces in [1, 2, 3, 5, 8, 13, 64, 999] {
            #expect(Self.digest(bytes, pieces: pieces) == whole)
        }
        #expect(whole.count == UInt64(count) && whole.isWhole)
        for place in stride(from: 0, to: count, by: max(count / 50, 1)) {
            var other = bytes
            other[place] ^= 1
            #expect(Self.digest(other, pieces: 11) != whole, "byte \(place)")
        }
        #expect(Self.digest(bytes + [0], pieces: 11) != whole)
        #expect(Self.digest([0] + bytes, pieces: 11) != whole)
    }

    @Test func `words that change places are noticed`() {
        let bytes = [UInt8](repeating: 1, count: 8) + [UInt8](repeating: 2, count: 8)
        #expect(Self.digest(bytes, pieces: 16) != Self.digest(bytes.reversed(), pieces: 16))
    }

    @Test func `behind the limit only the length counts`() {
        let bytes = [UInt8](repeating: 7, count: BodyDigest.limit + 3)
        var other = bytes
        other[BodyDigest.limit + 1] = 8
        let (one, two) = (Self.digest(bytes, pieces: 4099), Self.digest(other, pieces: 8192))
        #expect(one == two && !one.isWhole)
        #expect(Self.digest(Array(bytes.dropLast(3)), pieces: 999).isWhole)
    }

    @Test func `a comparison says the first thing that differs`() {
        func verdict(
            _ compare: MirrorComparison,
            _ one: (UInt16, Int, UInt8),
            _ two: (UInt16, Int, UInt8)
        ) -> MirrorVerdict {
            var plan = MirrorPlan(pool: 0)
            plan.compare = compare
            var state = MirrorState(MirrorRule(plan), route: 0, poolSlot: 0)
            func answer(_ facts: (UInt16, Int, UInt8)) -> MirrorAnswer {
                let bytes = [UInt8](repeating: facts.2, count: facts.1)
                return MirrorAnswer(status: facts.0, content: Self.digest(bytes, pieces: 4096))
            }
            state.original = answer(one)
            state.copy = answer(two)
            return state.verdict
        }
        let long = BodyDigest.limit + 1
        #expect(verdict(.body, (200, 5, 1), (200, 5, 1)) == .same)
        #expect(verdict(.body, (200, 5, 1), (200, 5, 2)) == .body)
        #expect(verdict(.body, (200, 5, 1), (200, 6, 1)) == .body)
        #expect(verdict(.body, (200, 5, 1), (404, 5, 1)) == .status)
        #expect(verdict(.status, (200, 5, 1), (200, 6, 2)) == .same)
        #expect(verdict(.status, (200, 5, 1), (201, 5, 1)) == .status)
        #expect(verdict(.body, (0, 5, 1), (200, 5, 1)) == .unanswered)
        #expect(verdict(.body, (200, 5, 1), (0, 0, 1)) == .unanswered)
        #expect(verdict(.body, (200, long, 1), (200, long, 1)) == .tooLarge)
        #expect(verdict(.body, (200, long, 1), (200, 5, 1)) == .body)
    }

    @Test func `the share and the methods decide`() {
        var plan = MirrorPlan(pool: 0)
        plan.percent = 10
        let tenth = MirrorRule(plan)
        #expect((0..<1000).filter { tenth.takes(.get, draw: UInt64($0)) }.count == 100)
        plan.percent = 100
        #expect(MirrorRule(plan).takes(.post, draw: .max))
        plan.methods = .safe
        let safe = MirrorRule(plan)
        #expect(safe.takes(.get, draw: 1) && safe.takes(.head, draw: 1))
        #expect(!safe.takes(.post, draw: 1) && !safe.takes(.delete, draw: 1))
    }

    @Test func `words are told apart, and their numbers have a place`() {
        let skips = MirrorSkip.allCases.map { GatewayMetrics.skipped($0, route: 0) }
        let failures = MirrorFailure.allCases.map { GatewayMetrics.failed($0, route: 0) }
        let verdicts = MirrorVerdict.allCases.map { GatewayMetrics.compared($0, route: 0) }
        let start = GatewayMetrics.mirror(0)
        let buckets = (0...GatewayMetrics.durationBounds.count).map {
            start + GatewayMetrics.mirrorBuckets + $0
        }
        let sum = start + GatewayMetrics.mirrorSum
        let all = [start] + skips + failures + verdicts + buckets + [sum]
        #expect(Set(all).count == all.count)
        #expect((all.max() ?? 0) < GatewayMetrics.mirror(1))
        #expect(GatewayMetrics.mirror(GatewayMetrics.routeLimit) == GatewayMetrics.cache(0))
        #expect(GatewayMetrics.route(GatewayMetrics.routeLimit) == start)
    }
}
