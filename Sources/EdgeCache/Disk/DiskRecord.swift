// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// What is written of an object: words of eight octets, its text, and its body in pieces with a digest each.
///
///     [ 16 words ][ key, names, head ][ piece ][ digest ] … [ piece ][ digest ]
///
/// The digests have the key of the store: what a disk made of an object, or somebody else put there, is not
/// taken for it.
struct DiskRecord: BitwiseCopyable, Sendable, Equatable {
    /// Octets before the text.
    static let headCount = 128
    /// The most octets of key, names and head.
    static let textLimit = 256 << 10
    /// Octets of a piece of the body.
    static let piece = 256 << 10
    fileprivate static let magic: UInt64 = 0x0130_4a42_4f54_524d

    var keyCount: Int
    var namesCount: Int
    var textCount: Int
    var bodyCount: Int
    var isSoft: Bool
    var vary: Digest128
    /// How many orders to forget something there had been when it was asked for.
    var epoch: UInt64
    var facts: StoredFacts

    /// Octets of a whole record, a multiple of eight.
    static func octets(text: Int, body: Int) -> Int {
        let pieces = (body + piece - 1) / piece
        return (headCount + text + body + pieces * 8 + 7) & ~7
    }

    var octets: Int { DiskRecord.octets(text: textCount, body: bodyCount) }

    static func digest(_ bytes: Span<UInt8>, _ key: SipKey) -> UInt64 {
        SipHash.shortDigest(bytes, key: key)
    }

    // MARK: Writing

    /// Writes the words before a text that stands in memory behind them.
    func write(into memory: CacheMemory, at place: Int, key: SipKey) {
        let first = UInt64(UInt32(clamping: keyCount)) | UInt64(UInt32(clamping: namesCount)) << 32
        let second = UInt64(UInt32(clamping: textCount)) | (isSoft ? 1 << 32 : 0)
        let words: InlineArray<16, UInt64> = [
            DiskRecord.magic, 0, first, second, UInt64(clamping: bodyCount),
            UInt64(facts.status) | UInt64(facts.traits.rawValue) << 16,
            UInt64(bitPattern: facts.received.nanoseconds),
            UInt64(bitPattern: facts.initialAge.nanoseconds),
            UInt64(bitPattern: facts.lifetime.nanoseconds),
            UInt64(bitPattern: facts.staleWhileRevalidate.nanoseconds),
            UInt64(bitPattern: facts.staleIfError.nanoseconds),
            vary.low, vary.high, epoch, 0, 0,
        ]
        for index in words.indices { memory.write(at: place + index * 8, word: words[index]) }
        let covered = memory.bytes(at: place + 16, count: DiskRecord.headCount - 16 + textCount)
        memory.write(at: place + 8, word: DiskRecord.digest(covered, key))
    }
}

extension DiskRecord {
    /// What a record says of itself; nil where it is none, or its words make no sense.
    init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= DiskRecord.headCount, bytes.word(at: 0) == DiskRecord.magic,
            let first = bytes.word(at: 16), let second = bytes.word(at: 24),
            let body = bytes.word(at: 32), let status = bytes.word(at: 40),
            let low = bytes.word(at: 88), let high = bytes.word(at: 96),
            let epoch = bytes.word(at: 104)
        else { return nil }
        keyCount = Int(first & 0xffff_ffff)
        namesCount = Int(first >> 32)
        textCount = Int(second & 0xffff_ffff)
        bodyCount = Int(clamping: body)
        guard textCount <= DiskRecord.textLimit, keyCount <= textCount,
            namesCount <= textCount - keyCount, bodyCount <= 1 << 40
        else { return nil }
        isSoft = second >> 32 & 1 == 1
        vary = Digest128(low: low, high: high)
        self.epoch = epoch
        func interval(_ place: Int) -> Int64 { Int64(bitPattern: bytes.word(at: place) ?? 0) }
        facts = StoredFacts(
            status: UInt16(truncatingIfNeeded: status),
            traits: StoredFacts.Traits(rawValue: UInt16(truncatingIfNeeded: status >> 16)),
            received: WallTime(nanoseconds: interval(48)),
            initialAge: Interval(nanoseconds: interval(56)),
            lifetime: Interval(nanoseconds: interval(64)),
            staleWhileRevalidate: Interval(nanoseconds: interval(72)),
            staleIfError: Interval(nanoseconds: interval(80))
        )
    }

    /// True when words and text, which are all here, are those that were written.
    func isWhole(_ bytes: Span<UInt8>, _ key: SipKey) -> Bool {
        guard bytes.count >= DiskRecord.headCount + textCount else { return false }
        let covered = bytes.extracting(16..<DiskRecord.headCount + textCount)
        return bytes.word(at: 8) == DiskRecord.digest(covered, key)
    }
}

extension CacheMemory {
    /// Writes eight octets, the low one first.
    func write(at place: Int, word: UInt64) {
        var octets = InlineArray<8, UInt8>(repeating: 0)
        for index in octets.indices {
            octets[index] = UInt8(truncatingIfNeeded: word >> UInt64(index * 8))
        }
        write(at: place, octets.span)
    }
}
