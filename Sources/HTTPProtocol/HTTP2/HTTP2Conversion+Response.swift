// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Turns the field list of a response into the text of HTTP/1.1 (RFC 9113 §8.3.2).
extension HTTP2Conversion {
    /// What the list of a response said beyond its text.
    public struct ResponseFacts: BitwiseCopyable, Sendable, Equatable {
        /// The status code; 0 before it is known.
        public var status: UInt16 = 0
        /// True when the text says a length that the list did not: nothing follows.
        public var addsLength = false

        /// Nothing known.
        public init() {}
    }

    /// Writes a response head; answers what is wrong with the list, and then nothing counts.
    ///
    /// With `endsStream` there is no content; then a length of 0 is added, unless the response to
    /// HEAD (`answersHead`) or its status says so already.
    public static func writeResponse(
        _ fields: Span<HTTP2Field>,
        text: Span<UInt8>,
        endsStream: Bool,
        answersHead: Bool,
        facts: inout ResponseFacts,
        into output: inout OutputSpan<UInt8>
    ) -> Refusal? {
        guard !fields.isEmpty, isStatus(fields[0], text) else { return .pseudoField }
        let status = readStatus(text.slice(fields[0].value))
        // RFC 9113 §8.6: there is no change of protocol.
        guard status >= 100, status <= 599, status != 101 else { return .status }
        facts.status = status
        let isInterim = status < 200
        // RFC 9113 §8.1: an interim response ends nothing.
        if isInterim, endsStream { return .lengthMismatch }
        guard output.writeStatusLine(status) else { return .headLength }
        var hasLength = false
        for index in 1..<fields.count {
            let field = fields[index]
            // RFC 9113 §8.3: a pseudo-field behind a regular one is malformed, and so is another.
            if isPseudo(field, text) { return .pseudoField }
            if let refusal = judge(field, text) { return refusal }
            switch KnownField.recognize(text, field.name) {
            case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade,
                .http2Settings:
                return .connectionField  // RFC 9113 §8.2.2
            case .contentLength:
                hasLength = true
                let isOwed = endsStream && !answersHead && status != 304
                if isOwed, !isZero(text.slice(field.value)) { return .lengthMismatch }
            default: break
            }
            guard write(field, text, into: &output) else { return .headLength }
        }
        let isSilent = isInterim || status == 204 || status == 304 || answersHead
        if endsStream, !hasLength, !isSilent {
            facts.addsLength = true
            guard output.write("content-length: 0\r\n") else { return .headLength }
        }
        return output.writeLineEnd() ? nil : .headLength
    }

    private static func isStatus(_ field: HTTP2Field, _ text: Span<UInt8>) -> Bool {
        HeadScan.exactName(text, field.name) == 0x73_7574_6174_733a  // :status
    }

    // Three digits and nothing else; 0 for all that is not.
    private static func readStatus(_ value: Span<UInt8>) -> UInt16 {
        guard value.count == 3 else { return 0 }
        var status: UInt16 = 0
        for index in value.indices {
            let digit = value[index] &- 0x30
            guard digit < 10 else { return 0 }
            status = status &* 10 &+ UInt16(digit)
        }
        return status
    }

    private static func isZero(_ value: Span<UInt8>) -> Bool {
        for index in value.indices where value[index] != 0x30 { return false }
        return true
    }
}
