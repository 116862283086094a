// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Runtime
import Testing

@testable import HTTPGateway

/// What is fetched anew behind the backs of clients.
@Suite struct DoorCacheAheadTests {
    typealias Door = DoorCacheTests

    static let fields = "Cache-Control: max-age=100\r\nETag: \"a\"\r\n"

    /// A door whose object is popular, five seconds before it is stale.
    static func stage(_ parts: [Part]) throws -> DoorHarness {
        var stage = try Door.stage([.answer(ok(fields: fields))] + parts) {
            $0.caches[0].rules.refreshAheadPercent = 10
            $0.poolPlans[0].retries = 0
        }
        _ = Door.text(&stage, get("/x"))
        for _ in 0..<ReuseRule.popularHits { _ = Door.text(&stage, get("/x")) }
        stage.advance(.seconds(95))
        return stage
    }

    static func ahead(_ stage: borrowing DoorHarness) -> Int {
        let place = Int(stage.door.cachePlaces[0])
        return Int(stage.shared.metrics[0].load(GatewayMetrics.cacheFetch(.ahead, cache: place)))
    }

    @Test func `who asks for what is popular never waits for its end`() throws {
        let renewed = "HTTP/1.1 304 Not Modified\r\n\(Self.fields)\r\n"
        var stage = try Self.stage([.answer(renewed), .answer(ok("other"))])
        let guests = (0..<20).map { _ in stage.visit(get("/x")) }
        for guest in guests { #expect(stage.hear(guest, until: "hello").contains("; hit; ttl=")) }
        stage.turn { $0.origins[0].requests == 2 }
        stage.settle(patience: 5)
        #expect(stage.told(0).components("If-None-Match: \"a\"") == 1)
        #expect(Door.text(&stage, get("/x")).contains("; hit; ttl=100\r\n"))
        #expect(stage.origins[0].requests == 2 && Self.ahead(stage) == 1)
        #expect(Door.results(stage) == ["miss": 1, "hit": 24])
        #expect(stage.leftovers() == [])
    }

    @Test func `HEAD begins nothing, and an object of its own is not asked for`() throws {
        var stage = try Self.stage([.answer(ok("other"))])
        let head = DoorCacheRuleTests.ask("HEAD")
        #expect(Door.text(&stage, head, "\r\n\r\n").contains("; hit; ttl=5"))
        stage.settle(patience: 5)
        #expect(stage.origins[0].requests == 1 && Self.ahead(stage) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        Part.reset(""), .answer("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"),
        .answer(ok("mine", fields: "Set-Cookie: a=b\r\nCache-Control: max-age=9\r\n")),
    ])
    func `an origin that does not help is left alone for a while`(_ part: Part) throws {
        var stage = try Self.stage([part])
        func expect(_ requests: Int) {
            for _ in 0..<5 {
                #expect(Door.text(&stage, get("/x")).contains("; hit; ttl="))
                stage.settle(patience: 5)
            }
            #expect(stage.origins[0].requests == requests)
        }
        expect(2)
        stage.advance(.milliseconds(1_100))
        expect(3)
        stage.advance(.milliseconds(1_100))
        expect(3)
        stage.advance(.milliseconds(1_000))
        expect(4)
        #expect(Self.ahead(stage) == 3)
        #expect(stage.leftovers() == [])
    }

    @Test func `what is stale and may be given is not asked for with each request`() throws {
        var stage = try Door.stage([
            .answer(ok(fields: "Cache-Control: max-age=60, stale-while-revalidate=600\r\n")),
            .reset(""),
        ]) { $0.poolPlans[0].retries = 0 }
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        for _ in 0..<9 {
            #expect(Door.text(&stage, get("/x")).contains(" UPDATING"))
            stage.settle(patience: 5)
        }
        #expect(stage.origins[0].requests == 2)
        stage.advance(.milliseconds(1_100))
        for _ in 0..<9 { #expect(Door.text(&stage, get("/x")).contains(" UPDATING")) }
        stage.settle(patience: 5)
        #expect(stage.origins[0].requests == 3)
        #expect(stage.leftovers() == [])
    }

    @Test func `objects that came together do not expire together`() throws {
        var stage = try Door.stage([Door.fresh("hello", "ETag: \"a\"\r\n")]) {
            $0.caches[0].rules.jitterPercent = 50
        }
        func lifetimes() -> [Substring] {
            (0..<8).map { number in
                let text = Door.text(&stage, get("/\(number)"))
                return text.split(separator: "ttl=").last?.prefix { $0.isNumber } ?? ""
            }
        }
        let first = lifetimes()
        #expect(first.allSatisfy { (29...60).contains(Int($0) ?? 0) } && Set(first).count > 3)
        #expect(lifetimes() == first)
        #expect(stage.leftovers() == [])
    }
}
