// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Essentials
internal import Runtime

/// What has become of looks at primaries, and of notices that were sent.
struct TransferCounts: Sendable {
    var updated = 0
    var failed = 0
    var expired = 0
    var heard = 0
    var refused = 0
    var silent = 0

    init() {}

    init(_ looks: (updated: Int, failed: Int, expired: Int), _ notices: NoticeCounts) {
        (updated, failed, expired) = looks
        (heard, refused, silent) = (notices.heard, notices.refused, notices.silent)
    }
}

extension Plane {
    /// The zones that come from elsewhere.
    var secondaryViews: [String: SecondaryView] {
        let moment = moment(Clock.monotonic())
        return secondaries.zones.mapValues { SecondaryView($0, moment) }
    }
}

/// What the API shows of a zone that comes from elsewhere.
struct SecondaryView: Sendable {
    var state: String
    var serial: UInt32?
    /// Nanoseconds since 1970; nil for never.
    var checkedAt: Int64?
    var nextCheck: Int64?
    var expiresAt: Int64?
    var isChecking: Bool
    var primaries: [(address: String, isSource: Bool, problem: String?)]

    init(_ zone: SecondaryKeeper.Zone, _ moment: Moment) {
        let machine = zone.machine
        state = zone.isExpired ? "expired" : machine.serial == nil ? "awaited" : "served"
        serial = machine.serial?.rawValue
        func realtime(_ instant: Instant?) -> Int64? {
            guard let instant, instant != .never else { return nil }
            return moment.realtime + (instant - moment.now).nanoseconds
        }
        checkedAt = realtime(machine.checkedAt)
        nextCheck = realtime(machine.nextCheck)
        expiresAt = realtime(machine.expiresAt)
        isChecking = machine.isChecking
        primaries = zone.primaries.map {
            ("\($0.address)", $0.address == zone.source, zone.problems[$0.address])
        }
    }

    /// The state, unless the zone is served.
    var unserved: String? { state == "served" ? nil : state }

    /// The object of the API.
    var json: JSONValue {
        func time(_ value: Int64?) -> JSONValue {
            value.map { .string(CivilTime(nanoseconds: $0).rfc3339) } ?? .null
        }
        return [
            "lastCheck": time(checkedAt),
            "nextCheck": time(nextCheck),
            "expires": time(expiresAt),
            "isChecking": .bool(isChecking),
            "primaries": .array(
                primaries.map { primary in
                    [
                        "address": .string(primary.address),
                        "isSource": .bool(primary.isSource),
                        "problem": primary.problem.map { .string($0) } ?? .null,
                    ]
                }
            ),
        ]
    }
}
