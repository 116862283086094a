// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

@Suite struct FailoverTimeTests {
    /// Three probes ten seconds apart without jitter, and answers that live half a minute.
    static func textbook() -> FailoverTerms {
        FailoverTerms(
            interval: .seconds(10),
            fastInterval: .seconds(10),
            timeout: .seconds(5),
            jitterPercent: 0,
            fall: 3,
            ttl: 30,
            leastTTL: 30
        )
    }

    /// The probe and the policy as they are when nothing is configured.
    static func shipped() -> FailoverTerms {
        FailoverTerms(
            interval: .seconds(5),
            fastInterval: .seconds(1),
            timeout: .seconds(2),
            jitterPercent: 10,
            fall: 3,
            ttl: 30
        )
    }

    @Test func `the textbook's sum: three times ten seconds and a TTL of thirty make sixty`() {
        let time = FailoverTime(Self.textbook(), .refuses)
        #expect(time.detection.best == .seconds(20))
        #expect(time.detection.typical == .seconds(25))
        #expect(time.detection.worst == .seconds(30))
        #expect(time.ttl.typical == .seconds(15))
        #expect(time.ttl.worst == .seconds(30))
        #expect(time.detection.worst + time.ttl.worst == .seconds(60))
        #expect(time.total.worst == .milliseconds(61_100))
    }

    @Test func `a target that hangs costs the timeout of the last probe as well`() {
        let time = FailoverTime(Self.textbook(), .hangs)
        #expect(time.detection.best == .seconds(25))
        #expect(time.detection.worst == .seconds(35))
    }

    @Test func `a timeout longer than the fast interval sets the pace of a target that hangs`() {
        // Wait up to 5 s and a fifth of it by two jitters, then three timeouts of 2 s.
        let time = FailoverTime(Self.shipped(), .hangs)
        #expect(time.detection.best == .seconds(6))
        #expect(time.detection.worst == .seconds(12))
        // Refusing, the fast interval does: 1 s to the second, 1.1 s at most to the third.
        let quick = FailoverTime(Self.shipped(), .refuses)
        #expect(quick.detection.best == .milliseconds(1_900))
        #expect(quick.detection.worst == .milliseconds(8_100))
    }

    @Test func `one failure that suffices is seen after the wait alone`() {
        var terms = Self.shipped()
        terms.fall = 1
        terms.jitterPercent = 0
        let time = DetectionTime(terms, .refuses)
        #expect(time.verdict.best == .zero)
        #expect(time.verdict.typical == .milliseconds(2_500))
        #expect(time.verdict.worst == .seconds(5))
    }

    @Test func `the TTL that follows health is what resolvers hold`() {
        let terms = Self.shipped()
        // 5 s and two times 1 s, yet never below half of 30 s.
        #expect((0..<3).map { terms.answerTTL(afterFailures: $0) } == [15, 15, 15])
        #expect(FailoverTime(terms, .refuses).ttl.worst == .seconds(15))

        var free = terms
        free.leastTTL = 0
        #expect((0..<3).map { free.answerTTL(afterFailures: $0) } == [7, 2, 1])
        // Given when the first probe failed, 2.1 s before the verdict at the latest moment.
        #expect(FailoverTime(free, .refuses).ttl.worst == .milliseconds(4_900))

        var fixed = terms
        fixed.leastTTL = 30
        #expect((0..<3).map { fixed.answerTTL(afterFailures: $0) } == [30, 30, 30])
        #expect(FailoverTime(fixed, .refuses).ttl.typical == .seconds(15))
    }

    @Test func `a resolver that counts in whole seconds keeps answers one second longer`() {
        let fixed = FailoverTime(Self.textbook(), .refuses).rounding
        #expect(fixed.best == .zero && fixed.worst == .seconds(1))
        #expect(fixed.typical == .milliseconds(500), "half of a life that is a second longer")
        // Most of what is kept at the verdict was given while failing, or late before it: of a
        // second each, nearly all remains.
        var short = Self.shipped()
        (short.interval, short.ttl, short.leastTTL) = (.seconds(2), 5, 1)
        short.fastInterval = .milliseconds(500)
        let brief = FailoverTime(short, .refuses).rounding
        #expect(brief.typical > .milliseconds(600) && brief.typical < .milliseconds(700))
    }

    @Test func `a resolver's floor replaces every TTL below it`() {
        let terms = Self.shipped()
        #expect(FailoverTime(terms, .refuses, floor: 10) == FailoverTime(terms, .refuses))
        #expect(FailoverTime(terms, .refuses, floor: 60).ttl.worst == .seconds(60))
        #expect(FailoverTime(terms, .refuses, floor: 60).ttl.typical == .seconds(30))
    }

    @Test func `answers that nobody keeps leave nothing to wait for`() {
        var terms = Self.shipped()
        (terms.ttl, terms.leastTTL) = (0, 0)
        let time = FailoverTime(terms, .refuses)
        #expect(time.ttl == .zero)
        #expect(time.rounding == .zero)
        #expect(time.total.worst == time.detection.worst + .milliseconds(100))
    }

    @Test func `the remedy names the larger part and the value that just suffices`() {
        let terms = Self.textbook()
        #expect(terms.worst.largest == .detection)
        guard case .interval(let interval) = terms.remedy(within: .seconds(60)) else {
            Issue.record("\(terms.remedy(within: .seconds(60)))")
            return
        }
        var better = terms
        better.interval = interval
        better.fastInterval = interval
        #expect(better.worst.total.worst <= .seconds(60))
        better.interval = interval + .milliseconds(500)
        better.fastInterval = better.interval
        #expect(better.worst.total.worst > .seconds(60))

        var long = terms
        (long.ttl, long.leastTTL) = (300, 300)
        #expect(long.worst.largest == .ttl)
        #expect(long.remedy(within: .seconds(60)) == .ttl(23))
        #expect(long.remedy(within: .seconds(5)) == .none)
    }

    @Test func `numbers at the ends of their ranges neither trap nor take long`() {
        let day = Interval.seconds(86_400)
        for fall in [0, 1, 2, 100, 1_000_000] {
            for ttl in [0, 1, UInt32(Int32.max), .max] {
                let terms = FailoverTerms(
                    interval: day,
                    fastInterval: day,
                    timeout: .seconds(3_600),
                    jitterPercent: 200,
                    fall: fall,
                    ttl: ttl,
                    leastTTL: ttl / 3
                )
                let time = FailoverTime(terms, .hangs, floor: .max)
                #expect(time.total.best <= time.total.typical)
                #expect(time.total.typical <= time.total.worst)
                _ = terms.remedy(within: .seconds(1))
            }
        }
    }
}
