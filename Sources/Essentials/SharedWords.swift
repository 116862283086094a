// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import Synchronization

/// A fixed table of 64-bit words that threads read and write without locks.
///
/// This is how health, in-flight counts and statistics cross threads. Words are spread `stride`
/// words apart: 1 packs them, 8 gives each its own cache line against false sharing.
@safe public final class SharedWords: Sendable {
    /// Number of words.
    public let count: Int
    @usableFromInline let stride: Int
    // Atomics must stay at one address and Array cannot hold them: the only safe container of the
    // standard library, InlineArray, has its size fixed at compile time.
    @usableFromInline nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// A table of `count` zeros.
    public init(count: Int, stride: Int = 1) {
        self.stride = Swift.max(stride, 1)
        // calloc: pages of zeros are given by the kernel on first use, so that a table sized for
        // the limit costs only what is used. A zero word is a valid atomic.
        let memory = unsafe calloc(Swift.max(count, 1), self.stride * 8)
        // Without memory the table is empty: every access is out of range, and none traps.
        self.count = unsafe memory == nil ? 0 : Swift.max(count, 0)
        let place = unsafe memory ?? UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
        unsafe words = place.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    deinit { unsafe free(words) }

    /// The word at `index`; 0 when out of range.
    @inlinable public func load(_ index: Int) -> UInt64 {
        guard index >= 0, index < count else { return 0 }
        return unsafe words[index &* stride].load(ordering: .acquiring)
    }

    /// Replaces the word at `index`; nothing happens when out of range.
    @inlinable public func store(_ index: Int, _ value: UInt64) {
        guard index >= 0, index < count else { return }
        unsafe words[index &* stride].store(value, ordering: .releasing)
    }

    /// Adds with wrap-around where many threads write; returns the new value, 0 out of range.
    @inlinable @discardableResult
    public func add(_ index: Int, _ value: UInt64) -> UInt64 {
        guard index >= 0, index < count else { return 0 }
        return unsafe words[index &* stride].wrappingAdd(value, ordering: .relaxed).newValue
    }

    /// Adds with wrap-around where only one thread ever writes this word: no locked instruction.
    @inlinable public func addOwned(_ index: Int, _ value: UInt64) {
        guard index >= 0, index < count else { return }
        let old = unsafe words[index &* stride].load(ordering: .relaxed)
        unsafe words[index &* stride].store(old &+ value, ordering: .relaxed)
    }

    /// Replaces `expected` by `desired` in one step; returns whether it did.
    @inlinable public func exchange(_ index: Int, from expected: UInt64, to desired: UInt64) -> Bool
    {
        guard index >= 0, index < count else { return false }
        return unsafe words[index &* stride].compareExchange(
            expected: expected,
            desired: desired,
            ordering: .acquiringAndReleasing
        ).exchanged
    }
}
