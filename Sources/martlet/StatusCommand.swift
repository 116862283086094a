// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials

/// `martlet status` and the commands that change what it shows.
enum StatusCommand {
    static func run(_ arguments: [String]) -> Int32 {
        ask(arguments, "status", words: []) { given in
            AdminQuery(method: "GET", target: "/api/v1/snapshot").run(given) {
                SnapshotText.text($0, usesColour: AdminArguments.usesColour)
            }
        }
    }

    static func reload(_ arguments: [String]) -> Int32 {
        ask(arguments, "reload", words: []) { given in
            var faults = ""
            let status = AdminQuery(method: "POST", target: "/api/v1/reload").run(given) { answer in
                faults = ZoneFaultText.lines(answer["zoneFaults"])
                return "configuration \(answer["generation"]?.integer ?? 0) is in force\n" + faults
            }
            // What was asked for has not been done for all of it.
            return status == 0 && !faults.isEmpty ? 1 : status
        }
    }

    static func ask(
        _ arguments: [String],
        _ command: String,
        words: [String],
        options: [String] = [],
        _ body: (AdminArguments) -> Int32
    ) -> Int32 {
        do throws(AdminArguments.Misuse) {
            return body(try AdminArguments(arguments, options: options, words: words))
        } catch {
            return CommandTable.misuse(error.text, command: command)
        }
    }
}
