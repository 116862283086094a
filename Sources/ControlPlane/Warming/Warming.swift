// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPGateway

/// One list of URLs on its way, and how far it is.
struct Warming: Sendable {
    /// URLs whose fate is told by name.
    private static let toldLimit = 100
    /// A fetch that has not ended by then counts as lost.
    static let patience = Interval.seconds(120)

    /// What became of one URL that is not stored.
    private struct Told: Sendable {
        var index: Int
        var what: StaticString
        var reason: String
        var status: UInt16
    }

    let number: UInt64
    let cache: String
    let order: WarmOrder
    let began: Int64
    private(set) var ended: Int64?
    private(set) var isCancelled = false
    private var next = 0
    private var underWay: [Int: Instant] = [:]
    private var kept = 0
    private var stored = 0
    private var elsewhere = 0
    private var notKept = 0
    private(set) var failed = 0
    private var octets: UInt64 = 0
    private var reasons: [String: Int] = [:]
    private var told: [Told] = []
    /// Fetches that may begin, and since when that is counted.
    private var allowance: Double
    private var counted: Instant

    init(number: UInt64, cache: String, order: WarmOrder, at moment: Moment) {
        self.number = number
        self.cache = cache
        self.order = order
        began = moment.realtime
        allowance = 1
        counted = moment.now
    }

    var isOver: Bool { ended != nil }

    // MARK: Going on

    /// The next URL to be fetched; nil when there is none now.
    mutating func begin(at now: Instant) -> Int? {
        guard !isCancelled, next < order.urls.count, underWay.count < order.parallel else {
            return nil
        }
        let rate = Double(order.rate)
        allowance = min(allowance + (now - counted).seconds * rate, max(rate / 10, 1))
        counted = now
        guard allowance >= 1 else { return nil }
        allowance -= 1
        defer { next += 1 }
        underWay[next] = now
        return next
    }

    /// When to look again, whatever is told meanwhile.
    func nextLook(at now: Instant) -> Interval {
        guard !isCancelled, next < order.urls.count, underWay.count < order.parallel else {
            return .seconds(1)
        }
        return .milliseconds(max(Int64(1000 / order.rate), 1))
    }

    /// Takes what became of one URL.
    mutating func take(_ index: Int, _ result: WarmResult) {
        guard underWay.removeValue(forKey: index) != nil else { return }
        octets &+= result.octets
        switch result.end {
        case .kept: kept += 1
        case .stored: stored += 1
        case .underWay: elsewhere += 1
        case .notKept(let reason):
            notKept += 1
            tell(index, "not-kept", reason, result.status)
        case .failed(let reason):
            failed += 1
            tell(index, "failed", reason, result.status)
        }
    }

    private mutating func tell(
        _ index: Int,
        _ what: StaticString,
        _ reason: String,
        _ status: UInt16
    ) {
        reasons[reason, default: 0] += 1
        guard told.count < Warming.toldLimit else { return }
        told.append(Told(index: index, what: what, reason: reason, status: status))
    }

    /// Gives up what has taken too long.
    mutating func expire(at now: Instant) {
        for (index, since) in underWay where now - since > Warming.patience {
            take(index, WarmResult(ticket: 0, end: .failed("lost")))
        }
    }

    /// Ends it when nothing is left to do; true when that is so just now.
    mutating func end(at realtime: Int64) -> Bool {
        guard ended == nil, underWay.isEmpty, isCancelled || next >= order.urls.count else {
            return false
        }
        ended = realtime
        return true
    }

    mutating func cancel() { isCancelled = true }

    // MARK: Showing

    private var state: String {
        guard ended != nil else { return isCancelled ? "ending" : "running" }
        return isCancelled && next < order.urls.count ? "cancelled" : "done"
    }

    /// One sentence.
    var summary: String {
        "cache \(cache): warming \(number) \(state), \(order.urls.count) URLs: \(kept) fetched, "
            + "\(stored + elsewhere) there already, \(notKept) not kept, \(failed) failed"
    }

    var json: JSONValue {
        let list = told.map { told -> JSONValue in
            [
                "url": .string(order.urls[told.index]), "what": .string("\(told.what)"),
                "reason": .string(told.reason),
                "status": told.status == 0 ? .null : .integer(Int64(told.status)),
            ]
        }
        return [
            "warming": .integer(Int64(clamping: number)), "cache": .string(cache),
            "state": .string(state), "urls": .integer(Int64(order.urls.count)),
            "kept": .integer(Int64(kept)), "stored": .integer(Int64(stored)),
            "elsewhere": .integer(Int64(elsewhere)), "notKept": .integer(Int64(notKept)),
            "failed": .integer(Int64(failed)), "underWay": .integer(Int64(underWay.count)),
            "left": .integer(Int64(order.urls.count - next)),
            "bytes": .integer(Int64(clamping: octets)),
            "began": .string(CivilTime(nanoseconds: began).rfc3339),
            "ended": ended.map { .string(CivilTime(nanoseconds: $0).rfc3339) } ?? .null,
            "reasons": .object(
                reasons.sorted { $0.key < $1.key }
                    .map { JSONMember($0.key, .integer(Int64($0.value))) }
            ),
            "problems": .array(list),
        ]
    }
}
