// SPDX-License-Identifier: Apache-2.0

/// The tags that were purged lately: what the origin was asked for before may be what they meant.
///
/// A fill has no tags until its head comes; then it learns here whether one of them was meant meanwhile.
struct RecentPurges: Sendable {
    private static let limit = 64

    private var digests = InlineArray<64, UInt64>(repeating: 0)
    /// How many there have been.
    private(set) var count: UInt32 = 0

    /// Notes one more.
    mutating func note(_ digest: UInt64) {
        digests[Int(count) % RecentPurges.limit] = digest
        count &+= 1
    }

    /// True when one of the tags was meant since there had been `earlier`; of too many since nothing is known,
    /// and it is taken to be so.
    func haveMeant(_ tags: TagList, since earlier: UInt32) -> Bool {
        let past = Int(count &- earlier)
        guard past > 0, tags.count > 0 else { return false }
        guard past <= RecentPurges.limit else { return true }
        for back in 1...past {
            let place = Int(count &- UInt32(back)) % RecentPurges.limit
            if tags.contains(digests[place]) { return true }
        }
        return false
    }
}
