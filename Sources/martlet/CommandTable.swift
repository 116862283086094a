// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import ControlPlane
internal import Runtime

/// One command of the program.
struct Command: Sendable {
    /// The word that calls it.
    let name: String
    /// What follows the word, for the usage line.
    let usage: String
    /// What it does, in one line; empty for a command that is not for people.
    let help: String
    /// Runs it with what follows the word; returns the exit code.
    let run: @Sendable ([String]) -> Int32
}

/// Exit codes, the same for every command.
enum ExitCode {
    static let ok: Int32 = 0
    static let failed: Int32 = 1
    static let usage: Int32 = 2
    static let refused: Int32 = 78
}

/// Every command, in the order of the help.
enum CommandTable {
    static let commands: [Command] = [
        Command(
            name: "run",
            usage: "--config FILE",
            help: "serve by a configuration file, under a supervisor",
            run: RunCommand.run
        ),
        Command(
            name: "check",
            usage: "FILE [--json]",
            help: "find everything that is wrong with a configuration file",
            run: CheckCommand.run
        ),
        Command(
            name: "diff",
            usage: "FILE [--config running|OTHER] [--json]",
            help: "say what a reload of the file would change",
            run: DiffCommand.run
        ),
        Command(
            name: "init",
            usage: "[FILE]",
            help: "write a commented configuration file to start from",
            run: InitCommand.run
        ),
        Command(
            name: "schema",
            usage: "",
            help: "print the JSON Schema of the configuration",
            run: SchemaCommand.schema
        ),
        Command(
            name: "reference",
            usage: "",
            help: "print the reference of all options (Markdown)",
            run: SchemaCommand.reference
        ),
        Command(
            name: "status",
            usage: "[--admin URL] [--json]",
            help: "show pools, endpoints and their health",
            run: StatusCommand.run
        ),
        Command(
            name: "explain",
            usage: "http[s]://HOST/PATH [--method M] [--from IP] [--header 'N: V'] "
                + "[--admin URL] [--json]",
            help: "say where a request would go, and why",
            run: ExplainCommand.request
        ),
        Command(
            name: "explain-dns",
            usage: "NAME [--type A] [--from IP] [--assume WHAT=up|down|drain|maintenance]... "
                + "[--at TIME|+10m] [--admin URL] [--json]",
            help: "say what a query would get, or would get if, and why",
            run: ExplainCommand.query
        ),
        Command(
            name: "query",
            usage: "[@SERVER[:PORT]] NAME [TYPE] [--tcp | --tls [--tls-name NAME] [--ca FILE]] "
                + "[--subnet ADDR/LEN] [--dnssec] [--no-recurse] [--class IN|CH] [--timeout 5s] "
                + "[--json] | NAME [TYPE] +trace [@RESOLVER[:PORT]] [--root ADDR[:PORT]]... "
                + "[--port 53] [--hosts FILE] [--resolv FILE] [--timeout 2s] [--json]",
            help: "ask a DNS server, or follow a name down from the root",
            run: QueryCommand.run
        ),
        Command(
            name: "queries",
            usage: "[--name NAME] [--from NETWORK] [--limit 100] [--admin URL] [--json]",
            help: "show DNS queries of which a record was kept",
            run: AnswersCommand.queries
        ),
        Command(
            name: "answers",
            usage: "[--policy NAME] [--admin URL] [--json]",
            help: "show who got the answers of policies, beside their weights",
            run: AnswersCommand.answers
        ),
        Command(
            name: "failover-time",
            usage: "[NAME] [--config FILE | --admin URL] [--json]",
            help: "say how long failover by DNS takes, part by part",
            run: FailoverCommand.run
        ),
        Command(
            name: "rtt",
            usage: "[show | export | import FILE] [--source learned|file] [--admin URL] [--json]",
            help: "show the round trips that policies go by, or feed some",
            run: RoundTripCommand.run
        ),
        Command(
            name: "why",
            usage: "REQUEST-ID [--admin URL] [--json]",
            help: "say what became of one request, and why",
            run: WhyCommand.run
        ),
        Command(
            name: "drain",
            usage: "POOL[/ENDPOINT] [--max 60s] [--wait] [--admin URL] [--json]",
            help: "give endpoints no new work and let them finish what they have",
            run: StateCommand.set("draining", "drain")
        ),
        Command(
            name: "maintenance",
            usage: "POOL[/ENDPOINT] [--max 60s] [--wait] [--admin URL] [--json]",
            help: "take endpoints out of service, their sticky clients at once",
            run: StateCommand.set("maintenance", "maintenance")
        ),
        Command(
            name: "ready",
            usage: "POOL[/ENDPOINT] [--admin URL] [--json]",
            help: "take endpoints back into service",
            run: StateCommand.set("ready", "ready")
        ),
        Command(
            name: "force",
            usage: "POOL[/ENDPOINT] up|down|auto [--for 1h] [--admin URL] [--json]",
            help: "have endpoints count as up or down for a while",
            run: ForceCommand.run
        ),
        Command(
            name: "steer",
            usage: "[shift POLICY BRANCH WEIGHT | switch POLICY BRANCH | reset POLICY | "
                + "rollout POLICY ORDER | migrate MIGRATION ORDER] [--over 10m] [--admin URL] "
                + "[--json]",
            help: "show the weights of DNS policies, and change them",
            run: SteerCommand.run
        ),
        Command(
            name: "reload",
            usage: "[--admin URL] [--json]",
            help: "have the running service read its configuration again",
            run: StatusCommand.reload
        ),
        Command(
            name: "zone",
            usage: "check FILE ORIGIN | list | diff ZONE | diff A B [ORIGIN] | export ZONE "
                + "| import ZONE FILE|axfr://SERVER[:PORT] [--key-file FILE] [--check] "
                + "| discard ZONE | reload ZONE "
                + "| sign-status [ZONE] | rollover ZONE [ROLE] [--urgent] [--ds-seen] "
                + "| import-keys ZONE FILE... --state FOLDER [--admin URL] [--json]",
            help: "check, show, compare, import and discard zones, roll keys",
            run: ZoneCommand.run
        ),
        Command(
            name: "cache",
            usage: "list | purge CACHE --url URL|--prefix URL|--host HOST|--tag TAG|--all [--soft] "
                + "| why URL [--cache CACHE] | top CACHE [--by hits|bytes|misses] [--limit N] "
                + "| stats [CACHE] | push CACHE URL FILE [--header LINE] [--tag TAG] [--type TYPE] "
                + "[--lifetime TIME] [--status N] [--for LINE] [--pin] | pushed CACHE "
                + "| unpush CACHE URL | warm CACHE [--file LIST] [--header LINE] [--parallel N] "
                + "[--rate N] URL... | warmings | cancel NUMBER [--admin URL] [--json]",
            help: "show caches and what they have stored, take it out, put it in",
            run: CacheCommand.run
        ),
        Command(
            name: "upgrade",
            usage: "[--binary FILE] [--admin URL] [--json]",
            help: "have another binary take over, without a lost connection",
            run: UpgradeCommand.run
        ),
        Command(
            name: "demo",
            usage: "[--kill NAME | --revive NAME | --break NAME FAULT | --mend NAME]",
            help: "start a demonstration, or act on a running one",
            run: { DemoCommand.run(arguments: $0) }
        ),
        Command(
            name: "version",
            usage: "",
            help: "print the version",
            run: { arguments in print("martlet \(Version.current)", arguments) }
        ),
        Command(
            name: "help",
            usage: "[COMMAND]",
            help: "print this, or how a command is called",
            run: help
        ),
        // Another word for `maintenance`.
        Command(
            name: "maintain",
            usage: "POOL[/ENDPOINT]",
            help: "",
            run: StateCommand.set("maintenance", "maintenance")
        ),
        Command(name: "serve-internal", usage: "FD", help: "", run: RunCommand.serve),
        Command(name: "commands-internal", usage: "FD", help: "", run: RunCommand.runCommands),
        Command(
            name: "demo-origin",
            usage: "",
            help: "",
            run: { OriginServer.run(arguments: $0) }
        ),
        Command(
            name: "demo-traffic",
            usage: "",
            help: "",
            run: { TrafficClient.run(arguments: $0) }
        ),
        Command(
            name: "demo-gateway",
            usage: "",
            help: "",
            run: { DemoGateway.run(arguments: $0) }
        ),
    ]

    /// Runs the command that the arguments name; the first one is the program.
    static func run(_ arguments: [String]) -> Int32 {
        guard arguments.count > 1 else {
            ProcessControl.printError(overview)
            return ExitCode.usage
        }
        let rest = Array(arguments.dropFirst(2))
        switch arguments[1] {
        case "--help", "-h": return help(rest)
        case "--version", "-V": return print("martlet \(Version.current)", rest)
        case let word:
            guard let command = commands.first(where: { $0.name == word }) else {
                return unknown(word)
            }
            if rest == ["--help"] || rest == ["-h"] { return help([word]) }
            return command.run(rest)
        }
    }

    /// Says what was wrong with the arguments.
    static func misuse(_ text: String, command: String? = nil) -> Int32 {
        ProcessControl.printError("martlet: \(text)")
        let hint = command.map { "martlet help \($0)" } ?? "martlet help"
        ProcessControl.printError("'\(hint)' shows how it is called.")
        return ExitCode.usage
    }

    private static func unknown(_ word: String) -> Int32 {
        let names = commands.filter { !$0.help.isEmpty }.map(\.name)
        let meant = Spelling.nearest(to: word, among: names).map { "; did you mean '\($0)'?" }
        return misuse("there is no command '\(word)'\(meant ?? "")")
    }

    /// Prints a text for a command that takes no arguments.
    static func print(_ text: String, _ arguments: [String]) -> Int32 {
        guard arguments.isEmpty else { return misuse("unexpected '\(arguments[0])'") }
        return Output.write(text + "\n")
    }

    private static func help(_ arguments: [String]) -> Int32 {
        guard let name = arguments.first else { return Output.write(overview + "\n") }
        guard let command = commands.first(where: { $0.name == name }), !command.help.isEmpty else {
            return unknown(name)
        }
        return Output.write("usage: \(line(command))\n\n\(command.help)\n")
    }

    private static func line(_ command: Command) -> String {
        "martlet \(command.name)\(command.usage.isEmpty ? "" : " \(command.usage)")"
    }

    /// One line for each command: a terminal of 80 columns shows it as it is meant.
    static var overview: String {
        let shown = commands.filter { !$0.help.isEmpty }
        let width = shown.map(\.name.count).max() ?? 0
        let lines = shown.map { command in
            let blanks = String(repeating: " ", count: width - command.name.count)
            return "  \(command.name)\(blanks)  \(command.help)"
        }
        let end = [
            "", "'martlet help COMMAND' shows how it is called.",
            "Exit codes: 0 ok, 1 failed or invalid, 2 usage, 78 configuration refused.",
        ]
        return (["usage: martlet COMMAND ...", ""] + lines + end).joined(separator: "\n")
    }
}
