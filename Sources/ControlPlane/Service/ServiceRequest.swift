// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol

/// One whole request that this process answers itself, body included.
public struct ServiceRequest: Sendable {
    /// One field line.
    public struct Field: Sendable, Equatable {
        /// The name in lower case.
        public var name: String
        /// The value.
        public var value: String

        /// Joins a name in lower case and a value.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The method.
    public var method: Method
    /// The path as it was sent, escapes and all; never empty.
    public var path: String
    /// The query without its question mark; empty when there is none.
    public var query: String
    /// The effective host without its port; an IPv6 literal keeps its brackets.
    public var host: String
    /// The effective host with its port, as it was sent.
    public var authority: String
    /// The field lines in the order of arrival.
    public var fields: [Field]
    /// The body, without its transfer coding.
    public var body: [UInt8]
    /// Who asks.
    public var peer: SocketAddress
    /// The number of the listener that took the connection.
    public var listener: Int
    /// Names the connection, for an answer that comes later.
    public var ticket: Handle

    /// A request from its parts; tests and clients of the handlers leave out what they do not use.
    public init(method: Method, target: String, fields: [Field] = [], body: [UInt8] = []) {
        self.method = method
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = parts.first.map(String.init) ?? "/"
        query = parts.count > 1 ? String(parts[1]) : ""
        authority = fields.first { $0.name == "host" }?.value ?? ""
        host = authority
        self.fields = fields
        self.body = body
        peer = SocketAddress(IPAddress(v4: 0), port: 0)
        listener = 0
        ticket = .none
        // A port follows the last colon, unless that colon stands inside the brackets of IPv6.
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            host = String(authority[..<colon])
        }
    }

    /// The value of the first field of this name, which is given in lower case.
    public func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The segments of the path, each decoded; nil when one is not valid UTF-8.
    ///
    /// Decoding comes after splitting, so an escaped slash stays inside its segment.
    public var segments: [String]? {
        var decoded: [String] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: true) {
            guard let text = PercentCoding.decode(part) else { return nil }
            decoded.append(text)
        }
        return decoded
    }

    /// The parameters of the query in order, decoded; nil when one is not valid UTF-8.
    public var parameters: [Field]? {
        var found: [Field] = []
        for part in query.split(separator: "&", omittingEmptySubsequences: true) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = pair.first.flatMap({ PercentCoding.decode($0) }),
                let value = pair.count > 1 ? PercentCoding.decode(pair[1]) : ""
            else { return nil }
            found.append(Field(name, value))
        }
        return found
    }
}

/// What became of a request.
struct ServiceOutcome: Sendable {
    /// Nil for a request whose head could not be read.
    var method: Method?
    var status: UInt16
    var peer: SocketAddress
}
