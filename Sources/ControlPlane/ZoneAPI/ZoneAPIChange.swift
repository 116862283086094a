// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Record sets as the API of PowerDNS writes them, and what a list of them does to a zone.
///
/// Pure: the zone is changed in place, and rolled back by the caller when something is refused.
enum ZoneAPIChange {
    /// Sets in one request.
    static let setLimit = 10_000
    private static let replacesSOA = "replace it, with all of its numbers"

    private struct Part: Hashable {
        let owner: DomainName
        let type: RecordType
        let kind: Kind
    }

    private enum Kind: String {
        case replace = "REPLACE"
        case delete = "DELETE"
        case extend = "EXTEND"
        case prune = "PRUNE"
    }

    /// Does what a list of record sets says, in its order.
    ///
    /// Without `changeType`, as for a new zone, all are replaced.
    static func apply(
        _ sets: [JSONValue],
        to zone: inout ZoneRecords,
        needsChangeType: Bool
    ) throws(ZoneAPIFault) {
        guard sets.count <= setLimit else {
            throw ZoneAPIFault(
                422,
                "more than \(setLimit) rrsets in one request",
                "send them in several requests"
            )
        }
        var dynamic = DynamicChange(sets)
        var parts: Set<Part> = []
        for set in sets {
            let part = try part(of: set, in: zone, needsChangeType)
            // octoDNS sends a set of LUA for each type that a name is steered for.
            guard parts.insert(part).inserted || part.type == DynamicRecord.type else {
                let word = part.kind.rawValue
                throw ZoneAPIFault(
                    422,
                    "Duplicate RRset \(part.owner) IN \(part.type) with changetype: \(word)",
                    "send each set once, with all of its records"
                )
            }
            try apply(set, part, to: &zone, &dynamic)
        }
    }

    private static func part(
        of set: JSONValue,
        in zone: ZoneRecords,
        _ needsChangeType: Bool
    ) throws(ZoneAPIFault) -> Part {
        let (owner, type) = try key(of: set, in: zone)
        let title = "RRset \(owner) IN \(type)"
        let word = set["changetype"]?.string?.uppercased() ?? (needsChangeType ? "" : "REPLACE")
        guard let kind = Kind(rawValue: word) else {
            throw ZoneAPIFault(
                422,
                "\(title): changetype '\(ZoneAPIFault.quote(word))' is none of REPLACE, DELETE, EXTEND, PRUNE"
            )
        }
        guard type != .SOA || owner == zone.apex || kind == .delete else {
            throw ZoneAPIFault(
                422,
                "\(title): an SOA stands at the name of its zone alone",
                "make a zone of that name (POST), or change the SOA of \(zone.apex)"
            )
        }
        return Part(owner: owner, type: type, kind: kind)
    }

    private static func apply(
        _ set: JSONValue,
        _ part: Part,
        to zone: inout ZoneRecords,
        _ dynamic: inout DynamicChange
    ) throws(ZoneAPIFault) {
        let (owner, type, kind) = (part.owner, part.type, part.kind)
        let title = "RRset \(owner) IN \(type)"
        let isAddress = type == .A || type == .AAAA
        let isOthers =
            type == DynamicRecord.type && zone[owner, type] == nil && zone.isPolicySteered(owner)
        // What stands beside an ALIAS is judged when all is done: it may go in the same request.
        let isFree = zone[owner, .ALIAS] != nil || !zone.isFixed(owner, type)
        guard !isOthers, !isAddress || isFree else {
            throw ZoneAPIFault(
                422,
                "\(title): the addresses of this name are steered",
                "change the policy, or take the name out of `records` of the configuration; a name "
                    + "that is steered by LUA is changed as LUA"
            )
        }
        if kind == .delete {
            guard type != DynamicRecord.type else {
                return try dynamic.delete(set, of: owner, from: &zone)
            }
            guard type != .SOA || owner != zone.apex else {
                throw ZoneAPIFault(422, "\(title): a zone needs its SOA", replacesSOA)
            }
            zone[owner, type] = nil
            return
        }
        // Comments are not kept: a set that comes with nothing else stays as it is.
        if set["records"] == nil, set["comments"]?.elements != nil { return }
        guard set["records"]?.elements != nil else {
            throw ZoneAPIFault(
                422,
                "\(title): 'records' is missing, or no list",
                "send `\"records\": [ { \"content\": ..., \"disabled\": false } ]`"
            )
        }
        let data = try records(of: set, owner, type)
        guard type != DynamicRecord.type else {
            return try steer(owner, kind, data, set, in: &zone, &dynamic)
        }
        if kind == .prune {
            guard type != .SOA || owner != zone.apex else {
                throw ZoneAPIFault(422, "\(title): a zone needs its SOA", replacesSOA)
            }
            guard var present = zone[owner, type] else { return }
            let gone = Set(data.map { ZoneRecords.canonical(type, $0) })
            present.data.removeAll { gone.contains(ZoneRecords.canonical(type, $0)) }
            zone[owner, type] = present
            return
        }
        let former = zone[owner, type]
        guard let ttl = try timeToLive(of: set, title) ?? (kind == .extend ? former?.ttl : nil)
        else {
            throw ZoneAPIFault(422, "\(title): 'ttl' is missing", "send seconds as a number")
        }
        if kind == .replace { zone[owner, type] = nil }
        for one in data {
            zone.add(DNSMessage.Record(owner: owner, type: type, ttl: ttl, data: one))
        }
        if type == .SOA, owner == zone.apex { try keepSerial(of: former, in: &zone, title) }
    }

    private static func steer(
        _ owner: DomainName,
        _ kind: Kind,
        _ data: [[UInt8]],
        _ set: JSONValue,
        in zone: inout ZoneRecords,
        _ dynamic: inout DynamicChange
    ) throws(ZoneAPIFault) {
        let title = "RRset \(owner) IN LUA"
        let former = zone[owner, DynamicRecord.type]?.ttl
        let ttl = try timeToLive(of: set, title) ?? (kind == .replace ? nil : former ?? 0)
        guard let ttl else {
            throw ZoneAPIFault(422, "\(title): 'ttl' is missing", "send seconds as a number")
        }
        var entries: [DynamicSet.Entry] = []
        for one in data {
            do throws(DynamicFault) {
                entries.append(DynamicSet.Entry(ttl: ttl, record: try DynamicRecord(data: one)))
            } catch {
                throw ZoneAPIFault(422, "\(title): \(error.message)")
            }
        }
        if kind == .prune { return try dynamic.prune(entries, of: owner, from: &zone) }
        if kind == .extend, entries.isEmpty { return }
        try dynamic.replace(by: entries, of: owner, in: &zone)
    }

    // A serial that is not newer is raised by whoever asks.
    private static func keepSerial(
        of former: RecordSet?,
        in zone: inout ZoneRecords,
        _ title: String
    ) throws(ZoneAPIFault) {
        guard zone[zone.apex, .SOA]?.data.count == 1, let serial = zone.serial else {
            throw ZoneAPIFault(422, "\(title): a zone has one SOA", "send one record")
        }
        let old = former?.data.first.flatMap { ZoneRecords.serial(ofSOA: $0) }
        if let old, !serial.isLater(thanSerial: old) { zone.setSerial(old) }
    }

    // MARK: Parts

    private static func key(
        of set: JSONValue,
        in zone: ZoneRecords
    ) throws(ZoneAPIFault) -> (DomainName, RecordType) {
        guard let text = set["name"]?.string, let name = DomainName(text) else {
            throw ZoneAPIFault(
                422,
                "an rrset has no valid 'name'",
                "give the whole name with its last dot"
            )
        }
        guard text.hasSuffix(".") else {
            throw ZoneAPIFault(
                422,
                "DNS Name '\(ZoneAPIFault.quote(text))' is not canonical",
                "give the whole name with its last dot"
            )
        }
        guard name.isWithin(zone.apex) else {
            throw ZoneAPIFault(
                422,
                "RRset \(ZoneAPIFault.quote(text)) IN ?: Name is out of zone",
                "names of this request end with \(zone.apex)"
            )
        }
        guard let word = set["type"]?.string,
            let type = word.uppercased() == "LUA" ? DynamicRecord.type : RecordType(word),
            !type.isMeta
        else {
            throw ZoneAPIFault(
                422,
                "RRset \(text): 'type' is missing or not known",
                "give its mnemonic, or TYPE and its number (RFC 3597)"
            )
        }
        guard ![.RRSIG, .NSEC, .NSEC3].contains(type) else {
            throw ZoneAPIFault(
                422,
                "RRset \(text) IN \(type): this type cannot be set",
                "signatures and proofs are made here: see `dnssec` of the zone"
            )
        }
        return (name.lowercased, type)
    }

    private static func timeToLive(
        of set: JSONValue,
        _ title: String
    ) throws(ZoneAPIFault) -> UInt32? {
        guard let value = set["ttl"] else { return nil }
        guard let ttl = value.integer.flatMap({ UInt32(exactly: $0) }), ttl <= 0x7fff_ffff else {
            throw ZoneAPIFault(
                422,
                "\(title): 'ttl' is no number of seconds",
                "from 0 to 2147483647 (RFC 2181 §8)"
            )
        }
        return ttl
    }

    private static func records(
        of set: JSONValue,
        _ owner: DomainName,
        _ type: RecordType
    ) throws(ZoneAPIFault) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var seen: Set<[UInt8]> = []
        for record in set["records"]?.elements ?? [] {
            let title = "RRset \(owner) IN \(type)"
            guard record["disabled"]?.bool != true else {
                throw ZoneAPIFault(
                    422,
                    "\(title): disabled records are not kept here",
                    "leave the record out"
                )
            }
            guard let content = record["content"]?.string else {
                throw ZoneAPIFault(
                    422,
                    "\(title): a record has no 'content'",
                    "give its data as in a zone file, as a text"
                )
            }
            let data = try data(content, owner, type)
            guard seen.insert(ZoneRecords.canonical(type, data)).inserted else {
                throw ZoneAPIFault(
                    422,
                    "\(title): duplicate record '\(ZoneAPIFault.quote(content))'",
                    "send it once"
                )
            }
            found.append(data)
        }
        return found
    }

    /// The data of a record from its text.
    static func data(
        _ content: String,
        _ owner: DomainName,
        _ type: RecordType
    ) throws(ZoneAPIFault) -> [UInt8] {
        if type == DynamicRecord.type {
            do throws(DynamicFault) {
                return try DynamicRecord(content: content).data
            } catch {
                throw ZoneAPIFault(422, "Record \(owner)/LUA: \(error.message)")
            }
        }
        let title = "Record \(owner)/\(type) '\(ZoneAPIFault.quote(content))'"
        // A line of its own is all that a record gets.
        guard !content.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 }),
            content.utf8.count <= 65_535
        else {
            throw ZoneAPIFault(
                422,
                "\(title): control characters, or more than 65535 octets",
                "write other octets as a backslash and three digits (RFC 1035 §5.1)"
            )
        }
        guard type != .TXT || !hasBareQuote(content) else {
            throw ZoneAPIFault(
                422,
                "\(title): a quote inside of a text needs a backslash before it"
            )
        }
        if let reason = misreading(content, owner, type) {
            throw ZoneAPIFault(422, "\(title): Parsing record content: \(reason)")
        }
        let text = "@ 1 IN \(type) \(content)\n"
        var reader = ZoneFileReader(Array(text.utf8), file: "content", origin: owner)
        guard reader.next() else {
            let reason = reader.diagnostics.first?.message ?? "it is empty"
            throw ZoneAPIFault(422, "\(title): Parsing record content: \(reason)")
        }
        let data = reader.data
        guard !reader.next(), reader.diagnostics.isEmpty else {
            throw ZoneAPIFault(
                422,
                "\(title): more than one record",
                "give each an object in `records`"
            )
        }
        return data
    }

    /// True when a quote begins or ends a text in the middle of a word: the zone file grammar would
    /// take `"say "yes" now"` for three texts, which nobody means.
    private static func hasBareQuote(_ content: String) -> Bool {
        var (isInside, isEscaped) = (false, false)
        var former = UInt8(ascii: " ")
        for byte in content.utf8 {
            let isBlank = byte == UInt8(ascii: " ") || byte == 0x09
            let follows = former == UInt8(ascii: " ") || former == 0x09
            if former == UInt8(ascii: "\""), !isInside, !isBlank { return true }
            if isEscaped {
                (isEscaped, former) = (false, UInt8(ascii: "x"))
                continue
            }
            if byte == UInt8(ascii: "\\") {
                (isEscaped, former) = (true, byte)
                continue
            }
            if byte == UInt8(ascii: "\"") {
                if !isInside, !follows { return true }
                isInside.toggle()
            }
            former = byte
        }
        return false
    }
}

/// What a zone file would take for something else than clients of an API mean.
extension ZoneAPIChange {
    /// Why a text would be kept as something else; nil for one that means what it says.
    static func misreading(_ content: String, _ owner: DomainName, _ type: RecordType) -> String? {
        if hasComment(content) { return "';' begins a comment: write texts in quotes" }
        let isQuoted = content.utf8.first { $0 != 0x20 && $0 != 0x09 } == UInt8(ascii: "\"")
        let isOpaque = content.hasPrefix("\\#")
        if type == .TXT || type == .SPF, !isQuoted, !isOpaque { return "texts stand in quotes" }
        // A name that is not absolute is another one under another origin.
        let others = [DomainName.root, owner].map { origin in
            var reader = ZoneFileReader(
                Array("x. 1 IN \(type) \(content)\n".utf8),
                file: "content",
                origin: origin
            )
            return reader.next() ? reader.data : []
        }
        return others[0] == others[1] ? nil : "a name is not canonical: it has no final dot"
    }

    private static func hasComment(_ content: String) -> Bool {
        var (isQuoted, isEscaped) = (false, false)
        for octet in content.utf8 {
            defer { isEscaped = !isEscaped && octet == UInt8(ascii: "\\") }
            guard !isEscaped else { continue }
            if octet == UInt8(ascii: "\"") { isQuoted.toggle() }
            if octet == UInt8(ascii: ";"), !isQuoted { return true }
        }
        return false
    }
}
