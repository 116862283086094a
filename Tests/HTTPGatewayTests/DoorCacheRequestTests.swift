// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Runtime
import Testing

@testable import HTTPGateway

/// What clients say to caches, and what is between them and an origin.
@Suite struct DoorCacheRequestTests {
    typealias Door = DoorCacheTests

    static func said(_ words: String) -> String { get("/x", fields: "Cache-Control: \(words)\r\n") }

    @Test func `only-if-cached is heeded where that is wanted`() throws {
        var stage = try Door.stage([Door.fresh(), .answer(ok("other"))]) {
            $0.caches[0].rules.heedsClients = true
        }
        let only = Self.said("only-if-cached")
        #expect(Door.text(&stage, only, "not-stored").hasPrefix("HTTP/1.1 504"))
        #expect(stage.origins[0].requests == 0)
        _ = Door.text(&stage, get("/x"))
        #expect(Door.text(&stage, only).contains("; hit"))
        stage.advance(.seconds(61))
        #expect(Door.text(&stage, only, "not-stored").hasPrefix("HTTP/1.1 504"))
        #expect(stage.origins[0].requests == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `no-store is heeded where that is wanted, and is nobody else's`() throws {
        var stage = try Door.stage([Door.fresh("own"), Door.fresh(), .answer(ok("other"))]) {
            $0.caches[0].rules.heedsClients = true
        }
        #expect(!Door.text(&stage, Self.said("no-store"), "own").contains("; stored"))
        #expect(Door.text(&stage, get("/x")).contains("fwd=uri-miss; stored"))
        #expect(Door.text(&stage, get("/x")).contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["no-cache", "max-age=0", "max-age=6", "min-fresh=58"])
    func `a client's freshness is heeded where that is wanted, and else is advice`(_ words: String)
        throws
    {
        for isHeeded in [false, true] {
            var stage = try Door.stage([Door.fresh(), Door.fresh("newer")]) {
                $0.caches[0].rules.heedsClients = isHeeded
            }
            _ = Door.text(&stage, get("/x"))
            stage.advance(.seconds(7))
            let heard = Door.text(&stage, Self.said(words), isHeeded ? "newer" : "hello")
            #expect(heard.contains(isHeeded ? "fwd=request" : "; hit"))
            #expect(stage.leftovers() == [])
        }
    }

    @Test func `what came of credentials is for nobody else`() throws {
        var stage = try Door.stage([Door.fresh("own"), Door.fresh(), .answer(ok("other"))])
        let asked = get("/x", fields: "Authorization: Basic YTpi\r\n")
        #expect(!Door.text(&stage, asked, "own").contains("; stored"))
        #expect(Door.text(&stage, get("/x")).contains("fwd=uri-miss; stored"))
        #expect(Door.text(&stage, get("/x")).contains("; hit"))
        #expect(stage.told(0).contains("Authorization: Basic YTpi\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["public", "must-revalidate", "s-maxage=60"])
    func `unless the origin allows it`(_ word: String) throws {
        let answer = ok(fields: "Cache-Control: max-age=60, \(word)\r\n")
        var stage = try Door.stage([.answer(answer), .answer(ok("other"))])
        let asked = get("/x", fields: "Authorization: Basic YTpi\r\n")
        #expect(Door.text(&stage, asked).contains("; stored"))
        #expect(Door.text(&stage, get("/x")).contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a condition is judged by what was fetched for it`() throws {
        var stage = try Door.stage([Door.fresh("hello", "ETag: \"a\"\r\n"), .answer(ok("other"))])
        let same = get("/x", fields: "If-None-Match: \"a\"\r\n")
        #expect(Door.text(&stage, same, "\r\n\r\n").hasPrefix("HTTP/1.1 304"))
        #expect(!stage.told(0).contains("If-None-Match"))
        #expect(Door.text(&stage, get("/x")).contains("; hit"))
        #expect(stage.origins[0].requests == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `conditions that are for origins are theirs`() throws {
        let failed = "HTTP/1.1 412 No\r\nContent-Length: 6\r\n\r\nfailed"
        var stage = try Door.stage([Door.fresh("hello", "ETag: \"a\"\r\n"), .answer(failed)])
        _ = Door.text(&stage, get("/x"))
        for line in [
            "If-Match: \"b\"\r\n", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        ] {
            let heard = Door.text(&stage, get("/x", fields: line), "failed")
            #expect(heard.hasPrefix("HTTP/1.1 412") && stage.told(0).contains(line))
        }
        #expect(Door.text(&stage, get("/x")).contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a 304 with another tag than the client's is 200 for it`() throws {
        let renewed =
            "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=60\r\n\r\n"
        var stage = try Door.stage([
            Door.fresh("hello", "ETag: \"a\"\r\n"), .answer(renewed), .answer(renewed),
        ])
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        let heard = Door.text(&stage, get("/x", fields: "If-None-Match: \"b\"\r\n"))
        #expect(heard.hasPrefix("HTTP/1.1 200") && heard.hasSuffix("hello"))
        #expect(!stage.told(0).contains("\"b\""))
        stage.advance(.seconds(61))
        let same = get("/x", fields: "If-None-Match: \"b\", \"a\"\r\n")
        #expect(Door.text(&stage, same, "\r\n\r\n").hasPrefix("HTTP/1.1 304"))
        #expect(stage.origins[0].requests == 3)
        #expect(stage.leftovers() == [])
    }

    @Test func `what must be validated and cannot be is an error`() throws {
        let words = "max-age=60, must-revalidate, stale-if-error=600"
        var stage = try Door.stage([
            .answer(ok(fields: "Cache-Control: \(words)\r\nETag: \"a\"\r\n")),
            .answerAndClose(""), .silence,
        ]) { $0.poolPlans[0].retries = 0 }
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        #expect(Door.text(&stage, get("/x"), "origin-closed").hasPrefix("HTTP/1.1 502"))
        let guest = stage.visit(get("/x"))
        stage.turn { $0.origins[0].requests == 3 }
        stage.advance(.seconds(300))
        #expect(stage.hear(guest, until: "timeout").hasPrefix("HTTP/1.1 504"))
        #expect(stage.leftovers() == [])
    }
}
