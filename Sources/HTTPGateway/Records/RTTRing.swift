// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The round trips of clients that one worker has measured, on their way to whoever keeps them.
///
/// One thread writes, one takes. A full ring takes nothing more, and counts what it did not take:
/// the worker never waits.
public final class RTTRing: Sendable {
    /// Records that have room: ten seconds of what a worker measures at most.
    public static let capacity = 1024

    /// One round trip.
    public struct Record: Sendable, Equatable {
        /// Whose it is.
        public let client: IPAddress
        /// How long it takes.
        public let roundTrip: Interval
        /// When it was measured.
        public let at: Instant
    }

    // Address in two words, with its family in the third, then the time.
    private static let size = 4
    private let words = SharedWords(count: RTTRing.capacity * RTTRing.size)
    // Records written, taken, and not taken up, each by one thread only.
    private let counts = SharedWords(count: 3, stride: 8)

    /// An empty ring.
    public init() {}

    /// Hands a round trip over; called by the worker alone.
    public func write(_ client: IPAddress, _ roundTrip: Interval, at now: Instant) {
        let written = counts.load(0)
        guard written &- counts.load(1) < UInt64(RTTRing.capacity) else {
            return counts.store(2, counts.load(2) &+ 1)
        }
        let start = RTTRing.place(written)
        words.store(start, UInt64(truncatingIfNeeded: client.bits >> 64))
        words.store(start &+ 1, UInt64(truncatingIfNeeded: client.bits))
        let length = UInt64(clamping: max(roundTrip.microseconds, 0))
        words.store(start &+ 2, length &<< 1 | (client.isIPv4 ? 1 : 0))
        words.store(start &+ 3, UInt64(bitPattern: now.nanoseconds))
        counts.store(0, written &+ 1)
    }

    /// Takes the oldest record; called by one thread alone.
    public func take() -> Record? {
        let taken = counts.load(1)
        guard counts.load(0) != taken else { return nil }
        let start = RTTRing.place(taken)
        let bits = UInt128(words.load(start)) << 64 | UInt128(words.load(start &+ 1))
        let length = words.load(start &+ 2)
        let record = Record(
            client: length & 1 == 1
                ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits),
            roundTrip: .microseconds(Int64(clamping: length >> 1)),
            at: Instant(nanoseconds: Int64(bitPattern: words.load(start &+ 3)))
        )
        counts.store(1, taken &+ 1)
        return record
    }

    /// Records handed over so far.
    public var written: UInt64 { counts.load(0) }
    /// Records that found no room so far.
    public var refused: UInt64 { counts.load(2) }

    private static func place(_ number: UInt64) -> Int {
        Int(truncatingIfNeeded: number % UInt64(capacity)) &* size
    }
}
