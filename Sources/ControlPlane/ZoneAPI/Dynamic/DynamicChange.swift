// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// What the sets of one request do to the dynamic records of names.
///
/// A set LUA is about the types that its records answer for, and about no others: octoDNS changes
/// dynamic A and dynamic AAAA of a name in sets of their own.
struct DynamicChange {
    /// The types that sets LUA of the request give, by name.
    private var given: [DomainName: Set<RecordType>] = [:]
    /// The types that its plain sets give.
    private var plain: [DomainName: Set<RecordType>] = [:]

    /// Notes what plain sets come along.
    init(_ sets: [JSONValue]) {
        for set in sets {
            let word = set["changetype"]?.string?.uppercased() ?? "REPLACE"
            guard word == "REPLACE" || word == "EXTEND",
                let type = set["type"]?.string.flatMap({ RecordType($0) }),
                DynamicRecord.kinds.contains(type),
                let owner = set["name"]?.string.flatMap({ DomainName($0)?.lowercased })
            else { continue }
            plain[owner, default: []].insert(type)
        }
    }

    /// Takes records away.
    ///
    /// octoDNS says which by sending them, or nothing when a plain set comes in the place of one.
    func delete(_ set: JSONValue, of owner: DomainName, from zone: inout ZoneRecords)
        throws(ZoneAPIFault)
    {
        var present = try DynamicChange.present(owner, zone)
        let named = Set((set["records"]?.elements ?? []).compactMap(DynamicChange.answers))
        var gone = named.isEmpty ? plain[owner] ?? [] : named
        if gone.contains(.CNAME) || gone.isDisjoint(with: present.types) && named.isEmpty {
            gone = Set(DynamicRecord.kinds)
        }
        present.remove(gone)
        DynamicChange.set(present, owner, &zone)
    }

    /// Puts records in the place of those for the same types; none of them takes all away.
    mutating func replace(
        by records: [DynamicSet.Entry],
        of owner: DomainName,
        in zone: inout ZoneRecords
    ) throws(ZoneAPIFault) {
        guard !records.isEmpty else { return DynamicChange.set(DynamicSet(), owner, &zone) }
        var present = try DynamicChange.present(owner, zone)
        for entry in records {
            let type = entry.record.answers
            let known = given[owner] ?? []
            // As PowerDNS: the second would put itself in the place of the first.
            guard !known.contains(type) else {
                throw ZoneAPIFault(
                    422,
                    "RRset \(owner) IN LUA: it is given twice for \(type)",
                    "give all pools and rules of the name in one record"
                )
            }
            guard !known.contains(.CNAME), type != .CNAME || known.isEmpty else {
                throw ZoneAPIFault(
                    422,
                    "RRset \(owner) IN LUA: it is given for CNAME and for another type, and beside "
                        + "an alias stands nothing (RFC 1034 §3.6.2)",
                    "give the alias another name, or leave one of them out"
                )
            }
            given[owner, default: []].insert(type)
            present.put(entry)
        }
        DynamicChange.set(present, owner, &zone)
    }

    /// Takes away those records that are the same.
    func prune(
        _ records: [DynamicSet.Entry],
        of owner: DomainName,
        from zone: inout ZoneRecords
    ) throws(ZoneAPIFault) {
        var present = try DynamicChange.present(owner, zone)
        let gone = records.map(\.record).filter { present[$0.answers]?.record == $0 }
        present.remove(Set(gone.map(\.answers)))
        DynamicChange.set(present, owner, &zone)
    }

    private static func present(
        _ owner: DomainName,
        _ zone: ZoneRecords
    ) throws(ZoneAPIFault) -> DynamicSet {
        guard let set = zone[owner, DynamicRecord.type] else { return DynamicSet() }
        // What cannot be read any more is in nobody's way.
        return (try? DynamicSet(set)) ?? DynamicSet()
    }

    private static func set(_ set: DynamicSet, _ owner: DomainName, _ zone: inout ZoneRecords) {
        zone.release(owner, zone.chosenTypes(owner).subtracting(set.types))
        zone[owner, DynamicRecord.type] = set.recordSet
    }

    private static func answers(_ record: JSONValue) -> RecordType? {
        let word = record["content"]?.string?.prefix { $0 != " " }.uppercased()
        return DynamicRecord.kinds.first { "\($0)" == word }
    }
}
