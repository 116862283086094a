// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Runs the probes of all targets on one event loop.
///
/// The owner calls ``handle(_:loop:now:)`` for events of ``eventKind``, ``expire(now:loop:)`` by
/// ``nextDeadline()``, then takes the results, tells the health keeper, and answers with
/// ``setChanging(_:slot:now:)``. A probe costs ten system calls and, once the driver is warm, no
/// memory: connection, buffer and exchange come from tables. Connections end by RST, so that
/// thousands of probes leave no TIME_WAIT behind on either side.
public struct ProbeDriver: ~Copyable {
    /// The kind of its event tokens.
    public static let eventKind: UInt8 = 48

    /// The most probes that run at a time; what runs already goes on when it is lowered.
    public var concurrentProbes: Int
    /// The most that ``concurrentProbes`` can be.
    public static let greatestConcurrency = 65_536
    /// How long after its time a probe may be ended without a doubt that somebody looked after it.
    static let lateness = Interval.milliseconds(25)
    /// The most commands at a time; what runs already goes on when it is lowered.
    public var concurrentCommands = 32
    /// Counts since the driver began.
    public internal(set) var statistics = ProbeStatistics()

    var targets: [ProbedTarget] = []
    var freePlaces: [Int] = []
    var places: [Int: Int] = [:]
    var line = WaitingLine()
    var flights: Slab<ProbeFlight>
    /// Parallel to the flights' places.
    var exchanges: [ProbeExchange] = []
    /// The same, of those that are calls of gRPC.
    var calls: [ProbeCall?] = []
    var workspace: HTTP2Workspace
    var wheel: TimerWheel
    var buffers: BufferPool
    var tls: TLSSessions
    var fields = FieldTable(limit: 100)
    var results: [ProbeResult] = []
    var random: SeededRandom
    var commands = CommandLink()
    /// Commands under way, by the number of their run.
    var runs: [UInt64: ProbeRun] = [:]
    var nextRun: UInt64 = 1
    /// Targets that are asked by a command.
    var commandTargets = 0
    var commandLine = WaitingLine()
    var commandEvents: [CommandEvent] = []
    /// When a command that runs may turn out not to end.
    var nextStuck = Instant.never

    /// A driver without targets; each running probe takes a descriptor.
    public init(concurrentProbes: Int = 1_024, now: Instant, seed: UInt64) {
        self.concurrentProbes = max(concurrentProbes, 1)
        flights = Slab(limit: ProbeDriver.greatestConcurrency)
        workspace = HTTP2Workspace(
            limits: HeadLimits(headBytes: UInt32(ProbeCall.fieldBytes), fields: 100)
        )
        wheel = TimerWheel(tick: .milliseconds(4), now: now)
        // A block per running probe at most, so the pool itself never runs dry.
        buffers = BufferPool(limit: ProbeDriver.greatestConcurrency)
        tls = TLSSessions(limit: ProbeDriver.greatestConcurrency)
        random = SeededRandom(seed: seed)
    }

    deinit {
        for call in calls { call?.session.destroy() }
        for index in 0..<flights.highWater where !flights.handle(at: index).isNone {
            flights[index].fd.close()
        }
    }

    /// Number of targets.
    public var count: Int { places.count }
    /// Probes that run now: connections, which hold one descriptor each, and commands.
    public var running: Int { flights.count + runs.count }
    /// True while another probe has to wait.
    var isFull: Bool { flights.isFull || flights.count >= concurrentProbes }
    /// Buffer blocks in use, at most one per running probe.
    public var buffersInUse: Int { buffers.inUse }

    /// When ``expire(now:loop:)`` next has something to do.
    public func nextDeadline() -> Instant {
        min(wheel.nextDeadline(), commands.machine.deadline, nextStuck)
    }

    /// Takes the results since the last call, in the order in which they were decided.
    public mutating func takeResults() -> [ProbeResult] {
        guard !results.isEmpty else { return [] }
        defer { results.removeAll() }
        return results
    }

    /// Follows the health machine: a state that is changing is probed at the fast interval.
    public mutating func setChanging(_ isChanging: Bool, slot: Int, now: Instant) {
        guard let place = places[slot] else { return }
        let isIdle = targets[place].isBetweenProbes
        targets[place].schedule.setChanging(
            isChanging,
            isIdle: isIdle,
            now: now,
            random: &random
        )
        if isIdle { wheel.schedule(place, at: targets[place].schedule.due) }
    }

    /// Probes an endpoint out of turn, for example because real requests fail; at most once per
    /// fast interval.
    public mutating func probeNow(slot: Int, now: Instant) {
        guard let place = places[slot], targets[place].activity == .idle else { return }
        targets[place].schedule.bringForward(now: now)
        wheel.schedule(place, at: targets[place].schedule.due)
    }
}

// Targets come and go.
extension ProbeDriver {
    /// Makes `wanted` the set of targets, by difference.
    ///
    /// A target that is the same keeps its schedule and a probe that runs. One with another
    /// question or address is asked at once. A target that is gone has its connection closed,
    /// and results that were not taken yet are dropped for it: its slot may mean another soon.
    public mutating func configure(_ wanted: [ProbeTarget], now: Instant) {
        var gone = places
        var changed: Set<Int> = []
        var new: [ProbeTarget] = []
        for target in wanted {
            guard let place = gone.removeValue(forKey: target.slot) else {
                if places[target.slot] == nil { new.append(target) }
                continue
            }
            if update(place, to: target, now: now) { changed.insert(target.slot) }
        }
        for (slot, place) in gone { remove(slot, at: place) }
        for (index, target) in new.enumerated() where places[target.slot] == nil {
            insert(target, index: index, of: new.count, now: now)
        }
        results.removeAll { gone[$0.slot] != nil || changed.contains($0.slot) }
    }

    /// True when what is asked has changed, so that earlier answers no longer count.
    private mutating func update(_ place: Int, to target: ProbeTarget, now: Instant) -> Bool {
        let old = targets[place].target
        guard old != target else { return false }
        targets[place].target = target
        targets[place].schedule.adopt(target.rhythm, now: now)
        let isAskedAnew =
            old.question != target.question || old.address != target.address
            || old.security != target.security || old.certificate != target.certificate
        if isAskedAnew {
            targets[place].request = ProbeRequest.bytes(target.question, to: target.address)
            abandon(place)
            commandTargets += (target.question.isCommand ? 1 : 0) - (old.question.isCommand ? 1 : 0)
            targets[place].schedule.askNow(now: now)
        }
        if targets[place].activity == .idle {
            wheel.schedule(place, at: targets[place].schedule.due)
        }
        return isAskedAnew
    }

    private mutating func insert(_ target: ProbeTarget, index: Int, of count: Int, now: Instant) {
        let schedule = ProbeSchedule(target.rhythm, place: index, of: count, now: now)
        let probed = ProbedTarget(target, schedule: schedule)
        let place: Int
        if let free = freePlaces.popLast() {
            place = free
            targets[place] = probed
        } else {
            place = targets.count
            targets.append(probed)
        }
        places[target.slot] = place
        if target.question.isCommand { commandTargets += 1 }
        wheel.schedule(place, at: schedule.due)
    }

    private mutating func remove(_ slot: Int, at place: Int) {
        abandon(place, isGone: true)
        wheel.cancel(place)
        if targets[place].target.question.isCommand { commandTargets -= 1 }
        targets[place].activity = .absent
        targets[place].request = []
        places[slot] = nil
        freePlaces.append(place)
    }

    /// Ends a running probe without a result.
    private mutating func abandon(_ place: Int, isGone: Bool = false) {
        switch targets[place].activity {
        case .running(let handle):
            close(handle)
            targets[place].activity = .idle
        case .commanding(let number), .lingering(let number):
            abandonCommand(place, number, isGone: isGone)
        // Its line may be another one now: what stands in the old one is passed over.
        case .waiting: targets[place].activity = .idle
        case .absent, .idle: return
        }
    }
}
