// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// One fixed piece of memory that a thread writes a message into, again and again.
///
/// Made once per thread and hardly ever freed, so that its spans need no borrow.
@safe public struct Scratch: ~Copyable {
    /// Bytes that fit.
    public let capacity: Int
    let base: UnsafeMutablePointer<UInt8>
    /// Bytes written last.
    public private(set) var count = 0

    /// Memory for `capacity` bytes.
    public init(capacity: Int) {
        self.capacity = max(capacity, 1)
        unsafe base = .allocate(capacity: self.capacity)
    }

    /// Lets `body` write from the beginning; what was there is forgotten.
    @inline(__always)
    public mutating func write(_ body: (inout OutputSpan<UInt8>) -> Void) {
        let buffer = unsafe UnsafeMutableBufferPointer(start: base, count: capacity)
        var output = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        body(&output)
        count = unsafe output.finalize(for: buffer)
    }

    /// Lets `body` write behind what is there.
    @inline(__always)
    public mutating func append(_ body: (inout OutputSpan<UInt8>) -> Void) {
        let buffer = unsafe UnsafeMutableBufferPointer(start: base, count: capacity)
        var output = unsafe OutputSpan(buffer: buffer, initializedCount: count)
        body(&output)
        count = unsafe output.finalize(for: buffer)
    }

    /// Gives the memory back; nobody may look at it any more, nor write.
    mutating func release() {
        unsafe base.deallocate()
        count = 0
    }

    /// Forgets what is behind the first `size` bytes.
    public mutating func shorten(to size: Int) { count = min(count, max(size, 0)) }

    /// What was written last; like ``BufferPool/bytes(_:from:count:)`` without a borrow.
    public var bytes: Span<UInt8> {
        @_lifetime(immortal)
        get {
            let span = unsafe Span(_unsafeStart: base, count: count)
            return unsafe _overrideLifetime(span, borrowing: ())
        }
    }
}
