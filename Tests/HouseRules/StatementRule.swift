// SPDX-License-Identifier: Apache-2.0
import Testing

/// The pages about the statements of the RFCs name tests, and each of them is in the sources.
enum StatementRule {
    /// The pages, and how many rows each has at least.
    static let pages = [("Documentation/rfc-dns.md", 200), ("Documentation/rfc-caching.md", 60)]

    /// What a cell says that names no test.
    static let words = ["no test", "not applicable", "not met", "not yet"]

    /// The cells of each row about a statement, and its line: section, statement, and two of tests.
    static func rows(_ page: String) -> [(line: Int, cells: [String])] {
        page.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .compactMap { index, line in
                guard line.hasPrefix("| §") else { return nil }
                let parts = line.split(separator: "|").map { part in
                    String(part.drop { $0 == " " })
                }
                return (index + 1, parts)
            }
    }

    /// What stands in backquotes.
    static func names(_ cell: String) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }

    private static func plain(_ word: Substring) -> String {
        String(word.prefix { $0.isLetter || $0.isNumber })
    }

    /// `Suite: title` of each test with a title, as it stands in a Swift file.
    static func tests(_ text: String) -> [String] {
        let kinds: Set<Substring> = ["struct", "class", "enum", "extension"]
        var suite = ""
        var found: [String] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("//") {
            let parts = line.split(separator: "`", omittingEmptySubsequences: false)
            let words = parts[0].split(separator: " ")
            if !line.hasPrefix(" "), let place = words.firstIndex(where: kinds.contains) {
                let isLast = place + 1 == words.count
                // The name of a suite may stand in backquotes too.
                suite = isLast ? String(parts.dropFirst().first ?? "") : plain(words[place + 1])
            }
            guard parts.count > 2, parts[0].hasSuffix("func ") else { continue }
            found.append("\(suite): \(parts[1])")
        }
        return found
    }

    /// `file: title` of each scenario, as it stands in a file of scenarios.
    static func scenarios(_ file: TreeFile) -> [String] {
        file.text.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("@scenario(\"") else { return nil }
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            return parts.count > 2 ? "\(file.name): \(parts[1])" : nil
        }
    }

    static func known(_ files: [TreeFile]) -> Set<String> {
        var found: Set<String> = []
        for file in files where file.path.hasPrefix("Tests/") {
            if file.isSwift { found.formUnion(tests(file.text)) }
            if file.name.hasSuffix(".py") { found.formUnion(scenarios(file)) }
        }
        return found
    }

    static func faults(_ text: String, of page: String, known: Set<String>) -> [Violation] {
        rows(text).flatMap { row -> [Violation] in
            func fault(_ reason: String) -> Violation {
                Violation(path: page, line: row.line, reason: reason)
            }
            guard row.cells.count == 4 else { return [fault("a row has four cells")] }
            return row.cells.suffix(2).flatMap { cell -> [Violation] in
                let named = names(cell)
                let isTold = !named.isEmpty || words.contains { cell.hasPrefix($0) }
                return (isTold ? [] : [fault("'\(cell)' is no test, and no word for none")])
                    + named.filter { !known.contains($0) }.map { fault("no test: '\($0)'") }
            }
        }
    }
}

@Suite struct StatementRuleTests {
    @Test(arguments: StatementRule.pages)
    func `every test that stands beside a statement is there`(page: String, least: Int) throws {
        let text = try #require(Tree.text(page))
        #expect(StatementRule.rows(text).count >= least)
        let known = StatementRule.known(Tree.files)
        let violations = StatementRule.faults(text, of: page, known: known)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test func `a test that is not there is seen, and so is an empty cell`() {
        let swift =
            "@Suite struct ATests {\n    @Test func `it is so`() {}\n}\n"
            + "extension `B is so` {\n    @Test func `too`() {}\n}\n"
        let python = "@scenario(\"a: all of it\", 60)\ndef all(scene):\n"
        let known = StatementRule.known([
            TreeFile(path: "Tests/A/ATests.swift", text: swift),
            TreeFile(path: "Tests/Scenarios/a.py", text: python),
        ])
        #expect(known == ["ATests: it is so", "B is so: too", "a.py: a: all of it"])
        func faults(_ row: String) -> Int {
            StatementRule.faults(row, of: "A.md", known: known).count
        }
        #expect(faults("| §1 | so | `ATests: it is so` | `a.py: a: all of it` |") == 0)
        #expect(faults("| §1 | so | no test | not met: `ATests: it is so` |") == 0)
        #expect(faults("| §1 | so | not yet | not yet: the door |") == 0)
        #expect(faults("| §1 | so | `ATests: it is not so` | not applicable |") == 1)
        #expect(faults("| §1 | so | `BTests: it is so`, `b.py: a: all of it` | no test |") == 2)
        #expect(faults("| §1 | so | perhaps | no test |") == 1)
        #expect(faults("| §1 | so | no test |") == 1)
    }
}
