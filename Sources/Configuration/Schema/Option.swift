// SPDX-License-Identifier: Apache-2.0

/// One option: a row of the table from which reading, checks, the reference page and the JSON
/// Schema follow.
public struct Option: Sendable {
    /// What an option is when the file does not give it.
    public enum Fallback: Sendable, ExpressibleByStringLiteral {
        /// It has to be given.
        case required
        /// The value written here, read like one from the file.
        case text(String)
        /// It has no value; the words say what that means.
        case absent(String)

        /// The value written here.
        public init(stringLiteral value: String) { self = .text(value) }
    }

    /// Where it stands.
    ///
    /// `pools.*.endpoints[].weight`: `*` for names the user gives, `[]` for list members, `**` for
    /// a policy at any depth.
    public let path: String
    /// What its value is.
    public let type: OptionType
    /// What holds when it is not given.
    public let fallback: Fallback
    /// What it does, in one sentence.
    public let sentence: String
    /// Further keys, one of which must stand beside it for it to mean something.
    public let beside: [String]
    /// True when a reload adopts a change; else it takes a restart.
    public let isReloadable: Bool

    init(
        _ path: String,
        _ type: OptionType,
        _ fallback: Fallback,
        _ sentence: String,
        beside: [String] = [],
        restart: Bool = false
    ) {
        self.path = path
        self.type = type
        self.fallback = fallback
        self.sentence = sentence
        self.beside = beside
        isReloadable = !restart
    }

    /// The last part of the path: the key as the file has it.
    public var key: String { Schema.split(path).key }
    /// The path without the key; empty at the top.
    public var group: String { Schema.split(path).group }
}

/// A mapping that holds options: what a member is called, and how members of a list are told apart.
struct OptionGroup: Sendable {
    let path: String
    /// `pool` in "pool api"; empty for plain nesting such as `timeouts`.
    let noun: String
    /// Keys whose values name a member of a list.
    let identity: [String]
    /// What the names of members are.
    let names: OptionType
    let sentence: String
    /// Further keys, one of which must stand beside the group for it to mean something.
    let beside: [String]
    /// Keys of which a member has exactly one: what kind it is.
    let kinds: [String]

    init(
        _ path: String,
        _ sentence: String,
        noun: String = "",
        identity: [String] = [],
        names: OptionType = .label,
        beside: [String] = [],
        kinds: [String] = []
    ) {
        self.beside = beside
        self.kinds = kinds
        self.path = path
        self.noun = noun
        self.identity = identity
        self.names = names
        self.sentence = sentence
    }
}
