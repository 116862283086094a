// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Options of EDNS. Few queries carry any, so the way of the others does not lead through here.
extension AnswerContext {
    /// What the options of a query are answered with, as far as it does not depend on the answer.
    @inline(never)
    func reply(to options: EDNSOptions) -> EDNSReply {
        var reply = EDNSReply()
        if options.contains(.identifier) { reply.identifierLength = conduct.identity.count }
        // RFC 7828 §3.2.2: over UDP there is nothing to keep.
        if isStream, options.contains(.keepalive) { reply.keepalive = keepalive }
        return reply
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
        guard pads, query.edns.options.contains(.padding) else { return }
        let added = reply.length &- kept
        reply.pad(
            writer.length(output) &+ added,
            toMultipleOf: DNSConduct.paddingBlock,
            room: room &- added
        )
    }
}
