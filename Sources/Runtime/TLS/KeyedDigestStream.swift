// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// HMAC (RFC 2104) of bytes that come piece by piece.
@safe public struct KeyedDigestStream: ~Copyable {
    /// The digest beneath.
    public enum Kind: Sendable {
        /// SHA-1.
        case sha1
        /// SHA-224.
        case sha224
        /// SHA-256.
        case sha256
        /// SHA-384.
        case sha384
        /// SHA-512.
        case sha512

        fileprivate var name: String {
            switch self {
            case .sha1: "SHA1"
            case .sha224: "SHA224"
            case .sha256: "SHA256"
            case .sha384: "SHA384"
            case .sha512: "SHA512"
            }
        }
    }

    private let raw: OpaquePointer
    private var isBroken = false

    /// Begins; nil without memory.
    public init?(_ kind: Kind, key: [UInt8]) {
        // No bytes at all are a key as well; OpenSSL takes none as "as before".
        let octets = key.isEmpty ? [0] : key
        guard let raw = unsafe mt_digest_stream(kind.name, octets, octets.count) else { return nil }
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_MAC_CTX_free(raw) }

    /// Takes the next bytes.
    public mutating func add(_ bytes: Span<UInt8>) {
        guard bytes.count > 0 else { return }
        let isTaken = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe EVP_MAC_update(raw, buffer.baseAddress, buffer.count) == 1
        }
        if !isTaken { isBroken = true }
    }

    /// Takes the next bytes.
    public mutating func add(_ bytes: [UInt8]) { add(bytes.span) }

    /// The digest of all bytes; empty when it could not be made.
    public consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        let count = unsafe mt_digest_end(raw, &digest)
        return isBroken || count <= 0 ? [] : Array(digest.prefix(count))
    }
}
