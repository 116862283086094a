// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials

/// `martlet zone`: what is wrong with a zone file, the zones of the running service, and one of them
/// read again.
enum ZoneCommand {
    private static let words =
        "check, list, diff, export, import, discard, reload, sign-status, rollover, import-keys"

    static func run(_ arguments: [String]) -> Int32 {
        do throws(AdminArguments.Misuse) {
            let rest = Array(arguments.dropFirst())
            switch arguments.first {
            case "check"?: return try check(rest)
            case "list"?: return list(try AdminArguments(rest, options: [], words: []))
            case "reload"?: return reload(try AdminArguments(rest, options: [], words: ["ZONE"]))
            case "export"?: return export(try AdminArguments(rest, options: [], words: ["ZONE"]))
            case "diff"?: return try ZoneChangeCommands.compare(rest)
            case "import"?: return try ZoneChangeCommands.bring(rest)
            case "discard"?: return discard(try AdminArguments(rest, options: [], words: ["ZONE"]))
            case "sign-status"?:
                return ZoneKeysCommand.status(
                    try AdminArguments(rest, options: [], words: ["ZONE"], spare: 1)
                )
            case "rollover"?: return try ZoneKeysCommand.rollover(rest)
            case "import-keys"?: return try ZoneKeysCommand.bring(rest)
            case nil: throw AdminArguments.Misuse(text: "say what: \(words)")
            case let word?:
                throw AdminArguments.Misuse(text: "'\(word)' is none of \(words)")
            }
        } catch {
            return CommandTable.misuse(error.text, command: "zone")
        }
    }

    private static func check(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let words = arguments.filter { $0 != "--json" }
        if let option = words.first(where: { $0.hasPrefix("-") }) {
            throw AdminArguments.Misuse(text: "unexpected '\(option)'")
        }
        guard words.count == 2 else {
            throw AdminArguments.Misuse(text: "'zone check' needs a file and an origin")
        }
        guard let report = ZoneReport(path: words[0], origin: words[1]) else {
            throw AdminArguments.Misuse(text: "'\(words[1])' is no domain name")
        }
        let isJSON = words.count < arguments.count
        let written = Output.write(isJSON ? report.json.text(indented: true) + "\n" : report.text)
        guard written == ExitCode.ok else { return written }
        return report.isValid ? ExitCode.ok : ExitCode.failed
    }

    private static func list(_ given: AdminArguments) -> Int32 {
        AdminQuery(method: "GET", target: "/api/v1/snapshot").run(given) { snapshot in
            ZoneFaultText.table(snapshot["zones"], usesColour: AdminArguments.usesColour)
        }
    }

    private static func export(_ given: AdminArguments) -> Int32 {
        let name = PercentCoding.encode(given.words[0])
        return AdminQuery(method: "GET", target: "/api/v1/zones/\(name)/export").run(given) {
            $0["text"]?.string ?? ""
        }
    }

    private static func discard(_ given: AdminArguments) -> Int32 {
        let name = PercentCoding.encode(given.words[0])
        return AdminQuery(method: "DELETE", target: "/api/v1/zones/\(name)/changes").run(given) {
            answer in
            let note = answer["note"]?.string.map { "\($0)\n" } ?? ""
            return "zone \(given.words[0]) is as the configuration has it\n" + note
        }
    }

    private static func reload(_ given: AdminArguments) -> Int32 {
        let name = PercentCoding.encode(given.words[0])
        return AdminQuery(method: "POST", target: "/api/v1/zones/\(name)/reload").run(given) { _ in
            "zone \(given.words[0]) was read again\n"
        }
    }
}
