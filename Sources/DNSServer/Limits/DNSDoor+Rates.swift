// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

extension AnswerOutcome {
    /// Which rate holds for the response.
    var kind: ResponseRates.Kind {
        if code == .nameError { return .nameError }
        guard code == .noError else { return .error }
        if hasAnswers || isTruncated { return .answer }
        return isReferral ? .referral : .noData
    }

    /// What responses have in common that are alike: not the name asked, or a flood would ask for
    /// another one each time.
    func subject(_ kind: ResponseRates.Kind, _ type: RecordType) -> UInt64 {
        let part: UInt64
        switch kind {
        case .answer: part = UInt64(truncatingIfNeeded: node) << 16 | UInt64(type.rawValue)
        case .referral: part = UInt64(truncatingIfNeeded: node)
        case .noData, .nameError: part = UInt64(truncatingIfNeeded: zone)
        case .error: part = 0
        }
        return Hash.mix(part &+ UInt64(kind.rawValue) << 56)
    }
}

extension DNSDoor {
    /// Whether the response to a query over UDP is sent.
    @inline(never)
    static func judge(
        _ outcome: AnswerOutcome,
        of query: DNSQuery,
        _ snapshot: borrowing DNSSnapshot,
        _ accounts: borrowing ResponseAccounts,
        _ context: inout AnswerContext
    ) -> ResponseRates.Verdict {
        let rates = snapshot.rates
        let kind = outcome.kind
        let spacing = rates.spacing(kind)
        // Who has a good cookie is no victim: its address is its own (RFC 7873 §8).
        guard spacing > 0, outcome.cookie != .good, outcome.signature != .good else { return .send }
        let key = rates.network(context.client) &+ outcome.subject(kind, query.type)
        let isPaid = accounts.charge(
            Hash.mix(key),
            spacing: spacing,
            window: rates.window,
            now: context.now
        )
        guard !isPaid else { return .send }
        for network in snapshot.rateExempt where network.contains(context.client) { return .send }
        guard rates.slip > 0, context.random.next(below: rates.slip) == 0 else { return .drop }
        return .putOff
    }

    /// Withholds a response that is too much; true when nothing is left of it.
    @inline(never) @_lifetime(output: copy output)
    static func withhold(
        _ verdict: ResponseRates.Verdict,
        _ outcome: inout AnswerOutcome,
        of query: DNSQuery,
        _ request: Span<UInt8>,
        _ context: AnswerContext,
        _ tally: inout DNSTally,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard verdict != .drop else {
            tally.add(.rateDropped)
            output.removeAll()
            return true
        }
        tally.add(.ratePutOff)
        // An error is as small as what would be sent for it.
        guard outcome.kind != .error else { return false }
        output.removeAll()
        outcome.code = Authority.putOff(query, request, context, into: &output)
        outcome.isTruncated = outcome.code == .noError
        return false
    }
}
