// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

extension ServiceRequest {
    /// The members of the JSON object in the body.
    func jsonMembers() throws(Problem) -> [JSONMember] {
        guard !body.isEmpty else { throw Problem(.invalidJSON, "There is no body.") }
        let type = field("content-type")?.lowercased() ?? ""
        let essence = type.prefix { $0 != ";" && $0 != " " }
        guard essence == "application/json" || essence == "application/merge-patch+json" else {
            throw Problem(.mediaType, "Content-Type is '\(type)'.")
        }
        let document: JSONValue
        do {
            document = try JSONReader.read(body)
        } catch {
            throw Problem(.invalidJSON, "\(error)")
        }
        guard let members = document.members, !members.isEmpty else {
            throw Problem(.invalidValue, "The body must be an object with at least one member.")
        }
        return members
    }
}

extension SteeringOrder {
    /// The longest way from one weight to another: 30 days, as in the configuration.
    static let longestWay = 2_592_000.0

    /// Reads the body of a PATCH: one of `shift`, `switch`, `reset` and `rollout`.
    init(_ request: ServiceRequest) throws(Problem) {
        let members = try request.jsonMembers()
        guard members.count == 1, let member = members.first else {
            throw Problem(.invalidValue, "The body must have one member: one order at a time.")
        }
        switch member.name {
        case "shift":
            let form = try Form(
                member.value,
                of: "shift",
                known: ["branch", "weight", "overSeconds"]
            )
            let range = 0...Int64(Dial.highestWeight)
            guard let weight = form.value["weight"]?.integer, range.contains(weight) else {
                throw Problem(
                    .invalidValue,
                    "'weight' must be a number from 0 to \(Dial.highestWeight)."
                )
            }
            self = .shift(branch: try form.branch(), weight: UInt32(weight), over: try form.over())
        case "switch":
            let form = try Form(member.value, of: "switch", known: ["branch", "overSeconds"])
            self = .switch(to: try form.branch(), over: try form.over())
        case "reset":
            guard member.value == .bool(true) else {
                throw Problem(.invalidValue, "'reset' must be true.")
            }
            self = .reset
        case "rollout":
            let words = RolloutMachine.Order.allCases.map(\.rawValue)
            guard let order = member.value.string.flatMap(RolloutMachine.Order.init) else {
                let known = words.joined(separator: ", ")
                throw Problem(.invalidValue, "'rollout' must be one of \(known).")
            }
            self = .rollout(order)
        default:
            let known = "known are shift, switch, reset and rollout"
            throw Problem(.invalidValue, "Unknown member '\(member.name)'; \(known).")
        }
    }

    private struct Form {
        let value: JSONValue

        init(_ value: JSONValue, of name: String, known: [String]) throws(Problem) {
            guard let members = value.members else {
                throw Problem(.invalidValue, "'\(name)' must be an object.")
            }
            if let unknown = members.first(where: { !known.contains($0.name) }) {
                let names = known.joined(separator: ", ")
                throw Problem(
                    .invalidValue,
                    "Unknown member '\(unknown.name)' of '\(name)'; known are \(names)."
                )
            }
            self.value = value
        }

        func branch() throws(Problem) -> String {
            guard let name = value["branch"]?.string, !name.isEmpty else {
                throw Problem(.invalidValue, "'branch' must be the name of a branch.")
            }
            return name
        }

        func over() throws(Problem) -> Interval {
            guard let given = value["overSeconds"] else { return .zero }
            guard let seconds = given.number, 0...SteeringOrder.longestWay ~= seconds else {
                let limit = Int(SteeringOrder.longestWay)
                throw Problem(.invalidValue, "'overSeconds' must be a number from 0 to \(limit).")
            }
            return .milliseconds(Int64(seconds * 1000))
        }
    }
}

extension MigrationMachine.Order {
    /// Reads the body of a PATCH: `order` and nothing else.
    init(_ request: ServiceRequest) throws(Problem) {
        let members = try request.jsonMembers()
        let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
        guard members.count == 1, let member = members.first, member.name == "order",
            let order = member.value.string.flatMap(Self.init(rawValue:))
        else {
            throw Problem(.invalidValue, "The body must have one member 'order': one of \(known).")
        }
        self = order
    }
}
