// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Which endpoint has each of the sessions that applications name themselves.
///
/// One table for the whole process, in memory that never grows: sets of eight places, in which the
/// session that was used longest ago gives way. Three words a place: a hash of the name, what names
/// the endpoint, and when it was last used. Without locks: whoever takes a place claims its first
/// word by one exchange, and a reader looks at that word again behind the others.
public struct SessionTable: Sendable {
    /// What became of a session that an answer named.
    enum Entry: Equatable { case known, entered, displaced, lost }

    static let ways = 8
    // Marks a place that is changing hands; no key is that.
    private static let moving = UInt64.max

    private let words: SharedWords
    private let setMask: UInt64
    /// Unknown to clients, so that nobody can aim at another's place.
    private let secret: UInt64
    /// Sessions that there is room for.
    public let capacity: Int

    /// A table for at least so many sessions, rounded up to a power of two.
    public init(capacity wanted: Int, secret: UInt64 = .random(in: 0 ... .max)) {
        var sets = 1
        while sets * SessionTable.ways < wanted, sets < 1 << 22 { sets *= 2 }
        capacity = sets * SessionTable.ways
        words = SharedWords(count: capacity * 3)
        setMask = UInt64(sets - 1)
        self.secret = secret
    }

    /// The key of a session that a pool's application has given this name; never 0.
    func key(_ name: Span<UInt8>, pool: Int) -> UInt64 {
        let seed = Hash.mix(UInt64(truncatingIfNeeded: pool) ^ secret)
        return min(Hash.bytes(name, seed: seed) | 1, SessionTable.moving - 2)
    }

    /// What names the endpoint that has the session; 0 when nobody does, or not for `idle` any more.
    func find(_ key: UInt64, idle: Interval, now: Instant, touching: Bool = true) -> UInt64 {
        let place = self.place(of: key)
        guard place >= 0 else { return 0 }
        let session = words.load(place &+ 1)
        let used = words.load(place &+ 2)
        // Another session may have taken the place since.
        guard words.load(place) == key else { return 0 }
        let at = UInt64(clamping: now.nanoseconds)
        guard used &+ UInt64(clamping: idle.nanoseconds) >= at else { return 0 }
        if touching { words.store(place &+ 2, max(used, at)) }
        return session
    }

    /// Keeps in mind which endpoint has a session.
    func learn(_ key: UInt64, _ session: UInt64, now: Instant) -> Entry {
        let at = UInt64(clamping: now.nanoseconds)
        let own = place(of: key)
        if own >= 0, words.load(own &+ 1) == session {
            words.store(own &+ 2, at)
            return .known
        }
        let (place, owner) = own >= 0 ? (own, key) : victim(of: key)
        // Somebody else is at it: the next answer of the session tries again.
        guard owner != SessionTable.moving,
            words.exchange(place, from: owner, to: SessionTable.moving)
        else { return .lost }
        words.store(place &+ 1, session)
        words.store(place &+ 2, at)
        words.store(place, key)
        return owner == key ? .known : owner == 0 ? .entered : .displaced
    }

    private func first(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: key >> 1 & setMask) &* SessionTable.ways &* 3
    }

    private func place(of key: UInt64) -> Int {
        let start = first(key)
        for way in 0..<SessionTable.ways where words.load(start &+ way &* 3) == key {
            return start &+ way &* 3
        }
        return -1
    }

    /// A free place, or that of the session which was used longest ago.
    private func victim(of key: UInt64) -> (place: Int, owner: UInt64) {
        let start = first(key)
        var (place, owner, oldest) = (start, SessionTable.moving, UInt64.max)
        for way in 0..<SessionTable.ways {
            let at = start &+ way &* 3
            let found = words.load(at)
            if found == 0 { return (at, 0) }
            let used = words.load(at &+ 2)
            guard found != SessionTable.moving, used < oldest else { continue }
            (place, owner, oldest) = (at, found, used)
        }
        return (place, owner)
    }
}
