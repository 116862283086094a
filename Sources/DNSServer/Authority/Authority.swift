// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Steering

/// Answers queries from zones: RFC 1034 §4.3.2 without recursion.
///
/// Pure: bytes in, bytes out. `now`, the randomness and the data are arguments, so the same call
/// serves the door, `explain` and the tests.
public enum Authority {
    /// CNAME records that one answer follows (as gdnsd; BIND and Knot have similar limits).
    public static var chainLimit: Int { 16 }

    /// Appends the response to a message; nothing is appended for what must not be answered.
    @_lifetime(output: copy output)
    public static func answer(
        _ request: Span<UInt8>,
        from snapshot: borrowing DNSSnapshot,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> AnswerOutcome {
        let query = DNSQuery.read(request)
        let (views, steer) = (snapshot.views, snapshot.steer)
        return answer(query, request, snapshot, views, steer, &context, into: &output)
    }

    /// The same, for a query that may be signed, or be for what zones have changed.
    ///
    /// The snapshot is looked into for those alone: reaching for a part of it counts references.
    @inline(__always) @_lifetime(output: copy output)
    static func answer(
        _ query: DNSQuery,
        _ request: Span<UInt8>,
        _ snapshot: borrowing DNSSnapshot,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> AnswerOutcome {
        guard !query.isSigned, query.type != .IXFR, query.opcode == 0 else {
            return answerSpecial(query, request, snapshot, views, steer, &context, into: &output)
        }
        return answer(query, request, views, steer, &context, into: &output)
    }

    @_lifetime(output: copy output)
    static func answer(
        _ query: DNSQuery,
        _ request: Span<UInt8>,
        _ views: borrowing ZoneViews,
        _ steer: borrowing SteerTable,
        _ context: inout AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> AnswerOutcome {
        guard query.verdict != .drop else {
            var dropped = AnswerOutcome()
            dropped.isDropped = true
            dropped.isMalformed = request.count < DNSQuery.headerLength
            return dropped
        }
        var reply = EDNSReply()
        var cookie = CookieState.absent
        if !query.edns.options.isEmpty { reply = context.reply(to: query, request, &cookie) }
        var run = AnswerRun(
            query: query,
            writer: ResponseWriter(
                answering: query,
                request,
                limit: context.limit(for: query),
                announcedSize: context.ednsSize,
                echoesSubnet: context.hearsSubnet,
                optionLength: reply.length,
                into: &output
            )
        )
        run.outcome.cookie = cookie
        var code =
            cookie != .absent && context.isTurnedAway(query, cookie)
            ? .badCookie : run.answer(request, views, steer, &context, into: &output)
        if run.outcome.isUnsigned { code = run.withdraw(&output) }
        // RFC 1034 §3.7.1: whoever asks for any class is never told that this is all there is.
        if query.recordClass == RecordClass.any { run.writer.isAuthoritative = false }
        if query.edns.isPresent, run.outcome.reason != nil || context.pads(for: query) {
            context.complete(&reply, of: query, run.outcome.reason, run.writer, output)
        }
        let length = reply.length
        run.writer.finish(
            code,
            query: query,
            scope: run.outcome.scope,
            optionLength: length,
            into: &output
        )
        // Where there was no room for the head there is no message.
        if length > 0, output.count > run.writer.start {
            reply.write(identifier: context.conduct.identity, into: &output)
        }
        var outcome = run.outcome
        outcome.code = code
        outcome.isTruncated = run.writer.isTruncated
        outcome.hasAnswers = run.writer.answerCount > 0
        outcome.isReferral =
            !run.writer.isAuthoritative && run.writer.authorityCount > 0
            && query.recordClass == RecordClass.internet
        return outcome
    }

    /// Appends, in the place of a response, word to ask again: by TCP, or with a cookie for those
    /// who know cookies.
    @inline(never) @_lifetime(output: copy output)
    static func putOff(
        _ query: DNSQuery,
        _ request: Span<UInt8>,
        _ context: AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        var cookie = CookieState.absent
        let reply = context.reply(to: query, request, &cookie)
        var writer = ResponseWriter(
            answering: query,
            request,
            limit: context.limit(for: query),
            announcedSize: context.ednsSize,
            optionLength: reply.length,
            into: &output
        )
        let code: ResponseCode = cookie == .absent ? .noError : .badCookie
        writer.isTruncated = code == .noError
        writer.finish(code, query: query, optionLength: reply.length, into: &output)
        if reply.length > 0 { reply.write(identifier: context.conduct.identity, into: &output) }
        return code
    }
}
