// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Steering

/// What is learnt of round trips, in virtual time.
@Suite struct RTTTableTests {
    private static let start = Instant.start + .seconds(1_000_000)

    private static func place(_ number: Int) -> GeoRegion {
        let address = IPAddress(v4: UInt32(truncatingIfNeeded: number) << 8)
        return GeoRegion.measured(address) ?? .country("XX")
    }

    private static func measurement(
        _ milliseconds: Double,
        place number: Int = 1,
        target: String = "fra",
        samples: UInt32 = 1,
        at: Instant? = nil
    ) -> RTTMeasurement {
        RTTMeasurement(
            place: place(number),
            target: target,
            milliseconds: milliseconds,
            samples: samples,
            at: at
        )
    }

    private static func row(_ table: RTTTable, _ now: Instant) throws -> RTTRow {
        try #require(table.rows(from: 0, count: 1, now: now).rows.first)
    }

    @Test func `a row is smoothed as TCP does, and n at once are n`() throws {
        var table = RTTTable()
        var once = RTTTable()
        table.record(Self.measurement(100), now: Self.start)
        once.record(Self.measurement(100), now: Self.start)
        var row = try Self.row(table, Self.start)
        #expect(row.milliseconds == 100 && row.deviation == 50 && row.samples == 1)
        table.record(Self.measurement(60), now: Self.start)
        row = try Self.row(table, Self.start)
        // RFC 6298 §2.3 with alpha = 1/8 and beta = 1/4.
        #expect(abs(row.milliseconds - 95) < 1e-9 && abs(row.deviation - 47.5) < 1e-9)
        table.record(Self.measurement(60), now: Self.start)
        table.record(Self.measurement(60), now: Self.start)
        once.record(Self.measurement(60, samples: 3), now: Self.start)
        let (many, few) = (try Self.row(table, Self.start), try Self.row(once, Self.start))
        #expect(abs(many.milliseconds - few.milliseconds) < 1e-9 && many.samples == few.samples)
    }

    @Test(arguments: [1, 2, 3, 10, 150] as [UInt32])
    func `a measurement of n round trips is n equal ones`(count: UInt32) throws {
        var (single, joined) = (RTTTable(), RTTTable())
        for value in [100, 60, 250.5] {
            for _ in 0..<count { single.record(Self.measurement(value), now: Self.start) }
            joined.record(Self.measurement(value, samples: count), now: Self.start)
            let (one, other) = (try Self.row(single, Self.start), try Self.row(joined, Self.start))
            #expect(abs(one.milliseconds - other.milliseconds) < 1e-9)
            #expect(abs(one.deviation - other.deviation) < 1e-9, "\(one.deviation)")
            #expect(one.samples == other.samples)
        }
    }

    @Test func `a summary that is no newer says nothing new, and a newer one invents nothing`()
        throws
    {
        var table = RTTTable()
        let now = Self.start
        func summary(_ milliseconds: Double, _ samples: UInt32, age: Interval) -> RTTMeasurement {
            let at = now + Interval(nanoseconds: -age.nanoseconds)
            var summary = Self.measurement(milliseconds, samples: samples, at: at)
            summary.isSummary = true
            return summary
        }
        for _ in 0..<20 { table.record(Self.measurement(50), now: now) }
        let own = try Self.row(table, now)
        // Its own words from elsewhere, by seconds rounded down; an hour old; from a fast clock.
        for age in [Interval.milliseconds(900), .seconds(3600), .milliseconds(-900)] {
            let outcome = table.record(summary(90, 7, age: age), now: now)
            #expect(outcome == .known)
        }
        #expect(try Self.row(table, now) == own)
        let later = now + .seconds(10)
        let outcome = table.record(summary(90, 7, age: .seconds(-5)), now: later)
        let row = try Self.row(table, later)
        #expect(outcome == .taken && row.samples == 20 && row.last == now + .seconds(5))
        #expect(row.milliseconds > 50)
    }

    @Test func `tables that tell each other all they know come to rest`() throws {
        var tables = [RTTTable(), RTTTable()]
        var now = Self.start
        for number in 0..<30 {
            tables[0].record(Self.measurement(40, place: number, samples: 9), now: now)
            tables[1].record(Self.measurement(80, place: number + 15, samples: 30), now: now)
        }
        var rest: [[RTTRow]] = []
        for _ in 0..<6 {
            now = now + .seconds(7)
            for (from, to) in [(0, 1), (1, 0)] {
                for row in tables[from].rows(from: 0, count: .max, now: now).rows {
                    let last = try #require(row.last)
                    let second = last.nanoseconds / 1_000_000_000 * 1_000_000_000
                    let summary = RTTMeasurement(
                        place: row.place,
                        target: row.target,
                        milliseconds: row.milliseconds,
                        samples: row.samples,
                        at: Instant(nanoseconds: second),
                        isSummary: true
                    )
                    tables[to].record(summary, now: now)
                }
            }
            rest.append(tables[0].rows(from: 0, count: .max, now: now).rows)
        }
        #expect(rest[0].count == 45 && rest.allSatisfy { $0 == rest[0] })
        #expect(rest[0].allSatisfy { $0.samples == 9 || $0.samples == 30 })
    }

    @Test func `a name that no row has makes room for another`() {
        var settings = RTTSettings()
        settings.rowLimit = 16
        var table = RTTTable(settings)
        var now = Self.start
        for number in 0..<3 * RTTTable.targetLimit {
            now = now + .seconds(1)
            let outcome = table.record(Self.measurement(5, target: "t\(number)"), now: now)
            #expect(outcome == .taken)
        }
        let names = Set(table.rows(from: 0, count: .max, now: now).rows.map(\.target))
        #expect(names.count == 16 && names.contains("t\(3 * RTTTable.targetLimit - 1)"))
        #expect(table.refused == 0)
    }

    @Test func `few samples and old ones count for nothing, and an old row begins anew`() throws {
        var table = RTTTable()
        var now = Self.start
        for _ in 0..<4 { table.record(Self.measurement(10), now: now) }
        let few = table.publish(now: now)
        #expect(few.isEmpty && !table.isStale)
        table.record(Self.measurement(10), now: now)
        #expect(table.isStale, "now it counts")
        let enough = table.publish(now: now)
        #expect(enough.map(\.milliseconds) == [10])
        #expect(table.expiresAt == now + .seconds(86_400) + .milliseconds(1))
        now = table.expiresAt
        let old = table.publish(now: now)
        #expect(old.isEmpty)
        table.record(Self.measurement(200), now: now)
        let row = try Self.row(table, now)
        #expect(row.milliseconds == 200 && row.samples == 1 && !row.counts)
    }

    @Test func `only what may change an order makes the table stale`() {
        var table = RTTTable()
        let now = Self.start
        table.record(Self.measurement(100, samples: 50), now: now)
        _ = table.publish(now: now)
        // The margin is 10 ms here: half of it may be one of two that meet.
        table.record(Self.measurement(130), now: now)
        #expect(!table.isStale, "103.75 ms")
        table.record(Self.measurement(130), now: now)
        #expect(table.isStale, "107 ms")
    }

    @Test func `the table stays within its bound, and the least useful rows go`() {
        var settings = RTTSettings()
        settings.rowLimit = 64
        var table = RTTTable(settings)
        var now = Self.start
        for number in 0..<32 {
            table.record(Self.measurement(10, place: number, samples: 9), now: now)
        }
        for number in 32..<2000 {
            now = now + .milliseconds(10)
            table.record(Self.measurement(10, place: number), now: now)
            #expect(table.count <= 64)
        }
        #expect(table.evictions == 2000 - 64)
        let rows = table.rows(from: 0, count: 100, now: now)
        #expect(rows.rows.count { $0.samples == 9 } == 32, "what counts outlives single samples")
        #expect(rows.next == nil)
        let page = table.rows(from: 60, count: .max, now: now)
        #expect(page.rows.count == 4 && page.next == nil)
        #expect(table.rows(from: 10, count: 5, now: now).next == 15)
        settings.rowLimit = 16
        table.settings = settings
        #expect(table.count == 16 && table.isStale)
        table.record(Self.measurement(10, place: 5), now: now)
        let kept = table.rows(from: 0, count: 99, now: now).rows
        #expect(kept.count { $0.place == Self.place(5) } == 1)
    }

    @Test func `nonsense is not taken, nor more targets than there is room for`() {
        var table = RTTTable()
        for value in [-1, Double.nan, .infinity, 60_001] {
            let outcome = table.record(Self.measurement(value), now: Self.start)
            #expect(outcome == .refused)
        }
        let empty = table.record(Self.measurement(1, samples: 0), now: Self.start)
        #expect(empty == .refused)
        for number in 0..<RTTTable.targetLimit {
            let outcome = table.record(
                Self.measurement(1, target: "t\(number)"),
                now: Self.start
            )
            #expect(outcome == .taken)
        }
        let more = table.record(Self.measurement(1, target: "more"), now: Self.start)
        #expect(more == .refused)
        #expect(table.refused == 1)
        // A time that is to come is now.
        table.record(
            Self.measurement(5, place: 9, target: "t0", at: Self.start + .seconds(99)),
            now: Self.start
        )
        let last = table.rows(from: table.count - 1, count: 1, now: Self.start).rows.first?.last
        #expect(last == Self.start)
    }

    @Test func `what was saved comes back with its age`() {
        var table = RTTTable()
        table.record(Self.measurement(10, samples: 7), now: Self.start)
        var other = RTTTable()
        for row in table.rows(from: 0, count: 9, now: Self.start).rows { other.restore(row) }
        let (saved, known) = (other.publish(now: Self.start), table.publish(now: Self.start))
        #expect(saved == known && known.count == 1)
        let late = other.publish(now: Self.start + .seconds(90_000))
        #expect(late.isEmpty)
    }

    // MARK: Places

    @Test func `places are written as they are read, and clients are their networks`() throws {
        let texts = [
            "203.0.113.0/24", "2001:db8:5::/48", "10.0.0.0/8", "country:DE", "continent:AS",
            "subdivision:US-CA", "city:Frankfurt am Main", "asn:64500", "country:EU",
        ]
        for text in texts {
            let place = try #require(GeoRegion(measured: text), "\(text)")
            #expect(place.measuredText == text)
        }
        let networks = [
            ("203.0.113.77", "203.0.113.0/24"), ("2001:db8:5:6::1", "2001:db8:5::/48"),
            ("::ffff:10.1.2.3", "10.1.2.0/24"), ("2002:0a01:0203::1", "10.1.2.0/24"),
            ("64:ff9b::10.1.2.3", "10.1.2.0/24"), ("::1", "::/48"),
        ]
        for (client, network) in networks {
            #expect(GeoRegion(measured: client)?.measuredText == network, "\(client)")
        }
        for text in [
            "", "x", "10.0.0.0/33", "country:", "country:de", "country:DEU", "asn:0", "asn:x",
            "subdivision:US", "1.2.3", "planet:M", "country:ZZ", "continent:XX", "subdivision:ZZ-A",
            "subdivision:US-", "subdivision:US-A-B", "city:Pa\nris", "city:\u{0}", "city:",
        ] {
            #expect(GeoRegion(measured: text) == nil, "\(text)")
        }
    }

    // MARK: When tables are made

    @Test func `tables come at a bounded rate, and only when there is a reason`() {
        var machine = RTTMachine()
        var now = Self.start
        var source = machine.begin(now: now)
        #expect(machine.deadline == .never && source == nil)
        machine.record(Self.measurement(10, samples: 9), now: now)
        source = machine.begin(now: now)
        #expect(source?.picture().isEmpty == false && machine.deadline == .never, "one at a time")
        machine.record(Self.measurement(10, place: 2, samples: 9), now: now)
        now = now + .seconds(2)
        machine.finish(nil, took: .seconds(2), now: now)
        // Ten times what the last took, as that is longer than the interval.
        #expect(machine.deadline == now + .seconds(20))
        source = machine.begin(now: now + .seconds(19))
        #expect(source == nil)
        now = now + .seconds(20)
        source = machine.begin(now: now)
        #expect(source != nil)
        machine.finish(nil, took: .milliseconds(1), now: now)
        #expect(machine.deadline > now + .seconds(80_000), "when the rows are too old")
        let imported = Self.measurement(5, place: 3, samples: 0)
        machine.replaceImported([imported])
        #expect(machine.deadline == now + .seconds(10))
        now = now + .seconds(10)
        source = machine.begin(now: now)
        #expect(source != nil)
        machine.finish(nil, took: .milliseconds(1), now: now)
        machine.replaceImported([imported])
        #expect(machine.deadline > now + .seconds(80_000), "the same rows are no reason")
        #expect(machine.builds == 3)
    }

    @Test func `imported rows count by their own words, and give way to what was learnt`() {
        var machine = RTTMachine()
        let now = Self.start
        machine.replaceImported([
            Self.measurement(1, place: 1, samples: 0),
            Self.measurement(2, place: 2, samples: 4),
            Self.measurement(3, place: 3, samples: 5, at: now + .seconds(-90_000)),
            Self.measurement(4, place: 4, samples: 5, at: now + .seconds(-80_000)),
        ])
        let rows = machine.importedRows(from: 0, count: 9, now: now).rows
        #expect(rows.map(\.counts) == [true, false, false, true])
        machine.record(Self.measurement(50, place: 1, samples: 9), now: now)
        let picture = machine.begun(now: now)
        let values = [1, 2, 3, 4].map { number in
            picture.places.firstIndex(of: Self.place(number)).flatMap {
                picture.values(["fra"], at: [$0]).first ?? nil
            }?.milliseconds
        }
        #expect(values == [50, nil, nil, 4])
        #expect(machine.deadline == now + .seconds(6_400) + .milliseconds(1))
    }
}
