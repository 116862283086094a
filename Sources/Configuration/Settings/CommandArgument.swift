// SPDX-License-Identifier: Apache-2.0

/// An argument of a command: text, in which parts of what is probed have their places.
public struct CommandArgument: Sendable, Equatable {
    /// A part of what is probed.
    public enum Variable: String, Sendable, CaseIterable {
        /// The address that is asked.
        case address
        /// The port that is asked; empty where there is none.
        case port
        /// The pool, or the policy that has the address.
        case pool
        /// The endpoint's name.
        case endpoint
    }

    enum Part: Equatable {
        case text(String)
        case variable(Variable)
    }

    /// Why a text is no argument.
    struct Fault: Error, Equatable {
        var message: String
        var suggestion: String
    }

    let parts: [Part]

    /// Reads a text in which `{name}` is a variable, and `{{` a brace.
    init(_ text: String) throws(Fault) {
        var parts: [Part] = []
        var literal = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "{" else {
                if character == "}", rest.first == "}" { rest.removeFirst() }
                literal.append(character)
                continue
            }
            if rest.first == "{" {
                rest.removeFirst()
                literal.append("{")
                continue
            }
            guard let end = rest.firstIndex(of: "}") else {
                throw Fault(message: "a brace is not closed", suggestion: "write `{{` for a brace")
            }
            guard let variable = Variable(rawValue: String(rest[..<end])) else {
                let known = Variable.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", ")
                throw Fault(
                    message: "there is no variable `{\(rest[..<end])}`",
                    suggestion: "one of \(known); `{{` stands for a brace"
                )
            }
            parts += literal.isEmpty ? [] : [.text(literal)]
            literal = ""
            parts.append(.variable(variable))
            rest = rest[end...].dropFirst()
        }
        self.parts = parts + (literal.isEmpty ? [] : [.text(literal)])
    }

    /// The text with the variables filled in.
    public func filled(_ value: (Variable) -> String) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .variable(let variable): value(variable)
            }
        }.joined()
    }
}
