// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// A page of the list of zones.
struct ZoneAPIList: Sendable {
    /// The zones of the configuration and those that were made, in any order.
    var names: [String]
    /// The only one that is wanted.
    var only: DomainName?
    var limit: Int
    var offset: Int

    /// The objects of those that are served, by name.
    func summaries(_ zones: DNSSnapshot, _ settings: [ZoneSettings] = []) -> JSONValue {
        let known = Dictionary(settings.map { ($0.name, $0) }) { first, _ in first }
        let wanted = only.map { "\($0)" }
        let sorted = names.filter { wanted == nil || $0 == wanted }.sorted()
        let shown = sorted.dropFirst(max(offset, 0)).prefix(max(limit, 0))
        let documents = shown.compactMap { name in
            DomainName(name).flatMap { apex in
                let standing = ZoneAPIStanding(known[name])
                return ZoneAPIDocument(zones, apex, withRecords: false, standing: standing)?.summary
            }
        }
        return .array(documents)
    }
}

extension ServiceResponse {
    /// An answer of JSON.
    static func json(_ value: JSONValue, status: UInt16 = 200) -> ServiceResponse {
        ServiceResponse(status: status, type: "application/json", bytes: Array(value.text().utf8))
    }
}

extension ZoneAPIDocument {
    /// The zone as an answer, with its tag; nothing when the client has that state.
    func response(
        status: UInt16 = 200,
        unless known: String? = nil,
        _ value: @autoclosure () -> JSONValue
    ) -> ServiceResponse {
        let tag = tag
        if known == tag {
            return ServiceResponse(status: 304, fields: [("ETag", tag)], body: .bytes([]))
        }
        var response = ServiceResponse.json(value(), status: status)
        response.fields.append(("ETag", tag))
        return response
    }

    /// A zone of those in force; nil when it is not served.
    init?(_ zones: FormerZones, _ name: DomainName) {
        for table in [zones.changed, zones.all] {
            guard let number = table.usableZone(name) else { continue }
            self.init(name: name.lowercased, table, number)
            return
        }
        return nil
    }

    init(name: DomainName, _ table: ZoneTable, _ number: Int) {
        self.init(
            name: name,
            serial: table.serial(ofZone: number) ?? 0,
            records: table.contents(ofZone: number).compactMap(\.record)
        )
    }
}
