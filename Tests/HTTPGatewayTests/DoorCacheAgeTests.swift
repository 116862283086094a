// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Runtime
import Testing

@testable import HTTPGateway

/// What answers from the store say of how old they are.
@Suite struct DoorCacheAgeTests {
    typealias Door = DoorCacheTests

    /// The lines of a name.
    static func lines(_ name: String, _ heard: String) -> [String] {
        heard.split(separator: "\r\n").map(String.init)
            .filter { $0.lowercased().hasPrefix(name + ":") }
    }

    static func age(_ heard: String) -> [String] { lines("age", heard) }

    /// Makes the present the time of RFC 9110's examples.
    static func setTime(_ stage: inout DoorHarness) {
        stage.door.wallOffset = .seconds(784_111_777) + (Instant.start - stage.now)
    }

    @Test func `an age counts on from the one that came, in all answers`() throws {
        var stage = try Door.stage([Door.fresh("hello", "Age: 20\r\nETag: \"a\"\r\n")])
        #expect(Self.age(Door.text(&stage, get("/x"))) == ["Age: 20"])
        stage.advance(.seconds(7))
        let whole = Door.text(&stage, get("/x"))
        #expect(Self.age(whole) == ["Age: 27"] && whole.contains("; hit; ttl=33\r\n"))
        let part = Door.text(&stage, get("/x", fields: "Range: bytes=0-1\r\n"), "\r\n\r\nhe")
        #expect(part.hasPrefix("HTTP/1.1 206") && Self.age(part) == ["Age: 27"])
        let same = get("/x", fields: "If-None-Match: \"a\"\r\n")
        let unchanged = Door.text(&stage, same, "\r\n\r\n")
        #expect(unchanged.hasPrefix("HTTP/1.1 304") && Self.age(unchanged) == ["Age: 27"])
        let head = Door.text(&stage, DoorCacheRuleTests.ask("HEAD"), "\r\n\r\n")
        #expect(Self.age(head) == ["Age: 27"])
        stage.advance(.seconds(33))
        _ = Door.text(&stage, get("/x"))
        #expect(stage.origins[0].requests == 2, "sixty seconds are over")
        #expect(stage.leftovers() == [])
    }

    @Test func `what the way took counts`() throws {
        var stage = try Door.stage([.silence])
        let guest = stage.visit(get("/x"))
        stage.turn { $0.told(0).contains("/x") }
        stage.advance(.seconds(3))
        stage.say(0, Array(ok(fields: "Cache-Control: max-age=60\r\nAge: 5\r\n").utf8))
        #expect(Self.age(stage.hear(guest, until: "hello")) == ["Age: 8"])
        #expect(stage.leftovers() == [])
    }

    @Test func `a date says how old something is, too`() throws {
        let date = "Date: Sun, 06 Nov 1994 08:49:27 GMT\r\n"
        var stage = try Door.stage([Door.fresh("hello", date)])
        Self.setTime(&stage)
        #expect(Self.age(Door.text(&stage, get("/x"))) == ["Age: 10"])
        stage.advance(.seconds(49))
        #expect(Self.age(Door.text(&stage, get("/x"))) == ["Age: 59"])
        #expect(stage.origins[0].requests == 1)
        stage.advance(.seconds(1))
        _ = Door.text(&stage, get("/x"))
        #expect(stage.origins[0].requests == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `a clock that is set back makes nothing younger than it came`() throws {
        var stage = try Door.stage([Door.fresh("hello", "Age: 20\r\n")])
        Self.setTime(&stage)
        _ = Door.text(&stage, get("/x"))
        stage.door.wallOffset = stage.door.wallOffset + .seconds(-3_600)
        #expect(Self.age(Door.text(&stage, get("/x"))) == ["Age: 20"])
        #expect(stage.leftovers() == [])
    }

    @Test func `what has no date is of when it came`() throws {
        var stage = try Door.stage([Door.fresh()])
        Self.setTime(&stage)
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(9))
        let heard = Door.text(&stage, get("/x"))
        let dates = Self.lines("date", heard)
        let isOurs = dates == ["Date: Sun, 06 Nov 1994 08:49:37 GMT"]
        #expect(isOurs || dates == ["Date: Sun, 06 Nov 1994 08:49:38 GMT"], "\(heard)")
        #expect(stage.leftovers() == [])
    }

    @Test func `a 304 brings its own age`() throws {
        let renewed =
            "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nAge: 30\r\nCache-Control: max-age=60\r\n\r\n"
        var stage = try Door.stage([
            Door.fresh("hello", "ETag: \"a\"\r\nAge: 5\r\n"), .answer(renewed),
        ])
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(61))
        #expect(Self.age(Door.text(&stage, get("/x"))) == ["Age: 30"])
        stage.advance(.seconds(29))
        #expect(Self.age(Door.text(&stage, get("/x"))) == ["Age: 59"])
        #expect(stage.origins[0].requests == 2)
        stage.advance(.seconds(1))
        _ = Door.text(&stage, get("/x"))
        #expect(stage.origins[0].requests == 3)
        #expect(stage.leftovers() == [])
    }

    @Test func `what is stale is given without a warning`() throws {
        let fields = "Cache-Control: max-age=60, stale-if-error=600\r\n"
        var stage = try Door.stage([
            .answer(ok(fields: fields)), .answer("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
        ])
        _ = Door.text(&stage, get("/x"))
        stage.advance(.seconds(70))
        let stale = Door.text(&stage, get("/x"))
        #expect(Self.age(stale) == ["Age: 70"] && Self.lines("warning", stale) == [])
        #expect(stage.leftovers() == [])
    }

    @Test func `words of a cache before stay, and ours come behind them`() throws {
        let line = "Cache-Status: Far; hit; ttl=3\r\n"
        var stage = try Door.stage([Door.fresh("hello", line)])
        let first = Door.text(&stage, get("/x"))
        #expect(
            Self.lines("cache-status", first)
                == [
                    "Cache-Status: Far; hit; ttl=3",
                    "Cache-Status: Martlet; fwd=uri-miss; stored; ttl=60",
                ]
        )
        let second = Self.lines("cache-status", Door.text(&stage, get("/x")))
        #expect(second == ["Cache-Status: Far; hit; ttl=3", "Cache-Status: Martlet; hit; ttl=60"])
        #expect(stage.leftovers() == [])
    }
}
