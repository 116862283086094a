// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime
internal import Synchronization

/// A thread that brings what is on the disk into memory.
///
/// Whatever is wrong with an object, it is forgotten, and who waits asks the origin.
struct DiskReader {
    /// The most variants of a key that are read at once.
    static let variantLimit = 16

    let tier: DiskTier
    let number: Int
    weak var store: CacheStore?
    private let buffer: CacheMemory

    init(_ tier: DiskTier, _ number: Int, _ store: CacheStore) throws(SystemError) {
        self.tier = tier
        self.number = number
        self.store = store
        let most = max(DiskRecord.headCount + DiskRecord.textLimit, DiskRecord.piece + 8)
        buffer = try CacheMemory(count: most)
    }

    /// Works until it is told to leave, or the store is gone.
    func run(_ loop: inout EventLoop) {
        loop.add(tier.requests[number].descriptor, token: 0, interest: .read)
        repeat {
            _ = loop.wait(timeoutMilliseconds: -1)
        } while perform(tier.requests[number].drain())
        buffer.discard(at: 0, count: buffer.count)
    }

    /// Does what was asked for; false at the end.
    func perform(_ requests: [DiskTier.Request]) -> Bool {
        var isLeaving = false
        for request in requests {
            guard case .load(let ref) = request, let store else {
                isLeaving = true
                continue
            }
            // Who leaves reads no more, and lets nobody wait.
            if !isLeaving { load(ref, store) }
            store.endLoad(ref)
        }
        return !isLeaving
    }

    private func load(_ ref: StoredRef, _ store: CacheStore) {
        // The oldest first: the newest becomes the first under its key, as it was.
        for entry in store.unloaded(ref, limit: DiskReader.variantLimit).reversed() {
            if restore(entry, ref, store) {
                tier.status.withLock { $0.loads += 1 }
            }
        }
    }

    /// Brings one object into memory; false when it could not be.
    private func restore(_ entry: DiskIndex.Entry, _ load: StoredRef, _ store: CacheStore) -> Bool {
        guard let file = tier.segment(entry.place.segment) else {
            store.forgetOnDisk(entry.place, entry.hash, load.shard)
            return false
        }
        do throws(SystemError) {
            let fill = try open(entry, file, load, store)
            guard let fill else { return false }
            defer { store.release(fill.ref) }
            guard try readBody(fill.record, entry, file, fill.ref, store) else {
                store.fail(fill.ref)
                return false
            }
            return store.endRestore(fill.ref, entry, load, epoch: fill.record.epoch)
        } catch {
            tier.note(error, at: "reading segment \(entry.place.segment)")
            store.forgetDamaged(entry, load)
            return false
        }
    }

    private struct Fill {
        var ref: StoredRef
        var record: DiskRecord
    }

    /// Reads what stands before the body, and makes room for it.
    private func open(
        _ entry: DiskIndex.Entry,
        _ file: DiskFile,
        _ load: StoredRef,
        _ store: CacheStore
    ) throws(SystemError) -> Fill? {
        let most = min(Int(entry.place.octets), DiskRecord.headCount + DiskRecord.textLimit)
        let count = try file.read(at: Int(entry.place.offset), most, into: buffer, at: 0)
        let bytes = buffer.bytes(at: 0, count: count)
        guard let record = DiskRecord(bytes), record.isWhole(bytes, tier.key),
            record.octets == Int(entry.place.octets), record.bodyCount <= tier.objectLimit
        else {
            store.forgetDamaged(entry, load)
            return nil
        }
        let text = bytes.extracting(
            DiskRecord.headCount..<DiskRecord.headCount + record.textCount
        )
        guard let ref = store.beginRestore(load, record, text, entry) else { return nil }
        return Fill(ref: ref, record: record)
    }

    /// Reads the body, piece by piece; false when it is not what was written, or has no room any more.
    private func readBody(
        _ record: DiskRecord,
        _ entry: DiskIndex.Entry,
        _ file: DiskFile,
        _ fill: StoredRef,
        _ store: CacheStore
    ) throws(SystemError) -> Bool {
        var offset = Int(entry.place.offset) + DiskRecord.headCount + record.textCount
        var done = 0
        while done < record.bodyCount {
            let count = min(record.bodyCount - done, DiskRecord.piece)
            let found = try file.read(at: offset, count + 8, into: buffer, at: 0)
            let piece = buffer.bytes(at: 0, count: count)
            guard found == count + 8,
                buffer.bytes(at: count, count: 8).word(at: 0) == DiskRecord.digest(piece, tier.key)
            else {
                store.forgetDamaged(entry, fill)
                return false
            }
            guard store.append(fill, piece) else { return false }
            done += count
            offset += count + 8
        }
        return true
    }
}
