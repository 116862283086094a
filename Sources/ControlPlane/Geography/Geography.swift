// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime
internal import Steering

/// What is known of where networks are: the databases in hand, and one's own networks over them.
struct Geography: Sendable {
    /// What policies are compiled against.
    private(set) var locations = LocationTable.empty
    /// The databases in hand.
    private(set) var databases: [LoadedDatabase.Content: LoadedDatabase] = [:]
    /// What is wrong with the files of databases, as found at the last look.
    private(set) var faults: [LoadedDatabase.Content: Fault] = [:]
    /// What it was made for.
    private(set) var settings = GeoSettings()
    /// Another one whenever ``locations`` are others.
    private(set) var edition = GeographyEdition()
    /// How reading databases ended, since the process started.
    private(set) var loads: (adopted: UInt64, failed: UInt64) = (0, 0)

    /// Why a file is not used, and which state of it.
    struct Fault: Sendable, Equatable {
        var path: String
        var stamp: Int64
        var reason: String
    }

    /// How a database came to us, or why not.
    enum Opened: Sendable {
        case file(GeographyFile)
        case failed(path: String, reason: String)
    }

    /// Brings everything to what the settings and files say; true when something is new.
    ///
    /// A database that cannot be used leaves what is in hand of the same path. Files that are as
    /// they were are not read again. `open` is asked once for each database, and what it opened
    /// is closed here.
    mutating func load(
        _ wanted: GeoSettings,
        _ open: (LoadedDatabase.Content, String) -> Opened
    ) -> Bool {
        var isNew = false
        for content in LoadedDatabase.Content.allCases {
            guard let path = wanted.path(of: content) else {
                if databases.removeValue(forKey: content) != nil { isNew = true }
                faults[content] = nil
                continue
            }
            if databases[content].map({ $0.path != path }) == true {
                databases[content] = nil
                isNew = true
            }
            if read(path, content, limit: wanted.sizeLimit.bytes, open(content, path)) {
                isNew = true
            }
        }
        if wanted.networks != settings.networks { isNew = true }
        settings = wanted
        if isNew {
            locations = compose()
            edition = GeographyEdition()
        }
        return isNew
    }

    /// True when a file is not in the state that was read last.
    func hasChanged(_ content: LoadedDatabase.Content, stamp: Int64) -> Bool {
        let known = faults[content]?.stamp ?? databases[content]?.stamp
        return known != stamp
    }

    private mutating func read(
        _ path: String,
        _ content: LoadedDatabase.Content,
        limit: Int,
        _ opened: Opened
    ) -> Bool {
        switch opened {
        case .failed(_, let reason):
            faults[content] = Fault(path: path, stamp: 0, reason: "cannot be read: \(reason)")
            loads.failed += 1
            return false
        case .file(let file):
            defer { file.descriptor.close() }
            guard hasChanged(content, stamp: file.stamp) || settings.sizeLimit.bytes != limit else {
                return false
            }
            do throws(MaxMindDatabase.Fault) {
                databases[content] = try LoadedDatabase(file, content, limit: limit)
                faults[content] = nil
                loads.adopted += 1
                return true
            } catch {
                faults[content] = Fault(path: path, stamp: file.stamp, reason: error.reason)
                loads.failed += 1
                return false
            }
        }
    }

    /// One's own networks over those of the databases.
    private func compose() -> LocationTable {
        var locations = databases[.places]?.locations ?? [.unknown]
        let places = settings.networks.filter(\.hasPlace)
        let first = UInt32(truncatingIfNeeded: locations.count)
        locations += places.map(Location.init)
        let networks = Geography.over(
            databases[.places]?.table,
            places.enumerated().map { ($1.prefix, first + UInt32(truncatingIfNeeded: $0)) }
        )
        let numbered = settings.networks.compactMap { network in
            network.asn.map { (prefix: network.prefix, value: $0) }
        }
        let systems =
            databases[.systems] == nil && numbered.isEmpty
            ? nil : Geography.over(databases[.systems]?.table, numbered)
        return LocationTable(locations: locations, networks: networks, systems: systems)
    }

    private static func over(
        _ table: PrefixTable?,
        _ own: [(prefix: Prefix, value: UInt32)]
    ) -> PrefixTable {
        let upper = PrefixTable(own, otherwise: 0)
        guard let table else { return upper }
        guard !own.isEmpty else { return table }
        return PrefixTable(refining: [table, upper]) { $0[1] != 0 ? $0[1] : $0[0] }
    }
}

/// Tells one state of geography from another, whichever copies of it there are.
final class GeographyEdition: Sendable {}

extension GeoSettings {
    /// One's own networks alone.
    var withoutFiles: GeoSettings {
        var settings = self
        (settings.database, settings.asn) = (nil, nil)
        return settings
    }
}

extension Location {
    fileprivate init(_ network: GeoNetworkSettings) {
        let point: GeoPoint? =
            if let latitude = network.latitude, let longitude = network.longitude {
                GeoPoint(latitude: latitude, longitude: longitude)
            } else {
                nil
            }
        self.init(
            continent: network.continent,
            country: network.country,
            subdivision: network.subdivision,
            city: network.city,
            point: point
        )
    }
}
