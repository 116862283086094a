// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import ControlPlane
internal import Essentials

/// `martlet check`: all errors of a configuration at once.
enum CheckCommand {
    static func run(_ arguments: [String]) -> Int32 {
        var path: String?
        var isJSON = false
        for word in arguments {
            if word == "--json" {
                isJSON = true
            } else if path == nil, word == "-" || !word.hasPrefix("-") {
                path = word
            } else {
                return CommandTable.misuse("unexpected '\(word)'", command: "check")
            }
        }
        guard let path else {
            return CommandTable.misuse("'check' needs a file, or - for input", command: "check")
        }
        // The second part is what only shows when zones and pools are put together.
        let (result, problems) = ConfigurationTrial.judge(path: path)
        let text = isJSON ? json(result, problems) : plain(result, problems)
        let written = Output.write(text)
        guard written == ExitCode.ok else { return written }
        let isValid = result.errors.isEmpty && problems.isEmpty
        return isValid ? ExitCode.ok : ExitCode.failed
    }

    private static func plain(_ result: ReadResult, _ problems: [ReloadProblem]) -> String {
        guard !problems.isEmpty else { return CheckReport.text(result) }
        return problems.map { "\($0.text)\n" }.joined()
    }

    private static func json(_ result: ReadResult, _ problems: [ReloadProblem]) -> String {
        let report = CheckReport.json(result)
        guard !problems.isEmpty, case .object(var members) = report else {
            return report.text(indented: true) + "\n"
        }
        if let valid = members.firstIndex(where: { $0.name == "valid" }) {
            members[valid].value = false
        }
        members.append(JSONMember("problems", .array(problems.map(\.json))))
        return JSONValue.object(members).text(indented: true) + "\n"
    }
}
