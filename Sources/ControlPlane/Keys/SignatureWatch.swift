// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Tells of signatures in zone files before they end, and when they have: once for each step nearer.
struct SignatureWatch {
    private var told: [DomainName: SignatureNearness] = [:]

    /// The zones of which there is something new to say.
    mutating func look(
        _ zones: [(zone: DomainName, left: Int64)]
    ) -> [(zone: DomainName, left: Int64)] {
        var found: [(zone: DomainName, left: Int64)] = []
        var present: [DomainName: SignatureNearness] = [:]
        for one in zones {
            let nearness = SignatureNearness(left: one.left)
            present[one.zone] = nearness
            if nearness > told[one.zone] ?? .far { found.append(one) }
        }
        told = present
        return found
    }
}

extension Clock {
    /// Seconds since 1970, modulo 2^32.
    static var seconds: UInt32 { UInt32(truncatingIfNeeded: realtime() / 1_000_000_000) }
}

extension Plane {
    /// Looks at the ends of signatures that stand in zone files.
    mutating func watchSignatures() {
        for (zone, left) in signatureWatch.look(snapshot.dns.signaturesLeft(at: Clock.seconds)) {
            note(
                .keys,
                left < 0 ? .error : .warning,
                "signatures of zone \(zone), which is signed in its file, "
                    + SignatureNearness.words(left: left),
                [
                    JSONMember("zone", .string("\(zone)")),
                    JSONMember("seconds", .integer(left)),
                ]
            )
        }
    }
}
