// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Runtime
internal import Steering

/// Policies that change while they serve: schedules, rollouts, migrations, load, and rest.
struct SteeringWatch {
    var keeper = SteeringKeeper()
    /// When it is looked at next without a change of health.
    var deadline = Instant.never
    /// The health that it was last looked at with.
    var generation: UInt64 = 0
    /// What the file of the state folder says.
    var written = SteeringSaved()
}

extension Plane {
    /// Takes the policies of the configuration in force, before workers see their board.
    mutating func adoptSteering(_ now: Instant, saved: SteeringSaved? = nil) {
        if let saved { steering.written = saved }
        let plan = assembly.steering.plan
        let time = WallTime(nanoseconds: Clock.realtime())
        let events = steering.keeper.adopt(plan, saved: saved ?? SteeringSaved(), at: time)
        for event in events { note(event) }
        lookAtSteering(now)
    }

    /// Does what time, health and load demand of policies.
    mutating func followSteering(_ now: Instant) {
        let generation = health.generation
        // A new process carries on with what is saved: nothing may turn behind its back.
        guard !isUpgrading else { return }
        // What moves by itself has its deadline; rest and rollouts follow health as well.
        let isNews = generation != steering.generation && !steering.keeper.plan.isEmpty
        guard now >= steering.deadline || isNews else { return }
        lookAtSteering(now)
    }

    mutating func lookAtSteering(_ now: Instant) {
        steering.generation = health.generation
        let time = WallTime(nanoseconds: Clock.realtime())
        // Before the first verdicts nobody can fall behind.
        let events = phase == .waiting ? [] : steering.keeper.tick(senses, now: now, at: time)
        steering.keeper.write(to: assembly.steering.board, at: time)
        steering.deadline = steering.keeper.deadline(now: now, at: time)
        for event in events { note(event) }
        saveSteering()
    }

    private var senses: SteeringKeeper.Senses {
        let (health, load, limits, http) = (health, load, limits, shared.http)
        return SteeringKeeper.Senses(
            sample: { slots in
                var sample = SideSample(up: 0, count: 0)
                var latency: UInt64 = 0
                for slot in slots {
                    let word = health.word(slot)
                    // Who has no verdict yet says nothing about its side.
                    if word.health != .unknown { sample.count += 1 }
                    if word.takesNewWork { sample.up += 1 }
                    // What clients got, whether or not it counts as ill health.
                    let (requests, failures) = http.requests(of: slot)
                    sample.requests &+= requests
                    sample.failures &+= failures
                    latency &+= load.latency(slot).bits
                }
                sample.latency = LatencySum(bits: latency)
                return sample
            },
            load: { slots in
                var (work, room) = (0, 0)
                var counted: Set<Int> = []
                for slot in slots where health.word(slot).takesNewWork {
                    guard let limit = limits[slot] else { continue }
                    let whole = limit.pool < 0 ? nil : http.places.state(limit.pool)
                    if let whole, whole.limit > 0 {
                        // The limit of the pool as a whole, which follows what answers take.
                        guard counted.insert(limit.pool).inserted else { continue }
                        work += max(whole.taken, 0)
                        room += whole.limit
                    } else if limit.endpoint > 0 {
                        work += max(load.inFlight(slot), 0)
                        room += Int(limit.endpoint)
                    }
                }
                return room == 0 ? nil : Double(work) / Double(room)
            },
            isUp: { health.word($0).takesNewWork },
            hasReturned: { health.rampStart($0) != .start }
        )
    }

    /// What limits endpoints, by their slots; nothing while no branch sheds load.
    private var limits: [Int: (endpoint: UInt32, pool: Int)] {
        let shedsLoad = steering.keeper.plan.weighted.contains { node in
            node.branches.contains { $0.load != nil }
        }
        guard shedsLoad else { return [:] }
        var limits: [Int: (endpoint: UInt32, pool: Int)] = [:]
        for pool in assembly.pools {
            for endpoint in pool.view.endpoints {
                limits[endpoint.slot] = (endpoint.connectionLimit, pool.view.slot)
            }
        }
        return limits
    }

    /// What the admin service shows; nil when nothing ever changes.
    var steeringView: SteeringView? {
        guard !steering.keeper.plan.isEmpty else { return nil }
        return SteeringView(
            steering.keeper,
            now: Clock.monotonic(),
            at: WallTime(nanoseconds: Clock.realtime())
        )
    }

    func note(_ event: SteeringEvent) {
        let (level, text, policy) = SteeringWords.line(of: event)
        note(.steering, level, text, [JSONMember("policy", .string(policy))])
    }
}

/// What the log says of policies that change.
enum SteeringWords {
    static func line(of event: SteeringEvent) -> (LogLevel, text: String, policy: String) {
        switch event {
        case .scheduled(let policy, let branch, let weight, let over):
            let way = over > .zero ? " over \(over)" : ""
            return (
                .info, "\(policy): \(branch) goes to weight \(weight)\(way), as planned", policy
            )
        case .ordered(let policy, let text): return (.info, "\(policy): \(text)", policy)
        case .rollout(let policy, let phase, let share, let reason):
            let part = share.map { " at \($0) %" } ?? ""
            let cause = reason.isEmpty ? "" : ": \(reason)"
            let level: LogLevel = phase == .halted ? .warning : .info
            return (level, "\(policy): the rollout is \(phase.rawValue)\(part)\(cause)", policy)
        case .migration(let name, let policy, let phase):
            return (.info, "\(policy): the migration \(name) is \(phase.rawValue)", policy)
        case .settling(let policy, let rest, let flaps):
            let text =
                "\(policy): its answers flap (\(flaps) times): members that return are held back "
                + "for \(rest.nanoseconds / 1_000_000_000) s"
            return (.warning, text, policy)
        }
    }
}
