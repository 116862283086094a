// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Bounds of all transfers of zones together.
public struct TransferLimitSettings: Sendable, Equatable {
    /// Zones that peers take at a time.
    public var concurrent = 16
    /// Zones that are taken from primaries at a time.
    public var incoming = 4
    /// Bytes of a zone that is taken.
    public var sizeLimit = ByteCount(512 << 20)
    /// How long that may take.
    public var timeLimit = Interval.seconds(1800)
}

/// One that may take a zone.
public struct TakerSettings: Sendable, Equatable {
    /// Where it asks from; nil for anywhere.
    public var network: Prefix?
    /// The key that signs its requests; nil for any or none.
    public var key: String?
}

/// One that is told of changes.
public struct NoticeSettings: Sendable, Equatable {
    /// Where it is.
    public var address: SocketAddress
    /// The key that signs; nil for none.
    public var key: String?
    /// How often it is told that does not answer.
    public var attempts = 6
    /// How long its answer is waited for the first time; then twice as long each time.
    public var wait = Interval.seconds(2)
}

/// One that a zone is taken from.
public struct PrimarySettings: Sendable, Equatable {
    /// Where it is.
    public var address: SocketAddress
    /// The key that signs both ways; nil for none.
    public var key: String?
    /// How TLS is spoken with it; nil for plain TCP.
    public var tls: PrimaryTLSSettings?
}

/// TLS to a primary (RFC 9103).
public struct PrimaryTLSSettings: Sendable, Equatable {
    /// The name in its certificate.
    public var name: String
    /// The file of authorities; nil for those of the system.
    public var authorities: String?
}
