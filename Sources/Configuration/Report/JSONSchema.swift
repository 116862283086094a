// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The table as a JSON Schema (2020-12), for editors that complete and check while typing.
public enum JSONSchema {
    /// The whole schema, indented.
    public static var text: String { document.text(indented: true) + "\n" }

    /// The whole schema.
    public static var document: JSONValue {
        let schema = Schema.martlet
        var members: [JSONMember] = [
            JSONMember("$schema", "https://json-schema.org/draft/2020-12/schema"),
            JSONMember("title", "Martlet configuration"),
        ]
        members += object(schema, "")
        let policy = JSONValue.object(object(schema, Schema.policy))
        let condition = JSONValue.object(object(schema, Schema.condition))
        members.append(JSONMember("$defs", ["policy": policy, "condition": condition]))
        // The paths of the table, for tools that ask about options and not about documents.
        let paths = schema.options.map { JSONValue.string($0.path) }
        members.append(JSONMember("x-options", .array(paths)))
        return .object(members)
    }

    /// A mapping with the keys of a group.
    private static func object(_ schema: Schema, _ group: String) -> [JSONMember] {
        let keys = schema.keys(of: group)
        let options = keys.compactMap { schema.option(in: group, $0) }
        var members: [JSONMember] = [JSONMember("type", "object")]
        if let sentence = schema.group(group)?.sentence {
            members.append(JSONMember("description", .string(sentence)))
        }
        let properties = keys.map { JSONMember($0, property(schema, group, $0)) }
        members.append(JSONMember("properties", .object(properties)))
        members.append(JSONMember("additionalProperties", false))
        let required = options.filter(\.isRequired).map { JSONValue.string($0.key) }
        if !required.isEmpty { members.append(JSONMember("required", .array(required))) }
        let beside = keys.compactMap { key -> JSONMember? in
            let others = schema.beside(group, key)
            guard !others.isEmpty else { return nil }
            // One of them is enough.
            let each = others.map { JSONValue.object([JSONMember("required", [.string($0)])]) }
            return JSONMember(key, each.count == 1 ? each[0] : ["anyOf": .array(each)])
        }
        if !beside.isEmpty { members.append(JSONMember("dependentSchemas", .object(beside))) }
        if let kinds = schema.group(group)?.kinds, !kinds.isEmpty {
            let each = kinds.map { JSONValue.object([JSONMember("required", [.string($0)])]) }
            members.append(JSONMember("oneOf", .array(each)))
        }
        return members
    }

    private static func property(_ schema: Schema, _ group: String, _ key: String) -> JSONValue {
        if let option = schema.option(in: group, key) { return value(option) }
        let path = Schema.join(group, key)
        if !schema.keys(of: path + "[]").isEmpty {
            return ["type": "array", "items": .object(object(schema, path + "[]"))]
        }
        if !schema.keys(of: path + ".*").isEmpty {
            let member = JSONValue.object(object(schema, path + ".*"))
            return ["type": "object", "additionalProperties": member]
        }
        if let option = schema.option(path + ".*") {
            return ["type": "object", "additionalProperties": value(option)]
        }
        return .object(object(schema, path))
    }

    private static func value(_ option: Option) -> JSONValue {
        var members = option.type.jsonSchema.members ?? []
        members.append(JSONMember("description", .string(option.sentence)))
        if case .text(let text) = option.fallback {
            members.append(JSONMember("default", option.type.jsonDefault(text)))
        }
        return .object(members)
    }
}

extension Option {
    /// True when there is neither a default nor a meaning of absence.
    public var isRequired: Bool {
        guard case .required = fallback else { return false }
        return true
    }
}

extension OptionType {
    fileprivate func jsonDefault(_ text: String) -> JSONValue {
        switch self {
        case .integer, .prime: Int64(text).map(JSONValue.integer) ?? .string(text)
        case .boolean: .bool(text == "true")
        default: .string(text)
        }
    }

    /// YAML reads `443` and `true` as other than texts, so where a text is wanted these pass too.
    private static let scalar: JSONValue = ["type": ["string", "number", "boolean"]]

    fileprivate var jsonSchema: JSONValue {
        switch self {
        case .duration: Self.united("^([0-9]+(us|ms|s|m|h|d))+$")
        case .ttl: Self.united("^([0-9]+(s|m|h|d))+$")
        case .size: Self.united("^[0-9]+(B|KiB|MiB|GiB|kB|MB|GB)$")
        case .percentage: Self.united("^[0-9]+%$")
        case .integer(let range), .prime(let range):
            [
                "type": "integer", "minimum": .integer(Int64(range.lowerBound)),
                "maximum": .integer(Int64(range.upperBound)),
            ]
        case .decimal(let range):
            [
                "type": "number", "minimum": .integer(Int64(range.lowerBound)),
                "maximum": .integer(Int64(range.upperBound)),
            ]
        case .country: ["type": "string", "pattern": "^[A-Z]{2}$"]
        case .subdivision: ["type": "string", "pattern": "^[A-Z]{2}-[A-Z0-9]{1,3}$"]
        case .moment: ["type": "string", "format": "date-time"]
        case .weightStep:
            ["type": "string", "pattern": "^([0-9]+ -> )?[0-9]+( over [^ ]+)? at [^ ]+$"]
        case .rate: ["type": "string", "pattern": "^[0-9]+/[smh]$"]
        case .boolean: ["type": "boolean"]
        case .words(let words): ["enum": .array(words.map(JSONValue.string))]
        case .statuses:
            [
                "anyOf": [
                    ["type": "integer", "minimum": 100, "maximum": 599],
                    ["type": "string", "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$"],
                ]
            ]
        case .retryReason:
            [
                "anyOf": [
                    [
                        "enum": .array(
                            RetryConditionName.allCases.map { .string($0.rawValue) }
                        )
                    ],
                    ["type": "integer", "minimum": 400, "maximum": 599],
                    ["type": "string", "pattern": "^[45][0-9]{2}(-[45][0-9]{2})?$"],
                ]
            ]
        case .list(let element):
            [
                "anyOf": [
                    element.jsonSchema, ["type": "array", "items": element.jsonSchema],
                ]
            ]
        case .either(let word, let other):
            ["anyOf": [["const": .string(word)], other.jsonSchema]]
        case .policies:
            [
                "type": "array", "minItems": 1,
                "items": ["anyOf": [["type": "string"], Self.policy]],
            ]
        case .condition: Self.nestedCondition
        case .conditions: ["type": "array", "minItems": 1, "items": Self.nestedCondition]
        case .weights:
            [
                "anyOf": [
                    [
                        "type": "object",
                        "additionalProperties": ["type": "integer", "minimum": 0],
                    ],
                    ["type": "array", "minItems": 1, "items": Self.policy],
                ]
            ]
        default: Self.scalar
        }
    }

    private static let nestedCondition: JSONValue = ["$ref": "#/$defs/condition"]
    private static let policy: JSONValue = ["$ref": "#/$defs/policy"]

    private static func united(_ pattern: String) -> JSONValue {
        ["anyOf": [["type": "string", "pattern": .string(pattern)], ["const": 0]]]
    }
}
