// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import ControlPlane
internal import Essentials
internal import Runtime

/// `martlet force`: an operator's word on the health of an endpoint or a pool, for a while.
struct ForceCommand {
    private static let words = ["up", "down", "auto"]

    static func run(_ arguments: [String]) -> Int32 {
        do throws(AdminArguments.Misuse) {
            let given = try AdminArguments(
                arguments,
                options: ["for"],
                words: ["POOL[/ENDPOINT]", "up|down|auto"]
            )
            let body = try ForceCommand.body(given)
            do throws(Refusal) {
                return try ForceCommand.carryOut(given, body)
            } catch {
                return error.say(given)
            }
        } catch {
            return CommandTable.misuse(error.text, command: "force")
        }
    }

    private static func body(_ given: AdminArguments) throws(AdminArguments.Misuse) -> JSONValue {
        let word = given.words[1]
        guard words.contains(word) else {
            throw AdminArguments.Misuse(
                text: "'\(word)' is none of \(words.joined(separator: ", "))"
            )
        }
        var members = [JSONMember("force", .string(word))]
        if let text = given.value("for") {
            guard word != "auto" else {
                throw AdminArguments.Misuse(text: "'auto' ends what is forced and takes no '--for'")
            }
            do throws(DurationText.Fault) {
                let length = try DurationText.read(text, in: .seconds(1)...(.seconds(604_800)))
                members.append(JSONMember("forceSeconds", .number(length.seconds)))
            } catch {
                throw AdminArguments.Misuse(text: "--for: \(error.text)")
            }
        }
        return .object(members)
    }

    private static func carryOut(
        _ given: AdminArguments,
        _ body: JSONValue
    ) throws(Refusal) -> Int32 {
        let target = try Target(given.words[0])
        var answer: JSONValue = .null
        let endpoints = try target.endpoints(given)
        for endpoint in endpoints {
            var query = AdminQuery(
                method: "PATCH",
                target: "\(target.path)/endpoints/\(PercentCoding.encode(endpoint.name))"
            )
            query.body = body
            answer = try query.ask(given)
            guard !given.isJSON else { continue }
            _ = Output.write(SnapshotText.forced(answer, pool: target.pool))
        }
        guard given.isJSON else { return ExitCode.ok }
        let document = endpoints.count == 1 ? answer : try target.document(given)
        return Output.write(document.text(indented: true) + "\n")
    }
}
