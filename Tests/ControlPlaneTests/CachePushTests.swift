// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPGateway
import HTTPProtocol
import Testing

@testable import ControlPlane
@testable import EdgeCache

@Suite("Objects pushed by the API")
struct CachePushTests {
    private static let moment = Moment(
        now: Instant(nanoseconds: 160_000_000_000),
        realtime: 1_795_194_309_000_000_000
    )
    private static let path = "/api/v1/caches/site/objects"
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
            ServiceRequest.Field("content-type", "text/css"),
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

    @Test("an object is put in with what is said of it, listed, and taken out once")
    func life() throws {
        var surface = try StillSurface()
        let url = "http://www.example.com/a.css"
        let target = "\(Self.path)?url=\(url)&tag=a&tag=b&header=X-A:%20b&lifetime=1h&pin=true"
        let answer = try ask(.put, target, &surface, body: "body")
        #expect(answer.status == 200 && answer.json["key"]?.string == url)
        #expect(answer.json["lifetimeSeconds"]?.number == 3600)
        #expect(answer.json["pinned"]?.bool == true && answer.json["bytes"]?.integer == 4)
        let store = try #require(surface.view.shared.http.shelf.store(of: "site"))
        let stored = try #require(store.describe(.all, limit: 1).first)
        let head = String(decoding: stored.head, as: UTF8.self)
        for line in ["X-A: b", "Surrogate-Key: a b", "Content-Type: text/css", "ETag: \""] {
            #expect(head.contains("\r\n\(line)"), "\(head)")
        }
        let list = try ask(.get, Self.path, &surface).json
        #expect(list["count"]?.integer == 1 && list["pinned"]?.integer == 1)
        #expect(list["objects"]?[0]?["pushed"]?.bool == true && list["next"] == .null)
        #expect(CacheContentText.list(list, usesColour: false).contains("1 pushed, 1 pinned"))
        #expect(try ask(.delete, "\(Self.path)?url=\(url)", &surface).json["removed"] == 1)
        let again = try ask(.delete, "\(Self.path)?url=\(url)", &surface)
        #expect(again.status == 404 && again.json["code"] == "M3049")
        #expect(events.events(after: 0).map(\.kind) == [.cachePushed, .cachePushed])
    }

    @Test(
        "what cannot be pushed is refused with a stable code",
        arguments: [
            ("url=http://a/", "M3016", "header=X-A:%20b%0d%0aX-B:%20c"), ("", "M3016", ""),
            ("url=a", "M3016", ""), ("url=http://a/", "M3016", "header=Connection:%20close"),
            ("url=http://a/", "M3016", "header=Content-Length:%203"),
            ("url=http://a/", "M3046", "header=Cache-Control:%20no-store"),
            ("url=http://a/", "M3016", "lifetime=0"), ("url=http://a/", "M3016", "pin=1"),
            ("url=http://a/", "M3016", "status=500"), ("url=http://a/", "M3016", "tag="),
            ("url=http://a/", "M3016", "for=Content-Length:%201"),
        ]
    )
    func refusals(url: String, code: String, rest: String) throws {
        var surface = try StillSurface()
        let answer = try ask(.put, "\(Self.path)?\(url)&\(rest)", &surface, body: "body")
        #expect(answer.status == 422 && answer.json["code"]?.string == code, "\(answer.json)")
        #expect(events.events(after: 0).isEmpty)
    }

    @Test("the same content has the same validator, another one has another")
    func validators() throws {
        var surface = try StillSurface()
        func tag(_ body: String) throws -> String {
            _ = try ask(.put, "\(Self.path)?url=http://a/", &surface, body: body)
            let store = try #require(surface.view.shared.http.shelf.store(of: "site"))
            let stored = try #require(store.describe(.all, limit: 1).first)
            let lines = String(decoding: stored.head, as: UTF8.self).split(separator: "\r\n")
            return String(lines.first { $0.hasPrefix("ETag") } ?? "")
        }
        let first = try tag("one")
        #expect(try tag("two") != first && tag("one") == first && !first.isEmpty)
    }

    @Test("numbers are told of caches, and keys in order")
    func numbers() throws {
        var surface = try StillSurface()
        _ = try ask(.put, "\(Self.path)?url=http://a/", &surface, body: "body")
        let top = try ask(.get, "/api/v1/caches/site/top?by=hits", &surface)
        #expect(top.status == 200 && top.json["objects"]?.elements?.isEmpty == true)
        #expect(try ask(.get, "/api/v1/caches/site/top?by=name", &surface).status == 422)
        #expect(try ask(.get, "/api/v1/caches/site/top?limit=0", &surface).status == 422)
        let statistics = try ask(.get, "/api/v1/caches/site/statistics", &surface).json
        #expect(statistics["caches"]?[0]?["store"]?["pushed"]?.integer == 1)
        let text = CacheContentText.statistics(statistics, usesColour: false)
        #expect(text.contains("pushed      1, of them 0 pinned"), "\(text)")
        #expect(try ask(.get, "/api/v1/caches/none/statistics", &surface).status == 404)
        #expect(try ask(.get, "/api/v1/warmings/1", &surface).json["code"] == "M3050")
        #expect(try ask(.delete, "/api/v1/warmings/x", &surface).json["code"] == "M3050")
    }
}
