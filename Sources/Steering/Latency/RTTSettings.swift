// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// When measurements count, and when they change an order.
public struct RTTSettings: Sendable, Equatable {
    /// Rows that are kept of what is learnt.
    public var rowLimit = 65_536
    /// Round trips below which a row counts for nothing.
    public var minimumSamples: UInt32 = 5
    /// Age beyond which it does.
    public var maximumAge = Interval.seconds(86_400)
    /// How much better another branch must be to take the place of one, in percent of that one.
    public var marginPercent = 10
    /// The same in milliseconds; the larger of both counts.
    public var marginMilliseconds = 5.0
    /// Between two tables at least.
    public var interval = Interval.seconds(10)

    /// The shipped rules.
    public init() {}

    /// How much better than so many milliseconds another one must be.
    func margin(_ milliseconds: Double) -> Double {
        max(milliseconds * Double(marginPercent) / 100, marginMilliseconds)
    }
}
