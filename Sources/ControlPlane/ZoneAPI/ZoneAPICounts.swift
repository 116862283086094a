// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPProtocol

/// Requests of the zone API by method and class of status.
public struct ZoneAPICounts: Sendable, Equatable {
    /// The words of methods: those of the API, and one for all others.
    static let methods = ["GET", "POST", "PATCH", "PUT", "DELETE", "other"]
    /// The words of classes.
    static let classes = ["2xx", "3xx", "4xx", "5xx"]

    private var counts = [UInt64](repeating: 0, count: methods.count * classes.count)

    /// None yet.
    public init() {}

    /// Counts an answer; one to what could not be read has no method.
    mutating func note(_ method: Method?, _ status: UInt16) {
        let word = method.map { "\($0.name)" } ?? ""
        let row = ZoneAPICounts.methods.firstIndex(of: word) ?? ZoneAPICounts.methods.count - 1
        let column = min(max(Int(status / 100) - 2, 0), ZoneAPICounts.classes.count - 1)
        counts[row * ZoneAPICounts.classes.count + column] &+= 1
    }

    /// A count for each pair of words, in their order.
    var samples: [(method: String, class: String, count: UInt64)] {
        let pairs = ZoneAPICounts.methods.flatMap { method in
            ZoneAPICounts.classes.map { (method, $0) }
        }
        return zip(pairs, counts).map { ($0.0, $0.1, $1) }
    }
}

extension Plane {
    /// Counts what was answered, and tells of wrong keys.
    mutating func note(_ outcomes: [ServiceOutcome]) {
        for outcome in outcomes {
            zoneAPICounts.note(outcome.method, outcome.status)
            guard outcome.status == ZoneAPIFault.unauthorized.status else { continue }
            let client = "\(outcome.peer.ip)"
            note(
                repeated: .wrongKey,
                .zoneAPIDenied,
                .warning,
                "a request of the zone API by \(client) has a wrong key, or none",
                [JSONMember("client", .string(client))]
            )
        }
    }
}
