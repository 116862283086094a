// SPDX-License-Identifier: Apache-2.0
import Testing

/// Where memory safety may be set aside, and what may never bring the process down.
enum SafetyRule {
    /// The only places with the word `unsafe`, or a pointer type: whole folders end with `/`.
    static let unsafePlaces = [
        "Sources/Runtime/",
        "Sources/Essentials/SharedWords.swift",
        "Sources/Essentials/ByteWord.swift",
        "Sources/Essentials/OutputSpan+Text.swift",
        "Sources/Configuration/YAMLParser.swift",
        "Sources/HTTPProtocol/HTTP2/HTTP2Callbacks.swift",
        "Sources/HTTPProtocol/HTTP2/HTTP2Session.swift",
        "Sources/HTTPProtocol/HTTP2/HTTP2Session+Windows.swift",
        "Sources/HTTPProtocol/HTTP2/HTTP2Workspace.swift",
    ]

    static let unsafeWords: Set<String> = [
        "unsafe", "UnsafePointer", "UnsafeMutablePointer", "UnsafeRawPointer", "Unmanaged",
        "UnsafeMutableRawPointer", "UnsafeBufferPointer", "UnsafeMutableBufferPointer",
        "UnsafeRawBufferPointer", "UnsafeMutableRawBufferPointer", "unsafeBitCast", "safe",
    ]

    /// Calls that end the process, or lie to the optimiser.
    static let deadlyCalls: Set<String> = [
        "fatalError", "preconditionFailure", "assertionFailure", "unsafeDowncast", "abort",
    ]

    /// Targets whose code runs on what a peer or a user sent: not even `precondition` there.
    static let outsideDataTargets: Set<String> = [
        "DNSProtocol", "HTTPProtocol", "Configuration", "DNSServer", "HTTPGateway", "Prober",
    ]

    static func mayBeUnsafe(_ path: String) -> Bool {
        unsafePlaces.contains { $0.hasSuffix("/") ? path.hasPrefix($0) : path == $0 }
    }

    static func unsafeUses(_ files: [SwiftFile]) -> [Violation] {
        files.filter { !mayBeUnsafe($0.path) }.flatMap { file in
            file.tokens.indices.compactMap { index -> Violation? in
                let token = file.tokens[index]
                guard unsafeWords.contains(token.text) else { return nil }
                // `safe` matters only as the attribute that silences the compiler.
                if token.text == "safe", index == 0 || file.tokens[index - 1].text != "@" {
                    return nil
                }
                return file.violation(token.line, "'\(token.text)' in a file that is not listed")
            }
        }
    }

    static func traps(_ files: [SwiftFile]) -> [Violation] { files.flatMap(traps(in:)) }

    private static func traps(in file: SwiftFile) -> [Violation] {
        let tokens = file.tokens
        return tokens.indices.compactMap { index in
            let token = tokens[index]
            let next = index + 1 < tokens.count ? tokens[index + 1] : nil
            let isCall = next?.text == "("
            if isCall, deadlyCalls.contains(token.text) {
                return file.violation(token.line, "'\(token.text)' ends the process")
            }
            if isCall, token.text == "precondition" || token.text == "assert",
                outsideDataTargets.contains(file.target)
            {
                return file.violation(token.line, "'\(token.text)' where outside data is handled")
            }
            guard token.text == "!", !token.isSpaced, index > 0 else { return nil }
            let before = tokens[index - 1]
            if before.text == "try" || before.text == "as" {
                return file.violation(token.line, "'\(before.text)!' traps")
            }
            // `a!`, `a()!`, `a[0]!`, `a?.b!`, but neither `a != b` nor `#if !x`.
            let isPostfix = before.isWord || ")]`\"".contains(before.text)
            let isUnequal = next?.text == "=" && next?.isSpaced == false
            guard isPostfix, !isUnequal, before.text != "in", before.text != "return" else {
                return nil
            }
            return file.violation(token.line, "'\(before.text)!' traps")
        }
    }
}

@Suite struct SafetyRuleTests {
    @Test func `memory safety is set aside only in the listed files`() {
        let violations = SafetyRule.unsafeUses(Tree.sources)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test func `nothing in Sources can trap on purpose`() {
        let violations = SafetyRule.traps(Tree.sources)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test(arguments: [
        "let p = unsafe q.pointee", "nonisolated(unsafe) var x = 1", "@safe struct S {}",
        "func f(_ p: UnsafePointer<Int>) {}",
    ])
    func `an unsafe word outside the list is seen`(text: String) {
        #expect(SafetyRule.unsafeUses([SwiftFile("Sources/Steering/A.swift", text)]).count == 1)
        #expect(SafetyRule.unsafeUses([SwiftFile("Sources/Runtime/A.swift", text)]).isEmpty)
    }

    @Test(arguments: [
        "let a = b!", "let a = b()!.c", "let a = b[0]!", "try! f()", "let a = b as! C",
        "var a: Int!", "fatalError(\"x\")", "preconditionFailure()", "precondition(a > 0)",
        "switch a { case 1: b! }", "let a = \"\\(x)\"; let c = d!",
    ])
    func `a trap is seen`(text: String) {
        let seen = SafetyRule.traps([SwiftFile("Sources/DNSServer/A.swift", text)])
        #expect(seen.count == 1, "\(text): \(seen)")
    }

    @Test(arguments: [
        "if a != b { return !c }", "#if !os(Linux)", "guard !a.isEmpty, b !== c else { return }",
        "// never b!\nlet a = \"b!\"", "let a = (!b)", "for x in y where !x {}", "x { !$0 }",
        "a !~ b", "let a = b ? !c : !d", "let s = #\"b! \"c!\"#", "let s = \"\\(f(\"a!\"))!\"",
    ])
    func `a negation is not a trap`(text: String) {
        let seen = SafetyRule.traps([SwiftFile("Sources/DNSServer/A.swift", text)])
        #expect(seen.isEmpty, "\(seen)")
    }
}
