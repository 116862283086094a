// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Which members a pass over a policy takes.
struct MemberFilter {
    var mask: UInt64
    var want: UInt64
    var wantIPv4: Bool
    // Only members that changed since; the least value for all.
    var earliestChange = Int64.min
}

/// One policy in the flat arrays.
struct PolicyRecord: BitwiseCopyable {
    var root: Int
    var firstMember: Int
    var memberCount: Int
    var allDown: AllDownPolicy
    /// ``AnswerSet/halfOfMost`` for half of the record's TTL.
    var leastTTL: UInt32
    var hasIPv4: Bool
    var hasIPv6: Bool
}

/// One node of a policy's tree.
struct PolicyNode: BitwiseCopyable {
    enum Kind: UInt8 { case roundRobin, weighted, failover }

    var kind: Kind
    // Of members in a leaf, of nodes in an inner node.
    var first: Int
    var count: Int
}

/// One member of a leaf.
struct MemberRecord: BitwiseCopyable {
    var address: IPAddress
    var slot: UInt32
    var weight: UInt32
}

/// Lays policy trees out in flat arrays while a table is built.
struct PolicyLayout {
    var policies: [PolicyRecord] = []
    var nodes: [PolicyNode] = []
    var members: [MemberRecord] = []

    mutating func add(_ definition: SteerDefinition) {
        let root = nodes.count
        let firstMember = members.count
        nodes.append(PolicyNode(kind: .failover, first: 0, count: 0))
        lay(definition.policy, at: root)
        let own = members[firstMember...]
        policies.append(
            PolicyRecord(
                root: root,
                firstMember: firstMember,
                memberCount: own.count,
                allDown: definition.allDown,
                leastTTL: definition.leastTTL ?? AnswerSet.halfOfMost,
                hasIPv4: own.contains { $0.address.isIPv4 },
                hasIPv6: own.contains { !$0.address.isIPv4 }
            )
        )
    }

    private mutating func lay(_ policy: SteerPolicy, at place: Int) {
        switch policy {
        case .roundRobin(let list): layLeaf(.roundRobin, list, at: place)
        case .weighted(let list): layLeaf(.weighted, list, at: place)
        case .failover(let branches):
            let first = nodes.count
            nodes[place] = PolicyNode(kind: .failover, first: first, count: branches.count)
            // Children lie side by side, so the places come before what is in them.
            let empty = PolicyNode(kind: .failover, first: 0, count: 0)
            nodes += Array(repeating: empty, count: branches.count)
            for (step, branch) in branches.enumerated() { lay(branch, at: first + step) }
        }
    }

    private mutating func layLeaf(
        _ kind: PolicyNode.Kind,
        _ list: [SteerMember],
        at place: Int
    ) {
        nodes[place] = PolicyNode(kind: kind, first: members.count, count: list.count)
        for member in list {
            members.append(
                MemberRecord(
                    address: member.address,
                    slot: UInt32(clamping: member.slot),
                    weight: member.weight
                )
            )
        }
    }
}
