// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol
internal import Runtime
internal import Synchronization

extension CacheStore {
    /// Stores the head of a fill, for all requests that say the same in the fields that its `Vary` names.
    ///
    /// `head` is any text, given back as it is. `length` is that of the body where it is known.
    public func open(
        _ fill: StoredRef,
        facts: StoredFacts,
        head: Span<UInt8>,
        varyOf response: borrowing FieldTable,
        _ responseBytes: Span<UInt8>,
        for request: borrowing FieldTable,
        _ requestBytes: Span<UInt8>,
        length: UInt64?
    ) -> OpenAnswer {
        let tags = tags(head, of: fill)
        return shards[fill.shard].withLock {
            $0.open(
                fill,
                facts,
                head,
                tags,
                response,
                responseBytes,
                request,
                requestBytes,
                length
            )
        }
    }

    /// Adds octets to the body of a fill.
    ///
    /// False when there is no room, or they are more than objects may have or than the head told: then
    /// none of them is there, and the caller ends the fill.
    public func append(_ fill: StoredRef, _ bytes: Span<UInt8>) -> Bool {
        let reserved = shards[fill.shard].withLock { shard in
            shard.reserve(fill, bytes.count).map { ($0.body, $0.written, shard.start) }
        }
        guard let (body, written, start) = reserved else { return false }
        // Nobody reads there yet, and the leader alone writes: no lock is needed.
        var done = 0
        while done < bytes.count {
            let (place, room) = body.place(at: written + done)
            guard room > 0 else { return false }
            let part = bytes.extracting(done..<min(done + room, bytes.count))
            memory.write(at: start + place, part)
            done += part.count
        }
        shards[fill.shard].withLock { $0.publish(fill, bytes.count) }
        return true
    }

    /// Makes a fill a whole object, in the place of what it replaces.
    ///
    /// One with fewer octets than its head told has failed.
    public func close(_ fill: StoredRef) {
        let isStored = shards[fill.shard].withLock { $0.close(fill) }
        if isStored, disk != nil { keepOnDisk(fill) }
    }

    /// Ends a fill whose answer may not be stored, and remembers that until a time.
    public func refuse(_ fill: StoredRef, until: WallTime?) {
        shards[fill.shard].withLock { $0.refuse(fill, until) }
    }

    /// Ends a fill that came to nothing.
    public func fail(_ fill: StoredRef) { shards[fill.shard].withLock { $0.fail(fill) } }

    /// Ends a fill whose base still holds (304), and gives the base a new head.
    ///
    /// False when there is no room for it, or the two are not what they should be; then nothing has
    /// changed, and the caller ends the fill.
    public func renew(
        _ fill: StoredRef,
        base: StoredRef,
        facts: StoredFacts,
        head: Span<UInt8>
    ) -> Bool {
        guard fill.shard == base.shard else { return false }
        let tags = tags(head, of: base)
        let isRenewed = shards[fill.shard].withLock { $0.renew(fill, base, facts, head, tags) }
        if isRenewed, disk != nil { keepOnDisk(base) }
        return isRenewed
    }

    /// The workers that wait for a fill and have not been told, a bit for each by its number modulo 64.
    public func takeWatchers(_ fill: StoredRef) -> UInt64 {
        shards[fill.shard].withLock { shard in
            guard let slot = shard.slot(fill) else { return 0 }
            let watchers = shard.records[slot].watchers
            shard.records[slot].watchers = 0
            return watchers
        }
    }
}
