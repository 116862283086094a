// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
public import Runtime
internal import Synchronization

/// What is copied of an object to be written.
struct DiskCopy {
    var record: DiskRecord
    var body: Extents
    /// Where the memory of its shard begins.
    var start: Int
}

extension CacheStore {
    // MARK: Service

    /// Begins to use the disk of its plan; who waits for objects from there is told by `tell`.
    ///
    /// Until it has been looked through, objects come from memory and origins alone.
    public func openDisk() throws(SystemError) {
        guard let disk else { return }
        let writer = try DiskWriter(disk, self)
        try WorkerThread.startLoop(name: "cache-disk", isPatient: true) { loop in
            var writer = writer
            writer.run(&loop)
        }
        for number in 0..<DiskTier.readers {
            let reader = try DiskReader(disk, number, self)
            try WorkerThread.startLoop(name: "cache-read") { loop in reader.run(&loop) }
        }
    }

    /// Lets the disk go, for another store or process: what is in memory goes on being served.
    public func closeDisk() { disk?.close() }

    /// Does without the disk, since that cannot be used.
    func leaveOutDisk(_ error: SystemError, at what: String) {
        disk?.note(error, at: what)
        disk?.shut(self)
    }

    /// How it is with the disk; nil without one.
    public var diskStatus: DiskStatus? { disk?.status.withLock { $0 } }

    // MARK: Keeping

    /// Has an object written that has just become whole, or has a new head.
    func keepOnDisk(_ ref: StoredRef) {
        guard let disk else { return }
        let octets = shards[ref.shard].withLock { shard in
            shard.slot(ref).map { shard.octets($0) }
        }
        guard let octets else { return }
        let isAdmitted = disk.admit(octets)
        let isHeld = shards[ref.shard].withLock {
            $0.queueForDisk(ref, isAdmitted: isAdmitted, disk)
        }
        guard isAdmitted else { return }
        guard isHeld else { return disk.dismiss(octets) }
        guard !disk.keep(ref, octets: octets) else { return }
        disk.dismiss(octets)
        dropFromDisk(ref)
    }

    /// What an object's record takes; nil when it is not to be written any more.
    func diskSize(of ref: StoredRef) -> (text: Int, body: Int)? {
        shards[ref.shard].withLock { shard in
            guard let slot = shard.slot(ref), !shard.records[slot].isForgotten else { return nil }
            return (shard.textCount(slot), shard.records[slot].written)
        }
    }

    /// Copies what stands before the body; nil when that is not so many octets any more.
    func copyForDisk(
        _ ref: StoredRef,
        into buffer: CacheMemory,
        at place: Int,
        _ count: Int
    ) -> DiskCopy? {
        shards[ref.shard].withLock { shard -> DiskCopy? in
            guard let slot = shard.slot(ref), shard.textCount(slot) == count else { return nil }
            let found = shard.records[slot]
            buffer.write(at: place, memory.bytes(at: shard.place(found.text), count: count))
            let record = DiskRecord(
                keyCount: Int(found.keyCount),
                namesCount: Int(found.namesCount),
                textCount: count,
                bodyCount: found.written,
                isSoft: found.isSoft,
                vary: found.vary,
                epoch: found.epoch,
                facts: found.facts
            )
            return DiskCopy(record: record, body: found.body, start: shard.start)
        }
    }

    /// What follows in a body that is being written, as much as lies without a gap.
    @_lifetime(immortal)
    func body(_ copy: DiskCopy, at offset: Int) -> Span<UInt8> {
        let (place, count) = copy.body.place(at: offset)
        let most = min(count, max(copy.record.bodyCount - offset, 0))
        return memory.bytes(at: copy.start + place, count: most)
    }

    static func diskVary(_ vary: Digest128, _ names: Span<UInt8>, _ key: SipKey) -> UInt64 {
        vary.low ^ SipHash.shortDigest(names, key: key)
    }

    /// An object has been written; it is held no more.
    func diskHas(_ ref: StoredRef, _ place: DiskPlace, vary: UInt64) {
        guard let disk else { return }
        shards[ref.shard].withLock { $0.diskHas(ref, place, vary, disk) }
    }

    /// An object is not written; it is held no more.
    func dropFromDisk(_ ref: StoredRef, mayBeThere: Bool = false) {
        guard let disk else { return }
        shards[ref.shard].withLock { shard in
            shard.dropFromDisk(ref, disk)
            if mayBeThere { shard.hasUnknown = true }
        }
    }

    // MARK: Opening and recycling

    /// The disk is open, after so many orders.
    func beginEpoch(_ number: UInt64) {
        for shard in shardNumbers { shards[shard].withLock { $0.beginEpoch(number) } }
    }

    /// Takes in what was found on the disk; false when there is a newer one, or no room to know of it.
    func adopt(_ entry: DiskIndex.Entry, _ shard: Int) -> Bool {
        shards[shard].withLock { $0.adopt(entry) }
    }

    /// True for an object that was asked for since it was written.
    func isUsedOnDisk(_ place: DiskPlace, _ hash: UInt64, _ shard: Int) -> Bool {
        shards[shard].withLock { shard in
            guard let number = shard.disk.find(hash, place) else { return false }
            return shard.disk[number].isUsed || shard.disk[number].slot != DiskIndex.none
        }
    }

    func moveOnDisk(_ from: DiskPlace, to: DiskPlace, _ hash: UInt64, _ shard: Int) {
        shards[shard].withLock { shard in
            guard let number = shard.disk.find(hash, from) else { return }
            shard.disk[number].place = to
            shard.disk[number].isUsed = false
        }
    }

    /// Forgets what lies at a place; true where it was not in memory, too.
    @discardableResult
    func forgetOnDisk(
        _ place: DiskPlace,
        _ hash: UInt64,
        _ shard: Int,
        _ mode: PurgeMode = .hard
    ) -> Bool {
        shards[shard].withLock { $0.forgetOnDisk(place, hash, mode) }
    }

    /// All that is on the disk is known, but for what there was no room for.
    func endOpening() {
        for shard in shardNumbers { shards[shard].withLock { $0.isOpening = false } }
    }

    /// Forgets all of a segment; what is in memory stays.
    func forgetSegment(_ number: UInt32) {
        for shard in shardNumbers { shards[shard].withLock { $0.forgetSegment(number) } }
    }

    /// Forgets all that is on the disk, and nothing that is in memory.
    func forgetDisk() {
        for shard in shardNumbers { shards[shard].withLock { $0.forgetDisk() } }
    }

    // MARK: Loading

    /// What is on the disk, and not in memory, of the key that somebody waits for; the newest first.
    func unloaded(_ load: StoredRef, limit: Int) -> [DiskIndex.Entry] {
        shards[load.shard].withLock { $0.unloaded(load, limit) }
    }

    /// Makes room for an object that is read; nil where there is none, or another key has this hash.
    func beginRestore(
        _ load: StoredRef,
        _ record: DiskRecord,
        _ text: Span<UInt8>,
        _ entry: DiskIndex.Entry
    ) -> StoredRef? {
        shards[load.shard].withLock { $0.beginRestore(load, record, text, entry) }
    }

    /// Has an object found that is whole; false when it was forgotten meanwhile.
    func endRestore(
        _ fill: StoredRef,
        _ entry: DiskIndex.Entry,
        _ load: StoredRef,
        epoch: UInt64
    ) -> Bool {
        guard let disk else { return false }
        return shards[fill.shard].withLock { $0.endRestore(fill, entry, load, epoch, disk) }
    }

    /// Forgets what is not what was written.
    func forgetDamaged(_ entry: DiskIndex.Entry, _ ref: StoredRef) {
        disk?.status.withLock { $0.damages += 1 }
        shards[ref.shard].withLock { shard in
            _ = shard.forgetOnDisk(entry.place, entry.hash, .hard)
            // It may be readable next time.
            shard.hasUnknown = true
        }
    }

    /// Lets those who wait look again.
    func endLoad(_ load: StoredRef) {
        shards[load.shard].withLock { $0.endLoad(load) }
        let watchers = takeWatchers(load)
        release(load)
        if watchers != 0 { tell(self, load, watchers) }
    }
}
