// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

extension DoorHarness {
    /// What has been handed over for the export since the last call.
    func spanRecords() -> [SpanRecord] {
        var found: [SpanRecord] = []
        while let record = shared.spans[0].take() { found.append(record) }
        return found
    }
}

/// How attempts end, as spans and records tell it.
@Suite struct DoorAttemptSpanTests {
    /// Two attempts at a time for the request of client 0, both without an answer.
    private static func hedged(
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        var stage = try DoorSpanTests.stage([[.silence], [.silence]]) { plan in
            plan.poolPlans[0].hedge = HedgePlan(percentile: 95, percent: 100, least: .zero)
            configure(&plan)
        }
        for _ in 0..<100 { stage.door.hedges[0].record(.milliseconds(10)) }
        _ = stage.visit(get("/x", fields: DoorSpanTests.parent("01")))
        stage.turn { $0.told(0).contains("/x") }
        stage.settle()
        stage.advance(.milliseconds(20))
        stage.turn { $0.told(1).contains("/x") }
        return stage
    }

    private static func attempts(_ stage: borrowing DoorHarness) throws -> [RequestRecord.Attempt] {
        let record = try #require(stage.spanRecords().first)
        return record.request.attempts.sorted { $0.number < $1.number }
    }

    @Test func `where nobody has answered in time, nobody was overtaken`() throws {
        var stage = try Self.hedged { $0.routes[0].requestTimeout = .seconds(3) }
        stage.advance(.seconds(4))
        stage.hear(0, until: "request-timeout")
        let attempts = try Self.attempts(stage)
        #expect(attempts.map(\.reason) == ["request-timeout", "request-timeout"])
        #expect(attempts.allSatisfy { $0.isBroken && $0.status == 0 && !$0.isOvertaken })
        #expect(attempts.map(\.isHedge) == [false, true])
        #expect(stage.leftovers() == [])
    }

    @Test func `when the client goes, both attempts end with it`() throws {
        var stage = try Self.hedged()
        stage.leave(0, reset: true)
        stage.turn { $0.load.inFlight(0) == 0 && $0.load.inFlight(1) == 0 }
        let attempts = try Self.attempts(stage)
        #expect(attempts.map(\.reason) == ["client-gone", "client-gone"])
        #expect(attempts.allSatisfy { !$0.isBroken })
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [true, false])
    func `an attempt put aside ends with its endpoint`(drains: Bool) throws {
        var stage = try Self.hedged()
        if drains {
            let word = HealthWord(health: .up, administrative: .draining, reason: .noProbe)
            stage.health.publish(0, word)
            let end = stage.now + .seconds(1)
            stage.door.closeConnections(
                toSlot: 0,
                .drained(by: end),
                loop: &stage.loop,
                now: stage.now
            )
            stage.advance(.seconds(2))
        } else {
            stage.door.closeConnections(toSlot: 0, .all, loop: &stage.loop, now: stage.now)
        }
        stage.say(1, Array(ok("second").utf8))
        stage.hear(0, until: "second")
        let attempts = try Self.attempts(stage)
        #expect(attempts.map(\.reason) == [drains ? "endpoint-drained" : "endpoint-down", ""])
        #expect(attempts.map(\.isHedge) == [false, true])
        #expect(stage.leftovers() == [])
    }

    @Test func `a second attempt that is the only one left stays a second one`() throws {
        var stage = try Self.hedged()
        stage.close(0, reset: true)
        stage.turn { $0.load.inFlight(0) == 0 }
        stage.say(1, Array(ok("second").utf8))
        stage.hear(0, until: "second")
        let attempts = try Self.attempts(stage)
        #expect(attempts.map(\.isHedge) == [false, true])
        #expect(attempts.map(\.reason) == ["origin-reset", ""])
        #expect(stage.leftovers() == [])
    }

    @Test func `GOAWAY: what was sent has a span, and so has what was sent again`() throws {
        var stage = try DoorHarness(http2: 1) { plan in
            plan.listeners[0].tracing = true
            plan.traceShare = 100
        }
        let warm = stage.visit(get())
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        host.answer(&stage, 1, content: "warm")
        _ = stage.hear(warm, &host, until: "warm")
        host.session.goAway(.noError)
        _ = stage.spanRecords()
        let guest = stage.visit(get(fields: DoorSpanTests.parent("01")))
        stage.turn { $0.door.originStreams.count == 1 && !$0.door.hasReadyWork }
        host.speak(&stage)
        var next = try HTTP2Host(&stage, visitor: 1)
        let question = stage.question(&next, 1)
        next.answer(&stage, 1, content: "again")
        _ = stage.hear(guest, &next, until: "again")
        let record = try #require(stage.spanRecords().first)
        let attempts = record.request.attempts
        #expect(attempts.map(\.number) == [1, 2])
        #expect(attempts.map(\.reason) == ["origin-refused", ""])
        let last = record.trace.spanID(attempt: 2)
        let told = question.fields.first { $0.hasPrefix("traceparent: ") }?.split(separator: "-")
        #expect(told?.count == 4 && UInt64(told?[2] ?? "", radix: 16) == last)
        #expect(stage.leftovers() == [])
    }

    @Test func `an attempt cut by its request's body says so`() throws {
        var stage = try DoorSpanTests.stage([[.silence]])
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        let guest = stage.visit(head + DoorSpanTests.parent("01") + "\r\n5\r\nhello\r\n")
        stage.turn { $0.told(0).contains("hello") }
        stage.send(guest, "nonsense\r\n")
        #expect(stage.hearAll(guest).hasPrefix("HTTP/1.1 400"))
        let record = try #require(stage.spanRecords().first)
        let attempt = try #require(record.request.attempts.first)
        #expect(attempt.reason == record.request.reasonWord && attempt.reason != "ok")
        #expect(attempt.reason == "\(Refusal.chunkSize.word)")
        #expect(attempt.status == 0 && !attempt.isBroken, "the client's doing")
        #expect(stage.leftovers() == [])
    }

    @Test func `a method that is not known has its own name beside the word for all of them`()
        throws
    {
        var stage = try DoorSpanTests.stage()
        let name = "X-VERY-LONG-METHOD-NAME"
        let guest = stage.visit(
            "\(name) / HTTP/1.1\r\nHost: a\r\n\(DoorSpanTests.parent("01"))\r\n"
        )
        stage.hear(guest, until: "hello")
        let record = try #require(stage.spanRecords().first)
        #expect(record.method == "_OTHER")
        #expect(record.methodOriginal == String(name.prefix(SpanRecord.methodLimit)))
        let other = stage.visit(get(fields: DoorSpanTests.parent("01")))
        stage.hear(other, until: "hello")
        #expect(stage.spanRecords().first?.methodOriginal == "")
        #expect(stage.leftovers() == [])
    }
}

@Suite struct AttemptRecordTests {
    private func kept(_ attempt: RequestRecord.Attempt) throws -> RequestRecord.Attempt {
        var record = RequestRecord()
        record.add(attempt)
        return try #require(record.attempts.first)
    }

    @Test(arguments: [
        0, 1, 2_147_483_646, 2_147_483_647, 2_147_483_648, 4_294_967_295, 4_294_967_296,
        86_400_000_000, 20 * 86_400_000_000,
    ])
    func `times of long attempts are kept, to the millisecond`(ended: Int64) throws {
        var attempt = RequestRecord.Attempt(
            slot: 3,
            status: 101,
            fault: 7,
            began: 250,
            ended: ended
        )
        attempt.number = 9
        let kept = try kept(attempt)
        #expect(kept.began == 250 && kept.slot == 3 && kept.status == 101 && kept.number == 9)
        #expect((0..<1000).contains(ended - kept.ended), "\(ended) became \(kept.ended)")
    }

    @Test func `an attempt longer than all times ends with the largest`() throws {
        let attempt = RequestRecord.Attempt(slot: 0, status: 0, fault: 0, began: .max, ended: .max)
        let kept = try kept(attempt)
        #expect(kept.ended == kept.began && kept.ended > 24 * 86_400_000_000)
    }

    @Test func `marks do not touch each other`() throws {
        for bits in 0..<8 {
            var attempt = RequestRecord.Attempt(
                slot: 0x12_3456,
                status: 503,
                fault: 2,
                began: 1,
                ended: 2
            )
            attempt.isHedge = bits & 1 > 0
            attempt.isRefused = bits & 2 > 0
            attempt.isOvertaken = bits & 4 > 0
            attempt.number = 127
            #expect(try kept(attempt) == attempt)
        }
    }
}
