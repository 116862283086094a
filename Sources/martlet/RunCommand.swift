// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Prober

/// `martlet run`: the service itself.
enum RunCommand {
    static func run(_ arguments: [String]) -> Int32 {
        var path: String?
        var isSupervised = true
        var resumed: String?
        var rest = arguments[...]
        while let word = rest.popFirst() {
            switch word {
            case "--config", "-c":
                guard let value = rest.popFirst() else {
                    return CommandTable.misuse("'\(word)' needs a file", command: "run")
                }
                path = value
            case "--no-supervisor": isSupervised = false
            // What an upgrade calls: not for people.
            case "--resume": resumed = rest.popFirst() ?? ""
            default:
                guard word.hasPrefix("--config=") else {
                    return CommandTable.misuse("unexpected '\(word)'", command: "run")
                }
                path = String(word.dropFirst("--config=".count))
            }
        }
        guard let path, !path.isEmpty else {
            return CommandTable.misuse("'run' needs '--config FILE'", command: "run")
        }
        if let resumed { return Supervisor.resume(resumed) }
        return isSupervised
            ? Supervisor.run(configuration: path) : ServingProcess.run(unsupervised: path)
    }

    /// What the supervisor starts: not for people.
    static func serve(_ arguments: [String]) -> Int32 {
        guard arguments.count == 1, let descriptor = Int32(arguments[0]), descriptor > 2 else {
            return CommandTable.misuse("'serve-internal' is started by 'martlet run'")
        }
        return ServingProcess.run(link: descriptor)
    }

    /// What the serving process starts for probes that run commands: not for people.
    static func runCommands(_ arguments: [String]) -> Int32 {
        guard arguments.count == 1, let descriptor = Int32(arguments[0]), descriptor > 2 else {
            return CommandTable.misuse("'commands-internal' is started by 'martlet run'")
        }
        return CommandDriver.run(link: descriptor)
    }
}
