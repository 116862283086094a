// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The one picture of health: a word per endpoint slot that every door reads at every choice.
///
/// Only the owner thread publishes (``HealthKeeper``); any thread reads. A reader that sees
/// generation N also sees every word published up to N.
public final class HealthTable: Sendable {
    /// Number of slots.
    public let capacity: Int
    @usableFromInline let words: SharedWords
    // Monotonic nanoseconds of the last change; 0 before the first.
    @usableFromInline let changes: SharedWords
    // Monotonic nanoseconds from which slow start counts; 0 for none.
    @usableFromInline let ramps: SharedWords
    // Weight override plus one; 0 for none.
    @usableFromInline let weights: SharedWords
    // What each has said of its part.
    @usableFromInline let roles: SharedWords
    // Monotonic nanoseconds until which a draining slot keeps sessions; 0 for none.
    @usableFromInline let drains: SharedWords
    @usableFromInline let latest: SharedWords

    /// A table of `capacity` slots, all `unknown`.
    public init(capacity: Int) {
        self.capacity = capacity
        words = SharedWords(count: capacity)
        changes = SharedWords(count: capacity)
        ramps = SharedWords(count: capacity)
        weights = SharedWords(count: capacity)
        roles = SharedWords(count: capacity)
        drains = SharedWords(count: capacity)
        latest = SharedWords(count: 1, stride: 8)
    }

    /// A table of its own with what this one says of the first `count` slots.
    func copy(upTo count: Int) -> HealthTable {
        let copy = HealthTable(capacity: min(max(count, 0), capacity))
        for slot in 0..<copy.capacity {
            copy.changes.store(slot, changes.load(slot))
            copy.ramps.store(slot, ramps.load(slot))
            copy.weights.store(slot, weights.load(slot))
            copy.roles.store(slot, roles.load(slot))
            copy.drains.store(slot, drains.load(slot))
            copy.words.store(slot, words.load(slot))
        }
        copy.latest.store(0, latest.load(0))
        return copy
    }

    /// The state of a slot; `unknown` when out of range.
    @inlinable public func word(_ slot: Int) -> HealthWord {
        HealthWord(bits: words.load(slot))
    }

    /// Number of state changes published so far.
    @inlinable public var generation: UInt64 { latest.load(0) }

    /// Publishes a slot's state; the word's own generation is replaced by the table's.
    ///
    /// A new generation is taken only when the state differs: a new time to change alone is no
    /// change of state. `isNews` takes one in any case, for a change that the word does not show.
    /// Returns the generation that the word now carries.
    @discardableResult
    public func publish(_ slot: Int, _ word: HealthWord, isNews: Bool = false) -> UInt32 {
        let old = self.word(slot)
        var new = word
        if new.state == old.state, old.generation != 0, !isNews {
            new.generation = old.generation
            words.store(slot, new.bits)
            return new.generation
        }
        let next = latest.load(0) &+ 1
        new.generation = UInt32(truncatingIfNeeded: next)
        // The word first: whoever sees the generation sees the word.
        words.store(slot, new.bits)
        latest.store(0, next)
        return new.generation
    }

    /// When the health or ``HealthWord/takesNewWork`` last changed; ``Instant/start`` if never.
    @inlinable public func changed(_ slot: Int) -> Instant {
        Instant(nanoseconds: Int64(bitPattern: changes.load(slot)))
    }
    /// Records that time; written before the word is published.
    public func setChanged(_ slot: Int, _ at: Instant) {
        changes.store(slot, UInt64(bitPattern: at.nanoseconds))
    }

    /// From when slow start counts; ``Instant/start`` when the endpoint takes its full share.
    @inlinable public func rampStart(_ slot: Int) -> Instant {
        Instant(nanoseconds: Int64(bitPattern: ramps.load(slot)))
    }
    /// Begins slow start at `at`, or ends it with ``Instant/start``.
    public func setRampStart(_ slot: Int, _ at: Instant) {
        ramps.store(slot, UInt64(bitPattern: at.nanoseconds))
    }

    /// The weight set through the API in place of the configured one; nil when there is none.
    @inlinable public func weightOverride(_ slot: Int) -> UInt32? {
        let stored = weights.load(slot)
        return stored == 0 ? nil : UInt32(truncatingIfNeeded: stored &- 1)
    }
    /// Sets or removes the override; ``HealthWord/hasWeightOverride`` is published with the word.
    public func setWeightOverride(_ slot: Int, _ weight: UInt32?) {
        weights.store(slot, weight.map { UInt64($0) + 1 } ?? 0)
    }

    /// What the endpoint has said of its part in the pool.
    @inlinable public func role(_ slot: Int) -> EndpointRole {
        EndpointRole(rawValue: UInt8(truncatingIfNeeded: roles.load(slot))) ?? .unknown
    }
    /// Sets it; a new generation is published with the word.
    public func setRole(_ slot: Int, _ role: EndpointRole) {
        roles.store(slot, UInt64(role.rawValue))
    }

    /// Until when a draining endpoint keeps its sessions; ``Instant/start`` when nobody has said.
    @inlinable public func drainEnd(_ slot: Int) -> Instant {
        Instant(nanoseconds: Int64(bitPattern: drains.load(slot)))
    }
    /// Sets that time, or forgets it with ``Instant/start``.
    public func setDrainEnd(_ slot: Int, _ at: Instant) {
        drains.store(slot, UInt64(bitPattern: at.nanoseconds))
    }

    /// Forgets a slot before another endpoint gets it.
    public func clear(_ slot: Int) {
        setDrainEnd(slot, .start)
        setChanged(slot, .start)
        setRampStart(slot, .start)
        setWeightOverride(slot, nil)
        setRole(slot, .unknown)
        publish(slot, HealthWord(health: .unknown))
    }
}
