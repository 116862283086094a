// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// One of the four rings of a socket of AF_XDP, in memory that the kernel reads or writes too
/// (Documentation/networking/af_xdp.rst of Linux).
///
/// Whoever writes entries stores the producer's count behind them, whoever takes them the
/// consumer's: each side writes one word and reads the other's. Counts run on for ever; their low
/// bits are places.
@safe struct PacketRing {
    enum Kind: Int32 {
        case receive = 2
        case transmit = 3
        case fill = 5
        case completion = 6
    }

    private let memory: UnsafeMutableRawPointer
    private let length: Int
    private let producer: UnsafeMutablePointer<UInt32>
    private let consumer: UnsafeMutablePointer<UInt32>
    private let flags: UnsafeMutablePointer<UInt32>
    private let entries: UnsafeMutableRawPointer
    private let isProduced: Bool
    // Our own count, ahead of what the other side has been told; and theirs, as we saw it last.
    private var own: UInt32
    private var other: UInt32

    private static let size = UInt32(PacketQueue.frameCount)

    init(_ socket: FileDescriptor, _ kind: Kind) throws(SystemError) {
        var offsets = xdp_mmap_offsets()
        _ = try checked(unsafe mt_xsk_offsets(socket.raw, &offsets))
        let layout: xdp_ring_offset
        let entrySize: Int
        switch kind {
        case .receive: (layout, entrySize) = (offsets.rx, 16)
        case .transmit: (layout, entrySize) = (offsets.tx, 16)
        case .fill: (layout, entrySize) = (offsets.fr, 8)
        case .completion: (layout, entrySize) = (offsets.cr, 8)
        }
        length = Int(layout.desc) + PacketQueue.frameCount * entrySize
        let place = mt_xsk_place(kind.rawValue)
        guard let memory = unsafe mt_xsk_map(socket.raw, length, place) else {
            throw SystemError(code: errno)
        }
        unsafe self.memory = memory
        func word(_ offset: UInt64) -> UnsafeMutablePointer<UInt32> {
            unsafe (memory + Int(offset)).assumingMemoryBound(to: UInt32.self)
        }
        unsafe producer = word(layout.producer)
        unsafe consumer = word(layout.consumer)
        unsafe flags = word(layout.flags)
        unsafe entries = memory + Int(layout.desc)
        isProduced = kind == .transmit || kind == .fill
        own = unsafe isProduced ? mt_relaxed(producer) : mt_relaxed(consumer)
        other = unsafe isProduced ? mt_acquire(consumer) : mt_acquire(producer)
    }

    /// Gives the mapping back: the last thing that is done with a ring.
    func unmap() { unsafe munmap(memory, length) }

    /// Entries that can be put, or taken, now.
    @inline(__always)
    mutating func available() -> Int {
        if isProduced {
            unsafe other = mt_acquire(consumer)
            return Int(PacketRing.size &- (own &- other))
        }
        unsafe other = mt_acquire(producer)
        return Int(min(other &- own, PacketRing.size))
    }

    /// Entries put that the kernel has not taken yet.
    var waiting: Int { unsafe Int(own &- mt_acquire(consumer)) }

    /// True when the kernel is to be told of what was put.
    var needsWakeup: Bool {
        mt_full_fence()
        return unsafe mt_relaxed(flags) & UInt32(XDP_RING_NEED_WAKEUP) != 0
    }

    /// Tells the other side of what has been put or taken.
    @inline(__always)
    func publish() { unsafe mt_release(isProduced ? producer : consumer, own) }

    // The caller has asked how many there are; a place is always inside the ring.

    @inline(__always)
    private mutating func next() -> Int {
        defer { own &+= 1 }
        return Int(own & (PacketRing.size &- 1))
    }

    @inline(__always)
    mutating func put(_ address: UInt64) {
        unsafe entries.storeBytes(of: address, toByteOffset: next() &* 8, as: UInt64.self)
    }

    @inline(__always)
    mutating func put(_ address: UInt64, length: Int) {
        let entry = xdp_desc(addr: address, len: UInt32(truncatingIfNeeded: length), options: 0)
        unsafe entries.storeBytes(of: entry, toByteOffset: next() &* 16, as: xdp_desc.self)
    }

    @inline(__always)
    mutating func takeAddress() -> UInt64 {
        unsafe entries.load(fromByteOffset: next() &* 8, as: UInt64.self)
    }

    @inline(__always)
    mutating func takeEntry() -> (address: UInt64, length: Int) {
        let entry = unsafe entries.load(fromByteOffset: next() &* 16, as: xdp_desc.self)
        return (entry.addr, Int(entry.len))
    }
}
