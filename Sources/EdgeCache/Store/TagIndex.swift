// SPDX-License-Identifier: Apache-2.0

/// Which entries have a tag, and which tags an entry has: links in a single piece of memory.
///
/// Each tag of an entry is a link in two lists, that of the tag and that of the entry. Whoever walks along
/// the list of a tag in several steps leaves a link of its own there as a mark: whatever is taken out or put
/// in meanwhile, the mark stays between what was seen and what was not.
///
///     tag ──▶ [ mark ] ⇄ [ entry 7 ] ⇄ [ entry 3 ]      new links come first: they are not walked to
struct TagIndex: Sendable {
    /// Octets that each tag of an entry is charged: its link, and a place in the index.
    static let cost = 48
    static let none = UInt32.max

    private struct Link: BitwiseCopyable {
        var hash: UInt64 = 0
        /// None for a mark.
        var slot = TagIndex.none
        /// In the list of the tag; the next free one where it is free.
        var next = TagIndex.none
        var previous = TagIndex.none
        /// The next one of the same entry.
        var other = TagIndex.none
    }

    private var links: [Link] = []
    private var free = TagIndex.none
    private var index = StoreIndex()
    /// Tags of all entries.
    private(set) var count = 0

    // MARK: Links

    /// Adds a tag to an entry whose last link so far is `other`; none when there are too many links.
    mutating func insert(_ hash: UInt64, slot: Int, other: UInt32) -> UInt32? {
        guard let link = take() else { return nil }
        links[Int(link)] = Link(hash: hash, slot: UInt32(slot), other: other)
        putFirst(link)
        count += 1
        return link
    }

    /// Takes a link out; the next one of the same entry.
    mutating func remove(_ link: UInt32) -> UInt32 {
        let other = links[Int(link)].other
        if links[Int(link)].slot != TagIndex.none { count -= 1 }
        unlink(link)
        links[Int(link)] = Link(next: free)
        free = link
        return other
    }

    // MARK: Walking

    /// Begins a walk along the entries with a tag; nil when there are none.
    mutating func beginWalk(_ hash: UInt64) -> UInt32? {
        guard first(hash) != nil, let mark = take() else { return nil }
        links[Int(mark)] = Link(hash: hash)
        putFirst(mark)
        return mark
    }

    /// Goes one entry on; nil behind the last one, and then the walk is over.
    mutating func step(_ mark: UInt32) -> Int? {
        while links[Int(mark)].next != TagIndex.none {
            let passed = links[Int(mark)].next
            pass(mark, passed)
            // The marks of others are passed, too.
            if links[Int(passed)].slot != TagIndex.none { return Int(links[Int(passed)].slot) }
        }
        _ = remove(mark)
        return nil
    }

    /// Puts a mark behind the link that follows it.
    private mutating func pass(_ mark: UInt32, _ passed: UInt32) {
        unlink(mark)
        let next = links[Int(passed)].next
        links[Int(mark)].previous = passed
        links[Int(mark)].next = next
        links[Int(passed)].next = mark
        if next != TagIndex.none { links[Int(next)].previous = mark }
    }

    // MARK: Lists

    private func first(_ hash: UInt64) -> UInt32? {
        index.find(hash) { links[$0].hash == hash }.map { UInt32($0) }
    }

    private mutating func take() -> UInt32? {
        if free != TagIndex.none {
            let link = free
            free = links[Int(link)].next
            return link
        }
        guard links.count < Int(TagIndex.none) else { return nil }
        links.append(Link())
        return UInt32(links.count - 1)
    }

    private mutating func putFirst(_ link: UInt32) {
        let hash = links[Int(link)].hash
        guard let first = first(hash) else { return index.insert(hash, Int(link)) }
        links[Int(link)].next = first
        links[Int(first)].previous = link
        index.replace(hash, Int(first), by: Int(link))
    }

    private mutating func unlink(_ link: UInt32) {
        let (hash, previous, next) = (
            links[Int(link)].hash, links[Int(link)].previous, links[Int(link)].next
        )
        if next != TagIndex.none { links[Int(next)].previous = previous }
        if previous != TagIndex.none {
            links[Int(previous)].next = next
        } else if next != TagIndex.none {
            index.replace(hash, Int(link), by: Int(next))
        } else {
            index.remove(hash, Int(link))
        }
    }
}
