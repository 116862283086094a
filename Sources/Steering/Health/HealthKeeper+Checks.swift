// SPDX-License-Identifier: Apache-2.0
public import Essentials

// Endpoints whose health depends on that of others.
extension HealthKeeper {
    /// Sets the calculated checks, each behind those that it names; they are judged by
    /// ``settle(now:)`` and whenever a word changes.
    ///
    /// Verdicts of checks that were there before hold until then: a reload takes nobody down.
    public mutating func setChecks(_ checks: [CalculatedCheck]) {
        self.checks = checks
        let names = Set(checks.map(\.name))
        verdicts = verdicts.filter { names.contains($0.key) }
    }

    /// The verdicts of the calculated checks, by name.
    public var checkVerdicts: [String: CheckVerdict] { verdicts }

    /// Judges all calculated checks and publishes what depends on them.
    ///
    /// What one changes may change another by way of a pool; there are no circles, so the rounds end.
    public mutating func settle(now: Instant) -> [HealthEvent] {
        guard !isSettling else { return [] }
        isSettling = true
        defer { isSettling = false }
        var events: [HealthEvent] = []
        for _ in 0...checks.count {
            for check in checks { verdicts[check.name] = check.judge(table, verdicts) }
            let round = applyVerdicts(now)
            guard round.isChanged else { break }
            events += round.events
        }
        return events
    }

    private mutating func applyVerdicts(_ now: Instant) -> (isChanged: Bool, events: [HealthEvent])
    {
        var events: [HealthEvent] = []
        var isChanged = false
        for slot in conditioned.sorted() {
            guard var record = take(slot), let name = record.registration.condition,
                let verdict = verdicts[name], record.condition != verdict
            else { continue }
            isChanged = true
            let before = record.health
            let detail = record.shownDetail
            record.condition = verdict
            var changes: [HealthEvent.Change] = []
            if record.health != before {
                record.since = now
                changes = [.health(from: before, to: record.health)]
            } else if record.isHeldDown, record.shownDetail != detail {
                changes = [.reason(from: .calculated, to: .calculated)]
            }
            events += put(slot, record, changes, now)
        }
        return (isChanged, events)
    }

    /// The verdict that an endpoint begins with.
    ///
    /// Without one yet, an endpoint that serves goes on until there is one, and a new one waits.
    func condition(
        _ registration: HealthRegistration,
        known: HealthRecord?
    ) -> CheckVerdict? {
        guard let name = registration.condition else { return nil }
        if let verdict = verdicts[name] { return verdict }
        return CheckVerdict(health: known.map { $0.health == .down ? .up : $0.health } ?? .unknown)
    }
}
