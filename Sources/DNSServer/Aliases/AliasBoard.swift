// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import Steering

/// What one family of the addresses of a name outside is known to be, and for how long.
public struct AliasAnswer: Sendable, Equatable {
    /// The addresses; none for a name that has none of the family, or does not exist.
    public var addresses: [IPAddress]
    /// When that was learned.
    public var learned: Instant
    /// Until when it holds.
    public var freshUntil: Instant
    /// Until when it is answered for want of anything newer (RFC 8767).
    public var staleUntil: Instant
    /// The TTL of such answers, in seconds.
    public var staleTTL: UInt32

    /// Joins the parts.
    public init(
        addresses: [IPAddress],
        learned: Instant,
        freshUntil: Instant,
        staleUntil: Instant,
        staleTTL: UInt32
    ) {
        self.addresses = addresses
        self.learned = learned
        self.freshUntil = freshUntil
        self.staleUntil = staleUntil
        self.staleTTL = staleTTL
    }
}

/// The addresses of names outside that aliases lead to: written by the control thread, read by
/// workers at every answer.
///
///     place     two per name, one for each family
///     version   counts what was published there; its lowest bit says which half holds
///     half      learned, fresh until, stale until, TTL and number of addresses, addresses
///
/// A writer fills the half that does not hold and then publishes it. A reader copies the half that
/// holds, and does so again if another was published meanwhile; that happens once in seconds, so
/// nobody ever waits for anybody, whatever the scheduler does.
public final class AliasBoard: Sendable {
    /// The most addresses of one family; more are left out.
    public static var addressLimit: Int { AnswerSet.capacity }
    /// The most names.
    public static let targetLimit = 10_000

    private static let halfWords = 4 + 32
    private static let placeWords = 1 + 2 * halfWords
    private static let rereadLimit = 4

    /// Number of names.
    public let count: Int
    /// What holds for clients of single networks.
    public let networks: AliasNetworks
    private let words: SharedWords

    /// A board for so many names, of which nothing is known.
    public init(count: Int, networks limits: AliasNetworkLimits = AliasNetworkLimits()) {
        self.count = min(max(count, 0), AliasBoard.targetLimit)
        words = SharedWords(count: self.count * 2 * AliasBoard.placeWords)
        networks = AliasNetworks(targets: self.count, limits: limits)
    }

    /// Says what is known of one family of a name; nil for nothing.
    ///
    /// Only one thread may do so.
    public func publish(_ target: Int, isIPv4: Bool, _ answer: AliasAnswer?) {
        guard let place = place(target, isIPv4) else { return }
        let version = words.load(place) &+ 1
        let half = AliasBoard.half(version, of: place)
        let addresses = (answer?.addresses ?? []).filter { $0.isIPv4 == isIPv4 }
            .prefix(AliasBoard.addressLimit)
        let known = answer.map { UInt64($0.staleTTL) << 32 | UInt64(addresses.count) << 1 | 1 }
        func word(_ instant: Instant?) -> UInt64 { UInt64(bitPattern: instant?.nanoseconds ?? 0) }
        words.store(half, word(answer?.learned))
        words.store(half + 1, word(answer?.freshUntil))
        words.store(half + 2, word(answer?.staleUntil))
        words.store(half + 3, known ?? 0)
        for (index, address) in addresses.enumerated() {
            let bits = address.bits
            words.store(half + 4 + index * 2, UInt64(truncatingIfNeeded: bits >> 64))
            words.store(half + 5 + index * 2, UInt64(truncatingIfNeeded: bits))
        }
        words.store(place, version)
    }

    private func place(_ target: Int, _ isIPv4: Bool) -> Int? {
        guard target >= 0, target < count else { return nil }
        return (target &* 2 &+ (isIPv4 ? 0 : 1)) &* AliasBoard.placeWords
    }

    private static func half(_ version: UInt64, of place: Int) -> Int {
        place &+ 1 &+ (version & 1 == 0 ? 0 : halfWords)
    }

    /// What is answered to a client for one family of a name at `now`.
    ///
    /// Where the name has other answers for other networks, and that of the client's is not known
    /// yet, it is what everybody gets, for a moment and for that network alone; `wishes` says
    /// whether it is then to be learned.
    func read(
        _ target: Int,
        isIPv4: Bool,
        _ asker: AliasAsker,
        now: Instant,
        wishes: Bool,
        into answers: inout AnswerSet
    ) {
        read(target, isIPv4: isIPv4, now: now, into: &answers)
        guard networks.isOn else { return }
        // Nobody outside can say more of such a client than of all in its range.
        guard asker.rangeLength == 0 else {
            return answers.hold(scope: asker.rangeLength &+ asker.offset)
        }
        let regard = networks.regard(target, isIPv4: isIPv4)
        if regard == .uniform {
            guard wishes, networks.isDue(target, isIPv4: isIPv4, now: now) else { return }
            return networks.wishes.add(target, isIPv4: isIPv4, asker)
        }
        let isKnown = networks.read(
            target,
            isIPv4: isIPv4,
            asker,
            now: now,
            marks: wishes,
            into: &answers
        )
        guard !isKnown else { return }
        read(target, isIPv4: isIPv4, now: now, into: &answers)
        answers.hold(
            scope: asker.length &+ asker.offset,
            atMost: AliasNetworks.unknownTTL
        )
        if wishes { networks.wishes.add(target, isIPv4: isIPv4, asker) }
    }

    /// What is answered for one family of a name at `now`, whoever asks.
    ///
    /// SERVFAIL when nothing was ever learned, or only so long ago that it counts no more.
    func read(
        _ target: Int,
        isIPv4: Bool,
        now: Instant,
        into answers: inout AnswerSet
    ) {
        answers.settle(.servfail, ttl: .max)
        guard let place = place(target, isIPv4) else { return }
        for _ in 0..<AliasBoard.rereadLimit {
            let version = words.load(place)
            copy(AliasBoard.half(version, of: place), isIPv4, now, into: &answers)
            if words.load(place) == version { return }
        }
        answers.settle(.servfail, ttl: .max)
    }

    private func copy(
        _ half: Int,
        _ isIPv4: Bool,
        _ now: Instant,
        into answers: inout AnswerSet
    ) {
        let known = words.load(half &+ 3)
        let ttl = ttl(half, known, now)
        guard known & 1 == 1, let ttl else { return answers.settle(.servfail, ttl: .max) }
        let count = Int(truncatingIfNeeded: known >> 1 & 0xff)
        answers.settle(
            count == 0 ? .noData : .addresses,
            ttl: ttl,
            isStale: Instant(nanoseconds: Int64(bitPattern: words.load(half &+ 1))) <= now
        )
        for index in 0..<min(count, AliasBoard.addressLimit) {
            let low = words.load(half &+ 5 &+ index &* 2)
            if isIPv4 {
                answers.add(IPAddress(v4: UInt32(truncatingIfNeeded: low)))
            } else {
                let high = words.load(half &+ 4 &+ index &* 2)
                answers.add(IPAddress(v6: UInt128(high) << 64 | UInt128(low)))
            }
        }
    }

    // As a cache counts: whole seconds, never longer than what is left.
    private func ttl(_ half: Int, _ known: UInt64, _ now: Instant) -> UInt32? {
        let fresh = Instant(nanoseconds: Int64(bitPattern: words.load(half &+ 1)))
        if now < fresh {
            return UInt32(clamping: (fresh - now).nanoseconds / 1_000_000_000)
        }
        let stale = Instant(nanoseconds: Int64(bitPattern: words.load(half &+ 2)))
        return now < stale ? UInt32(truncatingIfNeeded: known >> 32) : nil
    }

    /// How old what is known of a name is, and for how long it holds still; nil for nothing.
    ///
    /// For explanations: the younger of both families speaks for the age, the older for the rest.
    func age(_ target: Int, now: Instant) -> (age: Interval, left: Interval)? {
        var found: (age: Interval, left: Interval)?
        for isIPv4 in [true, false] {
            guard let place = place(target, isIPv4) else { continue }
            let half = AliasBoard.half(words.load(place), of: place)
            guard words.load(half + 3) & 1 == 1 else { continue }
            let learned = Instant(nanoseconds: Int64(bitPattern: words.load(half)))
            let fresh = Instant(nanoseconds: Int64(bitPattern: words.load(half + 1)))
            let (age, left) = (now - learned, fresh - now)
            found = (min(found?.age ?? age, age), min(found?.left ?? left, left))
        }
        return found
    }
}
