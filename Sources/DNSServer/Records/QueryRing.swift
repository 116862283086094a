// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The latest queries of one worker that were picked, the newest in the place of the oldest.
///
/// One thread writes, any may read: the first word of a record is odd while it is being written, and
/// another number afterwards.
public final class QueryRing: Sendable {
    /// Records that there is room for; 0 keeps nothing.
    public let capacity: Int
    private let words: SharedWords
    private let counts = SharedWords(count: 1)

    /// A ring for so many records.
    public init(kept: Int) {
        capacity = max(kept, 0)
        words = SharedWords(count: capacity * QueryRecord.size)
    }

    /// Keeps a record; called by the worker alone.
    func write(_ record: borrowing QueryRecord) {
        guard capacity > 0 else { return }
        let count = counts.load(0)
        let start = Int(truncatingIfNeeded: count % UInt64(capacity)) &* QueryRecord.size
        words.store(start, count &* 2 &+ 1)
        for index in 1..<QueryRecord.size { words.store(start &+ index, record.words[index]) }
        words.store(start, count &* 2 &+ 2)
        counts.store(0, count &+ 1)
    }

    /// Records written so far, those that are gone included.
    public var written: UInt64 { counts.load(0) }

    /// The records that are there, the newest first.
    public var records: [QueryRecord] {
        let written = written
        // Written over meanwhile: a newer one has been told already.
        return (0..<min(written, UInt64(capacity))).compactMap { record(written - 1 - $0) }
    }

    /// The record of a number; nil when another one has taken its place.
    func record(_ number: UInt64) -> QueryRecord? {
        guard capacity > 0 else { return nil }
        let start = Int(number % UInt64(capacity)) * QueryRecord.size
        let mark = number &* 2 &+ 2
        guard words.load(start) == mark else { return nil }
        var record = QueryRecord()
        for index in 1..<QueryRecord.size { record.words[index] = words.load(start + index) }
        return words.load(start) == mark ? record : nil
    }
}
