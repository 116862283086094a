// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials
internal import Steering

/// Where an alias has its addresses from, as it is now.
public struct AliasExplanation: Sendable, Equatable {
    /// The owner of the alias.
    public var owner: DomainName
    /// The name at the end of the way.
    public var target: DomainName
    /// True when others serve that name.
    public var isOutside: Bool
    /// Of a name outside: how long ago its addresses were learned; nil when nothing is known.
    public var age: Interval?
    /// Of a name outside: for how long they hold still; negative once they are stale.
    public var left: Interval?
    /// Of a name outside: for whom the answer is.
    public var share = AliasShare.everybody
}

/// For whom an answer with the addresses of a name outside is.
public enum AliasShare: Sendable, Equatable {
    /// All clients: the name is the same for everybody, as far as the resolver can tell.
    case everybody
    /// Clients of a network, for which a resolver was asked.
    case network(Prefix)
    /// Clients of a network for which it is not known yet: they get what everybody gets.
    case awaited(Prefix)
    /// Clients of a range that nobody outside can know the place of: they get what everybody gets.
    case range(Prefix)

    /// The word and the network of the admin service.
    public var parts: (word: String, network: Prefix?) {
        switch self {
        case .everybody: ("everybody", nil)
        case .network(let network): ("network", network)
        case .awaited(let network): ("awaited", network)
        case .range(let network): ("range", network)
        }
    }
}

extension DNSSnapshot {
    /// The way of an alias from its owner on; nil when the name has none.
    ///
    /// What was followed when the zones were built is followed again, for its names.
    func aliasWay(
        _ owner: DomainName,
        _ type: RecordType,
        from client: IPAddress,
        now: Instant
    ) -> (steps: [DNSExplanation.Step], alias: AliasExplanation)? {
        guard let first = aliasEntry(owner, type) else { return nil }
        var steps: [DNSExplanation.Step] = []
        var next = onward(owner)
        var last = owner
        while let name = next, steps.count <= Authority.chainLimit {
            last = name
            steps.append(step(name, type))
            next = onward(name)
        }
        var alias = AliasExplanation(
            owner: owner,
            target: last,
            isOutside: first.source == .board
        )
        if first.source == .board, !steps.isEmpty {
            let (board, target) = (zones.board, Int(first.place))
            let asker = AliasAsker(
                client,
                source: client.isIPv4 ? 32 : 128,
                board.networks.limits
            )
            let isIPv4 = type != .AAAA
            alias.share = board.share(target, isIPv4: isIPv4, asker, now: now)
            let own = board.networks.age(target, isIPv4: isIPv4, asker, now: now)
            let known = own ?? board.age(target, now: now)
            (alias.age, alias.left) = (known?.age, known?.left)
            steps[steps.count - 1].why = alias.words
        }
        return (steps, alias)
    }

    private func found(
        _ name: DomainName,
        _ type: RecordType
    ) -> (table: ZoneTable, node: ZoneNode)? {
        guard let (table, match) = find(name, type),
            match.kind == .exact || match.kind == .wildcard
        else { return nil }
        return (table, table.view.nodes[match.node])
    }

    private func aliasEntry(_ name: DomainName, _ type: RecordType) -> AliasEntry? {
        guard let (table, node) = found(name, type),
            let set = table.view.set(of: node, type: type), set.isSteered
        else { return nil }
        let alias = table.view.steered[Int(set.offset)].alias
        return alias == absent ? nil : table.view.aliases[Int(alias)]
    }

    // Where a CNAME or an ALIAS of the name leads; nil when it has neither.
    private func onward(_ name: DomainName) -> DomainName? {
        guard let (table, node) = found(name, .A) else { return nil }
        if node.flags.contains(.cname), let set = table.view.set(of: node, type: .CNAME) {
            guard !set.isSteered else { return nil }
            // The target stands in full behind the compiled record.
            return table.name(at: Int(set.offset) + Int(set.length))
        }
        return aliasEntry(name, .A).flatMap { zones.name(at: Int($0.target)) }
    }
}

extension AliasShare {
    fileprivate var words: String {
        switch self {
        case .everybody: "the same for everybody"
        case .network(let network): "what the resolver says for \(network)"
        case .awaited(let network):
            "what everybody gets, until the resolver has been asked for \(network)"
        case .range(let network): "what everybody gets, since \(network) has no place outside"
        }
    }
}

extension AliasBoard {
    /// For whom an answer is.
    fileprivate func share(
        _ target: Int,
        isIPv4: Bool,
        _ asker: AliasAsker,
        now: Instant
    ) -> AliasShare {
        guard networks.isOn else { return .everybody }
        func network(_ length: UInt8) -> Prefix? { Prefix(asker.address, length: Int(length)) }
        if asker.rangeLength > 0 {
            return network(asker.rangeLength).map { .range($0) } ?? .everybody
        }
        guard networks.regard(target, isIPv4: isIPv4) != .uniform else { return .everybody }
        var answers = AnswerSet()
        let isKnown = networks.read(
            target,
            isIPv4: isIPv4,
            asker,
            now: now,
            marks: false,
            into: &answers
        )
        guard isKnown else { return network(asker.length).map { .awaited($0) } ?? .everybody }
        return network(answers.scope &- asker.offset).map { .network($0) } ?? .everybody
    }
}

extension AliasExplanation {
    fileprivate var words: String {
        guard let age, let left else {
            return "served elsewhere: the resolver has told nothing of it so far"
        }
        let known = "served elsewhere: \(share.words), learned \(AliasExplanation.text(age)) ago"
        guard left <= .zero else { return known + ", good for \(AliasExplanation.text(left))" }
        return known
            + ", stale for \(AliasExplanation.text(Interval(nanoseconds: 0 &- left.nanoseconds)))"
    }

    private static func text(_ interval: Interval) -> String {
        "\((interval.seconds * 10).rounded() / 10) s"
    }
}
