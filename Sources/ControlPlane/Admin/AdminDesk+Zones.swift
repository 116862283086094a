// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Zones as they are served.
extension AdminDesk {
    /// A zone as a zone file.
    func export(_ name: String, _ view: ControlView) throws(Problem) -> ServiceResponse {
        guard let apex = DomainName(name),
            let document = view.snapshot.flatMap({ ZoneAPIDocument($0.dns, apex) })
        else { throw Problem(.unknownZone, "There is no zone '\(name)'.") }
        var writer = JSONWriter()
        writer.write(["zone": .string("\(document.name)"), "text": .string(document.text)])
        return .json(writer)
    }

    /// What updates and the zone API have changed of a zone, against the configuration.
    func changes(_ name: String, _ view: ControlView) throws(Problem) -> ServiceResponse {
        guard let apex = DomainName(name)?.lowercased,
            let served = view.snapshot.flatMap({ ZoneAPIDocument($0.dns, apex) })
        else { throw Problem(.unknownZone, "There is no zone '\(name)'.") }
        let difference = ZoneComparison(
            from: ZoneLines(text: try configured(apex, view)).lines,
            to: ZoneLines(text: served.text).lines
        )
        var writer = JSONWriter()
        writer.write([
            "zone": .string("\(apex)"), "removed": difference.json["removed"] ?? .null,
            "added": difference.json["added"] ?? .null,
        ])
        return .json(writer)
    }

    // The zone without what lies over it; nothing for one that stands in no configuration.
    private func configured(_ apex: DomainName, _ view: ControlView) throws(Problem) -> String {
        guard let zone = view.settings.zones.first(where: { $0.name == "\(apex)" }) else {
            return ""
        }
        guard zone.transferFrom.isEmpty else {
            throw Problem(.zoneWithoutFile, "The zone '\(apex)' is what its primaries have.")
        }
        do throws(ReloadProblem) {
            let path = view.configurationPath
            let table = try ZoneAssembly.configured(zone, view.settings, path: path)
            return AdminDesk.text(of: apex, in: table)
        } catch {
            let text = "Zone '\(apex)' cannot be read: \(error.text)"
            throw Problem(.configurationRefused, text)
        }
    }

    private static func text(of apex: DomainName, in table: ZoneTable) -> String {
        guard let number = table.usableZone(apex) else { return "" }
        let records = table.contents(ofZone: number).compactMap(\.record)
        let serial = table.serial(ofZone: number) ?? 0
        return ZoneAPIDocument(name: apex, serial: serial, records: records).text
    }
}

/// A zone that is to be put in the place of what is served.
public struct ZoneImportOrder: Sendable, Equatable {
    /// The name of the zone.
    public var zone: String
    /// A zone file.
    public var text: String
    /// It is looked at alone.
    public var isTrial: Bool

    init(_ zone: String, _ request: ServiceRequest) throws(Problem) {
        self.zone = zone
        var text: String?
        isTrial = false
        for member in try request.jsonMembers() {
            switch member.name {
            case "text": text = member.value.string
            case "check": isTrial = member.value.bool ?? false
            default: throw Problem(.invalidValue, "'\(member.name)' is none of text, check.")
            }
        }
        guard let text else { throw Problem(.invalidValue, "'text' is missing: the zone file.") }
        self.text = text
    }
}
