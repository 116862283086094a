// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials
internal import Runtime

/// `martlet zone diff` and `martlet zone import`.
enum ZoneChangeCommands {
    /// What has changed of a zone since its configuration, or between two states of it.
    static func compare(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(
            arguments,
            options: [],
            words: ["ZONE or FILE", "FILE or ZONE", "ORIGIN"],
            spare: 2
        )
        let words = given.words
        if words.count == 1 {
            let target = "/api/v1/zones/\(PercentCoding.encode(words[0]))/changes"
            return AdminQuery(method: "GET", target: target).run(given) { answer in
                ZoneComparison(
                    from: texts(answer["removed"]),
                    to: texts(answer["added"])
                ).text
            }
        }
        let areFiles = words.prefix(2).map { File.isRegular($0) == true }
        let origin = words.count > 2 ? words[2] : areFiles[0] ? words[1] : words[0]
        guard areFiles[0] || areFiles[1] else {
            throw AdminArguments.Misuse(text: "neither '\(words[0])' nor '\(words[1])' is a file")
        }
        guard words.count > 2 || areFiles[0] != areFiles[1] else {
            throw AdminArguments.Misuse(text: "two files need an ORIGIN behind them")
        }
        do throws(Refusal) {
            let old = try lines(words[0], isFile: areFiles[0], origin, given)
            let new = try lines(words[1], isFile: areFiles[1], origin, given)
            let difference = ZoneComparison(from: old, to: new)
            return Output.write(
                given.isJSON ? difference.json.text(indented: true) + "\n" : difference.text
            )
        } catch {
            return error.say(given)
        }
    }

    /// Puts a zone file, or what another server has, in the place of a zone.
    static func bring(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(
            arguments,
            options: ["key-file"],
            flags: ["check"],
            words: ["ZONE", "FILE or axfr://SERVER"]
        )
        let (zone, source) = (given.words[0], given.words[1])
        do throws(Refusal) {
            var records: [String]
            if source.hasPrefix("axfr://") {
                records = try transferred(zone, source, given)
            } else {
                records = try lines(source, isFile: true, zone, given)
            }
            records.append("")
            let text = records.joined(separator: "\n")
            let isTrial = given.flags.contains("check")
            var query = AdminQuery(
                method: "POST",
                target: "/api/v1/zones/\(PercentCoding.encode(zone))/import"
            )
            query.body = ["text": .string(text), "check": .bool(isTrial)]
            return query.run(given) { answer in
                let count = { (name: String) in answer[name]?.integer ?? 0 }
                let verb = isTrial ? "would be" : "is"
                let told =
                    "zone \(answer["zone"]?.string ?? zone) \(verb) imported: "
                    + "\(count("removed")) records less, \(count("added")) more, "
                    + "serial \(count("serial"))\n"
                return told + differing(answer["records"], count("removed") + count("added"))
            }
        } catch {
            return error.say(given)
        }
    }

    private static func transferred(
        _ zone: String,
        _ source: String,
        _ given: AdminArguments
    ) throws(Refusal) -> [String] {
        do throws(ZoneLines.Fault) {
            return try ZoneLines(zone: zone, from: source, keyFile: given.value("key-file")).lines
        } catch {
            throw Refusal(error.text)
        }
    }

    private static func lines(
        _ word: String,
        isFile: Bool,
        _ origin: String,
        _ given: AdminArguments
    ) throws(Refusal) -> [String] {
        guard isFile else {
            let target = "/api/v1/zones/\(PercentCoding.encode(word))/export"
            let answer = try AdminQuery(method: "GET", target: target).ask(given)
            return ZoneLines(text: answer["text"]?.string ?? "").lines
        }
        do throws(ZoneLines.Fault) {
            return try ZoneLines(path: word, origin: origin).lines
        } catch {
            throw Refusal(error.text)
        }
    }

    // What an import would change, as a comparison shows it.
    private static func differing(_ value: JSONValue?, _ count: Int64) -> String {
        guard let value else { return "" }
        let shown = ZoneComparison(from: texts(value["removed"]), to: texts(value["added"]))
        let left = count - Int64(shown.removed.count + shown.added.count)
        return shown.text + (left > 0 ? "and \(left) records more\n" : "")
    }

    private static func texts(_ value: JSONValue?) -> [String] {
        (value?.elements ?? []).compactMap(\.string)
    }
}
