// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane

/// `martlet queries` and `martlet answers`: what the DNS door has answered, and to whom.
enum AnswersCommand {
    static func queries(_ arguments: [String]) -> Int32 {
        let options = ["name", "from", "limit"]
        return StatusCommand.ask(arguments, "queries", words: [], options: options) { given in
            let query = given.query([], options: options)
            return AdminQuery(method: "GET", target: "/api/v1/dns/queries?\(query)").run(given) {
                AnswersText.queries($0, usesColour: AdminArguments.usesColour)
            }
        }
    }

    static func answers(_ arguments: [String]) -> Int32 {
        let options = ["policy"]
        return StatusCommand.ask(arguments, "answers", words: [], options: options) { given in
            let query = given.query([], options: options)
            return AdminQuery(method: "GET", target: "/api/v1/dns/answers?\(query)").run(given) {
                AnswersText.answers($0, usesColour: AdminArguments.usesColour)
            }
        }
    }
}
