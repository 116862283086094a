// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime
internal import Steering
internal import Synchronization

/// A database that is being read on a thread of its own.
///
/// A large one takes seconds, and the control thread has probes to run.
final class GeographyLoad: Sendable {
    private struct Result {
        var geography: Geography
        var isNew: Bool
    }

    private let result = Mutex<Result?>(nil)

    /// Begins; nil when there is no thread to be had, and then files stay as they are.
    init?(_ known: Geography, _ opened: [LoadedDatabase.Content: Geography.Opened]) {
        let started: Void? = try? WorkerThread.start(name: "geography") { [self] in
            var geography = known
            let isNew = geography.load(known.settings) { content, path in
                opened[content] ?? .failed(path: path, reason: "it was not opened")
            }
            result.withLock { $0 = Result(geography: geography, isNew: isNew) }
        }
        guard started != nil else {
            for case .file(let file) in opened.values { file.descriptor.close() }
            return nil
        }
    }

    /// What came of it; nil while it goes on.
    func take() -> (geography: Geography, isNew: Bool)? {
        result.withLock { result in result.map { ($0.geography, $0.isNew) } }
    }
}

/// Databases follow their files without a reload: read whole first, then swapped.
extension Plane {
    /// Begins to read databases whose files have changed.
    mutating func exchangeGeography(_ changed: Set<String>) {
        guard settings.geo.files.contains(where: changed.contains) else { return }
        guard watch.geography == nil else {
            watch.isGeographyStale = true
            return
        }
        var opened: [LoadedDatabase.Content: Geography.Opened] = [:]
        var isStale = false
        for content in LoadedDatabase.Content.allCases {
            guard let path = settings.geo.path(of: content) else { continue }
            let one = link.database(path)
            opened[content] = one
            switch one {
            case .file(let file):
                if assembly.geography.hasChanged(content, stamp: file.stamp) { isStale = true }
            case .failed: if assembly.geography.faults[content]?.stamp != 0 { isStale = true }
            }
        }
        guard isStale else {
            for case .file(let file) in opened.values { file.descriptor.close() }
            return
        }
        watch.geography = GeographyLoad(assembly.geography, opened)
    }

    /// Takes up what has been read.
    mutating func followGeography() {
        guard let load = watch.geography, let (geography, isNew) = load.take() else { return }
        watch.geography = nil
        defer {
            if watch.isGeographyStale {
                watch.isGeographyStale = false
                exchangeGeography(Set(settings.geo.files))
            }
        }
        // A reload may have come in between.
        guard geography.settings == settings.geo else {
            watch.isGeographyStale = true
            return
        }
        let known = assembly.geography
        assembly.geography = geography
        if isNew { needsSnapshot = true }
        Plane.note(geography, since: known, log)
    }

    /// Reads what a configuration names.
    static func loadGeography(
        _ settings: GeoSettings,
        known: Geography,
        _ link: inout SupervisorLink
    ) -> Geography {
        var geography = known
        _ = geography.load(settings) { _, path in link.database(path) }
        return geography
    }

    /// Says what is used from now on, and what is not.
    static func note(_ geography: Geography, since known: Geography, _ log: EventLog) {
        let realtime = Clock.realtime()
        for content in LoadedDatabase.Content.allCases {
            if let fault = geography.faults[content], known.faults[content] != fault {
                let rest =
                    geography.databases[content] == nil
                    ? "networks of one's own are all that is known" : "the former one serves on"
                var event = LogEvent(
                    .geography,
                    .error,
                    realtime: realtime,
                    "\(rest): '\(fault.path)' \(fault.reason)",
                    [JSONMember("file", .string(fault.path))]
                )
                event.code = DiagnosticCode.badDatabase.rawValue
                log.record(event)
            }
            guard let database = geography.databases[content],
                known.databases[content]?.loadedAt != database.loadedAt
                    || known.databases[content]?.stamp != database.stamp
            else { continue }
            let day = CivilTime(nanoseconds: database.builtAt * 1_000_000_000).rfc3339.prefix(10)
            log.record(
                LogEvent(
                    .geography,
                    .info,
                    realtime: realtime,
                    "\(content.rawValue) of \(database.networkCount) networks from "
                        + "\(database.kind) of \(day), read in \(database.loadTime)",
                    [JSONMember("file", .string(database.path))]
                )
            )
        }
    }
}
