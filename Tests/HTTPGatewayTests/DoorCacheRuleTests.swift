// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// What RFC 9111 says of storing and forgetting, where it takes a door to show it.
@Suite struct DoorCacheRuleTests {
    typealias Door = DoorCacheTests

    /// Asks with a method, which may need content.
    static func ask(_ method: String, _ path: String = "/x", fields: String = "") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: a.example\r\n\(fields)\r\n"
    }

    @Test(arguments: [
        "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\nX-End: hello\r\n\r\n",
        "HTTP/1.1 299 Odd\r\nCache-Control: must-understand, max-age=60\r\nContent-Length: 5\r\n\r\nhello",
    ])
    func `a part, a 304 and what is not understood are passed on, and nothing is kept`(
        _ answer: String
    ) throws {
        var stage = try Door.stage([.answer(answer)])
        for number in 1..<4 {
            let heard = Door.text(&stage, get("/x"))
            #expect(heard.hasPrefix(String(answer.prefix(12))) && !heard.contains("; stored"))
            #expect(stage.origins[0].requests == number)
        }
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        Part.answerAndClose(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\nbegin"
        ),
        .answerAndClose(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n"
        ),
    ])
    func `what breaks off looks broken, and is not kept`(_ part: Part) throws {
        var stage = try Door.stage([part, Door.fresh("whole")]) { $0.poolPlans[0].retries = 0 }
        let first = stage.visit(get("/x"))
        let heard = stage.hearAll(first)
        let isWhole = heard.hasSuffix("\r\n0\r\n\r\n") || heard.contains("Content-Length: 5\r\n")
        #expect(!isWhole, "\(heard)")
        let second = Door.text(&stage, get("/x"), "whole")
        #expect(second.hasSuffix("\r\n\r\nwhole") && !second.contains("begin"))
        #expect(Door.text(&stage, get("/x"), "whole").contains("; hit"))
        #expect(stage.origins[0].requests == 2)
        #expect(stage.leftovers() == [])
    }

    @Test func `the end of a connection ends what has no length, and that is whole`() throws {
        let open = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nhello"
        var stage = try Door.stage([.answerAndClose(open), .answer(ok("other"))])
        #expect(Door.text(&stage, get("/x")).contains("200 OK"))
        stage.settle(patience: 5)
        let second = Door.text(&stage, get("/x"))
        #expect(second.contains("; hit") && second.contains("Content-Length: 5\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH", "BREW"])
    func `methods that are not known to be safe go to the origin, and forget what is stored`(
        _ method: String
    ) throws {
        var stage = try Door.stage([Door.fresh(), .answer(ok("done")), Door.fresh("newer")])
        _ = Door.text(&stage, get("/x"))
        let request = Self.ask(method, fields: "Content-Length: 0\r\n")
        #expect(Door.text(&stage, request, "done").contains("; fwd=method"))
        #expect(Door.text(&stage, get("/x"), "newer").contains("fwd=uri-miss"))
        #expect(stage.origins[0].requests == 3)
        #expect(stage.leftovers() == [])
    }

    @Test func `OPTIONS goes to the origin, and changes nothing`() throws {
        var stage = try Door.stage([Door.fresh(), .answer(ok("done")), .answer(ok("other"))])
        _ = Door.text(&stage, get("/x"))
        #expect(Door.text(&stage, Self.ask("OPTIONS"), "done").contains("; fwd=method"))
        #expect(Door.text(&stage, get("/x")).contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["400 Bad", "404 None", "500 No", "503 No"])
    func `an error forgets nothing`(_ status: String) throws {
        let error = "HTTP/1.1 \(status)\r\nContent-Length: 4\r\nLocation: /y\r\n\r\nfail"
        var stage = try Door.stage([Door.fresh(), Door.fresh("other"), .answer(error)])
        _ = Door.text(&stage, get("/x"))
        _ = Door.text(&stage, get("/y"), "other")
        _ = Door.text(&stage, Self.ask("DELETE"), "fail")
        #expect(Door.text(&stage, get("/x")).contains("; hit"))
        #expect(Door.text(&stage, get("/y"), "other").contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `what another origin has is not forgotten`() throws {
        let made =
            "HTTP/1.1 201 Made\r\nLocation: http://b.example/y\r\nContent-Length: 4\r\n\r\nmade"
        var stage = try Door.stage([Door.fresh(), Door.fresh("other"), .answer(made)])
        let host = "GET /y HTTP/1.1\r\nHost: b.example\r\n\r\n"
        _ = Door.text(&stage, get("/y"))
        _ = Door.text(&stage, host, "other")
        _ = Door.text(&stage, Self.ask("POST", fields: "Content-Length: 0\r\n"), "made")
        #expect(Door.text(&stage, host, "other").contains("; hit"))
        #expect(Door.text(&stage, get("/y")).contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `directives are passed on as they came`() throws {
        let line = "Cache-Control: max-age=60, X-Own=\"no-store, private\", community=UCI\r\n"
        var stage = try Door.stage([.answer(ok(fields: line)), .answer(ok("other"))])
        for _ in 0..<2 { #expect(Door.text(&stage, get("/x")).contains(line)) }
        #expect(stage.origins[0].requests == 1)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["private=\"X-Own\"", "no-cache=\"x-own\""])
    func `fields for one client go to nobody out of the store`(_ word: String) throws {
        let fields = "X-Own: secret\r\nCache-Control: max-age=60, \(word)\r\n"
        var stage = try Door.stage([.answer(ok(fields: fields)), .answer(ok("other"))])
        _ = Door.text(&stage, get("/x"))
        let second = Door.text(&stage, get("/x"))
        #expect(second.contains("; hit") && !second.contains("secret"))
        #expect(stage.leftovers() == [])
    }

    @Test func `all lines of Vary count`() throws {
        let fields = "Vary: Accept-Language\r\nVary: X-Kind\r\n"
        var stage = try Door.stage([Door.fresh("first", fields), Door.fresh("other", fields)])
        let first = get("/x", fields: "Accept-Language: en\r\nX-Kind: 1\r\n")
        let other = get("/x", fields: "Accept-Language: en\r\nX-Kind: 2\r\n")
        _ = Door.text(&stage, first, "first")
        #expect(Door.text(&stage, other, "other").contains("fwd=vary-miss"))
        #expect(Door.text(&stage, first, "first").contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a part of what is not stored is asked for whole`() throws {
        var stage = try Door.stage([Door.fresh("0123456789"), .answer(ok("other"))])
        let part = get("/x", fields: "Range: bytes=2-4\r\n")
        let first = Door.text(&stage, part, "234")
        #expect(first.hasPrefix("HTTP/1.1 206") && first.hasSuffix("\r\n\r\n234"))
        #expect(!stage.told(0).lowercased().contains("range"))
        #expect(Door.text(&stage, get("/x"), "0123456789").contains("; hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `no-transform keeps content as it is, whoever says it`() throws {
        let body = String(repeating: "all work and no play ", count: 100)
        let fields = "Content-Type: text/html\r\n"
        var stage = try Door.stage([
            Door.fresh(body, fields),
            .answer(ok(body, fields: "\(fields)Cache-Control: max-age=60, no-transform\r\n")),
        ]) { $0.routes[0].compress = CompressPlan() }
        let gzip = "Accept-Encoding: gzip\r\n"
        let asked = get("/x", fields: gzip + "Cache-Control: no-transform\r\n")
        #expect(Door.text(&stage, asked, body).hasSuffix("\r\n\r\n" + body))
        #expect(Door.text(&stage, get("/x", fields: gzip), "0\r\n\r\n").contains("gzip\r\n"))
        #expect(Door.text(&stage, get("/y", fields: gzip), body).hasSuffix("\r\n\r\n" + body))
        #expect(Door.text(&stage, get("/y", fields: gzip), body).contains("; hit"))
        #expect(stage.leftovers() == [])
    }
}
