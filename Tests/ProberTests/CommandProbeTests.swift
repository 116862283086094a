// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering
import Testing

@testable import Prober

/// A driver whose commands are run by the test itself.
private struct CommandStage: ~Copyable {
    var loop: EventLoop
    var driver: ProbeDriver
    let runner: FileDescriptor
    var orders: [CommandOrder] = []

    init(commands: Int = 32) throws {
        let (ours, theirs) = try Socket.pair()
        self.init(try EventLoop(), ours, theirs, commands)
    }

    private init(
        _ loop: consuming EventLoop,
        _ ours: FileDescriptor,
        _ theirs: FileDescriptor,
        _ commands: Int
    ) {
        self.loop = loop
        driver = ProbeDriver(now: Clock.monotonic(), seed: 3)
        driver.concurrentCommands = commands
        runner = theirs
        driver.commands.attach(ours, loop: &self.loop)
        driver.commands.machine.started()
    }

    deinit { runner.close() }

    func tell(_ news: CommandNews) { _ = Socket.send(runner, news.message.span) }

    /// Turns the loop until `isDone` or 5 s have gone; true when it was done.
    mutating func turn(until isDone: (inout CommandStage) -> Bool) -> Bool {
        let limit = Clock.monotonic() + .seconds(5)
        while Clock.monotonic() < limit {
            driver.expire(now: Clock.monotonic(), loop: &loop)
            hear()
            if isDone(&self) { return true }
            let count = loop.wait(timeoutMilliseconds: 2)
            for index in 0..<count {
                driver.handle(loop.event(index), loop: &loop, now: Clock.monotonic())
            }
        }
        return false
    }

    private mutating func hear() {
        while true {
            let bytes = [UInt8](capacity: 65_536) { _ = Socket.receive(runner, into: &$0) }
            guard let order = CommandOrder(message: bytes) else { return }
            orders.append(order)
        }
    }

    /// The numbers of the runs that were ordered.
    var runs: [UInt64] {
        orders.compactMap { if case .run(let run) = $0 { run.number } else { nil } }
    }

    mutating func result() -> ProbeResult? {
        var taken: [ProbeResult] = []
        _ = turn { stage in
            taken += stage.driver.takeResults()
            return !taken.isEmpty
        }
        return taken.first
    }
}

private func target(_ slot: Int, timeout: Interval = .milliseconds(60)) -> ProbeTarget {
    ProbeTarget(
        slot: slot,
        address: SocketAddress(IPAddress(v4: 0x7f00_0001), port: 9),
        question: .command(
            CommandQuestion(program: "/bin/check", arguments: ["-a"], environment: ["B=c"])
        ),
        rhythm: ProbeRhythm(
            interval: .milliseconds(80),
            fastInterval: .milliseconds(20),
            timeout: timeout,
            jitterPercent: 0
        )
    )
}

@Suite struct CommandProbeTests {
    @Test func `a command is ordered, and its end is the verdict`() throws {
        var stage = try CommandStage()
        stage.driver.configure([target(4)], now: Clock.monotonic())
        #expect(stage.turn { !$0.runs.isEmpty })
        guard case .run(let run)? = stage.orders.first else {
            Issue.record("no order")
            return
        }
        #expect(run.program == "/bin/check" && run.arguments == ["-a"])
        #expect(run.environment == ["B=c"])
        #expect(run.timeout == .milliseconds(60))
        #expect(stage.driver.runningCommands == 1)
        stage.tell(.started(run.number, group: 0))
        stage.tell(.ended(run.number, .exited(0), said: "fine"))
        let told = stage.result()
        let result = try #require(told)
        #expect(result.slot == 4 && result.outcome == .success && result.said == "fine")
        #expect(result.role == .unknown)
        #expect(stage.driver.runningCommands == 0)
    }

    @Test func `a shortage says nothing of the endpoint, another refusal does`() throws {
        var stage = try CommandStage()
        stage.driver.configure([target(4)], now: Clock.monotonic())
        #expect(stage.turn { !$0.runs.isEmpty })
        stage.tell(.refused(1, reason: "no processes", isShortage: true))
        #expect(stage.turn { $0.runs.count == 2 }, "it is tried again")
        #expect(stage.driver.takeResults().isEmpty)
        #expect(stage.driver.statistics.starved == 1)
        stage.tell(.refused(2, reason: "No such file", isShortage: false))
        let failure = ProbeOutcome.failure(.commandUnusable, detail: "No such file")
        #expect(stage.result()?.outcome == failure)
        // The same, once its process is there and has found out by itself.
        #expect(stage.turn { $0.runs.count == 3 })
        stage.tell(.started(3, group: 0))
        stage.tell(.notBegun(3, reason: "No such file", isShortage: false))
        #expect(stage.result()?.outcome == failure)
        #expect(stage.driver.runningCommands == 0)
    }

    @Test func `a silent runner holds up no verdict, and no target is asked twice at a time`()
        throws
    {
        var stage = try CommandStage()
        stage.driver.configure([target(4)], now: Clock.monotonic())
        #expect(stage.turn { !$0.runs.isEmpty })
        let silent = ProbeOutcome.failure(.probeTimeout, detail: "still running")
        #expect(stage.result()?.outcome == silent)
        // The next turn has come long ago.
        let until = Clock.monotonic() + .milliseconds(300)
        _ = stage.turn { _ in Clock.monotonic() >= until }
        #expect(stage.runs == [1])
        stage.tell(.ended(1, .signaled(9), said: ""))
        #expect(stage.turn { $0.runs == [1, 2] }, "its end starts the next one")
        #expect(stage.driver.takeResults().isEmpty, "one verdict for one run")
    }

    @Test func `a command that cannot be ended fails its probe at every turn`() throws {
        var stage = try CommandStage()
        stage.driver.configure([target(4)], now: Clock.monotonic())
        #expect(stage.turn { !$0.runs.isEmpty })
        stage.tell(.late(1, said: "waiting"))
        let late = ProbeOutcome.failure(.probeTimeout, detail: "still running: waiting")
        #expect(stage.result()?.outcome == late)
        stage.driver.runs[1]?.lastsUntil = Clock.monotonic()
        let stuck = ProbeOutcome.failure(.probeTimeout, detail: "a former command cannot be ended")
        #expect(stage.result()?.outcome == stuck)
        #expect(stage.result()?.outcome == stuck)
        #expect(stage.runs == [1])
        #expect(stage.orders.contains(.ping), "the runner is asked whether it lives")
    }

    @Test func `what ran when the runner went has failed`() throws {
        var stage = try CommandStage()
        stage.driver.configure([target(4, timeout: .seconds(9))], now: Clock.monotonic())
        #expect(stage.turn { !$0.runs.isEmpty })
        // Nonsense is as good as an end.
        _ = Socket.send(stage.runner, Array("?".utf8).span)
        let count = stage.loop.wait(timeoutMilliseconds: 1_000)
        for index in 0..<count {
            stage.driver.handle(stage.loop.event(index), loop: &stage.loop, now: Clock.monotonic())
        }
        let results = stage.driver.takeResults()
        #expect(
            results.map(\.outcome) == [.failure(.commandLost, detail: "its process has gone")]
        )
        #expect(stage.driver.takeCommandEvents() == [.lost(running: 1, again: .zero)])
        #expect(stage.driver.runningCommands == 0)
    }

    @Test func `others wait while as many run as may`() throws {
        var stage = try CommandStage(commands: 1)
        let both = [target(1, timeout: .seconds(9)), target(2, timeout: .seconds(9))]
        stage.driver.configure(both, now: Clock.monotonic())
        #expect(stage.turn { !$0.runs.isEmpty })
        let until = Clock.monotonic() + .milliseconds(50)
        _ = stage.turn { _ in Clock.monotonic() >= until }
        #expect(stage.runs == [1])
        #expect(stage.driver.statistics.commandsDelayed == 1)
        stage.tell(.ended(1, .exited(0), said: ""))
        #expect(stage.turn { $0.runs == [1, 2] })
    }

    @Test func `what cannot be ended keeps no place of others, up to as many again`() throws {
        var stage = try CommandStage(commands: 1)
        let all = (1...3).map { target($0, timeout: .seconds(9)) }
        stage.driver.configure(all, now: Clock.monotonic())
        #expect(stage.turn { !$0.runs.isEmpty })
        stage.tell(.started(1, group: 7_654_321))
        #expect(stage.turn { $0.driver.runs[1]?.group == 7_654_321 })
        stage.driver.runs[1]?.lastsUntil = Clock.monotonic()
        stage.driver.nextStuck = Clock.monotonic()
        #expect(stage.turn { $0.runs == [1, 2] })
        #expect(stage.driver.takeCommandEvents() == [.stuck(process: 7_654_321, count: 1)])
        stage.driver.runs[2]?.lastsUntil = Clock.monotonic()
        stage.driver.nextStuck = Clock.monotonic()
        #expect(stage.turn { $0.driver.runs.values.allSatisfy { $0.isStuck } })
        let until = Clock.monotonic() + .milliseconds(50)
        _ = stage.turn { _ in Clock.monotonic() >= until }
        #expect(stage.runs == [1, 2], "there is a bound")
        #expect(stage.driver.takeCommandEvents().count == 1, "each is told once")
        stage.tell(.ended(1, .signaled(9), said: ""))
        #expect(stage.turn { $0.runs.count == 3 })
    }

    @Test func `a target that stands in line for a command, and asks otherwise now, is free`()
        throws
    {
        var stage = try CommandStage(commands: 1)
        let both = [target(1, timeout: .seconds(9)), target(2, timeout: .seconds(9))]
        stage.driver.configure(both, now: Clock.monotonic())
        #expect(stage.turn { $0.driver.statistics.commandsDelayed == 1 && !$0.runs.isEmpty })
        var other = target(2)
        other.question = .http(HTTPQuestion(path: "/"))
        stage.driver.configure([both[0], other], now: Clock.monotonic())
        // Nothing listens there, and the command goes on.
        let told = stage.result()
        let result = try #require(told)
        #expect(result.slot == 2 && stage.runs == [1])
    }

    @Test func `another question ends what runs, and is asked after it`() throws {
        var stage = try CommandStage()
        stage.driver.configure([target(1, timeout: .seconds(9))], now: Clock.monotonic())
        #expect(stage.turn { !$0.runs.isEmpty })
        var other = target(1, timeout: .seconds(9))
        other.question = .command(CommandQuestion(program: "/bin/other"))
        stage.driver.configure([other], now: Clock.monotonic())
        #expect(stage.turn { $0.orders.contains(.stop(1)) })
        #expect(stage.runs == [1])
        stage.tell(.ended(1, .exited(0), said: "stale"))
        #expect(stage.turn { $0.runs == [1, 2] })
        #expect(stage.driver.takeResults().isEmpty, "the answer to another question")
        // A target that goes leaves its command to be ended, and its number to nobody.
        stage.driver.configure([], now: Clock.monotonic())
        #expect(stage.driver.count == 0)
        #expect(stage.driver.runningCommands == 1)
    }
}
