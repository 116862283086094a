// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

@testable import Prober

/// What ``FailoverTime`` computes, against the code that probes and answers, in virtual time.
@Suite struct FailoverSimulationTests {
    struct Setting: Sendable, CustomStringConvertible {
        let description: String
        let terms: FailoverTerms
    }

    static func setting(
        _ name: String,
        _ interval: Int64,
        _ fast: Int64,
        _ timeout: Int64,
        jitter: Int = 10,
        fall: Int = 3,
        ttl: UInt32 = 30,
        least: UInt32? = nil
    ) -> Setting {
        Setting(
            description: name,
            terms: FailoverTerms(
                interval: .milliseconds(interval),
                fastInterval: .milliseconds(fast),
                timeout: .milliseconds(timeout),
                jitterPercent: jitter,
                fall: fall,
                ttl: ttl,
                leastTTL: least
            )
        )
    }

    static let settings: [Setting] = [
        setting("as shipped", 5_000, 1_000, 2_000),
        setting("textbook", 10_000, 10_000, 5_000, jitter: 0, least: 30),
        setting("no fast interval", 10_000, 10_000, 5_000, least: 0),
        setting("one failure", 2_000, 1_000, 500, fall: 1, ttl: 5),
        setting("two failures", 400, 200, 150, fall: 2, ttl: 2, least: 1),
        setting("much jitter", 4_000, 3_500, 1_000, jitter: 50, fall: 4, least: 0),
        setting("slow timeout", 4_000, 1_000, 4_000, jitter: 30, fall: 5, ttl: 20, least: 3),
        setting("timeout among the jitters", 3_000, 1_000, 1_050, jitter: 20, fall: 6, least: 0),
        setting("much shorter when failing", 3_000, 500, 200, ttl: 5, least: 1),
        setting("the same by two seconds", 2_000, 500, 200, ttl: 5, least: 1),
        setting("long fall", 1_000, 500, 100, fall: 20, ttl: 60, least: 0),
    ]

    static let trials = 3_000

    /// A target that is probed, a spare one, and two resolvers that are asked all the time.
    struct Run {
        var detection = Interval.zero
        /// Behind a resolver that keeps answers for their TTL.
        var exact = Interval.zero
        /// Behind one that counts in whole seconds.
        var whole = Interval.zero
    }

    /// Two members of one policy with their keeper, as they serve.
    final class Bench {
        let health = HealthTable(capacity: 4)
        let table: SteerTable
        var keeper: HealthKeeper
        var random: SeededRandom
        let terms: FailoverTerms
        let first = IPAddress(v4: 1)

        init(_ terms: FailoverTerms, seed: UInt64) {
            self.terms = terms
            random = SeededRandom(seed: seed)
            let members = [0, 1].map { slot in
                SteerMember(name: "", slot: slot, address: IPAddress(v4: UInt32(slot + 1)))
            }
            table = SteerTable(
                [
                    SteerDefinition(
                        name: "www",
                        policy: .failover(members.map { .address($0) }),
                        leastTTL: terms.leastTTL
                    )
                ],
                health: health
            )
            keeper = HealthKeeper(table: health, load: LoadTable(capacity: 4, workers: 1))
            let checks = CheckSettings(
                fall: terms.fall,
                interval: terms.interval,
                fastInterval: terms.fastInterval
            )
            for slot in [0, 1] {
                let identity = EndpointIdentity(pool: "p", host: "\(slot)", port: 0)
                let registration = HealthRegistration(
                    slot: slot,
                    identity: identity,
                    name: "",
                    checks: slot == 0 ? checks : nil,
                    passive: nil
                )
                _ = keeper.register(registration, now: .start)
            }
        }

        /// Fails the target somewhere in ten intervals, and waits until nobody is sent there.
        func run(_ fault: TargetFault) -> Run {
            let span = UInt32(clamping: terms.interval.microseconds * 10)
            let warm = terms.interval * 3 + .seconds(Int64(terms.ttl))
            let failure = Instant.start + warm + .microseconds(Int64(random.next(below: span)))
            let rhythm = ProbeRhythm(
                interval: terms.interval,
                fastInterval: terms.fastInterval,
                timeout: terms.timeout,
                jitterPercent: UInt8(clamping: terms.jitterPercent)
            )
            let place = Int(random.next(below: 1_000))
            var schedule = ProbeSchedule(rhythm, place: place, of: 1, now: .start)
            var run = Run()
            // A resolver's first question comes at any moment within one TTL.
            let phase = random.next(below: UInt32(clamping: Int64(terms.ttl) * 1_000_000 + 1))
            var exact = Instant.start + .seconds(1) + .microseconds(Int64(phase))
            var whole = exact
            while true {
                let start = schedule.due
                _ = schedule.begin(now: start)
                let hasFailed = start >= failure
                let end = start + (hasFailed && fault == .hangs ? terms.timeout : .zero)
                exact = ask(from: exact, until: end, inWholeSeconds: false)
                whole = ask(from: whole, until: end, inWholeSeconds: true)
                schedule.finish(now: end, random: &random)
                let outcome: ProbeOutcome =
                    hasFailed ? .failure(.connectRefused, detail: "") : .success
                _ = keeper.record(0, outcome, now: end)
                let isChanging = keeper.isChanging(0)
                schedule.setChanging(isChanging, isIdle: true, now: end, random: &random)
                guard health.word(0).health == .down else { continue }
                run.detection = end - failure
                run.exact = max(exact, end) - failure
                run.whole = max(whole, end) - failure
                return run
            }
        }

        /// Has a resolver ask whenever what it keeps is too old; returns when that is next.
        ///
        /// One that counts in whole seconds cuts the moment at which it got the answer, and keeps
        /// that to the end of the last second.
        private func ask(
            from kept: Instant,
            until end: Instant,
            inWholeSeconds: Bool
        ) -> Instant {
            var kept = kept
            while kept < end {
                var set = AnswerSet()
                table.answer(
                    policy: 0,
                    SteerQuestion(now: kept, families: .ipv4),
                    into: &set,
                    random: &random
                )
                // Before the first verdict, and then for as long as it is not down.
                let ttl = set.address(0) == first ? set.ttl(atMost: terms.ttl) : 0
                guard ttl > 0 else { return end }
                if inWholeSeconds {
                    let second = kept.nanoseconds / 1_000_000_000 * 1_000_000_000
                    kept = Instant(nanoseconds: second) + .seconds(1)
                }
                kept = kept + .seconds(Int64(ttl))
            }
            return kept
        }
    }

    @Test(arguments: settings, TargetFault.allCases)
    func `every failover lies within the bounds, and their mean at the typical time`(
        setting: Setting,
        fault: TargetFault
    ) {
        let expected = FailoverTime(setting.terms, fault)
        let detection = expected.detection
        let longest = detection.worst + expected.ttl.worst
        var sums = (detection: 0.0, exact: 0.0, whole: 0.0)
        for trial in 0..<Self.trials {
            let bench = Bench(setting.terms, seed: UInt64(trial))
            let run = bench.run(fault)
            let isWithin = detection.best <= run.detection && run.detection <= detection.worst
            #expect(isWithin, "trial \(trial): \(run.detection), \(detection)")
            #expect(run.exact <= longest, "trial \(trial): \(run.exact) of \(longest)")
            let most = longest + expected.rounding.worst
            #expect(run.whole <= most, "trial \(trial): \(run.whole) of \(most)")
            sums.detection += run.detection.seconds
            sums.exact += run.exact.seconds
            sums.whole += run.whole.seconds
        }
        let count = Double(Self.trials)
        let typical = detection.typical.seconds
        let mean = sums.detection / count
        #expect(abs(mean - typical) <= typical * 0.03, "\(mean) s, computed \(typical) s")
        let exact = typical + expected.ttl.typical.seconds
        let kept = sums.exact / count
        #expect(abs(kept - exact) <= exact * 0.1, "\(kept) s, computed \(exact) s")
        let whole = exact + expected.rounding.typical.seconds
        let longer = sums.whole / count
        #expect(abs(longer - whole) <= whole * 0.1, "\(longer) s, computed \(whole) s")
    }
}
