// SPDX-License-Identifier: Apache-2.0

/// A content coding that Martlet can apply (RFC 9110 §8.4.1).
public enum ContentCoding: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// RFC 1952.
    case gzip
    /// RFC 7932.
    case brotli
    /// RFC 8878.
    case zstd

    /// Its name in fields.
    public var word: StaticString {
        switch self {
        case .gzip: "gzip"
        case .brotli: "br"
        case .zstd: "zstd"
        }
    }
}
