// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// One large piece of address space that a cache keeps its objects in.
///
/// Pages come from the kernel when they are first written. The piece stays mapped for the life of the
/// process, so that its spans need no borrow; who is done with it gives the pages back by
/// ``discard(at:count:)``. Offsets and counts outside are cut to what there is.
@safe public struct CacheMemory: Sendable {
    /// Number of octets.
    public let count: Int
    private nonisolated(unsafe) let base: UnsafeMutablePointer<UInt8>

    /// Address space for `count` octets.
    public init(count: Int) throws(SystemError) {
        let count = max(count, 1)
        let memory = unsafe mmap(
            nil,
            count,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
            -1,
            0
        )
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
            throw SystemError(code: errno)
        }
        // Advice: a kernel without huge pages says no, and nothing is lost.
        _ = unsafe madvise(memory, count, MADV_HUGEPAGE)
        self.count = count
        unsafe base = memory.assumingMemoryBound(to: UInt8.self)
    }

    private func clamped(_ start: Int, _ length: Int) -> Range<Int> {
        let from = min(max(start, 0), count)
        return from..<from + min(max(length, 0), count - from)
    }

    /// The octets from `start` on; what is written there meanwhile is the caller's to order.
    @_lifetime(immortal)
    public func bytes(at start: Int, count: Int) -> Span<UInt8> {
        let range = clamped(start, count)
        let span = unsafe Span(_unsafeStart: base + range.lowerBound, count: range.count)
        return unsafe _overrideLifetime(span, borrowing: ())
    }

    /// Copies octets to `start`, cut to what fits.
    public func write(at start: Int, _ bytes: Span<UInt8>) {
        let range = clamped(start, bytes.count)
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            // The two may overlap: a part of the memory is moved within it.
            unsafe memmove(base + range.lowerBound, from, range.count)
        }
    }

    /// Lets `body` write at most `limit` octets from `start` on; returns how many it wrote.
    public func write(
        at start: Int,
        limit: Int,
        _ body: (inout OutputSpan<UInt8>) -> Void
    ) -> Int {
        let range = clamped(start, limit)
        let buffer = unsafe UnsafeMutableBufferPointer(
            start: base + range.lowerBound,
            count: range.count
        )
        var output = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        body(&output)
        return unsafe output.finalize(for: buffer)
    }

    /// Lets `body` have octets from `start` on, cut to what there is.
    func withPart(
        at start: Int,
        count: Int,
        _ body: (UnsafeMutableBufferPointer<UInt8>) -> Int
    ) -> Int {
        let range = clamped(start, count)
        return unsafe body(
            UnsafeMutableBufferPointer(start: base + range.lowerBound, count: range.count)
        )
    }

    /// Gives the whole pages of a range back to the kernel; they read as zeros afterwards.
    public func discard(at start: Int, count: Int) {
        let page = 4096
        let range = clamped(start, count)
        let from = (range.lowerBound + page - 1) / page * page
        // The mapping ends with a whole page.
        let end = range.upperBound == self.count ? self.count : range.upperBound / page * page
        guard from < end else { return }
        _ = unsafe madvise(base + from, end - from, MADV_DONTNEED)
    }
}
