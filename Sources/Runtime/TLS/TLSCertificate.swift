// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Essentials

/// Why a certificate and its key cannot be used together.
public enum TLSCertificateProblem: Error, Equatable, Sendable {
    /// The text holds no certificate, or a damaged one.
    case badCertificate
    /// The text holds no private key, a damaged one, or one that asks for a password.
    case badKey
    /// The key is not the one of the certificate.
    case mismatch
    /// The certificate names nobody.
    case nameless
    /// OpenSSL refuses it: a key too short, a digest too weak.
    case refused
}

/// A certificate with its chain and private key, both checked to belong together.
@safe public final class TLSCertificate: Sendable {
    /// What kind of key it has: a client may be able to check only one of them.
    public enum KeyKind: UInt8, Sendable, BitwiseCopyable {
        /// RSA.
        case rsa
        /// ECDSA.
        case ecdsa
        /// Ed25519 and others.
        case other
    }

    /// The names that it is for, in lower case: `example.com`, `*.example.com`, `192.0.2.1`.
    public let names: [String]
    /// The key's kind.
    public let keyKind: KeyKind
    /// The key's length.
    public let keyBits: Int
    /// The first second of its life, in seconds since 1970.
    public let notBefore: Int64
    /// The last second of its life, in seconds since 1970.
    public let notAfter: Int64

    nonisolated(unsafe) let leaf: OpaquePointer
    nonisolated(unsafe) let chain: OpaquePointer?
    nonisolated(unsafe) let key: OpaquePointer

    /// True when a signature takes milliseconds: RSA above 2048 bits, whose cost grows with the
    /// cube of the length.
    public var isSlow: Bool { keyKind == .rsa && keyBits > 2048 }

    /// Reads both from PEM text: the leaf first, then its chain; the key may be in the same text.
    public init(certificate: [UInt8], key keyText: [UInt8]) throws(TLSCertificateProblem) {
        var stack: OpaquePointer?
        guard let leaf = unsafe mt_cert_read(certificate, certificate.count, &stack) else {
            throw .badCertificate
        }
        guard let key = unsafe mt_key_read(keyText, keyText.count) else {
            unsafe X509_free(leaf)
            unsafe mt_chain_free(stack)
            throw .badKey
        }
        unsafe self.leaf = leaf
        unsafe self.chain = stack
        unsafe self.key = key
        switch unsafe mt_key_kind(leaf) {
        case EVP_PKEY_RSA, EVP_PKEY_RSA_PSS: keyKind = .rsa
        case EVP_PKEY_EC: keyKind = .ecdsa
        default: keyKind = .other
        }
        keyBits = Int(unsafe mt_key_bits(leaf))
        notBefore = unsafe mt_cert_not_before(leaf)
        notAfter = unsafe mt_cert_not_after(leaf)
        names = unsafe TLSCertificate.names(of: leaf)
        guard unsafe X509_check_private_key(leaf, key) == 1 else {
            ERR_clear_error()
            throw .mismatch
        }
        guard !names.isEmpty else { throw .nameless }
    }

    deinit {
        unsafe X509_free(leaf)
        unsafe mt_chain_free(chain)
        unsafe EVP_PKEY_free(key)
    }

    // RFC 9525 §2: the common name is no name of a server any more.
    private static func names(of leaf: OpaquePointer) -> [String] {
        guard let list = unsafe mt_cert_names(leaf) else { return [] }
        defer { unsafe mt_cert_names_free(list) }
        var names: [String] = []
        var index: Int32 = 0
        while true {
            var text: UnsafePointer<UInt8>?
            var length = 0
            let kind = unsafe mt_cert_name(list, index, &text, &length)
            guard kind >= 0 else { return names }
            index += 1
            guard kind > 0, length > 0, let start = unsafe text else { continue }
            let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: length))
            if kind == 1 {
                names.append(String(decoding: bytes.map(ASCII.lowercased), as: UTF8.self))
            } else if let address = address(bytes) {
                names.append(address.description)
            }
        }
    }

    private static func address(_ bytes: [UInt8]) -> IPAddress? {
        switch bytes.count {
        case 4: IPAddress(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16: IPAddress(v6: bytes.reduce(0) { $0 << 8 | UInt128($1) })
        default: nil
        }
    }
}
