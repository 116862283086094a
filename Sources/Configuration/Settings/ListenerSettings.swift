// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// One place where a door listens.
public enum ListenerSettings: Sendable, Equatable {
    /// HTTP over TCP, with or without TLS.
    case http(HTTPListenerSettings)
    /// DNS over UDP and TCP on the same port, or over TLS.
    case dns(DNSListenerSettings)
}

/// A listener of the HTTP door.
public struct HTTPListenerSettings: Sendable, Equatable {
    /// Address and port.
    public var address: ListenAddress
    /// Peers whose forwarding fields and request id are believed.
    public var trustedProxies: [Prefix]
    /// Whether connections of those peers begin with a PROXY header.
    public var proxyProtocol: ProxyProtocolPolicy
    /// Where the client's address is taken from.
    public var clientAddress: ClientAddressSource
    /// Which forwarding fields are written to the origin.
    public var forwarded: ForwardedPolicy
    /// True when each request gets an `X-Request-Id`.
    public var requestID: Bool
    /// True when traces are continued or begun.
    public var tracing: Bool
    /// True when the round trips of its clients are measured.
    public var measureRTT: Bool
    /// Clients that are told times in `Server-Timing`.
    public var serverTiming: [Prefix]
    /// Deadlines towards the client.
    public var timeouts: ListenerTimeoutSettings
    /// What a connection by HTTP/2 may do.
    public var http2: HTTP2Settings
    /// The certificates of an HTTPS listener.
    public var certificates: [CertificateSettings]
    /// How TLS is spoken; nil for a plain HTTP listener.
    public var tls: TLSSettings?
    /// Names whose connections pass unread to a pool.
    public var passthrough: [PassthroughSettings]
}

/// A name whose connections pass unread to the endpoints of a pool.
public struct PassthroughSettings: Sendable, Equatable {
    /// The names that clients ask for.
    public var name: HostPattern
    /// The pool.
    public var pool: String
}

/// Whether connections begin with a PROXY header.
public enum ProxyProtocolPolicy: String, Sendable, Equatable, CaseIterable {
    /// They do not.
    case off
    /// Those of trusted peers may.
    case optional
    /// All do, and come from trusted peers.
    case required
}

/// Where the client's address is taken from.
public enum ClientAddressSource: String, Sendable, Equatable, CaseIterable {
    /// Who connected, or whom a PROXY header names.
    case connection
    /// The last address in `X-Forwarded-For` that is not trusted.
    case xForwardedFor = "x-forwarded-for"
    /// The last address in `Forwarded` (RFC 7239) that is not trusted.
    case forwarded
}

/// What a listener allows a connection by HTTP/2.
public struct HTTP2Settings: Sendable, Equatable {
    /// False when only HTTP/1.1 is spoken.
    public var enabled: Bool
    /// Streams at a time.
    public var streams: Int
    /// Request content of a stream that may wait.
    public var streamWindow: ByteCount
    /// The same for all streams of a connection.
    public var connectionWindow: ByteCount
    /// Share of the shipped budgets of each kind of abuse.
    public var tolerance: Percentage

    /// What a connection may hold when nothing else was said, however many its streams are.
    static let connectionWindowLimit = 4 << 20
}

/// A certificate and its key.
public struct CertificateSettings: Sendable, Equatable, Hashable {
    /// The file of the certificate and its chain.
    public var certificate: String
    /// The file of the key; nil when it is in the same file.
    public var key: String?
    /// The file of an OCSP response about it; nil when nothing is stapled.
    public var ocsp: String?

    /// A pair of files; nil for a key in the file of the certificate.
    public init(certificate: String, key: String?, ocsp: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.ocsp = ocsp
    }

    /// The file that the key is in.
    public var keyFile: String { key ?? certificate }
}

/// How a listener speaks TLS.
public struct TLSSettings: Sendable, Equatable {
    /// The oldest version: `1.2` or `1.3`.
    public var minVersion: String
    /// Ciphers of TLS 1.2; nil for the modern ones.
    public var ciphers: String?
    /// Groups; nil for the modern ones.
    public var groups: String?
    /// What a client gets whose name no certificate has.
    public var unknownName: UnknownNamePolicy
    /// The file of authorities whose certificates clients are asked for; nil for none.
    public var clientAuthorities: String?
    /// Whether a client without a certificate is turned away.
    public var clientCertificate: ClientCertificatePolicy
    /// True when sessions are resumed by tickets.
    public var tickets: Bool
    /// The file of ticket keys that nodes share; nil for keys of this process alone.
    public var ticketKeys: String?
    /// True when safe requests are served before the end of a resumed handshake.
    public var earlyData: Bool
    /// Full handshakes of one client in a time; nil for any number.
    public var handshakeRate: Rate?
    /// Full handshakes of one client at once; nil for the number of the rate.
    public var handshakeBurst: Int?
    /// Days left below which there is a warning; 0 for never.
    public var minDays: Int
}

/// What becomes of a client without a certificate.
public enum ClientCertificatePolicy: String, Sendable, Equatable, CaseIterable {
    /// It is turned away.
    case required
    /// It is served, and endpoints are told of no certificate.
    case optional
}

/// What a client gets whose name no certificate has.
public enum UnknownNamePolicy: String, Sendable, Equatable, CaseIterable {
    /// The first certificate.
    case `default`
    /// The alert `unrecognized_name`.
    case refuse
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
    /// A whole PROXY header.
    public var proxyHeader: Interval
    /// A whole TLS handshake.
    public var handshake: Interval
    /// How long a keep-alive connection may wait for its next request.
    public var idle: Interval
    /// How long the client may take no byte of the response.
    public var send: Interval
    /// The whole exchange from the first head byte; nil means no bound.
    public var request: Interval?
}

/// A listener of the DNS door.
public struct DNSListenerSettings: Sendable, Equatable {
    /// Address and port, for UDP and TCP, or for TLS.
    public var address: ListenAddress
    /// The largest UDP answer, also announced by EDNS (RFC 6891).
    public var ednsSize: Int
    /// Resolvers whose client subnet counts (RFC 7871); nil for all.
    public var ecs: [Prefix]?
    /// How long a TCP connection may stay silent (RFC 7766).
    public var tcpIdle: Interval
    /// TCP connections at a time.
    public var tcpConnections: Int
    /// The certificates of a listener for DNS over TLS.
    public var certificates: [CertificateSettings]
    /// How TLS is spoken; nil for a listener without.
    public var tls: TLSSettings?
    /// How queries are taken at an interface; nil when they come by sockets alone.
    public var xdp: XDPSettings?
}

extension ListenerSettings {
    /// How TLS is spoken; nil for a listener without.
    public var tls: TLSSettings? {
        switch self {
        case .http(let settings): settings.tls
        case .dns(let settings): settings.tls
        }
    }

    /// The certificates of a listener with TLS.
    public var certificates: [CertificateSettings] {
        switch self {
        case .http(let settings): settings.certificates
        case .dns(let settings): settings.certificates
        }
    }
}
