// SPDX-License-Identifier: Apache-2.0

/// A text with variables: `https://{host}{uri}`.
public struct TextTemplate: Sendable, Hashable {
    /// A piece of the text.
    public enum Part: Sendable, Hashable {
        /// These characters.
        case text(String)
        /// A part of the request.
        case variable(TemplateVariable)
        /// The segment that a parameter of the route's path stands for.
        case parameter(String)
    }

    /// Why a text is no template.
    public struct Fault: Error, Equatable, Sendable {
        /// What is wrong, without a full stop.
        public var message: String
        /// What would be right; nil when nothing is near.
        public var suggestion: String?
    }

    /// The pieces in their order.
    public var parts: [Part]

    /// A template of these pieces.
    public init(parts: [Part]) { self.parts = parts }

    /// Reads a text in which `{name}` is a variable or one of the parameters, and `{{` a brace.
    public init(_ text: String, parameters: [String] = []) throws(Fault) {
        parts = []
        var literal = ""
        var rest = text[...]
        while let character = rest.first {
            rest = rest.dropFirst()
            guard character == "{" else {
                if character == "}", rest.first == "}" { rest = rest.dropFirst() }
                literal.append(character)
                continue
            }
            if rest.first == "{" {
                rest = rest.dropFirst()
                literal.append("{")
                continue
            }
            guard let end = rest.firstIndex(of: "}") else {
                throw Fault(message: "a brace is not closed", suggestion: "write `{{` for a brace")
            }
            if !literal.isEmpty { parts.append(.text(literal)) }
            literal = ""
            parts.append(try TextTemplate.part(String(rest[..<end]), parameters))
            rest = rest[rest.index(after: end)...]
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
    }

    private static func part(_ name: String, _ parameters: [String]) throws(Fault) -> Part {
        // The path's own words come first: whoever wrote `{host}` there means that segment.
        if parameters.contains(name) { return .parameter(name) }
        if let variable = TemplateVariable(rawValue: name) { return .variable(variable) }
        let known = TemplateVariable.allCases.map(\.rawValue) + parameters
        throw Fault(
            message: "there is no variable `{\(name)}`",
            suggestion: "one of " + known.map { "{\($0)}" }.joined(separator: ", ")
        )
    }
}

/// The parts of a request that a ``TextTemplate`` can name.
public enum TemplateVariable: String, Sendable, CaseIterable {
    /// `http` or `https`, as the client reached the listener.
    case scheme
    /// The host that was asked for, without port.
    case host
    /// Host and port that were asked for.
    case authority
    /// The path as it was sent.
    case path
    /// The query without its question mark.
    case query
    /// Path and query as they were sent.
    case uri
    /// What of the path follows the route's path.
    case rest
    /// The method.
    case method
    /// The client's address.
    case client
    /// The request's id.
    case requestID = "request-id"
    /// The id of the request's trace; empty where the listener has no tracing.
    case traceID = "trace-id"
}
