// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Names that only those with a key can make.
public enum KeyedDigest {
    /// HMAC-SHA-256 (RFC 2104) of some bytes; empty without memory.
    public static func sha256(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 32)
        let isMade = unsafe mt_keyed_digest(key, key.count, bytes, bytes.count, &result) == 1
        return isMade ? result : []
    }
}
