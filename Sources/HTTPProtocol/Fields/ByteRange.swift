// SPDX-License-Identifier: Apache-2.0

/// A run of bytes inside a buffer, as an offset and a count.
///
/// Parsed heads hold these and never copies or pointers: the bytes stay where they were read.
public struct ByteRange: BitwiseCopyable, Sendable, Equatable {
    /// Offset of the first byte.
    public var start: UInt32
    /// Number of bytes.
    public var count: UInt32

    /// A run of `count` bytes from `start`.
    @inlinable public init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    /// The bytes from `start` up to, not including, `end`; empty when the order is wrong.
    @inlinable public init(from start: Int, to end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = end > start ? UInt32(truncatingIfNeeded: end &- start) : 0
    }

    /// No bytes, at offset 0.
    @inlinable public static var empty: ByteRange { ByteRange(start: 0, count: 0) }
    /// True when there are no bytes.
    @inlinable public var isEmpty: Bool { count == 0 }
    /// Offset just past the last byte.
    @inlinable public var end: Int { Int(start) &+ Int(count) }
    /// The same bytes seen from a buffer whose origin lies `offset` bytes earlier.
    @inlinable public func moved(by offset: Int) -> ByteRange {
        ByteRange(start: start &+ UInt32(truncatingIfNeeded: offset), count: count)
    }
}

extension Span where Element == UInt8 {
    /// The bytes of a range, cut to what the span holds: never a trap.
    @inlinable @_lifetime(copy self)
    public func slice(_ range: ByteRange) -> Span<UInt8> {
        let start = Swift.min(Int(range.start), count)
        return extracting(start..<Swift.min(range.end, count))
    }
}
