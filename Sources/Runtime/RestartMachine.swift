// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Decides how soon a process that has ended is started again.
///
/// The first restart is at once: a crash is not an outage. Repeated crashes wait longer each time,
/// so that a process that cannot live does not burn the machine. A quiet minute forgives.
public struct RestartMachine: Sendable, Equatable {
    /// How a serving process went.
    public enum Ending: Sendable, Equatable {
        /// It trapped, failed, or was ended before it served.
        case crashed
        /// Somebody ended it by SIGKILL while it served: that says nothing about the program.
        case killedWhileServing
    }

    /// Crashes further apart than this do not count as repeated.
    public static let quiet = Interval.seconds(60)
    /// The longest wait.
    public static let longest = Interval.seconds(5)

    /// Crashes within ``quiet`` of each other.
    public private(set) var crashes = 0
    private var latest = Instant.start

    /// A machine that has seen no crash.
    public init() {}

    /// Takes an ending; returns how long to wait before the next start.
    public mutating func ended(_ ending: Ending, now: Instant) -> Interval {
        guard ending == .crashed else { return .zero }
        if crashes > 0, now - latest > RestartMachine.quiet { crashes = 0 }
        defer {
            crashes += 1
            latest = now
        }
        guard crashes > 0 else { return .zero }
        // 100 ms, doubled by each crash; six doublings are beyond the longest wait already.
        let doublings = Int64(1) << Int64(min(crashes - 1, 6))
        return min(Interval.milliseconds(100) * doublings, RestartMachine.longest)
    }
}
