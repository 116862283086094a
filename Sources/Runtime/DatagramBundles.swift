// SPDX-License-Identifier: Apache-2.0

/// Which answers of a batch leave in one message: those of one length that go one way.
///
/// The kernel takes such a message through its network stack once, and makes datagrams of it at the
/// end (`UDP_SEGMENT`). The order of answers is of no account to who asked, so they need not lie
/// behind each other. Pure: who knows the way of an answer says whether two are the same.
struct DatagramBundles {
    /// The most that one message holds (`UDP_MAX_SEGMENTS` of Linux before 6.9).
    static let mostAnswers = 64
    /// Octets of one message; an IPv4 packet of UDP takes 65,507.
    static let mostOctets = 65_000
    private static let mostLooks = 8

    private struct Bundle {
        var first = 0
        var last = 0
        var count = 0
        var length = 0
        var mark: UInt64 = 0
    }

    private var bundles: [Bundle]
    /// The answer after each in its bundle.
    private var following: [Int]
    /// The places of bundles by a hash of mark and length, one more than they are; 0 for none.
    private var slots = InlineArray<128, Int>(repeating: 0)
    /// Bundles of the batch so far.
    private(set) var count = 0
    /// Answers of the batch so far.
    private(set) var answerCount = 0

    /// Room for the answers of one batch.
    init(capacity: Int) {
        bundles = Array(repeating: Bundle(), count: capacity)
        following = Array(repeating: 0, count: capacity)
    }

    /// Forgets the batch before.
    mutating func begin() {
        count = 0
        answerCount = 0
        slots = InlineArray(repeating: 0)
    }

    /// Adds the next answer of the batch; one beyond the capacity is not taken.
    ///
    /// - Parameters:
    ///   - length: Its octets.
    ///   - limit: Octets of an answer that may leave with others.
    ///   - mark: Equal for all answers of one way, and better not for others.
    ///   - isSameWay: True when an earlier answer goes the way of this one.
    @inline(__always)
    mutating func add(length: Int, limit: Int, mark: UInt64, isSameWay: (Int) -> Bool) {
        let answer = answerCount
        guard answer < bundles.count else { return }
        answerCount &+= 1
        // Nearly always the first slot is the one; what finds none leaves alone.
        let hash = (mark ^ UInt64(truncatingIfNeeded: length)) &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: hash >> 57)
        for _ in 0..<(length <= limit ? DatagramBundles.mostLooks : 0) {
            let place = slots[slot] &- 1
            guard place >= 0 else {
                slots[slot] = count &+ 1
                break
            }
            if bundles[place].length == length, bundles[place].mark == mark,
                isSameWay(bundles[place].first)
            {
                if hasRoom(place) { return append(answer, to: place) }
                slots[slot] = count &+ 1
                break
            }
            slot = (slot &+ 1) & 127
        }
        bundles[count] = Bundle(first: answer, last: answer, count: 1, length: length, mark: mark)
        count &+= 1
    }

    private func hasRoom(_ place: Int) -> Bool {
        let count = bundles[place].count &+ 1
        return count <= DatagramBundles.mostAnswers
            && count &* bundles[place].length <= DatagramBundles.mostOctets
    }

    private mutating func append(_ answer: Int, to place: Int) {
        following[bundles[place].last] = answer
        bundles[place].last = answer
        bundles[place].count &+= 1
    }

    /// The first answer of a bundle.
    func first(of bundle: Int) -> Int { bundles[bundle].first }

    /// The answer behind another one in its bundle, if there is one.
    func next(after answer: Int) -> Int { following[answer] }

    /// Answers of a bundle.
    func size(of bundle: Int) -> Int { bundles[bundle].count }

    /// Octets of each answer of a bundle.
    func length(of bundle: Int) -> Int { bundles[bundle].length }
}

/// How long answers may be that a socket sends together with others.
public struct BundleLimit: Equatable, Sendable {
    /// Every path of IPv6 takes it (RFC 8200 §5).
    static let usual = 1232
    /// Linux believes in no path that takes less (`net.ipv4.route.min_pmtu`).
    static let least = 512

    /// Octets of an answer, 0 for none; nil until the kernel has been asked whether it knows how.
    private(set) var octets: Int?

    /// Of a socket that has sent nothing yet.
    public init() {}

    /// Notes whether the kernel knows how.
    mutating func note(isKnown: Bool) { octets = isKnown ? BundleLimit.usual : 0 }

    /// Notes that the kernel refused answers of a length together, and took them one by one.
    ///
    /// Either the path is too narrow for one of them, or the interface cannot make datagrams of a
    /// message, which no length helps.
    mutating func noteRefusal(length: Int) {
        octets = min(octets ?? 0, length > BundleLimit.least ? BundleLimit.least : 0)
    }
}
