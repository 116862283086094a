// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// One thing that a zone holds, taken out of a table again.
public enum ZoneContent: Sendable, Equatable {
    /// A record.
    case record(DNSMessage.Record)
    /// A name whose sets of these types a policy chooses, by the policy's number: A, AAAA or both,
    /// or CNAME.
    case steer(owner: DomainName, ttl: UInt32, policy: Int, types: [RecordType] = [.A, .AAAA])
    /// A name that has the addresses of another one.
    case alias(owner: DomainName, ttl: UInt32, target: DomainName)

    /// The record that it is in a zone file, an ALIAS too; nil for what a policy chooses.
    public var record: DNSMessage.Record? {
        switch self {
        case .record(let record): record
        case .alias(let owner, let ttl, let target):
            DNSMessage.Record(owner: owner, type: .ALIAS, ttl: ttl, data: target.wire)
        case .steer: nil
        }
    }
}

/// From a table back to what it was made of.
extension ZoneTable {
    /// The number of a zone that is served; nil when there is none of that name.
    ///
    /// A zone that stands for one whose file is faulty is none.
    public func usableZone(_ apex: DomainName) -> Int? {
        let wire = apex.lowercased.wire
        guard let scanned = WireName.scan(wire.span, at: 0) else { return nil }
        let match = view.find(wire.span, at: 0, scanned, type: .SOA)
        guard match.kind == .exact, !zones[match.zone].isUnusable,
            Int(zones[match.zone].apex) == match.node
        else { return nil }
        return match.zone
    }

    /// The serial of a zone's SOA.
    public func serial(ofZone zone: Int) -> UInt32? {
        guard zones.indices.contains(zone), !zones[zone].isUnusable else { return nil }
        // Serial, refresh, retry, expire and minimum end the record (RFC 1035 §3.3.13).
        let end = Int(zones[zone].negative.offset) + Int(zones[zone].negative.length)
        guard end >= 20, end <= bytes.count else { return nil }
        return bytes[end - 20..<end - 16].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Names that lookups find in a zone, empty non-terminals included: counted when they were laid
    /// out; nil for one that is not served.
    public func nameCount(ofZone zone: Int) -> Int? {
        guard zones.indices.contains(zone), !zones[zone].isUnusable else { return nil }
        return Int(zones[zone].names)
    }

    /// True for a zone whose records have their signatures with them, as its file or its primary
    /// has them.
    public func holdsSignatures(zone: Int) -> Bool {
        guard zones.indices.contains(zone), !zones[zone].isUnusable,
            nodes.indices.contains(Int(zones[zone].apex))
        else { return false }
        return sets(of: nodes[Int(zones[zone].apex)]).contains { $0.type == .RRSIG }
    }

    /// True for a zone that an alias begins in or leads through: it is not to be changed by itself.
    public func hasAliases(zone: Int) -> Bool { aliasedZones.contains(zone) }

    /// True when an alias begins in any zone.
    public var hasAliases: Bool { !aliasedZones.isEmpty }

    /// True when other zones inside the zone are in the table.
    public func hasInner(zone: Int) -> Bool {
        zones.contains { $0.parent != absent && Int($0.parent) == zone }
    }

    /// True when a zone has nothing but records: no name is steered, or an alias.
    public func hasOnlyRecords(zone: Int) -> Bool {
        for node in nodes where Int(node.zone) == zone {
            for set in sets(of: node) where set.isSteered { return false }
        }
        return true
    }

    /// The same table by other numbers of policies; nil for a number that is there no more, unless
    /// it is only asked by the zones `except`, which other tables stand for.
    public func renumbered(_ numbers: [Int?], except zones: Set<DomainName>) -> ZoneTable? {
        guard !steered.isEmpty, !numbers.enumerated().allSatisfy({ $0.offset == $0.element }) else {
            return self
        }
        let hidden = Set(zones.compactMap { usableZone($0) })
        var steered = steered
        for node in nodes where node.setCount > 0 {
            for set in sets(of: node) where set.isSteered {
                for part in [\SteeredSet.policy, \SteeredSet.policyIPv6] {
                    let old = self.steered[Int(set.offset)][keyPath: part]
                    guard old != absent else { continue }
                    let new = numbers.indices.contains(Int(old)) ? numbers[Int(old)] : nil
                    guard new != nil || hidden.contains(Int(node.zone)) else { return nil }
                    steered[Int(set.offset)][keyPath: part] =
                        new.map { UInt32(truncatingIfNeeded: $0) } ?? 0
                }
            }
        }
        var copy = self
        copy.steered = steered
        return copy
    }

    /// The names of all zones that can be served.
    public var usableZones: [DomainName] {
        zones.indices.filter { !zones[$0].isUnusable }.compactMap(zoneName)
    }

    /// What a zone holds, in no certain order; owners are as the zone writes them.
    public func contents(ofZone zone: Int) -> [ZoneContent] {
        guard zones.indices.contains(zone) else { return [] }
        let apexLength = Int(zones[zone].apexLength)
        var found: [ZoneContent] = []
        for (index, node) in nodes.enumerated() where Int(node.zone) == zone {
            // DS is the outer zone's word about this one.
            let isInner = node.flags.contains(.apex) && zones[zone].parent != absent
            for set in sets(of: node) where !(isInner && set.type == .DS) {
                found += contents(set, of: node, spelledName(ofNode: index), apexLength)
            }
        }
        return found
    }

    private func sets(of node: ZoneNode) -> ArraySlice<ZoneSet> {
        sets[Int(node.firstSet)..<Int(node.firstSet) + Int(node.setCount)]
    }

    private func contents(
        _ set: ZoneSet,
        of node: ZoneNode,
        _ spelled: [UInt8],
        _ apexLength: Int
    ) -> [ZoneContent] {
        guard let owner = DomainName(wire: spelled) else { return [] }
        guard set.isSteered else {
            return records(set, of: node, spelled, apexLength).map { .record($0) }
        }
        let steered = steered[Int(set.offset)]
        if set.type.isService { return services(set, steered, owner) }
        guard steered.alias != absent else {
            return steering(set, steered, of: node, owner)
        }
        // Both families are one thing.
        guard set.type == .A else { return [] }
        guard let target = self.name(at: Int(aliases[Int(steered.alias)].target)) else { return [] }
        return [.alias(owner: owner, ttl: steered.ttl, target: target)]
    }

    // Both families are one thing where one policy is for both.
    private func steering(
        _ set: ZoneSet,
        _ steered: SteeredSet,
        of node: ZoneNode,
        _ owner: DomainName
    ) -> [ZoneContent] {
        let other: RecordType? = set.type == .A ? .AAAA : set.type == .AAAA ? .A : nil
        let twin = other.flatMap { type in
            sets(of: node).first { $0.type == type && $0.isSteered }
        }
        let isSame =
            twin.map { twin in
                let known = self.steered[Int(twin.offset)]
                return known.policy == steered.policy && known.ttl == steered.ttl
                    && known.alias == absent
            } ?? false
        if isSame, set.type == .AAAA { return [] }
        let types: [RecordType] = isSame ? [.A, .AAAA] : [set.type]
        let policy = Int(steered.policy)
        return [.steer(owner: owner, ttl: steered.ttl, policy: policy, types: types)]
    }

    private func services(
        _ set: ZoneSet,
        _ steered: SteeredSet,
        _ owner: DomainName
    ) -> [ZoneContent] {
        var found: [ZoneContent] = []
        var position = Int(steered.templates)
        for _ in 0..<set.count {
            guard let template = ServiceTemplate(bytes.span, at: position) else { break }
            let record = DNSMessage.Record(
                owner: owner,
                type: set.type,
                ttl: steered.ttl,
                data: Array(bytes[template.head.lowerBound..<template.tail.upperBound])
            )
            found.append(.record(record))
            position = template.end
        }
        return found
    }

    // Names in data may point to the owner in lower case: the spelling is put in its place afterwards.
    private func records(
        _ set: ZoneSet,
        of node: ZoneNode,
        _ spelled: [UInt8],
        _ apexLength: Int
    ) -> [DNSMessage.Record] {
        let start = Int(node.nameOffset)
        let name = Array(bytes[start..<start + Int(node.nameLength)])
        let found = records(set, name, apexLength)
        guard spelled != name, let owner = DomainName(wire: spelled) else { return found }
        return found.map { record in
            DNSMessage.Record(owner: owner, type: record.type, ttl: record.ttl, data: record.data)
        }
    }

    // The set in a message of its own, read again.
    func records(
        _ set: ZoneSet,
        _ name: [UInt8],
        _ apexLength: Int
    ) -> [DNSMessage.Record] {
        let head: [UInt8] = [0, 0, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        let question =
            head + name + [UInt8(set.type.rawValue >> 8), UInt8(set.type.rawValue & 255), 0, 1]
        let query = DNSQuery.read(Array([0, 0, 0, 0] + question.dropFirst(4)).span)
        let message = [UInt8](capacity: Int(UInt16.max)) { (output: inout OutputSpan<UInt8>) in
            var writer = ResponseWriter(
                answering: query,
                question.span,
                limit: Int(UInt16.max),
                announcedSize: 0,
                into: &output
            )
            _ = writer.place(
                set.compiled,
                of: bytes.span,
                owner: DNSQuery.headerLength,
                apex: DNSQuery.headerLength + name.count - apexLength,
                section: .answer,
                into: &output
            )
            writer.finish(.noError, query: query, into: &output)
        }
        return DNSMessage(message)?.answers ?? []
    }
}
