// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a node looked at, in words.
extension SteerWalk {
    func why(_ policy: SteerPolicy, _ node: PolicyNode) -> String {
        switch policy.kind {
        case .address(let member): return why(member)
        case .named(let name): return "is \(name)"
        case .roundRobin, .failover: return live(policy, node)
        case .weighted:
            let live = live(policy, node)
            switch policy.draw {
            case .random: return policy.isMultiple ? "\(live); each is drawn by itself" : live
            case .client: return "\(live); the client's /\(question.stickyKey.length) draws"
            case .name: return "\(live); the name draws"
            }
        case .regional(let branches, let region):
            let match = region.table.find(question.client)
            let links = region.links(of: match.value)
            let labels =
                region.latency?.lines(question.client, now: question.now) ?? region.labels
            let names = links.map { step -> String in
                let branch = region.branch(step)
                let label = labels.indices.contains(branch) ? labels[branch] : ""
                let name = branches.indices.contains(branch) ? branches[branch].label : "?"
                return label.isEmpty ? name : "\(name) (\(label))"
            }
            let network = Prefix(question.client, length: Int(match.length))
            let where_ = network.map { "\($0)" } ?? "\(question.client)"
            let order =
                names.isEmpty
                ? "no branch is for \(where_)"
                : "\(where_): " + names.prefix(8).joined(separator: ", then ")
            return region.unknown.isEmpty ? order : "\(order); \(region.unknown)"
        }
    }

    /// Where the branches are that a policy goes by the distance of; empty for others.
    static func targets(_ policy: SteerPolicy) -> [SteerExplanation.Target] {
        guard case .regional(let branches, let region) = policy.kind else { return [] }
        return zip(branches, region.targets).map { branch, place in
            SteerExplanation.Target(name: branch.label, place: place)
        }
    }

    // What a branch weighs that does not weigh what the file says.
    func weight(_ branch: SteerBranch, _ edge: PolicyEdge?) -> String {
        guard let edge, edge.dial >= 0 else { return "" }
        let dial = table.board.dial(Int(edge.dial))
        guard dial.isSet else { return "" }
        var text = "; weight \(dial.weight)"
        if dial.source != .file { text += " by \(dial.source.word), \(branch.weight) in the file" }
        if dial.factor < Dial.fullFactor {
            text += ", times \(Double(dial.factor * 100 / Dial.fullFactor) / 100) for its load"
        }
        return text
    }

    /// How many branches are live, and how many would have to be.
    func live(_ policy: SteerPolicy, _ node: PolicyNode) -> String {
        var scratch = AnswerSet()
        var (up, held, weightless) = (0, 0, 0)
        for edge in node.edges {
            let way = table.edges[edge]
            let counts =
                node.kind == .failover
                ? table.isLive(Int(way.node), question, &scratch)
                : table.share(of: way, question, &scratch) != 0
            if counts {
                if isHeld(Int(way.node)) { held += 1 } else { up += 1 }
            } else if table.isLive(Int(way.node), question, &scratch) {
                weightless += 1
            }
        }
        var text = "\(up) of \(node.count) branches live"
        if held > 0 { text += ", \(held) more down that keeps its clients" }
        if weightless > 0 { text += ", \(weightless) more with weight 0" }
        if node.minimumUp > 1 { text += "; \(node.minimumUp) must be" }
        if node.minimumPercent > 0, node.kind == .roundRobin || node.kind == .weighted {
            let what = node.kind == .weighted ? " of the weight" : ""
            text += "; \(node.minimumPercent) %\(what) must be"
        }
        return text
    }

    private func why(_ member: SteerMember) -> String {
        let word = table.health.word(member.slot)
        let changed = table.health.changed(member.slot)
        let age = max(question.now - changed, .zero).nanoseconds / 100_000_000
        let since = changed == .start ? "" : ", for \(age / 10).\(age % 10) s"
        let filter = question.filter
        let waits =
            filter.returnsAt != .min && word.takesNewWork
            && table.health.rampStart(member.slot).nanoseconds > filter.latestReturn
        let left = max((filter.returnsAt &- question.now.nanoseconds) / 1_000_000_000, 0)
        let resting = waits ? "; waits for the answers to rest, another \(left) s" : ""
        let isStopped = word.hasWeightOverride && table.health.weightOverride(member.slot) == 0
        let weightless = isStopped ? "; weight 0 by an operator" : ""
        return "\(SteerWalk.state(word)): \(word.reason.word)\(since)\(resting)\(weightless)"
    }

    static func state(_ word: HealthWord) -> String {
        if word.isEjected { return "ejected" }
        return word.isReady ? word.health.word : word.administrative.word
    }
}
