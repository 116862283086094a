// SPDX-License-Identifier: Apache-2.0

/// A set of known fields, such as those that a door writes itself.
public struct FieldSet: BitwiseCopyable, Sendable, ExpressibleByArrayLiteral {
    @usableFromInline var bits: UInt64 = 0

    /// The empty set.
    @inlinable public init() {}

    /// The set of the fields listed.
    @inlinable public init(arrayLiteral elements: KnownField...) {
        for element in elements { insert(element) }
    }

    /// Adds a field.
    @inlinable public mutating func insert(_ known: KnownField) {
        bits |= 1 << UInt64(known.rawValue & 63)
    }

    /// Adds all fields of another set.
    @inlinable public mutating func formUnion(_ other: FieldSet) { bits |= other.bits }

    /// True when the field is in the set.
    @inlinable public func contains(_ known: KnownField) -> Bool {
        (bits >> UInt64(known.rawValue & 63)) & 1 == 1
    }
}

/// A field name that the codec or a door acts upon; every other name is ``other``.
public enum KnownField: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// A name that nothing here acts upon.
    case other
    // Framing and connection.
    /// `Host`.
    case host
    /// `Connection`.
    case connection
    /// `Content-Length`.
    case contentLength
    /// `Transfer-Encoding`.
    case transferEncoding
    /// `Keep-Alive`.
    case keepAlive
    /// `Proxy-Connection`.
    case proxyConnection
    /// `TE`.
    case te
    /// `Trailer`.
    case trailer
    /// `Upgrade`.
    case upgrade
    /// `HTTP2-Settings` (RFC 7540 §3.2.1): only ever between two neighbours.
    case http2Settings
    /// `Expect`.
    case expect
    /// `Max-Forwards`.
    case maxForwards
    // Who asked, and by which way.
    /// `Via`.
    case via
    /// `Forwarded` (RFC 7239).
    case forwarded
    /// `X-Forwarded-For`.
    case xForwardedFor
    /// `X-Forwarded-Proto`.
    case xForwardedProto
    /// `X-Forwarded-Host`.
    case xForwardedHost
    /// `X-Forwarded-Port`.
    case xForwardedPort
    /// `X-Real-IP`.
    case xRealIP
    /// `X-Request-ID`.
    case xRequestID
    /// `Traceparent` (W3C Trace Context).
    case traceparent
    /// `Tracestate` (W3C Trace Context).
    case tracestate
    // Credentials and state.
    /// `Cookie`.
    case cookie
    /// `Set-Cookie`.
    case setCookie
    /// `Authorization`.
    case authorization
    /// `WWW-Authenticate`.
    case wwwAuthenticate
    /// `Proxy-Authorization`.
    case proxyAuthorization
    /// `Proxy-Authenticate`.
    case proxyAuthenticate
    // Content and negotiation.
    /// `Date`.
    case date
    /// `Server`.
    case server
    /// `User-Agent`.
    case userAgent
    /// `Referer`.
    case referer
    /// `Origin`.
    case origin
    /// `Accept`.
    case accept
    /// `Accept-Encoding`.
    case acceptEncoding
    /// `Accept-Language`.
    case acceptLanguage
    /// `Cache-Control`.
    case cacheControl
    /// `Pragma`.
    case pragma
    /// `Age`.
    case age
    /// `ETag`.
    case etag
    /// `Expires`.
    case expires
    /// `Vary`.
    case vary
    /// `Last-Modified`.
    case lastModified
    /// `If-Modified-Since`.
    case ifModifiedSince
    /// `If-None-Match`.
    case ifNoneMatch
    /// `If-Match`.
    case ifMatch
    /// `If-Unmodified-Since`.
    case ifUnmodifiedSince
    /// `If-Range`.
    case ifRange
    /// `Range`.
    case range
    /// `Accept-Ranges`.
    case acceptRanges
    /// `Content-Range`.
    case contentRange
    /// `Content-Type`.
    case contentType
    /// `Content-Encoding`.
    case contentEncoding
    /// `Location`.
    case location
    /// `Retry-After`.
    case retryAfter
    /// `Allow`.
    case allow
    /// `Idempotency-Key`.
    case idempotencyKey
    /// `Client-Cert` (RFC 9440).
    case clientCert
    /// `Client-Cert-Chain` (RFC 9440).
    case clientCertChain
    /// `Martlet-Mirror`: the request is a copy that nobody waits for.
    case martletMirror
    /// `CDN-Loop` (RFC 8586): which networks the request has passed.
    case cdnLoop

    /// True for a field that speaks to the neighbour only and is never forwarded.
    ///
    /// RFC 9110 §7.6.1, and the proxy credentials, which end at the proxy they are meant for.
    @inlinable public var isHopByHop: Bool {
        switch self {
        case .connection, .transferEncoding, .keepAlive, .proxyConnection, .te, .upgrade,
            .http2Settings, .proxyAuthorization, .proxyAuthenticate:
            true
        default: false
        }
    }

    /// True when a `Connection` option may name this field.
    ///
    /// Naming an end-to-end field would let a client strip it (RFC 9110 §7.6.1: a sender must
    /// not); the attack is known as hop-by-hop header abuse.
    @inlinable public var mayBeNominated: Bool {
        switch self {
        case .other, .keepAlive, .proxyConnection, .te, .upgrade, .http2Settings: true
        default: false
        }
    }

    /// True when the field must not be taken from a trailer section (RFC 9110 §6.5.1).
    @inlinable public var isForbiddenInTrailers: Bool {
        switch self {
        case .other, .etag, .date, .age, .retryAfter: false
        default: true
        }
    }
}
