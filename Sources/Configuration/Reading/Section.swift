// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// One mapping of the file, looked at through the schema.
///
/// Every value is asked for by its key: the row of the table says how to read it, what holds when it
/// is missing, and the section reports what is wrong. A section without a node is all defaults.
struct Section {
    /// The path in the table: `pools.*.timeouts`.
    let pattern: String
    /// The path in the file: `pools.api.timeouts`.
    let path: String
    /// What a person calls it: `pool api`; empty at the top.
    let title: String
    let range: SourceRange
    /// Its name in the file; for a member of a list where it begins.
    let nameRange: SourceRange
    let reading: Reading
    /// False when the file has no such mapping, so nothing can be missing from it.
    let isGiven: Bool
    /// The name in the file, or the index in its list.
    let name: String
    private(set) var objects: [String]
    private(set) var entries: [String: YAMLEntry] = [:]
    /// The options that may stand here.
    private let rows: [String: SchemaRow]
    /// Keys within the innermost object, for nested groups: `timeouts.`.
    private var optionPrefix = ""

    /// The whole file.
    init(root: YAMLNode?, reading: Reading) {
        let start = SourcePosition(line: 1, column: 1)
        pattern = ""
        path = ""
        title = ""
        name = ""
        objects = []
        self.reading = reading
        rows = reading.schema.rows(of: "")
        range = root?.range ?? SourceRange(start: start, end: start)
        nameRange = range
        isGiven = true
        if let root { take(root) }
    }

    private init(
        _ parent: Section,
        pattern: String,
        path: String,
        name: String,
        node: YAMLNode?,
        nameRange: SourceRange? = nil
    ) {
        self.pattern = pattern
        rows = parent.pattern == pattern ? parent.rows : parent.reading.schema.rows(of: pattern)
        self.path = path
        self.name = name
        let noun = parent.reading.schema.group(pattern)?.noun ?? ""
        title = noun.isEmpty ? parent.title : Section.title(noun, name, pattern, of: parent)
        range = node?.range ?? parent.range
        self.nameRange = nameRange ?? node?.range ?? parent.nameRange
        reading = parent.reading
        isGiven = node != nil
        objects = parent.objects
        if noun.isEmpty {
            let inner = path.dropFirst(parent.path.isEmpty ? 0 : parent.path.count + 1)
            optionPrefix = parent.optionPrefix + inner + "."
        } else {
            objects.append("\(noun) \(name)")
        }
        if let node { take(node) }
        if !noun.isEmpty { nameByIdentity(noun) }
    }

    private static func title(
        _ noun: String,
        _ name: String,
        _ pattern: String,
        of parent: Section
    ) -> String {
        let ordinal = pattern.hasSuffix("[]") ? Int(name).map { String($0 + 1) } : nil
        let own = "\(noun) \(ordinal ?? name)"
        return parent.title.isEmpty ? own : "\(own) of \(parent.title)"
    }

    /// Members of lists are told apart by what they are, so a difference survives reordering.
    private mutating func nameByIdentity(_ noun: String) {
        guard let group = reading.schema.group(pattern), !group.identity.isEmpty else { return }
        let parts = group.identity.compactMap { key -> String? in
            guard case .scalar(let text, _)? = entries[key]?.value.content else { return nil }
            return noun == "listener" ? "\(key) \(text)" : text
        }
        // A route that says neither host nor path is the one for everything.
        let nameless = noun == "route" ? "*" : name
        let identity = parts.isEmpty ? nameless : parts.joined(separator: " ")
        objects[objects.count - 1] = "\(noun) \(identity)"
    }

    private mutating func take(_ node: YAMLNode) {
        guard case .mapping(let list) = node.content else {
            report(.wrongKind, node.range, "\(place) must be a mapping, not \(node.kind)")
            return
        }
        let isOpen = reading.schema.keys(of: pattern).isEmpty
        for entry in list {
            if let first = entries[entry.key] {
                report(
                    .duplicateKey,
                    entry.keyRange,
                    key: entry.key,
                    "`\(entry.key)` is given twice",
                    "it stands in line \(first.keyRange.start.line) already"
                )
                continue
            }
            entries[entry.key] = entry
            if !isOpen { checkKnown(entry) }
        }
        if !isOpen { checkBeside() }
    }

    private var place: String { path.isEmpty ? "the file" : "`\(path)`" }

    // MARK: Keys

    private func checkKnown(_ entry: YAMLEntry) {
        guard rows[entry.key] == nil else { return }
        let known = reading.schema.keys(of: pattern)
        guard !known.contains(entry.key), reading.hasRoom() else { return }
        let suggestion =
            Spelling.nearest(to: entry.key, among: known).map { "did you mean `\($0)`?" }
            ?? elsewhere(entry.key)
        report(
            .unknownKey,
            entry.keyRange,
            key: entry.key,
            "unknown key `\(entry.key)`" + (title.isEmpty ? "" : " in \(title)"),
            suggestion
        )
    }

    /// Where a misplaced key belongs: below this mapping, beside it, or anywhere.
    private func elsewhere(_ key: String) -> String? {
        let options = reading.schema.options.filter { $0.key == key }
        let below = options.first { $0.path.hasPrefix(pattern.isEmpty ? "" : pattern + ".") }
        if let below, !pattern.isEmpty {
            return "it belongs under `\(below.group.dropFirst(pattern.count + 1))`"
        }
        if let only = options.first, options.count == 1 { return "the option is `\(only.path)`" }
        guard options.isEmpty, let known = reading.schema.keys(of: pattern).first else {
            return nil
        }
        let keys = reading.schema.keys(of: pattern)
        return keys.count > 12
            ? nil
            : keys.count == 1
                ? "only `\(known)` can stand here" : "one of " + keys.joined(separator: ", ")
    }

    private func checkBeside() {
        for (key, entry) in entries {
            let others = rows[key]?.option.beside ?? reading.schema.beside(pattern, key)
            guard !others.isEmpty, !others.contains(where: { entries[$0] != nil }) else { continue }
            report(
                .keyWithoutOther,
                entry.keyRange,
                key: key,
                "`\(key)` means nothing without `\(others.joined(separator: "` or `"))`"
            )
        }
    }

    // MARK: Nested

    /// A nested group of options; all defaults when it is not given.
    func group(_ key: String) -> Section {
        Section(
            self,
            pattern: Schema.join(pattern, key),
            path: Schema.join(path, key),
            name: name,
            node: entries[key]?.value,
            nameRange: entries[key]?.keyRange
        )
    }

    /// The members of a mapping from names, such as `pools`.
    func members(_ key: String) -> [Section] {
        guard let node = entries[key]?.value else { return [] }
        let memberPattern = Schema.join(pattern, key) + ".*"
        let memberPath = Schema.join(path, key)
        guard case .mapping(let list) = node.content else {
            report(.wrongKind, node.range, key: key, "`\(memberPath)` must be a mapping of names")
            return []
        }
        let names = reading.schema.group(memberPattern)?.names ?? .label
        var seen = [String: SourceRange](minimumCapacity: list.count)
        return list.compactMap { entry in
            if let first = seen.updateValue(entry.keyRange, forKey: entry.key) {
                report(
                    .duplicateKey,
                    entry.keyRange,
                    key: "\(key).\(entry.key)",
                    "`\(entry.key)` is given twice",
                    "it stands in line \(first.start.line) already"
                )
                return nil
            }
            do throws(ValueFault) {
                _ = try names.parse(entry.key)
            } catch {
                report(error.code, entry.keyRange, key: key, error.message, error.suggestion)
                return nil
            }
            return Section(
                self,
                pattern: memberPattern,
                path: "\(memberPath).\(entry.key)",
                name: entry.key,
                node: entry.value,
                nameRange: entry.keyRange
            )
        }
    }

    /// The members of a list, such as `listeners`.
    func list(_ key: String) -> [Section] {
        guard let node = entries[key]?.value else { return [] }
        let memberPath = Schema.join(path, key)
        guard case .sequence(let nodes) = node.content else {
            report(.wrongKind, node.range, key: key, "`\(memberPath)` must be a list")
            return []
        }
        var seen: [String: Int] = [:]
        return nodes.enumerated().map { index, node in
            var member = Section(
                self,
                pattern: Schema.join(pattern, key) + "[]",
                path: "\(memberPath)[\(index)]",
                name: String(index),
                node: node
            )
            let count = seen[member.objects.last ?? "", default: 0] + 1
            seen[member.objects.last ?? ""] = count
            if count > 1 { member.number(count) }
            return member
        }
    }

    /// Members that are the same by what they are called are counted.
    private mutating func number(_ count: Int) {
        guard let last = objects.indices.last else { return }
        objects[last] += " #\(count)"
    }

    /// A mapping inside a policy, read with the keys of policies.
    func policy(at place: String, _ node: YAMLNode) -> Section {
        nested(Schema.policy, at: place, node)
    }

    /// A mapping read with the keys that stand at another place of the table.
    func nested(_ pattern: String, at place: String, _ node: YAMLNode) -> Section {
        Section(
            self,
            pattern: pattern,
            path: "\(path).\(place)",
            name: name,
            node: node
        )
    }

    // MARK: Values

    func has(_ key: String) -> Bool { entries[key] != nil }

    /// The value of an option: from the file, else by default, else nil.
    func value(_ key: String) -> OptionValue? {
        guard let row = rows[key] else { return nil }
        reading.consume(row)
        var value = row.value
        let entry = entries[key]
        if let entry {
            value = read(entry.value, row.option.type, key: key) ?? value
        } else if case .required = row.option.fallback, isGiven {
            report(.missingKey, nameRange, key: key, "\(titleOrFile) needs `\(key)`")
        }
        // What is neither given nor there by default makes no difference to anything.
        if value != nil || entry != nil, reading.keeps(isReloadable: row.option.isReloadable) {
            reading.keep(
                EffectiveValue(
                    objects: objects,
                    option: optionPrefix.isEmpty ? key : optionPrefix + key,
                    value: value,
                    isGiven: entry != nil,
                    isReloadable: row.option.isReloadable
                )
            )
        }
        return value
    }

    private var titleOrFile: String { title.isEmpty ? place : title }

    /// Keeps what the table cannot read by itself: the text of a policy's member.
    func keep(_ key: String, _ value: OptionValue) {
        guard reading.keeps(isReloadable: true) else { return }
        reading.keep(
            EffectiveValue(
                objects: objects,
                option: optionPrefix + key,
                value: value,
                isGiven: true,
                isReloadable: true
            )
        )
    }

    func read(_ node: YAMLNode, _ type: OptionType, key: String) -> OptionValue? {
        if case .list(let element) = type, case .sequence(let nodes) = node.content {
            return .list(
                nodes.enumerated().compactMap { read($1, element, key: "\(key)[\($0)]") }
            )
        }
        guard case .scalar(let text, _) = node.content else {
            let wanted = if case .list(let element) = type { element } else { type }
            report(
                .wrongKind,
                node.range,
                key: key,
                "`\(key)` must be a single value",
                "wanted: \(wanted.summary)"
            )
            return nil
        }
        guard !node.isEmpty else {
            report(.wrongKind, node.range, key: key, "`\(key)` has no value")
            return nil
        }
        do throws(ValueFault) {
            let value = try type.parse(text)
            if let parameters = value.service?.parameters {
                reading.services.append(
                    Reading.Service(
                        parameters: parameters,
                        range: node.range,
                        option: Schema.join(path, key)
                    )
                )
            }
            if case .reference(let kind) = type {
                reading.references.append(
                    Reading.Reference(
                        kind: kind,
                        name: text,
                        range: node.range,
                        option: Schema.join(path, key),
                        policy: pattern.hasPrefix("steer.") ? name : ""
                    )
                )
            }
            return value
        } catch {
            report(error.code, node.range, key: key, error.message, error.suggestion)
            return nil
        }
    }

    // MARK: Findings

    /// Reports something about the value of `key`, or about the whole mapping when it is not given.
    func fault(
        _ code: DiagnosticCode,
        _ key: String,
        _ message: String,
        _ suggestion: String? = nil
    ) {
        let base = key.prefix { $0 != "." && $0 != "[" }
        let range = entries[String(base)]?.value.range ?? nameRange
        report(code, range, key: key, message, suggestion)
    }

    func report(
        _ code: DiagnosticCode,
        _ range: SourceRange,
        key: String = "",
        _ message: String,
        _ suggestion: String? = nil
    ) {
        let option = key.isEmpty ? path : Schema.join(path, key)
        reading.report(code, range, option: option, message, suggestion)
    }
}
