// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// What an alias needs: that a family has no addresses is an answer, not a failure.
extension NameMachine {
    /// What it takes to ask another server, once one has been silent.
    static let margin = Interval.milliseconds(500)

    /// When a family is asked for again.
    ///
    /// A server that is silent then must not make it end, where that needs no more than a quarter
    /// of its life.
    func due(_ family: FamilyAnswers.Family) -> Instant {
        let life = family.life.nanoseconds
        let lead = min(life / 4, timeout.nanoseconds + Self.margin.nanoseconds)
        return family.learned + Interval(nanoseconds: life - lead)
    }

    /// True unless an earlier server of this resolution has answered for a family, and that holds.
    func isDue(_ type: RecordType, by time: Instant) -> Bool {
        guard let known = kept[type],
            let family = family(known.answer, at: known.at, isIPv4: type == .A)
        else { return true }
        return due(family) <= time
    }

    mutating func keepAnswers() {
        for (index, reply) in replies.enumerated() {
            guard case .answered(let answer, let at) = reply, asked.indices.contains(index) else {
                continue
            }
            if answer.isRefusal { continue }
            kept[asked[index]] = (answer, at)
        }
        replies = []
    }

    mutating func settleFamilies(
        _ answers: [ResolverMessage.Answer],
        _ now: Instant,
        _ random: inout some RandomNumberGenerator
    ) -> Effect {
        if let refusal = answers.first(where: \.isRefusal) {
            return unanswered(reason(refusal), now, &random)
        }
        keepAnswers()
        return finishFamilies("", now)
    }

    mutating func finishFamilies(_ failure: String, _ now: Instant) -> Effect {
        isAsking = false
        var answers = families(kept)
        answers.failure = failure
        answers.scope = scope
        replies = []
        kept = [:]
        let next = [answers.ipv4, answers.ipv6].compactMap { $0.map(due) }.min()
        if failure.isEmpty {
            failures = 0
            deadline = next ?? now + bounds.lowerBound
        } else {
            deadline = min(now + wait(), next ?? .never)
        }
        // A stalled thread must not make a storm of it.
        deadline = max(deadline, now + .milliseconds(100))
        return Effect(outcome: .families(answers))
    }

    func families(
        _ known: [RecordType: (answer: ResolverMessage.Answer, at: Instant)]
    ) -> FamilyAnswers {
        FamilyAnswers(
            ipv4: known[.A].flatMap { family($0.answer, at: $0.at, isIPv4: true) },
            ipv6: known[.AAAA].flatMap { family($0.answer, at: $0.at, isIPv4: false) }
        )
    }

    private func family(
        _ answer: ResolverMessage.Answer,
        at: Instant,
        isIPv4: Bool
    ) -> FamilyAnswers.Family? {
        switch answer {
        case .addresses(let addresses, let ttl):
            let life = min(max(.seconds(Int64(ttl)), bounds.lowerBound), bounds.upperBound)
            // An IPv4 address in an AAAA record is none of IPv6 that clients could use.
            let fitting = addresses.filter { $0.isIPv4 == isIPv4 }
            return FamilyAnswers.Family(addresses: fitting, learned: at, life: life)
        case .noData(let ttl), .noName(let ttl):
            let most = max(min(bounds.upperBound, Self.negativeLimit), bounds.lowerBound)
            let life = min(max(.seconds(Int64(ttl)), bounds.lowerBound), most)
            return FamilyAnswers.Family(addresses: [], learned: at, life: life)
        case .refused, .unresolved, .truncated: return nil
        }
    }
}

/// What the resolvers said of a name; nil for a family that none has answered for.
struct FamilyAnswers: Equatable, Sendable {
    /// The addresses of one family, and how long they hold.
    struct Family: Equatable, Sendable {
        var addresses: [IPAddress]
        var learned: Instant
        var life: Interval
    }

    var ipv4: Family?
    var ipv6: Family?
    /// The leading bits of the client's network that they hold for; nil where that is not said.
    var scope: UInt8?
    /// Why a family is missing; empty when none is.
    var failure = ""
}
