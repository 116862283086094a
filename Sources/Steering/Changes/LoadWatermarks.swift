// SPDX-License-Identifier: Apache-2.0

/// Between which loads a branch gives up its share.
///
/// The load of a branch is what its endpoints have in hand by their limits. Up to the low mark it
/// keeps its weight; from there to the high mark the weight falls evenly; above it gets nothing, as
/// long as another branch can serve.
public struct LoadWatermarks: Sendable, Equatable {
    /// The share of the limits up to which nothing is shed, 0 to 1.
    public var low: Double
    /// The share from which all is shed.
    public var high: Double

    /// Joins the parts.
    public init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }

    /// What the weight is multiplied by, in 1024ths; a load that nobody knows sheds nothing.
    public func factor(load: Double?) -> UInt32 {
        guard let load, load > low else { return Dial.fullFactor }
        guard load < high else { return 0 }
        return UInt32((high - load) / (high - low) * Double(Dial.fullFactor))
    }
}
