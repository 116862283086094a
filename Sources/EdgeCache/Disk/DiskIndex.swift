// SPDX-License-Identifier: Apache-2.0

/// Where an object lies on the disk.
struct DiskPlace: BitwiseCopyable, Sendable, Equatable {
    /// The number of its segment; segments that were begun later have higher ones.
    var segment: UInt32
    /// Where it begins there.
    var offset: UInt32
    /// Octets of the whole record.
    var octets: UInt32
}

/// Which objects of a shard are on the disk: forty octets for each.
///
/// Those of one key are a list, the newest first. An object is in it once for each digest of what it varies by.
struct DiskIndex: Sendable {
    /// Octets that each object is charged: its entry, and a place in the index.
    static let cost = 56
    static let none = UInt32.max

    struct Entry: BitwiseCopyable, Sendable {
        /// The key's.
        var hash: UInt64 = 0
        /// Half of the digest of what a request says in the fields that it varies by.
        var vary: UInt64 = 0
        var place = DiskPlace(segment: 0, offset: 0, octets: 0)
        /// The record in memory, where there is one.
        var slot = DiskIndex.none
        /// The next one under the same key; the next free one where it is free.
        var next = DiskIndex.none
        /// It was asked for since it was written.
        var isUsed = false
        /// Somebody made it stale.
        var isSoft = false
        var isFree = false
    }

    private var entries: [Entry] = []
    private var free = DiskIndex.none
    private var index = StoreIndex()
    private(set) var count = 0

    subscript(number: Int) -> Entry {
        get { entries[number] }
        set { entries[number] = newValue }
    }

    // MARK: Finding

    func first(_ hash: UInt64) -> Int? {
        guard count > 0 else { return nil }
        return index.find(hash) { entries[$0].hash == hash }
    }

    func next(_ number: Int) -> Int? {
        let next = entries[number].next
        return next == DiskIndex.none ? nil : Int(next)
    }

    /// The one that lies at a place.
    func find(_ hash: UInt64, _ place: DiskPlace) -> Int? {
        var number = first(hash)
        while let found = number {
            if entries[found].place == place { return found }
            number = next(found)
        }
        return nil
    }

    /// The one for requests that say the same.
    func find(_ hash: UInt64, vary: UInt64) -> Int? {
        var number = first(hash)
        while let found = number {
            if entries[found].vary == vary { return found }
            number = next(found)
        }
        return nil
    }

    /// The last one of a key that has more than so many.
    func last(_ hash: UInt64, beyond limit: Int) -> Int? {
        var (count, number, last) = (0, first(hash), Int?.none)
        while let found = number {
            count += 1
            last = found
            number = next(found)
        }
        return count >= limit ? last : nil
    }

    /// The numbers of all that are in.
    var numbers: [Int] { entries.indices.filter { !entries[$0].isFree } }

    /// True where something of a key is on the disk and not in memory.
    func hasUnloaded(_ hash: UInt64) -> Bool {
        var number = first(hash)
        while let found = number {
            if entries[found].slot == DiskIndex.none { return true }
            number = next(found)
        }
        return false
    }

    // MARK: Change

    /// Takes an object in as the newest of its key; its number, or nil when there are too many.
    mutating func insert(_ entry: Entry) -> Int? {
        let first = first(entry.hash)
        guard let number = take() else { return nil }
        entries[number] = entry
        entries[number].next = first.map { UInt32($0) } ?? DiskIndex.none
        if let first {
            index.replace(entry.hash, first, by: number)
        } else {
            index.insert(entry.hash, number)
        }
        count += 1
        return number
    }

    /// Takes an object out.
    mutating func remove(_ number: Int) {
        let hash = entries[number].hash
        guard !entries[number].isFree, let first = first(hash) else { return }
        if first != number {
            var before = first
            while let next = next(before), next != number { before = next }
            entries[before].next = entries[number].next
        } else if let next = next(number) {
            index.replace(hash, number, by: next)
        } else {
            index.remove(hash, number)
        }
        count -= 1
        entries[number] = Entry(next: free, isFree: true)
        free = UInt32(number)
    }

    private mutating func take() -> Int? {
        if free != DiskIndex.none {
            let number = Int(free)
            free = entries[number].next
            return number
        }
        guard entries.count < Int(DiskIndex.none) else { return nil }
        entries.append(Entry())
        return entries.count - 1
    }
}
