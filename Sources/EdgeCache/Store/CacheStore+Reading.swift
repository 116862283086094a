// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import HTTPProtocol
internal import Runtime
internal import Synchronization

extension CacheStore {
    private func read<Result: Sendable>(
        _ ref: StoredRef,
        _ body: (inout StoreShard, Int) -> Result?
    ) -> Result? {
        shards[ref.shard].withLock { shard in
            guard let slot = shard.slot(ref) else { return nil }
            return body(&shard, slot)
        }
    }

    /// What is known of an entry; nil before its head is there.
    public func facts(_ ref: StoredRef) -> StoredFacts? {
        read(ref) { shard, slot in
            shard.records[slot].headCount > 0 ? shard.records[slot].facts : nil
        }
    }

    /// Appends the head, and tells what else begins an answer; nil when there is none, or it does not fit.
    public func view(_ ref: StoredRef, into output: inout OutputSpan<UInt8>) -> StoredView? {
        shards[ref.shard].withLock { shard in
            guard let slot = shard.slot(ref) else { return nil }
            let head = shard.head(slot)
            guard !head.isEmpty, output.write(head) else { return nil }
            let length = shard.records[slot].length
            return StoredView(
                facts: shard.records[slot].facts,
                length: length == .max ? nil : length
            )
        }
    }

    /// Appends the head; false when there is none, or it does not fit.
    public func writeHead(_ ref: StoredRef, into output: inout OutputSpan<UInt8>) -> Bool {
        shards[ref.shard].withLock { shard in
            guard let slot = shard.slot(ref) else { return false }
            let head = shard.head(slot)
            return !head.isEmpty && output.write(head)
        }
    }

    /// The length of the body, once it is known.
    public func length(_ ref: StoredRef) -> UInt64? {
        read(ref) { shard, slot in
            let length = shard.records[slot].length
            return length == .max ? nil : length
        }
    }

    /// True when an entry is for another request too, by the fields that its `Vary` names.
    public func fits(
        _ ref: StoredRef,
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Bool {
        shards[ref.shard].withLock { shard in
            guard let slot = shard.slot(ref) else { return false }
            return shard.isFor(slot, request, bytes)
        }
    }

    /// How far a fill is; while it is awaited, the worker is noted as one to tell.
    public func state(_ ref: StoredRef, watcher: Int) -> FillState {
        let state = read(ref) { shard, slot -> FillState? in
            switch shard.records[slot].phase {
            case .awaited:
                shard.records[slot].watchers |= StoreShard.bit(watcher)
                return .awaited
            case .growing: return .growing
            case .complete: return .complete
            case .passing, .refused: return .refused
            case .renewed: return .renewed
            case .failed, .free: return .failed
            }
        }
        return state ?? .failed
    }

    /// What follows at `offset` in the body, as much as lies without a gap; where nothing is there yet, the
    /// worker is noted as one to tell.
    @_lifetime(immortal)
    public func piece(_ ref: StoredRef, at offset: UInt64, watcher: Int) -> StoredPiece {
        let found = read(ref) { shard, slot in
            shard.piece(slot, Int(clamping: offset), StoreShard.bit(watcher))
        }
        guard let found else { return StoredPiece(Span(), .failed) }
        return StoredPiece(memory.bytes(at: found.place, count: found.count), found.state)
    }

    /// Ends the use of an entry; ``StoredRef/none`` is ignored.
    public func release(_ ref: StoredRef) {
        guard !ref.isNone else { return }
        shards[ref.shard].withLock { shard in
            if let slot = shard.slot(ref) { shard.unpin(slot) }
        }
    }

    /// Adds a use of an entry that is in use.
    public func retain(_ ref: StoredRef) {
        guard !ref.isNone else { return }
        shards[ref.shard].withLock { shard in
            if let slot = shard.slot(ref) { _ = shard.pin(slot) }
        }
    }
}

extension StoreShard {
    /// Where the octets at an offset of a body lie in the whole memory.
    fileprivate mutating func piece(
        _ slot: Int,
        _ offset: Int,
        _ watcher: UInt64
    ) -> (place: Int, count: Int, state: PieceState) {
        let phase = records[slot].phase
        let written = records[slot].written
        // What had come before a fill was refused is there for who began to read it.
        guard phase != .failed, phase != .refused || offset < written else {
            return (0, 0, .failed)
        }
        if offset < written {
            let (place, count) = records[slot].body.place(at: offset)
            // Never octets without any: a reader would ask for ever.
            return (start + place, min(count, written - offset), count > 0 ? .bytes : .failed)
        }
        if phase == .complete || records[slot].length == UInt64(written) { return (0, 0, .end) }
        records[slot].watchers |= watcher
        return (0, 0, .wait)
    }
}
