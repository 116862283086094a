// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import ControlPlane
@testable import HTTPGateway

@Suite struct StoryTests {
    private func story(_ change: (inout [JSONMember]) -> Void = { _ in }) -> JSONValue {
        let attempts: JSONValue = [
            [
                "endpoint": "a", "status": .null, "reason": "connect-refused",
                "beganMilliseconds": .number(0.1), "milliseconds": .number(0.25),
            ],
            [
                "endpoint": .null, "status": 500, "reason": "ok", "beganMilliseconds": 1,
                "milliseconds": .number(12.345),
            ],
        ]
        let candidate: JSONValue = [
            "name": "a", "health": "down", "administrative": "ready", "tier": 0, "inFlight": 3,
            "tried": true, "whyNot": "down: connect-refused",
        ]
        var members: [JSONMember] = [
            JSONMember("id", "00ff"), JSONMember("time", "2026-11-20T17:05:09.250Z"),
            JSONMember("client", "192.0.2.7"), JSONMember("secure", true),
            JSONMember("method", "GET"), JSONMember("host", "www.example.com"),
            JSONMember("path", "/a"), JSONMember("status", 500), JSONMember("reason", "ok"),
            JSONMember("answeredBy", "endpoint"), JSONMember("why", "because"),
            JSONMember("route", "all"), JSONMember("pool", "web"), JSONMember("session", .null),
            JSONMember("attempts", attempts), JSONMember("candidates", [candidate]),
            JSONMember("candidateCount", 20),
            JSONMember(
                "milliseconds",
                ["head": .number(0.08), "connect": .null, "total": .number(12.8)]
            ),
        ]
        change(&members)
        return .object(members)
    }

    @Test func `a story names who asked, what came of it, and every attempt`() {
        let text = StoryText.text(story(), usesColour: false)
        for line in [
            "request  00ff\n", "         GET https://www.example.com/a\n",
            "         by 192.0.2.7 at 2026-11-20T17:05:09.250Z\n",
            "answer   500 ok by an endpoint\n", "         because\n", "pool     web\n",
            "times    head 0.08 ms, total 12.8 ms\n", "and 19 more endpoints",
            "connect-refused  0.1 ms", "(gone)", "down: connect-refused",
        ] {
            #expect(text.contains(line), "\(line) in \(text)")
        }
        #expect(!text.contains("session"))
    }

    @Test func `second attempts are no retries, and attempts stand as they began`() throws {
        func attempt(_ number: Int, hedge: Bool = false, _ fault: Fault? = nil)
            -> RequestRecord.Attempt
        {
            var attempt = RequestRecord.Attempt(
                slot: number - 1,
                status: fault == nil ? 200 : 0,
                fault: fault.map { $0.rawValue + 1 } ?? 0,
                began: Int64(number),
                ended: 9
            )
            attempt.number = number
            attempt.isHedge = hedge
            return attempt
        }
        var overtaken = attempt(1)
        overtaken.isOvertaken = true
        let cases: [([RequestRecord.Attempt], retries: JSONValue)] = [
            ([attempt(1)], 0), ([overtaken, attempt(2, hedge: true)], 0),
            ([attempt(2, hedge: true, .originReset), attempt(1)], 0),
            ([attempt(1, .originReset), attempt(2, hedge: true)], 0),
            ([attempt(2, hedge: true, .originReset), attempt(1, .originReset), attempt(3)], 1),
            ([attempt(1, .originReset), attempt(2, .originReset), attempt(3)], 2),
        ]
        let view = try StillSurface().view
        for (attempts, retries) in cases {
            var record = RequestRecord()
            for attempt in attempts { record.add(attempt) }
            let story = RequestStory(record, view).json
            #expect(story["retries"] == retries)
            let began = story["attempts"]?.elements?.map { $0["beganMilliseconds"] }
            #expect(began == (1...attempts.count).map { .number(Double($0) / 1000) })
        }
    }

    @Test func `an exchange that was cut has no status`() {
        let cut = story { members in
            for place in members.indices where members[place].name == "status" {
                members[place].value = 0
            }
        }
        #expect(StoryText.text(cut, usesColour: false).contains("answer   no answer ok"))
    }
}
