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

    func text() -> [UInt8] {
        var writer = JSONWriter(indented: false)
        writer.beginObject()
        writer.name("format")
        writer.write(1)
        writer.name("rows")
        writer.beginArray()
        for saved in rows {
            writer.beginArray()
            writer.write(saved.row.place.measuredText)
            writer.write(saved.row.target)
            writer.write(saved.row.milliseconds)
            writer.write(saved.row.deviation)
            writer.write(Int(saved.row.samples))
            writer.write(saved.time)
            writer.endArray()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// Reads what ``text()`` wrote; nil for anything else.
    init?(json: JSONValue) {
        guard json["format"]?.integer == 1, let listed = json["rows"]?.elements else { return nil }
        rows = []
        rows.reserveCapacity(listed.count)
        for element in listed {
            guard let parts = element.elements, parts.count == 6,
                let place = parts[0].string.flatMap({ GeoRegion(measured: $0) }),
                let target = parts[1].string, let value = parts[2].number,
                let deviation = parts[3].number,
                let samples = parts[4].integer.flatMap({ UInt32(exactly: $0) }),
                let time = parts[5].integer
            else { return nil }
            let row = RTTRow(
                place: place,
                target: target,
                milliseconds: value,
                deviation: deviation,
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
