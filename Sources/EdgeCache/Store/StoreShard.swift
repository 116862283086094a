// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// One part of a store, with its own memory, as it is while its lock is held.
///
/// The entries of a key are a list, the newest first; the index knows the first of them. An entry lives
/// until it is out of the index and nobody uses it:
///
///     find ──▶ awaited ──open──▶ growing ──close──▶ complete ──▶ forgotten or evicted
///                 │ └─renew─▶ renewed   └─fail─▶ failed
///                 └─refuse─▶ passing: a mark that answers under this key cannot be stored
struct StoreShard: Sendable {
    /// Octets for what a request says in the fields that an entry varies by.
    static let varyLimit = 8192
    /// The most entries under one key.
    static let chainLimit = 64
    /// The most objects that go because free memory is in too many pieces for one other.
    static let mergeLimit = 64

    let number: Int
    let memory: CacheMemory
    /// Where this part's memory begins.
    let start: Int
    /// Octets that may be in use.
    let budget: Int
    /// The most octets of one body.
    let objectLimit: Int

    var records: [StoredRecord] = []
    var free: [UInt32] = []
    var index = StoreIndex()
    var tags = TagIndex()
    var purges = RecentPurges()
    var queue: EvictionQueue
    var cells: CellAllocator
    /// Where the text lies that a request is compared by.
    let scratch: CellRun
    let key: SipKey
    var counts = CacheStatistics()
    var disk = DiskIndex()
    /// How many orders that outlast the process there have been, and had been when the disk was opened.
    var epoch: UInt64 = 0
    var firstEpoch: UInt64 = 0
    /// Objects that wait to be written.
    var queued = 0
    /// There may be objects on the disk that are not in the index.
    var hasUnknown = false
    /// What is on the disk is not known yet.
    var isOpening = true

    init(number: Int, _ memory: CacheMemory, start: Int, count: Int, limit: Int, key: SipKey) {
        self.number = number
        self.memory = memory
        self.start = start
        self.key = key
        budget = max(count, 0)
        objectLimit = limit
        queue = EvictionQueue(budget: budget, keys: max(budget >> 14, 64))
        cells = CellAllocator(cells: budget / CellAllocator.cell)
        scratch = cells.run(CellAllocator.cells(StoreShard.varyLimit)) ?? .empty
        counts.budget = budget
    }

    // MARK: Places

    func ref(_ slot: Int) -> StoredRef {
        StoredRef(shard: number, slot: slot, generation: records[slot].generation)
    }

    /// The record that a reference names; nil when that is gone.
    func slot(_ ref: StoredRef) -> Int? {
        let slot = ref.slot
        guard slot < records.count, records[slot].generation == ref.generation,
            records[slot].phase != .free
        else { return nil }
        return slot
    }

    /// Octets that are in use, of the budget.
    var used: Int {
        cells.inUse * CellAllocator.cell + (records.count - free.count) * StoredRecord.cost
            + tags.count * TagIndex.cost + disk.count * DiskIndex.cost
    }

    func octets(_ slot: Int) -> Int {
        (Int(records[slot].text.count) + Int(records[slot].body.cells)) * CellAllocator.cell
            + StoredRecord.cost + Int(records[slot].tagCount) * TagIndex.cost
    }

    func place(_ run: CellRun) -> Int { start + Int(run.start) * CellAllocator.cell }

    @_lifetime(immortal)
    func keyText(_ slot: Int) -> Span<UInt8> {
        memory.bytes(at: place(records[slot].text), count: Int(records[slot].keyCount))
    }

    @_lifetime(immortal)
    func names(_ slot: Int) -> Span<UInt8> {
        memory.bytes(
            at: place(records[slot].text) + Int(records[slot].keyCount),
            count: Int(records[slot].namesCount)
        )
    }

    @_lifetime(immortal)
    func head(_ slot: Int) -> Span<UInt8> {
        let record = records[slot]
        return memory.bytes(
            at: place(record.text) + Int(record.keyCount) + Int(record.namesCount),
            count: Int(record.headCount)
        )
    }

    // MARK: The entries of a key

    /// The first entry under a key.
    func chain(_ hash: UInt64, _ key: Span<UInt8>) -> Int? {
        index.find(hash) { slot in
            records[slot].hash == hash && StoreShard.isEqual(keyText(slot), key)
        }
    }

    static func isEqual(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        guard one.count == other.count else { return false }
        for index in one.indices where one[index] != other[index] { return false }
        return true
    }

    func next(_ slot: Int) -> Int? {
        let next = records[slot].next
        return next == StoredRecord.none ? nil : Int(next)
    }

    /// Makes an entry the first under its key.
    mutating func attach(_ slot: Int) {
        let hash = records[slot].hash
        let first = chain(hash, keyText(slot))
        records[slot].isIndexed = true
        records[slot].next = first.map { UInt32($0) } ?? StoredRecord.none
        if let first {
            index.replace(hash, first, by: slot)
        } else {
            index.insert(hash, slot)
        }
    }

    /// Takes an entry from what can be found; its memory goes with its last user.
    ///
    /// What goes for want of room stays on the disk.
    mutating func detach(_ slot: Int, forRoom: Bool = false) {
        guard records[slot].isIndexed else { return }
        leaveDisk(slot, forRoom: forRoom)
        if records[slot].phase == .complete { counts.objects -= 1 }
        forgetPush(slot)
        queue.remove(slot)
        untag(slot)
        let hash = records[slot].hash
        if let first = chain(hash, keyText(slot)) {
            if first != slot {
                var before = first
                while let next = next(before), next != slot { before = next }
                records[before].next = records[slot].next
            } else if let next = next(slot) {
                index.replace(hash, slot, by: next)
            } else {
                index.remove(hash, slot)
            }
        }
        records[slot].isIndexed = false
        records[slot].next = StoredRecord.none
        if records[slot].pins == 0 { remove(slot) }
    }

    // MARK: Use

    mutating func pin(_ slot: Int) -> StoredRef {
        records[slot].pins += 1
        return ref(slot)
    }

    mutating func unpin(_ slot: Int) {
        guard records[slot].pins > 0 else { return }
        records[slot].pins -= 1
        guard records[slot].pins == 0 else { return }
        guard records[slot].isIndexed else {
            remove(slot)
            return
        }
        // Nobody is left who would bring it to an end.
        if records[slot].isFill { detach(slot) }
        if records[slot].phase == .passing { cells.trim(&records[slot].body, to: 0) }
    }

    /// Gives everything back that an entry has.
    private mutating func remove(_ slot: Int) {
        if records[slot].isFill { counts.fills -= 1 }
        cells.give(records[slot].text)
        cells.trim(&records[slot].body, to: 0)
        var empty = StoredRecord()
        // Zero is for what has never been given out.
        empty.generation = records[slot].generation &+ 1
        records[slot] = empty
        free.append(UInt32(slot))
    }

    // MARK: Room

    /// A place for a new record.
    mutating func takeRecord() -> Int? {
        if let slot = free.popLast() { return Int(slot) }
        guard records.count < StoredRef.slotLimit else { return nil }
        records.append(StoredRecord())
        return records.count - 1
    }

    /// A new entry under a key, with `spare` octets of text behind it; nil when there is no room for it, and for
    /// `octets` beside its own.
    mutating func makeEntry(
        _ phase: StoredRecord.Phase,
        _ hash: UInt64,
        _ key: Span<UInt8>,
        spare: Int = 0,
        beside octets: Int = 0
    ) -> Int? {
        guard let text = run(key.count + spare, beside: StoredRecord.cost + octets) else {
            return nil
        }
        guard let slot = takeRecord() else {
            cells.give(text)
            return nil
        }
        memory.write(at: place(text), key)
        var record = StoredRecord()
        record.generation = records[slot].generation
        record.phase = phase
        record.hash = hash
        record.text = text
        record.keyCount = UInt32(truncatingIfNeeded: key.count)
        records[slot] = record
        return slot
    }

    /// Lets objects go until so many cells more, and octets beside them, keep within the budget.
    mutating func makeRoom(_ count: Int, beside octets: Int = 0) -> Bool {
        let needed = count * CellAllocator.cell + octets
        while used + needed > budget {
            let others = used - queue.octets
            guard let slot = queue.makeRoom(for: needed, beside: others) else { return false }
            evict(slot)
        }
        return true
    }

    /// Puts an entry among those that go for want of room.
    mutating func enqueue(_ slot: Int) {
        let own = octets(slot)
        // While there is room, what has been new for long enough goes on to the main queue.
        while let other = queue.makeRoom(for: own, beside: used - queue.octets - own) {
            evict(other)
        }
        queue.insert(slot, hash: records[slot].hash, octets: own)
    }

    private mutating func evict(_ slot: Int) {
        if records[slot].phase == .complete { counts.evictions += 1 }
        detach(slot, forRoom: true)
    }

    /// Lets one object go although there is room, so that what is free may join.
    private mutating func merge() -> Bool {
        guard let slot = queue.makeRoom(for: budget - queue.octets + 1) else { return false }
        evict(slot)
        return true
    }

    /// Cells without a gap for so many octets.
    mutating func run(_ octets: Int, beside others: Int = 0) -> CellRun? {
        let count = max(CellAllocator.cells(octets), 1)
        guard count <= 1 << CellAllocator.topOrder, makeRoom(count, beside: others) else {
            return nil
        }
        for _ in 0...StoreShard.mergeLimit {
            if let run = cells.run(count) { return run }
            guard merge() else { return nil }
        }
        return nil
    }

    /// Adds so many cells to a body that is nobody's yet, or grows.
    mutating func grow(_ body: inout Extents, by count: Int, beside others: Int = 0) -> Bool {
        guard makeRoom(count, beside: others) else { return false }
        for _ in 0...StoreShard.mergeLimit {
            if cells.grow(&body, by: count) { return true }
            guard merge() else { return false }
        }
        return false
    }
}
