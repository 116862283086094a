// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import Steering

/// Counts what happened to the health of each endpoint; the control thread writes, anyone reads.
public final class HealthCounts: Sendable {
    /// What is counted.
    public enum Word: Int, Sendable, CaseIterable {
        /// Probes that passed.
        case passed
        /// Probes that failed.
        case failed
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

    /// Counts a probe.
    public func count(_ outcome: ProbeOutcome, slot: Int) {
        add(outcome == .success ? .passed : .failed, slot)
    }

    /// Counts a change that the health keeper has published.
    public func count(_ event: HealthEvent) {
        switch event.change {
        case .health: add(.changes, event.slot)
        case .ejected: add(.ejections, event.slot)
        case .administrative, .weight, .restored, .reason: break
        }
    }

    /// Forgets a slot before another endpoint gets it.
    public func clear(_ slot: Int) {
        for word in Word.allCases { words.store(slot &* Word.allCases.count &+ word.rawValue, 0) }
    }

    private func add(_ word: Word, _ slot: Int) {
        guard slot >= 0 else { return }
        words.addOwned(slot &* Word.allCases.count &+ word.rawValue, 1)
    }
}
