// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// A public key that signatures of tokens are verified with.
@safe public final class SignatureKey: Sendable {
    /// What it verifies; a key serves one algorithm alone, so that no token can choose.
    public enum Algorithm: String, Sendable, BitwiseCopyable, CaseIterable {
        /// RSASSA-PKCS1-v1_5 with SHA-256, for RSA keys from 2,048 to 8,192 bits.
        case rs256 = "RS256"
        /// ECDSA with SHA-256, for keys on P-256.
        case es256 = "ES256"
        /// Ed25519.
        case eddsa = "EdDSA"
    }

    /// What it verifies.
    public let algorithm: Algorithm
    private nonisolated(unsafe) let key: OpaquePointer
    private let kind: Int32

    private init?(_ key: OpaquePointer?) {
        guard let key = unsafe key else { return nil }
        unsafe self.key = key
        kind = unsafe mt_public_kind(key)
        switch kind {
        case MT_PUBLIC_RSA: algorithm = .rs256
        case MT_PUBLIC_P256: algorithm = .es256
        case MT_PUBLIC_ED25519: algorithm = .eddsa
        default:
            // Everything is set, so that `deinit` runs.
            algorithm = .rs256
            return nil
        }
    }

    /// Reads one block of PEM: a public key, or a certificate.
    public convenience init?(pem: [UInt8], isCertificate: Bool) {
        unsafe self.init(mt_public_read(pem, pem.count, isCertificate ? 1 : 0))
    }

    /// Reads a SubjectPublicKeyInfo in DER (RFC 5280 §4.1).
    public convenience init?(der: [UInt8]) {
        unsafe self.init(mt_public_decode(der, der.count))
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// True when the owner of the key has signed the text; a signature has the form of RFC 7518.
    public func verifies(_ text: Span<UInt8>, signature: [UInt8]) -> Bool {
        unsafe text.withUnsafeBufferPointer { text in
            unsafe mt_public_verify(
                key,
                kind,
                text.baseAddress,
                text.count,
                signature,
                signature.count
            ) == 1
        }
    }
}
