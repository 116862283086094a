// SPDX-License-Identifier: Apache-2.0

/// Everything immutable that choosing needs, built once per snapshot and shared by all workers.
///
/// Tables for consistent hashing are built here, off the workers, with the weight overrides of
/// that moment; a later lower override is honoured at the choice, a higher one at the next plan.
public struct SelectionPlan: Sendable {
    /// The pools in the order of their numbers.
    public let pools: [PoolDefinition]

    /// Builds the flat arrays and hash tables.
    public init(pools: [PoolDefinition], health: HealthTable) {
        self.pools = pools
    }
}
