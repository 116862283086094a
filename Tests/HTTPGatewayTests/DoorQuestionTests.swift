// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import HTTPGateway

/// DNS over HTTPS (RFC 8484).
@Suite struct DoorQuestionTests {
    private func makeStage(_ change: (inout GatewayPlan) -> Void = { _ in }) throws -> DoorHarness {
        var stage = try DoorHarness([[.answer(ok("all"))]]) { plan in
            // TLS has ended in front.
            plan.listeners[0].trusted = ["0.0.0.0/0", "::/0"].compactMap { Prefix($0) }
            let path = PathMatch.exact("/dns-query")
            plan.routes.insert(
                RoutePlan(name: "names", host: .any, path: path, action: .dns),
                at: 0
            )
            change(&plan)
        }
        stage.message = Array("the answer".utf8)
        stage.reply = DNSReply(lifetime: 60, isPersonal: false)
        return stage
    }

    private func post(
        _ body: String,
        type: String = "application/dns-message",
        fields: String = ""
    ) -> String {
        "POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\n\(fields)"
            + "X-Forwarded-Proto: https\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private func get(_ query: String, fields: String = "", method: String = "GET") -> String {
        "\(method) /dns-query\(query) HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\(fields)\r\n"
    }

    @Test func `messages of GET and POST are answered on one connection`() throws {
        var stage = try makeStage()
        let guest = stage.visit(post("question one") + get("?x=1&dns=cXVlc3Rpb24gdHdv"))
        stage.turn { $0.heard(guest).components(of: "the answer") == 2 }
        #expect(
            stage.asked.map { String(decoding: $0, as: UTF8.self) } == [
                "question one", "question two",
            ]
        )
        let heard = stage.heard(guest)
        #expect(heard.components(of: "Content-Type: application/dns-message\r\n") == 2)
        #expect(heard.components(of: "Content-Length: 10\r\n") == 2)
        #expect(heard.components(of: "Cache-Control: max-age=60\r\n") == 2)
        #expect(!heard.contains("Connection: close"))
        #expect(stage.leftovers() == [])
    }

    @Test func `what may be kept is said, and HEAD has no content`() throws {
        var stage = try makeStage()
        stage.reply = DNSReply(lifetime: 7, isPersonal: true)
        var guest = stage.visit(get("?dns=AAAA", method: "HEAD"))
        let head = stage.hear(guest, until: "\r\n\r\n")
        #expect(head.contains("Cache-Control: private, max-age=7\r\n"))
        #expect(head.contains("Content-Length: 10\r\n") && head.hasSuffix("\r\n\r\n"))
        stage.reply = DNSReply(lifetime: nil, isPersonal: true)
        guest = stage.visit(get("?dns=AAAA"))
        #expect(stage.hear(guest, until: "answer").contains("Cache-Control: no-store\r\n"))
    }

    @Test(
        arguments: [
            ("", 400), ("?dns=", 400), ("?dns=A", 400), ("?dns=AAA=", 400), ("?dns=+/+/", 400),
            ("?dn=AAAA", 400), ("?dns=AAAA", 200), ("?dns=AAAA&dns=BBBB", 200),
            ("?dns=%41AA%41", 200), ("?dns=%41A%4", 400), ("?dns=%4xAAA", 400),
            ("?dns=%2B%2F%2b%2f", 400), ("?dns=%", 400),
            ("?dns=" + String(repeating: "%41", count: 1000), 200),
            ("?dns=" + String(repeating: "A", count: 5_460), 200),
            ("?dns=" + String(repeating: "A", count: 5_468), 400),
        ]
    )
    func `a parameter that is no message is refused`(query: String, status: Int) throws {
        var stage = try makeStage()
        let guest = stage.visit(get(query))
        #expect(stage.hear(guest, until: "\r\n\r\n").hasPrefix("HTTP/1.1 \(status) "))
        #expect(stage.asked.isEmpty == (status == 400))
        #expect(stage.leftovers() == [])
    }

    @Test func `what is no question gets the status that says why`() throws {
        var stage = try makeStage()
        let long = String(repeating: "x", count: 4_097)
        for (request, status) in [
            (post(""), 400), (post("q", type: "text/plain"), 415),
            (post("q", type: "application/dns-messages"), 415),
            (post("q", type: "Application/DNS-Message; a=b"), 200), (post(long), 413),
            (post("q", fields: "Accept: text/html\r\n"), 406),
            (post("q", fields: "Accept: text/html, application/dns-message\r\n"), 200),
            (post("q", fields: "Accept: */*\r\n"), 200),
            (get("?dns=AAAA", method: "DELETE"), 405), (get("?dns=AAAA", method: "OPTIONS"), 405),
        ] {
            let guest = stage.visit(request)
            let heard = stage.hear(guest, until: "\r\n\r\n")
            #expect(heard.hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(80)): \(heard)")
            if status == 405 { #expect(heard.contains("Allow: GET, HEAD, POST\r\n")) }
        }
        #expect(stage.leftovers() == [])
    }

    // RFC 8484 §5, RFC 9110 §7.4.
    @Test func `what comes in the clear is for https, unless a proxy that is believed says so`()
        throws
    {
        for (isTrusted, scheme, status) in [
            (true, "https", 200), (true, "HTTPS", 200), (true, "http", 421), (true, nil, 421),
            (false, "https", 421), (false, nil, 421),
        ] as [(Bool, String?, Int)] {
            var stage = try makeStage { if !isTrusted { $0.listeners[0].trusted = [] } }
            let field = scheme.map { "X-Forwarded-Proto: \($0)\r\n" } ?? ""
            let guest = stage.visit(
                "GET /dns-query?dns=AAAA HTTP/1.1\r\nHost: a\r\n\(field)\r\n"
            )
            let heard = stage.hear(guest, until: "\r\n\r\n")
            #expect(heard.hasPrefix("HTTP/1.1 \(status) "), "\(isTrusted) \(scheme ?? "-")")
            #expect(stage.asked.isEmpty == (status != 200))
        }
    }

    @Test func `content in pieces and in chunks is waited for`() throws {
        var stage = try makeStage()
        let whole = post("question one")
        var guest = stage.visit(String(whole.dropLast(5)))
        stage.settle()
        #expect(stage.asked.isEmpty)
        stage.send(guest, String(whole.suffix(5)))
        #expect(stage.hear(guest, until: "answer").hasPrefix("HTTP/1.1 200 "))
        guest = stage.visit(
            "POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: application/dns-message\r\n"
                + "X-Forwarded-Proto: https\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nquest\r\n3\r\nion\r\n"
        )
        stage.settle()
        #expect(stage.asked.count == 1)
        stage.send(guest, "0\r\n\r\n")
        #expect(stage.hear(guest, until: "answer").hasPrefix("HTTP/1.1 200 "))
        #expect(stage.asked.last.map { String(decoding: $0, as: UTF8.self) } == "question")
        guest = stage.visit(String(whole.dropLast(5)))
        stage.settle()
        stage.advance(.seconds(60))
        #expect(stage.hear(guest, until: "\r\n\r\n").hasPrefix("HTTP/1.1 408 "))
        #expect(stage.leftovers() == [])
    }

    @Test func `a message that gets no answer is a fault of the request`() throws {
        var stage = try makeStage()
        stage.message = []
        let guest = stage.visit(post("question"))
        #expect(stage.hear(guest, until: "\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
    }

    @Test func `an answer that is longer than a block of output is refused, not cut`() throws {
        var stage = try makeStage()
        stage.message = [UInt8](repeating: 1, count: 60_000)
        var guest = stage.visit(post("question"))
        stage.turn { $0.guests[guest].heard.count > 60_000 }
        #expect(stage.heard(guest).hasPrefix("HTTP/1.1 200 "))
        stage.message = [UInt8](repeating: 1, count: 65_535)
        guest = stage.visit(post("question"))
        #expect(stage.hear(guest, until: "\r\n\r\n").hasPrefix("HTTP/1.1 500 "))
    }
}

extension String {
    /// How often a text is there.
    fileprivate func components(of text: String) -> Int {
        var (rest, count) = (self[...], 0)
        while let range = rest.firstRange(of: text) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
