// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Steering

/// What is known of where networks are, as the admin service shows it.
public struct GeographyView: Sendable, Equatable {
    /// A database that the configuration names.
    public struct Database: Sendable, Equatable {
        /// `places` or `systems`.
        public var content: String
        /// The path of its file.
        public var file: String
        /// What it says to be; nil when none is in hand.
        public var kind: String?
        /// When it was built, in seconds since 1970.
        public var builtAt: Int64
        /// When it was read, in seconds since 1970.
        public var loadedAt: Int64
        /// Networks with a record of their own.
        public var networks: Int
        /// How long reading it took.
        public var loadSeconds: Double
        /// Why the file as it is now is not used; nil when it is.
        public var problem: String?
    }

    /// The databases that the configuration names.
    public var databases: [Database]
    /// Networks of one's own.
    public var networks: Int
    /// Policies that ask for places or autonomous systems which nothing tells.
    public var unplaced: [String] = []
    /// Databases read since the start, with and without success.
    public var loads: (adopted: UInt64, failed: UInt64)

    /// True when both show the same.
    public static func == (one: GeographyView, other: GeographyView) -> Bool {
        one.databases == other.databases && one.networks == other.networks
            && one.unplaced == other.unplaced && one.loads == other.loads
    }
}

extension Geography {
    /// What there is to see; nil when the configuration says nothing of geography.
    var view: GeographyView? { view(unplaced: []) }

    /// The same with the policies that ask for what is not known.
    func view(unplaced: [String]) -> GeographyView? {
        guard settings != GeoSettings() || !databases.isEmpty || !unplaced.isEmpty else {
            return nil
        }
        let shown = LoadedDatabase.Content.allCases.compactMap { content in
            settings.path(of: content).map { path in
                let database = databases[content]
                return GeographyView.Database(
                    content: content.rawValue,
                    file: path,
                    kind: database?.kind,
                    builtAt: database?.builtAt ?? 0,
                    loadedAt: database?.loadedAt ?? 0,
                    networks: database?.networkCount ?? 0,
                    loadSeconds: database?.loadTime.seconds ?? 0,
                    problem: faults[content]?.reason
                )
            }
        }
        return GeographyView(
            databases: shown,
            networks: settings.networks.count,
            unplaced: unplaced,
            loads: loads
        )
    }
}

extension GeographyView {
    /// Policies that are named; all are counted.
    private static let namesLimit = 50

    /// The object of the snapshot.
    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.name("networks")
        json.write(networks)
        json.name("databases")
        json.write(.array(databases.map(GeographyView.document)))
        json.name("unplaced")
        json.write(.array(unplaced.prefix(GeographyView.namesLimit).map(JSONValue.string)))
        json.name("unplacedCount")
        json.write(unplaced.count)
        json.endObject()
    }

    private static func document(_ database: Database) -> JSONValue {
        func time(_ seconds: Int64) -> JSONValue {
            seconds == 0 ? .null : .string(CivilTime(nanoseconds: seconds * 1_000_000_000).rfc3339)
        }
        return .object([
            JSONMember("content", .string(database.content)),
            JSONMember("file", .string(database.file)),
            JSONMember("kind", database.kind.map(JSONValue.string) ?? .null),
            JSONMember("built", time(database.builtAt)),
            JSONMember("loaded", time(database.loadedAt)),
            JSONMember("networks", .integer(Int64(database.networks))),
            JSONMember("loadSeconds", .number(database.loadSeconds)),
            JSONMember("problem", database.problem.map(JSONValue.string) ?? .null),
        ])
    }

    /// What `martlet status` says of the object of the snapshot.
    static func line(_ geography: JSONValue) -> (text: String, isGood: Bool)? {
        guard let own = geography["networks"]?.integer else { return nil }
        let databases = geography["databases"]?.elements ?? []
        let used = databases.compactMap { database -> String? in
            guard let kind = database["kind"]?.string else { return nil }
            return "\(kind) of \(database["built"]?.string?.prefix(10) ?? "?")"
        }
        var parts = used.isEmpty ? ["the table of countries"] : used
        if own > 0 {
            parts.append(own == 1 ? "1 network of one's own" : "\(own) networks of one's own")
        }
        var text = "geography: " + parts.joined(separator: ", ")
        let problems = databases.compactMap { database -> String? in
            database["problem"]?.string.map { "'\(database["file"]?.string ?? "?")' \($0)" }
        }
        for problem in problems { text += "; \(problem)" }
        let unplaced = (geography["unplaced"]?.elements ?? []).compactMap(\.string)
        if !unplaced.isEmpty {
            let count = geography["unplacedCount"]?.integer ?? Int64(unplaced.count)
            text += "; nothing tells what is asked by "
            text += unplaced.prefix(5).joined(separator: ", ")
            if count > 5 { text += " and \(count - 5) more" }
        }
        return (text, problems.isEmpty && unplaced.isEmpty)
    }
}

extension GeographyView {
    /// What is known of an address, and the largest networks round it for which that holds.
    static func place(_ address: IPAddress, _ table: LocationTable) -> ServiceResponse {
        let location = table.find(address)
        func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
        func network(_ match: PrefixTable.Match) -> JSONValue {
            text(Prefix(address, length: Int(match.length))?.description)
        }
        let point = location.approximatePoint
        let system = table.systems?.find(address)
        let document = JSONValue.object([
            JSONMember("address", .string(address.description)),
            JSONMember("network", network(table.networks.find(address))),
            JSONMember("continent", text(location.continent)),
            JSONMember("country", text(location.country)),
            JSONMember("subdivision", text(location.subdivision)),
            JSONMember("city", text(location.city)),
            JSONMember("latitude", point.map { .number($0.latitude) } ?? .null),
            JSONMember("longitude", point.map { .number($0.longitude) } ?? .null),
            JSONMember("inEuropeanUnion", .bool(location.isInEuropeanUnion)),
            JSONMember(
                "asn",
                system.map { $0.value == 0 ? .null : .integer(Int64($0.value)) } ?? .null
            ),
            JSONMember("asnNetwork", system.map(network) ?? .null),
        ])
        var json = JSONWriter()
        json.write(document)
        return .json(json)
    }
}
