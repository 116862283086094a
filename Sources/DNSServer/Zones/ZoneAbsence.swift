// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol

/// Why nothing is there of a zone, which is answered SERVFAIL then.
public enum ZoneAbsence: UInt8, Sendable, BitwiseCopyable {
    /// What it was given cannot be served, and there is no former version.
    case faulty
    /// It is to come from a primary, and never has.
    case awaited
    /// It has come from a primary, and is too old by its SOA.
    case expired

    /// What askers are told.
    var reason: ExtendedError {
        switch self {
        case .faulty: .invalidData
        case .awaited: .notReady
        case .expired: .expired
        }
    }

    /// What explains it.
    var words: String {
        switch self {
        case .faulty: "the file of the zone is faulty, and no former version is there"
        case .awaited: "the zone has not come from its primaries yet"
        case .expired:
            "the zone has expired: its primaries have been silent for longer than its SOA allows"
        }
    }
}
