// SPDX-License-Identifier: Apache-2.0

/// A verdict that is made of the states of others: so many of some members must be well.
public struct CalculatedCheck: Sendable, Equatable {
    /// Whose state counts.
    public enum Source: Sendable, Equatable {
        /// So many of the endpoints in these slots take new work.
        case endpoints(slots: [Int], least: Int)
        /// The verdict of another check, which stands before this one.
        case check(String)
    }

    /// One that counts.
    public struct Member: Sendable, Equatable {
        /// Whose state counts.
        public var source: Source
        /// What people call it: `pool web`.
        public var name: String
        /// True when it counts while it is not well.
        public var isInverted: Bool

        /// Joins the parts.
        public init(_ source: Source, name: String, isInverted: Bool = false) {
            self.source = source
            self.name = name
            self.isInverted = isInverted
        }
    }

    /// Its name.
    public var name: String
    /// Members that must count.
    public var least: Int
    /// The members.
    public var members: [Member]

    /// Joins the parts.
    public init(name: String, least: Int, members: [Member]) {
        self.name = name
        self.least = least
        self.members = members
    }

    /// Failing members named one by one in a detail; further ones are counted.
    static let namesShown = 4

    /// The verdict, from the words of the table and the verdicts of the checks before it.
    ///
    /// Whatever is unknown still may go either way: the verdict is unknown while that matters.
    public func judge(_ table: HealthTable, _ before: [String: CheckVerdict]) -> CheckVerdict {
        var well = 0
        var open = 0
        var failing: [String] = []
        var seconds = HealthWord.noChangeInSight
        for member in members {
            let part = member.judge(table, before)
            seconds = min(seconds, part.secondsToChange)
            switch part.health {
            case .up: well += 1
            case .unknown: open += 1
            case .down: failing.append((member.isInverted ? "not " : "") + member.name)
            }
        }
        let health: Health = well >= least ? .up : well + open >= least ? .unknown : .down
        var verdict = CheckVerdict(health: health, secondsToChange: seconds)
        guard health == .down else { return verdict }
        var names = failing.prefix(CalculatedCheck.namesShown).joined(separator: ", ")
        let others = failing.count - CalculatedCheck.namesShown
        if others > 0 { names += " +\(others)" }
        verdict.detail = "\(name): \(well) of \(members.count), \(least) needed, failing: \(names)"
        return verdict
    }
}

extension CalculatedCheck.Member {
    func judge(_ table: HealthTable, _ before: [String: CheckVerdict]) -> CheckVerdict {
        var verdict = CheckVerdict(health: .down)
        switch source {
        case .check(let name): verdict = before[name] ?? CheckVerdict(health: .unknown)
        case .endpoints(let slots, let least):
            var well = 0
            var open = 0
            for slot in slots {
                let word = table.word(slot)
                verdict.secondsToChange = min(verdict.secondsToChange, word.secondsToChange)
                if word.takesNewWork { well += 1 } else if word.health == .unknown { open += 1 }
            }
            verdict.health = well >= least ? .up : well + open >= least ? .unknown : .down
        }
        guard isInverted, verdict.health != .unknown else { return verdict }
        verdict.health = verdict.health == .up ? .down : .up
        return verdict
    }
}

/// What a calculated check has come to.
public struct CheckVerdict: Sendable, Equatable {
    /// Whether enough members are well.
    public var health: Health
    /// Which are not, when it is down.
    public var detail = ""
    /// The earliest time in which it can change.
    public var secondsToChange: UInt16

    /// A verdict from its parts.
    public init(
        health: Health,
        detail: String = "",
        secondsToChange: UInt16 = HealthWord.noChangeInSight
    ) {
        self.health = health
        self.detail = detail
        self.secondsToChange = secondsToChange
    }
}
