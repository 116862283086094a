// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import Prober
public import Steering

/// Counts what happened to the health of each endpoint; the control thread writes, anyone reads.
public final class HealthCounts: Sendable {
    /// What is counted.
    public enum Word: Int, Sendable, CaseIterable {
        /// Probes that passed.
        case passed
        /// Probes that failed.
        case failed
        /// Nanoseconds that all probes took together.
        case spent
        /// Nanoseconds that the latest probe took.
        case latest
        /// The status of the latest answer to a probe; 0 without one.
        case status
        /// When the certificate ends that the latest probe was shown, in seconds since 1970; else 0.
        case certificateEnds
        /// Changes between unknown, up and down.
        case changes
        /// Ejections.
        case ejections
    }

    private let words: SharedWords

    /// Zeros for so many slots.
    public init(capacity: Int) {
        words = SharedWords(count: capacity * Word.allCases.count)
    }

    /// A count of a slot.
    public func load(_ word: Word, _ slot: Int) -> UInt64 {
        words.load(slot &* Word.allCases.count &+ word.rawValue)
    }

    /// Counts a probe, and keeps how long it took.
    public func count(_ result: ProbeResult) {
        add(result.outcome == .success ? .passed : .failed, result.slot)
        let took = UInt64(max(result.latency.nanoseconds, 0))
        add(.spent, result.slot, took)
        set(.latest, result.slot, took)
        set(.status, result.slot, UInt64(result.status))
        set(.certificateEnds, result.slot, UInt64(max(result.certificateEnds, 0)))
    }

    /// Counts a change that the health keeper has published.
    public func count(_ event: HealthEvent) {
        switch event.change {
        case .health: add(.changes, event.slot)
        case .ejected: add(.ejections, event.slot)
        case .administrative, .weight, .forced, .role, .halfOpen, .restored, .reason: break
        }
    }

    /// Forgets a slot before another endpoint gets it.
    public func clear(_ slot: Int) {
        for word in Word.allCases { words.store(slot &* Word.allCases.count &+ word.rawValue, 0) }
    }

    private func add(_ word: Word, _ slot: Int, _ amount: UInt64 = 1) {
        guard slot >= 0 else { return }
        words.addOwned(slot &* Word.allCases.count &+ word.rawValue, amount)
    }
    private func set(_ word: Word, _ slot: Int, _ value: UInt64) {
        guard slot >= 0 else { return }
        words.store(slot &* Word.allCases.count &+ word.rawValue, value)
    }
}
