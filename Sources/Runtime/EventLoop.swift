// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// What to be told about a descriptor.
public struct Interest: OptionSet, Sendable {
    /// The bits as given.
    public let rawValue: UInt8

    /// Wraps raw bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Bytes can be read, or the peer has finished.
    public static let read = Interest(rawValue: 1)
    /// Bytes can be written.
    public static let write = Interest(rawValue: 2)
    /// Told once per change instead of as long as the state lasts (`EPOLLET`).
    public static let edge = Interest(rawValue: 4)

    var kernelForm: UInt32 {
        var bits: UInt32 = 0
        if contains(.read) { bits |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue }
        if contains(.write) { bits |= EPOLLOUT.rawValue }
        if contains(.edge) { bits |= EPOLLET.rawValue }
        return bits
    }
}

/// One readiness report.
public struct Event: Sendable, BitwiseCopyable {
    /// The number given when the descriptor was added.
    public let token: UInt64
    let bits: UInt32

    /// Bytes, a connection or an end of stream can be read.
    public var isReadable: Bool { bits & EPOLLIN.rawValue != 0 }
    /// Bytes can be written.
    public var isWritable: Bool { bits & EPOLLOUT.rawValue != 0 }
    /// The peer has finished sending, or both sides have.
    public var isHangUp: Bool { bits & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue) != 0 }
    /// The descriptor has failed.
    public var isError: Bool { bits & EPOLLERR.rawValue != 0 }
}

/// Waits for many descriptors at once: one epoll instance, used by one thread.
///
/// A descriptor that is closed leaves the loop by itself, provided that it was never duplicated;
/// events already fetched for it may still follow, which is why tokens carry a generation.
@safe public struct EventLoop: ~Copyable {
    /// Events fetched by one wait; more simply stay ready for the next.
    public static let batchLimit = 512

    let epoll: FileDescriptor
    let events: UnsafeMutablePointer<epoll_event>

    /// Opens an epoll instance.
    public init() throws(SystemError) { self.init(adopting: try EventLoop.open()) }

    static func open() throws(SystemError) -> FileDescriptor {
        FileDescriptor(raw: Int32(try checked(mt_epoll_create())))
    }

    init(adopting epoll: FileDescriptor) {
        self.epoll = epoll
        unsafe events = .allocate(capacity: EventLoop.batchLimit)
        unsafe events.initialize(repeating: epoll_event(), count: EventLoop.batchLimit)
    }

    deinit {
        epoll.close()
        unsafe events.deallocate()
    }

    /// Begins to report a descriptor; false when the kernel refuses (no memory, no watches left).
    @discardableResult
    public func add(_ fd: FileDescriptor, token: UInt64, interest: Interest) -> Bool {
        mt_epoll_ctl(epoll.raw, EPOLL_CTL_ADD, fd.raw, interest.kernelForm, token) >= 0
    }

    /// Changes what is reported.
    @discardableResult
    public func modify(_ fd: FileDescriptor, token: UInt64, interest: Interest) -> Bool {
        mt_epoll_ctl(epoll.raw, EPOLL_CTL_MOD, fd.raw, interest.kernelForm, token) >= 0
    }

    /// Ends reports for a descriptor that stays open.
    public func remove(_ fd: FileDescriptor) {
        _ = mt_epoll_ctl(epoll.raw, EPOLL_CTL_DEL, fd.raw, 0, 0)
    }

    /// Waits until something is ready; returns how many events can be asked for.
    ///
    /// A negative timeout waits without end. An interrupting signal counts as no event.
    public mutating func wait(timeoutMilliseconds: Int) -> Int {
        let timeout = Int32(clamping: timeoutMilliseconds)
        let limit = Int32(EventLoop.batchLimit)
        return max(unsafe mt_epoll_wait(epoll.raw, events, limit, timeout), 0)
    }

    /// Makes a fetched event say no longer that there is something to read: it has been read.
    public mutating func forgetReadable(_ index: Int) {
        guard index >= 0, index < EventLoop.batchLimit else { return }
        unsafe events[index].events &= ~EPOLLIN.rawValue
    }

    /// The event at a place below the last ``wait(timeoutMilliseconds:)``'s answer.
    public func event(_ index: Int) -> Event {
        guard index >= 0, index < EventLoop.batchLimit else { return Event(token: 0, bits: 0) }
        let event = unsafe events[index]
        return unsafe Event(token: event.data.u64, bits: event.events)
    }
}
