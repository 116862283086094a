// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime
internal import Synchronization

extension DiskWriter {
    /// Has an object written, or gives it up.
    mutating func keep(_ ref: StoredRef, _ octets: Int, _ store: CacheStore, _ now: Instant) {
        guard now >= pausedUntil else { return drop(ref, octets) }
        tier.dismiss(octets)
        attempt(now) { writer throws(SystemError) in
            guard try writer.write(ref, store) else {
                store.dropFromDisk(ref)
                return writer.tier.status.withLock { $0.skips += 1 }
            }
        }
    }

    /// Puts an object into the buffer, or through it into the file; false when it is not for the disk.
    private mutating func write(
        _ ref: StoredRef,
        _ store: CacheStore
    ) throws(SystemError) -> Bool {
        guard let size = store.diskSize(of: ref), size.text <= DiskRecord.textLimit else {
            return false
        }
        let octets = DiskRecord.octets(text: size.text, body: size.body)
        // The longest line that it may have.
        let line = 64 + TagList.limit * 8 + size.text
        guard octets + line <= tier.segmentSize else { return false }
        let used = dataCount + buffered + listCount + linesBuffered
        do throws(SystemError) {
            if data == nil || used + octets + line > tier.segmentSize { try beginSegment(store) }
            let needed = DiskRecord.headCount + size.text + DiskRecord.piece + 16
            if buffered + needed > buffer.count || linesBuffered + line > lines.count {
                try flush(store)
            }
            return try append(ref, size.text, octets, store)
        } catch {
            // Nothing of it is in the list.
            store.dropFromDisk(ref)
            throw error
        }
    }

    private mutating func append(
        _ ref: StoredRef,
        _ textCount: Int,
        _ octets: Int,
        _ store: CacheStore
    ) throws(SystemError) -> Bool {
        let start = buffered
        let place = DiskPlace(
            segment: number,
            offset: UInt32(clamping: dataCount + buffered),
            octets: UInt32(clamping: octets)
        )
        let text = start + DiskRecord.headCount
        guard var copy = store.copyForDisk(ref, into: buffer, at: text, textCount),
            copy.record.octets == octets
        else { return false }
        guard max(copy.record.epoch, firstEpoch) >= leastEpoch else { return false }
        copy.record.epoch = max(copy.record.epoch, firstEpoch)
        copy.record.write(into: buffer, at: start, key: tier.key)
        let names = buffer.bytes(at: text + copy.record.keyCount, count: copy.record.namesCount)
        let vary = CacheStore.diskVary(copy.record.vary, names, tier.key)
        let headStart = copy.record.keyCount + copy.record.namesCount
        let tags = TagList(
            buffer.bytes(at: text + headStart, count: textCount - headStart),
            ofKey: buffer.bytes(at: text, count: copy.record.keyCount),
            key: tier.key
        )
        let listing = DiskListing(
            offset: place.offset,
            octets: place.octets,
            vary: vary,
            epoch: copy.record.epoch,
            keyCount: copy.record.keyCount,
            tagCount: tags.count,
            isSoft: copy.record.isSoft
        )
        let keyText = buffer.bytes(at: text, count: copy.record.keyCount)
        guard
            let line = listing.write(keyText, tags, into: lines, at: linesBuffered, key: tier.key)
        else { return false }
        buffered = text + textCount
        try appendBody(copy, store)
        while (buffered + dataCount - Int(place.offset)) & 7 != 0 {
            buffer.write(at: buffered, word: 0)
            buffered += 1
        }
        linesBuffered += line
        epoch = min(epoch, copy.record.epoch)
        written.append(Written(ref: ref, place: place, vary: vary))
        return true
    }

    private mutating func appendBody(_ copy: DiskCopy, _ store: CacheStore) throws(SystemError) {
        var done = 0
        while done < copy.record.bodyCount {
            let count = min(copy.record.bodyCount - done, DiskRecord.piece)
            if buffered + count + 16 > buffer.count { try flushData() }
            let start = buffered
            while buffered - start < count {
                let part = store.body(copy, at: done + buffered - start)
                guard !part.isEmpty else { throw .invalid }
                let most = min(part.count, count - (buffered - start))
                buffer.write(at: buffered, part.extracting(0..<most))
                buffered += most
            }
            let piece = buffer.bytes(at: start, count: count)
            buffer.write(at: buffered, word: DiskRecord.digest(piece, tier.key))
            buffered += 8
            done += count
        }
    }

    // MARK: Files

    /// Brings all that is in the buffers into the files, and has it found from then on.
    mutating func flush(_ store: CacheStore) throws(SystemError) {
        guard !written.isEmpty || buffered > 0 else { return }
        try flushData()
        if linesBuffered > 0, let list {
            do throws(SystemError) {
                try list.write(lines.bytes(at: 0, count: linesBuffered), at: listCount)
            } catch {
                fail(error, at: "writing the list of segment \(number)")
                throw error
            }
            listCount += linesBuffered
            linesBuffered = 0
        }
        for object in written { store.diskHas(object.ref, object.place, vary: object.vary) }
        tier.status.withLock { [count = written.count] in
            $0.writes += count
            if $0.state == .failing { $0.state = .serving }
        }
        written.removeAll(keepingCapacity: true)
        isDirty = true
        tellSize()
    }

    private mutating func flushData() throws(SystemError) {
        guard buffered > 0, let data else { return }
        do throws(SystemError) {
            try data.write(buffer.bytes(at: 0, count: buffered), at: dataCount)
        } catch {
            fail(error, at: "writing segment \(number)")
            throw error
        }
        dataCount += buffered
        buffered = 0
    }

    mutating func sync() throws(SystemError) {
        guard isDirty else { return }
        isDirty = false
        do throws(SystemError) {
            // Orders first, and what names an object after it.
            try orders?.sync()
            try data?.sync()
            try list?.sync()
        } catch {
            fail(error, at: "writing segment \(number)")
            throw error
        }
    }

    func tellSize() {
        let octets = sealed.reduce(dataCount + listCount) { $0 + $1.octets }
        tier.status.withLock { $0.octets = octets }
    }
}
