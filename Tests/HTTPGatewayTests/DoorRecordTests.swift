// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorRecordTests {
    @Test func `what has happened is counted once`() throws {
        var stage = try DoorHarness([[.answer(ok())], []]) { plan in
            plan.pools[0].balance = .firstAvailable
            plan.routes.append(RoutePlan(name: "n", host: .exact("n"), path: .prefix("/"), pool: 0))
        }
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        stage.send(guest, "GET / HTTP/1.1\r\n\r\n")
        stage.hearAll(guest)
        #expect(stage.count(.connectionsAccepted) == 1)
        #expect(stage.count(.requests) == 2)
        #expect(stage.count(.status2xx) == 1)
        #expect(stage.count(.status4xx) == 1)
        #expect(stage.count(.status5xx) == 0)
        #expect(stage.count(.bytesOut) == stage.guests[guest].heard.count)
        #expect(stage.count(.bytesIn) == get().utf8.count)
        let place = GatewayMetrics.endpoint(0)
        #expect(stage.shared.metrics[0].load(place + 1) == 1)
        #expect(stage.leftovers() == [])
        #expect(stage.count(.connectionsClosed) == 1)
    }

    @Test func `routes are counted apart, as far as there are places`() throws {
        var stage = try DoorHarness { plan in
            for number in 0..<300 {
                let host = HostMatch.exact("h\(number)")
                plan.routes.append(
                    RoutePlan(name: "r\(number)", host: host, path: .prefix("/"), pool: 0)
                )
            }
            plan.routes.append(
                RoutePlan(name: "r1", host: .exact("again"), path: .prefix("/"), pool: 0)
            )
        }
        let guest = stage.connect()
        for (count, host) in ["h1", "h2", "h2", "again", "h298", "h299", "x"].enumerated() {
            stage.send(guest, "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(stage.turn { $0.heard(guest).components("hello") == count + 1 })
        }
        let numbers = stage.shared.routeNumbers(stage.door.snapshot)
        func requests(_ name: String) -> UInt64? {
            numbers.first { $0.name == name }.map {
                stage.shared.metrics[0].load(GatewayMetrics.route($0.place) + 1)
            }
        }
        #expect(numbers.count == GatewayMetrics.routeLimit)
        #expect(Set(numbers.map(\.name)).count == numbers.count)
        #expect(requests("all") == 1 && requests("r1") == 1 && requests("r2") == 2)
        // The second route of the name comes after the places are given out.
        #expect(requests("(other)") == 3 && requests("r298") == nil)
        let start = GatewayMetrics.route(numbers[0].place)
        let buckets = start + GatewayMetrics.routeBuckets
        let timed = (0...GatewayMetrics.durationBounds.count).reduce(UInt64(0)) {
            $0 + stage.shared.metrics[0].load(buckets + $1)
        }
        #expect(timed == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `an answer that the client never takes is one line and one count`() throws {
        var stage = try DoorHarness { $0.accessLog = .combined }
        let guest = stage.visit("GET / HTTP/1.1\r\n\r\n")
        stage.settle()
        stage.leave(guest, reset: true)
        stage.settle()
        #expect(stage.count(.status4xx) == 1)
        #expect(try stage.lines().count == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a combined line says who, what and how it ended`() throws {
        var stage = try DoorHarness { $0.accessLog = .combined }
        let guest = stage.visit(get("/a\"b", fields: "User-Agent: x\\y\r\n"))
        stage.hear(guest, until: "hello")
        let lines = try stage.lines()
        let line = try #require(lines.first)
        #expect(lines.count == 1)
        #expect(line.hasPrefix("127.0.0.1 - - ["))
        #expect(line.contains("] \"GET /a\\x22b HTTP/1.1\" 200 "))
        #expect(line.contains(" \"-\" \"x\\x5cy\" all pool e0 1 "))
        #expect(line.hasSuffix(" ok"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a JSON line is JSON, whatever the client sends`() throws {
        var stage = try DoorHarness { $0.accessLog = .json }
        let agent = "User-Agent: \"\\\u{1F600}\r\nReferer: /\r\n"
        let guest = stage.visit(get("/a\"b", fields: agent) + "BAD\r\n\r\n")
        stage.hear(guest, until: "400 Bad")
        let lines = try stage.lines()
        #expect(lines.count == 2)
        for line in lines { #expect(JSONReader.isObject(line), "\(line)") }
        let first = try #require(lines.first)
        #expect(first.contains("\"target\":\"/a\\\"b\""))
        #expect(first.contains("\"agent\":\"\\\"\\\\\u{1F600}\""))
        #expect(first.contains("\"status\":200,"))
        #expect(first.contains("\"reason\":\"ok\""))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [AccessLogFormat.combined, .json])
    func `the longest texts still make one whole line`(_ format: AccessLogFormat) throws {
        var stage = try DoorHarness { $0.accessLog = format }
        let long = String(repeating: "\"", count: 3_500)
        let fields = "User-Agent: \(long)\r\nReferer: \(long)\r\n"
        let guest = stage.visit(get("/" + long, fields: fields))
        stage.hear(guest, until: "hello")
        let lines = try stage.lines()
        #expect(lines.count == 1)
        let end = try #require(lines.first).suffix(14)
        #expect(end.hasSuffix(format == .json ? "\"reason\":\"ok\"}" : " ok"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a tunnel's line shows no byte of the tunnel`() throws {
        var stage = try DoorHarness([[.echo]]) { $0.accessLog = .combined }
        let head = "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        let guest = stage.visit(head)
        stage.hear(guest, until: "\r\n\r\n")
        stage.send(guest, "secret secret secret secret")
        stage.hear(guest, until: "secret")
        stage.close(0, reset: true)
        stage.hearAll(guest)
        let lines = try stage.lines()
        #expect(lines.count == 1)
        #expect(!lines.joined().contains("secret"))
        #expect(lines.joined().contains("tunnel-closed"))
        #expect(stage.leftovers() == [])
    }
}

extension JSONReader {
    /// True when the text is a JSON object.
    fileprivate static func isObject(_ text: String) -> Bool {
        guard let value = try? JSONReader.read(Array(text.utf8)) else { return false }
        if case .object = value { return true }
        return false
    }
}
