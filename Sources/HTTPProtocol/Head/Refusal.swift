// SPDX-License-Identifier: Apache-2.0

/// Why a message was not taken: one case per rule of the RFCs, or stricter choice, that it broke.
///
/// The cases are in the order in which a reader of RFC 9112 meets them.
public enum Refusal: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    /// A CR that no LF follows.
    case bareCR
    /// A line that ends in LF alone.
    case bareLF
    /// A NUL or another control octet.
    case controlByte
    /// Whitespace before the start line or between it and the first field.
    case leadingWhitespace
    /// More than one empty line before the request line.
    case emptyLines
    /// A field line that is continued on the next line.
    case obsFold
    /// A request line that is not three words with one space between.
    case requestLine
    /// A method that is not a token.
    case method
    /// A method longer than any that exists.
    case methodLength
    /// A request target in none of the four forms.
    case target
    /// A target octet that is not visible ASCII.
    case targetByte
    /// A `#` in the target.
    case targetFragment
    /// A percent sign without two hexadecimal digits, or `%00`.
    case targetPercent
    /// A target longer than the limit.
    case targetLength
    /// An absolute target that is neither http nor https.
    case scheme
    /// Something that is not a protocol version.
    case version
    /// A version other than 1.0 and 1.1.
    case versionUnsupported
    /// The preface of HTTP/2 on a connection that speaks HTTP/1.
    case http2Preface
    /// A head longer than the limit.
    case headLength
    /// More field lines than the limit.
    case fieldCount
    /// A field name that is empty or not a token.
    case fieldName
    /// Whitespace between a field name and its colon.
    case spaceBeforeColon
    /// A field line without a colon.
    case missingColon
    /// HTTP/1.1 without `Host`.
    case hostMissing
    /// More than one `Host`.
    case hostRepeated
    /// A host or port that is not valid.
    case host
    /// A `Content-Length` that is not a number below 2^63.
    case contentLength
    /// More than one `Content-Length`, equal or not.
    case contentLengthRepeated
    /// Both `Transfer-Encoding` and `Content-Length`.
    case transferEncodingAndContentLength
    /// `Transfer-Encoding` in HTTP/1.0.
    case transferEncodingVersion
    /// A `Transfer-Encoding` that is not exactly one final `chunked`.
    case transferEncoding
    /// A transfer coding other than `chunked`.
    case transferCoding
    /// An expectation other than `100-continue`.
    case expectation
    /// More than one `Upgrade` line.
    case upgradeRepeated
    /// A `Connection` option that is not a token, or too many of them.
    case connectionOption
    /// A `Connection` option that names an end-to-end field.
    case connectionNomination
    /// A `Forwarded` of a trusted proxy that ends inside of quotes (RFC 7239 §4).
    case forwarded
    /// A status line that cannot be read.
    case statusLine
    /// A status code outside 100 to 599.
    case status
    /// A body declared by a response that cannot have one.
    case bodyNotAllowed
    /// A 101 that does not name what it switches to.
    case upgradeResponse
    /// A chunk size that is not 1 to 16 hexadecimal digits, or too large.
    case chunkSize
    /// A chunk line that does not end in CRLF.
    case chunkLine
    /// A chunk extension outside its grammar.
    case chunkExtension
    /// More chunk extensions than the body is worth.
    case chunkExtensionLength
    /// Chunk data that CRLF does not follow.
    case chunkEnd
    /// A trailer section longer than the limit.
    case trailerLength
    /// More trailer fields than the limit.
    case trailerCount
    /// An HTTP/2 pseudo-field that is missing, repeated, unknown or behind a regular field.
    case pseudoField
    /// An HTTP/2 CONNECT for a protocol that is not spoken here.
    case connectProtocol
    /// An HTTP/2 field name with an upper-case letter.
    case fieldCase
    /// An HTTP/2 field that speaks of the connection.
    case connectionField
    /// A `TE` in HTTP/2 that is not `trailers`.
    case teValue
    /// An HTTP/2 `Host` that is not the `:authority`.
    case authorityMismatch
    /// An HTTP/2 field value with a blank at either end.
    case valueBlank
    /// HTTP/2 content that is not as long as was declared.
    case lengthMismatch
}

extension Refusal {
    /// The status to answer a client with.
    ///
    /// When an origin sent the message, the answer to the client is 502 whatever this says.
    public var status: UInt16 {
        switch self {
        case .targetLength: 414
        case .expectation: 417
        case .headLength, .fieldCount, .trailerLength, .trailerCount: 431
        case .methodLength, .transferCoding, .connectProtocol: 501
        case .statusLine, .status, .bodyNotAllowed, .upgradeResponse: 502
        case .versionUnsupported, .http2Preface: 505
        default: 400
        }
    }

    /// The stable word for logs and metrics.
    public var word: StaticString {
        switch self {
        case .bareCR: "bare-cr"
        case .bareLF: "bare-lf"
        case .controlByte: "control-byte"
        case .leadingWhitespace: "leading-whitespace"
        case .emptyLines: "empty-lines"
        case .obsFold: "obs-fold"
        case .requestLine: "request-line"
        case .method: "method"
        case .methodLength: "method-length"
        case .target: "target"
        case .targetByte: "target-byte"
        case .targetFragment: "target-fragment"
        case .targetPercent: "target-percent"
        case .targetLength: "target-length"
        case .scheme: "scheme"
        case .version: "version"
        case .versionUnsupported: "version-unsupported"
        case .http2Preface: "http2-preface"
        case .headLength: "head-length"
        case .fieldCount: "field-count"
        case .fieldName: "field-name"
        case .spaceBeforeColon: "space-before-colon"
        case .missingColon: "missing-colon"
        case .hostMissing: "host-missing"
        case .hostRepeated: "host-repeated"
        case .host: "host"
        case .contentLength: "content-length"
        case .contentLengthRepeated: "content-length-repeated"
        case .transferEncodingAndContentLength: "te-and-cl"
        case .transferEncodingVersion: "te-in-1.0"
        case .transferEncoding: "transfer-encoding"
        case .transferCoding: "transfer-coding"
        case .expectation: "expectation"
        case .upgradeRepeated: "upgrade-repeated"
        case .connectionOption: "connection-option"
        case .connectionNomination: "connection-nomination"
        case .forwarded: "forwarded"
        case .statusLine: "status-line"
        case .status: "status"
        case .bodyNotAllowed: "body-not-allowed"
        case .upgradeResponse: "upgrade-response"
        case .chunkSize: "chunk-size"
        case .chunkLine: "chunk-line"
        case .chunkExtension: "chunk-extension"
        case .chunkExtensionLength: "chunk-extension-length"
        case .chunkEnd: "chunk-end"
        case .trailerLength: "trailer-length"
        case .trailerCount: "trailer-count"
        case .pseudoField: "pseudo-field"
        case .connectProtocol: "connect-protocol"
        case .fieldCase: "field-case"
        case .connectionField: "connection-field"
        case .teValue: "te-value"
        case .authorityMismatch: "authority-mismatch"
        case .valueBlank: "value-blank"
        case .lengthMismatch: "length-mismatch"
        }
    }

    /// The section that asks for the refusal, or permits it.
    public var citation: StaticString {
        switch self {
        case .bareCR, .bareLF, .leadingWhitespace, .emptyLines:
            "RFC 9112 §2.2"
        case .controlByte:
            "RFC 9110 §5.5"
        case .obsFold:
            "RFC 9112 §5.2"
        case .requestLine, .methodLength:
            "RFC 9112 §3"
        case .method:
            "RFC 9110 §9.1"
        case .target, .targetFragment, .hostMissing, .hostRepeated:
            "RFC 9112 §3.2"
        case .targetByte:
            "RFC 3986 §2"
        case .targetPercent:
            "RFC 3986 §2.1"
        case .targetLength:
            "RFC 9110 §15.5.15"
        case .scheme:
            "RFC 9110 §4.2"
        case .version:
            "RFC 9112 §2.3"
        case .versionUnsupported:
            "RFC 9110 §15.6.6"
        case .http2Preface:
            "RFC 9113 §3.4"
        case .headLength, .fieldCount:
            "RFC 6585 §5"
        case .fieldName:
            "RFC 9110 §5.1"
        case .spaceBeforeColon:
            "RFC 9112 §5.1"
        case .missingColon:
            "RFC 9112 §5"
        case .host:
            "RFC 9110 §7.2"
        case .contentLength,
            .contentLengthRepeated,
            .transferEncodingAndContentLength,
            .transferEncoding:
            "RFC 9112 §6.3"
        case .transferEncodingVersion, .transferCoding, .bodyNotAllowed:
            "RFC 9112 §6.1"
        case .expectation:
            "RFC 9110 §10.1.1"
        case .upgradeRepeated:
            "RFC 9110 §7.8"
        case .connectionOption, .connectionNomination:
            "RFC 9110 §7.6.1"
        case .forwarded:
            "RFC 7239 §4"
        case .statusLine:
            "RFC 9112 §4"
        case .status:
            "RFC 9110 §15"
        case .upgradeResponse:
            "RFC 9110 §15.2.2"
        case .chunkSize, .chunkLine, .chunkEnd:
            "RFC 9112 §7.1"
        case .chunkExtension, .chunkExtensionLength:
            "RFC 9112 §7.1.1"
        case .trailerLength, .trailerCount:
            "RFC 9112 §7.1.2"
        case .pseudoField:
            "RFC 9113 §8.3"
        case .connectProtocol:
            "RFC 9220 §3"
        case .fieldCase, .valueBlank:
            "RFC 9113 §8.2.1"
        case .connectionField, .teValue:
            "RFC 9113 §8.2.2"
        case .authorityMismatch:
            "RFC 9113 §8.3.1"
        case .lengthMismatch:
            "RFC 9113 §8.1.1"
        }
    }
}
