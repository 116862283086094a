// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How far the work of a pool is from what its weights ask for, window by window.
///
/// Sessions, hashes and addresses that many clients share move work away from what `balance` would
/// do; this is the number that shows it. 1 is fair, 2 means that one endpoint had twice its share.
public struct SkewMachine: Sendable {
    /// What is counted for one skew.
    public static let window = Interval.seconds(30)
    /// Fewer requests in a window say nothing.
    public static let leastRequests: UInt64 = 100

    /// One endpoint at one moment.
    public struct Sample: Sendable, Equatable {
        /// Its place in the health table.
        public var slot: Int
        /// Requests that it has answered or failed since the start.
        public var requests: UInt64
        /// Its share of new work; 0 while it gets none.
        public var weight: UInt32

        /// Joins the parts.
        public init(slot: Int, requests: UInt64, weight: UInt32) {
            self.slot = slot
            self.requests = requests
            self.weight = weight
        }
    }

    private var counts: [Int: UInt64] = [:]
    /// The skew of the latest whole window; nil when there were too few requests.
    public private(set) var skew: Double?

    /// A machine that has seen nothing.
    public init() {}

    /// Takes the counts of the pool's endpoints at the end of a window, and begins the next.
    public mutating func observe(_ samples: [Sample]) {
        defer { counts = Dictionary(samples.map { ($0.slot, $0.requests) }) { first, _ in first } }
        // An endpoint that is new, or whose slot another had before, has counted nothing yet.
        let served = samples.map { sample in
            let before = counts[sample.slot] ?? sample.requests
            return sample.requests >= before ? sample.requests - before : 0
        }
        let total = served.reduce(0, &+)
        guard total >= SkewMachine.leastRequests,
            let least = samples.map(\.weight).filter({ $0 > 0 }).min()
        else {
            skew = nil
            return
        }
        // Whoever gets no new work and has some all the same is measured by the smallest weight.
        let weights = zip(samples, served).map { sample, count in
            Double(sample.weight == 0 && count > 0 ? least : sample.weight)
        }
        let sum = weights.reduce(0, +)
        skew =
            zip(weights, served).filter { $0.0 > 0 }.map { weight, count in
                Double(count) / Double(total) / (weight / sum)
            }.max()
    }
}
