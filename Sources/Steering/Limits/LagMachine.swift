// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Whether a worker keeps up with its events, and whom it refuses when it does not.
///
/// A worker waits for events, handles what is there, and waits again. What becomes ready while it
/// is busy waits until the turn is over, so the length of turns is the time from readiness to
/// handling. Of each window of a tenth of a second the machine keeps the lag that an event met
/// which came at any moment of it, the squares of the turns over the time:
///
///     idle        |..#......#...........#......|   turns are short and rare: no lag
///     one stall   |..########..................|   long once: half of its length
///     behind      |############################|   one turn after the other: all of it
///
/// The least of three windows decides, so that a stall refuses nobody, and a worker that has
/// caught up serves all again with its next window. After CoDel (RFC 8289), whose signal is the
/// least delay of an interval as well.
public struct LagMachine: Sendable, BitwiseCopyable {
    /// Whom a worker refuses.
    public enum Level: UInt8, Sendable, BitwiseCopyable, CaseIterable, Comparable {
        /// Nobody.
        case none
        /// Requests of low priority.
        case low
        /// Those and normal ones; never those of high priority.
        case normal

        /// The word in API and status.
        public var word: StaticString {
            switch self {
            case .none: "none"
            case .low: "low"
            case .normal: "normal"
            }
        }

        /// Refuses fewer than.
        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    }

    /// The lag of the latest window.
    public private(set) var lag = Interval.zero
    /// Whom the worker refuses now.
    public private(set) var level = Level.none

    private var windowBegan: Instant
    private var turnBegan: Instant
    private var squares = 0.0
    private var before = (Interval.zero, Interval.zero)

    private static let window = Interval.milliseconds(100)
    /// A wait for events that takes longer has found none: nothing was late.
    private static let pause = Interval.microseconds(100)
    /// Normal requests are refused at so many times the lag at which low ones are.
    public static let factor: Int64 = 4

    /// A worker that has just begun.
    public init(now: Instant) {
        windowBegan = now
        turnBegan = now
    }

    /// A turn is over, and the next has begun.
    ///
    /// The worker began to wait at `waited`, and events were there at `now`. Low requests are
    /// refused from a lag of `limit` on; zero for never.
    public mutating func turn(waited: Instant, now: Instant, limit: Interval) {
        // Events that were there already have waited since the turn before began; others came just now.
        let wasBusy = now - waited <= LagMachine.pause
        let end = wasBusy ? now : waited
        let length = Double(max((end - turnBegan).nanoseconds, 0))
        squares += length * length
        turnBegan = now
        let passed = now - windowBegan
        guard passed >= LagMachine.window else { return }
        close(passed, limit)
        windowBegan = now
    }

    private mutating func close(_ passed: Interval, _ limit: Interval) {
        lag = Interval(nanoseconds: Int64(squares / Double(passed.nanoseconds)))
        squares = 0
        let least = min(lag, before.0, before.1)
        before = (before.1, lag)
        guard limit > .zero else {
            level = .none
            return
        }
        // Back only at half of the limit, or requests that are refused would let it swing.
        let kept = min(
            level,
            LagMachine.level(at: lag, Interval(nanoseconds: limit.nanoseconds / 2))
        )
        level = max(LagMachine.level(at: least, limit), kept)
    }

    private static func level(at lag: Interval, _ limit: Interval) -> Level {
        guard lag >= limit else { return .none }
        return lag >= limit * factor ? .normal : .low
    }

    /// True when a request of this priority is to be refused.
    @inlinable public func refuses(_ priority: Priority) -> Bool {
        switch level {
        case .none: false
        case .low: priority == .low
        case .normal: priority != .high
        }
    }
}
