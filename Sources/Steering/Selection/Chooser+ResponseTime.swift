// SPDX-License-Identifier: Apache-2.0
internal import Essentials

// Least response time: peak EWMA (Finagle) of what this worker saw, times the work in flight in
// the whole process, compared between two draws.
//
//     sample > average: average = sample        a slow answer is believed at once
//     else:             average = average * a + sample * (1 - a),  a = exp(-dt / 10 s)
//     cost = average * (1 + in flight / relative share)
//
// Three guards. Identical servers differ by noise: a difference below a quarter decides nothing
// and the first draw, made by weight, stands. An idle endpoint's average fades, so that one that
// was slow is tried again; but only while it is idle, so the trial is a single request and a
// stuck endpoint is not fed. An endpoint without any sample is tried at once, and counts as 30 ms
// while its first request is under way.
extension EndpointBook {
    static var decay: Double { 10e9 }
    static var assumedResponseTime: Double { 30e6 }
    static var greatestPenalty: Double { 10e9 }

    mutating func observe(_ sample: Double, now: Int64) {
        let sample = max(sample, 1)
        if responseTime == 0 || sample > responseTime {
            responseTime = sample
        } else {
            let keep = EndpointBook.remainder(after: now &- measured)
            responseTime = responseTime * keep + sample * (1 - keep)
        }
        measured = now
    }

    /// The part of an average that is left after `age` nanoseconds.
    ///
    /// exp(-x) as the inverse of its series: within 1 % up to one decay time, never negative, and
    /// without a mathematics library.
    static func remainder(after age: Int64) -> Double {
        let x = Double(max(age, 0)) / decay
        return 1 / (1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4))))
    }

    func cost(inFlight: UInt64, relativeShare: Double, now: Int64) -> Double {
        guard inFlight > 0 else {
            return responseTime * EndpointBook.remainder(after: now &- measured)
        }
        let average = responseTime == 0 ? EndpointBook.assumedResponseTime : responseTime
        return average * (1 + Double(inFlight) / relativeShare)
    }
}

extension Chooser {
    mutating func pickFaster(_ tier: Int, _ record: TierRecord, _ question: inout Question) -> Int {
        let first = draw(tier, record, not: -1, &question)
        guard first >= 0, record.count > 1 else { return first }
        let second = drawRival(tier, record, of: first, &question)
        guard second >= 0 else { return first }
        let mine = cost(first, record, &question)
        let rival = cost(second, record, &question)
        return rival < mine * 0.8 ? second : first
    }

    private func cost(_ place: Int, _ record: TierRecord, _ question: inout Question) -> Double {
        let candidate = sources.plan.candidates[place]
        let share = Double(max(sources.share(candidate, &question), 1))
        return books[Int(truncatingIfNeeded: candidate.slot)].cost(
            inFlight: sources.inFlight(candidate),
            relativeShare: share / record.meanShare,
            now: question.now
        )
    }
}
