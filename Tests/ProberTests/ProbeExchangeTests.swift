// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import Prober

private func question(_ change: (inout HTTPQuestion) -> Void = { _ in }) -> ProbeQuestion {
    var http = HTTPQuestion(path: "/healthz")
    change(&http)
    return .http(http)
}

/// How a dialogue ended: the outcome, and what else the exchange knew.
private struct Ending: Equatable {
    var outcome: ProbeOutcome?
    var note = ""
    var status: UInt16 = 0
}

/// Plays an answer to an exchange in pieces of `step` bytes, as a driver would, then closes.
private func perform(
    _ question: ProbeQuestion,
    _ answer: String,
    step: Int,
    close: Bool
) -> (ending: Ending, role: EndpointRole?) {
    var exchange = ProbeExchange()
    var fields = FieldTable(limit: 100)
    exchange.begin(question)
    guard exchange.connected() == .send else { return (Ending(), nil) }
    let bytes = Array(answer.utf8)
    var held: [UInt8] = []
    var position = 0
    var action = ProbeExchange.Action.wait
    while position < bytes.count, action == .wait {
        let end = position + min(step, bytes.count - position)
        held += bytes[position..<end]
        position = end
        let reception = exchange.received(held.span, fields: &fields)
        held.removeFirst(reception.consumed)
        action = reception.action
    }
    if action == .wait, close { action = exchange.ended() }
    guard case .finish(let outcome) = action else {
        return (Ending(status: exchange.status), exchange.role)
    }
    let ending = Ending(outcome: outcome, note: exchange.note, status: exchange.status)
    return (ending, exchange.role)
}

/// How a dialogue ended.
private func play(
    _ question: ProbeQuestion,
    _ answer: String,
    step: Int = .max,
    close: Bool = true
) -> Ending {
    perform(question, answer, step: step, close: close).ending
}

/// What a dialogue has told of the endpoint's part.
private func role(_ question: ProbeQuestion, _ answer: String) -> EndpointRole? {
    perform(question, answer, step: .max, close: true).role
}

private func length(_ body: String, status: String = "200 OK") -> String {
    "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

private func chunked(_ pieces: [String], trailer: String = "") -> String {
    let chunks = pieces.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)0\r\n\(trailer)\r\n"
}

@Suite struct ProbeExchangeTests {
    @Test func `a role is what a passing answer says, and a failing one says nothing of it`() {
        let byStatus = question { http in
            http.role = .status([200...200])
            http.statuses = [200...200, 429...429]
        }
        #expect(role(byStatus, length("")) == .leader)
        #expect(role(byStatus, length("", status: "429 Busy")) == .replica)
        #expect(role(byStatus, length("", status: "500 Broken")) == nil)
        let byField = question { $0.role = .field(path: ["role"], leader: ["primary"]) }
        #expect(role(byField, length(#"{"role":"primary"}"#)) == .leader)
        #expect(role(byField, length("oops")) == .unknown)
        #expect(role(byField, length("<h1>overload</h1>", status: "503 Busy")) == nil)
        // Whoever is asked for no role has none.
        #expect(role(question(), length("")) == .unknown)
        var exchange = ProbeExchange()
        exchange.begin(.connect)
        #expect(exchange.connected() == .finish(.success) && exchange.role == .unknown)
    }

    @Test func `a connection is enough for a question that asks only for one`() {
        var exchange = ProbeExchange()
        exchange.begin(.connect)
        #expect(exchange.isConnecting)
        #expect(exchange.connected() == .finish(.success))
    }

    @Test(arguments: [1, 2, 7, 4096])
    func `an answer passes however it is cut into pieces`(step: Int) throws {
        let asked = question {
            $0.bodyContains = "all good"
            $0.readLimit = 1_000
        }
        let answers = [
            length("yes, all good here"),
            chunked(["yes, al", "l good", " here"]),
            chunked(["yes, all good"], trailer: "X-Sum: 1\r\n"),
            "HTTP/1.1 200 OK\r\n\r\nyes, all good",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + length("all good"),
        ]
        for answer in answers {
            let ending = play(asked, answer, step: step)
            #expect(ending == Ending(outcome: .success, status: 200), "\(answer)")
        }
    }

    @Test(arguments: [
        ("204 No Content", [200...299] as [ClosedRange<UInt16>], ProbeOutcome.success),
        ("404 Not Found", [200...299], .failure(.status404, detail: "status 404")),
        ("404 Not Found", [200...200, 404...404], .success),
        ("503 Busy", [200...399], .failure(.status503, detail: "status 503")),
        ("418 Teapot", [200...200], .failure(.statusUnexpected, detail: "status 418")),
    ])
    func `the status decides within the expected ranges`(
        status: String,
        expected: [ClosedRange<UInt16>],
        outcome: ProbeOutcome
    ) {
        let body = status.hasPrefix("204") ? "\r\n" : "Content-Length: 0\r\n\r\n"
        let ending = play(question { $0.statuses = expected }, "HTTP/1.1 \(status)\r\n\(body)")
        #expect(ending.outcome == outcome)
    }

    @Test func `a body without the text, or that the expression does not match, fails`() throws {
        let text = question { $0.bodyContains = "green" }
        #expect(
            play(text, length("all gree n")).outcome
                == .failure(.bodyMismatch, detail: "text not found")
        )
        let expression = try RegularExpression("^version: [0-9]+\\.[0-9]+$")
        let matching = question { $0.bodyExpression = expression }
        #expect(play(matching, length("version: 1.22")).outcome == .success)
        #expect(
            play(matching, length("version: 1.x")).outcome
                == .failure(.bodyMismatch, detail: "expression does not match")
        )
    }

    @Test func `a failing dependency is named by the rule that the question has`() {
        let body = #"{"status":"fail","checks":{"db":{"status":"fail"}}}"#
        let named = ProbeOutcome.failure(.dependency, detail: "db=fail")
        let status = "503 Service Unavailable"
        let report = question()
        #expect(play(report, length(body, status: status)).outcome == named)
        #expect(
            play(report, length(body)) == Ending(outcome: .success, note: "db=fail", status: 200)
        )
        let require = question { $0.dependencies = .require }
        #expect(play(require, length(body)).outcome == named)
        #expect(
            play(require, length("fine")).outcome
                == .failure(.bodyMismatch, detail: "no JSON body with a status")
        )
        #expect(play(require, length(#"{"db":"ok"}"#)).outcome == .success)
        let ignore = question { $0.dependencies = .ignore }
        #expect(
            play(ignore, length(body, status: status)).outcome
                == .failure(.status503, detail: "status 503")
        )
        #expect(play(ignore, length(body)) == Ending(outcome: .success, status: 200))
    }

    @Test func `a body past the read limit is judged by what was read`() {
        let huge = String(repeating: "x", count: 5_000)
        let early = question {
            $0.bodyContains = "needle"
            $0.readLimit = 100
        }
        let answers = [length("needle" + huge), chunked(["needle", huge])]
        for answer in answers {
            #expect(play(early, answer, close: false).outcome == .success)
        }
        #expect(
            play(early, length(huge + "needle"), step: 64, close: false).outcome
                == .failure(.bodyMismatch, detail: "text not found")
        )
        #expect(
            play(early, "HTTP/1.1 200 OK\r\n\r\n" + huge, close: false).outcome
                == .failure(.bodyMismatch, detail: "text not found")
        )
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        "HTTP/1.1 200 O",
        "",
    ])
    func `a close before the end of the answer fails`(answer: String) {
        guard case .failure(let reason, _)? = play(question(), answer).outcome else {
            Issue.record("passed: \(answer)")
            return
        }
        #expect(reason == .closedEarly)
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2.0 200 OK\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
    func `an answer that is not valid HTTP is called malformed`(answer: String) {
        guard case .failure(let reason, let detail)? = play(question(), answer).outcome else {
            Issue.record("passed")
            return
        }
        #expect(reason == .malformedResponse)
        #expect(!detail.isEmpty)
    }

    @Test func `a head without end and interim answers without end are malformed`() {
        let field = "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 20_000) + "\r\n\r\n"
        let interims = String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 20)
        for answer in [field, interims] {
            guard case .failure(let reason, _)? = play(question(), answer, step: 64).outcome else {
                Issue.record("passed")
                continue
            }
            #expect(reason == .malformedResponse)
        }
    }

    @Test func `a broken connection is told by its phase`() {
        func broken(connected: Bool, _ fault: ProbeExchange.Fault) -> ProbeExchange.Action {
            var exchange = ProbeExchange()
            exchange.begin(question())
            if connected { _ = exchange.connected() }
            return exchange.broke(fault)
        }
        func failure(_ reason: HealthReason, _ detail: String = "") -> ProbeExchange.Action {
            .finish(.failure(reason, detail: detail))
        }
        #expect(broken(connected: false, .refused) == failure(.connectRefused))
        #expect(broken(connected: false, .timedOut) == failure(.connectTimeout))
        #expect(broken(connected: false, .other("No route")) == failure(.connectFailed, "No route"))
        #expect(broken(connected: true, .reset) == failure(.connectionReset))
        #expect(broken(connected: true, .timedOut) == failure(.probeTimeout))
    }

    @Test func `a timeout says how far the answer had come`() {
        var exchange = ProbeExchange()
        var fields = FieldTable(limit: 100)
        exchange.begin(question())
        #expect(exchange.expired() == .finish(.failure(.connectTimeout, detail: "")))
        exchange.begin(question())
        _ = exchange.connected()
        #expect(exchange.expired() == .finish(.failure(.probeTimeout, detail: "no answer")))
        exchange.begin(question())
        _ = exchange.connected()
        let head = Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".utf8)
        _ = exchange.received(head.span, fields: &fields)
        #expect(
            exchange.expired()
                == .finish(.failure(.probeTimeout, detail: "status 200, body unfinished"))
        )
    }

    @Test func `nothing of one probe is left in the next`() {
        var exchange = ProbeExchange()
        var fields = FieldTable(limit: 100)
        let asked = question { $0.bodyContains = "needle" }
        for (body, outcome) in [
            ("needle", ProbeOutcome.success),
            ("nothing", .failure(.bodyMismatch, detail: "text not found")),
        ] {
            exchange.begin(asked)
            #expect(exchange.status == 0)
            _ = exchange.connected()
            let action = exchange.received(Array(length(body).utf8).span, fields: &fields).action
            #expect(action == .finish(outcome))
            let later = exchange.received([1].span, fields: &fields).action
            #expect(later == .wait, "it is over")
        }
    }

    @Test func `a HEAD question does not wait for the body it was told of`() {
        let asked = question { $0.method = .head }
        let ending = play(asked, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", close: false)
        #expect(ending.outcome == .success)
    }
}

@Suite struct ProbeRequestTests {
    private let address = SocketAddress(IPAddress(v4: 0xc000_0201), port: 8080)

    private func text(_ question: ProbeQuestion) -> String {
        String(decoding: ProbeRequest.bytes(question, to: address), as: UTF8.self)
    }

    @Test func `a request carries the address, our name and the end of the connection`() {
        #expect(
            text(question()) == """
                GET /healthz HTTP/1.1\r
                Host: 192.0.2.1:8080\r
                User-Agent: Martlet-Prober\r
                Accept: */*\r
                Connection: close\r
                \r

                """
        )
        #expect(text(.connect) == "")
    }

    @Test func `fields of the question take the place of ours, except Connection`() {
        let asked = question {
            $0.method = .head
            $0.host = "app.example"
            $0.fields = [
                ProbeField("user-agent", "me"), ProbeField("Connection", "keep-alive"),
                ProbeField("X-Key", "v"),
            ]
        }
        let lines = text(asked).split(separator: "\r\n").map(String.init)
        #expect(
            lines == [
                "HEAD /healthz HTTP/1.1", "Host: app.example", "Accept: */*", "user-agent: me",
                "X-Key: v", "Connection: close",
            ]
        )
    }

    @Test func `no field or path can smuggle a line`() {
        let asked = question {
            $0.path = "/a b\r\nX: 1#é"
            $0.fields = [ProbeField("A", "b\r\nEvil: 1"), ProbeField("B: c\r\nEvil", "1")]
        }
        #expect(!text(asked).contains("Evil"))
        #expect(text(asked).hasPrefix("GET /a%20b%0D%0AX:%201%23%C3%A9 HTTP/1.1\r\n"))
    }
}

@Suite struct RegularExpressionTests {
    @Test(arguments: [
        ([0, 0x61, 0x62, 0x62, 0xff, 0] as [UInt8], true), ([0x62], false), ([], false),
    ])
    func `an expression matches anywhere and over arbitrary bytes`(
        bytes: [UInt8],
        isMatch: Bool
    ) throws {
        let expression = try RegularExpression("b+\\xff")
        let found = expression.matches(bytes.span)
        #expect(found == isMatch)
    }

    @Test func `a pattern that does not compile says why`() {
        #expect(throws: RegularExpression.PatternError.self) { try RegularExpression("(a") }
        let error = #expect(throws: RegularExpression.PatternError.self) {
            try RegularExpression("a{1001}")
        }
        #expect(error?.reason.isEmpty == false)
    }

    @Test func `a pattern that ruins backtracking engines is matched at once`() throws {
        let expression = try RegularExpression("^(a+)+$")
        let bytes = [UInt8](repeating: 0x61, count: 60_000) + [0x62]
        let found = expression.matches(bytes.span)
        #expect(!found)
    }
}
