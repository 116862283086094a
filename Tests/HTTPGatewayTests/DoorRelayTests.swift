// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// A request without a body.
func get(_ path: String = "/", fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a.example\r\n\(fields)\r\n"
}

/// A request with a body.
func post(_ body: String, method: String = "POST") -> String {
    "\(method) / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

@Suite struct DoorRelayTests {
    @Test func `a request is passed on and its response comes back`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit(get("/x?y"))
        let text = stage.hear(guest, until: "hello")
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.contains("Via: 1.1 martlet\r\n"))
        let told = stage.told(0)
        #expect(told.hasPrefix("GET /x?y HTTP/1.1\r\nHost: a.example\r\n"))
        #expect(told.contains("X-Forwarded-For: 127.0.0.1\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `RFC 9112 section 3.2 an origin is told a host even if the client named none`()
        throws
    {
        var stage = try DoorHarness()
        let guest = stage.visit("GET /x HTTP/1.0\r\n\r\n")
        #expect(stage.hearAll(guest).contains("hello"))
        let address = stage.plan.pools[0].endpoints[0].address
        let told = stage.told(0)
        #expect(told.hasPrefix("GET /x HTTP/1.1\r\nHost: \(address)\r\n"))
        #expect(!told.contains("X-Forwarded-Host"))
        #expect(stage.leftovers() == [])
    }

    @Test func `one connection each way serves many requests`() throws {
        var stage = try DoorHarness()
        let guest = stage.connect()
        for number in 1...5 {
            stage.send(guest, get("/\(number)"))
            stage.turn { $0.heard(guest).components("hello") == number }
        }
        let reused = stage.count(.originReused)
        let opened = stage.count(.originConnections)
        #expect(reused == 4)
        #expect(opened == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `pipelined requests are answered in their order`() throws {
        var stage = try DoorHarness([[.answer(ok("one")), .answer(ok("two")), .answer(ok("3"))]])
        let guest = stage.visit(
            get("/1") + post("body") + get("/3", fields: "Connection: close\r\n")
        )
        let text = stage.hearAll(guest)
        let places = ["one", "two", "\r\n\r\n3"].map { text.range(of: $0)?.lowerBound }
        #expect(places.compactMap { $0 }.count == 3)
        #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
        #expect(stage.told(0).contains("\r\n\r\nbodyGET /3"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a request behind one that was refused is served`() throws {
        var stage = try DoorHarness { plan in
            plan.routes = [RoutePlan(name: "x", host: .any, path: .prefix("/x"), pool: 0)]
        }
        let guest = stage.visit(get("/no") + get("/x"))
        let text = stage.hear(guest, until: "hello")
        #expect(text.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
        #expect(text.contains("404 Not Found: no-route\n"))
        #expect(text.contains("HTTP/1.1 200 OK\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `nothing behind a malformed request is read`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit("GET / HTTP/1.1\r\nHost : a\r\n\r\n" + get("/x"))
        stage.hear(guest, until: "HTTP/1.1 400")
        stage.finish(guest)
        let text = stage.hearAll(guest)
        #expect(text.components("HTTP/1.1") == 1)
        #expect(stage.told(0) == "")
        #expect(stage.leftovers() == [])
    }

    @Test func `bodies in chunks pass both ways, cut anywhere`() throws {
        let chunks = "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nETag: t\r\n\r\n"
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        var stage = try DoorHarness([[.answer(head + chunks)]])
        let guest = stage.connect()
        let request = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        stage.send(guest, request)
        for byte in ("3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n").utf8 {
            stage.send(guest, [byte])
            stage.settle()
        }
        let text = stage.hear(guest, until: "ETag: t\r\n\r\n")
        #expect(text.contains("Transfer-Encoding: chunked\r\n"))
        let told = stage.told(0)
        #expect(told.hasSuffix("0\r\n\r\n"))
        #expect(told.contains("\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\n0\r\n"))
        stage.send(guest, get("/again"))
        stage.turn { $0.heard(guest).components("ETag: t") == 2 }
        #expect(stage.count(.originReused) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a body that breaks its framing at once never reaches the origin`() throws {
        var stage = try DoorHarness()
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let guest = stage.visit(head + "5 x\r\nhello")
        let text = stage.hear(guest, until: "400 Bad Request: ")
        #expect(text.hasPrefix("HTTP/1.1 400"))
        #expect(stage.told(0) == "")
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "Content-Length: 5\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", "204"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "Content-Length: 5\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "Content-Length: 0\r\n"),
    ])
    func `a response without a body leaves both connections in use`(
        _ example: (String, String, String)
    ) throws {
        var stage = try DoorHarness([[.answer(example.1), .answer(ok())]])
        let guest = stage.visit("\(example.0) / HTTP/1.1\r\nHost: a\r\n\r\n")
        let text = stage.hear(guest, until: "\r\n\r\n")
        #expect(text.contains(example.2))
        stage.send(guest, get())
        #expect(stage.hear(guest, until: "hello").contains("hello"))
        #expect(stage.count(.originReused) == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a response that ends with its connection gets chunks`() throws {
        var stage = try DoorHarness([[.answerAndClose("HTTP/1.1 200 OK\r\n\r\nhello")]])
        let guest = stage.visit(get())
        let text = stage.hear(guest, until: "0\r\n\r\n")
        #expect(text.hasSuffix("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
        let old = stage.visit("GET / HTTP/1.0\r\n\r\n")
        #expect(stage.hearAll(old).hasSuffix("\r\n\r\nhello"))
        #expect(stage.leftovers() == [])
    }

    @Test func `RFC 9110 section 15.2 interim responses pass, but not without end`() throws {
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        var stage = try DoorHarness([[.answer(hint + ok()), .answer(hint + ok())]])
        let guest = stage.visit(get())
        let text = stage.hear(guest, until: "hello")
        #expect(text.hasPrefix("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200"))
        let old = stage.visit("GET / HTTP/1.0\r\n\r\n")
        #expect(stage.hearAll(old).hasPrefix("HTTP/1.1 200"))
        #expect(stage.leftovers() == [])
        let flood = String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 40)
        var other = try DoorHarness([[.answer(flood)]]) { $0.poolPlans[0].retries = 0 }
        let third = other.visit(get())
        #expect(other.hear(third, until: "502").contains("origin-malformed"))
        #expect(other.leftovers() == [])
    }

    @Test func `the rest of an interim response comes before the final one`() throws {
        let size = 6_000_000
        var stage = try DoorHarness([[.answer(""), .silence]])
        let guest = stage.connect()
        stage.guests[guest].reads = false
        stage.send(guest, get("/1") + get("/2"))
        stage.turn { $0.visitors.first?.answered ?? 0 > 0 }
        let hint =
            "HTTP/1.1 103 Early Hints\r\nLink: \(String(repeating: "x", count: 20_000))\r\n\r\n"
        // The first answer fills what the kernel holds; the client takes as little as lets it end.
        stage.say(0, Array("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n".utf8))
        var left = size
        var isKept = false
        for _ in 0..<4_000 where !isKept {
            if left > 0 {
                left -= stage.sayPart(0, [UInt8](repeating: 0x62, count: min(left, 60_000)))
            } else if stage.told(0).contains("GET /2") {
                stage.say(0, Array(hint.utf8))
            }
            stage.settle()
            isKept = stage.told(0).contains("GET /2") && !stage.door.clients[0].output.isEmpty
            if !stage.told(0).contains("GET /2") { stage.take(guest, 30_000) }
        }
        #expect(isKept)
        // The final one is heard of before there is known to be room again.
        stage.say(0, Array(ok("final").utf8))
        for _ in 0..<40 { stage.take(guest, 50_000) }
        stage.settle()
        stage.resume(guest)
        #expect(stage.hear(guest, until: "final").hasSuffix("\r\n\r\nfinal"))
        var rest = String(decoding: stage.guests[guest].heard.drop { $0 != 0x62 }, as: UTF8.self)
        rest = String(rest.drop { $0 == "b" })
        while let range = rest.range(of: hint), range.lowerBound == rest.startIndex {
            rest = String(rest[range.upperBound...])
        }
        #expect(rest.hasPrefix("HTTP/1.1 200 OK\r\n") && !rest.contains("103"))
        #expect(stage.leftovers() == [])
    }

    @Test func `an answer before the request's end is passed on, then the client is let go`() throws
    {
        var stage = try DoorHarness([[.interrupt(ok("early"))]])
        let guest = stage.visit("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\nx")
        let text = stage.hear(guest, until: "early")
        #expect(text.contains("Connection: close\r\n"))
        stage.send(guest, [UInt8](repeating: 0x61, count: 500_000))
        stage.turn { $0.guests[guest].isFinished }
        #expect(stage.leftovers() == [])
    }

    @Test func `a large body goes to a client that reads in its own time`() throws {
        let body = String(repeating: "0123456789abcdef", count: 40_000)
        var stage = try DoorHarness([[.silence]])
        let guest = stage.visit(get())
        stage.turn { !$0.told(0).isEmpty }
        stage.guests[guest].reads = false
        var rest = Array(ok(body).utf8)[...]
        while !rest.isEmpty {
            stage.say(0, Array(rest.prefix(8_192)))
            rest = rest.dropFirst(8_192)
            stage.settle()
            if rest.count % 65_536 < 8_192 { stage.resume(guest) }
            stage.guests[guest].reads = false
        }
        stage.resume(guest)
        stage.turn { $0.guests[guest].heard.count > body.utf8.count }
        #expect(stage.heard(guest).hasSuffix(body))
        #expect(stage.leftovers() == [])
    }

    @Test func `bytes behind a response end its connection`() throws {
        var stage = try DoorHarness([[.answer(ok() + "HTTP/1.1 200 OK\r\n\r\n"), .answer(ok())]])
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        stage.send(guest, get())
        stage.turn { $0.heard(guest).components("hello") == 2 }
        #expect(stage.count(.originReused) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a body over the route's limit is refused, told ahead or not`() throws {
        var stage = try DoorHarness { $0.routes[0].bodyLimit = 8 }
        let told = stage.visit(post("123456789"))
        #expect(stage.hear(told, until: "body-too-large").hasPrefix("HTTP/1.1 413"))
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let chunked = stage.visit(head + "5\r\n12345\r\n")
        stage.settle()
        stage.send(chunked, "5\r\n12345\r\n0\r\n\r\n")
        #expect(stage.hear(chunked, until: "body-too-large").hasPrefix("HTTP/1.1 413"))
        #expect(stage.leftovers() == [])
    }
}

extension String {
    /// How often a text occurs.
    func components(_ text: String) -> Int {
        var rest = self[...]
        var count = 0
        while let place = rest.range(of: text) {
            count += 1
            rest = rest[place.upperBound...]
        }
        return count
    }
}
