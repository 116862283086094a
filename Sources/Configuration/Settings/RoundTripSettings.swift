// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Round trips between clients and targets, for policies that go by them.
public struct RoundTripSettings: Sendable, Equatable {
    /// The file of measurements made elsewhere; nil for none.
    public var file: String?
    /// The target that this process is, for its own measurements; nil for none.
    public var site: String?
    /// Round trips below which a row counts for nothing.
    public var minSamples = 5
    /// Age beyond which it does.
    public var maxAge = Interval.seconds(86_400)
    /// How much better another branch must be, of the round trip of the one that it displaces.
    public var margin = Percentage(10)
    /// The same as a time; the larger of both counts.
    public var minGain = Interval.milliseconds(5)
    /// The least time between two tables.
    public var interval = Interval.seconds(10)
    /// Rows that are kept of what is learnt.
    public var rows = 65_536

    /// Nothing measured: what holds when the file says nothing.
    public init() {}
}
