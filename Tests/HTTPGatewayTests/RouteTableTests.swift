// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import HTTPGateway

private func match(_ routes: [(HostMatch, PathMatch)], _ host: String, _ path: String) -> Int {
    let plans = routes.enumerated().map { number, route in
        RoutePlan(name: "r\(number)", host: route.0, path: route.1, pool: 0)
    }
    return RouteTable(plans).match(host: host, path: path)
}

extension RouteTable {
    /// The route of a request as a client writes it; HTTP/1.0, so that it may lack a host.
    func match(
        host: String,
        path: String,
        method: String = "GET",
        fields: String = "",
        client: IPAddress = IPAddress(v4: 0x7f00_0001)
    ) -> Int {
        let line = host.isEmpty ? "" : "Host: \(host)\r\n"
        let head = Array("\(method) \(path) HTTP/1.0\r\n\(line)\(fields)\r\n".utf8)
        var parser = RequestParser(limits: HeadLimits(headBytes: 8192))
        var table = FieldTable(limit: 32)
        var request = RequestHead()
        guard case .complete = parser.parse(head.span, fields: &table, head: &request) else {
            return -2
        }
        return match(
            RequestView(
                head: request,
                fields: table.entries,
                bytes: head.span,
                path: head.span.slice(request.path),
                client: client,
                isTLS: false
            )
        )
    }
}

@Suite struct RouteTableTests {
    static let routes: [(HostMatch, PathMatch)] = [
        (.any, .prefix("/")),  // 0
        (.exact("a.example.com"), .prefix("/api")),  // 1
        (.exact("a.example.com"), .exact("/api/login")),  // 2
        (.wildcard("example.com"), .prefix("/")),  // 3
        (.wildcard("b.example.com"), .prefix("/img/")),  // 4
        (.exact("a.example.com"), .prefix("/api/v2/")),  // 5
    ]

    @Test(arguments: [
        ("a.example.com", "/api", 1), ("a.example.com", "/api/", 1), ("a.example.com", "/api/x", 1),
        ("a.example.com", "/api/login", 2), ("a.example.com", "/api/login/x", 1),
        ("a.example.com", "/api/v2/x", 5), ("a.example.com", "/api/v2", 1),
        // A prefix ends with a segment, and a host without a fitting path hands over.
        ("a.example.com", "/apix", 3), ("A.Example.COM", "/api", 1), ("a.example.com.", "/api", 1),
        ("x.b.example.com", "/img/1", 4), ("x.b.example.com", "/img", 3),
        ("x.y.b.example.com", "/img/1", 4), ("b.example.com", "/img/1", 3),
        ("example.com", "/", 0), ("", "/", 0), ("other", "/anything", 0),
    ])
    func `the most special host and the longest path win`(host: String, path: String, route: Int) {
        #expect(match(RouteTableTests.routes, host, path) == route)
    }

    @Test func `without a route for any host there may be none`() {
        #expect(match([(.exact("a"), .prefix("/x"))], "a", "/") == -1)
        #expect(match([(.exact("a"), .prefix("/"))], "b", "/") == -1)
        #expect(match([], "a", "/") == -1)
        #expect(match([(.any, .exact("/"))], "a", "/x") == -1)
    }

    @Test func `of equal routes the first counts`() {
        let twice: [(HostMatch, PathMatch)] = [(.any, .prefix("/")), (.any, .prefix("/"))]
        #expect(match(twice, "a", "/") == 0)
    }

    /// The same precedence, written as a plain search.
    private func plain(_ routes: [RoutePlan], _ host: String, _ path: String) -> Int {
        func rank(_ route: RoutePlan) -> [Int]? {
            let hostRank: Int
            switch route.host {
            case .any: hostRank = 0
            case .wildcard(let name):
                guard host.hasSuffix("." + name), host.count > name.count + 1 else { return nil }
                hostRank = name.count
            case .exact(let name):
                guard host == name else { return nil }
                hostRank = 1000
            }
            switch route.path {
            case .exact(let text): return text == path ? [hostRank, 1000] : nil
            case .prefix(let text):
                guard path.hasPrefix(text) else { return nil }
                let isWhole =
                    text.hasSuffix("/") || path.count == text.count
                    || path.dropFirst(text.count).first == "/"
                return isWhole ? [hostRank, text.count] : nil
            case .expression: return nil
            }
        }
        var best: (rank: [Int], number: Int)?
        for (number, route) in routes.enumerated() {
            guard let rank = rank(route) else { continue }
            if best == nil || rank.lexicographicallyPrecedes(best?.rank ?? []) == false,
                best?.rank != rank
            {
                best = (rank, number)
            }
        }
        return best?.number ?? -1
    }

    /// What a lookup costs is what it looks at: so many places of the hash tables.
    @Test func `a thousand times the routes lie no deeper`() {
        func table(_ count: Int) -> RouteTable {
            RouteTable(
                (0..<count).map { number in
                    RoutePlan(
                        name: "r\(number)",
                        host: .exact("h\(number / 10).example.com"),
                        path: number % 10 == 0 ? .prefix("/") : .prefix("/api/v\(number % 10)"),
                        pool: 0
                    )
                }
            )
        }
        let (few, many) = (table(10), table(10_000))
        for table in [few, many] {
            #expect(table.hostPlaces.count >= table.hosts.count * 2)
            #expect(table.pathPlaces.count >= table.paths.count * 2)
            // Two lengths of prefixes each, whatever the number of hosts.
            #expect(table.hosts.allSatisfy { $0.lengths.count == 2 })
        }
        // A table with open addressing that is half full at most takes 1.5 on average.
        #expect(Self.hostSteps(many) < 1.75 && Self.pathSteps(many) < 1.75)
        for number in stride(from: 0, to: 10_000, by: 37) {
            let path = number % 10 == 0 ? "/x" : "/api/v\(number % 10)/x"
            #expect(many.match(host: "h\(number / 10).example.com", path: path) == number)
        }
    }

    /// Places that are looked at until a host is found, on average.
    private static func hostSteps(_ table: RouteTable) -> Double {
        let mask = table.hostPlaces.count - 1
        var sum = 0
        for (place, entry) in table.hostPlaces.enumerated() where entry > 0 {
            let host = table.hosts[Int(entry) - 1]
            let name = Array(table.text[Int(host.text.start)..<host.text.end])
            let hash = RouteTable.hostHash(name.span, kind: host.kind)
            sum += 1 + ((place &- Int(truncatingIfNeeded: hash)) & mask)
        }
        return Double(sum) / Double(table.hosts.count)
    }

    /// The same for a path.
    private static func pathSteps(_ table: RouteTable) -> Double {
        let mask = table.pathPlaces.count - 1
        var sum = 0
        for (place, entry) in table.pathPlaces.enumerated() where entry > 0 {
            let path = table.paths[Int(entry) - 1]
            var hash = RouteTable.pathSeed(host: Int(path.host))
            for octet in table.text[Int(path.text.start)..<path.text.end] {
                hash = RouteTable.roll(hash, octet)
            }
            sum += 1 + ((place &- RouteTable.pathPlace(hash, exact: path.isExact)) & mask)
        }
        return Double(sum) / Double(table.paths.count)
    }

    @Test(arguments: 1...20)
    func `random tables answer as a plain search does`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        func pick(_ items: [String]) -> String {
            items[Int(random.next(below: UInt32(items.count)))]
        }
        let hosts = ["a", "b.a", "c.b.a", "d.c.b.a", "x"]
        let paths = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/a/bc", "/b/"]
        var seen: Set<String> = []
        var routes: [RoutePlan] = []
        for _ in 0..<30 {
            let host: HostMatch =
                switch random.next(below: 4) {
                case 0: .any
                case 1: .wildcard(pick(hosts))
                default: .exact(pick(hosts))
                }
            let path: PathMatch =
                random.next(below: 3) == 0 ? .exact(pick(paths)) : .prefix(pick(paths))
            guard seen.insert("\(host)\(path)").inserted else { continue }
            routes.append(RoutePlan(name: "", host: host, path: path, pool: 0))
        }
        let table = RouteTable(routes)
        withEveryPair(hosts + ["e.d.c.b.a", "nowhere"], paths + ["/a/b/c/d", "/zz"]) { host, path in
            let found = table.match(host: host, path: path)
            #expect(found == plain(routes, host, path), "\(host)\(path) in \(routes)")
        }
    }
}

private func withEveryPair(
    _ a: [String],
    _ b: [String],
    _ body: (String, String) -> Void
) {
    for left in a { for right in b { body(left, right) } }
}

@Suite struct PathFormTests {
    @Test(arguments: [
        ("/a/../b", true), ("/..", true), ("/.", true), ("/a/.", true), ("/a/./b", true),
        ("/%2e%2e/x", true), ("/.%2E/x", true), ("/%2e", true), ("/a/%2E%2e", true),
        ("/a/...", false), ("/.well-known/x", false), ("/a..b", false), ("/a/..b", false),
        ("/", false), ("/a%2eb", false), ("/%2", false), ("/a//b", false),
        ("/a/..;/b", true), ("/a/..;x=1/b", true), ("/.%3b/b", true), ("/a/..%2fb", true),
        ("/a%2F..%2fb", true), ("/a\\..\\b", true), ("/a/..\\b", true), ("/a%5c..%5Cb", true),
        ("/a%2f%2e%2e", true), ("/a;..", false), ("/a%2fb", false), ("/a\\b", false),
        ("/a/...;/b", false), ("/..%20/b", false), ("/%2f..a", false), ("/..%2", false),
    ])
    func `dot segments are seen in every spelling`(path: String, has: Bool) {
        #expect(PathForm.hasDotSegment(Array(path.utf8).span) == has)
    }
}

@Suite struct PathEncodingTests {
    @Test(
        arguments: [
            ("/a/b", .plain, "/a/b"), ("/%61dmin", .disguised, "/admin"),
            ("/%7Ex", .disguised, "/~x"),
            ("/a%2fb", .plain, "/a%2fb"), ("/a%2Db%20", .disguised, "/a-b%20"),
            ("/%2561", .plain, "/%2561"), ("/%%36%31", .malformed, ""), ("/100%", .malformed, ""),
            ("/%4", .malformed, ""), ("/%zz", .malformed, ""), ("/%41%42%43", .disguised, "/ABC"),
        ] as [(String, PathForm.Encoding, String)]
    )
    func `a path has one plain form`(path: String, encoding: PathForm.Encoding, plain: String) {
        let bytes = Array(path.utf8)
        #expect(PathForm.encoding(bytes.span) == encoding)
        guard encoding != .malformed else { return }
        let written = [UInt8](capacity: bytes.count) { (output: inout OutputSpan<UInt8>) in
            PathForm.writePlain(bytes.span, into: &output)
        }
        #expect(String(decoding: written, as: UTF8.self) == plain)
    }
}

@Suite struct DateTextTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT", "01/Jan/1970:00:00:00 +0000"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT", "06/Nov/1994:08:49:37 +0000"),
        (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT", "29/Feb/2000:12:34:56 +0000"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT", "28/Feb/2100:23:59:59 +0000"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT", "01/Mar/2100:00:00:00 +0000"),
        (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT", "19/Jan/2038:03:14:08 +0000"),
    ])
    func `dates are written as IMF-fixdate and in log form`(
        second: Int64,
        field: String,
        log: String
    ) {
        let date = DateText(realtime: second * 1_000_000_000)
        let fieldBytes = [UInt8](capacity: 64) { date.write(into: &$0) }
        let logBytes = [UInt8](capacity: 64) { date.writeLogForm(into: &$0) }
        #expect(String(decoding: fieldBytes, as: UTF8.self) == field)
        #expect(String(decoding: logBytes, as: UTF8.self) == log)
    }
}
