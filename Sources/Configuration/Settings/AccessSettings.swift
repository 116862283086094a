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

/// A file that access to routes depends on.
public struct AccessFileSettings: Sendable, Hashable {
    /// What is in it.
    public enum Content: Sendable, Hashable {
        /// Users with hashes of their passwords.
        case users
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
        return routes.flatMap { route in
            route.basicAuth.map { [AccessFileSettings(path: $0.users, content: .users)] } ?? []
        }.filter { seen.insert($0).inserted }
    }
}
