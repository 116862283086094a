// SPDX-License-Identifier: Apache-2.0

/// A table for the terminal: columns as wide as their widest cell.
struct TextTable {
    /// Colours that mean something; the words say the same without them.
    enum Tint: String {
        case none = ""
        case good = "32"
        case bad = "31"
        case warn = "33"
        case soft = "2"
        case strong = "1"
    }

    struct Cell: ExpressibleByStringInterpolation {
        var text: String
        var tint = Tint.none

        init(_ text: String, _ tint: Tint = .none) {
            // A name from outside must not steer the terminal.
            self.text = String(text.map { $0.isASCII && $0.asciiValue ?? 0 < 0x20 ? "?" : $0 })
            self.tint = tint
        }
        init(stringLiteral value: String) { self.init(value) }
    }

    private var rows: [[Cell]]
    private let usesColour: Bool

    init(_ heads: [String], usesColour: Bool) {
        rows = [heads.map { Cell($0, .soft) }]
        self.usesColour = usesColour
    }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// The lines, indented by two blanks; a column without content is left out.
    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        var widths = [Int](repeating: 0, count: columns)
        for row in rows.dropFirst() {
            for (column, cell) in row.enumerated() {
                widths[column] = max(widths[column], cell.text.count)
            }
        }
        for (column, head) in (rows.first ?? []).enumerated() where widths[column] > 0 {
            widths[column] = max(widths[column], head.text.count)
        }
        var text = ""
        for row in rows {
            var line = " "
            for (column, cell) in row.enumerated() where widths[column] > 0 {
                line += " " + TextTable.paint(cell.text, cell.tint, usesColour)
                line += String(repeating: " ", count: widths[column] - cell.text.count + 1)
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }

    static func paint(_ text: String, _ tint: Tint, _ usesColour: Bool) -> String {
        usesColour && tint != .none && !text.isEmpty
            ? "\u{1b}[\(tint.rawValue)m\(text)\u{1b}[0m" : text
    }
}

/// Lengths of time for people: `42 s`, `3 min 5 s`, `2 h 10 min`, `5 d 1 h`.
enum SpanText {
    static func text(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, seconds < 1e12 else { return "" }
        let whole = Int(max(seconds, 0))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        if whole < 86_400 { return "\(whole / 3600) h \(whole % 3600 / 60) min" }
        return "\(whole / 86_400) d \(whole % 86_400 / 3600) h"
    }
}
