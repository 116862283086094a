// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What was learnt of round trips: one row for each place and target.
///
/// A row is smoothed as TCP smooths its own (RFC 6298 §2): the first round trip R gives SRTT = R and
/// RTTVAR = R/2; each later one RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|, then SRTT = 7/8 SRTT + 1/8 R.
/// A measurement that stands for n of them moves a row as n equal ones do. A row that is older than
/// ``RTTSettings/maximumAge`` when something new comes begins anew: the way may be another one.
///
/// A summary is what another table knew at its time, perhaps from here. One that is no newer than the
/// row says nothing new, and one that is adds no round trips: the row then stands for the larger
/// number of both. So tables that tell each other all they know come to the same and rest.
///
/// The table is bounded. At the bound a hand looks at a few rows all over it and the least useful of
/// them gives way: first those that count for nothing any more, then those of few samples, then the
/// oldest. Rows keep their places otherwise, so a place is a cursor for whoever pages through.
public struct RTTTable: Sendable {
    /// Names of targets that are told apart.
    public static var targetLimit: Int { 1024 }
    /// Rows that the hand looks at for each new one at the bound.
    static var handWidth: Int { 16 }
    private static var smoothing: Double { 1.0 / 8 }
    private static var deviating: Double { 1.0 / 4 }
    /// Times of summaries are whole seconds, rounded down.
    static var coarseness: Interval { .seconds(1) }

    /// A place and a target.
    struct Key: Hashable {
        var place: GeoRegion
        var target: UInt16
    }

    /// What is known of them.
    struct Cell {
        var key: Key
        var smoothed: Double
        var deviation: Double
        var samples: UInt32
        var last: Instant
        /// What policies go by now; nil for nothing.
        var published: Double?
    }

    /// When rows count.
    public var settings: RTTSettings {
        didSet { shrink() }
    }
    private(set) var cells: [Cell] = []
    private var index: [Key: Int] = [:]
    private(set) var names = RTTTargetNames()
    private var hand = 0
    /// Rows that gave way to others.
    public private(set) var evictions: UInt64 = 0
    /// Measurements that found no room: too many targets.
    public private(set) var refused: UInt64 = 0
    /// True when policies go by something that does not hold any more.
    public private(set) var isStale = false
    /// When a row that counts now will not any more.
    public private(set) var expiresAt = Instant.never

    /// An empty table.
    public init(_ settings: RTTSettings = RTTSettings()) { self.settings = settings }

    /// Number of rows.
    public var count: Int { cells.count }

    // MARK: Learning

    /// Takes a measurement.
    @discardableResult
    public mutating func record(_ measurement: RTTMeasurement, now: Instant) -> RTTOutcome {
        let (value, count) = (measurement.milliseconds, measurement.samples)
        guard value >= 0, value <= RTTMeasurement.longest, count > 0 else { return .refused }
        guard let target = names.number(of: measurement.target) else {
            refused &+= 1
            return .refused
        }
        let key = Key(place: measurement.place, target: target)
        let at = min(measurement.at ?? now, now)
        if let place = index[key] {
            let limit = cells[place].last + RTTTable.coarseness
            if measurement.isSummary, at <= limit { return .known }
            update(place, value, count, at, measurement.isSummary)
            note(place, now)
            return .taken
        }
        var cell = Cell(
            key: key,
            smoothed: value,
            deviation: 0,
            samples: count,
            last: at,
            published: nil
        )
        begin(&cell, value, count)
        note(insert(cell, now), now)
        return .taken
    }

    private func begin(_ cell: inout Cell, _ value: Double, _ count: UInt32) {
        let later = RTTTable.power(1 - RTTTable.deviating, count - 1)
        (cell.smoothed, cell.deviation, cell.samples) = (value, value / 2 * later, count)
    }

    private mutating func update(
        _ place: Int,
        _ value: Double,
        _ count: UInt32,
        _ at: Instant,
        _ isSummary: Bool
    ) {
        var cell = cells[place]
        if at - cell.last > settings.maximumAge {
            begin(&cell, value, count)
        } else {
            // What n steps come to: the distance shrinks to k^n of it, and the deviation takes in
            // 1 - s of each distance on the way, a geometric sum.
            let kept = RTTTable.power(1 - RTTTable.smoothing, count)
            let spread = RTTTable.power(1 - RTTTable.deviating, count)
            let sum = (kept - spread) / (RTTTable.deviating - RTTTable.smoothing)
            let distance = abs(cell.smoothed - value)
            cell.deviation = spread * cell.deviation + RTTTable.deviating * sum * distance
            cell.smoothed = kept * cell.smoothed + (1 - kept) * value
            let (all, isTooMany) = cell.samples.addingReportingOverflow(count)
            cell.samples = isSummary ? max(cell.samples, count) : isTooMany ? .max : all
        }
        cell.last = max(cell.last, at)
        cells[place] = cell
    }

    /// A number below 1 so often multiplied by itself that more makes no difference.
    private static func power(_ base: Double, _ count: UInt32) -> Double {
        var result = 1.0
        for _ in 0..<min(count, 200) { result *= base }
        return result
    }

    // MARK: Room

    private mutating func insert(_ cell: Cell, _ now: Instant) -> Int {
        names.retain(cell.key.target)
        guard cells.count >= max(settings.rowLimit, 1) else {
            index[cell.key] = cells.count
            cells.append(cell)
            return cells.count - 1
        }
        // Spread over the table: rows that came together are alike.
        let stride = max(cells.count / RTTTable.handWidth, 1)
        var least = hand % cells.count
        for step in 1..<RTTTable.handWidth {
            let other = (hand + step * stride) % cells.count
            if isLessUseful(other, than: least, now) { least = other }
        }
        hand = (hand + 1) % cells.count
        evictions &+= 1
        if cells[least].published != nil { isStale = true }
        index[cells[least].key] = nil
        names.release(cells[least].key.target)
        index[cell.key] = least
        cells[least] = cell
        return least
    }

    private func isLessUseful(_ one: Int, than other: Int, _ now: Instant) -> Bool {
        let (a, b) = (cells[one], cells[other])
        let (aCounts, bCounts) = (counts(a, now), counts(b, now))
        if aCounts != bCounts { return !aCounts }
        let enough = settings.minimumSamples
        let (aSamples, bSamples) = (min(a.samples, enough), min(b.samples, enough))
        return aSamples != bSamples ? aSamples < bSamples : a.last < b.last
    }

    /// A lower bound keeps the rows that stand first: who lowers it wants less, whichever.
    private mutating func shrink() {
        isStale = true
        guard cells.count > max(settings.rowLimit, 1) else { return }
        evictions &+= UInt64(cells.count - max(settings.rowLimit, 1))
        for cell in cells[max(settings.rowLimit, 1)...] { names.release(cell.key.target) }
        cells.removeLast(cells.count - max(settings.rowLimit, 1))
        index = [:]
        for (place, cell) in cells.enumerated() { index[cell.key] = place }
    }

    // MARK: What counts

    private func counts(_ cell: Cell, _ now: Instant) -> Bool {
        cell.samples >= settings.minimumSamples && now - cell.last <= settings.maximumAge
    }

    private mutating func note(_ place: Int, _ now: Instant) {
        guard !isStale else { return }
        let cell = cells[place]
        switch (counts(cell, now), cell.published) {
        case (false, nil): break
        case (true, let before?):
            // Half of what changes an order: both of a pair may have moved.
            isStale = abs(cell.smoothed - before) >= settings.margin(before) / 2
        default: isStale = true
        }
    }

    /// The rows that count now: what policies are to go by from here on.
    public mutating func publish(now: Instant) -> [RTTRow] {
        isStale = false
        expiresAt = .never
        var rows: [RTTRow] = []
        for place in cells.indices {
            let cell = cells[place]
            guard counts(cell, now) else {
                cells[place].published = nil
                continue
            }
            cells[place].published = cell.smoothed
            expiresAt = min(expiresAt, cell.last + settings.maximumAge + .milliseconds(1))
            rows.append(row(cell, now))
        }
        return rows
    }

    /// The rows from a place on, and the place behind them; nil at the end.
    public func rows(from place: Int, count: Int, now: Instant) -> (rows: [RTTRow], next: Int?) {
        let first = min(max(place, 0), cells.count)
        let end = first + min(max(count, 0), cells.count - first)
        let rows = cells[first..<end].map { row($0, now) }
        return (rows, end < cells.count ? end : nil)
    }

    private func row(_ cell: Cell, _ now: Instant) -> RTTRow {
        var row = RTTRow(
            place: cell.key.place,
            target: names.name(cell.key.target),
            milliseconds: cell.smoothed,
            deviation: cell.deviation,
            samples: cell.samples,
            last: cell.last
        )
        row.counts = counts(cell, now)
        return row
    }

    // MARK: Restart

    /// Takes back a row that a former process has saved.
    public mutating func restore(_ row: RTTRow) {
        guard let last = row.last, cells.count < settings.rowLimit, row.samples > 0,
            (0...RTTMeasurement.longest).contains(row.milliseconds), row.deviation >= 0,
            row.deviation.isFinite, let target = names.number(of: row.target)
        else { return }
        let key = Key(place: row.place, target: target)
        guard index[key] == nil else { return }
        names.retain(target)
        index[key] = cells.count
        cells.append(
            Cell(
                key: key,
                smoothed: row.milliseconds,
                deviation: row.deviation,
                samples: row.samples,
                last: last,
                published: nil
            )
        )
        isStale = true
    }
}

/// What became of a measurement.
public enum RTTOutcome: Sendable, Equatable {
    /// It is in the table.
    case taken
    /// The table knows as much already, or something newer.
    case known
    /// It is none, or there is no room for the name of its target.
    case refused
}

/// One row as others see it.
public struct RTTRow: Sendable, Equatable {
    /// Where the clients are.
    public var place: GeoRegion
    /// The target.
    public var target: String
    /// The smoothed round trip.
    public var milliseconds: Double
    /// How far round trips are from it, smoothed.
    public var deviation: Double
    /// Round trips so far.
    public var samples: UInt32
    /// When the last of them was taken; nil for a row that does not age.
    public var last: Instant?
    /// True when it is young enough and of enough samples to go by.
    public var counts = true
    /// True when it comes from the file.
    public var isImported = false

    /// Joins the parts.
    public init(
        place: GeoRegion,
        target: String,
        milliseconds: Double,
        deviation: Double,
        samples: UInt32,
        last: Instant?
    ) {
        self.place = place
        self.target = target
        self.milliseconds = milliseconds
        self.deviation = deviation
        self.samples = samples
        self.last = last
    }
}
