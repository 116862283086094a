// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// The file of changes under way: weights on their way, rollouts and migrations.
extension SteeringSaved {
    var json: JSONValue {
        let listed = policies.sorted { $0.key < $1.key }.map { name, policy -> JSONValue in
            [
                "policy": .string(name),
                "changes": SteeringSaved.json(policy.changes),
                "before": policy.before.map(SteeringSaved.json) ?? .null,
                "rollout": policy.rollout.json(branch: policy.rolledOut),
            ]
        }
        let moves = migrations.sorted { $0.key < $1.key }.map { name, machine -> JSONValue in
            [
                "migration": .string(name), "phase": .string(machine.phase.rawValue),
                "since": .integer(machine.since.nanoseconds),
                "readyAt": machine.readyAt.map { .integer($0.nanoseconds) } ?? .null,
                "manual": .bool(machine.isManual), "mark": .string(machine.mark),
            ]
        }
        let lives = ttls.sorted { $0.key < $1.key }.map { name, ttl -> JSONValue in
            [
                "policy": .string(name), "highest": .integer(Int64(ttl.highest)),
                "cachedUntil": ttl.cachedUntil.map { .integer($0.nanoseconds) } ?? .null,
            ]
        }
        return [
            "format": 1, "policies": .array(listed), "migrations": .array(moves),
            "ttls": .array(lives),
        ]
    }

    /// Reads what ``json`` wrote; nil for anything else, so that half a file is no state.
    init?(json: JSONValue) {
        guard json["format"]?.integer == 1, let listed = json["policies"]?.elements,
            let moves = json["migrations"]?.elements
        else { return nil }
        self.init()
        for element in listed {
            guard let name = element["policy"]?.string, let rollout = element["rollout"],
                let changes = element["changes"].flatMap(SteeringSaved.changes)
            else { return nil }
            var policy = Policy()
            policy.changes = changes
            policy.before = element["before"].flatMap(SteeringSaved.changes)
            if !rollout.isNull {
                guard let machine = RolloutMachine(json: rollout),
                    let branch = rollout["branch"]?.string
                else { return nil }
                (policy.rollout, policy.rolledOut) = (machine, branch)
            }
            policies[name] = policy
        }
        for element in moves {
            guard let name = element["migration"]?.string,
                let phase = element["phase"]?.string.flatMap(MigrationMachine.Phase.init),
                let since = element["since"]?.integer
            else { return nil }
            migrations[name] = MigrationMachine(
                phase: phase,
                since: WallTime(nanoseconds: since),
                readyAt: element["readyAt"]?.integer.map(WallTime.init),
                isManual: element["manual"] == .bool(true),
                mark: element["mark"]?.string ?? ""
            )
        }
        for element in json["ttls"]?.elements ?? [] {
            guard let name = element["policy"]?.string,
                let highest = element["highest"]?.integer.flatMap({ UInt32(exactly: $0) })
            else { return nil }
            let until = element["cachedUntil"]?.integer.map(WallTime.init)
            ttls[name] = TTL(highest: highest, cachedUntil: until)
        }
    }

    private static func json(_ changes: Changes) -> JSONValue {
        .array(changes.sorted { $0.key < $1.key }.map { $1.json(branch: $0) })
    }

    private static func changes(_ json: JSONValue) -> Changes? {
        guard let elements = json.elements else { return nil }
        var changes: Changes = [:]
        for change in elements {
            guard let branch = change["branch"]?.string,
                let read = WeightState.Change(json: change)
            else { return nil }
            changes[branch] = read
        }
        return changes
    }
}

extension WeightState.Change {
    fileprivate func json(branch: String) -> JSONValue {
        let steps = schedule.steps.map { step -> JSONValue in
            [
                "at": .integer(step.at.nanoseconds), "weight": .integer(Int64(step.weight)),
                "over": .integer(step.over.nanoseconds),
            ]
        }
        return [
            "branch": .string(branch), "switch": .bool(isSwitch),
            "base": .integer(Int64(schedule.base)), "steps": .array(steps),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard case .bool(let isSwitch)? = json["switch"],
            let base = json["base"]?.integer.flatMap({ UInt32(exactly: $0) }),
            let steps = json["steps"]?.elements
        else { return nil }
        var read: [WeightSchedule.Step] = []
        for step in steps {
            guard let at = step["at"]?.integer,
                let weight = step["weight"]?.integer.flatMap({ UInt32(exactly: $0) }),
                let over = step["over"]?.integer
            else { return nil }
            read.append(
                WeightSchedule.Step(
                    at: WallTime(nanoseconds: at),
                    weight: weight,
                    over: Interval(nanoseconds: over)
                )
            )
        }
        self.init(schedule: WeightSchedule(base: base, steps: read), isSwitch: isSwitch)
    }
}

extension RolloutMachine {
    fileprivate func json(branch: String) -> JSONValue {
        guard !branch.isEmpty else { return .null }
        return [
            "branch": .string(branch), "phase": .string(phase.rawValue),
            "step": .integer(Int64(step)), "reached": .integer(Int64(reached)),
            "since": .integer(since.nanoseconds),
            "reason": .string(reason), "manual": .bool(isManual),
            "released": .bool(isReleased),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard let phase = json["phase"]?.string.flatMap(Phase.init),
            let step = json["step"]?.integer, let since = json["since"]?.integer,
            let reason = json["reason"]?.string, case .bool(let isManual)? = json["manual"]
        else { return nil }
        self.init(
            phase: phase,
            step: Int(clamping: step),
            reached: Int(clamping: json["reached"]?.integer ?? 0),
            since: WallTime(nanoseconds: since),
            reason: reason,
            wasTold: isManual,
            isReleased: json["released"] == .bool(true)
        )
    }
}
