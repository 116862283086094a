// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A condition on a request, beside host and path.
public indirect enum RouteCondition: Sendable, Hashable {
    /// Every one holds; true for none.
    case all([RouteCondition])
    /// At least one holds; false for none.
    case any([RouteCondition])
    /// It does not hold.
    case not(RouteCondition)
    /// The method is this one (RFC 9110 §9.1: in the same case).
    case method(String)
    /// A field line with this name passes the test.
    case header(ValueMatch)
    /// A cookie with this name passes the test (RFC 6265 §4.2.1).
    case cookie(ValueMatch)
    /// A query parameter with this name passes the test, as it was sent: nothing is decoded.
    case query(ValueMatch)
    /// A member of the JSON body passes the test, as it was sent; its name is a path with dots.
    case json(ValueMatch)
    /// A field of the form in the body passes the test, as it was sent: nothing is decoded.
    case form(ValueMatch)
    /// The media type is this one, or of this kind for `image/*` (RFC 9110 §8.3.1).
    case contentType(String)
    /// The client's address lies in the network.
    case client(Prefix)
    /// The request came by TLS, or in the clear.
    case tls(Bool)
}

/// A name and what its value must be like.
public struct ValueMatch: Sendable, Hashable {
    /// The field, cookie or parameter.
    public var name: String
    /// The test of its value.
    public var test: ValueTest

    /// A test of the value with a name.
    public init(name: String, test: ValueTest) {
        self.name = name
        self.test = test
    }
}

/// A test of a value, byte for byte.
public enum ValueTest: Sendable, Hashable {
    /// There is one.
    case present
    /// It is this text.
    case equals(String)
    /// It begins with this text.
    case prefix(String)
    /// It ends with this text.
    case suffix(String)
    /// It holds this text.
    case contains(String)
    /// A regular expression of RE2 matches somewhere in it.
    case expression(String)
}

extension RouteCondition: CustomStringConvertible {
    /// The condition as the configuration writes it.
    public var description: String {
        switch self {
        case .all(let parts): RouteCondition.list(parts, "and")
        case .any(let parts): RouteCondition.list(parts, "or")
        case .not(let part): "not \(part)"
        case .method(let name): "method \(name)"
        case .header(let match): "header \(match)"
        case .cookie(let match): "cookie \(match)"
        case .query(let match): "query \(match)"
        case .json(let match): "json \(match)"
        case .form(let match): "form \(match)"
        case .contentType(let type): "content-type \(type)"
        case .client(let prefix): "client \(prefix)"
        case .tls(let isWanted): "tls \(isWanted)"
        }
    }

    private static func list(_ parts: [RouteCondition], _ word: String) -> String {
        if parts.count == 1 { return "\(parts[0])" }
        return "(" + parts.map { "\($0)" }.joined(separator: " \(word) ") + ")"
    }
}

extension ValueMatch: CustomStringConvertible {
    /// The match as the configuration writes it: `X-Version=v2`.
    public var description: String {
        switch test {
        case .present: name
        case .equals(let text): "\(name)=\(text)"
        case .prefix(let text): "\(name)^=\(text)"
        case .suffix(let text): "\(name)$=\(text)"
        case .contains(let text): "\(name)*=\(text)"
        case .expression(let text): "\(name)~\(text)"
        }
    }
}
