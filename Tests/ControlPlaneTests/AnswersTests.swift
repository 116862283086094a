// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPProtocol
import Testing

@testable import ControlPlane

/// Records of queries and counts of answers, as the API and the terminal show them.
@Suite struct AnswersTests {
    private func ask(
        _ target: String,
        _ surface: inout StillSurface,
        status: UInt16 = 200
    ) throws -> JSONValue {
        let desk = AdminDesk(listen: nil, events: EventLog(level: .info), log: nil)
        let request = ServiceRequest(
            method: .get,
            target: "/api/v1/dns/\(target)",
            fields: [ServiceRequest.Field("host", "localhost")]
        )
        let moment = Moment(now: Instant(nanoseconds: 160_000_000_000), realtime: 0)
        guard case .now(let response) = desk.answer(request, &surface, at: moment),
            case .bytes(let bytes) = response.body
        else { return .null }
        #expect(response.status == status, "\(String(decoding: bytes, as: UTF8.self))")
        return try JSONReader.read(bytes)
    }

    @Test func `before the first query there is nothing to tell, and it is said why`() throws {
        var surface = try StillSurface()
        let queries = try ask("queries", &surface)
        #expect(queries["queries"]?.elements?.isEmpty == true)
        #expect(queries["sampledOneIn"]?.integer == 1000)
        let none = AnswersText.queries(queries, usesColour: false)
        #expect(none == "no query has been picked yet; a record is kept of one query in 1000\n")
        let off: JSONValue = ["sampledOneIn": .null, "kept": 0, "queries": .array([])]
        #expect(AnswersText.queries(off, usesColour: false).contains("dns.sample-queries is off"))
        let answers = try ask("answers", &surface)
        #expect(answers["policies"]?.elements?.isEmpty == true)
        #expect(AnswersText.answers(answers, usesColour: false) == "no policy has answered yet\n")
        let policy = try ask("answers?policy=www", &surface)["policies"]?[0]
        #expect(policy?["answers"]?.integer == 0 && policy?["networks"]?.elements?.isEmpty == true)
        let targets = policy?["targets"]?.elements ?? []
        #expect(targets.map { $0["name"]?.string } == ["web/one", "web/two"])
        #expect(targets.map { $0["weightShare"]?.number } == [0.75, 0.25])
        #expect(targets[0]["answeredShare"]?.isNull == true)
        #expect(targets[0]["requests"]?.integer == 0)
    }

    @Test(
        arguments: [
            ("queries?limit=0", "M3016", 422), ("queries?limit=1001", "M3016", 422),
            ("queries?from=10.0.0.0/33", "M3016", 422), ("queries?name=a..b", "M3016", 422),
            ("queries?nane=a", "M3016", 422), ("answers?policy=nobody", "M3042", 404),
            ("answers?name=www", "M3016", 422),
        ] as [(String, String, UInt16)]
    )
    func `what cannot be asked is refused`(target: String, code: String, status: UInt16) throws {
        var surface = try StillSurface()
        let problem = try ask(target, &surface, status: status)
        #expect(problem["code"]?.string == code)
    }

    @Test func `a record is told in the words of explain`() {
        let query: JSONValue = [
            "time": "2026-11-20T17:05:09.250Z", "transport": "udp", "resolver": "198.51.100.53",
            "subnet": "203.0.113.0/24", "subnetHeard": false, "name": "www.example.com.",
            "type": "A", "rcode": "NOERROR",
            "records": .array(["www.example.com. 30 IN A 192.0.2.1"]),
            "scope": 24, "ttl": 30, "whyTTL": "the highest there is",
            "policy": "www", "why": "all is well", "truncated": true,
            "answered": .array(["web/one", .null]), "pathLeftOut": 2,
            "path": .array([
                [
                    "depth": 0, "name": "www", "kind": "failover", "why": "2 of 2 branches live",
                    "passedOver": .array([["name": "two", "whyNot": "one comes before it"]]),
                ],
                ["depth": 1, "name": "one", "kind": "address", "why": .null],
            ]),
        ]
        let document: JSONValue = ["sampledOneIn": 1, "kept": 1, "queries": .array([query])]
        let text = AnswersText.queries(document, usesColour: false)
        #expect(
            text == """
                query    www.example.com. A
                         by 198.51.100.53 for 203.0.113.0/24, which does not count over udp at \
                2026-11-20T17:05:09.250Z
                policy   www
                         all is well
                ->       www failover: 2 of 2 branches live
                           two not taken: one comes before it
                ->         one address
                         and 2 more
                scope    /24
                ttl      30: the highest there is
                answer   NOERROR
                         www.example.com. 30 IN A 192.0.2.1
                         cut: the rest is to be had by TCP
                         from web/one, gone

                """
        )
    }

    @Test func `bounds and shares are told as such`() {
        let target: JSONValue = [
            "name": "web/one", "address": "192.0.2.1", "weight": 3, "weightShare": .null,
            "answers": 7, "answeredShare": .number(0.7), "requests": .null, "landedShare": .null,
        ]
        let network: JSONValue = [
            "network": "198.51.100.0/24", "answers": 5, "atMost": 6, "share": .number(0.5),
            "given": .array([["name": "web/one", "answers": 5, "share": 1]]),
        ]
        let policy: JSONValue = [
            "name": "www", "answers": 10, "targets": .array([target]), "networkCount": 3,
            "networks": .array([network]),
        ]
        let document: JSONValue = [
            "policies": .array([policy]), "unlistedAtMost": 4, "uncounted": 2,
        ]
        let text = AnswersText.answers(document, usesColour: false)
        for part in [
            "www  10 answers\n", "by place", "70.0 %", "5 to 6", "web/one 100.0 %",
            "and 2 more networks\n", "has had at most 4 answers of a policy.\n",
            "2 counts found no room.\n",
        ] {
            #expect(text.contains(part), "\(part) in:\n\(text)")
        }
        #expect(!text.contains("LANDED"), "a column of nothing")
    }
}
