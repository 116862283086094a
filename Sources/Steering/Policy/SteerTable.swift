// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// All steered names in flat arrays: evaluates a policy without heap or reference counting.
///
/// A question goes through a tree in two steps at every node. First, is it live (SteerTable+Live):
/// is there enough below to answer with, for this client? Then what it picks (SteerTable+Picking),
/// from live branches only. A node that is not live is answered by its all-down rule
/// (SteerTable+AllDown).
///
/// IPv4 and IPv6 answers come from one decision: which branch serves is settled by the health of
/// all its members, and only then the family asked for is taken from it. Otherwise a name could
/// send its IPv4 clients to one site and its IPv6 clients to another.
///
/// What a decision takes from the client's address it takes through ``PrefixTable``, or as the
/// network of a sticky draw: both tell how many leading bits they looked at, and the highest of
/// these numbers is the scope (RFC 7871 §7.2.1). All clients that share so many bits go through the
/// same nodes, so scopes never overlap.
public struct SteerTable: Sendable {
    /// The definitions in the order of their numbers.
    public let definitions: [SteerDefinition]
    private(set) var health: HealthTable
    // What counts of answers know the policies by: numbers change with the configuration.
    let identities: [UInt64]
    /// Changes with every change of the trees: numbers of nodes mean the same while it stays.
    public let layoutMark: UInt64
    let nodes: [PolicyNode]
    let edges: [PolicyEdge]
    let regions: [RegionTable]
    let leastTTLs: [UInt32]
    let haveRules: [Bool]
    // The names in wire form, one behind the other, and where each begins; at the end where all end.
    private let targetBytes: [UInt8]
    private let targetPlaces: [Int]
    private(set) var board: DialBoard

    /// Lays the policies out; weights and times that change are read from the board.
    public init(
        _ definitions: [SteerDefinition],
        health: HealthTable,
        board: DialBoard = DialBoard(branches: 0, policies: 0)
    ) {
        let layout = PolicyLayout(definitions)
        self.definitions = definitions
        self.health = health
        self.board = board
        haveRules = layout.haveRules
        identities = definitions.map { max(Hash.text($0.name), 1) }
        layoutMark = layout.mark(identities)
        nodes = layout.nodes
        edges = layout.edges
        regions = layout.regions
        leastTTLs = layout.leastTTLs
        targetBytes = layout.targets.flatMap(\.self)
        targetPlaces = layout.targets.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
    }

    /// ``DialBoard/dialChanges``: while it stays, so do the weights that policies read.
    public var dialChanges: UInt64 { board.dialChanges }

    /// The same policies over another picture of health, and other weights: for what would be if.
    public func reading(_ health: HealthTable, _ board: DialBoard? = nil) -> SteerTable {
        var other = self
        other.health = health
        if let board { other.board = board }
        return other
    }

    /// What counts of answers know a policy by, the same as long as it has its name; 0 for none.
    public func identity(of policy: Int) -> UInt64 {
        policy >= 0 && policy < identities.count ? identities[policy] : 0
    }

    /// State changes published so far to what the policies read.
    public var healthGeneration: UInt64 { health.generation }

    /// A board of the same size, on which nothing is set.
    public func emptyBoard() -> DialBoard {
        DialBoard(branches: board.branches, policies: board.policies)
    }

    /// True when a policy answers with names; it has no addresses then.
    public func answersNames(policy: Int) -> Bool {
        policy >= 0 && policy < definitions.count && nodes[policy].families == .names
    }

    /// The name that an answer of such a policy stands for, in wire form; empty for none.
    @_lifetime(borrow self)
    public func target(of answer: IPAddress) -> Span<UInt8> {
        guard let number = Int(exactly: answer.bits), number < targetPlaces.count - 1 else {
            return targetBytes.span.extracting(0..<0)
        }
        return targetBytes.span.extracting(targetPlaces[number]..<targetPlaces[number + 1])
    }

    /// The same as bytes of its own: for what is shown to people.
    public func targetName(of answer: IPAddress) -> [UInt8] {
        let name = target(of: answer)
        return name.indices.map { name[$0] }
    }

    /// Number of policies.
    public var count: Int { definitions.count }

    /// The number of the policy named so; nil when there is none.
    public func find(_ name: String) -> Int? {
        definitions.firstIndex { $0.name == name }
    }

    /// Evaluates a policy for one query.
    public func answer(
        policy: Int,
        _ question: SteerQuestion,
        into set: inout AnswerSet,
        random: inout SeededRandom
    ) {
        set.clear()
        guard policy >= 0, policy < leastTTLs.count else { return }
        set.leastTTL = leastTTLs[policy]
        guard !nodes[policy].families.isDisjoint(with: question.families) else {
            // Nothing of this family was ever configured: that is no outage, and no client's.
            set.outcome = .noData
            set.isLasting = true
            return
        }
        if haveRules[policy] {
            answerByRules(policy, question, &set, &random)
        } else if !pickIfLive(policy, question, &set, &random) {
            goWithoutHealth(policy, question, &set, &random)
        }
        if set.count > 0 {
            set.outcome = .addresses
        } else if set.saysServfail {
            set.outcome = .servfail
        } else {
            set.outcome = set.saysNone ? .none : .noData
        }
        guard set.outcome == .none || set.outcome == .servfail,
            !isMeant(policy, for: question.client, &set)
        else { return }
        // No health was looked at for that.
        (set.isForOthers, set.mode) = (true, .healthy)
    }

    // While the answers rest, what has returned since they changed is left out, unless nothing else
    // is there.
    private func answerByRules(
        _ policy: Int,
        _ question: SteerQuestion,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        set.highestTTL = board.highestTTL(policy) ?? .max
        let since = board.heldSince(policy)
        if since != .start {
            var resting = question
            resting.filter.latestReturn = since.nanoseconds
            resting.filter.returnsAt = board.heldUntil(policy).nanoseconds
            if isLive(policy, resting, &set) {
                set.isResting = true
                return pick(policy, resting, &set, &random)
            }
        }
        if !pickIfLive(policy, question, &set, &random) {
            goWithoutHealth(policy, question, &set, &random)
        }
    }
}
