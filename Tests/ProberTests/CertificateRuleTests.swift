// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Steering
import Testing

@testable import Prober

@Suite struct CertificateRuleTests {
    private static let day: Int64 = 86_400
    private static let now: Int64 = 1_800_000_000

    @Test(arguments: [
        (14 * day, ""), (14 * day - 1, "certificate ends in 13 days"),
        (2 * day - 1, "certificate ends in 1 day"), (day - 1, "certificate ends within a day"),
        (0, "certificate ends within a day"), (-1, "certificate has ended"),
        (Int64.min, "certificate has ended"),
    ])
    func `the days left are named or fail`(left: Int64, text: String) {
        let ends = left == .min ? .min : Self.now + left
        let lax = CertificateRule(leastDays: 14, isRequired: false)
        let strict = CertificateRule(leastDays: 14, isRequired: true)
        // A time that cannot be subtracted is still a verdict, never a trap.
        guard left != .min else {
            _ = strict.judge(ends: ends, now: Self.now)
            return
        }
        #expect(lax.judge(ends: ends, now: Self.now).outcome == .success)
        #expect(lax.judge(ends: ends, now: Self.now).note == text)
        let verdict = strict.judge(ends: ends, now: Self.now).outcome
        #expect(
            verdict == (text.isEmpty ? .success : .failure(.certificateEnding, detail: text))
        )
    }

    private func connect(_ rule: CertificateRule?, left: Int64) -> (ProbeExchange.Action, String) {
        var exchange = ProbeExchange()
        exchange.begin(.connect, certificate: rule)
        let action = exchange.agreed(certificateEnds: Self.now + left, now: Self.now)
        #expect(exchange.certificateEnds == Self.now + left)
        return (action, exchange.note)
    }

    @Test func `a handshake passes or fails by the rule`() {
        let text = "certificate ends in 3 days"
        let left = 3 * Self.day
        #expect(connect(nil, left: left) == (.finish(.success), ""))
        let lax = CertificateRule(leastDays: 14, isRequired: false)
        #expect(connect(lax, left: left) == (.finish(.success), text))
        let strict = CertificateRule(leastDays: 14, isRequired: true)
        let failure = ProbeOutcome.failure(.certificateEnding, detail: text)
        #expect(connect(strict, left: left) == (.finish(failure), ""))
        #expect(connect(strict, left: 30 * Self.day) == (.finish(.success), ""))
    }

    @Test func `a request is sent on after a warning, and its note is not lost`() {
        var exchange = ProbeExchange()
        var question = HTTPQuestion(path: "/")
        question.method = .head
        let lax = CertificateRule(leastDays: 14, isRequired: false)
        exchange.begin(.http(question), certificate: lax)
        #expect(exchange.agreed(certificateEnds: Self.now + 1, now: Self.now) == .send)
        var fields = FieldTable(limit: 10)
        let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
        let reception = exchange.received(answer.span, fields: &fields)
        #expect(reception.action == .finish(.success))
        #expect(exchange.note == "certificate ends within a day")
        // The next probe begins without it.
        exchange.begin(.connect)
        #expect(exchange.connected() == .finish(.success))
        #expect(exchange.note.isEmpty && exchange.certificateEnds == 0)
    }
}
