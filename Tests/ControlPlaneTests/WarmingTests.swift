// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPGateway
import HTTPProtocol
import Testing

@testable import ControlPlane

@Suite("Lists of URLs that caches fetch")
struct WarmingTests {
    private static func order(_ text: String) throws(Problem) -> WarmOrder {
        let fields = [ServiceRequest.Field("content-type", "application/json")]
        let request = ServiceRequest(
            method: .post,
            target: "/",
            fields: fields,
            body: Array(text.utf8)
        )
        return try WarmOrder(request)
    }

    private static func moment(_ milliseconds: Int64) -> Moment {
        Moment(now: .start + .milliseconds(milliseconds), realtime: milliseconds * 1_000_000)
    }

    /// The URLs that are begun at these times, one after the other.
    private static func begun(_ warming: inout Warming, at milliseconds: [Int64]) -> [Int?] {
        var found: [Int?] = []
        for time in milliseconds { found.append(warming.begin(at: moment(time).now)) }
        return found
    }

    private static func warming(_ text: String) throws(Problem) -> Warming {
        Warming(number: 1, cache: "c", order: try order(text), at: moment(0))
    }

    @Test("a list begins as many fetches as may be at a time, at its rate, and each once")
    func pace() throws {
        let urls = (0..<20).map { "\"http://a/\($0)\"" }.joined(separator: ",")
        var warming = try Self.warming(#"{"urls": [\#(urls)], "parallel": 3, "rate": 10}"#)
        // Ten a second, and three at a time.
        let first = Self.begun(&warming, at: [0, 0, 101, 202, 5000])
        #expect(first == [0, nil, 1, 2, nil])
        warming.take(1, WarmResult(ticket: 0, end: .kept))
        warming.take(1, WarmResult(ticket: 0, end: .failed("twice")))
        let second = Self.begun(&warming, at: [5000])
        #expect(second == [3])
        let json = warming.json
        #expect(json["kept"]?.integer == 1 && json["failed"]?.integer == 0)
        #expect(json["left"]?.integer == 16 && json["underWay"]?.integer == 3)
    }

    @Test("it is over when all has been told, or what was begun once somebody ends it")
    func ends() throws {
        var warming = try Self.warming(#"{"urls": ["http://a/0", "http://a/1"], "parallel": 1}"#)
        let first = Self.begun(&warming, at: [0])
        warming.cancel()
        let early = warming.end(at: 5)
        #expect(first == [0] && !early)
        #expect(warming.json["state"] == "ending")
        warming.take(0, WarmResult(ticket: 0, end: .notKept("private")))
        let last = warming.end(at: 5)
        #expect(last && warming.isOver)
        #expect(warming.json["state"] == "cancelled")
        let again = warming.end(at: 6)
        let more = Self.begun(&warming, at: [9000])
        #expect(!again && more == [nil])
        #expect(warming.json["problems"]?[0]?["reason"] == "private")
        #expect(warming.json["reasons"]?["private"]?.integer == 1)
    }

    @Test("what is never told of is given up")
    func lost() throws {
        var warming = try Self.warming(#"{"urls": ["http://a/0"]}"#)
        let first = Self.begun(&warming, at: [0])
        warming.expire(at: .start + Warming.patience)
        let early = warming.end(at: 1)
        warming.expire(at: .start + Warming.patience + .seconds(1))
        let late = warming.end(at: 1)
        #expect(first == [0] && !early && late)
        #expect(warming.failed == 1)
    }

    @Test("what a client would send is sent")
    func heads() throws {
        let order = try Self.order(
            #"{"urls": ["HTTPS://a:8443?b#c", "http://a/x"], "headers": ["Accept-Encoding: br"]}"#
        )
        let first = order.request(0, ticket: 7, cache: "c")
        #expect(first.isSecure && first.ticket == 7 && first.cache == "c")
        let head = "GET /?b HTTP/1.1\r\nHost: a:8443\r\nAccept-Encoding: br\r\n\r\n"
        #expect(String(decoding: first.head, as: UTF8.self) == head)
        #expect(!order.request(1, ticket: 0, cache: "c").isSecure)
    }

    @Test(
        "what is no list is refused",
        arguments: [
            #"{"urls": []}"#, #"{"urls": "http://a/"}"#, #"{"urls": [1]}"#, #"{"urls": ["a"]}"#,
            #"{"urls": ["http://a/../b"]}"#, #"{"urls": ["http://a/"], "parallel": 0}"#,
            #"{"urls": ["http://a/"], "rate": 10001}"#, #"{"parallel": 1}"#,
            #"{"urls": ["http://a/"], "headers": ["Range: bytes=0-1"]}"#,
            #"{"urls": ["http://a/"], "headers": ["A: b\r\nC: d"]}"#,
            #"{"urls": ["http://a/"], "headers": ["A b: c"]}"#,
            #"{"urls": ["http://a/"], "wrong": 1}"#, #"{"urls": ["http://a b/"]}"#,
        ]
    )
    func refusals(text: String) {
        #expect(throws: Problem.self) { _ = try Self.order(text) }
    }

    @Test("reasons of misses are told in words, with who is to blame")
    func words() {
        let text = MissWords.text("vary-miss", vary: "Accept-Encoding,Cookie")
        #expect(text == "Vary: Cookie at the origin, which differs from client to client")
        #expect(MissWords.text("vary-miss", vary: "Accept") == "Vary: Accept at the origin")
        #expect(MissWords.percent(23, of: 24) == "96 %" && MissWords.percent(1, of: 200) == "0.5 %")
        #expect(MissWords.percent(0, of: 0) == "0 %" && MissWords.percent(3, of: 3) == "100 %")
    }
}
