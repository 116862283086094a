// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials

/// `martlet zone sign-status`, `rollover` and `import-keys`: the keys of signed zones.
enum ZoneKeysCommand {
    static func status(_ given: AdminArguments) -> Int32 {
        let target =
            given.words.first.map { "/api/v1/zones/\(PercentCoding.encode($0))/keys" }
            ?? "/api/v1/keys"
        return AdminQuery(method: "GET", target: target).run(given, render: text)
    }

    private static func text(_ document: JSONValue) -> String {
        SignStatusText.text(document, usesColour: AdminArguments.usesColour)
    }

    static func rollover(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(
            arguments,
            options: [],
            flags: ["ds-seen", "urgent"],
            words: ["ZONE", "ksk|zsk|csk|algorithm"],
            spare: 1
        )
        let target = "/api/v1/zones/\(PercentCoding.encode(given.words[0]))/keys"
        let role = given.words.count > 1 ? given.words[1] : nil
        if role == "algorithm" {
            throw AdminArguments.Misuse(
                text: "set 'dnssec.algorithm' of the zone and reload: that begins the rollover"
            )
        }
        let body: JSONValue
        switch (role, given.flags.contains("ds-seen")) {
        case (let role?, false):
            guard ["ksk", "zsk", "csk"].contains(role) else {
                throw AdminArguments.Misuse(text: "'\(role)' is none of ksk, zsk, csk, algorithm")
            }
            body = ["role": .string(role), "urgent": .bool(given.flags.contains("urgent"))]
        case (nil, true): body = ["dsSeen": true]
        default: throw AdminArguments.Misuse(text: "say either a role or --ds-seen")
        }
        return AdminQuery(method: "POST", target: target, body: body).run(given, render: text)
    }

    static func bring(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let names = arguments.prefix { !$0.hasPrefix("--") }
        guard names.count >= 2 else {
            throw AdminArguments.Misuse(text: "'zone import-keys' needs a zone and key files")
        }
        let given = try AdminArguments(
            Array(arguments.dropFirst(names.count)),
            options: ["state", "role"],
            words: []
        )
        guard let state = given.value("state") else {
            throw AdminArguments.Misuse(text: "'--state' names the state folder of the service")
        }
        let report = KeyImport.bring(
            Array(names.dropFirst()),
            to: names[0],
            role: given.value("role"),
            state: state
        )
        let written = Output.write(report.text)
        guard written == ExitCode.ok else { return written }
        return report.isDone ? ExitCode.ok : ExitCode.failed
    }
}
