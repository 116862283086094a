// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What is planned for a time, played through on a copy: what would be then.
extension SteeringKeeper {
    /// Steps that are played through at most; a file with more of them is not known.
    static let passLimit = 10_000

    /// Lets time pass up to `end`: migrations and rollouts do what they would, each at its time.
    ///
    /// Nobody knows what traffic would say of a rollout: it goes on while its new side is up.
    /// `reach` brings what `senses` see to a time. Returns what happened, and when, but for the
    /// steps of schedules.
    public mutating func pass(
        _ senses: Senses,
        from now: WallTime,
        until end: WallTime,
        _ reach: (WallTime) -> Void = { _ in }
    ) -> [(time: WallTime, event: SteeringEvent)] {
        guard end > now else { return [] }
        // Nor what branches will have in hand.
        let loads = loads
        defer { self.loads = loads }
        for place in weights.keys { weights[place]?.rollout.forgetTraffic() }
        var events: [(time: WallTime, event: SteeringEvent)] = []
        var time = now
        for _ in 0..<SteeringKeeper.passLimit {
            // What is overdue is done first; after that, what that makes way for.
            let done = step(senses, at: time)
            events += done.map { (time: time, event: $0) }
            guard done.isEmpty else { continue }
            guard time < end else { break }
            time = min(nextStep(after: time) ?? end, end)
            reach(time)
        }
        return events
    }

    // One turn of moves and rollouts; rests of answers follow health, which nobody knows.
    private mutating func step(_ senses: Senses, at time: WallTime) -> [SteeringEvent] {
        var events: [SteeringEvent] = []
        for move in plan.moves { follow(move, time, &events) }
        for (place, node) in plan.weighted.enumerated() where node.rollout != nil {
            follow(place, node, senses, time, &events)
        }
        return events.filter { if case .scheduled = $0 { false } else { true } }
    }

    // Who waits for another is looked at again when that is done.
    private func nextStep(after time: WallTime) -> WallTime? {
        let moves = plan.moves.compactMap { migrations[$0.migration.name]?.deadline($0.migration) }
        let rollouts = plan.weighted.enumerated().compactMap { place, node in
            node.rollout.flatMap { state(place).rollout.nextStep($0) }
        }
        return (moves + rollouts).filter { $0 > time }.min()
    }
}
