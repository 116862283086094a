// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    /// Arguments of one command at most, and bytes of all of them: they go in one message.
    private static let argumentLimit = 64
    private static let argumentBytes = 16_384

    func commandProbe(_ section: Section) -> CommandProbeSettings {
        let program = section.text("command") ?? ""
        checkProgram(program, section)
        let texts = section.texts("arguments")
        if texts.count > Self.argumentLimit {
            section.fault(
                .tooMany,
                "arguments",
                "\(texts.count) arguments, at most \(Self.argumentLimit) are given"
            )
        }
        let size = texts.reduce(0) { $0 + $1.utf8.count }
        if size > Self.argumentBytes {
            section.fault(
                .tooMany,
                "arguments",
                "\(size) bytes of arguments, at most \(Self.argumentBytes) are given"
            )
        }
        var arguments: [CommandArgument] = []
        for text in texts {
            do throws(CommandArgument.Fault) {
                arguments.append(try CommandArgument(text))
            } catch {
                section.fault(.badTemplate, "arguments", error.message, error.suggestion)
            }
        }
        let exit = section.elements("exit").compactMap {
            if case .integer(let status) = $0 { status } else { nil }
        }
        return CommandProbeSettings(program: program, arguments: arguments, exit: exit)
    }

    private func checkProgram(_ program: String, _ section: Section) {
        guard program.hasPrefix("/") else {
            section.fault(
                .relativeCommand,
                "command",
                "`\(program)` is no absolute path",
                "no shell looks for it: write where it lies, such as `/usr/lib/nagios/plugins/check_disk`"
            )
            return
        }
        switch checks.program(program) {
        case .usable: return
        case .writable(let path):
            section.fault(
                .openCommand,
                "command",
                "other accounts may change `\(path)`, and with it what Martlet runs",
                "take the right to write away from others: `chmod o-w \(path)`"
            )
        case .missing(let reason):
            section.fault(.missingCommand, "command", "`\(program)`: \(reason)")
        case .notExecutable:
            section.fault(
                .unusableCommand,
                "command",
                "`\(program)` is not an executable file",
                "`chmod +x` makes a script one that can be run"
            )
        }
    }
}
