// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Why a pool chose as it did: the text side of ``Chooser/explain(pool:key:now:)``.
public struct PoolExplanation: Sendable, Equatable {
    /// The pool's name.
    public var pool: String
    /// The algorithm's word, for example `least-connections`.
    public var balance: String
    /// The outcome of the production code on a copy of its books.
    public var choice: Choice
    /// Which endpoints were considered.
    public var mode: ChoiceMode
    /// The tier that serves; nil when nobody was chosen.
    public var tier: UInt8?
    /// One sentence: why this one, or why nobody.
    public var why: String
    /// Every endpoint, in the order of the definition.
    public var candidates: [CandidateExplanation]

    init(why: String) {
        pool = ""
        balance = ""
        choice = .none(.empty)
        mode = .healthy
        tier = nil
        self.why = why
        candidates = []
    }
}

/// One endpoint in a ``PoolExplanation``.
public struct CandidateExplanation: Sendable, Equatable {
    /// Name within the pool.
    public var name: String
    /// Place in the health table.
    public var slot: Int
    /// Where it listens.
    public var address: SocketAddress
    /// Priority tier.
    public var tier: UInt8
    /// Weight in the file.
    public var configuredWeight: UInt32
    /// Weight set through the API, if any.
    public var weightOverride: UInt32?
    /// Slow-start factor, 0.1 to 1.
    public var slowStartFactor: Double
    /// The weight the choice used: (override, else configured) times the factors.
    public var effectiveWeight: Double
    /// Health, administrative state and reason.
    public var word: HealthWord
    /// How long it has been taking, or not taking, new work; nil when it never changed.
    public var age: Interval?
    /// Work in flight in the whole process.
    public var inFlight: Int
    /// Most work in flight; 0 for no limit.
    public var connectionLimit: UInt32
    /// What it has said of its part in the pool.
    public var role: EndpointRole
    /// Smoothed response time this worker has seen; nil before the first answer.
    public var responseTime: Interval?
    /// True when it could have been chosen.
    public var isEligible: Bool
    /// Why it could not be chosen; empty when it could.
    public var whyNot: String
    /// True for the chosen one.
    public var isChosen: Bool
}
