// SPDX-License-Identifier: Apache-2.0

/// What the reference page says about programs that probes run.
extension DiagnosticCode {
    var commandExplanation: CodeExplanation {
        switch self {
        case .relativeCommand:
            .init(
                "command without an absolute path",
                "A program is looked for nowhere but where `command` says, whatever `PATH` is.",
                "Write its whole path; arguments go into `arguments`."
            )
        case .openCommand:
            .init(
                "command that everybody may change",
                "Every account may write to the program, or to a folder on its way, or could have taken a "
                    + "name below a folder for all (`/tmp`), and so decide what Martlet runs. It is not run.",
                "`chmod o-w` on what the message names; below `/tmp`, `chown` it to root."
            )
        case .missingCommand:
            .init(
                "command that is not there",
                "Nothing of that name can be seen. Probes fail with `command-unusable` until it is there.",
                "Install it, or mend the path."
            )
        default:
            .init(
                "command that cannot be run",
                "It is a folder, or a file that nobody may execute. Probes fail with `command-unusable`.",
                "Name the program itself; `chmod +x` makes a script one."
            )
        }
    }
}
