// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Testing

@testable import HTTPGateway

/// Groups (RFC 9875) and tags on their way through the door.
@Suite struct DoorCacheGroupTests {
    typealias Door = DoorCacheTests

    private static func ask(_ method: String, _ path: String, host: String = "a.example") -> String
    {
        "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nContent-Length: 0\r\n\r\n"
    }

    private static func word(
        _ stage: inout DoorHarness,
        _ path: String,
        host: String = "a.example"
    ) -> String {
        let request = "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        return Door.text(&stage, request).contains("; hit") ? "hit" : "miss"
    }

    @Test(arguments: [
        ("POST", "200 OK", "\"g\"", "miss"), ("DELETE", "204 Gone", "\"x\", \"g\";p=1", "miss"),
        ("PURR", "303 See", "\"g\"", "miss"), ("POST", "400 No", "\"g\"", "hit"),
        ("QUERY", "200 OK", "\"g\"", "hit"), ("OPTIONS", "200 OK", "\"g\"", "hit"),
        ("POST", "200 OK", "g", "hit"), ("POST", "200 OK", "\"g\", 1", "hit"),
        ("POST", "200 OK", "\"G\"", "hit"),
    ])
    func `what changes something may name groups that change with it`(
        method: String,
        status: String,
        groups: String,
        wanted: String
    ) throws {
        let answer =
            "HTTP/1.1 \(status)\r\nCache-Group-Invalidation: \(groups)\r\nX-End: hello\r\n"
            + (status.hasPrefix("204") ? "\r\n" : "Content-Length: 0\r\n\r\n")
        let grouped = Door.fresh("hello", "Cache-Groups: \"f\", \"g\"\r\n")
        var stage = try Door.stage([grouped, grouped, .answer(answer), grouped])
        #expect(Self.word(&stage, "/1") == "miss")
        #expect(Self.word(&stage, "/1", host: "b.example") == "miss")
        _ = Door.text(&stage, Self.ask(method, "/other"), "X-End: hello\r\n")
        stage.settle(patience: 3)
        #expect(Self.word(&stage, "/1") == wanted)
        #expect(Self.word(&stage, "/1", host: "b.example") == "hit")
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [true, false])
    func `clients get tags where that is wanted, and the store has them`(_ isTold: Bool) throws {
        let fields = "Surrogate-Key: a b\r\nCache-Tag: c\r\nX-Cache-Tag: d\r\n"
        var stage = try Door.stage([
            Door.fresh("hello", fields),
            .answer(ok("plain", fields: fields + "Cache-Control: no-store\r\n")),
        ]) { $0.caches[0].tellsTags = isTold }
        for (path, last) in [("/x", "hello"), ("/x", "hello"), ("/y", "plain")] {
            let heard = Door.text(&stage, get(path), last)
            #expect(heard.contains("Surrogate-Key: a b\r\n") == isTold)
            #expect(heard.contains("\r\nCache-Tag: c\r\n") == isTold)
            #expect(heard.contains("X-Cache-Tag: d\r\n"))
        }
        let tag = Array("b".utf8)
        let place = Int(stage.door.cacheStores[0])
        #expect(stage.door.stores[place]?.purge(tag: tag.span, .hard) == 1)
        #expect(stage.leftovers() == [])
    }
}
