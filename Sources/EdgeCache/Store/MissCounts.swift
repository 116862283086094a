// SPDX-License-Identifier: Apache-2.0

/// How often an entry was not the answer, by why; each count stops at its greatest value.
public struct MissCounts: BitwiseCopyable, Sendable, Equatable {
    /// Why an endpoint was asked.
    public enum Kind: UInt8, Sendable, BitwiseCopyable, CaseIterable {
        /// Nothing was stored under the key.
        case uriMiss
        /// What was stored under the key was for requests with other fields.
        case varyMiss
        /// What was stored was stale.
        case stale
        /// The request did not take what was stored.
        case request
        /// It was remembered that nothing may be stored.
        case passing

        /// The word, that of the metrics.
        public var word: StaticString {
            switch self {
            case .uriMiss: "uri-miss"
            case .varyMiss: "vary-miss"
            case .stale: "stale"
            case .request: "request"
            case .passing: "passing"
            }
        }

        init(_ reason: FetchReason) {
            switch reason {
            case .uriMiss: self = .uriMiss
            case .varyMiss: self = .varyMiss
            case .stale: self = .stale
            case .request: self = .request
            }
        }
    }

    private var counts = InlineArray<5, UInt16>(repeating: 0)

    /// None.
    public init() {}

    /// How many there were.
    public subscript(kind: Kind) -> Int { Int(counts[Int(kind.rawValue)]) }

    /// All of them.
    public var sum: Int { Kind.allCases.reduce(0) { $0 + self[$1] } }

    /// Counts one more.
    mutating func count(_ kind: Kind) {
        let place = Int(kind.rawValue)
        if counts[place] < .max { counts[place] &+= 1 }
    }

    /// Adds those of another entry.
    public mutating func add(_ other: MissCounts) {
        for place in counts.indices {
            let (sum, overflows) = counts[place].addingReportingOverflow(other.counts[place])
            counts[place] = overflows ? .max : sum
        }
    }

    /// True when the counts are the same.
    public static func == (one: MissCounts, other: MissCounts) -> Bool {
        Kind.allCases.allSatisfy { one[$0] == other[$0] }
    }
}

extension StoredRecord {
    /// Goes on with the counts of what this entry replaces.
    mutating func take(countsOf other: StoredRecord) {
        let (sum, overflows) = hits.addingReportingOverflow(other.hits)
        hits = overflows ? .max : sum
        misses.add(other.misses)
    }
}
