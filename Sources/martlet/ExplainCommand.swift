// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials

/// `martlet explain` and `martlet explain-dns`: what would be chosen, and why.
enum ExplainCommand {
    static func request(_ arguments: [String]) -> Int32 {
        let options = ["method", "from", "header"]
        return StatusCommand.ask(
            arguments,
            "explain",
            words: ["http[s]://HOST/PATH"],
            options: options
        ) { given in
            let url = given.words[0]
            let isURL = ["http://", "https://"].contains(where: url.lowercased().hasPrefix)
            guard isURL else {
                return CommandTable.misuse("'\(url)' is no URL of HTTP", command: "explain")
            }
            let query = given.query([("url", url)], options: options)
            return AdminQuery(method: "GET", target: "/api/v1/explain?\(query)").run(given) {
                ExplanationText.request($0, usesColour: AdminArguments.usesColour)
            }
        }
    }

    static func query(_ arguments: [String]) -> Int32 {
        let options = ["type", "from", "assume", "at"]
        return StatusCommand.ask(arguments, "explain-dns", words: ["NAME"], options: options) {
            given in
            let query = given.query([("name", given.words[0])], options: options)
            return AdminQuery(method: "GET", target: "/api/v1/explain-dns?\(query)").run(given) {
                ExplanationText.query($0, usesColour: AdminArguments.usesColour)
            }
        }
    }
}
