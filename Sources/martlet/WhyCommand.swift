// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane

/// `martlet why`: what became of one request, and why.
enum WhyCommand {
    static func run(_ arguments: [String]) -> Int32 {
        StatusCommand.ask(arguments, "why", words: ["REQUEST-ID"]) { given in
            let name = PercentCoding.encode(given.words[0])
            return AdminQuery(method: "GET", target: "/api/v1/requests/\(name)").run(given) {
                StoryText.text($0, usesColour: AdminArguments.usesColour)
            }
        }
    }
}
