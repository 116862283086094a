// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Networks that workers have looked for in vain, on their way to the control thread.
///
/// A wish has the place that follows from what it is for, so that the same one, which comes with
/// every query until it is fulfilled, is one wish. A place that is taken takes no other: whatever
/// is dropped comes again with the next query.
public final class AliasWishes: Sendable {
    /// One network that somebody has asked from.
    public typealias Wish = AliasNetworks.Key

    private static let count = 256
    // State, target and families and length, network in two words.
    private static let size = 4
    private enum State {
        static let free: UInt64 = 0
        static let writing: UInt64 = 1
        static let ready: UInt64 = 2
    }

    private let words: SharedWords

    init(isEmpty: Bool) {
        words = SharedWords(count: isEmpty ? 0 : AliasWishes.count * AliasWishes.size)
    }

    func add(_ target: Int, isIPv4: Bool, _ asker: AliasAsker) {
        guard words.count > 0 else { return }
        let bits = asker.bits(asker.length)
        let (high, low) = (UInt64(truncatingIfNeeded: bits >> 64), UInt64(truncatingIfNeeded: bits))
        let what =
            UInt64(truncatingIfNeeded: target) << 16 | (isIPv4 ? 1 << 8 : 0)
            | (asker.address.isIPv4 ? 1 << 9 : 0) | UInt64(asker.length)
        let hash = Hash.mix(Hash.mix(what ^ high) ^ low)
        let place = Int(truncatingIfNeeded: hash % UInt64(AliasWishes.count)) &* AliasWishes.size
        guard words.load(place) == State.free,
            words.exchange(place, from: State.free, to: State.writing)
        else { return }
        words.store(place &+ 1, what)
        words.store(place &+ 2, high)
        words.store(place &+ 3, low)
        words.store(place, State.ready)
    }

    /// Takes all that are there; called by one thread alone.
    public func take() -> [Wish] {
        var wishes: [Wish] = []
        for place in stride(from: 0, to: words.count, by: AliasWishes.size)
        where words.load(place) == State.ready {
            if let wish = wish(place) { wishes.append(wish) }
            words.store(place, State.free)
        }
        return wishes
    }

    private func wish(_ place: Int) -> Wish? {
        let what = words.load(place + 1)
        let bits = UInt128(words.load(place + 2)) << 64 | UInt128(words.load(place + 3))
        let isClientIPv4 = what >> 9 & 1 == 1
        let address =
            isClientIPv4 ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits)
        guard let network = Prefix(address, length: Int(what & 0x7f)) else { return nil }
        return Wish(
            target: Int(truncatingIfNeeded: what >> 16),
            isIPv4: what >> 8 & 1 == 1,
            network: network
        )
    }
}
