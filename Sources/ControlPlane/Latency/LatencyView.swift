// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
public import Steering

/// What is known of round trips, as the admin service shows it.
public struct LatencyView: Sendable, Equatable {
    /// The target that this process measures for; nil for none.
    public var site: String?
    /// Rows that were learnt.
    public var rows: Int
    /// Rows that may be.
    public var rowLimit: Int
    /// Rows that gave way to others.
    public var evictions: UInt64
    /// Measurements kept, of connections of clients and of the API.
    public var kept: [UInt64]
    /// Measurements of connections that found no room in a worker's ring.
    public var dropped: UInt64
    /// Measurements for whose target's name there was no room.
    public var refused: UInt64
    /// Tables made since the start.
    public var builds: UInt64
    /// How long the latest took.
    public var buildSeconds: Double
    /// Orders of branches that changed for a gain.
    public var orderChanges: UInt64
    /// The file of measurements; nil for none.
    public var file: File?

    /// A file of measurements.
    public struct File: Sendable, Equatable {
        /// Its path.
        public var path: String
        /// Rows in force.
        public var rows: Int
        /// When they were read, in seconds since 1970; 0 for never.
        public var loadedAt: Int64
        /// Why the file as it is now is not used; nil when it is.
        public var problem: String?
        /// Files read since the start: adopted and failed.
        public var loads: [UInt64]
    }
}

/// What became of measurements that somebody brought.
public struct RTTIntake: Sendable, Equatable {
    /// Those that are in the table.
    public var taken = 0
    /// Those that say nothing new.
    public var known = 0
    /// Those for whose target's name there is no room.
    public var refused = 0

    /// None so far.
    public init() {}

    mutating func count(_ outcome: RTTOutcome) {
        switch outcome {
        case .taken: taken += 1
        case .known: known += 1
        case .refused: refused += 1
        }
    }
}

/// Rows of round trips from a place on.
public struct RTTPage: Sendable, Equatable {
    /// The rows.
    public var rows: [RTTRow] = []
    /// Where the next begin; nil at the end.
    public var next: Int?
    /// Rows in all.
    public var total = 0
}

/// Which rows of round trips, and how many.
public struct RTTPageSketch: Sendable, Equatable {
    /// True for those of the file.
    public var isImported = false
    /// The place of the first.
    public var from = 0
    /// The most.
    public var count = 100

    /// The most that can be asked for.
    static let countLimit: UInt64 = 1000

    /// The first hundred that were learnt.
    public init() {}

    init(_ parameters: Parameters) throws(Problem) {
        try parameters.check(known: ["source", "from", "count"])
        switch parameters.value("source") {
        case nil, "learned"?: break
        case "file"?: isImported = true
        case let word?:
            throw Problem(.invalidValue, "'source' must be one of learned, file: '\(word)'.")
        }
        from = Int(clamping: try parameters.number("from") ?? 0)
        let count = try parameters.number("count") ?? 100
        guard (1...RTTPageSketch.countLimit).contains(count) else {
            let limit = RTTPageSketch.countLimit
            throw Problem(.invalidValue, "'count' must be a number from 1 to \(limit).")
        }
        self.count = Int(count)
    }
}

extension RTTReader.Row {
    /// Measurements in one request.
    static let requestLimit = 10_000

    /// Reads the body of a POST: `measurements`, a list of objects.
    static func read(_ request: ServiceRequest) throws(Problem) -> [RTTReader.Row] {
        guard !request.body.isEmpty else { throw Problem(.invalidJSON, "There is no body.") }
        let type = request.field("content-type")?.lowercased() ?? ""
        guard type.prefix(while: { $0 != ";" && $0 != " " }) == "application/json" else {
            throw Problem(.mediaType, "Content-Type is '\(type)'.")
        }
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONReader.read(request.body)
        } catch {
            throw Problem(.invalidJSON, "\(error)")
        }
        guard document.members?.count == 1, let listed = document["measurements"]?.elements else {
            throw Problem(.invalidValue, "The body must be an object with a list 'measurements'.")
        }
        guard listed.count <= requestLimit else {
            throw Problem(
                .invalidValue,
                "\(listed.count) measurements; a request takes at most \(requestLimit)."
            )
        }
        var rows: [RTTReader.Row] = []
        for (number, element) in listed.enumerated() {
            do throws(Misfit) {
                rows.append(try RTTReader.Row(json: element))
            } catch {
                throw Problem(.invalidValue, "Measurement \(number + 1): \(error.message).")
            }
        }
        return rows
    }
}

extension AdminDesk {
    /// Takes measurements, unless one of them is for a target that no branch is.
    func measure<S: ControlSurface & ~Copyable>(
        _ rows: [RTTReader.Row],
        _ surface: inout S,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        let targets = surface.view.settings.latencyTargets
        if let place = rows.firstIndex(where: { !targets.contains($0.target) }) {
            let name = rows[place].target
            let known = targets.sorted().prefix(8).joined(separator: ", ")
            throw Problem(
                .invalidValue,
                "Measurement \(place + 1): no branch of a 'latency' is the target '\(name)'; "
                    + (targets.isEmpty ? "there is none at all." : "targets are \(known).")
            )
        }
        let outcome = surface.perform(.measure(rows), now: moment.now)
        try check(outcome, of: .measure(rows))
        guard case .measured(let intake) = outcome else { return .json(JSONWriter()) }
        var json = JSONWriter()
        json.write(
            JSONValue.object([
                JSONMember("taken", .integer(Int64(intake.taken))),
                JSONMember("known", .integer(Int64(intake.known))),
                JSONMember("refused", .integer(Int64(intake.refused))),
                JSONMember("rows", .integer(Int64(surface.view.latency?.rows ?? 0))),
            ])
        )
        return .json(json)
    }

    /// Shows rows.
    func roundTrips<S: ControlSurface & ~Copyable>(
        _ sketch: RTTPageSketch,
        _ surface: borrowing S,
        at moment: Moment
    ) -> ServiceResponse {
        let page = surface.roundTrips(sketch, now: moment.now)
        let targets = surface.view.settings.latencyTargets.sorted()
        var json = JSONWriter()
        json.write(
            JSONValue.object([
                JSONMember("source", .string(sketch.isImported ? "file" : "learned")),
                JSONMember("total", .integer(Int64(page.total))),
                JSONMember("next", page.next.map { .integer(Int64($0)) } ?? .null),
                JSONMember("targets", .array(targets.map { .string($0) })),
                JSONMember("rows", .array(page.rows.map { $0.json(at: moment) })),
            ])
        )
        return .json(json)
    }
}

extension RTTRow {
    fileprivate func json(at moment: Moment) -> JSONValue {
        func rounded(_ value: Double) -> JSONValue { .number((value * 1000).rounded() / 1000) }
        var (seconds, time, count) = (JSONValue.null, JSONValue.null, JSONValue.null)
        if let last {
            let age = max((moment.now - last).nanoseconds, 0)
            seconds = rounded(Double(age) / 1e9)
            time = .integer((moment.realtime &- age) / 1_000_000_000)
        }
        if samples > 0 { count = .integer(Int64(samples)) }
        return .object([
            JSONMember("place", .string(place.measuredText)),
            JSONMember("target", .string(target)),
            JSONMember("rttMilliseconds", rounded(milliseconds)),
            JSONMember("deviationMilliseconds", isImported ? .null : rounded(deviation)),
            JSONMember("samples", count),
            JSONMember("ageSeconds", seconds),
            JSONMember("time", time),
            JSONMember("counts", .bool(counts)),
        ])
    }
}

extension LatencyView {
    /// The object of the snapshot.
    var json: JSONValue {
        .object([
            JSONMember("site", LatencyView.text(site)),
            JSONMember("rows", .integer(Int64(rows))),
            JSONMember("rowLimit", .integer(Int64(rowLimit))),
            JSONMember("tables", .integer(Int64(clamping: builds))),
            JSONMember("orderChanges", .integer(Int64(clamping: orderChanges))),
            JSONMember("file", file?.json ?? .null),
        ])
    }

    fileprivate static func text(_ text: String?) -> JSONValue {
        guard let text else { return .null }
        return .string(text)
    }

    /// What `martlet status` says of the object of the snapshot.
    static func line(_ latency: JSONValue) -> (text: String, isGood: Bool)? {
        guard let rows = latency["rows"]?.integer else { return nil }
        var text = "latency: \(rows) rows learnt"
        let file = latency["file"]
        if let count = file?["rows"]?.integer { text += ", \(count) from a file" }
        guard let problem = file?["problem"]?.string else { return (text, true) }
        let path = file?["path"]?.string ?? "?"
        let isPlaced = problem.hasPrefix("\(path):")
        let rest = isPlaced ? String(problem.dropFirst(path.count)) : " \(problem)"
        return (text + "; '\(path)'\(rest)", false)
    }
}

extension LatencyView.File {
    fileprivate var json: JSONValue {
        let loaded = CivilTime(nanoseconds: loadedAt &* 1_000_000_000).rfc3339
        return .object([
            JSONMember("path", .string(path)),
            JSONMember("rows", .integer(Int64(rows))),
            JSONMember("loaded", LatencyView.text(loadedAt == 0 ? nil : loaded)),
            // A place in it says of which file, as findings do.
            JSONMember(
                "problem",
                LatencyView.text(problem.map { $0.hasPrefix(":") ? path + $0 : $0 })
            ),
        ])
    }
}

extension Plane {
    /// What there is to see; nil where nothing goes by round trips.
    var latencyView: LatencyView? {
        let machine = roundTrips.machine
        let file = assembly.measurements
        guard assembly.regions.hasLatency || machine.table.count > 0 || file.path != nil else {
            return nil
        }
        return LatencyView(
            site: settings.latency.site,
            rows: machine.table.count,
            rowLimit: machine.settings.rowLimit,
            evictions: machine.table.evictions,
            kept: [roundTrips.kept.http, roundTrips.kept.api],
            dropped: shared.http.roundTrips.reduce(0) { $0 &+ $1.refused },
            refused: machine.table.refused,
            builds: machine.builds,
            buildSeconds: machine.buildTime.seconds,
            orderChanges: roundTrips.orderChanges,
            file: file.path.map { path in
                LatencyView.File(
                    path: path,
                    rows: file.rows.count,
                    loadedAt: file.loadedAt,
                    problem: file.problem,
                    loads: [file.loads.adopted, file.loads.failed]
                )
            }
        )
    }

    func roundTrips(_ sketch: RTTPageSketch, now: Instant) -> RTTPage {
        let machine = roundTrips.machine
        let found =
            sketch.isImported
            ? machine.importedRows(from: sketch.from, count: sketch.count, now: now)
            : machine.table.rows(from: sketch.from, count: sketch.count, now: now)
        let total = sketch.isImported ? machine.imported.count : machine.table.count
        return RTTPage(rows: found.rows, next: found.next, total: total)
    }
}
