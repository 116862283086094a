// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// What the workers say about themselves: words that each worker writes and anyone reads.
public final class WorkerWords: Sendable {
    /// What a word says.
    public enum Word: Int, Sendable, CaseIterable {
        /// The configuration generation that the worker serves.
        case generation
        /// Health generation seen at the end of the latest batch of events.
        case healthGeneration
        /// Batches of events handled.
        case batches
        /// CPU time used, in nanoseconds.
        case cpu
        /// How late it is with events, in nanoseconds.
        case lag
        /// Whom it refuses for that: the raw value of the level.
        case shedding
        /// Number of the latest order to close sockets that has been carried out.
        case closed
        /// 1 once the worker has nothing left to do and has ended.
        case finished
    }

    /// Number of workers.
    public let count: Int
    private let words: SharedWords
    // Whole cache lines for each worker: it writes some of its words at every batch.
    private static let region = 24
    private static let turnClasses = 12
    /// Upper ends of the classes of turns, in microseconds, but for the last, which has none.
    public static var turnBounds: [Int] { (0..<turnClasses - 1).map { 128 << $0 } }
    // Behind the single words: how many turns of each class, then their sum.
    private static let turns = Word.allCases.count

    /// Words of zero for `count` workers.
    public init(count: Int) {
        self.count = count
        words = SharedWords(count: max(count, 1) * WorkerWords.region)
    }

    /// Reads a worker's word.
    public func load(_ word: Word, worker: Int) -> UInt64 {
        words.load(worker &* WorkerWords.region &+ word.rawValue)
    }

    /// Writes a word; only the worker itself does.
    public func store(_ word: Word, worker: Int, _ value: UInt64) {
        words.store(worker &* WorkerWords.region &+ word.rawValue, value)
    }

    /// Counts a turn: the time from one wait for events to the next.
    func countTurn(_ length: Interval, worker: Int) {
        let microseconds = UInt64(max(length.nanoseconds &- 1, 0)) / 1_000
        let doublings = UInt64.bitWidth &- (microseconds >> 7).leadingZeroBitCount
        let place = min(doublings, WorkerWords.turnClasses &- 1)
        let first = worker &* WorkerWords.region &+ WorkerWords.turns
        words.addOwned(first &+ place, 1)
        words.addOwned(first &+ WorkerWords.turnClasses, UInt64(max(length.nanoseconds, 0)))
    }

    /// Turns of each class of ``turnBounds``, longer ones, and the sum of all in seconds.
    func turns(worker: Int) -> (counts: [UInt64], sum: Double) {
        let first = worker * WorkerWords.region + WorkerWords.turns
        let counts = (0..<WorkerWords.turnClasses).map { words.load(first + $0) }
        return (counts, Double(words.load(first + WorkerWords.turnClasses)) / 1e9)
    }

    /// Whom a worker refuses for being late.
    func sheddingLevel(_ worker: Int) -> LagMachine.Level {
        LagMachine.Level(rawValue: UInt8(clamping: load(.shedding, worker: worker))) ?? .none
    }

    /// The lowest generation that any worker still serves.
    public var generation: UInt64 {
        (0..<count).map { load(.generation, worker: $0) }.min() ?? 0
    }

    /// The latest order to close sockets that all workers have carried out.
    public var closed: UInt64 {
        (0..<count).map { load(.closed, worker: $0) }.min() ?? 0
    }

    /// True once every worker has ended.
    public var areFinished: Bool {
        (0..<count).allSatisfy { load(.finished, worker: $0) == 1 }
    }
}
