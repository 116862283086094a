// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

/// What the documents show is true: every option is documented, every example loads.
enum DocumentRule {
    /// The text of every fenced block marked as a whole configuration: "```yaml martlet".
    static func blocks(_ file: TreeFile) -> [(line: Int, text: String)] {
        var found: [(line: Int, text: String)] = []
        var open: Int?
        let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            if let first = open, line.hasPrefix("```") {
                let text = lines[first + 1..<index].joined(separator: "\n") + "\n"
                found.append((first + 1, text))
                open = nil
            } else if line == "```yaml martlet" {
                open = index
            }
        }
        return found
    }

    /// Where whole configurations lie.
    static let folders = ["Documentation/examples/", "Examples/"]

    /// All configurations that the documents give: blocks, and the files in the examples' folders.
    static func examples(_ files: [TreeFile]) -> [(name: String, text: String)] {
        files.flatMap { file -> [(name: String, text: String)] in
            let isExample = folders.contains { file.path.hasPrefix($0) }
            if isExample, file.path.hasSuffix(".yaml") {
                return [(file.path, file.text)]
            }
            guard file.path.hasSuffix(".md") else { return [] }
            return blocks(file).map { ("\(file.path):\($0.line)", $0.text) }
        }
    }

    static func faults(_ example: (name: String, text: String)) -> [Violation] {
        let result = ConfigurationReader().read(Array(example.text.utf8), file: example.name)
        return result.errors.map {
            Violation(path: example.name, line: 1, reason: CheckReport.text($0))
        }
    }

    /// Options without a sentence, or without a row in the reference page.
    static func undocumented(_ options: [Option], in page: String) -> [String] {
        options.filter { option in
            let isTold = option.sentence.count > 5 && option.sentence.hasSuffix(".")
            return !isTold || !page.contains(option.sentence)
                || !page.contains("| `\(option.path)` |")
        }.map(\.path)
    }
}

@Suite struct DocumentRuleTests {
    @Test func `every option of the schema is documented`() throws {
        let page = try #require(Tree.text("Documentation/reference/configuration.md"))
        #expect(Schema.martlet.options.count > 100)
        #expect(DocumentRule.undocumented(Schema.martlet.options, in: page) == [])
        let first = try #require(Schema.martlet.options.first)
        let short = page.replacing(first.sentence, with: "")
        #expect(DocumentRule.undocumented(Schema.martlet.options, in: short) == [first.path])
    }

    @Test func `every example configuration loads`() {
        let examples = DocumentRule.examples(Tree.files)
        #expect(examples.contains { $0.name.hasPrefix("README.md") })
        for folder in DocumentRule.folders {
            #expect(examples.contains { $0.name.hasPrefix(folder) })
        }
        let violations = examples.flatMap(DocumentRule.faults)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test func `an example that does not load is seen`() {
        let text = "Words.\n```yaml martlet\npolls: {}\n```\n```yaml\nother: 1\n```\n"
        let examples = DocumentRule.examples([TreeFile(path: "A.md", text: text)])
        #expect(examples.map(\.name) == ["A.md:2"])
        #expect(!examples.flatMap(DocumentRule.faults).isEmpty)
    }
}
