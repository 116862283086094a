// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// What an alias needs: that a family has no addresses is an answer, not a failure.
extension NameMachine {
    /// How long before the end of what is known it is asked for again, at most.
    static let lead = Interval.seconds(2)

    mutating func keepAnswers() {
        for (index, reply) in replies.enumerated() {
            guard case .answered(let answer, let at) = reply, asked.indices.contains(index) else {
                continue
            }
            if case .refused = answer { continue }
            kept[asked[index]] = (answer, at)
        }
        replies = []
    }

    mutating func settleFamilies(
        _ answers: [ResolverMessage.Answer],
        _ now: Instant,
        _ random: inout some RandomNumberGenerator
    ) -> Effect {
        for case .refused(let code) in answers {
            return unanswered("\(server) answered with code \(code)", now, &random)
        }
        keepAnswers()
        return finishFamilies("", now)
    }

    mutating func finishFamilies(_ failure: String, _ now: Instant) -> Effect {
        isAsking = false
        let answers = FamilyAnswers(
            ipv4: kept[.A].flatMap { family($0.answer, at: $0.at, isIPv4: true) },
            ipv6: kept[.AAAA].flatMap { family($0.answer, at: $0.at, isIPv4: false) },
            failure: failure
        )
        replies = []
        kept = [:]
        // A little before the end, so that there is an answer at all times.
        let next = [answers.ipv4, answers.ipv6].compactMap(\.self).map { family in
            let lead = min(family.life.nanoseconds / 10, NameMachine.lead.nanoseconds)
            return family.learned + Interval(nanoseconds: family.life.nanoseconds - lead)
        }.min()
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
        case .refused, .truncated: return nil
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
    /// Why a family is missing; empty when none is.
    var failure = ""
}
