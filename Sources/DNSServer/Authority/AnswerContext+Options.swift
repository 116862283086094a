// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Options of EDNS. Few queries carry any, so the way of the others does not lead through here.
extension AnswerContext {
    /// What the options of a query are answered with, as far as it does not depend on the answer.
    @inline(never)
    func reply(
        to query: DNSQuery,
        _ request: Span<UInt8>,
        _ state: inout CookieState
    ) -> EDNSReply {
        let options = query.edns.options
        var reply = EDNSReply()
        if options.contains(.cookie),
            let (worth, answer) = conduct.cookies.judge(query, request, from: client, at: timestamp)
        {
            state = worth
            reply.cookie = answer
        }
        if options.contains(.identifier) { reply.identifierLength = conduct.identity.count }
        // RFC 7828 §3.2.2: over UDP there is nothing to keep.
        if isStream, options.contains(.keepalive) { reply.keepalive = keepalive }
        return reply
    }

    /// True when all that is answered is a new cookie (RFC 7873 §5.2.3, §5.2.4, §5.4).
    func isTurnedAway(_ query: DNSQuery, _ cookie: CookieState) -> Bool {
        switch (query.verdict, cookie) {
        case (.reject(.noError), .bad): true
        case (.accept, .new), (.accept, .bad): conduct.requiresCookies && !isStream
        default: false
        }
    }

    /// Adds what only fits where the records have left room.
    @inline(never)
    func complete(
        _ reply: inout EDNSReply,
        of query: DNSQuery,
        _ reason: ExtendedError?,
        _ writer: ResponseWriter,
        _ output: borrowing OutputSpan<UInt8>
    ) {
        let kept = reply.length
        let room = writer.room(output)
        if let reason, conduct.explainsErrors { reply.explain(reason, room: room) }
        guard pads(for: query) else { return }
        let added = reply.length &- kept
        // In the clear there is nothing to hide, and a large answer to a small question is a weapon:
        // the option comes back, with no octets (RFC 7830 §4, §6).
        reply.pad(
            writer.length(output) &+ added,
            toMultipleOf: pads ? DNSConduct.paddingBlock : 1,
            room: room &- added
        )
    }

    /// True for a query whose answer has the option of padding (RFC 7830 §4).
    func pads(for query: DNSQuery) -> Bool { query.edns.options.contains(.padding) }
}
