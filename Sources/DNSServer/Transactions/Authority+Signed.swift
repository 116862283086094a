// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Steering

/// Signed queries: whatever answers them is signed as well (RFC 8945 §5.3).
extension Authority {
    /// Appends the response to a query of a kind that is rare.
    @inline(never) @_lifetime(output: copy output)
    static func answerSpecial(
        _ query: DNSQuery,
        _ request: Span<UInt8>,
        _ snapshot: borrowing DNSSnapshot,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> AnswerOutcome {
        if query.opcode == noticeOpcode, query.verdict != .drop {
            return answerNotice(query, request, snapshot.peers, context, into: &output)
        }
        let asked = query.type == .IXFR && query.verdict == .accept ? query.serialQuery : query
        guard asked.isSigned else {
            if query.type == .IXFR, query.verdict == .accept, !isZone(query, request, views) {
                return refuse(query, request, .notAuthorized, context, into: &output)
            }
            return answer(asked, request, views, steer, &context, into: &output)
        }
        let keys = snapshot.peers.keys
        return answerSigned(asked, request, keys, views, steer, &context, into: &output)
    }

    private static func isZone(
        _ query: DNSQuery,
        _ request: Span<UInt8>,
        _ views: borrowing ZoneViews
    ) -> Bool {
        let place = DNSQuery.headerLength
        let (match, isChanged) = views.find(request, at: place, query.name, type: .SOA)
        guard match.kind == .exact else { return false }
        let zones = isChanged ? views.changed.zones : views.all.zones
        return match.node == Int(zones[match.zone].apex)
    }

    /// Appends the response to a signed query of any usual kind.
    @inline(never) @_lifetime(output: copy output)
    static func answerSigned(
        _ query: DNSQuery,
        _ request: Span<UInt8>,
        _ keys: borrowing TransactionKeys,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> AnswerOutcome {
        let start = output.count
        let seconds = UInt64(context.timestamp)
        switch keys.check(request, seconds: seconds) {
        case .unsigned, .malformed:
            return refuse(query, request, .formatError, context, into: &output)
        case .refused(var refusal):
            let room = refusal.record.length &+ 80
            var outcome = refuse(query, request, .notAuthorized, context, room, into: &output)
            outcome.signature = SignatureState(refusal.error)
            guard output.count > start else { return outcome }
            refusal.write(into: &output, from: start, seconds: seconds)
            return outcome
        case .accepted(var transaction, _):
            context.signatureRoom = transaction.length
            var outcome = answer(
                query.withoutSignature,
                request,
                views,
                steer,
                &context,
                into: &output
            )
            context.signatureRoom = 0
            outcome.signature = .good
            guard output.count > start else { return outcome }
            if !transaction.sign(&output, from: start, seconds: seconds) {
                // Without its signature it would not be believed.
                output.removeLast(output.count &- start)
            }
            return outcome
        }
    }

    /// Appends a response that has a code and the question, perhaps a reason, and nothing else.
    @_lifetime(output: copy output)
    static func refuse(
        _ query: DNSQuery,
        _ request: Span<UInt8>,
        _ code: ResponseCode,
        _ context: AnswerContext,
        _ room: Int = 0,
        isAuthoritative: Bool = false,
        reason: ExtendedError? = nil,
        into output: inout OutputSpan<UInt8>
    ) -> AnswerOutcome {
        var outcome = AnswerOutcome()
        outcome.code = code
        outcome.isMalformed = code == .formatError
        guard output.freeCapacity > room else { return outcome }
        let limit = max(context.limit(for: query) &- room, AnswerContext.leastLimit)
        var reply = EDNSReply()
        if !query.edns.options.isEmpty {
            reply = context.reply(to: query, request, &outcome.cookie)
        }
        var writer = ResponseWriter(
            answering: query,
            request,
            limit: limit,
            announcedSize: context.ednsSize,
            optionLength: reply.length,
            into: &output
        )
        writer.isAuthoritative = isAuthoritative
        if query.edns.isPresent, reason != nil || context.pads(for: query) {
            context.complete(&reply, of: query, reason, writer, output)
        }
        writer.finish(code, query: query, optionLength: reply.length, into: &output)
        if reply.length > 0, output.count > writer.start {
            reply.write(identifier: context.conduct.identity, into: &output)
        }
        return outcome
    }
}

/// What a query's signature is worth.
public enum SignatureState: UInt8, Sendable, BitwiseCopyable, Equatable {
    /// It has none.
    case absent
    /// A key that is known here made it.
    case good
    /// The key is not known.
    case badKey
    /// It is not of that key.
    case badSignature
    /// The clocks are apart.
    case badTime
    /// It is too short.
    case badTruncation

    init(_ error: TSIGError) {
        self =
            switch error {
            case .none: .good
            case .badKey: .badKey
            case .badSignature: .badSignature
            case .badTime: .badTime
            case .badTruncation: .badTruncation
            }
    }
}
