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
        date: DateText
    ) -> Bool {
        var isWhole = false
        scratch.write { output in
            output.writeStatusLine(head, from: bytes)
            var hasDate = false
            var index = 0
            while index < fields.count {
                let field = fields[index]
                index &+= 1
                if field.isHopByHop || field.known == .via { continue }
                if field.known == .contentLength, !keepsLength(head, style) { continue }
                if field.known == .date { hasDate = true }
                output.copyField(field, from: bytes)
            }
            // RFC 9110 §6.6.1: a recipient with a clock adds what the origin left out.
            if !hasDate { write(date, into: &output) }
            if style.toChunks {
                output.write("Transfer-Encoding: chunked\r\n")
            } else if case .length(let count) = head.framing {
                output.write("Content-Length: ")
                output.write(decimal: count)
                output.writeLineEnd()
            }
            let minor = head.minorVersion
            RequestHeadWriter.writeVia(fields, bytes, minorVersion: minor, into: &output)
            writePersistence(style, into: &output)
            isWhole = output.writeLineEnd()
        }
        return isWhole
    }

    /// A response without a body may still say how long one would be (RFC 9110 §8.6).
    private static func keepsLength(_ head: ResponseHead, _ style: ResponseStyle) -> Bool {
        head.framing == .none && (style.answersHead || head.status == 304)
    }

    private static func writePersistence(
        _ style: ResponseStyle,
        into output: inout OutputSpan<UInt8>
    ) {
        if !style.isPersistent {
            output.write("Connection: close\r\n")
        } else if style.clientMinorVersion == 0 {
            output.write("Connection: keep-alive\r\n")
        }
    }

    /// An interim response (RFC 9110 §15.2).
    static func writeInterim(
        into scratch: inout Scratch,
        head: ResponseHead,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>
    ) {
        scratch.write { output in
            output.writeStatusLine(head, from: bytes)
            for index in 0..<fields.count where !fields[index].isHopByHop {
                output.copyField(fields[index], from: bytes)
            }
            output.writeLineEnd()
        }
    }

    /// A 101 with the protocol that was agreed on (RFC 9110 §15.2.2).
    static func writeUpgrade(
        into scratch: inout Scratch,
        head: ResponseHead,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>
    ) -> Bool {
        var isWhole = false
        scratch.write { output in
            output.writeStatusLine(head, from: bytes)
            for index in 0..<fields.count {
                let field = fields[index]
                guard !field.isHopByHop || field.known == .upgrade else { continue }
                output.copyField(field, from: bytes)
            }
            output.write("Connection: upgrade\r\n")
            isWhole = output.writeLineEnd()
        }
        return isWhole
    }

    /// A whole short response of ours.
    static func writeOwn(
        into scratch: inout Scratch,
        status: UInt16,
        word: StaticString,
        isPersistent: Bool,
        omitsBody: Bool,
        date: DateText
    ) {
        let reason = StatusText.reason(status)
        let length = 3 + 1 + reason.utf8CodeUnitCount + 2 + word.utf8CodeUnitCount + 1
        scratch.write { output in
            output.writeStatusLine(status)
            write(date, into: &output)
            output.write("Content-Type: text/plain\r\nContent-Length: ")
            output.write(decimal: UInt64(length))
            output.writeLineEnd()
            if status == 405 {
                output.write("Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n")
            }
            if status == 503 { output.write("Retry-After: 1\r\n") }
            output.write("Cache-Control: no-store\r\n")
            if !isPersistent { output.write("Connection: close\r\n") }
            output.writeLineEnd()
            if omitsBody { return }
            output.write(decimal: UInt64(status))
            output.write(" ")
            output.write(reason)
            output.write(": ")
            output.write(word)
            output.write("\n")
        }
    }

    private static func write(_ date: DateText, into output: inout OutputSpan<UInt8>) {
        output.write("Date: ")
        date.write(into: &output)
        output.writeLineEnd()
    }
}
