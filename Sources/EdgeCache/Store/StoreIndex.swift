// SPDX-License-Identifier: Apache-2.0

/// Finds numbers by hashes: a table with open addressing, in a single piece of memory.
///
/// A place holds half a hash beside the number; whoever asks compares the rest. What is removed leaves no
/// mark: the entries behind it move up.
struct StoreIndex: Sendable {
    // Half a hash above, the number below; all bits for a free place.
    private var places: [UInt64]
    private var count = 0

    private static let free = UInt64.max

    /// An empty table.
    init() { places = [UInt64](repeating: StoreIndex.free, count: 256) }

    private var mask: Int { places.count - 1 }

    private func home(_ place: UInt64) -> Int { Int(truncatingIfNeeded: place >> 32) & mask }

    private static func entry(_ hash: UInt64, _ number: UInt32) -> UInt64 {
        (hash & 0xffff_ffff_0000_0000) | UInt64(number)
    }

    /// The number with this hash that `isMeant`.
    func find(_ hash: UInt64, where isMeant: (Int) -> Bool) -> Int? {
        place(hash, where: isMeant).map { Int(places[$0] & 0xffff_ffff) }
    }

    private func place(_ hash: UInt64, where isMeant: (Int) -> Bool) -> Int? {
        var place = home(hash)
        while places[place] != StoreIndex.free {
            if places[place] >> 32 == hash >> 32, isMeant(Int(places[place] & 0xffff_ffff)) {
                return place
            }
            place = (place + 1) & mask
        }
        return nil
    }

    /// Takes a number in; below `UInt32.max`.
    mutating func insert(_ hash: UInt64, _ number: Int) {
        if (count + 1) * 4 > places.count * 3 { grow() }
        put(StoreIndex.entry(hash, UInt32(truncatingIfNeeded: number)))
        count += 1
    }

    /// Puts another number in the place of one.
    mutating func replace(_ hash: UInt64, _ number: Int, by other: Int) {
        guard let place = place(hash, where: { $0 == number }) else { return }
        places[place] = StoreIndex.entry(hash, UInt32(truncatingIfNeeded: other))
    }

    /// Takes a number out.
    mutating func remove(_ hash: UInt64, _ number: Int) {
        guard var gap = place(hash, where: { $0 == number }) else { return }
        count -= 1
        var place = (gap + 1) & mask
        while places[place] != StoreIndex.free {
            // It may move up unless that is before its home.
            let distance = (place - home(places[place])) & mask
            if distance >= (place - gap) & mask {
                places[gap] = places[place]
                gap = place
            }
            place = (place + 1) & mask
        }
        places[gap] = StoreIndex.free
    }

    private mutating func put(_ entry: UInt64) {
        var place = home(entry)
        while places[place] != StoreIndex.free { place = (place + 1) & mask }
        places[place] = entry
    }

    private mutating func grow() {
        let old = places
        places = [UInt64](repeating: StoreIndex.free, count: old.count * 2)
        for entry in old where entry != StoreIndex.free { put(entry) }
    }
}
