// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Essentials
internal import Runtime

/// The words of `martlet cache` that put something into a cache.
enum CacheContentCommand {
    /// Larger than any object is taken.
    private static let contentLimit = 1 << 30

    private static func path(_ cache: String, _ rest: String) -> String {
        "/api/v1/caches/\(PercentCoding.encode(cache))/\(rest)"
    }

    // MARK: Pushing

    /// Puts a file into a cache as an object.
    static func push(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let parameters = ["header", "for", "tag", "lifetime", "status"]
        let given = try AdminArguments(
            arguments,
            options: parameters + ["type"],
            flags: ["pin"],
            words: ["CACHE", "URL", "FILE"]
        )
        let (url, file) = (given.words[1], given.words[2])
        do throws(Refusal) {
            let content = try read(file)
            var query = given.query([("url", url)], options: parameters)
            if given.flags.contains("pin") { query += "&pin=true" }
            var order = AdminQuery(method: "PUT", target: path(given.words[0], "objects?\(query)"))
            let type = given.value("type") ?? MediaType.of(path: file == "-" ? url : file)
            order.content = (type: type, bytes: content)
            let answer = try order.ask(given)
            let text =
                given.isJSON ? answer.text(indented: true) + "\n" : CacheContentText.pushed(answer)
            return Output.write(text)
        } catch {
            return error.say(given)
        }
    }

    private static func read(_ file: String) throws(Refusal) -> [UInt8] {
        do throws(SystemError) {
            guard file != "-" else {
                return try File.read(FileDescriptor(raw: 0), limit: contentLimit)
            }
            return try File.read(file, limit: contentLimit)
        } catch {
            throw Refusal("\(file): \(error)")
        }
    }

    /// Shows what was pushed.
    static func pushed(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(arguments, options: ["limit", "after"], words: ["CACHE"])
        let query = given.query([], options: ["limit", "after"])
        let target = path(given.words[0], query.isEmpty ? "objects" : "objects?\(query)")
        return AdminQuery(method: "GET", target: target).run(given) {
            CacheContentText.list($0, usesColour: AdminArguments.usesColour)
        }
    }

    /// Takes what was pushed of a URL out.
    static func unpush(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(arguments, options: [], words: ["CACHE", "URL"])
        let query = given.query([("url", given.words[1])], options: [])
        return AdminQuery(method: "DELETE", target: path(given.words[0], "objects?\(query)"))
            .run(given, render: CacheContentText.removed)
    }

    // MARK: Numbers

    /// What a cache is asked for most.
    static func top(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(arguments, options: ["by", "limit"], words: ["CACHE"])
        let query = given.query([], options: ["by", "limit"])
        let target = path(given.words[0], query.isEmpty ? "top" : "top?\(query)")
        return AdminQuery(method: "GET", target: target).run(given) {
            CacheContentText.top($0, usesColour: AdminArguments.usesColour)
        }
    }

    /// What one cache has done, or all.
    static func statistics(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(arguments, options: [], words: ["CACHE"], spare: 1)
        let target =
            given.words.first.map { path($0, "statistics") } ?? "/api/v1/cache-statistics"
        return AdminQuery(method: "GET", target: target).run(given) {
            CacheContentText.statistics($0, usesColour: AdminArguments.usesColour)
        }
    }

    // MARK: Warming

    /// Shows lists of URLs that are fetched.
    static func warmings(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(arguments, options: [], words: [])
        return AdminQuery(method: "GET", target: "/api/v1/warmings").run(given) {
            CacheContentText.warmings($0, usesColour: AdminArguments.usesColour)
        }
    }

    /// Ends one of them.
    static func cancel(_ arguments: [String]) throws(AdminArguments.Misuse) -> Int32 {
        let given = try AdminArguments(arguments, options: [], words: ["NUMBER"])
        let number = PercentCoding.encode(given.words[0])
        return AdminQuery(method: "DELETE", target: "/api/v1/warmings/\(number)")
            .run(given, render: CacheContentText.progress)
    }
}

/// Media types by the ends of names.
enum MediaType {
    private static let known = [
        "avif": "image/avif", "css": "text/css", "csv": "text/csv", "gif": "image/gif",
        "gz": "application/gzip", "html": "text/html; charset=utf-8",
        "htm": "text/html; charset=utf-8", "ico": "image/x-icon", "jpeg": "image/jpeg",
        "jpg": "image/jpeg", "js": "text/javascript", "json": "application/json",
        "mjs": "text/javascript", "mp3": "audio/mpeg", "mp4": "video/mp4",
        "pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml",
        "txt": "text/plain; charset=utf-8", "wasm": "application/wasm", "webm": "video/webm",
        "webp": "image/webp", "woff": "font/woff", "woff2": "font/woff2",
        "xml": "application/xml", "zip": "application/zip",
    ]

    /// That of a path or URL; octets without a meaning where it says none.
    static func of(path: String) -> String {
        let name = path.prefix { $0 != "?" && $0 != "#" }.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return "application/octet-stream" }
        let end = name[name.index(after: dot)...].lowercased()
        return known[end] ?? "application/octet-stream"
    }
}
