// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import HTTPProtocol
internal import Steering

extension AdminDesk {
    /// Tells what became of a request that is over.
    func why(
        _ text: String,
        _ view: ControlView
    ) throws(Problem) -> ServiceResponse {
        guard let name = RequestName(text) else {
            throw Problem(.invalidValue, "'\(text)' cannot be the name of a request.")
        }
        let rings = view.shared.http.requests
        guard rings.contains(where: { $0.capacity > 0 }) else {
            throw Problem(.unknownRequest, "Nothing is kept: log.requests.kept is 0.")
        }
        let found = rings.compactMap { $0.find(name) }
        if let record = found.max(by: { name.prefers($1, to: $0) }) {
            var json = JSONWriter()
            json.write(RequestStory(record, view).json)
            return .json(json)
        }
        throw Problem(.unknownRequest, AdminDesk.missing(text, view))
    }

    /// What may have become of a record: only where all are still there it never was.
    private static func missing(_ text: String, _ view: ControlView) -> String {
        let rings = view.shared.http.requests
        let count = rings.reduce(0) { $0 + $1.count }
        let gone = rings.reduce(UInt64(0)) { $0 &+ $1.written &- UInt64($1.count) }
        let share = view.settings.log.requests.share.percent
        let kept = "all that do not end with 2xx are kept, and \(share) % of the others"
        if gone == 0 {
            return "Of the \(count) requests kept since this process started none is '\(text)': "
                + "it has not been here, is not over yet, or ended well (\(kept))."
        }
        return "None of the latest \(count) requests kept is '\(text)': newer ones have taken the "
            + "place of \(gone) others, and it may be among these. If it ended well it was "
            + "perhaps never kept: \(kept)."
    }
}

/// A record with the names that its numbers stand for.
struct RequestStory {
    private let record: RequestRecord
    private let view: ControlView
    private let endpoints: [Int: EndpointView]

    init(_ record: RequestRecord, _ view: ControlView) {
        self.record = record
        self.view = view
        let pools = view.pools.filter { !$0.isSteer }
        endpoints = Dictionary(
            pools.flatMap(\.endpoints).map { ($0.slot, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    var json: JSONValue { .object(request + outcome + course) }

    /// Who asked for what.
    private var request: [JSONMember] {
        [
            JSONMember("id", .string("\(digits: record.id)")),
            JSONMember("time", .string(CivilTime(nanoseconds: record.began).rfc3339)),
            JSONMember("worker", .integer(Int64(record.worker))),
            JSONMember("generation", .integer(Int64(clamping: record.generation))),
            JSONMember("changedSince", .bool(record.generation != view.snapshotNumber)),
            JSONMember("client", .string("\(record.client)")),
            JSONMember("secure", .bool(record.isSecure)),
            JSONMember("method", .string(record.method)),
            JSONMember("host", .string(record.host)),
            JSONMember("path", .string(record.path)),
        ]
    }

    /// What came of it.
    private var outcome: [JSONMember] {
        let pool = record.pool.flatMap { slot in
            view.pools.first { !$0.isSteer && $0.slot == slot }?.name
        }
        let route = view.snapshot?.gateway.routeName(of: record)
        let session = record.turn == .none ? nil : "\(record.turn.word)"
        return [
            JSONMember("status", .integer(Int64(record.status))),
            JSONMember("reason", .string(record.reasonWord)),
            JSONMember("answeredBy", .string(record.author.rawValue)),
            JSONMember("why", .string(record.why)),
            JSONMember("route", text(route)),
            JSONMember("pool", text(pool)),
            JSONMember("session", text(session)),
            JSONMember("lastResort", .bool(record.isLastResort)),
        ]
    }

    /// How it got there.
    private var course: [JSONMember] {
        let phases = record.phases.map { phase in
            JSONMember(phase.name, phase.microseconds.map(milliseconds) ?? .null)
        }
        let bytes: JSONValue = [
            "request": .integer(Int64(clamping: record.bytes.request)),
            "response": .integer(Int64(clamping: record.bytes.response)),
        ]
        // In the order in which they began: they are noted as they end.
        let attempts = record.attempts.sorted { $0.number < $1.number }
        let asked = attempts.count { !$0.isHedge }
        return [
            JSONMember("retries", .integer(Int64(max(asked - 1, 0)))),
            JSONMember("attempts", .array(attempts.map(json))),
            JSONMember("milliseconds", .object(phases)),
            JSONMember("bytes", bytes),
            JSONMember("candidateCount", .integer(Int64(record.candidateCount))),
            JSONMember("candidates", .array(record.candidates.map(json))),
        ]
    }

    private func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

    private func json(_ attempt: RequestRecord.Attempt) -> JSONValue {
        [
            "endpoint": name(attempt.slot),
            "status": attempt.status == 0 ? .null : .integer(Int64(attempt.status)),
            "reason": .string(attempt.reason.isEmpty ? "ok" : attempt.reason),
            "beganMilliseconds": milliseconds(attempt.began),
            "milliseconds": milliseconds(max(attempt.ended - attempt.began, 0)),
        ]
    }

    private func json(_ candidate: CandidateSketch) -> JSONValue {
        let word = candidate.word
        return [
            "name": name(candidate.slot),
            "health": .string(word.health.word),
            "administrative": .string(word.administrative.word),
            "reason": .string(word.reason.word),
            "ejected": .bool(word.isEjected),
            "circuit": .string(word.circuit.word),
            "tier": .integer(Int64(candidate.tier)),
            "role": .string(candidate.role.word),
            "inFlight": .integer(Int64(candidate.inFlight)),
            "tried": .bool(candidate.isTried),
            "whyNot": .string(candidate.whyNot),
        ]
    }

    private func name(_ slot: Int) -> JSONValue {
        endpoints[slot].map { .string($0.name) } ?? .null
    }

    private func milliseconds(_ microseconds: Int64) -> JSONValue {
        .number(Double(microseconds) / 1000)
    }
}

extension DefaultStringInterpolation {
    /// The 32 digits of a request's name.
    fileprivate mutating func appendInterpolation(digits id: RequestID) {
        let digits = String(id.bits, radix: 16)
        appendLiteral(String(repeating: "0", count: max(32 - digits.count, 0)) + digits)
    }
}
