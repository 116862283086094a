// SPDX-License-Identifier: Apache-2.0
import Testing

/// Names that say nothing, notes without an owner, tests that wait, and traces of one machine.
enum WordRule {
    static let emptyWords: Set<String> = [
        "Manager", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Common", "Base",
        "Impl", "Core", "Misc",
    ]

    /// `XDPRingManager` -> `XDP`, `Ring`, `Manager`: a new word starts at a capital after a small
    /// letter, or at the last capital of a run.
    static func words(_ name: String) -> [String] {
        let letters = Array(name)
        var words: [String] = []
        var word = ""
        for (index, letter) in letters.enumerated() {
            let followsSmall = index > 0 && !letters[index - 1].isUppercase
            let precedesSmall = index + 1 < letters.count && letters[index + 1].isLowercase
            if letter.isUppercase, followsSmall || precedesSmall, !word.isEmpty {
                words.append(word)
                word = ""
            }
            word.append(letter)
        }
        return words + [word]
    }

    static func names(_ files: [SwiftFile]) -> [Violation] {
        files.flatMap { file -> [Violation] in
            let stem = String(file.file.name.prefix { $0 != "." })
            let parts = stem.split(separator: "+").flatMap { words(String($0)) }
            var found: [Violation] = parts.filter(emptyWords.contains).map {
                file.violation(1, "a file named '\($0)' says nothing")
            }
            for type in Declarations(file).types where type.kind != "extension" {
                for word in words(type.name) where emptyWords.contains(word) {
                    found.append(
                        file.violation(type.line, "'\(type.name)' says nothing by '\(word)'")
                    )
                }
            }
            return found
        }
    }

    /// A note for later needs the number of its issue, such as `#12`, on the same line.
    static func notes(_ files: [TreeFile]) -> [Violation] {
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        return lines(files.filter { !$0.path.hasPrefix("Tests/HouseRules/") }) { line in
            for word in line.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "#" }) {
                guard marks.contains(String(word)) else { continue }
                let hasIssue = line.split(separator: "#").dropFirst().contains {
                    $0.first?.isNumber == true
                }
                if !hasIssue { return "'\(word)' without an issue number" }
            }
            return nil
        }
    }

    /// Tests advance time or wait for an event; they never sleep.
    static func sleeps(_ files: [SwiftFile]) -> [Violation] {
        let calls: Set<String> = ["sleep", "usleep", "nanosleep", "sleepForTimeInterval"]
        return files.flatMap { file in
            file.tokens.indices.compactMap { index -> Violation? in
                let next = index + 1 < file.tokens.count ? file.tokens[index + 1].text : ""
                guard calls.contains(file.tokens[index].text), next == "(" else { return nil }
                return file.violation(file.tokens[index].line, "a test sleeps")
            }
        }
    }

    /// Paths of one machine, and words about how a text came to be, help no reader.
    static func traces(_ files: [TreeFile]) -> [Violation] {
        let marks = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/tmp" + "/w/", "../sha" + "red"]
        return lines(files.filter { $0.path != "LICENSE" }) { line in
            marks.first { line.contains($0) }.map { "a path of one machine: \($0)" }
        }
    }

    static func licences(_ files: [TreeFile]) -> [Violation] {
        let endings = [".swift", ".h", ".c", ".cc", ".py", ".sh", "Makefile"]
        return files.filter { file in
            endings.contains { file.path.hasSuffix($0) } || file.text.hasPrefix("#!")
        }.compactMap { file in
            let head = file.text.split(separator: "\n", maxSplits: 2).prefix(2)
            let isMarked = head.contains { $0.contains("SPDX-License-Identifier: Apache-2.0") }
            return isMarked ? nil : Violation(path: file.path, line: 1, reason: "no SPDX line")
        }
    }

    private static func lines(_ files: [TreeFile], _ judge: (Substring) -> String?) -> [Violation] {
        files.flatMap { file in
            file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
                .compactMap { index, line in
                    judge(line).map { Violation(path: file.path, line: index + 1, reason: $0) }
                }
        }
    }
}

@Suite struct WordRuleTests {
    @Test func `no type or file is named after nothing`() {
        let violations = WordRule.names(Tree.sources + Tree.tests)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test func `a note for later names its issue`() {
        let violations = WordRule.notes(Tree.files)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test func `no test sleeps`() {
        let violations = WordRule.sleeps(Tree.tests)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test func `no text names a path of one machine`() {
        let violations = WordRule.traces(Tree.files)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test func `every source says its licence`() {
        let violations = WordRule.licences(Tree.files)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test(arguments: [
        "Sources/A/PoolManager.swift", "Sources/A/Pool+Utils.swift", "Tests/A/Common.swift",
    ])
    func `an empty file name is seen`(path: String) {
        #expect(WordRule.names([SwiftFile(path, "")]).count == 1)
    }

    @Test func `an empty type name is seen and an honest one is not`() {
        let text =
            "struct XDPHelper {}\nfinal class CoreLoop {}\nextension Base {}\nstruct Base64 {}"
        let seen = WordRule.names([SwiftFile("Sources/A/B.swift", text)])
        #expect(seen.map(\.line) == [1, 2])
    }

    @Test func `an open note, a sleep, a machine's path and a missing licence are seen`() {
        func file(_ text: String) -> TreeFile { TreeFile(path: "Sources/A/B.swift", text: text) }
        let mark = "TO" + "DO"
        #expect(WordRule.notes([file("// \(mark): later")]).count == 1)
        #expect(WordRule.notes([file("// \(mark) #12: later")]).isEmpty)
        #expect(WordRule.traces([file("see /ro" + "ot/x")]).count == 1)
        #expect(WordRule.licences([file("struct A {}\n")]).count == 1)
        let sleep = SwiftFile("Tests/A/B.swift", "try await Task.sleep(for: .seconds(1))")
        #expect(WordRule.sleeps([sleep]).count == 1)
    }
}
