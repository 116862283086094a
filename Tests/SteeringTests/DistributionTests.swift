// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

@Suite struct DistributionTests {
    /// Algorithms whose draws are independent: chi-square applies as it stands.
    static let drawn: [Balance] = [
        .random, .powerOfTwoChoices, .leastResponseTime, .sourceIPHash,
    ]
    /// Algorithms that deal out turns: every count is exact to within one round.
    static let dealt: [Balance] = [
        .roundRobin, .weightedRoundRobin, .leastConnections, .weightedLeastConnections,
    ]

    @Test(arguments: drawn, [[5, 1, 1], [1, 1, 1, 1], [3, 0, 2, 7], [1]] as [[UInt32]])
    func `independent draws follow the weights`(_ balance: Balance, _ weights: [UInt32]) {
        for seed in 1...3 as ClosedRange<UInt64> {
            let fixture = Fixture(balance, weights: weights, seed: seed)
            let counts = fixture.count(20_000, firstKey: seed &* 1_000_000)
            let fits = ChiSquare.fits(counts, shares: weights.map(Double.init))
            #expect(fits, "\(balance.word) \(weights) gave \(counts)")
        }
    }

    @Test(arguments: dealt)
    func `turns are dealt exactly`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: [5, 1, 0, 2])
        let counts = fixture.count(8_000)
        switch balance {
        case .weightedRoundRobin, .weightedLeastConnections:
            #expect(counts == [5_000, 1_000, 0, 2_000])
        default:
            // Weights only tell 0 from the rest: 8,000 turns for three.
            #expect(counts[2] == 0)
            for index in [0, 1, 3] { #expect((2_666...2_667).contains(counts[index])) }
        }
    }

    @Test func `smooth weighted round robin gives a a b a c a a for 5 1 1`() {
        let fixture = Fixture(.weightedRoundRobin, weights: [5, 1, 1])
        let order = (0..<14).map { _ in fixture.choose() }
        #expect(order == [0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0])
    }

    @Test func `round robin takes each in turn`() {
        let fixture = Fixture(.roundRobin, weights: [1, 9, 1])
        #expect((0..<6).map { _ in fixture.choose() } == [0, 1, 2, 0, 1, 2])
    }

    @Test func `round robin stays even beside a dead endpoint`() {
        let fixture = Fixture(.roundRobin, weights: [1, 1, 1, 1])
        fixture.set(1, .failing)
        // The neighbour of the dead one must not inherit its turns.
        #expect(fixture.count(9_000) == [3_000, 0, 3_000, 3_000])
    }

    @Test(arguments: [[5, 1, 1], [1, 1, 1, 1, 1], [10, 0, 3]] as [[UInt32]])
    func `maglev shares its table by weight to within one per cent`(_ weights: [UInt32]) {
        let fixture = Fixture(.maglev(size: 65_537), weights: weights)
        let counts = fixture.count(200_000)
        let whole = Double(weights.reduce(0, +))
        for (count, weight) in zip(counts, weights) {
            let expected = 200_000 * Double(weight) / whole
            // One per cent of the table, and four standard deviations of the keys themselves.
            #expect(abs(Double(count) - expected) <= expected * 0.01 + 4 * expected.squareRoot())
        }
    }

    @Test func `a ring of 160 points stays near the even share`() {
        let fixture = Fixture(
            .ringHash(virtualNodes: 160),
            weights: Array(repeating: 1, count: 10)
        )
        let counts = fixture.count(100_000)
        // facts: ketama-160 over ten had a greatest share of 1.13 times the average.
        #expect(counts.allSatisfy { (7_500...12_500).contains($0) }, "\(counts)")
    }

    @Test func `a ring respects weights`() {
        let fixture = Fixture(.ringHash(virtualNodes: 500), weights: [3, 1, 0])
        let counts = fixture.count(100_000)
        #expect((70_000...80_000).contains(counts[0]), "\(counts)")
        #expect(counts[2] == 0)
    }

    @Test(arguments: everyBalance)
    func `one endpoint gets everything`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: [3])
        #expect(fixture.count(100) == [100])
        fixture.set(0, .refusing)
        // All-down policy `all` is the default.
        #expect(fixture.choose() == 0)
        #expect(fixture.mode == .allDown)
    }

    @Test(arguments: everyBalance)
    func `weight 0 is never newly chosen`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: [0, 2, 0, 1])
        let counts = fixture.count(2_000)
        #expect(counts[0] == 0 && counts[2] == 0)
        #expect(counts[1] + counts[3] == 2_000)
    }

    @Test(arguments: everyBalance)
    func `a flipped word is seen by the very next choice`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: [1, 1, 1, 1])
        for round in 0..<200 as Range<UInt64> {
            let chosen = fixture.choose(key: round)
            fixture.set(chosen, .failing)
            #expect(fixture.choose(key: round) != chosen)
            #expect(fixture.mode == .healthy)
            fixture.set(chosen, .serving)
        }
    }

    @Test(arguments: drawn + dealt)
    func `removal and return keep the shares`(_ balance: Balance) {
        let fixture = Fixture(balance, weights: [2, 2, 2, 2])
        for (word, shares) in [
            (HealthWord.failing, [0, 1, 1, 1]), (HealthWord.serving, [1, 1, 1, 1]),
        ] as [(HealthWord, [Double])] {
            fixture.set(0, word)
            let counts = fixture.count(20_000)
            #expect(ChiSquare.fits(counts, shares: shares), "\(balance.word) gave \(counts)")
        }
    }

    /// Noise of each answer, and a steady difference between the servers, in microseconds.
    @Test(arguments: [(2_000, 0), (1, 300)] as [(UInt32, Int64)])
    func `servers that differ by noise share evenly by response time`(
        _ noise: UInt32,
        _ step: Int64
    ) {
        let fixture = Fixture(.leastResponseTime, weights: [1, 1, 1, 1])
        var random = SeededRandom(seed: 9)
        var counts = [0, 0, 0, 0]
        for _ in 0..<40_000 {
            let chosen = fixture.choose()
            counts[chosen] += 1
            #expect(fixture.begin(chosen))
            let latency = 10_000 + Int64(chosen) * step + Int64(random.next(below: noise))
            fixture.now = fixture.now + .milliseconds(1)
            fixture.end(chosen, .microseconds(latency))
        }
        #expect(ChiSquare.fits(counts, shares: [1, 1, 1, 1]), "\(counts)")
    }

    @Test func `a slow server gets little by response time and is tried again`() {
        let fixture = Fixture(.leastResponseTime, weights: [1, 1, 1])
        var counts = [0, 0, 0]
        var isCured = false
        for round in 0..<60_000 {
            if round == 30_000 {
                #expect(counts[2] < 300, "\(counts)")
                #expect(counts[2] > 1, "it is never tried again: \(counts)")
                isCured = true
                counts = [0, 0, 0]
            }
            let chosen = fixture.choose()
            counts[chosen] += 1
            #expect(fixture.begin(chosen))
            fixture.now = fixture.now + .milliseconds(10)
            let latency = chosen == 2 && !isCured ? Interval.milliseconds(500) : .milliseconds(10)
            fixture.end(chosen, latency)
        }
        #expect(counts[2] > 5_000, "a cured server comes back: \(counts)")
    }

    @Test func `quick failures do not attract work by response time`() {
        let fixture = Fixture(.leastResponseTime, weights: [1, 1])
        var counts = [0, 0]
        for _ in 0..<5_000 {
            let chosen = fixture.choose()
            counts[chosen] += 1
            #expect(fixture.begin(chosen))
            fixture.now = fixture.now + .milliseconds(1)
            if chosen == 1 {
                fixture.chooser.fail(slot: 1, now: fixture.now)
            } else {
                fixture.end(0, .milliseconds(20))
            }
        }
        #expect(counts[1] < 250, "\(counts)")
    }

    @Test func `a server that does not answer is not fed by response time`() {
        let fixture = Fixture(.leastResponseTime, weights: [1, 1])
        var stuck = 0
        for _ in 0..<2_000 {
            let chosen = fixture.choose()
            #expect(fixture.begin(chosen))
            fixture.now = fixture.now + .milliseconds(1)
            guard chosen == 0 else {
                stuck += 1
                continue
            }
            fixture.end(0, .milliseconds(1))
        }
        #expect((1...5).contains(stuck), "\(stuck) requests hang")
    }
}
