// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The machines of all pools whose limit follows their answers; looked at ten times a second.
public struct ConcurrencyKeeper: Sendable {
    /// A pool whose limit is found.
    public struct Member: Sendable, Equatable {
        /// The pool's stable number.
        public var pool: Int
        /// The slots of its endpoints.
        public var slots: [Int]
        /// How the limit may move.
        public var settings: ConcurrencySettings

        /// Joins the parts.
        public init(pool: Int, slots: [Int], settings: ConcurrencySettings) {
            self.pool = pool
            self.slots = slots
            self.settings = settings
        }
    }

    private struct Entry {
        var member: Member
        var machine: ConcurrencyMachine
        /// What each endpoint's answers had come to at the latest look.
        var bases: [Int: LatencySum] = [:]
    }

    private var entries: [Int: Entry] = [:]
    /// The snapshot that it was configured from.
    public private(set) var number: UInt64?
    /// When it is to look again.
    public private(set) var deadline = Instant.never

    private static let period = Interval.milliseconds(100)

    /// A keeper of nothing.
    public init() {}

    /// Goes on with these pools; those that stay keep what they have found.
    public mutating func configure(
        _ members: [Member],
        number: UInt64,
        places: PoolPlaces,
        now: Instant
    ) {
        self.number = number
        var new: [Int: Entry] = [:]
        for member in members {
            var entry =
                entries[member.pool]
                ?? Entry(member: member, machine: ConcurrencyMachine(member.settings, now: now))
            entry.member = member
            entry.machine.adopt(member.settings)
            new[member.pool] = entry
            places.publish(member.pool, entry.machine)
        }
        for pool in entries.keys where new[pool] == nil { places.publish(pool, nil) }
        entries = new
        deadline = new.isEmpty ? .never : now
    }

    /// Takes the answers since the latest look, and puts the limits that follow in force.
    public mutating func look(
        load: LoadTable,
        places: PoolPlaces,
        waiting: WaitingBoard,
        now: Instant
    ) {
        for pool in Array(entries.keys) {
            guard var entry = entries[pool] else { continue }
            var sum: UInt64 = 0
            var bases: [Int: LatencySum] = [:]
            for slot in entry.member.slots {
                let total = load.latency(slot)
                sum &+= total.since(entry.bases[slot] ?? total).bits
                bases[slot] = total
            }
            entry.bases = bases
            let taken = places.state(pool).taken
            let isUsed = taken * 2 >= entry.machine.limit || waiting.count(pool) > 0
            entry.machine.judge(LatencySum(bits: sum), isUsed: isUsed, now: now)
            places.publish(pool, entry.machine)
            entries[pool] = entry
        }
        deadline = entries.isEmpty ? .never : now + ConcurrencyKeeper.period
    }
}
