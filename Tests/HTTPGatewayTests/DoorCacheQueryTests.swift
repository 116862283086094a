// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Runtime
import Testing

@testable import HTTPGateway

/// QUERY (RFC 10008) on a route with a cache.
@Suite struct DoorCacheQueryTests {
    typealias Door = DoorCacheTests

    static let json = "Content-Type: application/json\r\n"

    static func query(_ body: String, _ fields: String = json, path: String = "/x") -> String {
        DoorCacheRuleTests.ask(
            "QUERY",
            path,
            fields: fields + "Content-Length: \(body.utf8.count)\r\n"
        ) + body
    }

    static func chunked(_ pieces: [String], trailers: String = "") -> String {
        let content = pieces.map { String($0.utf8.count, radix: 16) + "\r\n\($0)\r\n" }.joined()
        return DoorCacheRuleTests.ask(
            "QUERY",
            fields: json + "Transfer-Encoding: chunked\r\n"
        ) + content + "0\r\n\(trailers)\r\n"
    }

    @Test func `the same question has one answer, another has another`() throws {
        var stage = try Door.stage([
            Door.fresh("one"), Door.fresh("two"), Door.fresh("xml"), Door.fresh("zip"),
            Door.fresh("page"), .answer(ok("other")),
        ])
        #expect(Door.text(&stage, Self.query("a"), "one").contains("fwd=uri-miss; stored; ttl=60"))
        #expect(stage.told(0).hasPrefix("QUERY /x HTTP/1.1\r\n"))
        #expect(stage.told(0).contains(Self.json) && stage.told(0).hasSuffix("\r\n\r\na"))
        #expect(stage.told(0).contains("Content-Length: 1\r\n"))
        _ = Door.text(&stage, Self.query("b"), "two")
        _ = Door.text(&stage, Self.query("a", "Content-Type: text/xml\r\n"), "xml")
        _ = Door.text(&stage, Self.query("a", Self.json + "Content-Encoding: gzip\r\n"), "zip")
        _ = Door.text(&stage, get("/x"), "page")
        #expect(Door.text(&stage, Self.query("a"), "one").contains("; hit; ttl=60"))
        #expect(Door.text(&stage, Self.query("b"), "two").contains("; hit"))
        #expect(Door.text(&stage, Self.chunked(["a"]), "one").contains("; hit"))
        #expect(Door.text(&stage, get("/x"), "page").contains("; hit"))
        #expect(stage.origins[0].requests == 5)
        #expect(Door.results(stage) == ["miss": 5, "hit": 4])
        #expect(stage.leftovers() == [])
    }

    @Test func `many questions make one, however they come`() throws {
        var stage = try Door.stage([.silence, .answer(ok("other"))])
        let forms = [
            Self.query("abc"), Self.chunked(["ab", "c"]),
            Self.chunked(["abc"], trailers: "X-Sum: 1\r\n"),
        ]
        let guests = (0..<40).map { stage.visit(forms[$0 % 3]) }
        let slow = stage.visit(String(Self.query("abc").dropLast(2)))
        stage.turn { $0.told(0).contains("abc") }
        stage.settle()
        stage.send(slow, "bc")
        stage.settle()
        stage.say(0, Array(ok(fields: "Cache-Control: max-age=60\r\n").utf8))
        for guest in guests + [slow] {
            #expect(stage.hear(guest, until: "hello").contains("200 OK"))
        }
        #expect(stage.origins[0].requests == 1)
        #expect(Door.results(stage) == ["miss": 1, "wait": 40])
        #expect(stage.leftovers() == [])
    }

    @Test func `one connection goes on behind the content`() throws {
        var stage = try Door.stage([Door.fresh("hello"), .answer(ok("other"))])
        let guest = stage.visit(
            Self.query("abc") + Self.chunked(["abc"]) + Self.query("abc") + get("/y")
        )
        stage.turn { $0.heard(guest).contains("other") }
        #expect(stage.heard(guest).components("hello") == 3)
        #expect(Door.results(stage) == ["miss": 2, "hit": 2])
        let last = stage.visit(Self.chunked(["abc"], trailers: "X: 1\r\n") + get("/y"))
        stage.turn { $0.guests[last].isFinished }
        #expect(stage.heard(last).components("HTTP/1.1") == 1, "trailers end the connection")
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["Cache-Control: no-store\r\n", "Set-Cookie: a=b\r\n"])
    func `what is not kept goes to each with its own content`(_ fields: String) throws {
        var stage = try Door.stage([.silence, .answer(ok("own", fields: fields))])
        let guests = (0..<3).map { _ in stage.visit(Self.query("abc") + get("/y")) }
        stage.turn { $0.told(0).contains("abc") }
        stage.settle()
        stage.say(0, Array(ok("first", fields: fields).utf8))
        for guest in guests { stage.turn { $0.heard(guest).components("HTTP/1.1 200") == 2 } }
        #expect(stage.heard(guests[0]).contains("first"))
        #expect(stage.told(0).components("\r\n\r\nabc") == 3)
        #expect(stage.leftovers() == [])
    }

    @Test func `an answer before the end of the question is handed over`() throws {
        let large = String(repeating: "q", count: 16_000)
        var stage = try Door.stage([.interrupt(ok("early", fields: "Cache-Control: no-store\r\n"))])
        let guest = stage.visit(Self.query(large))
        #expect(stage.hear(guest, until: "early").contains("200 OK"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a question is asked again where an endpoint breaks`() throws {
        var stage = try Door.stage([.reset("")], more: [[Door.fresh("hello")]]) {
            $0.poolPlans[0].retries = 1
        }
        for _ in 0..<2 { _ = Door.text(&stage, Self.query("abc")) }
        #expect(stage.told(1).hasSuffix("\r\n\r\nabc"))
        #expect(Door.results(stage)["hit"] == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `what is longer than is looked at is passed on`() throws {
        var stage = try Door.stage([Door.fresh("hello")]) { $0.caches[0].queryLimit = 4 }
        for request in [
            Self.query("abcde"), Self.chunked(["abc", "de"]), Self.query("abcde"),
        ] {
            let heard = Door.text(&stage, request)
            #expect(heard.contains("Martlet; fwd=bypass; detail=content-too-long\r\n"))
        }
        for word in ["uri-miss", "hit"] {
            #expect(Door.text(&stage, Self.query("abcd")).contains(word))
        }
        stage.plan.caches[0].queryLimit = 0
        stage.adopt()
        #expect(Door.text(&stage, Self.query("abcd")).contains("; fwd=method"))
        #expect(stage.told(0).components("\r\n\r\nabcde") == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `conditions and parts are answered from the store, and a 304 renews it`() throws {
        let fields = "ETag: \"a\"\r\n"
        let renewed = "HTTP/1.1 304 Not Modified\r\n\(fields)Cache-Control: max-age=60\r\n\r\n"
        var stage = try Door.stage([Door.fresh("0123456789", fields), .answer(renewed)])
        _ = Door.text(&stage, Self.query("q"), "0123456789")
        let part = Self.query("q", Self.json + "Range: bytes=2-4\r\n")
        #expect(Door.text(&stage, part, "234").contains("206 Partial Content\r\n"))
        let same = Self.query("q", Self.json + "If-None-Match: \"a\"\r\n")
        #expect(Door.text(&stage, same, "\r\n\r\n").hasPrefix("HTTP/1.1 304"))
        stage.advance(.seconds(61))
        #expect(Door.text(&stage, Self.query("q"), "0123456789").contains("fwd-status=304"))
        #expect(stage.told(0).hasSuffix("\r\n\r\nq"))
        #expect(stage.told(0).components("If-None-Match: \"a\"\r\n") == 1)
        #expect(stage.origins[0].requests == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `what changes a URL makes its answers to QUERY invalid, and QUERY nothing`() throws {
        var stage = try Door.stage([Door.fresh("hello")])
        func word(_ request: String) -> String {
            let heard = Door.text(&stage, request)
            return heard.contains("; hit") ? "hit" : "miss"
        }
        for request in [Self.query("a"), Self.query("b"), get("/x"), Self.query("a", path: "/y")] {
            #expect(word(request) == "miss" && word(request) == "hit")
        }
        let change = DoorCacheRuleTests.ask("POST", fields: "Content-Length: 0\r\n")
        _ = Door.text(&stage, change)
        #expect(word(Self.query("a")) == "miss" && word(Self.query("b")) == "miss")
        #expect(word(get("/x")) == "miss" && word(Self.query("a", path: "/y")) == "hit")
        _ = Door.text(&stage, Self.query("new"))
        #expect(word(get("/x")) == "hit" && word(Self.query("a")) == "hit")
        #expect(stage.leftovers() == [])
    }

    @Test func `by HTTP/2 it is the same question`() throws {
        var stage = try Door.stage([Door.fresh("hello")])
        var guest = try HTTP2Guest(&stage)
        let type = [("content-type", "application/json")]
        for _ in 0..<2 {
            let stream = guest.ask(&stage, "QUERY", "/x", type, content: "abc")
            #expect(stage.answer(&guest, stream).content == "hello")
        }
        #expect(stage.told(0).contains("Content-Length: 3\r\n") && stage.told(0).hasSuffix("abc"))
        #expect(stage.origins[0].requests == 1)
        #expect(Door.results(stage) == ["miss": 1, "hit": 1])
    }

    @Test func `who goes away or stops amid a question leaves nothing`() throws {
        var stage = try Door.stage([Door.fresh("hello")])
        let begun = String(Self.query("abcdef").dropLast(3))
        let gone = stage.visit(begun)
        let slow = stage.visit(begun)
        stage.settle(patience: 3)
        stage.leave(gone)
        stage.advance(.seconds(60))
        #expect(stage.hear(slow, until: "body-timeout").hasPrefix("HTTP/1.1 408"))
        #expect(stage.origins[0].requests == 0)
        #expect(stage.leftovers() == [])
    }
}
