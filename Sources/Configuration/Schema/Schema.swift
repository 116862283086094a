// SPDX-License-Identifier: Apache-2.0

/// The table of all options, and the ways to look into it.
public struct Schema: Sendable {
    /// The one table.
    public static let martlet = Schema(
        options: processOptions + queryLogOptions + tracingOptions + listenerOptions + xdpOptions
            + http2Options
            + tlsOptions
            + proxyOptions
            + probeOptions + roleOptions + poolOptions + outlierOptions + overloadOptions
            + hedgeOptions + retryOptions + stickyOptions + routeOptions + mirrorOptions
            + cacheOptions
            + geoOptions + latencyOptions + aliasOptions + queryOptions + answerOptions
            + transactionOptions + signingOptions + transferOptions + catalogOptions
            + keyOptions + zoneOptions
            + steerOptions
            + failoverOptions + steerChangeOptions,
        groups: allGroups + probeGroups + roleGroups + tlsGroups + stickyGroups + guardGroups
            + retryGroups + outlierGroups + overloadGroups + mirrorGroups + cacheGroups
            + tracingGroups
            + geoGroups + latencyGroups + aliasGroups + queryGroups + answerGroups + changeGroups
            + transactionGroups + signingGroups + transferGroups + catalogGroups
            + keyGroups + updateGroups
            + zoneAPIGroups + xdpGroups
    )

    /// Every option, in the order of the reference page.
    public let options: [Option]
    let groups: [OptionGroup]
    private let optionIndex: [String: Int]
    private let groupIndex: [String: Int]
    private let defaults: [String: OptionValue]
    private let keys: [String: [String]]
    private let rows: [String: [String: SchemaRow]]

    init(options: [Option], groups: [OptionGroup]) {
        self.options = options
        self.groups = groups
        var optionIndex: [String: Int] = [:]
        var defaults: [String: OptionValue] = [:]
        for (index, option) in options.enumerated() {
            optionIndex[option.path] = index
            if case .text(let text) = option.fallback {
                defaults[option.path] = try? option.type.parse(text)
            }
        }
        self.optionIndex = optionIndex
        self.defaults = defaults
        var groupIndex: [String: Int] = [:]
        for (index, group) in groups.enumerated() { groupIndex[group.path] = index }
        self.groupIndex = groupIndex
        keys = Schema.keys(options)
        rows = Schema.rows(options, defaults)
    }

    /// The options of a mapping by key, found by one look instead of one per key.
    func rows(of group: String) -> [String: SchemaRow] { rows[group] ?? [:] }

    private static func rows(
        _ options: [Option],
        _ defaults: [String: OptionValue]
    ) -> [String: [String: SchemaRow]] {
        var rows: [String: [String: SchemaRow]] = [:]
        for (number, option) in options.enumerated() {
            let (group, key) = split(option.path)
            rows[group, default: [:]][key] = SchemaRow(option, number, defaults[option.path])
        }
        // A policy by name takes what every policy takes, and more.
        for (key, row) in rows[policy] ?? [:] where rows["steer.*"]?[key] == nil {
            rows["steer.*", default: [:]][key] = row
        }
        return rows
    }

    /// The option at a path pattern.
    public func option(_ path: String) -> Option? { optionIndex[path].map { options[$0] } }
    func group(_ path: String) -> OptionGroup? { groupIndex[path].map { groups[$0] } }
    func defaultValue(_ option: Option) -> OptionValue? { defaults[option.path] }

    /// The keys a mapping at this path may have, in table order; options and nested groups alike.
    func keys(of group: String) -> [String] { keys[group] ?? [] }

    /// The option `key` of a mapping: for a policy also those of every depth.
    func option(in group: String, _ key: String) -> Option? {
        if let option = option(Schema.join(group, key)) { return option }
        return group == "steer.*" ? option(Schema.join(Schema.policy, key)) : nil
    }

    /// The keys of which one must stand beside an option or group.
    func beside(_ group: String, _ key: String) -> [String] {
        let path = Schema.join(group, key)
        let nested = self.group(path) ?? self.group("\(path)[]")
        return option(in: group, key)?.beside ?? nested?.beside ?? []
    }

    /// The path of conditions at any depth: those inside others have the same keys.
    static let condition = "routes[].when"

    /// The path of policies at any depth.
    static let policy = "steer.**"

    static func join(_ group: String, _ key: String) -> String {
        group.isEmpty ? key : "\(group).\(key)"
    }

    /// `a.b[].c` into `a.b[]` and `c`; a final `*` or `[]` counts as the key.
    static func split(_ path: String) -> (group: String, key: String) {
        guard let dot = path.lastIndex(of: ".") else { return ("", path) }
        return (String(path[..<dot]), String(path[path.index(after: dot)...]))
    }

    /// Which keys stand where: `pools.*.endpoints[].weight` makes `weight` a key of its group,
    /// `endpoints` one of `pools.*`, and `pools` one of the top.
    private static func keys(_ options: [Option]) -> [String: [String]] {
        var keys: [String: [String]] = [:]
        func add(_ path: String) {
            var (group, key) = split(path)
            if key.hasSuffix("[]") { key = String(key.dropLast(2)) }
            if key != "*", key != "**", keys[group]?.contains(key) != true {
                keys[group, default: []].append(key)
            }
            if !group.isEmpty { add(group) }
        }
        for option in options { add(option.path) }
        // A policy by name takes what every policy takes, and more.
        keys["steer.*", default: []] += keys[policy] ?? []
        return keys
    }
}

/// One option with what every value of it needs: shared, so that looking it up copies nothing.
final class SchemaRow: Sendable {
    let option: Option
    /// Its place in the table.
    let number: Int
    /// What holds when it is not given; nil for nothing.
    let value: OptionValue?

    init(_ option: Option, _ number: Int, _ value: OptionValue?) {
        self.option = option
        self.number = number
        self.value = value
    }
}
