// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// The latest requests of one worker that `martlet why` can tell about.
///
/// Two rings of one size: one for server errors and cut exchanges, one for all others, so that a
/// flood of small mistakes by clients does not push out what an operator looks for. The newest takes
/// the place of the oldest. One thread writes, any may read: the first word of a record is odd
/// while it is being written, and another number afterwards.
public final class RequestRing: Sendable {
    /// Records in each of the two rings; 0 keeps nothing.
    public let capacity: Int
    private let words: SharedWords
    // Records written so far, of each ring.
    private let counts = SharedWords(count: 2, stride: 8)

    /// Rings for so many records together.
    public init(kept: Int) {
        capacity = (max(kept, 0) + 1) / 2
        words = SharedWords(count: capacity * 2 * RequestRecord.size)
    }

    /// Keeps a record; called by the worker alone.
    func write(_ record: RequestRecord, isFailure: Bool) {
        guard capacity > 0 else { return }
        let ring = isFailure ? 0 : 1
        let count = counts.load(ring)
        let place = ring &* capacity &+ Int(truncatingIfNeeded: count % UInt64(capacity))
        let start = place &* RequestRecord.size
        words.store(start, count &* 2 &+ 1)
        for index in 1..<RequestRecord.size { words.store(start &+ index, record.words[index]) }
        words.store(start, count &* 2 &+ 2)
        counts.store(ring, count &+ 1)
    }

    /// The record that a name means most likely; nil when there is none, or it is being written
    /// over.
    public func find(_ name: RequestName) -> RequestRecord? {
        var best: RequestRecord?
        for place in 0..<capacity * 2 {
            let start = place * RequestRecord.size
            let version = words.load(start)
            guard version != 0, version & 1 == 0, isNamed(name, start) else { continue }
            var record = RequestRecord()
            for index in 1..<RequestRecord.size { record.words[index] = words.load(start + index) }
            guard words.load(start) == version else { continue }
            if best.map({ name.prefers(record, to: $0) }) ?? true { best = record }
        }
        return best
    }

    private func isNamed(_ name: RequestName, _ start: Int) -> Bool {
        if words.load(start + RequestRecord.Place.alias) == name.alias { return true }
        guard let bits = name.bits else { return false }
        return words.load(start + RequestRecord.Place.id) == UInt64(truncatingIfNeeded: bits >> 64)
            && words.load(start + RequestRecord.Place.id + 1) == UInt64(truncatingIfNeeded: bits)
    }

    /// Records that are there now.
    public var count: Int {
        (0..<2).reduce(0) { $0 + Int(min(counts.load($1), UInt64(capacity))) }
    }

    /// Failures written so far, those that are gone included.
    var failures: UInt64 { counts.load(0) }

    /// Records written so far, those that are gone included.
    public var written: UInt64 { counts.load(0) &+ counts.load(1) }
}

/// How somebody names a request: by the digits of Martlet's own name, or by whatever name a trusted
/// proxy has given it.
public struct RequestName: Sendable, Equatable {
    /// The bits of the digits; nil when these are none.
    let bits: UInt128?
    /// A hash of the text.
    let alias: UInt64

    /// The name as it was written; nil for what can be no name.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard RequestID.isAcceptable(bytes.span) else { return nil }
        alias = RequestName.alias(bytes.span)
        bits = bytes.count == 32 ? UInt128(text, radix: 16) : nil
    }

    /// Which of two records the name means: a proxy's name may be anybody's, so Martlet's own goes
    /// first, and then the newest, as a proxy tries again under the same name.
    public func prefers(_ one: RequestRecord, to other: RequestRecord) -> Bool {
        let isOwn = (one.id.bits == bits, other.id.bits == bits)
        return isOwn.0 == isOwn.1 ? one.began > other.began : isOwn.0
    }

    static func alias(_ bytes: Span<UInt8>) -> UInt64 { max(Hash.bytes(bytes), 1) }
}
