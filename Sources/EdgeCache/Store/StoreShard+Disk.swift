// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Synchronization

/// What a shard knows of the disk.
extension StoreShard {
    /// The share of the memory that may be taken to know what is on the disk.
    private static let indexShare = 4

    func textCount(_ slot: Int) -> Int {
        Int(records[slot].keyCount) + Int(records[slot].namesCount) + Int(records[slot].headCount)
    }

    // MARK: Keeping

    /// Holds an object until it is written; without a place there, what it replaces is forgotten.
    mutating func queueForDisk(_ ref: StoredRef, isAdmitted: Bool, _ tier: DiskTier) -> Bool {
        guard let slot = slot(ref), records[slot].phase == .complete else { return false }
        // What operators put here they put here again; and a QUERY goes with its URL.
        guard !records[slot].isPushed, QueryKey.urlCount(keyText(slot)) == nil else {
            return false
        }
        guard isAdmitted, !records[slot].isForgotten, !records[slot].isQueued else {
            if !isAdmitted { forgetFormer(slot, tier) }
            return false
        }
        records[slot].isQueued = true
        records[slot].pins += 1
        queued += 1
        return true
    }

    /// An older object on the disk must not come back in the place of a newer one that is not there.
    mutating func forgetFormer(_ slot: Int, _ tier: DiskTier) {
        let hash = records[slot].hash
        guard records[slot].hasFormer || disk.first(hash) != nil else { return }
        records[slot].hasFormer = false
        while let number = disk.first(hash) { dropEntry(number) }
        epoch = tier.order(.key(hash), .hard)
    }

    /// An entry of the disk goes; what is in memory stays.
    private mutating func dropEntry(_ number: Int) {
        let slot = disk[number].slot
        if slot != DiskIndex.none { records[Int(slot)].disk = DiskIndex.none }
        disk.remove(number)
    }

    private mutating func endQueue(_ slot: Int) {
        guard records[slot].isQueued else { return }
        records[slot].isQueued = false
        queued -= 1
    }

    mutating func diskHas(
        _ ref: StoredRef,
        _ place: DiskPlace,
        _ vary: UInt64,
        _ tier: DiskTier
    ) {
        guard let slot = slot(ref) else { return }
        defer {
            endQueue(slot)
            unpin(slot)
        }
        guard !records[slot].isForgotten else { return }
        if !records[slot].isIndexed, let newer = successor(of: slot) {
            records[newer].hasFormer = true
            return
        }
        let tags = tagList(slot)
        let (hash, asked) = (records[slot].hash, max(records[slot].epoch, firstEpoch))
        let fate = tier.orders.withLock { $0.fate(hash, keyText(slot), tags, epoch: asked) }
        guard fate != .hard else { return }
        if let former = disk.find(hash, vary: vary) { dropEntry(former) }
        let entry = DiskIndex.Entry(
            hash: hash,
            vary: vary,
            place: place,
            slot: records[slot].isIndexed ? UInt32(slot) : DiskIndex.none,
            isSoft: records[slot].isSoft || fate == .soft
        )
        guard let number = insert(entry) else {
            hasUnknown = true
            return
        }
        records[slot].hasFormer = false
        if records[slot].isIndexed {
            records[slot].disk = UInt32(number)
        } else {
            // To make room for it may have taken it away.
            disk[number].slot = DiskIndex.none
        }
    }

    mutating func dropFromDisk(_ ref: StoredRef, _ tier: DiskTier) {
        guard let slot = slot(ref) else { return }
        if !records[slot].isForgotten { forgetFormer(slot, tier) }
        endQueue(slot)
        unpin(slot)
    }

    private mutating func insert(_ entry: DiskIndex.Entry) -> Int? {
        guard disk.count < budget / StoreShard.indexShare / DiskIndex.cost,
            makeRoom(0, beside: DiskIndex.cost)
        else { return nil }
        if let last = disk.last(entry.hash, beyond: StoreShard.chainLimit / 2) {
            dropEntry(last)
            hasUnknown = true
        }
        return disk.insert(entry)
    }

    /// An entry of memory goes: for want of room, and then stays on the disk, or for good.
    mutating func leaveDisk(_ slot: Int, forRoom: Bool) {
        if !forRoom { records[slot].isForgotten = true }
        guard records[slot].disk != DiskIndex.none else { return }
        let number = Int(records[slot].disk)
        records[slot].disk = DiskIndex.none
        disk[number].slot = DiskIndex.none
        if !forRoom { disk.remove(number) }
    }

    // MARK: Opening and forgetting

    /// The disk is open, after so many orders.
    mutating func beginEpoch(_ number: UInt64) {
        firstEpoch = number
        epoch = max(epoch, number)
    }

    mutating func adopt(_ entry: DiskIndex.Entry) -> Bool {
        guard disk.find(entry.hash, vary: entry.vary) == nil else { return false }
        guard !hasObject(entry.hash),
            disk.last(entry.hash, beyond: StoreShard.chainLimit / 2) == nil
        else {
            // What came from the origin meanwhile is newer.
            hasUnknown = true
            return false
        }
        guard insert(entry) != nil else {
            hasUnknown = true
            return false
        }
        return true
    }

    mutating func forgetOnDisk(_ place: DiskPlace, _ hash: UInt64, _ mode: PurgeMode) -> Bool {
        guard let number = disk.find(hash, place) else { return false }
        let isElsewhere = disk[number].slot != DiskIndex.none
        if mode == .soft {
            disk[number].isSoft = true
        } else {
            dropEntry(number)
        }
        return !isElsewhere
    }

    /// True where memory has something of a key.
    private func hasObject(_ hash: UInt64) -> Bool {
        var place = index.find(hash) { records[$0].hash == hash }
        while let slot = place {
            if records[slot].phase == .complete { return true }
            place = next(slot)
        }
        return false
    }

    mutating func forgetSegment(_ segment: UInt32) {
        for number in disk.numbers where disk[number].place.segment == segment {
            dropEntry(number)
        }
    }

    mutating func forgetDisk() {
        hasUnknown = false
        for slot in records.indices { records[slot].disk = DiskIndex.none }
        disk = DiskIndex()
    }

    /// Forgets all of a key, and has that outlast the process; how many objects that were.
    mutating func purge(
        _ hash: UInt64,
        _ key: Span<UInt8>,
        _ mode: PurgeMode,
        _ tier: DiskTier
    ) -> Int {
        let isConcerned = isConcerned(hash)
        var count = purge(hash, key, mode)
        guard isConcerned else { return count }
        var place = disk.first(hash)
        while let number = place {
            place = disk.next(number)
            guard disk[number].slot == DiskIndex.none else { continue }
            count += 1
            if mode == .soft { disk[number].isSoft = true } else { dropEntry(number) }
        }
        epoch = tier.order(.key(hash), mode)
        return count
    }

    /// What was made stale in memory is so on the disk, too.
    mutating func spoilOnDisk(_ slot: Int, _ tier: DiskTier) {
        let hash = records[slot].hash
        guard isConcerned(hash) else { return }
        if records[slot].disk != DiskIndex.none { disk[Int(records[slot].disk)].isSoft = true }
        epoch = tier.order(.key(hash), .soft)
    }

    /// True where something of a key may be on the disk.
    private func isConcerned(_ hash: UInt64) -> Bool {
        guard queued == 0, !hasUnknown, !isOpening, disk.first(hash) == nil else { return true }
        var place = index.find(hash) { records[$0].hash == hash }
        while let slot = place {
            if records[slot].hasFormer { return true }
            place = next(slot)
        }
        return false
    }

    // MARK: Loading

    /// An entry that those wait at who ask for what is on the disk; it is held for the reader.
    mutating func beginLoad(_ hash: UInt64, _ keyText: Span<UInt8>) -> Int? {
        guard let slot = makeEntry(.awaited, hash, keyText) else { return nil }
        records[slot].isLoad = true
        records[slot].pins = 1
        counts.fills += 1
        attach(slot)
        return slot
    }

    func unloaded(_ load: StoredRef, _ limit: Int) -> [DiskIndex.Entry] {
        guard let slot = slot(load) else { return [] }
        var found: [DiskIndex.Entry] = []
        var place = disk.first(records[slot].hash)
        while let number = place {
            place = disk.next(number)
            if disk[number].slot == DiskIndex.none { found.append(disk[number]) }
        }
        found.sort {
            ($0.place.segment, $0.place.offset) > ($1.place.segment, $1.place.offset)
        }
        return Array(found.prefix(limit))
    }

    mutating func beginRestore(
        _ load: StoredRef,
        _ record: DiskRecord,
        _ text: Span<UInt8>,
        _ entry: DiskIndex.Entry
    ) -> StoredRef? {
        guard let waiting = slot(load), record.bodyCount <= objectLimit,
            StoreShard.isEqual(keyText(waiting), text.extracting(0..<record.keyCount))
        else { return nil }
        guard let run = run(text.count, beside: StoredRecord.cost) else { return nil }
        var body = Extents()
        guard grow(&body, by: CellAllocator.cells(record.bodyCount)), let slot = takeRecord() else {
            cells.trim(&body, to: 0)
            cells.give(run)
            return nil
        }
        memory.write(at: place(run), text)
        var new = StoredRecord()
        new.generation = records[slot].generation
        new.phase = .growing
        new.hash = entry.hash
        new.vary = record.vary
        new.facts = record.facts
        new.length = UInt64(record.bodyCount)
        new.text = run
        new.keyCount = UInt32(truncatingIfNeeded: record.keyCount)
        new.namesCount = UInt32(truncatingIfNeeded: record.namesCount)
        new.headCount = UInt32(
            truncatingIfNeeded: record.textCount - record.keyCount - record.namesCount
        )
        new.body = body
        new.isSoft = record.isSoft || entry.isSoft
        new.epoch = record.epoch
        new.pins = 1
        records[slot] = new
        counts.fills += 1
        return ref(slot)
    }

    mutating func endRestore(
        _ fill: StoredRef,
        _ entry: DiskIndex.Entry,
        _ load: StoredRef,
        _ asked: UInt64,
        _ tier: DiskTier
    ) -> Bool {
        guard let slot = slot(fill), let number = disk.find(entry.hash, entry.place),
            disk[number].slot == DiskIndex.none, successor(of: slot) == nil
        else { return false }
        let tags = tagList(slot)
        let fate = tier.orders.withLock { $0.fate(entry.hash, keyText(slot), tags, epoch: asked) }
        guard fate != .hard, makeRoom(0, beside: StoreShard.octets(tags)) else {
            if fate == .hard { dropEntry(number) }
            return false
        }
        // To make room may have taken it away.
        guard let number = disk.find(entry.hash, entry.place) else { return false }
        disk[number].slot = UInt32(slot)
        disk[number].isUsed = true
        records[slot].disk = UInt32(number)
        records[slot].isSoft = records[slot].isSoft || disk[number].isSoft || fate == .soft
        attach(slot)
        tag(slot, tags)
        return close(fill)
    }

    /// The object that can be found in the place of one that cannot, any more or yet.
    private func successor(of slot: Int) -> Int? {
        var place = chain(records[slot].hash, keyText(slot))
        while let other = place {
            if other != slot, records[other].phase == .complete,
                records[other].vary == records[slot].vary,
                StoreShard.isEqual(names(other), names(slot))
            {
                return other
            }
            place = next(other)
        }
        return nil
    }

    /// True for an object that leaves something on the disk which no entry tells of.
    func leavesFormer(_ slot: Int) -> Bool {
        records[slot].disk != DiskIndex.none || records[slot].isQueued || records[slot].hasFormer
    }

    mutating func endLoad(_ load: StoredRef) {
        guard let slot = slot(load), records[slot].isFill else { return }
        end(slot, .renewed)
    }
}
