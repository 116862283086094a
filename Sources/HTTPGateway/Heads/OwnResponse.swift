// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// How an answer of the door's own is written for one client.
struct OwnStyle: BitwiseCopyable {
    var isPersistent: Bool
    var omitsBody: Bool
    var date: DateText
    /// What `martlet why` finds the request by; zero where clients are not told.
    var requestID = RequestID(bits: 0)
    /// The route takes questions of DNS, and no other methods than they come by.
    var takesMessages = false
}

/// Whole answers that come from no endpoint.
extension ResponseHeadWriter {
    /// A short answer that says in one word why the request was not served.
    static func writeOwn(
        into scratch: inout Scratch,
        status: UInt16,
        word: StaticString,
        changes: RouteChanges,
        style: OwnStyle
    ) {
        let reason = StatusText.reason(status)
        let length = 3 + 1 + reason.utf8CodeUnitCount + 2 + word.utf8CodeUnitCount + 1
        scratch.write { output in
            output.writeStatusLine(status)
            write(style.date, into: &output)
            output.write("Content-Type: text/plain\r\nContent-Length: ")
            output.write(decimal: UInt64(length))
            output.writeLineEnd()
            if status == 405 || status == 200 {
                output.write(
                    style.takesMessages
                        ? "Allow: GET, HEAD, POST\r\n"
                        : "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n"
                )
            }
            if status == 503 { output.write("Retry-After: 1\r\n") }
            output.write("Cache-Control: no-store\r\n")
            if style.requestID.bits != 0 {
                output.write("X-Request-Id: ")
                output.write(style.requestID)
                output.writeLineEnd()
            }
            // Such as Strict-Transport-Security: an error must not be the way round it.
            _ = changes.writeFields(into: &output)
            if !style.isPersistent { output.write("Connection: close\r\n") }
            output.writeLineEnd()
            if style.omitsBody { return }
            output.write(decimal: UInt64(status))
            output.write(" ")
            output.write(reason)
            output.write(": ")
            output.write(word)
            output.write("\n")
        }
    }

    /// The redirect or text of a route; false when it does not fit.
    static func writeOwn(
        into scratch: inout Scratch,
        record: RouteRecord,
        actions: ActionTable,
        changes: RouteChanges,
        style: OwnStyle
    ) -> Bool {
        var isWhole = false
        scratch.write { output in
            isWhole =
                output.writeStatusLine(record.status)
                && write(style.date, into: &output)
                && writeLocation(changes, into: &output)
                && writeContent(record, actions, into: &output)
                && changes.writeFields(into: &output)
                && (style.isPersistent || output.write("Connection: close\r\n"))
                && output.writeLineEnd()
                && (style.omitsBody || output.write(actions.text.span.slice(record.body)))
        }
        return isWhole
    }

    /// An answer of DNS (RFC 8484 §4.2); false when it does not fit.
    static func writeMessage(
        _ message: Span<UInt8>,
        _ reply: DNSReply,
        into scratch: inout Scratch,
        changes: RouteChanges,
        style: OwnStyle
    ) -> Bool {
        var isWhole = false
        scratch.write { output in
            isWhole =
                output.writeStatusLine(200)
                && write(style.date, into: &output)
                && output.write("Content-Type: application/dns-message\r\n")
                && output.writeField("Content-Length", decimal: UInt64(message.count))
                && writeLifetime(reply, into: &output)
                && changes.writeFields(into: &output)
                && (style.isPersistent || output.write("Connection: close\r\n"))
                && output.writeLineEnd()
                && (style.omitsBody || output.write(message))
        }
        return isWhole
    }

    /// RFC 8484 §5.1: no cache keeps a message for longer than its records hold.
    private static func writeLifetime(
        _ reply: DNSReply,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard let seconds = reply.lifetime else {
            return output.write("Cache-Control: no-store\r\n")
        }
        return output.write("Cache-Control: ")
            && (!reply.isPersonal || output.write("private, "))
            && output.write("max-age=") && output.write(decimal: UInt64(seconds))
            && output.writeLineEnd()
    }

    private static func writeLocation(
        _ changes: RouteChanges,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        if changes.text.target.isEmpty { return true }
        return output.write("Location: ")
            && output.write(changes.bytes.slice(changes.text.target)) && output.writeLineEnd()
    }

    private static func writeContent(
        _ record: RouteRecord,
        _ actions: ActionTable,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        // RFC 9110 §8.6: a 204 has no Content-Length.
        if record.status == 204 { return true }
        let type = actions.text.span.slice(record.contentType)
        guard type.isEmpty || output.writeField("Content-Type", type) else { return false }
        return output.writeField("Content-Length", decimal: UInt64(record.body.count))
    }
}
