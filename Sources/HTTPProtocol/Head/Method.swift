// SPDX-License-Identifier: Apache-2.0

/// A request method (RFC 9110 §9); its spelling is kept beside it as a range of the head.
public enum Method: UInt8, Sendable, BitwiseCopyable {
    /// GET (RFC 9110 §9.3.1).
    case get
    /// HEAD (RFC 9110 §9.3.2).
    case head
    /// POST (RFC 9110 §9.3.3).
    case post
    /// PUT (RFC 9110 §9.3.4).
    case put
    /// DELETE (RFC 9110 §9.3.5).
    case delete
    /// CONNECT (RFC 9110 §9.3.6).
    case connect
    /// OPTIONS (RFC 9110 §9.3.7).
    case options
    /// TRACE (RFC 9110 §9.3.8).
    case trace
    /// PATCH (RFC 5789).
    case patch
    /// QUERY (RFC 10008): safe and idempotent, with content.
    case query
    /// Any other token, forwarded as it is and never retried.
    case other

    /// True when the client asks for no change of state (RFC 9110 §9.2.1).
    @inlinable public var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace, .query: true
        case .post, .put, .delete, .connect, .patch, .other: false
        }
    }

    /// True when doing it twice means the same as doing it once (RFC 9110 §9.2.2).
    @inlinable public var isIdempotent: Bool { isSafe || self == .put || self == .delete }

    /// The canonical spelling; empty for ``other``.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .query: "QUERY"
        case .other: ""
        }
    }
}
