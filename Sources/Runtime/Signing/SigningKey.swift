// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// How a zone is signed; the number is that of the registry (RFC 8624 §3.1).
public enum SigningAlgorithm: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// ECDSA on P-256 with SHA-256 (RFC 6605).
    case ecdsaP256 = 13
    /// Ed25519 (RFC 8080).
    case ed25519 = 15
}

/// A private key that signs record sets.
///
/// Any thread may sign with it at any time. It never shows its secret but as PEM.
@safe public final class SigningKey: Sendable {
    /// Octets of every signature: both algorithms have as many.
    public static let signatureLength = 64

    /// What it signs with.
    public let algorithm: SigningAlgorithm
    /// The public key as DNSKEY has it: 64 octets (RFC 6605 §4), or 32 (RFC 8080 §3).
    public let publicKey: [UInt8]
    private nonisolated(unsafe) let key: OpaquePointer

    private init?(_ key: OpaquePointer?) {
        guard let key = unsafe key else { return nil }
        unsafe self.key = key
        let number = unsafe mt_signing_algorithm(key)
        let known = SigningAlgorithm(rawValue: UInt8(truncatingIfNeeded: number))
        algorithm = known ?? .ed25519
        var octets = [UInt8](repeating: 0, count: 64)
        let count = unsafe known == nil ? 0 : mt_signing_public(key, number, &octets)
        publicKey = Array(octets.prefix(count))
        // Everything is set, so that `deinit` runs.
        guard count > 0 else { return nil }
    }

    /// A fresh key; nil without memory or randomness.
    public static func generate(_ algorithm: SigningAlgorithm) -> SigningKey? {
        unsafe SigningKey(mt_signing_generate(Int32(algorithm.rawValue)))
    }

    /// Reads a private key as PEM; nil for a text that holds none, or one of another algorithm.
    public convenience init?(pem: [UInt8]) {
        unsafe self.init(mt_signing_read(pem, pem.count))
    }

    /// The key of a secret of 32 octets, as key files of other servers have it.
    public convenience init?(_ algorithm: SigningAlgorithm, secret: [UInt8]) {
        unsafe self.init(mt_signing_import(Int32(algorithm.rawValue), secret, secret.count))
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// The key as PEM (PKCS #8, RFC 5958), not encrypted; nil without memory.
    public var pem: [UInt8]? {
        var text = [UInt8](repeating: 0, count: 1024)
        let count = unsafe mt_signing_write(key, &text, text.count)
        return count > 0 ? Array(text.prefix(count)) : nil
    }

    /// Signs some bytes: r and s for ECDSA (RFC 6605 §4); nil without memory.
    public func sign(_ bytes: Span<UInt8>) -> [64 of UInt8]? {
        var signature = InlineArray<64, UInt8>(repeating: 0)
        var room = signature.mutableSpan
        let isMade = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe room.withUnsafeMutableBufferPointer { output in
                unsafe mt_signing_sign(
                    key,
                    Int32(algorithm.rawValue),
                    input.baseAddress,
                    input.count,
                    output.baseAddress
                ) == 1
            }
        }
        return isMade ? signature : nil
    }
}

extension SigningAlgorithm {
    /// What verifies signatures of a public key as DNSKEY has it; nil when that is no key.
    public func verifier(publicKey: [UInt8]) -> SignatureKey? {
        // RFC 5480 §2, RFC 8410 §4: SubjectPublicKeyInfo up to the key.
        let head: [UInt8] =
            switch self {
            case .ecdsaP256:
                [
                    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a,
                    0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 0x42, 0, 4,
                ]
            case .ed25519: [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0]
            }
        guard publicKey.count == (self == .ecdsaP256 ? 64 : 32) else { return nil }
        return SignatureKey(der: head + publicKey)
    }
}
