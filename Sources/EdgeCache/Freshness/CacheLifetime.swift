// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// For how long responses of some statuses are fresh where they do not say it themselves.
public struct CacheLifetime: Sendable, Equatable {
    /// The statuses.
    public var statuses: ClosedRange<UInt16>
    /// How old such a response may become.
    public var lifetime: Interval

    /// Joins the parts.
    public init(_ statuses: ClosedRange<UInt16>, _ lifetime: Interval) {
        self.statuses = statuses
        self.lifetime = lifetime
    }
}

extension CacheRules {
    /// What the operator says of a status: of several entries the one for the fewest statuses.
    func lifetime(_ status: UInt16) -> Interval? {
        var found: Interval?
        var fewest = Int.max
        for entry in lifetimes where entry.statuses.contains(status) {
            guard entry.statuses.count < fewest else { continue }
            fewest = entry.statuses.count
            found = entry.lifetime
        }
        return found
    }
}
