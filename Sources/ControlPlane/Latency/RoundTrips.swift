// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Steering

/// Round trips on their way from measurements to tables, as the control thread keeps them.
struct RoundTrips: Sendable {
    /// What is known, and when a table is due.
    var machine: RTTMachine
    /// A table, or a state file, that is being made.
    var work: Errand<Work>?
    /// The file of measurements that is being read.
    var reading: Errand<(file: MeasurementsFile, isNew: Bool)>?
    /// True when the file has changed since that began.
    var isFileStale = false
    /// When the workers' measurements are fetched; never where none are made.
    var fetchesAt = Instant.never
    /// When what was learnt is saved; never while nothing was.
    var savesAt = Instant.never
    /// When errands are looked after.
    var looksAt = Instant.never
    /// Measurements kept so far, by where they came from.
    var kept: (http: UInt64, api: UInt64) = (0, 0)
    /// Orders of branches that changed for a gain.
    var orderChanges: UInt64 = 0

    static let fetching = Interval.seconds(1)
    static let saving = Interval.seconds(60)
    static let looking = Interval.milliseconds(20)

    /// What comes of an errand.
    struct Work: Sendable {
        var regions: RegionTables?
        var orderChanges: UInt64 = 0
        var took = Interval.zero
        var state: [UInt8]?
    }

    /// Nothing known.
    init() { machine = RTTMachine() }

    /// What a file says.
    init(_ settings: Settings, _ file: MeasurementsFile) {
        machine = RTTMachine(RTTSettings(settings.latency))
        machine.replaceImported(file.rows)
    }

    /// When there is something to do.
    var deadline: Instant {
        let tables = work == nil ? min(machine.deadline, savesAt) : .never
        return min(fetchesAt, looksAt, tables)
    }
}

extension RTTSettings {
    init(_ settings: RoundTripSettings) {
        self.init()
        rowLimit = settings.rows
        minimumSamples = UInt32(clamping: settings.minSamples)
        maximumAge = settings.maxAge
        marginPercent = settings.margin.percent
        marginMilliseconds = settings.minGain.seconds * 1000
        interval = settings.interval
    }
}
