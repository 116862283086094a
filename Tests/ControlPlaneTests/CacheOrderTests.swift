// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPGateway
import HTTPProtocol
import Testing

@testable import ControlPlane
@testable import EdgeCache

@Suite("Orders about caches")
struct CacheOrderTests {
    private static let moment = Moment(
        now: Instant(nanoseconds: 160_000_000_000),
        realtime: 1_795_194_309_000_000_000
    )
    private let events = EventLog(level: .info)

    private func ask(
        _ method: Method,
        _ target: String,
        _ surface: inout StillSurface,
        body: String = ""
    ) throws -> (status: UInt16, json: JSONValue) {
        let desk = AdminDesk(listen: nil, events: events, log: nil)
        let fields = [
            ServiceRequest.Field("host", "localhost"),
            ServiceRequest.Field("content-type", "application/json"),
        ]
        let request = ServiceRequest(
            method: method,
            target: target,
            fields: fields,
            body: Array(body.utf8)
        )
        guard case .now(let response) = desk.answer(request, &surface, at: Self.moment),
            case .bytes(let bytes) = response.body
        else { return (599, .null) }
        return (response.status, try JSONReader.read(bytes))
    }

    private func purge(
        _ body: String,
        _ surface: inout StillSurface
    ) throws -> (status: UInt16, json: JSONValue) {
        try ask(.post, "/api/v1/caches/site/purge", &surface, body: body)
    }

    /// Stores a response of a URL, with a head and for a minute.
    private func put(_ url: String, head: String, _ surface: borrowing StillSurface) throws {
        let store = try #require(surface.view.shared.http.shelf.store(of: "site"))
        guard case .key(let key)? = CacheTarget(url)?.selection(by: CacheKeyRule()) else { return }
        let text = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        var parser = RequestParser(limits: HeadLimits())
        var fields = FieldTable(limit: 10)
        var request = RequestHead()
        #expect(parser.parse(text.span, fields: &fields, head: &request) == .complete)
        let found = store.find(
            key.span,
            CacheRequest(request.method, fields, text.span),
            fields,
            text.span,
            by: ReuseRule(CacheRules()),
            now: WallTime(nanoseconds: Self.moment.realtime),
            mayFetch: true,
            worker: 0
        )
        guard case .fetch(let fill, _, _) = found else {
            Issue.record("\(url) is not fetched: \(found)")
            return
        }
        let facts = StoredFacts(
            status: 200,
            traits: [.hasETag],
            received: WallTime(nanoseconds: Self.moment.realtime - 20_000_000_000),
            initialAge: .zero,
            lifetime: .seconds(60),
            staleWhileRevalidate: .seconds(5),
            staleIfError: .zero
        )
        let (octets, body) = (Array("HTTP/1.1 200 OK\r\n\(head)\r\n\r\n".utf8), Array("body".utf8))
        let opened = store.open(
            fill,
            facts: facts,
            head: octets.span,
            varyOf: FieldTable(limit: 1),
            octets.span,
            for: fields,
            text.span,
            length: nil
        )
        #expect(opened == .kept && store.append(fill, body.span))
        store.close(fill)
        store.release(fill)
    }

    private func full() throws -> StillSurface {
        let surface = try StillSurface()
        try put("http://www.example.com/a/1", head: "Surrogate-Key: news sport", surface)
        try put("http://www.example.com/a/2?q", head: "Cache-Tag: sport", surface)
        try put("http://www.example.com:8080/b", head: "X: y", surface)
        try put("https://other.example.com/", head: "X: y", surface)
        return surface
    }

    @Test(
        "each kind of purge takes out what it names, once",
        arguments: [
            (#"{"url": "http://www.example.com/a/1"}"#, 1),
            (#"{"url": "http://www.example.com/a/2"}"#, 0),
            (#"{"prefix": "http://www.example.com/a/"}"#, 2),
            (#"{"host": "www.example.com"}"#, 3), (#"{"tag": "sport"}"#, 2),
            (#"{"tag": "news", "mode": "hard"}"#, 1), (#"{"all": true}"#, 4),
        ]
    )
    func kinds(body: String, count: Int64) throws {
        var surface = try full()
        let answer = try purge(body, &surface)
        #expect(answer.status == 200)
        #expect(answer.json["purged"]?.integer == count)
        #expect(try purge(body, &surface).json["purged"]?.integer == 0)
        let list = try ask(.get, "/api/v1/caches", &surface).json["caches"]?[0]
        #expect(list?["store"]?["objects"]?.integer == 4 - count)
        #expect(list?["store"]?["purged"]?.integer == count)
    }

    @Test("a soft purge keeps the object, stale, and the event log says who did what")
    func soft() throws {
        var surface = try full()
        let url = "http://www.example.com/a/1"
        let answer = try purge(#"{"url": "\#(url)", "mode": "soft"}"#, &surface)
        #expect(answer.json["purged"]?.integer == 1)
        let found = try ask(.get, "/api/v1/cached?url=\(url)", &surface).json["caches"]?[0]
        #expect(found?["entries"]?[0]?["fresh"]?.bool == false)
        let event = try #require(events.events(after: 0).last)
        #expect(event.kind == .cachePurged)
        #expect(event.message == "cache site: 1 object made stale, by url \(url)")
        #expect(event.fields.contains(JSONMember("objects", 1)))
    }

    @Test(
        "what cannot be meant is refused with a stable code",
        arguments: [
            #"{"url": "www.example.com/a"}"#, #"{"url": "http://a/../b"}"#, #"{"url": 1}"#,
            #"{"prefix": "http://a/b?c"}"#, #"{"host": "a/b"}"#, #"{"tag": "a b"}"#,
            #"{"all": false}"#, #"{"all": true, "tag": "a"}"#, #"{"mode": "hard"}"#,
            #"{"all": true, "mode": "gentle"}"#, #"{"everything": true}"#,
        ]
    )
    func refusals(body: String) throws {
        var surface = try full()
        let answer = try purge(body, &surface)
        #expect(answer.status == 422)
        #expect(answer.json["code"] == "M3016")
        #expect(events.events(after: 0).isEmpty)
    }

    @Test("a cache that is not there is no cache")
    func unknown() throws {
        var surface = try full()
        let target = "/api/v1/caches/other/purge"
        let answer = try ask(.post, target, &surface, body: #"{"all": true}"#)
        #expect(answer.status == 404 && answer.json["code"] == "M3045")
        let question = "/api/v1/cached?url=http://a/&cache=other"
        #expect(try ask(.get, question, &surface).status == 404)
    }

    @Test("of a URL it is told what is stored, how fresh it is, and why")
    func cached() throws {
        var surface = try full()
        let target = "/api/v1/cached?url=http://www.example.com/a/1&cache=site"
        let document = try ask(.get, target, &surface).json
        let entry = document["caches"]?[0]?["entries"]?[0]
        #expect(entry?["state"] == "stored" && entry?["status"]?.integer == 200)
        #expect(entry?["ageSeconds"]?.number == 20 && entry?["leftSeconds"]?.number == 40)
        #expect(entry?["fresh"]?.bool == true && entry?["bytes"]?.integer == 4)
        let text = CacheText.why(document, usesColour: false)
        #expect(text.contains("site: http://www.example.com/a/1\n"), "\(text)")
        #expect(text.contains("200, 4 B, fresh: age 20 s of 1 min 0 s, 40 s left\n"), "\(text)")
        #expect(text.contains("used stale for 5 s while it is fetched anew\n"), "\(text)")
        let none = try ask(.get, "/api/v1/cached?url=http://a/", &surface).json
        #expect(CacheText.why(none, usesColour: false).contains("nothing is stored\n"))
    }

    @Test("the list tells plan, routes and hit ratios by the counters of the doors")
    func list() throws {
        var surface = try full()
        let http = surface.view.shared.http
        let snapshot = try #require(surface.view.snapshot?.gateway)
        let place = try #require(http.cacheNumbers(snapshot).first?.place)
        let words = http.metrics[0]
        words.addOwned(GatewayMetrics.cacheResult(.hit, cache: place), 3)
        words.addOwned(GatewayMetrics.cacheResult(.miss, cache: place), 1)
        words.addOwned(GatewayMetrics.cacheBytes(.store, cache: place), 10)
        words.addOwned(GatewayMetrics.cacheBytes(.origin, cache: place), 30)
        let document = try ask(.get, "/api/v1/caches", &surface).json
        let cache = document["caches"]?[0]
        #expect(cache?["hitRatio"]?.number == 0.75 && cache?["byteHitRatio"]?.number == 0.25)
        #expect(cache?["requests"]?["hit"]?.integer == 3)
        #expect(cache?["routes"]?.elements?.count == 1)
        #expect(cache?["key"]?["query"] == "all")
        let text = CacheText.list(document, usesColour: false)
        #expect(text.contains("75.0 %") && text.contains("25.0 %"), "\(text)")
    }
}
