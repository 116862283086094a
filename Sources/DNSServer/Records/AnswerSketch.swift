// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Which networks of resolvers one worker gives the answers of a policy to: the heaviest of them, in
/// fixed memory.
///
/// Space-Saving (Metwally, Agrawal, El Abbadi, 2005) in 64 buckets of 8 places, by a keyed digest of
/// policy and network, so that nobody can choose his neighbours. Whoever finds no place takes that of
/// the lightest in his bucket and inherits its count as his error. So a count is never too low, and
/// too high by its error at most; and whoever is not there has had no more answers than the lightest
/// in his bucket. What a network was given is counted exactly from when it got its place.
///
///     bucket   8 networks | 8 policies | 8 counts | 8 errors | 8 others | 8 x 11 cells
///     cell     target's slot plus one: 24 bits | answers: 40 bits
struct AnswerSketch: Sendable {
    static let buckets = 64
    static let ways = 8
    static let cells = 11
    static let bucketSize = ways * (5 + cells)
    private static let cellShift: UInt64 = 40
    private static let cellMask: UInt64 = (1 << cellShift) - 1
    private static let policies = 8, counts = 16, errors = 24, others = 32, firstCell = 40

    private let words: SharedWords
    private let key: UInt64

    init(key: UInt64) {
        self.key = key
        words = SharedWords(count: AnswerSketch.buckets * AnswerSketch.bucketSize)
    }

    /// The /24 or /48 of an address, with its family; never 0.
    static func network(of address: IPAddress) -> UInt64 {
        address.isIPv4
            ? 1 << 62 | UInt64(truncatingIfNeeded: address.bits >> 8)
            : 1 << 63 | UInt64(truncatingIfNeeded: address.bits >> 80)
    }

    /// The network of ``network(of:)``.
    static func prefix(of network: UInt64) -> Prefix? {
        let bits = network & (1 << 48 - 1)
        return network >> 62 == 1
            ? Prefix(IPAddress(v4: UInt32(truncatingIfNeeded: bits << 8)), length: 24)
            : Prefix(IPAddress(v6: UInt128(bits) << 80), length: 48)
    }

    private func bucket(_ policy: UInt64, _ network: UInt64) -> Int {
        let hash = Hash.mix(network ^ Hash.mix(policy ^ key))
        return Int(truncatingIfNeeded: hash >> 58) &* AnswerSketch.bucketSize
    }

    // MARK: Counting

    /// Where a network of a policy is counted.
    struct Way: BitwiseCopyable {
        fileprivate var bucket: Int
        fileprivate var place: Int
    }

    /// Counts one answer; tells where, for the targets that it held.
    func add(_ policy: UInt64, _ network: UInt64) -> Way {
        let bucket = bucket(policy, network)
        var lightest = 0
        var least = UInt64.max
        var way = -1
        for place in 0..<AnswerSketch.ways {
            if words.load(bucket &+ place) == network,
                words.load(bucket &+ AnswerSketch.policies &+ place) == policy
            {
                way = place
                break
            }
            let count = words.load(bucket &+ AnswerSketch.counts &+ place)
            if count < least { (lightest, least) = (place, count) }
        }
        if way < 0 {
            way = lightest
            replace(bucket, way, policy, network, least)
        }
        words.addOwned(bucket &+ AnswerSketch.counts &+ way, 1)
        return Way(bucket: bucket, place: way)
    }

    private func replace(
        _ bucket: Int,
        _ way: Int,
        _ policy: UInt64,
        _ network: UInt64,
        _ least: UInt64
    ) {
        // Nobody's while it changes: who reads meanwhile passes it over.
        words.store(bucket &+ way, 0)
        words.store(bucket &+ AnswerSketch.policies &+ way, policy)
        words.store(bucket &+ AnswerSketch.counts &+ way, least)
        words.store(bucket &+ AnswerSketch.errors &+ way, least)
        words.store(bucket &+ AnswerSketch.others &+ way, 0)
        let first = bucket &+ AnswerSketch.firstCell &+ way &* AnswerSketch.cells
        for cell in 0..<AnswerSketch.cells { words.store(first &+ cell, 0) }
        words.store(bucket &+ way, network)
    }

    /// Counts a target of the answer that was just counted.
    func add(_ slot: UInt32, at found: Way) {
        let (bucket, way) = (found.bucket, found.place)
        let mark = (UInt64(slot) &+ 1) << AnswerSketch.cellShift
        let first = bucket &+ AnswerSketch.firstCell &+ way &* AnswerSketch.cells
        guard slot < 1 << 24 &- 1 else {
            return words.addOwned(bucket &+ AnswerSketch.others &+ way, 1)
        }
        for cell in 0..<AnswerSketch.cells {
            let word = words.load(first &+ cell)
            if word == 0 { return words.store(first &+ cell, mark | 1) }
            if word & ~AnswerSketch.cellMask == mark { return words.addOwned(first &+ cell, 1) }
        }
        words.addOwned(bucket &+ AnswerSketch.others &+ way, 1)
    }

    // MARK: Forgetting

    /// Begins anew.
    func clear() {
        for place in 0..<words.count { words.store(place, 0) }
    }

    /// Counts what these targets were given as that of others.
    func forget(_ slots: Set<Int>) {
        for bucket in 0..<AnswerSketch.buckets {
            for way in 0..<AnswerSketch.ways {
                forget(slots, bucket * AnswerSketch.bucketSize, way)
            }
        }
    }

    private func forget(_ slots: Set<Int>, _ bucket: Int, _ way: Int) {
        let first = bucket + AnswerSketch.firstCell + way * AnswerSketch.cells
        var used =
            (0..<AnswerSketch.cells).first { words.load(first + $0) == 0 }
            ?? AnswerSketch.cells
        // From the end, so that whoever moves into a gap has been looked at.
        for cell in (0..<used).reversed() {
            let word = words.load(first + cell)
            guard slots.contains(Int(word >> AnswerSketch.cellShift) - 1) else { continue }
            words.addOwned(bucket + AnswerSketch.others + way, word & AnswerSketch.cellMask)
            used -= 1
            words.store(first + cell, words.load(first + used))
            words.store(first + used, 0)
        }
    }

    // MARK: Reading

    /// One network of a policy, as this worker knows it.
    struct Entry: Sendable {
        var network: UInt64
        var policy: UInt64
        var count: UInt64
        var error: UInt64
        var others: UInt64
        /// Answers by the slots of targets.
        var targets: [(slot: Int, count: UInt64)]
    }

    /// All that have a place.
    var entries: [Entry] {
        (0..<AnswerSketch.buckets).flatMap { number -> [Entry] in
            (0..<AnswerSketch.ways).compactMap { entry(number * AnswerSketch.bucketSize, $0) }
        }
    }

    private func entry(_ bucket: Int, _ way: Int) -> Entry? {
        let network = words.load(bucket + way)
        guard network != 0 else { return nil }
        let first = bucket + AnswerSketch.firstCell + way * AnswerSketch.cells
        let entry = Entry(
            network: network,
            policy: words.load(bucket + AnswerSketch.policies + way),
            count: words.load(bucket + AnswerSketch.counts + way),
            error: words.load(bucket + AnswerSketch.errors + way),
            others: words.load(bucket + AnswerSketch.others + way),
            targets: (0..<AnswerSketch.cells).compactMap { cell in
                let word = words.load(first + cell)
                guard word != 0 else { return nil }
                let slot = Int(word >> AnswerSketch.cellShift) - 1
                return (slot, word & AnswerSketch.cellMask)
            }
        )
        return words.load(bucket + way) == network ? entry : nil
    }

    /// The most answers that a network without a place can have had.
    func most(_ policy: UInt64, _ network: UInt64) -> UInt64 {
        lightest(bucket(policy, network))
    }

    /// The most answers that any network without a place can have had.
    var most: UInt64 {
        (0..<AnswerSketch.buckets).reduce(0) {
            max($0, lightest($1 * AnswerSketch.bucketSize))
        }
    }

    // 0 while a place is free.
    private func lightest(_ bucket: Int) -> UInt64 {
        (0..<AnswerSketch.ways).reduce(UInt64.max) {
            min($0, words.load(bucket + AnswerSketch.counts + $1))
        }
    }
}
