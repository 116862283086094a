// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What ends by itself: what operators force, and ejections.
///
/// Answers hold no longer than that, so words tell how long it is until then. They are published when
/// something happens, and here nothing does but time.
extension HealthKeeper {
    /// Publishes how long is left where that is less than was told.
    mutating func countDown(_ now: Instant) -> [HealthEvent] {
        var events: [HealthEvent] = []
        for slot in forcedSlots.union(ejected).sorted() {
            guard let record = take(slot), let end = record.end, end > now,
                HealthRecord.outlasts(end, told: table.word(slot).secondsToChange) <= now
            else { continue }
            events += put(slot, record, [], now)
        }
        return events
    }

    /// When the first of them ends, or less is left of it than was told.
    var countDeadline: Instant {
        forcedSlots.union(ejected).compactMap { slot in
            take(slot)?.end.map {
                HealthRecord.outlasts($0, told: table.word(slot).secondsToChange)
            }
        }.min() ?? .never
    }
}

extension HealthRecord {
    /// When its state ends by itself; what is forced stands before an ejection.
    var end: Instant? { forced?.until ?? passive.ejectedUntil }

    /// Whole seconds until then, at least one.
    static func secondsLeft(until end: Instant, _ now: Instant) -> UInt16 {
        let seconds = max((end - now).nanoseconds / 1_000_000_000, 1)
        return UInt16(clamping: min(seconds, Int64(HealthWord.noChangeInSight)))
    }

    /// When less is left than the seconds that are told of it; the end when that is nearer.
    static func outlasts(_ end: Instant, told: UInt16) -> Instant {
        guard told > 1 else { return end }
        return end + .seconds(-Int64(told)) + Interval(nanoseconds: 1)
    }
}
