// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Synchronization

/// A queue into a thread that sits in an event loop: the descriptor becomes readable.
public final class Mailbox<Message: Sendable>: Sendable {
    /// Add this to the receiver's loop with interest in reading.
    public let descriptor: FileDescriptor
    private let messages = Mutex<[Message]>([])

    /// An empty mailbox.
    public init() throws(SystemError) {
        descriptor = FileDescriptor(raw: Int32(try checked(mt_eventfd())))
    }

    deinit { descriptor.close() }

    /// Appends a message; wakes the receiver when the queue was empty.
    public func post(_ message: Message) {
        let wasEmpty = messages.withLock { queue in
            queue.append(message)
            return queue.count == 1
        }
        guard wasEmpty else { return }
        var one: UInt64 = 1
        _ = unsafe mt_write(descriptor.raw, &one, 8)
    }

    /// Takes all messages in the order of their posting.
    public func drain() -> [Message] {
        var count: UInt64 = 0
        _ = unsafe mt_read(descriptor.raw, &count, 8)
        return messages.withLock { queue in
            defer { queue = [] }
            return queue
        }
    }
}
