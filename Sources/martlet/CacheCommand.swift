// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials

/// `martlet cache`: what caches hold, why, and out with it.
enum CacheCommand {
    private static let words =
        "list, purge, why, top, stats, push, pushed, unpush, warm, warmings, cancel"
    private static let kinds = ["url", "prefix", "host", "tag"]

    static func run(_ arguments: [String]) -> Int32 {
        do throws(AdminArguments.Misuse) {
            let rest = Array(arguments.dropFirst())
            switch arguments.first {
            case "list"?: return list(try AdminArguments(rest, options: [], words: []))
            case "purge"?:
                return try purge(
                    try AdminArguments(
                        rest,
                        options: kinds,
                        flags: ["all", "soft"],
                        words: ["CACHE"]
                    )
                )
            case "why"?: return why(try AdminArguments(rest, options: ["cache"], words: ["URL"]))
            case "top"?: return try CacheContentCommand.top(rest)
            case "stats"?: return try CacheContentCommand.statistics(rest)
            case "push"?: return try CacheContentCommand.push(rest)
            case "pushed"?: return try CacheContentCommand.pushed(rest)
            case "unpush"?: return try CacheContentCommand.unpush(rest)
            case "warm"?: return try CacheWarmCommand.run(rest)
            case "warmings"?: return try CacheContentCommand.warmings(rest)
            case "cancel"?: return try CacheContentCommand.cancel(rest)
            case nil: throw AdminArguments.Misuse(text: "say what: \(words)")
            case let word?:
                throw AdminArguments.Misuse(text: "'\(word)' is none of \(words)")
            }
        } catch {
            return CommandTable.misuse(error.text, command: "cache")
        }
    }

    private static func list(_ given: AdminArguments) -> Int32 {
        AdminQuery(method: "GET", target: "/api/v1/caches").run(given) {
            CacheText.list($0, usesColour: AdminArguments.usesColour)
        }
    }

    private static func purge(_ given: AdminArguments) throws(AdminArguments.Misuse) -> Int32 {
        var members = given.values.filter { kinds.contains($0.name) }
            .map { JSONMember($0.name, .string($0.value)) }
        if given.flags.contains("all") { members.append(JSONMember("all", true)) }
        guard members.count == 1 else {
            throw AdminArguments.Misuse(
                text: "say what to purge by one of --url, --prefix, --host, --tag, --all"
            )
        }
        members.append(JSONMember("mode", given.flags.contains("soft") ? "soft" : "hard"))
        let name = PercentCoding.encode(given.words[0])
        let target = "/api/v1/caches/\(name)/purge"
        return AdminQuery(method: "POST", target: target, body: .object(members))
            .run(given, render: CacheText.purged)
    }

    private static func why(_ given: AdminArguments) -> Int32 {
        let query = given.query([("url", given.words[0])], options: ["cache"])
        return AdminQuery(method: "GET", target: "/api/v1/cached?\(query)").run(given) {
            CacheText.why($0, usesColour: AdminArguments.usesColour)
        }
    }
}
