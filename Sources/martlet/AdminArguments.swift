// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials
internal import Runtime

/// What follows the word of a command that asks the admin service.
struct AdminArguments {
    /// What was wrong with them.
    struct Misuse: Error {
        let text: String
    }

    /// Words that belong to no option.
    var words: [String] = []
    /// Values of options, without their dashes, in order.
    var values: [(name: String, value: String)] = []
    /// True with `--json`.
    var isJSON = false
    /// Words with dashes that take no value, without them.
    var flags: Set<String> = []

    /// Reads the arguments; `options` take a value, beside `--admin`, which every command has,
    /// `flags` take none, and the last `spare` of the words may be left out.
    init(
        _ arguments: [String],
        options: [String],
        flags known: [String] = [],
        words wanted: [String],
        spare: Int = 0
    ) throws(Misuse) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else {
                words.append(word)
                continue
            }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1)
            let name = parts.first.map(String.init) ?? ""
            if word == "--json" {
                isJSON = true
            } else if known.contains(name), parts.count == 1 {
                flags.insert(name)
            } else if name == "admin" || options.contains(name) {
                guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
                    throw Misuse(text: "'--\(name)' needs a value")
                }
                values.append((name, value))
            } else {
                throw Misuse(text: "unexpected '\(word)'")
            }
        }
        guard words.count >= wanted.count - spare else {
            throw Misuse(text: "\(wanted[words.count]) is missing")
        }
        guard words.count <= wanted.count else {
            throw Misuse(text: "unexpected '\(words[wanted.count])'")
        }
    }

    /// The value of an option; the last one counts.
    func value(_ name: String) -> String? { values.last { $0.name == name }?.value }

    /// The query of a target: the given parameters, then the options that have a value.
    func query(_ parameters: [(String, String)], options: [String]) -> String {
        let given = values.filter { options.contains($0.name) }.map { ($0.name, $0.value) }
        return (parameters + given).map { "\($0.0)=\(PercentCoding.encode($0.1))" }
            .joined(separator: "&")
    }

    /// True when standard output is a terminal that takes colours (no-color.org).
    static var usesColour: Bool {
        Terminal.isTerminal(1) && (Terminal.environment("NO_COLOR") ?? "").isEmpty
            && Terminal.environment("TERM") != "dumb"
    }
}

/// One question to the admin service, and what is printed about it.
struct AdminQuery {
    let method: String
    let target: String
    var body: JSONValue?
    /// A body that is no JSON.
    var content: (type: String, bytes: [UInt8])?

    init(method: String, target: String, body: JSONValue? = nil) {
        self.method = method
        self.target = target
        self.body = body
    }

    /// Asks, prints the answer by `render` or as JSON, and returns the exit code.
    func run(_ arguments: AdminArguments, render: (JSONValue) -> String) -> Int32 {
        do throws(Refusal) {
            let document = try ask(arguments)
            let text = arguments.isJSON ? document.text(indented: true) + "\n" : render(document)
            return Output.write(text)
        } catch {
            return error.say(arguments)
        }
    }

    /// Asks, and returns the document of the answer.
    func ask(_ arguments: AdminArguments) throws(Refusal) -> JSONValue {
        let (status, json) = try answer(arguments)
        guard status < 300 else { throw Refusal(problem: json) }
        return json
    }

    private func answer(_ arguments: AdminArguments) throws(Refusal) -> (UInt16, JSONValue) {
        do throws(ServiceClientError) {
            var client = try ServiceClient(arguments.value("admin") ?? "127.0.0.1:9180")
            if let content { client.allowTime(for: content.bytes.count) }
            let answer = try client.ask(method, target, json: body, content: content)
            let limits = JSONLimits(bytes: 256 << 20, depth: 64, values: 50_000_000)
            guard let json = try? JSONReader.read(answer.body, limits: limits) else {
                throw .response(client.address)
            }
            return (answer.status, json)
        } catch {
            var isMisuse = false
            if case .address = error { isMisuse = true }
            throw Refusal("\(error)", exitCode: isMisuse ? ExitCode.usage : ExitCode.failed)
        }
    }
}

/// Why a command that asks the admin service came to nothing.
struct Refusal: Error {
    let text: String
    let exitCode: Int32
    /// What the service said about it; nil when it said nothing.
    let problem: JSONValue?
    private static let misuses = ["M3016", "M3038", "M3039", "M3040", "M3041", "M3042"]

    init(_ text: String, exitCode: Int32 = ExitCode.failed) {
        self.text = "martlet: \(text)"
        self.exitCode = exitCode
        problem = nil
    }

    init(problem: JSONValue) {
        text = ProblemText.text(problem)
        // What the service calls a wrong value stood on the command line.
        let code = problem["code"]?.string ?? ""
        exitCode = Refusal.misuses.contains(code) ? ExitCode.usage : ExitCode.failed
        self.problem = problem
    }

    /// Prints it; returns the exit code.
    func say(_ arguments: AdminArguments) -> Int32 {
        if arguments.isJSON, let problem { _ = Output.write(problem.text(indented: true) + "\n") }
        ProcessControl.printError(text)
        return exitCode
    }
}
