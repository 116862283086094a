// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Digests without a key.
public enum PlainDigest {
    /// SHA-1 of some bytes, for the handshake of WebSockets (RFC 6455 §4.2.2) and nothing that has
    /// to be kept safe; nil without memory.
    public static func sha1(_ bytes: Span<UInt8>) -> [20 of UInt8]? {
        var result = InlineArray<20, UInt8>(repeating: 0)
        var room = result.mutableSpan
        let isMade = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe room.withUnsafeMutableBufferPointer { output in
                unsafe mt_plain_digest(input.baseAddress, input.count, output.baseAddress) == 1
            }
        }
        return isMade ? result : nil
    }
}
