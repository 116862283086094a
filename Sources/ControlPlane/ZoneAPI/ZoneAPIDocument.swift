// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Zones as the API of PowerDNS shows them.
struct ZoneAPIDocument {
    static let base = "/api/v1/servers/localhost"

    /// The apex.
    var name: DomainName
    /// The serial.
    var serial: UInt32
    /// What the zone holds; steered names are not shown.
    var records: [DNSMessage.Record]
    /// Names whose addresses are chosen: those are not among the records.
    var steered: Set<DomainName> = []
    /// What the configuration says of it.
    var standing = ZoneAPIStanding()

    init(name: DomainName, serial: UInt32, records: [DNSMessage.Record]) {
        self.name = name
        self.serial = serial
        self.records = records
    }

    /// A zone of a snapshot; nil when it is not served.
    init?(
        _ snapshot: DNSSnapshot,
        _ name: DomainName,
        withRecords: Bool = true,
        standing: ZoneAPIStanding = ZoneAPIStanding()
    ) {
        for table in [snapshot.changed, snapshot.zones] {
            guard let number = table.usableZone(name) else { continue }
            let contents = withRecords ? table.contents(ofZone: number) : []
            let records = contents.compactMap(\.record)
            let serial = table.serial(ofZone: number) ?? 0
            self.init(name: name.lowercased, serial: serial, records: records)
            steered = ZoneAPIDocument.steered(in: contents)
            self.standing = standing
            if table.holdsSignatures(zone: number) { self.standing.isSigned = true }
            return
        }
        return nil
    }

    /// The id of a zone in paths: its name, and `=2F` for what a path cannot hold.
    static func identifier(_ name: DomainName) -> String {
        // A dot alone would be lost on the way (RFC 3986 §5.2.4).
        if name.isRoot { return "=2E" }
        var text = ""
        for octet in "\(name)".utf8 {
            if ASCII.isLetter(octet) || ASCII.isDigit(octet) || ".-_".utf8.contains(octet) {
                text.append(Character(Unicode.Scalar(octet)))
            } else {
                let digits = Array("0123456789ABCDEF")
                text += "=\(digits[Int(octet >> 4)])\(digits[Int(octet & 15)])"
            }
        }
        return text
    }

    /// The name that an id stands for.
    static func name(ofIdentifier text: String) -> DomainName? {
        PercentCoding.decode(
            text.replacing("%", with: "%25").replacing("=", with: "%")
        ).flatMap { DomainName($0) }?.lowercased
    }

    /// Tells one state of the zone from another one.
    var tag: String {
        let lines = records.map { "\($0)" }.sorted().joined(separator: "\n")
        return "\"\(serial)-\(String(Hash.text(lines), radix: 16))\""
    }

    /// The object in lists.
    var summary: JSONValue {
        [
            "account": "", "catalog": "", "dnssec": .bool(standing.isSigned),
            "edited_serial": .integer(Int64(serial)),
            "id": .string(ZoneAPIDocument.identifier(name)),
            "kind": .string(standing.kind.rawValue),
            "last_check": 0, "masters": .array(standing.primaries.map { .string($0) }),
            "name": .string("\(name)"), "notified_serial": 0,
            "serial": .integer(Int64(serial)),
            "url": .string("\(ZoneAPIDocument.base)/zones/\(ZoneAPIDocument.identifier(name))"),
        ]
    }

    /// The zone with its sets, perhaps only of one name, and of that of one type.
    func whole(withSets: Bool, name wanted: DomainName? = nil, type: RecordType? = nil) -> JSONValue
    {
        guard case .object(var members) = summary else { return .null }
        members += [
            JSONMember("type", "Zone"), JSONMember("api_rectify", false),
            JSONMember("nsec3narrow", false), JSONMember("nsec3param", ""),
            JSONMember("soa_edit", ""), JSONMember("soa_edit_api", "DEFAULT"),
            JSONMember("master_tsig_key_ids", []), JSONMember("slave_tsig_key_ids", []),
        ]
        if withSets { members.append(JSONMember("rrsets", .array(sets(wanted, type)))) }
        return .object(members)
    }

    private func sets(_ name: DomainName?, _ type: RecordType?) -> [JSONValue] {
        var found: [RecordSetKey: [DNSMessage.Record]] = [:]
        for record in records {
            if let name, record.owner != name { continue }
            if name != nil, let type, record.type != type { continue }
            // Clients compare names as texts, and write them in small letters.
            found[RecordSetKey(record.owner.lowercased, record.type), default: []].append(record)
        }
        return found.sorted {
            ("\($0.key.owner)", $0.key.type.rawValue) < ("\($1.key.owner)", $1.key.type.rawValue)
        }.flatMap { key, records -> [JSONValue] in
            guard key.type == DynamicRecord.type else {
                let contents = records.map { ZoneAPIDocument.content(of: $0) }
                return [set(key, "\(key.type)", contents, ttl: records[0].ttl)]
            }
            // octoDNS reads only sets of one such record back, and has each with its own TTL.
            return records.map { record in
                let ttl = DynamicRecord.ttl(record.data) ?? record.ttl
                return (ZoneAPIDocument.content(of: record), ttl)
            }.sorted { $0.0 < $1.0 }.map { set(key, "LUA", [$0.0], ttl: $0.1) }
        }
    }

    private func set(
        _ key: RecordSetKey,
        _ type: String,
        _ contents: [String],
        ttl: UInt32
    ) -> JSONValue {
        [
            "comments": [], "name": .string("\(key.owner)"),
            "records": .array(
                contents.sorted().map { ["content": .string($0), "disabled": false] }
            ),
            "ttl": .integer(Int64(ttl)), "type": .string(type),
        ]
    }

    private static func content(of record: DNSMessage.Record) -> String {
        let dynamic =
            record.type == DynamicRecord.type ? try? DynamicRecord(data: record.data) : nil
        return dynamic?.content ?? RecordText.data(record.type, record.data.span)
    }

    /// The zone as a zone file, absolute names throughout.
    var text: String {
        let lines = records.map { ($0.type == .SOA ? 0 : 1, ZoneAPIDocument.line($0)) }
        return lines.sorted { $0 < $1 }.map { $0.1 + "\n" }.joined() + comments
    }

    /// A record as a line.
    static func line(_ record: DNSMessage.Record) -> String {
        let data = RecordText.data(record.type, record.data.span)
        return "\(record.owner)\t\(record.ttl)\tIN\t\(record.type)\t\(data)"
    }

    /// What clients look at before they send LUA records: that those are taken, and places known.
    static let configuration: JSONValue = .array(
        [("enable-lua-records", "yes"), ("launch", "geoip")].map { name, value in
            ["type": "ConfigSetting", "name": .string(name), "value": .string(value)]
        }
    )

    /// The server.
    static let server: JSONValue = [
        "type": "Server", "id": "localhost", "daemon_type": "authoritative", "version": "4.9.0",
        "url": .string(base), "config_url": .string("\(base)/config{/config_setting}"),
        "zones_url": .string("\(base)/zones{/zone}"),
    ]
}
