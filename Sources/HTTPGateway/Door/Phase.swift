// SPDX-License-Identifier: Apache-2.0

/// Where a client connection stands; the same words in the log and in explanations.
enum Phase: UInt8, BitwiseCopyable, Sendable {
    /// The PROXY header of a proxy in front is awaited.
    case proxied
    /// TLS is being agreed on.
    case handshake
    /// Open, no byte of a request yet.
    case idle
    /// A request head is arriving.
    case header
    /// The beginning of the body is awaited, which decides on the route.
    case prefix
    /// A password is being compared with its hash, on another thread.
    case authenticating
    /// Its message is on its way to the DNS door, and the answer back within this turn.
    case asking
    /// What it wants is being fetched for the cache, by itself or by another request.
    case fetching
    /// Every endpoint is at its limit; waiting in the pool's queue.
    case queued
    /// An attempt has failed; a pause before the next.
    case pausing
    /// A connection to the endpoint is opening.
    case connecting
    /// The request is being sent, or its response awaited.
    case waiting
    /// The response is being passed on.
    case relaying
    /// Bytes pass both ways unread: after 101, or because TLS is passed on.
    case tunnel
    /// A copy of a request is under way, whose answer nobody waits for.
    case copying
    /// A connection that carries streams, each in a phase of its own.
    case session
    /// The last response is being sent; then the connection closes.
    case closing

    var word: StaticString {
        switch self {
        case .proxied: "proxy-header"
        case .handshake: "handshake"
        case .idle: "idle"
        case .header: "header"
        case .prefix: "body-prefix"
        case .authenticating: "authenticating"
        case .asking: "asking"
        case .fetching: "fetching"
        case .queued: "queued"
        case .pausing: "pausing"
        case .connecting: "connecting"
        case .waiting: "waiting"
        case .relaying: "relaying"
        case .tunnel: "tunnel"
        case .copying: "copying"
        case .session: "session"
        case .closing: "closing"
        }
    }
}
