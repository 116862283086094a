// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Runtime
import Testing

@testable import HTTPGateway

/// Heads from the origin for what is stored: 304, and answers to HEAD.
@Suite struct DoorCacheRenewalTests {
    typealias Door = DoorCacheTests

    static func unchanged(_ fields: String) -> Part {
        .answer("HTTP/1.1 304 Not Modified\r\n\(fields)\r\n")
    }

    /// An answer to HEAD.
    static func told(_ fields: String, length: Int = 5) -> Part {
        .answer("HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(length)\r\n\r\n")
    }

    static let head = DoorCacheRuleTests.ask("HEAD")
    static let tagged = DoorCacheTests.fresh("hello", "ETag: \"a\"\r\nX-Old: 1\r\n")

    @Test(arguments: [
        "ETag: \"b\"\r\n", "", "ETag: \"a\"\r\nCache-Control: no-store\r\n",
        "ETag: \"a\"\r\nCache-Control: private\r\n",
    ])
    func `a 304 for something else, or for what may be kept no longer, is asked for whole`(
        _ fields: String
    ) throws {
        var stage = try Door.stage([
            Self.tagged, Self.unchanged(fields), Door.fresh("newer", "ETag: \"b\"\r\n"),
            .answer(ok("other")),
        ])
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        let guests = (0..<3).map { _ in stage.visit(get("/x")) }
        for guest in guests {
            let heard = stage.hear(guest, until: "newer")
            #expect(heard.hasPrefix("HTTP/1.1 200") && heard.hasSuffix("\r\n\r\nnewer"))
            #expect(!heard.contains("X-Old"))
        }
        #expect(stage.origins[0].requests == 3)
        #expect(stage.told(0).components("If-None-Match") == 1)
        #expect(Door.text(&stage, get("/x"), "newer").contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `an origin that knows nothing but 304 is broken, and asked no further`() throws {
        let fields = "ETag: \"b\"\r\n"
        var stage = try Door.stage([Self.tagged, Self.unchanged(fields)]) {
            $0.poolPlans[0].retries = 0
        }
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        #expect(Door.text(&stage, get("/x"), "origin-malformed").hasPrefix("HTTP/1.1 502"))
        #expect(stage.origins[0].requests == 3)
        #expect(stage.leftovers() == [])
    }

    @Test func `what may be kept no longer is passed on and gone`() throws {
        let secret = ok("secret", fields: "Cache-Control: no-store\r\n")
        var stage = try Door.stage([
            Self.tagged, Self.unchanged("ETag: \"a\"\r\nCache-Control: no-store\r\n"),
            .answer(secret),
        ])
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        #expect(Door.text(&stage, get("/x"), "secret").hasSuffix("\r\n\r\nsecret"))
        #expect(Door.text(&stage, get("/x"), "secret").contains("detail=passing"))
        #expect(stage.leftovers() == [])
    }

    @Test func `an answer to HEAD that tells of what is stored freshens it`() throws {
        let fields = "ETag: \"a\"\r\nCache-Control: max-age=90\r\nX-New: 1\r\nAge: 10\r\n"
        var stage = try Door.stage([Self.tagged, Self.told(fields), .answer(ok("other"))])
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        #expect(Door.text(&stage, Self.head, "\r\n\r\n").contains("fwd=stale"))
        let heard = Door.text(&stage, get("/x"))
        #expect(heard.contains("; hit; ttl=80\r\n") && heard.contains("Age: 10\r\n"))
        #expect(heard.contains("X-New: 1\r\n") && heard.contains("X-Old: 1\r\n"))
        #expect(heard.contains("Content-Length: 5\r\n") && heard.hasSuffix("\r\n\r\nhello"))
        #expect(stage.origins[0].requests == 2)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        Self.told("ETag: \"b\"\r\nCache-Control: max-age=90\r\n"),
        Self.told("ETag: \"a\"\r\nCache-Control: max-age=90\r\n", length: 6),
        Self.told("ETag: \"a\"\r\nCache-Control: no-store\r\n"),
    ])
    func `one that tells of something else makes it stale`(_ part: Part) throws {
        var stage = try Door.stage([Self.tagged, part, Door.fresh("newer")]) {
            $0.caches[0].rules.heedsClients = true
        }
        _ = Door.text(&stage, get("/x"))
        let again = DoorCacheRuleTests.ask("HEAD", fields: "Cache-Control: no-cache\r\n")
        #expect(Door.text(&stage, again, "\r\n\r\n").contains("fwd=request"))
        #expect(Door.text(&stage, get("/x"), "newer").contains("fwd=stale"))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        "If-Match: \"b\"\r\n", "Authorization: Basic YTpi\r\nCache-Control: no-cache\r\n",
    ])
    func `and one that is for one client alone says nothing`(_ fields: String) throws {
        var stage = try Door.stage([
            Self.tagged, Self.told("ETag: \"b\"\r\nCache-Control: max-age=90\r\n"),
        ]) { $0.caches[0].rules.heedsClients = true }
        _ = Door.text(&stage, get("/x"))
        let own = DoorCacheRuleTests.ask("HEAD", fields: fields)
        _ = Door.text(&stage, own, "\r\n\r\n")
        #expect(stage.origins[0].requests == 2)
        #expect(Door.text(&stage, get("/x")).contains("; hit"))
        #expect(stage.leftovers() == [])
    }
}
