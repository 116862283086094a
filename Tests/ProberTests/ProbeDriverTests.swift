// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Prober
import Runtime
import Steering
import Testing

private let quick = ProbeRhythm(
    interval: .seconds(30),
    fastInterval: .milliseconds(20),
    timeout: .milliseconds(150),
    jitterPercent: 0
)

private func target(
    _ slot: Int,
    _ address: SocketAddress,
    rhythm: ProbeRhythm = quick,
    _ change: (inout HTTPQuestion) -> Void = { _ in }
) -> ProbeTarget {
    var http = HTTPQuestion(path: "/healthz")
    change(&http)
    return ProbeTarget(slot: slot, address: address, question: .http(http), rhythm: rhythm)
}

private func answer(_ body: String, status: String = "200 OK") -> [UInt8] {
    Array("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
}

/// Asks one endpoint once.
private func outcome(
    of part: Part,
    _ change: (inout HTTPQuestion) -> Void = { _ in }
) throws -> ProbeOutcome? {
    var stage = try ProbeStage()
    let address = try stage.add(part)
    stage.driver.configure([target(3, address, change)], now: Clock.monotonic())
    let results = stage.results(1)
    #expect(results.first?.slot == 3)
    let running = stage.driver.running
    let buffers = stage.driver.buffersInUse
    #expect(running == 0 && buffers == 0, "nothing is held after a probe")
    return results.first?.outcome
}

@Suite struct ProbeOutcomeTests {
    @Test func `a good answer passes, and its latency and status are told`() throws {
        var stage = try ProbeStage()
        let address = try stage.add(.answer(answer("fine")))
        let before = Clock.monotonic()
        stage.driver.configure([target(5, address)], now: before)
        let result = try #require(stage.results(1).first)
        #expect(result.outcome == .success)
        #expect(result.status == 200)
        #expect(result.latency > .zero && result.latency < .milliseconds(150))
        #expect(result.at >= before + result.latency && result.at <= Clock.monotonic())
    }

    @Test(arguments: [
        (ProxyVersion.v1, Array("PROXY UNKNOWN\r\n".utf8)),
        (.v2, Array("\r\n\r\n\u{0}\r\nQUIT\n\u{20}\u{0}\u{0}\u{0}".utf8)),
    ])
    func `a probe says that it is for nobody where endpoints want to know`(
        version: ProxyVersion,
        header: [UInt8]
    ) throws {
        var stage = try ProbeStage()
        let address = try stage.add(.answer(answer("fine")))
        var named = target(5, address)
        named.proxyHeader = version
        stage.driver.configure([named], now: Clock.monotonic())
        let result = try #require(stage.results(1).first)
        #expect(result.outcome == .success)
        #expect(stage.visitors.first?.asked.starts(with: header) == true)
    }

    @Test func `a loop that was busy meanwhile fails nobody who answers, and all who do not`()
        throws
    {
        for (part, isFine) in [(Part.answer(answer("fine")), true), (.silence, false)] {
            var stage = try ProbeStage()
            let address = try stage.add(part)
            let now = Clock.monotonic()
            stage.driver.configure([target(3, address)], now: now)
            stage.driver.expire(now: Clock.monotonic(), loop: &stage.loop)
            let started = stage.driver.statistics.started
            // The next look comes long after the timeout, before any event was handled.
            stage.driver.expire(now: Clock.monotonic() + .seconds(10), loop: &stage.loop)
            let early = stage.driver.takeResults()
            if isFine {
                let result = try #require(stage.results(1).first)
                #expect(result.outcome == .success)
            } else {
                stage.driver.expire(now: Clock.monotonic() + .seconds(20), loop: &stage.loop)
                let result = try #require(stage.driver.takeResults().first)
                #expect(result.outcome != .success)
            }
            #expect(started == 1 && early.isEmpty)
        }
    }

    @Test func `a connection kept open does not hold a finished probe`() throws {
        #expect(try outcome(of: .answerAndHold(answer("fine"))) == .success)
    }

    @Test func `nothing listening is a refused connection`() throws {
        let listener = try Socket.listen(loopback, backlog: 1, reusePort: false)
        let address = try #require(Socket.localAddress(listener))
        listener.close()
        var stage = try ProbeStage()
        let connect = ProbeTarget(slot: 1, address: address, rhythm: quick)
        stage.driver.configure([target(0, address), connect], now: Clock.monotonic())
        let results = stage.results(2)
        #expect(
            results.map(\.outcome)
                == Array(
                    repeating: .failure(.connectRefused, detail: ""),
                    count: 2
                )
        )
    }

    @Test func `a listener that accepts nobody passes a connect probe and fails a request`() throws
    {
        var stage = try ProbeStage()
        let address = try stage.add(.absence)
        let connect = ProbeTarget(slot: 0, address: address, rhythm: quick)
        stage.driver.configure([connect, target(1, address)], now: Clock.monotonic())
        let results = stage.results(2)
        #expect(results.first { $0.slot == 0 }?.outcome == .success)
        let asked = try #require(results.first { $0.slot == 1 })
        #expect(asked.outcome == .failure(.probeTimeout, detail: "no answer"))
        #expect(asked.latency >= .milliseconds(150))
    }

    @Test func `a full queue of connections is a connect timeout`() throws {
        var stage = try ProbeStage()
        let address = try stage.add(.absence, backlog: 1)
        var waiting: [FileDescriptor] = []
        defer { for fd in waiting { fd.close() } }
        for _ in 0..<6 {
            if case .inProgress(let fd) = Socket.connect(to: address) { waiting.append(fd) }
        }
        let connect = ProbeTarget(slot: 0, address: address, rhythm: quick)
        stage.driver.configure([connect], now: Clock.monotonic())
        #expect(stage.results(1).first?.outcome == .failure(.connectTimeout, detail: ""))
    }

    @Test func `a reset is told, before and inside the answer`() throws {
        let reset = ProbeOutcome.failure(.connectionReset, detail: "")
        #expect(try outcome(of: .reset([])) == reset)
        let half = Array("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nhalf".utf8)
        #expect(try outcome(of: .reset(half)) == reset)
    }

    @Test func `garbage, a wrong status and a missing text each say so`() throws {
        guard case .failure(.malformedResponse, _)? = try outcome(of: .answer([0, 1, 2, 13, 10]))
        else {
            Issue.record("garbage passed")
            return
        }
        #expect(
            try outcome(of: .answer(answer("", status: "500 Oops")))
                == .failure(.status500, detail: "status 500")
        )
        let missing = try outcome(of: .answer(answer("red"))) { $0.bodyContains = "green" }
        #expect(missing == .failure(.bodyMismatch, detail: "text not found"))
    }

    @Test func `a deep check names the dependency that fails`() throws {
        let body = #"{"status":"fail","checks":{"db":{"status":"fail"},"disk":{"status":"ok"}}}"#
        #expect(
            try outcome(of: .answer(answer(body, status: "503 Service Unavailable")))
                == .failure(.dependency, detail: "db=fail")
        )
    }

    @Test func `an expression finds its match across the pieces of a chunked body`() throws {
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "4\r\nbuil\r\n6;x=y\r\nd 1234\r\n0\r\nX: y\r\n\r\n"
        let expression = try RegularExpression("^build [0-9]{4}$")
        #expect(
            try outcome(of: .answer(Array(chunked.utf8))) { $0.bodyExpression = expression }
                == .success
        )
        #expect(
            try outcome(of: .drip(Array(chunked.utf8))) { $0.bodyExpression = expression }
                == .success
        )
    }

    @Test func `a huge body is read to the limit and no further`() throws {
        let huge = answer("start" + String(repeating: "x", count: 200_000))
        #expect(
            try outcome(of: .answerAndHold(huge)) {
                $0.bodyContains = "start"
                $0.readLimit = 10_000
            } == .success
        )
        #expect(
            try outcome(of: .answerAndHold(huge)) {
                $0.bodyContains = "end"
                $0.readLimit = 100_000
            } == .failure(.bodyMismatch, detail: "text not found")
        )
    }

    @Test func `a body that drips ends with the timeout of the whole probe`() throws {
        let slow = answer(String(repeating: "x", count: 500_000))
        #expect(
            try outcome(of: .drip(slow), { $0.readLimit = 1 << 20 })
                == .failure(.probeTimeout, detail: "status 200, body unfinished")
        )
    }
}

@Suite struct ProbeDriverTests {
    @Test func `a target that stays keeps its schedule when others come and go`() throws {
        var stage = try ProbeStage()
        let a = try stage.add(.answer(answer("a")))
        let b = try stage.add(.answer(answer("b")))
        stage.driver.configure([target(0, a), target(1, b)], now: Clock.monotonic())
        _ = stage.results(2)
        for round in 0..<20 {
            stage.driver.configure(
                round.isMultiple(of: 2) ? [target(0, a)] : [target(0, a), target(1, b)],
                now: Clock.monotonic()
            )
            if !round.isMultiple(of: 2) {
                #expect(stage.results(1).map(\.slot) == [1])
            }
        }
        #expect(stage.endpoints[0].requests == 1, "asked once, and again in 30 s")
        #expect(stage.endpoints[1].requests == 11)
    }

    @Test func `another question is asked at once, and the old answer no longer counts`() throws {
        var stage = try ProbeStage()
        let address = try stage.add(.answer(answer("a")))
        stage.driver.configure([target(0, address)], now: Clock.monotonic())
        stage.turn { $0.driver.statistics.passed == 1 }
        stage.driver.configure(
            [target(0, address) { $0.bodyContains = "b" }],
            now: Clock.monotonic()
        )
        let results = stage.results(1)
        #expect(results.map(\.outcome) == [.failure(.bodyMismatch, detail: "text not found")])
        stage.driver.configure(
            [
                target(0, address, rhythm: ProbeRhythm(interval: .seconds(60))) {
                    $0.bodyContains = "b"
                }
            ],
            now: Clock.monotonic()
        )
        #expect(stage.endpoints[0].requests == 2, "another rhythm is no other question")
    }

    @Test func `a target that goes has its connection closed and says nothing more`() throws {
        var stage = try ProbeStage()
        let silent = try stage.add(.silence)
        stage.driver.configure([target(0, silent)], now: Clock.monotonic())
        #expect(stage.turn { $0.openVisitors == 1 })
        #expect(stage.driver.running == 1)
        stage.driver.configure([], now: Clock.monotonic())
        #expect(stage.driver.running == 0)
        #expect(stage.driver.count == 0)
        #expect(stage.turn { $0.openVisitors == 0 }, "the endpoint sees the end")
        #expect(stage.driver.takeResults().isEmpty)
        #expect(stage.driver.nextDeadline() == .never)
    }

    @Test func `results of a slot that goes are dropped`() throws {
        var stage = try ProbeStage()
        let address = try stage.add(.answer(answer("a")))
        stage.driver.configure([target(0, address), target(1, address)], now: Clock.monotonic())
        stage.turn { $0.driver.statistics.passed == 2 }
        stage.driver.configure([target(1, address)], now: Clock.monotonic())
        #expect(stage.driver.takeResults().map(\.slot) == [1])
    }

    @Test func `more targets than probes may run are asked in turn`() throws {
        var stage = try ProbeStage(concurrentProbes: 4)
        let address = try stage.add(.answer(answer("a")))
        let many = (0..<200).map { target($0, address) }
        stage.driver.configure(many, now: Clock.monotonic())
        var most = 0
        var slots: Set<Int> = []
        stage.turn { stage in
            most = max(most, stage.driver.running)
            slots.formUnion(
                stage.driver.takeResults().filter { $0.outcome == .success }.map(\.slot)
            )
            return slots.count == 200
        }
        #expect(slots.count == 200)
        #expect(most <= 4)
        #expect(stage.driver.statistics.delayed > 0)
    }

    @Test func `a state that changes is asked at the fast interval until it is settled`() throws {
        var stage = try ProbeStage()
        let address = try stage.add(.answer(answer("a")))
        stage.driver.configure([target(0, address)], now: Clock.monotonic())
        _ = stage.results(1)
        stage.driver.setChanging(true, slot: 0, now: Clock.monotonic())
        let fast = stage.results(3)
        #expect(fast.count == 3)
        #expect(zip(fast, fast.dropFirst()).allSatisfy { $1.at - $0.at < .seconds(1) })
        stage.driver.setChanging(false, slot: 0, now: Clock.monotonic())
        #expect(stage.driver.nextDeadline() > Clock.monotonic())
        #expect(stage.endpoints[0].requests == 4)
    }

    @Test func `an endpoint can be asked out of turn`() throws {
        var stage = try ProbeStage()
        let address = try stage.add(.answer(answer("a")))
        stage.driver.configure([target(0, address)], now: Clock.monotonic())
        _ = stage.results(1)
        stage.driver.probeNow(slot: 0, now: Clock.monotonic())
        stage.driver.probeNow(slot: 99, now: Clock.monotonic())
        #expect(stage.results(1).map(\.outcome) == [.success])
    }

    @Test func `a stale event of a finished probe touches nobody`() throws {
        var stage = try ProbeStage()
        let address = try stage.add(.answer(answer("a")))
        let rhythm = ProbeRhythm(
            interval: .milliseconds(2),
            fastInterval: .milliseconds(2),
            timeout: .milliseconds(500),
            jitterPercent: 50
        )
        // The same few places are used again and again, within one batch of events too.
        let many = (0..<30).map { target($0, address, rhythm: rhythm) }
        stage.driver.configure(many, now: Clock.monotonic())
        let results = stage.results(3_000)
        #expect(results.count >= 3_000)
        #expect(results.allSatisfy { $0.outcome == .success })
    }
}
