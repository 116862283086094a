// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// One node of a policy in the flat arrays.
struct PolicyNode: BitwiseCopyable {
    enum Kind: UInt8 { case address, roundRobin, weighted, failover, regional }
    enum AllDown: UInt8 { case inherit, all, none, servfail, lastGood, fallback }

    var kind = Kind.failover
    var draw = SteerPolicy.Draw.random
    var isMultiple = false
    // Families of the addresses below; of an address its own.
    var families: SteerFamilies = []
    var allDown = AllDown.inherit
    var most: UInt8 = 0
    var minimumUp: UInt32 = 1
    var minimumPercent: UInt8 = 0
    // Some branch gives up its share when it has much to do.
    var shedsLoad = false
    // Some branch is in a failure domain: a round robin, as no other node keeps domains apart.
    var hasDomains = false
    // No branch has addresses of both families.
    var isSplit = true
    // Something below it says itself what is answered when it is not live.
    var hasWords = false
    // Of edges.
    var first: UInt32 = 0
    var count: UInt32 = 0
    var slot: UInt32 = 0
    var region: UInt32 = 0
    var fallback: UInt32 = .max
    // Nanoseconds.
    var hold: Int64 = 0
    var address = IPAddress(v4: 0)

    // One live branch makes it live.
    var takesAny: Bool { minimumUp <= 1 && minimumPercent == 0 }
    var edges: Range<Int> { Int(first)..<Int(first) &+ Int(count) }
}

/// The way from a node to one of its branches.
struct PolicyEdge: BitwiseCopyable {
    var node: UInt32
    var weight: UInt32
    // What sticky draws know the branch by.
    var identity: UInt64
    // 0 for none; else the number of its name, the same in all policies.
    var domain: UInt16 = 0
    // Of the branch itself.
    var isAddress = false
    // On the board; -1 for none.
    var dial: Int32 = -1
}

/// Lays policy trees out in flat arrays while a table is built.
///
/// The root of policy N is node N. Policies that others name are laid once and pointed to, so what
/// many names share costs its size once.
struct PolicyLayout {
    /// Levels of nodes on any way through the policies: evaluation recurses once per level.
    static let depthLimit = 300

    private(set) var nodes: [PolicyNode] = []
    private(set) var edges: [PolicyEdge] = []
    private(set) var regions: [RegionTable] = []
    private(set) var leastTTLs: [UInt32] = []
    private(set) var haveRules: [Bool] = []
    /// The names that members answer with, by their numbers.
    private(set) var targets: [[UInt8]] = []
    private let numbers: [String: Int]
    private var domains: [String: UInt16] = [:]
    // A node without branches: never live.
    private var nothing: UInt32 = 0

    init(_ definitions: [SteerDefinition]) {
        var numbers: [String: Int] = [:]
        for (number, definition) in definitions.enumerated() {
            numbers[definition.name] = numbers[definition.name] ?? number
        }
        self.numbers = numbers
        nodes = Array(repeating: PolicyNode(), count: definitions.count)
        for (number, definition) in definitions.enumerated() {
            lay(definition.policy, at: number)
            leastTTLs.append(definition.leastTTL ?? AnswerSet.halfOfMost)
            haveRules.append(definition.hasRules)
        }
        nothing = UInt32(clamping: nodes.count)
        nodes.append(PolicyNode())
        var depths = [Int](repeating: -1, count: nodes.count)
        for place in nodes.indices { _ = settle(place, &depths) }
    }

    private mutating func lay(_ policy: SteerPolicy, at place: Int) {
        var node = PolicyNode()
        node.draw = policy.draw
        node.isMultiple = policy.isMultiple
        node.most = UInt8(clamping: min(max(policy.most, 1), AnswerSet.capacity))
        node.minimumUp = UInt32(clamping: max(policy.minimumUp, 1))
        node.minimumPercent = UInt8(clamping: min(max(policy.minimumUpPercent, 0), 100))
        node.hold = policy.hold.nanoseconds
        switch policy.allDown {
        case nil: break
        case .all: node.allDown = .all
        case .none?: node.allDown = .none
        case .servfail: node.allDown = .servfail
        case .lastGood: node.allDown = .lastGood
        case .fallback(let name):
            node.allDown = .fallback
            node.fallback = numbers[name].map { UInt32(clamping: $0) } ?? .max
        }
        switch policy.kind {
        case .address(let member):
            node.kind = .address
            node.address = member.address
            node.families = SteerFamilies(of: member.address)
            if let target = member.target {
                node.families = .names
                keep(target)
            }
            node.slot = UInt32(clamping: member.slot)
            nodes[place] = node
        case .named: lay(node, .failover, [SteerBranch(SteerPolicy(policy.kind))], at: place)
        case .roundRobin(let branches): lay(node, .roundRobin, branches, at: place)
        case .weighted(let branches): lay(node, .weighted, branches, at: place)
        case .failover(let branches): lay(node, .failover, branches, at: place)
        case .regional(let branches, let table):
            node.region = UInt32(clamping: regions.count)
            regions.append(table)
            lay(node, .regional, branches, at: place)
        }
    }

    private mutating func lay(
        _ node: PolicyNode,
        _ kind: PolicyNode.Kind,
        _ branches: [SteerBranch],
        at place: Int
    ) {
        var node = node
        node.kind = kind
        node.first = UInt32(clamping: edges.count)
        node.count = UInt32(clamping: branches.count)
        node.shedsLoad = branches.contains(where: \.shedsLoad)
        node.hasDomains = kind == .roundRobin && branches.contains { !$0.domain.isEmpty }
        nodes[place] = node
        let first = edges.count
        var labels: [String: Int] = [:]
        // Edges of a node lie side by side, so the places come before what is in them.
        for branch in branches {
            let label = branch.label
            let twins = labels[label, default: 0]
            labels[label] = twins + 1
            var edge = PolicyEdge(
                node: 0,
                weight: branch.weight,
                identity: Hash.text(label, seed: UInt64(twins))
            )
            edge.domain = number(of: branch.domain)
            edge.dial = branch.dial.flatMap { Int32(exactly: $0) } ?? -1
            edges.append(edge)
        }
        for (step, branch) in branches.enumerated() {
            if case .named(let name) = branch.policy.kind, branch.policy.isPlain {
                edges[first + step].node = target(name)
                continue
            }
            let child = nodes.count
            nodes.append(PolicyNode())
            edges[first + step].node = UInt32(clamping: child)
            if case .address = branch.policy.kind { edges[first + step].isAddress = true }
            lay(branch.policy, at: child)
        }
    }

    private mutating func keep(_ target: SteerTarget) {
        guard (0..<SteerTarget.limit).contains(target.number) else { return }
        let missing = target.number + 1 - targets.count
        if missing > 0 { targets += repeatElement([], count: missing) }
        targets[target.number] = target.wire
    }

    // Names beyond the number share the last one: an answer then has fewer, never two of one.
    private mutating func number(of domain: String) -> UInt16 {
        guard !domain.isEmpty else { return 0 }
        if let known = domains[domain] { return known }
        let number = UInt16(clamping: domains.count + 1)
        domains[domain] = number
        return number
    }

    private mutating func target(_ name: String) -> UInt32 {
        if let number = numbers[name] { return UInt32(clamping: number) }
        nodes.append(PolicyNode())
        return UInt32(clamping: nodes.count - 1)
    }

    // The levels below a node, its families noted; edges that close a circle, or lead too deep, are
    // cut: configurations are refused for them, and whoever builds tables otherwise gets no trap.
    private mutating func settle(_ place: Int, _ depths: inout [Int]) -> Int {
        if depths[place] >= 0 { return depths[place] }
        depths[place] = PolicyLayout.depthLimit
        var depth = 0
        var families = nodes[place].families
        for edge in nodes[place].edges {
            let below = settle(Int(edges[edge].node), &depths)
            guard below + 1 < PolicyLayout.depthLimit else {
                edges[edge].node = nothing
                continue
            }
            depth = max(depth, below + 1)
            let child = nodes[Int(edges[edge].node)]
            families.formUnion(child.families)
            if child.families == .both { nodes[place].isSplit = false }
            if child.hasWords || child.allDown != .inherit { nodes[place].hasWords = true }
        }
        let fallback = nodes[place].fallback
        if fallback != .max {
            let below = settle(Int(fallback), &depths)
            if below + 1 < PolicyLayout.depthLimit {
                depth = max(depth, below + 1)
                families.formUnion(nodes[Int(fallback)].families)
            } else {
                nodes[place].fallback = .max
            }
        }
        nodes[place].families = families
        depths[place] = depth
        return depth
    }
}

extension PolicyLayout {
    /// A digest of the trees: what numbers of nodes stand for.
    func mark(_ identities: [UInt64]) -> UInt64 {
        var mark: UInt64 = 0
        func take(_ value: UInt64) { mark = Hash.mix(mark ^ value) }
        for identity in identities { take(identity) }
        for node in nodes {
            take(UInt64(node.kind.rawValue) << 32 | UInt64(node.first))
            take(UInt64(node.count) << 32 | UInt64(node.slot))
            if node.kind == .address { take(Hash.address(node.address)) }
        }
        for edge in edges { take(edge.identity ^ UInt64(edge.node)) }
        return mark
    }
}

extension SteerBranch {
    /// What it is called, and what sticky draws know it by.
    var label: String {
        if !name.isEmpty { return name }
        switch policy.kind {
        case .address(let member): return member.name.isEmpty ? "\(member.address)" : member.name
        case .named(let name): return name
        default: return policy.kind.word
        }
    }
}

extension SteerPolicy {
    // Nothing is said that the policy named does not say itself.
    var isPlain: Bool { allDown == nil && minimumUp <= 1 && minimumUpPercent == 0 }
}

extension SteerPolicy.Kind {
    /// The word used in the configuration and in explanations.
    var word: String {
        switch self {
        case .address: "address"
        case .named: "steer"
        case .roundRobin: "round-robin"
        case .weighted: "weighted"
        case .failover: "failover"
        case .regional(_, let table): table.word
        }
    }
}
