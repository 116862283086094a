// SPDX-License-Identifier: Apache-2.0
internal import CLinux
public import Essentials
internal import Glibc

/// A descriptor as a plain number: its owner closes it, exactly once.
public struct FileDescriptor: Hashable, Sendable, BitwiseCopyable {
    /// The kernel's number; negative means none.
    public let raw: Int32

    /// Wraps a number.
    @inlinable public init(raw: Int32) { self.raw = raw }
    /// No descriptor.
    @inlinable public static var none: FileDescriptor { FileDescriptor(raw: -1) }
    /// True for ``none``.
    @inlinable public var isNone: Bool { raw < 0 }

    /// Another descriptor for the same open file; none when the process may open no more.
    public func duplicate() -> FileDescriptor {
        FileDescriptor(raw: Int32(truncatingIfNeeded: mt_duplicate(raw)))
    }

    /// Closes the descriptor; an error is of no use to anyone, since Linux frees it regardless.
    public func close() {
        guard raw >= 0 else { return }
        _ = Glibc.close(raw)
    }
}

/// The clocks of the shell; machines are handed what these return.
public enum Clock {
    /// Now, on the clock that never jumps.
    public static func monotonic() -> Instant { Instant(nanoseconds: mt_monotonic()) }
    /// Nanoseconds since 1970 in UTC, which may jump: for logs and files only.
    public static func realtime() -> Int64 { mt_realtime() }
    /// CPU time this thread has used.
    public static func threadCPU() -> Interval { Interval(nanoseconds: mt_thread_cpu()) }
}
