// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What is kept about an entry beside its octets.
struct StoredRecord: BitwiseCopyable, Sendable {
    /// How far it is.
    enum Phase: UInt8 { case free, awaited, growing, complete, passing, refused, failed, renewed }

    /// Octets that each entry is charged beside its cells: this record, and its places in the index and
    /// in the queue.
    static let cost = 320
    static let none = UInt32.max

    // What a hit reads stands first: three lines of the processor's cache in place of five.

    /// The key's.
    var hash: UInt64 = 0
    /// Where the key, the names and the head lie, in this order.
    var text = CellRun.empty
    var keyCount: UInt32 = 0
    var namesCount: UInt32 = 0
    var headCount: UInt32 = 0
    /// The next entry under the same key, which is older.
    var next = StoredRecord.none
    var generation: UInt32 = 0
    /// How many use it.
    var pins: UInt32 = 0
    /// How often it was the answer; saturates.
    var hits: UInt32 = 0
    var phase = Phase.free
    var tagCount: UInt8 = 0
    /// Answers with it since its head came, and what failed of asking for it anew meanwhile.
    var freshHits: UInt8 = 0
    var failures: UInt8 = 0
    /// True while it can be found.
    var isIndexed = false
    /// Stale until it is asked for anew.
    var isSoft = false
    /// An operator has put it here.
    var isPushed = false
    /// It does not go for want of room.
    var isPinned = false
    /// Nothing is fetched: what is on the disk is brought into memory.
    var isLoad = false
    /// It waits to be written to the disk.
    var isQueued = false
    /// Something that it has replaced may be on the disk still.
    var hasFormer = false
    /// It went by order or for a newer one, not for want of room.
    var isForgotten = false
    var facts = StoredFacts.unknown
    /// Octets of the body where the head tells them, else `UInt64.max`.
    var length = UInt64.max
    /// Octets of the body that are there.
    var written = 0
    var body = Extents()
    /// Of what the request says in the fields that the names name.
    var vary = Digest128(low: 0, high: 0)
    /// Workers to tell, a bit for each.
    var watchers: UInt64 = 0
    /// Until when a key's answers are taken not to be storable; of an object, until when it is not asked
    /// for in the background.
    var until = WallTime(nanoseconds: .min)
    /// The last of its tags.
    var tags = TagIndex.none
    /// How many tags had been purged when it was begun.
    var purges: UInt32 = 0
    /// How many orders that outlast the process there had been then.
    var epoch: UInt64 = 0
    /// Its entry among those of the disk.
    var disk = DiskIndex.none
    /// How often it was not the answer, by why.
    var misses = MissCounts()

    /// When it was made, as far as its head and the way it took tell.
    var born: WallTime { facts.received + Interval.zero.minus(facts.initialAge) }

    var isFill: Bool { phase == .awaited || phase == .growing }

    /// What is known of it at `now`, with its being made stale.
    func facts(_ now: WallTime) -> StoredFacts {
        var facts = facts
        if isSoft { facts.lifetime = min(facts.lifetime, facts.age(now)) }
        return facts
    }
}

extension StoredFacts {
    static let unknown = StoredFacts(
        status: 0,
        traits: [],
        received: WallTime(nanoseconds: 0),
        initialAge: .zero,
        lifetime: .zero,
        staleWhileRevalidate: .zero,
        staleIfError: .zero
    )
}
