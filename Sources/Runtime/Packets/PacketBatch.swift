// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Essentials
internal import Glibc

/// What became of frames since it was asked last.
public struct PacketCounts: Equatable, Sendable, BitwiseCopyable {
    /// Frames that came.
    public var received: UInt64 = 0
    /// Answers that were handed to the kernel.
    public var answered: UInt64 = 0
    /// Frames that were dropped, by the places of ``FrameFault``.
    public var faults = InlineArray<3, UInt64>(repeating: 0)
    /// Questions that got no answer because no frame was free for it.
    public var unsent: UInt64 = 0
    /// Frames that the kernel found no room for.
    public var lost: UInt64 = 0

    /// Nothing yet.
    public init() {}

    /// True for equal counts.
    public static func == (a: PacketCounts, b: PacketCounts) -> Bool {
        a.received == b.received && a.answered == b.answered && a.unsent == b.unsent
            && a.lost == b.lost && a.faults.indices.allSatisfy { a.faults[$0] == b.faults[$0] }
    }
}

/// Receives many datagrams of a queue without the kernel's help, and sends their answers.
///
/// What is in a frame is copied into a ``DatagramBatch``, as the kernel does for a socket, and the
/// answer out of it into another frame, which goes back to where the question came from. So
/// whoever answers a batch need not know where it is from.
@safe public struct PacketBatch: ~Copyable {
    private struct Received {
        var start = 0
        var count = 0
        var frame: Frame
    }

    /// Datagrams of a batch for which there is room from the start.
    private static let usualCapacity = 64

    /// Octets of an answer that fit the interface and a frame.
    public let outputSize: Int
    let socket: FileDescriptor
    private let memory: SharedMemory
    private var fill: PacketRing
    private var completion: PacketRing
    private var incoming: PacketRing
    private var outgoing: PacketRing
    private var received: [Received] = []
    /// Frames of the present batch, to be given back with the next.
    private var borrowed: [UInt64] = []
    private var free: [UInt64]
    private var counts = PacketCounts()
    private var lostBefore: UInt64 = 0

    /// Takes over a queue; its socket is closed with the batch.
    ///
    /// - Parameters:
    ///   - queue: What was made by ``PacketPort/open(_:)``.
    ///   - mtu: Octets of an IP packet that the interface takes.
    /// - Throws: When memory cannot be mapped; socket and memory are the caller's still.
    public init(_ queue: PacketQueue, mtu: Int) throws(SystemError) {
        // All that may fail comes first: what has an end of its own begins as a whole, or not at all.
        let memory = try SharedMemory(queue.memory, count: PacketQueue.memorySize)
        let fill = try PacketRing(queue.socket, .fill)
        let completion = try PacketRing(queue.socket, .completion)
        let incoming = try PacketRing(queue.socket, .receive)
        let outgoing = try PacketRing(queue.socket, .transmit)
        let room = min(mtu, PacketQueue.frameSize - Frame.ethernet)
        outputSize = max(room - Frame.headerIPv6 - Frame.headerUDP, 0)
        self.memory = memory
        self.fill = fill
        self.completion = completion
        self.incoming = incoming
        self.outgoing = outgoing
        socket = queue.socket
        queue.memory.close()
        free = (0..<PacketQueue.frameCount).map {
            UInt64((PacketQueue.frameCount + $0) * PacketQueue.frameSize)
        }
        received.reserveCapacity(PacketBatch.usualCapacity)
        borrowed.reserveCapacity(PacketBatch.usualCapacity)
    }

    deinit {
        for ring in [fill, completion, incoming, outgoing] { ring.unmap() }
        socket.close()
    }

    /// Becomes readable when datagrams wait.
    public var descriptor: FileDescriptor { socket }

    /// True while the kernel has not taken all answers, and would take more: another
    /// ``receive()`` tells it.
    public private(set) var hasUnsent = false

    /// Takes what is waiting, as much as a batch holds, in place of what it held.
    ///
    /// Returns how many frames were taken: some may be no datagrams, and count as ``FrameFault``.
    public mutating func receive(into batch: inout DatagramBatch) -> Int {
        giveBack()
        reclaim()
        if hasUnsent { kick() }
        batch.clear()
        received.removeAll(keepingCapacity: true)
        let count = min(incoming.available(), batch.capacity)
        guard count > 0 else { return 0 }
        for _ in 0..<count {
            let (address, length) = incoming.takeEntry()
            let start = Int(truncatingIfNeeded: address & UInt64(PacketQueue.memorySize - 1))
            borrowed.append(UInt64(start & ~(PacketQueue.frameSize - 1)))
            guard start + length <= PacketQueue.memorySize else { continue }
            take(start, length, &batch)
        }
        incoming.publish()
        counts.received &+= UInt64(count)
        return count
    }

    private mutating func take(_ start: Int, _ length: Int, _ batch: inout DatagramBatch) {
        let bytes = unsafe Span(_unsafeStart: memory.base + start, count: length)
        switch Frame.read(bytes) {
        case .success(let frame):
            received.append(Received(start: start, count: length, frame: frame))
            let data = bytes.extracting(droppingFirst: frame.headCount)
            batch.append(data.extracting(first: frame.dataCount), frame)
        case .failure(let fault):
            counts.faults[fault.rawValue] &+= 1
        }
    }

    /// Hands the answers of the batch that was received last to the kernel; how many there are.
    ///
    /// Without a free frame none is sent: then the interface takes less than is answered.
    public mutating func send(from batch: inout DatagramBatch) -> Int {
        guard batch.replyCount > 0 else { return 0 }
        var room = outgoing.available()
        var sent = 0
        for place in 0..<batch.replyCount {
            let question = batch.question(of: place)
            guard question < received.count else { continue }
            guard room > 0, let address = free.last else {
                counts.unsent &+= 1
                continue
            }
            let count = write(batch.answer(place), to: received[question], at: address)
            guard count > 0 else { continue }
            free.removeLast()
            outgoing.put(address, length: count)
            room &-= 1
            sent &+= 1
        }
        batch.replyCount = 0
        counts.answered &+= UInt64(sent)
        guard sent > 0 else { return 0 }
        outgoing.publish()
        kick()
        return sent
    }

    /// Writes an answer into a frame; the octets of that, or 0 when it does not fit.
    private func write(_ data: Span<UInt8>, to entry: Received, at address: UInt64) -> Int {
        guard data.count <= outputSize else { return 0 }
        let head = entry.frame.headCount
        let start = unsafe memory.base + Int(truncatingIfNeeded: address)
        unsafe data.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            unsafe (start + head).update(from: from, count: source.count)
        }
        let question = unsafe Span(_unsafeStart: memory.base + entry.start, count: entry.count)
        let buffer = unsafe UnsafeMutableBufferPointer(start: start, count: head + data.count)
        var answer = unsafe MutableSpan(_unsafeElements: buffer)
        return entry.frame.writeHead(
            answering: question,
            dataCount: data.count,
            into: &answer
        )
    }

    /// What became of frames since the last call.
    public mutating func takeCounts() -> PacketCounts {
        defer { counts = PacketCounts() }
        return counts
    }

    /// Asks the kernel as well for frames that it found no room for: a system call.
    public mutating func countLost() {
        let lost = UInt64(clamping: mt_xsk_lost(socket.raw))
        counts.lost &+= lost &- lostBefore
        lostBefore = lost
    }

    /// Without zero copy a call sends some 32 frames: a few calls send a batch.
    private mutating func kick() {
        hasUnsent = false
        guard outgoing.needsWakeup else { return }
        for _ in 0..<8 {
            let result = mt_xsk_send(socket.raw)
            reclaim()
            // EBUSY: the other end had no room for one answer, which is lost; the next may go.
            let isBusy = result == -Int(EAGAIN) || result == -Int(EBUSY)
            hasUnsent = outgoing.waiting > 0 && isBusy
            // An interface that is down takes nothing: what is there goes with later answers.
            guard hasUnsent else { return }
        }
    }

    /// Frames that were sent can be used again.
    private mutating func reclaim() {
        let count = completion.available()
        guard count > 0 else { return }
        for _ in 0..<count {
            let address = completion.takeAddress() & ~UInt64(PacketQueue.frameSize - 1)
            if free.count < PacketQueue.frameCount, address < UInt64(PacketQueue.memorySize) {
                free.append(address)
            }
        }
        completion.publish()
    }

    /// Frames that were looked at can be received into again.
    private mutating func giveBack() {
        guard !borrowed.isEmpty else { return }
        // As many places as frames: there is always room.
        for address in borrowed { fill.put(address) }
        borrowed.removeAll(keepingCapacity: true)
        fill.publish()
        if fill.needsWakeup { _ = mt_xsk_wake(socket.raw) }
    }
}
