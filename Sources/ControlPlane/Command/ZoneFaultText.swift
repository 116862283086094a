// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Zones that are not served as they are to be, for people.
public enum ZoneFaultText {
    /// All zones, those that need somebody first.
    public static func table(_ zones: JSONValue?, usesColour: Bool) -> String {
        var table = TextTable(
            ["ZONE", "STATE", "SERIAL", "CHANGED", "FROM"],
            usesColour: usesColour
        )
        let all = zones?.elements ?? []
        let served = all.filter { $0["state"] == "served" }
        for zone in all.filter({ $0["state"] != "served" }) + served {
            let state = zone["state"]?.string ?? "?"
            table.add([
                TextTable.Cell(zone["name"]?.string ?? "?", .strong),
                TextTable.Cell(state, state == "served" ? .good : .bad),
                TextTable.Cell(zone["serial"]?.integer.map { "\($0)" } ?? ""),
                TextTable.Cell(
                    (zone["changedSets"]?.integer).map { $0 > 0 ? "\($0) sets" : "" } ?? ""
                ),
                TextTable.Cell(origin(of: zone)),
            ])
        }
        return table.text + lines(zones) + transferLines(zones)
    }

    private static func origin(of zone: JSONValue) -> String {
        let primaries = zone["transfer"]?["primaries"]?.elements ?? []
        let source = primaries.first { $0["isSource"] == true } ?? primaries.first
        if let address = source?["address"]?.string { return "primary \(address)" }
        if zone["isMade"] == true { return "the zone API" }
        return zone["file"]?.string ?? "the configuration"
    }

    /// When zones from elsewhere were looked at, and what is wrong with their primaries.
    private static func transferLines(_ zones: JSONValue?) -> String {
        var text = ""
        for zone in zones?.elements ?? [] {
            guard let transfer = zone["transfer"], transfer != .null else { continue }
            let name = zone["name"]?.string ?? "?"
            func time(_ key: String) -> String { transfer[key]?.string ?? "never" }
            text += "zone \(name) was checked \(time("lastCheck")), is checked next "
            text += "\(time("nextCheck")), expires \(time("expires"))\n"
            for primary in transfer["primaries"]?.elements ?? [] {
                guard let problem = primary["problem"]?.string else { continue }
                text += "zone \(name): primary \(primary["address"]?.string ?? "?"): \(problem)\n"
            }
        }
        return text
    }

    private static func problems(ofPrimaries zone: JSONValue) -> String {
        let found = (zone["transfer"]?["primaries"]?.elements ?? []).compactMap { primary in
            primary["problem"]?.string.map { "\(primary["address"]?.string ?? "?"): \($0)" }
        }
        return found.isEmpty ? "" : " (\(found.joined(separator: "; ")))"
    }

    /// Of so many zones ``briefly(_:)`` has lines of their own: a catalog whose primary is silent
    /// may have ten thousand.
    private static let zoneLimit = 20

    /// The same as ``lines(_:)`` for a picture of everything: of the first zones, and with what is
    /// wrong with their primaries.
    static func briefly(_ zones: JSONValue?) -> String {
        let all = (zones?.elements ?? []).filter { $0["state"] != "served" }
        var text = lines(.array(Array(all.prefix(zoneLimit))), namesPrimaries: true)
        if all.count > zoneLimit {
            let count = all.count - zoneLimit
            text +=
                "\(count) more of the zones are not served as they are to be: see 'martlet zone list'\n"
        }
        return text
    }

    /// One line for each error of the zones that are not served as their files are, and for each zone
    /// that has not come from its primaries, or has expired; empty without.
    public static func lines(_ zones: JSONValue?) -> String {
        lines(zones, namesPrimaries: false)
    }

    private static func lines(_ zones: JSONValue?, namesPrimaries: Bool) -> String {
        var text = ""
        for zone in zones?.elements ?? [] where zone["state"] != "served" {
            let name = zone["zone"]?.string ?? zone["name"]?.string ?? "?"
            let what =
                switch zone["state"]?.string {
                case "former": "keeps its former version"
                case "partial": "is served without some of its changes"
                case "awaited": "is answered SERVFAIL: it has not come from its primaries"
                case "expired":
                    "is answered SERVFAIL: it has expired, its primaries are silent for too long"
                default: "is answered SERVFAIL until its file is mended"
                }
            if zone["state"] == "awaited" || zone["state"] == "expired" {
                text += "zone \(name) \(what)\(namesPrimaries ? problems(ofPrimaries: zone) : "")\n"
            }
            for problem in zone["problems"]?.elements ?? [] {
                let file = problem["file"]?.string.map { "\($0):" } ?? ""
                let line = problem["line"]?.integer.map { "\($0):" } ?? ""
                let column = problem["column"]?.integer.map { "\($0):" } ?? ""
                let place = file + line + column + (file.isEmpty ? "" : " ")
                let code = problem["code"]?.string ?? "?"
                let message = problem["message"]?.string ?? "?"
                let told = problem["severity"] == "notice" ? "" : " \(what)"
                text += "zone \(name)\(told): \(place)\(code): \(message)\n"
            }
        }
        return text
    }
}
