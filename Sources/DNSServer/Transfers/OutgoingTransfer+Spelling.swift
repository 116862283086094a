// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Records whose owners go out as their zone writes them (RFC 5936 §3.4).
///
/// What is compiled has names in data that point to owner and apex in lower case. Where one of the
/// two is written with capitals, by the zone or by the request, the records go out with their data
/// in full: so no name in them gets the case of another one.
extension OutgoingTransfer {
    /// The name of the question in wire form; empty without one.
    static func name(_ request: [UInt8], _ query: DNSQuery) -> [UInt8] {
        let end = query.questionEnd - 4
        guard end > DNSQuery.headerLength, end <= request.count else { return [] }
        return Array(request[DNSQuery.headerLength..<end])
    }

    /// True for a node whose records are not to be placed as they are compiled.
    func isSpelled(_ node: Int) -> Bool { !repeatsApex || spellings.place(ofNode: node) != nil }

    private var spellings: NameSpellings {
        isChanged ? snapshot.changed.spellings : snapshot.zones.spellings
    }

    /// The name, with a pointer to the question for the zone's name where that is written alike.
    func shortened(_ name: ArraySlice<UInt8>, _ apexLength: Int) -> [UInt8] {
        guard name.count >= apexLength,
            name.suffix(apexLength) == OutgoingTransfer.name(request, query)[...]
        else { return Array(name) }
        return name.dropLast(apexLength) + [0xc0, UInt8(DNSQuery.headerLength)]
    }

    /// Appends the records of a set from one on; the number of the first that has no room, `.max` when
    /// all are written, nil when none is.
    ///
    /// `present` is the answer that a steered set gives now.
    @_lifetime(output: copy output)
    func writeSpelled(
        _ set: ZoneSet,
        _ node: Int,
        _ first: Int,
        _ present: [UInt8]?,
        _ writer: inout ResponseWriter,
        into output: inout OutputSpan<UInt8>
    ) -> Int? {
        let table = table
        let apexLength = Int(table.zones[zone].apexLength)
        let owner = table.spelledName(ofNode: node)
        let head = shortened(owner[...], apexLength)
        let records =
            present.map { DNSMessage($0)?.answers ?? [] }
            ?? table.records(set, owner.map(ASCII.lowercased), apexLength)
        for (number, record) in records.enumerated().dropFirst(first) {
            var wire: [UInt8] = []
            record.append(to: &wire)
            wire = head + wire.dropFirst(record.owner.wire.count)
            guard writer.room(output) >= wire.count else { return number > first ? number : nil }
            output.write(wire.span)
            writer.add(1, to: .answer)
        }
        return .max
    }
}
