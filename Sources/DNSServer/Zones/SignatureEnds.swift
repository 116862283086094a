// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol

/// When the first signature of each zone ends that is signed in its file.
struct SignatureEnds {
    /// By the zone's number: when, and the record.
    private(set) var first: [Int: (seconds: UInt32, record: Int)] = [:]

    /// Takes the data of an RRSIG into account.
    mutating func note(_ record: Int, _ data: ArraySlice<UInt8>, zone: Int) {
        guard data.count > 18 else { return }
        let seconds = data.dropFirst(8).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        // RFC 4034 §3.1.5: times are compared as serials are.
        if let known = first[zone], SignatureEnds.left(seconds, at: known.seconds) >= 0 { return }
        first[zone] = (seconds, record)
    }

    /// Seconds from a time until the end; negative behind it.
    static func left(_ end: UInt32, at seconds: UInt32) -> Int64 {
        Int64(Int32(truncatingIfNeeded: end &- seconds))
    }
}

/// How near the end of a zone's signatures is.
public enum SignatureNearness: Int, Sendable, Comparable {
    /// More than a week away.
    case far
    /// Within a week.
    case week
    /// Within a day.
    case day
    /// Behind: validators take nothing of the zone any more.
    case past

    /// By what is left, in seconds.
    public init(left seconds: Int64) {
        self =
            switch seconds {
            case ..<0: .past
            case ..<86_400: .day
            case ..<604_800: .week
            default: .far
            }
    }

    /// What is nearer is more.
    public static func < (a: SignatureNearness, b: SignatureNearness) -> Bool {
        a.rawValue < b.rawValue
    }

    /// What is left, in words.
    public static func words(left seconds: Int64) -> String {
        let amount = seconds.magnitude
        let text =
            amount >= 172_800
            ? "\(amount / 86_400) days" : amount >= 7200 ? "\(amount / 3600) hours" : "\(amount) s"
        return seconds < 0 ? "have ended \(text) ago" : "end in \(text)"
    }
}

extension ZoneTableBuilder {
    /// Tells of signatures that end soon, at the first that does.
    mutating func noteEnd(_ first: (seconds: UInt32, record: Int)) {
        guard let seconds else { return }
        let left = SignatureEnds.left(first.seconds, at: seconds)
        guard SignatureNearness(left: left) > .far else { return }
        let words = SignatureNearness.words(left: left)
        noteRecord(
            first.record,
            .endingSignatures,
            "signatures of the zone \(words), this one first: it is to be signed anew"
        )
    }
}

extension DNSSnapshot {
    /// How many seconds are left of the first signature that ends, of each zone that is signed in its
    /// file; negative behind the end.
    public func signaturesLeft(at seconds: UInt32) -> [(zone: DomainName, left: Int64)] {
        // The table of all still has the former versions of zones that have changed.
        let renewed = Set(changed.usableZones)
        var found: [(zone: DomainName, left: Int64)] = []
        for (isAll, table) in [(false, changed), (true, zones)] {
            for (number, end) in table.signatureEnds.sorted(by: { $0.key < $1.key }) {
                guard let name = table.zoneName(number), !isAll || !renewed.contains(name) else {
                    continue
                }
                found.append((name, SignatureEnds.left(end, at: seconds)))
            }
        }
        return found
    }
}
