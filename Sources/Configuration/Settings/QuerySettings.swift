// SPDX-License-Identifier: Apache-2.0

/// The DNS door as a whole.
public struct DNSSettings: Sendable, Equatable {
    /// A record is kept of one query in so many; nil keeps none.
    public var sampleQueries: Int?
    /// Records that each worker keeps.
    public var keptQueries = 0
}
