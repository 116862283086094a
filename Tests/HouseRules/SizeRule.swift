// SPDX-License-Identifier: Apache-2.0
import Testing

/// Files and functions stay small: 600 lines a file, 1,000 for tests, 70 a function.
///
/// What is longer stands in `Tests/size-baseline.txt` with its exact size, and the number may only go
/// down: growth fails, and shrinking fails too until the lower number is written down.
enum SizeRule {
    static let fileLimit = 600
    static let testFileLimit = 1000
    static let functionLimit = 70
    static let baselinePath = "Tests/size-baseline.txt"

    /// `path` for a file or `path name` for a function, with its size when that is over the limit.
    static func oversized(_ files: [SwiftFile]) -> [String: Int] {
        var found: [String: Int] = [:]
        for file in files {
            let limit = file.path.hasPrefix("Tests/") ? testFileLimit : fileLimit
            if file.lineCount > limit { found[file.path] = file.lineCount }
            for function in Declarations(file).functions where function.lines > functionLimit {
                let key = "\(file.path) \(function.name)"
                found[key] = max(found[key] ?? 0, function.lines)
            }
        }
        return found
    }

    /// Lines of `size path [function]`; the rest of a line after `#` is a remark.
    static func baseline(_ text: String) -> [String: Int] {
        var known: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.prefix { $0 != "#" }.split(separator: " ")
            guard parts.count > 1, let size = Int(parts[0]) else { continue }
            known[parts.dropFirst().joined(separator: " ")] = size
        }
        return known
    }

    static func check(_ files: [SwiftFile], baseline known: [String: Int]) -> [Violation] {
        let found = oversized(files)
        let grown = found.compactMap { key, size -> Violation? in
            guard size > known[key] ?? 0 else { return nil }
            let limit = known[key].map { "it was \($0), and may only go down" } ?? "over the limit"
            return Violation(path: key, line: 1, reason: "\(size) lines: \(limit)")
        }
        let shrunk = known.compactMap { key, size -> Violation? in
            guard found[key] ?? 0 < size else { return nil }
            let now = found[key].map { "lower the number to \($0)" } ?? "remove the line"
            return Violation(path: baselinePath, line: 1, reason: "\(key) is smaller now: \(now)")
        }
        return grown + shrunk
    }
}

@Suite struct SizeRuleTests {
    @Test func `files and functions stay within their sizes`() throws {
        let text = try #require(Tree.text(SizeRule.baselinePath))
        let all = Tree.sources + Tree.tests
        let violations = SizeRule.check(all, baseline: SizeRule.baseline(text))
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test func `a long file and a long function are seen`() {
        let body = String(repeating: "    let a = \"}\" // }\n", count: 80)
        let long = SwiftFile(
            "Sources/Steering/A.swift",
            "struct A {\n    func b() {\n\(body)    }\n}\n"
        )
        #expect(SizeRule.oversized([long]) == ["Sources/Steering/A.swift b": 82])
        let lines = String(repeating: "let a = 1\n", count: 601)
        #expect(SizeRule.oversized([SwiftFile("Sources/A/B.swift", lines)]).count == 1)
        #expect(SizeRule.oversized([SwiftFile("Tests/A/B.swift", lines)]).isEmpty)
    }

    @Test func `a number in the baseline may only go down`() {
        let lines = String(repeating: "let a = 1\n", count: 700)
        let file = SwiftFile("Sources/A/B.swift", lines)
        func check(_ baseline: String) -> Int {
            SizeRule.check([file], baseline: SizeRule.baseline(baseline)).count
        }
        #expect(check("700 Sources/A/B.swift  # a table") == 0)
        #expect(check("699 Sources/A/B.swift") == 1, "growth")
        #expect(check("701 Sources/A/B.swift") == 1, "a number left too high")
        #expect(check("700 Sources/A/B.swift\n650 Sources/A/Gone.swift") == 1, "a stale line")
    }
}
