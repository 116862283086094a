// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import ControlPlane
internal import Essentials
internal import Runtime

/// `martlet failover-time`: how long resolvers send clients to a failed target, by a file or by
/// what is in force.
enum FailoverCommand {
    static func run(_ arguments: [String]) -> Int32 {
        do throws(AdminArguments.Misuse) {
            let given = try AdminArguments(
                arguments,
                options: ["config"],
                words: ["NAME"],
                spare: 1
            )
            guard let path = given.value("config") else { return ask(given) }
            guard given.value("admin") == nil else {
                throw AdminArguments.Misuse(text: "'--config' and '--admin' exclude each other")
            }
            return compute(path, given)
        } catch {
            return CommandTable.misuse(error.text, command: "failover-time")
        }
    }

    private static func ask(_ given: AdminArguments) -> Int32 {
        let name = given.words.first.map { "?name=\(PercentCoding.encode($0))" } ?? ""
        return AdminQuery(method: "GET", target: "/api/v1/failover-time\(name)").run(given) {
            FailoverText.text($0, usesColour: AdminArguments.usesColour)
        }
    }

    private static func compute(_ path: String, _ given: AdminArguments) -> Int32 {
        let result = ConfigurationSource.read(path: path).result
        guard let settings = result.configuration?.settings else {
            ProcessControl.printError(String(CheckReport.text(result).dropLast()))
            return ExitCode.refused
        }
        let name = given.words.first
        let report = FailoverReport(settings, name: name)
        if let name, report.isEmpty {
            ProcessControl.printError("martlet: \(path) has no steered name '\(name)'")
            return ExitCode.usage
        }
        let text =
            given.isJSON
            ? report.json.text(indented: true) + "\n"
            : FailoverText.text(report.json, usesColour: AdminArguments.usesColour)
        return Output.write(text)
    }
}
