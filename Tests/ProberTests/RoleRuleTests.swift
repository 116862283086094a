// SPDX-License-Identifier: Apache-2.0
import HTTPProtocol
import Steering
import Testing

@testable import Prober

@Suite struct RoleRuleTests {
    private func role(_ rule: RoleRule, _ body: String, status: UInt16 = 200) -> EndpointRole {
        rule.role(status: status, body: Array(body.utf8).span)
    }

    @Test(
        arguments: [
            (#"{"role": "primary"}"#, .leader), (#"{"role": "PRIMARY"}"#, .leader),
            (#"{"role": "standby"}"#, .replica), (#"{"role": true}"#, .leader),
            (#"{"role": 1}"#, .replica), (#"{"role": null}"#, .unknown),
            (#"{"rule": "x"}"#, .unknown),
            ("primary", .unknown), ("", .unknown), (#"{"role": {"role": "primary"}}"#, .unknown),
        ] as [(String, EndpointRole)]
    )
    func `a field says the role, and what is not there says nothing`(
        body: String,
        wanted: EndpointRole
    ) {
        let rule = RoleRule.field(path: ["role"], leader: ["primary", "true"])
        #expect(role(rule, body) == wanted)
    }

    @Test func `a path leads down to the field`() {
        let rule = RoleRule.field(path: ["a", "b"], leader: ["x"])
        #expect(role(rule, #"{"a": {"b": "x"}}"#) == .leader)
        #expect(role(rule, #"{"a": [{"b": "x"}]}"#) == .unknown)
    }

    @Test func `a status says the role`() {
        let rule = RoleRule.status([200...200])
        #expect(role(rule, "") == .leader)
        #expect(role(rule, "", status: 503) == .replica)
    }

    @Test func `an exchange tells the role of a whole answer only`() {
        var question = HTTPQuestion(path: "/")
        question.dependencies = .ignore
        question.role = .field(path: ["role"], leader: ["leader"])
        var exchange = ProbeExchange()
        exchange.begin(.http(question))
        _ = exchange.connected()
        #expect(exchange.role == nil)
        var fields = FieldTable(limit: 16)
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n"
        let answer = Array((head + #"{"role":"leader"}"#).utf8)
        let part = answer.span.extracting(0..<answer.count - 4)
        let taken = exchange.received(part, fields: &fields).consumed
        #expect(exchange.role == nil)
        _ = exchange.received(answer.span.extracting(taken..<answer.count), fields: &fields)
        #expect(exchange.role == .leader)
        exchange.begin(.http(question))
        #expect(exchange.expired() != .wait && exchange.role == nil)
    }
}
