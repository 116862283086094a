// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorCacheTests {
    /// A door whose only route has a cache.
    static func stage(
        _ parts: [Part],
        more: [[Part]] = [],
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness([parts] + more) { plan in
            var cache = CachePlan(name: "pages")
            cache.memory = 16 << 20
            cache.objectLimit = 1 << 20
            plan.caches = [cache]
            plan.routes[0].cache = 0
            configure(&plan)
        }
    }

    static func fresh(_ body: String = "hello", _ fields: String = "") -> Part {
        .answer(ok(body, fields: "Cache-Control: max-age=60\r\n" + fields))
    }

    /// What was counted of requests, by word.
    static func results(_ stage: borrowing DoorHarness) -> [String: Int] {
        var found: [String: Int] = [:]
        let place = Int(stage.door.cachePlaces[0])
        for result in CacheResult.allCases {
            let count = stage.shared.metrics[0].load(
                GatewayMetrics.cacheResult(result, cache: place)
            )
            if count > 0 { found[result.word.description] = Int(count) }
        }
        return found
    }

    static func text(_ stage: inout DoorHarness, _ request: String, _ last: String = "hello")
        -> String
    {
        let guest = stage.visit(request)
        return stage.hear(guest, until: last)
    }

    @Test func `the second request is answered from the store`() throws {
        var stage = try Self.stage([
            Self.fresh("hello", "ETag: \"a\"\r\nX-Own: 1\r\n"), .answer(ok("other")),
        ])
        let first = Self.text(&stage, get("/x"))
        #expect(first.contains("Cache-Status: Martlet; fwd=uri-miss; stored; ttl=60\r\n"))
        #expect(first.contains("X-Cache-Status: MISS\r\n") && !first.contains("Age:"))
        #expect(first.contains("Content-Length: 5\r\n") && first.contains("X-Own: 1\r\n"))
        stage.advance(.seconds(7))
        let second = Self.text(&stage, get("/x"))
        #expect(second.contains("Cache-Status: Martlet; hit; ttl=53\r\n"))
        #expect(second.contains("Age: 7\r\n") && second.contains("X-Cache-Status: HIT\r\n"))
        #expect(second.contains("ETag: \"a\"\r\n") && second.contains("X-Own: 1\r\n"))
        #expect(second.hasSuffix("\r\n\r\nhello"))
        #expect(stage.origins[0].requests == 1)
        #expect(Self.results(stage) == ["miss": 1, "hit": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `one connection is answered again and again`() throws {
        var stage = try Self.stage([Self.fresh(), .answer(ok("other"))])
        let guest = stage.visit(get("/x") + get("/x") + get("/x"))
        stage.turn { $0.heard(guest).components("hello") == 3 }
        #expect(Self.results(stage) == ["miss": 1, "hit": 2])
        #expect(stage.leftovers() == [])
    }

    @Test func `what is asked for too seldom goes on in the plain way`() throws {
        var stage = try Self.stage([Self.fresh()]) { $0.caches[0].minUses = 3 }
        for _ in 0..<2 {
            let text = Self.text(&stage, get("/x"))
            #expect(text.contains("Cache-Status: Martlet; fwd=uri-miss; detail=too-rare\r\n"))
        }
        #expect(Self.text(&stage, get("/x")).contains("; fwd=uri-miss; stored; ttl=60\r\n"))
        #expect(Self.text(&stage, get("/x")).contains("; hit; ttl=60\r\n"))
        #expect(stage.origins[0].requests == 3)
        let place = Int(stage.door.cachePlaces[0])
        let rare = GatewayMetrics.cacheRefused(CacheRefusal.tooRare, cache: place)
        #expect(stage.shared.metrics[0].load(rare) == 2)
        #expect(Self.results(stage) == ["miss": 3, "hit": 1])
        #expect(stage.leftovers() == [])
    }

    @Test func `many requests make one`() throws {
        var stage = try Self.stage([.silence, .answer(ok("other"))])
        let guests = (0..<40).map { _ in stage.visit(get("/x")) }
        stage.turn { $0.told(0).contains("/x") }
        stage.settle()
        #expect(stage.origins[0].requests == 1)
        stage.say(0, Array(ok(fields: "Cache-Control: max-age=60\r\n").utf8))
        for guest in guests { #expect(stage.hear(guest, until: "hello").contains("200 OK")) }
        #expect(stage.origins[0].requests == 1)
        #expect(Self.results(stage) == ["miss": 1, "wait": 39])
        #expect(stage.leftovers() == [])
    }

    @Test func `who waits reads along before the end`() throws {
        var stage = try Self.stage([.silence])
        let first = stage.visit(get("/x"))
        let second = stage.visit(get("/x"))
        stage.turn { $0.told(0).contains("/x") }
        let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\n"
        stage.say(0, Array((head + "begin").utf8))
        stage.hear(first, until: "begin")
        stage.hear(second, until: "begin")
        let third = stage.visit(get("/x"))
        stage.hear(third, until: "begin")
        stage.say(0, Array("enden".utf8))
        for guest in [first, second, third] {
            #expect(stage.hear(guest, until: "enden").hasSuffix("beginenden"))
        }
        #expect(stage.origins[0].requests == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `chunks of unknown length are kept, trailers are not`() throws {
        let chunked =
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n"
        var stage = try Self.stage([.answer(chunked), .answer(ok("other"))])
        let first = Self.text(&stage, get("/x"), "hello")
        #expect(first.contains("200 OK") && !first.contains("X-Sum"))
        let second = Self.text(&stage, get("/x"))
        #expect(second.contains("Content-Length: 5\r\n") && second.hasSuffix("\r\n\r\nhello"))
        #expect(stage.leftovers() == [])
    }

    @Test func `who goes away leaves the fetch to the others`() throws {
        var stage = try Self.stage([.silence])
        let first = stage.visit(get("/x"))
        stage.turn { $0.told(0).contains("/x") }
        let second = stage.visit(get("/x"))
        stage.settle()
        stage.leave(first)
        stage.settle(patience: 5)
        stage.say(0, Array(ok(fields: "Cache-Control: max-age=60\r\n").utf8))
        #expect(stage.hear(second, until: "hello").contains("200 OK"))
        #expect(stage.origins[0].requests == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a slow reader delays nobody`() throws {
        var stage = try Self.stage([.silence]) {
            $0.caches[0].memory = 256 << 20
            $0.caches[0].objectLimit = 30 << 20
        }
        let slow = stage.visit(get("/x"))
        stage.guests[slow].reads = false
        stage.turn { $0.told(0).contains("/x") }
        let quick = stage.visit(get("/x"))
        let size = 20 << 20
        let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: \(size)\r\n\r\n"
        stage.say(0, Array(head.utf8))
        let piece = [UInt8](repeating: 0x79, count: 65_536)
        var left = size
        #expect(
            stage.turn { stage in
                if left > 0 { left -= stage.sayPart(0, Array(piece.prefix(left))) }
                return stage.guests[quick].heard.count > size
            }
        )
        #expect(stage.origins[0].requests == 1)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        "Cache-Control: no-store\r\n", "Cache-Control: private\r\n", "Set-Cookie: a=b\r\n",
        "Vary: *\r\n",
    ])
    func `what is not kept goes to each as it comes, and nobody waits for it again`(
        _ fields: String
    ) throws {
        var stage = try Self.stage([.silence, .answer(ok("own", fields: fields))])
        let guests = (0..<4).map { _ in stage.visit(get("/x")) }
        stage.turn { $0.told(0).contains("/x") }
        stage.settle()
        stage.say(0, Array(ok("first", fields: "Cache-Control: max-age=60\r\n" + fields).utf8))
        #expect(stage.hear(guests[0], until: "first").contains(fields))
        for guest in guests[1...] { stage.hear(guest, until: "own") }
        #expect(stage.origins[0].requests == 4)
        let late = Self.text(&stage, get("/x"), "own")
        // A cookie is given to one client: others may get an answer that is kept.
        let detail = fields.hasPrefix("Set-Cookie") ? "" : "; detail=passing"
        #expect(late.contains("Cache-Status: Martlet; fwd=uri-miss\(detail)\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `what is stale is asked for, and a 304 renews it`() throws {
        let renewed =
            "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=90\r\nX-New: 1\r\n\r\n"
        var stage = try Self.stage([
            Self.fresh("hello", "ETag: \"a\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
            .answer(renewed), .answer(ok("other")),
        ])
        _ = Self.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        let second = Self.text(&stage, get("/x"))
        #expect(stage.told(0).contains("If-None-Match: \"a\"\r\n"))
        #expect(stage.told(0).contains("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"))
        #expect(second.contains("Martlet; fwd=stale; fwd-status=304"))
        #expect(second.contains("X-New: 1\r\n") && second.hasSuffix("hello"))
        let third = Self.text(&stage, get("/x"))
        #expect(third.contains("Martlet; hit; ttl=90") && third.contains("X-New: 1\r\n"))
        #expect(Self.results(stage) == ["miss": 1, "revalidated": 1, "hit": 1])
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["Cache-Control: no-cache\r\n", ""])
    func `what has to be asked for by each is given to nobody else`(_ word: String) throws {
        let fields = word + "ETag: \"a\"\r\n"
        var stage = try Self.stage([.silence, .answer(ok("other", fields: fields))])
        let first = stage.visit(get("/me", fields: "Cookie: s=A\r\n"))
        stage.turn { $0.told(0).contains("/me") }
        let second = stage.visit(get("/me", fields: "Cookie: s=B\r\n"))
        stage.settle()
        stage.say(0, Array(ok("A's page", fields: fields).utf8))
        #expect(stage.hear(first, until: "page").contains("A's page"))
        #expect(!stage.hear(second, until: "other").contains("page"))
        #expect(stage.origins[0].requests == 2)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["no-cache", "max-age=0"])
    func `what must be asked for is served once the origin says that it holds`(_ word: String)
        throws
    {
        let fields = "Cache-Control: \(word)\r\nETag: \"a\"\r\n"
        let renewed = "HTTP/1.1 304 Not Modified\r\n\(fields)\r\n"
        var stage = try Self.stage([.answer(ok(fields: fields)), .answer(renewed)])
        _ = Self.text(&stage, get("/x"))
        for number in 2..<5 {
            let heard = Self.text(&stage, get("/x"))
            #expect(heard.contains("fwd=stale; fwd-status=304") && heard.contains(" REVALIDATED"))
            #expect(stage.origins[0].requests == number)
        }
        #expect(Self.results(stage) == ["miss": 1, "revalidated": 3])
        #expect(stage.leftovers() == [])
    }

    @Test func `who waits for what fails may have what is stale, woken for whatever reason`() throws
    {
        var stage = try Self.stage([
            .answerAndClose(ok(fields: "Cache-Control: max-age=60, stale-if-error=600\r\n")),
            .silence,
        ]) { $0.poolPlans[0].retries = 0 }
        _ = Self.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        let guests = (0..<20).map { _ in stage.visit(get("/x")) }
        stage.turn { $0.origins[0].requests == 2 }
        for guest in guests { stage.send(guest, " ") }
        stage.settle(patience: 2)
        stage.close(1, reset: true)
        for guest in guests {
            let heard = stage.hear(guest, until: "hello")
            #expect(heard.contains(" STALE\r\n"), "\(guest): \(heard)")
        }
        #expect(stage.leftovers() == [])
    }

    @Test func `an origin that takes too long leaves what is stale where that is allowed`() throws {
        var stage = try Self.stage([
            .answer(ok(fields: "Cache-Control: max-age=60, stale-if-error=600\r\n")), .silence,
        ])
        _ = Self.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        let first = stage.visit(get("/x"))
        stage.turn { $0.origins[0].requests == 2 }
        let second = stage.visit(get("/x"))
        stage.settle()
        stage.advance(.seconds(6))
        #expect(stage.hear(second, until: "hello").contains("detail=waited-too-long"))
        #expect(stage.heard(first) == "" && stage.origins[0].requests == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `what has changed replaces what is stale`() throws {
        var stage = try Self.stage([
            Self.fresh("hello", "ETag: \"a\"\r\n"), Self.fresh("newer", "ETag: \"b\"\r\n"),
        ])
        _ = Self.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        #expect(Self.text(&stage, get("/x"), "newer").contains("fwd=stale; stored"))
        #expect(Self.text(&stage, get("/x"), "newer").contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `an origin that fails leaves what is stale where that is allowed`() throws {
        var stage = try Self.stage([
            .answer(ok(fields: "Cache-Control: max-age=60, stale-if-error=600\r\n")),
            .answer("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"), .reset(""),
        ])
        _ = Self.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        #expect(Self.text(&stage, get("/x")).contains("fwd=stale; ttl=-1; detail=origin-failed"))
        #expect(Self.text(&stage, get("/x")).hasSuffix("hello"))
        stage.advance(.seconds(601))
        #expect(Self.text(&stage, get("/x"), "origin").contains("502"))
        #expect(stage.leftovers() == [])
    }

    @Test func `what is stale is given while it is fetched anew`() throws {
        var stage = try Self.stage([
            .answer(ok(fields: "Cache-Control: max-age=60, stale-while-revalidate=600\r\n")),
            Self.fresh("newer"),
        ])
        _ = Self.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        let second = Self.text(&stage, get("/x"))
        #expect(second.contains("X-Cache-Status: UPDATING\r\n") && second.hasSuffix("hello"))
        stage.turn { $0.origins[0].requests == 2 }
        stage.settle(patience: 5)
        #expect(Self.text(&stage, get("/x"), "newer").contains("; hit"))
        #expect(stage.origins[0].requests == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `when an origin fails the next of those who wait asks, and all are told in the end`()
        throws
    {
        var stage = try Self.stage([.silence, .reset("")]) { $0.poolPlans[0].retries = 0 }
        let guests = (0..<3).map { _ in stage.visit(get("/x")) }
        stage.turn { $0.told(0).contains("/x") }
        stage.settle()
        stage.close(0, reset: true)
        #expect(stage.hear(guests[0], until: "origin-").contains("502"))
        for guest in guests[1...] {
            #expect(stage.hear(guest, until: "origin-").contains("502"))
        }
        #expect(stage.origins[0].requests == 3)
        #expect(stage.leftovers() == [])
    }

    @Test func `who has waited long enough goes itself`() throws {
        var stage = try Self.stage([.silence, .answer(ok("own"))])
        let first = stage.visit(get("/x"))
        stage.turn { $0.told(0).contains("/x") }
        let second = stage.visit(get("/x"))
        stage.settle()
        stage.advance(.seconds(6))
        #expect(stage.hear(second, until: "own").contains("detail=waited-too-long"))
        stage.say(0, Array(ok(fields: "Cache-Control: max-age=60\r\n").utf8))
        #expect(stage.hear(first, until: "hello").contains("200 OK"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a reload between does no harm`() throws {
        var stage = try Self.stage([.silence])
        let first = stage.visit(get("/x"))
        let second = stage.visit(get("/x"))
        stage.turn { $0.told(0).contains("/x") }
        stage.plan.caches[0].waitLimit = .seconds(9)
        stage.adopt()
        stage.say(0, Array(ok(fields: "Cache-Control: max-age=60\r\n").utf8))
        for guest in [first, second] { #expect(stage.hear(guest, until: "hello").contains("200")) }
        #expect(Self.text(&stage, get("/x")).contains("; hit"))
        // Another memory is another store.
        stage.plan.caches[0].memory = 32 << 20
        stage.adopt()
        let late = stage.visit(get("/x"))
        stage.turn { $0.origins[0].requests == 2 }
        stage.plan.caches = []
        stage.plan.routes[0].cache = nil
        stage.adopt()
        stage.say(0, Array(ok(fields: "Cache-Control: max-age=60\r\n").utf8))
        #expect(stage.hear(late, until: "hello").contains("200 OK"))
        #expect(stage.leftovers() == [])
    }

    // MARK: Parts, conditions, methods

    @Test func `conditions and ranges are answered from the store`() throws {
        let fields =
            "ETag: \"a\"\r\nContent-Type: text/x\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        var stage = try Self.stage([Self.fresh("0123456789", fields)])
        let whole = Self.text(
            &stage,
            get("/x", fields: "Range: bytes=2-4\r\nIf-None-Match: \"b\"\r\n"),
            "234"
        )
        #expect(whole.contains("206 Partial Content\r\n") && whole.hasSuffix("\r\n\r\n234"))
        #expect(!stage.told(0).contains("Range") && !stage.told(0).contains("If-None"))
        let same = Self.text(&stage, get("/x", fields: "If-None-Match: W/\"a\"\r\n"), "\r\n\r\n")
        #expect(same.hasPrefix("HTTP/1.1 304 Not Modified\r\n") && same.contains("ETag: \"a\"\r\n"))
        #expect(!same.contains("Content-") && same.hasSuffix("\r\n\r\n"))
        let since = get("/x", fields: "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
        #expect(Self.text(&stage, since, "\r\n\r\n").hasPrefix("HTTP/1.1 304"))
        let part = Self.text(&stage, get("/x", fields: "Range: bytes=-3\r\n"), "789")
        #expect(part.contains("Content-Range: bytes 7-9/10\r\nContent-Length: 3\r\n"))
        let several = get("/x", fields: "Range: bytes=0-0,9-9\r\n")
        #expect(Self.text(&stage, several, "0123456789").contains("200 OK"))
        let none = Self.text(&stage, get("/x", fields: "Range: bytes=20-\r\n"), "\r\n\r\n")
        #expect(none.contains("416 ") && none.contains("Content-Range: bytes */10\r\n"))
        let other = get("/x", fields: "Range: bytes=0-1\r\nIf-Range: \"b\"\r\n")
        #expect(Self.text(&stage, other, "0123456789").contains("200 OK"))
        let head = Self.text(&stage, "HEAD /x HTTP/1.1\r\nHost: a.example\r\n\r\n", "\r\n\r\n")
        #expect(head.contains("200 OK") && head.contains("Content-Length: 10\r\n"))
        #expect(head.hasSuffix("\r\n\r\n") && stage.origins[0].requests == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `several parts come as one message of many`() throws {
        let body = String(repeating: "abcdefghij", count: 1_000)
        var stage = try Self.stage([Self.fresh(body, "Content-Type: text/x\r\n")])
        _ = Self.text(&stage, get("/x"), body)
        let guest = stage.visit(get("/x", fields: "Range: bytes=1-3,5000-5009,-2\r\n"))
        let heard = stage.hear(guest, until: "--\r\n")
        #expect(heard.contains("206 Partial Content\r\n"))
        let mark = heard.split(separator: "boundary=")[1].prefix(16)
        let text = heard.split(separator: "\r\n\r\n--", maxSplits: 1)[1]
        let wanted =
            "\(mark)\r\nContent-Type: text/x\r\nContent-Range: bytes 1-3/10000\r\n\r\nbcd\r\n"
            + "--\(mark)\r\nContent-Type: text/x\r\nContent-Range: bytes 5000-5009/10000\r\n\r\nabcdefghij\r\n"
            + "--\(mark)\r\nContent-Type: text/x\r\nContent-Range: bytes 9998-9999/10000\r\n\r\nij\r\n--\(mark)--\r\n"
        #expect(text == wanted)
        #expect(heard.contains("Content-Length: \(wanted.utf8.count + 2)\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `variants are kept apart`() throws {
        var stage = try Self.stage([
            Self.fresh("english", "Vary: Accept-Language\r\n"),
            Self.fresh("deutsch", "Vary: Accept-Language\r\n"), .answer(ok("other")),
        ])
        let english = get("/x", fields: "Accept-Language: en\r\n")
        let german = get("/x", fields: "Accept-Language: de\r\n")
        _ = Self.text(&stage, english, "english")
        #expect(Self.text(&stage, german, "deutsch").contains("fwd=vary-miss"))
        #expect(Self.text(&stage, english, "english").contains("; hit"))
        #expect(Self.text(&stage, german, "deutsch").contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a change behind the cache makes what is stored invalid`() throws {
        var stage = try Self.stage([
            Self.fresh(), Self.fresh("other"),
            .answer("HTTP/1.1 201 Created\r\nLocation: /y\r\nContent-Length: 4\r\n\r\nmade"),
            Self.fresh("newer"), Self.fresh("later"),
        ])
        _ = Self.text(&stage, get("/x"))
        _ = Self.text(&stage, get("/y"), "other")
        let post = "POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi"
        #expect(Self.text(&stage, post, "made").contains("fwd=method"))
        #expect(Self.text(&stage, get("/x"), "newer").contains("uri-miss"))
        #expect(Self.text(&stage, get("/y"), "later").contains("uri-miss"))
        #expect(stage.leftovers() == [])
    }

    @Test func `PURGE takes out what it names, for those who may`() throws {
        var stage = try Self.stage([Self.fresh(), Self.fresh("newer")]) { plan in
            plan.caches[0].purgers = [Prefix("127.0.0.0/8")].compactMap { $0 }
        }
        _ = Self.text(&stage, get("/x"))
        let purge = "PURGE /x HTTP/1.1\r\nHost: a.example\r\n\r\n"
        #expect(Self.text(&stage, purge, "purged 1").hasPrefix("HTTP/1.1 200"))
        #expect(Self.text(&stage, purge, "purged 0").hasPrefix("HTTP/1.1 200"))
        _ = Self.text(&stage, get("/x"), "newer")
        stage.plan.caches[0].purgers = []
        stage.adopt()
        #expect(Self.text(&stage, purge, "purge-denied").hasPrefix("HTTP/1.1 403"))
        #expect(Self.text(&stage, get("/x"), "newer").contains("; hit"))
        #expect(stage.origins[0].requests == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `hosts with another port and queries without a letter are others`() throws {
        var stage = try Self.stage([Self.fresh("one"), Self.fresh("two"), Self.fresh("six")])
        _ = Self.text(&stage, get("/x"), "one")
        #expect(Self.text(&stage, get("/x?"), "two").contains("uri-miss"))
        let port = "GET /x HTTP/1.1\r\nHost: a.example:1337\r\n\r\n"
        #expect(Self.text(&stage, port, "six").contains("uri-miss"))
        let same = "GET /x HTTP/1.1\r\nHost: A.example:80\r\n\r\n"
        #expect(Self.text(&stage, same, "one").contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `content of GET, conditions on change and other methods go by the store`() throws {
        var stage = try Self.stage([Self.fresh(), Self.fresh("other")])
        _ = Self.text(&stage, get("/x"))
        let fat = "GET /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi"
        #expect(Self.text(&stage, fat, "other").contains("fwd=bypass"))
        let match = get("/x", fields: "If-Match: \"z\"\r\n")
        #expect(Self.text(&stage, match, "other").contains("fwd=bypass"))
        #expect(Self.text(&stage, get("/x")).contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["quick", "slow", "gone"])
    func `what turns out to be too large goes to who asked first`(_ reader: String) throws {
        var stage = try Self.stage([.silence, .answer(ok("own"))]) {
            $0.caches[0].objectLimit = 50_000
        }
        let first = stage.visit(get("/x"))
        stage.turn { $0.told(0).contains("/x") }
        let second = stage.visit(get("/x"))
        stage.settle()
        if reader == "slow" { stage.guests[first].reads = false }
        let head =
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
        stage.say(0, Array(head.utf8))
        let piece = "3e8\r\n" + String(repeating: "y", count: 1_000) + "\r\n"
        for _ in 0..<40 { stage.say(0, Array(piece.utf8)) }
        stage.hear(first, until: "yyyy")
        for _ in 0..<40 { stage.say(0, Array(piece.utf8)) }
        stage.settle(patience: 5)
        #expect(stage.hear(second, until: "own").contains("200 OK"))
        if reader == "gone" {
            stage.leave(first)
        } else {
            if reader == "slow" { stage.resume(first) }
            stage.say(0, Array("0\r\n\r\n".utf8))
            let heard = stage.hear(first, until: "\r\n0\r\n\r\n")
            #expect(heard.utf8.count { $0 == UInt8(ascii: "y") } == 80_000)
        }
        #expect(Self.text(&stage, get("/x"), "own").contains("detail=passing"))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [1, 5, 60_000])
    func `what has its end in hand when it turns out to be too large ends`(_ excess: Int) throws {
        var stage = try Self.stage([.silence]) { $0.caches[0].objectLimit = 50_000 }
        let guest = stage.visit(get("/x"))
        stage.turn { $0.told(0).contains("/x") }
        let size = 50_000 + excess
        let head =
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
        let text = head + String(size, radix: 16) + "\r\n" + String(repeating: "y", count: size)
        stage.say(0, Array((text + "\r\n0\r\nX-Sum: 1\r\n\r\n").utf8))
        let heard = stage.hear(guest, until: "\r\n0\r\n")
        #expect(heard.hasSuffix("\r\n\r\n") && heard.contains("\r\n0\r\n"))
        #expect(heard.utf8.count { $0 == UInt8(ascii: "y") } == size)
        #expect(stage.leftovers() == [])
    }

    @Test func `what is larger than an object may be is passed on`() throws {
        let body = String(repeating: "x", count: 100_000) + "end"
        var stage = try Self.stage([Self.fresh(body)]) { $0.caches[0].objectLimit = 50_000 }
        let guest = stage.visit(get("/x"))
        #expect(stage.turn { $0.heard(guest).hasSuffix("end") })
        #expect(stage.heard(guest).contains("fwd=uri-miss"))
        #expect(stage.leftovers() == [])
    }
}
