// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Configuration

@Suite struct `The schema table` {
    static let schema = Schema.martlet

    @Test func `every path stands once`() {
        let paths = Self.schema.options.map(\.path)
        #expect(Set(paths).count == paths.count)
        #expect(paths.count > 100)
    }

    @Test(arguments: schema.options.map(\.path))
    func `a row has a group, a sentence and a default that reads`(path: String) throws {
        let option = try #require(Self.schema.option(path))
        #expect(Self.schema.group(option.group) != nil, "no group `\(option.group)`")
        #expect(option.sentence.hasSuffix("."))
        #expect(!option.sentence.contains("\n"))
        guard case .text(let text) = option.fallback else { return }
        let value = try option.type.parse(text)
        #expect(value == Self.schema.defaultValue(option))
    }

    @Test func `every default is written the shortest way`() throws {
        for option in Self.schema.options {
            guard case .text(let text) = option.fallback else { continue }
            let shown = try option.type.parse(text).description
            // `1m` for `60s` is as good; but reading what is shown must give the same value.
            let again = try option.type.parse(shown)
            #expect(again == Self.schema.defaultValue(option), "\(option.path): \(text), \(shown)")
        }
    }

    @Test func `every group holds something`() {
        for group in Self.schema.groups {
            let hasMore = Self.schema.options.contains { $0.path.hasPrefix(group.path) }
            #expect(hasMore, "\(group.path)")
        }
    }

    @Test func `every row is used by the decoder`() throws {
        let bytes = try Repository.bytes("Documentation/examples/full.yaml")
        let result = ConfigurationReader().read(bytes, file: "full.yaml")
        let unused = Self.schema.options.map(\.path).filter { !result.consumed.contains($0) }
        #expect(unused.isEmpty, "never asked for: \(unused)")
    }

    @Test func `every row is given in the full example`() throws {
        let text = try Repository.text("Documentation/examples/full.yaml")
        for option in Self.schema.options where option.key != "*" {
            let isThere = text.contains("\(option.key):")
            #expect(isThere, "\(option.path)")
        }
    }

    @Test func `every leaf of the settings has a row`() throws {
        let bytes = try Repository.bytes("Documentation/examples/full.yaml")
        let result = ConfigurationReader().read(bytes, file: "full.yaml")
        let settings = try #require(result.configuration?.settings)
        var leaves = Leaves()
        leaves.collect(settings, "")
        let patterns = Set(Self.schema.options.map(\.path))
        let missing = leaves.paths.filter { !patterns.contains($0) }.sorted()
        #expect(missing.isEmpty, "no row for: \(missing)")
        #expect(leaves.paths.count > 90)
    }
}

/// The paths of stored properties, written like keys of the file.
private struct Leaves {
    var paths: Set<String> = []

    /// What the file has in another shape: names are keys, records and policies are lists by kind.
    private static let ownShape: Set<String> = [
        "probes.*.name", "pools.*.name", "zones.*.name", "zones.*.records.*.owner",
        "zones.*.records.*.data", "zones.*.records.*.place", "zones.*.soa.place", "steer.*.name",
        "steer.*.policy",
        "probes.*.check.tcp", "routes[].when", "routes[].action",
        "routes[].request-headers.set[].name", "routes[].request-headers.add[].name",
        "routes[].response-headers.set[].name", "routes[].response-headers.add[].name",
        "probes.*.check.http.headers[].name", "routes[].jwt.claims[].name",
        "routes[].jwt.claim-headers[].name", "tracing.otlp.headers[].name",
        "tracing.otlp.attributes[].name", "geo.networks.*.prefix",
        "migrations.*.name", "tsig-keys.*.name", "zones.*.member-of", "steer.*.is-dynamic",
        "steer.*.is-of-checked-names",
        "dns.resolver-floors", "zones.*.members", "caches.*.name",
        "caches.*.lifetimes[].statuses",
    ]
    private static let renamed = [
        "caches.*.allow-stale-with-smaxage": "caches.*.allow-stale-with-s-maxage",
        "caches.*.status-name": "caches.*.name",
        "caches.*.lifetimes[].lifetime": "caches.*.lifetimes.*",
        "zones.*.members[].groups": "zones.*.members[].group",
        "zones.*.members[].new-owner": "zones.*.members[].coo",
        "probes.*.check.command.program": "probes.*.command",
        "probes.*.check.command.arguments": "probes.*.arguments",
        "probes.*.check.command.exit": "probes.*.exit",
        "listeners[].http.address": "listeners[].http", "migrations.*.branch": "migrations.*.to",
        "listeners[].dns.address": "listeners[].dns", "probes.*.check.http.path": "probes.*.http",
        "probes.*.headers[].value": "probes.*.headers.*",
        "routes[].jwt.claims[].value": "routes[].jwt.claims.*",
        "tracing.otlp.headers[].value": "tracing.otlp.headers.*",
        "tracing.otlp.attributes[].value": "tracing.otlp.attributes.*",
        "routes[].jwt.claim-headers[].value": "routes[].jwt.claim-headers.*",
        "routes[].request-headers.set[].value": "routes[].request-headers.set.*",
        "routes[].request-headers.add[].value": "routes[].request-headers.add.*",
        "routes[].response-headers.set[].value": "routes[].response-headers.set.*",
        "routes[].response-headers.add[].value": "routes[].response-headers.add.*",
    ]
    private static let mappings: Set<String> = [
        "probes", "pools", "zones", "steer", "records", "networks",
        "migrations", "tsig-keys", "caches",
    ]

    mutating func collect(_ value: Any, _ path: String) {
        if Self.ownShape.contains(path) { return }
        let mirror = Mirror(reflecting: value)
        let type = String(reflecting: mirror.subjectType)
        let isAbsent = mirror.children.isEmpty && type.hasSuffix("Settings>")
        if isAbsent { return }
        if mirror.displayStyle == .optional {
            guard let inner = mirror.children.first else { return add(path) }
            return collect(inner.value, path)
        }
        if let list = value as? [Any], let first = list.first, isSettings(first) {
            let isMapping = Self.mappings.contains { path == $0 || path.hasSuffix(".\($0)") }
            for element in list { collect(element, path + (isMapping ? ".*" : "[]")) }
            return
        }
        guard isSettings(value) || mirror.displayStyle == .enum && type.hasSuffix("Check") else {
            return add(path)
        }
        for child in mirror.children {
            guard let label = child.label else { continue }
            collect(child.value, path.isEmpty ? kebab(label) : "\(path).\(kebab(label))")
        }
    }

    private func isSettings(_ value: Any) -> Bool {
        String(reflecting: Mirror(reflecting: value).subjectType).hasSuffix("Settings")
    }

    private mutating func add(_ path: String) {
        if let known = Self.renamed[path] {
            paths.insert(known)
            return
        }
        // The case of a listener or probe is a key of its own, not a level.
        var plain = path
        let levels = [
            "listeners[].http", "listeners[].dns", "probes.*.check.http", "probes.*.check.grpc",
        ]
        for level in levels {
            guard path.hasPrefix(level + ".") else { continue }
            let group = level.hasPrefix("probes") ? "probes.*" : "listeners[]"
            plain = group + path.dropFirst(level.count)
        }
        // A question to a name server is a group.
        plain = plain.replacing("probes.*.check.dns.", with: "probes.*.dns.")
            .replacing("probes.*.check.calculated.", with: "probes.*.")
        paths.insert(Self.renamed[plain] ?? plain)
    }

    /// `requestID` and `minTTL` to `request-id` and `min-ttl`.
    private func kebab(_ label: String) -> String {
        var result = ""
        var wasUpper = false
        for letter in label {
            if letter.isUppercase, !wasUpper { result += "-" }
            wasUpper = letter.isUppercase
            result += letter.lowercased()
        }
        return result
    }
}
