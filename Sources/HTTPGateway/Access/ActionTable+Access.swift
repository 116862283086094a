// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Steering

extension Fault {
    /// True when the client is told how it may come in, or when.
    var isOfAccess: Bool {
        switch self {
        case .unauthorized, .authLimited, .insufficientScope: true
        default: false
        }
    }
}

/// Writing what a route says about who may come in. Every writer answers false when there is no
/// room.
extension ActionTable {
    /// How to come in (RFC 9110 §11.6.1), or when to come again.
    func writeChallenge(
        _ record: RouteRecord,
        _ fault: Fault,
        _ decision: RateDecision,
        _ token: TokenFault?,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard fault != .authLimited else {
            return output.write("Retry-After: ") && output.write(decimal: decision.waitSeconds)
                && output.writeLineEnd()
        }
        let rule = access[Int(record.access)]
        guard output.write("WWW-Authenticate: "), output.write(text.span.slice(rule.challenge))
        else { return false }
        // RFC 6750 §3.1: without a token there is nothing to be wrong with.
        let isWritten =
            if fault == .insufficientScope {
                output.write(", error=\"insufficient_scope\"")
            } else if let token, rule.kind == .token {
                output.write(", error=\"invalid_token\", error_description=\"")
                    && output.write(token.text) && output.write("\"")
            } else {
                true
            }
        return isWritten && output.writeLineEnd()
    }

    /// The claims that an endpoint is told, out of those of a verified token.
    func writeClaims(
        _ record: RouteRecord,
        _ document: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let range = access[Int(record.access)].claims
        for place in Int(range.start)..<range.end {
            let value = ClaimReader.find(text.span.slice(claims[place].claim), in: document)
            if value.isEmpty { continue }
            guard output.write(text.span.slice(claims[place].field)), output.write(": "),
                output.write(document.slice(value)), output.writeLineEnd()
            else { return false }
        }
        return true
    }

    /// The field that tells an endpoint who asks; nothing when the route has none.
    func writeUser(
        _ record: RouteRecord,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let rule = access[Int(record.access)]
        guard !rule.userField.isEmpty else { return true }
        let credentials = Credentials.find(rule.kind, in: fields, bytes)
        guard output.write(text.span.slice(rule.userField)), output.write(": ") else {
            return false
        }
        let start = output.count
        guard Base64.decode(bytes.slice(credentials), .standard, into: &output) else {
            return false
        }
        // Only the name of a user of the file gets here: it is of visible ASCII, without a colon.
        // All the same nothing else is written.
        var end = start
        while end < output.count, output.span[end] != UInt8(ascii: ":") {
            guard (0x21..<0x7f).contains(output.span[end]) else { return false }
            end &+= 1
        }
        output.removeLast(output.count &- end)
        return output.writeLineEnd()
    }
}
