// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials
internal import Runtime
internal import Steering

/// `martlet rtt`: the round trips that policies go by, shown, written down or fed.
enum RoundTripCommand {
    /// Rows of a page that is asked for.
    private static let page = 1000
    /// Measurements of a request: those with the longest texts fit the service's body.
    private static let batch = 2000

    static func run(_ arguments: [String]) -> Int32 {
        do throws(AdminArguments.Misuse) {
            let given = try AdminArguments(
                arguments,
                options: ["source"],
                words: ["show|export|import", "FILE"],
                spare: 2
            )
            switch given.words.first ?? "show" {
            case "import" where given.value("source") != nil:
                throw AdminArguments.Misuse(text: "unexpected '--source': what is fed is learnt")
            case "import" where given.words.count == 2: return feed(given.words[1], given)
            case "import": throw AdminArguments.Misuse(text: "FILE is missing")
            case "show" where given.words.count < 2: return show(given, isExport: false)
            case "export" where given.words.count < 2: return show(given, isExport: true)
            case let word:
                let extra = given.words.count > 1 ? given.words[1] : word
                throw AdminArguments.Misuse(text: "unexpected '\(extra)'")
            }
        } catch {
            return CommandTable.misuse(error.text, command: "rtt")
        }
    }

    private static func show(_ given: AdminArguments, isExport: Bool) -> Int32 {
        do throws(Refusal) {
            var rows: [JSONValue] = []
            var from: Int64? = 0
            while let place = from {
                let query = given.query(
                    [("from", "\(place)"), ("count", "\(page)")],
                    options: ["source"]
                )
                let answer = try AdminQuery(method: "GET", target: "/api/v1/rtt?\(query)").ask(
                    given
                )
                let some = answer["rows"]?.elements ?? []
                from = answer["next"]?.integer
                // Lines need not wait for each other.
                if isExport {
                    let code = Output.write(RoundTripText.lines(some))
                    guard code == ExitCode.ok else { return code }
                } else {
                    rows += some
                }
            }
            if isExport { return ExitCode.ok }
            if given.isJSON {
                let document: JSONValue = ["rows": .array(rows)]
                return Output.write(document.text(indented: true) + "\n")
            }
            let colour = AdminArguments.usesColour
            return Output.write(RoundTripText.table(rows, usesColour: colour))
        } catch {
            return error.say(given)
        }
    }

    private static func feed(_ path: String, _ given: AdminArguments) -> Int32 {
        let bytes: [UInt8]
        do throws(SystemError) {
            let limit = RTTReader.sizeLimit
            bytes =
                path == "-"
                ? try File.read(FileDescriptor(raw: 0), limit: limit)
                : try File.read(path, limit: limit)
        } catch {
            ProcessControl.printError("martlet: \(path): \(error)")
            return ExitCode.failed
        }
        let reader = RTTReader(bytes)
        for fault in reader.faults {
            let place = "\(path):\(fault.line):\(fault.column)"
            ProcessControl.printError("\(place): M1440: \(fault.message)")
        }
        guard reader.faults.isEmpty else { return ExitCode.failed }
        var counts = Counts()
        do throws(Refusal) {
            guard try hasTargets(reader, path, given) else { return ExitCode.failed }
            try send(reader.rows, &counts, given)
        } catch {
            // A reload in between may have taken a target away.
            if counts.sent > 0 {
                let lines = "\(path): what stands before line \(reader.lines[counts.sent])"
                ProcessControl.printError("\(lines) was sent: \(counts.text)")
            }
            return error.say(given)
        }
        let text = given.isJSON ? counts.json.text(indented: true) : counts.text
        return Output.write(text + "\n")
    }

    /// Looks at all targets before anything is sent: what is in a file is taken as a whole.
    private static func hasTargets(
        _ reader: RTTReader,
        _ path: String,
        _ given: AdminArguments
    ) throws(Refusal) -> Bool {
        let answer = try AdminQuery(method: "GET", target: "/api/v1/rtt?count=1").ask(given)
        let known = Set((answer["targets"]?.elements ?? []).compactMap(\.string))
        let others = reader.targets.filter { !known.contains($0.name) }
        for target in others.prefix(RTTReader.faultLimit) {
            ProcessControl.printError(
                "\(path):\(target.line):1: M1450: no branch of a `latency` is the target "
                    + "`\(target.name)`"
            )
        }
        return others.isEmpty
    }

    private static func send(
        _ rows: [RTTReader.Row],
        _ counts: inout Counts,
        _ given: AdminArguments
    ) throws(Refusal) {
        while counts.sent < rows.count {
            let end = min(counts.sent + batch, rows.count)
            var query = AdminQuery(method: "POST", target: "/api/v1/rtt")
            query.body = ["measurements": .array(rows[counts.sent..<end].map(\.json))]
            counts.add(try query.ask(given))
            counts.sent = end
        }
    }

    /// What became of rows.
    private struct Counts {
        static let words = ["taken", "known", "refused"]
        var sent = 0
        var numbers: [Int64] = [0, 0, 0]

        mutating func add(_ answer: JSONValue) {
            for (place, word) in Counts.words.enumerated() {
                numbers[place] += answer[word]?.integer ?? 0
            }
        }

        var text: String {
            var text = "\(numbers[0]) measurements were taken"
            if numbers[1] > 0 { text += ", \(numbers[1]) known already" }
            if numbers[2] > 0 { text += ", \(numbers[2]) refused: too many names of targets" }
            return text
        }

        var json: JSONValue {
            .object(zip(Counts.words, numbers).map { JSONMember($0, .integer($1)) })
        }
    }
}
