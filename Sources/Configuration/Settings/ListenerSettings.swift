// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// One place where a door listens.
public enum ListenerSettings: Sendable, Equatable {
    /// HTTP/1.1 over TCP.
    case http(HTTPListenerSettings)
    /// DNS over UDP and TCP on the same port.
    case dns(DNSListenerSettings)
}

/// A listener of the HTTP door.
public struct HTTPListenerSettings: Sendable, Equatable {
    /// Address and port.
    public var address: ListenAddress
    /// Peers whose forwarding fields and request id are believed.
    public var trustedProxies: [Prefix]
    /// Which forwarding fields are written to the origin.
    public var forwarded: ForwardedPolicy
    /// True when each request gets an `X-Request-Id`.
    public var requestID: Bool
    /// Deadlines towards the client.
    public var timeouts: ListenerTimeoutSettings
}

/// Which forwarding fields a request carries to the origin.
public enum ForwardedPolicy: String, Sendable, Equatable, CaseIterable {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    case xForwarded = "x-forwarded"
    /// `Forwarded` (RFC 7239).
    case forwarded
    /// Both families.
    case both
    /// Neither; what the client sent is removed.
    case none
}

/// Deadlines of an HTTP listener towards its clients.
public struct ListenerTimeoutSettings: Sendable, Equatable {
    /// From the first byte of a head to its last: a total, not a gap.
    public var header: Interval
    /// The least number of body bytes per second from the client; nil means any.
    public var bodyRate: ByteCount?
    /// How long a keep-alive connection may wait for its next request.
    public var idle: Interval
    /// How long the client may take no byte of the response.
    public var send: Interval
    /// The whole exchange from the first head byte; nil means no bound.
    public var request: Interval?
}

/// A listener of the DNS door.
public struct DNSListenerSettings: Sendable, Equatable {
    /// Address and port, for UDP and TCP.
    public var address: ListenAddress
    /// The largest UDP answer, also announced by EDNS (RFC 6891).
    public var ednsSize: Int
    /// How long a TCP connection may stay silent (RFC 7766).
    public var tcpIdle: Interval
    /// TCP connections at a time.
    public var tcpConnections: Int
}
