// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// One change of a weight by the calendar: `70 -> 0 over 10m at 2026-12-01T22:00:00Z`.
public struct WeightStepSettings: Sendable, Hashable {
    /// The weight that is expected before; nil when any will do.
    public var from: Int?
    /// The weight after it.
    public var weight: Int
    /// How long the way there takes.
    public var over: Interval
    /// When it begins.
    public var at: WallTime
}

extension WeightStepSettings: CustomStringConvertible {
    /// As in the file.
    public var description: String {
        let before = from.map { "\($0) -> " } ?? ""
        let way = over > .zero ? " over \(over)" : ""
        return "\(before)\(weight)\(way) at \(at)"
    }
}

/// What becomes of the share of a branch that falls behind.
public enum RolloutHalt: String, Sendable, Equatable, CaseIterable {
    /// It gets nothing any more.
    case back
    /// It keeps what it has.
    case stay
}

/// How a branch is brought up step by step.
public struct RolloutSettings: Sendable, Equatable {
    /// The branch, by its name.
    public var branch: String
    /// Its shares in percent.
    public var steps: [Int]
    /// How long each holds.
    public var hold: Interval
    /// When it begins by itself.
    public var start: WallTime?
    /// Percent points by which its failures may be above those of the others.
    public var errors: Double
    /// Percent by which it may be slower.
    public var latency: Int
    /// Requests of either side without which traffic says nothing.
    public var samples: Int
    /// What becomes of it when it falls behind.
    public var halt: RolloutHalt
}

/// Between which loads a branch gives up its share.
public struct LoadMarks: Sendable, Equatable {
    /// Where the weight begins to fall.
    public var low: Percentage
    /// Where nothing is left.
    public var high: Percentage
}

/// Moving a name.
public struct MigrationSettings: Sendable, Equatable {
    /// The highest TTL while a name moves, where nothing is said and the usual one is longer.
    static let usualTTL = Interval.seconds(30)

    /// The key under `migrations`.
    public var name: String
    /// The weighted policy.
    public var steer: String
    /// The branch that it moves to.
    public var branch: String
    /// The highest TTL while it moves.
    public var ttl: Interval
    /// When the TTL is lowered.
    public var lowerAt: WallTime?
    /// When the name moves.
    public var switchAt: WallTime?
    /// How long the TTL stays low after that.
    public var raiseAfter: Interval
}

extension Settings {
    /// The policy of that name.
    func policy(_ name: String) -> SteerSettings? { steer.first { $0.name == name } }
}

extension BranchSettings {
    /// What it is called in commands and explanations.
    public var label: String {
        if let name { return name }
        return switch policy.kind {
        case .address(let ip, _): "\(ip)"
        case .name(let name, _), .pool(let name), .steer(let name): name
        case .roundRobin: "round-robin"
        case .weighted: "weighted"
        case .failover: "failover"
        case .geo: "geo"
        case .proximity: "proximity"
        case .latency: "latency"
        }
    }
}
