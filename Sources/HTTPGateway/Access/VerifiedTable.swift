// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Digests of credentials that were verified a short while ago; the credentials are not kept.
///
/// Of fixed size: a set of four places for each digest, of which the one that ends first gives way.
struct VerifiedTable {
    private struct Entry: BitwiseCopyable {
        var digest = Digest128(low: 0, high: 0)
        var until = Instant.start
    }

    /// Digests that can be kept: 128 KiB for each worker that has met credentials.
    static let capacity = 4096
    private static let ways = 4

    private var entries: [Entry] = []

    /// True for a digest whose time is not over.
    func holds(_ digest: Digest128, now: Instant) -> Bool {
        guard !entries.isEmpty else { return false }
        let first = VerifiedTable.place(digest)
        for place in first..<first &+ VerifiedTable.ways {
            // Both halves in one go: where they differ must not show in the time.
            let difference =
                (entries[place].digest.low ^ digest.low)
                | (entries[place].digest.high ^ digest.high)
            if difference == 0 { return now < entries[place].until }
        }
        return false
    }

    mutating func insert(_ digest: Digest128, until: Instant, now: Instant) {
        guard until > now else { return }
        if entries.isEmpty {
            entries = Array(repeating: Entry(), count: VerifiedTable.capacity)
        }
        let first = VerifiedTable.place(digest)
        var target = first
        for place in first..<first &+ VerifiedTable.ways {
            if entries[place].digest == digest {
                target = place
                break
            }
            if entries[place].until < entries[target].until { target = place }
        }
        entries[target] = Entry(digest: digest, until: until)
    }

    private static func place(_ digest: Digest128) -> Int {
        let sets = UInt64(capacity / ways)
        return Int(truncatingIfNeeded: digest.low % sets) &* ways
    }
}
