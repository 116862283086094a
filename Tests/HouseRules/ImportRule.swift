// SPDX-License-Identifier: Apache-2.0
import Testing

/// Imports point one way: each target may import what stands in its row and nothing else.
enum ImportRule {
    static let modules: [String: Set<String>] = [
        "Essentials": [],
        "DNSProtocol": ["Essentials"],
        "HTTPProtocol": ["Essentials"],
        "Steering": ["Essentials"],
        "Configuration": ["Essentials"],
        "Runtime": ["Essentials"],
        "DNSServer": ["Essentials", "DNSProtocol", "Steering", "Runtime"],
        "EdgeCache": ["Essentials", "HTTPProtocol", "Runtime"],
        "HTTPGateway": ["Essentials", "HTTPProtocol", "Steering", "Runtime", "EdgeCache"],
        "Prober": ["Essentials", "DNSProtocol", "HTTPProtocol", "Steering", "Runtime"],
        "ControlPlane": [
            "Essentials", "DNSProtocol", "HTTPProtocol", "Steering", "Configuration", "Runtime",
            "DNSServer", "EdgeCache", "HTTPGateway", "Prober",
        ],
        "martlet": [
            "Essentials", "DNSProtocol", "HTTPProtocol", "Steering", "Configuration", "Runtime",
            "DNSServer", "HTTPGateway", "Prober", "ControlPlane",
        ],
    ]

    /// Modules from outside, and the targets that may see each.
    static let outside: [String: Set<String>] = [
        "Swift": Set(modules.keys),
        "Synchronization": ["Essentials", "Steering", "EdgeCache", "Runtime", "ControlPlane"],
        // The C library: memcpy and friends in Essentials, everything else behind CLinux.
        "Glibc": ["Essentials", "Runtime"],
        "CLinux": ["Runtime"],
        "CCoding": ["Runtime"],
        "CCrypt": ["Runtime"],
        "CMaxMindDB": ["Runtime"],
        "CYAML": ["Configuration"],
        "COpenSSL": ["Runtime"],
        "CNGHTTP2": ["HTTPProtocol"],
        "CSQLite": ["Runtime"],
        "CRE2": ["Runtime"],
        // 58 MB of a static binary. FoundationEssentials could be granted to Configuration,
        // ControlPlane and martlet by a decision note; nothing has needed it.
        "Foundation": [],
        "FoundationEssentials": [],
    ]

    static func imports(_ file: SwiftFile) -> [(module: String, line: Int)] {
        let tokens = file.tokens
        let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "var", "let"]
        return tokens.indices.compactMap { index in
            guard tokens[index].text == "import", index + 1 < tokens.count else { return nil }
            guard index == 0 || tokens[index - 1].text != "." else { return nil }
            let isPart = kinds.contains(tokens[index + 1].text) && index + 2 < tokens.count
            return (tokens[index + (isPart ? 2 : 1)].text, tokens[index].line)
        }
    }

    static func check(_ files: [SwiftFile]) -> [Violation] {
        files.flatMap { file -> [Violation] in
            guard let row = modules[file.target] else {
                return [file.violation(1, "target '\(file.target)' has no row in ImportRule")]
            }
            return imports(file).compactMap { module, line in
                let isAllowed =
                    row.contains(module) || outside[module]?.contains(file.target) == true
                guard !isAllowed else { return nil }
                return file.violation(line, "\(file.target) may not import \(module)")
            }
        }
    }
}

@Suite struct ImportRuleTests {
    @Test func `imports point one way`() {
        let violations = ImportRule.check(Tree.sources)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test func `an import against the direction is seen`() {
        let upward = SwiftFile("Sources/Steering/A.swift", "\ninternal import Configuration\n")
        #expect(ImportRule.check([upward]).map(\.line) == [2])
        let foundation = SwiftFile("Sources/ControlPlane/A.swift", "public import Foundation\n")
        #expect(ImportRule.check([foundation]).count == 1)
        let part = SwiftFile("Sources/DNSServer/A.swift", "import struct HTTPGateway.HTTPDoor\n")
        #expect(ImportRule.check([part]).count == 1)
        let unknown = SwiftFile("Sources/Extra/A.swift", "import Essentials\n")
        #expect(ImportRule.check([unknown]).count == 1)
    }

    @Test func `the table itself has no circle`() {
        var settled: Set<String> = []
        var rest = ImportRule.modules
        while let next = rest.first(where: { settled.isSuperset(of: $0.value) }) {
            settled.insert(next.key)
            rest[next.key] = nil
        }
        #expect(rest.isEmpty, "these import each other: \(rest.keys.sorted())")
    }
}
