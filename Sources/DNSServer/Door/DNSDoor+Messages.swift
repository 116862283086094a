// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
public import Essentials
internal import Runtime
internal import Steering

/// What is to be known of an answer that goes by HTTPS.
public struct MessageAnswer: Sendable, BitwiseCopyable {
    /// How long its records hold, in seconds; nil for one without records.
    public var lifetime: UInt32?
    /// True when the answer may depend on who asks.
    public var isPersonal = false
}

/// Messages that came in requests of HTTP (RFC 8484).
extension DNSDoor {
    /// The longest answer that leaves room for a response head before it; a longer one is
    /// truncated.
    static var messageLimit: Int { 60_000 }

    /// Answers a message of a client; the answer is ``answerBytes``, which is empty for a message
    /// that gets none.
    public mutating func answer(
        _ request: Span<UInt8>,
        from client: IPAddress,
        now: Instant
    ) -> MessageAnswer {
        self.now = now
        var context = AnswerContext(
            now: now,
            random: random,
            transport: .doh,
            client: client.unmapped
        )
        context.timestamp = DNSDoor.timestamp()
        sampler.mark(&context)
        var tally = DNSTally()
        let answer = DNSDoor.answer(request, snapshot, book, origin, &context, &tally, &scratch)
        sampler.advance()
        random = context.random
        note(tally)
        return answer
    }

    /// The answer that was written last.
    public var answerBytes: Span<UInt8> {
        @_lifetime(immortal)
        get { scratch.bytes }
    }

    private static func answer(
        _ request: Span<UInt8>,
        _ snapshot: borrowing DNSSnapshot,
        _ book: borrowing AnswerBook,
        _ origin: AnswerBook.Origin,
        _ context: inout AnswerContext,
        _ tally: inout DNSTally,
        _ scratch: inout Scratch
    ) -> MessageAnswer {
        let views = snapshot.views
        let steer = snapshot.steer
        let query = DNSQuery.read(request)
        var answer = MessageAnswer()
        scratch.write { output in
            let outcome = Authority.answer(
                query,
                request,
                snapshot,
                views,
                steer,
                &context,
                into: &output
            )
            tally.add(outcome, .queriesHTTPS)
            guard !outcome.isDropped else { return output.removeAll() }
            // What differs by network is nobody else's either.
            answer.isPersonal = outcome.policy >= 0 || outcome.scope > 0
            context.count(outcome, of: query.type, in: book, steer)
            if context.isSampled {
                book.keep(query, outcome, context, output, from: 0, origin)
            }
        }
        answer.lifetime = MessageLifetime.seconds(of: scratch.bytes)
        return answer
    }
}
