// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Lines that others can cause as often as they like: a few of each cause in a minute, and how many
/// were left out when that is over.
///
/// Pure. Whoever may change a zone, or asks for one he may not have, must not fill the log.
struct RepeatedLines: Sendable {
    /// What makes one line like another.
    enum Cause: String, Sendable, CaseIterable {
        /// A change makes a zone that cannot be served.
        case refusedChange = "refused changes of zones"
        /// A change is not kept.
        case lostChange = "changes of zones that were not kept"
        /// A peer may not take a zone, or not now.
        case refusedTransfer = "refused transfers of zones"
        /// A dynamic update is kept.
        case keptUpdate = "dynamic updates that were kept"
        /// A change by the zone API or an operator is kept.
        case keptChange = "changes of zones by the zone API and by operators that were kept"
        /// The zone API was asked with a wrong key.
        case wrongKey = "requests of the zone API with a wrong key"

        /// Lines in a minute.
        var limit: Int { isExpected ? RepeatedLines.keptLimit : RepeatedLines.limit }
        /// True for what goes as it should, however often.
        var isExpected: Bool { self == .keptUpdate || self == .keptChange }
    }

    /// Lines of one cause in a minute.
    static let limit = 10
    /// The same of changes that were kept: they are a trail of who has changed what.
    static let keptLimit = 60
    static let period = Interval.seconds(60)

    private struct Minute: Sendable {
        var end: Instant
        var told = 0
        var leftOut: UInt64 = 0
    }
    private var minutes: [Cause: Minute] = [:]

    /// True when a line is to be written; counts it as left out else.
    mutating func lets(_ cause: Cause, at now: Instant) -> Bool {
        let fresh = Minute(end: now + RepeatedLines.period)
        var minute = minutes[cause] ?? fresh
        // What was left out is told before another minute begins.
        if now >= minute.end, minute.leftOut == 0 { minute = fresh }
        let isTold = minute.told < cause.limit
        if isTold { minute.told += 1 } else { minute.leftOut += 1 }
        minutes[cause] = minute
        return isTold
    }

    /// When there is something to tell of lines that were left out.
    var deadline: Instant {
        minutes.values.filter { $0.leftOut > 0 }.map(\.end).min() ?? .never
    }

    /// What was left out in minutes that are over.
    mutating func takeLeftOut(at now: Instant) -> [(cause: Cause, count: UInt64)] {
        var found: [(Cause, UInt64)] = []
        for cause in Cause.allCases {
            guard let minute = minutes[cause], minute.leftOut > 0, now >= minute.end else {
                continue
            }
            found.append((cause, minute.leftOut))
            minutes[cause] = nil
        }
        return found
    }
}
