// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime
internal import Steering

/// What one worker writes down of its answers: how many held which address, who got them, and
/// records of some.
///
/// Everything has its size from the start; one thread writes, any may read.
public final class AnswerBook: Sendable {
    /// The latest records.
    public let queries: QueryRing
    /// Records for the log of queries, until that has taken them.
    public let logged = QueryRing(kept: AnswerBook.logLimit)
    /// Records that wait for the log at most: what a worker answers in a twentieth of a second when
    /// it logs each of 40,000 queries/s.
    static let logLimit = 2048
    // Two words an endpoint: its answers, and how many endpoints had the slot before.
    private let endpoints: SharedWords
    private let begun = SharedWords(count: 1)
    let tally: AnswerTally
    /// Queries by zone and by type.
    let questions: QuestionTally
    let sketch: AnswerSketch
    // Where notices of changed zones go.
    let notices: DNSNotices?

    /// A book for so many endpoints and records; `key` is a secret.
    init(
        endpoints: Int,
        kept: Int,
        key: UInt64,
        notices: DNSNotices? = nil,
        zones: CountedZones = CountedZones(limit: 0)
    ) {
        questions = QuestionTally(zones)
        self.notices = notices
        queries = QueryRing(kept: kept)
        self.endpoints = SharedWords(count: max(endpoints, 0) * 2)
        tally = AnswerTally(endpoints: endpoints)
        sketch = AnswerSketch(key: key)
    }

    /// Counts a query that was answered.
    @inline(__always)
    func count(_ type: RecordType, _ outcome: AnswerOutcome) {
        if !outcome.isDropped { questions.add(type, outcome) }
    }

    /// Counts an answer that a policy gave.
    @inline(__always)
    func count(_ context: borrowing AnswerContext, policy: UInt64) {
        guard context.answeredCount > 0 else { return }
        for place in 0..<context.answeredCount {
            let slot = context.answers.slot(place)
            endpoints.addOwned(slot &* 2, 1)
            tally.add(policy, target(slot))
        }
        tally.add(policy, context.answersIPv6 ? AnswerTally.allIPv6 : AnswerTally.allIPv4)
        let network = AnswerSketch.network(of: context.client)
        let way = sketch.add(policy, network)
        for place in 0..<context.answeredCount {
            sketch.add(UInt32(truncatingIfNeeded: context.answers.slot(place)), at: way)
        }
    }

    // Another one once the slot is another endpoint's, so that nobody inherits counts.
    @inline(__always)
    private func target(_ slot: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: slot) | endpoints.load(slot &* 2 &+ 1) << 32
    }

    /// Answers that held the endpoint's address.
    func count(_ slot: Int) -> UInt64 { slot < 0 ? 0 : endpoints.load(slot * 2) }

    /// Those of a policy.
    func count(policy: UInt64, _ slot: Int) -> UInt64 {
        slot < 0 ? 0 : tally.count(policy, target(slot))
    }

    /// When counting by policy began, in nanoseconds since 1970; 0 for the start of the process.
    var begunAt: Int64 { Int64(bitPattern: begun.load(0)) }

    /// Forgets endpoints whose slots were given to others by snapshots after this one, and begins
    /// anew when names that are gone may fill the counts; called by the worker, between batches.
    func tidy(_ given: [Int: UInt64], after snapshot: UInt64) {
        let slots = Set(given.filter { $0.value > snapshot }.keys)
        if !slots.isEmpty {
            for slot in slots {
                endpoints.store(slot * 2, 0)
                endpoints.addOwned(slot * 2 + 1, 1)
            }
            sketch.forget(slots)
        }
        // Both in one step: shares are parts of one and the same whole.
        guard tally.isCrowded else { return }
        tally.clear()
        sketch.clear()
        begun.store(0, UInt64(bitPattern: Clock.realtime()))
    }

    /// Keeps a record of the response that begins at `start`.
    @inline(never)
    func keep(
        _ query: DNSQuery,
        _ outcome: AnswerOutcome,
        _ context: borrowing AnswerContext,
        _ output: borrowing OutputSpan<UInt8>,
        from start: Int,
        _ origin: Origin
    ) {
        typealias Place = QueryRecord.Place
        var record = QueryRecord()
        let realtime = Clock.realtime()
        let age = (Clock.monotonic() - context.now).nanoseconds
        record.words[Place.time] = UInt64(bitPattern: realtime)
        record.words[Place.askedAt] = UInt64(bitPattern: realtime &- max(age, 0))
        record[.askerPort] = Int(context.clientPort)
        record[.listener] = Int(context.listener) &+ 1
        record.words[Place.snapshot] = origin.snapshot
        record.words[Place.layout] = origin.layoutMark
        record.setAddress(context.client, at: Place.asker)
        record[.askerIsIPv4] = context.client.isIPv4 ? 1 : 0
        if let subnet = query.edns.subnet {
            record.setAddress(subnet.address, at: Place.subnet)
            record[.hasSubnet] = 1
            record[.subnetIsIPv4] = subnet.address.isIPv4 ? 1 : 0
            record[.subnetLength] = Int(subnet.sourceLength)
            record[.hearsSubnet] = context.hearsSubnet ? 1 : 0
        }
        record[.transport] = Int(context.transport.rawValue)
        record[.isTruncated] = outcome.isTruncated ? 1 : 0
        record[.scope] = Int(outcome.scope)
        record[.code] = Int(outcome.code.rawValue)
        record[.worker] = origin.worker
        record[.ttl] = Int(outcome.ttl)
        record[.isHighestTTL] = outcome.ttl == outcome.mostTTL ? 1 : 0
        record[.isCapped] = outcome.isCapped ? 1 : 0
        record[.isLasting] = outcome.isLasting ? 1 : 0
        if outcome.policy >= 0 {
            record[.policy] = outcome.policy &+ 1
            record.set(context.decision)
        }
        record.setResponse(output, from: start)
        if context.isKept { queries.write(record) }
        if context.isLogged { logged.write(record) }
    }

    /// What all records of a batch have in common.
    struct Origin: BitwiseCopyable {
        var worker: Int
        var snapshot: UInt64
        var layoutMark: UInt64

        init(worker: Int, _ snapshot: DNSSnapshot) {
            self.worker = worker
            self.snapshot = snapshot.generation
            layoutMark = snapshot.steer.layoutMark
        }
    }
}
