// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Names as zones with NSEC3 order them.
public enum HashedOwner {
    /// The hash of a name in lower case and wire form (RFC 5155 §5); takes no memory.
    ///
    /// `iterations` is how often the hash is hashed again, from 0 to 65,535.
    public static func hash(
        _ name: Span<UInt8>,
        salt: Span<UInt8>,
        iterations: UInt16
    ) -> [20 of UInt8] {
        var digest = InlineArray<20, UInt8>(repeating: 0)
        var room = digest.mutableSpan
        unsafe name.withUnsafeBufferPointer { name in
            unsafe salt.withUnsafeBufferPointer { salt in
                unsafe room.withUnsafeMutableBufferPointer { room in
                    unsafe mt_hashed_owner(
                        name.baseAddress,
                        name.count,
                        salt.baseAddress,
                        salt.count,
                        Int32(iterations),
                        room.baseAddress
                    )
                }
            }
        }
        return digest
    }
}
