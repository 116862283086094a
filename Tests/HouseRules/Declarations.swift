// SPDX-License-Identifier: Apache-2.0

/// What a file declares, found by walking its tokens once with a stack of open braces.
struct Declarations {
    struct Function: Equatable {
        let name: String
        let firstLine: Int
        let lastLine: Int
        var lines: Int { lastLine - firstLine + 1 }
    }

    struct Named: Equatable {
        let kind: String
        let name: String
        let line: Int
    }

    /// A stored property of a type; `type` is empty when it is inferred.
    struct Field: Equatable {
        let name: String
        let type: String
        let line: Int
    }

    private(set) var functions: [Function] = []
    private(set) var types: [Named] = []
    private(set) var fields: [Field] = []

    private enum Scope { case type, function(Int), other }
    private var scopes: [Scope] = []
    private var pending: Scope?

    init(_ file: SwiftFile) {
        let tokens = file.tokens
        var index = 0
        while index < tokens.count {
            visit(tokens, &index)
            index += 1
        }
    }

    private static let typeWords: Set<String> = [
        "struct", "class", "enum", "actor", "protocol", "extension",
    ]

    private var isInType: Bool {
        guard let last = scopes.last, case .type = last else { return scopes.isEmpty }
        return true
    }

    private mutating func visit(_ tokens: [SwiftFile.Token], _ index: inout Int) {
        let token = tokens[index]
        switch token.text {
        case "{":
            scopes.append(pending ?? .other)
            pending = nil
        case "}": close(at: token.line)
        case "func", "init", "deinit", "subscript":
            guard isInType || token.text == "func", startsDeclaration(tokens, index) else { return }
            let isNamed = token.text == "func" && index + 1 < tokens.count
            let name = isNamed ? tokens[index + 1].text : token.text
            let function = Function(name: name, firstLine: token.line, lastLine: token.line)
            functions.append(function)
            pending = .function(functions.count - 1)
            skipSignature(tokens, &index)
        case _ where Self.typeWords.contains(token.text):
            guard index + 1 < tokens.count, startsDeclaration(tokens, index) else { return }
            let next = tokens[index + 1]
            // `class func` and `class var` are members, not types.
            guard next.isWord, next.text != "func", next.text != "var" else { return }
            types.append(Named(kind: token.text, name: next.text, line: token.line))
            pending = .type
        case "var", "let":
            if isInType, !scopes.isEmpty { field(tokens, index) }
        default: break
        }
    }

    // `.init(…)`, `x.class` and `#extension` are uses of a word, not declarations.
    private func startsDeclaration(_ tokens: [SwiftFile.Token], _ index: Int) -> Bool {
        guard index > 0 else { return true }
        return tokens[index - 1].text != "." && tokens[index - 1].text != "#"
    }

    private mutating func close(at line: Int) {
        guard let scope = scopes.popLast(), case .function(let index) = scope else { return }
        let open = functions[index]
        functions[index] = Function(name: open.name, firstLine: open.firstLine, lastLine: line)
    }

    // Moves to just before the body; a requirement of a protocol has none.
    private mutating func skipSignature(_ tokens: [SwiftFile.Token], _ index: inout Int) {
        var depth = 0
        var next = index + 1
        while next < tokens.count {
            switch tokens[next].text {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "{" where depth == 0:
                index = next - 1
                return
            case "}" where depth == 0, "func" where depth == 0 && next > index + 1,
                "var" where depth == 0, "init" where depth == 0 && tokens[next - 1].text != ".":
                pending = nil
                index = next - 1
                return
            // A default argument may be a closure.
            case "{": depth += 1
            case "}": depth -= 1
            default: break
            }
            next += 1
        }
        index = next - 1
    }

    private mutating func field(_ tokens: [SwiftFile.Token], _ index: Int) {
        guard index + 1 < tokens.count, tokens[index + 1].isWord else { return }
        let name = tokens[index + 1]
        var type = ""
        var next = index + 2
        var isInferred = next >= tokens.count || tokens[next].text != ":"
        while next < tokens.count {
            let token = tokens[next]
            // A new line without a continuation ends the declaration; a brace makes it computed,
            // unless it belongs to `= {` or to observers, which the rules treat alike.
            if token.text == "{" {
                if !isInferred || type.isEmpty, tokens[next - 1].text != "=" { return }
                break
            }
            if token.text == "=" { break }
            let isJoined =
                "<.,([:?>&->".contains(token.text)
                || "<.,([:&->".contains(tokens[next - 1].text)
            if token.line > tokens[next - 1].line, !isJoined { break }
            if token.text != ":" || !type.isEmpty { type += token.text }
            next += 1
        }
        if type.isEmpty { isInferred = true }
        if isInferred, next + 1 < tokens.count, tokens[next].text == "=", tokens[next + 1].isWord {
            type = tokens[next + 1].text
        }
        fields.append(Field(name: name.text, type: type, line: name.line))
    }
}
