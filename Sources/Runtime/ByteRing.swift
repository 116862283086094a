// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Glibc
internal import Synchronization

/// A queue of byte records from one thread to one other, without locks and without waiting.
///
/// The writer never blocks: a record that does not fit is dropped and counted. Positions only
/// grow; their remainder by the capacity is the place. The reader takes whole runs of bytes.
@safe public final class ByteRing: Sendable {
    /// Bytes that can wait.
    public let capacity: Int
    nonisolated(unsafe) let base: UnsafeMutablePointer<UInt8>
    // Word 0: written (writer's), 8: read (reader's), 16: dropped records (writer's).
    let positions = SharedWords(count: 3, stride: 8)

    /// A ring of at least `capacity` bytes, rounded up to a power of two.
    public init(capacity: Int) {
        var size = 4096
        while size < capacity, size < 1 << 30 { size <<= 1 }
        self.capacity = size
        unsafe base = .allocate(capacity: size)
    }

    deinit { unsafe base.deallocate() }

    /// Appends a record, or drops it when there is no room; called by the writing thread only.
    @discardableResult
    public func write(_ bytes: Span<UInt8>) -> Bool {
        let written = positions.load(0)
        let used = Int(truncatingIfNeeded: written &- positions.load(1))
        guard bytes.count <= capacity - used else {
            positions.addOwned(2, 1)
            return false
        }
        let start = Int(truncatingIfNeeded: written & UInt64(capacity - 1))
        let first = min(bytes.count, capacity - start)
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            unsafe (base + start).update(from: from, count: first)
            unsafe base.update(from: from + first, count: source.count - first)
        }
        positions.store(0, written &+ UInt64(bytes.count))
        return true
    }

    /// Bytes that wait; for the reading thread a lower bound.
    public var waiting: Int {
        Int(truncatingIfNeeded: positions.load(0) &- positions.load(1))
    }

    /// Records dropped so far.
    public var dropped: UInt64 { positions.load(2) }

    /// Counts records that were lost before they came here; called by the writing thread only.
    public func countDropped(_ count: UInt64) {
        if count > 0 { positions.addOwned(2, count) }
    }

    /// Writes what waits to a descriptor and forgets it; called by the reading thread only.
    ///
    /// Returns the number of bytes taken. On an error they are kept for the next try. What
    /// ``waiting`` said before is a good `limit`: it ends where a record ends.
    public func drain(to fd: FileDescriptor, limit: Int = .max) throws(SystemError) -> Int {
        let read = positions.load(1)
        let count = min(waiting, limit)
        guard count > 0 else { return 0 }
        let start = Int(truncatingIfNeeded: read & UInt64(capacity - 1))
        let run = min(count, capacity - start)
        let result = unsafe Glibc.write(fd.raw, base + start, run)
        guard result >= 0 else { throw SystemError(code: errno) }
        positions.store(1, read &+ UInt64(result))
        return result
    }

    /// Forgets what waits and returns its number of bytes; called by the reading thread only.
    @discardableResult
    public func discard() -> Int {
        let count = waiting
        positions.store(1, positions.load(1) &+ UInt64(count))
        return count
    }
}
