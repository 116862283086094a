// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// What was learnt of round trips as it lies in the state folder.
struct SavedRoundTrips: Sendable {
    /// A row with the second since 1970 in which it was last fed.
    struct Row: Sendable, Equatable {
        var row: RTTRow
        var time: Int64
    }

    var rows: [Row]

    /// The rows of a table, with their times by the wall clock.
    init(_ table: RTTTable, at moment: Moment) {
        rows = table.rows(from: 0, count: .max, now: moment.now).rows.map { row in
            let age = row.last.map { moment.now - $0 } ?? .zero
            let time = (moment.realtime &- age.nanoseconds) / 1_000_000_000
            return Row(row: row, time: time)
        }
    }

    /// The rows in whole microseconds: as many as can be read again.
    func text(limit: Int = StateStore.limits.bytes) -> [UInt8] {
        var writer = JSONWriter(indented: false)
        writer.beginObject()
        writer.name("format")
        writer.write(2)
        writer.name("rows")
        writer.beginArray()
        for saved in rows {
            guard writer.bytes.count + SavedRoundTrips.longestRow <= limit else { break }
            writer.beginArray()
            writer.write(saved.row.place.measuredText)
            writer.write(saved.row.target)
            writer.write(SavedRoundTrips.microseconds(saved.row.milliseconds))
            writer.write(SavedRoundTrips.microseconds(saved.row.deviation))
            writer.write(Int(saved.row.samples))
            writer.write(saved.time)
            writer.endArray()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    // The names of a city and of a target have 100 bytes at most, each of them escaped at worst.
    private static let longestRow = 512

    private static func microseconds(_ milliseconds: Double) -> Int {
        Int((min(max(milliseconds, 0), RTTMeasurement.longest) * 1000).rounded())
    }

    /// Reads what ``text(limit:)`` wrote; nil for anything else.
    init?(json: JSONValue) {
        guard json["format"]?.integer == 2, let listed = json["rows"]?.elements else { return nil }
        rows = []
        rows.reserveCapacity(listed.count)
        for element in listed {
            guard let parts = element.elements, parts.count == 6,
                let place = parts[0].string.flatMap({ GeoRegion(measured: $0) }),
                let target = parts[1].string, let value = parts[2].integer,
                let deviation = parts[3].integer,
                let samples = parts[4].integer.flatMap({ UInt32(exactly: $0) }),
                let time = parts[5].integer
            else { return nil }
            let row = RTTRow(
                place: place,
                target: target,
                milliseconds: Double(value) / 1000,
                deviation: Double(deviation) / 1000,
                samples: samples,
                last: nil
            )
            rows.append(Row(row: row, time: time))
        }
    }

    /// The rows with their ages, by the clock of machines; those of the future are of now.
    func restored(at moment: Moment) -> [RTTRow] {
        rows.map { saved in
            var row = saved.row
            let (time, overflow) = saved.time.multipliedReportingOverflow(by: 1_000_000_000)
            let age = overflow ? 0 : max(moment.realtime &- time, 0)
            row.last = Instant(nanoseconds: moment.now.nanoseconds &- age)
            return row
        }
    }
}
