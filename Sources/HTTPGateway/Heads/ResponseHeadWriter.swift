// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// How a response head is written for one client.
struct ResponseStyle: BitwiseCopyable {
    var toChunks: Bool
    var isPersistent: Bool
    var clientMinorVersion: UInt8
    var answersHead: Bool
    var date: DateText
}

/// Writes the head that goes to a client, anew from the parsed form.
enum ResponseHeadWriter {
    /// False when it does not fit, which the limits of the plan rule out.
    static func write(
        into scratch: inout Scratch,
        head: ResponseHead,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>,
        style: ResponseStyle,
        changes: RouteChanges
    ) -> Bool {
        var dropped = FieldSet()
        dropped.insert(.via)
        if !keepsLength(head, style) { dropped.insert(.contentLength) }
        var isWhole = false
        scratch.write { output in
            isWhole =
                output.writeStatusLine(head, from: bytes)
                && output.copyFields(fields, from: bytes, dropping: dropped)
                // RFC 9110 §6.6.1: a recipient with a clock adds what the origin left out.
                && (fields.first(.date) != nil || write(style.date, into: &output))
                && writeFraming(head, style, into: &output)
                && output.writeVia(
                    minorVersion: head.minorVersion,
                    isHTTP2: head.isHTTP2,
                    fields,
                    from: bytes
                )
                && changes.writeFields(into: &output)
                && writePersistence(style, into: &output) && output.writeLineEnd()
        }
        return isWhole
    }

    private static func writeFraming(
        _ head: ResponseHead,
        _ style: ResponseStyle,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        if style.toChunks { return output.write("Transfer-Encoding: chunked\r\n") }
        guard case .length(let count) = head.framing else { return true }
        return output.writeField("Content-Length", decimal: count)
    }

    /// A response without a body may still say how long one would be (RFC 9110 §8.6).
    private static func keepsLength(_ head: ResponseHead, _ style: ResponseStyle) -> Bool {
        head.framing == .none && (style.answersHead || head.status == 304)
    }

    private static func writePersistence(
        _ style: ResponseStyle,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        if !style.isPersistent { return output.write("Connection: close\r\n") }
        return style.clientMinorVersion > 0 || output.write("Connection: keep-alive\r\n")
    }

    /// An interim response (RFC 9110 §15.2); nothing when it does not fit.
    static func writeInterim(
        into scratch: inout Scratch,
        head: ResponseHead,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>
    ) {
        scratch.write { output in
            let isWhole =
                output.writeStatusLine(head, from: bytes)
                && output.copyFields(fields, from: bytes, dropping: FieldSet())
                && output.writeLineEnd()
            if !isWhole { output.removeAll() }
        }
    }

    /// A 101 with the protocol that was agreed on (RFC 9110 §15.2.2).
    static func writeUpgrade(
        into scratch: inout Scratch,
        head: ResponseHead,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>,
        changes: RouteChanges
    ) -> Bool {
        var isWhole = false
        scratch.write { output in
            isWhole =
                output.writeStatusLine(head, from: bytes)
                && output.copyFields(fields, from: bytes, dropping: FieldSet())
            // Hop-by-hop, so it is not copied with the others; this hop speaks it on.
            var place = fields.first(.upgrade)
            while isWhole, let index = place {
                isWhole = output.copyField(fields[index], from: bytes)
                place = fields.next(.upgrade, from: index &+ 1)
            }
            isWhole =
                isWhole && changes.writeFields(into: &output)
                && output.write("Connection: upgrade\r\n") && output.writeLineEnd()
        }
        return isWhole
    }

    @discardableResult
    static func write(
        _ date: DateText,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        output.write("Date: ") && date.write(into: &output) && output.writeLineEnd()
    }
}
