// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Rates of updates that come as datagrams: their answers are errors like all others, for whom no
/// signature and no rule speaks.
///
/// Such an update is charged before anybody looks at it, since the look is what costs; one with a good
/// signature, or from a network that may change a zone, only when it is refused in the end.
extension DNSDoor {
    /// True for an address that some rule is about without a key.
    func isKnown(_ client: IPAddress) -> Bool {
        snapshot.updateNetworks.contains { $0.contains(client) }
    }

    /// Charges the client's network with an error, and counts what becomes of it.
    mutating func charge(_ client: IPAddress, _ desk: UpdateDesk) -> ResponseRates.Verdict {
        guard snapshot.rates.isOn else { return .send }
        var outcome = AnswerOutcome()
        outcome.code = .refused
        var context = AnswerContext(now: now, random: random, client: client)
        let verdict = DNSDoor.judge(
            outcome,
            of: DNSQuery.read(Span()),
            snapshot,
            accounts,
            &context
        )
        random = context.random
        switch verdict {
        case .send: return .send
        case _ where snapshot.rates.isTrial:
            desk.note(.exceeded)
            return .send
        case .putOff: desk.note(.putOff)
        case .drop: desk.note(.dropped)
        }
        return verdict
    }
}
