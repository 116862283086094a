// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

/// What a client of the random program asks: few of each kind, so that they meet.
struct ProgramRequest: Hashable {
    /// What a client says of freshness, as text and as it is meant.
    struct Wish: Sendable {
        var text = ""
        var isReload = false
        var maxAge: Int64?
        var minFresh: Int64?
        var maxStale: Int64?
        var isOnlyIfCached = false
        var isNoStore = false
    }

    static let wishes = [
        Wish(), Wish(), Wish(), Wish(), Wish(), Wish(text: "no-cache", isReload: true),
        Wish(text: "max-age=0", isReload: true), Wish(text: "max-age=10", maxAge: 10),
        Wish(text: "min-fresh=20", minFresh: 20), Wish(text: "max-stale", maxStale: .max),
        Wish(text: "max-stale=15", maxStale: 15),
        Wish(text: "only-if-cached", isOnlyIfCached: true), Wish(text: "no-store", isNoStore: true),
    ]

    var color = 0
    var size = 0
    var number = 0
    var hasAuthorization = false

    var wish: Wish { Self.wishes[number] }

    var lines: [String] {
        var lines = ["Color: \(color)", "Size: \(size)"]
        if !wish.text.isEmpty { lines.append("Cache-Control: \(wish.text)") }
        if hasAuthorization { lines.append("Authorization: Basic YTpi") }
        return lines
    }
}

/// What an origin says of freshness, as it is meant.
struct ProgramControl {
    var maxAge: Int64?
    var sharedMaxAge: Int64?
    var staleWhileRevalidate: Int64?
    var staleIfError: Int64?
    var isNoStore = false
    var isPrivate = false
    var isPublic = false
    var isNoCache = false
    var isMustRevalidate = false
    var isProxyRevalidate = false

    var text: String {
        var words: [String] = []
        if let maxAge { words.append("max-age=\(maxAge)") }
        if isNoStore { words.append("no-store") }
        if let sharedMaxAge { words.append("S-MaxAge=\(sharedMaxAge)") }
        if isPrivate { words.append("private") }
        if let staleWhileRevalidate {
            words.append("stale-while-revalidate=\"\(staleWhileRevalidate)\"")
        }
        if isPublic { words.append("Public") }
        if isNoCache { words.append("no-cache") }
        if let staleIfError { words.append("stale-if-error=\(staleIfError)") }
        if isMustRevalidate { words.append("must-revalidate") }
        if isProxyRevalidate { words.append("proxy-revalidate") }
        return words.isEmpty ? "x-nothing=1" : words.joined(separator: ", ")
    }
}

/// One answer of the origin; times are in seconds of the program.
struct ProgramAnswer {
    /// Of its own, in the status line and at the begin of its content.
    var number = 0
    var status = 200
    var version = 0
    var control: ProgramControl?
    var expires: Int64?
    var date: Int64?
    var age: Int64?
    var tag: String?
    var modified: Int64?
    var variesByColor = false
    var variesBySize = false
    var variesByAll = false
    var setsCookie = false
    var body: [UInt8] = []

    /// `Name: date`; the writer of dates is the store's, and has tests of its own.
    private static func line(_ name: String, _ time: Int64) -> String {
        let text = [UInt8](capacity: 64) { _ = $0.writeDate(Exchange.time(time)) }
        return name + String(decoding: text.dropFirst(4).dropLast(2), as: UTF8.self)
    }

    func head(status: Int) -> [UInt8] {
        var text = "HTTP/1.1 \(status) n\(number)\r\n"
        func add(_ line: String) { text += line + "\r\n" }
        if let control { add("Cache-Control: " + control.text) }
        if let expires { add(Self.line("Expires", expires)) }
        if let date { add(Self.line("Date", date)) }
        if let age { add("Age: \(age)") }
        if let tag { add("ETag: " + tag) }
        if let modified { add(Self.line("Last-Modified", modified)) }
        if variesByAll { add("Vary: *") }
        if variesBySize, variesByColor, number % 2 == 0 {
            add("Vary: size , COLOR")
        } else {
            if variesByColor { add("Vary: Color") }
            if variesBySize { add("Vary: Size") }
        }
        if setsCookie { add("Set-Cookie: a=b") }
        return Array((text + "\r\n").utf8)
    }

    /// What is stored of `self` once a 304 has come (RFC 9111 §3.2).
    func updated(by newer: ProgramAnswer, came: Int64) -> ProgramAnswer {
        var merged = self
        merged.control = newer.control ?? control
        merged.expires = newer.expires ?? expires
        merged.date = newer.date ?? came
        merged.age = newer.age
        return merged
    }
}

/// An origin whose resources change, and that says of them whatever comes to its mind.
struct ProgramOrigin {
    static let count = 10
    private var versions = [Int](repeating: 0, count: ProgramOrigin.count)
    private(set) var answers = 0

    mutating func change(_ resource: Int) { versions[resource] += 1 }

    private static func among(_ values: [Int64], _ random: inout SeededRandom) -> Int64 {
        values[Int(random.next(below: UInt32(values.count)))]
    }

    private static func chance(_ percent: UInt32, _ random: inout SeededRandom) -> Bool {
        random.next(below: 100) < percent
    }

    private static func control(_ random: inout SeededRandom) -> ProgramControl {
        var control = ProgramControl()
        if chance(65, &random) { control.maxAge = among([0, 5, 20, 60, 200], &random) }
        if chance(12, &random) { control.sharedMaxAge = among([0, 10, 80], &random) }
        if chance(25, &random) { control.staleWhileRevalidate = among([0, 10, 60], &random) }
        if chance(25, &random) { control.staleIfError = among([0, 10, 100], &random) }
        control.isNoStore = chance(4, &random)
        control.isPrivate = chance(4, &random)
        control.isPublic = chance(15, &random)
        control.isNoCache = chance(8, &random)
        control.isMustRevalidate = chance(8, &random)
        control.isProxyRevalidate = chance(4, &random)
        return control
    }

    /// What the origin says of freshness at `now`.
    private mutating func terms(_ now: Int64, _ random: inout SeededRandom) -> ProgramAnswer {
        var answer = ProgramAnswer()
        if Self.chance(85, &random) { answer.control = Self.control(&random) }
        if Self.chance(15, &random) {
            answer.expires = now + Self.among([-10, 0, 30, 90], &random)
        }
        if Self.chance(70, &random) { answer.date = now - Self.among([0, 0, 3, 40, -5], &random) }
        if Self.chance(20, &random) { answer.age = Self.among([0, 5, 30], &random) }
        return answer
    }

    /// A whole answer to a request.
    mutating func answer(
        _ resource: Int,
        _ request: ProgramRequest,
        at now: Int64,
        _ random: inout SeededRandom
    ) -> ProgramAnswer {
        answers += 1
        let version = versions[resource]
        var answer = terms(now, &random)
        answer.number = answers
        answer.version = version
        answer.status = Int(Self.among([200, 200, 200, 200, 200, 404, 302, 206, 503], &random))
        if Self.chance(60, &random) { answer.tag = tag(resource, request) }
        if Self.chance(40, &random) { answer.modified = Int64(version) - 500 }
        answer.variesByColor = Self.chance(35, &random)
        answer.variesBySize = Self.chance(20, &random)
        answer.variesByAll = Self.chance(2, &random)
        answer.setsCookie = Self.chance(2, &random)
        let isLarge = Self.chance(25, &random)
        let count = Int(random.next(below: isLarge ? 110_000 : 700))
        let filling = UInt8(truncatingIfNeeded: answers &* 37 &+ 1)
        answer.body = Array("n\(answers) of \(resource);".utf8)
        answer.body += [UInt8](repeating: filling, count: count)
        return answer
    }

    private func tag(_ resource: Int, _ request: ProgramRequest) -> String {
        "\"\(resource)v\(versions[resource])c\(request.color)s\(request.size)\""
    }

    /// A 304 for what is stored, where it still is what the request would get.
    mutating func unchanged(
        _ resource: Int,
        _ request: ProgramRequest,
        _ stored: ProgramAnswer,
        at now: Int64,
        _ random: inout SeededRandom
    ) -> ProgramAnswer? {
        guard stored.version == versions[resource], stored.tag != nil || stored.modified != nil,
            stored.tag.map({ $0 == tag(resource, request) }) ?? true
        else { return nil }
        var answer = terms(now, &random)
        answer.tag = stored.tag
        answer.modified = stored.tag == nil ? stored.modified : nil
        return answer
    }
}
