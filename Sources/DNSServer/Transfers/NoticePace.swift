// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How often a notice is sent that nobody answers, and with which waits (RFC 1996 §3.6).
///
/// The RFC has an interval of 60 s and five repetitions for reasonable, and lets the interval grow.
/// These are five as well: the first comes soon, for a server that starts anew, and each of the others
/// after twice as long, so that none is flooded.
public struct NoticePace: Sendable, Equatable {
    /// Most repetitions that can be configured, the first notice included.
    public static let attemptLimit = 12

    /// How often it is sent, the first time included.
    public var attempts: Int
    /// How long an answer is waited for before it is sent again; then twice as long each time.
    public var firstWait: Interval

    /// Joins the parts.
    public init(attempts: Int = 6, firstWait: Interval = .seconds(2)) {
        self.attempts = min(max(attempts, 1), NoticePace.attemptLimit)
        self.firstWait = firstWait
    }

    func wait(after attempts: Int) -> Interval {
        firstWait * (Int64(1) << Int64(min(max(attempts, 0), NoticePace.attemptLimit)))
    }
}
