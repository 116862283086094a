// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Bytes that two processes see, over a descriptor from ``File/openMemory(_:size:)``.
///
/// What one process has stored here outlives it, SIGKILL included.
@safe public final class SharedMemory: Sendable {
    /// Number of bytes.
    public let count: Int
    nonisolated(unsafe) let base: UnsafeMutablePointer<UInt8>

    /// Maps `count` bytes of the descriptor, which may be closed afterwards.
    public init(_ fd: FileDescriptor, count: Int) throws(SystemError) {
        self.count = count
        let memory = unsafe mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, fd.raw, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
            throw SystemError(code: errno)
        }
        unsafe base = memory.assumingMemoryBound(to: UInt8.self)
    }

    deinit { unsafe munmap(base, count) }

    /// Copies bytes to `offset`, cut to what fits.
    public func write(_ bytes: Span<UInt8>, at offset: Int) {
        guard offset >= 0, offset < count else { return }
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            unsafe (base + offset).update(from: from, count: min(source.count, count - offset))
        }
    }

    /// A copy of `length` bytes from `offset` on, cut to what there is.
    public func read(at offset: Int, length: Int) -> [UInt8] {
        guard offset >= 0, offset < count else { return [] }
        let source = unsafe UnsafeBufferPointer(
            start: base + offset,
            count: min(max(length, 0), count - offset)
        )
        return unsafe Array(source)
    }
}
