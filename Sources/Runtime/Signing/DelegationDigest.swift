// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Digests that parents hold of the keys of their children (RFC 4034 §5, RFC 4509, RFC 6605 §2).
public enum DelegationDigest: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// SHA-1, which is no longer to be used (RFC 8624 §3.3).
    case sha1 = 1
    /// SHA-256.
    case sha256 = 2
    /// SHA-384.
    case sha384 = 4

    /// Octets of a digest.
    public var length: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        }
    }

    /// The digest of some bytes; empty without memory.
    public func digest(_ bytes: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: length)
        let isMade =
            unsafe mt_delegation_digest(bytes, bytes.count, &result, Int32(length)) == 1
        return isMade ? result : []
    }
}
