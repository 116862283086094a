// SPDX-License-Identifier: Apache-2.0
internal import HTTPProtocol

extension Reason {
    /// One sentence for people; the status matters where an endpoint has answered.
    func meaning(status: UInt16) -> String {
        switch self {
        case .completed:
            return status / 100 == 2
                ? "the endpoint answered, and the answer was passed on whole"
                : "the endpoint itself answered \(status), and the answer was passed on whole"
        case .refused(let refusal): return "the request is not acceptable: \(refusal.citation)"
        case .handshake: return "TLS was not agreed on"
        case .route(.redirect): return "the route redirects"
        case .route(.respond): return "the route answers with a text of its own"
        case .route(.maintenance): return "the route is being worked on"
        case .route(.dns): return "the route answered a question of DNS"
        case .route(.purge): return "what the request names was taken out of the route's cache"
        case .fault(let fault): return fault.meaning
        }
    }
}

extension Fault {
    /// What has happened, in one sentence.
    var meaning: String {
        switch self {
        case .noRoute: "no route fits the request"
        case .dotSegment: "the path has dot segments, which have two readings"
        case .pathEncoding: "a percent sign in the path begins no octet"
        case .connectMethod: "CONNECT is refused"
        case .misdirected: "the request is for another listener or another name of TLS"
        case .optionsEnd, .traceEnd: "Max-Forwards was 0, so it went no further"
        case .bodyTooLarge:
            "the body is larger than the route's body-limit, or than limits.body-prefix where that refuses"
        case .notStored: "the client wanted it from the cache alone, and it is not there"
        case .fetchFailed: "another request was fetching it for the cache, and failed"
        case .purgeDenied: "the cache's purge does not name the client's network"
        case .loopDetected:
            "it has been here twice already, says its CDN-Loop: servers point at each other"
        case .loopMalformed: "its CDN-Loop is no list of RFC 8586, so that a loop would not be seen"
        case .messageMalformed: "there was no message of DNS in the request, or not a query"
        case .methodRefused: "questions of DNS come by GET, HEAD or POST"
        case .notAcceptable: "the client takes no answers of DNS, says its Accept"
        case .unsupportedType: "the content is no message of DNS, says its Content-Type"
        case .clientDenied: "the route's allow and deny do not serve this client"
        case .rateLimited: "the route's rate-limit had nothing left"
        case .unauthorized: "the route asks for credentials; there were none, or wrong ones"
        case .insufficientScope: "the token does not say what jwt.claims asks for"
        case .authLimited: "the client has tried too many wrong passwords"
        case .authBusy: "too many passwords wait to be compared"
        case .authTimeout: "the password waited too long to be compared"
        case .authUnavailable: "the file that says who may come in cannot be used"
        case .headerTimeout: "the client took too long for the request head"
        case .bodyTimeout: "the client sent the request body too slowly"
        case .clientGone: "the client closed before it had its answer"
        case .clientSlow: "the client took no byte of its answer for timeouts.send"
        case .proxyMissing, .proxyMalformed, .proxyTimeout: "there was no acceptable PROXY header"
        case .proxyUntrusted: "the listener wants a PROXY header of trusted proxies"
        case .tooManyUnfinished: "the client has too many connections without a request"
        case .poolEmpty: "the pool has no endpoint with a weight above 0"
        case .allDown: "no endpoint of the pool takes new work, and the last resort failed as well"
        case .noLeader:
            "the request may change something, and not exactly one endpoint says that it leads"
        case .atLimit: "every endpoint that takes new work is at its limit, and nothing may wait"
        case .queueFull: "every endpoint that takes new work is at its limit, and the queue is full"
        case .queueTimeout: "every endpoint that takes new work stayed at its limit too long"
        default: originMeaning
        }
    }

    private var originMeaning: String {
        switch self {
        case .connectRefused: "the endpoint refused the connection"
        case .connectTimeout: "the connection to the endpoint took longer than timeouts.connect"
        case .connectFailed: "there is no way to the endpoint"
        case .originSecurity: "TLS with the endpoint failed: its certificate, or nothing in common"
        case .originVersion: "the endpoint does not speak HTTP/2, which the pool asks for"
        case .originRefused: "the endpoint gave the request back untouched"
        case .originReset: "the endpoint reset the connection"
        case .originClosed: "the endpoint closed the connection without an answer"
        case .originStatus: "the answer was to be tried again, and no endpoint was left by then"
        case .originMalformed: "the endpoint's answer is not acceptable HTTP"
        case .originTruncated: "the endpoint closed in the middle of its answer"
        case .originSlow: "the endpoint took no byte of the request for timeouts.send"
        case .firstByteTimeout: "the endpoint's answer took longer than timeouts.first-byte"
        case .tryTimeout: "the attempt took longer than retry.per-try-timeout"
        case .betweenBytesTimeout: "the endpoint was silent in mid-answer for longer than allowed"
        case .requestTimeout: "the whole exchange took longer than it may"
        case .outOfBuffers: "the process is short of buffers or descriptors"
        case .tunnelClosed: "the tunnel was closed"
        case .tunnelIdle: "the tunnel was silent for timeouts.tunnel-idle"
        case .shutdown: "the process is on its way out"
        case .endpointDown: "a liveness probe found the endpoint dead"
        case .endpointDrained: "the time that the draining endpoint had was over"
        default: "a fault of Martlet's own"
        }
    }
}
