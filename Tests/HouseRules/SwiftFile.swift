// SPDX-License-Identifier: Apache-2.0

/// A Swift file cut into tokens, good enough for house rules: it knows comments, strings and braces.
///
/// Comments and the text inside string literals give no tokens, so a rule that looks for a word
/// never trips over a sentence about it. Interpolations count as text: nothing here needs them.
struct SwiftFile: Sendable {
    struct Token: Sendable, Equatable {
        let text: String
        let line: Int
        /// Whether blank space comes before it: `a !b` and `a! b` differ by nothing else.
        let isSpaced: Bool

        var isWord: Bool {
            guard let first = text.utf8.first else { return false }
            return SwiftFile.isWordByte(first)
        }
    }

    let file: TreeFile
    let tokens: [Token]
    let comments: [Token]
    let lineCount: Int

    var path: String { file.path }
    var target: String { file.target }

    init(_ file: TreeFile) {
        self.file = file
        var scanner = Scanner(bytes: Array(file.text.utf8))
        scanner.run()
        tokens = scanner.tokens
        comments = scanner.comments
        lineCount = scanner.line - (file.text.hasSuffix("\n") ? 1 : 0)
    }

    /// For the tests of the rules: a file that is not on disk.
    init(_ path: String, _ text: String) { self.init(TreeFile(path: path, text: text)) }

    func violation(_ line: Int, _ reason: String) -> Violation {
        Violation(path: path, line: line, reason: reason)
    }

    static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x80...0xff: true
        default: false
        }
    }
}

extension SwiftFile {
    private struct Scanner {
        let bytes: [UInt8]
        var at = 0
        var line = 1
        var isSpaced = true
        var tokens: [Token] = []
        var comments: [Token] = []

        init(bytes: [UInt8]) { self.bytes = bytes }

        func peek(_ offset: Int = 0) -> UInt8 {
            at + offset < bytes.count ? bytes[at + offset] : 0
        }

        mutating func step() {
            if peek() == 0x0a { line += 1 }
            at += 1
        }

        mutating func run() {
            while at < bytes.count {
                switch peek() {
                case 0x0a, 0x20, 0x09, 0x0d:
                    isSpaced = true
                    step()
                case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"): lineComment()
                case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"): blockComment()
                case UInt8(ascii: "\""): string(hashes: 0)
                case UInt8(ascii: "#") where hashesBeforeQuote() > 0:
                    let hashes = hashesBeforeQuote()
                    at += hashes
                    string(hashes: hashes)
                case UInt8(ascii: "`"): rawIdentifier()
                default: wordOrSign()
                }
            }
        }

        func hashesBeforeQuote() -> Int {
            var count = 0
            while peek(count) == UInt8(ascii: "#") { count += 1 }
            return peek(count) == UInt8(ascii: "\"") ? count : 0
        }

        mutating func emit(from start: Int, line first: Int) {
            let text = String(decoding: bytes[start..<at], as: UTF8.self)
            tokens.append(Token(text: text, line: first, isSpaced: isSpaced))
            isSpaced = false
        }

        mutating func wordOrSign() {
            let start = at
            if SwiftFile.isWordByte(peek()) {
                while SwiftFile.isWordByte(peek()), at < bytes.count { at += 1 }
            } else {
                at += 1
            }
            emit(from: start, line: line)
        }

        mutating func rawIdentifier() {
            let start = at
            step()
            while at < bytes.count, peek() != UInt8(ascii: "`") { step() }
            step()
            emit(from: start, line: line)
        }

        mutating func lineComment() {
            let start = at
            while at < bytes.count, peek() != 0x0a { at += 1 }
            let text = String(decoding: bytes[start..<at], as: UTF8.self)
            comments.append(Token(text: text, line: line, isSpaced: true))
            isSpaced = true
        }

        mutating func blockComment() {
            let start = at
            let first = line
            var depth = 0
            repeat {
                if peek() == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                    depth += 1
                    at += 2
                } else if peek() == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                    depth -= 1
                    at += 2
                } else {
                    step()
                }
            } while depth > 0 && at < bytes.count
            let text = String(decoding: bytes[start..<min(at, bytes.count)], as: UTF8.self)
            comments.append(Token(text: text, line: first, isSpaced: true))
            isSpaced = true
        }

        // A literal leaves the token `""`: rules about calls still see an argument there.
        mutating func string(hashes: Int) {
            let first = line
            let quote = UInt8(ascii: "\"")
            let isLong = peek(1) == quote && peek(2) == quote
            at += isLong ? 3 : 1
            while at < bytes.count {
                if peek() == UInt8(ascii: "\\"), hashes == 0 {
                    escape()
                } else if peek() == quote, closes(isLong: isLong, hashes: hashes) {
                    at += (isLong ? 3 : 1) + hashes
                    break
                } else {
                    step()
                }
            }
            tokens.append(Token(text: "\"\"", line: first, isSpaced: isSpaced))
            isSpaced = false
        }

        // `\(` opens an interpolation, which may hold strings of its own.
        mutating func escape() {
            step()
            guard peek() == UInt8(ascii: "(") else { return step() }
            var depth = 0
            repeat {
                switch peek() {
                case UInt8(ascii: "("): depth += 1
                case UInt8(ascii: ")"): depth -= 1
                case UInt8(ascii: "\""):
                    let kept = tokens
                    string(hashes: 0)
                    tokens = kept
                    continue
                default: break
                }
                step()
            } while depth > 0 && at < bytes.count
        }

        func closes(isLong: Bool, hashes: Int) -> Bool {
            let quote = UInt8(ascii: "\"")
            if isLong, peek(1) != quote || peek(2) != quote { return false }
            let after = isLong ? 3 : 1
            return (0..<hashes).allSatisfy { peek(after + $0) == UInt8(ascii: "#") }
        }
    }
}
