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
                if isExport { _ = Output.write(RoundTripText.lines(some)) } else { rows += some }
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
        do throws(Refusal) {
            var taken = 0
            var first = 0
            while first < reader.rows.count {
                let end = min(first + batch, reader.rows.count)
                var query = AdminQuery(method: "POST", target: "/api/v1/rtt")
                query.body = [
                    "measurements": .array(reader.rows[first..<end].map(document))
                ]
                taken += Int((try query.ask(given))["taken"]?.integer ?? 0)
                first = end
            }
            let answer: JSONValue = ["taken": .integer(Int64(taken))]
            return Output.write(
                given.isJSON
                    ? answer.text(indented: true) + "\n" : "\(taken) measurements were taken\n"
            )
        } catch {
            return error.say(given)
        }
    }

    private static func document(_ row: RTTReader.Row) -> JSONValue {
        var members = [
            JSONMember("place", .string(row.place.measuredText)),
            JSONMember("target", .string(row.target)),
            JSONMember("rttMilliseconds", .number(row.milliseconds)),
        ]
        if row.samples > 0 { members.append(JSONMember("samples", .integer(Int64(row.samples)))) }
        if let time = row.time { members.append(JSONMember("time", .integer(time))) }
        return .object(members)
    }
}
