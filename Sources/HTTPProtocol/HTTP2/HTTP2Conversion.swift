// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Turns the field lists of HTTP/2 into the text of HTTP/1.1 (RFC 9113 §8).
///
/// What HTTP/2 carries as lengths, HTTP/1.1 tells by octets, so a value with a line end in it would be
/// two fields, and a path with a space another request. Every octet is judged here, whatever the
/// library let through, and the text is then read by ``RequestParser`` as if a client had sent it:
/// two readers must agree before anything is routed or forwarded.
public enum HTTP2Conversion {
    /// The scheme that a request names (RFC 9110 §4.2).
    public enum Scheme: UInt8, BitwiseCopyable, Sendable { case none, http, https }

    /// Writes a request head; answers what is wrong with the list, and then nothing counts.
    ///
    /// With `endsStream` there is no body. Else its length is the one declared, or it is chunked.
    /// A CONNECT for a WebSocket (RFC 8441 §5) becomes the GET with `Upgrade` that asks for one by
    /// HTTP/1.1, with this key; nothing else becomes a request with `Upgrade`.
    public static func writeRequest(
        _ fields: Span<HTTP2Field>,
        text: Span<UInt8>,
        endsStream: Bool,
        key: WebSocketKey,
        scheme: inout Scheme,
        into output: inout OutputSpan<UInt8>
    ) -> Refusal? {
        var facts = RequestFacts()
        if let refusal = facts.judge(fields, text) { return refusal }
        scheme = facts.scheme
        if endsStream, facts.declaresBody { return .lengthMismatch }
        guard writeStart(facts, text, into: &output) else { return .headLength }
        for index in facts.firstRegular..<fields.count {
            let field = fields[index]
            let known = KnownField.recognize(text, field.name)
            // Written already, or below in one line.
            if known == .host || known == .cookie { continue }
            if facts.isWebSocket, isHandshakeField(text.slice(field.name)) { continue }
            guard write(field, text, into: &output) else { return .headLength }
        }
        if facts.cookies > 0, !writeCookies(fields, text, into: &output) { return .headLength }
        if facts.isWebSocket {
            return writeUpgrade(key, into: &output) ? nil : .headLength
        }
        if !endsStream, !facts.hasLength {
            guard output.write("transfer-encoding: chunked\r\n") else { return .headLength }
        }
        return output.writeLineEnd() ? nil : .headLength
    }

    /// Writes the fields of a trailer section, with the empty line that ends it.
    public static func writeTrailers(
        _ fields: Span<HTTP2Field>,
        text: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Refusal? {
        for index in fields.indices {
            let field = fields[index]
            // RFC 9113 §8.1: no pseudo-field in a trailer section.
            if isPseudo(field, text) { return .pseudoField }
            if let refusal = judge(field, text) { return refusal }
            let known = KnownField.recognize(text, field.name)
            guard !known.isForbiddenInTrailers else { continue }
            guard write(field, text, into: &output) else { return .trailerLength }
        }
        return output.writeLineEnd() ? nil : .trailerLength
    }

    /// Judges the octets of a regular field (RFC 9113 §8.2.1).
    static func judge(_ field: HTTP2Field, _ text: Span<UInt8>) -> Refusal? {
        let name = text.slice(field.name)
        guard !name.isEmpty else { return .fieldName }
        for index in name.indices {
            let octet = name[index]
            if octet &- 0x41 < 26 { return .fieldCase }
            guard FieldSyntax.isTokenByte(octet) else { return .fieldName }
        }
        return judgeValue(text.slice(field.value))
    }

    static func judgeValue(_ value: Span<UInt8>) -> Refusal? {
        guard !value.isEmpty else { return nil }
        guard HeadScan.firstControl(value, from: 0) == value.count else { return .controlByte }
        let isTrimmed = !HeadScan.isBlank(value[0]) && !HeadScan.isBlank(value[value.count &- 1])
        return isTrimmed ? nil : .valueBlank
    }

    static func isPseudo(_ field: HTTP2Field, _ text: Span<UInt8>) -> Bool {
        let name = text.slice(field.name)
        return !name.isEmpty && name[0] == 0x3a
    }

    // RFC 8441 §5: these two say nothing in HTTP/2, where a stream is nobody else's.
    private static func isHandshakeField(_ name: Span<UInt8>) -> Bool {
        let start: [14 of UInt8] = [
            0x73, 0x65, 0x63, 0x2d, 0x77, 0x65, 0x62, 0x73, 0x6f, 0x63, 0x6b, 0x65, 0x74, 0x2d,
        ]  // sec-websocket-
        let key: [3 of UInt8] = [0x6b, 0x65, 0x79]
        let accept: [6 of UInt8] = [0x61, 0x63, 0x63, 0x65, 0x70, 0x74]
        guard name.count > start.count,
            FieldSyntax.equalsIgnoringCase(name.extracting(first: start.count), start.span)
        else { return false }
        let rest = name.extracting(droppingFirst: start.count)
        return FieldSyntax.equalsIgnoringCase(rest, key.span)
            || FieldSyntax.equalsIgnoringCase(rest, accept.span)
    }

    private static func writeUpgrade(
        _ key: WebSocketKey,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        output.write("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ")
            && key.write(into: &output) && output.writeLineEnd() && output.writeLineEnd()
    }

    private static func writeStart(
        _ facts: RequestFacts,
        _ text: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let isTunnel = facts.method == .connect && !facts.isWebSocket
        let target = isTunnel ? facts.authority : facts.path
        let isNamed =
            facts.isWebSocket
            ? output.write("GET") : output.write(text.slice(facts.methodRange))
        return isNamed && output.write(" ")
            && output.write(text.slice(target)) && output.write(" HTTP/1.1\r\nhost: ")
            && output.write(text.slice(facts.authority)) && output.writeLineEnd()
    }

    static func write(
        _ field: HTTP2Field,
        _ text: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        output.write(text.slice(field.name)) && output.write(": ")
            && output.write(text.slice(field.value)) && output.writeLineEnd()
    }

    // RFC 9113 §8.2.3: crumbs become one line again before they go to another version.
    private static func writeCookies(
        _ fields: Span<HTTP2Field>,
        _ text: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard output.write("cookie: ") else { return false }
        var isFirst = true
        for index in fields.indices
        where KnownField.recognize(text, fields[index].name) == .cookie {
            guard isFirst || output.write("; "),
                output.write(text.slice(fields[index].value))
            else { return false }
            isFirst = false
        }
        return output.writeLineEnd()
    }
}

/// What the list of a request says, gathered in one pass.
private struct RequestFacts: BitwiseCopyable {
    var method = Method.other
    var methodRange = ByteRange.empty
    var path = ByteRange.empty
    var authority = ByteRange.empty
    var scheme = HTTP2Conversion.Scheme.none
    var firstRegular = 0
    var cookies = 0
    var hasLength = false
    var declaresBody = false
    /// A CONNECT that asks for a WebSocket (RFC 8441 §5).
    var isWebSocket = false
    private var seen: UInt8 = 0
    private var host = ByteRange.empty
    private var hosts = 0

    mutating func judge(_ fields: Span<HTTP2Field>, _ text: Span<UInt8>) -> Refusal? {
        while firstRegular < fields.count, HTTP2Conversion.isPseudo(fields[firstRegular], text) {
            if let refusal = notePseudo(fields[firstRegular], text) { return refusal }
            firstRegular &+= 1
        }
        for index in firstRegular..<fields.count {
            // RFC 9113 §8.3: a pseudo-field behind a regular one is malformed.
            if HTTP2Conversion.isPseudo(fields[index], text) { return .pseudoField }
            if let refusal = HTTP2Conversion.judge(fields[index], text) { return refusal }
            if let refusal = note(fields[index], text) { return refusal }
        }
        return judgeWhole(text)
    }

    // RFC 9113 §8.3.1: each once, and no other.
    private mutating func notePseudo(_ field: HTTP2Field, _ text: Span<UInt8>) -> Refusal? {
        let value = text.slice(field.value)
        for index in value.indices where value[index] <= 0x20 || value[index] >= 0x7f {
            return value[index] < 0x20 ? .controlByte : .targetByte
        }
        let bit: UInt8
        switch HeadScan.exactName(text, field.name) {
        case 0x64_6f68_7465_6d3a:  // :method
            bit = 1
            methodRange = field.value
            method = Method(HeadScan.exactName(text, field.value))
            guard FieldSyntax.isToken(value) else { return .method }
        case 0x65_6d65_6863_733a:  // :scheme
            bit = 2
            scheme = RequestFacts.scheme(text, field.value)
            guard scheme != .none else { return .scheme }
        case 0x68_7461_703a:  // :path
            bit = 4
            path = field.value
        default:
            if RequestFacts.isAuthority(text, field.name) {
                bit = 8
                authority = field.value
            } else if RequestFacts.isProtocol(text, field.name) {
                bit = 16
                let name: [9 of UInt8] = [0x77, 0x65, 0x62, 0x73, 0x6f, 0x63, 0x6b, 0x65, 0x74]
                isWebSocket = FieldSyntax.equalsIgnoringCase(value, name.span)
            } else {
                return .pseudoField
            }
        }
        guard seen & bit == 0 else { return .pseudoField }
        seen |= bit
        return nil
    }

    private mutating func note(_ field: HTTP2Field, _ text: Span<UInt8>) -> Refusal? {
        switch KnownField.recognize(text, field.name) {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade,
            .http2Settings:
            return .connectionField  // RFC 9113 §8.2.2
        case .te:
            let isTrailers = HeadScan.equals(text, field.value, 0x7372_656c_6961_7274)
            return isTrailers ? nil : .teValue
        case .host:
            guard hosts == 0 else { return .hostRepeated }
            hosts &+= 1
            host = field.value
        case .cookie: cookies &+= 1
        case .contentLength:
            hasLength = true
            let value = text.slice(field.value)
            for index in value.indices where value[index] != 0x30 { declaresBody = true }
        default: break
        }
        return nil
    }

    private mutating func judgeWhole(_ text: Span<UInt8>) -> Refusal? {
        if hosts > 0 {
            if authority.isEmpty { authority = host }
            // RFC 9113 §8.3.1: two names for one request are two readings of it.
            guard FieldSyntax.equalsIgnoringCase(text.slice(authority), text.slice(host)) else {
                return .authorityMismatch
            }
        }
        guard !authority.isEmpty else { return .hostMissing }
        let isExtended = seen & 16 != 0
        if isExtended {
            guard method == .connect else { return .pseudoField }  // RFC 8441 §4
            guard isWebSocket else { return .connectProtocol }
            // What follows is the other protocol's, and has no length.
            guard !hasLength else { return .lengthMismatch }
        } else if method == .connect {
            // RFC 9113 §8.5: neither scheme nor path.
            return seen & 0x7 == 1 ? nil : .pseudoField
        }
        guard seen & 0x7 == 0x7, !path.isEmpty else { return .pseudoField }
        // A scheme and a host in the path would be a second authority (RFC 9112 §3.2.2).
        let first = text.slice(path)[0]
        if first == 0x2f { return nil }
        return first == 0x2a && path.count == 1 && method == .options ? nil : .target
    }

    private static func scheme(
        _ text: Span<UInt8>,
        _ range: ByteRange
    ) -> HTTP2Conversion.Scheme {
        switch HeadScan.shortWord(text, Int(range.start), Int(range.count)) {
        case 0x7074_7468: .http
        case 0x73_7074_7468: .https
        default: .none
        }
    }

    private static func isProtocol(_ text: Span<UInt8>, _ range: ByteRange) -> Bool {
        guard range.count == 9 else { return false }
        let first = ByteRange(start: range.start, count: 8)
        let last = ByteRange(start: range.start &+ 8, count: 1)
        return HeadScan.exactName(text, first) == 0x6f63_6f74_6f72_703a
            && HeadScan.exactName(text, last) == 0x6c
    }

    private static func isAuthority(_ text: Span<UInt8>, _ range: ByteRange) -> Bool {
        guard range.count == 10 else { return false }
        let first = ByteRange(start: range.start, count: 8)
        let last = ByteRange(start: range.start &+ 8, count: 2)
        return HeadScan.exactName(text, first) == 0x6972_6f68_7475_613a
            && HeadScan.exactName(text, last) == 0x7974
    }
}

extension HeadScan {
    /// Up to eight octets as they are, with zeros behind, wherever they stand; 0 for more or none.
    static func exactName(_ bytes: Span<UInt8>, _ range: ByteRange) -> UInt64 {
        guard range.count > 0, range.count <= 8, range.end <= bytes.count else { return 0 }
        var word: UInt64 = 0
        for offset in 0..<Int(range.count) {
            word |= UInt64(bytes[Int(range.start) &+ offset]) << UInt64(offset &* 8)
        }
        return word
    }
}
