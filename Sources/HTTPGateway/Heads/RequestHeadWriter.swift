// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// How forwarding fields are written for one request.
struct ForwardPolicy: BitwiseCopyable {
    var fields: ForwardedFields
    /// The peer's own forwarding fields and request id are believed and carried on.
    var isTrusted: Bool
    var writesRequestID: Bool
}

/// Writes the head that goes to an origin, anew from the parsed form.
///
/// Nothing is copied that was not understood: framing comes from the parsed framing, hop-by-hop
/// fields end here (RFC 9110 §7.6.1), and each other field is written name by name.
enum RequestHeadWriter {
    /// False when it does not fit, which the limits of the plan rule out.
    static func write(
        into scratch: inout Scratch,
        head: RequestHead,
        fields: borrowing FieldTable,
        bytes: Span<UInt8>,
        policy: ForwardPolicy,
        client: SocketAddress,
        requestID: UInt128
    ) -> Bool {
        var isWhole = false
        scratch.write { output in
            output.writeRequestLine(head, from: bytes)
            if !head.authority.isEmpty {
                output.write("Host: ")
                output.write(bytes.slice(head.authority))
                output.writeLineEnd()
            }
            var seen = Seen()
            var index = 0
            while index < fields.count {
                let field = fields[index]
                if passes(field, policy: policy, seen: &seen) {
                    output.copyField(field, from: bytes)
                }
                index &+= 1
            }
            writeFraming(head, into: &output)
            writeForwarding(
                head,
                fields,
                bytes,
                policy: policy,
                client: client,
                into: &output
            )
            if policy.writesRequestID, !(policy.isTrusted && seen.requestID) {
                output.write("X-Request-Id: ")
                output.write(
                    hexadecimal: UInt64(truncatingIfNeeded: requestID >> 64),
                    width: 16
                )
                output.write(hexadecimal: UInt64(truncatingIfNeeded: requestID), width: 16)
                output.writeLineEnd()
            }
            writeVia(fields, bytes, minorVersion: head.minorVersion, into: &output)
            writeConnection(head, bytes, into: &output)
            isWhole = output.writeLineEnd()
        }
        return isWhole
    }

    struct Seen { var requestID = false }

    private static func passes(
        _ field: FieldSlice,
        policy: ForwardPolicy,
        seen: inout Seen
    ) -> Bool {
        if field.isHopByHop { return false }
        switch field.known {
        case .other: return true
        case .host, .contentLength, .via, .xForwardedFor, .xForwardedProto, .xForwardedHost,
            .forwarded:
            return false
        case .xForwardedPort, .xRealIP: return policy.isTrusted
        case .xRequestID:
            guard policy.writesRequestID else { return true }
            guard policy.isTrusted, !seen.requestID else { return false }
            seen.requestID = true
            return true
        default: return true
        }
    }

    private static func writeFraming(_ head: RequestHead, into output: inout OutputSpan<UInt8>) {
        switch head.framing {
        case .length(let count):
            output.write("Content-Length: ")
            output.write(decimal: count)
            output.writeLineEnd()
        case .chunked: output.write("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        }
    }

    private static func writeForwarding(
        _ head: RequestHead,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        policy: ForwardPolicy,
        client: SocketAddress,
        into output: inout OutputSpan<UInt8>
    ) {
        let isTrusted = policy.isTrusted
        if policy.fields.contains(.xForwarded) {
            output.write("X-Forwarded-For: ")
            if isTrusted { writeList(.xForwardedFor, fields, bytes, into: &output) }
            output.write(address: client.ip)
            output.writeLineEnd()
            if !(isTrusted && carry(.xForwardedProto, fields, bytes, into: &output)) {
                output.write("X-Forwarded-Proto: http\r\n")
            }
            if !(isTrusted && carry(.xForwardedHost, fields, bytes, into: &output)),
                !head.authority.isEmpty
            {
                output.write("X-Forwarded-Host: ")
                output.write(bytes.slice(head.authority))
                output.writeLineEnd()
            }
        }
        guard policy.fields.contains(.standard) else { return }
        output.write("Forwarded: ")
        if isTrusted { writeList(.forwarded, fields, bytes, into: &output) }
        writeElement(head, bytes, client: client, into: &output)
    }

    /// One element of `Forwarded` (RFC 7239 §4): IPv6 is quoted and in brackets.
    private static func writeElement(
        _ head: RequestHead,
        _ bytes: Span<UInt8>,
        client: SocketAddress,
        into output: inout OutputSpan<UInt8>
    ) {
        output.write("for=")
        if client.ip.isIPv4 {
            output.write(address: client.ip)
        } else {
            output.write("\"[")
            output.write(address: client.ip)
            output.write("]\"")
        }
        if !head.authority.isEmpty {
            output.write(";host=\"")
            output.write(bytes.slice(head.authority))
            output.write("\"")
        }
        output.write(";proto=http\r\n")
    }

    /// Writes the values of all lines of a field, each followed by a comma.
    private static func writeList(
        _ known: KnownField,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) {
        var place = fields.first(known)
        while let index = place {
            let value = bytes.slice(fields[index].value)
            if !value.isEmpty {
                output.write(value)
                output.write(", ")
            }
            place = fields.next(known, from: index &+ 1)
        }
    }

    /// Copies a trusted peer's field; false when it sent none.
    private static func carry(
        _ known: KnownField,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard let index = fields.first(known) else { return false }
        return output.copyField(fields[index], from: bytes)
    }

    /// RFC 9110 §7.6.3: what came, then the version it came by and who passes it on.
    static func writeVia(
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        minorVersion: UInt8,
        into output: inout OutputSpan<UInt8>
    ) {
        output.write("Via: ")
        writeList(.via, fields, bytes, into: &output)
        if minorVersion == 0 {
            output.write("1.0 martlet\r\n")
        } else {
            output.write("1.1 martlet\r\n")
        }
    }

    private static func writeConnection(
        _ head: RequestHead,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) {
        if head.wantsUpgrade {
            output.write("Connection: upgrade\r\nUpgrade: ")
            output.write(bytes.slice(head.upgradeRange))
            output.writeLineEnd()
        } else if head.teTrailers {
            output.write("TE: trailers\r\nConnection: TE\r\n")
        }
    }
}
