// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// All steered names in flat arrays: evaluates a policy without heap or reference counting.
///
/// IPv4 and IPv6 answers come from one decision: which branch serves is settled by the health of
/// all its members, and only then the family asked for is taken from it. Otherwise a name could
/// send its IPv4 clients to one site and its IPv6 clients to another.
public struct SteerTable: Sendable {
    /// The definitions in the order of their numbers.
    public let definitions: [SteerDefinition]
    let health: HealthTable
    let policies: [PolicyRecord]
    let nodes: [PolicyNode]
    let members: [MemberRecord]

    /// Lays the policies out.
    public init(_ definitions: [SteerDefinition], health: HealthTable) {
        var layout = PolicyLayout()
        for definition in definitions { layout.add(definition) }
        self.definitions = definitions
        self.health = health
        policies = layout.policies
        nodes = layout.nodes
        members = layout.members
    }

    /// Number of policies.
    public var count: Int { policies.count }

    /// The number of the policy named so; nil when there is none.
    public func find(_ name: String) -> Int? {
        definitions.firstIndex { $0.name == name }
    }

    /// Evaluates a policy for one query.
    public func answer(
        policy: Int,
        now: Instant,
        into set: inout AnswerSet,
        random: inout SeededRandom,
        wantIPv4: Bool
    ) {
        set.clear()
        guard policy >= 0, policy < policies.count else { return }
        let record = policies[policy]
        set.leastTTL = record.leastTTL
        var filter = MemberFilter(mask: 0b1_1111, want: 0b0_0001, wantIPv4: wantIPv4)
        var leaf = serving(record.root, filter, &set)
        if leaf < 0 {
            leaf = servingWithoutHealth(record, &filter, &set)
        }
        guard wantIPv4 ? record.hasIPv4 : record.hasIPv6 else {
            // Nothing of this family was ever configured: that is no outage.
            set.outcome = .noData
            return
        }
        guard leaf >= 0 else {
            set.outcome = record.allDown == .servfail ? .servfail : .none
            return
        }
        fill(nodes[leaf], filter, &set, &random)
        set.leaf = leaf
        set.outcome = set.count > 0 ? .addresses : .noData
    }

    // The leaf that serves, or -1: the first branch with a member that passes the filter.
    private func serving(_ node: Int, _ filter: MemberFilter, _ set: inout AnswerSet) -> Int {
        let record = nodes[node]
        if record.kind == .failover {
            for child in record.first..<(record.first &+ record.count) {
                let leaf = serving(child, filter, &set)
                if leaf >= 0 { return leaf }
            }
            return -1
        }
        var isServing = false
        // To the end even after the first: every member of the leaf bounds how long its answer
        // holds.
        for place in record.first..<(record.first &+ record.count) {
            let member = members[place]
            let word = health.word(Int(member.slot))
            set.consult(word)
            if weight(member, word, filter) != 0 { isServing = true }
        }
        return isServing ? node : -1
    }

    private func servingWithoutHealth(
        _ record: PolicyRecord,
        _ filter: inout MemberFilter,
        _ set: inout AnswerSet
    ) -> Int {
        switch record.allDown {
        case .none, .servfail: return -1
        case .all:
            set.mode = .allDown
            (filter.mask, filter.want) = (0b1100, 0)
            let ready = serving(record.root, filter, &set)
            if ready >= 0 { return ready }
            // All are drained or in maintenance: draining ones that are up still serve, and an
            // empty answer, cached for long, would be worse.
            (filter.mask, filter.want) = (0b1_1011, 0b0_0001)
            return serving(record.root, filter, &set)
        case .lastGood:
            set.mode = .lastGood
            (filter.mask, filter.want) = (0b1100, 0)
            filter.earliestChange = lastChange(record, filter)
            return filter.earliestChange == .min ? -1 : serving(record.root, filter, &set)
        }
    }

    // What went down within ten seconds of the last one counts as one collapse: the set answered
    // before it is the last good one.
    private func lastChange(_ record: PolicyRecord, _ filter: MemberFilter) -> Int64 {
        var latest = Int64.min
        for place in record.firstMember..<(record.firstMember &+ record.memberCount) {
            let member = members[place]
            guard weight(member, health.word(Int(member.slot)), filter) != 0 else { continue }
            latest = max(latest, health.changed(Int(member.slot)).nanoseconds)
        }
        return latest == .min ? .min : max(latest &- 10_000_000_000, 0)
    }

    private func fill(
        _ leaf: PolicyNode,
        _ filter: MemberFilter,
        _ set: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        var total: UInt64 = 0
        var eligible: UInt32 = 0
        var drawn = -1
        for place in leaf.first..<(leaf.first &+ leaf.count) {
            let weight = weightInFamily(place, filter)
            guard weight != 0 else { continue }
            eligible &+= 1
            total &+= UInt64(weight)
            // A reservoir of one: each keeps the draw with the odds of its weight.
            guard leaf.kind == .weighted else { continue }
            if random.next().multipliedFullWidth(by: total).high < UInt64(weight) { drawn = place }
        }
        if leaf.kind == .weighted {
            if drawn >= 0 { set.append(members[drawn]) }
            return
        }
        let start = random.next(below: eligible)
        rotate(leaf, filter, from: start, &set)
    }

    private func rotate(
        _ leaf: PolicyNode,
        _ filter: MemberFilter,
        from start: UInt32,
        _ set: inout AnswerSet
    ) {
        for round in 0..<2 {
            var ordinal: UInt32 = 0
            for place in leaf.first..<(leaf.first &+ leaf.count) {
                guard weightInFamily(place, filter) != 0 else { continue }
                if (round == 0) == (ordinal >= start) { set.append(members[place]) }
                ordinal &+= 1
            }
        }
    }

    private func weightInFamily(_ place: Int, _ filter: MemberFilter) -> UInt32 {
        let member = members[place]
        guard member.address.isIPv4 == filter.wantIPv4 else { return 0 }
        return weight(member, health.word(Int(member.slot)), filter)
    }

    // 0 when the member is not to be answered.
    private func weight(
        _ member: MemberRecord,
        _ word: HealthWord,
        _ filter: MemberFilter
    ) -> UInt32 {
        guard word.bits & filter.mask == filter.want else { return 0 }
        if filter.earliestChange != .min,
            health.changed(Int(member.slot)).nanoseconds < filter.earliestChange
        {
            return 0
        }
        guard word.hasWeightOverride else { return member.weight }
        return health.weightOverride(Int(member.slot)) ?? member.weight
    }
}
