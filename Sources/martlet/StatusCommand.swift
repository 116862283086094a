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
            AdminQuery(method: "POST", target: "/api/v1/reload").run(given) { answer in
                "configuration \(answer["generation"]?.integer ?? 0) is in force\n"
            }
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
