// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Renders the keys of signed zones for the terminal.
public enum SignStatusText {
    /// The zones of a document, one after the other.
    public static func text(_ document: JSONValue, usesColour: Bool) -> String {
        let zones = document["zones"]?.elements ?? []
        guard !zones.isEmpty else { return "no zone is signed here\n" }
        return zones.map { zone($0, usesColour) }.joined(separator: "\n")
    }

    private static func zone(_ zone: JSONValue, _ usesColour: Bool) -> String {
        let standing = zone["standing"]?.string ?? "?"
        let name = TextTable.paint(zone["zone"]?.string ?? "?", .strong, usesColour)
        var text = "\(name): \(standing)"
        if zone["follows"]?.bool == true { text += ", follows another server" }
        if zone["servable"]?.bool == false {
            text +=
                ", " + TextTable.paint("keys are missing: it cannot be signed", .bad, usesColour)
        }
        text += "\n"
        var table = TextTable(
            ["KEY", "ROLE", "ALGORITHM", "STATE", "PUBLISHED", "ACTIVE", "RETIRED", "FILE"],
            usesColour: usesColour
        )
        for key in zone["keys"]?.elements ?? [] {
            let state = key["state"]?.string ?? "?"
            let hasFile = key["hasFile"]?.bool == true
            table.add([
                .init("\(key["tag"]?.integer ?? 0)"),
                .init(key["role"]?.string ?? "?"),
                .init(key["algorithm"]?.string ?? "?"),
                .init(state, state == "active" ? .good : .none),
                .init(key["published"]?.string ?? ""),
                .init(key["active"]?.string ?? ""),
                .init(key["retired"]?.string ?? ""),
                .init(hasFile ? "" : "missing", .bad),
            ])
        }
        text += table.text
        for ds in zone["ds"]?.elements?.compactMap(\.string) ?? [] { text += "  \(ds)\n" }
        text += parent(zone)
        for wait in zone["waits"]?.elements?.compactMap(\.string) ?? [] { text += "  \(wait)\n" }
        if let next = zone["nextChange"]?.string { text += "  next change at \(next)\n" }
        return text
    }

    private static func parent(_ zone: JSONValue) -> String {
        var text = ""
        if zone["submitted"]?.string == "delete" {
            text += "  CDS asks the parent to remove the DS set\n"
        }
        guard let parent = zone["parent"], !parent.isNull else { return text }
        if let problem = parent["problem"]?.string {
            return text + "  the parent could not be asked: \(problem)\n"
        }
        let tags = parent["keys"]?.elements?.compactMap(\.integer).map { "\($0)" } ?? []
        let strangers = parent["strangers"]?.integer ?? 0
        text += tags.isEmpty ? "  the parent has no DS of these keys" : "  the parent has DS "
        text += tags.joined(separator: ", ")
        if strangers > 0 { text += ", and \(strangers) of keys that are not here" }
        return text + "\n"
    }
}
