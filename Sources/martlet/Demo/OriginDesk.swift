// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials
internal import Prober
internal import Steering

/// What an origin of the demonstration answers, and when: everything but the sockets.
struct OriginDesk {
    /// An answer that is due at a later time.
    struct Due {
        let ticket: Handle
        let at: Instant
        let response: ServiceResponse
    }

    /// The slots under which the dependencies are probed.
    static let database = 0
    static let cache = 1
    private static let slow = Interval.seconds(3)

    let name: String
    private let delay: Interval
    private let disk: OriginDisk
    var faults = OriginFaults()
    private var due: [Due] = []
    /// Health questions that wait for the dependencies' answers.
    private var askers: [Handle] = []
    private var missing: Set<Int> = []
    private var wishesToAsk = false
    private var passes = [true, true]
    private var served = 0

    init(name: String, delay: Interval, scratch: String) {
        self.name = name
        self.delay = delay
        disk = OriginDisk(path: scratch)
    }

    // MARK: Requests

    /// Takes a request, whose answer comes out of ``takeDue(now:)``.
    mutating func take(_ request: ServiceRequest, now: Instant) {
        if request.path == "/healthz", !faults.contains(.error), !faults.contains(.lie) {
            if askers.isEmpty {
                missing = [OriginDesk.database, OriginDesk.cache]
                wishesToAsk = true
            }
            askers.append(request.ticket)
            return
        }
        var wait = request.path == "/healthz" ? Interval.zero : delay
        // A page without its cache is made anew each time.
        if !passes[OriginDesk.cache] { wait = wait + .milliseconds(25) }
        answer(request.ticket, response(to: request), at: now + wait)
    }

    private mutating func answer(_ ticket: Handle, _ response: ServiceResponse, at: Instant) {
        let extra = faults.contains(.slow) ? OriginDesk.slow : .zero
        due.append(Due(ticket: ticket, at: at + extra, response: response))
    }

    private mutating func response(to request: ServiceRequest) -> ServiceResponse {
        if faults.contains(.error) { return failure("everything is broken here") }
        if request.path == "/healthz" { return json(["status": "ok", "name": .string(name)]) }
        if faults.contains(.lie) { return failure("/healthz does not know of this") }
        if request.path.hasPrefix("/api/"), !passes[OriginDesk.database] {
            return failure("no database")
        }
        served += 1
        return json([
            "served_by": .string(name), "path": .string(request.path),
            "served": .integer(Int64(served)),
        ])
    }

    private func failure(_ text: String) -> ServiceResponse {
        json(["served_by": .string(name), "error": .string(text)], status: 500)
    }

    private func json(_ value: JSONValue, status: UInt16 = 200) -> ServiceResponse {
        var response = ServiceResponse(
            status: status,
            type: "application/json",
            bytes: Array("\(value.text())\n".utf8)
        )
        response.fields.append(("X-Origin", name))
        return response
    }

    // MARK: Dependencies

    /// True, once, when the dependencies are to be asked.
    mutating func takeWishToAsk() -> Bool {
        defer { wishesToAsk = false }
        return wishesToAsk
    }

    /// Takes what asking a dependency came to.
    mutating func take(_ result: ProbeResult, now: Instant) {
        guard passes.indices.contains(result.slot) else { return }
        passes[result.slot] = result.outcome == .success
        missing.remove(result.slot)
        guard missing.isEmpty, !askers.isEmpty else { return }
        let response = healthResponse()
        for asker in askers { answer(asker, response, at: now) }
        askers = []
    }

    private func healthResponse() -> ServiceResponse {
        func check(_ passes: Bool) -> JSONValue { ["status": passes ? "ok" : "fail"] }
        let diskPasses = disk.check(isBroken: faults.contains(.disk))
        let isFine = passes.allSatisfy { $0 } && diskPasses
        let body: JSONValue = [
            "status": isFine ? "ok" : "fail",
            "name": .string(name),
            "checks": [
                "db": check(passes[OriginDesk.database]),
                "cache": check(passes[OriginDesk.cache]),
                "disk": check(diskPasses),
            ],
        ]
        return json(body, status: isFine ? 200 : 503)
    }

    // MARK: Time

    /// When the next answer is due.
    var nextDue: Instant { due.map(\.at).min() ?? .never }

    /// Takes the answers that are due.
    mutating func takeDue(now: Instant) -> [Due] {
        guard due.contains(where: { $0.at <= now }) else { return [] }
        let ready = due.filter { $0.at <= now }
        due.removeAll { $0.at <= now }
        return ready
    }
}
