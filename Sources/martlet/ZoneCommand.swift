// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials

/// `martlet zone`: shows the zones of the running service, and has one read again.
enum ZoneCommand {
    static func run(_ arguments: [String]) -> Int32 {
        do throws(AdminArguments.Misuse) {
            let rest = Array(arguments.dropFirst())
            switch arguments.first {
            case "list"?: return list(try AdminArguments(rest, options: [], words: []))
            case "reload"?: return reload(try AdminArguments(rest, options: [], words: ["ZONE"]))
            case nil: throw AdminArguments.Misuse(text: "say what: list or reload")
            case let word?: throw AdminArguments.Misuse(text: "'\(word)' is none of list, reload")
            }
        } catch {
            return CommandTable.misuse(error.text, command: "zone")
        }
    }

    private static func list(_ given: AdminArguments) -> Int32 {
        AdminQuery(method: "GET", target: "/api/v1/snapshot").run(given) { snapshot in
            ZoneFaultText.table(snapshot["zones"], usesColour: AdminArguments.usesColour)
        }
    }

    private static func reload(_ given: AdminArguments) -> Int32 {
        let name = PercentCoding.encode(given.words[0])
        return AdminQuery(method: "POST", target: "/api/v1/zones/\(name)/reload").run(given) { _ in
            "zone \(given.words[0]) was read again\n"
        }
    }
}
