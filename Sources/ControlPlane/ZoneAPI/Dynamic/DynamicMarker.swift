// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials

/// The marker of octoDNS in an LUA record: what its pools and rules are.
///
/// octoDNS writes a script for PowerDNS, and before it a comment with what the script was made of.
/// The script puts values of fallback pools among those of the first; the comment does not, so only
/// that is read.
///
///     ;-- octodns-dynamic:v1:<base64url of {"pools": {...}, "rules": [...]}>
enum DynamicMarker {
    private static let sign = ";-- octodns-dynamic:"

    /// The rules of a script with a marker; nil for one without.
    static func rules(
        _ script: String,
        answers: RecordType
    ) throws(DynamicFault) -> DynamicRules? {
        guard let start = script.firstRange(of: sign) else { return nil }
        let rest = script[start.upperBound...]
        guard rest.hasPrefix("v1:") else {
            throw DynamicFault("the marker of octoDNS is of another version than v1")
        }
        let text = rest.dropFirst(3).prefix { $0 != "\n" && $0 != "\r" && $0 != "\"" }
        let letters = Array(text.utf8.filter { $0 != UInt8(ascii: "=") })
        guard let bytes = Base64.bytes(letters.span, .url) else {
            throw DynamicFault("the marker of octoDNS is no base64")
        }
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONReader.read(bytes.span, limits: JSONLimits(bytes: 65_536, depth: 8))
        } catch {
            throw DynamicFault("the marker of octoDNS holds no JSON: \(error)")
        }
        return try rules(document, answers)
    }

    private static func rules(
        _ document: JSONValue,
        _ answers: RecordType
    ) throws(DynamicFault) -> DynamicRules {
        try check(document, ["pools", "rules"], "dynamic")
        guard let members = document["pools"]?.members, let list = document["rules"]?.elements
        else { throw DynamicFault("the marker of octoDNS lacks pools or rules") }
        var pools: [String: (pool: DynamicRules.Pool, fallback: String?)] = [:]
        for member in members {
            pools[member.name] = try pool(member.name, member.value, answers)
        }
        var rules: [DynamicRules.Rule] = []
        for (index, rule) in list.enumerated() {
            let title = "rule \(index + 1)"
            try check(rule, ["pool", "geos", "subnets"], title)
            guard let name = rule["pool"]?.string else {
                throw DynamicFault("\(title) has no pool")
            }
            var regions: [RegionSettings] = []
            for text in try texts(rule["subnets"], "\(title): 'subnets'") {
                regions.append(try DynamicRules.network(text))
            }
            for code in try texts(rule["geos"], "\(title): 'geos'") {
                regions.append(try geo(code))
            }
            rules.append(DynamicRules.Rule(regions: regions, pools: try chain(name, pools)))
        }
        return DynamicRules(rules: rules)
    }

    private static func pool(
        _ name: String,
        _ value: JSONValue,
        _ answers: RecordType
    ) throws(DynamicFault) -> (pool: DynamicRules.Pool, fallback: String?) {
        try check(value, ["fallback", "values"], "pool '\(name)'")
        var values: [DynamicRules.Value] = []
        for item in value["values"]?.elements ?? [] {
            try check(item, ["value", "weight", "status"], "a value of pool '\(name)'")
            guard let text = item["value"]?.string else {
                throw DynamicFault("a value of pool '\(name)' is no text")
            }
            let weight = item["weight"]?.integer ?? 1
            guard (0...1_000_000).contains(weight) else {
                throw DynamicFault("pool '\(name)': the weight of '\(text)' is \(weight)")
            }
            // octoDNS has no other names than whole ones.
            guard answers != .CNAME || text.hasSuffix(".") else {
                throw DynamicFault("pool '\(name)': '\(text)' is no name with its last dot")
            }
            var one = DynamicRules.Value(
                target: try DynamicRules.target(text, answers),
                weight: Int(weight)
            )
            switch item["status"]?.string ?? "obey" {
            case "obey": break
            case "up": one.isChecked = false
            case "down": one.weight = 0
            case let word:
                throw DynamicFault("pool '\(name)': '\(text)' has the unknown status '\(word)'")
            }
            values.append(one)
        }
        guard !values.isEmpty else { throw DynamicFault("pool '\(name)' has no values") }
        return (
            // The script has a client draw by a hash of its address.
            DynamicRules.Pool(name: name, values: values, isSticky: true),
            value["fallback"]?.string
        )
    }

    /// A pool, and those that stand in for it.
    private static func chain(
        _ name: String,
        _ pools: [String: (pool: DynamicRules.Pool, fallback: String?)]
    ) throws(DynamicFault) -> [DynamicRules.Pool] {
        var chain: [DynamicRules.Pool] = []
        var next: String? = name
        while let name = next {
            guard let found = pools[name] else { throw DynamicFault("there is no pool '\(name)'") }
            guard !chain.contains(where: { $0.name == name }) else {
                throw DynamicFault("pool '\(name)' falls back to itself")
            }
            chain.append(found.pool)
            next = found.fallback
        }
        return chain
    }

    /// `EU`, `EU-DE` or `NA-US-CA`.
    private static func geo(_ code: String) throws(DynamicFault) -> RegionSettings {
        let parts = code.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count) else {
            throw DynamicFault("'\(code)' is no code of octoDNS for a place")
        }
        let continent = try DynamicRules.continent(parts[0])
        guard parts.count > 1 else { return continent }
        let country = try DynamicRules.country(parts[1])
        guard parts.count > 2 else { return country }
        guard !parts[2].isEmpty, parts[2].utf8.count <= 3,
            parts[2].utf8.allSatisfy({ ASCII.isLetter($0) || ASCII.isDigit($0) })
        else { throw DynamicFault("'\(code)' is no code of octoDNS for a place") }
        return .subdivision("\(parts[1])-\(parts[2])")
    }

    private static func texts(
        _ value: JSONValue?,
        _ title: String
    ) throws(DynamicFault) -> [String] {
        guard let value, !value.isNull else { return [] }
        let texts = value.elements?.compactMap(\.string)
        guard let texts, texts.count == value.elements?.count else {
            throw DynamicFault("\(title) is no list of texts")
        }
        return texts
    }

    // What is not known here may be what matters most.
    private static func check(
        _ value: JSONValue,
        _ known: Set<String>,
        _ title: String
    ) throws(DynamicFault) {
        guard let members = value.members else { throw DynamicFault("\(title) is no object") }
        for member in members where !known.contains(member.name) {
            throw DynamicFault("\(title): '\(member.name)' cannot be expressed here")
        }
    }
}
