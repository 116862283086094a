// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Steering

/// Services of steered names, and of names with an ALIAS: one decision for A, AAAA and the hints
/// (RFC 9460 §7.3).
extension AnswerRun {
    /// Both families of one decision.
    private struct Decision {
        var ipv4 = AnswerSet()
        var ipv6 = AnswerSet()

        /// True when a family has this outcome.
        func isAny(_ outcome: SteerOutcome) -> Bool {
            ipv4.outcome == outcome || ipv6.outcome == outcome
        }

        /// Why there is nothing to answer with; both families go through the same branches.
        var whyNothing: ExtendedError {
            ipv4.whyNothing != .other ? ipv4.whyNothing : ipv6.whyNothing
        }

        var isLasting: Bool { ipv4.isLasting && ipv6.isLasting }

        func ttl(atMost most: UInt32) -> UInt32 {
            min(ipv4.ttl(atMost: most), ipv6.ttl(atMost: most))
        }
    }

    // Apart from the way of addresses, which would have to make room for two decisions.
    @inline(never) @_lifetime(output: copy output)
    mutating func answerServices(
        _ set: ZoneSet,
        _ match: ZoneMatch,
        _ view: ZoneView,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        let steered = view.steered[Int(set.offset)]
        var decision = Decision()
        if steered.isPlain {
            let entry = view.aliases[Int(steered.alias)]
            read(entry, isIPv4: true, view, context, into: &decision.ipv4)
            read(entry, isIPv4: false, view, context, into: &decision.ipv6)
            let scope = max(decision.ipv4.scope, decision.ipv6.scope)
            outcome.scope = max(outcome.scope, scope)
        } else {
            nameHash = decider(of: steered, view)
            decide(steered, steer, &context, into: &decision)
        }
        // A branch may have an all-down word of its own: a family with addresses goes before it.
        if decision.isAny(.servfail), !decision.isAny(.addresses) {
            writer.isAuthoritative = false
            outcome.reason = steered.isPlain ? .noReachableAuthority : decision.whyNothing
            return .serverFailure
        }
        let ttl = decision.ttl(atMost: steered.ttl)
        (outcome.ttl, outcome.mostTTL) = (ttl, steered.ttl)
        outcome.isLasting = decision.isLasting
        outcome.isCapped = decision.ipv4.isCapped(at: ttl) || decision.ipv6.isCapped(at: ttl)
        guard decision.isAny(.addresses) else {
            if decision.isAny(.none) { outcome.reason = decision.whyNothing }
            let base = output.count
            deny(match, view, into: &output)
            if !decision.isLasting { shorten(recordsFrom: base, to: ttl, in: &output) }
            return .noError
        }
        write(set, steered, decision, ttl: ttl, view, into: &output)
        return .noError
    }

    private mutating func decide(
        _ steered: SteeredSet,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into decision: inout Decision
    ) {
        // One policy mostly; a family without one has none of its addresses from here.
        let ipv4 = steered.policy == absent ? -1 : Int(steered.policy)
        let ipv6 = steered.policyIPv6 == absent ? -1 : Int(steered.policyIPv6)
        outcome.policy = ipv4 < 0 ? ipv6 : ipv4
        // The same draws for both families, or the hints would name two places.
        var random = context.random
        let client = client(context.client, context.hearsSubnet)
        var question = question(.ipv4, now: context.now, client)
        ask(steer, ipv4, question, into: &decision.ipv4, &context.random)
        question.families = .ipv6
        ask(steer, ipv6, question, into: &decision.ipv6, &random)
        context.sample(decision.ipv4, steer, isFirst: true)
        context.sample(decision.ipv6, steer, isFirst: false)
        // Whatever either family looked at holds for no wider network (RFC 7871 §7.2.1).
        let scope = max(decision.ipv4.scope, decision.ipv6.scope)
        outcome.scope = max(outcome.scope, scope)
    }

    private func ask(
        _ steer: borrowing SteerTable,
        _ policy: Int,
        _ question: SteerQuestion,
        into answers: inout AnswerSet,
        _ random: inout SeededRandom
    ) {
        guard policy >= 0 else { return answers.settleLasting() }
        steer.answer(policy: policy, question, into: &answers, random: &random)
    }

    // All records or, with TC, none: a cut set would look like a whole one.
    @_lifetime(output: copy output)
    private mutating func write(
        _ set: ZoneSet,
        _ steered: SteeredSet,
        _ decision: Decision,
        ttl: UInt32,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) {
        let base = output.count
        var position = Int(steered.templates)
        for _ in 0..<set.count {
            guard let template = ServiceTemplate(view.bytes, at: position),
                write(template, decision, ttl: ttl, set.type, view, into: &output)
            else {
                output.removeLast(output.count &- base)
                writer.isTruncated = true
                return
            }
            position = template.end
        }
        writer.add(set.count, to: .answer)
        if signs { sign(from: base, ttl: steered.ttl, view, in: .answer, into: &output) }
    }

    @_lifetime(output: copy output)
    private func write(
        _ template: ServiceTemplate,
        _ decision: Decision,
        ttl: UInt32,
        _ type: RecordType,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let ipv4 = template.takesHints ? hintLength(decision.ipv4, 4) : 0
        let ipv6 = template.takesHints ? hintLength(decision.ipv6, 16) : 0
        let done = writer.writeRecordHead(
            ownerOffset: owner,
            type: type,
            ttl: ttl,
            dataLength: template.length &+ ipv4 &+ ipv6,
            into: &output
        )
        guard done else { return false }
        output.write(view.bytes.extracting(template.head))
        if ipv4 > 0 { writeHint(4, decision.ipv4, size: 4, into: &output) }
        output.write(view.bytes.extracting(template.middle))
        if ipv6 > 0 { writeHint(6, decision.ipv6, size: 16, into: &output) }
        output.write(view.bytes.extracting(template.tail))
        return true
    }

    // A hint without an address would be malformed (RFC 9460 §7.3): none at all then.
    private func hintLength(_ answers: AnswerSet, _ size: Int) -> Int {
        let hasAddresses = answers.outcome == .addresses && answers.count > 0
        return hasAddresses ? 4 &+ answers.count &* size : 0
    }

    @_lifetime(output: copy output)
    private func writeHint(
        _ key: UInt16,
        _ answers: AnswerSet,
        size: Int,
        into output: inout OutputSpan<UInt8>
    ) {
        output.write(uint16: key)
        output.write(uint16: UInt16(truncatingIfNeeded: answers.count &* size))
        for index in 0..<answers.count {
            output.write(octets: size, of: answers.address(index))
        }
    }
}
