// SPDX-License-Identifier: Apache-2.0
import DNSServer
import Essentials

/// What was given out of one thing, and when: from this follows what any cache can hold.
struct ServedTimeline {
    /// From when, what, and with which TTL in seconds.
    var entries: [(start: Int64, content: Set<Int>, ttl: Int64)] = []

    mutating func serve(_ content: Set<Int>, ttl: Int64, at time: Int64) {
        if let last = entries.last, last.content == content, last.ttl == ttl { return }
        entries.append((time, content, ttl))
    }

    /// A content that a cache can hold from `from` until before `to`.
    struct Window {
        var content: Set<Int>
        var from: Int64
        var to: Int64
    }

    /// `reach` is for how long some server may lag.
    func windows(reach: Int64) -> [Window] {
        entries.indices.map { index in
            let entry = entries[index]
            let end = index + 1 < entries.count ? entries[index + 1].start : .max / 2
            return Window(content: entry.content, from: entry.start, to: end + reach + entry.ttl)
        }
    }

    /// What a server that lags by `lag` gives out at `time`; both in milliseconds.
    func content(at time: Int64, lag: Int64) -> (content: Set<Int>, ttl: Int64)? {
        entries.last { $0.start * 1000 <= time - lag }.map { ($0.content, $0.ttl) }
            ?? entries.first.map { ($0.content, $0.ttl) }
    }
}

/// A validator as strict as any: it insists on each algorithm that it is told of.
///
/// Written from RFC 4035 §2.2 and §5 and RFC 6840 §5.11, with nothing of the machine in it.
struct StrictValidator {
    var keys: [Int: NewKey] = [:]

    func isBogus(ds: Set<Int>, dnskey: Set<Int>, signers: Set<Int>) -> Bool {
        if ds.isEmpty { return false }
        for algorithm in algorithms(ds) {
            // A key with the flag SEP that a DS refers to, and that has signed the DNSKEY set.
            let entry = ds.first { id in
                keys[id]?.algorithm == algorithm && dnskey.contains(id)
                    && keys[id]?.role.flags == 257
            }
            if entry == nil { return true }
        }
        for algorithm in algorithms(dnskey) {
            let own = dnskey.filter { keys[$0]?.algorithm == algorithm }
            if !own.contains(where: { keys[$0]?.role != .zsk }) { return true }
            if own.isDisjoint(with: signers) { return true }
        }
        return false
    }

    private func algorithms(_ set: Set<Int>) -> Set<UInt8> {
        Set(set.compactMap { keys[$0]?.algorithm })
    }
}

/// One zone, its parent and every resolver there can be, in virtual time.
struct RolloverWorld {
    /// How long things really take.
    let truth: KeyTiming
    /// What the machine is told they take, apart from the TTLs that it serves.
    var policy: KeyPolicy
    var machine: RolloverMachine
    /// What lies on disk.
    var saved: JSONValue
    var now: Int64
    var validator = StrictValidator()
    var keySets = ServedTimeline()
    var signers = ServedTimeline()
    var parents = ServedTimeline()
    /// What the CDS set says; nil for none.
    var cds: Set<Int>?
    /// The DS set.
    var ds: Set<Int> = []
    var random: SeededRandom
    var nextTag: UInt16 = 1
    /// Probability of a crash at a step, in percent.
    var crashes = 0
    var crashCount = 0
    var stepCount = 0
    /// The process is down until then; nil while it runs.
    var downUntil: Int64?

    init(_ policy: KeyPolicy, truth: KeyTiming, seed: UInt64 = 1, now: Int64 = 1_000_000) {
        (self.policy, self.truth, self.now) = (policy, truth, now)
        random = SeededRandom(seed: seed)
        machine = RolloverMachine(policy, now: now)
        saved = machine.json
        keySets.serve([], ttl: truth.keyTTL, at: 0)
        signers.serve([], ttl: truth.zoneTTL, at: 0)
        parents.serve([], ttl: truth.parentTTL, at: 0)
        send(.applied)
        send(.time)
    }

    /// Hands an event to the machine, and does what it says.
    mutating func send(_ event: RolloverMachine.Event) {
        var events = [event]
        while let event = events.first, downUntil == nil {
            events.removeFirst()
            let actions = machine.handle(event, now: now)
            for key in machine.keys { validator.keys[key.id] = key.key }
            if crashes > 0, !actions.isEmpty, Int.random(in: 0..<100, using: &random) < crashes {
                // Before or after the state is on disk.
                if Bool.random(using: &random) { saved = machine.json }
                crash()
                return
            }
            saved = machine.json
            for action in actions {
                switch action {
                case .make(let role, let algorithm): events.append(.made(make(role, algorithm)))
                case .serve:
                    stepCount += 1
                    serve()
                    events.append(.applied)
                case .discard(let id): events.append(.discarded(id))
                case .refuse: break
                }
            }
        }
    }

    private mutating func make(_ role: KeyRole, _ algorithm: UInt8) -> NewKey {
        nextTag += 1
        return NewKey(role: role, algorithm: algorithm, tag: nextTag, publicKey: [1])
    }

    private mutating func serve() {
        keySets.serve(machine.picture.published, ttl: policy.timing.keyTTL, at: now)
        signers.serve(machine.picture.signing, ttl: policy.timing.zoneTTL, at: now)
        cds = machine.picture.submitted
    }

    private mutating func crash() {
        crashCount += 1
        downUntil = now + Int64.random(in: 0...100_000, using: &random)
    }

    /// The process starts again from what lies on disk, and serves by it.
    mutating func restart() {
        downUntil = nil
        guard let machine = RolloverMachine(json: saved, policy: policy) else { return }
        self.machine = machine
        serve()
        send(.applied)
        send(.policy(policy, signed: machine.isWanted))
    }

    /// The parent does what the CDS set says.
    mutating func parentActs(both: Bool = false) {
        guard let cds else { return }
        set(ds: both && !cds.isEmpty ? ds.union(cds) : cds)
    }

    mutating func set(ds: Set<Int>) {
        self.ds = ds
        parents.serve(ds, ttl: truth.parentTTL, at: now)
    }

    /// The zone's server asks the parent.
    mutating func look() { send(.parentHolds(ds)) }

    /// Lets time pass until `end`, with every change at its own second.
    mutating func run(until end: Int64) {
        while let next = machine.nextChange, next <= end, downUntil == nil {
            now = max(now, next)
            send(.time)
        }
        now = max(now, end)
    }

    // MARK: Judgement

    /// The seconds in which some resolver can find something bogus, and the first of them.
    func bogusSeconds() -> (count: Int64, first: String) {
        let reach = truth.propagation
        let sets = [
            keySets.windows(reach: reach + truth.publishSafety),
            signers.windows(reach: reach + truth.retireSafety),
            parents.windows(reach: truth.parentPropagation + truth.retireSafety),
        ]
        let ends = Set(sets.joined().flatMap { [$0.from, min($0.to, now)] }).sorted()
        var (count, first) = (Int64(0), "")
        for (from, to) in zip(ends, ends.dropFirst()) {
            let held = sets.map { windows in
                Set(windows.filter { $0.from <= from && from < $0.to }.map(\.content))
            }
            let bad = held[2].lazy.flatMap { ds in
                held[0].lazy.flatMap { dnskey in
                    held[1].lazy.filter { signers in
                        validator.isBogus(ds: ds, dnskey: dnskey, signers: signers)
                    }.map { (ds, dnskey, $0) }
                }
            }.first
            guard let bad else { continue }
            if count == 0 { first = "at \(from): DS \(bad.0) DNSKEY \(bad.1) signers \(bad.2)" }
            count += to - from
        }
        return (count, first)
    }

    /// Resolvers that ask whenever they like, and servers that lag as they like.
    mutating func bogusAnswers(samples: Int) -> Int {
        let changes = [keySets, signers, parents].flatMap { $0.entries.map(\.start) }
        let span = max(truth.keyTTL, truth.zoneTTL, truth.parentTTL) + truth.propagation
        var bogus = 0
        for change in changes where change > 0 {
            for _ in 0..<samples {
                let time = (change + Int64.random(in: 0...(2 * span), using: &random)) * 1000
                let ms = time + Int64.random(in: 0..<1000, using: &random)
                guard ms < now * 1000 else { continue }
                let dnskey = held(keySets, ms, truth.propagation + truth.publishSafety)
                let signer = held(signers, ms, truth.propagation + truth.retireSafety)
                let ds = held(parents, ms, truth.parentPropagation + truth.retireSafety)
                if validator.isBogus(ds: ds, dnskey: dnskey, signers: signer) { bogus += 1 }
            }
        }
        return bogus
    }

    private mutating func held(_ timeline: ServedTimeline, _ now: Int64, _ reach: Int64) -> Set<Int>
    {
        // Asked at some moment of some server; asked again if that is no longer good.
        for _ in 0..<8 {
            let longest = timeline.entries.map(\.ttl).max() ?? 0
            let asked = now - Int64.random(in: 0...(longest * 1000), using: &random)
            let lag = reach > 0 ? Int64.random(in: 0..<(reach * 1000), using: &random) : 0
            if let got = timeline.content(at: asked, lag: lag), now < asked + got.ttl * 1000 {
                return got.content
            }
        }
        return timeline.content(at: now, lag: 0)?.content ?? []
    }
}
