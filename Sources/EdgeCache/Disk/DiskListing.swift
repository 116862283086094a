// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// What the list of a segment says of one object, so that nobody has to read the objects to know them.
///
///     [ digest ][ sizes ][ offset, octets ][ vary ][ epoch ][ tag ] … [ key ][ up to 7 zeros ]
struct DiskListing: BitwiseCopyable, Sendable, Equatable {
    fileprivate static let fixedCount = 40

    var offset: UInt32
    var octets: UInt32
    var vary: UInt64
    var epoch: UInt64
    /// Octets of the key.
    var keyCount: Int
    /// Number of its tags.
    var tagCount: Int
    var isSoft: Bool

    /// Octets of the line.
    var count: Int { (DiskListing.fixedCount + tagCount * 8 + keyCount + 7) & ~7 }

    // MARK: Writing

    /// Writes a line; how many octets that were, or nil when it does not fit.
    func write(
        _ keyText: Span<UInt8>,
        _ tags: TagList,
        into memory: CacheMemory,
        at place: Int,
        key: SipKey
    ) -> Int? {
        guard place + count <= memory.count, keyText.count == keyCount, tags.count == tagCount
        else { return nil }
        // The last octets may be left from another line.
        memory.write(at: place + count - 8, word: 0)
        let sizes = UInt64(keyCount) | UInt64(tagCount) << 32 | (isSoft ? 1 << 48 : 0)
        memory.write(at: place + 8, word: sizes)
        memory.write(at: place + 16, word: UInt64(offset) | UInt64(octets) << 32)
        memory.write(at: place + 24, word: vary)
        memory.write(at: place + 32, word: epoch)
        for number in 0..<tagCount {
            memory.write(at: place + DiskListing.fixedCount + number * 8, word: tags[number])
        }
        memory.write(at: place + DiskListing.fixedCount + tagCount * 8, keyText)
        let covered = memory.bytes(at: place + 8, count: count - 8)
        memory.write(at: place, word: DiskRecord.digest(covered, key))
        return count
    }

    /// Writes a line anew whose object has another place now.
    func rewrite(_ line: Span<UInt8>, into memory: CacheMemory, at place: Int, key: SipKey) {
        memory.write(at: place, line)
        memory.write(at: place + 16, word: UInt64(offset) | UInt64(octets) << 32)
        let covered = memory.bytes(at: place + 8, count: count - 8)
        memory.write(at: place, word: DiskRecord.digest(covered, key))
    }
}

extension DiskListing {
    /// The line that begins at a place; nil behind the last whole one.
    init?(_ bytes: Span<UInt8>, at place: Int, key: SipKey) {
        self.init(bytes, at: place)
        let covered = bytes.extracting(place + 8..<place + count)
        guard bytes.word(at: place) == DiskRecord.digest(covered, key) else { return nil }
    }

    /// The line that begins at a place, and was looked at already.
    init?(_ bytes: Span<UInt8>, at place: Int) {
        guard let sizes = bytes.word(at: place + 8),
            let whereabouts = bytes.word(at: place + 16), let vary = bytes.word(at: place + 24),
            let epoch = bytes.word(at: place + 32)
        else { return nil }
        keyCount = Int(sizes & 0xffff_ffff)
        tagCount = Int(sizes >> 32 & 0xffff)
        isSoft = sizes >> 48 & 1 == 1
        offset = UInt32(truncatingIfNeeded: whereabouts)
        octets = UInt32(truncatingIfNeeded: whereabouts >> 32)
        self.vary = vary
        self.epoch = epoch
        guard keyCount <= DiskRecord.textLimit, tagCount <= TagList.limit,
            count <= bytes.count - place
        else { return nil }
    }

    /// Where the key stands, for a line that begins at a place.
    func key(at place: Int) -> ByteRange {
        let start = place + DiskListing.fixedCount + tagCount * 8
        return ByteRange(from: start, to: start + keyCount)
    }

    /// A tag, for a line that begins at a place.
    func tag(_ number: Int, _ bytes: Span<UInt8>, at place: Int) -> UInt64 {
        bytes.word(at: place + DiskListing.fixedCount + number * 8) ?? 0
    }
}
