// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import ControlPlane
internal import Essentials

/// `martlet steer`: shows policies that change while they serve, and changes them.
enum SteerCommand {
    private static let orders = ["shift", "switch", "reset", "rollout", "migrate"]

    static func run(_ arguments: [String]) -> Int32 {
        do throws(AdminArguments.Misuse) {
            guard let order = arguments.first, !order.hasPrefix("--") else {
                return show(try AdminArguments(arguments, options: [], words: []))
            }
            return try carryOut(order, Array(arguments.dropFirst()))
        } catch {
            return CommandTable.misuse(error.text, command: "steer")
        }
    }

    private static func show(_ given: AdminArguments) -> Int32 {
        AdminQuery(method: "GET", target: "/api/v1/steering").run(given, render: text)
    }

    private static func text(_ document: JSONValue) -> String {
        SteeringText.text(document, usesColour: AdminArguments.usesColour)
    }

    private static func carryOut(
        _ order: String,
        _ rest: [String]
    ) throws(AdminArguments.Misuse) -> Int32 {
        let given: AdminArguments
        let value: JSONValue
        switch order {
        case "shift":
            given = try AdminArguments(
                rest,
                options: ["over"],
                words: ["POLICY", "BRANCH", "WEIGHT"]
            )
            guard let weight = Int64(given.words[2]), weight >= 0 else {
                throw AdminArguments.Misuse(text: "'\(given.words[2])' is no weight")
            }
            value = .object(
                [
                    JSONMember("branch", .string(given.words[1])),
                    JSONMember("weight", .integer(weight)),
                ] + (try over(given))
            )
        case "switch":
            given = try AdminArguments(rest, options: ["over"], words: ["POLICY", "BRANCH"])
            value = .object([JSONMember("branch", .string(given.words[1]))] + (try over(given)))
        case "reset":
            given = try AdminArguments(rest, options: [], words: ["POLICY"])
            value = .bool(true)
        case "rollout":
            given = try AdminArguments(
                rest,
                options: [],
                words: ["POLICY", "start|pause|resume|back|finish"]
            )
            value = .string(given.words[1])
        case "migrate":
            given = try AdminArguments(
                rest,
                options: [],
                words: ["MIGRATION", "start|switch|back"]
            )
            let body: JSONValue = ["order": .string(given.words[1])]
            return patch("migrations", given, body)
        default:
            let known = orders.joined(separator: ", ")
            throw AdminArguments.Misuse(text: "'\(order)' is none of \(known)")
        }
        return patch("steering", given, .object([JSONMember(order, value)]))
    }

    private static func over(
        _ given: AdminArguments
    ) throws(AdminArguments.Misuse) -> [JSONMember] {
        guard let text = given.value("over") else { return [] }
        do throws(DurationText.Fault) {
            let length = try DurationText.read(text, in: .zero...(.seconds(2_592_000)))
            return [JSONMember("overSeconds", .number(length.seconds))]
        } catch {
            throw AdminArguments.Misuse(text: "--over: \(error.text)")
        }
    }

    private static func patch(
        _ kind: String,
        _ given: AdminArguments,
        _ body: JSONValue
    ) -> Int32 {
        let name = PercentCoding.encode(given.words[0])
        var query = AdminQuery(method: "PATCH", target: "/api/v1/\(kind)/\(name)")
        query.body = body
        return query.run(given, render: text)
    }
}
