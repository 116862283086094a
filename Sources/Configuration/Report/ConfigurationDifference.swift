// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What a reload from one configuration to another would change, in words.
///
/// Told from the table: an option added to it shows up here without further work.
public struct ConfigurationDifference: Sendable, Equatable {
    /// One thing that is different.
    public struct Change: Sendable, Equatable {
        /// What happens to it.
        public enum Kind: String, Sendable {
            /// It is new.
            case added
            /// It is gone.
            case removed
            /// One of its options has another value.
            case changed
        }

        /// What happens.
        public var kind: Kind
        /// The object, outermost first: `pool api`, `endpoint 10.0.0.1:80`; empty for the process.
        public var object: [String]
        /// The option, for ``Kind/changed``.
        public var option: String
        /// Its value before; for a removed object nil.
        public var before: String?
        /// Its value after; for an added object what was given.
        public var after: String?
        /// True when a reload does not adopt it.
        public var needsRestart: Bool

        /// `endpoint 10.0.0.1:80 of pool api`.
        public var title: String {
            object.isEmpty ? "the process" : object.reversed().joined(separator: " of ")
        }
    }

    /// What is different, in the order of the new file, removals last.
    public let changes: [Change]
    /// Listeners, probes, pools, routes, zones and policies that stay as they are.
    public let unchanged: [String]

    /// Compares two configurations.
    public init(from old: LoadedConfiguration, to new: LoadedConfiguration) {
        self.init(old.effective, new.effective)
    }

    /// Compares what only a restart adopts: a few options, however large the configurations are.
    public static func needingRestart(
        from old: LoadedConfiguration,
        to new: LoadedConfiguration
    ) -> [Change] {
        Self(
            old.effective.filter { !$0.isReloadable },
            new.effective.filter { !$0.isReloadable }
        ).changes
    }

    private init(_ old: [EffectiveValue], _ new: [EffectiveValue]) {
        let before = Objects(old)
        let after = Objects(new)
        var changes: [Change] = []
        for path in after.order {
            guard let known = before.values[path] else {
                changes.append(after.whole(path, .added))
                continue
            }
            changes += Self.compare(path, known, after.values[path] ?? [:], after)
        }
        for path in before.order where after.values[path] == nil {
            changes.append(before.whole(path, .removed))
        }
        self.changes = changes
        let touched = Set(changes.compactMap(\.object.first))
        unchanged = after.order.filter { $0.count == 1 }.map { $0[0] }
            .filter { !touched.contains($0) }
            .map { name in
                // What a zone file holds is not part of the configuration: it may have changed.
                let hasFile = after.values[[name]]?["file"]?.value != nil
                return name.hasPrefix("zone ") && hasFile ? name + Self.rereading : name
            }
    }

    private static let rereading = " (its file is read again)"

    /// True when a reload would change nothing, unless zone files have changed.
    public var isEmpty: Bool { changes.isEmpty }

    private static func compare(
        _ path: [String],
        _ old: [String: EffectiveValue],
        _ new: [String: EffectiveValue],
        _ order: Objects
    ) -> [Change] {
        let options = (order.options[path] ?? []) + old.keys.filter { new[$0] == nil }.sorted()
        return options.compactMap { option in
            let before = old[option]
            let after = new[option]
            guard before?.value != after?.value else { return nil }
            return Change(
                kind: .changed,
                object: path,
                option: option,
                before: before?.value?.description ?? "none",
                after: after?.value?.description ?? "none",
                needsRestart: (after ?? before)?.isReloadable == false
            )
        }
    }
}

/// Effective values by object, in the order of the file.
private struct Objects {
    var order: [[String]] = []
    var values: [[String]: [String: EffectiveValue]] = [:]
    var options: [[String]: [String]] = [:]

    init(_ effective: [EffectiveValue]) {
        for value in effective {
            if values[value.objects] == nil { order.append(value.objects) }
            if values[value.objects, default: [:]].updateValue(value, forKey: value.option) == nil {
                options[value.objects, default: []].append(value.option)
            }
        }
        // Options are asked for from the inside out; people read from the outside in.
        var first: [String: Int] = [:]
        for (index, path) in order.enumerated() where first[path.first ?? ""] == nil {
            first[path.first ?? ""] = index
        }
        order = order.enumerated().sorted { a, b in
            let left = (first[a.element.first ?? ""] ?? 0, a.element.count, a.offset)
            let right = (first[b.element.first ?? ""] ?? 0, b.element.count, b.offset)
            return left < right
        }.map(\.element)
    }

    func whole(_ path: [String], _ kind: ConfigurationDifference.Change.Kind)
        -> ConfigurationDifference.Change
    {
        let given = (options[path] ?? []).compactMap { option -> String? in
            guard let value = values[path]?[option], value.isGiven, let text = value.value,
                path.last?.hasSuffix(" \(text)") != true
            else { return nil }
            return "\(option) \(text)"
        }
        let words = given.joined(separator: ", ")
        return ConfigurationDifference.Change(
            kind: kind,
            object: path,
            option: "",
            before: kind == .removed ? words : nil,
            after: kind == .added ? words : nil,
            needsRestart: false
        )
    }
}

extension ConfigurationDifference {
    /// One line per change, then what stays.
    public var text: String {
        var lines = changes.map(\.text)
        if lines.isEmpty { lines.append("Nothing changes.") }
        // Where nothing changes, only what may have changed all the same is worth a word.
        let rest = isEmpty ? unchanged.filter { $0.hasSuffix(Self.rereading) } : unchanged
        if !rest.isEmpty { lines.append("= unchanged: " + rest.joined(separator: ", ")) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The same as data.
    public var json: JSONValue {
        [
            "changes": .array(changes.map(\.json)),
            "unchanged": .array(unchanged.map(JSONValue.string)),
        ]
    }
}

extension ConfigurationDifference.Change {
    fileprivate var text: String {
        switch kind {
        case .added:
            let words = after ?? ""
            return "+ \(title) added" + (words.isEmpty ? "" : ": \(words)")
        case .removed: return "- \(title) removed" + consequence
        case .changed:
            let restart = needsRestart ? " (takes a restart)" : ""
            return "~ \(title): \(option) \(before ?? "none") -> \(after ?? "none")\(restart)"
        }
    }

    private var consequence: String {
        let last = object.last ?? ""
        if last.hasPrefix("endpoint ") { return ": no new work, what is under way may finish" }
        if last.hasPrefix("listener ") { return ": it closes, its connections may finish" }
        return ""
    }

    fileprivate var json: JSONValue {
        [
            "kind": .string(kind.rawValue),
            "object": .array(object.map(JSONValue.string)),
            "option": option.isEmpty ? .null : .string(option),
            "before": before.map(JSONValue.string) ?? .null,
            "after": after.map(JSONValue.string) ?? .null,
            "restart": .bool(needsRestart),
        ]
    }
}
