// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials
public import Steering

/// What a query would get, and why: made by the code that answers.
public struct DNSExplanation: Sendable, Equatable {
    /// One name on the way to the answer: the question's, then where CNAME and ALIAS lead.
    public struct Step: Sendable, Equatable {
        /// The name looked up.
        public var name: DomainName
        /// The zone that is responsible; nil when none is served here.
        public var zone: DomainName?
        /// The name whose data counts: the name itself, a wildcard, a delegation or the closest
        /// encloser of a name that does not exist.
        public var node: DomainName?
        /// One sentence: what was found there.
        public var why: String
    }

    /// The question's name.
    public var name: DomainName
    /// The question's type.
    public var type: RecordType
    /// What the response says.
    public var code: ResponseCode
    /// AA.
    public var isAuthoritative: Bool
    /// True when the answer needs TCP.
    public var isTruncatedOverUDP: Bool
    /// The way to the answer.
    public var steps: [Step]
    /// The answer section as zone-file lines.
    public var answers: [String]
    /// The authority section as zone-file lines.
    public var authorities: [String]
    /// The additional section as zone-file lines.
    public var additionals: [String]
    /// What the policy says, when one chose the addresses.
    public var policy: SteerExplanation?
    /// Where the addresses are from, when the name has an ALIAS.
    public var alias: AliasExplanation?
    /// The TTL that follows from the policy; nil without one.
    public var ttl: UInt32?
    /// One sentence: why the TTL is what it is.
    public var whyTTL = ""
    /// One sentence: the outcome in words.
    public var why: String
}

extension DNSSnapshot {
    /// Explains what a client would get now.
    ///
    /// `client` is whose query it would be. The same `seed` draws the same addresses.
    public func explain(
        name: DomainName,
        type: RecordType,
        from client: IPAddress = IPAddress(v4: 0),
        now: Instant,
        seed: UInt64
    ) -> DNSExplanation {
        let query = DNSSnapshot.query(name, type)
        var context = AnswerContext(
            now: now,
            random: SeededRandom(seed: seed),
            transport: .tcp,
            client: client
        )
        context.isTrial = true
        let (bytes, outcome) = answer(query, context)
        context.transport = .udp
        let overUDP = answer(query, context).outcome
        let message = DNSMessage(bytes)
        let isSteered = outcome.policy >= 0
        var steps = steps(name, type, message?.answers ?? [])
        let way = steps.last.flatMap { aliasWay($0.name, type, from: client, now: now) }
        steps += way?.steps ?? []
        var explanation = DNSExplanation(
            name: name,
            type: type,
            code: outcome.code,
            isAuthoritative: message?.isAuthoritative ?? false,
            isTruncatedOverUDP: overUDP.isTruncated,
            steps: steps,
            answers: (message?.answers ?? []).map(\.description),
            authorities: (message?.authorities ?? []).map(\.description),
            additionals: (message?.additionals ?? []).map(\.description),
            policy: isSteered
                ? steer.explain(
                    policy: outcome.policy,
                    SteerQuestion(
                        now: now,
                        client: client,
                        families: steer.families(asked: type, of: outcome.policy),
                        nameHash: outcome.nameHash
                    ),
                    seed: seed
                ) : nil,
            alias: way?.alias,
            why: ""
        )
        if let policy = explanation.policy, policy.outcome != .servfail, !outcome.isLasting {
            explanation.ttl = outcome.ttl
            explanation.whyTTL = outcome.whyTTL(policy.secondsToChange)
        }
        explanation.why = explanation.sentence
        return explanation
    }

    private static func query(_ name: DomainName, _ type: RecordType) -> [UInt8] {
        let size = AnswerContext.defaultEDNSSize
        let header: [UInt8] = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]
        let kind = [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 1]
        return header + name.wire + kind
            + [0, 0, 41, UInt8(size >> 8), UInt8(size & 255), 0, 0, 0, 0, 0, 0]
    }

    private func answer(
        _ query: [UInt8],
        _ context: AnswerContext
    ) -> (bytes: [UInt8], outcome: AnswerOutcome) {
        var context = context
        var outcome = AnswerOutcome()
        let bytes = [UInt8](capacity: Int(UInt16.max)) { (output: inout OutputSpan<UInt8>) in
            outcome = Authority.answer(query.span, from: self, &context, into: &output)
        }
        return (bytes, outcome)
    }

    // The lookups again, for their reasons: the question's name and every alias in the answer.
    private func steps(
        _ name: DomainName,
        _ type: RecordType,
        _ answers: [DNSMessage.Record]
    ) -> [DNSExplanation.Step] {
        let aliases = type == .CNAME ? [] : answers.filter { $0.type == .CNAME }
        let targets = aliases.compactMap { DomainName(wire: $0.data) }
        return ([name] + targets).map { step($0, type) }
    }

    func step(_ name: DomainName, _ type: RecordType) -> DNSExplanation.Step {
        var step = DNSExplanation.Step(name: name, why: "no zone served here holds this name")
        guard let (table, match) = find(name, type), match.kind != .outside else { return step }
        step.zone = table.zoneName(match.zone)
        if let absence = table.view.zones[match.zone].absence {
            step.why = absence.words
            return step
        }
        step.node = table.name(ofNode: match.node)
        let node = step.node.map { "\($0)" } ?? "?"
        switch match.kind {
        case .outside: break
        case .exact: step.why = "the name exists; \(contents(table, match.node, type))"
        case .wildcard: step.why = "covered by \(node); \(contents(table, match.node, type))"
        case .missing: step.why = "the name does not exist; its closest encloser is \(node)"
        case .delegated: step.why = "delegated at \(node)"
        case .redirected: step.why = "redirected by the DNAME of \(node)"
        }
        if match.kind == .exact, isAdded(type, to: match.node, ofZone: match.zone, in: table) {
            step.why = "the name exists; \(type) is made of the keys of the zone"
        }
        step.why += signature(ofZone: match.zone, in: table)
        return step
    }

    private func contents(_ table: ZoneTable, _ node: Int, _ type: RecordType) -> String {
        let view = table.view
        let node = view.nodes[node]
        if type == .ANY { return "ANY is answered with as little as possible (RFC 8482)" }
        if let set = view.set(of: node, type: type) {
            guard set.isSteered else { return "\(set.count) \(type) records" }
            let steered = view.steered[Int(set.offset)]
            guard steered.alias == absent else { return "its addresses are those of another name" }
            return policy(of: set, in: view)
        }
        if node.flags.contains(.cname) {
            let alias = view.set(of: node, type: .CNAME)
            guard let alias, alias.isSteered else { return "an alias" }
            return "an alias \(policy(of: alias, in: view))"
        }
        return node.setCount == 0 ? "it has no records" : "it has records, but none of type \(type)"
    }
}

extension DNSSnapshot {
    private func policy(of set: ZoneSet, in view: ZoneView) -> String {
        let steered = view.steered[Int(set.offset)]
        let policy = Int(steered.policy == absent ? steered.policyIPv6 : steered.policy)
        let known = steer.definitions.indices.contains(policy)
        return "steered by \(known ? steer.definitions[policy].name : "policy \(policy)")"
    }
}

extension SteerTable {
    /// What a policy is asked for by a question of a type: a policy with names has nothing else.
    public func families(asked type: RecordType, of policy: Int) -> SteerFamilies {
        if answersNames(policy: policy) { return .names }
        return type == .A ? .ipv4 : type == .AAAA ? .ipv6 : .both
    }
}

extension AnswerOutcome {
    fileprivate func whyTTL(_ secondsToChange: UInt16?) -> String {
        TTLReason(
            ttl: ttl,
            isHighest: ttl == mostTTL,
            isCapped: isCapped,
            secondsToChange: secondsToChange
        ).sentence
    }
}

extension DNSExplanation {
    fileprivate var sentence: String {
        let found = steps.last?.why ?? ""
        if let policy { return "\(code): \(found): \(policy.why)" }
        return "\(code): \(found)"
    }
}
