// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import HTTPProtocol

/// A request of the zone API, read and not yet decided.
struct ZoneAPIRequest {
    /// What is asked for.
    enum Wish {
        /// A document that does not depend on zones.
        case fixed(JSONValue)
        /// All zones, or one of them, without their sets.
        case list(DomainName?, limit: Int, offset: Int)
        /// One zone.
        case show(DomainName, withSets: Bool, DomainName?, RecordType?)
        /// One zone as a zone file.
        case export(DomainName)
        /// A new zone, shown with its sets or without.
        case create(DomainName, JSONValue, withSets: Bool)
        /// Changes of sets.
        case patch(DomainName, [JSONValue])
        /// The zone goes.
        case delete(DomainName)
        /// Secondaries are told.
        case notify(DomainName)
        /// What PowerDNS keeps of a zone beside its records, and Martlet does not.
        case metadata(DomainName, JSONValue)
    }

    static let bodyLimit = 8 << 20

    var wish: Wish
    /// The state that the zone must have, by its tag.
    var ifMatch: String?
    /// The state that need not be told again.
    var ifNoneMatch: String?

    init(_ request: ServiceRequest) throws(ZoneAPIFault) {
        ifMatch = request.field("if-match")
        ifNoneMatch = request.field("if-none-match")
        guard let segments = request.segments, let parameters = request.parameters else {
            throw ZoneAPIFault(
                400,
                "the path or the query cannot be read",
                "write octets that are no letters as % and two hexadecimal digits"
            )
        }
        func parameter(_ name: String) -> String? {
            parameters.first { $0.name == name }?.value
        }
        // Whoever sends the answer leaves its body out.
        let method = request.method == .head ? "GET" : "\(request.method.name)"
        if let document = ZoneAPIRequest.fixed(segments) {
            guard method == "GET" else { throw ZoneAPIRequest.method }
            wish = .fixed(document)
            return
        }
        guard segments.starts(with: ["api", "v1", "servers", "localhost"]) else {
            throw ZoneAPIFault.noPath
        }
        let rest = Array(segments.dropFirst(4))
        switch (rest.first, rest.count) {
        case ("zones", 1):
            let only = parameter("zone").map { DomainName($0)?.lowercased }
            if only == .some(nil) {
                throw ZoneAPIFault(
                    422,
                    "'zone' is no name of a zone",
                    "?zone=NAME has a domain name"
                )
            }
            wish =
                method == "POST"
                ? try ZoneAPIRequest.creation(request, withSets: parameter("rrsets") != "false")
                : .list(
                    only ?? nil,
                    limit: try ZoneAPIRequest.count("limit", parameter("limit")) ?? .max,
                    offset: try ZoneAPIRequest.count("offset", parameter("offset")) ?? 0
                )
            guard ["GET", "POST"].contains(method) else { throw ZoneAPIRequest.method }
        case ("zones", 2...3):
            guard let name = ZoneAPIDocument.name(ofIdentifier: rest[1]) else {
                throw ZoneAPIFault(
                    422,
                    "'\(ZoneAPIFault.quote(rest[1]))' is no name of a zone",
                    "use the `id` of the list of zones"
                )
            }
            let word = rest.count > 2 ? rest[2] : ""
            wish = try ZoneAPIRequest.zone(name, word, method, request, parameter)
        default: throw ZoneAPIFault.noPath
        }
    }

    // What does not depend on zones.
    private static func fixed(_ path: [String]) -> JSONValue? {
        switch path {
        case ["api"], ["api", "v1"]: [["version": 1, "url": "/api/v1"]]
        case ["api", "v1", "servers"]: [ZoneAPIDocument.server]
        case ["api", "v1", "servers", "localhost"]: ZoneAPIDocument.server
        case ["api", "v1", "servers", "localhost", "config"]: ZoneAPIDocument.configuration
        case ["api", "v1", "servers", "localhost", "statistics"]: []
        default: nil
        }
    }

    private static func count(_ name: String, _ text: String?) throws(ZoneAPIFault) -> Int? {
        guard let text else { return nil }
        guard let count = Int(text), count >= 0 else {
            throw ZoneAPIFault(
                422,
                "'\(name)' is no number: '\(ZoneAPIFault.quote(text))'",
                "give a whole number from 0 on, or leave it out"
            )
        }
        return count
    }

    private static let method = ZoneAPIFault(
        405,
        "Method Not Allowed",
        "see the table of requests in the documentation of updates"
    )

    private static func zone(
        _ name: DomainName,
        _ word: String,
        _ method: String,
        _ request: ServiceRequest,
        _ parameter: (String) -> String?
    ) throws(ZoneAPIFault) -> Wish {
        switch (method, word) {
        case ("GET", ""):
            return .show(
                name,
                withSets: parameter("rrsets") != "false",
                parameter("rrset_name").flatMap { DomainName($0) },
                parameter("rrset_type").flatMap {
                    $0.uppercased() == "LUA" ? DynamicRecord.type : RecordType($0)
                }
            )
        case ("GET", "export"): return .export(name)
        case ("PATCH", ""):
            guard let sets = try body(request)["rrsets"]?.elements else {
                throw ZoneAPIFault(
                    422,
                    "no 'rrsets' in the request",
                    "send `{ \"rrsets\": [ ... ] }`"
                )
            }
            return .patch(name, sets)
        case ("DELETE", ""): return .delete(name)
        case ("PUT", "notify"): return .notify(name)
        case ("PUT", ""):
            return .metadata(name, try body(request))
        case (_, ""), (_, "export"), (_, "notify"): throw self.method
        default: throw ZoneAPIFault.noPath
        }
    }

    private static func creation(
        _ request: ServiceRequest,
        withSets: Bool
    ) throws(ZoneAPIFault) -> Wish {
        let body = try body(request)
        guard let text = body["name"]?.string, text.hasSuffix("."), let name = DomainName(text)
        else {
            throw ZoneAPIFault(
                422,
                "'name' is no canonical name of a zone",
                "give the whole name with its last dot"
            )
        }
        let kind = body["kind"]?.string?.lowercased() ?? "native"
        guard ["native", "master", "primary"].contains(kind) else {
            throw ZoneAPIFault(
                422,
                "zones of kind '\(ZoneAPIFault.quote(kind))' are not made here",
                "Native or Primary; secondaries and catalogs stand in the configuration "
                    + "(`transfer-from`, `catalog`)"
            )
        }
        return .create(name.lowercased, body, withSets: withSets)
    }

    private static func body(_ request: ServiceRequest) throws(ZoneAPIFault) -> JSONValue {
        let limits = JSONLimits(bytes: bodyLimit, depth: 16, values: 500_000)
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONReader.read(request.body, limits: limits)
        } catch {
            throw ZoneAPIFault(400, "the body is no JSON: \(error)", "send one JSON object")
        }
        guard value.members != nil else {
            throw ZoneAPIFault(400, "the body is no JSON object", "send `{ ... }`")
        }
        return value
    }

    /// What the text of a zone file in `zone` says; it includes no other file.
    private static func text(
        of name: DomainName,
        _ value: JSONValue?
    ) throws(ZoneAPIFault) -> ZoneRecords {
        var zone = ZoneRecords(apex: name)
        guard let value, value != .null else { return zone }
        guard let text = value.string else {
            throw ZoneAPIFault(422, "'zone' is no text", "send a zone file as one text")
        }
        var reader = ZoneFileReader(Array(text.utf8), file: "zone", origin: name)
        while reader.next() {
            guard let owner = DomainName(wire: reader.owner), owner.isWithin(name) else {
                throw ZoneAPIFault(422, "line \(reader.position.line) of 'zone': out of zone")
            }
            let type = reader.type
            guard ![.RRSIG, .NSEC, .NSEC3, .LUA].contains(type) else {
                throw ZoneAPIFault(
                    422,
                    "line \(reader.position.line) of 'zone': \(type) cannot be set",
                    "leave the record out"
                )
            }
            zone.add(
                DNSMessage.Record(
                    owner: owner.lowercased,
                    type: type,
                    ttl: reader.ttl,
                    data: reader.data
                )
            )
        }
        if let fault = reader.diagnostics.first(where: { $0.severity == .error }) {
            throw ZoneAPIFault(422, "\(fault)", "see the reference of zone files")
        }
        return zone
    }

    /// The records of a new zone.
    static func records(
        of name: DomainName,
        _ body: JSONValue,
        serial: UInt32
    ) throws(ZoneAPIFault) -> ZoneRecords {
        var zone = try text(of: name, body["zone"])
        try ZoneAPIChange.apply(body["rrsets"]?.elements ?? [], to: &zone, needsChangeType: false)
        let servers = body["nameservers"]?.elements ?? []
        guard servers.isEmpty || zone[name, .NS] == nil else {
            throw ZoneAPIFault(
                422,
                "Nameservers list MUST NOT be mixed with zone-level NS in rrsets",
                "leave `nameservers` out, or the NS of \(name) in `rrsets` and `zone`"
            )
        }
        for server in servers {
            guard let text = server.string, text.hasSuffix("."), let host = DomainName(text) else {
                throw ZoneAPIFault(
                    422,
                    "a name of 'nameservers' is not canonical",
                    "give whole names with their last dots"
                )
            }
            zone.add(DNSMessage.Record(owner: name, type: .NS, ttl: 3600, data: host.wire))
        }
        if zone[name, .SOA] == nil {
            // As PowerDNS does, which has no name of its own either.
            let primary = zone[name, .NS]?.data.first.flatMap { DomainName(wire: $0) }
            let start = StartOfAuthority(
                primary: primary ?? DomainName("a.misconfigured.dns.server.invalid") ?? .root,
                mailbox: DomainName("hostmaster")?.appending(name) ?? .root,
                numbers: (
                    serial: serial, refresh: 10_800, retry: 3600, expire: 604_800, minimum: 3600
                )
            )
            zone.add(
                DNSMessage.Record(
                    owner: name,
                    type: .SOA,
                    ttl: 3600,
                    data: RecordValue.soa(start).wire
                )
            )
        }
        return zone
    }
}
