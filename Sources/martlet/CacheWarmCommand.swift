// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials
internal import Runtime

/// `martlet cache warm`: has a cache fetch URLs, and waits until it has.
struct CacheWarmCommand {
    /// URLs of one order, and octets of their text: a longer list goes in several.
    private static let partLimit = 5_000
    private static let partOctets = 512 << 10
    private static let listLimit = 256 << 20
    /// Milliseconds between two looks.
    private static let rhythm = 100

    private let given: AdminArguments
    private var sum = CacheContentText.WarmSum()
    private var shown = ""
    private var nextShow = Clock.monotonic() + .seconds(1)

    private init(given: AdminArguments) { self.given = given }

    static func run(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(
            arguments,
            options: ["file", "header", "parallel", "rate"],
            words: ["CACHE"] + Array(repeating: "URL", count: arguments.count),
            spare: arguments.count
        )
        var urls = Array(given.words.dropFirst())
        do throws(Refusal) {
            for file in given.values where file.name == "file" { urls += try list(file.value) }
        } catch {
            return error.say(given)
        }
        guard !urls.isEmpty else {
            throw AdminArguments.Misuse(text: "say what to fetch: URLs, or a list by --file")
        }
        var command = CacheWarmCommand(given: given)
        do throws(Refusal) {
            for part in parts(urls) { try command.fetch(part) }
        } catch {
            return error.say(given)
        }
        let status = Output.write(
            given.isJSON ? command.sum.json.text(indented: true) + "\n" : command.sum.text
        )
        return command.sum.isAllStored ? status : ExitCode.failed
    }

    /// One URL a line; empty lines and those that begin with `#` do not count.
    private static func list(_ file: String) throws(Refusal) -> [String] {
        let content: [UInt8]
        do throws(SystemError) {
            content =
                file == "-"
                ? try File.read(FileDescriptor(raw: 0), limit: listLimit)
                : try File.read(file, limit: listLimit)
        } catch {
            throw Refusal("\(file): \(error)")
        }
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0d]
        return content.split(separator: 0x0a).compactMap { line in
            let text = line.drop { blanks.contains($0) }.reversed().drop { blanks.contains($0) }
            let word = String(decoding: text.reversed(), as: UTF8.self)
            return word.isEmpty || word.hasPrefix("#") ? nil : word
        }
    }

    private static func parts(_ urls: [String]) -> [[String]] {
        var parts: [[String]] = [[]]
        var octets = 0
        for url in urls {
            let last = parts.count - 1
            if parts[last].count >= partLimit || octets + url.utf8.count > partOctets,
                !parts[last].isEmpty
            {
                parts.append([])
                octets = 0
            }
            parts[parts.count - 1].append(url)
            octets += url.utf8.count + 3
        }
        return parts
    }

    private mutating func fetch(_ urls: [String]) throws(Refusal) {
        var members = [JSONMember("urls", .array(urls.map(JSONValue.string)))]
        let headers = given.values.filter { $0.name == "header" }.map { JSONValue.string($0.value) }
        if !headers.isEmpty { members.append(JSONMember("headers", .array(headers))) }
        for name in ["parallel", "rate"] {
            guard let text = given.value(name) else { continue }
            let number = Int64(text).map(JSONValue.integer) ?? .string(text)
            members.append(JSONMember(name, number))
        }
        let name = PercentCoding.encode(given.words[0])
        var answer = try AdminQuery(
            method: "POST",
            target: "/api/v1/caches/\(name)/warm",
            body: .object(members)
        ).ask(given)
        let number = answer["warming"]?.integer ?? 0
        guard var pause = try? EventLoop() else { throw Refusal("cannot wait") }
        while answer["ended"]?.string == nil {
            show(answer)
            _ = pause.wait(timeoutMilliseconds: CacheWarmCommand.rhythm)
            answer = try AdminQuery(method: "GET", target: "/api/v1/warmings/\(number)").ask(given)
        }
        sum.add(answer)
    }

    /// One line a second while there is progress, beside what is printed in the end.
    private mutating func show(_ answer: JSONValue) {
        let line = String(CacheContentText.progress(answer).dropLast())
        guard !given.isJSON, line != shown, Clock.monotonic() >= nextShow else { return }
        ProcessControl.printError(line)
        shown = line
        nextShow = Clock.monotonic() + .seconds(1)
    }
}
