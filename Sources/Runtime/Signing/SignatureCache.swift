// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The signatures that a thread has made, found again by a digest of what they are of.
///
/// One thread uses it; any may ask for ``count``. Sets of eight entries, of which the one goes that
/// has not been asked for again: a flood of names that are asked for once each, and so are denied
/// once each, does not drive out the signatures of names that exist.
@safe public final class SignatureCache: Sendable {
    /// Entries if not said otherwise: 5 MiB, which are taken as they fill.
    public static let defaultCapacity = 65_536
    private static let ways = 8
    // Two words of digest for each entry, then one for the whole set: which were asked for again.
    private static let keyStride = ways * 2 + 1
    private static let marks = ways * 2

    /// The most signatures that are kept.
    public let capacity: Int
    private let key: SipKey
    private let mask: UInt64
    private let keys: SharedWords
    private let signatures: SharedWords
    private let words = SharedWords(count: 1)
    // Where what is to be signed is put together.
    private nonisolated(unsafe) var scratch: Scratch

    // A message of 65,535 octets whose set is put in order, with room for names that it shortens.
    private static let scratchSize = 192 << 10

    /// A cache for at most so many signatures, rounded up to a power of two.
    public convenience init(capacity: Int = SignatureCache.defaultCapacity) {
        self.init(
            capacity: capacity,
            key: SipKey(.random(in: .min ... .max), .random(in: .min ... .max))
        )
    }

    /// The same with a known secret.
    init(capacity: Int, key: SipKey) {
        var sets = 1
        while sets * SignatureCache.ways < min(max(capacity, 1), 1 << 24) { sets *= 2 }
        self.capacity = sets * SignatureCache.ways
        mask = UInt64(sets - 1)
        self.key = key
        keys = SharedWords(count: sets * SignatureCache.keyStride)
        signatures = SharedWords(count: sets * SignatureCache.ways * 8)
        unsafe scratch = Scratch(capacity: SignatureCache.scratchSize)
    }

    deinit { unsafe scratch.release() }

    /// Signatures that are kept now.
    public var count: Int { Int(truncatingIfNeeded: words.load(0)) }

    /// Lets `body` write; what was there before is forgotten.
    public func compose(_ body: (inout OutputSpan<UInt8>) -> Void) {
        unsafe scratch.write(body)
    }

    /// What was written last, which holds until something else is written.
    public var composed: Span<UInt8> {
        @_lifetime(immortal)
        get { unsafe scratch.bytes }
    }

    /// What a signature of some bytes is found by.
    ///
    /// Who does not know the cache's secret, which is drawn at the start, cannot find two texts
    /// that are alike here.
    public func digest(_ bytes: Span<UInt8>, signer: UInt64) -> Digest128 {
        SipHash.digest(bytes, after: signer, key: key)
    }

    /// Appends the 64 octets of a signature that is known; false, with nothing written, else.
    @_lifetime(output: copy output)
    public func find(_ digest: Digest128, into output: inout OutputSpan<UInt8>) -> Bool {
        guard output.freeCapacity >= SigningKey.signatureLength else { return false }
        let set = Int(truncatingIfNeeded: digest.low & mask)
        let base = set &* SignatureCache.keyStride
        for way in 0..<SignatureCache.ways {
            guard keys.load(base &+ way &* 2) == digest.low,
                keys.load(base &+ way &* 2 &+ 1) == digest.high
            else { continue }
            let marks = keys.load(base &+ SignatureCache.marks)
            if marks & 1 << UInt64(way) == 0 {
                keys.store(base &+ SignatureCache.marks, marks | 1 << UInt64(way))
            }
            let place = (set &* SignatureCache.ways &+ way) &* 8
            for word in 0..<8 { output.write(uint64: signatures.load(place &+ word)) }
            return true
        }
        return false
    }

    /// Keeps a signature.
    public func keep(_ digest: Digest128, _ signature: [64 of UInt8]) {
        let set = Int(truncatingIfNeeded: digest.low & mask)
        let base = set &* SignatureCache.keyStride
        let way = victim(base)
        let wasEmpty =
            keys.load(base &+ way &* 2) == 0 && keys.load(base &+ way &* 2 &+ 1) == 0
        if wasEmpty { words.addOwned(0, 1) }
        keys.store(base &+ way &* 2, digest.low)
        keys.store(base &+ way &* 2 &+ 1, digest.high)
        let place = (set &* SignatureCache.ways &+ way) &* 8
        for word in 0..<8 {
            var octets: UInt64 = 0
            for octet in 0..<8 { octets = octets << 8 | UInt64(signature[word &* 8 &+ octet]) }
            signatures.store(place &+ word, octets)
        }
    }

    // The first entry that nobody has asked for again. When all were, they must prove it anew.
    private func victim(_ base: Int) -> Int {
        let marks = keys.load(base &+ SignatureCache.marks)
        for way in 0..<SignatureCache.ways where marks & 1 << UInt64(way) == 0 {
            let isEmpty =
                keys.load(base &+ way &* 2) == 0 && keys.load(base &+ way &* 2 &+ 1) == 0
            if isEmpty { return way }
        }
        let all: UInt64 = 1 << UInt64(SignatureCache.ways) &- 1
        guard marks & all != all else {
            keys.store(base &+ SignatureCache.marks, 0)
            return 0
        }
        // Not always the same one: the latest is the one that is asked for again soonest.
        let turn = Int(truncatingIfNeeded: marks >> 8)
        keys.store(
            base &+ SignatureCache.marks,
            (marks & 0xff) | UInt64(truncatingIfNeeded: turn &+ 1) << 8
        )
        for step in 0..<SignatureCache.ways {
            let way = (turn &+ step) % SignatureCache.ways
            if marks & 1 << UInt64(way) == 0 { return way }
        }
        return 0
    }
}
