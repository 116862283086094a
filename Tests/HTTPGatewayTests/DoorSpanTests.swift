// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorSpanTests {
    static let id = "0af7651916cd43dd8448eb211c80319c"
    static func parent(_ flags: String) -> String {
        "traceparent: 00-\(id)-b7ad6b7169203331-\(flags)\r\n"
    }

    static func stage(
        _ parts: [[Part]] = [[.answer(ok())]],
        share: Int? = 100,
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness(parts) { plan in
            plan.listeners[0].tracing = true
            plan.traceShare = share
            plan.pools[0].balance = .firstAvailable
            configure(&plan)
        }
    }

    /// The parents that an origin was told, in order.
    private func parents(_ stage: borrowing DoorHarness, _ origin: Int) -> [UInt64] {
        stage.told(origin).split(separator: "\r\n").compactMap { line in
            let words = line.split(separator: "-")
            guard line.hasPrefix("traceparent: 00-"), words.count == 4 else { return nil }
            return UInt64(words[2], radix: 16)
        }
    }

    private func spans(_ stage: borrowing DoorHarness) -> [SpanRecord] {
        var found: [SpanRecord] = []
        while let record = stage.shared.spans[0].take() { found.append(record) }
        return found
    }

    @Test func `a request that is over has its place and all there is to tell`() throws {
        var stage = try Self.stage()
        let path = "/" + String(repeating: "long/", count: 60)
        let guest = stage.visit(get("\(path)?q=1", fields: Self.parent("01")))
        stage.hear(guest, until: "hello")
        let record = try #require(spans(stage).first)
        #expect(record.trace.traceID == UInt128(Self.id, radix: 16))
        #expect(record.trace.parentID == 0xb7ad_6b71_6920_3331 && record.trace.isSampled)
        #expect(record.method == "GET" && record.version == "1.1")
        #expect(record.path == String(path.prefix(256)))
        #expect(record.request.status == 200 && record.request.attempts.count == 1)
        #expect(parents(stage, 0) == [record.trace.spanID(attempt: 1)])
        #expect(stage.door.snapshot.routePath(of: record.request) == "/*")
        #expect(stage.leftovers() == [])
    }

    @Test func `each attempt has the id that its endpoint was told`() throws {
        var stage = try Self.stage([[.reset("")], [.reset("")], [.answer(ok())]])
        let guest = stage.visit(get(fields: Self.parent("01")))
        stage.hear(guest, until: "hello")
        let record = try #require(spans(stage).first)
        let attempts = record.request.attempts
        #expect(attempts.map(\.number) == [1, 2, 3])
        let told = (0...2).map { parents(stage, $0) }
        #expect(told == attempts.map { [record.trace.spanID(attempt: $0.number)] })
        #expect(Set(told.joined()).count == 3)
        #expect(stage.leftovers() == [])
        #expect(stage.door.trails.count == 0)
    }

    @Test(arguments: [true, false])
    func `of two attempts at a time the one that was cut is told of, too`(winsSecond: Bool) throws {
        var stage = try Self.stage([[.silence], [.silence]]) { plan in
            plan.poolPlans[0].hedge = HedgePlan(percentile: 95, percent: 100, least: .zero)
        }
        for _ in 0..<100 { stage.door.hedges[0].record(.milliseconds(10)) }
        let guest = stage.visit(get("/x", fields: Self.parent("01")))
        stage.turn { $0.told(0).contains("/x") }
        stage.settle()
        stage.advance(.milliseconds(20))
        stage.turn { $0.told(1).contains("/x") }
        stage.say(winsSecond ? 1 : 0, Array(ok("first").utf8))
        stage.hear(guest, until: "first")
        let record = try #require(spans(stage).first)
        let attempts = record.request.attempts.sorted { $0.number < $1.number }
        #expect(attempts.map(\.slot) == [0, 1])
        #expect(attempts.map(\.isOvertaken) == [winsSecond, !winsSecond])
        #expect(attempts.map(\.status) == (winsSecond ? [0, 200] : [200, 0]))
        for attempt in attempts {
            #expect(parents(stage, attempt.slot) == [record.trace.spanID(attempt: attempt.number)])
        }
        #expect(stage.leftovers() == [])
    }

    @Test func `what the client says of sampling holds, and a share for all others`() throws {
        var stage = try Self.stage(share: 0)
        for fields in [Self.parent("00"), "", Self.parent("01")] {
            let guest = stage.visit(get(fields: fields))
            stage.hear(guest, until: "hello")
        }
        #expect(spans(stage).map(\.trace.flags) == [1])
        #expect(stage.told(0).components("-00\r\n") == 2)
        var all = try Self.stage(share: 100)
        let guest = all.visit(get(fields: Self.parent("00")))
        all.hear(guest, until: "hello")
        let other = all.visit(get())
        all.hear(other, until: "hello")
        #expect(spans(all).map(\.trace.parentID) == [0])
        #expect(stage.leftovers() == [] && all.leftovers() == [])
    }

    @Test func `a tunnel has its span when it ends`() throws {
        var stage = try Self.stage([[.echo]])
        let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n"
        let guest = stage.visit(get(fields: upgrade + Self.parent("01")))
        stage.hear(guest, until: "101 ")
        stage.send(guest, "anything")
        stage.hear(guest, until: "anything")
        #expect(spans(stage).isEmpty)
        stage.leave(guest)
        stage.settle(patience: 5)
        let record = try #require(spans(stage).first)
        #expect(record.request.status == 101 && record.method == "GET" && record.path.isEmpty)
        #expect(record.request.reasonWord == "tunnel-closed" && !record.request.isBroken)
        #expect(record.request.attempts.map(\.number) == [1])
        #expect(parents(stage, 0) == [record.trace.spanID(attempt: 1)])
        #expect(stage.leftovers() == [])
    }

    @Test func `without export nothing is written, and each new trace is sampled`() throws {
        var stage = try Self.stage(share: nil)
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        #expect(spans(stage).isEmpty && stage.told(0).contains("-01\r\n"))
        #expect(stage.leftovers() == [])
    }

    @Test func `answers of the door have spans, and what is no request has none`() throws {
        var stage = try Self.stage([[]])
        let guest = stage.visit(get(fields: Self.parent("01")))
        stage.hear(guest, until: "HTTP/1.1 50")
        let bad = stage.visit("GET / HTTP/1.1\r\n\r\n")
        #expect(stage.hearAll(bad).hasPrefix("HTTP/1.1 400"))
        let found = spans(stage)
        #expect(found.map(\.request.reasonWord) == ["connect-refused"])
        #expect(found.first?.request.attempts.map(\.reason) == ["connect-refused"])
        #expect(found.first?.request.isBroken == true)
        #expect(stage.leftovers() == [])
    }

    @Test func `a trace is forgotten with a request that is refused behind its head`() throws {
        var stage = try Self.stage { plan in
            plan.listeners[0].trusted = [Prefix("127.0.0.0/8")].compactMap(\.self)
            plan.listeners[0].clientAddress = .forwarded
        }
        let guest = stage.visit(get(fields: Self.parent("01") + "Forwarded: for=\"\r\n"))
        stage.turn { $0.heard(guest).contains("HTTP/1.1 400") }
        #expect(stage.heard(guest).contains("HTTP/1.1 400"))
        #expect(stage.leftovers() == [])
    }
}

@Suite struct SpanRingTests {
    private func record(_ number: Int) -> SpanRecord {
        var record = SpanRecord(
            request: RequestRecord(),
            trace: TraceContext(
                traceID: UInt128(number) << 64 | 7,
                spanID: UInt64(number),
                parentID: 3,
                flags: 1
            )
        )
        record.setPath(Array("/\(number)".utf8).span)
        return record
    }

    @Test func `what goes in comes out in order, round after round`() {
        let ring = SpanRing()
        for round in 0..<5 {
            for number in 0..<700 { ring.write(record(round * 700 + number)) }
            for number in 0..<700 {
                let taken = ring.take()
                #expect(taken?.trace == record(round * 700 + number).trace)
                #expect(taken?.path == "/\(round * 700 + number)")
            }
        }
        #expect(ring.take() == nil && ring.refused == 0)
    }

    @Test func `a full ring keeps what it has, and counts what it cannot take`() {
        let ring = SpanRing()
        for number in 0..<SpanRing.capacity + 10 { ring.write(record(number)) }
        #expect(ring.refused == 10)
        #expect(ring.take()?.trace.spanID == 0)
        ring.write(record(5000))
        ring.write(record(5001))
        #expect(ring.refused == 11)
        var last: SpanRecord?
        while let next = ring.take() { last = next }
        #expect(last?.trace.spanID == 5000)
    }
}
