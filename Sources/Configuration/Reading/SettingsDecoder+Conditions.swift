// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// Conditions within conditions: asking them recurses once per level.
    private static let conditionDepth = 8
    /// Tests of one condition and all within it: each request may have to pass them all.
    private static let conditionLimit = 256

    func condition(_ section: Section) -> ConditionSettings {
        var count = 0
        let condition = condition(section, depth: 1, &count)
        if count > Self.conditionLimit {
            section.report(
                .tooMany,
                section.nameRange,
                "a condition of \(count) tests, at most \(Self.conditionLimit) are taken"
            )
        }
        return condition
    }

    private func condition(
        _ section: Section,
        depth: Int,
        _ count: inout Int
    ) -> ConditionSettings {
        var parts: [ConditionSettings] = []
        func either(_ tests: [ConditionSettings]) {
            count += tests.count
            if !tests.isEmpty { parts.append(tests.count == 1 ? tests[0] : .any(tests)) }
        }
        either(section.texts("method").map(ConditionSettings.method))
        either(matches(section, "header").map(ConditionSettings.header))
        either(matches(section, "cookie").map(ConditionSettings.cookie))
        either(matches(section, "query").map(ConditionSettings.query))
        either(matches(section, "json").map(ConditionSettings.json))
        either(matches(section, "form").map(ConditionSettings.form))
        either(section.texts("content-type").map(ConditionSettings.contentType))
        either(section.prefixes("client").map(ConditionSettings.client))
        if case .bool(let isWanted)? = section.value("tls") { either([.tls(isWanted)]) }
        guard depth < Self.conditionDepth else {
            for key in ["all", "any", "not"] where section.has(key) {
                section.fault(.tooMany, key, "conditions more than \(Self.conditionDepth) deep")
            }
            return .all(parts)
        }
        for key in ["all", "any"] {
            consume(key)
            guard let nodes = members(section, key) else { continue }
            let inner = nodes.enumerated().map { index, node in
                let member = section.nested(Schema.condition, at: "\(key)[\(index)]", node)
                return condition(member, depth: depth + 1, &count)
            }
            parts.append(key == "all" ? .all(inner) : .any(inner))
        }
        consume("not")
        if let node = section.entries["not"]?.value {
            let inner = section.nested(Schema.condition, at: "not", node)
            parts.append(.not(condition(inner, depth: depth + 1, &count)))
        }
        if parts.isEmpty, section.isGiven {
            section.report(
                .missingKey,
                section.nameRange,
                "a condition without a test",
                "one of " + reading.schema.keys(of: Schema.condition).joined(separator: ", ")
            )
        }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private func matches(_ section: Section, _ key: String) -> [ValueMatchSettings] {
        section.elements(key).compactMap { value in
            guard case .match(let match) = value else { return nil }
            if match.test == .expression, let reason = checks.expression(match.text) {
                section.fault(.badExpression, key, "RE2 refuses the expression: \(reason)")
            }
            return match
        }
    }

    private func members(_ section: Section, _ key: String) -> [YAMLNode]? {
        guard let node = section.entries[key]?.value else { return nil }
        guard case .sequence(let nodes) = node.content, !nodes.isEmpty else {
            section.fault(.wrongKind, key, "`\(key)` must be a list of conditions")
            return nil
        }
        return nodes
    }

    private func consume(_ key: String) {
        if let option = reading.schema.option("\(Schema.condition).\(key)") {
            reading.consume(option)
        }
    }
}
