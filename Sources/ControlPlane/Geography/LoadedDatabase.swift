// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime
internal import Steering

/// A geographic database as tables of our own: nothing refers to its file any more.
struct LoadedDatabase: Sendable {
    /// What is taken from a database.
    typealias Content = GeoSettings.Content

    let path: String
    /// The file as it was: see ``File/stamp(_:)``.
    let stamp: Int64
    /// What it says to be, such as `GeoLite2-City`.
    let kind: String
    /// When it was built, in seconds since 1970.
    let builtAt: Int64
    /// When it was read, in seconds since 1970.
    let loadedAt: Int64
    /// Networks with a record of their own.
    let networkCount: Int
    /// How long reading it took.
    let loadTime: Interval
    /// The places that ``table`` numbers; only the unknown one for systems.
    let locations: [Location]
    /// The place, or the system, of each network; 0 for unknown.
    let table: PrefixTable

    /// Reads a file from end to end.
    init(
        _ file: GeographyFile,
        _ content: Content,
        limit: Int
    ) throws(MaxMindDatabase.Fault) {
        let begin = Clock.monotonic()
        let database = try MaxMindDatabase(copyOf: file.descriptor, limit: limit)
        var reading = RecordReading(database, content)
        var table = PrefixTableWriter(otherwise: 0)
        var count = 0
        try database.walk { prefix, record throws(MaxMindDatabase.Fault) in
            count += 1
            let value = try reading.value(record)
            if value != 0 { _ = table.append(prefix, value) }
        }
        guard reading.hasFacts else { throw database.lack(of: content) }
        path = file.path
        stamp = file.stamp
        kind = database.kind
        builtAt = database.builtAt
        loadedAt = Clock.realtime() / 1_000_000_000
        networkCount = count
        locations = reading.locations
        self.table = table.finish()
        loadTime = Clock.monotonic() - begin
    }
}

extension LoadedDatabase {
    /// What is wrong with a file on this machine, as far as can be told without reading all of it.
    ///
    /// One for something else is read to its end: nothing of what is wanted is in it.
    static func fault(_ path: String, _ content: Content, limit: Int) -> String? {
        let file: FileDescriptor
        do throws(SystemError) {
            file = try File.openRegular(path)
        } catch {
            return "cannot be read: \(error == .invalid ? "it is no plain file" : "\(error)")"
        }
        defer { file.close() }
        do throws(MaxMindDatabase.Fault) {
            let database = try MaxMindDatabase(copyOf: file, limit: limit)
            return try database.knows(content) ? nil : database.lack(of: content).reason
        } catch {
            return error.reason
        }
    }
}

extension MaxMindDatabase {
    /// True when some record has something of what is wanted.
    fileprivate func knows(_ content: LoadedDatabase.Content) throws(Fault) -> Bool {
        var reading = RecordReading(self, content)
        // The first one that has ends the walk.
        let found = Fault("has it")
        do throws(Fault) {
            try walk { _, record throws(Fault) in
                _ = try reading.value(record)
                if reading.hasFacts { throw found }
            }
        } catch {
            guard reading.hasFacts else { throw error }
        }
        return reading.hasFacts
    }

    /// A country's file for systems, or the reverse, would leave everybody unknown.
    fileprivate func lack(of content: LoadedDatabase.Content) -> Fault {
        let wanted = content == .places ? "countries or places" : "autonomous systems"
        return Fault("(\(kind)) knows no \(wanted)")
    }
}

/// A file that has been opened by whoever may.
struct GeographyFile: Sendable {
    let path: String
    let descriptor: FileDescriptor
    let stamp: Int64
}

/// Turns records into the numbers of a table; each record and each place is met once.
private struct RecordReading {
    private let database: MaxMindDatabase
    private let content: LoadedDatabase.Content
    private(set) var locations = [Location.unknown]
    private var numbers: [Location: UInt32] = [.unknown: 0]
    private var values: [UInt32: UInt32] = [:]
    /// True once a record had something of what is wanted.
    private(set) var hasFacts = false

    init(_ database: MaxMindDatabase, _ content: LoadedDatabase.Content) {
        self.database = database
        self.content = content
    }

    mutating func value(_ record: UInt32) throws(MaxMindDatabase.Fault) -> UInt32 {
        if let known = values[record] { return known }
        let place = try database.place(record)
        let value = content == .systems ? place.system ?? 0 : number(of: location(place))
        if value != 0 { hasFacts = true }
        values[record] = value
        return value
    }

    private mutating func number(of location: Location) -> UInt32 {
        if let known = numbers[location] { return known }
        let number = UInt32(truncatingIfNeeded: locations.count)
        locations.append(location)
        numbers[location] = number
        return number
    }

    private func location(_ place: MaxMindDatabase.Place) -> Location {
        let country = place.country
        let point: GeoPoint? =
            if let latitude = place.latitude, let longitude = place.longitude {
                GeoPoint(latitude: latitude, longitude: longitude)
            } else {
                nil
            }
        return Location(
            continent: place.continent,
            country: country,
            // Databases have the part behind the country's.
            subdivision: country.flatMap { code in place.subdivision.map { "\(code)-\($0)" } },
            city: place.city,
            point: point
        )
    }
}
