// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// `martlet schema` and `martlet reference`: the option table in two other forms.
enum SchemaCommand {
    static func schema(_ arguments: [String]) -> Int32 {
        CommandTable.print(JSONSchema.document.text(indented: true), arguments)
    }

    static func reference(_ arguments: [String]) -> Int32 {
        guard arguments.isEmpty else {
            return CommandTable.misuse("unexpected '\(arguments[0])'", command: "reference")
        }
        return Output.write(ReferencePage.text)
    }
}

/// `martlet init`: a file to start from.
enum InitCommand {
    static func run(_ arguments: [String]) -> Int32 {
        guard arguments.count < 2, arguments.first?.hasPrefix("--") != true else {
            return CommandTable.misuse("'init' takes one file at most", command: "init")
        }
        guard let path = arguments.first, path != "-" else { return Output.write(StarterFile.text) }
        guard File.modified(path) == nil else {
            ProcessControl.printError("martlet: \(path) is there already; nothing is written")
            return ExitCode.failed
        }
        do {
            try File.writeAtomically(path, Array(StarterFile.text.utf8), mode: 0o644)
        } catch {
            ProcessControl.printError("martlet: \(path): \(error)")
            return ExitCode.failed
        }
        return Output.write("\(path) is written; next: martlet check \(path)\n")
    }
}
