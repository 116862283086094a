// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A network of resolvers, and what it got of a policy's answers, over all workers.
public struct NetworkShare: Sendable {
    /// The /24 or /48.
    public var network: Prefix
    /// Answers that it has certainly had.
    public var atLeast: UInt64
    /// Answers that it can have had at most.
    public var atMost: UInt64
    /// Answers by the slots of the endpoints that they held.
    public var given: [(slot: Int, count: UInt64)]
    /// Answers with endpoints beyond those that there is room for.
    public var others: UInt64
}

extension DNSShared {
    /// Answers that held the endpoint's address, over all workers.
    public func answerCount(_ slot: Int) -> UInt64 {
        books.reduce(0) { $0 &+ $1.count(slot) }
    }

    /// Answers of a policy that held the endpoint's address; see ``SteerTable/identity(of:)``.
    public func answerCount(policy: UInt64, slot: Int) -> UInt64 {
        books.reduce(0) { $0 &+ $1.count(policy: policy, slot) }
    }

    /// Answers of a policy with addresses of a family.
    public func answerCount(policy: UInt64, isIPv4: Bool) -> UInt64 {
        let all = isIPv4 ? AnswerTally.allIPv4 : AnswerTally.allIPv6
        return books.reduce(0) { $0 &+ $1.tally.count(policy, all) }
    }

    /// Since when answers are counted by policy and network, in nanoseconds since 1970; nil for the
    /// start of the process.
    public var answersBegunAt: Int64? {
        let latest = books.reduce(0) { max($0, $1.begunAt) }
        return latest == 0 ? nil : latest
    }

    /// Answers that could not be counted by policy, for want of room.
    public var uncountedAnswers: UInt64 { books.reduce(0) { $0 &+ $1.tally.missed } }

    /// Queries that records were written of, those that are gone included.
    public var keptQueries: UInt64 { books.reduce(0) { $0 &+ $1.queries.written } }

    /// The most answers that a network can have had that no list shows.
    public var unlistedAnswers: UInt64 { books.reduce(0) { $0 &+ $1.sketch.most } }

    /// The networks that got most of each policy's answers, the heaviest first.
    public var networkShares: [UInt64: [NetworkShare]] {
        var merged: [UInt64: [UInt64: Merge]] = [:]
        for (worker, book) in books.enumerated() {
            for entry in book.sketch.entries {
                merged[entry.policy, default: [:]][entry.network, default: Merge()]
                    .add(entry, worker)
            }
        }
        var shares: [UInt64: [NetworkShare]] = [:]
        for (policy, networks) in merged {
            var list: [NetworkShare] = []
            for (network, merge) in networks {
                guard let prefix = AnswerSketch.prefix(of: network) else { continue }
                var share = merge.share(prefix)
                for (worker, book) in books.enumerated() where !merge.workers.contains(worker) {
                    share.atMost &+= book.sketch.most(policy, network)
                }
                list.append(share)
            }
            shares[policy] = list.sorted {
                ($0.atLeast, $1.network.description) > ($1.atLeast, $0.network.description)
            }
        }
        return shares
    }

    private struct Merge {
        var workers: Set<Int> = []
        private var count: UInt64 = 0
        private var error: UInt64 = 0
        private var others: UInt64 = 0
        private var targets: [Int: UInt64] = [:]

        init() {}

        mutating func add(_ entry: AnswerSketch.Entry, _ worker: Int) {
            workers.insert(worker)
            count &+= entry.count
            error &+= entry.error
            others &+= entry.others
            for (slot, answers) in entry.targets { targets[slot, default: 0] &+= answers }
        }

        func share(_ network: Prefix) -> NetworkShare {
            NetworkShare(
                network: network,
                atLeast: count &- min(error, count),
                atMost: count,
                given: targets.map { (slot: $0.key, count: $0.value) }
                    .sorted { ($0.count, $1.slot) > ($1.count, $0.slot) },
                others: others
            )
        }
    }
}
