// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Glibc

/// How connections to endpoints speak TLS.
public struct TLSClientSettings: Sendable, Equatable {
    /// Whether the endpoint's certificate must be valid and have the expected name.
    public var isVerified = true
    /// A file of authorities in PEM; nil means those of the system.
    public var authorities: String?
    /// The oldest version.
    public var least = TLSVersion.tls12
    /// The newest version.
    public var most = TLSVersion.tls13
    /// Ciphers of TLS 1.2.
    public var ciphers = TLSServerSettings.modernCiphers
    /// Ciphers of TLS 1.3.
    public var suites = TLSServerSettings.modernSuites
    /// Groups.
    public var groups = TLSServerSettings.modernGroups
    /// Protocols offered by ALPN; none means no ALPN.
    public var protocols: [TLSProtocol] = []

    /// Verified by the system's authorities.
    public init() {}
}

/// The client side of TLS for one pool or probe: immutable, shared by all workers.
@safe public final class TLSClientContext: Sendable {
    /// The settings it was made from.
    public let settings: TLSClientSettings
    nonisolated(unsafe) let raw: OpaquePointer

    /// Compiles settings; `identity` is shown to endpoints that ask for a certificate.
    public init(
        _ settings: TLSClientSettings,
        identity: TLSCertificate? = nil
    ) throws(TLSContextProblem) {
        guard let raw = unsafe SSL_CTX_new(TLS_client_method()) else { throw .outOfMemory }
        unsafe self.raw = raw
        self.settings = settings
        unsafe mt_ctx_defaults(raw)
        unsafe mt_ctx_client(raw)
        try unsafe OpenSSL.apply(
            TLSLists(settings.ciphers, settings.suites, settings.groups),
            settings.least,
            settings.most,
            to: raw
        )
        unsafe SSL_CTX_set_verify(raw, settings.isVerified ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if settings.isVerified {
            let isRead =
                if let file = settings.authorities {
                    unsafe SSL_CTX_load_verify_file(raw, file)
                } else {
                    unsafe SSL_CTX_set_default_verify_paths(raw)
                }
            guard isRead == 1 else {
                ERR_clear_error()
                throw .authorities
            }
        }
        var wire: [UInt8] = []
        for name in settings.protocols.map(\.name) {
            wire.append(UInt8(truncatingIfNeeded: name.utf8.count))
            wire += name.utf8
        }
        if !wire.isEmpty { unsafe SSL_CTX_set_alpn_protos(raw, wire, UInt32(wire.count)) }
        if let identity {
            guard unsafe mt_ctx_use(raw, identity.leaf, identity.key, identity.chain) == 1 else {
                throw .certificate(0)
            }
        }
        ERR_clear_error()
    }

    deinit { unsafe SSL_CTX_free(raw) }
}

extension TLSClientContext: Equatable {
    /// The same object.
    public static func == (a: TLSClientContext, b: TLSClientContext) -> Bool { a === b }
}

/// The lists that say what is spoken.
struct TLSLists {
    let ciphers: String
    let suites: String
    let groups: String

    init(_ ciphers: String, _ suites: String, _ groups: String) {
        self.ciphers = ciphers
        self.suites = suites
        self.groups = groups
    }
}

/// What the process has of OpenSSL once.
enum OpenSSL {
    nonisolated(unsafe) static let method = unsafe mt_bio_method()
    static let serverIndex = mt_server_index()
    static let stapleIndex = mt_staple_index()

    static func apply(
        _ lists: TLSLists,
        _ least: TLSVersion,
        _ most: TLSVersion,
        to context: OpaquePointer
    ) throws(TLSContextProblem) {
        defer { ERR_clear_error() }
        guard least <= most,
            unsafe mt_ctx_versions(context, Int32(least.rawValue), Int32(most.rawValue)) == 1
        else { throw .versions }
        guard unsafe SSL_CTX_set_cipher_list(context, lists.ciphers) == 1 else { throw .ciphers }
        guard unsafe SSL_CTX_set_ciphersuites(context, lists.suites) == 1 else { throw .suites }
        guard unsafe mt_ctx_groups(context, lists.groups) == 1 else { throw .groups }
    }
}
