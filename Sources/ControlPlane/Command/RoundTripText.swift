// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Rows of round trips for the terminal, and as lines that can be imported.
public enum RoundTripText {
    /// A table of the rows of a page.
    public static func table(_ rows: [JSONValue], usesColour: Bool) -> String {
        guard !rows.isEmpty else { return "no rows\n" }
        var table = TextTable(
            ["place", "target", "ms", "deviation", "samples", "age", ""],
            usesColour: usesColour
        )
        for row in rows {
            func number(_ name: String) -> String {
                row[name]?.number.map { tenths($0) } ?? "-"
            }
            let age = row["ageSeconds"]?.number.map { "\(Int(min(max($0, 0), 1e12))) s" } ?? "-"
            let counts = row["counts"]?.bool == true
            table.add([
                TextTable.Cell(row["place"]?.string ?? "?"),
                TextTable.Cell(row["target"]?.string ?? "?"),
                TextTable.Cell(number("rttMilliseconds")),
                TextTable.Cell(number("deviationMilliseconds")),
                TextTable.Cell(row["samples"]?.integer.map { "\($0)" } ?? "-"),
                TextTable.Cell(age),
                counts ? "" : TextTable.Cell("does not count", .warn),
            ])
        }
        return table.text
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((min(max(value, 0), 1e9) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// Lines as `latency.file` has them.
    public static func lines(_ rows: [JSONValue]) -> String {
        rows.map { row in
            let place = row["place"]?.string ?? ""
            // What fields would not keep: commas, and blanks at the end.
            if place.contains(",") || place.last == " " || place.last == "\t" {
                let names = ["place", "target", "rttMilliseconds", "samples", "time"]
                let members = names.compactMap { name in
                    row[name].flatMap { $0.isNull ? nil : JSONMember(name, $0) }
                }
                return JSONValue.object(members).text() + "\n"
            }
            let samples = row["samples"]?.integer.map { "\($0)" } ?? ""
            let time = row["time"]?.integer.map { "\($0)" } ?? ""
            var line = "\(place),\(row["target"]?.string ?? ""),"
            line += "\(row["rttMilliseconds"]?.number ?? 0)"
            if !samples.isEmpty || !time.isEmpty { line += ",\(samples)" }
            if !time.isEmpty { line += ",\(time)" }
            return line + "\n"
        }.joined()
    }
}
