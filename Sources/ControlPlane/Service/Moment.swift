// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Now, on both clocks: one to count by and one to write down.
public struct Moment: Sendable, Equatable, BitwiseCopyable {
    /// The clock that never jumps, for deadlines and ages.
    public var now: Instant
    /// Nanoseconds since 1970 in UTC, for people.
    public var realtime: Int64

    /// A moment on both clocks.
    public init(now: Instant, realtime: Int64) {
        self.now = now
        self.realtime = realtime
    }

    /// What the calendar said at an earlier point of the monotonic clock.
    public func realtime(of instant: Instant) -> Int64 {
        realtime &- (now - instant).nanoseconds
    }
}
