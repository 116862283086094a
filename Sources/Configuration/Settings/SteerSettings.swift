// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A policy that chooses DNS answers.
public struct SteerSettings: Sendable, Equatable {
    /// The key under `steer`.
    public var name: String
    /// How the answer is chosen.
    public var policy: PolicySettings
    /// What is answered when nothing is healthy.
    public var allDown: AllDownAnswer
    /// The TTL of the answers, and the most that it can be.
    public var ttl: Interval
    /// The least that health may bring the TTL to; nil means half of it.
    public var minTTL: Interval?
}

/// What a steered name answers when nothing is healthy.
public enum AllDownAnswer: String, Sendable, Equatable, CaseIterable {
    /// All addresses, as if all were healthy.
    case all
    /// No address: NODATA.
    case none
    /// SERVFAIL, so that resolvers ask another server.
    case servfail
    /// What was answered last while something was healthy.
    case lastGood = "last-good"
}

/// How an answer is chosen; policies nest.
public indirect enum PolicySettings: Sendable, Equatable {
    /// One address, checked by the probe when one is named.
    case address(IPAddress, probe: String?)
    /// The endpoints of a pool.
    case pool(String)
    /// Another policy by name; references form no loop.
    case steer(String)
    /// All healthy members, rotated.
    case roundRobin([PolicySettings])
    /// One healthy member by weight.
    case weighted([WeightedPolicySettings])
    /// The first member with anything healthy.
    case failover([PolicySettings])
}

/// A member of a weighted policy.
public struct WeightedPolicySettings: Sendable, Equatable {
    /// Its share; zero means never.
    public var weight: Int
    /// What it answers.
    public var policy: PolicySettings
}
