// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials

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
}

extension DNSSnapshot {
    /// The way of an alias from its owner on; nil when the name has none.
    ///
    /// What was followed when the zones were built is followed again, for its names.
    func aliasWay(
        _ owner: DomainName,
        _ type: RecordType,
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
            let known = zones.board.age(Int(first.place), now: now)
            (alias.age, alias.left) = (known?.age, known?.left)
            steps[steps.count - 1].why = alias.words
        }
        return (steps, alias)
    }

    private func found(_ name: DomainName, _ type: RecordType) -> ZoneNode? {
        let wire = name.lowercased.wire
        guard let scanned = WireName.scan(wire.span, at: 0) else { return nil }
        let match = zones.view.find(wire.span, at: 0, scanned, type: type)
        guard match.kind == .exact || match.kind == .wildcard else { return nil }
        return zones.view.nodes[match.node]
    }

    private func aliasEntry(_ name: DomainName, _ type: RecordType) -> AliasEntry? {
        guard let node = found(name, type), let set = zones.view.set(of: node, type: type),
            set.isSteered
        else { return nil }
        let alias = zones.view.steered[Int(set.offset)].alias
        return alias == absent ? nil : zones.view.aliases[Int(alias)]
    }

    // Where a CNAME or an ALIAS of the name leads; nil when it has neither.
    private func onward(_ name: DomainName) -> DomainName? {
        guard let node = found(name, .A) else { return nil }
        if node.flags.contains(.cname), let set = zones.view.set(of: node, type: .CNAME) {
            // The target stands in full behind the compiled record.
            return zones.name(at: Int(set.offset) + Int(set.length))
        }
        return aliasEntry(name, .A).flatMap { zones.name(at: Int($0.target)) }
    }
}

extension ZoneTable {
    fileprivate func name(at start: Int) -> DomainName? {
        guard let length = WireName.length(in: bytes.span, at: start) else { return nil }
        return DomainName(wire: Array(bytes[start..<start + length]))
    }
}

extension AliasExplanation {
    fileprivate var words: String {
        guard let age, let left else {
            return "served elsewhere: the resolver has told nothing of it so far"
        }
        let known = "served elsewhere: learned \(AliasExplanation.text(age)) ago"
        guard left <= .zero else { return known + ", good for \(AliasExplanation.text(left))" }
        return known
            + ", stale for \(AliasExplanation.text(Interval(nanoseconds: 0 &- left.nanoseconds)))"
    }

    private static func text(_ interval: Interval) -> String {
        "\((interval.seconds * 10).rounded() / 10) s"
    }
}
