// SPDX-License-Identifier: Apache-2.0

/// The DNS door as a whole.
public struct DNSSettings: Sendable, Equatable {
    /// A record is kept of one query in so many; nil keeps none.
    public var sampleQueries: Int?
    /// Records that each worker keeps.
    public var keptQueries = 0
    /// What the server tells of itself when asked which one it is.
    public var identity = ToldText.nothing
    /// What it tells when asked for its version.
    public var version = ToldText.nothing
    /// True when answers say more of errors than their code (RFC 8914).
    public var extendedErrors = true
}

/// What a server tells of itself.
public enum ToldText: Sendable, Equatable {
    /// Nothing: such questions are refused.
    case nothing
    /// What it is: its host's name, or its program's.
    case own
    /// These words.
    case text(String)
}
