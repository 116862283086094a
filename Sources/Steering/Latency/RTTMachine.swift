// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Decides when policies get a new table of measured round trips.
///
/// Measurements arrive at any rate; tables are made at a bounded one. A table is due when something
/// that policies go by has changed by enough, when a row has grown too old, or when the imported rows
/// are others; and when the last one lies behind by the interval of the settings, and by ten times
/// what making it took, so that tables never take more than a tenth of a core.
public struct RTTMachine: Sendable {
    /// What was learnt.
    public private(set) var table: RTTTable
    /// What a file says.
    public private(set) var imported: [RTTMeasurement] = []
    /// Tables made since the start.
    public private(set) var builds: UInt64 = 0
    /// How long the latest took.
    public private(set) var buildTime = Interval.zero
    private var isBuilding = false
    private var hasNewRows = false
    private var builtAt: Instant?
    private var importExpiresAt = Instant.never

    /// Nothing known so far.
    public init(_ settings: RTTSettings = RTTSettings()) { table = RTTTable(settings) }

    /// The rules.
    public var settings: RTTSettings { table.settings }

    /// Follows new rules.
    public mutating func configure(_ settings: RTTSettings) {
        guard settings != table.settings else { return }
        table.settings = settings
        hasNewRows = true
    }

    /// Takes a measurement.
    @discardableResult
    public mutating func record(_ measurement: RTTMeasurement, now: Instant) -> RTTOutcome {
        table.record(measurement, now: now)
    }

    /// Takes back what a former process has saved.
    public mutating func restore(_ rows: [RTTRow]) { for row in rows { table.restore(row) } }

    /// Takes the rows of a file in place of those of the former.
    public mutating func replaceImported(_ rows: [RTTMeasurement]) {
        guard rows != imported else { return }
        imported = rows
        hasNewRows = true
    }

    // MARK: Tables

    /// When ``begin(now:)`` next has something to do.
    public var deadline: Instant {
        guard !isBuilding else { return .never }
        let free = builtAt.map { $0 + max(settings.interval, buildTime * 10) } ?? .start
        if table.isStale || hasNewRows { return free }
        return max(free, min(table.expiresAt, importExpiresAt))
    }

    /// What a table is to be made of now; nil when none is due.
    public mutating func begin(now: Instant) -> LatencySource? {
        guard now >= deadline else { return nil }
        isBuilding = true
        return source(now: now)
    }

    /// What counts now, for the first tables.
    public mutating func begun(now: Instant) -> LatencyPicture {
        let picture = source(now: now).picture()
        importExpiresAt = picture.expiresAt
        return picture
    }

    /// What counts now; what is made of it is taken for the table in force.
    private mutating func source(now: Instant) -> LatencySource {
        hasNewRows = false
        return LatencySource(
            learned: table.publish(now: now),
            imported: imported,
            settings: settings,
            now: now
        )
    }

    /// A table has been made and is in force, or is to be made again.
    public mutating func finish(
        _ picture: LatencyPicture?,
        took: Interval,
        now: Instant,
        isDone: Bool = true
    ) {
        isBuilding = false
        importExpiresAt = picture?.expiresAt ?? .never
        builtAt = now
        buildTime = took
        if isDone { builds &+= 1 } else { hasNewRows = true }
    }

    /// Nobody has use for a table now: asks again after the interval.
    public mutating func postpone(now: Instant) { builtAt = now }

    /// The imported rows from a place on, and the place behind them; nil at the end.
    public func importedRows(
        from place: Int,
        count: Int,
        now: Instant
    ) -> (rows: [RTTRow], next: Int?) {
        let first = min(max(place, 0), imported.count)
        let end = first + min(max(count, 0), imported.count - first)
        let rows = imported[first..<end].map { measurement in
            var row = RTTRow(imported: measurement)
            row.counts = settings.counts(measurement, now)
            return row
        }
        return (rows, end < imported.count ? end : nil)
    }
}

/// What a table is made of, on whatever thread.
public struct LatencySource: Sendable {
    let learned: [RTTRow]
    let imported: [RTTMeasurement]
    let settings: RTTSettings
    let now: Instant

    /// The rows that count, ready for policies to be compiled against.
    public func picture() -> LatencyPicture {
        var expiresAt = Instant.never
        let rows = imported.compactMap { measurement -> RTTRow? in
            guard settings.counts(measurement, now) else { return nil }
            if let at = measurement.at {
                expiresAt = min(expiresAt, at + settings.maximumAge + .milliseconds(1))
            }
            return RTTRow(imported: measurement)
        }
        return LatencyPicture(learned: learned, imported: rows, expiresAt: expiresAt)
    }
}

extension RTTSettings {
    /// True when an imported measurement is young enough and of enough samples.
    func counts(_ measurement: RTTMeasurement, _ now: Instant) -> Bool {
        if let at = measurement.at, now - at > maximumAge { return false }
        return measurement.samples == 0 || measurement.samples >= minimumSamples
    }
}

extension RTTRow {
    init(imported measurement: RTTMeasurement) {
        self.init(
            place: measurement.place,
            target: measurement.target,
            milliseconds: measurement.milliseconds,
            deviation: 0,
            samples: measurement.samples,
            last: measurement.at
        )
        isImported = true
    }
}
