// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import ControlPlane
internal import Essentials
internal import Runtime

/// `martlet drain`, `maintenance` and `ready`: what the operator wants of an endpoint or a pool.
struct StateCommand {
    private let state: String
    private let command: String

    static func set(_ state: String, _ command: String) -> @Sendable ([String]) -> Int32 {
        { StateCommand(state: state, command: command).run($0) }
    }

    private init(state: String, command: String) {
        self.state = state
        self.command = command
    }

    private var takesOut: Bool { state != "ready" }

    private func run(_ arguments: [String]) -> Int32 {
        do throws(AdminArguments.Misuse) {
            let given = try AdminArguments(
                arguments,
                options: takesOut ? ["max"] : [],
                flags: takesOut ? ["wait"] : [],
                words: ["POOL[/ENDPOINT]", "ENDPOINT"],
                spare: 1
            )
            let longest = try longest(given)
            do throws(Refusal) {
                return try carryOut(given, longest)
            } catch {
                return error.say(given)
            }
        } catch {
            return CommandTable.misuse(error.text, command: command)
        }
    }

    private func longest(_ given: AdminArguments) throws(AdminArguments.Misuse) -> Interval? {
        guard let text = given.value("max") else { return nil }
        do throws(DurationText.Fault) {
            return try DurationText.read(text, in: .zero...(.seconds(604_800)))
        } catch {
            throw AdminArguments.Misuse(text: "--max: \(error.text)")
        }
    }

    private func carryOut(
        _ given: AdminArguments,
        _ longest: Interval?
    ) throws(Refusal) -> Int32 {
        let target = try Target(given)
        let before = try target.endpoints(given)
        var answer: JSONValue = .null
        for endpoint in before {
            var query = AdminQuery(
                method: "PATCH",
                target: "\(target.path)/endpoints/\(PercentCoding.encode(endpoint.name))"
            )
            var body = [JSONMember("administrative", .string(state))]
            if let longest { body.append(JSONMember("drainSeconds", .number(longest.seconds))) }
            query.body = .object(body)
            answer = try query.ask(given)
            guard !given.isJSON, !given.flags.contains("wait") else { continue }
            _ = Output.write(SnapshotText.changed(answer, pool: target.pool))
        }
        if given.flags.contains("wait") {
            var watch = DrainWatch(target: target, before: before)
            return try watch.run(given)
        }
        guard given.isJSON else { return ExitCode.ok }
        let document = before.count == 1 ? answer : try target.document(given)
        return Output.write(document.text(indented: true) + "\n")
    }
}

/// The endpoints that a command is about.
struct Target {
    let pool: String
    /// A name or an address; nil for the whole pool.
    let endpoint: String?

    /// `POOL`, `POOL/ENDPOINT`, or both words apart.
    init(_ given: AdminArguments) throws(Refusal) {
        let words = given.words
        guard words.count > 1 else {
            try self.init(words[0])
            return
        }
        self.init(pool: words[0], endpoint: words[1])
    }

    private init(pool: String, endpoint: String?) {
        (self.pool, self.endpoint) = (pool, endpoint)
    }

    /// `POOL` or `POOL/ENDPOINT`.
    init(_ word: String) throws(Refusal) {
        let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 1 || !parts[1].isEmpty else {
            throw Refusal("no endpoint in '\(word)'", exitCode: ExitCode.usage)
        }
        (pool, endpoint) = (String(parts[0]), parts.count > 1 ? String(parts[1]) : nil)
    }

    var path: String { "/api/v1/pools/\(PercentCoding.encode(pool))" }

    func document(_ given: AdminArguments) throws(Refusal) -> JSONValue {
        try AdminQuery(method: "GET", target: path).ask(given)
    }

    /// What is known of the endpoints; an unknown name is refused, with the one probably meant.
    func endpoints(_ given: AdminArguments) throws(Refusal) -> [DrainState] {
        let document: JSONValue
        do throws(Refusal) {
            document = try self.document(given)
        } catch {
            guard error.problem?["code"] == "M3020" else { throw error }
            let all = try AdminQuery(method: "GET", target: "/api/v1/pools").ask(given)
            let names = (all["pools"]?.elements ?? []).compactMap { $0["name"]?.string }
            throw Refusal("there is no pool '\(pool)'\(Target.hint(pool, names))")
        }
        let all = (document["endpoints"]?.elements ?? []).map(DrainState.init)
        guard let endpoint else {
            guard all.isEmpty else { return all }
            throw Refusal("the pool '\(pool)' has no endpoints")
        }
        let found = all.filter { $0.answers(to: endpoint) }
        guard found.isEmpty else { return found }
        let hint = Target.hint(endpoint, all.map(\.name))
        throw Refusal("the pool '\(pool)' has no endpoint '\(endpoint)'\(hint)")
    }

    private static func hint(_ word: String, _ names: [String]) -> String {
        if let meant = Spelling.nearest(to: word, among: names) {
            return "; did you mean '\(meant)'?"
        }
        guard !names.isEmpty else { return "" }
        let more = names.count > 8 ? ", ..." : ""
        return "; there are: " + names.prefix(8).joined(separator: ", ") + more
    }
}

/// How far an endpoint is that leaves service.
struct DrainState {
    let name: String
    private let address: String
    let inFlight: Int64
    let tunnels: Int64
    /// Until the rest is cut; nil when nothing will be.
    let seconds: Double?
    let cuts: Int64
    /// Grows with every request that ends.
    let served: Int64

    init(_ endpoint: JSONValue) {
        name = endpoint["name"]?.string ?? ""
        address = endpoint["address"]?.string ?? ""
        inFlight = endpoint["inFlight"]?.integer ?? 0
        tunnels = endpoint["tunnels"]?.integer ?? 0
        seconds = endpoint["drainSeconds"]?.number
        cuts = endpoint["drainCuts"]?.integer ?? 0
        served = (endpoint["succeeded"]?.integer ?? 0) + (endpoint["failed"]?.integer ?? 0)
    }

    /// True for its name, its address, and the name that it was resolved from.
    func answers(to text: String) -> Bool {
        text == name || text == address || name.hasPrefix("\(text)@")
    }
}
