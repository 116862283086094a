// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

extension StoreShard {
    /// Octets that a body of unknown length is first given.
    private static let firstGrowth = 16_384

    private func slot(_ ref: StoredRef, _ phase: StoredRecord.Phase) -> Int? {
        guard let slot = slot(ref), records[slot].phase == phase else { return nil }
        return slot
    }

    // MARK: Head

    /// Stores the head of a fill, and takes the memory for a body whose length is known.
    mutating func open(
        _ fill: StoredRef,
        _ facts: StoredFacts,
        _ head: Span<UInt8>,
        _ tags: TagList,
        _ response: borrowing FieldTable,
        _ responseBytes: Span<UInt8>,
        _ request: borrowing FieldTable,
        _ requestBytes: Span<UInt8>,
        _ length: UInt64?
    ) -> OpenAnswer {
        guard let slot = slot(fill, .awaited) else { return .overtaken }
        if purges.haveMeant(tags, since: records[slot].purges) { detach(slot) }
        guard records[slot].isIndexed || records[slot].isPushed || records[slot].pins > 1 else {
            return .overtaken
        }
        guard length ?? 0 <= UInt64(objectLimit) else { return .tooLarge }
        let size = Int(length ?? 0)
        let keyCount = Int(records[slot].keyCount)
        let varies = StoreShard.namesCount(response)
        let octets = keyCount + varies + head.count
        guard octets <= CellAllocator.cell << CellAllocator.topOrder else { return .tooLarge }
        guard let text = run(octets) else { return .noRoom }
        memory.write(at: place(text), keyText(slot))
        writeNames(response, responseBytes, at: place(text) + keyCount)
        memory.write(at: place(text) + keyCount + varies, head)
        let names = memory.bytes(at: place(text) + keyCount, count: varies)
        guard let vary = digest(names, request, requestBytes) else {
            cells.give(text)
            return .tooLarge
        }
        var body = Extents()
        guard grow(&body, by: CellAllocator.cells(size), beside: StoreShard.octets(tags))
        else {
            cells.give(text)
            return .noRoom
        }
        cells.give(records[slot].text)
        records[slot].text = text
        records[slot].namesCount = UInt32(truncatingIfNeeded: varies)
        records[slot].headCount = UInt32(truncatingIfNeeded: head.count)
        records[slot].vary = vary
        records[slot].body = body
        records[slot].facts = facts
        records[slot].length = length ?? .max
        records[slot].phase = .growing
        if records[slot].isIndexed { tag(slot, tags) }
        return .kept
    }

    /// Octets of all `Vary` lines as one list.
    private static func namesCount(_ fields: borrowing FieldTable) -> Int {
        var count = 0
        var place = fields.first(.vary)
        while let index = place {
            count += Int(fields[index].value.count) + (count > 0 ? 1 : 0)
            place = fields.next(.vary, from: index &+ 1)
        }
        return count
    }

    private func writeNames(
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        at start: Int
    ) {
        let comma: InlineArray<1, UInt8> = [UInt8(ascii: ",")]
        var end = start
        var place = fields.first(.vary)
        while let index = place {
            if end > start {
                memory.write(at: end, comma.span)
                end += 1
            }
            let value = bytes.slice(fields[index].value)
            memory.write(at: end, value)
            end += value.count
            place = fields.next(.vary, from: index &+ 1)
        }
    }

    // MARK: Body

    /// Where the next octets of a fill go, with memory for so many of them; nil when there is none.
    mutating func reserve(_ fill: StoredRef, _ count: Int) -> (body: Extents, written: Int)? {
        guard let slot = slot(fill, .growing) else { return nil }
        let written = records[slot].written
        let end = written + count
        guard end <= objectLimit, UInt64(end) <= records[slot].length else { return nil }
        var body = records[slot].body
        if end > body.capacity {
            let missing = CellAllocator.cells(end - body.capacity)
            let wanted = max(missing, CellAllocator.cells(max(body.capacity, 1)))
            let first = CellAllocator.cells(min(StoreShard.firstGrowth, objectLimit))
            let most = CellAllocator.cells(objectLimit) - Int(body.cells)
            guard
                grow(&body, by: min(max(wanted, first), max(most, missing)))
                    || grow(&body, by: missing)
            else { return nil }
            records[slot].body = body
        }
        return (body, written)
    }

    /// Lets readers see octets that were written.
    mutating func publish(_ fill: StoredRef, _ count: Int) {
        guard let slot = slot(fill, .growing) else { return }
        records[slot].written += count
    }

    // MARK: Ends

    /// Makes a fill a whole object; one that is shorter than its head says has failed.
    ///
    /// True when it can be found.
    @discardableResult
    mutating func close(_ fill: StoredRef) -> Bool {
        guard let slot = slot(fill, .growing) else { return false }
        let written = records[slot].written
        guard records[slot].length == .max || records[slot].length == UInt64(written) else {
            end(slot, .failed)
            return false
        }
        cells.trim(&records[slot].body, to: CellAllocator.cells(written))
        records[slot].length = UInt64(written)
        records[slot].phase = .complete
        counts.fills -= 1
        guard records[slot].isIndexed else { return false }
        counts.objects += 1
        guard !yieldsToPushed(slot) else {
            detach(slot)
            return false
        }
        forgetOthers(slot)
        enqueue(slot)
        return records[slot].isIndexed
    }

    /// Forgets what an object replaces, and the oldest of too many under one key.
    private mutating func forgetOthers(_ slot: Int) {
        var count = 0
        var place = chain(records[slot].hash, keyText(slot))
        while let other = place {
            place = next(other)
            guard other != slot, records[other].phase == .complete else { continue }
            count += 1
            let isSame =
                records[other].vary == records[slot].vary
                && StoreShard.isEqual(names(other), names(slot))
            if isSame { records[slot].take(countsOf: records[other]) }
            if isSame, leavesFormer(other) { records[slot].hasFormer = true }
            // What is pinned is not pushed out by how many ways there are to ask.
            if isSame || count >= StoreShard.chainLimit && !records[other].isPinned {
                detach(other)
            }
        }
    }

    mutating func end(_ slot: Int, _ phase: StoredRecord.Phase) {
        records[slot].phase = phase
        counts.fills -= 1
        detach(slot)
    }

    /// Ends a fill that may not be stored; until a time that is remembered.
    mutating func refuse(_ fill: StoredRef, _ until: WallTime?) {
        guard let slot = slot(fill), records[slot].isFill else { return }
        guard let until, records[slot].isIndexed else {
            end(slot, .refused)
            return
        }
        forgetMarker(records[slot].hash, keyText(slot))
        guard records[slot].phase == .awaited else {
            // Who reads what has come goes on; what remembers holds nothing of it.
            end(slot, .refused)
            return mark(records[slot].hash, keyText(slot), until)
        }
        records[slot].phase = .passing
        counts.fills -= 1
        records[slot].until = until
        enqueue(slot)
    }

    private mutating func forgetMarker(_ hash: UInt64, _ key: Span<UInt8>) {
        var place = chain(hash, key)
        while let other = place {
            place = next(other)
            if records[other].phase == .passing { detach(other) }
        }
    }

    /// Remembers that a key's answers are not stored.
    private mutating func mark(_ hash: UInt64, _ key: Span<UInt8>, _ until: WallTime) {
        guard let slot = makeEntry(.passing, hash, key) else { return }
        records[slot].until = until
        attach(slot)
        enqueue(slot)
    }

    /// Ends a fill that came to nothing.
    mutating func fail(_ fill: StoredRef) {
        guard let slot = slot(fill), records[slot].isFill else { return }
        end(slot, .failed)
    }

    /// Ends a fill whose base still holds, and gives that a new head.
    mutating func renew(
        _ fill: StoredRef,
        _ base: StoredRef,
        _ facts: StoredFacts,
        _ head: Span<UInt8>,
        _ tags: TagList
    ) -> Bool {
        guard let fill = slot(fill, .awaited), let base = slot(base, .complete) else {
            return false
        }
        let wereMeant = purges.haveMeant(tagList(base), since: records[fill].purges)
        guard write(base, facts, head, tags) else { return false }
        records[base].misses.add(records[fill].misses)
        // An order that came since the origin was asked still holds.
        if records[fill].isIndexed, !wereMeant {
            records[base].isSoft = false
            records[base].epoch = records[fill].epoch
        }
        end(fill, .renewed)
        return true
    }

    /// Gives an object a new head.
    ///
    /// What was made stale by order stays so: nobody knows whether the answer is older than the order.
    mutating func freshen(
        _ ref: StoredRef,
        _ facts: StoredFacts,
        _ head: Span<UInt8>,
        _ tags: TagList
    ) -> Bool {
        guard let slot = slot(ref, .complete) else { return false }
        return write(slot, facts, head, tags)
    }

    private mutating func write(
        _ base: Int,
        _ facts: StoredFacts,
        _ head: Span<UInt8>,
        _ tags: TagList
    ) -> Bool {
        // What an operator put here is not what an endpoint says, while it is fresh.
        guard !isHeld(base, facts.received) else { return true }
        let taken = octets(base)
        defer { if records[base].isPinned { counts.pinnedOctets += octets(base) - taken } }
        let before = Int(records[base].keyCount) + Int(records[base].namesCount)
        guard let text = run(before + head.count, beside: StoreShard.octets(tags)) else {
            return false
        }
        let old = memory.bytes(at: place(records[base].text), count: before)
        memory.write(at: place(text), old)
        memory.write(at: place(text) + before, head)
        cells.give(records[base].text)
        records[base].text = text
        records[base].headCount = UInt32(truncatingIfNeeded: head.count)
        records[base].facts = facts
        restart(base)
        untag(base)
        if records[base].isIndexed { tag(base, tags) }
        return true
    }
}
