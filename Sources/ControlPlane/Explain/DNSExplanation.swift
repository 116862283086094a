// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Steering

/// What a query would get, found by asking the authority a real question.
struct DNSExplanation {
    /// The zone that answers; nil for none.
    var zone: DomainName?
    /// The response code's name.
    var code = ""
    /// One sentence.
    var why = ""
    /// The answer section as a zone file would hold it.
    var records: [String] = []
    /// The authority section.
    var authority: [String] = []
    /// The policy that chose the addresses; nil for plain records.
    var policy: SteerExplanation?

    init(_ name: DomainName, _ type: RecordType, _ snapshot: DNSSnapshot, now: Instant) {
        let seed = UInt64(bitPattern: now.nanoseconds)
        var context = AnswerContext(now: now, random: SeededRandom(seed: seed), isStream: true)
        let request = DNSExplanation.query(name, type)
        var outcome: AnswerOutcome?
        let response = [UInt8](capacity: Int(UInt16.max)) { output in
            outcome = Authority.answer(request.span, from: snapshot, &context, into: &output)
        }
        guard let outcome, let message = DNSMessage(response) else {
            why = "the question gets no answer at all"
            return
        }
        zone = snapshot.zones.zoneName(outcome.zone)
        code = "\(outcome.code)"
        records = message.answers.map { "\($0)" }
        authority = message.authorities.map { "\($0)" }
        if outcome.policy >= 0 {
            policy = snapshot.steer.explain(
                policy: outcome.policy,
                now: now,
                wantIPv4: type != .AAAA,
                seed: seed
            )
        }
        why = policy?.why ?? reason(outcome.code, message)
    }

    private func reason(_ code: ResponseCode, _ message: DNSMessage) -> String {
        guard zone != nil else { return "no zone holds this name" }
        switch code {
        case .nameError: return "the zone has no such name"
        case .noError where !message.answers.isEmpty: return "plain records of the zone"
        case .noError where !message.isAuthoritative: return "delegated to other name servers"
        case .noError: return "the name exists, without records of this type"
        case .serverFailure: return "the zone cannot answer now"
        default: return "the question is refused"
        }
    }

    /// A query message for one name and type (RFC 1035 §4.1).
    static func query(_ name: DomainName, _ type: RecordType) -> [UInt8] {
        let header: [UInt8] = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        let question = [
            UInt8(truncatingIfNeeded: type.rawValue >> 8), UInt8(truncatingIfNeeded: type.rawValue),
            0, 1,
        ]
        return header + name.wire + question
    }
}
