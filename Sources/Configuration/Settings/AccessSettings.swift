// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Access to a route by name and password.
public struct BasicAuthSettings: Sendable, Equatable {
    /// The file of users, as an absolute path or as the process sees it.
    public var users: String
    /// What browsers show to people.
    public var realm: String
    /// The field that tells endpoints the name; nil for none.
    public var userHeader: String?
    /// Whether endpoints do not get to see the credentials.
    public var strip: Bool
    /// How long a password that was right is not looked at again.
    public var cache: Interval
    /// Wrong passwords that a client may try.
    public var attempts: Rate
}

/// Access to a route by a signed token.
public struct JWTSettings: Sendable, Equatable {
    /// The file of public keys, as an absolute path or as the process sees it.
    public var keys: String
    /// The algorithms that count; empty for all that Martlet knows.
    public var algorithms: [String]
    /// Who must have issued it; nil for anybody with a key.
    public var issuer: String?
    /// For whom it is meant, one of these; empty for anybody.
    public var audience: [String]
    /// Claims with the values that they must have.
    public var claims: [HeaderSettings]
    /// Fields that tell endpoints the value of a claim.
    public var claimHeaders: [HeaderSettings]
    /// How far clocks may be apart.
    public var leeway: Interval
    /// Whether a token must say when it ends.
    public var requireExpiry: Bool
    /// The longest token that is looked at.
    public var tokenLimit: ByteCount
    /// The longest that a token which was right is not looked at again.
    public var cache: Interval
    /// Whether endpoints do not get to see the token.
    public var strip: Bool
    /// Named when somebody has to come with a token.
    public var realm: String
}

/// A file that access to routes depends on.
public struct AccessFileSettings: Sendable, Hashable {
    /// What is in it.
    public enum Content: Sendable, Hashable {
        /// Users with hashes of their passwords.
        case users
        /// Public keys that signatures are verified with.
        case keys
        /// The text of an answer.
        case page
    }

    /// Where it is.
    public var path: String
    /// What is in it.
    public var content: Content

    /// A file with such a content.
    public init(path: String, content: Content) {
        self.path = path
        self.content = content
    }
}

extension Settings {
    /// The files that access to routes depends on, each once.
    public var accessFiles: [AccessFileSettings] {
        var seen: Set<AccessFileSettings> = []
        return routes.flatMap { route -> [AccessFileSettings] in
            let users = route.basicAuth.map { AccessFileSettings(path: $0.users, content: .users) }
            let keys = route.jwt.map { AccessFileSettings(path: $0.keys, content: .keys) }
            let page = route.maintenance?.file.map { AccessFileSettings(path: $0, content: .page) }
            return [users, keys, page].compactMap { $0 }
        }.filter { seen.insert($0).inserted }
    }
}
