// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Turns probe results into health: `fall` failures in a row bring down, `rise` passes bring up.
///
///     unknown --first result--> up or down
///     up      --fall failures in a row--> down        a pass starts the count anew
///     down    --rise passes in a row----> up          a failure starts the count anew
///
/// The first result decides alone: waiting for `rise` of them would only prolong the start.
public struct HealthMachine: Sendable, Equatable {
    /// What a result did.
    public enum Action: Sendable, Equatable {
        /// The health stays.
        case keep
        /// The endpoint is up now.
        case markUp
        /// The endpoint is down now.
        case markDown
    }

    /// The thresholds and times; a change takes effect with the next result.
    public var settings: CheckSettings
    /// The verdict so far.
    public private(set) var health: Health
    // Results in a row that speak against the verdict.
    private var contrary = 0

    /// A machine that begins with what is known already.
    public init(_ settings: CheckSettings, health: Health = .unknown) {
        self.settings = settings
        self.health = health
    }

    /// Takes one result.
    public mutating func record(success: Bool) -> Action {
        let agrees: Bool
        switch health {
        case .unknown: return turn(success ? .up : .down)
        case .up: agrees = success
        case .down: agrees = !success
        }
        guard !agrees else {
            contrary = 0
            return .keep
        }
        contrary += 1
        return contrary >= threshold ? turn(health == .up ? .down : .up) : .keep
    }

    /// Results in a row still needed to change the health.
    public var checksNeeded: Int { max(threshold - contrary, 1) }

    /// True while a change is under way, so that the fast interval applies.
    public var isChanging: Bool { health == .unknown || contrary > 0 }

    /// The earliest time in which the health can change, as gdnsd computes it, in whole seconds.
    ///
    /// Every further contrary result shortens it before the change itself.
    public var secondsToChange: UInt16 {
        let fast = max(settings.fastInterval.nanoseconds, 0)
        let first = isChanging ? fast : max(settings.interval.nanoseconds, 0)
        let (rest, overflow) = fast.multipliedReportingOverflow(by: Int64(checksNeeded - 1))
        let (total, tooLong) = rest.addingReportingOverflow(first)
        guard !overflow, !tooLong else { return HealthWord.noChangeInSight }
        let seconds = total / 1_000_000_000 + (total % 1_000_000_000 > 0 ? 1 : 0)
        return UInt16(clamping: min(max(seconds, 1), Int64(HealthWord.noChangeInSight)))
    }

    private var threshold: Int {
        switch health {
        case .unknown: 1
        case .up: max(settings.fall, 1)
        case .down: max(settings.rise, 1)
        }
    }

    private mutating func turn(_ new: Health) -> Action {
        health = new
        contrary = 0
        return new == .up ? .markUp : .markDown
    }
}
