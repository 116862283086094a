// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import ControlPlane
internal import Essentials
internal import Runtime

/// `martlet diff`: what a reload would change, in words.
enum DiffCommand {
    static func run(_ arguments: [String]) -> Int32 {
        var paths: [String] = []
        var isJSON = false
        var base = "running"
        var rest = arguments[...]
        while let word = rest.popFirst() {
            switch word {
            case "--json": isJSON = true
            case "--config":
                guard let value = rest.popFirst() else {
                    return CommandTable.misuse("'--config' needs a value", command: "diff")
                }
                base = value
            default:
                guard !word.hasPrefix("--") else {
                    return CommandTable.misuse("unexpected '\(word)'", command: "diff")
                }
                paths.append(word)
            }
        }
        guard paths.count == 1 else {
            return CommandTable.misuse("'diff' needs one file", command: "diff")
        }
        let fresh = ConfigurationSource.read(path: paths[0]).result
        guard let new = fresh.configuration else { return refuse(fresh) }
        let known: ReadResult
        if base == "running" {
            do throws(RunningConfiguration.Failure) {
                known = try RunningConfiguration.read(path: paths[0], settings: new.settings)
            } catch {
                ProcessControl.printError("martlet: \(error.text)")
                return ExitCode.failed
            }
        } else {
            known = ConfigurationSource.read(path: base).result
        }
        guard let old = known.configuration else { return refuse(known) }
        let difference = ConfigurationDifference(from: old, to: new)
        return Output.write(
            isJSON ? difference.json.text(indented: true) + "\n" : difference.text
        )
    }

    private static func refuse(_ result: ReadResult) -> Int32 {
        ProcessControl.printError(CheckReport.text(result))
        return ExitCode.failed
    }
}
