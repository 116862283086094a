// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import HTTPGateway

@Suite struct DoorPrefixTests {
    private static let express = ValueMatch(name: "order.kind", test: .equals("express"))
    private static let plan = ValueMatch(name: "plan", test: .equals("gold"))

    /// Pool 0 answers `all`; a route before it takes bodies that match, and answers by itself.
    private func makeStage(
        _ condition: RouteCondition = .any([.json(express), .form(plan)]),
        _ change: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness([[.answer(ok("all"))]]) { plan in
            let respond = RouteAction.respond(status: 200, contentType: "", body: Array("hit".utf8))
            var route = RoutePlan(
                name: "body",
                host: .any,
                path: .prefix("/"),
                action: respond
            )
            route.condition = condition
            plan.routes.insert(route, at: 0)
            change(&plan)
        }
    }

    private func request(
        _ body: String,
        type: String = "application/json",
        fields: String = ""
    ) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\n\(fields)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static let hit = #"{"order":{"kind":"express"}}"#
    private static let miss = #"{"order":{"kind":"slow"}}"#

    @Test(
        arguments: [
            (hit, "application/json", "hit"), (hit, "application/ld+json; charset=utf-8", "hit"),
            (miss, "application/json", "all"), (hit, "text/plain", "all"),
            ("a=1&plan=gold", "application/x-www-form-urlencoded", "hit"),
            ("plan=golden", "application/x-www-form-urlencoded", "all"),
            ("plan=gold", "application/json", "all"), ("", "application/json", "all"),
        ]
    )
    func `a body decides on the route`(body: String, type: String, wanted: String) throws {
        var stage = try makeStage()
        let guest = stage.visit(request(body, type: type))
        #expect(stage.hear(guest, until: wanted).contains(wanted))
        if wanted == "all" { #expect(stage.told(0).hasSuffix("\r\n\r\n\(body)")) }
        #expect(stage.leftovers() == [])
    }

    @Test func `a body in pieces is waited for, and goes on whole`() throws {
        var stage = try makeStage()
        let text = Array(request(Self.miss).utf8)
        let guest = stage.connect()
        for octet in text {
            stage.send(guest, [octet])
            stage.settle()
        }
        #expect(stage.hear(guest, until: "all").contains("all"))
        #expect(stage.told(0).hasSuffix(Self.miss))
        #expect(stage.count(.prefixes) == 1)
        // The connection goes on at the right place.
        stage.send(guest, get())
        #expect(stage.turn { $0.heard(guest).components("all") == 2 })
        #expect(stage.leftovers() == [])
    }

    @Test func `chunks are read as one text`() throws {
        var stage = try makeStage()
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        let chunks = "8\r\n{\"order\"\r\nb\r\n:{\"kind\":\"e\r\n9\r\nxpress\"}}\r\n0\r\n\r\n"
        let guest = stage.visit(head + "Transfer-Encoding: chunked\r\n\r\n" + chunks)
        #expect(stage.hear(guest, until: "hit").contains("hit"))
        let other = stage.visit(head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
        stage.settle()
        #expect(stage.told(0) == "")
        stage.send(other, "0\r\n\r\n")
        #expect(stage.hear(other, until: "all").contains("all"))
        let bad = stage.visit(head + "Transfer-Encoding: chunked\r\n\r\nx\r\n")
        #expect(stage.hearAll(bad).contains("400 Bad Request"))
        #expect(stage.leftovers() == [])
    }

    @Test func `what lies behind the prefix is not seen, or refused`() throws {
        let long = #"{"pad":""# + String(repeating: "x", count: 300) + #"","#
        let late = long + #""order":{"kind":"express"}}"#
        let early = #"{"order":{"kind":"express"},"pad":""# + String(repeating: "x", count: 300)
        for refuses in [false, true] {
            var stage = try makeStage { plan in
                plan.limits.bodyPrefix = 256
                plan.limits.refusesLongBody = refuses
            }
            let guest = stage.visit(request(late))
            let wanted = refuses ? "413 Content Too Large" : "all"
            #expect(stage.hear(guest, until: wanted).contains(wanted))
            let second = stage.visit(request(early + "\"}"))
            let found = refuses ? "413 Content Too Large" : "hit"
            #expect(stage.hear(second, until: found).contains(found))
            // Of chunks nobody knows beforehand how many there are.
            let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            let chunk = "Transfer-Encoding: chunked\r\n\r\n12c\r\n\(late.prefix(300))\r\n"
            let third = stage.visit(head + chunk + "0\r\n\r\n")
            #expect(stage.hear(third, until: wanted).contains(wanted))
            #expect(stage.leftovers() == [])
        }
    }

    @Test(arguments: [("&plan=golden", 244, "all"), ("&plan=gold&x=1", 243, "hit")])
    func `a value that is cut is no value`(end: String, pad: Int, wanted: String) throws {
        var stage = try makeStage { $0.limits.bodyPrefix = 256 }
        // The prefix ends behind `gold`, or behind the `&` that follows.
        let body = "p=" + String(repeating: "x", count: pad) + end
        let guest = stage.visit(request(body, type: "application/x-www-form-urlencoded"))
        #expect(stage.hear(guest, until: wanted).contains(wanted))
        #expect(stage.leftovers() == [])
    }

    @Test func `by HTTP/2 a client is told to go on, and a body as long as the prefix is whole`()
        throws
    {
        var stage = try makeStage { plan in
            plan.limits.bodyPrefix = Self.hit.utf8.count
            plan.limits.refusesLongBody = true
        }
        var guest = try HTTP2Guest(&stage)
        let fields = [("content-type", "application/json"), ("expect", "100-continue")]
        let stream = guest.ask(&stage, "POST", "/", fields, content: "", isWhole: false)
        #expect(stage.turn(&guest) { $0.answers[stream]?.interims == ["100"] })
        guest.say(&stage, stream, Array(Self.hit.utf8))
        stage.settle()
        guest.say(&stage, stream, [], isLast: true)
        #expect(stage.turn(&guest) { $0.answers[stream]?.isComplete == true })
        #expect(guest.answers[stream]?.content == "hit")
    }

    @Test func `nobody waits where the body makes no difference`() throws {
        var stage = try makeStage(.all([.json(Self.express), .header(Self.flag)]))
        let guest = stage.visit(request("{", fields: "").replacingLength(by: 900))
        #expect(stage.turn { $0.told(0).contains("POST / ") })
        #expect(stage.count(.prefixes) == 0)
        stage.leave(guest)
        var other = try makeStage(.any([.json(Self.express), .header(Self.flag)]))
        let flagged = other.visit(request(Self.miss, fields: "X-Flag: 1\r\n"))
        #expect(other.hear(flagged, until: "hit").contains("hit"))
        #expect(other.count(.prefixes) == 0)
        #expect(stage.leftovers() == [] && other.leftovers() == [])
    }

    private static let flag = ValueMatch(name: "X-Flag", test: .present)

    @Test func `a client that holds its body back is told to go on`() throws {
        var stage = try makeStage()
        let whole = request(Self.hit, fields: "Expect: 100-continue\r\n")
        let guest = stage.visit(String(whole.dropLast(Self.hit.count)))
        stage.hear(guest, until: "100 Continue\r\n\r\n")
        stage.send(guest, Self.hit)
        #expect(stage.hear(guest, until: "hit").contains("hit"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a body that does not come ends the wait, and so does a client that goes`() throws {
        var stage = try makeStage()
        let part = String(request(Self.hit).dropLast(5))
        let slow = stage.visit(part)
        #expect(stage.turn { $0.count(.prefixes) == 1 })
        stage.advance(.seconds(11))
        #expect(stage.hearAll(slow).contains("408 Request Timeout: body-timeout"))
        let gone = stage.visit(part)
        #expect(stage.turn { $0.count(.prefixes) == 2 })
        stage.finish(gone)
        #expect(stage.turn { $0.count(.clientGone) == 1 })
        #expect(stage.leftovers() == [])
    }
}

extension String {
    /// The request with another length than that of its body.
    fileprivate func replacingLength(by length: Int) -> String {
        guard let start = range(of: "Content-Length: "), let end = range(of: "\r\n\r\n") else {
            return self
        }
        return String(self[..<start.upperBound]) + "\(length)" + self[end.lowerBound...]
    }
}
