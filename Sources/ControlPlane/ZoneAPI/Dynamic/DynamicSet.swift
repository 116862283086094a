// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// The records of type LUA of one name: at most one for each type that they answer for.
///
/// octoDNS takes each for a set of its own, with its own TTL, though to DNS they are one (RFC 2181
/// §5.2): the set has the lowest TTL, and a record with another one says so itself.
struct DynamicSet: Sendable, Equatable {
    struct Entry: Sendable, Equatable {
        var ttl: UInt32
        var record: DynamicRecord
    }

    /// In the order of the types.
    private(set) var entries: [Entry] = []

    /// The records of a name without any.
    init() {}

    /// Reads what is kept of them.
    init(_ set: RecordSet) throws(DynamicFault) {
        for data in set.data {
            let record = try DynamicRecord(data: data)
            guard self[record.answers] == nil else {
                throw DynamicFault("two records for \(record.answers) at one name")
            }
            entries.append(Entry(ttl: DynamicRecord.ttl(data) ?? set.ttl, record: record))
        }
        sort()
    }

    /// The record for a type.
    subscript(answers: RecordType) -> Entry? { entries.first { $0.record.answers == answers } }

    /// Puts a record in the place of what it cannot stand beside: another one for its type, or an
    /// alias and anything else.
    mutating func put(_ entry: Entry) {
        let type = entry.record.answers
        entries.removeAll { other in
            other.record.answers == type || type == .CNAME || other.record.answers == .CNAME
        }
        entries.append(entry)
        sort()
    }

    /// Takes the records for some types away.
    mutating func remove(_ types: Set<RecordType>) {
        entries.removeAll { types.contains($0.record.answers) }
    }

    private mutating func sort() {
        entries.sort { $0.record.answers.rawValue < $1.record.answers.rawValue }
    }

    /// The types that are answered for.
    var types: Set<RecordType> { Set(entries.map(\.record.answers)) }

    /// What is kept of them; nil when there are none.
    var recordSet: RecordSet? {
        guard let ttl = entries.map(\.ttl).min() else { return nil }
        return RecordSet(
            ttl: ttl,
            data: entries.map { entry in
                entry.ttl == ttl ? entry.record.data : entry.record.data(ttl: entry.ttl)
            }
        )
    }
}
