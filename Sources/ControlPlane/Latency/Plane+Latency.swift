// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Runtime
internal import Steering

/// From measurements to tables: kept here, made on a thread of their own, swapped by a snapshot.
extension Plane {
    /// Follows the configuration in force.
    mutating func configureLatency(_ now: Instant) {
        roundTrips.machine.configure(RTTSettings(settings.latency))
        roundTrips.machine.replaceImported(assembly.measurements.rows)
        let isMeasuring = settings.latency.site.map(settings.latencyTargets.contains) ?? false
        if !isMeasuring {
            roundTrips.fetchesAt = .never
        } else if roundTrips.fetchesAt == .never {
            roundTrips.fetchesAt = now + RoundTrips.fetching
        }
    }

    /// Does what is due.
    mutating func followRoundTrips(_ now: Instant) {
        if now >= roundTrips.fetchesAt {
            roundTrips.fetchesAt = now + RoundTrips.fetching
            fetchRoundTrips(now)
        }
        takeReading()
        takeTables(now)
        if roundTrips.work == nil { beginWork(now) }
        let isBusy = roundTrips.work != nil || roundTrips.reading != nil
        roundTrips.looksAt = isBusy ? now + RoundTrips.looking : .never
    }

    // MARK: Measurements

    /// Takes what workers have measured for this site.
    private mutating func fetchRoundTrips(_ now: Instant) {
        guard let site = settings.latency.site else { return }
        for ring in shared.http.roundTrips {
            for _ in 0..<RTTRing.capacity {
                guard let record = ring.take() else { break }
                guard let place = GeoRegion.measured(record.client) else { continue }
                let measurement = RTTMeasurement(
                    place: place,
                    target: site,
                    milliseconds: record.roundTrip.seconds * 1000,
                    at: record.at
                )
                if learn(measurement, now) == .taken { roundTrips.kept.http &+= 1 }
            }
        }
    }

    /// Takes what somebody else has measured.
    mutating func learn(_ rows: [RTTReader.Row], _ now: Instant) -> RTTIntake {
        let moment = moment(now)
        // What does not say of how many round trips it is, is believed, as in the file.
        let enough = max(roundTrips.machine.settings.minimumSamples, 1)
        var intake = RTTIntake()
        for row in rows {
            var measurement = row.measurement(at: moment)
            if measurement.samples == 0 { measurement.samples = enough }
            intake.count(learn(measurement, now))
        }
        roundTrips.kept.api &+= UInt64(intake.taken)
        return intake
    }

    private mutating func learn(_ measurement: RTTMeasurement, _ now: Instant) -> RTTOutcome {
        let outcome = roundTrips.machine.record(measurement, now: now)
        // Who has retired writes no state any more.
        if outcome == .taken, roundTrips.savesAt == .never, !isRetired {
            roundTrips.savesAt = now + RoundTrips.saving
        }
        return outcome
    }

    // MARK: Tables

    private mutating func beginWork(_ now: Instant) {
        let isSaving = now >= roundTrips.savesAt
        // Without a policy that goes by them there is nothing to make.
        let isWanted = staged == nil && assembly.regions.hasLatency
        let source = isWanted ? roundTrips.machine.begin(now: now) : nil
        guard isSaving || source != nil else {
            if now >= roundTrips.machine.deadline { roundTrips.machine.postpone(now: now) }
            return
        }
        let table = isSaving ? roundTrips.machine.table : nil
        let (regions, locations) = (assembly.regions, assembly.locations)
        let (rules, moment) = (roundTrips.machine.settings, moment(now))
        roundTrips.savesAt = isSaving ? .never : roundTrips.savesAt
        roundTrips.work = Errand("latency") {
            var work = RoundTrips.Work()
            if let source {
                let begin = Clock.monotonic()
                var regions = regions
                work.orderChanges = regions.remake(source.picture(), rules, locations)
                work.regions = regions
                work.took = Clock.monotonic() - begin
            }
            work.state = table.map { SavedRoundTrips($0, at: moment).text() }
            return work
        }
        guard roundTrips.work == nil else { return }
        // No thread: try again in a while.
        if source != nil {
            roundTrips.machine.finish(nil, took: .seconds(1), now: now, isDone: false)
        }
        if isSaving { roundTrips.savesAt = now + RoundTrips.saving }
    }

    private mutating func takeTables(_ now: Instant) {
        // A change that waits was made with the tables that are in force.
        guard staged == nil, let work = roundTrips.work?.take() else { return }
        roundTrips.work = nil
        if let state = work.state, !isRetired { store.writeSoon(.roundTrips, state) }
        guard let regions = work.regions else { return }
        // A reload may have come in between: then they are made anew.
        let isTaken = assembly.regions.takeLatency(from: regions)
        roundTrips.machine.finish(regions.picture, took: work.took, now: now, isDone: isTaken)
        guard isTaken else { return }
        roundTrips.orderChanges &+= work.orderChanges
        needsSnapshot = true
    }

    /// Saves what was learnt before this returns: the process ends, or another takes over.
    mutating func saveRoundTripsNow(_ now: Instant) {
        guard !isRetired, roundTrips.machine.table.count > 0 else { return }
        let state = SavedRoundTrips(roundTrips.machine.table, at: moment(now)).text()
        do throws(SystemError) {
            try store.writeNow(.roundTrips, state)
        } catch {
            note(.stateFailed, .error, "measured round trips cannot be saved: \(error)")
        }
    }

    // MARK: The file

    /// Begins to read the file of measurements when it has changed.
    mutating func exchangeMeasurements(_ changed: Set<String>) {
        guard let path = settings.latency.file, changed.contains(path) else { return }
        guard roundTrips.reading == nil else {
            roundTrips.isFileStale = true
            return
        }
        let opened = link.database(path)
        let (known, moment) = (assembly.measurements, moment(Clock.monotonic()))
        roundTrips.reading = Errand("measurements") {
            var file = known
            let isNew = file.load(path, at: moment) { _ in opened }
            return (file, isNew)
        }
        roundTrips.looksAt = moment.now
        if roundTrips.reading == nil, case .file(let file) = opened { file.descriptor.close() }
    }

    private mutating func takeReading() {
        guard let (file, _) = roundTrips.reading?.take() else { return }
        roundTrips.reading = nil
        defer {
            if roundTrips.isFileStale {
                roundTrips.isFileStale = false
                exchangeMeasurements(Set([settings.latency.file].compactMap(\.self)))
            }
        }
        // A reload may have come in between.
        guard file.path == settings.latency.file else { return }
        let known = assembly.measurements
        assembly.measurements = file
        if staged?.assembly.measurements.path == file.path {
            staged?.assembly.measurements = file
        }
        roundTrips.machine.replaceImported(file.rows)
        Plane.note(file, since: known, log)
    }

    /// Reads the file that a configuration names.
    static func loadMeasurements(
        _ settings: RoundTripSettings,
        known: MeasurementsFile,
        _ moment: Moment,
        _ link: inout SupervisorLink
    ) -> MeasurementsFile {
        var file = known
        _ = file.load(settings.file, at: moment) { path in link.database(path) }
        return file
    }

    /// Says what is used from now on, or why it is not.
    static func note(_ file: MeasurementsFile, since known: MeasurementsFile, _ log: EventLog) {
        guard let path = file.path, file.stamp != known.stamp || path != known.path else { return }
        let field = JSONMember("file", .string(path))
        if let problem = file.problem {
            let rest =
                file.rows.isEmpty ? "no imported measurements" : "the former measurements serve on"
            let place = problem.hasPrefix(":") ? "'\(path)'\(problem)" : "'\(path)' \(problem)"
            var event = LogEvent(
                .latency,
                .error,
                realtime: Clock.realtime(),
                "\(rest): \(place)",
                [field]
            )
            event.code = DiagnosticCode.badMeasurements.rawValue
            log.record(event)
            return
        }
        log.record(
            LogEvent(
                .latency,
                .info,
                realtime: Clock.realtime(),
                "\(file.rows.count) measured round trips from '\(path)' are in force",
                [field]
            )
        )
    }
}
