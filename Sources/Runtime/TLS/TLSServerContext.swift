// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Essentials

/// What is spoken inside of TLS, chosen by ALPN (RFC 7301).
public enum TLSProtocol: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// `http/1.1`; also what a client gets that offers nothing.
    case http1
    /// `h2`.
    case http2
    /// `dot`: DNS over TLS (RFC 7858 §6).
    case dot

    /// The name on the wire.
    public var name: String {
        switch self {
        case .http1: "http/1.1"
        case .http2: "h2"
        case .dot: "dot"
        }
    }
}

/// Versions of TLS; older ones are not spoken.
public enum TLSVersion: UInt16, Sendable, BitwiseCopyable, Comparable {
    /// TLS 1.2 (RFC 5246).
    case tls12 = 0x0303
    /// TLS 1.3 (RFC 8446).
    case tls13 = 0x0304

    /// The older one is less.
    public static func < (a: TLSVersion, b: TLSVersion) -> Bool { a.rawValue < b.rawValue }
}

/// How a listener speaks TLS.
public struct TLSServerSettings: Sendable, Equatable {
    /// What a client gets whose name no certificate has.
    public enum UnknownName: Sendable, Equatable {
        /// The default certificate.
        case defaultCertificate
        /// The alert `unrecognized_name`.
        case refuse
    }

    /// The oldest version.
    public var least = TLSVersion.tls12
    /// The newest version.
    public var most = TLSVersion.tls13
    /// Ciphers of TLS 1.2, in OpenSSL's words and our order.
    public var ciphers = TLSServerSettings.modernCiphers
    /// Ciphers of TLS 1.3, in OpenSSL's words and our order.
    public var suites = TLSServerSettings.modernSuites
    /// Groups for the exchange of keys, in OpenSSL's words.
    public var groups = TLSServerSettings.modernGroups
    /// Protocols offered by ALPN, the preferred one first.
    public var protocols: [TLSProtocol] = [.http1]
    /// What a client gets whose name no certificate has.
    public var unknownName = UnknownName.defaultCertificate
    /// A file of authorities in PEM whose certificates clients are asked for; nil asks for none.
    public var clientAuthorities: String?
    /// Whether a client without a certificate is turned away.
    public var isClientRequired = true
    /// Whether clients that resume a session may send bytes before the end of their handshake, at
    /// most 16 KiB (RFC 8446 §2.3): see ``TLSSessions/isEarly(_:)``.
    public var takesEarlyData = false

    /// Forward secrecy and authenticated encryption only (RFC 9325).
    public static let modernCiphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
        + "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        + "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    /// All three of RFC 8446 that are common; the one that costs least first.
    public static let modernSuites =
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    /// What browsers offer.
    public static let modernGroups = "X25519:P-256:P-384"

    /// The modern defaults.
    public init() {}
}

/// Why settings cannot be used.
public enum TLSContextProblem: Error, Equatable, Sendable {
    /// OpenSSL has no memory.
    case outOfMemory
    /// The list of TLS 1.2 ciphers names nothing that OpenSSL knows.
    case ciphers
    /// The list of TLS 1.3 ciphers names something that OpenSSL does not know.
    case suites
    /// The list of groups names something that OpenSSL does not know.
    case groups
    /// The versions are in the wrong order.
    case versions
    /// OpenSSL refuses this certificate, by its place in the table.
    case certificate(Int)
    /// The file of authorities holds none.
    case authorities
}

/// The server side of TLS for one listener: immutable, shared by all workers.
///
/// A change of certificates is a new context; connections go on with what they began with.
@safe public final class TLSServerContext: Sendable {
    /// The settings it was made from.
    public let settings: TLSServerSettings
    /// The certificates.
    public let table: TLSCertificateTable
    nonisolated(unsafe) let raw: OpaquePointer

    /// Compiles settings and certificates; without `tickets` no session is ever resumed.
    public init(
        _ settings: TLSServerSettings,
        table: TLSCertificateTable,
        tickets: TLSTickets?
    ) throws(TLSContextProblem) {
        guard let raw = unsafe SSL_CTX_new(TLS_server_method()) else { throw .outOfMemory }
        unsafe self.raw = raw
        self.settings = settings
        self.table = table
        unsafe mt_ctx_defaults(raw)
        try unsafe OpenSSL.apply(
            TLSLists(settings.ciphers, settings.suites, settings.groups),
            settings.least,
            settings.most,
            to: raw
        )
        var wire: [UInt8] = []
        for name in settings.protocols.map(\.name) {
            wire.append(UInt8(truncatingIfNeeded: name.utf8.count))
            wire += name.utf8
        }
        let isReady = unsafe mt_ctx_server(
            raw,
            OpenSSL.serverIndex,
            tickets?.raw,
            settings.takesEarlyData ? 1 : 0,
            wire,
            wire.count
        )
        guard isReady == 1 else { throw .outOfMemory }
        unsafe mt_ctx_staple(raw, OpenSSL.stapleIndex)
        if let file = settings.clientAuthorities {
            // Tickets are bound to what was asked for, whatever else the listener is: to what is in
            // the file, or an authority that was taken out would live on in them.
            // FNV-1a, so that nodes with the same settings and keys agree.
            guard let authorities = try? File.read(file, limit: 1 << 24) else { throw .authorities }
            var bits: UInt64 = settings.isClientRequired ? 0xcbf2_9ce4_8422_2325 : 1
            for byte in authorities { bits = (bits ^ UInt64(byte)) &* 0x100_0000_01b3 }
            let policy = (0..<8).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
            let isRequired: Int32 = settings.isClientRequired ? 1 : 0
            let count = UInt32(policy.count)
            guard unsafe mt_ctx_ask(raw, file, isRequired, policy, count) == 1 else {
                ERR_clear_error()
                throw .authorities
            }
        }
        for place in table.defaultPlaces {
            let pair = table.certificates[place]
            guard unsafe mt_ctx_use(raw, pair.leaf, pair.key, pair.chain) == 1 else {
                throw .certificate(place)
            }
        }
        ERR_clear_error()
    }

    deinit { unsafe SSL_CTX_free(raw) }

    /// True when there is a certificate for a host.
    public func knows(_ host: Span<UInt8>) -> Bool {
        var name: [UInt8] = []
        for index in 0..<host.count { name.append(ASCII.lowercased(host[index])) }
        return !table.places(for: String(decoding: name, as: UTF8.self)).isEmpty
    }

    /// What the client hello of a connection asks for.
    enum Choice {
        case keep
        case use([Int])
        case refuse
    }

    func choose(_ name: String) -> Choice {
        let places = name.isEmpty ? [] : table.places(for: name)
        if places.isEmpty {
            return !name.isEmpty && settings.unknownName == .refuse ? .refuse : .keep
        }
        return places == table.defaultPlaces ? .keep : .use(places)
    }
}

extension TLSServerContext: Equatable {
    /// The same object: two contexts from the same files still differ in what they hold.
    public static func == (a: TLSServerContext, b: TLSServerContext) -> Bool { a === b }
}
