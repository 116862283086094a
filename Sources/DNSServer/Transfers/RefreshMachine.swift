// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// When a secondary looks whether its primary has a newer version (RFC 1034 §4.3.5).
///
/// Pure: it is told what happened and when, and says when it wants to look again.
public struct RefreshMachine: Sendable, Equatable {
    /// What the SOA says of looking.
    public struct Timers: Sendable, Equatable {
        /// From one look to the next.
        public var refresh: Interval
        /// From a look that failed to the next.
        public var retry: Interval
        /// How long the zone is good without a look that succeeded.
        public var expire: Interval

        /// From the numbers of an SOA, in seconds; a look a second is the most.
        public init(refresh: UInt32, retry: UInt32, expire: UInt32) {
            self.refresh = .seconds(Int64(max(refresh, 1)))
            self.retry = .seconds(Int64(max(retry, 1)))
            self.expire = .seconds(Int64(max(expire, 1)))
        }
    }

    /// The version in hand; nil while there is none.
    public private(set) var serial: SerialNumber?
    /// What its SOA says.
    public private(set) var timers = Timers(refresh: 3600, retry: 600, expire: 1_209_600)
    /// When a look last succeeded.
    public private(set) var checkedAt: Instant?
    /// When the next look is due.
    public private(set) var nextCheck: Instant
    /// True while somebody looks.
    public private(set) var isChecking = false
    /// Looks that have failed since the last that succeeded.
    public private(set) var failures = 0
    // A notice came while somebody looked: that may have been too early.
    private var isNoticed = false
    // When somebody last looked.
    private var lookedAt: Instant?

    /// Notices have a zone looked at no more often than this: whoever forges them gains little.
    static let noticeGap = Interval.seconds(1)
    /// The longest wait while there is no version at all.
    static let firstWait = Interval.seconds(300)

    /// Looks at once.
    public init(now: Instant) { nextCheck = now }

    /// Has a version from a former process, seen to be good then.
    public mutating func restore(
        _ serial: SerialNumber,
        _ timers: Timers,
        checkedAt: Instant
    ) {
        self.serial = serial
        self.timers = timers
        self.checkedAt = checkedAt
    }

    /// True, once, when it is time to look; whoever looks says how it went.
    public mutating func begin(now: Instant) -> Bool {
        guard !isChecking, nextCheck <= now else { return false }
        isChecking = true
        isNoticed = false
        return true
    }

    /// A primary says that there is a newer version (RFC 1996 §4.7): the serial is a hint alone.
    public mutating func notice(_ hint: SerialNumber?, now: Instant) {
        if let hint, let serial, !hint.isNewer(than: serial), failures == 0 { return }
        isNoticed = true
        if !isChecking { nextCheck = min(nextCheck, afterNotice(now)) }
    }

    /// A look has found this version, or has taken it; `draw` is random, below 1000.
    public mutating func succeed(
        _ serial: SerialNumber,
        _ timers: Timers,
        now: Instant,
        draw: Int
    ) {
        self.serial = serial
        self.timers = timers
        checkedAt = now
        failures = 0
        isChecking = false
        // Up to a tenth earlier: many zones that came at once are not looked at together for ever.
        let wait = timers.refresh.nanoseconds
        plan(now, Interval(nanoseconds: wait - wait / 10_000 * Int64(min(max(draw, 0), 999))))
    }

    /// A look has failed at all primaries.
    public mutating func fail(now: Instant, draw: Int) {
        failures += 1
        isChecking = false
        var wait = timers.retry
        if serial == nil {
            let doubled = Interval.seconds(Int64(1) << Int64(min(failures, 12)))
            wait = min(doubled, RefreshMachine.firstWait)
        }
        let spread = wait.nanoseconds / 10_000 * Int64(min(max(draw, 0), 999))
        plan(now, Interval(nanoseconds: wait.nanoseconds - spread))
    }

    private mutating func plan(_ now: Instant, _ wait: Interval) {
        lookedAt = now
        nextCheck = isNoticed ? min(afterNotice(now), now + wait) : now + wait
        isNoticed = false
    }

    private func afterNotice(_ now: Instant) -> Instant {
        guard let lookedAt else { return now }
        return max(now, lookedAt + RefreshMachine.noticeGap)
    }

    /// When the zone stops being good; never while there is none.
    ///
    /// Not before a look and another one could have failed, whatever the SOA says (RFC 1912 §2.2).
    public var expiresAt: Instant {
        guard serial != nil, let checkedAt else { return .never }
        let looks = timers.refresh.nanoseconds + timers.retry.nanoseconds
        return checkedAt + Interval(nanoseconds: max(timers.expire.nanoseconds, looks))
    }

    /// True when the zone must not be answered from any more.
    public func isExpired(now: Instant) -> Bool { serial != nil && expiresAt <= now }
}
