// SPDX-License-Identifier: Apache-2.0
internal import HTTPProtocol
internal import Runtime

/// How an exchange ended, as one stable word in logs, metrics and explanations.
enum Reason: BitwiseCopyable, Equatable, Sendable {
    /// The origin's response was passed on whole.
    case completed
    /// The request was not acceptable.
    case refused(Refusal)
    /// The door ended it.
    case fault(Fault)
    /// There was no exchange: TLS was not agreed on.
    case handshake(TLSFailure)
    /// The route itself is the answer.
    case route(RouteAnswer)

    var word: StaticString {
        switch self {
        case .completed: "ok"
        case .refused(let refusal): refusal.word
        case .fault(let fault): fault.word
        case .handshake: "handshake-failed"
        case .route(.redirect): "redirect"
        case .route(.respond): "respond"
        case .route(.maintenance): "maintenance"
        case .route(.dns): "dns"
        case .route(.purge): "purge"
        }
    }

    /// The status the client is told, when there still is a way to tell.
    var status: UInt16 {
        switch self {
        case .completed, .route: 200
        case .refused(let refusal): refusal.status
        case .fault(let fault): fault.status
        case .handshake: 0
        }
    }
}

/// How a route answers without an endpoint.
enum RouteAnswer: UInt8, BitwiseCopyable, Sendable {
    case redirect, respond, maintenance, dns, purge
}

/// Why the door ended an exchange itself.
enum Fault: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    // The request.
    case noRoute, dotSegment, connectMethod, misdirected, bodyTooLarge, clientDenied, rateLimited
    case optionsEnd, traceEnd, pathEncoding, tooEarly, overloaded
    case unauthorized, insufficientScope, authLimited, authBusy, authTimeout, authUnavailable
    case headerTimeout, bodyTimeout, clientGone, clientSlow
    // What is in a cache, or is fetched for it by another request.
    case notStored, fetchFailed, purgeDenied, loopDetected, loopMalformed
    // The request for an answer of DNS.
    case messageMalformed, methodRefused, notAcceptable, unsupportedType
    // The connection, before its first request.
    case proxyMissing, proxyMalformed, proxyTimeout, proxyUntrusted, tooManyUnfinished
    // Choosing an endpoint.
    case poolEmpty, allDown, noLeader, atLimit, queueFull, queueDisplaced, queueTimeout
    // The origin.
    case connectRefused, connectTimeout, connectFailed, originReset, originClosed
    case originSecurity, originVersion, originRefused, originStatus, originGRPC, tryTimeout
    case upgradeIgnored
    case originMalformed, originTruncated, originSlow, firstByteTimeout, betweenBytesTimeout
    // The door.
    case requestTimeout, outOfBuffers, tunnelClosed, tunnelIdle, shutdown, endpointDown,
        endpointDrained, internalError

    var word: StaticString {
        switch self {
        case .noRoute: "no-route"
        case .dotSegment: "dot-segment"
        case .pathEncoding: "path-encoding"
        case .connectMethod: "connect-method"
        case .misdirected: "misdirected"
        case .clientDenied: "client-denied"
        case .rateLimited: "rate-limited"
        case .tooEarly: "too-early"
        case .overloaded: "overloaded"
        case .unauthorized: "unauthorized"
        case .insufficientScope: "insufficient-scope"
        case .authLimited: "auth-limited"
        case .authBusy: "auth-busy"
        case .authTimeout: "auth-timeout"
        case .authUnavailable: "auth-unavailable"
        case .bodyTooLarge: "body-too-large"
        case .notStored: "not-stored"
        case .fetchFailed: "fetch-failed"
        case .purgeDenied: "purge-denied"
        case .loopDetected: "loop-detected"
        case .loopMalformed: "loop-malformed"
        case .messageMalformed: "dns-message-malformed"
        case .methodRefused: "method-refused"
        case .notAcceptable: "not-acceptable"
        case .unsupportedType: "unsupported-type"
        case .optionsEnd, .traceEnd: "max-forwards"
        case .headerTimeout: "header-timeout"
        case .bodyTimeout: "body-timeout"
        case .clientGone: "client-gone"
        case .clientSlow: "client-send-timeout"
        case .proxyMissing: "proxy-header-missing"
        case .proxyMalformed: "proxy-header-malformed"
        case .proxyTimeout: "proxy-header-timeout"
        case .proxyUntrusted: "proxy-untrusted"
        case .tooManyUnfinished: "too-many-unfinished"
        case .poolEmpty: "pool-empty"
        case .allDown: "all-down"
        case .noLeader: "no-leader"
        case .atLimit: "at-limit"
        case .queueFull: "queue-full"
        case .queueDisplaced: "queue-displaced"
        case .queueTimeout: "queue-timeout"
        default: originWord
        }
    }

    /// True when the endpoint is to blame; otherwise it is the door, the client or an operator.
    var isOfEndpoint: Bool {
        switch self {
        case .connectRefused, .connectTimeout, .connectFailed, .originReset, .originClosed,
            .originSecurity, .originVersion, .originMalformed, .originTruncated, .originSlow,
            .firstByteTimeout, .tryTimeout, .betweenBytesTimeout:
            true
        default: false
        }
    }

    private var originWord: StaticString {
        switch self {
        case .connectRefused: "connect-refused"
        case .connectTimeout: "connect-timeout"
        case .connectFailed: "connect-failed"
        case .originReset: "origin-reset"
        case .originSecurity: "origin-tls"
        case .originVersion: "origin-version"
        case .originRefused: "origin-refused"
        case .upgradeIgnored: "upgrade-ignored"
        case .originClosed: "origin-closed"
        case .originStatus: "origin-status"
        case .originGRPC: "origin-grpc-status"
        case .tryTimeout: "try-timeout"
        case .originMalformed: "origin-malformed"
        case .originTruncated: "origin-truncated"
        case .originSlow: "origin-send-timeout"
        case .firstByteTimeout: "first-byte-timeout"
        case .betweenBytesTimeout: "between-bytes-timeout"
        case .requestTimeout: "request-timeout"
        case .outOfBuffers: "out-of-buffers"
        case .tunnelClosed: "tunnel-closed"
        case .tunnelIdle: "tunnel-idle"
        case .shutdown: "shutdown"
        case .endpointDown: "endpoint-down"
        case .endpointDrained: "endpoint-drained"
        default: "internal-error"
        }
    }

    var status: UInt16 {
        switch self {
        case .noRoute: 404
        case .dotSegment, .pathEncoding, .messageMalformed, .loopMalformed: 400
        case .connectMethod, .traceEnd, .methodRefused: 405
        case .notAcceptable: 406
        case .unsupportedType: 415
        case .optionsEnd: 200
        case .misdirected: 421
        case .tooEarly: 425
        case .clientDenied, .insufficientScope, .purgeDenied: 403
        case .unauthorized: 401
        case .rateLimited, .authLimited: 429
        case .bodyTooLarge: 413
        case .headerTimeout, .bodyTimeout: 408
        case .clientGone, .clientSlow: 400
        // Nobody is told: the connection closes.
        case .proxyMissing, .proxyMalformed, .proxyTimeout, .proxyUntrusted, .tooManyUnfinished: 0
        case .poolEmpty, .allDown, .noLeader, .atLimit, .queueFull, .queueDisplaced, .queueTimeout,
            .overloaded,
            .outOfBuffers, .shutdown, .authBusy, .authTimeout, .authUnavailable, .originRefused:
            503
        case .notStored, .connectTimeout, .originSlow, .firstByteTimeout, .tryTimeout,
            .betweenBytesTimeout, .requestTimeout:
            504
        case .fetchFailed, .connectRefused, .connectFailed, .originSecurity, .originVersion,
            .originReset, .originClosed, .originStatus, .originGRPC, .originMalformed,
            .originTruncated,
            .upgradeIgnored,
            .endpointDown, .endpointDrained:
            502
        case .loopDetected: 508
        case .tunnelClosed, .tunnelIdle: 101
        case .internalError: 500
        }
    }
}
