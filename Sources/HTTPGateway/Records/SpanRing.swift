// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What one worker hands to the thread that exports spans.
///
/// One thread writes, one takes. A full ring takes nothing more, and counts what it did not take:
/// the worker never waits. Memory comes from the kernel with the first records.
public final class SpanRing: Sendable {
    /// Records that have room, at 832 bytes: half a second of 2,000 sampled requests.
    public static let capacity = 1024

    private let words: SharedWords
    // Records written, taken, and not taken up, each by one thread only.
    private let counts = SharedWords(count: 3, stride: 8)

    init() { words = SharedWords(count: SpanRing.capacity * SpanRecord.size) }

    /// Hands a record over; called by the worker alone.
    func write(_ record: SpanRecord) {
        let written = counts.load(0)
        guard written &- counts.load(1) < UInt64(SpanRing.capacity) else {
            return counts.store(2, counts.load(2) &+ 1)
        }
        let start = SpanRing.place(written)
        for index in 0..<SpanRecord.size { words.store(start &+ index, record.word(index)) }
        counts.store(0, written &+ 1)
    }

    /// Takes the oldest record; called by one thread alone.
    public func take() -> SpanRecord? {
        let taken = counts.load(1)
        guard counts.load(0) != taken else { return nil }
        let start = SpanRing.place(taken)
        let record = SpanRecord { words.load(start &+ $0) }
        counts.store(1, taken &+ 1)
        return record
    }

    /// Records that found no room so far.
    public var refused: UInt64 { counts.load(2) }

    private static func place(_ number: UInt64) -> Int {
        Int(truncatingIfNeeded: number % UInt64(capacity)) &* SpanRecord.size
    }
}
