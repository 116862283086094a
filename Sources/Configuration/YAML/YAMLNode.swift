// SPDX-License-Identifier: Apache-2.0

/// A YAML value with where it stands; scalars stay text until the schema says what they are.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    var content: Content
    var range: SourceRange

    /// `key:` with nothing behind it.
    var isEmpty: Bool {
        guard case .scalar("", isPlain: true) = content else { return false }
        return true
    }

    /// What a person calls this kind of value.
    var kind: String {
        switch content {
        case .scalar: isEmpty ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// A key of a mapping with its value.
struct YAMLEntry: Sendable {
    var key: String
    var keyRange: SourceRange
    var value: YAMLNode
}
