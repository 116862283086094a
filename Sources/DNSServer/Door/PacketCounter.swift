// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// What is counted of frames that came by queues of interfaces.
public enum PacketCounter: Int, CaseIterable, Sendable {
    /// Frames that came.
    case received
    /// Answers that were handed to the kernel.
    case answered
    /// Frames dropped since they hold no whole datagram.
    case malformed
    /// Frames dropped for a wrong checksum.
    case checksum
    /// Frames dropped since nobody can be answered at their source.
    case source
    /// Frames that the kernel dropped, the ring of received ones being full.
    case ringFull
    /// Questions without an answer, all frames to send from being on their way.
    case noFrame
    /// Queues that have failed.
    case failed

    /// The counters of drops, with the words that say why.
    public static let drops: [(word: String, counter: PacketCounter)] = [
        ("malformed", .malformed), ("checksum", .checksum), ("source", .source),
        ("ring-full", .ringFull), ("no-frame", .noFrame),
    ]
}

extension DNSShared {
    /// A counter of packets, summed over all workers.
    public func total(_ counter: PacketCounter) -> UInt64 {
        packets.reduce(0) { $0 &+ $1.load(counter.rawValue) }
    }
}

extension SharedWords {
    /// Adds what one worker has counted.
    func addOwned(_ counts: PacketCounts) {
        addOwned(PacketCounter.received.rawValue, counts.received)
        addOwned(PacketCounter.answered.rawValue, counts.answered)
        addOwned(PacketCounter.malformed.rawValue, counts.faults[FrameFault.malformed.rawValue])
        addOwned(PacketCounter.checksum.rawValue, counts.faults[FrameFault.checksum.rawValue])
        addOwned(PacketCounter.source.rawValue, counts.faults[FrameFault.source.rawValue])
        addOwned(PacketCounter.ringFull.rawValue, counts.lost)
        addOwned(PacketCounter.noFrame.rawValue, counts.unsent)
    }
}
