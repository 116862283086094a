// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// Keeps the service alive: `martlet run`.
///
/// Opens the listening sockets, starts the serving process and starts it again when it ends. A
/// trap in Swift ends a process; with the sockets held here it ends only the requests in hand.
/// Between events it sleeps, and it touches nothing that a client sent.
public enum Supervisor {
    /// Runs the service until it is told to stop; returns the exit code.
    public static func run(configuration path: String) -> Int32 {
        _ = ProcessControl.raiseFileLimit()
        // Looking for names of functions after a trap would take seconds of the restart.
        ProcessControl.setEnvironment("SWIFT_BACKTRACE", "enable=no")
        do throws(StartRefusal) {
            let plan = try StartPlan.make(path: path)
            for note in plan.notes { ProcessControl.printError(note) }
            // What the configuration became here was only to see that it is one.
            ProcessControl.returnFreeMemory()
            var loop = try SupervisorLoop(try SupervisorLoop.keeper(plan))
            return loop.run()
        } catch {
            for line in error.lines { ProcessControl.printError(line) }
            return error.exitCode
        }
    }

    /// Goes on where the program left off that this one has replaced; returns the exit code.
    public static func resume(_ place: String) -> Int32 {
        do throws(StartRefusal) {
            let handover = try Handover.receive(place)
            var loop = try SupervisorLoop(try handover.keeper())
            loop.adopt(handover)
            return loop.run()
        } catch {
            for line in error.lines { ProcessControl.printError(line) }
            return error.exitCode
        }
    }
}

/// The supervisor's one loop: signals, serving processes, and times to start or to kill them.
struct SupervisorLoop: ~Copyable {
    static let signalsToken: UInt64 = 1
    static let linkToken: UInt64 = 2

    let keeper: ServiceKeeper
    var loop: EventLoop
    private let signals: FileDescriptor
    /// The process that serves.
    var child: ServiceChild?
    /// The process that is to take over.
    var fresh: ServiceChild?
    /// Processes that finish what they have.
    var retiring: [ServiceChild] = []
    var upgrade = Upgrade.none
    /// What a serving process is started from.
    var program = ServiceChild.sameProgram
    private var machine = RestartMachine()
    /// When the next serving process is started.
    private var startAt = Instant.start
    var isStopping = false
    var reloadsNext = false
    private var exitCode: Int32?
    /// How the serving process ended that was told to stop.
    private var stopCode: Int32 = 0

    init(_ keeper: ServiceKeeper) throws(StartRefusal) {
        let signals = try SupervisorLoop.system { () throws(SystemError) in
            try ProcessControl.watch(signals: Signal.watched)
        }
        loop = try SupervisorLoop.system { () throws(SystemError) in try EventLoop() }
        self.keeper = keeper
        self.signals = signals
        loop.add(signals, token: SupervisorLoop.signalsToken, interest: .read)
    }

    private static func system<Value: ~Copyable>(
        _ body: () throws(SystemError) -> Value
    ) throws(StartRefusal) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw StartRefusal(exitCode: 1, lines: ["martlet: \(error)"])
        }
    }

    static func keeper(_ plan: StartPlan) throws(StartRefusal) -> ServiceKeeper {
        do throws(ReloadProblem) {
            return try ServiceKeeper(plan: plan)
        } catch {
            throw StartRefusal(exitCode: 1, lines: [error.text])
        }
    }

    mutating func run() -> Int32 {
        // Whoever ended while the program was replaced.
        reap()
        while true {
            if let exitCode { return exitCode }
            let now = Clock.monotonic()
            if child == nil, !isStopping, now >= startAt { start(now) }
            killLate(now)
            let next = min(child == nil && !isStopping ? startAt : .never, upgrade.deadline)
            let kill = all.map(\.killAt).min() ?? .never
            let count = loop.wait(
                timeoutMilliseconds: SupervisorLoop.milliseconds(min(next, kill), now)
            )
            for index in 0..<count {
                let token = loop.event(index).token
                switch token & 0xff {
                case SupervisorLoop.signalsToken: takeSignals()
                default: _ = serve(Int32(truncatingIfNeeded: token >> 8))
                }
            }
            // Last: what came in time may have waited behind other work.
            if Clock.monotonic() >= upgrade.deadline { upgradeTooLate() }
        }
    }

    private static func milliseconds(_ deadline: Instant, _ now: Instant) -> Int {
        deadline == .never ? -1 : Int(clamping: max((deadline - now).milliseconds, 0) + 1)
    }

    /// Every serving process there is.
    private var all: [ServiceChild] { [child, fresh].compactMap(\.self) + retiring }

    /// Listens to a serving process.
    mutating func watch(_ process: ServiceChild) {
        let token = UInt64(UInt32(bitPattern: process.identifier)) << 8 | SupervisorLoop.linkToken
        loop.add(process.link, token: token, interest: .read)
    }

    private mutating func start(_ now: Instant) {
        do throws(SystemError) {
            let process = try ServiceChild(program: program)
            watch(process)
            child = process
            if reloadsNext { process.order(.reload) }
            reloadsNext = false
        } catch {
            ProcessControl.printError("martlet: cannot start the serving process: \(error)")
            startAt = now + machine.ended(.crashed, now: now)
        }
    }

    /// Answers one request; false when the process has gone, or is going.
    private mutating func serve(_ identifier: Int32) -> Bool {
        guard let process = all.first(where: { $0.identifier == identifier }) else { return false }
        guard let request = process.receive() else {
            // The end itself is told by SIGCHLD.
            loop.remove(process.link)
            return false
        }
        let isAnswered = process.answer(reply(to: request, of: process))
        // One that died after it said so serves nobody: the former one stays.
        if case .serving = request, !isAnswered { return false }
        follow(request, of: process)
        return isAnswered
    }

    private mutating func takeSignals() {
        while let signal = ProcessControl.nextSignal(signals) {
            switch signal {
            case Signal.terminate, Signal.interrupt, Signal.quit: stop()
            case Signal.hangUp:
                reloadsNext = child == nil || upgrade != .none
                if !reloadsNext { child?.order(.reload) }
            case Signal.user1: for process in all { process.order(.reopenLogs) }
            case Signal.user2:
                if let refusal = upgradeRefusal {
                    ProcessControl.printError("martlet: SIGUSR2: no upgrade: \(refusal)")
                } else {
                    beginUpgrade()
                }
            default: reap()
            }
        }
    }

    private mutating func stop() {
        let now = Clock.monotonic()
        if isStopping {
            for process in all {
                process.order(.stopNow)
                process.killAt = min(process.killAt, now + .seconds(1))
            }
            return
        }
        isStopping = true
        if upgrade != .none { failUpgrade("the service is stopping") }
        child?.order(.stop)
        keeper.closeDoors()
        // The serving process keeps the deadline itself; this is for one that hangs.
        child?.killAt = now + keeper.image.grace + .seconds(5)
        endIfDone()
    }

    private mutating func killLate(_ now: Instant) {
        for process in all where process.killAt <= now {
            process.killAt = .never
            ProcessControl.signal(Signal.kill, to: process.identifier)
        }
    }

    private mutating func reap() {
        while let (identifier, end) = ProcessControl.reap() {
            guard let process = all.first(where: { $0.identifier == identifier }) else { continue }
            // What it said last may still wait in the socket, before the end of the stream.
            while serve(identifier) {}
            if process === fresh {
                fresh = nil
                let text = SupervisorLoop.describe(end)
                failUpgrade("the new serving process \(text) before it was ready")
            } else if process === child {
                child = nil
                let text = SupervisorLoop.describe(end)
                if upgrade != .none { failUpgrade("the present serving process \(text)") }
                ended(end)
            } else {
                retiring.removeAll { $0 === process }
                let how = end == .exited(0) ? "has ended" : SupervisorLoop.describe(end)
                ProcessControl.printError(
                    "martlet: the former serving process \(identifier) \(how)"
                )
            }
            endIfDone()
        }
    }

    private mutating func endIfDone() {
        if isStopping, child == nil, retiring.isEmpty { exitCode = stopCode }
    }

    private mutating func ended(_ end: ProcessEnd) {
        let now = Clock.monotonic()
        if isStopping {
            stopCode = end == .exited(0) || end == .signaled(Signal.kill) ? 0 : 1
            return
        }
        // Refused before anything served: starting it again would change nothing.
        if end == .exited(78), keeper.restarts == 0, !keeper.wasServing {
            exitCode = 78
            return
        }
        let text = SupervisorLoop.describe(end)
        let isKill = end == .signaled(Signal.kill) && keeper.isServing
        let wait = machine.ended(isKill ? .killedWhileServing : .crashed, now: now)
        let delay = wait == .zero ? "at once" : "in \(wait)"
        ProcessControl.printError("martlet: the serving process \(text); it is started \(delay)")
        keeper.noteEnd(text)
        keeper.restarts += 1
        startAt = now + wait
    }

    static func describe(_ end: ProcessEnd) -> String {
        switch end {
        case .exited(let code): "exited with code \(code)"
        case .signaled(let signal): "was ended by \(Signal.name(signal))"
        }
    }
}
